/* The page: one HTML file that draws and animates what was captured, and needs nothing else. The
 * data in it are the NDJSON of report.h; what draws them is in capture/report/page/.
 *
 * It is written when the capture ends. Of more than PAGE_CONNECTIONS it keeps those that somebody
 * will look for, as they come: breaches, the stuck, resets, losses; then the others. */
#ifndef TEARDOWN_CAPTURE_REPORT_PAGE_H
#define TEARDOWN_CAPTURE_REPORT_PAGE_H

#include "capture/report/report.h"

enum { PAGE_CONNECTIONS = 1000 };

/* NULL when there is no memory. Later want of memory is an error of its output: ENOMEM. */
struct report *report_page_new(struct out *out, const struct report_options *options);

#endif
