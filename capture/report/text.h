/* Words that every report shares: symbolic sequence numbers, labels of segments, times, reasons. */
#ifndef TEARDOWN_CAPTURE_REPORT_TEXT_H
#define TEARDOWN_CAPTURE_REPORT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "capture/kernel/kernel.h"
#include "common/model/expectation.h"
#include "common/model/model.h"
#include "common/model/verdict.h"

enum { TEXT_SIZE = 256, TEXT_NUMBER_SIZE = 16 };

/* A sequence number of `owner`'s stream as a textbook writes it (u, u+1, w, w+1), else relative to
 * the stream's first one; absolute always when `raw`. Returns buffer. */
const char *text_number(const struct model *model, enum end owner, uint32_t n, bool raw,
                        char buffer[static TEXT_NUMBER_SIZE]);

/* "FIN seq=u", "ACK ack=u+1", "512 B + FIN seq=w ack=u+1", "RST seq=8". Returns buffer. */
const char *text_label(const struct model *model, const struct segment *segment,
                       const struct model_step *step, bool raw, char buffer[static TEXT_SIZE]);

/* "client ACK ack=w+1". Returns buffer. */
const char *text_expectation(const struct model *model, const struct expectation *expectation,
                             bool raw, char buffer[static TEXT_SIZE]);

/* Why a change came about, for a person: "close(): FIN sent, no more data (RFC 9293 3.10.4)".
 * Returns buffer. */
const char *text_reason(const struct model_change *change, char buffer[static TEXT_SIZE]);

/* "fin-moved (breach, RFC 9293 3.8.1): expected ...: u, actual ...: 9". Returns buffer. */
const char *text_finding(const struct model *model, const struct finding *finding, bool raw,
                         char buffer[static TEXT_SIZE]);

/* What a finding expected, or what there was: "a FIN elsewhere: 7". Returns buffer. */
const char *text_finding_side(const struct model *model, const struct finding *finding,
                              bool expected, bool raw, char buffer[static TEXT_SIZE]);

/* "final-ack x1 before-tap, fin1 x2 unknown", or "" when nothing was lost. Returns buffer. */
const char *text_losses(const struct verdict *verdict, char buffer[static TEXT_SIZE]);

/* "2 MSL over", "closed without a segment": what a step without a segment is about. */
const char *text_expired(const struct model_step *step);

/* "client FIN_WAIT_1 -> FIN_WAIT_2", "server sends RST (NO_SOCKET)". Returns buffer. */
const char *text_kernel(const struct kernel_word *word, const char *arrow,
                        char buffer[static TEXT_SIZE]);

/* What the kernel has of both ends at now_us: "client TIME_WAIT, 59.2 s left; server gone", or "".
 * The view may be NULL. Returns buffer. */
const char *text_sockets(const struct kernel_view *view, int64_t now_us,
                         char buffer[static TEXT_SIZE]);

/* "+43.1 ms", "+1.244 s". Returns buffer. */
const char *text_elapsed(int64_t us, char buffer[static TEXT_NUMBER_SIZE]);

/* Times of day, as tcpdump prints them. */
enum text_time {
  TEXT_TIME_OF_DAY, /* 10:22:33.623461, local */
  TEXT_TIME_NONE,   /* -t */
  TEXT_TIME_EPOCH,  /* -tt */
  TEXT_TIME_DELTA,  /* -ttt: since the previous line */
  TEXT_TIME_DATE,   /* -tttt: with the date */
  TEXT_TIME_FIRST,  /* -ttttt: since the first line */
};

struct text_clock {
  enum text_time form;
  int64_t previous_us, first_us; /* 0 until the first line */
};

/* Returns buffer; empty for TEXT_TIME_NONE. */
const char *text_time(struct text_clock *clock, int64_t t_us, char buffer[static 32]);

#endif
