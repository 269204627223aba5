/* Command lines: one option table drives parsing, usage and complaints.
 *
 * Nothing here exits; only a program's main does. Misuse is reported as one line on stderr
 * (program, what, why, remedy) and the caller returns CLI_EXIT_USAGE. */
#ifndef TEARDOWN_COMMON_CLI_H
#define TEARDOWN_COMMON_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CLI_EXIT_OK = 0, CLI_EXIT_FAILURE = 1, CLI_EXIT_USAGE = 2 };

/* One row of the option table. A row has a letter, a long name, or both. */
struct cli_option {
  char letter;          /* 0: long name only */
  const char *name;     /* NULL: letter only */
  const char *argument; /* placeholder with its unit ("MS", "BYTES"); NULL: takes none */
  const char *help;     /* one sentence, no full stop; wrapped by cli_print_usage */
};

struct cli {
  const char *program;  /* "server": prefixes every message */
  const char *synopsis; /* "[OPTION]... [HOST [PORT]]" */
  const char *purpose;  /* one or two sentences under the synopsis */
  const struct cli_option *options;
  size_t n_options;
};

/* What cli_next returns instead of an index into the option table. */
enum { CLI_END = -1, CLI_ERROR = -2 };

/* The next option on the command line: its index in cli->options, CLI_END when only operands are
 * left (argv[optind] is the first), or CLI_ERROR after saying on stderr what is wrong, with the
 * nearest known option as remedy. *argument receives the option's argument, or NULL. */
int cli_next(const struct cli *cli, int argc, char **argv, const char **argument);

/* Usage, built from the table and wrapped to 80 columns. */
void cli_print_usage(const struct cli *cli, FILE *out);

/* One line on stderr: "PROGRAM: " and the formatted message. */
void cli_complain(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Flushes stdout after --help or --version. CLI_EXIT_OK, or CLI_EXIT_FAILURE when it could not be
 * written; says why, unless the reader just went away. */
int cli_finish(const struct cli *cli);

/* A decimal integer in [min, max]; the whole text must be the number. On failure says on stderr
 * that WHAT wants a number in that range and shows the text; *value is untouched. */
bool cli_parse_number(const struct cli *cli, const char *what, const char *text, uint64_t min,
                      uint64_t max, uint64_t *value);

/* A TCP port, 1 to 65535. */
bool cli_parse_port(const struct cli *cli, const char *what, const char *text, uint16_t *port);

/* One of the n words; its index, or -1 after saying on stderr which words are known. */
int cli_parse_word(const struct cli *cli, const char *what, const char *text,
                   const char *const *words, size_t n);

#endif
