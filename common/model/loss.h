/* Losses, by role, as far as a capture lets one infer them.
 *
 * A FIN that is sent again says that its ACK did not come. If that ACK was captured in between, it
 * was lost after the tap. If not, either the FIN or its ACK was lost, and the next ACK tells which:
 *   ACK2: TIME_WAIT echoes the timestamp of the first FIN2 that arrived (RFC 7323, 4.3), so a TSecr
 *         equal to the first copy's TSval means that the FIN had arrived and its ACK was lost
 * before the tap; equal to the last copy's, that the earlier FINs were lost after it. ACK1: a
 * D-SACK (RFC 2883) in the answer means that the FIN had arrived before; none, on a connection that
 * negotiated SACK, that it had not. Without timestamps or SACK the two cannot be told apart. The
 * loss of the last copy in a capture can never be inferred. A repetition sooner than any delayed
 * ACK is spurious, not a loss; so is one that follows so soon on the captured ACK that the two have
 * passed each other, and one of a FIN that was there already: its receiver had acknowledged it
 * selectively, or answers with the timestamp of the first copy and without a D-SACK. */
#ifndef TEARDOWN_COMMON_MODEL_LOSS_H
#define TEARDOWN_COMMON_MODEL_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/segment.h"

/* Linux delays the ACK of a FIN by at least TCP_ATO_MIN, 40 ms: a FIN repeated sooner, and answered
 * with a D-SACK, was repeated by a tail loss probe that did not wait for it. */
#define LOSS_SPURIOUS_US INT64_C(40000)

enum loss_kind {
  LOSS_FIN1,
  LOSS_ACK1,
  LOSS_FIN2,
  LOSS_ACK2,
  LOSS_FIN1_OR_ACK1,
  LOSS_FIN2_OR_ACK2,
  LOSS_KINDS,
};

enum loss_place { LOSS_BEFORE_TAP, LOSS_AFTER_TAP, LOSS_PLACE_UNKNOWN, LOSS_PLACES };

/* "fin1", "ack1", "fin2", "final-ack", "fin1/ack1", "fin2/final-ack". */
const char *loss_kind_name(enum loss_kind kind);
const char *loss_place_name(enum loss_place place);

/* What the losses of one FIN are counted by; with the FIN's index it is an enum loss_kind. */
enum loss_of { LOSS_OF_FIN, LOSS_OF_ACK, LOSS_OF_EITHER, LOSS_OF };

/* One FIN of the close, its copies and the copies of its ACK. */
struct close_fin {
  int64_t first_us, last_us; /* its first and its newest copy */
  int64_t last_gap_us;       /* between the newest and the one before; 0: there is but one */
  int64_t acked_us;          /* the first copy of its ACK */
  int64_t last_ack_us;       /* the newest one */
  int64_t short_ack_us;      /* when all but it was acknowledged after it was sent; 0: never */
  uint32_t first_tsval, last_tsval;
  uint32_t copies, acks; /* captured so far */
  uint32_t flat_gaps;    /* gaps in a row that did not grow */
  uint32_t unanswered;   /* copies since the last captured ACK */
  uint16_t lost[LOSS_OF][LOSS_PLACES];
  uint16_t spurious; /* repetitions for which nothing had been lost */
  bool has_timestamps;
  bool sacked;        /* its receiver has said that it came, though octets before it are missing */
  bool repeated_soon; /* every unanswered repetition came within LOSS_SPURIOUS_US */
};

/* A copy of this FIN was captured. `is_fin1`: it is the first closer's. */
void loss_on_fin(struct close_fin *fin, bool is_fin1, const struct segment *segment);

/* A segment that covers this FIN, which is at fin_seq, was captured and counts as its ACK.
 * `dsack_would_tell`: both ends know selective acknowledgements, and a bare ACK of a second arrival
 * would carry one. */
void loss_on_ack(struct close_fin *fin, bool is_fin1, bool dsack_would_tell, uint32_t fin_seq,
                 const struct segment *segment);

/* The losses known at the end of the capture: repetitions never answered are added to those counted
 * already, as FIN or ACK. */
void loss_total(const struct close_fin fin[static 2], uint16_t total[LOSS_KINDS][LOSS_PLACES]);

#endif
