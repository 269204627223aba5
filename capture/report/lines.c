/* Lines: a line an event, for grep and for eyes that read logs. */
#include <stdlib.h>
#include <string.h>

#include "capture/report/report.h"

/* A text whose length is known, in as many octets as may be copied whatever that is. */
struct word {
  char text[32];
  unsigned length;
};

enum { EVIDENCES = EVIDENCE_KERNEL + 1, STEP_VERDICTS = STEP_UNEXPECTED + 1 };

struct lines {
  struct report base;
  int64_t last_countdown_s;
  bool explained[FINDING_COUNT];               /* the remedy was given */
  struct word state[2][TCPS_COUNT][EVIDENCES]; /* " client=FIN_WAIT_1?" */
  struct word verdict[STEP_VERDICTS];          /* " expected" and the end of a line */
};

/* Words between spaces, so that a line reads here as it is printed. */
static void put_word(struct out *o, const char *word) {
  out_char(o, ' ');
  out_text(o, word);
}

static void put_number(struct out *o, const struct flow *flow) {
  out_char(o, '#');
  out_unsigned(o, flow->number);
}

/* The beginning of a line that belongs to the one above it. */
static void put_below(struct out *o, const struct flow *flow) {
  out_text(o, "  ");
  put_number(o, flow);
}

static void put_time(struct report *r, int64_t t_us) {
  if (r->options.clock.form == TEXT_TIME_NONE) return;
  text_time(r->out, &r->options.clock, t_us);
  out_char(r->out, ' ');
}

static void put_end(struct out *o, const struct flow *flow, enum end end) {
  char name[FLOW_NAME_SIZE], *at = out_room(o, sizeof name);
  if (at)
    o->end += flow_put_name(flow, end, at);
  else
    out_text(o, flow_end_name(flow, end, name));
}

static void put_count(struct out *o, unsigned count, unsigned of) {
  out_char(o, ' ');
  out_unsigned(o, count);
  out_char(o, '/');
  out_unsigned(o, of);
}

static const char *arrow(const struct report *r) { return r->options.ascii ? ">" : "→"; }

static void make_state(struct word *w, enum end end, enum tcp_state state, enum evidence evidence) {
  struct out o = out_string(w->text, sizeof w->text);
  put_word(&o, end_name(end));
  out_char(&o, '=');
  out_text(&o, tcp_state_name(state));
  switch (evidence) {
    case EVIDENCE_SEEN: break;
    case EVIDENCE_PRESUMED: out_char(&o, '?'); break;
    case EVIDENCE_TIMED: out_text(&o, "(timed)"); break;
    case EVIDENCE_KERNEL: out_text(&o, "(kernel)"); break;
  }
  w->length = (unsigned)o.end;
}

static void make_verdict(struct word *w, enum step_verdict verdict) {
  struct out o = out_string(w->text, sizeof w->text);
  put_word(&o, step_verdict_name(verdict));
  out_char(&o, '\n');
  w->length = (unsigned)o.end;
}

static void make_words(struct lines *l) {
  for (unsigned e = 0; e < 2; e++)
    for (unsigned state = 0; state < TCPS_COUNT; state++)
      for (unsigned evidence = 0; evidence < EVIDENCES; evidence++)
        make_state(&l->state[e][state][evidence], e, state, evidence);
  for (unsigned i = 0; i < STEP_VERDICTS; i++) make_verdict(&l->verdict[i], i);
}

static inline void put_made(struct out *o, const struct word *w) {
  char *at = out_room(o, sizeof w->text);
  if (at) {
    memcpy(at, w->text, sizeof w->text);
    o->end += w->length;
  } else {
    out_bytes(o, w->text, w->length);
  }
}

static inline void put_states(struct report *r, const struct model *m) {
  const struct lines *l = (const struct lines *)r;
  for (unsigned e = 0; e < 2; e++)
    put_made(r->out, &l->state[e][m->end[e].state][m->end[e].evidence]);
}

/* The states say it without words where nothing is unusual. */
static bool is_told(const struct report *r, const struct model_change *c) {
  return c->kind == CHANGE_REFUTED || c->kind == CHANGE_STAYED || r->options.verbose;
}

static void put_change(struct report *r, const struct flow *flow, const struct model_change *c) {
  struct out *o = r->out;
  bool refuted = c->kind == CHANGE_REFUTED;
  put_below(o, flow);
  if (refuted) out_text(o, " refutes");
  put_word(o, end_name(c->end));
  put_word(o, tcp_state_name(c->from));
  if (!refuted) {
    put_word(o, arrow(r));
    put_word(o, tcp_state_name(c->to));
    put_word(o, evidence_name(c->evidence));
  }
  out_text(o, ": ");
  text_reason(o, c);
  out_char(o, '\n');
}

static inline void put_changes(struct report *r, const struct flow *flow,
                               const struct model_step *step) {
  for (unsigned i = 0; i < step->n_changes; i++)
    if (is_told(r, &step->changes[i])) put_change(r, flow, &step->changes[i]);
}

static void put_expectations(struct report *r, const struct flow *flow) {
  struct expectation expected[EXPECTATIONS_MAX];
  unsigned n = expectation_list(&flow->model, expected);
  for (unsigned i = 0; i < n; i++) {
    put_below(r->out, flow);
    out_text(r->out, " expects ");
    text_expectation(r->out, &flow->model, &expected[i], r->options.raw);
    out_char(r->out, '\n');
  }
}

static void lines_start(struct report *r, const char *source, const char *filter,
                        const char *kernel_lack) {
  (void)source, (void)filter;
  if (!kernel_lack || *kernel_lack == '\0') return;
  out_text(r->out, "the kernel is ");
  out_printable(r->out, kernel_lack);
  out_char(r->out, '\n');
}

static void lines_segment(struct report *r, const struct report_segment *s) {
  const struct flow *flow = s->flow;
  const struct model *m = &flow->model;
  const struct model_step *step = s->step;
  struct out *o = r->out;
  put_time(r, s->segment->t_us);
  put_number(o, flow);
  out_char(o, ' ');
  text_elapsed(o, step->since_first_fin_us);
  out_text(o, step->from == END_CLIENT ? " client " : " server ");
  put_end(o, flow, step->from);
  out_text(o, r->options.ascii ? " > " : " → ");
  put_end(o, flow, end_other(step->from));
  out_text(o, ": ");
  text_label(o, m, s->segment, step, r->options.raw);
  if (step->new_roles) {
    put_count(o, step->count, step->of);
  } else if (step->again) {
    out_text(o, " again ");
    text_elapsed(o, step->since_copy_us);
  }
  put_states(r, m);
  put_made(o, &((const struct lines *)r)->verdict[step->verdict]);
  if (step->ignored != ACCEPT_YES) {
    put_below(o, flow);
    out_text(o, step->ignored == ACCEPT_LOST ? " " : " ignored by its receiver: ");
    out_text(o, acceptance_reason(step->ignored));
    out_char(o, '\n');
  }
  put_changes(r, flow, step);
  for (unsigned i = 0; i < step->n_findings; i++) {
    put_below(o, flow);
    out_text(o, " finding ");
    text_finding(o, m, &step->findings[i], r->options.raw);
    out_char(o, '\n');
  }
  if (r->options.verbose) put_expectations(r, flow);
}

static void lines_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                          int64_t now_us) {
  struct out *o = r->out;
  if (flow->number == 0) return;
  put_time(r, now_us);
  put_number(o, flow);
  out_char(o, ' ');
  text_elapsed(o, step->since_first_fin_us);
  put_word(o, text_expired(step));
  put_states(r, &flow->model);
  out_char(o, '\n');
  put_changes(r, flow, step);
}

static void lines_kernel(struct report *r, const struct kernel_word *word) {
  const struct model *m = &word->flow->model;
  struct out *o = r->out;
  put_time(r, word->t_us);
  put_number(o, word->flow);
  out_char(o, ' ');
  if (m->roles_seen) {
    text_elapsed(o, word->t_us - m->first_fin_us);
    out_char(o, ' ');
  }
  out_text(o, "kernel: ");
  text_kernel(o, word, arrow(r));
  out_char(o, '\n');
}

static void put_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                        int64_t now_us) {
  struct out *o = r->out;
  char buffer[TEXT_SENTENCE_SIZE];
  unsigned agreed, of;
  put_time(r, now_us);
  put_number(o, flow);
  out_text(o, flow->verdicts > 0 ? " revised-verdict" : " verdict");
  put_word(o, ending_name(v->ending));
  put_word(o, verdict_word(v));
  out_text(o, " closed-first=");
  out_text(o, v->closed_both ? "both" : end_name(v->closed_first));
  put_count(o, v->count, v->of);
  out_text(o, " client=");
  put_end(o, flow, END_CLIENT);
  out_text(o, " server=");
  put_end(o, flow, END_SERVER);
  struct out losses = out_string(buffer, sizeof buffer);
  text_losses(&losses, v);
  if (losses.end > 0) {
    out_text(o, " lost=[");
    out_bytes(o, losses.buffer, losses.end);
    out_char(o, ']');
  }
  if (v->cause != RESET_NONE) {
    out_text(o, " rst=");
    out_text(o, reset_cause_name(v->cause));
  }
  for (int i = 0; i < v->n_findings; i++) {
    out_text(o, " finding=");
    out_text(o, finding_text(v->findings[i].id)->id);
  }
  if (flow->has_text) out_text(o, " found");
  verdict_agreement(v, &agreed, &of);
  if (of > 0) {
    out_text(o, " kernel-agrees=");
    out_unsigned(o, agreed);
    out_char(o, '/');
    out_unsigned(o, of);
  }
  out_text(o, ": ");
  out_printable(o, text_sentence(flow, v, now_us, buffer));
  out_char(o, '\n');
}

static void lines_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                          int64_t now_us) {
  const struct model *m = &flow->model;
  char buffer[TEXT_SIZE];
  struct out sockets = out_string(buffer, sizeof buffer);
  if (v->ending == ENDING_OPEN && v->n_findings == 0) return;
  if (!only_passes(r->options.only, v)) return;
  put_verdict(r, flow, v, now_us);
  if (r->options.quiet == REPORT_VERDICTS) return;
  text_sockets(&sockets, flow->kernel, now_us);
  if (sockets.end > 0) {
    put_below(r->out, flow);
    out_text(r->out, " kernel: ");
    out_printable(r->out, out_text_of(&sockets));
    out_char(r->out, '\n');
  }
  int64_t deadline = connection_deadline_us(m);
  if (r->options.live && !r->options.wait && deadline != INT64_MAX && deadline > now_us)
    out_printf(r->out, "  #%u not waited for: %.0f s of TIME_WAIT, then CLOSED; see --wait\n",
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
  out_printf(r->out, "  #%u TIME_WAIT %lld s left%s\n", flow->number, (long long)left_s,
             by_kernel ? " (kernel)" : "");
}

/* Once is enough, however many are stuck. */
static void put_remedies(struct lines *l, const struct verdict *v) {
  for (unsigned i = 0; i < v->n_findings; i++) {
    const struct finding_text *text = finding_text(v->findings[i].id);
    if (text->severity != FINDING_STUCK || l->explained[v->findings[i].id]) continue;
    l->explained[v->findings[i].id] = true;
    struct out *o = l->base.out;
    out_text(o, "  ");
    out_text(o, text->id);
    out_text(o, ": ");
    out_text(o, text->cause);
    out_char(o, ' ');
    out_text(o, text->remedy);
    out_char(o, '\n');
  }
}

static void lines_stuck(struct report *r, const struct flow *flow, const struct verdict *v,
                        int64_t waits_us, int64_t now_us) {
  struct out *o = r->out;
  char buffer[TEXT_SENTENCE_SIZE];
  (void)waits_us;
  if (!only_passes(r->options.only, v)) return;
  put_time(r, now_us);
  put_number(o, flow);
  out_text(o, v->only_half_closed ? " waits" : " stuck");
  for (unsigned e = 0; e < 2; e++) {
    put_word(o, end_name(e));
    out_char(o, '=');
    put_end(o, flow, e);
  }
  out_text(o, ": ");
  out_printable(o, text_sentence(flow, v, now_us, buffer));
  out_char(o, '\n');
  put_remedies((struct lines *)r, v);
}

static void lines_inventory(struct report *r, const struct kernel_inventory *in, int64_t now_us) {
  char buffer[2 * TEXT_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  text_inventory(&text, in);
  if (text.end == 0) return;
  put_time(r, now_us);
  out_text(r->out, out_text_of(&text));
  out_char(r->out, '\n');
  for (uint32_t i = 0; i < in->n_groups; i++) {
    text = out_string(buffer, sizeof buffer);
    text_inventory_group(&text, &in->group[i]);
    out_text(r->out, "  ");
    out_text(r->out, out_text_of(&text));
    out_char(r->out, '\n');
  }
}

static void lines_destroy(struct report *r) { free(r); }

struct report *report_lines_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .takes_retold = true,
      .start = lines_start,
      .segment = lines_segment,
      .expired = lines_expired,
      .kernel = lines_kernel,
      .verdict = lines_verdict,
      .countdown = lines_countdown,
      .stuck = lines_stuck,
      .inventory = lines_inventory,
      .destroy = lines_destroy,
  };
  struct lines *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->base = (struct report){&class, out, *options};
  make_words(l);
  return &l->base;
}
