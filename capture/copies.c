#include "capture/copies.h"

bool copies_note(struct copies *c, uint64_t hash, const struct decoded *p) {
  /* A sender that numbers its datagrams (ip_id) gives a retransmission another number: what is
   * alike is a copy, even a long while after. Without a number only the time tells: a bridge or a
   * second interface shows the copy within microseconds, and nobody retransmits as soon as that. */
  enum { COPY_WITH_ID_US = 100000, COPY_US = 2000 };
  const struct segment *s = &p->segment;
  /* Several segments of data to a closed port are each answered by a RST, within microseconds and
   * alike in all: without an identification they cannot be told from copies. */
  if (segment_has(s, SEGMENT_RST) && p->ip_id == 0) return false;
  struct copies_set *set = &c->set[hash % COPIES_SETS];
  int64_t limit_us = p->ip_id != 0 ? COPY_WITH_ID_US : COPY_US;
  struct copies_segment next = {hash, s->t_us};
  /* It comes first, and the others move up by one, to where the one was that is alike. */
  for (unsigned i = 0; i < COPIES_WAYS; i++) {
    struct copies_segment *at = &set->segment[i], before = *at;
    *at = next;
    if (before.hash == hash) return hash != 0 && s->t_us - before.t_us <= limit_us;
    next = before;
  }
  return false;
}
