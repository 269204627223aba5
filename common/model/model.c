#include "common/model/model.h"

#include <string.h>

#include "common/model/accept.h"
#include "common/model/event.h"
#include "common/model/expectation.h"
#include "common/model/observation.h"
#include "common/model/receiver.h"
#include "common/model/role.h"
#include "common/model/sender.h"
#include "common/model/seq.h"

void model_init(struct model *m, int64_t two_msl_us) {
  memset(m, 0, sizeof *m);
  m->two_msl_us = two_msl_us;
  m->first_closer = m->rst.from = m->rst_path_from = END_NONE;
}

/* The two halves of a pair. */
static void swap(void *pair, size_t size) {
  uint8_t *one = pair, *other = one + size / 2;
  for (size_t i = 0; i < size / 2; i++) {
    uint8_t octet = one[i];
    one[i] = other[i];
    other[i] = octet;
  }
}

static enum end swapped(enum end e) { return e == END_NONE ? END_NONE : end_other(e); }

void model_swap_ends(struct model *m) {
  swap(m->end, sizeof m->end);
  swap(m->unsent, sizeof m->unsent);
  swap(m->vain, sizeof m->vain);
  swap(m->spoken, sizeof m->spoken);
  swap(m->time_wait_us, sizeof m->time_wait_us);
  swap(m->last_roles, sizeof m->last_roles);
  swap(m->sack_permitted, sizeof m->sack_permitted);
  swap(m->reopened, sizeof m->reopened);
  swap(m->tls, sizeof m->tls);
  swap(m->path, sizeof m->path);
  m->talk.from = swapped(m->talk.from);
  m->rst_path_from = swapped(m->rst_path_from);
  swap(m->twice, sizeof m->twice);
  swap(m->alone, sizeof m->alone);
  m->syns_again = (uint8_t)((m->syns_again & 1) << 1 | m->syns_again >> 1);
  m->first_closer = swapped(m->first_closer);
  m->rst.from = swapped(m->rst.from);
  for (unsigned i = 0; i < m->n_findings; i++)
    m->findings[i].end = (uint8_t)swapped(m->findings[i].end);
}

/* ---- What the segment is to the model -------------------------------------------------------- */

/* Its own number is none of its sender's either: another connection had, or has, these ports. */
static bool is_anothers(const struct observation *o) {
  const struct endpoint *f = o->sender;
  return f->has_fin && (seq_lt(o->s->seq, f->first_seq) || seq_gt(o->s->seq, f->fin_seq + 1));
}

/* A RST refuses the SYN of an end that is opening, and acknowledges a number near to it that is not
 * the next: not the answer to another SYN, whose number would be far away (RFC 6528). */
static bool acks_syn_wrongly(const struct observation *o) {
  enum { NEAR = 0xffff };
  const struct endpoint *e = o->receiver;
  int32_t beyond = seq_diff(o->s->ack, e->stream.snd_nxt);
  return e->state == TCPS_SYN_SENT && e->sent_syn && segment_has(o->s, SEGMENT_ACK) &&
         beyond >= -NEAR && beyond <= NEAR;
}

/* The receiver drops it: it proves nothing of either end. Whether it was forged, late or a sign
 * that the capture missed something is for the finding's reader to tell. */
static void ignore(struct observation *o) {
  bool rst = segment_has(o->s, SEGMENT_RST);
  o->step->verdict = STEP_UNEXPECTED;
  o->step->roles = rst ? ROLE_RST : 0;
  bool opening = o->receiver->state == TCPS_SYN_SENT;
  if (rst && acks_syn_wrongly(o)) {
    observation_find(o, FINDING_RST_ACKS_WRONG, o->from, o->receiver->stream.snd_nxt, o->s->ack);
  } else if (rst) {
    o->m->rst_beyond = !opening && seq_gt(o->s->seq, o->receiver->offer.ack_max);
    observation_find(o, FINDING_RST_OUT_OF_WINDOW, o->from, o->receiver->offer.ack_max, o->s->seq);
  } else if (o->step->ignored == ACCEPT_SYN_IN_CONNECTION) {
    o->m->reopened[o->from] = true;
    o->step->roles = ROLE_SYN;
  } else if (o->step->ignored == ACCEPT_ACK_OF_UNSENT && !is_anothers(o)) {
    observation_find(o, FINDING_ACK_OF_UNSENT, o->from, o->receiver->stream.snd_nxt, o->s->ack);
  }
}

/* What no end of a conforming pair sends, though its receiver may accept it. */
static bool contradicts(const struct observation *o) {
  const struct model *m = o->m;
  const struct segment *s = o->s;
  const struct endpoint *f = o->sender, *p = o->receiver;
  bool syn_and_fin = segment_has(s, SEGMENT_FIN) && !segment_carries_fin(s);
  bool beyond_fin = f->has_fin && seq_gt(s->seq, f->fin_seq + 1);
  /* Each of the two FINs says that it was sent after the other. */
  bool both_later = o->first_fin && endpoint_fin_is_covered(p, s) && seq_gt(p->fin_ack, f->fin_seq);
  /* The peer had answered a SYN of another number. */
  bool other_syn = segment_has(s, SEGMENT_SYN) && m->segments == 2 && p->sent_syn &&
                   p->offer.has_ack &&
                   (seq_leq(p->offer.ack_max, s->seq) || seq_gt(p->offer.ack_max, segment_end(s)));
  /* Who aborts sends nothing new: its RST was not its own. */
  bool aborted =
      m->rst.from == o->from && m->rst.has_ack && o->fresh > 0 && seq_geq(s->seq, m->rst.seq);
  return syn_and_fin || beyond_fin || both_later || other_syn || aborted;
}

/* It acknowledges no more than before the SYN of an end that is still opening. */
static bool covers_no_syn(const struct observation *o) {
  const struct endpoint *p = o->receiver;
  bool opening = p->state == TCPS_SYN_SENT || p->state == TCPS_SYN_RECEIVED;
  return opening && p->sent_syn && segment_has(o->s, SEGMENT_ACK) &&
         seq_leq(o->s->ack, p->first_seq);
}

/* What the model awaits from this end, before the segment. */
struct awaited {
  struct expectation list[EXPECTATIONS_MAX];
  unsigned n;
  bool answer_to_repetition;
};

static struct awaited await(const struct model *m, enum end from) {
  struct awaited a;
  a.n = expectation_list(m, a.list);
  a.answer_to_repetition =
      expectation_met(a.list, a.n, from, m->first_closer == from ? ROLE_ACK2 : ROLE_ACK1);
  return a;
}

static enum step_verdict judge(const struct observation *o, const struct awaited *awaited,
                               bool odd) {
  const struct model_step *step = o->step;
  if (step->n_findings > 0 || odd) return STEP_UNEXPECTED;
  if (step->verdict == STEP_REFUTES) return STEP_REFUTES;
  if (o->repeats && !step->new_roles) return STEP_RETRANSMISSION;
  if (o->stale || (step->again && !awaited->answer_to_repetition)) return STEP_STALE;
  if (step->new_roles && !expectation_met(awaited->list, awaited->n, o->from, step->new_roles))
    return STEP_UNEXPECTED;
  return STEP_EXPECTED;
}

/* ---- The step ------------------------------------------------------------------------------- */

/* The receiver has dropped a FIN whose octet was another one before. The one that stands behind all
 * octets is its sender's first. */
static void forget_void_fin(struct model *m, enum end from, const struct segment *s) {
  struct endpoint *f = &m->end[from];
  struct model_step unused = {0};
  if (!f->fin_is_void || !segment_carries_fin(s) || m->end[end_other(from)].has_fin) return;
  if (seq_lt(segment_fin_seq(s), f->octets_end)) return;
  event_strike(m, from, EVENT_SND_FIN, s->t_us, &unused);
  f->has_fin = f->fin_is_void = false;
  m->fin[FIN1] = (struct close_fin){0};
  m->first_closer = END_NONE;
  m->roles_seen = 0;
}

/* A keep-alive probe: one octet before SND.NXT, if any, that had been acknowledged (RFC
 * 9293, 3.8.4). */
static bool is_probe(const struct observation *o) {
  const struct endpoint *f = o->sender;
  const struct offer *acked = &o->receiver->offer;
  bool unacked = segment_len(o->s) == 1 && acked->has_ack && seq_leq(acked->ack_max, o->s->seq);
  return segment_len(o->s) <= 1 && !(o->s->flags & (SEGMENT_SYN | SEGMENT_FIN)) && f->has_seq &&
         o->s->seq + 1 == f->stream.snd_nxt && !f->has_fin && !unacked;
}

/* Payload, and what of it was never captured before. */
static void count_data(struct observation *o) {
  bool closed = connection_has_closed(o->m);
  if (!closed && (o->fresh > 0 || (o->s->payload_bytes > 0 && !is_probe(o))))
    talk_note_octets(&o->m->talk, o->fresh > 0 ? &o->m->tls[o->from] : NULL, o->from, o->s);
  if (o->fresh == 0) return;
  o->sender->data_segments++;
  o->sender->data_bytes += o->fresh;
  if (!o->receiver->has_fin || (o->sender->has_fin && !o->first_fin)) return;
  o->m->half_close_us = o->s->t_us;
  o->sender->half_close_bytes += o->fresh;
  o->step->in_half_close = true;
}

/* The SYN of an end that has sent nothing else, as it was: nobody sends it again so soon (RFC 6298,
 * 2.1), nor with the same timestamp or the same number of the datagram. */
static bool is_same_syn(const struct model *m, enum end from, const struct segment *s) {
  enum { SOONER_US = 500000 };
  const struct endpoint *f = &m->end[from];
  if (m->spoken[from].has_ack != segment_has(s, SEGMENT_ACK)) return false; /* both open */
  if (s->ip_id != 0) return s->ip_id == m->path[from].ip_id;
  if (f->has_tsval && (s->options & SEGMENT_HAS_TIMESTAMPS)) return seq_leq(s->tsval, f->tsval);
  return s->t_us - m->spoken[from].t_us < SOONER_US;
}

/* What this end says, and what it asks in vain. */
static void note_spoken(struct observation *o) {
  struct vain *vain = &o->m->vain[o->from];
  struct spoken *spoken = &o->m->spoken[o->from];
  const struct segment *s = o->s;
  bool probe = is_probe(o), again = o->repeats;
  if (segment_has(s, SEGMENT_SYN) && is_same_syn(o->m, o->from, s)) again = false;
  o->m->vain[o->to] = (struct vain){0};
  if (probe || (again && vain->first_us != 0)) {
    if (vain->times < UINT16_MAX) vain->times++;
    vain->probes = probe;
    vain->last_us = s->t_us;
  }
  if (vain->first_us == 0 && (probe || segment_len(s) > 0)) vain->first_us = s->t_us;
  spoken->t_us = s->t_us;
  spoken->has_ack = segment_has(s, SEGMENT_ACK);
  spoken->ack = s->ack;
  spoken->is_probe = probe;
  if (s->payload_bytes == 0 || probe) return;
  spoken->has_data_ack = spoken->has_ack;
  spoken->data_ack = s->ack;
}

static void step_rst(struct observation *o) {
  sender_rst(o);
  if (!o->s->is_lost) receiver_rst(o);
  o->m->last_control_us = o->s->t_us;
  o->m->last_roles[o->from] = ROLE_RST;
  if (o->step->n_findings > 0) o->step->verdict = STEP_UNEXPECTED;
}

static void step_segment(struct observation *o) {
  struct model_step *step = o->step;
  const struct endpoint *f = o->sender;
  struct awaited awaited = await(o->m, o->from);
  bool odd = covers_no_syn(o);
  if (o->fresh > 0 && f->has_fin && seq_gt(o->s->seq + o->s->payload_bytes, f->fin_seq))
    observation_find(o, FINDING_DATA_AFTER_FIN, o->from, f->fin_seq, o->s->seq);
  sender_alive(o);
  sender_stream(o);
  sender_close(o);
  count_data(o);
  if (step->roles & ROLES_OF_CLOSE) {
    role_note(o);
    o->m->last_control_us = o->s->t_us;
  }
  if (o->first_fin) sender_acked_before(o);
  struct close_fin *own = &o->m->fin[connection_fin_of(o->m, o->from)];
  if (f->has_fin) loss_note_acked(own, o->s->ack);
  if (f->has_fin && !segment_carries_fin(o->s)) loss_note_beside(own, f->fin_seq, o->s);
  o->m->last_roles[o->from] = step->roles;
  if (!o->s->is_lost) receiver_take(o);
  step->verdict = judge(o, &awaited, odd || contradicts(o));
}

/* Its receiver drops it, but it was sent: what that proves of its sender stands. */
static void step_old(struct observation *o) {
  o->step->roles = o->m->last_roles[o->from] = 0;
  sender_alive(o);
  sender_stream(o);
  sender_close(o);
  receiver_take_short_ack(o);
  o->step->verdict = STEP_STALE;
}

/* The numbers of both ends go together: what the other one acknowledged is as old. */
static void restart_beyond_reach(struct model *m, enum end from, const struct segment *s) {
  struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  endpoint_restart(f, s->seq);
  p->offer = (struct offer){0};
  if (!segment_has(s, SEGMENT_ACK)) return;
  f->offer = (struct offer){0};
  if (p->has_seq && !p->has_fin && seq_lt(p->stream.snd_nxt, s->ack)) endpoint_restart(p, s->ack);
}

/* Nobody sends its SYN again who has heard the answer: another tap has seen it, or a box doubled
 * it. */
static bool is_late_syn(struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *f = &m->end[from];
  if (!segment_has(s, SEGMENT_SYN) || !f->sent_syn || s->seq != f->first_seq) return false;
  bool went_on =
      endpoint_has_shown(f, EVENT_RCV_SYN_ACK) || endpoint_has_shown(f, EVENT_RCV_ACK_OF_SYN);
  if (went_on || is_same_syn(m, from, s)) m->syns_again |= (uint8_t)(1U << from);
  return went_on;
}

/* From the first FIN, or where there is none, from the RST. */
static void count_time(const struct model *m, int64_t t_us, struct model_step *step) {
  if (m->roles_seen)
    step->since_first_fin_us = t_us - m->first_fin_us;
  else if (m->rst.from != END_NONE)
    step->since_first_fin_us = t_us - m->rst.t_us;
}

void model_step(struct model *m, enum end from, const struct segment *s, struct model_step *step) {
  memset(step, 0, sizeof *step);
  step->from = from;
  if (endpoint_is_out_of_reach(&m->end[from], s)) restart_beyond_reach(m, from, s);
  forget_void_fin(m, from, s);
  if (m->first_closer == END_NONE && segment_carries_fin(s))
    for (unsigned i = 0; i < 2; i++) endpoint_begin_delays(&m->end[i], m->spoken[i].t_us);
  struct observation o = observation_make(m, from, s, step);
  /* Several queues and processors make a capture step back a little. */
  enum { STEP_BACK_US = 1000 };
  if (m->segments > 0 && m->last_us - s->t_us > STEP_BACK_US) m->ran_backwards = true;
  if (m->segments++ == 0) sender_begin(&o);
  if (o.overtaken && m->roles_seen) m->reorders = true;
  m->last_us = s->t_us;
  step->verdict = STEP_EXPECTED;
  step->roles = (uint8_t)role_of(m, from, s);
  role_count(m, step);
  if (is_late_syn(m, from, s)) {
    step->verdict = STEP_STALE;
    m->last_roles[from] = step->roles;
    count_time(m, s->t_us, step);
    return;
  }
  bool rst = segment_has(s, SEGMENT_RST);
  if (!rst) note_spoken(&o);
  endpoint_note_delay(o.sender, s, o.delay_us);
  m->rst_beyond = false;
  bool has_reset = m->rst.from != END_NONE;
  if (!rst) talk_note_path(&m->path[from], s);
  if (rst && !has_reset) talk_note_path(&m->rst_path, s);
  if (rst && !has_reset) m->rst_path_from = from;
  if (rst)
    step->ignored = accept_rst(o.sender, o.receiver, s);
  else
    step->ignored = accept_segment(o.sender, o.receiver, s);
  /* A challenge to an ACK of what was never sent shows its sender's number to be right. */
  if (step->ignored == ACCEPT_OLD && m->unsent[from].pending) step->ignored = ACCEPT_YES;
  if (step->ignored == ACCEPT_OLD)
    step_old(&o);
  else if (step->ignored != ACCEPT_YES)
    ignore(&o);
  else if (rst)
    step_rst(&o);
  else
    step_segment(&o);
  if (s->is_lost) step->ignored = ACCEPT_LOST;
  count_time(m, s->t_us, step);
}

/* ---- What no segment tells ------------------------------------------------------------------- */

bool model_expire(struct model *m, int64_t now_us, struct model_step *step) {
  memset(step, 0, sizeof *step);
  step->from = END_NONE;
  for (unsigned i = 0; i < 2; i++)
    if (m->end[i].state == TCPS_TIME_WAIT && now_us - m->time_wait_us[i] >= m->two_msl_us)
      event_apply(m, i, EVENT_TIMEOUT_2MSL, EVIDENCE_TIMED, now_us, step);
  count_time(m, now_us, step);
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
  count_time(m, t_us, step);
  return step->n_changes > 0;
}

void model_reuse(struct model *m, enum incarnation rule, enum end end, int64_t t_us) {
  struct model_step step = {0};
  enum finding_id id =
      rule == INCARNATION_NOT_NEWER ? FINDING_REUSE_NOT_NEWER : FINDING_SYN_IN_TIME_WAIT;
  m->incarnation = rule;
  event_find(m, &step, (struct finding){t_us, 0, 0, id, end});
}
