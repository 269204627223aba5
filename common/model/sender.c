#include "common/model/sender.h"

#include "common/model/event.h"
#include "common/model/role.h"
#include "common/model/seq.h"

/* The sender cannot have been where a presumption had put it. */
static bool refute(struct observation *o, enum tcp_event event) {
  bool done = observation_refute(o, o->from, event);
  if (done) o->step->verdict = STEP_REFUTES;
  return done;
}

/* ---- Opening -------------------------------------------------------------------------------- */

void sender_begin(struct observation *o) {
  if (!segment_has(o->s, SEGMENT_SYN)) {
    o->m->midstream = true;
    endpoint_set_base(o->sender, TCPS_ESTABLISHED, EVIDENCE_PRESUMED);
    endpoint_set_base(o->receiver, TCPS_ESTABLISHED, EVIDENCE_PRESUMED);
  } else if (segment_has(o->s, SEGMENT_ACK)) {
    endpoint_set_base(o->sender, TCPS_SYN_RECEIVED, EVIDENCE_SEEN);
    endpoint_set_base(o->receiver, TCPS_SYN_SENT, EVIDENCE_SEEN);
  } else {
    endpoint_set_base(o->sender, TCPS_CLOSED, EVIDENCE_SEEN);
    endpoint_set_base(o->receiver, TCPS_LISTEN, EVIDENCE_PRESUMED);
  }
}

static void take_syn(struct observation *o) {
  struct endpoint *f = o->sender;
  f->sent_syn = true;
  f->syn_had_payload = o->s->payload_bytes > 0;
  f->has_window_scale = o->s->options & SEGMENT_HAS_WINDOW_SCALE;
  f->window_scale = o->s->window_scale;
  if ((o->s->options & SEGMENT_OPTIONS_CUT) && !f->has_window_scale) {
    enum { SHIFT_MAX = 14 }; /* RFC 7323, 2.3 */
    f->has_window_scale = true;
    f->window_scale = SHIFT_MAX;
  }
  o->m->sack_permitted[o->from] = o->s->options & SEGMENT_HAS_SACK_PERMITTED;
  /* Sent again: no ACK of it had arrived. */
  if (!refute(o, EVENT_RCV_ACK_OF_SYN)) refute(o, EVENT_RCV_SYN_ACK);
  if (segment_has(o->s, SEGMENT_ACK)) {
    if (f->base == TCPS_LISTEN) endpoint_set_base(f, TCPS_LISTEN, EVIDENCE_SEEN);
    observation_prove(o, o->from, EVENT_RCV_SYN);
  }
  observation_apply(o, o->from, EVENT_SND_SYN, EVIDENCE_SEEN);
}

/* Whoever speaks without SYN has opened: the capture missed the SYN,ACK that it answers. */
static void take_opened(struct observation *o) {
  if (segment_has(o->s, SEGMENT_SYN) || !segment_has(o->s, SEGMENT_ACK)) return;
  if (o->sender->state != TCPS_SYN_SENT) return;
  if (o->receiver->state == TCPS_LISTEN) endpoint_set_base(o->receiver, TCPS_LISTEN, EVIDENCE_SEEN);
  observation_apply(o, o->to, EVENT_RCV_SYN, EVIDENCE_SEEN);
  observation_apply(o, o->from, EVENT_RCV_SYN_ACK, EVIDENCE_SEEN);
  /* A FIN that was captured before this end had opened may have arrived after. */
  if (endpoint_fin_is_complete(o->receiver))
    observation_apply(o, o->from, EVENT_RCV_FIN, EVIDENCE_PRESUMED);
}

/* ---- Alive ---------------------------------------------------------------------------------- */

/* It acknowledges octets behind the RST that was presumed to have closed its sender: had they come
 * before it, its number would have been too low, and after it nothing is acknowledged. Where that
 * number is the FIN's, Linux takes it though the FIN had come (accept.h). */
static bool acks_beyond_rst(const struct observation *o) {
  const struct reset *rst = &o->m->rst;
  const struct endpoint *p = o->receiver;
  if (rst->from != o->to || !segment_has(o->s, SEGMENT_ACK)) return false;
  bool fins = rst->before_fin || (p->has_fin && p->fin_seq == rst->seq);
  return seq_gt(o->s->ack, rst->seq + (fins ? 1 : 0));
}

/* Nothing but RST comes from a closed connection: whoever still speaks was not CLOSED. A bare ACK
 * that follows at once may have left before what closed it arrived, and proves nothing; nor, behind
 * a RST, do its octets. A SYN waits for longer before it is sent again. */
static void take_not_closed(struct observation *o) {
  const struct endpoint *f = o->sender;
  bool was_reset = endpoint_find(f, EVENT_RCV_RST) >= 0 && !segment_has(o->s, SEGMENT_SYN);
  if (f->state != TCPS_CLOSED || o->stale || endpoint_find(f, EVENT_SND_RST) >= 0) return;
  bool beyond = acks_beyond_rst(o);
  if (f->has_fin && segment_len(o->s) == 0 && o->late && !beyond) return; /* sent before its FIN */
  int64_t closed_us = o->m->fin[connection_fin_of(o->m, o->from)].last_ack_us;
  if (o->m->rst.t_us > closed_us) closed_us = o->m->rst.t_us;
  bool may_cross = (segment_len(o->s) == 0 || was_reset) && !beyond;
  /* Where the sender's own tap is the second, that saw it leave so long before. */
  int64_t left_us = o->s->t_us - (o->s->tap == 1 ? o->s->transit_us : 0);
  if (may_cross && left_us - closed_us < endpoint_soon_us(f)) return;
  /* One of them closed it. */
  if (refute(o, EVENT_RCV_RST)) {
    struct reset *rst = &o->m->rst;
    if (rst->from == o->to && o->fresh > 0)
      rst->missed_ms = (uint32_t)((o->s->t_us - rst->t_us) / 1000);
    return;
  }
  if (refute(o, EVENT_TIMEOUT_2MSL)) return;
  if (!refute(o, EVENT_RCV_ACK_OF_FIN)) return;
  /* What a bare ACK answers may be under way for longer than any other round trip took. */
  unsigned fin = connection_fin_of(o->m, o->from);
  if (segment_len(o->s) > 0 || connection_is_many_round_trips(f, left_us - closed_us))
    o->m->fin[fin].unaware_us = o->s->t_us - o->delay_us;
}

/* Whoever resets has nothing more to say: new octets behind the RST, and long after it, or the ACK
 * of more than before, when the other end has gone on, show that it was sent in their sender's name
 * by another, and neither end has taken it. */
static void take_not_reset(struct observation *o) {
  struct model *m = o->m;
  bool ended = m->rst.from == o->from;
  bool answers = ended && o->acks_more && endpoint_find(o->receiver, EVENT_RCV_RST) < 0;
  bool goes_on = o->fresh > 0 || o->first_fin || answers;
  if (!goes_on || o->stale || (ended && seq_lt(o->s->seq, m->rst.seq))) return;
  int64_t reset_us = ended ? m->rst.t_us : m->last_control_us;
  if (o->s->t_us - reset_us < endpoint_soon_us(o->sender)) return;
  if (!event_strike(m, o->from, EVENT_SND_RST, o->s->t_us, o->step)) return;
  event_strike(m, o->to, EVENT_RCV_RST, o->s->t_us, o->step);
  if (ended) m->rst = (struct reset){.from = END_NONE};
  o->step->verdict = STEP_REFUTES;
  observation_find(o, FINDING_RST_NOT_ITS_OWN, o->from, 0, 0);
}

/* Who was refused may send its SYN again, as Windows does, until somebody listens. Then the RST was
 * the end of an attempt, and not of the connection. */
static void take_not_refused(struct observation *o) {
  struct model *m = o->m;
  bool syn = segment_has(o->s, SEGMENT_SYN), ack = segment_has(o->s, SEGMENT_ACK);
  if (!m->rst.refused || !ack) return;
  bool opens = o->from == m->rst.from && syn && endpoint_find(o->receiver, EVENT_RCV_RST) < 0;
  bool goes_on = o->from != m->rst.from && !syn;
  if (!opens && !goes_on) return;
  if (endpoint_find(&m->end[end_other(m->rst.from)], EVENT_RCV_RST) >= 0)
    observation_find(o, FINDING_RST_NOT_ITS_OWN, m->rst.from, 0, 0);
  event_strike(m, m->rst.from, EVENT_SND_RST, o->s->t_us, o->step);
  event_strike(m, end_other(m->rst.from), EVENT_RCV_RST, o->s->t_us, o->step);
  m->rst = (struct reset){.from = END_NONE};
  o->step->verdict = STEP_REFUTES;
}

void sender_alive(struct observation *o) {
  take_not_refused(o);
  take_not_reset(o);
  take_not_closed(o);
  take_opened(o);
}

/* ---- Octets and acknowledgements ------------------------------------------------------------ */

/* An ACK beyond what was captured: either the capture missed something, or it was never sent. The
 * end whose octets they would be says which: its bare ACK that still has the number before them is
 * the challenge that such an ACK earns (3.10.7.4); a probe is one octet further back. Then all that
 * the ACK had told is taken back. */
static void watch_unsent(struct observation *o) {
  struct endpoint *f = o->sender, *p = o->receiver;
  struct unsent *own = &o->m->unsent[o->from], *others = &o->m->unsent[o->to];
  if (own->pending && segment_len(o->s) == 0 && o->s->seq == own->stream.snd_nxt) {
    endpoint_set_stream(f, &own->stream);
    endpoint_set_heard_more(p, own->heard_more);
    p->offer = own->offer;
    own->pending = false;
    event_find(o->m, o->step,
               (struct finding){own->t_us, own->stream.snd_nxt, own->ack, FINDING_ACK_OF_UNSENT,
                                (uint8_t)o->to});
  } else if (segment_len(o->s) > 0) {
    own->pending = false;
  }
  if (!segment_has(o->s, SEGMENT_ACK) || !f->sent_syn || !p->sent_syn || !p->has_spoken) return;
  if (seq_gt(o->s->ack, p->stream.snd_nxt)) {
    *others = (struct unsent){.t_us = o->s->t_us,
                              .ack = o->s->ack,
                              .stream = p->stream,
                              .offer = f->offer,
                              .heard_more = f->heard_more,
                              .pending = true};
  } else if (others->pending && seq_leq(o->s->ack, others->stream.snd_nxt)) {
    bool scaled = f->has_window_scale && p->has_window_scale;
    endpoint_offer(&others->offer, o->s, endpoint_window_shift(f, o->s, scaled));
  }
}

/* The sender's ACK field is its RCV.NXT: what had arrived when it composed the segment. */
static void take_ack(struct observation *o) {
  struct endpoint *f = o->sender, *p = o->receiver;
  const struct segment *s = o->s;
  if (!segment_has(s, SEGMENT_SYN)) {
    /* Where its own SYN was not captured, more may not have been. */
    if (f->sent_syn) observation_confirm(o, o->from, EVENT_RCV_SYN_ACK);
    if (!p->syn_had_payload) observation_confirm(o, o->from, EVENT_RCV_ACK_OF_SYN);
  }
  bool beyond_syn = p->sent_syn && !p->syn_had_payload && seq_gt(s->ack, p->first_seq + 1);
  if (f->state == TCPS_SYN_RECEIVED && beyond_syn)
    observation_prove(o, o->from, EVENT_RCV_ACK_OF_SYN);
  if (p->has_seq && !p->has_fin && seq_gt(s->ack, p->stream.snd_contig))
    endpoint_set_heard_more(f, true);
  bool scaled = f->has_window_scale && p->has_window_scale;
  endpoint_offer(&f->offer, s, endpoint_window_shift(f, s, scaled));
  if (f->has_fin_acked_at && seq_gt(s->ack, f->fin_acked_at))
    observation_prove(o, o->from, EVENT_RCV_ACK_OF_FIN);
  if (!endpoint_fin_is_covered(p, s)) return;
  int reset = endpoint_find(f, EVENT_SND_RST);
  if (reset < 0 || endpoint_find(f, EVENT_RCV_FIN) >= 0)
    observation_prove(o, o->from, EVENT_RCV_FIN);
  else /* captured behind its sender's RST, and sent before */
    endpoint_insert(f, reset, EVENT_RCV_FIN, EVIDENCE_SEEN);
}

/* The peer's FIN is there, and octets before it are not. */
static void take_sack(struct observation *o) {
  const struct endpoint *p = o->receiver;
  if (!(o->s->options & SEGMENT_HAS_SACK) || segment_has_dsack(o->s) || !p->has_fin) return;
  if (o->s->sack_right == p->fin_seq + 1) o->m->fin[connection_fin_of(o->m, o->to)].sacked = true;
}

void sender_stream(struct observation *o) {
  const struct segment *s = o->s;
  struct endpoint *f = o->sender;
  struct close_fin *own = &o->m->fin[connection_fin_of(o->m, o->from)];
  struct close_fin *others = &o->m->fin[connection_fin_of(o->m, o->to)];
  /* What was asked before a FIN, and is not answered, takes so long at the least. */
  const struct round_trip *asked = &o->receiver->round_trip;
  if (o->first_fin && o->receiver->has_fin && asked->is_asked && !others->asked_again &&
      s->t_us - asked->asked_us > others->slowest_us)
    others->slowest_us = s->t_us - asked->asked_us;
  if (segment_len(s) > 0 && !o->repeats) endpoint_ask(o->receiver, s);
  if (segment_len(s) > 0 && o->receiver->has_fin) others->asked_again = o->repeats;
  int64_t took_us = endpoint_answer(f, s);
  if (f->has_fin && !own->asked_again && took_us > own->slowest_us) own->slowest_us = took_us;
  endpoint_extend(f, s);
  if (segment_has(s, SEGMENT_SYN)) take_syn(o);
  watch_unsent(o);
  if (segment_has(s, SEGMENT_ACK)) {
    take_sack(o);
    take_ack(o);
    endpoint_acked(o->receiver, s->ack);
  }
  if (segment_len(s) > (segment_has(s, SEGMENT_SYN) ? 1 : 0)) f->sent_stream = true;
}

/* ---- Its FIN -------------------------------------------------------------------------------- */

/* A FIN that does not cover the peer's was composed before that arrived. */
static void take_crossing(struct observation *o) {
  if (!endpoint_fin_is_covered(o->receiver, o->s)) refute(o, EVENT_RCV_FIN);
}

static void take_first_fin(struct observation *o) {
  struct endpoint *f = o->sender;
  uint32_t fin_seq = segment_fin_seq(o->s);
  /* The octet of this number was another one before. */
  if (f->has_octets && seq_lt(fin_seq, f->octets_end)) {
    observation_find(o, FINDING_FIN_MOVED, o->from, f->octets_end, fin_seq);
    f->fin_is_void = true;
  }
  enum evidence evidence = o->late ? EVIDENCE_PRESUMED : EVIDENCE_SEEN;
  bool presumed = endpoint_find(f, EVENT_RCV_FIN) >= 0;
  f->has_fin = true;
  f->fin_seq = fin_seq;
  f->fin_ack = o->s->ack;
  f->fin_acks_more = o->acks_more;
  take_crossing(o);
  int proven = endpoint_find(f, EVENT_RCV_FIN);
  if (proven >= 0 && role_is_crossing(o)) {
    /* Captured out of order, or again: what it has acknowledged since came after this FIN. */
    enum tcp_state before = f->state;
    if (endpoint_insert(f, proven, EVENT_SND_FIN, evidence))
      event_report(o->step, o->m, o->from, CHANGE_MOVED,
                   transition_find(TCPS_FIN_WAIT_1, EVENT_RCV_FIN), before, EVENT_SND_FIN);
    return;
  }
  /* It left before the RST, captured earlier, that closed its sender: its own, or one that is
   * presumed to have arrived. */
  int closed = f->state == TCPS_CLOSED ? endpoint_find(f, EVENT_RCV_RST) : -1;
  if (closed < 0) closed = endpoint_find(f, EVENT_SND_RST);
  if (closed >= 0) {
    if (endpoint_insert(f, closed, EVENT_SND_FIN, evidence) && presumed && proven < 0)
      endpoint_insert(f, closed + 1, EVENT_RCV_FIN, EVIDENCE_PRESUMED);
    return;
  }
  observation_apply(o, o->from, EVENT_SND_FIN, evidence);
  /* The peer's FIN is still on its way, unless that takes many round trips. */
  if (presumed && proven < 0 &&
      !connection_fin_is_lost(o->m, connection_fin_of(o->m, o->to), o->s->t_us))
    observation_apply(o, o->from, EVENT_RCV_FIN, EVIDENCE_PRESUMED);
}

static void take_fin(struct observation *o) {
  const struct endpoint *f = o->sender;
  if (!f->has_fin) {
    take_first_fin(o);
    return;
  }
  uint32_t fin_seq = segment_fin_seq(o->s);
  if (fin_seq != f->fin_seq) {
    observation_find(o, FINDING_FIN_MOVED, o->from, f->fin_seq, fin_seq);
    return;
  }
  if (o->stale) return;
  /* Captured late: it left before its sender's RST, and what arrived between the two is not told.
   */
  if (endpoint_find(f, EVENT_SND_RST) >= 0) return;
  /* Sent again: the ACK of it had not arrived, nor what carried that ACK. */
  if (transition_find(f->state, EVENT_SND_FIN)->kind == TRANSITION_NEVER)
    refute(o, EVENT_RCV_ACK_OF_FIN);
  take_crossing(o);
}

/* A repeated SYN or FIN struck the ACK of it out, but that ACK may have been late and not lost:
 * whatever this end sends after that, and is no repetition, may be an answer to it. */
static void presume_ack_again(struct observation *o) {
  const struct endpoint *f = o->sender;
  bool syn_acked = o->receiver->offer.has_ack && seq_gt(o->receiver->offer.ack_max, f->first_seq);
  if (f->state == TCPS_SYN_RECEIVED && syn_acked && !segment_has(o->s, SEGMENT_SYN))
    observation_apply(o, o->from, EVENT_RCV_ACK_OF_SYN, EVIDENCE_PRESUMED);
  if (!f->has_fin_acked_at || endpoint_find(f, EVENT_RCV_ACK_OF_FIN) >= 0) return;
  if (f->state == TCPS_FIN_WAIT_1 || f->state == TCPS_CLOSING)
    observation_apply(o, o->from, EVENT_RCV_ACK_OF_FIN, EVIDENCE_PRESUMED);
}

void sender_close(struct observation *o) {
  if (segment_carries_fin(o->s))
    take_fin(o);
  else
    presume_ack_again(o);
}

/* The peer's FIN was captured before this one, and covers it: so it was sent after this one had
 * arrived. This one does not cover the peer's, so the order cannot be the other way round. */
static bool came_before_the_peers(const struct observation *o) {
  const struct endpoint *p = o->receiver;
  return p->has_fin && seq_gt(p->fin_ack, o->sender->fin_seq) && !endpoint_fin_is_covered(p, o->s);
}

void sender_acked_before(struct observation *o) {
  const struct endpoint *f = o->sender;
  struct endpoint *p = o->receiver;
  if (!p->offer.has_ack || seq_leq(p->offer.ack_max, f->fin_seq)) return;
  /* The octet of that number was another one, and the ACK is of that. */
  if (f->fin_is_void) return;
  int sent = came_before_the_peers(o) ? endpoint_find(p, EVENT_SND_FIN) : -1;
  if (sent >= 0 && endpoint_find(p, EVENT_RCV_FIN) < 0 && o->m->fin[FIN1].copies == 1) {
    enum tcp_state before = p->state;
    role_exchange_fins(o);
    if (endpoint_insert(p, sent, EVENT_RCV_FIN, EVIDENCE_SEEN) && p->state != before)
      event_report(o->step, o->m, o->to, CHANGE_MOVED,
                   transition_find(TCPS_ESTABLISHED, EVENT_RCV_FIN), before, EVENT_RCV_FIN);
  }
  role_acked_before(o);
  observation_prove(o, o->to, EVENT_RCV_FIN);
  observation_apply(o, o->from, EVENT_RCV_ACK_OF_FIN, EVIDENCE_PRESUMED);
}

/* ---- Its RST -------------------------------------------------------------------------------- */

/* Who answers a SYN or a FIN with RST has not taken it. That is said of this copy: an earlier one
 * may have arrived, and the end been closed since, also where it was sent once and a network
 * doubles segments. An RST with an ACK says what had arrived. */
static void take_refusal(struct observation *o) {
  const struct endpoint *f = o->sender;
  unsigned offender = o->m->last_roles[o->to];
  bool repeated = o->m->fin[connection_fin_of(o->m, o->to)].copies > 1 || o->m->network_copies;
  bool answers_fin = (offender & (ROLE_FIN1 | ROLE_FIN2)) && !repeated &&
                     endpoint_find(f, EVENT_RCV_FIN) == f->n_log - 1;
  if (!f->sent_syn && (offender & ROLE_SYN)) observation_refute(o, o->from, EVENT_RCV_SYN);
  if (endpoint_fin_is_covered(o->receiver, o->s))
    observation_prove(o, o->from, EVENT_RCV_FIN);
  else if (segment_has(o->s, SEGMENT_ACK) || answers_fin)
    observation_refute(o, o->from, EVENT_RCV_FIN);
}

/* An RST without ACK has the number that the segment it answers acknowledged. */
static void take_answered_ack(struct observation *o) {
  const struct endpoint *f = o->sender;
  if (f->has_fin && !segment_has(o->s, SEGMENT_ACK) && o->s->seq == f->fin_seq + 1)
    presume_ack_again(o);
}

void sender_rst(struct observation *o) {
  take_refusal(o);
  take_answered_ack(o);
  o->sender_state = o->sender->state;
  observation_apply(o, o->from, EVENT_SND_RST, EVIDENCE_SEEN);
}
