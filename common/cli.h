/* Command lines: one row an option.
 *
 * A row says all that there is to say of an option, and everything else is made of the rows: the
 * parsing, the complaints and --help here; the list in the manual page and the completions of bash
 * and zsh by common/describe.c, when the program is built.
 *
 * Nothing here exits; only a program's main does. Misuse is reported as one line on stderr
 * (program, object, what is wrong, remedy), and the status is CLI_EXIT_USAGE. */
#ifndef TEARDOWN_COMMON_CLI_H
#define TEARDOWN_COMMON_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
  CLI_EXIT_OK = 0,
  CLI_EXIT_FAILURE = 1,
  CLI_EXIT_USAGE = 2, /* and what could not be written */
};

enum cli_kind {
  CLI_FLAG,    /* sets a bool; without a destination it is only accepted */
  CLI_COUNTED, /* a flag that may be repeated, `max` times at most: adds one to an unsigned */
  CLI_NUMBER,  /* a decimal integer from `min` to `max`, into an integer of any width */
  CLI_PORT,    /* a TCP port, into a uint16_t */
  CLI_WORD,    /* one of `word`: its index, into an enum or an int */
  CLI_TEXT,    /* whatever it is, into a const char * */
  CLI_TEXTS,   /* the same, and may be repeated, into a struct cli_texts */
};

enum { CLI_TEXTS_MAX = 64 };

struct cli_texts {
  const char *text[CLI_TEXTS_MAX];
  unsigned n;
};

/* One row. A row has a letter, a long name, or both. The placeholder is shown with the option; for
 * completion FILE is a file, IF an interface, HOST and ADDR a host. */
struct cli_option {
  char letter;          /* 0: long name only */
  const char *name;     /* NULL: letter only */
  const char *argument; /* placeholder with its unit ("MS", "BYTES"); NULL: takes none */
  enum cli_kind kind;
  size_t offset, size; /* where in the settings the value goes: CLI_AT */
  uint64_t min, max;
  const char *(*word)(unsigned index); /* NULL beyond the last */
  const char *text;                    /* one sentence, no full stop; wrapped where it is printed */
};

#define CLI_AT(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)
#define CLI_NOWHERE 0, 0

struct cli_table {
  const struct cli_option *rows;
  size_t n;
  void *settings; /* what the rows' offsets are into; holds the defaults before cli_parse */
  uint64_t given; /* a bit for each row that was on the command line, by cli_parse */
};

/* A program: its own rows, and those that it shares with another. --help and --version are added
 * to them for every one. */
enum { CLI_OWN, CLI_SHARED, CLI_STANDARD, CLI_TABLES };

struct cli {
  const char *name;             /* "server"; installed as teardown-server */
  const char *synopsis;         /* "[OPTION]... [HOST [PORT]]" */
  const char *purpose;          /* one or two sentences under the synopsis */
  const char *shown_by;         /* the program that shows what this one does, NULL */
  const char *(*library)(void); /* "libuv 1.44.2", for --version */
  struct cli_table tables[CLI_STANDARD];
  const char *called; /* argv[0], by cli_parse */
};

/* The program that is linked: each has its own, in its options.c. */
extern struct cli program_cli;

/* What cli_parse returns instead of an exit status. */
enum { CLI_GO_ON = -1 };

/* To be called before anything is opened: descriptors 0 to 2 that the program was started without
 * are reserved. Reads the options into the settings of the tables; the operands are left, from
 * argv[optind] on. CLI_GO_ON, or the exit status: CLI_EXIT_OK after --help or --version,
 * CLI_EXIT_USAGE after saying on stderr what is wrong, with the nearest known word as remedy. */
int cli_parse(struct cli *cli, int argc, char **argv);

/* The option of that long name was on the command line. */
bool cli_given(const struct cli *cli, const char *name);

/* A table by its number, CLI_STANDARD included. */
const struct cli_table *cli_table(const struct cli *cli, unsigned number);

/* What the program was called by, without folders: "server", "teardown-server". */
const char *cli_program(const struct cli *cli);

/* How another program of these three is called, from how this one was: "build/server" from
 * "build/client", "teardown-server" from "teardown-client". Returns buffer. */
enum { CLI_SIBLING_SIZE = 4096 };
const char *cli_sibling(const struct cli *cli, const char *name,
                        char buffer[static CLI_SIBLING_SIZE]);

/* Usage, built from the tables and wrapped to 80 columns. */
void cli_print_usage(const struct cli *cli, FILE *out);

/* Text on stderr as it is; a reader that does not read holds up no signal (common/stop.h). */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line on stderr: "PROGRAM: " and the formatted message. */
void cli_complain(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Flushes stdout at the end. CLI_EXIT_OK, or CLI_EXIT_USAGE after saying why; a reader that just
 * went away has seen what it wanted. */
int cli_finish(const struct cli *cli);

/* Why what had begun to be written is not whole (errno; ETIMEDOUT: its reader does not read), what
 * that means and the remedy; `buffer` may hold it. */
enum { CLI_CAUSE_SIZE = 256 };
const char *cli_write_failure(int error, char buffer[static CLI_CAUSE_SIZE]);

/* Says that stdout could not be written, for this errno. Returns CLI_EXIT_USAGE. */
int cli_complain_of_stdout(const struct cli *cli, int error);

/* A TCP port, 1 to 65535, that is no option's argument; on failure says on stderr what WHAT wants,
 * and *port is untouched. */
bool cli_parse_port(const struct cli *cli, const char *what, const char *text, uint16_t *port);

#endif
