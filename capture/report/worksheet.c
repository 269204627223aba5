/* The ladder on paper: the states are to be filled in, and stand behind in the solution. */
#include <stdlib.h>

#include "capture/report/ladder.h"
#include "capture/report/lesson.h"

struct worksheet {
  struct ladder ladder;
  struct queue solution;
};

static void keep(struct worksheet *w, struct piece *p) {
  p->next = NULL;
  *(w->solution.last ? &w->solution.last->next : &w->solution.first) = p;
  w->solution.last = p;
}

static void draw_questions(struct ladder *l) {
  static const char *const questions[] = {"closed first: ________", "ending: ________",
                                          "lost: ________"};
  draw_items(&l->draw, 3, questions, sizeof questions / sizeof *questions);
  draw_text(&l->draw, 3, "who lingers, and why: ________________________________");
}

static void show(struct ladder *l, struct piece *p) {
  struct worksheet *w = (struct worksheet *)l;
  switch (p->kind) {
    case PIECE_TITLE:
    case PIECE_HEADER:
    case PIECE_ROW:
      if (p->row.what == DRAW_SPAN) break; /* its words tell a state */
      l->draw.blank = true;
      ladder_draw(l, p);
      l->draw.blank = false;
      break;
    case PIECE_JUDGEMENT: draw_questions(l); break;
    case PIECE_KERNEL: /* a file has none */
    case PIECE_MARGIN: /* it would tell the answers */
    case PIECE_NOTE:
    case PIECE_SENTENCE: break;
  }
  keep(w, p);
}

static void worksheet_start(struct report *r, const char *source, const char *filter,
                            const char *kernel_lack) {
  struct ladder *l = (struct ladder *)r;
  (void)source, (void)filter, (void)kernel_lack;
  draw_text(
      &l->draw, 0,
      "Write the state of each end after each segment, as RFC 9293 names it. ? is for what is only "
      "presumed, because a segment was sent and nothing shows yet that it arrived.");
}

static void worksheet_summary(struct report *r, const struct report_summary *summary) {
  struct worksheet *w = (struct worksheet *)r;
  (void)summary;
  out_text(r->out, w->solution.first ? "\n\f\nSolution\n" : "\nno connection closed\n");
  for (struct piece *next, *p = w->solution.first; p; p = next) {
    next = p->next;
    ladder_draw(&w->ladder, p);
    free(p);
  }
  w->solution = (struct queue){0};
}

static void worksheet_destroy(struct report *r) {
  struct worksheet *w = (struct worksheet *)r;
  for (struct piece *next, *p = w->solution.first; p; p = next) {
    next = p->next;
    free(p);
  }
  ladder_forget(&w->ladder);
  free(r);
}

struct report *report_worksheet_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = worksheet_start,
      .segment = ladder_segment,
      .expired = ladder_expired,
      .verdict = ladder_verdict,
      .summary = worksheet_summary,
      .destroy = worksheet_destroy,
  };
  struct worksheet *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  ladder_init(&w->ladder, &class, out, options, show, true);
  return &w->ladder.base;
}
