#include "capture/report/ladder_notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NOTE_SIZE = 600 };

/* ---- Losses --------------------------------------------------------------------------------- */

static void label_loss(struct ladder_loss *x, const struct model *m, unsigned which,
                       enum loss_of what) {
  const char number = which == FIN1 ? 'u' : 'w';
  enum end from = connection_closer(m, which);
  if (what == LOSS_OF_ACK) from = end_other(from);
  x->from = from;
  if (what == LOSS_OF_ACK)
    snprintf(x->label, sizeof x->label, "ACK ack=%c+1", number);
  else
    snprintf(x->label, sizeof x->label, "FIN seq=%c", number);
}

/* Its row was printed in good faith: what it made of its receiver is taken back. */
static void note_arrival(struct ladder_loss *x, const struct draw *d, unsigned which) {
  snprintf(
      x->note, sizeof x->note,
      "%s %s was lost after the sniffer saw it: %s of %s is taken back, it was in %s until the "
      "repeated one came",
      draw_glyph(d, DRAW_CROSS), x->label, which == FIN1 ? "CLOSE_WAIT" : "TIME_WAIT",
      end_name(end_other(x->from)), which == FIN1 ? "ESTABLISHED" : "FIN_WAIT_2");
}

/* Only what is certain by then is told: which of FIN and ACK it was may become clear later, and
 * where FINs cross, a refuted state has said it. False: nothing is. */
static bool tell(struct ladder_loss *x, const struct draw *d, const struct model *m, unsigned which,
                 enum loss_of what, enum loss_place place) {
  if (what == LOSS_OF_EITHER || place == LOSS_PLACE_UNKNOWN) return false;
  if (place == LOSS_BETWEEN_TAPS) return false; /* its own row says so */
  label_loss(x, m, which, what);
  x->is_drawn = place == LOSS_BEFORE_TAP;
  if (place == LOSS_AFTER_TAP && what == LOSS_OF_FIN && !m->crossed) note_arrival(x, d, which);
  return x->is_drawn || *x->note;
}

unsigned ladder_new_losses(struct ladder_losses *losses, const struct draw *d,
                           const struct model *m, struct ladder_loss lost[LADDER_LOSSES_MAX]) {
  unsigned n = 0;
  if (m->first_closer == END_NONE) return 0;
  for (unsigned which = FIN1; which <= FIN2; which++) {
    const struct losses now = connection_losses(m, which);
    for (unsigned what = 0; what < LOSS_OF; what++)
      for (unsigned place = 0; place < LOSS_PLACES; place++) {
        uint16_t *told = &losses->told[which][what][place], count = now.count[what][place];
        if (count == *told) continue;
        struct ladder_loss *x = &lost[n];
        *x = (struct ladder_loss){.times = (uint16_t)(count - *told)};
        if (!tell(x, d, m, which, what, place)) continue;
        if (count < *told) {
          x->is_drawn = false;
          snprintf(x->note, sizeof x->note, "%s no %s was lost: that is taken back",
                   draw_glyph(d, DRAW_CROSS), x->label);
        }
        *told = count;
        n++;
      }
  }
  return n;
}

/* ---- Notes ---------------------------------------------------------------------------------- */

struct notes {
  const struct report_segment *s;
  const struct draw *draw;
  const struct report_options *options;
  ladder_say *say;
  void *context;
};

__attribute__((format(printf, 2, 3))) static void note(const struct notes *n, const char *format,
                                                       ...) {
  char text[NOTE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  n->say(n->context, text);
}

/* Without its sign: "207.1 ms". */
static const char *duration(int64_t us, char buffer[static TEXT_SIZE]) {
  struct out text = out_string(buffer, TEXT_SIZE);
  draw_elapsed(&text, us);
  return out_text_of(&text) + 1;
}

static void repetition(const struct notes *n) {
  const struct model_step *step = n->s->step;
  char buffer[TEXT_SIZE];
  if (step->again == 0 || !(step->roles & ROLES_OF_CLOSE)) return;
  if (step->roles & (ROLE_FIN1 | ROLE_FIN2))
    note(n, "%s after the copy before it: no ACK of it came in time",
         duration(step->since_copy_us, buffer));
  else
    note(n, step->verdict == STEP_STALE ? "no FIN asked for it: a duplicate, or a challenge ACK"
                                        : "the answer to the repeated FIN");
}

static void change(const struct notes *n, const struct model_change *c) {
  char buffer[TEXT_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  bool refused = n->s->flow->model.rst.refused;
  text_reason(&text, c);
  if (c->kind == CHANGE_REFUTED && !refused)
    note(n, "%s %s of %s is taken back: %s", draw_glyph(n->draw, DRAW_CROSS),
         tcp_state_name(c->from), end_name(c->end), out_text_of(&text));
  else if (c->kind == CHANGE_STAYED && !n->options->verbose)
    note(n, "if it arrives, %s answers it from TIME_WAIT, and 2 MSL start anew", end_name(c->end));
  else if (n->options->verbose)
    note(n, "%s %s %s %s %s: %s", end_name(c->end), tcp_state_name(c->from),
         draw_glyph(n->draw, DRAW_TO), tcp_state_name(c->to), evidence_name(c->evidence),
         out_text_of(&text));
}

static void phase(const struct notes *n) {
  const struct model *m = &n->s->flow->model;
  const struct model_step *step = n->s->step;
  char buffer[TEXT_SIZE];
  unsigned fresh = step->new_roles;
  if (m->rst.refused && step->roles & ROLE_RST)
    note(n, "nothing listens there: CLOSED answers a SYN with RST (RFC 9293 3.10.7.1)");
  if (m->first_closer == END_NONE) return;
  enum end second = end_other(m->first_closer);
  bool both_now = (fresh & ROLE_ACK1) && (fresh & ROLE_FIN2);
  if ((fresh & ROLE_FIN2) && (m->roles_seen & ROLE_ACK1) && !both_now)
    note(n, "half-closed for %s: %s sent %u B",
         duration(n->s->segment->t_us - m->fin[FIN1].acked_us, buffer), end_name(second),
         m->end[second].half_close_bytes);
  if (both_now) note(n, "one segment is both the ACK of FIN u and FIN w: three segments, not four");
  if ((fresh & ROLE_FIN2) && m->crossed) note(n, "it does not acknowledge u+1: the FINs crossed");
  if (step->short_of_fin) note(n, "it acknowledges everything but the FIN");
}

static void expectations(const struct notes *n) {
  struct expectation expected[EXPECTATIONS_MAX];
  char buffer[NOTE_SIZE];
  struct out line = out_string(buffer, sizeof buffer);
  unsigned count = expectation_list(&n->s->flow->model, expected);
  for (unsigned i = 0; i < count; i++) {
    if (i > 0) out_text(&line, ", or ");
    text_expectation(&line, &n->s->flow->model, &expected[i], n->options->raw);
  }
  if (count > 0) note(n, "expects: %s", out_text_of(&line));
}

void ladder_notes(const struct report_segment *s, const struct draw *draw,
                  const struct report_options *options, ladder_say *say, void *context) {
  const struct notes notes = {s, draw, options, say, context}, *n = &notes;
  if (s->step->ignored != ACCEPT_YES)
    note(n, "%s%s", s->step->ignored == ACCEPT_LOST ? "" : "ignored by its receiver: ",
         acceptance_reason(s->step->ignored));
  repetition(n);
  for (unsigned i = 0; i < s->step->n_changes; i++) change(n, &s->step->changes[i]);
  phase(n);
  for (unsigned i = 0; i < s->step->n_findings; i++) {
    char buffer[TEXT_SIZE];
    struct out text = out_string(buffer, sizeof buffer);
    text_finding(&text, &s->flow->model, &s->step->findings[i], options->raw);
    note(n, "%s", out_text_of(&text));
  }
  if (options->verbose) expectations(n);
}

/* ---- Judgement ------------------------------------------------------------------------------ */

/* The first that fits. `ending_too`: the word is not that of the ending. */
static enum draw_paint judge(const struct verdict *v, enum draw_glyph *glyph, const char **word,
                             bool *ending_too) {
  *ending_too = true;
  if (v->conformity == VIOLATES) {
    *glyph = DRAW_CROSS;
    *word = "breach";
    return DRAW_BAD;
  }
  if (verdict_stuck(v)) {
    *glyph = DRAW_BULLET;
    *word = "stuck";
    return DRAW_BAD;
  }
  if (v->conformity == CANNOT_TELL) {
    *glyph = DRAW_DOUBT_GLYPH;
    *word = "cannot tell";
    return DRAW_DOUBT;
  }
  *ending_too = false;
  *word = ending_name(v->ending);
  *glyph = ending_is_complete(v->ending)                              ? DRAW_TICK
           : v->ending == ENDING_RESET || v->ending == ENDING_REFUSED ? DRAW_BOLT
                                                                      : DRAW_ELLIPSIS;
  return *glyph == DRAW_TICK ? DRAW_GOOD : DRAW_DOUBT;
}

static void put_losses(struct out *o, const struct verdict *v, const struct draw *d) {
  static const char *const places[LOSS_PLACES] = {[LOSS_BEFORE_TAP] = " before the sniffer",
                                                  [LOSS_AFTER_TAP] = " after the sniffer",
                                                  [LOSS_PLACE_UNKNOWN] = "",
                                                  [LOSS_BETWEEN_TAPS] = " between the taps"};
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      out_printf(o, " %s %s lost%s", draw_glyph(d, DRAW_DOT), loss_kind_name(kind), places[place]);
      if (v->losses[kind][place] > 1)
        out_printf(o, " %s%u", draw_glyph(d, DRAW_TIMES), v->losses[kind][place]);
    }
}

enum draw_paint ladder_judgement(const struct flow *flow, const struct verdict *v,
                                 const struct draw *d, bool verbose, char *buffer, size_t size) {
  const char *dot = draw_glyph(d, DRAW_DOT), *word;
  enum draw_glyph glyph;
  bool ending_too;
  enum draw_paint paint = judge(v, &glyph, &word, &ending_too);
  struct out line = out_string(buffer, size);
  out_printf(&line, "%s#%u %s %s", flow->verdicts > 0 ? "revised: " : "", flow->number,
             draw_glyph(d, glyph), word);
  if (ending_too) out_printf(&line, " %s %s", dot, ending_name(v->ending));
  if (flow->model.roles_seen)
    out_printf(&line, " %s %s %s %u/%u", dot,
               v->closed_both                  ? "both at once"
               : v->closed_first == END_CLIENT ? "client first"
                                               : "server first",
               dot, v->count, v->of);
  put_losses(&line, v, d);
  if (v->cause != RESET_NONE && v->ending != ENDING_REFUSED)
    out_printf(&line, " %s RST: %s", dot, reset_cause_name(v->cause));
  unsigned agreed, of;
  verdict_agreement(v, &agreed, &of);
  if (verbose && v->conformity == CONFORMS && !verdict_stuck(v))
    out_printf(&line, " %s conforms", dot);
  if (of > 0 && (verbose || agreed < of)) out_printf(&line, " %s kernel %u/%u", dot, agreed, of);
  (void)out_text_of(&line);
  return paint;
}
