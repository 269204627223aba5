/* Command lines: numbers at their edges, words, typos and the width of the usage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"

enum how { CLOSE, SHUTDOWN, RESET };

struct settings {
  uint16_t port;
  uint32_t small;
  uint64_t large, any;
  enum how how;
  unsigned times;
  const char *text;
  struct cli_texts texts;
  bool never, letter;
};

static const char *how_word(unsigned i) {
  static const char *const words[] = {"close", "shutdown", "reset"};
  return i < 3 ? words[i] : NULL;
}

static const char *library(void) { return "libnone 1.2"; }

#define AT(member) CLI_AT(struct settings, member)

/* clang-format off */
static const struct cli_option own_rows[] = {
    {'p', "port", "PORT", CLI_PORT, AT(port),
     .text = "listen on this port"},
    {0, "close", "HOW", CLI_WORD, AT(how), .word = how_word,
     .text = "close, shutdown or reset"},
    {0, "close-after", "MS", CLI_NUMBER, AT(small), .min = 2, .max = 10,
     .text = "a sentence that is much too long for what is left of one line of a "
             "terminal, so that it must be wrapped more than once to fit"},
    {0, "never-close", NULL, CLI_FLAG, AT(never),
     .text = "never"},
    {0, "an-option-with-a-long-name", "ARGUMENT", CLI_TEXT, AT(text),
     .text = "its help begins on a line of its own"},
    {'4', NULL, NULL, CLI_FLAG, AT(letter),
     .text = "letter only"},
};
static const struct cli_option shared_rows[] = {
    {'l', "listen", "ADDR", CLI_TEXTS, AT(texts),
     .text = "may be repeated"},
    {'t', NULL, NULL, CLI_COUNTED, AT(times), .max = 5,
     .text = "up to -ttttt"},
    {'n', NULL, NULL, CLI_FLAG, CLI_NOWHERE,
     .text = "only accepted"},
    {0, "large", "BYTES", CLI_NUMBER, AT(large), .max = 10,
     .text = "an octet count"},
    {0, "any", "SEED", CLI_NUMBER, AT(any), .max = UINT64_MAX,
     .text = "any number"},
};
/* clang-format on */

static struct settings given;

static struct cli cli = {
    .name = "server",
    .synopsis = "[OPTION]... [HOST [PORT]] [AND [SO [MANY [MORE [OPERANDS [THAT [THEY WRAP]]]]]]]",
    .purpose = "Two sentences that together are longer than a line. They wrap at eighty columns.",
    .shown_by = "capture",
    .library = library,
    .tables = {[CLI_OWN] = {own_rows, sizeof own_rows / sizeof *own_rows, &given, 0},
               [CLI_SHARED] = {shared_rows, sizeof shared_rows / sizeof *shared_rows, &given, 0}},
};

/* ---- what was written to stderr ---- */

static int real_stderr;
static FILE *caught;
static char message[4096];

static void catch_stderr(void) {
  caught = tmpfile();
  assert_non_null(caught);
  fflush(stderr);
  real_stderr = dup(STDERR_FILENO);
  assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static void release_stderr(void) {
  fflush(stderr);
  assert_true(dup2(real_stderr, STDERR_FILENO) >= 0);
  close(real_stderr);
  rewind(caught);
  message[fread(message, 1, sizeof message - 1, caught)] = '\0';
  fclose(caught);
}

/* ---- a command line ---- */

static int first_operand;

/* Parses the words after "server" over settings that nobody's default is. */
static int parse(int argc, char **argv) {
  optind = 0; /* glibc: begin afresh */
  given = (struct settings){.port = 99, .small = 99, .large = 99, .any = 99, .how = RESET};
  cli.tables[CLI_OWN].given = cli.tables[CLI_SHARED].given = 0;
  catch_stderr();
  int status = cli_parse(&cli, argc, argv);
  release_stderr();
  first_operand = optind;
  return status;
}

#define PARSE_AS(called, ...)                                          \
  parse((int)(sizeof(char *[]){called, __VA_ARGS__} / sizeof(char *)), \
        (char *[]){called, __VA_ARGS__, NULL})
#define PARSE(...) PARSE_AS("server", __VA_ARGS__)

/* ---- options ---- */

static void test_options_in_every_spelling(void **state) {
  (void)state;
  const char *const spelled[][3] = {
      {"-p", "1"}, {"-p2"}, {"--port", "3"}, {"--port=4"}, {"--po", "5"}};
  for (int i = 0; i < 5; i++) {
    char *first = strdup(spelled[i][0]), *second = strdup(spelled[i][1] ? spelled[i][1] : "-4");
    assert_int_equal(PARSE(first, second, "-4"), CLI_GO_ON);
    assert_int_equal(given.port, i + 1);
    assert_true(given.letter);
    assert_string_equal(message, "");
    free(first);
    free(second);
  }
}

static void test_every_kind_reaches_its_place(void **state) {
  (void)state;
  assert_int_equal(PARSE("--close", "shutdown", "--close-after", "3", "--never-close", "-ttt", "-n",
                         "--an-option-with-a-long-name", "x", "--large", "4", "-l", "a", "-l", "b"),
                   CLI_GO_ON);
  assert_string_equal(message, "");
  assert_int_equal(given.how, SHUTDOWN);
  assert_int_equal(given.small, 3);
  assert_true(given.never);
  assert_int_equal(given.times, 3);
  assert_string_equal(given.text, "x");
  assert_int_equal(given.large, 4);
  assert_int_equal(given.texts.n, 2);
  assert_string_equal(given.texts.text[0], "a");
  assert_string_equal(given.texts.text[1], "b");
  assert_int_equal(given.port, 99); /* what was not given stays as it was */
  assert_false(given.letter);
}

static void test_what_was_given_is_known(void **state) {
  (void)state;
  assert_int_equal(PARSE("--close", "close", "--any=0"), CLI_GO_ON);
  assert_true(cli_given(&cli, "close"));
  assert_true(cli_given(&cli, "any"));
  assert_false(cli_given(&cli, "close-after"));
  assert_false(cli_given(&cli, "large"));
  assert_false(cli_given(&cli, "no-such-option"));
}

static void test_a_name_that_begins_another_is_itself(void **state) {
  (void)state;
  assert_int_equal(PARSE("--close", "shutdown", "--close-after", "5"), CLI_GO_ON);
  assert_int_equal(given.how, SHUTDOWN);
  assert_int_equal(given.small, 5);
}

static void test_operands_stay(void **state) {
  (void)state;
  assert_int_equal(PARSE("host", "--never-close", "--", "-p"), CLI_GO_ON);
  assert_true(given.never);
  assert_int_equal(given.port, 99);
  assert_int_equal(first_operand, 3);
}

static void test_an_empty_argument_is_an_argument(void **state) {
  (void)state;
  assert_int_equal(PARSE("-l", ""), CLI_GO_ON);
  assert_int_equal(given.texts.n, 1);
  assert_string_equal(given.texts.text[0], "");
}

/* ---- misuse: one line, with a remedy ---- */

static void assert_misuse(int answer, const char *expected) {
  assert_int_equal(answer, CLI_EXIT_USAGE);
  assert_string_equal(message, expected);
}

static void test_typo_names_the_nearest_option(void **state) {
  (void)state;
  assert_misuse(PARSE("--clsoe", "x"),
                "server: unknown option '--clsoe'; did you mean '--close'? (--help lists all)\n");
  assert_misuse(PARSE("--prot=80"),
                "server: unknown option '--prot'; did you mean '--port'? (--help lists all)\n");
  assert_misuse(PARSE("--nevr-closed"),
                "server: unknown option '--nevr-closed'; did you mean "
                "'--never-close'? (--help lists all)\n");
  assert_misuse(PARSE("-close", "x"),
                "server: unknown option '-c'; did you mean '--close'? (--help lists all)\n");
}

static void test_another_word_is_no_typo(void **state) {
  (void)state;
  assert_misuse(PARSE("--verbose"), "server: unknown option '--verbose' (--help lists all)\n");
  assert_misuse(PARSE("--pear"), "server: unknown option '--pear' (--help lists all)\n");
  assert_misuse(PARSE("-x"), "server: unknown option '-x' (--help lists all)\n");
  char empty[] = ""; /* not a literal: the sanitizer sees a look before it */
  assert_misuse(PARSE(empty, "-x"), "server: unknown option '-x' (--help lists all)\n");
  assert_misuse(PARSE(empty, "-xy"), "server: unknown option '-x' (--help lists all)\n");
}

static void test_a_very_long_word_is_unknown_too(void **state) {
  (void)state;
  char word[3000] = "--";
  memset(word + 2, 'x', sizeof word - 3);
  assert_int_equal(PARSE(word), CLI_EXIT_USAGE);
  assert_int_equal(strncmp(message, "server: unknown option '--xxx", 29), 0);
  assert_non_null(strchr(message, '\n'));
  assert_string_equal(strchr(message, '\n'), "\n");
}

static void test_ambiguous_beginning_lists_the_options(void **state) {
  (void)state;
  assert_misuse(PARSE("--clo", "1"),
                "server: option '--clo' is ambiguous; one of: --close --close-after\n");
}

static void test_missing_argument_shows_the_form(void **state) {
  (void)state;
  assert_misuse(PARSE("--port"),
                "server: option '--port' wants an argument: --port PORT (--help lists all)\n");
  assert_misuse(PARSE("-p"), "server: option '-p' wants an argument: -p PORT (--help lists all)\n");
}

static void test_argument_too_many(void **state) {
  (void)state;
  assert_misuse(PARSE("--never-close=no"),
                "server: option '--never-close' takes no argument (--help lists all)\n");
}

static void test_control_characters_do_not_reach_the_terminal(void **state) {
  (void)state;
  catch_stderr();
  cli_complain(&cli, "'%s'",
               "a\nb\033[2J\x7f→\xff\xc2\x9b"
               "2J");
  release_stderr();
  assert_string_equal(message, "server: 'a\\x0ab\\x1b[2J\\x7f→\\xff\\xc2\\x9b2J'\n");
}

static void test_too_often(void **state) {
  (void)state;
  char *words[CLI_TEXTS_MAX + 3] = {"server"};
  assert_int_equal(PARSE("-ttttt"), CLI_GO_ON);
  assert_int_equal(given.times, 5);
  assert_misuse(PARSE("-tttttt"), "server: -t is given more than 5 times; that is the most\n");
  for (int i = 1; i <= CLI_TEXTS_MAX + 1; i++) words[i] = "--listen=a";
  assert_int_equal(parse(CLI_TEXTS_MAX + 1, words), CLI_GO_ON);
  assert_int_equal(given.texts.n, CLI_TEXTS_MAX);
  assert_misuse(parse(CLI_TEXTS_MAX + 2, words),
                "server: --listen is given more than 64 times; that is the most\n");
}

/* ---- values ---- */

static void test_numbers_at_their_edges(void **state) {
  (void)state;
  assert_int_equal(PARSE("--large", "0", "--close-after", "2"), CLI_GO_ON);
  assert_int_equal(given.large, 0);
  assert_int_equal(given.small, 2);
  assert_int_equal(PARSE("--large=10", "--close-after=007"), CLI_GO_ON);
  assert_int_equal(given.large, 10);
  assert_int_equal(given.small, 7);
  assert_int_equal(PARSE("--any", "18446744073709551615"), CLI_GO_ON);
  assert_true(given.any == UINT64_MAX);
  assert_string_equal(message, "");
}

static void test_what_is_no_number_in_range(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "1",
                                    "11",
                                    "-1",
                                    "+1",
                                    " 1",
                                    "1 ",
                                    "1.5",
                                    "0x1",
                                    "1e1",
                                    "abc",
                                    "1ms",
                                    "18446744073709551616",
                                    "9999999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char expected[200];
    char *text = strdup(bad[i]);
    snprintf(expected, sizeof expected,
             "server: --close-after wants a whole number from 2 to 10, not '%s'\n", bad[i]);
    assert_misuse(PARSE("--close-after", text), expected);
    assert_int_equal(given.small, 99);
    free(text);
  }
  /* One more than fits must not wrap into the range. */
  assert_int_equal(PARSE("--any", "18446744073709551616"), CLI_EXIT_USAGE);
  assert_int_equal(PARSE("--any", "18446744073709551625"), CLI_EXIT_USAGE);
  assert_true(given.any == 99);
}

static void test_ports(void **state) {
  (void)state;
  static const char *const bad[] = {"", "0", "65536", "abc", "-1", "131072", "80 "};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char expected[200];
    char *text = strdup(bad[i]);
    snprintf(expected, sizeof expected, "server: -p wants a TCP port from 1 to 65535, not '%s'\n",
             bad[i]);
    assert_misuse(PARSE("-p", text), expected);
    assert_int_equal(given.port, 99);
    free(text);
  }
  assert_int_equal(PARSE("--port", "1"), CLI_GO_ON);
  assert_int_equal(given.port, 1);
  assert_int_equal(PARSE("--port", "65535"), CLI_GO_ON);
  assert_int_equal(given.port, 65535);
}

static void test_words(void **state) {
  (void)state;
  assert_int_equal(PARSE("--close", "reset"), CLI_GO_ON);
  assert_int_equal(given.how, RESET);
  assert_misuse(PARSE("--close", ""), "server: --close wants close, shutdown or reset, not ''\n");
  assert_misuse(
      PARSE("--close", "CLOSE"),
      "server: --close wants close, shutdown or reset, not 'CLOSE'; did you mean 'close'?\n");
  assert_misuse(
      PARSE("--close=rset"),
      "server: --close wants close, shutdown or reset, not 'rset'; did you mean 'reset'?\n");
  assert_int_equal(given.how, RESET);
}

/* ---- what it is called ---- */

static void test_it_speaks_of_itself_as_it_was_called(void **state) {
  (void)state;
  char buffer[CLI_SIBLING_SIZE];
  assert_misuse(PARSE_AS("/usr/bin/teardown-server", "-x"),
                "teardown-server: unknown option '-x' (--help lists all)\n");
  assert_string_equal(cli_sibling(&cli, "client", buffer), "/usr/bin/teardown-client");
  (void)PARSE_AS("build/server", "-4");
  assert_string_equal(cli_program(&cli), "server");
  assert_string_equal(cli_sibling(&cli, "capture", buffer), "build/capture");
  (void)PARSE_AS("\033[2J/server", "-4");
  assert_string_equal(cli_program(&cli), "server");
  assert_string_equal(cli_sibling(&cli, "capture", buffer), "teardown-capture");
  (void)PARSE_AS("passive", "-4");
  assert_string_equal(cli_program(&cli), "passive");
  assert_string_equal(cli_sibling(&cli, "capture", buffer), "teardown-capture");
}

/* ---- usage ---- */

static void test_usage_fits_80_columns_and_names_every_option(void **state) {
  (void)state;
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  assert_non_null(out);
  (void)PARSE("-4");
  cli_print_usage(&cli, out);
  fclose(out);
  size_t widest = 0;
  for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
    size_t width = strcspn(line, "\n");
    if (width > 0) assert_int_not_equal(line[width - 1], ' ');
    if (width > widest) widest = width;
  }
  assert_in_range(widest, 70, 80); /* wrapped, and not too early */
  assert_int_equal(strncmp(text, "Usage: server [OPTION]... [HOST ", 32), 0);
  assert_non_null(strstr(text, "capture.\n\n"));
  assert_non_null(strstr(text, "\n  -p, --port PORT         listen on this port\n"));
  assert_non_null(strstr(text, "\n      --never-close       never\n"));
  assert_non_null(strstr(text, "\n  -4                      letter only\n"));
  assert_non_null(strstr(text,
                         "\n      --an-option-with-a-long-name ARGUMENT\n"
                         "                          its help begins on a line of its own\n"));
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_options_in_every_spelling),
      cmocka_unit_test(test_every_kind_reaches_its_place),
      cmocka_unit_test(test_what_was_given_is_known),
      cmocka_unit_test(test_a_name_that_begins_another_is_itself),
      cmocka_unit_test(test_operands_stay),
      cmocka_unit_test(test_an_empty_argument_is_an_argument),
      cmocka_unit_test(test_typo_names_the_nearest_option),
      cmocka_unit_test(test_another_word_is_no_typo),
      cmocka_unit_test(test_a_very_long_word_is_unknown_too),
      cmocka_unit_test(test_ambiguous_beginning_lists_the_options),
      cmocka_unit_test(test_missing_argument_shows_the_form),
      cmocka_unit_test(test_argument_too_many),
      cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
      cmocka_unit_test(test_too_often),
      cmocka_unit_test(test_numbers_at_their_edges),
      cmocka_unit_test(test_what_is_no_number_in_range),
      cmocka_unit_test(test_ports),
      cmocka_unit_test(test_words),
      cmocka_unit_test(test_it_speaks_of_itself_as_it_was_called),
      cmocka_unit_test(test_usage_fits_80_columns_and_names_every_option),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
