#include "capture/retold.h"

static size_t verdicts_size(void) {
  return ORDINARY_SHAPES_MAX * 2 * sizeof(struct retold_verdict);
}

static size_t steps_size(void) { return ORDINARY_SHAPES_MAX * sizeof(struct retold_step); }

bool retold_init(struct retold *r) {
  *r = (struct retold){pool_reserve(verdicts_size()), pool_reserve(steps_size())};
  return r->verdicts && r->steps;
}

void retold_destroy(struct retold *r) {
  pool_give_back(r->verdicts, verdicts_size());
  pool_give_back(r->steps, steps_size());
  *r = (struct retold){0};
}

static void set_flow(struct flow *f, const struct flow_table *flows, const struct hot *e) {
  flow_key_get(&flows->keys, e, &f->key);
  f->number = flow_number(flows, e);
  f->client = e->client;
  f->roles_by = e->roles_by;
  f->has_text = e->has_text;
}

struct retold_verdict *retold_tell(struct retold *r, const struct flow_table *flows,
                                   const struct hot *e, bool is_over, int64_t now_us) {
  const struct ordinaries *all = &flows->ordinaries;
  struct retold_verdict *told = &r->verdicts[ordinary_of(all, e)->shape][is_over];
  struct verdict *v = &told->verdict;
  struct model *m = &told->flow.model;
  struct ordinary_verdict own;
  int64_t fins_us[2];
  if (!told->is_made) {
    ordinary_open(all, e, m, NULL);
    if (is_over) (void)model_expire(m, now_us, &told->expired);
    verdict_make(v, m, now_us);
    told->is_made = true;
  }
  set_flow(&told->flow, flows, e);
  ordinary_conclude(all, e, &own);
  v->duration_us = own.duration_us;
  v->idle_us = own.idle_us;
  ordinary_fins_us(all, e, fins_us);
  for (unsigned i = 0; i < 2; i++) m->fin[i].first_us = fins_us[i];
  told->expired.since_first_fin_us = now_us - fins_us[0];
  return told;
}

/* Where there is more to tell than numbers that are its own, the model tells it each time. */
static bool is_retellable(const struct model_step *step) {
  return step->n_findings == 0 && step->ignored == ACCEPT_YES && step->again == 0;
}

struct retold_step *retold_tell_step(struct retold *r, const struct flow_table *flows,
                                     const struct hot *e) {
  const struct ordinaries *all = &flows->ordinaries;
  const struct ordinary *o = ordinary_of(all, e);
  struct retold_step *told = &r->steps[o->shape];
  struct model *m = &told->flow.model;
  if (!told->is_made || !is_retellable(&told->step)) ordinary_open(all, e, m, &told->step);
  told->is_made = true;
  set_flow(&told->flow, flows, e);
  for (unsigned i = 0; i < 2; i++) {
    m->end[i].first_seq = e->end[i].first_seq;
    if (m->end[i].has_fin) m->end[i].fin_seq = o->snd_nxt[i] - 1;
  }
  told->step.since_first_fin_us = ordinary_since_us(all, e);
  return told;
}
