/* The verdict: how a connection ended, in words that two people would use alike, and in one
 * sentence for a person at 3 a.m. It speaks of the states just after the last captured segment. */
#ifndef TEARDOWN_COMMON_MODEL_VERDICT_H
#define TEARDOWN_COMMON_MODEL_VERDICT_H

#include <stddef.h>
#include <stdint.h>

#include "common/model/connection.h"
#include "common/model/reset.h"
#include "common/model/witness.h"

/* How long an end may keep the other waiting before it is called stuck. A half-close is legal for
 * as long as one likes; at the end of a capture it is worth a look from here on. */
#define VERDICT_STUCK_US INT64_C(2000000)

/* A CLOSE_WAIT that ended is still worth telling when it had lasted so long. */
#define VERDICT_LASTED_US INT64_C(10000000)

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

/* FIN1 or FIN2 was acknowledged, and not sent again since. */
bool verdict_fin_is_acked(const struct model *model, unsigned fin);

/* When a FIN of which no ACK was captured has not been sent again for so long that it had its ACK;
 * INT64_MAX when that cannot be. */
int64_t verdict_quiet_us(const struct model *model, unsigned fin);

/* It is so at now_us. */
bool verdict_fin_is_quiet(const struct model *model, unsigned fin, int64_t now_us);

/* How the connection has ended by now_us, the capture's end or the clock. */
enum ending ending_of(const struct model *model, int64_t now_us);

/* Why a verdict is CANNOT_TELL. */
enum doubt {
  DOUBT_NONE,
  DOUBT_MIDSTREAM,     /* the capture begins in the middle of the close */
  DOUBT_ONE_DIRECTION, /* one end was never captured, though the other acknowledges it */
  DOUBT_NO_ACKS,       /* a FIN was not repeated, so it had an ACK that was not captured */
  DOUBT_GAP,           /* octets were sent that the capture lacks, or lacked when it mattered */
  DOUBT_DROPS,         /* the kernel dropped packets while capturing */
  DOUBT_CLOCK,   /* time runs backwards, or two taps were joined: what came first cannot be told */
  DOUBT_EVICTED, /* the watcher had no room to keep all of it */
};

/* "midstream", "one-direction", "no-acks", "gap", "drops", "clock", "evicted"; NULL for DOUBT_NONE.
 */
const char *doubt_name(enum doubt doubt);

enum conformity { CONFORMS, VIOLATES, CANNOT_TELL };

const char *conformity_name(enum conformity conformity);

struct verdict {
  int64_t duration_us; /* from the first FIN to the last control segment */
  uint16_t losses[LOSS_KINDS][LOSS_PLACES];
  const char *loss_because[LOSS_KINDS][LOSS_PLACES]; /* counts where something was lost */
  const char *spurious_because[2]; /* FIN1, FIN2: repeated, though nothing was lost; NULL: not */
  const char *untold_because[2];   /* the same, and what became of a copy cannot be told */
  const char *cause_because;       /* NULL without a cause */
  uint32_t fin_retransmissions;
  enum ending ending : 8;
  enum reset_cause cause : 8;
  enum conformity conformity : 8;
  enum doubt doubt : 8;
  enum end closed_first : 8; /* END_NONE also when both did */
  bool closed_both;          /* the FINs crossed */
  bool final_ack_was_late;   /* what seemed to be its loss was a delay */
  uint8_t count, of;         /* control segments, by role */
  uint8_t n_findings;
  struct finding findings[MODEL_FINDINGS_MAX + 5]; /* the model's, those of the end, the kernel's */
  struct witness_view kernel[2];                   /* by end, after verdict_hear */
  bool only_half_closed; /* CLOSE_WAIT, and the peer still holds its socket: it may yet read */
  struct witness_socket socket[2]; /* by end, after verdict_hear */
  const char *holder[2];     /* by end: who has its socket open, of the witness; NULL: unknown */
  const char *closer[2];     /* by end: "closed by" whom, of the witness; NULL: unknown */
  const char *kernel_reason; /* for the RST, in the kernel's word; NULL: none */
  bool may_have_closed;      /* who seems to be in CLOSE_WAIT: its FIN may not be in the capture */
  bool has_waited;           /* long enough to be called stuck */
  /* How long no octets had been sent before the first FIN, or before the RST if there was none, or
   * before the octets that it answers (idle_answered); -1: octets may be missing, or there were
   * none. */
  int64_t idle_us;
  bool idle_answered;
  bool other_path;      /* the RST had another hop limit than all of its sender's segments */
  bool no_close_notify; /* the first closer's TLS ended without one */
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

/* The first finding that somebody is stuck; NULL: nobody is. */
const struct finding *verdict_stuck(const struct verdict *verdict);

/* As one word for people: conformity_name(), but who conforms and is stuck is called "stuck". */
const char *verdict_word(const struct verdict *verdict);

/* The first of the gravest: a breach, then that somebody is stuck, then a note; FINDING_COUNT:
 * there is none. */
enum finding_id verdict_gravest(const struct verdict *verdict);

/* How often that was lost, wherever; LOSS_KINDS: whatever was. */
unsigned verdict_lost(const struct verdict *verdict, enum loss_kind kind);

/* The same of all kinds is 0: what most closes are asked, quickly. */
bool verdict_lost_nothing(const struct verdict *verdict);

/* Transitions that the kernel bears out, of those it speaks of, both ends together. */
void verdict_agreement(const struct verdict *verdict, unsigned *agreed, unsigned *of);

#endif
