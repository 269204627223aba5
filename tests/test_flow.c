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

#include "capture/flow_turn.h"

static const int64_t TWO_MSL_US = 60000000;

static struct decoded packet_of(uint32_t client, uint16_t port) {
  struct decoded p = {.family = 4, .source_port = port, .destination_port = 80};
  memcpy(p.source.bytes, &client, 4);
  memcpy(p.destination.bytes, "\x0a\xc8\0\1", 4);
  p.segment.flags = SEGMENT_SYN;
  return p;
}

static struct hot *find(struct flow_table *t, const struct decoded *p) {
  struct flow_place place;
  enum end from;
  flow_locate(t, p, &place);
  return flow_find(t, &place, &from);
}

static struct hot *add(struct flow_table *t, const struct decoded *p) {
  struct flow_place place;
  enum end from;
  flow_locate(t, p, &place);
  struct hot *e = flow_add(t, &place, p, &from);
  if (e) assert_int_equal(from, END_CLIENT);
  return e;
}

static void take_out(struct flow_table *t, struct hot *e) { flow_remove(t, flow_whole(t, e)); }

static void both_directions_are_one_flow(void **unused) {
  (void)unused;
  struct flow_table t;
  assert_true(flow_table_init(&t, 4, TWO_MSL_US));
  struct decoded there = packet_of(1, 1024), back = there;
  back.source = there.destination;
  back.destination = there.source;
  back.source_port = there.destination_port;
  back.destination_port = there.source_port;
  struct hot *f = add(&t, &there);
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
  assert_true(flow_table_init(&t, 4, TWO_MSL_US));
  struct decoded packet = packet_of(1, 1024);
  packet.family = 6;
  struct flow_place places[3];
  for (size_t i = 0; i < 3; i++) {
    memset(&places[i], i == 0 ? 0 : i == 1 ? 0xa5 : 0xff, sizeof places[i]);
    flow_locate(&t, &packet, &places[i]);
    assert_int_equal(places[i].hash, places[0].hash);
    assert_memory_equal(&places[i].key, &places[0].key, sizeof places[i].key);
  }
  flow_table_destroy(&t);
}

/* Thousands come and go in a table that is never more than half full of them. */
static void what_is_there_is_found_and_nothing_else(void **unused) {
  (void)unused;
  enum { N = 20000, ROUNDS = 200000 };
  static struct hot *there[N];
  struct flow_table t;
  uint32_t used = 0;
  assert_true(flow_table_init(&t, N, TWO_MSL_US));
  memset(there, 0, sizeof there);
  srand(1);
  for (int round = 0; round < ROUNDS; round++) {
    unsigned i = (unsigned)rand() % N;
    struct decoded p = packet_of(i / 100, (uint16_t)(i % 100));
    struct hot *f = find(&t, &p);
    assert_ptr_equal(f, there[i]);
    if (f) {
      take_out(&t, f);
      there[i] = NULL;
      used--;
    } else {
      there[i] = add(&t, &p);
      assert_non_null(there[i]);
      used++;
    }
    assert_int_equal(t.entries.used, used);
  }
  flow_table_destroy(&t);
}

static void a_full_table_takes_no_more(void **unused) {
  (void)unused;
  struct flow_table t;
  assert_true(flow_table_init(&t, 3, TWO_MSL_US));
  struct decoded p[4];
  for (uint16_t i = 0; i < 4; i++) p[i] = packet_of(1, i);
  for (int i = 0; i < 3; i++) assert_non_null(add(&t, &p[i]));
  assert_null(add(&t, &p[3]));
  take_out(&t, find(&t, &p[1]));
  assert_non_null(add(&t, &p[3]));
  assert_null(find(&t, &p[1]));
  flow_table_destroy(&t);
}

static void lists_keep_their_order(void **unused) {
  (void)unused;
  struct flow_table t;
  struct hot *f[4];
  assert_true(flow_table_init(&t, 4, TWO_MSL_US));
  for (uint16_t i = 0; i < 4; i++) {
    struct decoded p = packet_of(1, i);
    f[i] = add(&t, &p);
    flow_move(&t, f[i], FLOW_HALF_OPEN);
  }
  flow_move(&t, f[0], FLOW_HALF_OPEN);
  flow_move(&t, f[2], FLOW_ENDED);
  assert_ptr_equal(flow_first(&t, FLOW_HALF_OPEN), f[1]);
  assert_ptr_equal(flow_next(&t, f[1]), f[3]);
  assert_ptr_equal(flow_next(&t, f[3]), f[0]);
  assert_null(flow_next(&t, f[0]));
  assert_ptr_equal(flow_first(&t, FLOW_ENDED), f[2]);
  take_out(&t, f[1]);
  flow_move(&t, f[3], FLOW_UNLISTED);
  assert_ptr_equal(flow_first(&t, FLOW_HALF_OPEN), f[0]);
  flow_table_destroy(&t);
}

static int64_t last_us(struct flow_table *t, struct hot *e) {
  return e->form == FLOW_OPEN ? hot_last_us(e) : flow_whole(t, e)->model.last_us;
}

/* A segment at that time: every second connection is kept whole. */
static void hear(struct flow_table *t, uint32_t i, int64_t t_us) {
  struct hot *e = flow_entry(t, i);
  if (e->form == FLOW_FREE) return;
  if (i % 2 == 0) {
    flow_whole(t, e)->model.last_us = t_us;
  } else {
    e->last_us_low = (uint32_t)t_us;
  }
}

static int64_t longest_idle_us(struct flow_table *t) {
  int64_t us = INT64_MAX;
  for (uint32_t i = 0; i < t->entries.untouched; i++) {
    struct hot *e = flow_entry(t, i);
    if (e->form != FLOW_FREE && e->list == FLOW_UNLISTED && last_us(t, e) < us) us = last_us(t, e);
  }
  return us;
}

static void the_longest_idle_goes_first(void **unused) {
  (void)unused;
  enum { N = 1000, ENDED = N / 10 };
  struct flow_table t;
  assert_true(flow_table_init(&t, N, TWO_MSL_US));
  for (unsigned i = 0; i < N; i++) {
    struct decoded p = packet_of(1, (uint16_t)i);
    struct hot *e = add(&t, &p);
    hear(&t, i, (i * 7919) % N); /* all different, and in no order */
    if (i < ENDED) flow_move(&t, e, FLOW_ENDED);
  }
  int64_t now_us = N;
  for (struct hot *e; (e = flow_longest_idle(&t));) {
    assert_int_equal(last_us(&t, e), longest_idle_us(&t));
    take_out(&t, e);
    hear(&t, (uint32_t)now_us % N, now_us); /* this one is heard of again */
    now_us++;
  }
  assert_int_equal(t.entries.used, ENDED);
  flow_table_destroy(&t);
}

/* ---- The three sizes ------------------------------------------------------------------------ */

struct both_ways {
  struct flow_table *t;
  struct decoded there, back;
  bool stamps;
};

static struct flow_place place_of(const struct both_ways *talk, const struct decoded *p) {
  struct flow_place place;
  flow_locate(talk->t, p, &place);
  return place;
}

/* What the watch does with a segment. Returns the entry. */
static struct hot *say(struct both_ways *talk, enum end from, uint8_t flags, uint32_t seq,
                       uint32_t ack, uint32_t bytes, int64_t t_us) {
  struct decoded *p = from == END_CLIENT ? &talk->there : &talk->back;
  p->segment = (struct segment){
      .t_us = t_us, .seq = seq, .ack = ack, .flags = flags, .payload_bytes = bytes, .window = 1000};
  if (talk->stamps) {
    p->segment.options = SEGMENT_HAS_TIMESTAMPS;
    p->segment.tsval = (uint32_t)(t_us / 1000);
    p->segment.tsecr = p->segment.tsval - 1;
    p->segment.ip_id = (uint16_t)(t_us / 10);
    p->segment.hops = 64;
  }
  struct flow_place place = place_of(talk, p);
  enum end found;
  struct hot *e = flow_find(talk->t, &place, &found);
  if (!e) e = flow_add(talk->t, &place, p, &found);
  assert_int_equal(found, from);
  if (e->form == FLOW_OPEN && flow_step(talk->t, e, from, &p->segment)) return e;
  struct model_step step;
  struct flow *f = flow_whole(talk->t, e);
  model_step(&f->model, from, &p->segment, &step);
  if (f->model.roles_seen == ROLES_OF_CLOSE) flow_move(talk->t, e, FLOW_ENDED);
  flow_shrink(talk->t, f);
  return e;
}

static struct both_ways talk_in(struct flow_table *t, bool ipv6) {
  struct both_ways talk = {.t = t, .there = packet_of(7, 40000)};
  if (ipv6) {
    talk.there.family = 6;
    memset(talk.there.source.bytes, 0x20, sizeof talk.there.source.bytes);
    memset(talk.there.destination.bytes, 0x21, sizeof talk.there.destination.bytes);
  }
  talk.back = talk.there;
  talk.back.source = talk.there.destination;
  talk.back.destination = talk.there.source;
  talk.back.source_port = talk.there.destination_port;
  talk.back.destination_port = talk.there.source_port;
  return talk;
}

static void a_connection_is_as_small_as_it_can_be(void **unused) {
  (void)unused;
  enum { SA = SEGMENT_SYN | SEGMENT_ACK, A = SEGMENT_ACK, FA = SEGMENT_FIN | SEGMENT_ACK };
  for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
    struct flow_table t;
    assert_true(flow_table_init(&t, 4, TWO_MSL_US));
    struct both_ways talk = talk_in(&t, ipv6);
    struct hot *e = say(&talk, END_CLIENT, SEGMENT_SYN, 100, 0, 0, 10);
    assert_ptr_equal(flow_first(&t, FLOW_HALF_OPEN), e);
    say(&talk, END_SERVER, SA, 500, 101, 0, 20);
    assert_ptr_equal(flow_first(&t, FLOW_HALF_OPEN), e);
    say(&talk, END_CLIENT, A, 101, 501, 10, 30); /* with data, where the list's links were */
    assert_null(flow_first(&t, FLOW_HALF_OPEN));
    say(&talk, END_SERVER, A, 501, 111, 0, 40);
    assert_int_equal(e->form, FLOW_OPEN);
    say(&talk, END_CLIENT, A, 101, 501, 10, 200040); /* again: the first that has no answer */
    assert_int_equal(e->form, FLOW_OPEN);
    say(&talk, END_CLIENT, A, 101, 501, 10, 200050); /* in vain */
    assert_int_equal(e->form, FLOW_WHOLE);
    say(&talk, END_SERVER, A, 501, 111, 0, 200060);
    assert_int_equal(e->form, FLOW_OPEN);
    assert_int_equal(t.wholes.used, 0);
    say(&talk, END_CLIENT, FA, 111, 501, 0, 200070);
    assert_int_equal(e->form, FLOW_WHOLE);
    say(&talk, END_SERVER, A, 501, 112, 0, 200080);
    say(&talk, END_SERVER, FA, 501, 112, 0, 200090);
    say(&talk, END_CLIENT, A, 112, 502, 0, 200100);
    assert_int_equal(e->form, FLOW_RESTING);
    assert_int_equal(t.wholes.used, 0);
    /* Nothing was forgotten. */
    struct kernel_view *view = (struct kernel_view *)(void *)&talk; /* is not looked into */
    flow_whole(&t, e)->kernel = view;
    flow_shrink(&t, flow_whole(&t, e));
    assert_int_equal(e->form, FLOW_RESTING);
    const struct flow *f = flow_whole(&t, e);
    assert_ptr_equal(f->kernel, view);
    assert_int_equal(f->key.family, ipv6 ? 6 : 4);
    assert_memory_equal(&f->key.address[f->client], &talk.there.source, 4);
    assert_int_equal(f->model.end[END_CLIENT].state, TCPS_TIME_WAIT);
    assert_int_equal(f->model.end[END_CLIENT].data_bytes, 10);
    assert_int_equal(f->model.last_us, 200100);
    take_out(&t, e);
    assert_int_equal(t.entries.used + t.wholes.used + t.resting.used + t.keys.addresses.used, 0);
    flow_table_destroy(&t);
  }
}

/* A model keeps more of a close in which segments were repeated: that has room, too. */
static void a_close_with_losses_rests_too(void **unused) {
  (void)unused;
  enum { SA = SEGMENT_SYN | SEGMENT_ACK, A = SEGMENT_ACK, FA = SEGMENT_FIN | SEGMENT_ACK };
  static const struct {
    enum end from;
    uint8_t flags;
    uint32_t seq, ack, bytes;
  } said[] = {
      {END_CLIENT, SEGMENT_SYN, 100, 0, 0}, {END_SERVER, SA, 500, 101, 0},
      {END_CLIENT, A, 101, 501, 0},         {END_CLIENT, A, 101, 501, 10},
      {END_SERVER, A, 501, 111, 20},        {END_CLIENT, FA, 111, 521, 5},
      {END_CLIENT, FA, 111, 521, 5},        {END_CLIENT, FA, 111, 521, 5},
      {END_SERVER, A, 521, 117, 0},         {END_SERVER, A, 521, 117, 30},
      {END_CLIENT, A, 117, 551, 0},         {END_SERVER, FA, 551, 117, 0},
      {END_SERVER, FA, 551, 117, 0},        {END_CLIENT, A, 117, 552, 0},
      {END_SERVER, FA, 551, 117, 0},        {END_CLIENT, A, 117, 552, 0},
  };
  struct flow_table t;
  assert_true(flow_table_init(&t, 4, TWO_MSL_US));
  struct both_ways talk = talk_in(&t, false);
  talk.stamps = true;
  struct hot *e = NULL;
  int64_t t_us = 1000000;
  for (size_t i = 0; i < sizeof said / sizeof *said; i++, t_us += 210000)
    e = say(&talk, said[i].from, said[i].flags, said[i].seq, said[i].ack, said[i].bytes, t_us);
  assert_int_equal(e->form, FLOW_RESTING);
  take_out(&t, e);
  flow_table_destroy(&t);
}

/* Slots that are looked at until this flow is found. */
static uint64_t search_length(const struct flow_table *t, const struct decoded *p) {
  struct flow_place place;
  flow_locate(t, p, &place);
  struct flow_search search = flow_index_search(&t->index, place.hash);
  while (flow_index_finds(&t->index, &search)) {
    const struct hot *e = flow_entry(t, search.entry);
    bool is_it = memcmp(&e->address[0], &place.key.address[0], sizeof e->address[0]) == 0 &&
                 memcmp(&e->address[1], &place.key.address[1], sizeof e->address[1]) == 0 &&
                 memcmp(e->port, place.key.port, sizeof e->port) == 0;
    if (is_it) return search.found_at - flow_index_home(&t->index, place.hash) + 1;
  }
  fail_msg("a flow that was added is not there");
  return 0;
}

/* Tuples whose hash without a key begins with the same bits, as an attacker would choose them: they
 * would all be looked for in one place. */
static void chosen_tuples_make_no_search_long(void **unused) {
  (void)unused;
  enum { N = 20000, SAME_BITS = 8 };
  static struct decoded chosen[N];
  static const struct flow_keys without_secret;
  unsigned n = 0;
  for (uint32_t client = 1; n < N; client++)
    for (uint32_t port = 1024; port < 65536 && n < N; port++) {
      struct decoded p = packet_of(client, (uint16_t)port);
      struct flow_key key;
      uint8_t half;
      if (flow_key_of_ip4(&without_secret, &p, &key, &half) >> (64 - SAME_BITS) == 0)
        chosen[n++] = p;
    }
  uint64_t length[2] = {0};
  for (unsigned kind = 0; kind < 2; kind++) {
    struct flow_table t;
    assert_true(flow_table_init(&t, N, TWO_MSL_US));
    for (unsigned i = 0; i < N; i++) {
      if (kind == 1) chosen[i] = packet_of((uint32_t)rand(), (uint16_t)i);
      assert_non_null(add(&t, &chosen[i]));
    }
    for (unsigned i = 0; i < N; i++) length[kind] += search_length(&t, &chosen[i]);
    flow_table_destroy(&t);
  }
  assert_true(length[0] < 2 * length[1]);
  assert_true(length[1] < 4 * N);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_directions_are_one_flow),
      cmocka_unit_test(a_place_depends_on_the_packet_alone),
      cmocka_unit_test(what_is_there_is_found_and_nothing_else),
      cmocka_unit_test(a_full_table_takes_no_more),
      cmocka_unit_test(lists_keep_their_order),
      cmocka_unit_test(the_longest_idle_goes_first),
      cmocka_unit_test(a_connection_is_as_small_as_it_can_be),
      cmocka_unit_test(a_close_with_losses_rests_too),
      cmocka_unit_test(chosen_tuples_make_no_search_long),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
