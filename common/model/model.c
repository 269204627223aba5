#include "common/model/model.h"

#include <string.h>

#include "common/model/accept.h"
#include "common/model/event.h"
#include "common/model/expectation.h"
#include "common/model/role.h"
#include "common/model/seq.h"

const char *step_verdict_name(enum step_verdict verdict) {
  switch (verdict) {
    case STEP_EXPECTED: return "expected";
    case STEP_RETRANSMISSION: return "retransmission";
    case STEP_REFUTES: return "refutes";
    case STEP_STALE: return "stale";
    case STEP_UNEXPECTED: return "unexpected";
  }
  return "";
}

/* ---- What a segment proves about its sender -------------------------------------------------- */

/* The first segment decides where both ends start. */
static void begin(struct model *m, enum end from, const struct segment *s) {
  struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  if (!segment_has(s, SEGMENT_SYN)) {
    m->midstream = true;
    endpoint_set_base(f, TCPS_ESTABLISHED, EVIDENCE_PRESUMED);
    endpoint_set_base(p, TCPS_ESTABLISHED, EVIDENCE_PRESUMED);
  } else if (segment_has(s, SEGMENT_ACK)) {
    endpoint_set_base(f, TCPS_SYN_RECEIVED, EVIDENCE_SEEN);
    endpoint_set_base(p, TCPS_SYN_SENT, EVIDENCE_SEEN);
  } else {
    endpoint_set_base(f, TCPS_CLOSED, EVIDENCE_SEEN);
    endpoint_set_base(p, TCPS_LISTEN, EVIDENCE_PRESUMED);
  }
}

static void sender_syn(struct model *m, enum end from, const struct segment *s,
                       struct model_step *step) {
  struct endpoint *f = &m->end[from];
  f->sent_syn = true;
  f->syn_had_payload = s->payload_bytes > 0;
  f->has_window_scale = s->options & SEGMENT_HAS_WINDOW_SCALE;
  f->window_scale = s->window_scale;
  m->loss.sack_permitted[from] = s->options & SEGMENT_HAS_SACK_PERMITTED;
  /* Sent again: no ACK of it had arrived. */
  if (event_refute(m, from, EVENT_RCV_ACK_OF_SYN, s->t_us, step) ||
      event_refute(m, from, EVENT_RCV_SYN_ACK, s->t_us, step))
    step->verdict = STEP_REFUTES;
  if (segment_has(s, SEGMENT_ACK)) {
    if (f->base == TCPS_LISTEN) endpoint_set_base(f, TCPS_LISTEN, EVIDENCE_SEEN);
    event_prove(m, from, EVENT_RCV_SYN, s->t_us, step);
  }
  event_apply(m, from, EVENT_SND_SYN, EVIDENCE_SEEN, s->t_us, step);
}

/* An ACK beyond what was captured: either the capture missed something, or it was never sent. The
 * end itself says which: a bare ACK still numbered below it is its challenge (3.10.7.4). */
static void watch_unsent(struct model *m, enum end from, const struct segment *s,
                         struct model_step *step) {
  enum end to = end_other(from);
  struct endpoint *f = &m->end[from];
  struct endpoint *p = &m->end[to];
  struct model_unsent *own = &m->unsent[from], *others = &m->unsent[to];
  if (own->pending && segment_len(s) == 0 && seq_lt(s->seq, own->ack)) {
    own->pending = false;
    f->snd_nxt = f->snd_contig = f->beyond_left = f->beyond_right = own->snd_nxt;
    f->missed = own->missed;
    endpoint_set_heard_more(p, own->heard_more);
    p->ack_max = own->ack_max;
    p->has_ack = own->has_ack;
    event_find(
        m, step,
        (struct finding){own->t_us, own->snd_nxt, own->ack, FINDING_ACK_OF_UNSENT, (uint8_t)to});
  } else if (own->pending && segment_len(s) > 0) {
    own->pending = false;
  }
  if (!segment_has(s, SEGMENT_ACK) || !f->sent_syn || !p->sent_syn || !p->has_spoken) return;
  if (seq_gt(s->ack, p->snd_nxt)) {
    *others = (struct model_unsent){s->t_us,    s->ack, p->snd_nxt, f->ack_max,
                                    f->has_ack, true,   p->missed,  f->heard_more};
  } else if (others->pending && seq_leq(s->ack, others->snd_nxt)) {
    others->ack_max = others->has_ack ? seq_max(others->ack_max, s->ack) : s->ack;
    others->has_ack = true;
  }
}

/* The sender's ACK field is its RCV.NXT: what had arrived when it composed the segment. */
static void sender_ack(struct model *m, enum end from, const struct segment *s,
                       struct model_step *step) {
  struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  if (!segment_has(s, SEGMENT_SYN)) {
    event_confirm(m, from, EVENT_RCV_SYN_ACK, step);
    if (!p->syn_had_payload) event_confirm(m, from, EVENT_RCV_ACK_OF_SYN, step);
  }
  bool beyond_syn = p->sent_syn && !p->syn_had_payload && seq_gt(s->ack, p->first_seq + 1);
  if (f->state == TCPS_SYN_RECEIVED && beyond_syn)
    event_prove(m, from, EVENT_RCV_ACK_OF_SYN, s->t_us, step);
  if (p->has_seq && !p->has_fin && seq_gt(s->ack, p->snd_contig)) endpoint_set_heard_more(f, true);
  endpoint_offer(f, s, f->has_window_scale && p->has_window_scale);
  if (f->has_fin_acked_at && seq_gt(s->ack, f->fin_acked_at))
    event_prove(m, from, EVENT_RCV_ACK_OF_FIN, s->t_us, step);
  if (!endpoint_fin_is_covered(p, s)) return;
  event_prove(m, from, EVENT_RCV_FIN, s->t_us, step);
}

/* The peer's FIN is there, and octets before it are not. */
static void sender_sack(struct model *m, enum end from, const struct segment *s) {
  enum end to = end_other(from);
  const struct endpoint *p = &m->end[to];
  if (!(s->options & SEGMENT_HAS_SACK) || segment_has_dsack(s) || !p->has_fin) return;
  if (s->sack_right == p->fin_seq + 1) m->loss.fin[to != m->first_closer].sacked = true;
}

/* A FIN that does not cover the peer's was composed before that arrived. */
static void sender_fin_crossed(struct model *m, enum end from, const struct segment *s,
                               struct model_step *step) {
  if (endpoint_fin_is_covered(&m->end[end_other(from)], s)) return;
  if (event_refute(m, from, EVENT_RCV_FIN, s->t_us, step)) step->verdict = STEP_REFUTES;
}

/* `late`: captured after what was sent after it, so that what it answered is no longer to be told.
 */
static void sender_first_fin(struct model *m, enum end from, const struct segment *s, bool late,
                             struct model_step *step) {
  struct endpoint *f = &m->end[from];
  uint32_t fin_seq = segment_fin_seq(s);
  /* The octet of this number was another one before. */
  if (f->has_octets && seq_lt(fin_seq, f->octets_end))
    event_find(m, step,
               (struct finding){s->t_us, f->octets_end, fin_seq, FINDING_FIN_MOVED, (uint8_t)from});
  enum evidence evidence = late ? EVIDENCE_PRESUMED : EVIDENCE_SEEN;
  bool presumed = endpoint_find(f, EVENT_RCV_FIN) >= 0;
  f->has_fin = true;
  f->fin_seq = fin_seq;
  sender_fin_crossed(m, from, s, step);
  int proven = endpoint_find(f, EVENT_RCV_FIN);
  if (proven >= 0 && !endpoint_fin_is_covered(&m->end[end_other(from)], s)) {
    /* Captured out of order: what it has acknowledged since came after this FIN. */
    uint8_t before = f->state;
    if (endpoint_insert(f, proven, EVENT_SND_FIN, evidence))
      event_report(step, m, from, CHANGE_MOVED, transition_find(TCPS_FIN_WAIT_1, EVENT_RCV_FIN),
                   before, EVENT_SND_FIN);
    return;
  }
  /* It left before the RST, captured earlier, that is presumed to have closed its sender. */
  int closed = f->state == TCPS_CLOSED ? endpoint_find(f, EVENT_RCV_RST) : -1;
  if (closed >= 0) {
    if (endpoint_insert(f, closed, EVENT_SND_FIN, evidence) && presumed && proven < 0)
      endpoint_insert(f, closed + 1, EVENT_RCV_FIN, EVIDENCE_PRESUMED);
    return;
  }
  event_apply(m, from, EVENT_SND_FIN, evidence, s->t_us, step);
  /* The peer's FIN is still on its way. */
  if (presumed && proven < 0) event_apply(m, from, EVENT_RCV_FIN, EVIDENCE_PRESUMED, s->t_us, step);
}

static bool is_stale(const struct endpoint *sender, const struct segment *s) {
  return sender->has_ack && segment_has(s, SEGMENT_ACK) && seq_lt(s->ack, sender->ack_max);
}

static void sender_fin(struct model *m, enum end from, const struct segment *s, bool late,
                       struct model_step *step) {
  const struct endpoint *f = &m->end[from];
  if (!f->has_fin) {
    sender_first_fin(m, from, s, late, step);
    return;
  }
  uint32_t fin_seq = segment_fin_seq(s);
  if (fin_seq != f->fin_seq) {
    event_find(m, step,
               (struct finding){s->t_us, f->fin_seq, fin_seq, FINDING_FIN_MOVED, (uint8_t)from});
    return;
  }
  if (is_stale(f, s)) return;
  /* Captured late: it left before its sender's RST, and what arrived between the two is not told.
   */
  if (endpoint_find(f, EVENT_SND_RST) >= 0) return;
  /* Sent again: the ACK of it had not arrived, nor what carried that ACK. */
  if (transition_find(f->state, EVENT_SND_FIN)->kind == TRANSITION_NEVER &&
      event_refute(m, from, EVENT_RCV_ACK_OF_FIN, s->t_us, step))
    step->verdict = STEP_REFUTES;
  sender_fin_crossed(m, from, s, step);
}

/* The peer's FIN, captured before this one, was sent when it had arrived; and not the other way. */
static bool acked_by_fin(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  return p->has_fin && seq_gt(p->fin_ack, f->fin_seq) && !endpoint_fin_is_covered(p, s);
}

/* The ACK of this FIN was captured before the FIN itself: the capture has the two in the wrong
 * order, unless the octet of that number was another one then. */
static void acked_before(struct model *m, enum end from, const struct segment *s,
                         struct model_step *step) {
  const struct endpoint *f = &m->end[from];
  struct endpoint *p = &m->end[end_other(from)];
  if (!p->has_ack || seq_leq(p->ack_max, f->fin_seq)) return;
  if (f->has_octets && seq_lt(f->fin_seq, f->octets_end)) return;
  int sent = acked_by_fin(m, from, s) ? endpoint_find(p, EVENT_SND_FIN) : -1;
  if (sent >= 0 && endpoint_find(p, EVENT_RCV_FIN) < 0 && m->loss.fin[0].copies == 1) {
    uint8_t before = p->state;
    role_exchange_fins(m, from, step);
    if (endpoint_insert(p, sent, EVENT_RCV_FIN, EVIDENCE_SEEN) && p->state != before)
      event_report(step, m, end_other(from), CHANGE_MOVED,
                   transition_find(TCPS_ESTABLISHED, EVENT_RCV_FIN), before, EVENT_RCV_FIN);
  }
  role_acked_before(m, from, s, step);
  event_prove(m, end_other(from), EVENT_RCV_FIN, s->t_us, step);
  event_apply(m, from, EVENT_RCV_ACK_OF_FIN, EVIDENCE_PRESUMED, s->t_us, step);
}

/* A repeated SYN or FIN struck the ACK of it out, but that ACK may have been late and not lost:
 * whatever this end sends after that, and is no repetition, may be an answer to it. */
static void presume_ack_again(struct model *m, enum end from, const struct segment *s,
                              struct model_step *step) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  bool syn_acked = p->has_ack && seq_gt(p->ack_max, f->first_seq);
  if (f->state == TCPS_SYN_RECEIVED && syn_acked && !segment_has(s, SEGMENT_SYN))
    event_apply(m, from, EVENT_RCV_ACK_OF_SYN, EVIDENCE_PRESUMED, s->t_us, step);
  if (!f->has_fin_acked_at || endpoint_find(f, EVENT_RCV_ACK_OF_FIN) >= 0) return;
  if (f->state == TCPS_FIN_WAIT_1 || f->state == TCPS_CLOSING)
    event_apply(m, from, EVENT_RCV_ACK_OF_FIN, EVIDENCE_PRESUMED, s->t_us, step);
}

/* An RST without ACK has the number that the segment it answers acknowledged. */
static void rst_answers_ack(struct model *m, enum end from, const struct segment *s,
                            struct model_step *step) {
  const struct endpoint *f = &m->end[from];
  if (f->has_fin && !segment_has(s, SEGMENT_ACK) && s->seq == f->fin_seq + 1)
    presume_ack_again(m, from, s, step);
}

/* The FIN counts once every octet before it has been on the wire. */
static bool fin_is_complete(const struct endpoint *e) {
  return e->has_fin && seq_gt(e->snd_contig, e->fin_seq);
}

/* Whoever speaks without SYN has opened: the capture missed the SYN,ACK that it answers. */
static void sender_opened(struct model *m, enum end from, const struct segment *s,
                          struct model_step *step) {
  enum end to = end_other(from);
  if (m->end[from].state != TCPS_SYN_SENT || !segment_has(s, SEGMENT_ACK)) return;
  if (m->end[to].state == TCPS_LISTEN) endpoint_set_base(&m->end[to], TCPS_LISTEN, EVIDENCE_SEEN);
  event_apply(m, to, EVENT_RCV_SYN, EVIDENCE_SEEN, s->t_us, step);
  event_apply(m, from, EVENT_RCV_SYN_ACK, EVIDENCE_SEEN, s->t_us, step);
  /* A FIN that was captured before this end had opened may have arrived after. */
  if (fin_is_complete(&m->end[to]))
    event_apply(m, from, EVENT_RCV_FIN, EVIDENCE_PRESUMED, s->t_us, step);
}

/* Nothing but RST comes from a closed connection: whoever still speaks was not CLOSED. A bare ACK
 * that follows at once may have left before what closed it arrived, and proves nothing. */
static void sender_alive(struct model *m, enum end from, const struct segment *s,
                         struct model_step *step) {
  struct endpoint *f = &m->end[from];
  if (f->state != TCPS_CLOSED || is_stale(f, s)) return;
  if (endpoint_find(f, EVENT_SND_RST) >= 0) return;
  const struct loss_fin *fin = &m->loss.fin[from != m->first_closer];
  int64_t closed_us = m->rst_us > fin->last_ack_us ? m->rst_us : fin->last_ack_us;
  if (segment_len(s) == 0 && s->t_us - closed_us < LOSS_SPURIOUS_US) return;
  if (event_refute(m, from, EVENT_RCV_RST, s->t_us, step) ||
      event_refute(m, from, EVENT_TIMEOUT_2MSL, s->t_us, step) ||
      event_refute(m, from, EVENT_RCV_ACK_OF_FIN, s->t_us, step))
    step->verdict = STEP_REFUTES;
}

/* Who answers a SYN or a FIN with RST has not taken it. That is said of this copy: an earlier one
 * may have arrived, and the end been closed since. An RST with an ACK says what had arrived. */
static void sender_refused(struct model *m, enum end from, const struct segment *s,
                           struct model_step *step) {
  const struct endpoint *f = &m->end[from];
  unsigned offender = m->last_roles[end_other(from)];
  bool repeated = m->loss.fin[end_other(from) != m->first_closer].copies > 1;
  if (!f->sent_syn && (offender & ROLE_SYN)) event_refute(m, from, EVENT_RCV_SYN, s->t_us, step);
  if (segment_has(s, SEGMENT_ACK) && endpoint_fin_is_covered(&m->end[end_other(from)], s))
    event_prove(m, from, EVENT_RCV_FIN, s->t_us, step);
  else if (segment_has(s, SEGMENT_ACK) || ((offender & (ROLE_FIN1 | ROLE_FIN2)) && !repeated &&
                                           endpoint_find(f, EVENT_RCV_FIN) == f->n_log - 1))
    event_refute(m, from, EVENT_RCV_FIN, s->t_us, step);
}

/* A FIN beside a SYN closes nothing: the RFC lets the receiver drop it (3.10.7.2). */
static bool carries_fin(const struct segment *s) {
  return segment_has(s, SEGMENT_FIN) && !segment_has(s, SEGMENT_SYN);
}

/* ---- What a segment is presumed to do to its receiver ---------------------------------------- */

/* An end that answers the final ACK with RST had been closed by an earlier one. If that was
 * captured, what was taken for its loss was a delay. */
static void final_ack_was_late(struct model *m) {
  static const enum loss_place places[] = {LOSS_AFTER_TAP, LOSS_BEFORE_TAP};
  if (m->loss.fin[1].acks < 2) return;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (m->loss.count[LOSS_ACK2][places[i]] == 0) continue;
    m->loss.count[LOSS_ACK2][places[i]]--;
    m->final_ack_was_late = true;
    return;
  }
}

static void receiver_rst(struct model *m, enum end from, const struct segment *s,
                         uint8_t sender_state, struct model_step *step) {
  enum end to = end_other(from);
  uint8_t peer_state = m->end[to].state;
  if (m->rst_from == END_NONE) {
    m->rst_from = (uint8_t)from;
    m->rst_us = s->t_us;
    m->rst_seq = s->seq;
    m->rst_state = sender_state;
    m->rst_has_ack = segment_has(s, SEGMENT_ACK);
    m->rst_after_data = m->end[to].data_segments > 0;
    m->rst_offender = m->last_roles[to];
    m->rst_after_late_data =
        m->end[from].has_ack && m->end[to].half_close_bytes > 0 &&
        seq_gt(m->end[to].snd_nxt, m->end[from].ack_max + (m->end[to].has_fin ? 1 : 0));
    m->refused = peer_state == TCPS_SYN_SENT;
  }
  if (sender_state == TCPS_CLOSED && (m->last_roles[to] & ROLE_ACK2)) final_ack_was_late(m);
  if (peer_state == TCPS_TIME_WAIT)
    event_find(m, step, (struct finding){s->t_us, 0, 0, FINDING_RST_IN_TIME_WAIT, (uint8_t)to});
  event_apply(m, to, EVENT_RCV_RST, EVIDENCE_PRESUMED, s->t_us, step);
}

static void receiver_syn(struct model *m, enum end to, const struct segment *s,
                         struct model_step *step) {
  const struct endpoint *e = &m->end[to];
  bool acks_syn = segment_has(s, SEGMENT_ACK) && e->sent_syn && seq_gt(s->ack, e->first_seq);
  event_apply(m, to, acks_syn ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN, EVIDENCE_PRESUMED, s->t_us,
              step);
}

/* `fresh_from`: the first octet that the sender can only have sent with or after this segment. */
static void receiver_ack(struct model *m, enum end from, const struct segment *s,
                         uint32_t fresh_from, struct model_step *step) {
  enum end to = end_other(from);
  struct endpoint *e = &m->end[to];
  if (e->state == TCPS_SYN_RECEIVED && seq_gt(s->ack, e->first_seq))
    event_apply(m, to, EVENT_RCV_ACK_OF_SYN, EVIDENCE_PRESUMED, s->t_us, step);
  if (!endpoint_fin_is_covered(e, s)) {
    if (e->has_fin_acked_at) e->fin_acked_at = seq_max(e->fin_acked_at, segment_end(s));
    return;
  }
  if (!e->has_fin_acked_at) {
    e->has_fin_acked_at = true;
    e->fin_acked_at = fresh_from;
  }
  if (endpoint_find(e, EVENT_RCV_ACK_OF_FIN) < 0)
    event_apply(m, to, EVENT_RCV_ACK_OF_FIN, EVIDENCE_PRESUMED, s->t_us, step);
}

/* A repetition counts again: it restarts TIME_WAIT. */
static void receiver_fin(struct model *m, enum end from, const struct segment *s, bool first_copy,
                         struct model_step *step) {
  enum end to = end_other(from);
  const struct endpoint *f = &m->end[from];
  if (!fin_is_complete(f)) return;
  bool again = !first_copy && carries_fin(s) && segment_fin_seq(s) == f->fin_seq;
  if (endpoint_find(&m->end[to], EVENT_RCV_FIN) < 0 || again)
    event_apply(m, to, EVENT_RCV_FIN, EVIDENCE_PRESUMED, s->t_us, step);
}

/* The receiver drops it: it proves nothing of either end. Whether it was forged, late or a sign
 * that the capture missed something is for the finding's reader to tell. */
static void ignore(struct model *m, enum end from, const struct segment *s,
                   struct model_step *step) {
  enum end to = end_other(from);
  const struct endpoint *p = &m->end[to];
  bool rst = segment_has(s, SEGMENT_RST);
  step->verdict = STEP_UNEXPECTED;
  step->roles = rst ? ROLE_RST : 0;
  if (rst) {
    event_find(
        m, step,
        (struct finding){s->t_us, p->ack_max, s->seq, FINDING_RST_OUT_OF_WINDOW, (uint8_t)from});
  } else if (step->ignored == ACCEPT_SYN_IN_CONNECTION) {
    m->reopened[from] = true;
    step->roles = ROLE_SYN;
  } else if (step->ignored == ACCEPT_ACK_OF_UNSENT) {
    event_find(m, step,
               (struct finding){s->t_us, p->snd_nxt, s->ack, FINDING_ACK_OF_UNSENT, (uint8_t)from});
  }
}

/* What no end of a conforming pair sends, though its receiver may accept it. `fresh`: octets of
 * payload that were never captured before. */
static bool contradicts(const struct model *m, enum end from, const struct segment *s,
                        bool first_fin, uint32_t fresh) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  bool syn_and_fin = segment_has(s, SEGMENT_SYN) && segment_has(s, SEGMENT_FIN);
  bool beyond_fin = f->has_fin && seq_gt(s->seq, f->fin_seq + 1);
  /* Each of the two FINs says that it was sent after the other. */
  bool both_later = first_fin && endpoint_fin_is_covered(p, s) && seq_gt(p->fin_ack, f->fin_seq);
  /* The peer had answered a SYN of another number. */
  bool other_syn = segment_has(s, SEGMENT_SYN) && m->segments == 2 && p->sent_syn && p->has_ack &&
                   (seq_leq(p->ack_max, s->seq) || seq_gt(p->ack_max, segment_end(s)));
  /* Who aborts sends nothing new: its RST was not its own. */
  bool aborted = m->rst_from == from && m->rst_has_ack && fresh > 0 && seq_geq(s->seq, m->rst_seq);
  return syn_and_fin || beyond_fin || both_later || other_syn || aborted;
}

/* ---- The step ------------------------------------------------------------------------------- */

void model_init(struct model *m, int64_t two_msl_us) {
  memset(m, 0, sizeof *m);
  m->two_msl_us = two_msl_us;
  m->first_closer = m->rst_from = END_NONE;
}

void model_step(struct model *m, enum end from, const struct segment *s, struct model_step *step) {
  memset(step, 0, sizeof *step);
  step->from = (uint8_t)from;
  enum end to = end_other(from);
  struct endpoint *f = &m->end[from], *p = &m->end[to];
  if (m->segments++ == 0) begin(m, from, s);
  m->last_us = s->t_us;

  struct expectation expected[EXPECTATIONS_MAX];
  unsigned n_expected = expectation_list(m, expected);
  uint32_t fresh = endpoint_new_payload(f, s);
  bool repeats =
      segment_len(s) > 0 && f->has_seq && seq_leq(segment_end(s), f->snd_nxt) && fresh == 0;
  bool first_fin = carries_fin(s) && !f->has_fin;
  bool answers_repetition =
      expectation_met(expected, n_expected, from, m->first_closer == from ? ROLE_ACK2 : ROLE_ACK1);
  bool stale = is_stale(f, s), acks_more = !f->has_ack || seq_gt(s->ack, f->ack_max);
  bool opening = p->state == TCPS_SYN_SENT || p->state == TCPS_SYN_RECEIVED;
  bool covers_no_syn =
      opening && p->sent_syn && segment_has(s, SEGMENT_ACK) && seq_leq(s->ack, p->first_seq);
  bool late = f->has_seq && seq_lt(s->seq, f->snd_nxt) && seq_leq(segment_end(s), f->snd_nxt);
  uint32_t fresh_from = f->has_seq ? seq_max(f->snd_nxt, s->seq) : s->seq;
  step->verdict = STEP_EXPECTED;
  step->roles = (uint8_t)role_of(m, from, s);
  role_count(m, step);
  if (m->roles_seen) step->since_first_fin_us = s->t_us - m->first_fin_us;

  step->ignored =
      (uint8_t)(segment_has(s, SEGMENT_RST) ? accept_rst(f, p, s) : accept_segment(f, p, s));
  if (step->ignored != ACCEPT_YES) {
    ignore(m, from, s, step);
    return;
  }
  /* An RST opens no sequence space. */
  if (segment_has(s, SEGMENT_RST)) {
    sender_refused(m, from, s, step);
    rst_answers_ack(m, from, s, step);
    uint8_t sender_state = f->state;
    event_apply(m, from, EVENT_SND_RST, EVIDENCE_SEEN, s->t_us, step);
    receiver_rst(m, from, s, sender_state, step);
    m->last_control_us = s->t_us;
    m->last_roles[from] = ROLE_RST;
    if (step->n_findings > 0) step->verdict = STEP_UNEXPECTED;
    return;
  }
  if (fresh > 0 && f->has_fin && seq_gt(s->seq + s->payload_bytes, f->fin_seq))
    event_find(
        m, step,
        (struct finding){s->t_us, f->fin_seq, s->seq, FINDING_DATA_AFTER_FIN, (uint8_t)from});

  sender_alive(m, from, s, step);
  if (!segment_has(s, SEGMENT_SYN)) sender_opened(m, from, s, step);
  endpoint_extend(f, s);
  if (segment_has(s, SEGMENT_SYN)) sender_syn(m, from, s, step);
  watch_unsent(m, from, s, step);
  if (segment_has(s, SEGMENT_ACK)) {
    sender_sack(m, from, s);
    sender_ack(m, from, s, step);
    endpoint_acked(p, s->ack);
  }
  if (segment_len(s) > (segment_has(s, SEGMENT_SYN) ? 1 : 0)) f->sent_stream = true;
  if (first_fin) {
    f->fin_ack = s->ack;
    f->fin_acks_more = acks_more;
  }
  if (carries_fin(s))
    sender_fin(m, from, s, late, step);
  else
    presume_ack_again(m, from, s, step);

  if (fresh > 0) {
    f->data_segments++;
    f->data_bytes += fresh;
    if (p->has_fin && (!f->has_fin || first_fin)) {
      m->half_close_us = s->t_us;
      f->half_close_bytes += fresh;
      step->in_half_close = true;
    }
  }

  if (step->roles & ROLES_OF_CLOSE) {
    role_note(m, from, s, step);
    m->last_control_us = s->t_us;
  }
  if (first_fin) acked_before(m, from, s, step);
  m->last_roles[from] = step->roles;

  if (segment_has(s, SEGMENT_SYN)) receiver_syn(m, to, s, step);
  if (segment_has(s, SEGMENT_ACK)) receiver_ack(m, from, s, fresh_from, step);
  if (p->has_fin && segment_len(s) == 0 && s->ack == p->fin_seq) {
    step->short_of_fin = true;
    m->short_ack_us[to != m->first_closer] = s->t_us;
  }
  receiver_fin(m, from, s, first_fin, step);

  if (step->n_findings > 0 || covers_no_syn || contradicts(m, from, s, first_fin, fresh))
    step->verdict = STEP_UNEXPECTED;
  else if (step->verdict == STEP_REFUTES)
    return;
  else if (repeats && !step->new_roles)
    step->verdict = STEP_RETRANSMISSION;
  else if (stale || (step->again && !answers_repetition))
    step->verdict = STEP_STALE;
  else if (step->new_roles && !expectation_met(expected, n_expected, from, step->new_roles))
    step->verdict = STEP_UNEXPECTED;
}

bool model_expire(struct model *m, int64_t now_us, struct model_step *step) {
  memset(step, 0, sizeof *step);
  step->from = END_NONE;
  for (unsigned i = 0; i < 2; i++)
    if (m->end[i].state == TCPS_TIME_WAIT && now_us - m->time_wait_us[i] >= m->two_msl_us)
      event_apply(m, i, EVENT_TIMEOUT_2MSL, EVIDENCE_TIMED, now_us, step);
  if (m->roles_seen) step->since_first_fin_us = now_us - m->first_fin_us;
  return step->n_changes > 0;
}

/* How an end can leave this state without a segment, or EVENT_COUNT. */
static enum tcp_event silent_end(enum tcp_state state) {
  static const enum tcp_event ends[] = {EVENT_TIMEOUT_2MSL, EVENT_TIMEOUT_FIN_WAIT_2,
                                        EVENT_GIVE_UP};
  bool has_closed = state == TCPS_FIN_WAIT_1 || state == TCPS_FIN_WAIT_2 || state == TCPS_CLOSING ||
                    state == TCPS_LAST_ACK || state == TCPS_TIME_WAIT;
  for (size_t i = 0; has_closed && i < sizeof ends / sizeof *ends; i++)
    if (transition_find(state, ends[i])->kind == TRANSITION_MOVES) return ends[i];
  return EVENT_COUNT;
}

bool model_closed_silently(struct model *m, enum end end, int64_t t_us, struct model_step *step) {
  memset(step, 0, sizeof *step);
  step->from = END_NONE;
  enum tcp_event event = silent_end(m->end[end].state);
  if (event == EVENT_COUNT) return false;
  event_apply(m, end, event, EVIDENCE_KERNEL, t_us, step);
  if (m->roles_seen) step->since_first_fin_us = t_us - m->first_fin_us;
  return step->n_changes > 0;
}

void model_reuse(struct model *m, enum incarnation rule, enum end end, int64_t t_us) {
  struct model_step step = {0};
  enum finding_id id =
      rule == INCARNATION_NOT_NEWER ? FINDING_REUSE_NOT_NEWER : FINDING_SYN_IN_TIME_WAIT;
  m->incarnation = (uint8_t)rule;
  event_find(m, &step, (struct finding){t_us, 0, 0, (uint8_t)id, (uint8_t)end});
}

int64_t model_deadline_us(const struct model *m) {
  int64_t deadline = INT64_MAX;
  for (unsigned i = 0; i < 2; i++)
    if (m->end[i].state == TCPS_TIME_WAIT && m->time_wait_us[i] + m->two_msl_us < deadline)
      deadline = m->time_wait_us[i] + m->two_msl_us;
  return deadline;
}

uint32_t model_u(const struct model *m) {
  return m->first_closer == END_NONE ? 0 : m->end[m->first_closer].fin_seq;
}

uint32_t model_w(const struct model *m) {
  if (m->first_closer == END_NONE) return 0;
  const struct endpoint *second = &m->end[end_other((enum end)m->first_closer)];
  return second->has_fin ? second->fin_seq : second->snd_nxt;
}
