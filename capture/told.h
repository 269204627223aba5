/* Which segments reports are told of, and by which number. */
#ifndef TEARDOWN_CAPTURE_TOLD_H
#define TEARDOWN_CAPTURE_TOLD_H

#include <stdbool.h>

#include "capture/report/report.h"

/* A control segment, or another that is worth it. The model has taken it. */
bool told_is_wanted(const struct model *model, const struct segment *segment,
                    const struct model_step *step);

/* Each tap on the path tells of it: a FIN and a RST are known by their flags, and an ACK of the
 * other end's FIN passes only where that FIN has passed before. */
bool told_by_all(const struct model *model, enum end from, const struct segment *segment);

/* Numbers the segment, and finds those that its changes refer to. */
void told_number(struct flow *flow, struct report_segment *event);

#endif
