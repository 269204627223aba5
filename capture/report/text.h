/* Words that every report shares: symbolic sequence numbers, labels of segments, times, reasons. */
#ifndef TEARDOWN_CAPTURE_REPORT_TEXT_H
#define TEARDOWN_CAPTURE_REPORT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "capture/kernel/kernel.h"
#include "capture/report/out.h"
#include "common/model/expectation.h"
#include "common/model/model.h"
#include "common/model/verdict.h"

/* The verdict in one sentence (sentence.h). The ends are named by address where nothing tells which
 * of them is the client. Returns buffer. */
enum { TEXT_SENTENCE_SIZE = 2048 };
const char *text_sentence(const struct flow *flow, const struct verdict *verdict, int64_t now_us,
                          char buffer[static TEXT_SENTENCE_SIZE]);

/* Each puts its words into `out`; TEXT_SIZE octets hold any of them. */
enum { TEXT_SIZE = 256 };

/* A sequence number of `owner`'s stream as a textbook writes it (u, u+1, w, w+1), else relative to
 * the stream's first one; absolute always when `raw`. */
void text_number(struct out *out, const struct model *model, enum end owner, uint32_t n, bool raw);

/* "FIN seq=u", "ACK ack=u+1", "512 B + FIN seq=w ack=u+1", "RST seq=8". */
void text_label(struct out *out, const struct model *model, const struct segment *segment,
                const struct model_step *step, bool raw);

/* "client ACK ack=w+1". */
void text_expectation(struct out *out, const struct model *model,
                      const struct expectation *expectation, bool raw);

/* Why a change came about, for a person: "close(): FIN sent, no more data (RFC 9293 3.10.4)". */
void text_why(struct out *out, const struct model_change *change);
/* The clause that it follows from: "RFC 9293 3.10.4", or another document; nothing when it is
 * inferred. */
void text_clause(struct out *out, const struct model_change *change);
/* Both in one. */
void text_reason(struct out *out, const struct model_change *change);

/* "fin-moved (breach, RFC 9293 3.8.1): expected ...: u, actual ...: 9". */
void text_finding(struct out *out, const struct model *model, const struct finding *finding,
                  bool raw);

/* What a finding expected, or what there was: "a FIN elsewhere: 7". */
void text_finding_side(struct out *out, const struct model *model, const struct finding *finding,
                       bool expected, bool raw);

/* "final-ack x1 before-tap, fin1 x2 unknown", or nothing when nothing was lost. */
void text_losses(struct out *out, const struct verdict *verdict);

/* "2 MSL over", "closed without a segment": what a step without a segment is about. */
const char *text_expired(const struct model_step *step);

/* "client FIN_WAIT_1 -> FIN_WAIT_2", "server sends RST (NO_SOCKET)". */
void text_kernel(struct out *out, const struct kernel_word *word, const char *arrow);

/* What the kernel has of both ends at now_us: "client TIME_WAIT, 59.2 s left; server gone", or
 * nothing. The view may be NULL. */
void text_sockets(struct out *out, const struct kernel_view *view, int64_t now_us);

/* "before the start: 5 CLOSE_WAIT, 31 TIME_WAIT (of 28232 ephemeral ports)"; nothing if there is
 * nothing. */
void text_inventory(struct out *out, const struct kernel_inventory *inventory);

/* "CLOSE_WAIT x5, port 9000, for 11 s at the least: the end of file was read and close() not
 * called; held by python3, pid 17169, fd 4 (127.0.0.1:9000)". */
void text_inventory_group(struct out *out, const struct kernel_group *group);

/* "+43.1 ms", "+1.244 s". */
void text_elapsed(struct out *out, int64_t us);

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
  int64_t second;                /* whose words are in `words`: the next line is of the same one */
  char words[24];
  size_t words_length; /* 0 until the first line */
};

/* Nothing for TEXT_TIME_NONE. */
void text_time(struct out *out, struct text_clock *clock, int64_t t_us);

#endif
