/* The totals of a run: each connection is counted once, by the last verdict on it. */
#ifndef TEARDOWN_CAPTURE_TALLY_H
#define TEARDOWN_CAPTURE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/demand.h"
#include "capture/flow.h"
#include "capture/report/report.h"

/* Adds a connection to `summary`, whose counts of packets are not touched. False: a breach, someone
 * stuck, or `demand` not met. */
bool tally_add(struct report_summary *summary, const struct flow *flow, const struct demand *demand,
               int64_t now_us);

#endif
