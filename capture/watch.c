#include "capture/watch.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/seq.h"

/* A file's clock moves with every packet; its timers need not. */
#define TIMERS_EVERY_US INT64_C(100000)

/* Connections that are asked about, some 20 us each, before packets are looked for again. */
enum { ASKS_PER_TURN = 64 };

/* From so many closes at a time on, the kernel is not asked for a verdict that it bears out. */
enum { BUSY_CLOSES = 500 };

/* A socket is gone, and for so long nothing was captured that could have closed it. */
#define GONE_SURE_US INT64_C(300000)

/* Several queues and processors make one capture step back a little. */
#define STEP_BACK_US INT64_C(1000)

bool watch_init(struct watch *w) {
  w->last_number = 0;
  w->closes = 0;
  w->any_bad = false;
  w->last_timers_us = 0;
  w->pending_us = INT64_MAX;
  w->caught_up_us = 0;
  w->due.n_closing = 0;
  w->has_evicted = false;
  memset(&w->deadlines, 0, sizeof w->deadlines);
  memset(&w->summary, 0, sizeof w->summary);
  memset(&w->unmet, 0, sizeof w->unmet);
  w->roles = calloc(1, sizeof *w->roles);
  return w->roles && flow_table_init(&w->flows, w->max_flows);
}

void watch_destroy(struct watch *w) {
  for (uint32_t i = 0; w->kernel && i < w->flows.untouched; i++)
    kernel_forget(w->kernel, &w->flows.flows[i]);
  flow_table_destroy(&w->flows);
  free(w->roles);
  for (unsigned i = 0; i < w->n_reports; i++) w->reports[i]->class->destroy(w->reports[i]);
  w->n_reports = 0;
}

#define REPORT(w, told, function, ...)             \
  for (unsigned i_ = 0; i_ < (w)->n_reports; i_++) \
    if ((w)->reports[i_]->options.quiet <= (told)) \
  REPORT_TELL((w)->reports[i_], function, __VA_ARGS__)

void watch_flush(struct watch *w) {
  for (unsigned i = 0; i < w->n_reports; i++)
    if (w->reports[i]->out) out_flush(w->reports[i]->out);
}

/* ---- Who is the client ---------------------------------------------------------------------- */

/* Of one that has just been added. */
static void note_ports(struct watch *w, const struct flow *f) {
  if (f->roles_by == ROLES_BY_SYN)
    roles_note_server(w->roles, f->key.port[1 - f->client]);
  else
    roles_note(w->roles, f->key.port[0], f->key.port[1]);
}

/* Until something is told of the connection, what is learnt meanwhile counts. */
static void settle_roles(struct watch *w, struct flow *f) {
  if (f->roles_by == ROLES_BY_SYN || f->number != 0 || f->kernel) return;
  enum roles_by by = ROLES_BY_LISTENER;
  int server = w->kernel ? kernel_listening_half(w->kernel, f) : -1;
  if (server < 0) {
    by = ROLES_BY_PORTS;
    server = roles_server_port(w->roles, f->key.port);
  }
  if (server < 0) return;
  f->roles_by = by;
  if (server == f->client) flow_swap_roles(f);
}

/* From now on it is told of, and by this number. */
static void number(struct watch *w, struct flow *f) {
  if (f->number == 0) f->number = ++w->last_number;
}

/* ---- Verdicts ------------------------------------------------------------------------------- */

static void ask(struct watch *w, struct flow *f) {
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
  if (may_ask && flow_has_closed(f) && !(busy && is_borne_out(f))) ask(w, f);
  const struct kernel_view *view = f->kernel;
  if (!view) return;
  bool up_to_date[2] = {kernel_is_up_to_date(f, 0), kernel_is_up_to_date(f, 1)};
  if (v->ending == ENDING_CLOSE_WAIT)
    kernel_find_owner(w->kernel, f, end_other((enum end)m->first_closer));
  verdict_hear(v, m, &view->witness, up_to_date);
  if (m->rst.from != END_NONE) verdict_hear_reset(v, view->reset_reason[m->rst.from]);
}

/* Some segments were captured twice. Where nearly all are, the capture itself sees each of them in
 * two places; where some are, the network doubles them. */
static bool makes_copies(const struct report_summary *s) {
  enum { CAPTURED_TWICE_OF = 3 };
  return s->copies > 0 && s->copies < s->segments / CAPTURED_TWICE_OF;
}

/* What may be missing of it, for whoever makes a verdict. */
static void note_lacks(const struct watch *w, struct flow *f) {
  f->model.capture_incomplete = w->incomplete;
  f->model.not_all_kept = f->may_lack_begin;
  f->model.network_copies = makes_copies(&w->summary);
}

static void make_verdict(struct watch *w, struct flow *f, struct verdict *v, int64_t now_us,
                         bool may_ask) {
  note_lacks(w, f);
  verdict_make(v, &f->model, now_us);
  hear(w, f, v, may_ask);
}

static void give_verdict(struct watch *w, struct flow *f, int64_t now_us, bool may_ask) {
  struct verdict v;
  settle_roles(w, f);
  number(w, f);
  make_verdict(w, f, &v, now_us, may_ask);
  REPORT(w, REPORT_VERDICTS, verdict, f, &v, now_us);
  if (f->verdicts == 0 && flow_has_closed(f)) w->closes++;
  if (f->verdicts < UINT8_MAX) f->verdicts++;
  if (f->is_closing) w->due.n_closing--;
  f->is_closing = false;
}

/* The connection's last verdict stands. */
static void count(struct watch *w, const struct flow *f, int64_t now_us) {
  if (!tally_add(&w->summary, f, &w->demand, &w->unmet, now_us)) w->any_bad = true;
}

static void finish(struct watch *w, struct flow *f, int64_t now_us, bool may_ask) {
  if (f->verdicts == 0 || f->is_closing) give_verdict(w, f, now_us, may_ask);
  count(w, f, now_us);
}

/* Nothing is to be said of it any more. */
static void drop(struct watch *w, struct flow *f) {
  if (f->is_closing) w->due.n_closing--;
  if (w->kernel) kernel_forget(w->kernel, f);
  deadline_set(&w->deadlines, &f->deadline, DEADLINE_NEVER);
  flow_remove(&w->flows, f);
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
  if (now_us - view->asked_us >= due_ask_every_us(&w->due)) ask(w, f);
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

void watch_take_inventory(struct watch *w, kernel_wanted *wanted, void *context, int64_t now_us) {
  struct kernel_inventory inventory;
  if (w->kernel && kernel_take_inventory(w->kernel, &inventory, wanted, context))
    REPORT(w, REPORT_VERDICTS, inventory, &inventory, now_us);
}

/* ---- Timers --------------------------------------------------------------------------------- */

/* Its deadline may have come nearer. One that has moved away is seen to be early when it comes. */
static void hurry(struct watch *w, struct flow *f) {
  int64_t us = due_us(&w->due, f);
  if (us < f->deadline.at_us) deadline_set(&w->deadlines, &f->deadline, us);
}

/* False: the flow is gone. */
static bool visit(struct watch *w, struct flow *f, int64_t now_us) {
  const struct model *m = &f->model;
  if (f->is_closing) {
    consult(w, f, now_us);
    expire(w, f, now_us);
    tell_stuck(w, f, now_us);
    if (due_verdict_us(&w->due, f) > now_us) return true;
    give_verdict(w, f, now_us, true);
    flow_move(&w->flows, f, FLOW_LINGERING);
  }
  if (f->list != FLOW_LINGERING || now_us - m->last_us < w->due.two_msl_us) return true;
  expire(w, f, now_us);
  count(w, f, now_us);
  drop(w, f);
  return false;
}

static void run_timers(struct watch *w, int64_t now_us) {
  struct deadline *due;
  w->last_timers_us = now_us;
  while ((due = deadline_take(&w->deadlines, now_us))) {
    struct flow *f = (struct flow *)((char *)due - offsetof(struct flow, deadline));
    if (!visit(w, f, now_us)) continue;
    int64_t us = due_us(&w->due, f);
    deadline_set(&w->deadlines, &f->deadline, us > now_us ? us : now_us + 1);
  }
}

/* Until the first TIME_WAIT of the flow ends, INT64_MAX when there is none. */
static int64_t time_wait_left_us(const struct watch *w, const struct flow *f, int64_t now_us) {
  int64_t deadline = connection_deadline_us(&f->model);
  if (deadline == INT64_MAX) return INT64_MAX;
  int64_t left = deadline > now_us ? deadline - now_us : 0;
  for (unsigned i = 0; i < 2 && !w->due.own_clock; i++) {
    int64_t of_kernel = kernel_time_wait_left_us(f, i, now_us);
    if (of_kernel >= 0) left = of_kernel;
  }
  return left;
}

/* One line: the connection whose TIME_WAIT ends next. It is among those that ended first: behind
 * them are at most the resets of the last second. */
static void count_down(struct watch *w, int64_t now_us) {
  enum { LOOKED_AT = 64 };
  const struct flow *nearest = NULL, *f = w->flows.head[FLOW_ENDED];
  int64_t left_us = INT64_MAX;
  for (int i = 0; f && i < LOOKED_AT; f = f->next, i++) {
    int64_t left = time_wait_left_us(w, f, now_us);
    if (left >= left_us) continue;
    nearest = f;
    left_us = left;
  }
  if (nearest)
    REPORT(w, REPORT_STEPS, countdown, nearest, left_us, w->due.two_msl_us,
           due_is_held(&w->due, nearest));
}

void watch_tick(struct watch *w, int64_t now_us) {
  run_timers(w, now_us);
  REPORT(w, REPORT_SUMMARY, tick, now_us);
  if (w->due.wait) count_down(w, now_us);
  watch_flush(w);
}

/* ---- The kernel's own words ----------------------------------------------------------------- */

/* Those not later than until_us. */
static void give_words(struct watch *w, int64_t until_us, int64_t now_us) {
  struct kernel_word word;
  /* Whose they are is decided by the answer to a SYN that may begin a new connection. */
  enum { PENDING_MAX_US = 1000000 };
  if (now_us - w->pending_us > PENDING_MAX_US) w->pending_us = INT64_MAX;
  if (until_us > w->pending_us) until_us = w->pending_us;
  while (kernel_next(w->kernel, &w->flows, until_us, now_us, &word)) {
    struct flow *f = word.flow;
    number(w, f);
    REPORT(w, REPORT_STEPS, kernel, &word);
    hurry(w, f);
  }
}

void watch_listen(struct watch *w) {
  if (w->kernel) kernel_gather(w->kernel);
}

static bool attend_kernel(struct watch *w, int64_t now_us) {
  if (!w->kernel) return false;
  kernel_gather(w->kernel);
  give_words(w, INT64_MAX, now_us);
  struct flow *f = NULL;
  for (int i = 0; i < ASKS_PER_TURN; i++) {
    f = kernel_next_noticed(w->kernel);
    if (!f) return false;
    ask(w, f);
    hurry(w, f);
  }
  return true;
}

bool watch_attend(struct watch *w, int64_t now_us) {
  w->caught_up_us = now_us;
  watch_flush(w); /* what was captured is not to wait for the kernel */
  bool more = attend_kernel(w, now_us);
  watch_flush(w);
  return more;
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* Which places are given up first, should they all be needed. */
static void list(struct watch *w, struct flow *f) {
  enum flow_list list = FLOW_UNLISTED;
  if (f->is_closing && due_is_complete(&f->model, f->model.last_us))
    list = FLOW_ENDED;
  else if (!f->is_closing && f->list == FLOW_LINGERING)
    list = FLOW_LINGERING;
  else if (connection_is_half_open(&f->model))
    list = FLOW_HALF_OPEN;
  if (list != f->list || list == FLOW_ENDED) flow_move(&w->flows, f, list);
}

/* Numbers the segment, and finds those that its changes refer to. */
static void number_segment(struct flow *f, struct report_segment *event) {
  struct flow_reported *r = &f->reported;
  event->n = ++r->n;
  for (unsigned i = 0; i < event->step->n_changes; i++) {
    const struct model_change *c = &event->step->changes[i];
    unsigned what = c->event == EVENT_RCV_FIN          ? FLOW_FIN
                    : c->event == EVENT_RCV_ACK_OF_FIN ? FLOW_ACK_OF_FIN
                    : c->event == EVENT_RCV_RST        ? FLOW_RST
                                                       : FLOW_ARRIVALS;
    if (what == FLOW_ARRIVALS) continue;
    if (c->kind == CHANGE_CONFIRMED || c->kind == CHANGE_REFUTED)
      event->of_segment[i] = r->arrived[c->end][what];
    else
      r->arrived[c->end][what] = r->n;
  }
}

static void step_flow(struct watch *w, struct flow *f, enum end from, const struct segment *s) {
  struct model *m = &f->model;
  struct report_segment event = {.flow = f, .segment = s};
  struct model_step step;
  bool fresh = m->segments == 0;
  for (unsigned i = 0; i < 2; i++) {
    event.state_before[i] = m->end[i].state;
    event.evidence_before[i] = m->end[i].evidence;
  }
  int64_t waits_since = w->due.stuck_after_us ? due_waits_since_us(m) : 0;
  model_step(m, from, s, &step);
  if (w->due.stuck_after_us && due_waits_since_us(m) != waits_since) f->told_stuck = 0;
  if (fresh)
    for (unsigned i = 0; i < 2; i++) {
      event.state_before[i] = m->end[i].base;
      event.evidence_before[i] = m->end[i].base_evidence;
    }
  event.step = &step;

  bool is_control = (step.roles & (ROLES_OF_CLOSE | ROLE_RST)) || segment_has(s, SEGMENT_FIN) ||
                    step.short_of_fin || step.ignored == ACCEPT_SYN_IN_CONNECTION;
  bool closing = m->roles_seen || m->rst.t_us;
  if (!is_control && step.n_findings == 0 &&
      (!closing || (!step.in_half_close && !step.n_changes))) {
    list(w, f);
    return;
  }
  number(w, f);
  if (!f->is_closing) w->due.n_closing++;
  f->is_closing = true;
  list(w, f);
  number_segment(f, &event);
  note_lacks(w, f);
  REPORT(w, REPORT_STEPS, segment, &event);
  if (w->kernel) kernel_notice(w->kernel, f);
  hurry(w, f);
}

/* The four-tuple begins a new connection with this SYN, or FIN if no SYN was captured. */
static void reincarnate(struct watch *w, struct flow *f, struct decoded *first,
                        const struct flow_place *place, int64_t now_us, enum incarnation rule) {
  enum end from;
  /* Whoever asks now is told of the next; what was told of this one may still wait to be read. */
  if (w->kernel) {
    kernel_gather(w->kernel);
    give_words(w, now_us, now_us);
  }
  finish(w, f, now_us, false);
  if (w->kernel) kernel_forget(w->kernel, f);
  flow_restart(&w->flows, f, first, place, w->due.two_msl_us, &from);
  settle_roles(w, f);
  from = flow_end_of(f, place->half);
  if (incarnation_name(rule)) model_reuse(&f->model, rule, from, now_us);
  step_flow(w, f, from, &first->segment);
}

/* Whoever answers the pending SYN decides: a SYN,ACK, or a RST that refuses it, comes from an end
 * that had no such connection any more, for in a synchronized state it may only challenge (RFC
 * 9293, 3.10.7.4). What came before that answer was of the old one. Where the answer was not
 * captured, either end goes on with the new numbers, which the old connection had not reached. */
static bool answers_pending(const struct flow *f, enum end from, const struct segment *s) {
  if (!f->has_pending_syn || !segment_has(s, SEGMENT_ACK)) return false;
  uint32_t opened = f->pending_syn.segment.seq + 1;
  bool is_new = f->model.end[f->pending_from].stream.snd_nxt != opened;
  bool opens = segment_has(s, SEGMENT_SYN) || segment_has(s, SEGMENT_RST);
  if (f->pending_from != from) return s->ack == opened && (opens || is_new);
  return s->seq == opened && !opens && is_new;
}

/* The pending SYN has begun a new connection. */
static void accept_pending(struct watch *w, struct flow *f, enum end from,
                           const struct flow_place *answer) {
  struct decoded syn = f->pending_syn;
  struct flow_place place = *answer;
  if (from != f->pending_from) place.half = (uint8_t)(1 - place.half);
  w->pending_us = INT64_MAX;
  reincarnate(w, f, &syn, &place, syn.segment.t_us, f->pending_rule);
}

/* The FIN of a connection whose beginning was not captured: neither of its numbers is one of those
 * that the four-tuple had before, when both ends had closed, or may have. */
static bool is_anothers_fin(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  if (!f->has_fin || !segment_carries_fin(s) || !segment_has(s, SEGMENT_ACK)) return false;
  if (!p->has_fin && !m->midstream) return false;
  return segment_fin_seq(s) != f->fin_seq &&
         (seq_lt(s->ack, p->first_seq) || seq_gt(s->ack, p->stream.snd_nxt));
}

/* The next connection on a four-tuple may begin here. False: it is a segment like any other. */
static bool follow_next(struct watch *w, struct flow *f, enum end from,
                        struct watch_packet *packet) {
  const struct segment *s = &packet->decoded.segment;
  const struct endpoint *sender = &f->model.end[from];
  if (f->model.segments == 0) return false;
  if (answers_pending(f, from, s)) {
    accept_pending(w, f, from, &packet->place);
    return false;
  }
  if (is_anothers_fin(&f->model, from, s)) {
    reincarnate(w, f, &packet->decoded, &packet->place, s->t_us, INCARNATION_FREE);
    return true;
  }
  if (!segment_has(s, SEGMENT_SYN)) return false;
  if (segment_has(s, SEGMENT_ACK)) {
    const struct endpoint *peer = &f->model.end[end_other(from)];
    bool anothers = seq_lt(s->ack, peer->first_seq) || seq_gt(s->ack, peer->stream.snd_nxt);
    bool decides = !peer->has_spoken || (tcp_state_is_synchronized(sender->state) && anothers);
    if (!decides || !sender->sent_syn || sender->first_seq == s->seq) return false;
    reincarnate(w, f, &packet->decoded, &packet->place, s->t_us, INCARNATION_FREE);
    return true;
  }
  if (sender->sent_syn && sender->first_seq == s->seq) return false;
  enum incarnation rule = accept_incarnation(sender, &f->model.end[end_other(from)], s);
  if (rule == INCARNATION_FREE) {
    reincarnate(w, f, &packet->decoded, &packet->place, s->t_us, rule);
    return true;
  }
  /* An end that was silent so far opens, too: the SYNs cross (RFC 9293, 3.5). */
  if (rule == INCARNATION_NOT_OVER && !sender->has_spoken) return false;
  f->has_pending_syn = true;
  f->pending_from = from;
  f->pending_rule = rule;
  if (rule == INCARNATION_NOT_OVER) f->pending_rule = INCARNATION_FREE;
  f->pending_syn = packet->decoded;
  w->pending_us = s->t_us;
  return rule != INCARNATION_NOT_OVER;
}

/* The table is full: somebody has to go. */
static void make_room(struct watch *w, int64_t now_us) {
  struct flow *f = NULL;
  for (unsigned i = 0; !f && i < FLOW_LISTS; i++) f = w->flows.head[i];
  if (!f) f = flow_longest_idle(&w->flows);
  if (f->list == FLOW_LINGERING || f->list == FLOW_ENDED)
    w->summary.evicted.ended++;
  else if (f->list == FLOW_HALF_OPEN)
    w->summary.evicted.half_open++;
  else
    w->summary.evicted.idle++;
  bool is_settled =
      due_is_complete(&f->model, now_us) && now_us - f->model.last_us >= due_settle_us(&f->model);
  if (!is_settled) w->has_evicted = f->may_lack_begin = true;
  if (f->number != 0) finish(w, f, now_us, true);
  drop(w, f);
}

/* The first payload says what a connection is about; what comes later is not looked into. */
static void note_text(struct flow *f, const struct watch_packet *packet) {
  bool *has_payload = &f->has_payload[packet->place.half];
  if (packet->decoded.segment.payload_bytes == 0 || *has_payload) return;
  *has_payload = true;
  if (packet->has_text) f->has_text = true;
}

static void follow(struct watch *w, struct watch_packet *packet) {
  enum end from;
  struct decoded *decoded = &packet->decoded;
  struct flow *f = flow_find(&w->flows, &packet->place, &from);
  if (!f) {
    if (w->flows.used == w->flows.max) make_room(w, packet->t_us);
    f = flow_add(&w->flows, &packet->place, decoded, w->due.two_msl_us, &from);
    if (!f) {
      w->summary.not_followed++;
      return;
    }
    bool begins = segment_has(&decoded->segment, SEGMENT_SYN);
    f->may_lack_begin = w->has_evicted && !begins;
    note_ports(w, f);
    settle_roles(w, f);
  } else if (decoded->segment.flags & (SEGMENT_FIN | SEGMENT_RST)) {
    settle_roles(w, f);
  }
  from = flow_end_of(f, packet->place.half);
  if (flow_is_copy(f, decoded, from) ||
      (w->ran_backwards && flow_repeats(f, from, &decoded->segment))) {
    w->summary.copies++;
    return;
  }
  if (follow_next(w, f, from, packet)) return;
  note_text(f, packet);
  step_flow(w, f, flow_end_of(f, packet->place.half), &decoded->segment);
}

static void take(struct watch *w, struct watch_packet *packet) {
  int64_t t_us = packet->t_us;
  if (t_us > w->newest_us) w->newest_us = t_us;
  if (!w->live && w->newest_us - t_us > STEP_BACK_US) w->ran_backwards = true;
  if (!w->live && t_us - w->last_timers_us >= TIMERS_EVERY_US) run_timers(w, t_us);
  if (w->kernel) give_words(w, t_us, t_us);
  switch (packet->result) {
    case DECODE_SEGMENT:
      w->summary.segments++;
      packet->decoded.segment.t_us = t_us;
      follow(w, packet);
      break;
    case DECODE_NOT_TCP: w->summary.other[packet->decoded.kind]++; break;
    case DECODE_FRAGMENT: w->summary.fragments++; break;
    case DECODE_TRUNCATED: w->summary.truncated++; break;
    case DECODE_MALFORMED: w->summary.malformed++; break;
  }
}

void watch_packets(struct watch *w, struct watch_packet packets[], unsigned n) {
  for (unsigned i = 0; i < n; i++)
    if (packets[i].result == DECODE_SEGMENT)
      flow_locate(&w->flows, &packets[i].decoded, &packets[i].place);
  for (unsigned i = 0; i < n; i++)
    if (packets[i].result == DECODE_SEGMENT) flow_prefetch(&w->flows, &packets[i].place);
  for (unsigned i = 0; i < n; i++) take(w, &packets[i]);
}

void watch_end(struct watch *w, int64_t now_us) {
  run_timers(w, now_us);
  uint32_t n;
  struct flow **rest = flow_in_order_of_closes(&w->flows, &n);
  for (uint32_t i = 0; i < n; i++) {
    struct flow *f = rest ? rest[i] : &w->flows.flows[i];
    if (!f->in_use || f->model.segments == 0) continue;
    if (!flow_has_closed(f)) w->summary.still_open++;
    finish(w, f, now_us, true);
  }
  bool in_order = rest != NULL;
  free(rest);
  if (w->kernel) w->summary.kernel.events_lost = kernel_lost(w->kernel);
  w->summary.t_us = now_us;
  REPORT(w, REPORT_SUMMARY, summary, &w->summary);
  watch_flush(w);
  for (unsigned i = 0; i < w->n_reports && !in_order; i++)
    if (w->reports[i]->out) w->reports[i]->out->error = ENOMEM; /* all of it, but not as promised */
}
