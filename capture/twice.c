#include "capture/twice.h"

#include "capture/watched.h"

void twice_note(struct watch *w, struct flow *f, enum end from, const struct segment *s,
                bool again) {
  if (again) w->summary.copies++;
  bool before = connection_came_twice(&f->model);
  connection_note_again(&f->model, from, s, again);
  bool now = connection_came_twice(&f->model);
  if (now && !before) w->joined++;
  if (before && !now) w->joined--;
}

void twice_note_copy(struct watch *w, struct hot *e, enum end from, const struct segment *s,
                     unsigned times) {
  if (times > 1) w->has_tripled = true;
  if (e && e->form == FLOW_WHOLE)
    twice_note(w, flow_whole(&w->flows, e), from, s, true);
  else
    w->summary.copies++;
}

/* Some segments were captured twice. Where nearly all are, the capture itself sees each of them in
 * two places; where some are, or some three times, the network doubles them. */
static bool makes_copies(const struct watch *w) {
  enum { CAPTURED_TWICE_OF = 3 };
  const struct report_summary *s = &w->summary;
  return w->has_tripled || (s->copies > 0 && s->copies < s->segments / CAPTURED_TWICE_OF);
}

void twice_judge(const struct watch *w, struct flow *f) {
  enum { JOINED_OF = 8 };
  struct model *m = &f->model;
  m->taps_joined =
      w->joined > w->roles->connections / JOINED_OF || (w->ran_backwards && m->syns_again != 0);
  m->network_copies = makes_copies(w) || connection_may_be_joined(m);
}
