#include "capture/kernel/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/kernel/words.h"

enum { HELD_MAX = 64 };

/* A word about a flow without a control segment is held back until there is one: the kernel says
 * FIN_WAIT_1 before its FIN is on the wire. After so long the word itself is the news. */
#define WORD_WAITS_US INT64_C(50000)

/* The kernel counts in ticks, and some time passes between its answer and our clock. */
#define TIMER_SLACK_US INT64_C(50000)

struct kernel {
  struct kernel_diag *diag;
  struct kernel_trace *trace;
  struct kernel_words words;
  int64_t early_us; /* since when the first of them waits for a SYN; 0: not */
  struct kernel_word held[HELD_MAX];
  unsigned n_held;
  struct flow *first_due, *last_due;
  struct kernel_owners owners;
  char lack[2 * KERNEL_ERROR_SIZE + 32];
};

static int64_t clock_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct kernel *kernel_open(void) {
  struct kernel *k = calloc(1, sizeof *k);
  char diag_error[KERNEL_ERROR_SIZE] = "", trace_error[KERNEL_ERROR_SIZE] = "";
  if (!k) return NULL;
  k->diag = kernel_diag_open(diag_error);
  /* Without look-ups a transition to CLOSED cannot be told from TIME_WAIT. */
  if (k->diag) k->trace = kernel_trace_open(trace_error);
  if (!k->diag)
    snprintf(k->lack, sizeof k->lack, "cannot be asked: %s", diag_error);
  else if (!k->trace)
    snprintf(k->lack, sizeof k->lack, "only asked, not listened to: %s", trace_error);
  return k;
}

void kernel_close(struct kernel *k) {
  if (!k) return;
  if (k->trace) kernel_trace_close(k->trace);
  if (k->diag) kernel_diag_close(k->diag);
  kernel_owners_free(&k->owners);
  free(k);
}

uint64_t kernel_lost(const struct kernel *k) { return k->trace ? kernel_trace_lost(k->trace) : 0; }

const char *kernel_lack(const struct kernel *k) { return k->lack; }

bool kernel_take_inventory(struct kernel *k, struct kernel_inventory *inventory,
                           kernel_wanted *wanted, void *context) {
  return k->diag && kernel_inventory_take(inventory, k->diag, &k->owners, wanted, context);
}

/* ---- Views ---------------------------------------------------------------------------------- */

static struct kernel_pair pair_of(const struct flow *f, enum end end) {
  unsigned own = flow_half_of(f, end), other = 1 - own;
  return (struct kernel_pair){f->key.address[own], f->key.address[other], f->key.port[own],
                              f->key.port[other], f->key.family};
}

/* NULL when neither end is local, or there is no memory: then the flow goes without. */
static struct kernel_view *view_of(struct kernel *k, struct flow *f) {
  if (f->kernel || !k->diag) return f->kernel;
  bool local[2];
  for (unsigned i = 0; i < 2; i++)
    local[i] = kernel_diag_is_local(k->diag, f->key.family, &f->key.address[flow_half_of(f, i)]);
  if (!local[END_CLIENT] && !local[END_SERVER]) return NULL;
  f->kernel = calloc(1, sizeof *f->kernel);
  if (!f->kernel) return NULL;
  f->kernel->begun_us = clock_us();
  for (unsigned i = 0; i < 2; i++) {
    f->kernel->local[i] = local[i];
    f->kernel->answer[i] = KERNEL_UNANSWERED;
  }
  return f->kernel;
}

/* The end is what Linux makes of a socket for TIME_WAIT, and for FIN_WAIT_2 after close(): it tells
 * nothing any more. */
static bool is_handed_over(const struct kernel_view *v, enum end end) {
  return v->answer[end] == KERNEL_FOUND && v->socket[end].timer == KERNEL_TIMER_TIME_WAIT;
}

/* It tells nothing of this segment by itself. What it sent it had done before it was asked. */
static bool is_mute(const struct kernel_view *v, enum end end, enum end from, int64_t t_us) {
  return is_handed_over(v, end) && (end != from || v->asked_us[end] < t_us);
}

void kernel_notice(struct kernel *k, struct flow *f, enum end from, int64_t t_us) {
  struct kernel_view *v = view_of(k, f);
  if (!v || v->is_due) return;
  if (k->trace && !is_mute(v, END_CLIENT, from, t_us) && !is_mute(v, END_SERVER, from, t_us))
    return;
  v->is_due = true;
  v->next_due = NULL;
  *(k->last_due ? &k->last_due->kernel->next_due : &k->first_due) = f;
  k->last_due = f;
}

static void take_from_queue(struct kernel *k, struct flow *f) {
  struct flow *before = NULL;
  for (struct flow *at = k->first_due; at != f; at = at->kernel->next_due) before = at;
  *(before ? &before->kernel->next_due : &k->first_due) = f->kernel->next_due;
  if (k->last_due == f) k->last_due = before;
  f->kernel->is_due = false;
}

void kernel_retract(struct flow *f, int64_t since_us) {
  struct kernel_view *v = f->kernel;
  for (unsigned i = 0; v && i < 2; i++) {
    if (v->asked_us[i] < since_us) continue;
    witness_retract(&v->witness.end[i], since_us);
    v->witness.end[i].socket.is_known = false;
    v->answer[i] = KERNEL_UNANSWERED;
  }
}

bool kernel_refers_to(const struct kernel *k, const struct flow *f) {
  for (unsigned i = 0; i < k->n_held; i++)
    if (k->held[i].flow == f) return true;
  return f->kernel->is_due;
}

void kernel_forget(struct kernel *k, struct flow *f) {
  if (!f->kernel) return;
  if (f->kernel->is_due) take_from_queue(k, f);
  unsigned kept = 0;
  for (unsigned i = 0; i < k->n_held; i++)
    if (k->held[i].flow != f) k->held[kept++] = k->held[i];
  k->n_held = kept;
  free(f->kernel);
  f->kernel = NULL;
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* The answer is about the next connection of the same name: of the old one the kernel has no more
 * to say. */
static bool is_of_another(const struct flow *f, enum end end, const struct kernel_socket *answer) {
  const struct kernel_view *v = f->kernel;
  const struct witness_end *said = &v->witness.end[end];
  const struct endpoint *model = &f->model.end[end];
  if (v->cookie[end] != 0 && v->cookie[end] != answer->cookie) return true;
  /* It has opened anew, or its socket was closed: neither comes back. */
  if (f->has_pending_syn && f->pending_from == end) return true;
  if (said->n > 0 && witness_last(said) == TCPS_CLOSED) return true;
  if (said->n > 0 && !transition_leads_to(witness_last(said), answer->state)) return true;
  /* What the end itself has shown to be over does not come back. */
  bool over =
      model->has_fin || (model->evidence == EVIDENCE_SEEN && !kernel_is_before_close(model->state));
  return over && kernel_is_before_close(answer->state);
}

/* The kernel has told of an opening of that name that is not this connection's own, or more than
 * there is room for: the answer may be about the next one. */
static bool is_succeeded(struct kernel *k, const struct flow *f, enum end end,
                         const struct kernel_pair *pair) {
  enum { OPENING_US = 1000 }; /* its own is told that soon after its segments */
  bool has_opened = f->kernel->told_of[end] != 0;
  if (!k->trace) return false;
  kernel_gather(k);
  return kernel_words_tell_opening(&k->words, pair,
                                   has_opened ? INT64_MIN : f->model.last_us + OPENING_US) ||
         kernel_words_is_full(&k->words);
}

bool kernel_time_wait_restarted(int64_t *ends_us, int64_t now_us, uint32_t left_ms) {
  int64_t before_us = *ends_us;
  if (left_ms == 0 && before_us != 0) return false;
  *ends_us = now_us + (int64_t)left_ms * 1000;
  return before_us != 0 && *ends_us - before_us > TIMER_SLACK_US;
}

/* True when it will last longer than was said before. */
static bool set_end_of_time_wait(struct kernel_view *v, enum end end, int64_t now_us) {
  const struct kernel_socket *s = &v->socket[end];
  if (s->state == TCPS_TIME_WAIT)
    return kernel_time_wait_restarted(&v->ends_us[end], now_us, s->left_ms);
  v->ends_us[end] = 0;
  return false;
}

/* The kernel has told that the socket is gone: there is nothing to ask for. */
static bool has_told_end(const struct witness_end *said) {
  return said->n > 0 && said->said[said->n - 1].told && witness_last(said) == TCPS_CLOSED;
}

/* True when the answer is another than the last word; *news then is that. */
static bool ask_end(struct kernel *k, struct flow *f, enum end end, struct kernel_word *news) {
  struct kernel_view *v = f->kernel;
  struct witness_end *said = &v->witness.end[end];
  struct kernel_pair pair = pair_of(f, end);
  if (!v->local[end]) return false;
  uint8_t n = said->n;
  enum tcp_state before = witness_last(said);
  struct kernel_socket answer;
  bool restarted = false;
  v->asked_us[end] = clock_us();
  v->answer[end] =
      has_told_end(said) ? KERNEL_GONE : (uint8_t)kernel_diag_ask(k->diag, &pair, &answer);
  int64_t now_us = clock_us();
  switch ((enum kernel_answer)v->answer[end]) {
    case KERNEL_FOUND:
      if (is_of_another(f, end, &answer) ||
          (v->cookie[end] == 0 && is_succeeded(k, f, end, &pair))) {
        v->answer[end] = KERNEL_UNANSWERED;
        break;
      }
      v->socket[end] = answer;
      v->cookie[end] = answer.cookie;
      said->socket = (struct witness_socket){.is_known = true,
                                             .is_held = answer.inode != 0,
                                             .has_read_end = answer.has_read_end,
                                             .unread = answer.unread};
      v->gone_us[end] = 0;
      restarted = set_end_of_time_wait(v, end, now_us);
      witness_asked(said, v->socket[end].state, now_us);
      break;
    case KERNEL_GONE:
      /* A socket that the kernel never knew, of a stack of somebody's own, is not closed by it. */
      if (said->n == 0 && f->model.end[end].state != TCPS_CLOSED) break;
      /* The next one of that name may have come and gone since: it is not there, either. */
      if (is_succeeded(k, f, end, &pair)) {
        v->answer[end] = KERNEL_UNANSWERED;
        break;
      }
      if (v->gone_us[end] <= f->model.last_us) v->gone_us[end] = now_us;
      said->socket = (struct witness_socket){.is_known = true};
      witness_asked(said, TCPS_CLOSED, now_us);
      break;
    case KERNEL_UNANSWERED: break;
  }
  enum tcp_state now = witness_last(said);
  if (said->n == 0 || (n > 0 && now == before && !restarted)) return false;
  enum tcp_state was = n > 0 ? before : now;
  *news = (struct kernel_word){.flow = f,
                               .t_us = now_us,
                               .end = end,
                               .kind = KERNEL_EVENT_STATE,
                               .from = was,
                               .to = now,
                               .asked = true,
                               .restarted = restarted};
  return true;
}

unsigned kernel_ask(struct kernel *k, struct flow *f, struct kernel_word news[static 2]) {
  struct kernel_view *v = view_of(k, f);
  unsigned n = 0;
  if (!v) return 0;
  n += ask_end(k, f, END_CLIENT, &news[n]);
  n += ask_end(k, f, END_SERVER, &news[n]);
  return n;
}

struct flow *kernel_next_noticed(struct kernel *k) {
  struct flow *f = k->first_due;
  if (f) take_from_queue(k, f);
  return f;
}

void kernel_find_owner(struct kernel *k, struct flow *f, enum end end) {
  struct kernel_view *v = f->kernel;
  struct kernel_owner owner;
  if (!v || v->answer[end] != KERNEL_FOUND) return;
  /* It has been held since before the close began. */
  if (!kernel_owners_find(&k->owners, v->socket[end].inode, f->model.last_us, &owner)) return;
  v->has_owner[end] = true;
  v->owner[end] = owner;
  snprintf(v->witness.end[end].holder, sizeof v->witness.end[end].holder, "%s, pid %d, fd %d",
           owner.command, (int)owner.pid, (int)owner.fd);
}

int64_t kernel_asked_us(const struct flow *f) {
  const struct kernel_view *v = f->kernel;
  int64_t us = v->begun_us;
  for (unsigned i = 0; i < 2; i++)
    if (v->asked_us[i] > us) us = v->asked_us[i];
  return us;
}

bool kernel_is_up_to_date(const struct flow *f, enum end end) {
  /* What was captured may wait for so long to be received: while a process has its socket in hand,
   * and others keep that from running. After a RST nothing follows that would correct us. */
  enum { RECEIVED_US = 10000, RST_RECEIVED_US = 200000 };
  int64_t received_us = f->model.rst.from == END_NONE ? RECEIVED_US : RST_RECEIVED_US;
  const struct kernel_view *view = f->kernel;
  return view->answer[end] != KERNEL_UNANSWERED &&
         view->asked_us[end] - f->model.last_us >= received_us;
}

bool kernel_holds_time_wait(const struct flow *f, enum end end) {
  const struct kernel_view *v = f->kernel;
  return v && v->answer[end] == KERNEL_FOUND && v->socket[end].state == TCPS_TIME_WAIT;
}

int64_t kernel_time_wait_left_us(const struct flow *f, enum end end, int64_t now_us) {
  if (!kernel_holds_time_wait(f, end)) return -1;
  int64_t left =
      (int64_t)f->kernel->socket[end].left_ms * 1000 - (now_us - f->kernel->asked_us[end]);
  return left > 0 ? left : 0;
}

int kernel_listening_half(struct kernel *k, const struct flow *f) {
  bool listens[2];
  for (unsigned i = 0; i < 2; i++)
    listens[i] = k->diag && kernel_diag_is_local(k->diag, f->key.family, &f->key.address[i]) &&
                 kernel_diag_listens(k->diag, f->key.family, &f->key.address[i], f->key.port[i]);
  return listens[0] == listens[1] ? -1 : listens[1];
}

/* ---- Listening ------------------------------------------------------------------------------ */

void kernel_gather(struct kernel *k) {
  if (k->trace) kernel_words_gather(&k->words, k->trace);
}

/* For a socket that goes on as a TIME_WAIT socket the kernel says CLOSED: of the RFC's CLOSED only
 * a look-up can tell it. */
static bool is_hand_over(const struct kernel_event *e) {
  return e->to == TCPS_CLOSED && (e->from == TCPS_FIN_WAIT_2 || e->from == TCPS_CLOSING);
}

/* A tail loss probe is no timeout: the kernel does not count it. While its timer's work is not done
 * the socket has no timer, and does not tell; nor does it where the next may have run out since. */
static void explain_retransmission(struct kernel *k, const struct flow *f, enum end end,
                                   struct kernel_word *word) {
  enum { TRIES = 5, RTO_MIN_US = 200000 };
  struct kernel_pair pair = pair_of(f, end);
  struct kernel_socket socket = {.timer = KERNEL_TIMER_NONE};
  for (unsigned i = 0; i < TRIES && socket.timer != KERNEL_TIMER_RETRANSMIT; i++)
    if (kernel_diag_ask(k->diag, &pair, &socket) != KERNEL_FOUND) return;
  if (socket.timer != KERNEL_TIMER_RETRANSMIT || clock_us() - word->t_us >= RTO_MIN_US) return;
  if (socket.retransmits == 0)
    snprintf(word->reason, sizeof word->reason, "tail loss probe");
  else
    snprintf(word->reason, sizeof word->reason, "timeout %u", socket.retransmits);
}

/* The first is who ended it, as a reset after close() does not change. */
static void note_closer(struct kernel_view *v, enum end end, const struct kernel_closer *closer) {
  static const char *const how[2][2] = {{"closed by ", "closed by the exit of "},
                                        {"reset by ", "reset by the exit of "}};
  struct witness_end *said = &v->witness.end[end];
  if (closer->pid == 0 || v->closer[end].pid != 0) return;
  v->closer[end] = *closer;
  snprintf(said->closer, sizeof said->closer, "%s%s%spid %d",
           how[closer->by_reset][closer->at_exit], closer->command, closer->command[0] ? ", " : "",
           (int)closer->pid);
}

/* Enters an event into the view; false when it is not worth a word. */
static bool enter(struct kernel *k, struct flow *f, enum end end, const struct kernel_event *e,
                  const struct kernel_closer *closer, struct kernel_word *word) {
  bool closes = e->kind == KERNEL_EVENT_STATE || e->kind == KERNEL_EVENT_SEND_RESET;
  struct kernel_view *v = closes ? view_of(k, f) : f->kernel;
  if (!v || !v->local[end]) return false;
  *word = (struct kernel_word){
      .flow = f, .t_us = e->t_us, .end = end, .kind = e->kind, .from = e->from, .to = e->to};
  memcpy(word->reason, e->reason, sizeof word->reason);
  struct witness_end *said = &v->witness.end[end];
  /* Another socket of the same name: the next connection, or another network namespace's. */
  if (v->told_of[end] != 0 && e->socket != 0 && v->told_of[end] != e->socket) return false;
  switch (e->kind) {
    case KERNEL_EVENT_STATE:
      v->told_of[end] = e->socket;
      note_closer(v, end, closer);
      break;
    case KERNEL_EVENT_SEND_RESET:
      if (v->told_of[end] == e->socket) note_closer(v, end, closer);
      if (v->reset_reason[end][0] == '\0')
        memcpy(v->reset_reason[end], e->reason, sizeof e->reason);
      return true;
    case KERNEL_EVENT_RETRANSMIT: explain_retransmission(k, f, end, word); return true;
    case KERNEL_EVENT_RECEIVE_RESET: return true;
    case KERNEL_EVENT_EXIT: return false; /* is not among the words */
  }
  if (e->from == e->to) return false;
  if (is_hand_over(e)) return ask_end(k, f, end, word);
  witness_told(said, e->from, e->to, e->t_us);
  return true;
}

/* A connection opens. If a late word about the one before it came first, that is forgotten. None
 * that is closing opens: its successor's SYN would have been captured. It is another network
 * namespace's. */
static void begin_anew(struct flow *f, enum end end, const struct kernel_event *e) {
  struct kernel_view *v = f->kernel;
  if (e->to != TCPS_ESTABLISHED || !v || connection_has_closed(&f->model)) return;
  v->told_of[end] = e->socket;
  v->cookie[end] = 0;
  v->answer[end] = KERNEL_UNANSWERED;
  v->closer[end].pid = 0;
  memset(&v->witness.end[end], 0, sizeof v->witness.end[end]);
}

/* An opening under a name whose last connection is still followed was told before its SYN was read.
 * It waits for that, unless nobody captured it. */
static bool is_early(struct kernel *k, const struct kernel_event *e, const struct flow *f,
                     enum end end, int64_t now_us) {
  if (e->kind != KERNEL_EVENT_STATE || e->to != TCPS_ESTABLISHED) return false;
  if (!f->kernel || f->kernel->told_of[end] == 0) return false;
  if (k->early_us == 0) k->early_us = now_us;
  return now_us - k->early_us < WORD_WAITS_US;
}

/* The first of those held back whose flow has a control segment now, or that waited long enough. */
static bool release(struct kernel *k, int64_t now_us, struct kernel_word *word) {
  for (unsigned i = 0; i < k->n_held; i++) {
    bool over = now_us - k->held[i].t_us >= WORD_WAITS_US || k->n_held == HELD_MAX;
    if (k->held[i].flow->number == 0 && !over) continue;
    *word = k->held[i];
    k->n_held--;
    memmove(&k->held[i], &k->held[i + 1], (k->n_held - i) * sizeof *k->held);
    return true;
  }
  return false;
}

/* A SYN may have begun another connection before that: whoever answers it decides. */
static bool is_undecided(const struct flow *f, const struct kernel_event *e, int64_t now_us) {
  enum { ANSWERED_US = 1000000 };
  return f->has_pending_syn && e->t_us > f->pending_us && now_us - f->pending_us <= ANSWERED_US;
}

int64_t kernel_oldest_us(const struct kernel *k) {
  const struct kernel_told *first = kernel_words_at(&k->words, 0);
  int64_t oldest_us = first ? first->event.t_us : INT64_MAX;
  for (unsigned i = 0; i < k->n_held; i++)
    if (k->held[i].t_us < oldest_us) oldest_us = k->held[i].t_us;
  return oldest_us;
}

bool kernel_next(struct kernel *k, struct flow_table *flows, int64_t until_us, int64_t now_us,
                 struct kernel_word *word) {
  unsigned left = 0;
  if (release(k, now_us, word)) return true;
  for (const struct kernel_told *at;
       (at = kernel_words_at(&k->words, left)) && at->event.t_us <= until_us;) {
    /* More may come while it is looked at. */
    const struct kernel_told told = *at;
    const struct kernel_event *e = &told.event;
    enum end end;
    struct hot *entry = flow_between(flows, e->pair.family, &e->pair.local, e->pair.local_port,
                                     &e->pair.remote, e->pair.remote_port, &end);
    /* Of one that is open, and of which the kernel has not spoken, an opening is no news. */
    bool is_news = entry && !(kernel_is_opening(e) && entry->form == FLOW_OPEN);
    struct flow *f = is_news ? flow_whole(flows, entry) : NULL;
    if (f && is_undecided(f, e, now_us)) {
      left++;
      continue;
    }
    if (f && until_us > now_us && is_early(k, e, f, end, now_us)) break;
    k->early_us = 0;
    kernel_words_take(&k->words, left);
    if (!f) continue;
    if (kernel_is_opening(e)) {
      begin_anew(f, end, e);
      continue;
    }
    if (!enter(k, f, end, e, &told.closer, word)) continue;
    if (f->number != 0) return true;
    if (e->kind == KERNEL_EVENT_STATE) k->held[k->n_held++] = *word;
    if (k->n_held == HELD_MAX) return release(k, now_us, word);
  }
  return false;
}
