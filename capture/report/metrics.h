/* Counts for the monitoring that people run already: Prometheus' text format, which node-exporter's
 * textfile collector reads. What is named in a label comes from few words and from port numbers, of
 * which there may be so many services and no more; there is no address and no process in any. */
#ifndef TEARDOWN_CAPTURE_REPORT_METRICS_H
#define TEARDOWN_CAPTURE_REPORT_METRICS_H

#include "capture/report/report.h"

/* The file is options->metrics. Written every few seconds where the clock goes on, and at the end.
 * A connection counts once its last verdict stands, as in the summary. NULL: there is no memory. */
struct report *report_metrics_new(struct out *out, const struct report_options *options);

#endif
