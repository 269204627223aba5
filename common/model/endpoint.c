#include "common/model/endpoint.h"

#include <string.h>

#include "common/model/seq.h"

const char *evidence_name(enum evidence evidence) {
  switch (evidence) {
    case EVIDENCE_SEEN: return "seen";
    case EVIDENCE_PRESUMED: return "presumed";
    case EVIDENCE_TIMED: return "timed";
    case EVIDENCE_KERNEL: return "kernel";
  }
  return "";
}

int endpoint_find(const struct endpoint *e, enum tcp_event event) {
  for (int i = 0; i < e->n_log; i++)
    if (e->log[i].event == event) return i;
  return -1;
}

bool endpoint_has_shown(const struct endpoint *e, enum tcp_event event) {
  int at = endpoint_find(e, event);
  return at >= 0 && e->log[at].evidence == EVIDENCE_SEEN;
}

/* What it sent, or received, and the capture has not seen may have been a FIN. */
static void weigh(struct endpoint *e) {
  bool gap = (e->stream.snd_nxt != e->stream.snd_contig && !e->has_fin) || e->heard_more;
  bool hides = gap && e->state != TCPS_CLOSED && e->log_evidence == EVIDENCE_SEEN;
  e->evidence = hides ? EVIDENCE_PRESUMED : e->log_evidence;
}

/* Folds the log over the base. The only place where a state is computed. */
static void fold(struct endpoint *e) {
  e->state = e->base;
  e->log_evidence = e->base_evidence;
  for (int i = 0; i < e->n_log; i++) {
    e->state = transition_find(e->state, e->log[i].event)->next;
    /* An RST proves by itself that its sender has no connection, whatever led to that. */
    bool stands_alone = e->log[i].event == EVENT_SND_RST;
    if (stands_alone || e->log[i].evidence > e->log_evidence) e->log_evidence = e->log[i].evidence;
  }
  weigh(e);
}

bool endpoint_insert(struct endpoint *e, int at, enum tcp_event event, enum evidence evidence) {
  if (e->n_log == ENDPOINT_LOG_SIZE) return false;
  memmove(&e->log[at + 1], &e->log[at], (size_t)(e->n_log - at) * sizeof *e->log);
  e->log[at].event = event;
  e->log[at].evidence = evidence;
  e->n_log++;
  fold(e);
  return true;
}

static void strike(struct endpoint *e, int at) {
  e->n_log--;
  memmove(&e->log[at], &e->log[at + 1], (size_t)(e->n_log - at) * sizeof *e->log);
}

void endpoint_remove(struct endpoint *e, int at) {
  strike(e, at);
  /* What could only follow on it has not happened either. */
  enum tcp_state state = e->base;
  for (int i = 0; i < e->n_log;) {
    const struct transition *row = transition_find(state, e->log[i].event);
    if (row->kind != TRANSITION_MOVES && e->log[i].event != EVENT_SND_RST) {
      strike(e, i);
      continue;
    }
    state = row->next;
    i++;
  }
  fold(e);
}

void endpoint_raise(struct endpoint *e, int at) {
  if (e->log[at].evidence != EVIDENCE_SEEN) {
    e->log[at].evidence = EVIDENCE_SEEN;
    fold(e);
  } else {
    weigh(e);
  }
}

void endpoint_set_base(struct endpoint *e, enum tcp_state base, enum evidence evidence) {
  e->base = base;
  e->base_evidence = evidence;
  fold(e);
}

/* What was captured beyond the hole joins the rest once the hole is filled. */
static void join_beyond(struct endpoint *e) {
  if (e->stream.beyond_left == e->stream.beyond_right ||
      seq_lt(e->stream.snd_contig, e->stream.beyond_left))
    return;
  e->stream.snd_contig = seq_max(e->stream.snd_contig, e->stream.beyond_right);
  e->stream.beyond_left = e->stream.beyond_right = e->stream.snd_contig;
}

static void begin_at(struct endpoint *e, uint32_t seq) {
  e->has_seq = true;
  e->first_seq = e->stream.snd_nxt = e->stream.snd_contig = e->stream.beyond_left =
      e->stream.beyond_right = seq;
}

bool endpoint_is_out_of_reach(const struct endpoint *e, const struct segment *s) {
  /* No window is larger (RFC 7323, 2.3), so nothing that is under way is further away. */
  enum { REACH = 1 << 30 };
  if (!e->has_seq || e->has_fin || (s->flags & (SEGMENT_SYN | SEGMENT_RST))) return false;
  int32_t distance = seq_diff(s->seq, e->stream.snd_nxt);
  return distance > REACH || distance < -REACH;
}

void endpoint_restart(struct endpoint *e, uint32_t seq) {
  begin_at(e, seq);
  e->stream.missed = true;
  e->has_octets = e->sent_syn = false;
  weigh(e);
}

static void extend(struct endpoint *e, const struct segment *s) {
  uint32_t left = s->seq, right = segment_end(s);
  e->has_spoken = true;
  if (s->options & SEGMENT_HAS_TIMESTAMPS) {
    e->tsval = e->has_tsval ? seq_max(e->tsval, s->tsval) : s->tsval;
    e->has_tsval = true;
  }
  if (!e->has_seq) begin_at(e, left);
  if (segment_has(s, SEGMENT_SYN)) e->first_seq = left; /* though its ACK was captured before */
  e->stream.snd_nxt = seq_max(e->stream.snd_nxt, right);
  if (left == right) {
    e->sent_bare_ack = true;
    return;
  }
  uint32_t octets_end = segment_has(s, SEGMENT_FIN) ? right - 1 : right;
  if (octets_end != left) {
    e->octets_end = e->has_octets ? seq_max(e->octets_end, octets_end) : octets_end;
    e->has_octets = true;
  }
  if (seq_leq(left, e->stream.snd_contig)) {
    e->stream.snd_contig = seq_max(e->stream.snd_contig, right);
  } else if (e->stream.beyond_left == e->stream.beyond_right) {
    e->stream.beyond_left = left;
    e->stream.beyond_right = right;
  } else if (seq_leq(left, e->stream.beyond_right) && seq_geq(right, e->stream.beyond_left)) {
    if (seq_lt(left, e->stream.beyond_left)) e->stream.beyond_left = left;
    e->stream.beyond_right = seq_max(e->stream.beyond_right, right);
  }
  join_beyond(e);
}

void endpoint_extend(struct endpoint *e, const struct segment *s) {
  extend(e, s);
  weigh(e);
}

unsigned endpoint_window_shift(const struct endpoint *e, const struct segment *s, bool scaled) {
  enum { SHIFT_MAX = 14 }; /* RFC 7323, 2.3 */
  if (!e->sent_syn) return SHIFT_MAX;
  if (!scaled || segment_has(s, SEGMENT_SYN)) return 0;
  return e->window_scale < SHIFT_MAX ? e->window_scale : SHIFT_MAX;
}

void endpoint_offer(struct offer *o, const struct segment *s, unsigned window_shift) {
  uint32_t window_bytes = (uint32_t)s->window << window_shift, edge = s->ack + window_bytes;
  o->ack_max = o->has_ack ? seq_max(o->ack_max, s->ack) : s->ack;
  o->right_edge = o->has_ack ? seq_max(o->right_edge, edge) : edge;
  o->has_ack = true;
  o->t_us = s->t_us;
  if (window_bytes > o->max_window_bytes) o->max_window_bytes = window_bytes;
}

void endpoint_set_stream(struct endpoint *e, const struct stream *stream) {
  e->stream = *stream;
  weigh(e);
}

void endpoint_ask(struct endpoint *e, const struct segment *s) {
  /* A FIN asks anew: what was asked before may have been lost. */
  if (e->round_trip.is_asked && !segment_has(s, SEGMENT_FIN)) return;
  e->round_trip.is_asked = true;
  /* Of what a SYN carries besides, an end may take nothing (RFC 9293, 3.10.7.2). */
  e->round_trip.asked_end = segment_has(s, SEGMENT_SYN) ? s->seq + 1 : segment_end(s);
  e->round_trip.asked_us = s->t_us;
}

int64_t endpoint_answer(struct endpoint *e, const struct segment *s) {
  struct round_trip *r = &e->round_trip;
  if (!r->is_asked || !segment_has(s, SEGMENT_ACK) || seq_lt(s->ack, r->asked_end)) return 0;
  int64_t took_us = s->t_us - r->asked_us;
  r->is_asked = false;
  if (took_us < 0 || (r->is_known && took_us >= r->least_us)) return took_us;
  r->least_us = took_us;
  r->is_known = true;
  return took_us;
}

int64_t endpoint_soon_us(const struct endpoint *e) {
  /* What queues and busy hosts add, even where a round trip takes microseconds. */
  enum { SLOWER_US = 10000 };
  /* Nothing is known of the path: what a sender assumes of it (RFC 6298, 2.1). */
  enum { UNKNOWN_US = 1000000 };
  const struct round_trip *r = &e->round_trip;
  if (!r->is_known) return UNKNOWN_US;
  return r->least_us + (r->least_us > SLOWER_US ? r->least_us : SLOWER_US);
}

void endpoint_begin_delays(struct endpoint *e, int64_t t_us) {
  e->delay = (struct delay){0};
  if (!e->has_tsval) return;
  e->delay.is_known = true;
  e->delay.quickest_us = t_us;
  e->delay.quickest_tsval = e->tsval;
}

/* Clocks that differ by a hundredth of a per cent come apart by no more than 6 ms until then. */
enum { COMPARABLE_US = 60000000, TICK_US = 1000 };

/* How much later than the quickest segment this one passed, and was sent. False: it has no
 * timestamp, or those count something else. */
static bool compare_with_quickest(const struct endpoint *e, const struct segment *s,
                                  int64_t *passed_us, int64_t *sent_us) {
  enum { SLOWER = 2, FASTER = 4 };
  if (!e->delay.is_known || !(s->options & SEGMENT_HAS_TIMESTAMPS)) return false;
  *passed_us = s->t_us - e->delay.quickest_us;
  *sent_us = INT64_C(1000) * seq_diff(s->tsval, e->delay.quickest_tsval);
  return *sent_us * SLOWER > *passed_us && *sent_us <= *passed_us * FASTER + TICK_US;
}

int64_t endpoint_delay_us(const struct endpoint *e, const struct segment *s) {
  int64_t passed_us, sent_us;
  if (!compare_with_quickest(e, s, &passed_us, &sent_us) || passed_us > COMPARABLE_US) return 0;
  return passed_us - sent_us > TICK_US ? passed_us - sent_us - TICK_US : 0;
}

void endpoint_note_delay(struct endpoint *e, const struct segment *s, int64_t delay_us) {
  struct delay *d = &e->delay;
  int64_t passed_us, sent_us;
  if (delay_us > d->most_us) d->most_us = delay_us;
  if (!compare_with_quickest(e, s, &passed_us, &sent_us)) return;
  bool is_old = passed_us > COMPARABLE_US;
  if (sent_us < passed_us && !is_old) return;
  if (!is_old) d->most_us += sent_us - passed_us; /* all others were slower by that */
  d->quickest_us = s->t_us;
  d->quickest_tsval = s->tsval;
}

void endpoint_set_heard_more(struct endpoint *e, bool heard_more) {
  e->heard_more = heard_more;
  weigh(e);
}

void endpoint_acked(struct endpoint *e, uint32_t ack) {
  if (!e->has_seq) begin_at(e, ack);
  if (e->has_spoken && seq_gt(ack, e->stream.snd_contig)) e->stream.missed = true;
  e->stream.snd_nxt = seq_max(e->stream.snd_nxt, ack);
  e->stream.snd_contig = seq_max(e->stream.snd_contig, ack);
  join_beyond(e);
  weigh(e);
}

bool endpoint_fin_is_covered(const struct endpoint *e, const struct segment *s) {
  return segment_has(s, SEGMENT_ACK) && e->has_fin && !e->fin_is_void && seq_gt(s->ack, e->fin_seq);
}

bool endpoint_fin_is_complete(const struct endpoint *e) {
  return e->has_fin && !e->fin_is_void && seq_gt(e->stream.snd_contig, e->fin_seq);
}

bool endpoint_is_stale(const struct endpoint *e, const struct segment *s) {
  return e->offer.has_ack && segment_has(s, SEGMENT_ACK) && seq_lt(s->ack, e->offer.ack_max);
}

uint32_t endpoint_new_payload(const struct endpoint *e, const struct segment *s) {
  if (s->payload_bytes == 0 || !e->has_seq) return s->payload_bytes;
  uint32_t left = seq_max(s->seq, e->stream.snd_contig), right = s->seq + s->payload_bytes;
  if (seq_leq(right, left)) return 0;
  uint32_t fresh = right - left;
  if (e->stream.beyond_left != e->stream.beyond_right) {
    uint32_t from = seq_max(left, e->stream.beyond_left);
    uint32_t to = seq_lt(right, e->stream.beyond_right) ? right : e->stream.beyond_right;
    if (seq_lt(from, to)) fresh -= to - from;
  }
  return fresh;
}
