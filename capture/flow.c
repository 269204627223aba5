#include "capture/flow.h"

#include <assert.h>
#include <string.h>

#include "capture/hot_model.h"
#include "capture/hot_step.h"

static_assert(FLOW_UNLISTED < 8 && FLOW_ORDINARY < 8 && ROLES_BY_FIRST_SEGMENT < 4,
              "an entry has so many bits for each");

bool flow_table_init(struct flow_table *t, uint32_t max, int64_t two_msl_us) {
  memset(t, 0, sizeof *t);
  t->two_msl_us = two_msl_us;
  t->opened = pool_reserve(max * sizeof *t->opened);
  bool reserved = flow_index_init(&t->index, max) && flow_order_init(&t->order, max) &&
                  pool_init(&t->entries, max, sizeof(struct hot)) &&
                  pool_init(&t->wholes, max, sizeof(struct flow)) &&
                  pool_init(&t->resting, max, sizeof(struct flow_resting)) &&
                  ordinaries_init(&t->ordinaries, max * 2, two_msl_us) &&
                  flow_keys_init(&t->keys, max);
  if (reserved && t->opened) return true;
  flow_table_destroy(t);
  return false;
}

void flow_table_destroy(struct flow_table *t) {
  pool_destroy(&t->entries);
  pool_destroy(&t->wholes);
  pool_destroy(&t->resting);
  flow_keys_destroy(&t->keys);
  ordinaries_destroy(&t->ordinaries);
  pool_give_back(t->opened, t->entries.max * sizeof *t->opened);
  flow_index_destroy(&t->index);
  flow_order_destroy(&t->order);
  memset(t, 0, sizeof *t);
}

static uint32_t number_of(const struct flow_table *t, const struct hot *e) {
  return (uint32_t)(e - (const struct hot *)(const void *)t->entries.objects);
}

/* ---- Where a connection is ------------------------------------------------------------------- */

/* The upper half, on which all of what was hashed bears. */
static uint32_t index_hash(uint64_t hash) { return (uint32_t)(hash >> 32); }

/* For the index. */
static bool hash_entry(const void *table, uint32_t number, uint32_t *hash) {
  const struct flow_table *t = table;
  const struct hot *e = flow_entry(t, number);
  if (e->form == FLOW_FREE) return false;
  *hash = index_hash(flow_key_hash_entry(&t->keys, e));
  return true;
}

static inline void locate(const struct flow_table *t, const struct decoded *p, uint64_t hash,
                          struct flow_place *place) {
  place->hash = index_hash(hash);
  place->likely = NULL;
  flow_index_prefetch(&t->index, place->hash);
  place->segment_hash = flow_key_hash_segment(&t->keys, p, place->half, hash);
}

static __attribute__((noinline)) void locate_ip6(const struct flow_table *t,
                                                 const struct decoded *p,
                                                 struct flow_place *place) {
  locate(t, p, flow_key_of_ip6(&t->keys, p, &place->key, &place->half), place);
}

__attribute__((flatten)) void flow_locate(const struct flow_table *t, const struct decoded *p,
                                          struct flow_place *place) {
  if (p->family == 6)
    locate_ip6(t, p, place);
  else
    locate(t, p, flow_key_of_ip4(&t->keys, p, &place->key, &place->half), place);
}

static void prefetch(const void *object, size_t size) {
  enum { LINE = 64 };
  for (size_t at = 0; at < size; at += LINE) __builtin_prefetch((const char *)object + at, 1);
  /* Where it does not begin with a line there is one more. */
  __builtin_prefetch((const char *)object + size - 1, 1);
}

void flow_prefetch(const struct flow_table *t, struct flow_place *place) {
  struct flow_search search = flow_index_search(&t->index, place->hash);
  if (!flow_index_finds(&t->index, &search)) return;
  place->likely = flow_entry(t, search.entry);
  prefetch(place->likely, sizeof *place->likely);
}

void flow_prefetch_after(const struct flow_table *t, const struct hot *e) {
  enum { RECORDS_AHEAD = 4 };
  const struct hot *next = e;
  for (unsigned i = 0; next && i < RECORDS_AHEAD; i++) next = flow_next(t, next);
  if (next) {
    prefetch(ordinary_of(&t->ordinaries, next), sizeof(struct ordinary));
    flow_index_prefetch(&t->index, index_hash(flow_key_hash_entry(&t->keys, next)));
  }
  if (e->list == FLOW_ORDINARY_ENDED)
    prefetch(flow_entry(t, ordinary_of(&t->ordinaries, e)->ahead), sizeof *e);
}

/* Its neighbours, if it is in a list: they are written to when it moves. */
static void prefetch_neighbours(const struct flow_table *t, const struct hot *e) {
  uint32_t next = e->end[0].data_ack, previous = e->end[1].data_ack;
  if (e->list == FLOW_UNLISTED) return;
  if (next) __builtin_prefetch(&flow_entry(t, next - 1)->end[1].data_ack, 1);
  if (previous) __builtin_prefetch(&flow_entry(t, previous - 1)->end[0].data_ack, 1);
}

void flow_prefetch_whole(const struct flow_table *t, const struct flow_place *place) {
  const struct hot *e = place->likely;
  if (!e) return;
  prefetch_neighbours(t, e);
  if (e->form != FLOW_WHOLE && e->form != FLOW_ORDINARY) return;
  bool is_whole = e->form == FLOW_WHOLE;
  prefetch(pool_at(is_whole ? &t->wholes : &t->ordinaries.records, e->attached),
           is_whole ? sizeof(struct flow) : sizeof(struct ordinary));
}

struct hot *flow_search(const struct flow_table *t, const struct flow_place *place) {
  struct flow_search search = flow_index_search(&t->index, place->hash);
  while (flow_index_finds(&t->index, &search)) {
    struct hot *e = flow_entry(t, search.entry);
    if (flow_is_at(t, e, place)) return e;
  }
  return NULL;
}

struct hot *flow_between(const struct flow_table *t, uint8_t family,
                         const struct decode_address *one, uint16_t one_port,
                         const struct decode_address *other, uint16_t other_port, enum end *end) {
  const struct decoded between = {.family = family,
                                  .source = *one,
                                  .destination = *other,
                                  .source_port = one_port,
                                  .destination_port = other_port};
  struct flow_place place;
  flow_locate(t, &between, &place);
  *end = END_NONE;
  return flow_find(t, &place, end);
}

/* ---- Lists ---------------------------------------------------------------------------------- */

/* Where an entry has its neighbours, whatever its form is: hot.h. */
static uint32_t *next_of(struct hot *e) { return &e->end[0].data_ack; }
static uint32_t *previous_of(struct hot *e) { return &e->end[1].data_ack; }

struct hot *flow_first(const struct flow_table *t, enum flow_list list) {
  return t->head[list] ? flow_entry(t, t->head[list] - 1) : NULL;
}

struct hot *flow_next(const struct flow_table *t, const struct hot *e) {
  return e->end[0].data_ack ? flow_entry(t, e->end[0].data_ack - 1) : NULL;
}

static void unlink_from_list(struct flow_table *t, struct hot *e) {
  if (e->list == FLOW_UNLISTED) return;
  uint32_t next = *next_of(e), previous = *previous_of(e);
  *(previous ? next_of(flow_entry(t, previous - 1)) : &t->head[e->list]) = next;
  *(next ? previous_of(flow_entry(t, next - 1)) : &t->tail[e->list]) = previous;
  *next_of(e) = *previous_of(e) = 0;
  e->list = FLOW_UNLISTED;
}

void flow_move(struct flow_table *t, struct hot *e, enum flow_list list) {
  unlink_from_list(t, e);
  if (list == FLOW_UNLISTED) return;
  uint32_t self = number_of(t, e) + 1, last = t->tail[list];
  e->list = list & 7U;
  *previous_of(e) = last;
  *next_of(e) = 0;
  *(last ? next_of(flow_entry(t, last - 1)) : &t->head[list]) = self;
  t->tail[list] = self;
}

/* ---- Forms ---------------------------------------------------------------------------------- */

/* The client sent the SYN, or at first whoever sends the first segment. */
static enum end set_client(struct hot *e, const struct decoded *p, unsigned source_half) {
  bool syn = segment_has(&p->segment, SEGMENT_SYN);
  bool answer = syn && segment_has(&p->segment, SEGMENT_ACK);
  e->client = (answer ? 1 - source_half : source_half) & 1U;
  e->roles_by = syn ? ROLES_BY_SYN : ROLES_BY_FIRST_SEGMENT;
  return answer ? END_SERVER : END_CLIENT;
}

struct hot *flow_add(struct flow_table *t, const struct flow_place *place, const struct decoded *p,
                     enum end *from) {
  uint32_t number;
  if (flow_is_full(t)) return NULL;
  struct hot *e = pool_take(&t->entries, &number);
  if (!flow_index_put(&t->index, place->hash, number, t->entries.untouched, hash_entry, t)) {
    e->form = FLOW_FREE;
    pool_give(&t->entries, number);
    return NULL;
  }
  memset(e, 0, sizeof *e);
  e->form = FLOW_OPEN;
  e->list = FLOW_UNLISTED;
  flow_key_put(&t->keys, e, &place->key);
  *from = set_client(e, p, place->half);
  return e;
}

bool flow_step(struct flow_table *t, struct hot *e, enum end from, const struct segment *s) {
  /* hot_step takes neither. */
  if (e->list == FLOW_UNLISTED && (s->flags & (SEGMENT_FIN | SEGMENT_RST))) return false;
  /* Its first data take the place of the neighbours in the list, which it then leaves. */
  if (e->list == FLOW_HALF_OPEN && from == END_CLIENT) unlink_from_list(t, e);
  if (!hot_step(e, from, s)) return false;
  /* What is open stays so, and is in no list. */
  if (e->list == FLOW_UNLISTED && !segment_has(s, SEGMENT_SYN)) return true;
  bool half_open = hot_is_half_open(e);
  if (half_open != (e->list == FLOW_HALF_OPEN))
    flow_move(t, e, half_open ? FLOW_HALF_OPEN : FLOW_UNLISTED);
  return true;
}

/* It is the last of those that have ended. */
static void tell_those_before(struct flow_table *t, const struct hot *e) {
  uint32_t *turn = &t->ended[t->n_ended++ % FLOW_AHEAD], self = number_of(t, e);
  const struct hot *before = flow_entry(t, *turn);
  ordinary_of(&t->ordinaries, e)->ahead = self;
  if (before->list == FLOW_ORDINARY_ENDED) ordinary_of(&t->ordinaries, before)->ahead = self;
  *turn = self;
}

bool flow_close(struct flow_table *t, struct hot *e, enum end from, const struct segment *s) {
  if (e->form == FLOW_OPEN) {
    if (!ordinary_begin(&t->ordinaries, e, from, s)) return false;
    e->form = FLOW_ORDINARY;
  } else if (e->form != FLOW_ORDINARY || !ordinary_step(&t->ordinaries, e, from, s)) {
    return false;
  }
  bool ended = ordinary_has_ended(&t->ordinaries, e);
  flow_move(t, e, ended ? FLOW_ORDINARY_ENDED : FLOW_ORDINARY_BEGUN);
  if (ended) tell_those_before(t, e);
  return true;
}

int64_t flow_last_us(const struct flow_table *t, const struct hot *e) {
  const struct flow *f;
  const struct flow_resting *r;
  switch ((enum flow_form)e->form) {
    case FLOW_FREE:
    case FLOW_OPEN: break;
    case FLOW_ORDINARY: return ordinary_last_us(&t->ordinaries, e);
    case FLOW_WHOLE: f = pool_at(&t->wholes, e->attached); return f->model.last_us;
    case FLOW_RESTING: r = pool_at(&t->resting, e->attached); return r->last_us;
  }
  return hot_last_us(e);
}

/* 0: its SYN was not captured. */
static uint32_t opened_as(const struct flow_table *t, const struct hot *e) {
  uint32_t place = number_of(t, e);
  if (!e->is_opened) return 0;
  return e->has_number ? t->opened[place] : place + 1;
}

static struct flow *attach(struct flow_table *t, struct hot *e) {
  uint32_t number;
  struct flow *f = pool_take(&t->wholes, &number);
  f->entry = number_of(t, e);
  f->number = opened_as(t, e);
  f->is_opened = e->is_opened;
  f->client = e->client;
  f->roles_by = e->roles_by;
  f->reported = (struct flow_reported){0};
  f->verdicts = f->told_stuck = 0;
  f->is_closing = f->has_pending_syn = false;
  f->may_lack_begin = e->lacks_begin;
  f->has_text = e->has_text;
  f->kernel = NULL;
  flow_key_get(&t->keys, e, &f->key);
  e->form = FLOW_WHOLE;
  e->attached = number;
  return f;
}

static void detach(struct flow_table *t, struct hot *e) {
  const struct flow *f = pool_at(&t->wholes, e->attached);
  e->lacks_begin = f->may_lack_begin;
  e->has_text = f->has_text;
  e->roles_by = f->roles_by & 3U;
  pool_give(&t->wholes, e->attached);
}

static_assert(sizeof(struct model) == FLOW_MODEL_PAIRS * sizeof(struct flow_pair), "no rest");

int64_t flow_closed_us(const struct flow *f) {
  return connection_has_closed(&f->model) ? f->model.last_control_us : f->model.last_us;
}

/* False: too many are not zero. */
static bool rest(struct flow_resting *r, const struct flow *f) {
  const struct flow_pair *model = (const struct flow_pair *)(const void *)&f->model;
  struct flow_pair *pair = r->pairs, *end = r->pairs + FLOW_RESTING_PAIRS;
  memset(r->used, 0, sizeof r->used);
  for (unsigned i = 0; i < FLOW_MODEL_PAIRS; i++) {
    if ((model[i].word[0] | model[i].word[1]) == 0) continue;
    if (pair == end) return false;
    *pair++ = model[i];
    r->used[i / 64] |= UINT64_C(1) << i % 64;
  }
  r->closed_us = flow_closed_us(f);
  r->last_us = f->model.last_us;
  r->number = f->number;
  r->reported = f->reported;
  r->verdicts = f->verdicts;
  r->is_closing = f->is_closing;
  r->kernel = f->kernel;
  return true;
}

static void wake(struct model *m, const struct flow_resting *r) {
  struct flow_pair *model = (struct flow_pair *)(void *)m;
  const struct flow_pair *pair = r->pairs;
  memset(m, 0, sizeof *m);
  for (unsigned i = 0; i < sizeof r->used / sizeof *r->used; i++)
    for (uint64_t left = r->used[i]; left; left &= left - 1)
      model[i * 64 + (unsigned)__builtin_ctzll(left)] = *pair++;
}

struct flow *flow_whole(struct flow_table *t, struct hot *e) {
  struct flow *f = NULL;
  switch ((enum flow_form)e->form) {
    case FLOW_FREE: break;
    case FLOW_WHOLE: return pool_at(&t->wholes, e->attached);
    case FLOW_OPEN: {
      const struct hot open = *e;
      f = attach(t, e);
      hot_open(&open, t->two_msl_us, &f->model);
      deadline_init(&e->deadline);
      break;
    }
    case FLOW_RESTING: {
      uint32_t number = e->attached;
      const struct flow_resting *r = pool_at(&t->resting, number);
      f = attach(t, e);
      f->number = r->number;
      f->reported = r->reported;
      f->verdicts = r->verdicts;
      f->is_closing = r->is_closing;
      f->kernel = r->kernel;
      wake(&f->model, r);
      pool_give(&t->resting, number);
      break;
    }
    case FLOW_ORDINARY: {
      unlink_from_list(t, e);
      const struct hot closing = *e;
      f = attach(t, e);
      f->is_closing = true;
      ordinary_open(&t->ordinaries, &closing, &f->model, NULL);
      ordinary_drop(&t->ordinaries, closing.attached);
      deadline_init(&e->deadline);
      break;
    }
  }
  return f;
}

static void shrink_to_rest(struct flow_table *t, struct hot *e, const struct flow *f) {
  uint32_t number;
  struct flow_resting *r = pool_take(&t->resting, &number);
  if (!rest(r, f)) {
    pool_give(&t->resting, number);
    return;
  }
  detach(t, e);
  e->form = FLOW_RESTING;
  e->attached = number;
}

static void shrink_to_open(struct flow_table *t, struct hot *e, const struct flow *f) {
  struct hot open = *e;
  if (f->number != opened_as(t, e) || flow_is_told(f) || !hot_close(&open, &f->model)) return;
  enum flow_list list = e->list;
  if (e->deadline.at_us != DEADLINE_NEVER) return;
  unlink_from_list(t, e);
  detach(t, e);
  open.list = FLOW_UNLISTED;
  open.lacks_begin = e->lacks_begin;
  open.has_text = e->has_text;
  open.roles_by = e->roles_by;
  open.form = FLOW_OPEN;
  *e = open;
  if (list == FLOW_HALF_OPEN) flow_move(t, e, list);
}

void flow_shrink(struct flow_table *t, struct flow *f) {
  struct hot *e = flow_entry_of(t, f);
  if (f->has_pending_syn) return;
  switch ((enum flow_list)e->list) {
    case FLOW_LINGERING:
    case FLOW_ENDED: shrink_to_rest(t, e, f); break;
    case FLOW_HALF_OPEN:
    case FLOW_UNLISTED: shrink_to_open(t, e, f); break;
    case FLOW_ORDINARY_BEGUN: /* none of them is whole */
    case FLOW_ORDINARY_ENDED: break;
  }
}

void flow_open(struct flow_table *t, struct hot *e, uint32_t number) {
  uint32_t place = number_of(t, e);
  e->is_opened = true;
  e->has_number = number != place + 1;
  if (e->has_number) t->opened[place] = number;
  if (e->form != FLOW_WHOLE) return;
  struct flow *f = flow_whole(t, e);
  f->number = number;
  f->is_opened = true;
}

uint32_t flow_number(const struct flow_table *t, const struct hot *e) {
  const struct flow *f;
  const struct flow_resting *r;
  switch ((enum flow_form)e->form) {
    case FLOW_FREE: return 0;
    case FLOW_OPEN:
    case FLOW_ORDINARY: return opened_as(t, e);
    case FLOW_WHOLE: f = pool_at(&t->wholes, e->attached); return f->number;
    case FLOW_RESTING: r = pool_at(&t->resting, e->attached); return r->number;
  }
  return 0;
}

/* What is attached to it has gone. */
static void remove_entry(struct flow_table *t, struct hot *e) {
  uint32_t number = number_of(t, e), hash = 0;
  unlink_from_list(t, e);
  (void)hash_entry(t, number, &hash);
  flow_index_take(&t->index, hash, number);
  flow_key_take(&t->keys, e);
  e->form = FLOW_FREE;
  pool_give(&t->entries, number);
}

void flow_remove(struct flow_table *t, struct flow *f) {
  struct hot *e = flow_entry_of(t, f);
  detach(t, e);
  remove_entry(t, e);
}

void flow_remove_ordinary(struct flow_table *t, struct hot *e) {
  ordinary_drop(&t->ordinaries, e->attached);
  remove_entry(t, e);
}

void flow_restart(struct flow_table *t, struct flow *f, const struct decoded *p,
                  const struct flow_place *place, enum end *from) {
  struct hot *e = flow_entry_of(t, f);
  unlink_from_list(t, e);
  *from = set_client(e, p, place->half);
  f->client = e->client;
  f->roles_by = e->roles_by;
  f->reported = (struct flow_reported){0};
  f->number = 0;
  e->is_opened = false;
  f->verdicts = f->told_stuck = 0;
  f->is_opened = f->is_closing = f->may_lack_begin = f->has_text = f->has_pending_syn = false;
  e->has_payload = 0;
  model_init(&f->model, t->two_msl_us);
}

void flow_swap_roles(struct flow_table *t, struct flow *f) {
  struct hot *e = flow_entry_of(t, f);
  e->client = !e->client;
  f->client = e->client;
  model_swap_ends(&f->model);
}

bool flow_is_first_payload(struct hot *e, unsigned half) {
  unsigned bit = 1U << half;
  bool first = (e->has_payload & bit) == 0;
  e->has_payload = (e->has_payload | bit) & 3U;
  return first;
}

size_t flow_put_name(const struct flow *f, enum end end, char buffer[static FLOW_NAME_SIZE]) {
  unsigned half = flow_half_of(f, end);
  return name_put(f->key.family, &f->key.address[half], f->key.port[half], buffer);
}

const char *flow_end_name(const struct flow *f, enum end end, char buffer[static FLOW_NAME_SIZE]) {
  (void)flow_put_name(f, end, buffer);
  return buffer;
}

const char *flow_entry_name(const struct flow_table *t, const struct hot *e, enum end end,
                            char buffer[static FLOW_NAME_SIZE]) {
  unsigned half = end == END_CLIENT ? e->client : 1U - e->client;
  struct flow_key key;
  flow_key_get(&t->keys, e, &key);
  return name_endpoint(key.family, &key.address[half], key.port[half], buffer);
}
