/* --format table: many closes at once, on a terminal. */
#ifndef TEARDOWN_CAPTURE_REPORT_TABLE_H
#define TEARDOWN_CAPTURE_REPORT_TABLE_H

#include "capture/report/report.h"

/* Takes the terminal over until its summary. NULL when there is no memory. */
struct report *report_table_new(struct out *out, const struct report_options *options);

#endif
