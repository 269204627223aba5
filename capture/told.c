#include "capture/told.h"

#include "common/model/seq.h"

bool told_is_wanted(const struct model *m, const struct segment *s, const struct model_step *step) {
  bool is_control = (step->roles & (ROLES_OF_CLOSE | ROLE_RST)) || segment_has(s, SEGMENT_FIN) ||
                    step->short_of_fin || step->ignored == ACCEPT_SYN_IN_CONNECTION;
  bool closing = m->roles_seen || m->rst.t_us;
  return is_control || step->n_findings > 0 ||
         (closing && (step->in_half_close || step->n_changes > 0));
}

bool told_by_all(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *peer = &m->end[end_other(from)];
  return segment_carries_fin(s) || segment_has(s, SEGMENT_RST) ||
         (segment_has(s, SEGMENT_ACK) && peer->has_fin && seq_gt(s->ack, peer->fin_seq));
}

void told_number(struct flow *f, struct report_segment *event) {
  struct flow_reported *r = &f->reported;
  event->n = ++r->n;
  for (unsigned i = 0; i < event->step->n_changes; i++) {
    const struct model_change *c = &event->step->changes[i];
    unsigned what = c->event == EVENT_RCV_FIN          ? FLOW_FIN
                    : c->event == EVENT_RCV_ACK_OF_FIN ? FLOW_ACK_OF_FIN
                    : c->event == EVENT_RCV_RST        ? FLOW_RST
                                                       : FLOW_ARRIVALS;
    if (what == FLOW_ARRIVALS) continue;
    if (c->kind == CHANGE_CONFIRMED || c->kind == CHANGE_REFUTED)
      event->of_segment[i] = r->arrived[c->end][what];
    else
      r->arrived[c->end][what] = r->n;
  }
}
