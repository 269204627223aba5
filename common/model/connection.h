/* What is known of one connection: the data that the rules read and write, and what a step reports.
 * The theory that the rules follow stands in model.h. */
#ifndef TEARDOWN_COMMON_MODEL_CONNECTION_H
#define TEARDOWN_COMMON_MODEL_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/accept.h"
#include "common/model/endpoint.h"
#include "common/model/finding.h"
#include "common/model/loss.h"
#include "common/model/segment.h"
#include "common/model/talk.h"
#include "common/model/tcp_state.h"
#include "common/model/transition.h"

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

/* The two FINs by their order: index of model.fin. */
enum { FIN1, FIN2 };

/* How often an end has asked in vain since the other end last spoke. */
struct vain {
  int64_t first_us, last_us; /* the first segment that was not answered, and the newest */
  uint16_t times;            /* probes, or copies after the first; 0: none */
  bool probes;               /* keep-alive: they carry nothing new */
};

/* The newest segment of an end, and the newest of its that carried data. */
struct spoken {
  int64_t t_us;
  uint32_t ack, data_ack;
  bool has_ack, has_data_ack;
  bool is_probe; /* it only asks whether the other end is there (RFC 9293, 3.8.4) */
};

/* The RST that took effect, if one did. */
struct reset {
  int64_t t_us;
  struct vain gave_up; /* what its sender had asked in vain; times is 0 if it had not */
  uint32_t seq;
  uint32_t missed_ms;              /* so long after it its receiver sent more; 0: it did not */
  enum end from : 8;               /* END_NONE: none */
  enum tcp_state sender_state : 8; /* just before */
  uint8_t offender;                /* ROLE_* of what its receiver had sent last; 0: a bare ACK */
  bool has_ack;
  bool refused;          /* it answered a SYN */
  bool before_fin;       /* it has the number of its sender's FIN, which had arrived: few take it */
  bool after_data;       /* its receiver had sent octets, or may have */
  bool after_late_data;  /* ... after its sender had closed, and they had not been acknowledged */
  bool after_taken_data; /* ... and they had */
  bool after_hole;    /* what came before it may be missing: a FIN of its sender's, or octets after
                         that */
  bool came_soon;     /* within a round trip of its receiver's newest segment */
  bool answers_probe; /* which was a probe */
  bool answers_ack;   /* no ACK, and the number that one of its receiver's segments acknowledged */
  bool answers_blind; /* the number 0, after a segment that acknowledged nothing */
  bool crossed;       /* late octets had left before their sender heard of the FIN */
  int64_t stale_us;   /* or so long after it had acknowledged that; 0: neither is known */
};

/* An ACK of octets that were not captured, and what was known before it. */
struct unsent {
  int64_t t_us;
  uint32_t ack;
  struct stream stream; /* of the end whose octets they would be */
  struct offer offer;   /* of the end that acknowledged them; later ACKs that are good join it */
  bool heard_more;      /* of the same */
  bool pending;         /* not explained yet */
};

enum { MODEL_FINDINGS_MAX = 8, MODEL_CHANGES_MAX = 6 };

struct model {
  struct endpoint end[2];
  struct close_fin fin[2]; /* FIN1, FIN2; zero until captured */
  struct reset rst;
  struct unsent unsent[2]; /* by the end whose octets they would be */
  struct vain vain[2];     /* by end */
  struct spoken spoken[2]; /* by end */
  struct finding findings[MODEL_FINDINGS_MAX];
  int64_t two_msl_us;
  int64_t last_us;         /* the last captured segment */
  int64_t first_fin_us;    /* valid once first_closer is set */
  int64_t last_control_us; /* valid once first_closer is set, or an RST was sent */
  int64_t time_wait_us[2]; /* by end: when TIME_WAIT began or was last restarted */
  int64_t half_close_us;   /* the newest data sent into the half-close window */
  uint32_t segments;
  enum end first_closer : 8;
  enum incarnation incarnation : 8; /* how it came to reuse a four-tuple, if it did */
  uint8_t roles_seen;
  uint8_t last_roles[2]; /* by end */
  uint8_t n_findings;
  bool midstream;    /* no SYN was captured */
  bool ack1_missing; /* FIN2 came so late with the ACK of FIN1 that another one was there before */
  bool ack1_beyond;  /* the first ACK of FIN1 has a number beyond all that its sender was seen to
                        send: its FIN perhaps, unless that comes with another number */
  bool
      ack1_is_first; /* ... and nothing but one copy of FIN1 had been captured that it may answer */
  bool crossed;      /* the first copy of FIN2 does not acknowledge FIN1, captured or not */
  bool coalesced;    /* the first segment to acknowledge FIN1 is FIN2 */
  bool sack_permitted[2]; /* by end, from the SYNs */
  bool reopened[2];       /* by end: it sent the SYN of a new connection while the old one lived */
  bool time_wait_restarted;
  bool ran_backwards; /* a segment is older than one that came before it: orders tell nothing */
  bool is_mixed;      /* ... nor do they if two taps were joined: a segment came after both SYNs had
                         come again, and perhaps one of the taps alone had it */
  /* For the caller to set. */
  bool capture_incomplete : 1; /* the kernel dropped packets */
  bool not_all_kept : 1;       /* what came before, or would come, has no room */
  bool network_copies : 1;     /* segments may have been doubled on their way */
  bool superseded : 1;  /* a new connection has its four-tuple: neither end had it any more */
  bool taps_joined : 1; /* two taps saw the connections of this capture */
  bool rst_beyond; /* the newest segment is a RST with a number beyond what its receiver awaits */
  struct talk talk;
  enum talk_tls tls[2];       /* by end */
  struct talk_path path[2];   /* by end */
  struct talk_path rst_path;  /* of the RST that ended it, or else the newest, */
  enum end rst_path_from : 8; /* whoever it says has sent it */
  uint8_t syns_again;         /* 1 << end: its SYN was captured again, and is not sent again */
  /* By end, since both were: segments without data that were captured again, and that were not. */
  uint32_t twice[2], alone[2];
  bool reorders; /* in the close, a segment was captured whose sender had used a newer timestamp
                    before */
};

enum change_kind {
  CHANGE_MOVED,     /* an event, a new state */
  CHANGE_STAYED,    /* an event worth telling that leaves the state: 2 MSL restarted */
  CHANGE_CONFIRMED, /* the same state, now seen */
  CHANGE_REFUTED,   /* the presumed state was never true */
};

struct model_change {
  const struct transition *why; /* NULL when confirmed */
  enum change_kind kind : 8;
  enum end end : 8;
  enum tcp_state from : 8, to : 8;
  enum evidence evidence : 8; /* of `to` */
  enum tcp_event event : 8;   /* for CHANGE_REFUTED the event struck out */
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
  int64_t since_first_fin_us; /* or, where there is none, since the RST; 0 until then */
  int64_t since_copy_us;      /* `again`: since the previous copy of the same role */
  uint32_t again;             /* 0: first copy; otherwise which repetition of the role this is */
  enum end from : 8;
  enum step_verdict verdict : 8;
  enum acceptance ignored : 8; /* other than ACCEPT_YES: the receiver drops it */
  uint8_t roles;               /* ROLE_* of this segment */
  uint8_t new_roles;           /* those of them captured for the first time */
  uint8_t count, of;           /* roles of the close captured so far, of three or four */
  uint8_t n_changes, n_findings;
  bool short_of_fin;  /* a bare ACK of everything but the peer's FIN */
  bool in_half_close; /* payload sent into the half-close window */
  struct model_change changes[MODEL_CHANGES_MAX];
  struct finding findings[2];
};

/* Which FIN of the close this end's is, or would be: FIN1 also while nobody has sent one. */
static inline unsigned connection_fin_of(const struct model *m, enum end end) {
  return m->first_closer == END_NONE || m->first_closer == end ? FIN1 : FIN2;
}

/* Who sent FIN1 or FIN2, or will; END_NONE while nobody has sent a FIN. */
static inline enum end connection_closer(const struct model *m, unsigned fin) {
  if (m->first_closer == END_NONE) return END_NONE;
  return fin == FIN1 ? m->first_closer : end_other(m->first_closer);
}

/* Both SYNs came again, or other connections did: what comes next may be another tap's. */
bool connection_may_be_joined(const struct model *m);

/* Both SYNs came again, and so did much of what followed, either way, as each tap may have holes of
 * its own: another tap saw it as well, later or by another clock. A network that doubles segments
 * may double both SYNs, but not so many more. */
bool connection_came_twice(const struct model *m);

/* Two taps saw it, as far as it shows itself or other connections do. */
static inline bool connection_is_joined(const struct model *m) {
  return m->taps_joined || connection_came_twice(m);
}

/* The order of the segments is not that in which they were captured. */
static inline bool connection_lacks_order(const struct model *m) {
  return m->ran_backwards || (m->is_mixed && connection_is_joined(m));
}

/* Somebody has begun to end it: a FIN was captured, or an RST that took effect. */
static inline bool connection_has_closed(const struct model *m) {
  return m->roles_seen != 0 || m->rst.t_us != 0;
}

/* Bare ACKs occur in this capture. Where they do not, one that is missing may have been there. */
static inline bool connection_has_bare_acks(const struct model *m) {
  return m->end[0].sent_bare_ack || m->end[1].sent_bare_ack;
}

/* The last octet of the end that seems to close second was not captured and, acknowledged or before
 * the number of its segments, was there: it may have been its FIN, and the first. */
bool connection_may_lack_fin(const struct model *m);

/* What was lost of FIN1 or FIN2 and its ACK, as far as it can be inferred by now. */
struct losses connection_losses(const struct model *m, unsigned fin);

/* What its receiver sends at t_us without covering the FIN was sent so many round trips after the
 * newest copy that this cannot be on its way any more. */
bool connection_fin_is_lost(const struct model *m, unsigned fin, int64_t t_us);

/* So long, after something passed the tap towards this end, that what the end sends cannot have
 * left before it came. */
bool connection_is_many_round_trips(const struct endpoint *end, int64_t passed_us);

/* u: FIN1's octet. w: FIN2's octet or, before it is sent, where it will be if no data come first.
 */
uint32_t connection_u(const struct model *model);
uint32_t connection_w(const struct model *model);

/* An end has not been heard of, or its handshake is not complete. */
bool connection_is_half_open(const struct model *model);

/* The segment brings nothing that was not there, and is no newer than the newest of its connection,
 * unless another tap, by a clock of its own, may be in the file: it was captured twice. */
bool connection_repeats(const struct model *model, enum end from, const struct segment *segment);

/* Notes that the segment was captured again, and is not given to the model, or for the first time.
 */
void connection_note_again(struct model *model, enum end from, const struct segment *segment,
                           bool again);

/* When TIME_WAIT will end by itself, or INT64_MAX when neither end is in it. */
int64_t connection_deadline_us(const struct model *model);

#endif
