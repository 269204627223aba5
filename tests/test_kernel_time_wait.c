/* When the kernel's TIME_WAIT is said to have been restarted, and when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "capture/kernel/kernel.h"

#define SECOND INT64_C(1000000)

static void test_it_runs_down(void **state) {
  (void)state;
  int64_t ends_us = 0;
  assert_false(kernel_time_wait_restarted(&ends_us, 1000 * SECOND, 60000));
  assert_int_equal(ends_us, 1060 * SECOND);
  /* Ticks, and the way of the answer. */
  assert_false(kernel_time_wait_restarted(&ends_us, 1010 * SECOND, 50040));
  assert_false(kernel_time_wait_restarted(&ends_us, 1020 * SECOND, 39996));
}

static void test_a_repeated_fin_restarts_it(void **state) {
  (void)state;
  int64_t ends_us = 1060 * SECOND;
  assert_true(kernel_time_wait_restarted(&ends_us, 1000 * SECOND + 200000, 60000));
  assert_int_equal(ends_us, 1060 * SECOND + 200000);
  assert_false(kernel_time_wait_restarted(&ends_us, 1001 * SECOND, 59200));
}

/* As measured on Linux 6.18: for 2 to 4 s after its time is up. */
static void test_overdue_is_not_restarted(void **state) {
  (void)state;
  int64_t ends_us = 1060 * SECOND;
  for (int64_t late_us = 0; late_us < 5 * SECOND; late_us += 200000)
    assert_false(kernel_time_wait_restarted(&ends_us, 1060 * SECOND + late_us, 0));
  assert_int_equal(ends_us, 1060 * SECOND);
  assert_true(kernel_time_wait_restarted(&ends_us, 1063 * SECOND, 60000));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_it_runs_down),
      cmocka_unit_test(test_a_repeated_fin_restarts_it),
      cmocka_unit_test(test_overdue_is_not_restarted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
