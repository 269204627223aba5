#include "common/model/receiver.h"

#include "common/model/accept.h"
#include "common/model/event.h"
#include "common/model/seq.h"

static void take_syn(struct observation *o) {
  const struct endpoint *e = o->receiver;
  bool acks_syn = segment_has(o->s, SEGMENT_ACK) &&
                  (e->sent_syn ? seq_gt(o->s->ack, e->first_seq) : e->state == TCPS_SYN_SENT);
  observation_apply(o, o->to, acks_syn ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN, EVIDENCE_PRESUMED);
}

static void take_ack(struct observation *o) {
  struct endpoint *e = o->receiver;
  if (e->state == TCPS_SYN_RECEIVED && seq_gt(o->s->ack, e->first_seq))
    observation_apply(o, o->to, EVENT_RCV_ACK_OF_SYN, EVIDENCE_PRESUMED);
  if (!endpoint_fin_is_covered(e, o->s)) {
    if (e->has_fin_acked_at) e->fin_acked_at = seq_max(e->fin_acked_at, segment_end(o->s));
    return;
  }
  if (!e->has_fin_acked_at) {
    e->has_fin_acked_at = true;
    e->fin_acked_at = o->fresh_from;
  }
  if (endpoint_find(e, EVENT_RCV_ACK_OF_FIN) < 0)
    observation_apply(o, o->to, EVENT_RCV_ACK_OF_FIN, EVIDENCE_PRESUMED);
}

/* An ACK of everything but this end's FIN. */
void receiver_take_short_ack(struct observation *o) {
  const struct endpoint *e = o->receiver;
  if (!e->has_fin || !segment_has(o->s, SEGMENT_ACK) || o->s->ack != e->fin_seq) return;
  struct close_fin *fin = &o->m->fin[connection_fin_of(o->m, o->to)];
  /* Behind what its sender had sent it is none of the old, but sent again, or a probe. */
  bool anew = !o->late || o->stamped_anew || o->m->spoken[o->from].is_probe;
  if (anew && !o->stale) fin->not_there_us = o->s->t_us;
  if (segment_len(o->s) > 0) return;
  bool echoes = (o->s->options & SEGMENT_HAS_TIMESTAMPS) && fin->stamped_alone &&
                o->s->tsecr == fin->copy[0].tsval && fin->copies <= LOSS_KEPT;
  bool whole = !e->stream.missed && endpoint_fin_is_complete(e);
  if (echoes && whole && o->s->window > 0)
    observation_find(o, FINDING_FIN_NOT_COUNTED, o->from, o->s->ack + 1, o->s->ack);
  o->step->short_of_fin = true;
  fin->short_ack_us = o->s->t_us;
}

/* A repetition counts again: it restarts TIME_WAIT. */
static void take_fin(struct observation *o) {
  const struct endpoint *f = o->sender;
  unsigned fin = connection_fin_of(o->m, o->from);
  if (!endpoint_fin_is_complete(f)) return;
  bool again = !o->first_fin && segment_carries_fin(o->s) && segment_fin_seq(o->s) == f->fin_seq;
  /* An earlier copy may still be on its way, unless the receiver has gone on without it for long.
   */
  bool lost = connection_fin_is_lost(o->m, fin, o->m->fin[fin].not_there_us);
  if ((endpoint_find(o->receiver, EVENT_RCV_FIN) < 0 && !lost) || again || o->first_fin)
    observation_apply(o, o->to, EVENT_RCV_FIN, EVIDENCE_PRESUMED);
}

void receiver_take(struct observation *o) {
  if (segment_has(o->s, SEGMENT_SYN)) take_syn(o);
  if (segment_has(o->s, SEGMENT_ACK)) take_ack(o);
  receiver_take_short_ack(o);
  take_fin(o);
}

/* The peer's RST with ACK says what had arrived as its other segments do. */
static uint32_t acked_by_rst(const struct observation *o) {
  return segment_has(o->s, SEGMENT_ACK) ? o->s->ack : o->receiver->first_seq;
}

/* By the numbers of its segments, and by what its peer acknowledged, for payload may be missing
 * from the capture. */
static bool may_have_sent_data(const struct observation *o) {
  const struct endpoint *e = o->receiver, *peer = o->sender;
  uint32_t opening_end = e->first_seq + 1 + (e->has_fin ? 1 : 0);
  if (e->data_segments > 0 || !e->sent_syn) return true;
  return seq_gt(e->stream.snd_nxt, opening_end) ||
         (peer->offer.has_ack && seq_gt(peer->offer.ack_max, opening_end)) ||
         seq_gt(acked_by_rst(o), opening_end);
}

/* It sent octets that its peer had never acknowledged before. */
static bool has_unaccepted_data(const struct observation *o) {
  const struct endpoint *e = o->receiver, *peer = o->sender;
  if (!peer->offer.has_ack || !may_have_sent_data(o)) return false;
  return seq_gt(seq_max(e->stream.snd_nxt, acked_by_rst(o)),
                peer->offer.ack_max + (e->has_fin ? 1 : 0));
}

/* Fewer than these may be chance: a stack that gives up asks more often. And the answers must be
 * such as this capture would have; but who repeats its SYN,ACK had none, nor between the last one
 * and the RST, if that came when the next one would have. */
static bool has_given_up(const struct observation *o) {
  enum { MANY = 2 };
  const struct vain *vain = &o->m->vain[o->from];
  if (vain->times < MANY || !o->receiver->has_spoken) return false;
  bool next_due = o->s->t_us - vain->last_us >= (vain->last_us - vain->first_us) / vain->times;
  return connection_has_bare_acks(o->m) || (o->sender_state == TCPS_SYN_RECEIVED && next_due);
}

/* Its sender had sent more than was captured; or it had closed, and what came then is not the kind
 * of segment that this capture has. */
static bool has_hole_before(const struct observation *o) {
  const struct endpoint *f = o->sender;
  bool filtered = (!connection_has_bare_acks(o->m) || !o->receiver->has_spoken) &&
                  o->receiver->data_segments == 0;
  return f->has_seq && (seq_gt(o->s->seq, f->stream.snd_nxt) || (f->has_fin && filtered));
}

/* The late octets acknowledge the FIN of who resets, or left before that had come. */
static void take_race(struct observation *o, uint32_t data_ack) {
  struct model *m = o->m;
  const struct close_fin *fin = &m->fin[connection_fin_of(m, o->from)];
  m->rst.crossed = seq_leq(data_ack, o->sender->fin_seq);
  if (!m->rst.crossed && fin->acked_us != 0 && m->half_close_us > fin->acked_us)
    m->rst.stale_us = m->half_close_us - fin->acked_us;
}

void receiver_rst(struct observation *o) {
  struct model *m = o->m;
  const struct endpoint *f = o->sender, *e = o->receiver;
  const struct spoken *said = &m->spoken[o->to];
  uint8_t offender = m->last_roles[o->to];
  /* Its receiver has ignored the one before, and went on: that does not speak any more. */
  bool ignored = m->rst.from == o->from && m->rst.before_fin && endpoint_find(e, EVENT_RCV_RST) < 0;
  enum tcp_state sender_state = ignored ? m->rst.sender_state : o->sender_state;
  if (m->rst.from == END_NONE || ignored) {
    m->rst = (struct reset){
        .t_us = o->s->t_us,
        .seq = o->s->seq,
        .from = o->from,
        .sender_state = sender_state,
        .offender = offender,
        .has_ack = segment_has(o->s, SEGMENT_ACK),
        .refused = e->state == TCPS_SYN_SENT,
        .before_fin = accept_rst_is_before_fin(f, e, o->s),
        .after_data = may_have_sent_data(o),
        .after_late_data = f->has_fin && has_unaccepted_data(o),
        .after_taken_data = f->has_fin && e->half_close_bytes > 0 && !has_unaccepted_data(o),
        .after_hole = has_hole_before(o),
        .came_soon = said->t_us != 0 && o->s->t_us - said->t_us <= endpoint_soon_us(f),
        .answers_probe = said->is_probe,
        .answers_ack = !segment_has(o->s, SEGMENT_ACK) &&
                       ((said->has_ack && o->s->seq == said->ack) ||
                        (said->has_data_ack && o->s->seq == said->data_ack)),
        .answers_blind = o->s->seq == 0 && said->t_us != 0 && !said->has_ack,
    };
    if (has_given_up(o)) m->rst.gave_up = m->vain[o->from];
    if (m->rst.after_late_data && said->has_data_ack) take_race(o, said->data_ack);
  }
  /* Who answers the final ACK with RST had been closed by an earlier one. If that was captured,
   * what was taken for its loss was a delay. */
  if (o->sender_state == TCPS_CLOSED && (offender & ROLE_ACK2))
    m->fin[FIN2].answer_met_closed = true;
  /* Presumed to be there because a FIN passed that it never answered, it may not be. */
  if (e->state == TCPS_TIME_WAIT && m->fin[FIN2].answers > 0)
    observation_find(o, FINDING_RST_IN_TIME_WAIT, o->to, 0, 0);
  observation_apply(o, o->to, EVENT_RCV_RST, EVIDENCE_PRESUMED);
}
