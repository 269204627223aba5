/* Two vantage points: the same connections, captured at two places of their path.
 *
 * A segment is known at both by its numbers, flags, length, window, timestamps and SACK block;
 * where several are alike, by the IP identification, or by time. Who is nearer to which end, and
 * how far apart the clocks are, follows from the shortest one-way times in both directions, as if
 * the way there were as short as the way back. What its sender's tap saw leave and the other did
 * not see arrive was lost in between.
 *
 * A claim of that is made only where nothing else explains it: the other tap was capturing by then
 * and for as long as the segment can have taken, it has missed nothing that passed it (what the end
 * beside it sent, or acknowledged), no larger or smaller segment (offloading) has the octets, and
 * no segment that is alike may be this one.
 *
 * Both files are read whole, and one stream is made of them: each segment once, in the order and at
 * the time in which the first tap saw it, or would have. */
#ifndef TEARDOWN_CAPTURE_PAIR_H
#define TEARDOWN_CAPTURE_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "capture/watch.h"

struct pair; /* opaque */

/* An empty one; NULL when there is no memory. */
struct pair *pair_new(void);
void pair_destroy(struct pair *pair);

/* A packet of the first (0) or the second (1) file; with its time. False: there is no memory. */
bool pair_add(struct pair *pair, unsigned tap, const struct watch_packet *packet);

enum pair_result {
  PAIR_OK,
  PAIR_NOTHING_PAIRS, /* no segment is in both files */
  PAIR_ONE_PLACE,     /* there are, but nothing lies between the taps */
  PAIR_NO_MEMORY,
};

/* All was added: finds out what became of each segment. */
enum pair_result pair_join(struct pair *pair);

/* The next packets of the joined stream, `max` at most. 0: that was all. */
unsigned pair_next(struct pair *pair, struct watch_packet packets[], unsigned max);

/* What was found out, a line for each path and tap; `name`: of the two files. */
void pair_print(FILE *out, const struct pair *pair, const char *const name[static 2]);

#endif
