#include "capture/conclude.h"

#include <stddef.h>

#include "capture/twice.h"
#include "common/model/verdict.h"

/* From so many closes at a time on, the kernel is not asked for a verdict that it bears out. */
enum { BUSY_CLOSES = 500 };

/* A socket is gone, and for so long nothing was captured that could have closed it. */
#define GONE_SURE_US INT64_C(300000)

/* ---- Who is the client ---------------------------------------------------------------------- */

void conclude_roles(struct watch *w, struct flow *f) {
  if (f->roles_by == ROLES_BY_SYN || f->number != 0 || f->kernel) return;
  enum roles_by by = ROLES_BY_LISTENER;
  int server = w->kernel ? kernel_listening_half(w->kernel, f) : -1;
  if (server < 0) {
    by = ROLES_BY_PORTS;
    server = roles_server_port(w->roles, f->key.port);
  }
  if (server < 0) return;
  f->roles_by = by;
  if (server == f->client) flow_swap_roles(&w->flows, f);
}

void conclude_number(struct watch *w, struct flow *f) {
  if (f->number == 0) f->number = ++w->last_number;
}

/* ---- Verdicts ------------------------------------------------------------------------------- */

void conclude_ask(struct watch *w, struct flow *f) {
  struct kernel_word news[2];
  unsigned n = w->kernel ? kernel_ask(w->kernel, f, news) : 0;
  for (unsigned i = 0; i < n; i++) REPORT(w, REPORT_STEPS, kernel, &news[i]);
}

/* What the kernel said last is what the model says. */
static bool is_borne_out(const struct flow *f) {
  const struct kernel_view *view = f->kernel;
  for (unsigned i = 0; view && i < 2; i++) {
    const struct witness_end *said = &view->witness.end[i];
    if (view->local[i] && (said->n == 0 || witness_last(said) != f->model.end[i].state))
      return false;
  }
  return view != NULL;
}

/* Adds what the kernel says at this moment; `may_ask`: the name is still this connection's. */
static void hear(struct watch *w, struct flow *f, struct verdict *v, bool may_ask) {
  const struct model *m = &f->model;
  bool busy = w->due.n_closing > BUSY_CLOSES;
  if (may_ask && connection_has_closed(&f->model) && !(busy && is_borne_out(f))) conclude_ask(w, f);
  const struct kernel_view *view = f->kernel;
  if (!view) return;
  bool up_to_date[2] = {kernel_is_up_to_date(f, 0), kernel_is_up_to_date(f, 1)};
  if (v->ending == ENDING_CLOSE_WAIT)
    kernel_find_owner(w->kernel, f, end_other((enum end)m->first_closer));
  verdict_hear(v, m, &view->witness, up_to_date);
  if (m->rst.from != END_NONE) verdict_hear_reset(v, view->reset_reason[m->rst.from]);
}

void conclude_lacks(const struct watch *w, struct flow *f) {
  f->model.capture_incomplete = w->incomplete;
  f->model.not_all_kept = f->may_lack_begin;
  twice_judge(w, f);
}

static void make_verdict(struct watch *w, struct flow *f, struct verdict *v, int64_t now_us,
                         bool may_ask) {
  conclude_lacks(w, f);
  verdict_make(v, &f->model, now_us);
  hear(w, f, v, may_ask);
}

static void give_verdict(struct watch *w, struct flow *f, struct verdict *v, int64_t now_us,
                         bool may_ask) {
  conclude_roles(w, f);
  conclude_number(w, f);
  make_verdict(w, f, v, now_us, may_ask);
  REPORT(w, REPORT_VERDICTS, verdict, f, v, now_us);
  if (f->verdicts == 0 && connection_has_closed(&f->model)) w->closes++;
  if (f->verdicts < UINT8_MAX) f->verdicts++;
  if (f->is_closing) w->due.n_closing--;
  f->is_closing = false;
}

void conclude_now(struct watch *w, struct flow *f, int64_t now_us, bool may_ask) {
  struct verdict v;
  if (now_us < f->model.last_us) now_us = f->model.last_us; /* files were joined */
  if (f->verdicts == 0 || f->is_closing)
    give_verdict(w, f, &v, now_us, may_ask);
  else
    make_verdict(w, f, &v, now_us, false);
  if (!tally_add(&w->summary, f, &v, &w->demand, &w->unmet, now_us)) w->any_bad = true;
  REPORT(w, REPORT_SUMMARY, settled, f, &v);
}

bool conclude_tells(const struct watch *w, const struct hot *e) {
  return w->tells_verdicts && (w->tells_ordinary || !ordinary_is_complete(&w->flows.ordinaries, e));
}

void conclude_ordinary(struct watch *w, const struct hot *e) {
  struct ordinary_verdict v;
  ordinary_conclude(&w->flows.ordinaries, e, &v);
  w->closes++;
  tally_add_ordinary(&w->summary, &w->flows, e, &v);
  REPORT(w, REPORT_SUMMARY, counted, &w->flows, e, &v);
}

bool conclude_retold(struct watch *w, struct hot *e, bool is_over, int64_t now_us) {
  if (!w->retells || !w->tells_ordinary || w->summary.copies > 0 ||
      !ordinary_is_complete(&w->flows.ordinaries, e))
    return false;
  struct retold_verdict *told = retold_tell(&w->retold, &w->flows, e, is_over, now_us);
  if (told->expired.n_changes > 0)
    REPORT(w, REPORT_STEPS, expired, &told->flow, &told->expired, now_us);
  REPORT(w, REPORT_VERDICTS, verdict, &told->flow, &told->verdict, now_us);
  conclude_ordinary(w, e);
  flow_remove_ordinary(&w->flows, e);
  return true;
}

struct flow *conclude_whole(struct watch *w, struct hot *e) {
  bool was_ordinary = e->form == FLOW_ORDINARY;
  uint16_t shape = was_ordinary ? ordinary_of(&w->flows.ordinaries, e)->shape : 0;
  struct flow *f = flow_whole(&w->flows, e);
  if (!was_ordinary) return f;
  f->reported = retold_reported(&w->retold, shape);
  w->due.n_closing++;
  conclude_hurry(w, f);
  return f;
}

void conclude_drop(struct watch *w, struct flow *f) {
  if (f->is_closing) w->due.n_closing--;
  if (w->kernel) kernel_forget(w->kernel, f);
  deadline_set(&w->deadlines, &flow_entry_of(&w->flows, f)->deadline, DEADLINE_NEVER);
  flow_remove(&w->flows, f);
}

void conclude_forget(struct watch *w) {
  for (uint32_t i = 0; w->kernel && i < w->flows.entries.untouched; i++) {
    struct hot *e = flow_entry(&w->flows, i);
    if (e->form == FLOW_WHOLE || e->form == FLOW_RESTING)
      kernel_forget(w->kernel, flow_whole(&w->flows, e));
  }
}

/* With --wait those that have ended are looked at several times a second, and that of which the
 * kernel tells is, until its verdict is given. */
void conclude_shrink(struct watch *w, struct flow *f) {
  bool has_ended = f->is_closing || f->verdicts > 0;
  bool lingers = flow_entry_of(&w->flows, f)->list == FLOW_LINGERING;
  if (has_ended && w->due.wait) return;
  if (f->kernel && (!lingers || kernel_refers_to(w->kernel, f))) return;
  flow_shrink(&w->flows, f);
}

/* ---- What no segment tells ------------------------------------------------------------------- */

static void expire(struct watch *w, struct flow *f, int64_t now_us) {
  struct model_step step;
  if (due_is_held(&w->due, f)) return;
  if (model_expire(&f->model, now_us, &step)) REPORT(w, REPORT_STEPS, expired, f, &step, now_us);
}

/* Asks the kernel now and then, and believes it that an end has closed where no segment says so. */
static void consult(struct watch *w, struct flow *f, int64_t now_us) {
  const struct kernel_view *view = f->kernel;
  if (!due_is_consulted(&w->due, f)) return;
  if (now_us - kernel_asked_us(f) >= due_ask_every_us(&w->due)) conclude_ask(w, f);
  for (unsigned i = 0; i < 2; i++) {
    struct model_step step;
    int64_t gone_us = view->gone_us[i];
    if (gone_us <= f->model.last_us || w->caught_up_us - gone_us < GONE_SURE_US) continue;
    if (model_closed_silently(&f->model, i, view->gone_us[i], &step))
      REPORT(w, REPORT_STEPS, expired, f, &step, view->gone_us[i]);
  }
}

/* ---- Who is waited for ---------------------------------------------------------------------- */

static void tell_stuck(struct watch *w, struct flow *f, int64_t now_us) {
  struct verdict v;
  if (due_stuck_us(&w->due, f) > now_us) return;
  while (due_stuck_us(&w->due, f) <= now_us) f->told_stuck++;
  make_verdict(w, f, &v, now_us, true);
  if (verdict_stuck(&v) || v.only_half_closed)
    REPORT(w, REPORT_VERDICTS, stuck, f, &v, now_us - due_waits_since_us(&f->model), now_us);
}

/* ---- Timers --------------------------------------------------------------------------------- */

/* One that has moved away is seen to be early when it comes. */
void conclude_hurry(struct watch *w, struct flow *f) {
  struct hot *e = flow_entry_of(&w->flows, f);
  /* In a file nothing is due sooner than so long after the newest segment. */
  if (!w->due.prompt && e->deadline.at_us <= f->model.last_us + w->due.two_msl_us) return;
  int64_t us = due_us(&w->due, f, e->list == FLOW_LINGERING);
  if (us < e->deadline.at_us) deadline_set(&w->deadlines, &e->deadline, us);
}

/* No segment of it can come any more. */
static bool is_over(const struct watch *w, const struct flow *f, int64_t now_us) {
  return now_us - f->model.last_us >= w->due.two_msl_us;
}

/* False: the flow is gone. */
static bool visit(struct watch *w, struct flow *f, int64_t now_us) {
  struct hot *e = flow_entry_of(&w->flows, f);
  bool was_closing = f->is_closing;
  if (was_closing) {
    consult(w, f, now_us);
    expire(w, f, now_us);
    tell_stuck(w, f, now_us);
    if (due_verdict_us(&w->due, f) > now_us) return true;
    if (!is_over(w, f, now_us)) {
      struct verdict v;
      give_verdict(w, f, &v, now_us, true);
      flow_move(&w->flows, e, FLOW_LINGERING);
    }
  }
  if (!is_over(w, f, now_us) || !(was_closing || e->list == FLOW_LINGERING)) return true;
  expire(w, f, now_us);
  conclude_now(w, f, now_us, was_closing);
  conclude_drop(w, f);
  return false;
}

/* The ordinary close whose 2 MSL are over first, of which nothing else is due, and when that is. */
static struct hot *next_ordinary(const struct watch *w, int64_t *due_us) {
  static const enum flow_list lists[] = {FLOW_ORDINARY_ENDED, FLOW_ORDINARY_BEGUN};
  struct hot *next = NULL;
  *due_us = INT64_MAX;
  for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++) {
    struct hot *e = flow_first(&w->flows, lists[i]);
    int64_t us = e ? flow_last_us(&w->flows, e) + w->due.two_msl_us : INT64_MAX;
    if (us >= *due_us) continue;
    *due_us = us;
    next = e;
  }
  return next;
}

/* One that is made whole has a deadline, which has come. */
static void conclude_next_ordinary(struct watch *w, struct hot *e, int64_t now_us) {
  bool ended = e->list == FLOW_ORDINARY_ENDED;
  flow_prefetch_after(&w->flows, e);
  if (ended && conclude_retold(w, e, true, now_us)) return;
  if (!ended || conclude_tells(w, e)) {
    (void)conclude_whole(w, e);
  } else {
    conclude_ordinary(w, e);
    flow_remove_ordinary(&w->flows, e);
  }
}

/* True: live, and there may be more; packets are looked for first. */
static bool keep_deadlines(struct watch *w, int64_t until_us, int64_t now_us) {
  enum { VISITS_PER_TURN = 32 }; /* of 64 packets eight closes come */
  for (unsigned n = 0; !w->live || n < VISITS_PER_TURN; n++) {
    struct deadline *due = deadline_take(&w->deadlines, until_us);
    if (!due) return false;
    struct hot *e = (struct hot *)(void *)((char *)due - offsetof(struct hot, deadline));
    struct flow *f = flow_whole(&w->flows, e);
    if (!visit(w, f, now_us)) continue;
    int64_t us = due_us(&w->due, f, e->list == FLOW_LINGERING);
    deadline_set(&w->deadlines, &e->deadline, us > now_us ? us : now_us + 1);
    conclude_shrink(w, f);
  }
  return true;
}

bool conclude_due(struct watch *w, int64_t now_us) {
  enum { KEEP_EVERY_US = 1000 }; /* of a crowd, not for each */
  int64_t due_us, keep_us = INT64_MIN;
  struct hot *e;
  w->last_timers_us = now_us;
  while ((e = next_ordinary(w, &due_us)) && due_us <= now_us) {
    if (due_us >= keep_us) {
      (void)keep_deadlines(w, due_us, now_us);
      keep_us = due_us + KEEP_EVERY_US;
    }
    conclude_next_ordinary(w, e, now_us);
  }
  return keep_deadlines(w, now_us, now_us);
}
