#include "common/cli.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "common/printable.h"
#include "common/stop.h"

enum { USAGE_COLUMNS = 80, HELP_COLUMN = 26, MAX_OPTIONS = 64, MAX_NAME = 32, MAX_LINE = 2048 };

/* getopt_long values of long options, above every letter: LONG_BASE + table * MAX_OPTIONS + row. */
enum { LONG_BASE = UCHAR_MAX + 1 };

/* What every program has. */
enum { STANDARD_HELP, STANDARD_VERSION };
static const struct cli_option standard_rows[] = {
    [STANDARD_HELP] = {'h', "help", NULL, CLI_FLAG, CLI_NOWHERE,
                       .text = "print this text and exit"},
    [STANDARD_VERSION] = {'V', "version", NULL, CLI_FLAG, CLI_NOWHERE,
                          .text = "print the versions of program and library, and exit"},
};
static const struct cli_table standard = {
    .rows = standard_rows,
    .n = sizeof standard_rows / sizeof *standard_rows,
};

const struct cli_table *cli_table(const struct cli *cli, unsigned number) {
  return number == CLI_STANDARD ? &standard : &cli->tables[number];
}

/* The rows of all tables, one after the other; NULL at the end. */
struct walk {
  unsigned table;
  size_t row; /* the next */
};

static const struct cli_option *next_row(const struct cli *cli, struct walk *at) {
  while (at->table < CLI_TABLES) {
    const struct cli_table *table = cli_table(cli, at->table);
    if (at->row < table->n) return &table->rows[at->row++];
    at->table++;
    at->row = 0;
  }
  return NULL;
}

/* ---- names and messages ---- */

const char *cli_program(const struct cli *cli) {
  if (cli->called == NULL || cli->called[0] == '\0') return cli->name;
  const char *slash = strrchr(cli->called, '/');
  return slash == NULL ? cli->called : slash + 1;
}

const char *cli_sibling(const struct cli *cli, const char *name,
                        char buffer[static CLI_SIBLING_SIZE]) {
  const char *called = cli->called == NULL ? "" : cli->called;
  size_t length = strlen(called), own = strlen(cli->name);
  bool has_own_name = length >= own && strcmp(called + length - own, cli->name) == 0;
  /* Called by a name of somebody's own (a link, a copy) it cannot tell how the others are called:
   * then as they are installed. */
  if (has_own_name)
    snprintf(buffer, CLI_SIBLING_SIZE, "%.*s%s", (int)(length - own), called, name);
  else
    snprintf(buffer, CLI_SIBLING_SIZE, "teardown-%s", name);
  return buffer;
}

void cli_say(const char *format, ...) {
  char text[MAX_LINE * PRINTABLE_ESCAPE + MAX_NAME];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (n > 0) (void)stop_write(STDERR_FILENO, text, strnlen(text, sizeof text));
}

void cli_complain(const struct cli *cli, const char *format, ...) {
  char line[MAX_LINE], shown[MAX_LINE * PRINTABLE_ESCAPE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  /* It may quote what the user typed, or what a file says of itself. */
  cli_say("%s: %s\n", cli_program(cli), printable_text(line, shown, sizeof shown));
}

static const char *write_remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return "make room there, or choose another file";
    case EBADF: return "open it for writing, or choose another file";
    default: return "choose another file";
  }
}

const char *cli_write_failure(int error, char buffer[static CLI_CAUSE_SIZE]) {
  if (error == ETIMEDOUT) return "its reader does not read; what it had not taken is lost";
  snprintf(buffer, CLI_CAUSE_SIZE, "%s; the rest is lost: %s", strerror(error),
           write_remedy(error));
  return buffer;
}

int cli_complain_of_stdout(const struct cli *cli, int error) {
  cli_complain(cli, "stdout: cannot write: %s; %s", strerror(error), write_remedy(error));
  return CLI_EXIT_USAGE;
}

int cli_finish(const struct cli *cli) {
  if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE) return CLI_EXIT_OK;
  return cli_complain_of_stdout(cli, errno);
}

/* "close-wait" is as near to CLOSE_WAIT as can be. */
static int folded(char c) { return c == '_' ? '-' : tolower((unsigned char)c); }

/* Letters to insert, delete, replace or swap with their neighbour to make `typed` into `name`;
 * UINT_MAX when either is longer than any option. */
static unsigned edit_distance(const char *typed, size_t typed_length, const char *name) {
  size_t name_length = strlen(name);
  if (typed_length > MAX_NAME || name_length > MAX_NAME) return UINT_MAX;
  unsigned cost[MAX_NAME + 1][MAX_NAME + 1];
  for (size_t i = 0; i <= typed_length; i++) cost[i][0] = (unsigned)i;
  for (size_t j = 0; j <= name_length; j++) cost[0][j] = (unsigned)j;
  for (size_t i = 1; i <= typed_length; i++) {
    for (size_t j = 1; j <= name_length; j++) {
      unsigned best = cost[i - 1][j - 1] + (folded(typed[i - 1]) != folded(name[j - 1]));
      if (cost[i - 1][j] + 1 < best) best = cost[i - 1][j] + 1;
      if (cost[i][j - 1] + 1 < best) best = cost[i][j - 1] + 1;
      bool swapped = i > 1 && j > 1 && typed[i - 1] == name[j - 2] && typed[i - 2] == name[j - 1];
      if (swapped && cost[i - 2][j - 2] + 1 < best) best = cost[i - 2][j - 2] + 1;
      cost[i][j] = best;
    }
  }
  return cost[typed_length][name_length];
}

/* The nearer of two names to what was typed; NULL is near to nothing. More than one error in three
 * letters is another word, not a typo. */
struct nearest {
  const char *name;
  unsigned distance;
};

static void consider(struct nearest *nearest, const char *name, const char *typed,
                     size_t typed_length) {
  unsigned distance = edit_distance(typed, typed_length, name);
  if (nearest->name != NULL && distance >= nearest->distance) return;
  if (distance > strlen(name) / 3) return;
  *nearest = (struct nearest){name, distance};
}

static const char *nearest_name(const struct cli *cli, const char *typed, size_t typed_length) {
  struct nearest nearest = {0};
  struct walk at = {0};
  const struct cli_option *row;
  while ((row = next_row(cli, &at)) != NULL)
    if (row->name != NULL) consider(&nearest, row->name, typed, typed_length);
  return nearest.name;
}

static void complain_unknown(const struct cli *cli, const char *shown, size_t shown_length,
                             const char *typed, size_t typed_length) {
  const char *name = nearest_name(cli, typed, typed_length);
  if (name == NULL)
    cli_complain(cli, "unknown option '%.*s' (--help lists all)", (int)shown_length, shown);
  else
    cli_complain(cli, "unknown option '%.*s'; did you mean '--%s'? (--help lists all)",
                 (int)shown_length, shown, name);
}

static void complain_unknown_letter(const struct cli *cli, char letter, int argc, char **argv) {
  const char shown[] = {'-', letter};
  /* "-close" is read as letters; as a word it tells what was meant. getopt leaves the word at
   * optind until its last letter is read. */
  const char *word = argv[optind - 1];
  bool was_last = word[0] != '\0' && word[strlen(word) - 1] == letter;
  if (!was_last && optind < argc) word = argv[optind];
  bool is_word = word[0] == '-' && strlen(word) > 2;
  if (!is_word) word = "-";
  complain_unknown(cli, shown, sizeof shown, word + 1, strlen(word) - 1);
}

static void complain_unknown_word(const struct cli *cli, const char *word) {
  size_t length = strcspn(word, "=");
  const char *typed = word + 2;
  size_t typed_length = length - 2;
  char candidates[256] = "";
  size_t used = 0;
  unsigned n = 0;
  struct walk at = {0};
  const struct cli_option *row;
  while ((row = next_row(cli, &at)) != NULL) {
    if (row->name == NULL || strncmp(row->name, typed, typed_length) != 0) continue;
    n++;
    int added = snprintf(candidates + used, sizeof candidates - used, " --%s", row->name);
    used += (size_t)added;
    if (used >= sizeof candidates) used = sizeof candidates - 1;
  }
  if (n > 1)
    cli_complain(cli, "option '%.*s' is ambiguous; one of:%s", (int)length, word, candidates);
  else
    complain_unknown(cli, word, length, typed, typed_length);
}

/* ---- usage ---- */

/* Prints words from `column` on; lines after the first begin at `indent`. Ends the line. */
static void print_wrapped(FILE *out, const char *text, size_t column, size_t indent) {
  bool first = true;
  while (*text != '\0') {
    size_t length = strcspn(text, " ");
    if (!first && column + 1 + length > USAGE_COLUMNS) {
      fprintf(out, "\n%*s", (int)indent, "");
      column = indent;
    } else if (!first) {
      fputc(' ', out);
      column++;
    }
    fprintf(out, "%.*s", (int)length, text);
    column += length;
    text += length;
    text += strspn(text, " ");
    first = false;
  }
  fputc('\n', out);
}

static void print_row(const struct cli_option *row, FILE *out) {
  int printed = row->letter != 0 ? fprintf(out, "  -%c", row->letter) : fprintf(out, "    ");
  if (row->name != NULL)
    printed += fprintf(out, "%s --%s", row->letter != 0 ? "," : " ", row->name);
  if (row->argument != NULL) printed += fprintf(out, " %s", row->argument);
  size_t column = (size_t)printed;
  if (column + 2 > HELP_COLUMN) {
    fputc('\n', out);
    column = 0;
  }
  fprintf(out, "%*s", (int)(HELP_COLUMN - column), "");
  print_wrapped(out, row->text, HELP_COLUMN, HELP_COLUMN);
}

void cli_print_usage(const struct cli *cli, FILE *out) {
  char text[MAX_LINE], sibling[CLI_SIBLING_SIZE];
  size_t column = (size_t)fprintf(out, "Usage: %s ", cli_program(cli));
  print_wrapped(out, cli->synopsis, column, column);
  snprintf(text, sizeof text, "%s", cli->purpose);
  if (cli->shown_by != NULL)
    snprintf(text, sizeof text, "%s Watch it with %s.", cli->purpose,
             cli_sibling(cli, cli->shown_by, sibling));
  print_wrapped(out, text, 0, 0);
  fputc('\n', out);
  struct walk at = {0};
  const struct cli_option *row;
  while ((row = next_row(cli, &at)) != NULL) print_row(row, out);
}

/* ---- values ---- */

/* Digits only: no sign, no space, no 0x, which strtoull would all let pass. */
static bool parse_digits(const char *text, uint64_t *value) {
  uint64_t result = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return false;
    unsigned digit = (unsigned)(*text - '0');
    if (result > (UINT64_MAX - digit) / 10) return false;
    result = result * 10 + digit;
  }
  *value = result;
  return true;
}

static bool parse_range(const char *text, uint64_t min, uint64_t max, uint64_t *value) {
  uint64_t parsed;
  if (!parse_digits(text, &parsed) || parsed < min || parsed > max) return false;
  *value = parsed;
  return true;
}

bool cli_parse_port(const struct cli *cli, const char *what, const char *text, uint16_t *port) {
  uint64_t value;
  if (!parse_range(text, 1, UINT16_MAX, &value)) {
    cli_complain(cli, "%s wants a TCP port from 1 to 65535, not '%s'", what, text);
    return false;
  }
  *port = (uint16_t)value;
  return true;
}

/* Says "close, shutdown or reset" of all words. */
static void list_words(const struct cli_option *row, char *known, size_t size) {
  size_t used = 0;
  known[0] = '\0';
  for (unsigned i = 0; row->word(i) != NULL; i++) {
    const char *separator = i == 0 ? "" : row->word(i + 1) == NULL ? " or " : ", ";
    used += (size_t)snprintf(known + used, size - used, "%s%s", separator, row->word(i));
    if (used >= size) used = size - 1;
  }
}

/* "'FIN_WAIT_1' or 'FIN_WAIT_2'": the words at that distance. */
static void list_as_near(const struct cli_option *row, const char *text, unsigned distance,
                         char *buffer, size_t size) {
  size_t used = 0;
  for (unsigned i = 0; row->word(i) != NULL && used < size; i++)
    if (edit_distance(text, strlen(text), row->word(i)) == distance)
      used += (size_t)snprintf(buffer + used, size - used, "%s'%s'", used > 0 ? " or " : "",
                               row->word(i));
}

/* Its index, or -1 after complaining. */
static int parse_word(const struct cli *cli, const char *typed, const struct cli_option *row,
                      const char *text) {
  enum { FEW = 16 };
  struct nearest nearest = {0};
  char known[MAX_LINE], near[MAX_LINE] = "";
  unsigned n = 0;
  for (; row->word(n) != NULL; n++) {
    if (strcmp(text, row->word(n)) == 0) return (int)n;
    consider(&nearest, row->word(n), text, strlen(text));
  }
  list_words(row, known, sizeof known);
  if (nearest.name != NULL) list_as_near(row, text, nearest.distance, near, sizeof near);
  const char *ask = *near ? "; did you mean " : "", *mark = *near ? "?" : "";
  if (n <= FEW)
    cli_complain(cli, "%s wants %s, not '%s'%s%s%s", typed, known, text, ask, near, mark);
  else /* what was typed would be lost behind so many */
    cli_complain(cli, "%s: there is no '%s'%s%s%s; there are %s", typed, text, ask, near, mark,
                 known);
  return -1;
}

/* The value fits by the bounds of its row. */
static void store_integer(void *to, size_t size, uint64_t value) {
  switch (size) {
    case sizeof(uint16_t): *(uint16_t *)to = (uint16_t)value; return;
    case sizeof(uint32_t): memcpy(to, &(uint32_t){(uint32_t)value}, size); return;
    case sizeof(uint64_t): memcpy(to, &value, size); return;
    default: /* no other integer is a setting */ assert(false);
  }
}

/* Puts the argument where the row says. `typed` is the option as it was typed. False after
 * complaining. */
static bool apply(const struct cli *cli, const struct cli_option *row, void *settings,
                  const char *typed, const char *text) {
  void *to = (char *)settings + row->offset;
  uint64_t value;
  int index;
  switch (row->kind) {
    case CLI_FLAG:
      if (row->size == sizeof(bool)) *(bool *)to = true;
      return true;
    case CLI_COUNTED:
      if (*(unsigned *)to == row->max) {
        cli_complain(cli, "%s is given more than %ju times; that is the most", typed,
                     (uintmax_t)row->max);
        return false;
      }
      ++*(unsigned *)to;
      return true;
    case CLI_NUMBER:
      if (!parse_range(text, row->min, row->max, &value)) {
        cli_complain(cli, "%s wants a whole number from %ju to %ju, not '%s'", typed,
                     (uintmax_t)row->min, (uintmax_t)row->max, text);
        return false;
      }
      store_integer(to, row->size, value);
      return true;
    case CLI_PORT: return cli_parse_port(cli, typed, text, to);
    case CLI_WORD:
      index = parse_word(cli, typed, row, text);
      if (index >= 0) store_integer(to, row->size, (uint64_t)index);
      return index >= 0;
    case CLI_TEXT: *(const char **)to = text; return true;
    case CLI_TEXTS: {
      struct cli_texts *texts = to;
      if (texts->n == CLI_TEXTS_MAX) {
        cli_complain(cli, "%s is given more than %d times; that is the most", typed, CLI_TEXTS_MAX);
        return false;
      }
      texts->text[texts->n++] = text;
      return true;
    }
  }
  return false;
}

/* ---- the command line ---- */

/* A row's place. */
struct place {
  unsigned table;
  size_t row;
};

static struct place place_of(const struct cli *cli, int value) {
  if (value >= LONG_BASE)
    return (struct place){(unsigned)(value - LONG_BASE) / MAX_OPTIONS,
                          (size_t)(value - LONG_BASE) % MAX_OPTIONS};
  struct walk at = {0};
  const struct cli_option *row;
  while ((row = next_row(cli, &at)) != NULL && row->letter != value) continue;
  assert(row != NULL);
  return (struct place){at.table, at.row - 1};
}

static const struct cli_option *row_at(const struct cli *cli, struct place at) {
  return &cli_table(cli, at.table)->rows[at.row];
}

/* "--port" or "-p", the way it was typed. */
static void format_typed(const struct cli *cli, int value, char *text, size_t size) {
  if (value >= LONG_BASE)
    snprintf(text, size, "--%s", row_at(cli, place_of(cli, value))->name);
  else
    snprintf(text, size, "-%c", value);
}

/* What getopt_long wants to know, made of the rows. */
struct grammar {
  struct option words[CLI_TABLES * MAX_OPTIONS + 1];
  char letters[2 * CLI_TABLES * MAX_OPTIONS + 2];
};

static void make_grammar(const struct cli *cli, struct grammar *grammar) {
  char *letter = grammar->letters;
  struct option *word = grammar->words;
  struct walk at = {0};
  const struct cli_option *row;
  *letter++ = ':'; /* a missing argument is told apart from an unknown option */
  while ((row = next_row(cli, &at)) != NULL) {
    bool takes_argument = row->argument != NULL;
    assert(at.row <= MAX_OPTIONS);
    if (row->letter != 0) {
      *letter++ = row->letter;
      if (takes_argument) *letter++ = ':';
    }
    if (row->name != NULL)
      *word++ = (struct option){row->name, takes_argument ? required_argument : no_argument, NULL,
                                LONG_BASE + (int)(at.table * MAX_OPTIONS + at.row - 1)};
  }
  *letter = '\0';
  *word = (struct option){0};
}

static void complain_of_option(const struct cli *cli, int value, int argc, char **argv) {
  char typed[MAX_NAME + 3];
  bool is_known = value == ':' || optopt >= LONG_BASE;
  if (is_known) format_typed(cli, optopt, typed, sizeof typed);
  if (value == ':')
    cli_complain(cli, "option '%s' wants an argument: %s %s (--help lists all)", typed, typed,
                 row_at(cli, place_of(cli, optopt))->argument);
  else if (is_known)
    cli_complain(cli, "option '%s' takes no argument (--help lists all)", typed);
  else if (optopt != 0)
    complain_unknown_letter(cli, (char)optopt, argc, argv);
  else
    complain_unknown_word(cli, argv[optind - 1]);
}

static int print_standard(const struct cli *cli, size_t row) {
  if (row == STANDARD_HELP)
    cli_print_usage(cli, stdout);
  else
    printf("teardown-%s %s, %s\n", cli->name, TEARDOWN_VERSION, cli->library());
  return cli_finish(cli);
}

/* A descriptor of ours must not become 0, 1 or 2 because the program was started without one: what
 * is printed would go into a connection or a savefile. stdout becomes unwritable, which is noticed
 * where it is written to. */
static void reserve_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) < 0) return;
}

int cli_parse(struct cli *cli, int argc, char **argv) {
  struct grammar grammar;
  int value;
  reserve_standard_descriptors();
  /* A name that cannot be shown is as good as none. */
  cli->called = argv[0] != NULL && printable_is(argv[0]) ? argv[0] : NULL;
  make_grammar(cli, &grammar);
  opterr = 0;
  while ((value = getopt_long(argc, argv, grammar.letters, grammar.words, NULL)) != -1) {
    if (value == '?' || value == ':') {
      complain_of_option(cli, value, argc, argv);
      return CLI_EXIT_USAGE;
    }
    struct place at = place_of(cli, value);
    if (at.table == CLI_STANDARD) return print_standard(cli, at.row);
    char typed[MAX_NAME + 3];
    struct cli_table *table = &cli->tables[at.table];
    format_typed(cli, value, typed, sizeof typed);
    if (!apply(cli, &table->rows[at.row], table->settings, typed, optarg)) return CLI_EXIT_USAGE;
    table->given |= UINT64_C(1) << at.row;
  }
  return CLI_GO_ON;
}

bool cli_given(const struct cli *cli, const char *name) {
  struct walk at = {0};
  const struct cli_option *row;
  while ((row = next_row(cli, &at)) != NULL)
    if (row->name != NULL && strcmp(row->name, name) == 0)
      return (cli_table(cli, at.table)->given >> (at.row - 1)) & 1;
  return false;
}
