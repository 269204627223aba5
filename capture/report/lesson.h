/* Views of the ladder for learning: step by step, with the next state asked for, and on paper. Each
 * tells whole connections, in the order in which they closed. */
#ifndef TEARDOWN_CAPTURE_REPORT_LESSON_H
#define TEARDOWN_CAPTURE_REPORT_LESSON_H

#include "capture/report/report.h"

/* Each returns NULL when there is no memory. */

/* --step: by keys, when all is known. stdin is a terminal. */
struct report *report_step_new(struct out *out, const struct report_options *options);

/* --predict: asks on stdin, line by line, for each state before it is shown. */
struct report *report_predict_new(struct out *out, const struct report_options *options);

/* --worksheet: the ladders with their states blank; after them, the solutions. */
struct report *report_worksheet_new(struct out *out, const struct report_options *options);

#endif
