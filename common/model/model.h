/* The model: what a watcher can know of both ends of one TCP connection.
 *
 * Theory of operation
 *
 * Vantage. A captured segment is two events. `snd` at its source is certain: it was sent. `rcv` at
 * its destination is only presumed: captured is not delivered. So each end carries a state and the
 * evidence for it (enum evidence). A claim of EVIDENCE_SEEN speaks of the moment when that end sent
 * its last captured segment; it can have moved on in silence since.
 *
 * Log. An end's state is never stored by hand: it is its base state plus a short log of events,
 * each with its evidence, folded through the transition table. Evidence of the state is the weakest
 * in the log. To confirm is to raise one entry to `seen`; to refute is to strike it out and fold
 * again.
 *
 * Refutation. Sending is certain, so whoever sends what its presumed state forbids
 * (TRANSITION_NEVER) was not in that state: a FIN sent again strikes out the presumed arrival of
 * its ACK; a first FIN that does not acknowledge the peer's was composed before the peer's arrived,
 * so the two crossed.
 *
 * A capture that begins later than the connection cannot know whether a FIN came before it, so no
 * state is ever `seen` there; nor while the capture lacks octets that an end has sent.
 *
 * Confirmation. An end that acknowledges the peer's FIN has received it. An end that acknowledges
 * an octet which the peer first sent after acknowledging this end's FIN has received that ACK too.
 * The final ACK is never acknowledged, so the passive closer's CLOSED stays presumed for ever: that
 * is the two-generals problem, and it is why TIME_WAIT exists.
 *
 * Roles. FIN1 is the first FIN on the wire, ACK1 the first segment that covers it, FIN2 the other
 * end's FIN, ACK2 (the final ACK) the first segment that covers that. A FIN is its octet; "covers"
 * is arithmetic on SEG.ACK; flags prove nothing. Losses are inferred from repetitions (loss.h).
 *
 * Acceptance. What the receiver would drop (accept.h) proves nothing and changes nothing.
 *
 * Limits. Segments lost before the tap and never repeated do not exist for a watcher.
 *
 * The model is a function of what it is given: no clock, no allocation, no I/O. */
#ifndef TEARDOWN_COMMON_MODEL_MODEL_H
#define TEARDOWN_COMMON_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/accept.h"
#include "common/model/endpoint.h"
#include "common/model/finding.h"
#include "common/model/loss.h"
#include "common/model/segment.h"
#include "common/model/tcp_state.h"
#include "common/model/transition.h"

/* Linux keeps TIME_WAIT for TCP_TIMEWAIT_LEN, which it calls 2 MSL, whatever the RFC's MSL of two
 * minutes would make it. */
#define MODEL_LINUX_2MSL_US (INT64_C(60) * 1000000)

/* What a segment does in the close; a segment can do several things at once. */
enum {
  ROLE_FIN1 = 0x01,
  ROLE_ACK1 = 0x02,
  ROLE_FIN2 = 0x04,
  ROLE_ACK2 = 0x08,
  ROLE_RST = 0x10,
  ROLE_SYN = 0x20,
  ROLE_DATA = 0x40, /* payload, none of it new roles */
  ROLES_OF_CLOSE = ROLE_FIN1 | ROLE_ACK1 | ROLE_FIN2 | ROLE_ACK2,
};

/* "fin1", "ack1", "fin2", "final-ack", "rst", "syn", "data"; several joined by '+'. Returns buffer.
 */
const char *role_names(unsigned roles, char buffer[static 40]);

enum { MODEL_FINDINGS_MAX = 8, MODEL_CHANGES_MAX = 6 };

/* An ACK of octets that were not captured. */
struct model_unsent {
  int64_t t_us;
  uint32_t ack, snd_nxt; /* what it covers; what had been captured by then */
  uint32_t ack_max;      /* the highest other ACK of its sender's; counts if has_ack */
  bool has_ack;
  bool pending;    /* not explained yet */
  bool missed;     /* endpoint.missed as it was before */
  bool heard_more; /* the same of the other end's */
};

struct model {
  struct endpoint end[2];
  struct loss loss;
  struct finding findings[MODEL_FINDINGS_MAX];
  int64_t two_msl_us;
  int64_t last_us;                       /* the last captured segment */
  int64_t first_fin_us, last_control_us; /* valid once first_closer is set, or an RST was sent */
  int64_t fin_us[2], fin_acked_us[2];    /* first copies of FIN1, FIN2 and of the ACKs of them */
  int64_t time_wait_us[2];               /* when TIME_WAIT began or was last restarted */
  int64_t rst_us;
  int64_t half_close_us; /* the newest data sent into the half-close window */
  uint32_t segments;
  uint32_t rst_seq;
  uint8_t first_closer; /* enum end */
  uint8_t roles_seen;
  uint8_t n_findings;
  uint8_t incarnation;     /* enum incarnation: how it came to reuse a four-tuple, if it did */
  uint8_t rst_from;        /* enum end: whose RST took effect */
  uint8_t rst_state;       /* enum tcp_state: of its sender just before */
  bool midstream;          /* no SYN was captured */
  bool crossed;            /* the first copy of FIN2 does not acknowledge FIN1 */
  bool coalesced;          /* the first segment to acknowledge FIN1 is FIN2 */
  bool refused;            /* a SYN was answered by RST */
  bool reopened[2];        /* by end: it sent the SYN of a new connection while the old one lived */
  bool final_ack_was_late; /* not lost: the answer to the repeated FIN met a closed end */
  uint8_t rst_offender;    /* ROLE_* of what its receiver had sent last; 0: a bare ACK */
  uint8_t last_roles[2];   /* by end */
  bool rst_has_ack;
  bool rst_after_data;      /* its receiver had sent data */
  bool rst_after_late_data; /* ... after its sender's FIN, and they are not acknowledged */
  bool time_wait_restarted;
  int64_t
      short_ack_us[2]; /* FIN1, FIN2: when all but it was acknowledged after it was sent; 0: not */
  bool capture_incomplete;       /* for the caller to set: the kernel dropped packets */
  struct model_unsent unsent[2]; /* by the end whose octets they would be */
};

enum change_kind {
  CHANGE_MOVED,     /* an event, a new state */
  CHANGE_STAYED,    /* an event worth telling that leaves the state: 2 MSL restarted */
  CHANGE_CONFIRMED, /* the same state, now seen */
  CHANGE_REFUTED,   /* the presumed state was never true */
};

struct model_change {
  const struct transition *why; /* NULL when confirmed */
  uint8_t kind;                 /* enum change_kind */
  uint8_t end;                  /* enum end */
  uint8_t from, to;             /* enum tcp_state */
  uint8_t evidence;             /* enum evidence, of `to` */
  uint8_t event;                /* enum tcp_event; for CHANGE_REFUTED the event struck out */
};

enum step_verdict {
  STEP_EXPECTED,
  STEP_RETRANSMISSION,
  STEP_REFUTES,
  STEP_STALE,
  STEP_UNEXPECTED,
};

const char *step_verdict_name(enum step_verdict verdict);

/* What one segment did to the model. */
struct model_step {
  int64_t since_first_fin_us; /* 0 until a FIN was captured */
  int64_t since_copy_us;      /* `again`: since the previous copy of the same role */
  uint32_t again;             /* 0: first copy; otherwise which repetition of the role this is */
  uint8_t from;               /* enum end */
  uint8_t roles;              /* ROLE_* of this segment */
  uint8_t new_roles;          /* those of them captured for the first time */
  uint8_t count, of;          /* roles of the close captured so far, of three or four */
  uint8_t verdict;            /* enum step_verdict */
  uint8_t ignored;            /* enum acceptance: other than ACCEPT_YES, the receiver drops it */
  uint8_t n_changes, n_findings;
  bool short_of_fin;  /* a bare ACK of everything but the peer's FIN */
  bool in_half_close; /* payload sent into the half-close window */
  struct model_change changes[MODEL_CHANGES_MAX];
  struct finding findings[2];
};

/* Both ends unknown; two_msl_us is how long TIME_WAIT lasts. */
void model_init(struct model *model, int64_t two_msl_us);

/* Feeds the next captured segment. `from` may be given for the first segment as END_CLIENT.
 * Segments must come in capture order; any content is accepted. Writes *step. */
void model_step(struct model *model, enum end from, const struct segment *segment,
                struct model_step *step);

/* Lets time pass without a segment: ends TIME_WAIT once 2 MSL have run out (RFC 9293, 3.10.8).
 * True when something changed; *step then holds the changes. */
bool model_expire(struct model *model, int64_t now_us, struct model_step *step);

/* The kernel of this end says at t_us that it has closed, though no segment made it: a timer did,
 * or it gave up. True when the model has it in a state that can end so; *step then holds the
 * change. */
bool model_closed_silently(struct model *model, enum end end, int64_t t_us,
                           struct model_step *step);

/* The SYN at t_us, from that end, reuses a four-tuple in TIME_WAIT by this rule: notes it, and adds
 * the finding. To be called before the SYN's own step. */
void model_reuse(struct model *model, enum incarnation rule, enum end end, int64_t t_us);

/* When TIME_WAIT will end by itself, or INT64_MAX when neither end is in it. */
int64_t model_deadline_us(const struct model *model);

/* u: FIN1's octet. w: FIN2's octet or, before it is sent, where it will be if no data come first.
 */
uint32_t model_u(const struct model *model);
uint32_t model_w(const struct model *model);

#endif
