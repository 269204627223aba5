/* The ladder: what is told of a connection, as pieces (ladder_queue.h). Who shows them decides how
 * they look: on a terminal, as a picture, as a worksheet. */
#ifndef TEARDOWN_CAPTURE_REPORT_LADDER_H
#define TEARDOWN_CAPTURE_REPORT_LADDER_H

#include "capture/report/ladder_queue.h"

/* `ladder` is all zeros, and the first member of whoever shows. */
void ladder_init(struct ladder *ladder, const struct report_class *class, struct out *out,
                 const struct report_options *options, ladder_show *show, bool apart);

/* Where the ladder has a margin (--margin), what peers printed themselves is taken into it. */

/* Adds its lines up to then; they are near `near_us` in time. */
void ladder_margin_take(struct ladder *ladder, struct block *block, int64_t near_us,
                        int64_t until_us);

/* Live: adds what has come; at the end, what is of no connection. */
void ladder_margin_tick(struct ladder *ladder, int64_t now_us);
void ladder_margin_end(struct ladder *ladder, int64_t now_us);

/* Of report_ladder_new: hidden, it prints nothing, and never will what it is told meanwhile. */
void report_ladder_hide(struct report *report, bool hidden);

/* Draws a piece as a terminal and a pipe show it. */
void ladder_draw(struct ladder *ladder, struct piece *piece);

/* The options of what is looked at later: it has no terminal, and tells each connection whole. */
struct report_options ladder_as_picture(const struct report_options *options);

/* Members of a struct report_class, for a report that begins with a struct ladder. */
void ladder_segment(struct report *report, const struct report_segment *segment);
void ladder_expired(struct report *report, const struct flow *flow, const struct model_step *step,
                    int64_t now_us);
void ladder_kernel(struct report *report, const struct kernel_word *word);
void ladder_verdict(struct report *report, const struct flow *flow, const struct verdict *verdict,
                    int64_t now_us);

/* Says a remedy that the verdict calls for, each only once; the findings before `from` do not
 * count. */
void ladder_remedies(struct ladder *ladder, struct block *block, const struct verdict *verdict,
                     unsigned from, int64_t t_us);

/* "#1 127.0.0.1:35466 (arrow) 127.0.0.1:7000", unless it was said; `what` follows it. A file's, if
 * its SYN is there, is "#1 open ...". */
void ladder_title(struct ladder *ladder, struct block *block, const struct flow *flow, int64_t t_us,
                  const char *what);

#endif
