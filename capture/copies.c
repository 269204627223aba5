#include "capture/copies.h"

/* For how long what is alike is a copy. A sender that numbers its datagrams (ip_id) gives a
 * retransmission another number, and one with timestamps another of those, for they tick once a
 * second at least (RFC 7323, 5.4). Without either only the time tells: a bridge or a second
 * interface shows the copy within microseconds, and nobody retransmits as soon as that. That a
 * SYN comes again later tells the model of two taps. */
static int64_t limit_us(const struct decoded *p) {
  enum { COPY_WITH_TSVAL_US = 1000000, COPY_WITH_ID_US = 100000, COPY_US = 2000 };
  const struct segment *s = &p->segment;
  if (segment_has(s, SEGMENT_SYN)) return COPY_US;
  if ((s->options & SEGMENT_HAS_TIMESTAMPS) && s->tsval != 0) return COPY_WITH_TSVAL_US;
  return p->ip_id != 0 ? COPY_WITH_ID_US : COPY_US;
}

/* Of the set's, the one with that number is alike: the newest comes first, and those between move
 * up by one. */
static unsigned note_again(struct copies_segment *set, unsigned number,
                           struct copies_segment newest, const struct decoded *p) {
  const struct copies_segment before = set[number];
  int64_t passed_us = p->segment.t_us - ((int64_t)before.twice_us >> 1);
  bool is_copy = before.hash != 0 && passed_us <= limit_us(p);
  newest.twice_us |= is_copy;
  for (; number > 0; number--) set[number] = set[number - 1];
  set[0] = newest;
  return is_copy ? 1 + (unsigned)(before.twice_us & 1) : 0;
}

unsigned copies_note(struct copies *c, uint64_t hash, const struct decoded *p) {
  const struct segment *s = &p->segment;
  /* Several segments of data to a closed port are each answered by a RST, within microseconds and
   * alike in all: without an identification they cannot be told from copies. */
  if (segment_has(s, SEGMENT_RST) && p->ip_id == 0) return 0;
  struct copies_segment *set = c->set[hash % COPIES_SETS].segment;
  const struct copies_segment newest = {hash, (uint64_t)s->t_us << 1};
#pragma GCC unroll 4
  for (unsigned i = 0; i < COPIES_WAYS; i++)
    if (set[i].hash == hash) return note_again(set, i, newest, p);
#pragma GCC unroll 4
  for (unsigned i = COPIES_WAYS - 1; i > 0; i--) set[i] = set[i - 1];
  set[0] = newest;
  return 0;
}
