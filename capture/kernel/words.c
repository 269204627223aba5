#include "capture/kernel/words.h"

#include <string.h>

bool kernel_is_before_close(enum tcp_state state) {
  return state == TCPS_LISTEN || state == TCPS_SYN_SENT || state == TCPS_SYN_RECEIVED ||
         state == TCPS_ESTABLISHED;
}

bool kernel_is_opening(const struct kernel_event *e) {
  return e->kind == KERNEL_EVENT_STATE && kernel_is_before_close(e->to);
}

static bool is_pair(const struct kernel_pair *a, const struct kernel_pair *b) {
  return a->local_port == b->local_port && a->remote_port == b->remote_port &&
         a->family == b->family && memcmp(&a->local, &b->local, sizeof a->local) == 0 &&
         memcmp(&a->remote, &b->remote, sizeof a->remote) == 0;
}

/* The same for the same pair, and seldom for others. */
static unsigned name_of(const struct kernel_pair *pair) {
  return (pair->local_port * 31U + pair->remote_port) % KERNEL_NAMES_MAX;
}

/* Its name could not be found any more when it was shown to have closed: it tells it now. (A word
 * is given on only after all that was told has been gathered, so none has gone by.) */
static void name_gone(struct kernel_words *w, const struct kernel_event *exit) {
  for (unsigned i = w->first; i < w->end; i++) {
    struct kernel_closer *closer = &w->told[i].closer;
    if (closer->pid == exit->tid && closer->command[0] == '\0')
      memcpy(closer->command, exit->command, sizeof closer->command);
  }
}

void kernel_words_gather(struct kernel_words *w, struct kernel_trace *trace) {
  if (w->first > KERNEL_WORDS_MAX / 2 || w->first == w->end) {
    w->end -= w->first;
    memmove(w->told, &w->told[w->first], w->end * sizeof *w->told);
    w->first = 0;
  }
  while (!kernel_words_is_full(w) && kernel_trace_next(trace, &w->told[w->end].event)) {
    struct kernel_told *told = &w->told[w->end];
    if (told->event.kind == KERNEL_EVENT_EXIT) {
      kernel_exits_note(&w->exits, &told->event);
      name_gone(w, &told->event);
      continue;
    }
    if (!kernel_closer_of(&w->exits, &told->event, &told->closer)) told->closer.pid = 0;
    if (kernel_is_opening(&told->event)) w->n_openings[name_of(&told->event.pair)]++;
    w->end++;
  }
}

const struct kernel_told *kernel_words_at(const struct kernel_words *w, unsigned n) {
  return n < w->end - w->first ? &w->told[w->first + n] : NULL;
}

void kernel_words_take(struct kernel_words *w, unsigned n) {
  struct kernel_told *first = &w->told[w->first];
  if (kernel_is_opening(&first[n].event)) w->n_openings[name_of(&first[n].event.pair)]--;
  memmove(first + 1, first, n * sizeof *first);
  w->first++;
}

bool kernel_words_tell_opening(const struct kernel_words *w, const struct kernel_pair *pair,
                               int64_t after_us) {
  unsigned left = w->n_openings[name_of(pair)];
  for (unsigned i = w->first; left > 0 && i < w->end; i++) {
    const struct kernel_event *e = &w->told[i].event;
    if (!kernel_is_opening(e) || name_of(&e->pair) != name_of(pair)) continue;
    left--;
    if (e->t_us > after_us && is_pair(&e->pair, pair)) return true;
  }
  return false;
}
