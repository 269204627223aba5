/* The ladder on a terminal, or in a pipe: one block a connection, the client's states on the left,
 * the server's on the right.
 *
 * What is printed stands: nothing is edited, so that a live capture and its file read alike. What
 * turns out to be wrong is taken back where it does. Rows therefore wait before they are printed:
 * those of a file until the verdict, so that each connection is told in one piece; live for some
 * milliseconds, so that what the kernel tells meanwhile stands at its time, and time never runs
 * backwards down the screen. */
#include <stdio.h>
#include <stdlib.h>

#include "capture/report/ladder.h"

/* The countdown's line gives way to another. */
static void end_countdown(struct ladder *l) {
  if (l->counting_down) out_text(l->base.out, "\r\033[K");
  l->counting_down = false;
}

/* Lifelines beside a peer's line are as the row above it left them, whenever the line came. */
static void remember(struct ladder *l, const struct piece *p) {
  struct block *b = ladder_find_block(l, p->number);
  for (unsigned e = 0; b && e < 2; e++) b->drawn[e] = p->row.end[e];
}

static void recall(struct ladder *l, struct piece *p) {
  const struct block *b = ladder_find_block(l, p->number);
  for (unsigned e = 0; b && e < 2; e++) p->row.end[e].state = b->drawn[e].state;
}

void ladder_draw(struct ladder *l, struct piece *p) {
  struct draw *d = &l->draw;
  d->columns = l->base.options.columns;
  end_countdown(l);
  if (p->kind == PIECE_TITLE && p->number == l->last_opened) return;
  if (p->number != l->last_number && p->number != 0 && p->kind != PIECE_TITLE)
    out_printf(d->out, "#%u, continued\n", p->number);
  if (p->number != 0) l->last_number = p->number;
  l->last_opened = p->opens ? p->number : 0;
  switch (p->kind) {
    case PIECE_ROW:
    case PIECE_KERNEL:
      /* What comes too late stands here all the same, without the time. */
      if (l->base.options.live && p->row.t_us < l->printed_us) p->row.has_time = false;
      if (p->row.has_time) l->printed_us = p->row.t_us;
      draw_row(d, &p->row);
      remember(l, p);
      break;
    case PIECE_MARGIN:
      if (l->base.options.live && p->row.t_us < l->printed_us) p->row.has_time = false;
      if (p->row.has_time) l->printed_us = p->row.t_us;
      recall(l, p);
      draw_margin(d, &p->row, p->text);
      break;
    case PIECE_NOTE: draw_note(d, p->text); break;
    case PIECE_HEADER: draw_header(d); break;
    case PIECE_TITLE:
      out_char(d->out, '\n');
      draw_paint(d, DRAW_BOLD);
      draw_hanging(d, p->text);
      draw_paint(d, DRAW_NO_PAINT);
      break;
    case PIECE_JUDGEMENT:
      draw_paint(d, p->paint);
      draw_hanging(d, p->text);
      draw_paint(d, DRAW_NO_PAINT);
      break;
    case PIECE_SENTENCE: draw_text(d, 3, p->text); break;
  }
}

static void show(struct ladder *l, struct piece *p) {
  if (!l->hidden && !ladder_is_repeated(l, p)) ladder_draw(l, p);
  free(p);
}

void report_ladder_hide(struct report *report, bool hidden) {
  struct ladder *l = (struct ladder *)report;
  end_countdown(l);
  l->hidden = hidden;
  l->last_number = l->last_opened = 0;
}

static void ladder_start(struct report *report, const char *source, const char *filter,
                         const char *kernel_lack) {
  struct ladder *l = (struct ladder *)report;
  char line[LADDER_LINE_SIZE];
  (void)source, (void)filter;
  l->draw.columns = l->base.options.columns;
  if (!kernel_lack || *kernel_lack == '\0') return;
  snprintf(line, sizeof line, "the kernel is %s", kernel_lack);
  draw_paint(&l->draw, DRAW_DIM);
  draw_text(&l->draw, 0, line);
  draw_paint(&l->draw, DRAW_NO_PAINT);
}

/* Live: what is silent from then on is open. */
static void ladder_opened(struct report *report, const struct flow *flow, int64_t t_us) {
  struct ladder *l = (struct ladder *)report;
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE], line[LADDER_LINE_SIZE];
  if (l->apart) return;
  snprintf(line, sizeof line, "#%u open %s %s %s", flow->number,
           flow_end_name(flow, END_CLIENT, client), draw_glyph(&l->draw, DRAW_TO),
           flow_end_name(flow, END_SERVER, server));
  struct piece *p = ladder_add(l, NULL, PIECE_TITLE, t_us, line);
  if (!p) return;
  p->number = flow->number;
  p->opens = true;
  if (!l->base.options.margin) return;
  struct block *b = ladder_block_of(l, flow);
  if (b) ladder_name_block(l, b, flow);
}

/* Of a file: what is open at its end, too. */
static void verdict(struct report *report, const struct flow *flow, const struct verdict *v,
                    int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  bool is_open = v->ending == ENDING_OPEN && v->n_findings == 0;
  if (is_open && l->apart && flow->is_opened && !l->base.options.only) {
    struct block *b = ladder_block_of(l, flow);
    if (!b) return;
    ladder_title(l, b, flow, flow->model.last_us, "");
    ladder_print_until(l, &b->queue, INT64_MAX);
  }
  ladder_verdict(report, flow, v, now_us);
}

static void ladder_stuck(struct report *report, const struct flow *flow, const struct verdict *v,
                         int64_t waits_us, int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  struct block *b = ladder_block_of(l, flow);
  char line[64], sentence[TEXT_SENTENCE_SIZE];
  if (!b) return;
  (void)waits_us;
  ladder_title(l, b, flow, now_us, "");
  snprintf(line, sizeof line, "#%u %s %s", flow->number, draw_glyph(&l->draw, DRAW_BULLET),
           v->only_half_closed ? "waits" : "stuck");
  struct piece *p = ladder_add(l, b, PIECE_JUDGEMENT, now_us, line);
  if (p) p->paint = v->only_half_closed ? DRAW_DOUBT : DRAW_BAD;
  ladder_add(l, b, PIECE_SENTENCE, now_us, text_sentence(flow, v, now_us, sentence));
  ladder_remedies(l, b, v, flow->model.n_findings, now_us);
  if (l->apart) ladder_print_until(l, &b->queue, INT64_MAX);
}

static void ladder_inventory(struct report *report, const struct kernel_inventory *in,
                             int64_t now_us) {
  struct ladder *l = (struct ladder *)report;
  char buffer[LADDER_LINE_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  text_inventory(&text, in);
  if (text.end > 0) ladder_add(l, NULL, PIECE_JUDGEMENT, now_us, out_text_of(&text));
  for (uint32_t i = 0; i < in->n_groups; i++) {
    text = out_string(buffer, sizeof buffer);
    text_inventory_group(&text, &in->group[i]);
    ladder_add(l, NULL, PIECE_SENTENCE, now_us, out_text_of(&text));
  }
}

static void ladder_countdown(struct report *report, const struct flow *flow, int64_t left_us,
                             int64_t total_us, bool by_kernel) {
  enum { CELLS = 20, WORDS = 44 };
  struct ladder *l = (struct ladder *)report;
  struct out *out = report->out;
  unsigned columns = report->options.columns;
  int cells = columns > WORDS + CELLS ? CELLS : columns > WORDS ? (int)(columns - WORDS) : 0;
  int full = total_us > 0 ? (int)(left_us * cells / total_us) : 0;
  if (full > cells) full = cells;
  int64_t left_s = (left_us + 999999) / 1000000;
  if (!report->options.terminal || l->hidden || l->queue.first) return;
  if (l->counting_down && left_s == l->shown_s) return;
  l->shown_s = left_s;
  end_countdown(l);
  out_printf(out, "  #%u TIME_WAIT ", flow->number);
  for (int i = 0; i < cells; i++)
    out_text(out, draw_glyph(&l->draw, i < full ? DRAW_FULL : DRAW_EMPTY));
  out_printf(out, " %lld s left%s", (long long)left_s, by_kernel ? " (kernel)" : "");
  l->counting_down = true;
}

static void ladder_tick(struct report *report, const struct report_summary *so_far,
                        int64_t now_us) {
  (void)so_far;
  struct ladder *l = (struct ladder *)report;
  if (!report->options.live) return;
  ladder_margin_tick(l, now_us);
  ladder_print_until(l, &l->queue, now_us - REPORT_WAIT_US);
  if (!l->queue.first) ladder_drop_done(l, now_us);
}

static void ladder_summary(struct report *report, const struct report_summary *summary) {
  struct ladder *l = (struct ladder *)report;
  ladder_margin_end(l, summary->t_us);
  ladder_print_until(l, &l->queue, INT64_MAX);
  end_countdown(l);
}

static void ladder_destroy(struct report *report) {
  ladder_forget((struct ladder *)report);
  free(report);
}

struct report *report_ladder_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = ladder_start,
      .opened = ladder_opened,
      .segment = ladder_segment,
      .expired = ladder_expired,
      .kernel = ladder_kernel,
      .verdict = verdict,
      .countdown = ladder_countdown,
      .summary = ladder_summary,
      .stuck = ladder_stuck,
      .tick = ladder_tick,
      .inventory = ladder_inventory,
      .destroy = ladder_destroy,
  };
  struct ladder *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  ladder_init(l, &class, out, options, show, !options->live);
  return &l->base;
}
