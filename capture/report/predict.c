/* The ladder as a game: after each segment, the states that change are asked for before they are
 * shown, with the reason and its clause. One answer a line, from whoever types or from a file. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/report/keyboard.h"
#include "capture/report/ladder.h"
#include "capture/report/lesson.h"

struct predict {
  struct ladder ladder;
  struct keyboard keyboard;
  enum tcp_state state[2]; /* by end: as it was shown last */
  unsigned asked, right;
  bool is_over; /* nobody answers any more: the rest is shown */
};

static const char ASK_HOW[] =
    "Type the state that each end is in after the segment, such as close-wait or 5; an empty line "
    "shows it, q shows all the rest.";

/* "close-wait", "CLOSE_WAIT", "closewait" and the number in the list are one answer. */
static bool is_answer(const char *typed, enum tcp_state state) {
  char word[2][32];
  const char *text[2] = {typed, tcp_state_name(state)};
  for (unsigned i = 0; i < 2; i++) {
    size_t n = 0;
    for (const char *c = text[i]; *c && n < sizeof word[i] - 1; c++)
      if (isalnum((unsigned char)*c)) word[i][n++] = (char)tolower((unsigned char)*c);
    word[i][n] = '\0';
  }
  char number[8];
  snprintf(number, sizeof number, "%u", (unsigned)state + 1);
  return strcmp(word[0], word[1]) == 0 || strcmp(word[0], number) == 0;
}

static void list_states(struct draw *d) {
  char text[TCPS_COUNT][32];
  const char *states[TCPS_COUNT];
  for (unsigned i = 0; i < TCPS_COUNT; i++) {
    snprintf(text[i], sizeof text[i], "%u %s", i + 1, tcp_state_name(i));
    states[i] = text[i];
  }
  draw_items(d, 2, states, TCPS_COUNT);
}

static void ask(struct predict *p, enum end end, enum tcp_state state) {
  struct out *out = p->ladder.base.out;
  char line[64];
  out_printf(out, "  %s? ", end_name(end));
  out_flush(out);
  if (!keyboard_line(&p->keyboard, line, sizeof line) || strcmp(line, "q") == 0) {
    out_text(out, "\n  the rest is shown\n");
    p->is_over = true;
    return;
  }
  if (!p->keyboard.echoes) out_printf(out, "%s\n", line);
  p->asked++;
  bool right = is_answer(line, state);
  p->right += right;
  out_printf(out, "  %s%s\n", right ? "right: " : *line ? "no: " : "it is ", tcp_state_name(state));
}

static bool is_new(const struct predict *p, const struct draw_row *row, unsigned e) {
  return row->end[e].named && row->end[e].state != p->state[e];
}

static void show(struct ladder *l, struct piece *piece) {
  struct predict *p = (struct predict *)l;
  const struct draw_row *row = &piece->row;
  bool by_segment = row->what == DRAW_ARROW || row->what == DRAW_RST;
  bool asks = piece->kind == PIECE_ROW && by_segment && (is_new(p, row, 0) || is_new(p, row, 1));
  if (asks && !p->is_over) {
    l->draw.blank = true;
    ladder_draw(l, piece);
    l->draw.blank = false;
    for (unsigned e = 0; e < 2 && !p->is_over; e++)
      if (is_new(p, row, e)) ask(p, e, row->end[e].state);
  }
  if (piece->kind == PIECE_ROW)
    for (unsigned e = 0; e < 2; e++) p->state[e] = row->end[e].state;
  ladder_draw(l, piece);
  free(piece);
}

static void predict_start(struct report *r, const char *source, const char *filter,
                          const char *kernel_lack) {
  struct draw *d = &((struct ladder *)r)->draw;
  (void)source, (void)filter, (void)kernel_lack;
  draw_text(d, 0, ASK_HOW);
  list_states(d);
}

static void predict_summary(struct report *r, const struct report_summary *summary) {
  const struct predict *p = (const struct predict *)r;
  (void)summary;
  if (p->asked > 0) out_printf(r->out, "\nscore: %u of %u\n", p->right, p->asked);
}

static void predict_destroy(struct report *r) {
  ladder_forget((struct ladder *)r);
  free(r);
}

struct report *report_predict_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = predict_start,
      .segment = ladder_segment,
      .expired = ladder_expired,
      .verdict = ladder_verdict,
      .summary = predict_summary,
      .destroy = predict_destroy,
  };
  struct predict *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  struct report_options with_reasons = *options;
  with_reasons.verbose = true;
  ladder_init(&p->ladder, &class, out, &with_reasons, show, true);
  p->keyboard = (struct keyboard){.echoes = isatty(STDIN_FILENO)};
  return &p->ladder.base;
}
