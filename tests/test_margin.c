/* The lines that peers print, as they wait for their ladder: whose they are, when they were, and
 * that nothing which is written there breaks anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/margin.h"

#define NOON_US INT64_C(1764158400000000) /* 2025-11-26 12:00 UTC */
#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)

static int writer;

static int set_up(void **margin) {
  int ends[2];
  setenv("TZ", "UTC", 1);
  tzset();
  if (pipe(ends) < 0) return -1;
  writer = ends[1];
  *margin = margin_new(ends[0]);
  return *margin ? 0 : -1;
}

static int tear_down(void **margin) {
  close(writer);
  margin_close(*margin);
  return 0;
}

static void print(struct margin *m, const char *octets, size_t n) {
  assert_int_equal(write(writer, octets, n), n);
  margin_read(m);
}

static void print_text(struct margin *m, const char *text) { print(m, text, strlen(text)); }

static bool is_any(void *context, const struct margin_line *line) {
  (void)context, (void)line;
  return true;
}

static bool is_old(void *context, const struct margin_line *line) {
  (void)context;
  return !line->is_new;
}

/* Takes the line of that client that must be there, alone. */
static void must_be(struct margin *m, const char *client, const char *who, int64_t near_us,
                    int64_t t_us, const char *text) {
  struct margin_line *line = margin_take(m, client, is_any, NULL);
  assert_non_null(line);
  assert_null(line->next);
  assert_string_equal(line->who, who);
  assert_string_equal(line->text, text);
  assert_int_equal(margin_time(line, near_us), t_us);
  free(line);
}

static void a_line_is_of_its_client_and_of_its_time(void **margin) {
  print_text(*margin,
             "12:00:00.000250 client 127.0.0.1:40000  read → 6 bytes\n"
             "11:59:59.999999 server [::1]:40000  EOF\n");
  must_be(*margin, "127.0.0.1:40000", "client", NOON_US, NOON_US + 250, "read → 6 bytes");
  must_be(*margin, "[::1]:40000", "server", NOON_US, NOON_US - 1, "EOF");
  assert_null(margin_take(*margin, NULL, is_any, NULL));
}

static void the_day_is_the_nearest_one(void **margin) {
  print_text(*margin,
             "23:59:59.000000 client 127.0.0.1:1  a\n00:00:01.000000 client 127.0.0.1:2  b\n");
  int64_t midnight_us = NOON_US + 12 * HOUR_US;
  must_be(*margin, "127.0.0.1:1", "client", midnight_us + SECOND_US, midnight_us - SECOND_US, "a");
  must_be(*margin, "127.0.0.1:2", "client", midnight_us - SECOND_US, midnight_us + SECOND_US, "b");
}

static void what_has_not_the_form_is_nobody_s(void **margin) {
  static const char *const lines[] = {
      "",
      "client: bind: Address already in use",
      "12:00:00.00025 client 127.0.0.1:1  short",
      "24:00:00.000000 client 127.0.0.1:1  late",
      "12:00:00.000000",
      "12:00:00.000000 client",
      "12:00:00.000000 client 127.0.0.1:1",
      "12:00:00.000000 client 127.0.0.1:1 one space",
      "12:00:00.000000 somebodyelse 127.0.0.1:1  long",
      "12:00:00.000000  127.0.0.1:1  no word",
      ("12:00:00.000000 client "
       "0123456789012345678901234567890123456789012345678901234567890123456789  long"),
  };
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    print_text(*margin, lines[i]);
    print_text(*margin, "\n");
    struct margin_line *line = margin_take(*margin, "", is_any, NULL);
    assert_non_null(line);
    assert_string_equal(line->who, "");
    assert_string_equal(line->text, lines[i]);
    free(line);
  }
}

static void a_line_is_whole_before_it_is_taken(void **margin) {
  print_text(*margin, "12:00:00.000000 cli");
  assert_null(margin_take(*margin, NULL, is_any, NULL));
  print_text(*margin, "ent 127.0.0.1:1  a\n");
  must_be(*margin, "127.0.0.1:1", "client", NOON_US, NOON_US, "a");
}

static void it_is_new_until_the_next_reading(void **margin) {
  print_text(*margin, "12:00:00.000000 client 127.0.0.1:1  a\n");
  assert_null(margin_take(*margin, NULL, is_old, NULL));
  margin_read(*margin);
  free(margin_take(*margin, NULL, is_old, NULL));
  assert_null(margin_take(*margin, NULL, is_any, NULL));
}

static void they_are_taken_in_their_order(void **margin) {
  char line[80];
  for (unsigned i = 0; i < 1000; i++) {
    snprintf(line, sizeof line, "12:00:00.000000 client 127.0.0.1:%u  %u\n", i * 7919 % 1000, i);
    print_text(*margin, line);
  }
  struct margin_line *taken = margin_take(*margin, NULL, is_any, NULL);
  for (unsigned i = 0; i < 1000; i++) {
    struct margin_line *next;
    assert_non_null(taken);
    assert_int_equal(atoi(taken->text), i);
    next = taken->next;
    free(taken);
    taken = next;
  }
  assert_null(taken);
}

static void too_many_give_way_and_are_counted(void **margin) {
  char line[80];
  for (unsigned i = 0; i < MARGIN_LINES + 10; i++) {
    snprintf(line, sizeof line, "12:00:00.000000 client 127.0.0.1:%u  a\n", i % 5000 + 1);
    print_text(*margin, line);
  }
  assert_int_equal(margin_lost(*margin), 10);
  assert_null(margin_take(*margin, "127.0.0.1:10", is_any, NULL));
  must_be(*margin, "127.0.0.1:11", "client", NOON_US, NOON_US, "a");
}

static void a_long_line_is_cut_and_nul_is_no_end(void **margin) {
  char octets[4 * MARGIN_LINE_SIZE];
  memset(octets, 'x', sizeof octets);
  octets[3] = '\0';
  octets[sizeof octets - 1] = '\n';
  print(*margin, octets, sizeof octets);
  struct margin_line *line = margin_take(*margin, NULL, is_any, NULL);
  assert_int_equal(strlen(line->text), MARGIN_LINE_SIZE);
  assert_int_equal(line->text[3], '?');
  free(line);
}

static void any_octets_break_nothing(void **margin) {
  static const char form[] = "12:00:00.000000 client 127.0.0.1:1  words\n";
  uint64_t state = 88172645463325252;
  for (int i = 0; i < 20000; i++) {
    char octets[sizeof form];
    memcpy(octets, form, sizeof form);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    octets[state % (sizeof form - 1)] = (char)(state >> 40);
    print(*margin, octets, sizeof form - 1 - (state >> 32) % 3);
    struct margin_line *next, *line = i % 3 ? margin_take(*margin, NULL, is_any, NULL) : NULL;
    for (; line; line = next) {
      next = line->next;
      (void)margin_time(line, (int64_t)state);
      free(line);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_line_is_of_its_client_and_of_its_time, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_day_is_the_nearest_one, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_has_not_the_form_is_nobody_s, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_line_is_whole_before_it_is_taken, set_up, tear_down),
      cmocka_unit_test_setup_teardown(it_is_new_until_the_next_reading, set_up, tear_down),
      cmocka_unit_test_setup_teardown(they_are_taken_in_their_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(too_many_give_way_and_are_counted, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_nul_is_no_end, set_up, tear_down),
      cmocka_unit_test_setup_teardown(any_octets_break_nothing, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
