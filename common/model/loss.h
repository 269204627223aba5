/* What was lost, as far as the capture lets one infer it: from the copies of a FIN and from the
 * answers to them.
 *
 * Each copy is kept with its time and timestamp, and so is each answer, an ACK that covers the FIN.
 * Nothing is counted while they come: the losses are inferred anew whenever somebody asks, so that
 * an answer that comes late takes back what its absence seemed to prove.
 *
 *   Order. A copy that arrives before the octets in front of it is kept, and not answered: only
 * what begins where its receiver had acknowledged to must have been. Causality. An answer cannot be
 * to a copy that passed the tap later than one round trip before it, and a copy that follows an ACK
 * within one round trip may have left before that arrived. One proof, one claim. A D-SACK proves
 * that one copy had arrived before; an echoed timestamp names the copy that arrived; an answer
 * accounts for one copy. What none of them names was lost as FIN or as ACK, which nobody can tell.
 * No answer, no claim. What was never answered may have found nobody there. The last copy. Whether
 * it, or its answer, was lost is never inferable: another one would follow.
 *
 * What is decided by which clue is one table, in loss.c. */
#ifndef TEARDOWN_COMMON_MODEL_LOSS_H
#define TEARDOWN_COMMON_MODEL_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/segment.h"

/* For so long stacks delay an ACK (Linux 40 ms, BSD 100 ms): a copy that follows sooner on the one
 * before it says nothing, for the receiver may not have answered that yet. No stack's least RTO is
 * so short. */
#define LOSS_DELAYED_ACK_US INT64_C(150000)

enum loss_kind {
  LOSS_FIN1,
  LOSS_ACK1,
  LOSS_FIN2,
  LOSS_ACK2,
  LOSS_FIN1_OR_ACK1,
  LOSS_FIN2_OR_ACK2,
  LOSS_KINDS,
};

enum loss_place {
  LOSS_BEFORE_TAP,
  LOSS_AFTER_TAP,
  LOSS_PLACE_UNKNOWN,
  LOSS_BETWEEN_TAPS, /* one of two taps saw it, and the other did not: certain */
  LOSS_PLACES,
};

/* "fin1", "ack1", "fin2", "final-ack", "fin1/ack1", "fin2/final-ack". */
const char *loss_kind_name(enum loss_kind kind);
const char *loss_place_name(enum loss_place place);

/* What the losses of one FIN are counted by; with the FIN's index it is an enum loss_kind. */
enum loss_of { LOSS_OF_FIN, LOSS_OF_ACK, LOSS_OF_EITHER, LOSS_OF };

/* Copies, and answers, that are kept: the newest. */
enum { LOSS_KEPT = 8 };

struct loss_copy {
  int64_t t_us;
  uint32_t seq;      /* of its segment: the FIN's octet, or of data that it carries */
  uint32_t tsval;    /* 0 without timestamps, and so is the answers' tsecr */
  uint32_t delay_us; /* it was under way by so much longer than the quickest of its sender's */
  bool is_lost;      /* two taps show it */
  bool outdated; /* its sender had used a newer timestamp: its receiver drops it (RFC 7323, 5.3) */
  bool moves; /* it acknowledges its receiver's own FIN, which had crossed the first copy: the first
                 such segment to arrive takes that from CLOSING to TIME_WAIT, and Linux and BSD
                 answer nothing */
  bool passed; /* octets before it were sent again since, with a newer timestamp: should those
                  overtake it, the same */
};

struct loss_answer {
  int64_t t_us;
  uint32_t tsecr;
  uint32_t acked_before; /* what its sender had acknowledged until then */
  uint32_t dsack_left;   /* counts if dsack */
  uint32_t end;          /* behind its octets */
  uint32_t delay_us;     /* as of a copy */
  bool is_lost;          /* two taps show it */
  bool is_old; /* its octets had come before, by what the FIN's sender acknowledged: then it
                  is dropped, and what it acknowledges with it (RFC 9293, 3.10.7.4) */
  bool dsack;  /* it reports the FIN's octet as having come twice */
  bool plain;  /* neither data nor a FIN of its own */
  bool bare;   /* and all options: a D-SACK would stand in it */
  bool before_time_wait; /* its sender had not closed, or that had not been acknowledged */
};

/* One FIN of the close, its copies and its answers. */
struct close_fin {
  int64_t first_us, last_us; /* its first and its newest copy */
  int64_t last_gap_us;       /* between the newest and the one before; 0: there is but one */
  int64_t acked_us;          /* the first answer */
  int64_t last_ack_us;       /* the newest one */
  int64_t short_ack_us;      /* the newest bare ACK of everything but this FIN after it; 0: none */
  int64_t not_there_us;      /* when its receiver last showed that no copy had arrived; 0: never */
  int64_t slowest_us;        /* the longest round trip from the tap to its sender since, by what was
                                sent but once */
  int64_t unaware_us;        /* when its sender last showed that no answer had arrived; 0: never */
  struct loss_copy copy[LOSS_KEPT];     /* copy number i is at i % LOSS_KEPT */
  struct loss_answer answer[LOSS_KEPT]; /* the same */
  uint32_t copies, answers;             /* captured so far */
  uint32_t lost[2];                     /* between two taps: copies, and answers */
  uint32_t unanswered;                  /* copies since the last answer */
  uint32_t flat_gaps;                   /* gaps in a row that did not grow */
  bool stamped_alone; /* no other segment of its sender had the timestamp of the first copy, which
                         carried no data */
  bool sacked;        /* its receiver has said that it came, though octets before it are missing */
  bool asked_again;   /* what its sender is to acknowledge next was sent again */
  bool answer_met_closed; /* the last answer was answered with RST: an earlier one had arrived */
};

/* A copy of this FIN was captured. `crossed`: so soon after an answer that it may have left before
 * that arrived; then it awaits none of its own. `delay_us`, `outdated`, `moves`: see struct
 * loss_copy. */
void loss_note_copy(struct close_fin *fin, const struct segment *segment, int64_t delay_us,
                    bool crossed, bool outdated, bool moves);

/* Its sender acknowledges what comes before this number. */
void loss_note_acked(struct close_fin *fin, uint32_t ack);

/* Its sender sent a segment without the FIN, which is at fin_seq. */
void loss_note_beside(struct close_fin *fin, uint32_t fin_seq, const struct segment *segment);

/* A segment that covers this FIN, which is at fin_seq, was captured and counts as an answer. Until
 * then its sender had acknowledged what is before acked_before. */
void loss_note_answer(struct close_fin *fin, uint32_t fin_seq, uint32_t acked_before,
                      bool before_time_wait, const struct segment *segment, int64_t delay_us);

/* What has to be known beside the FIN itself. */
struct loss_context {
  const struct close_fin *other; /* the FIN of its receiver */
  /* Sooner than this an answer cannot come: the round trip between the tap and the FIN's receiver;
   * 0: unknown. */
  int64_t receiver_us;
  int64_t path_us; /* the round trip between the ends, or what is assumed while it is unknown */
  int64_t receiver_long_us; /* what the receiver sends so long after a FIN left after that came */
  int64_t sender_soon_us;   /* the same of the FIN's sender and an answer */
  int64_t sender_varies_us; /* the way between the tap and that one takes so much longer at times */
  bool sack_permitted;      /* by both: a bare ACK of a second arrival carries a D-SACK */
  /* Its receiver is in TIME_WAIT by the first copy that arrives, keeps the timestamp of that one,
   * and sends no D-SACK. */
  bool met_time_wait;
  bool reorders;       /* the path does */
  bool network_copies; /* what seems to have been sent twice may have been doubled on the way */
};

struct losses {
  uint16_t count[LOSS_OF][LOSS_PLACES];
  const char
      *because[LOSS_OF][LOSS_PLACES]; /* of the newest such claim; counts where `count` is not 0 */
  const char *spurious_because;
  const char *untold_because; /* there were copies of which nothing can be told; NULL: none */
  uint16_t spurious;          /* copies for which nothing had been lost */
  bool final_ack_late;        /* an answer that seemed lost had only been late */
};

/* The losses that what was captured of this FIN lets one infer. */
struct losses loss_infer(const struct close_fin *fin, const struct loss_context *context);

#endif
