#include "capture/due.h"

#include <stddef.h>

#include "capture/deadline.h"
#include "capture/kernel/kernel.h"
#include "common/model/verdict.h"

/* How often the kernel is asked about a close that goes on, and by how much less for each that
 * does: some 2500 questions a second at the most. */
#define ASK_EVERY_US INT64_C(200000)
#define ASK_SHARE_US INT64_C(800)

/* Linux lets TIME_WAIT last a little longer than it says: its timer is coarse. */
#define TIME_WAIT_SLACK_US INT64_C(5000000)

static int64_t earlier(int64_t one_us, int64_t other_us) {
  return one_us < other_us ? one_us : other_us;
}

static int64_t later(int64_t one_us, int64_t other_us) {
  return one_us > other_us ? one_us : other_us;
}

bool due_is_complete(const struct model *m, int64_t now_us) {
  if (m->rst.from != END_NONE) return true;
  bool both_sent = m->fin[FIN1].copies > 0 && m->fin[FIN2].copies > 0;
  return both_sent && ending_is_complete(ending_of(m, now_us));
}

int64_t due_settle_us(const struct model *m) {
  int64_t gap = 0;
  for (int i = 0; i < 2; i++)
    if (m->fin[i].last_gap_us > gap) gap = m->fin[i].last_gap_us;
  return gap * DUE_SETTLE_GAPS > DUE_SETTLE_US ? gap * DUE_SETTLE_GAPS : DUE_SETTLE_US;
}

bool due_is_held(const struct due_terms *t, const struct flow *f) {
  return !t->own_clock &&
         (kernel_holds_time_wait(f, END_CLIENT) || kernel_holds_time_wait(f, END_SERVER));
}

int64_t due_ask_every_us(const struct due_terms *t) {
  return ASK_EVERY_US + (int64_t)t->n_closing * ASK_SHARE_US;
}

bool due_is_consulted(const struct due_terms *t, const struct flow *f) {
  return f->kernel && !t->own_clock;
}

/* When the close was complete, or will be if no segment comes: with its last segment, or when a FIN
 * has not been repeated for so long that it must have been acknowledged. */
static int64_t complete_us(const struct model *m) {
  int64_t one_us = verdict_quiet_us(m, FIN1), other_us = verdict_quiet_us(m, FIN2);
  const int64_t times[] = {m->last_us, earlier(one_us, other_us), later(one_us, other_us)};
  for (size_t i = 0; i < sizeof times / sizeof *times && times[i] != INT64_MAX; i++)
    if (due_is_complete(m, times[i])) return times[i];
  return DEADLINE_NEVER;
}

int64_t due_verdict_us(const struct due_terms *t, const struct flow *f) {
  const struct model *m = &f->model;
  bool lingers = connection_deadline_us(m) != INT64_MAX;
  int64_t due_us = m->last_us + t->two_msl_us + (due_is_held(t, f) ? TIME_WAIT_SLACK_US : 0);
  if (t->prompt && (!t->wait || !lingers)) due_us = earlier(due_us, m->last_us + due_settle_us(m));
  return later(due_us, complete_us(m));
}

int64_t due_waits_since_us(const struct model *m) {
  const struct close_fin *fin1 = &m->fin[FIN1], *fin2 = &m->fin[FIN2];
  if (m->first_closer == END_NONE || m->rst.from != END_NONE) return INT64_MAX;
  if (verdict_fin_is_acked(m, FIN2)) return INT64_MAX;
  if (fin2->copies > 0) return fin2->first_us;
  if (verdict_fin_is_acked(m, FIN1)) return later(fin1->acked_us, m->half_close_us);
  return fin1->first_us;
}

int64_t due_stuck_us(const struct due_terms *t, const struct flow *f) {
  enum { DOUBLINGS_MAX = 20 };
  int64_t since_us = t->stuck_after_us ? due_waits_since_us(&f->model) : INT64_MAX;
  if (since_us == INT64_MAX || f->told_stuck > DOUBLINGS_MAX) return DEADLINE_NEVER;
  return since_us + (t->stuck_after_us << f->told_stuck);
}

int64_t due_us(const struct due_terms *t, const struct flow *f, bool lingers) {
  const struct model *m = &f->model;
  if (lingers) return m->last_us + t->two_msl_us;
  if (!f->is_closing) return DEADLINE_NEVER;
  int64_t us = due_is_held(t, f) ? DEADLINE_NEVER : connection_deadline_us(m);
  if (due_is_consulted(t, f)) us = earlier(us, kernel_asked_us(f) + due_ask_every_us(t));
  return earlier(earlier(us, due_stuck_us(t, f)), due_verdict_us(t, f));
}
