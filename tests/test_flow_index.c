/* The index of connections, beside a plain array of what is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/flow_index.h"

enum { ENTRIES = 6000 };

struct entry {
  uint32_t hash;
  bool is_there;
};

static bool hash_of(const void *context, uint32_t number, uint32_t *hash) {
  const struct entry *entry = (const struct entry *)context + number;
  *hash = entry->hash;
  return entry->is_there;
}

static bool finds(const struct flow_index *index, uint32_t hash, uint32_t entry) {
  struct flow_search search = flow_index_search(index, hash);
  while (flow_index_finds(index, &search))
    if (search.entry == entry) return true;
  return false;
}

static void check_all(const struct flow_index *index, const struct entry *entries) {
  for (uint32_t i = 0; i < ENTRIES; i++)
    assert_int_equal(finds(index, entries[i].hash, i), entries[i].is_there);
}

/* Thousands come and go, with as many different hashes as `hashes`, evenly over all of them. */
static void come_and_go(uint32_t hashes) {
  enum { ROUNDS = 60000, LOOK_EVERY = 3001 };
  static struct entry entries[ENTRIES];
  struct flow_index index;
  uint32_t used = 0;
  srand(1);
  assert_true(flow_index_init(&index, ENTRIES));
  for (uint32_t i = 0; i < ENTRIES; i++)
    entries[i] = (struct entry){.hash = (uint32_t)rand() % hashes * (UINT32_MAX / hashes)};
  for (int round = 0; round < ROUNDS; round++) {
    uint32_t i = (uint32_t)rand() % ENTRIES;
    if (entries[i].is_there) {
      flow_index_take(&index, entries[i].hash, i);
      used--;
    } else {
      assert_true(flow_index_put(&index, entries[i].hash, i, ENTRIES, hash_of, entries));
      used++;
    }
    entries[i].is_there = !entries[i].is_there;
    assert_int_equal(index.used, used);
    if (round % LOOK_EVERY == 0) check_all(&index, entries);
  }
  check_all(&index, entries);
  flow_index_destroy(&index);
}

static void what_was_put_is_found_and_nothing_else(void **unused) {
  (void)unused;
  come_and_go(INT32_MAX);
}

static void many_of_one_home_are_told_apart(void **unused) {
  (void)unused;
  come_and_go(600);
}

/* No table is so large that they would be near their home. */
static void too_many_of_one_hash_are_refused_and_nothing_is_lost(void **unused) {
  (void)unused;
  static struct entry entries[ENTRIES];
  struct flow_index index;
  assert_true(flow_index_init(&index, ENTRIES));
  uint32_t n = 0;
  for (; n < ENTRIES; n++) {
    entries[n].hash = 7;
    if (!flow_index_put(&index, 7, n, ENTRIES, hash_of, entries)) break;
    entries[n].is_there = true;
  }
  assert_int_equal(n, FLOW_INDEX_FARTHEST + 1);
  assert_int_equal(index.used, n);
  check_all(&index, entries);
  flow_index_destroy(&index);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_put_is_found_and_nothing_else),
      cmocka_unit_test(many_of_one_home_are_told_apart),
      cmocka_unit_test(too_many_of_one_hash_are_refused_and_nothing_is_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
