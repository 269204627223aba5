#include "common/model/receiver.h"

#include "common/model/event.h"
#include "common/model/seq.h"

static void take_syn(struct observation *o) {
  const struct endpoint *e = o->receiver;
  bool acks_syn = segment_has(o->s, SEGMENT_ACK) && e->sent_syn && seq_gt(o->s->ack, e->first_seq);
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

/* A bare ACK of everything but this end's FIN. */
static void take_short_ack(struct observation *o) {
  const struct endpoint *e = o->receiver;
  if (!e->has_fin || segment_len(o->s) > 0 || o->s->ack != e->fin_seq) return;
  o->step->short_of_fin = true;
  o->m->fin[connection_fin_of(o->m, o->to)].short_ack_us = o->s->t_us;
}

/* A repetition counts again: it restarts TIME_WAIT. */
static void take_fin(struct observation *o) {
  const struct endpoint *f = o->sender;
  if (!endpoint_fin_is_complete(f)) return;
  bool again = !o->first_fin && segment_carries_fin(o->s) && segment_fin_seq(o->s) == f->fin_seq;
  if (endpoint_find(o->receiver, EVENT_RCV_FIN) < 0 || again)
    observation_apply(o, o->to, EVENT_RCV_FIN, EVIDENCE_PRESUMED);
}

void receiver_take(struct observation *o) {
  if (segment_has(o->s, SEGMENT_SYN)) take_syn(o);
  if (segment_has(o->s, SEGMENT_ACK)) take_ack(o);
  take_short_ack(o);
  take_fin(o);
}

/* An end that answers the final ACK with RST had been closed by an earlier one. If that was
 * captured, what was taken for its loss was a delay. */
static void note_late_final_ack(struct model *m) {
  static const enum loss_place places[] = {LOSS_AFTER_TAP, LOSS_BEFORE_TAP};
  struct close_fin *fin = &m->fin[FIN2];
  if (fin->acks < 2) return;
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    if (fin->lost[LOSS_OF_ACK][places[i]] == 0) continue;
    fin->lost[LOSS_OF_ACK][places[i]]--;
    m->final_ack_was_late = true;
    return;
  }
}

void receiver_rst(struct observation *o) {
  struct model *m = o->m;
  const struct endpoint *f = o->sender, *e = o->receiver;
  uint8_t offender = m->last_roles[o->to];
  if (m->rst.from == END_NONE)
    m->rst = (struct reset){
        .t_us = o->s->t_us,
        .seq = o->s->seq,
        .from = o->from,
        .sender_state = o->sender_state,
        .offender = offender,
        .has_ack = segment_has(o->s, SEGMENT_ACK),
        .refused = e->state == TCPS_SYN_SENT,
        .after_data = e->data_segments > 0,
        .after_late_data = f->offer.has_ack && e->half_close_bytes > 0 &&
                           seq_gt(e->stream.snd_nxt, f->offer.ack_max + (e->has_fin ? 1 : 0)),
    };
  if (o->sender_state == TCPS_CLOSED && (offender & ROLE_ACK2)) note_late_final_ack(m);
  if (e->state == TCPS_TIME_WAIT) observation_find(o, FINDING_RST_IN_TIME_WAIT, o->to, 0, 0);
  observation_apply(o, o->to, EVENT_RCV_RST, EVIDENCE_PRESUMED);
}
