/* A terminal, live: the ladder, and the table once more connections are open together than one can
 * follow in a ladder. */
#ifndef TEARDOWN_CAPTURE_REPORT_SCREEN_H
#define TEARDOWN_CAPTURE_REPORT_SCREEN_H

#include "capture/report/report.h"

/* NULL when there is no memory, or the terminal can show no table. */
struct report *report_screen_new(struct out *out, const struct report_options *options);

#endif
