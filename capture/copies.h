/* Segments that were captured a moment ago: `-i any` and bridges show one of them twice, on its way
 * through this machine. A retransmission has another IP identification or another timestamp, or
 * comes later.
 *
 * The newest tens of thousands of all connections are remembered, in sets of four, by a keyed hash
 * of all that is in their headers. */
#ifndef TEARDOWN_CAPTURE_COPIES_H
#define TEARDOWN_CAPTURE_COPIES_H

#include <stdint.h>

#include "capture/decode.h"

enum { COPIES_WAYS = 4, COPIES_SETS = 1 << 13 };

struct copies_segment {
  uint64_t hash;
  uint64_t twice_us; /* its time, doubled; and one more where it was a copy itself */
};

/* Zero bytes: nothing was captured. */
struct copies {
  struct copies_set {
    _Alignas(64) struct copies_segment segment[COPIES_WAYS]; /* the newest first */
  } set[COPIES_SETS];
};

static inline void copies_prefetch(const struct copies *copies, uint64_t hash) {
  __builtin_prefetch(&copies->set[hash % COPIES_SETS], 1);
}

/* How often it was captured a moment ago: never, once, or more (2). Notes it for next time. The
 * hash is of the segment with its four-tuple and its direction. */
unsigned copies_note(struct copies *copies, uint64_t hash, const struct decoded *packet);

#endif
