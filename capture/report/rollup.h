/* NDJSON for many hosts: each connection is counted, and told whole only where it is worth it.
 *
 * Every so many seconds an object for each group of those whose verdict stands by then; beside them
 * the verdicts of exceptions at once, and all that NDJSON has of a sample. Which connections that
 * holds is decided by their addresses, ports and initial sequence numbers alone, so that every host
 * on their way keeps the same ones. */
#ifndef TEARDOWN_CAPTURE_REPORT_ROLLUP_H
#define TEARDOWN_CAPTURE_REPORT_ROLLUP_H

#include "capture/report/report.h"

/* By options->rollup_us and options->sample_of. NULL: there is no memory. */
struct report *report_rollup_new(struct out *out, const struct report_options *options);

#endif
