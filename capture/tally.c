#include "capture/tally.h"

#include <stdio.h>
#include <string.h>

/* Whether it comes before the last of the few with the largest `us`. */
static bool is_among(const struct report_named *list, unsigned n, int64_t us, int64_t closed_us,
                     uint32_t number) {
  if (n < REPORT_NAMED_MAX) return true;
  const struct report_named *last = &list[n - 1];
  if (us != last->us) return us > last->us;
  return closed_us != last->closed_us ? closed_us < last->closed_us : number < last->number;
}

/* Keeps the few, with `named` among them. */
static void insert(struct report_named *list, unsigned *n, const struct report_named *named) {
  if (*n == REPORT_NAMED_MAX) (*n)--;
  unsigned at = (*n)++;
  for (list[at] = *named; at > 0; at--) {
    struct report_named *before = &list[at - 1];
    bool comes_first = before->us != named->us ? before->us < named->us
                       : before->closed_us != named->closed_us
                           ? before->closed_us > named->closed_us
                           : before->number > named->number;
    if (!comes_first) return;
    list[at] = *before;
    *before = *named;
  }
}

static void name_it(struct report_named *list, unsigned *n, const struct flow *f,
                    const struct verdict *v, int64_t us, uint8_t finding, enum end stuck) {
  int64_t closed_us = flow_closed_us(f);
  if (!is_among(list, *n, us, closed_us, f->number)) return;
  struct report_named named = {.us = us,
                               .closed_us = closed_us,
                               .number = f->number,
                               .ending = v->ending,
                               .finding = finding};
  flow_end_name(f, END_CLIENT, named.client);
  flow_end_name(f, END_SERVER, named.server);
  if (f->kernel && stuck != END_NONE)
    memcpy(named.holder, f->kernel->witness.end[stuck].holder, sizeof named.holder);
  insert(list, n, &named);
}

static void tally_kernel(struct report_agreement *total, const struct flow *f) {
  const struct kernel_view *view = f->kernel;
  bool spoke = false;
  for (unsigned i = 0; view && i < 2; i++) {
    if (view->witness.end[i].n == 0 || f->model.capture_incomplete) continue;
    spoke = true;
    struct witness_view v = witness_compare(&view->witness.end[i], &f->model.end[i],
                                            kernel_is_up_to_date(f, i), f->model.rst.t_us);
    total->agreed += v.agreed;
    total->of += v.of;
    total->unsampled += v.unsampled;
    total->ends[v.difference]++;
  }
  total->connections += spoke;
}

/* A silence that somebody ended. */
static void tally_idle(struct report_summary *summary, enum end by, int64_t idle_us,
                       bool idle_answered) {
  if (idle_us < TALK_SILENCE_US || idle_answered || by == END_NONE) return;
  struct report_idle *idle = &summary->idle[by];
  if (idle->n == 0 || idle_us < idle->least_us) idle->least_us = idle_us;
  if (idle_us > idle->most_us) idle->most_us = idle_us;
  idle->n++;
}

static void tally_close(struct report_summary *summary, enum ending ending, enum end closed_first) {
  summary->connections++;
  summary->endings[ending]++;
  summary->closed_first[closed_first]++;
}

void tally_add_ordinary(struct report_summary *summary, const struct flow_table *flows,
                        const struct hot *e, const struct ordinary_verdict *v) {
  tally_close(summary, v->ending, v->closed_first);
  tally_idle(summary, v->ended_by, v->idle_us, v->idle_answered);
  const struct report_named *last = &summary->slowest[REPORT_NAMED_MAX - 1];
  if (!ending_is_complete(v->ending)) return;
  /* Nearly all: what is compared beside is not looked up, which may be anywhere in memory. */
  if (summary->n_slowest == REPORT_NAMED_MAX && v->duration_us < last->us) return;
  struct report_named named = {.us = v->duration_us,
                               .closed_us = ordinary_closed_us(&flows->ordinaries, e),
                               .number = flow_number(flows, e),
                               .ending = v->ending,
                               .finding = FINDING_COUNT};
  if (!is_among(summary->slowest, summary->n_slowest, named.us, named.closed_us, named.number))
    return;
  flow_entry_name(flows, e, END_CLIENT, named.client);
  flow_entry_name(flows, e, END_SERVER, named.server);
  insert(summary->slowest, &summary->n_slowest, &named);
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
  tally_close(summary, v->ending, v->closed_first);
  tally_idle(summary, f->model.first_closer != END_NONE ? v->closed_first : f->model.rst.from,
             v->idle_us, v->idle_answered);
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
  if (!demand->given || !connection_has_closed(&f->model) || demand_met(demand, v)) return good;
  if (unmet->n++ == 0) describe(unmet, f, v);
  return false;
}
