#include "capture/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/* It reads by memcpy: as it reads by itself, in a way that gcc 14 takes for no access to a struct,
 * a key is hashed before it is written. */
#define XXH_FORCE_MEMORY_ACCESS 0
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/model/seq.h"

static_assert(FLOW_SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "the hash takes a secret of this size");

/* The index is at most three fifths full, so that a search looks at two or three slots. */
enum { SLOTS_MIN = 1 << 10, FULL_NUMERATOR = 3, FULL_DENOMINATOR = 5 };

/* Reserved, not touched: a page costs memory when it is first written to. Large pages, where the
 * system has them to give, spare most of the misses of the address translation. */
static void *reserve(size_t bytes) {
  void *p =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return NULL;
  (void)madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

static void give_back(void *p, size_t bytes) {
  if (p) munmap(p, bytes);
}

bool flow_table_init(struct flow_table *t, uint32_t max) {
  enum { IDLE_SHARE = 16, IDLE_MAX = 1 << 16 };
  memset(t, 0, sizeof *t);
  t->max = max;
  t->n_slots = SLOTS_MIN;
  t->idle.room = max / IDLE_SHARE + 1 < IDLE_MAX ? max / IDLE_SHARE + 1 : IDLE_MAX;
  t->flows = reserve(max * sizeof *t->flows);
  t->slots = reserve(t->n_slots * sizeof *t->slots);
  t->idle.since = reserve(t->idle.room * sizeof *t->idle.since);
  bool drawn = getrandom(t->secret, sizeof t->secret, 0) == (ssize_t)sizeof t->secret;
  if (t->flows && t->slots && t->idle.since && drawn) return true;
  flow_table_destroy(t);
  return false;
}

void flow_table_destroy(struct flow_table *t) {
  give_back(t->flows, t->max * sizeof *t->flows);
  give_back(t->slots, t->n_slots * sizeof *t->slots);
  give_back(t->idle.since, t->idle.room * sizeof *t->idle.since);
  memset(t, 0, sizeof *t);
}

/* ---- The index ------------------------------------------------------------------------------ */

static uint64_t slot_of(uint32_t tag, uint32_t entry) { return (uint64_t)tag << 32 | (entry + 1); }
static uint32_t slot_tag(uint64_t slot) { return (uint32_t)(slot >> 32); }
static uint32_t slot_entry(uint64_t slot) { return (uint32_t)slot - 1; }

static void index_put(struct flow_table *t, uint64_t slot) {
  uint32_t mask = t->n_slots - 1, at = slot_tag(slot) & mask;
  while (t->slots[at]) at = (at + 1) & mask;
  t->slots[at] = slot;
}

/* Twice as large. The tags are all that it takes. */
static bool index_double(struct flow_table *t) {
  uint64_t *old = t->slots, *larger = reserve(2 * (size_t)t->n_slots * sizeof *t->slots);
  uint32_t n = t->n_slots;
  if (!larger) return false;
  t->slots = larger;
  t->n_slots = 2 * n;
  for (uint32_t i = 0; i < n; i++)
    if (old[i]) index_put(t, old[i]);
  give_back(old, n * sizeof *old);
  return true;
}

/* The slots behind the one that becomes free move up, as far as that brings them nearer to where
 * they are looked for first: a search may end at any free slot. */
static void index_take(struct flow_table *t, uint64_t slot) {
  uint32_t mask = t->n_slots - 1, hole = slot_tag(slot) & mask;
  while (t->slots[hole] != slot) hole = (hole + 1) & mask;
  for (uint32_t at = (hole + 1) & mask; t->slots[at]; at = (at + 1) & mask) {
    uint32_t home = slot_tag(t->slots[at]) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    t->slots[hole] = t->slots[at];
    hole = at;
  }
  t->slots[hole] = 0;
}

static bool is_key(const struct flow_key *a, const struct flow_key *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

static struct flow *look_up(const struct flow_table *t, const struct flow_place *place) {
  uint32_t mask = t->n_slots - 1;
  for (uint32_t at = place->tag & mask; t->slots[at]; at = (at + 1) & mask) {
    if (slot_tag(t->slots[at]) != place->tag) continue;
    struct flow *f = &t->flows[slot_entry(t->slots[at])];
    if (is_key(&f->key, &place->key)) return f;
  }
  return NULL;
}

/* ---- Four-tuples ---------------------------------------------------------------------------- */

static void place_between(const struct flow_table *t, uint8_t family,
                          const struct decode_address *one, uint16_t one_port,
                          const struct decode_address *other, uint16_t other_port,
                          struct flow_place *place) {
  int order = memcmp(one, other, sizeof *one);
  if (order == 0) order = one_port < other_port ? -1 : 1;
  unsigned half = order <= 0 ? 0 : 1;
  struct flow_key *key = &place->key;
  key->address[half] = *one;
  key->address[1 - half] = *other;
  key->port[half] = one_port;
  key->port[1 - half] = other_port;
  key->family = family;
  memset(key->zero, 0, sizeof key->zero);
  place->half = (uint8_t)half;
  place->tag = (uint32_t)XXH3_64bits_withSecret(key, sizeof *key, t->secret, sizeof t->secret);
}

void flow_locate(const struct flow_table *t, const struct decoded *p, struct flow_place *place) {
  place_between(t, p->family, &p->source, p->source_port, &p->destination, p->destination_port,
                place);
  __builtin_prefetch(&t->slots[place->tag & (t->n_slots - 1)]);
}

void flow_prefetch(const struct flow_table *t, const struct flow_place *place) {
  uint64_t slot = t->slots[place->tag & (t->n_slots - 1)];
  if (slot) __builtin_prefetch(&t->flows[slot_entry(slot)], 1);
}

struct flow *flow_find(const struct flow_table *t, const struct flow_place *place, enum end *from) {
  struct flow *f = look_up(t, place);
  if (f) *from = flow_end_of(f, place->half);
  return f;
}

struct flow *flow_between(const struct flow_table *t, uint8_t family,
                          const struct decode_address *one, uint16_t one_port,
                          const struct decode_address *other, uint16_t other_port, enum end *end) {
  struct flow_place place;
  place_between(t, family, one, one_port, other, other_port, &place);
  return flow_find(t, &place, end);
}

/* ---- Flows ---------------------------------------------------------------------------------- */

static void start(struct flow *f, const struct decoded *p, unsigned source_half,
                  int64_t two_msl_us) {
  bool syn = segment_has(&p->segment, SEGMENT_SYN);
  bool answer = syn && segment_has(&p->segment, SEGMENT_ACK);
  f->client = (uint8_t)(answer ? 1 - source_half : source_half);
  f->roles_by = syn ? ROLES_BY_SYN : ROLES_BY_FIRST_SEGMENT;
  f->number = 0;
  f->verdicts = 0;
  f->is_closing = f->may_lack_begin = f->has_pending_syn = false;
  f->has_payload[0] = f->has_payload[1] = f->has_text = false;
  memset(f->copy_hash, 0, sizeof f->copy_hash);
  memset(&f->reported, 0, sizeof f->reported);
  model_init(&f->model, two_msl_us);
}

struct flow *flow_add(struct flow_table *t, const struct flow_place *place, const struct decoded *p,
                      int64_t two_msl_us, enum end *from) {
  if (t->used == t->max) return NULL;
  uint64_t room = (uint64_t)t->n_slots * FULL_NUMERATOR / FULL_DENOMINATOR;
  if (t->used + 1 > room && !index_double(t)) return NULL;
  struct flow *f = t->free;
  if (f)
    t->free = f->next;
  else
    f = &t->flows[t->untouched++];
  f->key = place->key;
  f->tag = place->tag;
  f->in_use = true;
  f->list = FLOW_UNLISTED;
  f->kernel = NULL;
  f->next = f->previous = NULL;
  deadline_init(&f->deadline);
  index_put(t, slot_of(f->tag, (uint32_t)(f - t->flows)));
  t->used++;
  start(f, p, place->half, two_msl_us);
  *from = flow_end_of(f, place->half);
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
  if (f->list == FLOW_UNLISTED) return;
  *(f->previous ? &f->previous->next : &t->head[f->list]) = f->next;
  *(f->next ? &f->next->previous : &t->tail[f->list]) = f->previous;
  f->next = f->previous = NULL;
  f->list = FLOW_UNLISTED;
}

void flow_move(struct flow_table *t, struct flow *f, enum flow_list list) {
  unlink_from_list(t, f);
  if (list == FLOW_UNLISTED) return;
  f->list = (uint8_t)list;
  f->previous = t->tail[list];
  *(t->tail[list] ? &t->tail[list]->next : &t->head[list]) = f;
  t->tail[list] = f;
}

void flow_remove(struct flow_table *t, struct flow *f) {
  unlink_from_list(t, f);
  index_take(t, slot_of(f->tag, (uint32_t)(f - t->flows)));
  f->in_use = false;
  f->next = t->free;
  t->free = f;
  t->used--;
}

void flow_restart(struct flow_table *t, struct flow *f, const struct decoded *p,
                  const struct flow_place *place, int64_t two_msl_us, enum end *from) {
  unlink_from_list(t, f);
  start(f, p, place->half, two_msl_us);
  *from = flow_end_of(f, place->half);
}

void flow_swap_roles(struct flow *f) {
  f->client = (uint8_t)(1 - f->client);
  model_swap_ends(&f->model);
}

bool flow_has_closed(const struct flow *f) { return connection_has_closed(&f->model); }

bool flow_repeats(const struct flow *f, enum end from, const struct segment *s) {
  const struct model *m = &f->model;
  const struct endpoint *e = &m->end[from];
  if (m->segments == 0 || s->t_us > m->last_us) return false;
  if (segment_has(s, SEGMENT_RST)) return m->rst.t_us != 0;
  if (!e->has_seq || seq_lt(s->seq, e->first_seq)) return false;
  if (seq_gt(segment_end(s), e->stream.snd_nxt)) return false;
  if (segment_has(s, SEGMENT_ACK) && !(e->offer.has_ack && seq_leq(s->ack, e->offer.ack_max)))
    return false;
  if (segment_has(s, SEGMENT_SYN) && !e->sent_syn) return false;
  return !segment_has(s, SEGMENT_FIN) || e->has_fin;
}

static int64_t closed_us(const struct flow *f) {
  return flow_has_closed(f) ? f->model.last_control_us : f->model.last_us;
}

static int compare_closes(const void *one, const void *other) {
  const struct flow *a = *(struct flow *const *)one, *b = *(struct flow *const *)other;
  if (closed_us(a) != closed_us(b)) return closed_us(a) < closed_us(b) ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

struct flow **flow_in_order_of_closes(struct flow_table *t, uint32_t *n) {
  struct flow **rest = malloc((t->untouched + 1) * sizeof(struct flow *));
  *n = t->untouched;
  if (!rest) return NULL;
  *n = 0;
  for (uint32_t i = 0; i < t->untouched; i++)
    if (t->flows[i].in_use) rest[(*n)++] = &t->flows[i];
  qsort(rest, *n, sizeof *rest, compare_closes);
  return rest;
}

/* ---- The longest idle ----------------------------------------------------------------------- */

/* A heap whose top is the one that was heard of last. */
static void sift_down(struct flow_idle *idle, uint32_t at) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= idle->n) return;
    if (child + 1 < idle->n && idle->since[child + 1].last_us > idle->since[child].last_us) child++;
    if (idle->since[child].last_us <= idle->since[at].last_us) return;
    struct flow_idle_since since = idle->since[at];
    idle->since[at] = idle->since[child];
    idle->since[child] = since;
    at = child;
  }
}

static int by_idleness(const void *one, const void *other) {
  const struct flow_idle_since *a = one, *b = other;
  if (a->last_us != b->last_us) return a->last_us < b->last_us ? -1 : 1;
  return (a->entry > b->entry) - (a->entry < b->entry);
}

/* One look at all of them finds the next few thousand to go, which stay the longest idle until they
 * are heard of again. */
static void find_idle(struct flow_table *t) {
  struct flow_idle *idle = &t->idle;
  idle->n = idle->taken = 0;
  for (uint32_t i = 0; i < t->untouched; i++) {
    const struct flow *f = &t->flows[i];
    struct flow_idle_since since = {f->model.last_us, i};
    if (!f->in_use || f->list != FLOW_UNLISTED) continue;
    if (idle->n < idle->room) {
      idle->since[idle->n++] = since;
      if (idle->n == idle->room)
        for (uint32_t at = idle->n / 2; at-- > 0;) sift_down(idle, at);
    } else if (since.last_us < idle->since[0].last_us) {
      idle->since[0] = since;
      sift_down(idle, 0);
    }
  }
  qsort(idle->since, idle->n, sizeof *idle->since, by_idleness);
}

struct flow *flow_longest_idle(struct flow_table *t) {
  struct flow_idle *idle = &t->idle;
  for (int look = 0; look < 2; look++) {
    while (idle->taken < idle->n) {
      const struct flow_idle_since *since = &idle->since[idle->taken++];
      struct flow *f = &t->flows[since->entry];
      if (f->in_use && f->list == FLOW_UNLISTED && f->model.last_us == since->last_us) return f;
    }
    if (look == 0) find_idle(t);
  }
  return NULL;
}

const char *flow_end_name(const struct flow *f, enum end end, char buffer[static FLOW_NAME_SIZE]) {
  unsigned half = flow_half_of(f, end);
  return name_endpoint(f->key.family, &f->key.address[half], f->key.port[half], buffer);
}
