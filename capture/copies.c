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

unsigned copies_note(struct copies *c, uint64_t hash, const struct decoded *p) {
  enum { TWICE = 1 }; /* in the place of the hash's lowest bit */
  const struct segment *s = &p->segment;
  /* Several segments of data to a closed port are each answered by a RST, within microseconds and
   * alike in all: without an identification they cannot be told from copies. */
  if (segment_has(s, SEGMENT_RST) && p->ip_id == 0) return 0;
  struct copies_set *set = &c->set[hash % COPIES_SETS];
  hash &= ~(uint64_t)TWICE;
  struct copies_segment next = {hash, s->t_us};
  /* It comes first, and the others move up by one, to where the one was that is alike. */
  for (unsigned i = 0; i < COPIES_WAYS; i++) {
    struct copies_segment *at = &set->segment[i], before = *at;
    *at = next;
    if ((before.hash & ~(uint64_t)TWICE) == hash) {
      if (hash == 0 || s->t_us - before.t_us > limit_us(p)) return 0;
      set->segment[0].hash |= TWICE;
      return before.hash & TWICE ? 2 : 1;
    }
    next = before;
  }
  return 0;
}
