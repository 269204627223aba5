#include "capture/copies.h"

bool copies_note(struct copies *c, uint64_t hash, const struct decoded *p) {
  /* With an identification of its own a datagram is told apart for long; without one, only time
   * tells, and a repetition is never as quick as a bridge. */
  enum { COPY_WITH_ID_US = 100000, COPY_US = 2000 };
  const struct segment *s = &p->segment;
  /* Resets without an identification answer one segment each, and all look the same. */
  if (segment_has(s, SEGMENT_RST) && p->ip_id == 0) return false;
  struct copies_set *set = &c->set[hash % COPIES_SETS];
  int64_t limit_us = p->ip_id != 0 ? COPY_WITH_ID_US : COPY_US;
  unsigned oldest = 0;
  bool copy = false;
  for (unsigned i = 0; i < COPIES_WAYS; i++) {
    if (set->hash[i] == hash) {
      copy = set->hash[i] != 0 && s->t_us - set->t_us[i] <= limit_us;
      oldest = i;
      break;
    }
    if (set->t_us[i] < set->t_us[oldest]) oldest = i;
  }
  set->hash[oldest] = hash;
  set->t_us[oldest] = s->t_us;
  return copy;
}
