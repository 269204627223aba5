/* Lines: a line an event, for grep and for eyes that read logs. */
#include <stdlib.h>

#include "capture/report/report.h"
#include "common/model/sentence.h"

struct lines {
  struct report base;
  int64_t last_countdown_s;
};

static void print_time(struct report *r, int64_t t_us) {
  char clock[32];
  text_time(&r->options.clock, t_us, clock);
  fprintf(r->out, "%s%s", clock, *clock ? " " : "");
}

static const char *arrow(const struct report *r) { return r->options.ascii ? ">" : "→"; }

static void print_states(struct report *r, const struct model *m) {
  for (unsigned e = 0; e < 2; e++) {
    const char *mark = "";
    switch ((enum evidence)m->end[e].evidence) {
      case EVIDENCE_SEEN: break;
      case EVIDENCE_PRESUMED: mark = "?"; break;
      case EVIDENCE_TIMED: mark = "(timed)"; break;
      case EVIDENCE_KERNEL: mark = "(kernel)"; break;
    }
    fprintf(r->out, " %s=%s%s", end_name(e), tcp_state_name(m->end[e].state), mark);
  }
}

static void print_changes(struct report *r, const struct flow *flow,
                          const struct model_step *step) {
  for (unsigned i = 0; i < step->n_changes; i++) {
    const struct model_change *c = &step->changes[i];
    char reason[TEXT_SIZE];
    text_reason(c, reason);
    if (c->kind == CHANGE_REFUTED)
      fprintf(r->out, "  #%u refutes %s %s: %s\n", flow->number, end_name(c->end),
              tcp_state_name(c->from), reason);
    else if (c->kind == CHANGE_STAYED || r->options.verbose)
      fprintf(r->out, "  #%u %s %s %s %s %s: %s\n", flow->number, end_name(c->end),
              tcp_state_name(c->from), arrow(r), tcp_state_name(c->to), evidence_name(c->evidence),
              reason);
  }
}

static void lines_start(struct report *r, const char *source, const char *filter,
                        const char *kernel_lack) {
  (void)source, (void)filter;
  if (!kernel_lack || *kernel_lack == '\0') return;
  fprintf(r->out, "the kernel is %s\n", kernel_lack);
}

static void lines_segment(struct report *r, const struct report_segment *s) {
  const struct flow *flow = s->flow;
  const struct model *m = &flow->model;
  const struct model_step *step = s->step;
  char from[FLOW_NAME_SIZE], to[FLOW_NAME_SIZE], label[TEXT_SIZE], elapsed[TEXT_NUMBER_SIZE];
  print_time(r, s->segment->t_us);
  fprintf(r->out, "#%u %s %s %s %s %s: %s", flow->number,
          text_elapsed(step->since_first_fin_us, elapsed), end_name(step->from),
          flow_end_name(flow, step->from, from), arrow(r),
          flow_end_name(flow, end_other(step->from), to),
          text_label(m, s->segment, step, r->options.raw, label));
  if (step->new_roles)
    fprintf(r->out, " %u/%u", step->count, step->of);
  else if (step->again)
    fprintf(r->out, " again %s", text_elapsed(step->since_copy_us, elapsed));
  print_states(r, m);
  fprintf(r->out, " %s\n", step_verdict_name(step->verdict));
  if (step->ignored != ACCEPT_YES)
    fprintf(r->out, "  #%u ignored by its receiver: %s\n", flow->number,
            acceptance_reason(step->ignored));
  print_changes(r, flow, step);
  for (unsigned i = 0; i < step->n_findings; i++) {
    char text[TEXT_SIZE];
    fprintf(r->out, "  #%u finding %s\n", flow->number,
            text_finding(m, &step->findings[i], r->options.raw, text));
  }
  if (r->options.verbose) {
    struct expectation expected[EXPECTATIONS_MAX];
    unsigned n = expectation_list(m, expected);
    for (unsigned i = 0; i < n; i++) {
      char text[TEXT_SIZE];
      fprintf(r->out, "  #%u expects %s\n", flow->number,
              text_expectation(m, &expected[i], r->options.raw, text));
    }
  }
}

static void lines_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                          int64_t now_us) {
  if (flow->number == 0) return;
  char elapsed[TEXT_NUMBER_SIZE];
  print_time(r, now_us);
  fprintf(r->out, "#%u %s %s", flow->number, text_elapsed(step->since_first_fin_us, elapsed),
          text_expired(step));
  print_states(r, &flow->model);
  fputc('\n', r->out);
  print_changes(r, flow, step);
}

static void lines_kernel(struct report *r, const struct kernel_word *word) {
  const struct model *m = &word->flow->model;
  char elapsed[TEXT_NUMBER_SIZE] = "", said[TEXT_SIZE];
  print_time(r, word->t_us);
  if (m->roles_seen) text_elapsed(word->t_us - m->first_fin_us, elapsed);
  fprintf(r->out, "#%u %s%skernel: %s\n", word->flow->number, elapsed, *elapsed ? " " : "",
          text_kernel(word, arrow(r), said));
}

static void lines_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                          int64_t now_us) {
  const struct model *m = &flow->model;
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE], losses[TEXT_SIZE], sentence[1024];
  if (v->ending == ENDING_OPEN && v->n_findings == 0) return;
  print_time(r, now_us);
  fprintf(r->out, "#%u %sverdict %s %s closed-first=%s %u/%u client=%s server=%s", flow->number,
          flow->verdicts > 0 ? "revised-" : "", ending_name(v->ending),
          conformity_name(v->conformity), v->closed_both ? "both" : end_name(v->closed_first),
          v->count, v->of, flow_end_name(flow, END_CLIENT, client),
          flow_end_name(flow, END_SERVER, server));
  if (*text_losses(v, losses)) fprintf(r->out, " lost=[%s]", losses);
  if (v->cause != RESET_NONE) fprintf(r->out, " rst=%s", reset_cause_name(v->cause));
  for (int i = 0; i < v->n_findings; i++)
    fprintf(r->out, " finding=%s", finding_text(v->findings[i].id)->id);
  unsigned agreed, of;
  verdict_agreement(v, &agreed, &of);
  if (of > 0) fprintf(r->out, " kernel-agrees=%u/%u", agreed, of);
  fprintf(r->out, ": %s\n", sentence_make(v, m, now_us, sentence, sizeof sentence));
  if (*text_sockets(flow->kernel, now_us, losses))
    fprintf(r->out, "  #%u kernel: %s\n", flow->number, losses);
  int64_t deadline = connection_deadline_us(m);
  if (r->options.live && !r->options.wait && deadline != INT64_MAX && deadline > now_us)
    fprintf(r->out, "  #%u not waited for: %.0f s of TIME_WAIT, then CLOSED; see --wait\n",
            flow->number, (double)(deadline - now_us) / 1e6);
}

/* In a pipe a line every ten seconds is countdown enough. */
static void lines_countdown(struct report *r, const struct flow *flow, int64_t left_us,
                            int64_t total_us, bool by_kernel) {
  struct lines *l = (struct lines *)r;
  int64_t left_s = (left_us + 999999) / 1000000;
  (void)total_us;
  if (left_s % 10 != 0 || left_s == l->last_countdown_s) return;
  l->last_countdown_s = left_s;
  fprintf(r->out, "  #%u TIME_WAIT %lld s left%s\n", flow->number, (long long)left_s,
          by_kernel ? " (kernel)" : "");
}

static void lines_summary(struct report *r, const struct report_summary *summary) {
  (void)r, (void)summary;
}

static void lines_destroy(struct report *r) { free(r); }

struct report *report_lines_new(FILE *out, const struct report_options *options) {
  static const struct report_class class = {
      lines_start,   lines_segment,   lines_expired, lines_kernel,
      lines_verdict, lines_countdown, lines_summary, lines_destroy,
  };
  struct lines *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->base = (struct report){&class, out, *options};
  return &l->base;
}
