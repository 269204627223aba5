#include "capture/deadline.h"

#include <assert.h>
#include <stddef.h>

enum { TICK_BITS = 10, NO_SLOT = -1 };
static_assert(DEADLINE_LEVELS * DEADLINE_SLOT_BITS + TICK_BITS >= 63, "all times have a level");

/* A tick is 2^10 us. Times before 1970, which a file may have, all become the first tick. */
static uint64_t tick_of(int64_t t_us) { return t_us < 0 ? 0 : (uint64_t)t_us >> TICK_BITS; }

static unsigned digit(uint64_t tick, unsigned level) {
  return (unsigned)(tick >> (level * DEADLINE_SLOT_BITS)) & (DEADLINE_SLOTS - 1);
}

/* Into the list of its slot: the level is that of the highest digit in which it differs from the
 * wheel's own tick. What is late already goes to that tick, so that it is taken next. */
static void put(struct deadlines *w, struct deadline *d) {
  uint64_t tick = tick_of(d->at_us);
  if (tick < w->tick) tick = w->tick;
  uint64_t differs = tick ^ w->tick;
  unsigned level =
      differs == 0 ? 0 : (63 - (unsigned)__builtin_clzll(differs)) / DEADLINE_SLOT_BITS;
  unsigned slot = digit(tick, level);
  struct deadline **last = &w->last[level][slot];
  d->slot = (uint16_t)(level << DEADLINE_SLOT_BITS | slot);
  d->next = NULL;
  d->previous = *last;
  *(*last ? &(*last)->next : &w->first[level][slot]) = d;
  *last = d;
  w->used[level] |= UINT64_C(1) << slot;
}

static void take_out(struct deadlines *w, struct deadline *d) {
  unsigned level = d->slot >> DEADLINE_SLOT_BITS, slot = d->slot & (DEADLINE_SLOTS - 1);
  *(d->previous ? &d->previous->next : &w->first[level][slot]) = d->next;
  *(d->next ? &d->next->previous : &w->last[level][slot]) = d->previous;
  if (!w->first[level][slot]) w->used[level] &= ~(UINT64_C(1) << slot);
}

void deadline_set(struct deadlines *w, struct deadline *d, int64_t at_us) {
  if (d->at_us != DEADLINE_NEVER) take_out(w, d);
  d->at_us = at_us;
  if (at_us != DEADLINE_NEVER) put(w, d);
}

/* The wheel moves on to where this slot begins. Its deadlines, of which so far only this digit was
 * looked at, are spread over the slots of the levels below. */
static void descend(struct deadlines *w, unsigned level, unsigned slot, uint64_t begin) {
  struct deadline *next, *d = w->first[level][slot];
  w->first[level][slot] = w->last[level][slot] = NULL;
  w->used[level] &= ~(UINT64_C(1) << slot);
  w->tick = begin;
  for (; d; d = next) {
    next = d->next;
    put(w, d);
  }
}

/* The level whose first slot in use has the next deadline: what differs from the wheel's tick in a
 * lower digit alone comes before what differs in a higher one, too. */
static int first_level(const struct deadlines *w) {
  for (int level = 0; level < DEADLINE_LEVELS; level++)
    if (w->used[level]) return level;
  return NO_SLOT;
}

struct deadline *deadline_take(struct deadlines *w, int64_t now_us) {
  uint64_t now = tick_of(now_us);
  int found;
  while ((found = first_level(w)) != NO_SLOT) {
    unsigned level = (unsigned)found, slot = (unsigned)__builtin_ctzll(w->used[level]);
    unsigned shift = level * DEADLINE_SLOT_BITS;
    uint64_t lower = (UINT64_C(1) << (shift + DEADLINE_SLOT_BITS)) - 1;
    uint64_t begin = (w->tick & ~lower) | (uint64_t)slot << shift;
    if (begin > now) return NULL;
    if (level > 0) {
      descend(w, level, slot, begin);
      continue;
    }
    w->tick = begin;
    for (struct deadline *d = w->first[0][slot]; d; d = d->next) {
      if (d->at_us > now_us) continue;
      take_out(w, d);
      d->at_us = DEADLINE_NEVER;
      return d;
    }
    return NULL; /* the rest of this tick, and all later ones */
  }
  return NULL;
}
