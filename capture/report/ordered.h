/* Live, in the order of time: another report, whose words wait before they are written, because the
 * kernel is asked about a moment while segments from before it are still on their way here: for as
 * long as it takes until all from before them has been heard (watch.c). */
#ifndef TEARDOWN_CAPTURE_REPORT_ORDERED_H
#define TEARDOWN_CAPTURE_REPORT_ORDERED_H

#include "capture/report/report.h"

/* That report, ordered. `times`: each of its words begins with the time of day, as the options have
 * it; it is left to this one, which knows the line before. NULL when there is no memory. */
struct report *report_ordered_new(report_new *new, bool times, struct out *out,
                                  const struct report_options *options);

struct report *report_ordered_lines_new(struct out *out, const struct report_options *options);
struct report *report_ordered_json_new(struct out *out, const struct report_options *options);

#endif
