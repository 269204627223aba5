/* All reports that write into a string, and whether each wrote what it must. */
#ifndef TEARDOWN_TESTS_FUZZ_REPORTS_H
#define TEARDOWN_TESTS_FUZZ_REPORTS_H

#include "capture/report/report.h"

enum { FUZZ_REPORTS = 8 };

struct fuzz_reports {
  struct report *report[FUZZ_REPORTS];
  struct out out[FUZZ_REPORTS];
};

/* The caller destroys the reports. The strings are static: one set at a time. */
void fuzz_reports_make(struct fuzz_reports *all, const struct report_options *options);

/* Ends the program where a text is not what its format says. */
void fuzz_reports_check(struct fuzz_reports *all);

/* Tells all of them. */
#define FUZZ_TELL(all, function, ...)            \
  for (unsigned i_ = 0; i_ < FUZZ_REPORTS; i_++) \
  REPORT_TELL((all)->report[i_], function, __VA_ARGS__)

#endif
