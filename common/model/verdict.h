/* The verdict: how a connection ended, in words that two people would use alike, and in one
 * sentence for a person at 3 a.m. It speaks of the states just after the last captured segment. */
#ifndef TEARDOWN_COMMON_MODEL_VERDICT_H
#define TEARDOWN_COMMON_MODEL_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "common/model/model.h"
#include "common/model/witness.h"

/* How long an end may keep the other waiting before it is called stuck. A half-close is legal for
 * as long as one likes; at the end of a capture it is worth a look from here on. */
#define VERDICT_STUCK_US INT64_C(2000000)

/* Nobody limits FIN_WAIT_2 to less than this (tcp_fin_timeout and TCP_LINGER2 count seconds). */
#define VERDICT_FIN_WAIT_2_MIN_US INT64_C(1000000)

/* X(enumerator, name) */
/* clang-format off */
#define ENDINGS(X)                                               \
  X(NORMAL, "normal")             /* four segments */            \
  X(COALESCED, "coalesced")       /* three: FIN2 carries ACK1 */ \
  X(SIMULTANEOUS, "simultaneous") /* the FINs crossed */         \
  X(RESET, "reset")                                              \
  X(REFUSED, "refused")                                          \
  X(FIN_UNANSWERED, "unfinished-fin-unanswered")                 \
  X(CLOSE_WAIT, "unfinished-close-wait")                         \
  X(LAST_ACK, "unfinished-last-ack")                             \
  X(OPEN, "open")
/* clang-format on */

enum ending {
#define X(id, name) ENDING_##id,
  ENDINGS(X)
#undef X
      ENDING_COUNT
};

const char *ending_name(enum ending ending);

/* Both FINs were sent and acknowledged. */
static inline bool ending_is_complete(enum ending ending) {
  return ending == ENDING_NORMAL || ending == ENDING_COALESCED || ending == ENDING_SIMULTANEOUS;
}

/* How the connection has ended so far. */
enum ending ending_of(const struct model *model);

enum reset_cause {
  RESET_NONE,
  RESET_REFUSED,
  RESET_LINGER_0,
  RESET_UNREAD_DATA, /* only the kernel can tell it from LINGER_0 */
  RESET_DATA_AFTER_CLOSE,
  RESET_FIN_WAIT_2_EXPIRED,
  RESET_LATE_FINAL_ACK,
  RESET_NO_SOCKET,
  RESET_OUT_OF_WINDOW,
  RESET_CANNOT_TELL,
};

/* NULL for RESET_NONE. */
const char *reset_cause_name(enum reset_cause cause);

/* Why a verdict is CANNOT_TELL. */
enum doubt {
  DOUBT_NONE,
  DOUBT_MIDSTREAM,     /* the capture begins in the middle of the close */
  DOUBT_ONE_DIRECTION, /* one end was never captured, though the other acknowledges it */
  DOUBT_GAP,           /* octets were acknowledged that the capture never saw */
  DOUBT_DROPS,         /* the kernel dropped packets while capturing */
};

enum conformity { CONFORMS, VIOLATES, CANNOT_TELL };

const char *conformity_name(enum conformity conformity);

struct verdict {
  int64_t duration_us; /* from the first FIN to the last control segment */
  uint16_t losses[LOSS_KINDS][LOSS_PLACES];
  uint32_t fin_retransmissions;
  uint8_t ending;       /* enum ending */
  uint8_t cause;        /* enum reset_cause */
  uint8_t conformity;   /* enum conformity */
  uint8_t doubt;        /* enum doubt */
  uint8_t closed_first; /* enum end; END_NONE also when both did */
  bool closed_both;     /* the FINs crossed */
  uint8_t count, of;    /* control segments, by role */
  uint8_t n_findings;
  struct finding findings[MODEL_FINDINGS_MAX + 5]; /* the model's, those of the end, the kernel's */
  struct witness_view kernel[2];                   /* by end, after verdict_hear */
  const char *holder[2];     /* by end: who has its socket open, of the witness; NULL: unknown */
  const char *kernel_reason; /* for the RST, in the kernel's word; NULL: none */
};

/* now_us: when the capture ended, or the clock; it decides who is stuck. */
void verdict_make(struct verdict *verdict, const struct model *model, int64_t now_us);

/* Adds what the kernel says to a verdict that was just made of the same model. `up_to_date`, by
 * end: its last word is newer than the last captured segment. The verdict then refers to *witness.
 */
void verdict_hear(struct verdict *verdict, const struct model *model, const struct witness *witness,
                  const bool up_to_date[static 2]);

/* The kernel gave its reason for the RST: "TCP_ABORT_ON_CLOSE" and the like, without a prefix;
 * empty if none. Believed where the wire cannot tell. The verdict then refers to it. */
void verdict_hear_reset(struct verdict *verdict, const char *reason);

/* Transitions that the kernel bears out, of those it speaks of, both ends together. */
void verdict_agreement(const struct verdict *verdict, unsigned *agreed, unsigned *of);

/* Who closed first, how it ended, what each side still waits for and since when, and where to look.
 * ASCII, one line, no full stop. Returns buffer, always terminated. */
const char *verdict_sentence(const struct verdict *verdict, const struct model *model,
                             int64_t now_us, char *buffer, size_t size);

#endif
