/* Deadlines in order: what is due by now costs what is due, however much is not.
 *
 * A hierarchical timing wheel. Level 0 has a slot for each of the next 64 ticks, level 1 one for
 * each 64 of them, and so on until the levels cover all times that there are, so that no deadline
 * is too far away. A deadline goes to the level of the highest digit in which its tick differs from
 * the wheel's, and moves down a level whenever the wheel comes to its slot: a few moves in its
 * life. A bitmap a level finds the next slot in use, so that an idle year costs no more than an
 * idle tick.
 *
 * The caller owns each deadline, most often as a member of what it is about. */
#ifndef TEARDOWN_CAPTURE_DEADLINE_H
#define TEARDOWN_CAPTURE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#define DEADLINE_NEVER INT64_MAX

struct deadline {
  int64_t at_us; /* DEADLINE_NEVER: it is in no wheel */
  struct deadline *next, *previous;
  uint16_t slot; /* level and slot in it */
};

enum { DEADLINE_SLOT_BITS = 6, DEADLINE_SLOTS = 1 << DEADLINE_SLOT_BITS, DEADLINE_LEVELS = 9 };

struct deadlines {
  uint64_t tick; /* the wheel stands here */
  uint64_t used[DEADLINE_LEVELS];
  struct deadline *first[DEADLINE_LEVELS][DEADLINE_SLOTS], *last[DEADLINE_LEVELS][DEADLINE_SLOTS];
};

/* A wheel of zeros is empty. A deadline begins like this, and is set and removed afterwards. */
static inline void deadline_init(struct deadline *d) { d->at_us = DEADLINE_NEVER; }

/* Puts it where it belongs, out of wherever it was. DEADLINE_NEVER takes it out. */
void deadline_set(struct deadlines *wheel, struct deadline *deadline, int64_t at_us);

/* Takes out one that is due at now_us; NULL: there is none. Earlier ticks (of about a millisecond)
 * come first; within a tick the order is that of setting. */
struct deadline *deadline_take(struct deadlines *wheel, int64_t now_us);

#endif
