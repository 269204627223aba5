/* An open connection in few octets: what the model must know to go on from, and no more.
 *
 * Most segments of most connections are data and acknowledgements in order, and what they do to the
 * model is a handful of numbers. So an open connection is kept as those numbers (a hot entry), and
 * the model is made of them when something comes that they cannot hold: a FIN, an RST, whatever is
 * repeated, missing, out of order or late. From then on the model takes the segments, until what it
 * knows fits into a hot entry again.
 *
 * Nothing is left out and nothing is rounded: the model that is made of an entry is the one that
 * would have been there if it had taken every segment itself (tests/test_hot.c compares them). What
 * an entry leaves out follows from the rest, for so long as all is in order:
 *
 *   - nothing is missing: the octets sent are those between the first number and the next
 *   - no ACK is older than one before: the newest is the highest, and the window's edge is with it
 *   - the states and their evidence follow from who has spoken since the handshake's last step
 *   - times are 32 bits of microseconds, for none is further back than half an hour */
#ifndef TEARDOWN_CAPTURE_HOT_H
#define TEARDOWN_CAPTURE_HOT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/deadline.h"
#include "common/model/model.h"

/* How far an end has come: the log of its events, and who vouches for the last of them. */
enum hot_opening {
  HOT_NOTHING,       /* no segment yet, of either end */
  HOT_SYN_SENT,      /* client: SYN sent */
  HOT_SYN_ANSWERED,  /* client: the SYN,ACK is presumed to have arrived */
  HOT_CLIENT_OPEN,   /* client: it has spoken since, so it had */
  HOT_SYN_HEARD,     /* server: the SYN is presumed to have arrived */
  HOT_SYN_ACK_SENT,  /* server: it has answered, so it had */
  HOT_SYN_ACK_ACKED, /* server: the ACK of its SYN is presumed to have arrived */
  HOT_SERVER_OPEN,   /* server: it has spoken since, so it had */
  HOT_MIDSTREAM,     /* either: the capture began later than the connection */
};

enum { HOT_SCALE_NONE = 15 }; /* no window scale in its SYN */
enum { HOT_RTT_UNKNOWN = 0xffffff, HOT_24 = 0xffffff, HOT_LAST_US_HIGH_BITS = 22 };

struct hot_end {
  uint32_t first_seq, snd_nxt; /* endpoint.h */
  uint32_t ack_max, right_edge;
  uint32_t tsval;
  uint32_t asked_us;      /* low bits: round_trip.asked_us; counts if asked_bytes is not 0 */
  uint32_t least_us : 24; /* round_trip.least_us, or HOT_RTT_UNKNOWN */
  uint32_t scale : 4;     /* of the window; or HOT_SCALE_NONE */
  uint32_t has_tsval : 1, sent_bare_ack : 1, is_probe : 1, sack_permitted : 1;
  uint32_t
      asked_bytes : 24;   /* what is asked ends so far beyond its highest ACK, or its peer's ISN */
  uint32_t opening : 4;   /* enum hot_opening */
  uint32_t said_data : 1; /* its newest segment carried data */
  uint32_t max_unscaled : 1; /* its largest window was offered by its SYN */
  uint32_t has_vain : 1;     /* hot.vain_us is when this end's first segment in vain was sent */
  uint32_t spoke_last : 1;
  uint32_t data_ack; /* of its newest segment with data. Before it has sent any: the flow table's */
};

struct hot {
  /* The flow table's (flow.h), except last_us. `form` and what stands behind it count whatever the
   * form is. */
  uint32_t address[2];
  uint16_t port[2];
  uint32_t last_us_low;
  uint32_t last_us_high : HOT_LAST_US_HIGH_BITS; /* model.last_us, with a sign */
  uint32_t form : 3, list : 3, client : 1, is_ipv6 : 1, lacks_begin : 1, has_text : 1;
  uint32_t roles_by : 2, is_opened : 1, has_number : 1;
  uint32_t has_payload : 2; /* a bit for each half of the key */
  uint32_t has_octets : 1;  /* octets_us counts */
  uint32_t octets_from : 1; /* talk.from */
  uint32_t tls : 4;         /* two bits for each end: enum talk_tls */
  uint32_t varies : 2;      /* a bit for each end: path.varies */
  uint32_t hops : 16;       /* eight bits for each end: path.hops */
  union {
    uint32_t spoken_us; /* low bits: spoken.t_us of the end that did not speak last */
    uint32_t attached;  /* when the form is not FLOW_OPEN: the flow table's */
  };
  uint32_t vain_us;       /* low bits: vain.first_us of the end that has_vain */
  uint32_t octets_us;     /* low bits: talk.octets_us */
  uint32_t pause_us;      /* talk.pause_us */
  uint16_t ip_id[2];      /* by end: path.ip_id */
  uint16_t max_window[2]; /* by end: as on the wire */
  union {
    struct hot_end end[2];
    struct deadline deadline; /* when the form is not FLOW_OPEN: the flow table's */
  };
};

static_assert(sizeof(struct hot) == 120, "memory for each open connection");

/* An entry of zeros, but for what is the flow table's, stands for a model just initialised. */

static inline bool hot_has_spoken(const struct hot_end *e) {
  return e->opening != HOT_NOTHING && e->opening != HOT_SYN_HEARD;
}

static inline bool hot_sent_syn(const struct hot_end *e) {
  return hot_has_spoken(e) && e->opening != HOT_MIDSTREAM;
}

/* Of data, since the connection began: nothing is missing. */
static inline uint32_t hot_sent_bytes(const struct hot_end *e) {
  return e->snd_nxt - e->first_seq - (hot_sent_syn(e) ? 1 : 0);
}

static inline int64_t hot_last_us(const struct hot *h) {
  enum { UNUSED = 64 - 32 - HOT_LAST_US_HIGH_BITS };
  uint64_t bits = (uint64_t)h->last_us_high << 32 | h->last_us_low;
  return (int64_t)(bits << UNUSED) >> UNUSED;
}

#endif
