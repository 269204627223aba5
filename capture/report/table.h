/* Many closes at once, on a terminal. */
#ifndef TEARDOWN_CAPTURE_REPORT_TABLE_H
#define TEARDOWN_CAPTURE_REPORT_TABLE_H

#include "capture/report/report.h"

/* Takes the terminal over until its summary. NULL when there is no memory. */
struct report *report_table_new(struct out *out, const struct report_options *options);

/* For who shows a ladder meanwhile (screen.h). Hidden, it leaves the terminal alone. */
void report_table_hide(struct report *report, bool hidden);

/* How many connections are open. */
uint32_t report_table_open(const struct report *report);

/* The ladder is asked for, by a key. */
bool report_table_is_left(const struct report *report);

#endif
