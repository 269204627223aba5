#include "capture/tally.h"

#include <stdio.h>
#include <string.h>

/* Keeps the few with the largest `us`. */
static void name_it(struct report_named *list, unsigned *n, const struct flow *f,
                    const struct verdict *v, int64_t us, uint8_t finding, enum end stuck) {
  unsigned at = *n;
  while (at > 0 && list[at - 1].us < us) at--;
  if (at == REPORT_NAMED_MAX) return;
  if (*n < REPORT_NAMED_MAX) (*n)++;
  memmove(&list[at + 1], &list[at], (*n - 1 - at) * sizeof *list);
  list[at] =
      (struct report_named){.us = us, .number = f->number, .ending = v->ending, .finding = finding};
  flow_end_name(f, END_CLIENT, list[at].client);
  flow_end_name(f, END_SERVER, list[at].server);
  if (f->kernel && stuck != END_NONE)
    memcpy(list[at].holder, f->kernel->witness.end[stuck].holder, sizeof list[at].holder);
}

static void tally_kernel(struct report_agreement *total, const struct flow *f) {
  const struct kernel_view *view = f->kernel;
  bool spoke = false;
  for (unsigned i = 0; view && i < 2; i++) {
    if (view->witness.end[i].n == 0 || f->model.capture_incomplete) continue;
    spoke = true;
    struct witness_view v =
        witness_compare(&view->witness.end[i], &f->model.end[i], kernel_is_up_to_date(f, i));
    total->agreed += v.agreed;
    total->of += v.of;
    total->unsampled += v.unsampled;
    total->ends[v.difference]++;
  }
  total->connections += spoke;
}

/* A silence that somebody ended. */
static void tally_idle(struct report_summary *summary, const struct flow *f,
                       const struct verdict *v) {
  enum end by = f->model.first_closer != END_NONE ? v->closed_first : f->model.rst.from;
  if (v->idle_us < TALK_SILENCE_US || v->idle_answered || by == END_NONE) return;
  struct report_idle *idle = &summary->idle[by];
  if (idle->n == 0 || v->idle_us < idle->least_us) idle->least_us = v->idle_us;
  if (v->idle_us > idle->most_us) idle->most_us = v->idle_us;
  idle->n++;
}

static void describe(struct tally_unmet *unmet, const struct flow *f, const struct verdict *v) {
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE];
  snprintf(unmet->who, sizeof unmet->who, "#%u %s to %s", f->number,
           flow_end_name(f, END_CLIENT, client), flow_end_name(f, END_SERVER, server));
  struct out what = out_string(unmet->what, sizeof unmet->what);
  out_text(&what, ending_name(v->ending));
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) {
    unsigned lost = verdict_lost(v, kind);
    if (lost > 0) out_printf(&what, ",lost=%s", loss_kind_name(kind));
    if (lost > 1) out_printf(&what, "x%u", lost);
  }
  (void)out_text_of(&what);
}

bool tally_add(struct report_summary *summary, const struct flow *f, const struct verdict *v,
               const struct demand *demand, struct tally_unmet *unmet, int64_t now_us) {
  bool good = true;
  summary->connections++;
  summary->endings[v->ending]++;
  summary->closed_first[v->closed_first]++;
  tally_idle(summary, f, v);
  tally_kernel(&summary->kernel, f);
  if (ending_is_complete(v->ending))
    name_it(summary->slowest, &summary->n_slowest, f, v, v->duration_us, FINDING_COUNT, END_NONE);
  for (int i = 0; i < v->n_findings; i++) {
    const struct finding *finding = &v->findings[i];
    enum finding_severity severity = finding_text(finding->id)->severity;
    if (severity != FINDING_NOTE) good = false;
    if (severity != FINDING_STUCK) continue;
    summary->stuck++;
    name_it(summary->longest_stuck, &summary->n_longest_stuck, f, v, now_us - finding->t_us,
            finding->id, finding->end);
  }
  if (!demand->given || !flow_has_closed(f) || demand_met(demand, v)) return good;
  if (unmet->n++ == 0) describe(unmet, f, v);
  return false;
}
