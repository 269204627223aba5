#include "tests/compare_models.h"

#include <string.h>

#include "capture/hot_model.h"

bool same_step(const struct model_step *a, const struct model_step *b) {
  bool same = a->since_first_fin_us == b->since_first_fin_us &&
              a->since_copy_us == b->since_copy_us && a->again == b->again &&
              a->verdict == b->verdict && a->ignored == b->ignored && a->roles == b->roles &&
              a->new_roles == b->new_roles && a->count == b->count && a->of == b->of &&
              a->n_changes == b->n_changes && a->n_findings == b->n_findings &&
              a->short_of_fin == b->short_of_fin && a->in_half_close == b->in_half_close;
  for (unsigned i = 0; same && i < a->n_changes; i++) {
    const struct model_change *c = &a->changes[i], *d = &b->changes[i];
    same = c->why == d->why && c->kind == d->kind && c->end == d->end && c->from == d->from &&
           c->to == d->to && c->evidence == d->evidence && c->event == d->event;
  }
  for (unsigned i = 0; same && i < a->n_findings; i++) {
    const struct finding *f = &a->findings[i], *g = &b->findings[i];
    same = f->t_us == g->t_us && f->expected == g->expected && f->actual == g->actual &&
           f->id == g->id && f->end == g->end;
  }
  return same;
}

/* Structures that are assigned whole have whatever padding there was: it becomes zero. */
void strip_finding(struct finding *f) {
  struct finding finding = *f;
  memset(f, 0, sizeof *f);
  f->t_us = finding.t_us;
  f->expected = finding.expected;
  f->actual = finding.actual;
  f->id = finding.id;
  f->end = finding.end;
}

static void strip_vain(struct vain *v) {
  struct vain vain = *v;
  memset(v, 0, sizeof *v);
  v->first_us = vain.first_us;
  v->last_us = vain.last_us;
  v->times = vain.times;
  v->probes = vain.probes;
}

static void strip_unsent(struct unsent *u) {
  struct unsent unsent = *u;
  memset(u, 0, sizeof *u);
  u->t_us = unsent.t_us;
  u->ack = unsent.ack;
  u->heard_more = unsent.heard_more;
  u->pending = unsent.pending;
  u->stream.snd_nxt = unsent.stream.snd_nxt;
  u->stream.snd_contig = unsent.stream.snd_contig;
  u->stream.missed = unsent.stream.missed;
  u->offer.ack_max = unsent.offer.ack_max;
  u->offer.right_edge = unsent.offer.right_edge;
  u->offer.max_window_bytes = unsent.offer.max_window_bytes;
  u->offer.t_us = unsent.offer.t_us;
  u->offer.has_ack = unsent.offer.has_ack;
}

void strip_model(struct model *m) {
  hot_normalize(m);
  for (unsigned i = 0; i < MODEL_FINDINGS_MAX; i++) strip_finding(&m->findings[i]);
  strip_vain(&m->rst.gave_up);
  for (unsigned i = 0; i < 2; i++) {
    strip_vain(&m->vain[i]);
    strip_unsent(&m->unsent[i]);
  }
}
