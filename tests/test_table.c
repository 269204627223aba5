/* The table, told of more than a terminal could show: it is drawn ten times a second at the most,
 * and it counts all of it. The clock is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/report/table.h"

enum { EACH_US = 100, CONNECTIONS = 20000, DRAWN_EVERY_US = 100000 };

static void ten_thousand_connections_a_second_are_drawn_ten_times(void **unused) {
  (void)unused;
  struct report_options options = {.columns = 80, .live = true, .terminal = true, .ascii = true};
  struct out out;
  assert_true(out_open(&out, -1, OUT_FILE_SIZE));
  int saved = dup(STDOUT_FILENO), screen = memfd_create("screen", 0);
  assert_true(saved >= 0 && screen >= 0 && dup2(screen, STDOUT_FILENO) >= 0);
  setenv("TERM", "xterm", 1);
  struct report *r = report_table_new(&out, &options);
  assert_non_null(r);
  r->class->start(r, "lo", NULL, NULL);
  int64_t t_us = INT64_C(1700000000000000);
  off_t written = lseek(screen, 0, SEEK_CUR);
  unsigned draws = 0;
  struct flow *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->key.family = 4;
  for (uint32_t i = 1; i <= CONNECTIONS; i++, t_us += EACH_US) {
    f->number = i;
    r->class->opened(r, f, t_us); /* the count of what is open changes each time */
    r->class->tick(r, NULL, t_us);
    off_t now = lseek(screen, 0, SEEK_CUR);
    draws += now != written;
    written = now;
  }
  uint32_t open = report_table_open(r);
  r->class->summary(r, NULL);
  r->class->destroy(r);
  free(f);
  out_close(&out);
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(screen);
  assert_int_equal(open, CONNECTIONS);
  assert_in_range(draws, 2, CONNECTIONS * EACH_US / DRAWN_EVERY_US + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ten_thousand_connections_a_second_are_drawn_ten_times),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
