#include "capture/report/ladder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Titles --------------------------------------------------------------------------------- */

void ladder_title(struct ladder *l, struct block *b, const struct flow *flow, int64_t t_us,
                  const char *what) {
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE], line[LADDER_LINE_SIZE];
  if (b->titled) return;
  b->titled = true;
  b->begun_us = t_us -= l->base.options.margin ? LADDER_LEAD_US : 0;
  /* Of a file, the row of its SYN and its title are one; live, they are where nothing came between
   * (ladder_terminal.c). */
  bool opens = l->apart && flow->is_opened && flow->verdicts == 0;
  snprintf(line, sizeof line, "#%u %s%s %s %s%s%s", flow->number, opens ? "open " : "",
           flow_end_name(flow, END_CLIENT, client), draw_glyph(&l->draw, DRAW_TO),
           flow_end_name(flow, END_SERVER, server), flow->has_text ? ", found" : "", what);
  ladder_add(l, b, PIECE_TITLE, t_us, line);
}

static void set_taps(struct draw_row *row, const struct report_segment *s) {
  row->from = s->step->from;
  row->seen = s->segment->seen;
  row->tap = s->segment->tap;
  row->is_lost = s->segment->is_lost;
}

/* The first segment of a close: who is who, and what both ends were in. */
static void header(struct ladder *l, struct block *b, const struct report_segment *s) {
  const struct model *m = &s->flow->model;
  int64_t t_us = b->begun_us;
  char line[LADDER_LINE_SIZE];
  b->zero_us = s->segment->t_us - s->step->since_first_fin_us;
  if (l->base.options.margin) ladder_name_block(l, b, s->flow);
  if (l->base.options.verbose && m->first_closer != END_NONE) {
    enum end first = m->first_closer, second = end_other(first);
    uint32_t u = connection_u(m), w = connection_w(m);
    snprintf(line, sizeof line, "u=%u (raw %u); w=%u (raw %u) if %s sends no more data",
             u - m->end[first].first_seq, u,
             m->end[second].has_seq ? w - m->end[second].first_seq : 0, w, end_name(second));
    ladder_add(l, b, PIECE_SENTENCE, t_us, line);
  }
  struct piece *p = ladder_add(l, b, PIECE_HEADER, t_us, "");
  if (p) set_taps(&p->row, s);
  p = ladder_add(l, b, PIECE_ROW, t_us, "");
  if (!p) return;
  p->row.what = DRAW_STATES;
  for (unsigned e = 0; e < 2; e++) {
    p->row.end[e] = (struct draw_end){
        .state = s->state_before[e],
        .mark = s->evidence_before[e] == EVIDENCE_PRESUMED ? DRAW_PRESUMED : DRAW_PLAIN,
        .named = true};
    /* CLOSED answers a SYN with RST; who listens does not (RFC 9293, 3.10.7.1 and 3.10.7.2). */
    if (m->rst.refused && e == m->rst.from) {
      p->row.end[e].state = TCPS_CLOSED;
      p->row.end[e].mark = DRAW_PLAIN;
    }
    b->shown[e] = p->row.end[e];
  }
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* What is known of an end's state after this segment: presumed, or proved or refuted by it. */
static enum draw_mark mark_of(const struct report_segment *s, enum end e) {
  enum draw_mark now =
      s->flow->model.end[e].evidence == EVIDENCE_PRESUMED ? DRAW_PRESUMED : DRAW_PLAIN;
  enum draw_mark mark = now;
  for (unsigned i = 0; i < s->step->n_changes; i++) {
    const struct model_change *c = &s->step->changes[i];
    if (c->end != e) continue;
    switch (c->kind) {
      case CHANGE_MOVED: mark = now; break;
      case CHANGE_STAYED: break;
      case CHANGE_CONFIRMED: mark = c->evidence == EVIDENCE_SEEN ? DRAW_PROVED : now; break;
      case CHANGE_REFUTED: mark = s->flow->model.rst.refused ? now : DRAW_REFUTED; break;
    }
  }
  return mark;
}

/* A state is written where it changes, or what is known of it does. */
static void set_states(struct block *b, struct draw_row *row, const struct draw_end now[2]) {
  for (unsigned e = 0; e < 2; e++) {
    struct draw_end *shown = &b->shown[e];
    row->end[e] = now[e];
    bool again = now[e].state == shown->state && now[e].mark != DRAW_REFUTED &&
                 (now[e].mark == shown->mark || now[e].mark == DRAW_PLAIN);
    row->end[e].named = !again;
    if (!again) *shown = now[e];
    b->passed[e] |= (uint16_t)(1U << now[e].state);
  }
}

static bool is_same_word(const struct piece *word, const struct piece *p, unsigned e) {
  return word->kind == PIECE_KERNEL && word->number == p->number && word->row.end[e].named &&
         p->row.end[e].named && word->row.end[e].state == p->row.end[e].state;
}

/* Words of the kernel that said so before the segment did: the row has its mark instead. */
static void absorb_words(struct ladder *l, struct block *b, struct piece *p) {
  struct queue *q = ladder_queue_of(l, b);
  if (l->base.options.kernel_lines) return;
  q->last = NULL;
  for (struct piece **at = &q->first; *at;) {
    struct piece *word = *at;
    bool same[2] = {is_same_word(word, p, 0), is_same_word(word, p, 1)};
    for (unsigned e = 0; e < 2; e++)
      if (same[e]) p->row.end[e].kernel = true;
    if (!same[0] && !same[1]) {
      q->last = word;
      at = &word->next;
      continue;
    }
    *at = word->next;
    free(word);
  }
}

/* The row of data that waits, if this is more of the same. */
static struct piece *data_before(struct ladder *l, struct block *b,
                                 const struct report_segment *s) {
  struct piece *last = ladder_newest(l, b);
  bool more = last && last->kind == PIECE_ROW && last->segments > 0 && s->step->in_half_close &&
              s->step->n_findings == 0 && last->row.from == s->step->from;
  return more ? last : NULL;
}

static void label_data(struct draw_row *row, uint32_t octets, uint32_t segments) {
  snprintf(row->label, sizeof row->label, "%u B in %u segments", octets, segments);
}

static void count_of(const struct draw *d, const struct report_segment *s,
                     char count[static DRAW_COUNT_SIZE]) {
  const struct model_step *step = s->step;
  count[0] = '\0';
  if (step->new_roles & ROLES_OF_CLOSE)
    snprintf(count, DRAW_COUNT_SIZE, "%u/%u", step->count, step->of);
  else if (step->roles & ROLES_OF_CLOSE && step->again > 0)
    snprintf(count, DRAW_COUNT_SIZE, "%s%u", draw_glyph(d, DRAW_TIMES), step->again + 1);
  else if (step->roles & ROLE_RST)
    snprintf(count, DRAW_COUNT_SIZE, "RST");
}

static void row(struct ladder *l, struct block *b, const struct report_segment *s) {
  const struct model *m = &s->flow->model;
  int64_t t_us = s->segment->t_us;
  struct piece *p = data_before(l, b, s);
  if (p) {
    p->octets += s->segment->payload_bytes;
    p->segments++;
    label_data(&p->row, p->octets, p->segments);
    return;
  }
  p = ladder_add(l, b, PIECE_ROW, t_us, "");
  if (!p) return;
  char buffer[TEXT_SIZE];
  struct out label = out_string(buffer, sizeof buffer);
  text_label(&label, m, s->segment, s->step, l->base.options.raw);
  snprintf(p->row.label, sizeof p->row.label, "%s", out_text_of(&label));
  p->row.t_us = t_us;
  p->row.elapsed_us = s->step->since_first_fin_us;
  p->row.has_time = true;
  p->row.what = s->step->roles & ROLE_RST ? DRAW_RST : DRAW_ARROW;
  set_taps(&p->row, s);
  count_of(&l->draw, s, p->row.count);
  if (s->step->in_half_close && !(s->step->roles & ROLES_OF_CLOSE)) {
    p->octets = s->segment->payload_bytes;
    p->segments = 1;
  }
  struct draw_end now[2];
  for (unsigned e = 0; e < 2; e++)
    now[e] = (struct draw_end){.state = m->end[e].state, .mark = mark_of(s, e)};
  set_states(b, &p->row, now);
  absorb_words(l, b, p);
}

/* Lost before it was seen: drawn where the repetition reveals it. */
static void stubs(struct ladder *l, struct block *b, const struct report_segment *s,
                  const struct ladder_loss lost[], unsigned n) {
  int64_t t_us = s->segment->t_us;
  for (unsigned i = 0; i < n; i++) {
    if (!lost[i].is_drawn) continue;
    struct piece *p = ladder_add(l, b, PIECE_ROW, t_us, "");
    if (!p) return;
    p->row.what = DRAW_LOST;
    p->row.from = lost[i].from;
    snprintf(p->row.label, sizeof p->row.label, "%s", lost[i].label);
    snprintf(p->row.count, sizeof p->row.count, lost[i].times > 1 ? "lost x%u" : "lost",
             lost[i].times);
    for (unsigned e = 0; e < 2; e++) {
      p->row.end[e] = b->shown[e];
      p->row.end[e].named = p->row.end[e].kernel = false;
    }
  }
}

/* Not in the middle of a character. */
static void set_label(struct draw_row *row, const char *text) {
  size_t n = strlen(text);
  if (n >= sizeof row->label) n = sizeof row->label - 1;
  while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
  memcpy(row->label, text, n);
  row->label[n] = '\0';
}

static void span(struct ladder *l, struct block *b, int64_t t_us, const char *text) {
  struct piece *p = ladder_add(l, b, PIECE_ROW, t_us, "");
  if (!p) return;
  p->row.what = DRAW_SPAN;
  snprintf(p->row.label, sizeof p->row.label, "%s", text);
  for (unsigned e = 0; e < 2; e++) {
    p->row.end[e] = b->shown[e];
    p->row.end[e].named = p->row.end[e].kernel = false;
  }
}

static void span_half_close(struct ladder *l, struct block *b, const struct report_segment *s) {
  const struct model *m = &s->flow->model;
  unsigned fresh = s->step->new_roles;
  char text[64];
  if (!(fresh & ROLE_ACK1) || m->roles_seen & ROLE_FIN2) return;
  snprintf(text, sizeof text, "half-closed: %s may send", end_name(end_other(m->first_closer)));
  span(l, b, s->segment->t_us, text);
}

struct saying {
  struct ladder *l;
  struct block *b;
  int64_t t_us;
};

static void say(void *context, const char *text) {
  const struct saying *s = context;
  ladder_add(s->l, s->b, PIECE_NOTE, s->t_us, text);
}

void ladder_segment(struct report *report, const struct report_segment *s) {
  struct ladder *l = (struct ladder *)report;
  const struct model *m = &s->flow->model;
  struct block *b = ladder_block_of(l, s->flow);
  if (!b) return;
  ladder_title(l, b, s->flow, s->segment->t_us, s->flow->verdicts > 0 ? ", again" : "");
  if (!b->headed) header(l, b, s);
  b->headed = true;
  ladder_margin_take(l, b, s->segment->t_us, s->segment->t_us);
  struct ladder_loss lost[LADDER_LOSSES_MAX];
  unsigned n = ladder_new_losses(&b->losses, &l->draw, m, lost);
  stubs(l, b, s, lost, n);
  row(l, b, s);
  struct saying saying = {l, b, s->segment->t_us};
  ladder_notes(s, &l->draw, &l->base.options, say, &saying);
  for (unsigned i = 0; i < n; i++)
    if (*lost[i].note) say(&saying, lost[i].note);
  span_half_close(l, b, s);
}

/* ---- Without a segment ---------------------------------------------------------------------- */

/* How long TIME_WAIT lasts, once, when nothing else is to come. */
static void span_time_wait(struct ladder *l, struct block *b, const struct model *m, int64_t t_us) {
  char text[64];
  if (b->span_told || (m->end[0].state != TCPS_TIME_WAIT && m->end[1].state != TCPS_TIME_WAIT))
    return;
  b->span_told = true;
  bool skipped = l->base.options.live && !l->base.options.wait;
  snprintf(text, sizeof text, "2 MSL = %.0f s%s", (double)m->two_msl_us / 1e6,
           skipped ? "; --wait shows it" : "");
  span(l, b, t_us, text);
}

void ladder_expired(struct report *report, const struct flow *flow, const struct model_step *step,
                    int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  const struct model *m = &flow->model;
  struct block *b = ladder_block_of(l, flow);
  if (!b) return;
  for (unsigned i = 0; i < step->n_changes && !b->titled; i++) {
    b->shown[step->changes[i].end].state = step->changes[i].from;
    enum end other = end_other(step->changes[i].end);
    b->shown[other].state = m->end[other].state;
  }
  ladder_title(l, b, flow, now_us, ", again");
  bool by_clock = step->n_changes > 0 && step->changes[0].event == EVENT_TIMEOUT_2MSL;
  if (by_clock && !b->span_told && b->shown[0].state != b->shown[1].state) {
    char text[64];
    snprintf(text, sizeof text, "2 MSL = %.0f s", (double)m->two_msl_us / 1e6);
    span(l, b, now_us, text);
    b->span_told = true;
  }
  struct piece *p = ladder_add(l, b, PIECE_ROW, now_us, "");
  if (!p) return;
  p->row.what = DRAW_SPAN;
  p->row.t_us = now_us;
  p->row.elapsed_us = step->since_first_fin_us;
  p->row.has_time = true;
  snprintf(p->row.label, sizeof p->row.label, "%s", by_clock ? "by the clock" : "no segment");
  struct draw_end now[2];
  for (unsigned e = 0; e < 2; e++)
    now[e] = (struct draw_end){
        .state = m->end[e].state,
        .mark = m->end[e].evidence == EVIDENCE_PRESUMED ? DRAW_PRESUMED : DRAW_PLAIN,
        .kernel = m->end[e].evidence == EVIDENCE_KERNEL};
  set_states(b, &p->row, now);
  for (unsigned i = 0; i < step->n_changes && (!by_clock || l->base.options.verbose); i++) {
    char buffer[TEXT_SIZE];
    struct out reason = out_string(buffer, sizeof buffer);
    text_reason(&reason, &step->changes[i]);
    ladder_note(l, b, now_us, "%s: %s", end_name(step->changes[i].end), out_text_of(&reason));
  }
}

/* ---- The kernel ----------------------------------------------------------------------------- */

/* A row that says the same waits: it gets the mark. */
static bool mark_row(struct ladder *l, const struct kernel_word *word) {
  struct piece *found = NULL;
  struct block *b = ladder_find_block(l, word->flow->number);
  for (struct piece *p = ladder_queue_of(l, b)->first; p; p = p->next)
    if (p->kind == PIECE_ROW && p->number == word->flow->number && p->row.end[word->end].named &&
        p->row.end[word->end].state == word->to && p->row.has_time)
      found = p;
  if (found) found->row.end[word->end].kernel = true;
  return found != NULL;
}

void ladder_kernel(struct report *report, const struct kernel_word *word) {
  struct ladder *l = (struct ladder *)report;
  const struct model *m = &word->flow->model;
  bool all = l->base.options.kernel_lines, moved = word->kind == KERNEL_EVENT_STATE;
  if (!all && (!moved || word->restarted || mark_row(l, word))) return;
  struct block *b = ladder_block_of(l, word->flow);
  if (!b) return;
  /* It lags behind what the segments have shown. */
  if (!all && !word->asked && b->passed[word->end] & 1U << word->to) return;
  if (!b->titled)
    for (unsigned e = 0; e < 2; e++) b->shown[e].state = m->end[e].state;
  ladder_title(l, b, word->flow, word->t_us, word->flow->verdicts > 0 ? ", again" : "");
  struct piece *p =
      ladder_add(l, b, PIECE_KERNEL, word->t_us > b->begun_us ? word->t_us : b->begun_us, "");
  if (!p) return;
  p->row.what = DRAW_SPAN;
  p->row.t_us = word->t_us;
  p->row.elapsed_us = word->t_us - m->first_fin_us;
  p->row.has_time = m->roles_seen != 0;
  for (unsigned e = 0; e < 2; e++) {
    p->row.end[e] = b->shown[e];
    p->row.end[e].named = p->row.end[e].kernel = false;
  }
  char buffer[TEXT_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  if (moved) {
    p->row.end[word->end].state = word->to;
    p->row.end[word->end].mark = DRAW_PLAIN;
    p->row.end[word->end].named = p->row.end[word->end].kernel = true;
    out_text(&text, word->restarted ? "kernel, asked: restarted"
                    : word->asked   ? "kernel, asked"
                                    : "kernel");
  } else {
    out_text(&text, "kernel: ");
    text_kernel(&text, word, draw_glyph(&l->draw, DRAW_TO));
  }
  set_label(&p->row, out_text_of(&text));
}

/* ---- Words ---------------------------------------------------------------------------------- */

/* Once is enough, however many are stuck. */
void ladder_remedies(struct ladder *l, struct block *b, const struct verdict *v, unsigned from,
                     int64_t t_us) {
  for (unsigned i = from; i < v->n_findings; i++) {
    const struct finding_text *f = finding_text(v->findings[i].id);
    char text[LADDER_LINE_SIZE];
    if (l->explained[v->findings[i].id]) continue;
    l->explained[v->findings[i].id] = true;
    snprintf(text, sizeof text, "%s (%s): %s %s", f->id, f->clause, f->cause, f->remedy);
    ladder_add(l, b, PIECE_SENTENCE, t_us, text);
  }
}

void ladder_verdict(struct report *report, const struct flow *flow, const struct verdict *v,
                    int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  const struct model *m = &flow->model;
  struct block *b = ladder_find_block(l, flow->number);
  bool is_open = v->ending == ENDING_OPEN && v->n_findings == 0;
  if (is_open || !only_passes(l->base.options.only, v)) {
    if (b) ladder_let_go(l, b, now_us);
    return;
  }
  b = ladder_block_of(l, flow);
  if (!b) return;
  char line[LADDER_LINE_SIZE], sentence[TEXT_SENTENCE_SIZE];
  if (l->apart) ladder_margin_take(l, b, m->last_us, m->last_us + LADDER_REUSE_US);
  int64_t t_us = !l->apart || !b->queue.last ? now_us : b->queue.last->t_us;
  ladder_title(l, b, flow, t_us, flow->verdicts > 0 ? ", again" : "");
  span_time_wait(l, b, m, t_us);
  enum draw_paint paint =
      ladder_judgement(flow, v, &l->draw, l->base.options.verbose, line, sizeof line);
  struct piece *p = ladder_add(l, b, PIECE_JUDGEMENT, t_us, line);
  if (p) p->paint = paint;
  ladder_add(l, b, PIECE_SENTENCE, t_us, text_sentence(flow, v, now_us, sentence));
  ladder_remedies(l, b, v, m->n_findings, t_us);
  if (l->base.options.verbose || l->base.options.kernel_lines) {
    struct out sockets = out_string(sentence, sizeof sentence);
    text_sockets(&sockets, flow->kernel, now_us);
    snprintf(line, sizeof line, "the kernel now: %s", out_text_of(&sockets));
    if (sockets.end > 0) ladder_add(l, b, PIECE_SENTENCE, t_us, line);
  }
  ladder_print_until(l, &b->queue, INT64_MAX);
  ladder_let_go(l, b, now_us);
}

/* ---- Whoever shows it ----------------------------------------------------------------------- */

void ladder_init(struct ladder *l, const struct report_class *class, struct out *out,
                 const struct report_options *options, ladder_show *show, bool apart) {
  l->base = (struct report){class, out, *options};
  l->show = show;
  l->apart = apart;
  l->draw = (struct draw){.out = out,
                          .columns = options->columns,
                          .ascii = options->ascii,
                          .color = options->color,
                          .clock = options->clock};
}

struct report_options ladder_as_picture(const struct report_options *options) {
  struct report_options still = *options;
  still.live = still.terminal = still.wait = still.color = still.ascii = false;
  still.verbose = still.kernel_lines = false;
  still.margin = NULL;
  still.columns = 100;
  return still;
}
