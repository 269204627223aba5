#include "capture/copies.h"

#include <string.h>

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
  unsigned at = 0;
  while (at < COPIES_WAYS - 1 && set->hash[at] != hash) at++;
  bool copy = hash != 0 && set->hash[at] == hash && s->t_us - set->t_us[at] <= limit_us;
  /* The newest is the first: that one, or the oldest, makes room. */
  memmove(&set->hash[1], &set->hash[0], at * sizeof set->hash[0]);
  memmove(&set->t_us[1], &set->t_us[0], at * sizeof set->t_us[0]);
  set->hash[0] = hash;
  set->t_us[0] = s->t_us;
  return copy;
}
