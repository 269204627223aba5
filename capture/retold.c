#include "capture/retold.h"

#include <stdlib.h>

void retold_destroy(struct retold *a) {
  for (unsigned i = 0; i < ORDINARY_SHAPES_MAX; i++)
    for (unsigned over = 0; over < 2; over++) free(a->told[i][over]);
}

static struct retold_verdict *make(const struct flow_table *flows, const struct hot *e,
                                   bool is_over, int64_t now_us) {
  struct retold_verdict *told = calloc(1, sizeof *told);
  if (!told) return NULL;
  struct model *m = &told->flow.model;
  struct model_step step;
  ordinary_open(&flows->ordinaries, e, m);
  if (is_over) (void)model_expire(m, now_us, &step);
  verdict_make(&told->verdict, m, now_us);
  return told;
}

struct retold_verdict *retold_tell(struct retold *a, const struct flow_table *flows,
                                   const struct hot *e, bool is_over, int64_t now_us) {
  struct retold_verdict **told = &a->told[ordinary_of(&flows->ordinaries, e)->shape][is_over];
  if (!*told) *told = make(flows, e, is_over, now_us);
  if (!*told) return NULL;
  struct flow *f = &(*told)->flow;
  struct verdict *v = &(*told)->verdict;
  struct ordinary_verdict own;
  int64_t fins_us[2];
  flow_key_get(&flows->keys, e, &f->key);
  f->number = flow_number(flows, e);
  f->client = e->client;
  f->roles_by = e->roles_by;
  f->has_text = e->has_text;
  ordinary_conclude(&flows->ordinaries, e, &own);
  v->duration_us = own.duration_us;
  v->idle_us = own.idle_us;
  ordinary_fins_us(&flows->ordinaries, e, fins_us);
  for (unsigned i = 0; i < 2; i++) f->model.fin[i].first_us = fins_us[i];
  return *told;
}
