/* The writer of all reports: its numbers against printf, its strings against jq, its writes against
 * descriptors that refuse, take little, or take nothing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/report/out.h"
#include "common/stop.h"

static uint64_t random_state = 1;
static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}
/* Of every length. */
static uint64_t any_number(void) { return next_random() >> next_random() % 64; }

/* ---- Numbers ----------------------------------------------------------------------------------
 */

static void expect(struct out *out, const char *text) {
  assert_string_equal(out_text_of(out), text);
  out->end = 0;
}

static void check_number(uint64_t n) {
  char buffer[64], text[64];
  struct out out = out_string(buffer, sizeof buffer);
  int64_t s = (int64_t)n;
  out_unsigned(&out, n);
  snprintf(text, sizeof text, "%" PRIu64, n);
  expect(&out, text);
  out_signed(&out, s);
  snprintf(text, sizeof text, "%" PRId64, s);
  expect(&out, text);
  for (unsigned digits = 1; digits <= 20; digits++) {
    out_digits(&out, n, digits);
    snprintf(text, sizeof text, "%0*" PRIu64, (int)digits, n);
    expect(&out, text);
  }
  uint64_t unit = 1, magnitude = s < 0 ? -n : n;
  for (unsigned decimals = 0; decimals <= 9; decimals++, unit *= 10) {
    out_fixed(&out, s, decimals);
    int at = snprintf(text, sizeof text, "%s%" PRIu64, s < 0 ? "-" : "", magnitude / unit);
    if (decimals > 0)
      snprintf(text + at, sizeof text - (size_t)at, ".%0*" PRIu64, (int)decimals, magnitude % unit);
    expect(&out, text);
  }
}

static void numbers_are_what_printf_says(void **unused) {
  (void)unused;
  const uint64_t edges[] = {0, 9, 10, 99, 100, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
  for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) check_number(edges[i]);
  for (int i = 0; i < 20000; i++) check_number(any_number());
}

/* ---- Strings ----------------------------------------------------------------------------------
 */

static void a_string_is_cut_off_where_it_is_full(void **unused) {
  (void)unused;
  char buffer[8];
  struct out out = out_string(buffer, sizeof buffer);
  out_text(&out, "12345");
  out_text(&out, "6789");
  out_text(&out, "x");
  assert_string_equal(out_text_of(&out), "1234567");
}

static void printable(const char *text, const char *expected) {
  char buffer[256];
  struct out out = out_string(buffer, sizeof buffer);
  out_printable(&out, text);
  assert_string_equal(out_text_of(&out), expected);
}

static void no_control_character_reaches_a_terminal(void **unused) {
  (void)unused;
  printable("say \"hi\" \\ ~", "say \"hi\" \\ ~");
  printable("nginx\x1b[2J\n\x7f", "nginx\\x1b[2J\\x0a\\x7f");
  printable("h\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x98\x80", "h\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x98\x80");
  printable(
      "\xc2\x9b"
      "2J",
      "\\xc2\\x9b"
      "2J"); /* CSI in one character */
  printable("\xff\xc3", "\\xff\\xc3");
  /* NOLINTBEGIN(misc-misleading-bidirectional): here they are meant, and as escapes mislead nobody.
   * gpj.exe, read as exe.jpg; the other marks of direction, and their neighbours, which are none */
  printable("\xe2\x80\xaegpj.exe", "\\xe2\\x80\\xaegpj.exe");
  static const char *const marks[] = {
      "\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
      "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", "\xe2\x80\xae",
      "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9"};
  /* NOLINTEND(misc-misleading-bidirectional) */
  static const char *const others[] = {"\xd8\x9b",     "\xd8\x9d",     "\xe2\x80\x8d",
                                       "\xe2\x80\x90", "\xe2\x80\xa7", "\xe2\x80\xaf",
                                       "\xe2\x81\xa5", "\xe2\x81\xaa", "\xe2\x82\xae"};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    char expected[32] = "";
    for (const char *c = marks[i]; *c; c++)
      snprintf(expected + strlen(expected), 5, "\\x%02x", (unsigned char)*c);
    printable(marks[i], expected);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) printable(others[i], others[i]);
  printable("\xed\xa0\x80 \xc0\xaf", "\\xed\\xa0\\x80 \\xc0\\xaf"); /* a surrogate; an overlong / */
}

static void json(const char *text, const char *expected) {
  char buffer[256];
  struct out out = out_string(buffer, sizeof buffer);
  out_json(&out, text, strlen(text));
  assert_string_equal(out_text_of(&out), expected);
}

static void json_escapes_as_it_must(void **unused) {
  (void)unused;
  json("", "\"\"");
  json("a/b \"c\" \\d", "\"a/b \\\"c\\\" \\\\d\"");
  json("\b\t\n\f\r\x01\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\"");
  /* NOLINTNEXTLINE(misc-misleading-bidirectional): as above */
  json("\xc2\x9b\xd8\x9c\xe2\x80\xae\xe2\x81\xa9", "\"\\u009b\\u061c\\u202e\\u2069\"");
  json("\xc3\xa9\xe2\x86\x92\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x86\x92\xf0\x9f\x98\x80\"");
  json(
      "a\xff"
      "b\xc3",
      "\"a\xef\xbf\xbd"
      "b\xef\xbf\xbd\"");
  json("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* Octets that are likely to be the begin or the end of something. */
static char any_octet(void) {
  static const char telling[] = "\"\\/\b\n\x1f\x7f\x80\xbf\xc0\xc2\xe0\xed\xef\xf0\xf4\xf5\xff u0";
  uint64_t r = next_random();
  return r % 2 ? (char)(r >> 8) : telling[(r >> 8) % (sizeof telling - 1)];
}

/* In place: what is escaped beyond ASCII becomes what it stands for. */
static void unescape(char *text) {
  char *to = text;
  for (const char *at = text; *at;) {
    unsigned code = 0;
    bool is_beyond =
        at[0] == '\\' && at[1] == 'u' && sscanf(at + 2, "%4x", &code) == 1 && code > 0x7f;
    if (!is_beyond) {
      if (*at == '\\') *to++ = *at++;
      *to++ = *at++;
      continue;
    }
    if (code > 0x7ff) *to++ = (char)(0xe0 | code >> 12);
    *to++ = (char)(code > 0x7ff ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6);
    *to++ = (char)(0x80 | (code & 0x3f));
    at += 6;
  }
  *to = '\0';
}

/* jq reads what we wrote, and writes it as we did: but for what cannot be shown, which it does not
 * escape. */
static void jq_reads_the_same(void **unused) {
  (void)unused;
  enum { STRINGS = 5000, LONGEST = 40 };
  static char written[STRINGS * (6 * LONGEST + 3) + 1], read_back[sizeof written];
  char folder[] = "/tmp/teardown-out-XXXXXX", path[64], command[128];
  if (system("command -v jq >/dev/null") != 0) skip();
  struct out out = out_string(written, sizeof written);
  for (int i = 0; i < STRINGS; i++) {
    char text[LONGEST] = {0};
    size_t n = next_random() % LONGEST;
    for (size_t k = 0; k < n; k++) text[k] = any_octet();
    out_json(&out, text, n);
    out_char(&out, '\n');
  }
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/strings", folder);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_int_equal(write(fd, written, out.end), out.end);
  close(fd);
  snprintf(command, sizeof command, "jq -c . %s", path);
  FILE *jq = popen(command, "r");
  assert_non_null(jq);
  size_t n = fread(read_back, 1, sizeof read_back - 1, jq);
  assert_int_equal(pclose(jq), 0);
  unlink(path);
  rmdir(folder);
  assert_int_equal(strlen(read_back), n);
  unescape(written);
  assert_string_equal(read_back, written);
}

/* ---- Writes -----------------------------------------------------------------------------------
 */

enum { PIPE_SIZE = 4096, LINES = 40000 };

static void open_pipe(int fds[2], int flags) {
  assert_int_equal(pipe2(fds, flags | O_CLOEXEC), 0);
  assert_int_equal(fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE), PIPE_SIZE);
}

/* Reads numbers, a line each, in pieces of any size, now and then late: all, and in order? */
static void *read_numbers(void *fd) {
  char buffer[PIPE_SIZE];
  uint64_t expected = 0, number = 0;
  ssize_t n;
  while ((n = read(*(int *)fd, buffer, 1 + (size_t)(expected * 7919 % sizeof buffer))) > 0) {
    for (ssize_t i = 0; i < n; i++) {
      if (buffer[i] != '\n') {
        number = number * 10 + (uint64_t)(buffer[i] - '0');
      } else {
        if (number != expected) return "out of order";
        expected++;
        number = 0;
      }
    }
    if (expected % 64 == 0) poll(NULL, 0, 1);
  }
  return expected == LINES ? NULL : "not all";
}

static void write_numbers(int flags, size_t size) {
  int fds[2];
  pthread_t reader;
  void *wrong;
  struct out out;
  open_pipe(fds, 0);
  assert_true(fcntl(fds[1], F_SETFL, flags) == 0);
  assert_true(out_open(&out, fds[1], size));
  assert_int_equal(pthread_create(&reader, NULL, read_numbers, &fds[0]), 0);
  for (uint64_t i = 0; i < LINES; i++) {
    out_unsigned(&out, i);
    out_char(&out, '\n');
    if (i % 10 == 0) out_flush(&out);
  }
  assert_true(out_finish(&out));
  out_close(&out);
  close(fds[1]);
  assert_int_equal(pthread_join(reader, &wrong), 0);
  if (wrong) fail_msg("%s", (const char *)wrong);
  close(fds[0]);
}

static void a_slow_reader_gets_all_of_it(void **unused) {
  (void)unused;
  write_numbers(0, 1 << 10);
  write_numbers(0, 1 << 16);
  write_numbers(O_NONBLOCK, 1 << 10);
}

static void a_flush_does_not_wait(void **unused) {
  (void)unused;
  int fds[2];
  static char octets[3 * PIPE_SIZE];
  struct out out;
  open_pipe(fds, 0);
  assert_true(out_open(&out, fds[1], OUT_FILE_SIZE));
  out_bytes(&out, octets, sizeof octets);
  out_flush(&out);
  assert_int_equal(out.end - out.start, sizeof octets - PIPE_SIZE);
  assert_true(out_waits(&out));
  assert_int_equal(read(fds[0], octets, PIPE_SIZE), PIPE_SIZE);
  out_flush(&out);
  assert_int_equal(out.end - out.start, sizeof octets - 2 * PIPE_SIZE);
  out_close(&out);
  close(fds[0]);
  close(fds[1]);
}

static void a_reader_that_never_reads_is_given_up_once_a_stop_is_asked(void **unused) {
  (void)unused;
  int fds[2];
  static char octets[3 * PIPE_SIZE];
  struct out out;
  open_pipe(fds, 0);
  assert_true(out_open(&out, fds[1], OUT_FILE_SIZE));
  stop_signal = SIGTERM;
  out_bytes(&out, octets, sizeof octets);
  assert_false(out_finish(&out));
  assert_int_equal(out.error, ETIMEDOUT);
  stop_signal = 0;
  out_close(&out);
  close(fds[0]);
  close(fds[1]);
}

static void a_reader_that_went_away(void **unused) {
  (void)unused;
  int fds[2];
  struct out out;
  signal(SIGPIPE, SIG_IGN);
  open_pipe(fds, 0);
  close(fds[0]);
  assert_true(out_open(&out, fds[1], OUT_FILE_SIZE));
  out_text(&out, "x");
  assert_false(out_finish(&out));
  assert_int_equal(out.error, EPIPE);
  out_close(&out);
  close(fds[1]);
}

static void the_first_failure_is_kept_and_the_rest_thrown_away(void **unused) {
  (void)unused;
  int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
  struct out out;
  assert_true(out_open(&out, fd, 64));
  for (int i = 0; i < 1000; i++) out_text(&out, "more than the buffer holds\n");
  assert_int_equal(out.error, ENOSPC);
  assert_false(out_waits(&out));
  assert_false(out_finish(&out));
  assert_int_equal(out.error, ENOSPC);
  out_close(&out);
  close(fd);
}

static void a_live_captures_pipe_holds_more(void **state) {
  (void)state;
  int fds[2], usual;
  struct out o;
  open_pipe(fds, 0);
  usual = fcntl(fds[1], F_GETPIPE_SZ);
  assert_true(out_open(&o, fds[1], OUT_FILE_SIZE));
  out_close(&o);
  assert_int_equal(fcntl(fds[1], F_GETPIPE_SZ), usual);
  assert_true(out_open(&o, fds[1], OUT_LIVE_SIZE));
  out_close(&o);
  assert_int_equal(fcntl(fds[1], F_GETPIPE_SZ), OUT_PIPE_SIZE);
  close(fds[0]);
  close(fds[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_what_printf_says),
      cmocka_unit_test(a_string_is_cut_off_where_it_is_full),
      cmocka_unit_test(no_control_character_reaches_a_terminal),
      cmocka_unit_test(json_escapes_as_it_must),
      cmocka_unit_test(jq_reads_the_same),
      cmocka_unit_test(a_slow_reader_gets_all_of_it),
      cmocka_unit_test(a_flush_does_not_wait),
      cmocka_unit_test(a_live_captures_pipe_holds_more),
      cmocka_unit_test(a_reader_that_never_reads_is_given_up_once_a_stop_is_asked),
      cmocka_unit_test(a_reader_that_went_away),
      cmocka_unit_test(the_first_failure_is_kept_and_the_rest_thrown_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
