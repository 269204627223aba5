/* What a segment in order does to a hot entry. */
#ifndef TEARDOWN_CAPTURE_HOT_STEP_H
#define TEARDOWN_CAPTURE_HOT_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/hot.h"

/* Takes the next segment of this end, in capture order. False: it cannot, and nothing is changed;
 * the model that hot_open makes must take it. What it takes changes nothing that anybody is told:
 * the model's step would have neither roles of the close nor a finding. */
bool hot_step(struct hot *hot, enum end from, const struct segment *segment);

/* The handshake is not complete. */
bool hot_is_half_open(const struct hot *hot);

/* Its handshake was captured and is complete, and at that time all that it keeps can still be told:
 * whatever comes then, hot_open makes the model that is to take it. */
bool hot_is_open(const struct hot *hot, int64_t t_us);

#endif
