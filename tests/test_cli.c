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

static const struct cli_option OPTIONS[] = {
    {'p', "port", "PORT", "listen on this port"},
    {0, "close", "HOW", "close, shutdown or reset"},
    {0, "close-after", "MS",
     "a sentence that is much too long for what is left of one line of a "
     "terminal, so that it must be wrapped more than once to fit"},
    {0, "never-close", NULL, "never"},
    {0, "an-option-with-a-long-name", "ARGUMENT", "its help begins on a line of its own"},
    {'4', NULL, NULL, "letter only"},
    {'h', "help", NULL, "print this text"},
};

static const struct cli CLI = {
    .program = "server",
    .synopsis = "[OPTION]... [HOST [PORT]] [AND [SO [MANY [MORE [OPERANDS [THAT [THEY WRAP]]]]]]]",
    .purpose = "Two sentences that together are longer than a line. They wrap at eighty columns.",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
};

enum { ROW_PORT, ROW_CLOSE, ROW_CLOSE_AFTER, ROW_NEVER_CLOSE, ROW_LONG, ROW_4, ROW_HELP };

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

static int rows[16];
static const char *arguments[16];
static size_t n_rows;
static int first_operand;

/* Parses the words after "server" to the end or the first error; what it returns is the last
 * answer of cli_next. */
static int parse(int argc, char **argv) {
  int row;
  optind = 0; /* glibc: begin afresh */
  n_rows = 0;
  catch_stderr();
  while ((row = cli_next(&CLI, argc, argv, &arguments[n_rows])) >= 0) rows[n_rows++] = row;
  release_stderr();
  first_operand = optind;
  return row;
}

#define PARSE(...)                                                       \
  parse((int)(sizeof(char *[]){"server", __VA_ARGS__} / sizeof(char *)), \
        (char *[]){"server", __VA_ARGS__, NULL})

/* ---- options ---- */

static void test_options_in_every_spelling(void **state) {
  (void)state;
  assert_int_equal(PARSE("-p", "1", "-p2", "--port", "3", "--port=4", "--po", "5", "-4h"), CLI_END);
  assert_string_equal(message, "");
  assert_int_equal(n_rows, 7);
  for (size_t i = 0; i < 5; i++) {
    const char expected[] = {(char)('1' + i), '\0'};
    assert_int_equal(rows[i], ROW_PORT);
    assert_string_equal(arguments[i], expected);
  }
  assert_int_equal(rows[5], ROW_4);
  assert_null(arguments[5]);
  assert_int_equal(rows[6], ROW_HELP);
}

static void test_a_name_that_begins_another_is_itself(void **state) {
  (void)state;
  assert_int_equal(PARSE("--close", "reset", "--close-after", "1"), CLI_END);
  assert_int_equal(n_rows, 2);
  assert_int_equal(rows[0], ROW_CLOSE);
  assert_int_equal(rows[1], ROW_CLOSE_AFTER);
}

static void test_operands_stay(void **state) {
  (void)state;
  assert_int_equal(PARSE("host", "--never-close", "--", "-p"), CLI_END);
  assert_int_equal(n_rows, 1);
  assert_int_equal(rows[0], ROW_NEVER_CLOSE);
  assert_int_equal(first_operand, 3);
}

static void test_an_empty_argument_is_an_argument(void **state) {
  (void)state;
  assert_int_equal(PARSE("-p", ""), CLI_END);
  assert_int_equal(n_rows, 1);
  assert_string_equal(arguments[0], "");
}

/* ---- misuse: one line, with a remedy ---- */

static void assert_misuse(int answer, const char *expected) {
  assert_int_equal(answer, CLI_ERROR);
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
  assert_int_equal(PARSE(word), CLI_ERROR);
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
  cli_complain(&CLI, "'%s'", "a\nb\033[2J\x7f→");
  release_stderr();
  assert_string_equal(message, "server: 'a?b?[2J?→'\n");
}

/* ---- values ---- */

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *value) {
  catch_stderr();
  bool good = cli_parse_number(&CLI, "--close-after", text, min, max, value);
  release_stderr();
  return good;
}

static void test_numbers_at_their_edges(void **state) {
  (void)state;
  uint64_t value = 99;
  assert_true(number("0", 0, 10, &value));
  assert_int_equal(value, 0);
  assert_true(number("10", 0, 10, &value));
  assert_int_equal(value, 10);
  assert_true(number("007", 0, 10, &value));
  assert_int_equal(value, 7);
  assert_true(number("18446744073709551615", 0, UINT64_MAX, &value));
  assert_true(value == UINT64_MAX);
  assert_string_equal(message, "");
}

static void test_what_is_no_number_in_range(void **state) {
  (void)state;
  static const char *const bad[] = {"",
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
    uint64_t value = 99;
    char expected[200];
    snprintf(expected, sizeof expected,
             "server: --close-after wants a whole number from 2 to 10, not '%s'\n", bad[i]);
    assert_false(number(bad[i], 2, 10, &value));
    assert_int_equal(value, 99);
    assert_string_equal(message, expected);
  }
  uint64_t value = 99;
  assert_false(number("1", 2, 10, &value));
  /* One more than fits must not wrap into the range. */
  assert_false(number("18446744073709551616", 0, UINT64_MAX, &value));
  assert_false(number("18446744073709551625", 0, UINT64_MAX, &value));
}

static void test_ports(void **state) {
  (void)state;
  static const char *const bad[] = {"", "0", "65536", "abc", "-1", "131072", "80 "};
  uint16_t port = 99;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char expected[200];
    snprintf(expected, sizeof expected,
             "server: --port wants a TCP port from 1 to 65535, not '%s'\n", bad[i]);
    catch_stderr();
    bool good = cli_parse_port(&CLI, "--port", bad[i], &port);
    release_stderr();
    assert_false(good);
    assert_string_equal(message, expected);
    assert_int_equal(port, 99);
  }
  assert_true(cli_parse_port(&CLI, "--port", "1", &port));
  assert_int_equal(port, 1);
  assert_true(cli_parse_port(&CLI, "--port", "65535", &port));
  assert_int_equal(port, 65535);
}

static void test_words(void **state) {
  (void)state;
  static const char *const words[] = {"close", "shutdown", "reset"};
  static const char *const bad[] = {"", "rst", "clos", "closed", "CLOSE"};
  for (int i = 0; i < 3; i++)
    assert_int_equal(cli_parse_word(&CLI, "--close", words[i], words, 3), i);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char expected[200];
    snprintf(expected, sizeof expected,
             "server: --close wants close, shutdown or reset, not '%s'\n", bad[i]);
    catch_stderr();
    int index = cli_parse_word(&CLI, "--close", bad[i], words, 3);
    release_stderr();
    assert_int_equal(index, -1);
    assert_string_equal(message, expected);
  }
}

/* ---- usage ---- */

static void test_usage_fits_80_columns_and_names_every_option(void **state) {
  (void)state;
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  assert_non_null(out);
  cli_print_usage(&CLI, out);
  fclose(out);
  size_t widest = 0;
  for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
    size_t width = strcspn(line, "\n");
    if (width > 0) assert_int_not_equal(line[width - 1], ' ');
    if (width > widest) widest = width;
  }
  assert_in_range(widest, 70, 80); /* wrapped, and not too early */
  assert_int_equal(strncmp(text, "Usage: server [OPTION]... [HOST ", 32), 0);
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
      cmocka_unit_test(test_numbers_at_their_edges),
      cmocka_unit_test(test_what_is_no_number_in_range),
      cmocka_unit_test(test_ports),
      cmocka_unit_test(test_words),
      cmocka_unit_test(test_usage_fits_80_columns_and_names_every_option),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
