/* Deadlines: none is early, none is forgotten, and the order is that of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "capture/deadline.h"

static const int64_t NOW_US = INT64_C(1700000000000000);
static const int64_t TICK_US = 1024;

static uint64_t random_state;
static uint64_t draw(void) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return random_state >> 16;
}

static void it_comes_when_it_is_due_and_not_before(void **unused) {
  (void)unused;
  static const int64_t distances[] = {0,
                                      1,
                                      1023,
                                      1024,
                                      65536,
                                      60000000,
                                      3600000000,
                                      86400000000 * 400,
                                      1 << 26,
                                      (1 << 26) - 1,
                                      (1 << 26) + 1};
  for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
    struct deadlines wheel = {0};
    struct deadline d;
    deadline_init(&d);
    assert_null(deadline_take(&wheel, NOW_US));
    deadline_set(&wheel, &d, NOW_US + distances[i]);
    assert_null(deadline_take(&wheel, NOW_US + distances[i] - 1));
    assert_ptr_equal(deadline_take(&wheel, NOW_US + distances[i]), &d);
    assert_true(d.at_us == DEADLINE_NEVER);
    assert_null(deadline_take(&wheel, INT64_MAX - 1));
  }
}

static void what_is_set_late_is_due_at_once(void **unused) {
  (void)unused;
  struct deadlines wheel = {0};
  struct deadline d, later;
  deadline_init(&d);
  deadline_init(&later);
  deadline_set(&wheel, &later, NOW_US);
  assert_ptr_equal(deadline_take(&wheel, NOW_US), &later);
  deadline_set(&wheel, &d, NOW_US - 5000000);
  assert_ptr_equal(deadline_take(&wheel, NOW_US), &d);
  deadline_set(&wheel, &d, -1);
  assert_ptr_equal(deadline_take(&wheel, NOW_US), &d);
}

static void time_that_runs_backwards_takes_nothing(void **unused) {
  (void)unused;
  struct deadlines wheel = {0};
  struct deadline d, late;
  deadline_init(&d);
  deadline_init(&late);
  deadline_set(&wheel, &late, NOW_US);
  assert_ptr_equal(deadline_take(&wheel, NOW_US), &late);
  deadline_set(&wheel, &d, NOW_US + 1000);
  assert_null(deadline_take(&wheel, NOW_US - 1000000000));
  assert_null(deadline_take(&wheel, -1000));
  assert_ptr_equal(deadline_take(&wheel, NOW_US + 1000), &d);
}

static void one_that_is_taken_out_does_not_come(void **unused) {
  (void)unused;
  struct deadlines wheel = {0};
  struct deadline d[3];
  for (int i = 0; i < 3; i++) {
    deadline_init(&d[i]);
    deadline_set(&wheel, &d[i], NOW_US + 100000);
  }
  deadline_set(&wheel, &d[1], DEADLINE_NEVER);
  assert_ptr_equal(deadline_take(&wheel, NOW_US + 100000), &d[0]);
  assert_ptr_equal(deadline_take(&wheel, NOW_US + 100000), &d[2]);
  assert_null(deadline_take(&wheel, NOW_US + 100000));
}

/* A wheel beside a list that is searched through, while deadlines are set, moved and taken. */
static void it_does_what_a_search_does(void **unused) {
  (void)unused;
  enum { N = 200, ROUNDS = 20000 };
  static struct deadlines wheel;
  static struct deadline d[N];
  int64_t now_us = NOW_US;
  random_state = 1;
  for (int i = 0; i < N; i++) deadline_init(&d[i]);
  for (int round = 0; round < ROUNDS; round++) {
    struct deadline *one = &d[draw() % N];
    uint64_t kind = draw() % 8;
    if (kind == 0)
      deadline_set(&wheel, one, DEADLINE_NEVER);
    else
      deadline_set(&wheel, one, now_us + (int64_t)(draw() % (UINT64_C(1) << (kind * 5))) - 100);
    now_us += (int64_t)(draw() % (UINT64_C(1) << (draw() % 28)));
    if (draw() % 4 != 0) continue;
    unsigned due = 0;
    int64_t at_us[N];
    for (int i = 0; i < N; i++) {
      at_us[i] = d[i].at_us;
      due += at_us[i] <= now_us;
    }
    for (struct deadline *taken; (taken = deadline_take(&wheel, now_us)); due--)
      assert_true(at_us[taken - d] <= now_us);
    assert_int_equal(due, 0);
    for (int i = 0; i < N; i++) assert_true(d[i].at_us > now_us);
  }
}

static void ticks_come_in_order(void **unused) {
  (void)unused;
  enum { N = 5000 };
  static struct deadlines wheel;
  static struct deadline d[N];
  static int64_t at_us[N];
  random_state = 2;
  for (int i = 0; i < N; i++) {
    at_us[i] = NOW_US + (int64_t)(draw() % 200000000);
    deadline_init(&d[i]);
    deadline_set(&wheel, &d[i], at_us[i]);
  }
  int64_t last = 0;
  unsigned n = 0;
  for (struct deadline *taken; (taken = deadline_take(&wheel, NOW_US + 200000000)); n++) {
    int64_t tick = at_us[taken - d] / TICK_US;
    assert_true(tick >= last);
    last = tick;
  }
  assert_int_equal(n, N);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_comes_when_it_is_due_and_not_before),
      cmocka_unit_test(what_is_set_late_is_due_at_once),
      cmocka_unit_test(time_that_runs_backwards_takes_nothing),
      cmocka_unit_test(one_that_is_taken_out_does_not_come),
      cmocka_unit_test(it_does_what_a_search_does),
      cmocka_unit_test(ticks_come_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
