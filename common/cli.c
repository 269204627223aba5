#include "common/cli.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

enum { USAGE_COLUMNS = 80, HELP_COLUMN = 26, MAX_OPTIONS = 64, MAX_NAME = 32, MAX_LINE = 1024 };

/* getopt_long values of long options: above every letter. */
enum { LONG_BASE = UCHAR_MAX + 1 };

void cli_complain(const struct cli *cli, const char *format, ...) {
  char line[MAX_LINE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  /* The text may quote what the user typed: it must stay one line and not drive the terminal. */
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  fprintf(stderr, "%s: %s\n", cli->program, line);
}

int cli_finish(const struct cli *cli) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return CLI_EXIT_OK;
  /* A reader that went away has seen what it wanted. */
  if (errno != EPIPE) cli_complain(cli, "cannot write to stdout: %s", strerror(errno));
  return CLI_EXIT_FAILURE;
}

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
      unsigned best = cost[i - 1][j - 1] + (typed[i - 1] != name[j - 1]);
      if (cost[i - 1][j] + 1 < best) best = cost[i - 1][j] + 1;
      if (cost[i][j - 1] + 1 < best) best = cost[i][j - 1] + 1;
      bool swapped = i > 1 && j > 1 && typed[i - 1] == name[j - 2] && typed[i - 2] == name[j - 1];
      if (swapped && cost[i - 2][j - 2] + 1 < best) best = cost[i - 2][j - 2] + 1;
      cost[i][j] = best;
    }
  }
  return cost[typed_length][name_length];
}

/* The long name nearest to what was typed, or NULL when none is near: more than one error in
 * three letters is another word, not a typo. */
static const char *nearest_name(const struct cli *cli, const char *typed, size_t typed_length) {
  const char *nearest = NULL;
  unsigned least = UINT_MAX;
  for (size_t i = 0; i < cli->n_options; i++) {
    const char *name = cli->options[i].name;
    if (name == NULL) continue;
    unsigned distance = edit_distance(typed, typed_length, name);
    if (distance < least && distance <= strlen(name) / 3) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
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
  for (size_t i = 0; i < cli->n_options; i++) {
    const char *name = cli->options[i].name;
    if (name == NULL || strncmp(name, typed, typed_length) != 0) continue;
    n++;
    int added = snprintf(candidates + used, sizeof candidates - used, " --%s", name);
    used += (size_t)added;
    if (used >= sizeof candidates) used = sizeof candidates - 1;
  }
  if (n > 1)
    cli_complain(cli, "option '%.*s' is ambiguous; one of:%s", (int)length, word, candidates);
  else
    complain_unknown(cli, word, length, typed, typed_length);
}

/* The row of a getopt value: a letter, or LONG_BASE + index. */
static size_t find_row(const struct cli *cli, int value) {
  if (value >= LONG_BASE) return (size_t)(value - LONG_BASE);
  size_t i = 0;
  while (i < cli->n_options && cli->options[i].letter != value) i++;
  return i;
}

/* "--port" or "-p", the way it was typed. */
static void format_typed(const struct cli *cli, int value, char *text, size_t size) {
  if (value >= LONG_BASE)
    snprintf(text, size, "--%s", cli->options[value - LONG_BASE].name);
  else
    snprintf(text, size, "-%c", value);
}

int cli_next(const struct cli *cli, int argc, char **argv, const char **argument) {
  assert(cli->n_options <= MAX_OPTIONS);
  struct option words[MAX_OPTIONS + 1];
  char letters[2 * MAX_OPTIONS + 2];
  char *letter = letters;
  struct option *word = words;
  *letter++ = ':'; /* a missing argument is told apart from an unknown option */
  for (size_t i = 0; i < cli->n_options; i++) {
    const struct cli_option *option = &cli->options[i];
    bool takes_argument = option->argument != NULL;
    if (option->letter != 0) {
      *letter++ = option->letter;
      if (takes_argument) *letter++ = ':';
    }
    if (option->name != NULL)
      *word++ = (struct option){option->name, takes_argument ? required_argument : no_argument,
                                NULL, LONG_BASE + (int)i};
  }
  *letter = '\0';
  *word = (struct option){0};

  opterr = 0;
  int value = getopt_long(argc, argv, letters, words, NULL);
  *argument = optarg;
  if (value == -1) return CLI_END;
  if (value != '?' && value != ':') return (int)find_row(cli, value);

  char typed[MAX_NAME + 3];
  format_typed(cli, optopt, typed, sizeof typed);
  if (value == ':')
    cli_complain(cli, "option '%s' wants an argument: %s %s (--help lists all)", typed, typed,
                 cli->options[find_row(cli, optopt)].argument);
  else if (optopt >= LONG_BASE)
    cli_complain(cli, "option '%s' takes no argument (--help lists all)", typed);
  else if (optopt != 0)
    complain_unknown_letter(cli, (char)optopt, argc, argv);
  else
    complain_unknown_word(cli, argv[optind - 1]);
  return CLI_ERROR;
}

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

void cli_print_usage(const struct cli *cli, FILE *out) {
  size_t column = (size_t)fprintf(out, "Usage: %s ", cli->program);
  print_wrapped(out, cli->synopsis, column, column);
  print_wrapped(out, cli->purpose, 0, 0);
  fputc('\n', out);
  for (size_t i = 0; i < cli->n_options; i++) {
    const struct cli_option *option = &cli->options[i];
    int printed =
        option->letter != 0 ? fprintf(out, "  -%c", option->letter) : fprintf(out, "    ");
    if (option->name != NULL)
      printed += fprintf(out, "%s --%s", option->letter != 0 ? "," : " ", option->name);
    if (option->argument != NULL) printed += fprintf(out, " %s", option->argument);
    column = (size_t)printed;
    if (column + 2 > HELP_COLUMN) {
      fputc('\n', out);
      column = 0;
    }
    fprintf(out, "%*s", (int)(HELP_COLUMN - column), "");
    print_wrapped(out, option->help, HELP_COLUMN, HELP_COLUMN);
  }
}

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

bool cli_parse_number(const struct cli *cli, const char *what, const char *text, uint64_t min,
                      uint64_t max, uint64_t *value) {
  if (parse_range(text, min, max, value)) return true;
  cli_complain(cli, "%s wants a whole number from %ju to %ju, not '%s'", what, (uintmax_t)min,
               (uintmax_t)max, text);
  return false;
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

int cli_parse_word(const struct cli *cli, const char *what, const char *text,
                   const char *const *words, size_t n) {
  char known[256] = "";
  size_t used = 0;
  for (size_t i = 0; i < n; i++) {
    if (strcmp(text, words[i]) == 0) return (int)i;
    const char *separator = i == 0 ? "" : i + 1 == n ? " or " : ", ";
    int added = snprintf(known + used, sizeof known - used, "%s%s", separator, words[i]);
    used += (size_t)added;
    if (used >= sizeof known) used = sizeof known - 1;
  }
  cli_complain(cli, "%s wants %s, not '%s'", what, known, text);
  return -1;
}
