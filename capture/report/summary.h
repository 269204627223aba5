/* The summary of a run, for people: what came in, how it ended, what was not looked into. */
#ifndef TEARDOWN_CAPTURE_REPORT_SUMMARY_H
#define TEARDOWN_CAPTURE_REPORT_SUMMARY_H

#include <stdio.h>

#include "capture/report/report.h"

/* A few lines on `out`. */
void summary_print(FILE *out, const struct report_summary *summary);

#endif
