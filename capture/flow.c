#include "capture/flow.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BUCKETS = FLOW_MAX };

bool flow_table_init(struct flow_table *t) {
  memset(t, 0, sizeof *t);
  t->flows = calloc(FLOW_MAX, sizeof *t->flows);
  t->buckets = calloc(BUCKETS, sizeof *t->buckets);
  if (t->flows && t->buckets) return true;
  flow_table_destroy(t);
  return false;
}

void flow_table_destroy(struct flow_table *t) {
  free(t->flows);
  free(t->buckets);
  memset(t, 0, sizeof *t);
}

static struct flow_key key_between(uint8_t family, const struct decode_address *one,
                                   uint16_t one_port, const struct decode_address *other,
                                   uint16_t other_port, unsigned *half_of_one) {
  struct flow_key key = {.family = family};
  int order = memcmp(one, other, sizeof *one);
  if (order == 0) order = one_port < other_port ? -1 : 1;
  unsigned half = order <= 0 ? 0 : 1;
  key.address[half] = *one;
  key.address[1 - half] = *other;
  key.port[half] = one_port;
  key.port[1 - half] = other_port;
  *half_of_one = half;
  return key;
}

static struct flow_key key_of(const struct decoded *p, unsigned *source_half) {
  return key_between(p->family, &p->source, p->source_port, &p->destination, p->destination_port,
                     source_half);
}

static struct flow **bucket_of(struct flow_table *t, const struct flow_key *key) {
  return &t->buckets[XXH3_64bits(key, sizeof *key) % BUCKETS];
}

static enum end end_of(const struct flow *f, unsigned half) {
  return half == f->client ? END_CLIENT : END_SERVER;
}

/* The client sent the SYN or, failing that, the first segment. */
static void start(struct flow *f, const struct decoded *p, unsigned source_half,
                  int64_t two_msl_us) {
  bool is_syn_ack = segment_has(&p->segment, SEGMENT_SYN) && segment_has(&p->segment, SEGMENT_ACK);
  f->client = (uint8_t)(is_syn_ack ? 1 - source_half : source_half);
  f->number = 0;
  f->verdicts = 0;
  f->has_pending_syn = false;
  memset(f->copy_hash, 0, sizeof f->copy_hash);
  model_init(&f->model, two_msl_us);
}

static struct flow *look_up(struct flow *const *bucket, const struct flow_key *key) {
  for (struct flow *f = *bucket; f; f = f->chain)
    if (memcmp(&f->key, key, sizeof *key) == 0) return f;
  return NULL;
}

struct flow *flow_between(struct flow_table *t, uint8_t family, const struct decode_address *one,
                          uint16_t one_port, const struct decode_address *other,
                          uint16_t other_port, enum end *end) {
  unsigned half;
  struct flow_key key = key_between(family, one, one_port, other, other_port, &half);
  struct flow *f = look_up(bucket_of(t, &key), &key);
  if (f) *end = end_of(f, half);
  return f;
}

struct flow *flow_find(struct flow_table *t, const struct decoded *p, int64_t two_msl_us,
                       enum end *from) {
  unsigned half;
  struct flow_key key = key_of(p, &half);
  struct flow **bucket = bucket_of(t, &key);
  struct flow *f = look_up(bucket, &key);
  if (f) {
    *from = end_of(f, half);
    return f;
  }
  f = t->free;
  if (f) {
    t->free = f->chain;
  } else if (t->untouched < FLOW_MAX) {
    f = &t->flows[t->untouched++];
  } else {
    t->not_followed++;
    return NULL;
  }
  f->key = key;
  f->in_use = true;
  f->list = FLOW_IDLE;
  f->kernel = NULL;
  f->chain = *bucket;
  *bucket = f;
  t->used++;
  start(f, p, half, two_msl_us);
  *from = end_of(f, half);
  return f;
}

bool flow_is_copy(struct flow *f, const struct decoded *p, enum end from) {
  /* With an identification of its own a datagram is told apart for long; without one, only time
   * tells, and a repetition is never as quick as a bridge. */
  enum { COPY_WITH_ID_US = 100000, COPY_US = 2000 };
  const struct segment *s = &p->segment;
  const uint32_t fields[] = {s->seq,   s->ack,   s->payload_bytes, s->tsval,
                             s->tsecr, p->ip_id, s->window,        s->flags | (uint32_t)from << 8};
  uint64_t hash = XXH3_64bits(fields, sizeof fields);
  /* Resets without an identification answer one segment each, and all look the same. */
  if (segment_has(s, SEGMENT_RST) && p->ip_id == 0) return false;
  int64_t limit_us = p->ip_id != 0 ? COPY_WITH_ID_US : COPY_US;
  bool copy = false;
  for (int i = 0; i < FLOW_COPIES; i++)
    copy = copy || (f->copy_hash[i] == hash && s->t_us - f->copy_us[i] <= limit_us);
  f->copy_hash[f->copy_next] = hash;
  f->copy_us[f->copy_next] = s->t_us;
  f->copy_next = (uint8_t)((f->copy_next + 1) % FLOW_COPIES);
  return copy;
}

static void unlink_from_list(struct flow_table *t, struct flow *f) {
  if (f->list == FLOW_IDLE) return;
  t->length[f->list]--;
  *(f->previous ? &f->previous->next : &t->head[f->list]) = f->next;
  *(f->next ? &f->next->previous : &t->tail[f->list]) = f->previous;
  f->next = f->previous = NULL;
  f->list = FLOW_IDLE;
}

void flow_move(struct flow_table *t, struct flow *f, enum flow_list list) {
  unlink_from_list(t, f);
  if (list == FLOW_IDLE) return;
  f->list = (uint8_t)list;
  t->length[list]++;
  f->previous = t->tail[list];
  *(t->tail[list] ? &t->tail[list]->next : &t->head[list]) = f;
  t->tail[list] = f;
}

void flow_remove(struct flow_table *t, struct flow *f) {
  unlink_from_list(t, f);
  struct flow **link = bucket_of(t, &f->key);
  while (*link != f) link = &(*link)->chain;
  *link = f->chain;
  f->in_use = false;
  f->chain = t->free;
  t->free = f;
  t->used--;
}

void flow_restart(struct flow_table *t, struct flow *f, const struct decoded *p, int64_t two_msl_us,
                  enum end *from) {
  unsigned half;
  (void)key_of(p, &half);
  unlink_from_list(t, f);
  start(f, p, half, two_msl_us);
  *from = end_of(f, half);
}

bool flow_has_closed(const struct flow *f) { return connection_has_closed(&f->model); }

enum end flow_end_of(const struct flow *f, const struct decoded *p) {
  unsigned half;
  (void)key_of(p, &half);
  return end_of(f, half);
}

const char *flow_end_name(const struct flow *f, enum end end, char buffer[static FLOW_NAME_SIZE]) {
  unsigned half = flow_half_of(f, end);
  return name_endpoint(f->key.family, &f->key.address[half], f->key.port[half], buffer);
}
