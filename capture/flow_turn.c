#include "capture/flow_turn.h"

/* What has ended is in a list, and so is what rests. */
static bool idle_since(const void *table, uint32_t number, struct flow_since *since) {
  const struct flow_table *t = table;
  const struct hot *e = flow_entry(t, number);
  bool unlisted = e->list == FLOW_UNLISTED || e->list == FLOW_ORDINARY_BEGUN;
  if (e->form == FLOW_FREE || e->form == FLOW_RESTING || !unlisted) return false;
  since->us = flow_last_us(t, e);
  return true;
}

static int64_t closed_us(const struct flow_table *t, const struct hot *e) {
  const struct flow *f;
  const struct flow_resting *r;
  switch ((enum flow_form)e->form) {
    case FLOW_FREE:
    case FLOW_OPEN: break;
    case FLOW_ORDINARY: return ordinary_closed_us(&t->ordinaries, e);
    case FLOW_WHOLE: f = pool_at(&t->wholes, e->attached); return flow_closed_us(f);
    case FLOW_RESTING: r = pool_at(&t->resting, e->attached); return r->closed_us;
  }
  return flow_last_us(t, e);
}

static bool closed_since(const void *table, uint32_t number, struct flow_since *since) {
  const struct flow_table *t = table;
  const struct hot *e = flow_entry(t, number);
  bool left_out = e->list == FLOW_ORDINARY_ENDED && t->told_ordinary;
  if (e->form == FLOW_FREE || left_out) return false;
  since->us = closed_us(t, e);
  if (e->form != FLOW_OPEN) since->number = flow_number(t, e);
  return true;
}

static struct hot *first_in_order(struct flow_table *t, flow_order_since *look) {
  uint32_t number;
  bool found = flow_order_next(&t->order, t->entries.untouched, look, t, &number);
  return found ? flow_entry(t, number) : NULL;
}

struct hot *flow_longest_idle(struct flow_table *t) {
  return first_in_order(t, idle_since);
}

/* Of which nothing has been captured for longest, whole or ordinary. */
static struct hot *first_ended(const struct flow_table *t) {
  struct hot *whole = flow_first(t, FLOW_ENDED), *ordinary = flow_first(t, FLOW_ORDINARY_ENDED);
  if (!whole || !ordinary) return whole ? whole : ordinary;
  return flow_last_us(t, whole) <= flow_last_us(t, ordinary) ? whole : ordinary;
}

struct hot *flow_first_to_go(struct flow_table *t) {
  struct hot *e = flow_first(t, FLOW_LINGERING);
  if (!e) e = first_ended(t);
  if (!e) e = flow_first(t, FLOW_HALF_OPEN);
  return e ? e : flow_longest_idle(t);
}

struct hot *flow_first_to_close(struct flow_table *t) {
  if (!t->closing_down) flow_order_restart(&t->order);
  t->closing_down = true;
  return first_in_order(t, closed_since);
}
