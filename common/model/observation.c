#include "common/model/observation.h"

#include "common/model/event.h"
#include "common/model/seq.h"

struct observation observation_make(struct model *m, enum end from, const struct segment *s,
                                    struct model_step *step) {
  enum end to = end_other(from);
  struct endpoint *f = &m->end[from];
  uint32_t fresh = endpoint_new_payload(f, s), snd_nxt = f->stream.snd_nxt;
  const struct endpoint *r = &m->end[to];
  uint32_t opened = r->sent_syn ? r->first_seq + 1 : r->first_seq;
  bool first_fin = segment_carries_fin(s) && !f->has_fin;
  bool has_tsval = f->has_tsval && (s->options & SEGMENT_HAS_TIMESTAMPS);
  bool overtaken = has_tsval && seq_lt(s->tsval, f->tsval);
  bool stamped_anew = has_tsval && seq_gt(s->tsval, f->tsval);
  /* A sender's clock ticks once a second at least (RFC 7323, 5.4). */
  enum { TICKED_US = 2000000 };
  int64_t fin_us = f->has_fin ? m->fin[connection_fin_of(m, from)].last_us : s->t_us;
  bool ticked = has_tsval && s->tsval != 0 && s->tsval == f->tsval && segment_carries_fin(s) &&
                s->t_us - fin_us > TICKED_US;
  bool is_behind = f->has_seq && seq_leq(segment_end(s), snd_nxt);
  return (struct observation){
      .m = m,
      .s = s,
      .step = step,
      .from = from,
      .to = to,
      .sender = f,
      .receiver = &m->end[to],
      .sender_state = f->state,
      .fresh = fresh,
      .fresh_from = f->has_seq ? seq_max(snd_nxt, s->seq) : s->seq,
      .acked_before = f->offer.has_ack ? seq_max(f->offer.ack_max, opened) : opened,
      .delay_us = endpoint_delay_us(f, s),
      .first_fin = first_fin,
      .acks_more = !f->offer.has_ack || seq_gt(s->ack, f->offer.ack_max),
      .repeats = segment_len(s) > 0 && is_behind && fresh == 0,
      .overtaken = overtaken,
      .stamped_alone = segment_carries_fin(s) && segment_len(s) == 1 && stamped_anew,
      .stamped_anew = stamped_anew,
      .stale = endpoint_is_stale(f, s) || (overtaken && !first_fin) || ticked,
      .late = is_behind && seq_lt(s->seq, snd_nxt),
  };
}

void observation_apply(struct observation *o, enum end who, enum tcp_event event,
                       enum evidence evidence) {
  event_apply(o->m, who, event, evidence, o->s->t_us, o->step);
}

void observation_prove(struct observation *o, enum end who, enum tcp_event event) {
  event_prove(o->m, who, event, o->s->t_us, o->step);
}

void observation_confirm(struct observation *o, enum end who, enum tcp_event event) {
  event_confirm(o->m, who, event, o->step);
}

bool observation_refute(struct observation *o, enum end who, enum tcp_event event) {
  return event_refute(o->m, who, event, o->s->t_us, o->step);
}

bool observation_crosses_answer(const struct observation *o) {
  const struct close_fin *fin = &o->m->fin[connection_fin_of(o->m, o->from)];
  return fin->answers > 0 && o->s->t_us - fin->last_ack_us < endpoint_soon_us(o->sender);
}

void observation_find(struct observation *o, enum finding_id id, enum end end, uint32_t expected,
                      uint32_t actual) {
  event_find(o->m, o->step, (struct finding){o->s->t_us, expected, actual, id, end});
}
