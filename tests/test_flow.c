/* The flow table: what was added is found, a full table says so, what is to go first is known, and
 * nobody can choose four-tuples that make a search long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "capture/flow.h"

static const int64_t TWO_MSL_US = 60000000;

static struct decoded packet_of(uint32_t client, uint16_t port) {
  struct decoded p = {.family = 4, .source_port = port, .destination_port = 80};
  memcpy(p.source.bytes, &client, 4);
  memcpy(p.destination.bytes, "\x0a\xc8\0\1", 4);
  p.segment.flags = SEGMENT_SYN;
  return p;
}

static struct flow *find(struct flow_table *t, const struct decoded *p) {
  struct flow_place place;
  enum end from;
  flow_locate(t, p, &place);
  return flow_find(t, &place, &from);
}

static struct flow *add(struct flow_table *t, const struct decoded *p) {
  struct flow_place place;
  enum end from;
  flow_locate(t, p, &place);
  struct flow *f = flow_add(t, &place, p, TWO_MSL_US, &from);
  if (f) assert_int_equal(from, END_CLIENT);
  return f;
}

static void both_directions_are_one_flow(void **unused) {
  (void)unused;
  struct flow_table t;
  assert_true(flow_table_init(&t, 4));
  struct decoded there = packet_of(1, 1024), back = there;
  back.source = there.destination;
  back.destination = there.source;
  back.source_port = there.destination_port;
  back.destination_port = there.source_port;
  struct flow *f = add(&t, &there);
  struct flow_place place;
  enum end from;
  flow_locate(&t, &back, &place);
  assert_ptr_equal(flow_find(&t, &place, &from), f);
  assert_int_equal(from, END_SERVER);
  assert_ptr_equal(find(&t, &there), f);
  flow_table_destroy(&t);
}

/* The place of a packet of a batch has been another's before. */
static void a_place_depends_on_the_packet_alone(void **unused) {
  (void)unused;
  struct flow_table t;
  assert_true(flow_table_init(&t, 4));
  struct decoded packet = packet_of(1, 1024);
  packet.family = 6;
  struct flow_place places[3];
  for (size_t i = 0; i < 3; i++) {
    memset(&places[i], i == 0 ? 0 : i == 1 ? 0xa5 : 0xff, sizeof places[i]);
    flow_locate(&t, &packet, &places[i]);
    assert_int_equal(places[i].tag, places[0].tag);
    assert_memory_equal(&places[i].key, &places[0].key, sizeof places[i].key);
  }
  flow_table_destroy(&t);
}

/* Thousands come and go in a table that is never more than half full of them. */
static void what_is_there_is_found_and_nothing_else(void **unused) {
  (void)unused;
  enum { N = 20000, ROUNDS = 200000 };
  static struct flow *there[N];
  struct flow_table t;
  uint32_t used = 0;
  assert_true(flow_table_init(&t, N));
  memset(there, 0, sizeof there);
  srand(1);
  for (int round = 0; round < ROUNDS; round++) {
    unsigned i = (unsigned)rand() % N;
    struct decoded p = packet_of(i / 100, (uint16_t)(i % 100));
    struct flow *f = find(&t, &p);
    assert_ptr_equal(f, there[i]);
    if (f) {
      flow_remove(&t, f);
      there[i] = NULL;
      used--;
    } else {
      there[i] = add(&t, &p);
      assert_non_null(there[i]);
      used++;
    }
    assert_int_equal(t.used, used);
  }
  flow_table_destroy(&t);
}

static void a_full_table_takes_no_more(void **unused) {
  (void)unused;
  struct flow_table t;
  assert_true(flow_table_init(&t, 3));
  struct decoded p[4];
  for (uint16_t i = 0; i < 4; i++) p[i] = packet_of(1, i);
  for (int i = 0; i < 3; i++) assert_non_null(add(&t, &p[i]));
  assert_null(add(&t, &p[3]));
  flow_remove(&t, find(&t, &p[1]));
  assert_non_null(add(&t, &p[3]));
  assert_null(find(&t, &p[1]));
  flow_table_destroy(&t);
}

static void lists_keep_their_order(void **unused) {
  (void)unused;
  struct flow_table t;
  struct flow *f[4];
  assert_true(flow_table_init(&t, 4));
  for (uint16_t i = 0; i < 4; i++) {
    struct decoded p = packet_of(1, i);
    f[i] = add(&t, &p);
    flow_move(&t, f[i], FLOW_HALF_OPEN);
  }
  flow_move(&t, f[0], FLOW_HALF_OPEN);
  flow_move(&t, f[2], FLOW_ENDED);
  assert_ptr_equal(t.head[FLOW_HALF_OPEN], f[1]);
  assert_ptr_equal(t.head[FLOW_HALF_OPEN]->next, f[3]);
  assert_ptr_equal(t.tail[FLOW_HALF_OPEN], f[0]);
  assert_ptr_equal(t.head[FLOW_ENDED], f[2]);
  flow_remove(&t, f[1]);
  flow_move(&t, f[3], FLOW_UNLISTED);
  assert_ptr_equal(t.head[FLOW_HALF_OPEN], f[0]);
  flow_table_destroy(&t);
}

static int64_t longest_idle_us(const struct flow_table *t) {
  int64_t us = INT64_MAX;
  for (uint32_t i = 0; i < t->untouched; i++) {
    const struct flow *f = &t->flows[i];
    if (f->in_use && f->list == FLOW_UNLISTED && f->model.last_us < us) us = f->model.last_us;
  }
  return us;
}

static void the_longest_idle_goes_first(void **unused) {
  (void)unused;
  enum { N = 1000, ENDED = N / 10 };
  struct flow_table t;
  assert_true(flow_table_init(&t, N));
  for (unsigned i = 0; i < N; i++) {
    struct decoded p = packet_of(1, (uint16_t)i);
    struct flow *f = add(&t, &p);
    f->model.last_us = (i * 7919) % N; /* all different, and in no order */
    if (i < ENDED) flow_move(&t, f, FLOW_ENDED);
  }
  int64_t now_us = N;
  for (struct flow *f; (f = flow_longest_idle(&t));) {
    assert_int_equal(f->model.last_us, longest_idle_us(&t));
    flow_remove(&t, f);
    t.flows[now_us % N].model.last_us = now_us; /* this one is heard of again */
    now_us++;
  }
  assert_int_equal(t.used, ENDED);
  flow_table_destroy(&t);
}

/* Slots that are looked at until this flow is found. */
static uint64_t search_length(const struct flow_table *t, const struct decoded *p) {
  struct flow_place place;
  flow_locate(t, p, &place);
  uint32_t mask = t->n_slots - 1, at = place.tag & mask, n = 1;
  for (; t->slots[at]; at = (at + 1) & mask, n++) {
    const struct flow *f = &t->flows[(uint32_t)t->slots[at] - 1];
    if (memcmp(&f->key, &place.key, sizeof f->key) == 0) return n;
  }
  fail_msg("a flow that was added is not there");
  return 0;
}

/* Tuples whose hash without a key ends in the same bits, as an attacker would choose them. */
static void chosen_tuples_make_no_search_long(void **unused) {
  (void)unused;
  enum { N = 20000, SAME_BITS = 8 };
  static struct decoded chosen[N];
  unsigned n = 0;
  for (uint32_t client = 1; n < N; client++)
    for (uint32_t port = 1024; port < 65536 && n < N; port++) {
      struct decoded p = packet_of(client, (uint16_t)port);
      struct flow_key key = {.port = {(uint16_t)port, 80}, .family = 4};
      key.address[0] = p.source;
      key.address[1] = p.destination;
      if (memcmp(&p.source, &p.destination, sizeof p.source) > 0) continue;
      if ((XXH3_64bits(&key, sizeof key) & ((1U << SAME_BITS) - 1)) == 0) chosen[n++] = p;
    }
  uint64_t length[2] = {0};
  for (unsigned kind = 0; kind < 2; kind++) {
    struct flow_table t;
    assert_true(flow_table_init(&t, N));
    for (unsigned i = 0; i < N; i++) {
      if (kind == 1) chosen[i] = packet_of((uint32_t)rand(), (uint16_t)i);
      assert_non_null(add(&t, &chosen[i]));
    }
    for (unsigned i = 0; i < N; i++) length[kind] += search_length(&t, &chosen[i]);
    flow_table_destroy(&t);
  }
  assert_true(length[0] < 2 * length[1]);
  assert_true(length[1] < 3 * N);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_directions_are_one_flow),
      cmocka_unit_test(a_place_depends_on_the_packet_alone),
      cmocka_unit_test(what_is_there_is_found_and_nothing_else),
      cmocka_unit_test(a_full_table_takes_no_more),
      cmocka_unit_test(lists_keep_their_order),
      cmocka_unit_test(the_longest_idle_goes_first),
      cmocka_unit_test(chosen_tuples_make_no_search_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
