/* A TCP segment as the model sees it: header fields and lengths, no bytes and no addresses. */
#ifndef TEARDOWN_COMMON_MODEL_SEGMENT_H
#define TEARDOWN_COMMON_MODEL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

/* The client sent the SYN; in a capture that begins later it is whom the caller takes for it. */
enum end { END_CLIENT, END_SERVER, END_NONE };

static inline enum end end_other(enum end e) { return e == END_CLIENT ? END_SERVER : END_CLIENT; }
static inline const char *end_name(enum end e) {
  return e == END_CLIENT ? "client" : e == END_SERVER ? "server" : "none";
}

enum {
  SEGMENT_FIN = 0x01,
  SEGMENT_SYN = 0x02,
  SEGMENT_RST = 0x04,
  SEGMENT_PSH = 0x08,
  SEGMENT_ACK = 0x10,
  SEGMENT_URG = 0x20,
};

/* Which options a segment carried. */
enum {
  SEGMENT_HAS_TIMESTAMPS = 0x01,
  SEGMENT_HAS_SACK = 0x02, /* at least one block; the first one is kept */
  SEGMENT_HAS_SACK_PERMITTED = 0x04,
  SEGMENT_HAS_WINDOW_SCALE = 0x08,
  SEGMENT_OPTIONS_CUT = 0x10, /* they were not captured to their end: there may be more */
};

/* What the payload looks like, as far as it was captured (RFC 8446, 5.1). */
enum segment_tls {
  SEGMENT_TLS_NONE,
  SEGMENT_TLS_BEGINS, /* a record begins with it */
  SEGMENT_TLS_WHOLE,  /* records, the last of which ends with it */
  SEGMENT_TLS_ALERT,  /* the same, and the last is an alert, or in TLS 1.3 as long as one */
};

/* Of two vantage points: those that have it. */
enum segment_seen {
  SEGMENT_SEEN_HERE, /* there is one tap, or nobody knows where on the path the two are */
  SEGMENT_SEEN_TWICE,
  SEGMENT_SEEN_BY_SENDER, /* by the tap nearer to its sender alone */
  SEGMENT_SEEN_BY_RECEIVER,
};

struct segment {
  int64_t t_us; /* captured at, since the epoch */
  uint32_t seq, ack;
  uint32_t payload_bytes;
  uint32_t tsval, tsecr;
  uint32_t sack_left, sack_right;
  uint16_t window; /* as on the wire, unscaled */
  uint8_t flags, options, window_scale;
  bool is_lost; /* a tap nearer to its receiver has not seen it: it certainly never came */
  enum segment_tls tls : 8;
  uint8_t hops;   /* time to live, or hop limit; 0: unknown */
  uint16_t ip_id; /* 0: none, as in IPv6 */
  enum segment_seen seen : 8;
  uint8_t tap;         /* of the two, the one nearer to its sender: 0 or 1 */
  uint32_t transit_us; /* from one tap to the other; the least there was, if but one has it */
};

static inline bool segment_has(const struct segment *s, unsigned flag) {
  return (s->flags & flag) != 0;
}

/* SEG.LEN: octets of sequence space, SYN and FIN included (RFC 9293, 3.4). */
static inline uint32_t segment_len(const struct segment *s) {
  return s->payload_bytes + (segment_has(s, SEGMENT_SYN) ? 1 : 0) +
         (segment_has(s, SEGMENT_FIN) ? 1 : 0);
}

/* The sequence number after the segment's last octet. */
static inline uint32_t segment_end(const struct segment *s) { return s->seq + segment_len(s); }

/* The octet that the FIN occupies: a FIN is known by it, never by the segment it came in, for a
 * retransmission may carry earlier data with it. */
static inline uint32_t segment_fin_seq(const struct segment *s) { return segment_end(s) - 1; }

/* A FIN that closes. Beside a SYN alone it does not, for a listener may drop it (3.10.7.2); on a
 * SYN,ACK it counts (3.10.7.3). */
static inline bool segment_carries_fin(const struct segment *s) {
  bool listener = segment_has(s, SEGMENT_SYN) && !segment_has(s, SEGMENT_ACK);
  return segment_has(s, SEGMENT_FIN) && !listener;
}

/* A duplicate SACK block (RFC 2883): it reports octets that the ACK already covers. */
static inline bool segment_has_dsack(const struct segment *s) {
  return (s->options & SEGMENT_HAS_SACK) && (int32_t)(s->sack_left - s->ack) < 0;
}

#endif
