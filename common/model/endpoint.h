/* One end of a connection as a watcher knows it: a log of events over a base state, and what was
 * captured of its sequence space. Why it is built that way stands in model.h. */
#ifndef TEARDOWN_COMMON_MODEL_ENDPOINT_H
#define TEARDOWN_COMMON_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/segment.h"
#include "common/model/tcp_state.h"
#include "common/model/transition.h"

/* From strongest to weakest; an end's evidence is the weakest of its log. */
enum evidence {
  EVIDENCE_SEEN,     /* a segment that this end itself sent proves it */
  EVIDENCE_PRESUMED, /* the segment was on the wire; nothing proves yet that it arrived */
  EVIDENCE_TIMED,    /* no segment: a timer of the model ran out */
  EVIDENCE_KERNEL,   /* no segment: the kernel of that end says so itself */
};

const char *evidence_name(enum evidence evidence);

/* An event happens at most once between two openings, so this is more than one connection needs. */
enum { ENDPOINT_LOG_SIZE = 8 };

/* How far the stream of an end is known. */
struct stream {
  uint32_t snd_nxt;    /* after the highest octet captured, or acknowledged */
  uint32_t snd_contig; /* after the last octet before the first hole in what was captured */
  uint32_t beyond_left, beyond_right; /* the octets captured beyond that hole; equal: none */
  bool missed;                        /* octets were acknowledged that the capture never saw */
};

/* What an end has said that it has, and has room for. */
struct offer {
  uint32_t ack_max;          /* the highest SEG.ACK sent: its RCV.NXT as far as it has said */
  uint32_t right_edge;       /* of its window: the highest ACK + window so far */
  uint32_t max_window_bytes; /* the largest that it ever offered */
  int64_t t_us;              /* when it was made */
  bool has_ack;              /* it has sent an ACK; else the rest is void */
};

/* The shortest round trip between the tap and an end: from a segment that passed the tap towards it
 * to its ACK of that. A delayed ACK only adds, so it is never less than the path's. */
struct round_trip {
  int64_t least_us; /* counts if is_known */
  int64_t asked_us; /* when the octet before asked_end first passed towards the end */
  uint32_t asked_end;
  bool is_known, is_asked;
};

/* By how much longer its segments are under way to the tap than the quickest of them, by its
 * timestamps where they count milliseconds: since the close began, and the newest before. */
struct delay {
  int64_t quickest_us; /* when that one passed; counts if is_known */
  uint32_t quickest_tsval;
  bool is_known;
  int64_t most_us; /* of the slowest */
};

struct endpoint {
  /* The ISN, or the first sequence number captured: relative ones count from it. */
  uint32_t first_seq;
  struct stream stream;
  struct offer offer;
  struct round_trip round_trip;
  struct delay delay;
  uint32_t fin_seq;
  uint32_t fin_ack;      /* the ACK of its FIN's first captured copy */
  uint32_t octets_end;   /* after the highest SYN or data octet captured; counts if has_octets */
  uint32_t fin_acked_at; /* the peer's snd_nxt when the peer first covered this end's FIN */
  uint32_t tsval;        /* the newest timestamp it sent */
  uint32_t data_segments, data_bytes; /* new octets only, whole connection */
  uint32_t half_close_bytes;          /* sent after the peer's FIN, before its own */
  enum tcp_state base : 8;
  enum evidence base_evidence : 8;
  enum tcp_state state : 8; /* the log folded over the base */
  enum evidence log_evidence : 8;
  enum evidence evidence : 8; /* the same, unless the capture lacks octets */
  uint8_t n_log;
  struct {
    enum tcp_event event : 8;
    enum evidence evidence : 8;
  } log[ENDPOINT_LOG_SIZE];
  uint8_t window_scale; /* from its SYN; counts only if both ends sent one */
  bool has_seq, has_fin, has_fin_acked_at, has_window_scale, has_tsval, has_octets;
  bool sent_syn, sent_stream, syn_had_payload;
  bool sent_bare_ack; /* neither SYN, FIN nor data: such a capture is not filtered by flags */
  bool fin_is_void;   /* another octet had its number before: its receiver drops it */
  bool fin_acks_more; /* the ACK of its FIN was higher than any before */
  bool has_spoken;    /* at least one segment of its own was captured */
  bool heard_more; /* it acknowledged octets of its peer's that the capture never saw; one of them
                      may have been a FIN */
};

/* Sets the state before the log's first event. */
void endpoint_set_base(struct endpoint *e, enum tcp_state base, enum evidence evidence);

/* The log's entry for this event, or -1. */
int endpoint_find(const struct endpoint *e, enum tcp_event event);

/* A segment of this end's own has shown that the event happened. */
bool endpoint_has_shown(const struct endpoint *e, enum tcp_event event);

/* Puts an event into the log at an index from 0 to n_log. False when the log is full: that takes
 * several connections in one, and the state then stays as it is. */
bool endpoint_insert(struct endpoint *e, int at, enum tcp_event event, enum evidence evidence);

/* Strikes an entry out, and with it those that have no effect without it. */
void endpoint_remove(struct endpoint *e, int at);

/* Raises the evidence of one entry to EVIDENCE_SEEN. */
void endpoint_raise(struct endpoint *e, int at);

/* This end sent the segment: extends snd_nxt, fills or opens the first hole. */
void endpoint_extend(struct endpoint *e, const struct segment *s);

/* By how much this end shifts the window of its segment `s`. `scaled` tells that both SYNs carried
 * a window scale; a stream that began before the capture is given the largest one. */
unsigned endpoint_window_shift(const struct endpoint *e, const struct segment *s, bool scaled);

/* Adds the ACK of a segment and the window that it offers. */
void endpoint_offer(struct offer *offer, const struct segment *s, unsigned window_shift);

/* The segment, sent by this end, is so far from all that was captured of its stream that what lies
 * between cannot be compared (RFC 9293, 3.4): more was missed than sequence numbers can count. */
bool endpoint_is_out_of_reach(const struct endpoint *e, const struct segment *s);

/* Forgets this end's numbers, and begins anew at `seq`; octets were missed. */
void endpoint_restart(struct endpoint *e, uint32_t seq);

/* A segment passes the tap towards this end, and occupies sequence space that was not captured
 * before: the time until its ACK is a round trip. */
void endpoint_ask(struct endpoint *e, const struct segment *s);

/* This end sent the segment: it may be the ACK of what was asked. Returns how long that took, or 0.
 */
int64_t endpoint_answer(struct endpoint *e, const struct segment *s);

/* What this end sends within this time of something's passing the tap towards it may have left
 * before that arrived: a round trip, with as much again for one that is slower than the shortest.
 */
int64_t endpoint_soon_us(const struct endpoint *e);

/* The close begins: the newest segment of this end passed at t_us. */
void endpoint_begin_delays(struct endpoint *e, int64_t t_us);

/* By how much longer than the quickest this segment of its was under way, at the least; 0: by
 * nothing, or that is not known. */
int64_t endpoint_delay_us(const struct endpoint *e, const struct segment *s);

/* This end sent the segment, which was under way for so much longer. */
void endpoint_note_delay(struct endpoint *e, const struct segment *s, int64_t delay_us);

/* Whether this end acknowledged octets of its peer's that the capture never saw. */
void endpoint_set_heard_more(struct endpoint *e, bool heard_more);

/* Puts back what was known of this end's stream. */
void endpoint_set_stream(struct endpoint *e, const struct stream *stream);

/* The peer acknowledged up to `ack`: all before it has arrived, whether captured or not. */
void endpoint_acked(struct endpoint *e, uint32_t ack);

/* The segment, sent by the peer, acknowledges this end's FIN. */
bool endpoint_fin_is_covered(const struct endpoint *e, const struct segment *s);

/* The FIN of this end counts: every octet before it has been on the wire. */
bool endpoint_fin_is_complete(const struct endpoint *e);

/* The segment, sent by this end, acknowledges less than it has before: it was sent earlier. */
bool endpoint_is_stale(const struct endpoint *e, const struct segment *s);

/* Payload octets of a segment of this end's that were never captured from it before. */
uint32_t endpoint_new_payload(const struct endpoint *e, const struct segment *s);

#endif
