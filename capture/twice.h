/* Segments that were captured more than once: because two taps were joined in one file, or because
 * the network doubles some. */
#ifndef TEARDOWN_CAPTURE_TWICE_H
#define TEARDOWN_CAPTURE_TWICE_H

#include <stdbool.h>

#include "capture/flow.h"

struct watch;

/* The segment of the connection was captured again, or for the first time; again, its connection
 * may be NULL. */
void twice_note(struct watch *watch, struct flow *flow, enum end from,
                const struct segment *segment, bool again);

/* Tells the model of the connection what is known by now. */
void twice_judge(const struct watch *watch, struct flow *flow);

#endif
