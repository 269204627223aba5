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

/* What is the connection's own, of what stays the same while it closes. */
static void set_flow(struct flow *f, const struct flow_table *flows, const struct hot *e) {
  const struct ordinary *o = ordinary_of(&flows->ordinaries, e);
  flow_key_get(&flows->keys, e, &f->key);
  f->number = flow_number(flows, e);
  f->client = e->client;
  f->roles_by = e->roles_by;
  f->has_text = e->has_text;
  for (unsigned i = 0; i < 2; i++) {
    struct endpoint *end = &f->model.end[i];
    end->first_seq = e->end[i].first_seq;
    end->stream.snd_nxt = o->snd_nxt[i];
    if (end->has_fin) end->fin_seq = o->snd_nxt[i] - 1;
  }
}

static void set_verdict(struct retold_verdict *told, const struct ordinaries *all,
                        const struct hot *e, int64_t now_us) {
  const struct ordinary *o = ordinary_of(all, e);
  const struct ordinary_times times = ordinary_times(all, e);
  struct model *m = &told->flow.model;
  struct ordinary_verdict own;
  ordinary_conclude(all, e, &own);
  told->verdict.duration_us = own.duration_us;
  told->verdict.idle_us = own.idle_us;
  told->expired.since_first_fin_us = now_us - times.fin_us[FIN1];
  m->last_us = ordinary_last_us(all, e);
  m->fin[FIN1].first_us = times.fin_us[FIN1];
  m->fin[FIN2].first_us = times.fin_us[FIN2];
  m->fin[FIN1].acked_us = times.acked_us;
  for (unsigned i = 0; i < 2; i++) {
    uint32_t end = o->snd_nxt[i] - 1; /* where its FIN is */
    m->end[i].data_bytes = end - e->end[i].first_seq - 1;
    m->end[i].half_close_bytes = end - e->end[i].snd_nxt;
  }
}

struct retold_verdict *retold_tell(struct retold *r, const struct flow_table *flows,
                                   const struct hot *e, bool is_over, int64_t now_us) {
  const struct ordinaries *all = &flows->ordinaries;
  struct retold_verdict *told = &r->verdicts[ordinary_of(all, e)->shape][is_over];
  struct model *m = &told->flow.model;
  if (!told->is_made) {
    ordinary_open(all, e, m, NULL);
    if (is_over) (void)model_expire(m, now_us, &told->expired);
    verdict_make(&told->verdict, m, now_us);
    told->is_made = true;
  }
  set_flow(&told->flow, flows, e);
  set_verdict(told, all, e, now_us);
  return told;
}

/* Where there is more to tell than numbers that are its own, the model tells it each time. */
static bool is_retellable(const struct model_step *step) {
  return step->n_findings == 0 && step->ignored == ACCEPT_YES && step->again == 0;
}

struct retold_step *retold_tell_step(struct retold *r, const struct flow_table *flows,
                                     const struct hot *e) {
  const struct ordinaries *all = &flows->ordinaries;
  struct retold_step *told = &r->steps[ordinary_of(all, e)->shape];
  told->is_new = !told->is_made;
  if (told->is_new || !is_retellable(&told->last.step))
    ordinary_open(all, e, &told->flow.model, &told->last);
  if (told->is_new) {
    uint16_t before = ordinary_shape_before(all, ordinary_of(all, e)->shape);
    told->flow.reported = retold_reported(r, before);
    told->event.flow = &told->flow;
    told->event.step = &told->last.step;
    for (unsigned i = 0; i < 2; i++) {
      told->event.state_before[i] = told->last.state_before[i];
      told->event.evidence_before[i] = told->last.evidence_before[i];
    }
    told->is_made = true;
  }
  set_flow(&told->flow, flows, e);
  told->last.step.since_first_fin_us = ordinary_since_us(all, e);
  return told;
}
