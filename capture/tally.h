/* The totals of a run: each connection is counted once, by the last verdict on it. */
#ifndef TEARDOWN_CAPTURE_TALLY_H
#define TEARDOWN_CAPTURE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/demand.h"
#include "capture/flow.h"
#include "capture/report/report.h"

/* Closes that are not what was demanded: how many, and the first of them. */
struct tally_unmet {
  uint64_t n;
  char who[2 * FLOW_NAME_SIZE + 32]; /* "#3 127.0.0.1:40000 to 127.0.0.1:7000" */
  char what[TEXT_SIZE];              /* "coalesced", "normal,lost=final-ackx2" */
};

/* Adds a connection with the verdict on it to `summary`, whose counts of packets are not touched.
 * False: a breach, someone stuck, or `demand` not met. */
bool tally_add(struct report_summary *summary, const struct flow *flow,
               const struct verdict *verdict, const struct demand *demand,
               struct tally_unmet *unmet, int64_t now_us);

/* Adds one that has ended as most do, which there is nothing wrong with. */
void tally_add_ordinary(struct report_summary *summary, const struct flow_table *flows,
                        const struct hot *entry, const struct ordinary_verdict *verdict);

#endif
