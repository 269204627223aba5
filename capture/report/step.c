/* The ladder step by step, forwards and back: a step is a segment, or what happened without one,
 * with all that is said of it. It is looked at when the file has been read, by keys. */
#include <errno.h>
#include <stdlib.h>

#include "capture/report/keyboard.h"
#include "capture/report/ladder.h"
#include "capture/report/lesson.h"

/* Who steps looks at a few; of more than these the rest is left out, and that is said. */
enum { CONNECTIONS_MAX = 1000 };

struct told {
  struct queue pieces;
  unsigned steps;
};

struct step {
  struct ladder ladder;
  struct keyboard keyboard;
  struct told told[CONNECTIONS_MAX];
  unsigned n;
  uint64_t left_out;
};

static bool begins_step(const struct piece *p) {
  return p->kind == PIECE_JUDGEMENT || (p->kind == PIECE_ROW && p->row.has_time);
}

static void show(struct ladder *l, struct piece *p) {
  struct step *s = (struct step *)l;
  if (p->kind == PIECE_TITLE) {
    if (s->n < CONNECTIONS_MAX)
      s->n++;
    else
      s->left_out++;
  }
  if (s->n == 0 || s->left_out > 0) {
    free(p);
    return;
  }
  struct told *told = &s->told[s->n - 1];
  p->next = NULL;
  *(told->pieces.last ? &told->pieces.last->next : &told->pieces.first) = p;
  told->pieces.last = p;
  told->steps += begins_step(p);
}

/* ---- Looking -------------------------------------------------------------------------------- */

static void draw(struct step *s, unsigned which, unsigned steps, bool help) {
  struct out *out = s->ladder.base.out;
  const struct told *told = &s->told[which];
  unsigned shown = 0;
  out_text(out, "\033[H\033[2J");
  s->ladder.base.options.columns = draw_columns();
  for (struct piece *p = told->pieces.first; p; p = p->next) {
    shown += begins_step(p);
    if (shown > steps) break;
    ladder_draw(&s->ladder, p);
  }
  out_printf(out, "\n[step %u of %u", steps, told->steps);
  if (s->n > 1 || s->left_out > 0) {
    out_printf(out, ", connection %u of %u", which + 1, s->n);
    if (s->left_out > 0) out_printf(out, " (%llu more)", (unsigned long long)s->left_out);
  }
  out_text(out, "] ? help, q quit\n");
  if (help)
    out_text(out,
             "  space, right  forward          left, b  back\n"
             "  e, End        to the end       g, Home  to the beginning\n"
             "  n, PageDown   next connection  p, PageUp  the one before\n");
  out_flush(out);
}

static void look(struct step *s) {
  unsigned which = 0, at = 1;
  bool help = true;
  while (s->ladder.base.out->error == 0) {
    draw(s, which, at, help);
    help = false;
    switch (keyboard_key(&s->keyboard)) {
      case KEY_FORWARD:
        if (at < s->told[which].steps)
          at++;
        else if (which + 1 < s->n)
          which++, at = 1;
        break;
      case KEY_BACK:
        if (at > 1)
          at--;
        else if (which > 0)
          which--, at = s->told[which].steps;
        break;
      case KEY_LAST: at = s->told[which].steps; break;
      case KEY_FIRST: at = 1; break;
      case KEY_NEXT:
        if (which + 1 < s->n) which++, at = 1;
        break;
      case KEY_PREVIOUS:
        if (which > 0) which--, at = 1;
        break;
      case KEY_REDRAW: break;
      case KEY_HELP:
      case KEY_OTHER: help = true; break;
      case KEY_QUIT:
      case KEY_END: return;
    }
  }
}

static void step_summary(struct report *r, const struct report_summary *summary) {
  struct step *s = (struct step *)r;
  (void)summary;
  if (s->n == 0) {
    out_text(r->out, "no connection closed\n");
    return;
  }
  if (!keyboard_raw(&s->keyboard)) {
    r->out->error = errno;
    return;
  }
  look(s);
  keyboard_calm(&s->keyboard);
}

static void step_destroy(struct report *r) {
  struct step *s = (struct step *)r;
  for (unsigned i = 0; i < s->n; i++)
    for (struct piece *next, *p = s->told[i].pieces.first; p; p = next) {
      next = p->next;
      free(p);
    }
  ladder_forget(&s->ladder);
  free(r);
}

struct report *report_step_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .segment = ladder_segment,
      .expired = ladder_expired,
      .verdict = ladder_verdict,
      .summary = step_summary,
      .destroy = step_destroy,
  };
  struct step *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  ladder_init(&s->ladder, &class, out, options, show, true);
  return &s->ladder.base;
}
