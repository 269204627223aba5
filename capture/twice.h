/* Segments that were captured more than once: because two taps were joined in one file, or because
 * the network doubles some. */
#ifndef TEARDOWN_CAPTURE_TWICE_H
#define TEARDOWN_CAPTURE_TWICE_H

#include <stdbool.h>

#include "capture/flow.h"

struct watch;

/* The segment of the connection was captured again, or for the first time. */
void twice_note(struct watch *watch, struct flow *flow, enum end from,
                const struct segment *segment, bool again);

/* The segment was captured a moment ago, once or more often: see copies_note. NULL: there is no
 * entry for its connection. */
void twice_note_copy(struct watch *watch, struct hot *entry, enum end from,
                     const struct segment *segment, unsigned times);

/* Tells the model of the connection what is known by now. */
void twice_judge(const struct watch *watch, struct flow *flow);

#endif
