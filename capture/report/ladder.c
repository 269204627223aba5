/* The ladder: one block a connection, the client's states on the left, the server's on the right.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/report/report.h"

enum { COLUMNS_MIN = 60, COLUMNS_WITH_CLOCK = 96, ARROW_MAX = 40, LINE_SIZE = 512 };

struct ladder {
  struct report base;
  uint32_t last_number;   /* of the connection that the previous line belongs to */
  uint32_t titled_number; /* of the connection whose title was printed before its first segment */
  int64_t shown_s;        /* by the countdown */
  bool explained[FINDING_COUNT]; /* the remedy was given */
  bool counting_down;            /* the cursor stands on a countdown line */
  unsigned time_width, state_width, arrow_width;
  unsigned clock_width; /* 0: the terminal is too narrow for it */
  bool narrow;
};

/* What is drawn, in both forms. The ASCII form loses nothing but looks. */
struct glyphs {
  const char *line, *right, *left, *presumed, *confirmed, *refuted, *dot, *note, *full, *empty, *to,
      *times;
};
static const struct glyphs utf8 = {"─", "▶", "◀", "?", "✓", "✗", "·", "└", "▓", "░", "→", "×"};
static const struct glyphs ascii = {"-", ">", "<", "?", "+", "!", "|", "`", "#", ".", "->", "x"};

static const struct glyphs *glyphs_of(const struct ladder *l) {
  return l->base.options.ascii ? &ascii : &utf8;
}

/* Columns that a UTF-8 text takes: every octet that begins a character. */
static unsigned width_of(const char *text) {
  unsigned n = 0;
  for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
  return n;
}

static void spaces(struct out *out, size_t n) {
  while (n-- > 0) out_char(out, ' ');
}

static void pad(struct out *out, const char *text, unsigned width, bool right_aligned) {
  unsigned have = width_of(text);
  size_t room = have < width ? width - have : 0;
  if (right_aligned) spaces(out, room);
  out_text(out, text);
  if (!right_aligned) spaces(out, room);
}

static void repeat(struct out *out, const char *glyph, int n) {
  while (n-- > 0) out_text(out, glyph);
}

static void color(const struct ladder *l, const char *code) {
  if (l->base.options.color) out_printf(l->base.out, "\033[%sm", code);
}

/* Prints words wrapped to the terminal, each line behind `indent` columns; the first line has
 * `lead` in the last of them. */
static void print_wrapped(const struct ladder *l, unsigned indent, const char *lead,
                          const char *text) {
  struct out *out = l->base.out;
  unsigned columns = l->base.options.columns, at = indent;
  spaces(out, indent - width_of(lead));
  out_text(out, lead);
  while (*text) {
    size_t length = strcspn(text, " ");
    char raw[TEXT_SIZE], buffer[4 * TEXT_SIZE];
    struct out word = out_string(buffer, sizeof buffer);
    snprintf(raw, sizeof raw, "%.*s", (int)length, text);
    out_printable(&word, raw);
    unsigned width = width_of(out_text_of(&word));
    if (at > indent && at + 1 + width > columns) {
      out_char(out, '\n');
      spaces(out, indent);
      at = indent;
    }
    if (at > indent) {
      out_char(out, ' ');
      at++;
    }
    out_bytes(out, word.buffer, word.end);
    at += width;
    text += length + (text[length] == ' ');
  }
  out_char(out, '\n');
}

__attribute__((format(printf, 2, 3))) static void note(const struct ladder *l, const char *format,
                                                       ...) {
  char text[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  char lead[8];
  snprintf(lead, sizeof lead, "%s ", glyphs_of(l)->note);
  color(l, "2");
  print_wrapped(l, l->clock_width + l->time_width + 2, lead, text);
  color(l, "0");
}

static void end_countdown(struct ladder *l) {
  if (l->counting_down) out_text(l->base.out, "\r\033[K");
  l->counting_down = false;
}

static void put_time_of_day(struct out *out, int64_t t_us) {
  struct text_clock of_day = {.form = TEXT_TIME_OF_DAY};
  text_time(out, &of_day, t_us);
}

static void time_columns(struct ladder *l, int64_t t_us, bool with_elapsed, int64_t elapsed_us) {
  char buffer[TEXT_SIZE];
  if (l->clock_width > 0) {
    struct out clock = out_string(buffer, sizeof buffer);
    text_time(&clock, &l->base.options.clock, t_us);
    pad(l->base.out, out_text_of(&clock), l->clock_width, false);
  }
  struct out elapsed = out_string(buffer, sizeof buffer);
  if (with_elapsed) text_elapsed(&elapsed, elapsed_us);
  pad(l->base.out, out_text_of(&elapsed), l->time_width - 1, true);
  out_char(l->base.out, ' ');
}

static void state_column(struct ladder *l, uint8_t state, const char *mark, bool is_last) {
  char text[32];
  snprintf(text, sizeof text, "%s%s%s", tcp_state_name(state), *mark ? " " : "", mark);
  if (width_of(text) > l->state_width)
    snprintf(text, sizeof text, "%s%s", tcp_state_name(state), mark);
  pad(l->base.out, text, is_last ? 0 : l->state_width, false);
}

static void title(struct ladder *l, const struct flow *flow) {
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE], line[LINE_SIZE];
  if (l->titled_number == flow->number) return;
  l->titled_number = flow->number;
  out_printf(l->base.out, "\n");
  color(l, "1");
  snprintf(line, sizeof line, "#%u client %s %s server %s", flow->number,
           flow_end_name(flow, END_CLIENT, client), glyphs_of(l)->to,
           flow_end_name(flow, END_SERVER, server));
  print_wrapped(l, 4, "", line);
  color(l, "0");
}

static void header(struct ladder *l, const struct report_segment *s) {
  struct out *out = l->base.out;
  const struct flow *flow = s->flow;
  const struct model *m = &flow->model;
  char line[LINE_SIZE];
  title(l, flow);
  if (m->first_closer != END_NONE) {
    enum end first = m->first_closer, second = end_other(first);
    uint32_t u = connection_u(m), w = connection_w(m);
    struct out text = out_string(line, sizeof line);
    out_printf(&text, "u=%u (raw %u), FIN of %s at ", u - m->end[first].first_seq, u,
               end_name(first));
    put_time_of_day(&text, m->first_fin_us);
    out_printf(&text, "; w=%u (raw %u) if %s sends no more data",
               m->end[second].has_seq ? w - m->end[second].first_seq : 0, w, end_name(second));
    out_text_of(&text);
    print_wrapped(l, 4, "", line);
  }
  pad(out, "", l->clock_width + l->time_width, false);
  pad(out, "client", l->state_width + l->arrow_width + 2, false);
  out_printf(out, "server\n");
  pad(out, "", l->clock_width + l->time_width, false);
  state_column(l, s->state_before[END_CLIENT],
               s->evidence_before[END_CLIENT] == EVIDENCE_PRESUMED ? glyphs_of(l)->presumed : "",
               false);
  pad(out, "", l->arrow_width + 2, false);
  state_column(l, s->state_before[END_SERVER],
               s->evidence_before[END_SERVER] == EVIDENCE_PRESUMED ? glyphs_of(l)->presumed : "",
               true);
  out_char(out, '\n');
}

static void arrow(struct ladder *l, enum end from, const char *label, const char *paint) {
  const struct glyphs *g = glyphs_of(l);
  struct out *out = l->base.out;
  int free_columns = (int)l->arrow_width - (int)width_of(label) - 3;
  int near = free_columns > 6 ? 3 : free_columns / 2, far = free_columns - near;
  if (near < 0) near = 0;
  if (far < 0) far = 0;
  color(l, paint);
  if (from == END_CLIENT) {
    repeat(out, g->line, near);
    out_printf(out, " %s ", label);
    repeat(out, g->line, far);
    out_text(out, g->right);
  } else {
    out_text(out, g->left);
    repeat(out, g->line, near);
    out_printf(out, " %s ", label);
    repeat(out, g->line, far);
  }
  color(l, "0");
}

/* How sure the state after this segment is: presumed, or confirmed or refuted by this very one. */
static const char *mark_of(const struct ladder *l, const struct report_segment *s, enum end e) {
  const struct glyphs *g = glyphs_of(l);
  const char *now = s->flow->model.end[e].evidence == EVIDENCE_PRESUMED ? g->presumed : "";
  const char *mark = now;
  for (unsigned i = 0; i < s->step->n_changes; i++) {
    const struct model_change *c = &s->step->changes[i];
    if (c->end != e) continue;
    switch ((enum change_kind)c->kind) {
      case CHANGE_MOVED: mark = now; break;
      case CHANGE_STAYED: break;
      case CHANGE_CONFIRMED: mark = c->evidence == EVIDENCE_SEEN ? g->confirmed : now; break;
      case CHANGE_REFUTED: mark = g->refuted; break;
    }
  }
  return mark;
}

static void row(struct ladder *l, const struct report_segment *s) {
  const struct model *m = &s->flow->model;
  const struct model_step *step = s->step;
  char buffer[TEXT_SIZE], count[16] = "";
  struct out label = out_string(buffer, sizeof buffer);
  text_label(&label, m, s->segment, step, l->base.options.raw);
  time_columns(l, s->segment->t_us, true, step->since_first_fin_us);
  state_column(l, m->end[END_CLIENT].state, mark_of(l, s, END_CLIENT), false);
  out_char(l->base.out, ' ');
  bool fin = step->roles & (ROLE_FIN1 | ROLE_FIN2);
  arrow(l, step->from, out_text_of(&label),
        step->roles & ROLE_RST         ? "31"
        : fin                          ? "33"
        : step->roles & ROLES_OF_CLOSE ? "32"
                                       : "2");
  out_char(l->base.out, ' ');
  if (step->new_roles) snprintf(count, sizeof count, " %u/%u", step->count, step->of);
  if (!step->new_roles && step->roles & ROLES_OF_CLOSE && !l->narrow)
    snprintf(count, sizeof count, " again");
  state_column(l, m->end[END_SERVER].state, mark_of(l, s, END_SERVER), *count == '\0');
  out_printf(l->base.out, "%s\n", count);
}

/* The place of a repeated role in the count: FIN1 1/4, ACK1 2/4, FIN2 3/4, the final ACK 4/4. */
static unsigned place_of(const struct model *m, unsigned roles) {
  if (m->coalesced) return roles & ROLE_FIN1 ? 1 : roles & ROLE_ACK2 ? 3 : 2;
  if (roles & ROLE_FIN2) return m->crossed ? 2 : 3;
  if (roles & ROLE_FIN1) return 1;
  if (roles & ROLE_ACK1) return m->crossed ? 3 : 2;
  return 4;
}

static void notes_on_repetition(struct ladder *l, const struct report_segment *s) {
  const struct model_step *step = s->step;
  char buffer[TEXT_SIZE];
  struct out elapsed = out_string(buffer, sizeof buffer);
  if (step->again == 0) return;
  text_elapsed(&elapsed, step->since_copy_us);
  bool fin = step->roles & (ROLE_FIN1 | ROLE_FIN2);
  note(l, "%u/%u again, %s after the copy before it: %s", place_of(&s->flow->model, step->roles),
       step->of, out_text_of(&elapsed),
       fin                           ? "no ACK of it arrived in time (tail loss probe or RTO)"
       : step->verdict == STEP_STALE ? "no FIN asked for it: a duplicate, or a challenge ACK"
                                     : "the answer to the repeated FIN");
}

static void notes_on_changes(struct ladder *l, const struct report_segment *s) {
  for (unsigned i = 0; i < s->step->n_changes; i++) {
    const struct model_change *c = &s->step->changes[i];
    char buffer[TEXT_SIZE];
    struct out text = out_string(buffer, sizeof buffer);
    text_reason(&text, c);
    const char *reason = out_text_of(&text);
    if (c->kind == CHANGE_REFUTED)
      note(l, "refutes %s of %s: %s", tcp_state_name(c->from), end_name(c->end), reason);
    else if (c->kind == CHANGE_STAYED)
      note(l, "%s: %s", end_name(c->end), reason);
    else if (l->base.options.verbose)
      note(l, "%s %s %s %s %s: %s", end_name(c->end), tcp_state_name(c->from), glyphs_of(l)->to,
           tcp_state_name(c->to), evidence_name(c->evidence), reason);
  }
}

static bool enters_time_wait(const struct model_step *step, enum end e) {
  for (unsigned i = 0; i < step->n_changes; i++)
    if (step->changes[i].end == e && step->changes[i].kind == CHANGE_MOVED &&
        step->changes[i].to == TCPS_TIME_WAIT)
      return true;
  return false;
}

static void notes_on_phase(struct ladder *l, const struct report_segment *s) {
  const struct model *m = &s->flow->model;
  if (m->first_closer == END_NONE) return;
  enum end first = m->first_closer, second = end_other(first);
  const struct endpoint *last = &m->end[second];
  unsigned fresh = s->step->new_roles;
  bool both_now = (fresh & ROLE_ACK1) && (fresh & ROLE_FIN2);
  if ((fresh & ROLE_ACK1) && !both_now && !(m->roles_seen & ROLE_FIN2))
    note(l, "half-closed: %s can still send to %s", end_name(second), end_name(first));
  if ((fresh & ROLE_FIN2) && (m->roles_seen & ROLE_ACK1) && !both_now) {
    char moved[64] = "";
    if (last->half_close_bytes > 0)
      snprintf(moved, sizeof moved, ", so w=%u (raw %u)", last->fin_seq - last->first_seq,
               last->fin_seq);
    note(l, "half-closed for %.1f ms: %s sent %u bytes%s",
         (double)(s->segment->t_us - m->fin[0].acked_us) / 1e3, end_name(second),
         last->half_close_bytes, moved);
  }
  if (both_now) note(l, "one segment is both the ACK of FIN u and FIN w: three segments, not four");
  if ((fresh & ROLE_FIN2) && m->crossed)
    note(l, "it does not acknowledge u+1: the FINs crossed (simultaneous close)");
  if (s->step->short_of_fin) note(l, "it acknowledges everything but the FIN");
  for (unsigned i = 0; i < 2; i++) {
    if (m->end[i].state != TCPS_TIME_WAIT) continue;
    bool begins = m->crossed ? enters_time_wait(s->step, i) : (fresh & ROLE_ACK2) && i == first;
    bool restarted = !fresh && (s->step->roles & ROLE_ACK2) && m->time_wait_restarted;
    if (!begins && !restarted) continue;
    char buffer[TEXT_SIZE];
    struct out until = out_string(buffer, sizeof buffer);
    put_time_of_day(&until, m->time_wait_us[i] + m->two_msl_us);
    note(l, "%s lingers in TIME_WAIT: 2 MSL = %.0f s%s, until %.8s", end_name(i),
         (double)m->two_msl_us / 1e6, m->fin[1].copies > 1 ? " from the repeated FIN on" : "",
         out_text_of(&until));
  }
}

static void notes_on_expectations(struct ladder *l, const struct report_segment *s) {
  if (!l->base.options.verbose) return;
  struct expectation expected[EXPECTATIONS_MAX];
  char buffer[LINE_SIZE];
  struct out line = out_string(buffer, sizeof buffer);
  unsigned n = expectation_list(&s->flow->model, expected);
  for (unsigned i = 0; i < n; i++) {
    if (i > 0) out_text(&line, ", or ");
    text_expectation(&line, &s->flow->model, &expected[i], l->base.options.raw);
  }
  if (n > 0) note(l, "expects: %s", out_text_of(&line));
}

static void ladder_start(struct report *report, const char *source, const char *filter,
                         const char *kernel_lack) {
  struct ladder *l = (struct ladder *)report;
  char line[LINE_SIZE];
  (void)source, (void)filter;
  if (!kernel_lack || *kernel_lack == '\0') return;
  snprintf(line, sizeof line, "the kernel is %s", kernel_lack);
  color(l, "2");
  print_wrapped(l, 0, "", line);
  color(l, "0");
}

static void ladder_segment(struct report *report, const struct report_segment *s) {
  struct ladder *l = (struct ladder *)report;
  end_countdown(l);
  bool first =
      __builtin_popcount(s->flow->model.roles_seen) == __builtin_popcount(s->step->new_roles) &&
      s->flow->verdicts == 0 && (s->step->new_roles || s->step->roles & ROLE_RST);
  if (first)
    header(l, s);
  else if (l->last_number != s->flow->number)
    out_printf(report->out, "#%u, continued\n", s->flow->number);
  l->last_number = s->flow->number;
  row(l, s);
  if (s->step->ignored != ACCEPT_YES)
    note(l, "ignored by its receiver: %s", acceptance_reason(s->step->ignored));
  notes_on_repetition(l, s);
  notes_on_changes(l, s);
  notes_on_phase(l, s);
  for (unsigned i = 0; i < s->step->n_findings; i++) {
    char buffer[TEXT_SIZE];
    struct out text = out_string(buffer, sizeof buffer);
    text_finding(&text, &s->flow->model, &s->step->findings[i], report->options.raw);
    note(l, "%s", out_text_of(&text));
  }
  notes_on_expectations(l, s);
}

static void ladder_expired(struct report *report, const struct flow *flow,
                           const struct model_step *step, int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  end_countdown(l);
  if (l->last_number != flow->number) out_printf(report->out, "#%u, continued\n", flow->number);
  l->last_number = flow->number;
  const struct model *m = &flow->model;
  time_columns(l, now_us, true, step->since_first_fin_us);
  for (unsigned e = 0; e < 2; e++) {
    const char *mark = m->end[e].evidence == EVIDENCE_PRESUMED ? glyphs_of(l)->presumed : "";
    state_column(l, m->end[e].state, mark, e == END_SERVER);
    if (e == END_CLIENT) pad(report->out, "", l->arrow_width + 2, false);
  }
  out_char(report->out, '\n');
  for (unsigned i = 0; i < step->n_changes; i++) {
    const struct model_change *c = &step->changes[i];
    char buffer[TEXT_SIZE];
    struct out reason = out_string(buffer, sizeof buffer);
    text_reason(&reason, c);
    note(l, "%s %s %s %s, %s: %s", end_name(c->end), tcp_state_name(c->from), glyphs_of(l)->to,
         tcp_state_name(c->to), evidence_name(c->evidence), out_text_of(&reason));
  }
}

static void ladder_kernel(struct report *report, const struct kernel_word *word) {
  struct ladder *l = (struct ladder *)report;
  const struct flow *flow = word->flow;
  const struct model *m = &flow->model;
  end_countdown(l);
  if (!m->roles_seen && !m->rst.t_us)
    title(l, flow);
  else if (l->last_number != flow->number)
    out_printf(report->out, "#%u, continued\n", flow->number);
  l->last_number = flow->number;
  color(l, "36");
  time_columns(l, word->t_us, m->roles_seen, word->t_us - m->first_fin_us);
  const char *who = word->restarted ? "kernel, asked: restarted"
                    : word->asked   ? "kernel, asked"
                                    : "kernel";
  if (word->kind != KERNEL_EVENT_STATE) {
    out_text(report->out, "kernel: ");
    text_kernel(report->out, word, glyphs_of(l)->to);
  } else if (word->end == END_CLIENT) {
    state_column(l, word->to, "", false);
    out_printf(report->out, " %s", who);
  } else {
    pad(report->out, "", l->state_width, false);
    pad(report->out, who, l->arrow_width + 1, true);
    out_char(report->out, ' ');
    state_column(l, word->to, "", true);
  }
  color(l, "0");
  out_char(report->out, '\n');
}

static void ladder_verdict(struct report *report, const struct flow *flow, const struct verdict *v,
                           int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  const struct model *m = &flow->model;
  if (v->ending == ENDING_OPEN && v->n_findings == 0) return;
  end_countdown(l);
  char buffer[LINE_SIZE], part[TEXT_SIZE], sentence[TEXT_SENTENCE_SIZE];
  const char *dot = glyphs_of(l)->dot;
  struct out line = out_string(buffer, sizeof buffer);
  struct out losses = out_string(part, sizeof part);
  out_printf(&line, "%s#%u %s", flow->verdicts > 0 ? "revised: " : "", flow->number,
             ending_name(v->ending));
  if (m->roles_seen)
    out_printf(&line, " %s %s closed first %s %u/%u", dot,
               v->closed_both ? "both" : end_name(v->closed_first), dot, v->count, v->of);
  text_losses(&losses, v);
  if (losses.end > 0) out_printf(&line, " %s lost: %s", dot, out_text_of(&losses));
  if (v->cause != RESET_NONE) out_printf(&line, " %s RST: %s", dot, reset_cause_name(v->cause));
  out_printf(&line, " %s %s", dot, conformity_name(v->conformity));
  unsigned agreed, of;
  verdict_agreement(v, &agreed, &of);
  if (of > 0) out_printf(&line, " %s kernel agrees %u/%u", dot, agreed, of);
  bool stuck = false;
  for (int i = 0; i < v->n_findings; i++)
    stuck = stuck || finding_text(v->findings[i].id)->severity == FINDING_STUCK;
  color(l, v->conformity == VIOLATES || stuck ? "1;31"
           : v->conformity == CONFORMS        ? "1;32"
                                              : "1;33");
  print_wrapped(l, 2, "", out_text_of(&line));
  color(l, "0");
  text_sentence(flow, v, now_us, sentence);
  print_wrapped(l, 4, "", sentence);
  struct out sockets = out_string(part, sizeof part);
  text_sockets(&sockets, flow->kernel, now_us);
  if (sockets.end > 0) {
    snprintf(buffer, sizeof buffer, "the kernel now: %s", out_text_of(&sockets));
    print_wrapped(l, 4, "", buffer);
  }
  for (int i = m->n_findings; i < v->n_findings; i++) {
    const struct finding_text *f = finding_text(v->findings[i].id);
    snprintf(buffer, sizeof buffer, "%s (%s, %s): %s %s", f->id, finding_severity_name(f->severity),
             f->clause, f->cause, f->remedy);
    print_wrapped(l, 4, "", buffer);
  }
  int64_t deadline = connection_deadline_us(m);
  if (report->options.live && !report->options.wait && deadline != INT64_MAX && deadline > now_us) {
    snprintf(buffer, sizeof buffer,
             "not waited for: %.0f s of TIME_WAIT are left, then CLOSED; --wait shows them",
             (double)(deadline - now_us) / 1e6);
    print_wrapped(l, 4, "", buffer);
  }
}

static void ladder_countdown(struct report *report, const struct flow *flow, int64_t left_us,
                             int64_t total_us, bool by_kernel) {
  enum { CELLS = 20 };
  struct ladder *l = (struct ladder *)report;
  int full = total_us > 0 ? (int)(left_us * CELLS / total_us) : 0;
  if (full > CELLS) full = CELLS;
  int64_t left_s = (left_us + 999999) / 1000000;
  if (!report->options.terminal || (l->counting_down && left_s == l->shown_s)) return;
  l->shown_s = left_s;
  end_countdown(l);
  out_printf(report->out, "  #%u TIME_WAIT 2 MSL ", flow->number);
  repeat(report->out, glyphs_of(l)->full, full);
  repeat(report->out, glyphs_of(l)->empty, CELLS - full);
  out_printf(report->out, " %lld s left%s", (long long)left_s, by_kernel ? " (kernel)" : "");
  l->counting_down = true;
}

static void ladder_summary(struct report *report, const struct report_summary *summary) {
  struct ladder *l = (struct ladder *)report;
  (void)summary;
  end_countdown(l);
}

static void ladder_stuck(struct report *report, const struct flow *flow, const struct verdict *v,
                         int64_t waits_us, int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  char buffer[LINE_SIZE], sentence[TEXT_SENTENCE_SIZE];
  (void)waits_us;
  end_countdown(l);
  if (l->last_number != flow->number) out_printf(report->out, "#%u, continued\n", flow->number);
  l->last_number = flow->number;
  color(l, "1;31");
  snprintf(buffer, sizeof buffer, "#%u %s", flow->number, v->only_half_closed ? "waits" : "stuck");
  print_wrapped(l, 2, "", buffer);
  color(l, "0");
  print_wrapped(l, 4, "", text_sentence(flow, v, now_us, sentence));
  for (unsigned i = 0; i < v->n_findings; i++) {
    const struct finding_text *f = finding_text(v->findings[i].id);
    if (f->severity != FINDING_STUCK || l->explained[v->findings[i].id]) continue;
    l->explained[v->findings[i].id] = true;
    snprintf(buffer, sizeof buffer, "%s: %s %s", f->id, f->cause, f->remedy);
    print_wrapped(l, 4, "", buffer);
  }
}

static void ladder_inventory(struct report *report, const struct kernel_inventory *in,
                             int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  char buffer[LINE_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  (void)now_us;
  text_inventory(&text, in);
  if (text.end > 0) print_wrapped(l, 2, "", out_text_of(&text));
  for (uint32_t i = 0; i < in->n_groups; i++) {
    text = out_string(buffer, sizeof buffer);
    text_inventory_group(&text, &in->group[i]);
    print_wrapped(l, 4, "", out_text_of(&text));
  }
}

static void ladder_destroy(struct report *report) { free(report); }

static unsigned clock_width(enum text_time form) {
  switch (form) {
    case TEXT_TIME_NONE: return 0;
    case TEXT_TIME_OF_DAY:
    case TEXT_TIME_DELTA:
    case TEXT_TIME_FIRST: return 16;
    case TEXT_TIME_EPOCH: return 18;
    case TEXT_TIME_DATE: return 27;
  }
  return 0;
}

struct report *report_ladder_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      ladder_start,     ladder_segment, ladder_expired, ladder_kernel,    ladder_verdict,
      ladder_countdown, ladder_summary, ladder_stuck,   ladder_inventory, ladder_destroy,
  };
  struct ladder *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->base = (struct report){&class, out, *options};
  unsigned columns = options->columns < COLUMNS_MIN ? COLUMNS_MIN : options->columns;
  l->base.options.columns = columns;
  l->narrow = columns < 76;
  if (columns >= COLUMNS_WITH_CLOCK) l->clock_width = clock_width(options->clock.form);
  l->time_width = l->narrow ? 10 : 12;
  l->state_width = l->narrow ? 12 : 13;
  unsigned count_width = l->narrow ? 4 : 6;
  unsigned used = l->clock_width + l->time_width + 2 * l->state_width + 2 + count_width;
  l->arrow_width = columns > used ? columns - used : 0;
  if (l->arrow_width > ARROW_MAX) l->arrow_width = ARROW_MAX;
  return &l->base;
}
