#include "capture/watch.h"

#include <stdlib.h>
#include <string.h>

#include "capture/conclude.h"
#include "capture/flow_turn.h"
#include "capture/pool.h"
#include "capture/told.h"
#include "capture/twice.h"
#include "common/model/seq.h"

/* A file's clock moves with every packet; its timers need not. */
#define TIMERS_EVERY_US INT64_C(100000)

/* Connections that are asked about, some 20 us each, before packets are looked for again. */
enum { ASKS_PER_TURN = 64 };

/* Several queues and processors make one capture step back a little. */
#define STEP_BACK_US INT64_C(1000)

void watch_begin(struct watch *w, bool counts) {
  bool at_once = counts || w->live || w->due.wait || w->demand.given;
  w->keeps_closes = w->retells = !at_once;
  for (unsigned i = 0; i < w->n_reports; i++) {
    const struct report *r = w->reports[i];
    if (r->options.quiet < REPORT_SUMMARY) w->tells_verdicts = true;
    if (r->class->counted && r->options.sample_of == 0) continue;
    if (r->options.quiet < REPORT_SUMMARY) w->tells_ordinary = true;
    bool takes_retold = r->class->takes_retold && !r->options.verbose;
    bool takes_steps = r->options.quiet < REPORT_VERDICTS;
    w->retells = w->retells && takes_retold;
    w->retells_steps = w->retells_steps || takes_steps;
    if (takes_steps && !takes_retold) w->keeps_closes = false;
  }
  if (w->tells_verdicts && w->due.prompt) w->keeps_closes = false;
  w->flows.ordinaries.tells_time_wait = w->tells_verdicts;
}

bool watch_init(struct watch *w) {
  if (w->live) pool_grow_steadily();
  w->last_number = 0;
  w->closes = 0;
  w->any_bad = false;
  w->last_timers_us = w->caught_up_us = w->listened_us = w->written_us = 0;
  w->due.n_closing = 0;
  w->has_evicted = w->keeps_closes = w->tells_verdicts = false;
  w->tells_ordinary = w->retells = w->retells_steps = false;
  memset(&w->deadlines, 0, sizeof w->deadlines);
  memset(&w->summary, 0, sizeof w->summary);
  memset(&w->unmet, 0, sizeof w->unmet);
  w->roles = calloc(1, sizeof *w->roles);
  w->copies = pool_reserve(sizeof *w->copies);
  return w->roles && w->copies && retold_init(&w->retold) &&
         flow_table_init(&w->flows, w->max_flows, w->due.two_msl_us);
}

void watch_destroy(struct watch *w) {
  conclude_forget(w);
  flow_table_destroy(&w->flows);
  pool_give_back(w->copies, sizeof *w->copies);
  retold_destroy(&w->retold);
  free(w->roles);
  for (unsigned i = 0; i < w->n_reports; i++) w->reports[i]->class->destroy(w->reports[i]);
  w->n_reports = 0;
}

void watch_flush(struct watch *w) {
  for (unsigned i = 0; i < w->n_reports; i++)
    if (w->reports[i]->out) out_flush(w->reports[i]->out);
}

/* ---- The clock ------------------------------------------------------------------------------- */

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
  const struct flow *nearest = NULL;
  struct hot *e = flow_first(&w->flows, FLOW_ENDED);
  int64_t left_us = INT64_MAX;
  for (int i = 0; e && i < LOOKED_AT; e = flow_next(&w->flows, e), i++) {
    const struct flow *f = flow_whole(&w->flows, e);
    int64_t left = time_wait_left_us(w, f, now_us);
    if (left >= left_us) continue;
    nearest = f;
    left_us = left;
  }
  if (nearest)
    REPORT(w, REPORT_STEPS, countdown, nearest, left_us, w->due.two_msl_us,
           due_is_held(&w->due, nearest));
}

/* A packet, and an event, bears a time shortly before it could be read. A word that waits for a
 * segment holds up others, but not for ever. */
static void tell_heard(struct watch *w) {
  enum { CAPTURED_US = 250 };
  if (!w->kernel) return;
  int64_t read_us = w->caught_up_us > w->newest_us ? w->caught_up_us : w->newest_us;
  int64_t heard_us = (read_us < w->listened_us ? read_us : w->listened_us) - CAPTURED_US;
  int64_t until_us = kernel_oldest_us(w->kernel) - 1;
  if (until_us > heard_us) until_us = heard_us;
  if (until_us < heard_us - REPORT_WAIT_US) until_us = heard_us - REPORT_WAIT_US;
  REPORT(w, REPORT_SUMMARY, heard, until_us);
}

/* What stands in order is written, also while there is no end of packets. */
static void write_heard(struct watch *w) {
  tell_heard(w);
  watch_flush(w);
  w->written_us = w->listened_us;
}

void watch_tick(struct watch *w, int64_t now_us) {
  (void)conclude_due(w, now_us);
  REPORT(w, REPORT_SUMMARY, tick, &w->summary, now_us);
  if (w->due.wait) count_down(w, now_us);
  write_heard(w);
}

/* ---- The kernel's own words ----------------------------------------------------------------- */

/* Those not later than until_us. */
static void give_words(struct watch *w, int64_t until_us, int64_t now_us) {
  struct kernel_word word;
  while (kernel_next(w->kernel, &w->flows, until_us, now_us, &word)) {
    struct flow *f = word.flow;
    conclude_number(w, f);
    REPORT(w, REPORT_STEPS, kernel, &word);
    conclude_hurry(w, f);
  }
}

void watch_listen(struct watch *w, int64_t now_us) {
  w->listened_us = now_us;
  if (w->kernel) kernel_gather(w->kernel);
}

static bool attend_kernel(struct watch *w, int64_t now_us) {
  if (!w->kernel) return false;
  watch_listen(w, now_us);
  give_words(w, INT64_MAX, now_us);
  struct flow *f = NULL;
  for (int i = 0; i < ASKS_PER_TURN; i++) {
    f = kernel_next_noticed(w->kernel);
    if (!f) return false;
    conclude_ask(w, f);
    conclude_hurry(w, f);
  }
  return true;
}

void watch_take_inventory(struct watch *w, kernel_wanted *wanted, void *context, int64_t now_us) {
  struct kernel_inventory inventory;
  if (w->kernel && kernel_take_inventory(w->kernel, &inventory, wanted, context))
    REPORT(w, REPORT_VERDICTS, inventory, &inventory, now_us);
}

bool watch_attend(struct watch *w, int64_t now_us) {
  w->caught_up_us = w->listened_us;
  watch_flush(w); /* what was captured is not to wait for the kernel */
  bool more = attend_kernel(w, now_us);
  if (w->live && conclude_due(w, now_us)) more = true;
  write_heard(w);
  return more;
}

/* ---- Segments ------------------------------------------------------------------------------- */

/* Which places are given up first, should they all be needed. */
static void list(struct watch *w, struct flow *f) {
  struct hot *e = flow_entry_of(&w->flows, f);
  enum flow_list list = FLOW_UNLISTED;
  if (f->is_closing && due_is_complete(&f->model, f->model.last_us))
    list = FLOW_ENDED;
  else if (!f->is_closing && e->list == FLOW_LINGERING)
    list = FLOW_LINGERING;
  else if (connection_is_half_open(&f->model))
    list = FLOW_HALF_OPEN;
  if (list != e->list || list == FLOW_ENDED) flow_move(&w->flows, e, list);
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

  if (told_by_all(m, from, s)) {
    conclude_number(w, f);
    REPORT(w, REPORT_STEPS, sighting, f, from, s);
  }
  if (!told_is_wanted(m, s, &step)) {
    list(w, f);
    return;
  }
  conclude_number(w, f);
  if (!f->is_closing) w->due.n_closing++;
  f->is_closing = true;
  list(w, f);
  told_number(f, &event);
  conclude_lacks(w, f);
  REPORT(w, REPORT_STEPS, segment, &event);
  if (w->kernel) kernel_notice(w->kernel, f, from, s->t_us);
  conclude_hurry(w, f);
}

/* A connection shows itself with its SYN, if that is its first segment. */
static void open_flow(struct watch *w, struct hot *e, const struct segment *s) {
  if (!segment_has(s, SEGMENT_SYN) || segment_has(s, SEGMENT_ACK)) return;
  flow_open(&w->flows, e, ++w->last_number);
  for (unsigned i = 0; i < w->n_reports; i++) {
    struct report *r = w->reports[i];
    if (r->class->opened && r->options.quiet == REPORT_STEPS)
      r->class->opened(r, flow_whole(&w->flows, e), s->t_us);
  }
}

/* The four-tuple begins a new connection with this SYN, or FIN if no SYN was captured. */
static void reincarnate(struct watch *w, struct flow *f, struct decoded *first,
                        const struct flow_place *place, int64_t now_us, enum incarnation rule) {
  enum end from;
  int64_t since_us = f->has_pending_syn ? f->pending_us : first->segment.t_us;
  f->has_pending_syn = false;
  /* Whoever asks now is told of the next; what was told of this one may still wait to be read. */
  if (w->kernel) {
    kernel_gather(w->kernel);
    give_words(w, now_us, now_us);
    kernel_retract(f, since_us);
  }
  f->model.superseded = true;
  conclude_now(w, f, now_us, false);
  if (w->kernel) kernel_forget(w->kernel, f);
  flow_restart(&w->flows, f, first, place, &from);
  open_flow(w, flow_entry_of(&w->flows, f), &first->segment);
  conclude_roles(w, f);
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
                           const struct flow_place *answer, int64_t answer_us) {
  struct decoded syn = f->pending_syn;
  struct flow_place place = *answer;
  if (from != f->pending_from) place.half = (uint8_t)(1 - place.half);
  f->has_pending_syn = false;
  /* What the kernel told until the answer was of the old one, too. */
  if (w->kernel) {
    kernel_gather(w->kernel);
    give_words(w, answer_us - 1, answer_us);
  }
  reincarnate(w, f, &syn, &place, syn.segment.t_us, f->pending_rule);
}

/* Of a connection whose beginning was not captured: neither of its numbers is one of those that the
 * four-tuple had before, when both ends had closed, or may have. */
static bool is_anothers(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  bool has_fin = segment_carries_fin(s);
  if (!segment_has(s, SEGMENT_ACK) || segment_has(s, SEGMENT_RST)) return false;
  if (segment_has(s, SEGMENT_SYN)) {
    bool other_isn =
        f->sent_syn ? s->seq != f->first_seq : f->has_seq && s->seq + 1 != f->first_seq;
    if (!other_isn || !(tcp_state_is_synchronized(f->state) || !p->has_spoken)) return false;
  } else if (f->has_fin && !f->fin_is_void) {
    bool over = p->has_fin || !p->has_spoken || f->heard_more || (has_fin && m->midstream);
    bool beside = seq_lt(s->seq, f->first_seq) || seq_gt(s->seq, f->fin_seq + 1);
    if (!over || !beside) return false;
  } else if (!has_fin || !p->has_fin || !m->midstream || seq_leq(s->seq, f->stream.snd_nxt)) {
    return false;
  }
  return !p->has_spoken || seq_lt(s->ack, p->first_seq) || seq_gt(s->ack, p->stream.snd_nxt);
}

/* The next connection on a four-tuple may begin here. False: it is a segment like any other. */
static bool follow_next(struct watch *w, struct flow *f, enum end from,
                        struct watch_packet *packet) {
  const struct segment *s = &packet->decoded.segment;
  const struct endpoint *sender = &f->model.end[from];
  if (f->model.segments == 0) return false;
  if (answers_pending(f, from, s)) {
    accept_pending(w, f, from, &packet->place, s->t_us);
    return false;
  }
  if (is_anothers(&f->model, from, s)) {
    reincarnate(w, f, &packet->decoded, &packet->place, s->t_us, INCARNATION_FREE);
    return true;
  }
  if (!segment_has(s, SEGMENT_SYN) || segment_has(s, SEGMENT_ACK)) return false;
  if (sender->sent_syn && sender->first_seq == s->seq) return false;
  enum incarnation rule = accept_incarnation(sender, &f->model.end[end_other(from)], s);
  if (s->t_us < f->model.last_us) rule = INCARNATION_FREE; /* files were joined */
  if (rule == INCARNATION_FREE) {
    reincarnate(w, f, &packet->decoded, &packet->place, s->t_us, rule);
    return true;
  }
  /* An end that was silent so far opens, too: the SYNs cross (RFC 9293, 3.5). */
  if (rule == INCARNATION_NOT_OVER && !sender->has_spoken) return false;
  bool again = f->has_pending_syn && f->pending_syn.segment.seq == s->seq;
  if (!again) f->pending_us = s->t_us;
  f->has_pending_syn = true;
  f->pending_from = from;
  f->pending_rule = rule;
  if (rule == INCARNATION_NOT_OVER) f->pending_rule = INCARNATION_FREE;
  f->pending_syn = packet->decoded;
  f->model.reopened[from] = true;
  return rule != INCARNATION_NOT_OVER;
}

/* The table is full: somebody has to go. */
static void make_room(struct watch *w, int64_t now_us) {
  struct hot *e = flow_first_to_go(&w->flows);
  if (e->list == FLOW_LINGERING || e->list == FLOW_ENDED || e->list == FLOW_ORDINARY_ENDED)
    w->summary.evicted.ended++;
  else if (e->list == FLOW_HALF_OPEN)
    w->summary.evicted.half_open++;
  else
    w->summary.evicted.idle++;
  if (e->list == FLOW_ORDINARY_ENDED && !conclude_tells(w, e) &&
      now_us - flow_last_us(&w->flows, e) >= DUE_SETTLE_US) {
    flow_prefetch_after(&w->flows, e);
    conclude_ordinary(w, e);
    flow_remove_ordinary(&w->flows, e);
    return;
  }
  struct flow *f = conclude_whole(w, e);
  bool is_settled =
      due_is_complete(&f->model, now_us) && now_us - f->model.last_us >= due_settle_us(&f->model);
  if (!is_settled) w->has_evicted = f->may_lack_begin = true;
  if (flow_is_told(f)) conclude_now(w, f, now_us, true);
  conclude_drop(w, f);
}

/* The first payload says what a connection is about; what comes later is not looked into. */
static void note_text(struct hot *e, const struct watch_packet *packet) {
  if (packet->decoded.segment.payload_bytes == 0) return;
  if (flow_is_first_payload(e, packet->place.half) && packet->has_text) e->has_text = true;
}

/* The model takes the segment. */
static void follow_whole(struct watch *w, struct hot *e, bool is_new, struct watch_packet *packet) {
  const struct segment *s = &packet->decoded.segment;
  struct flow *f = conclude_whole(w, e);
  if (is_new || (s->flags & (SEGMENT_FIN | SEGMENT_RST))) conclude_roles(w, f);
  enum end from = flow_end_of(f, packet->place.half);
  if ((w->ran_backwards || connection_may_be_joined(&f->model)) &&
      connection_repeats(&f->model, from, s)) {
    twice_note(w, f, from, s, true);
  } else if (!follow_next(w, f, from, packet)) {
    note_text(e, packet);
    f->has_text = e->has_text;
    twice_note(w, f, from, s, false);
    step_flow(w, f, flow_end_of(f, packet->place.half), s);
  }
  conclude_shrink(w, f);
}

/* Of one that has just been added. */
static void note_ports(struct watch *w, const struct hot *e) {
  if (e->roles_by == ROLES_BY_SYN)
    roles_note_server(w->roles, e->port[1 - e->client]);
  else
    roles_note(w->roles, e->port[0], e->port[1]);
}

/* The segment was just written down. */
static void retell_step(struct watch *w, const struct hot *e, enum end from,
                        const struct segment *s) {
  struct retold_step *told = retold_tell_step(&w->retold, &w->flows, e);
  if (told->is_new) told->is_told = told_is_wanted(&told->flow.model, s, &told->last.step);
  if (told->is_new && told->is_told) told_number(&told->flow, &told->event);
  told->event.segment = s;
  if (told_by_all(&told->flow.model, from, s))
    REPORT(w, REPORT_STEPS, sighting, &told->flow, from, s);
  if (told->is_told) REPORT(w, REPORT_STEPS, segment, &told->event);
}

static void follow(struct watch *w, struct watch_packet *packet) {
  enum end from;
  struct decoded *decoded = &packet->decoded;
  unsigned before = copies_note(w->copies, packet->place.segment_hash, decoded);
  struct hot *e = flow_find(&w->flows, &packet->place, &from);
  if (before > 0) {
    twice_note_copy(w, e, from, &decoded->segment, before);
    return;
  }
  bool is_new = !e;
  if (is_new) {
    if (flow_is_full(&w->flows)) make_room(w, packet->t_us);
    e = flow_add(&w->flows, &packet->place, decoded, &from);
    if (!e) {
      w->summary.not_followed++;
      return;
    }
    e->lacks_begin = w->has_evicted && !segment_has(&decoded->segment, SEGMENT_SYN);
    note_ports(w, e);
    open_flow(w, e, &decoded->segment);
  }
  /* What may be another tap's takes the model to tell. */
  bool is_small = e->form == FLOW_OPEN || e->form == FLOW_ORDINARY;
  if (is_small && w->ran_backwards && packet->t_us <= flow_last_us(&w->flows, e)) is_small = false;
  if (is_small && ((e->form == FLOW_OPEN && flow_step(&w->flows, e, from, &decoded->segment)) ||
                   (w->keeps_closes && flow_close(&w->flows, e, from, &decoded->segment)))) {
    note_text(e, packet);
    if (w->retells_steps && e->form == FLOW_ORDINARY) retell_step(w, e, from, &decoded->segment);
  } else {
    follow_whole(w, e, is_new, packet);
  }
}

static void take(struct watch *w, struct watch_packet *packet) {
  /* The model's time 0 is "never"; a file that somebody made may begin there. */
  int64_t t_us = packet->t_us != 0 ? packet->t_us : 1;
  if (t_us > w->newest_us) w->newest_us = t_us;
  if (!w->live && w->newest_us - t_us > STEP_BACK_US) w->ran_backwards = true;
  if (!w->live && t_us - w->last_timers_us >= TIMERS_EVERY_US) (void)conclude_due(w, t_us);
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
  for (unsigned i = 0; i < n; i++) {
    if (packets[i].result != DECODE_SEGMENT) continue;
    flow_prefetch(&w->flows, &packets[i].place);
    copies_prefetch(w->copies, packets[i].place.segment_hash);
  }
  for (unsigned i = 0; i < n; i++)
    if (packets[i].result == DECODE_SEGMENT) flow_prefetch_whole(&w->flows, &packets[i].place);
  for (unsigned i = 0; i < n; i++) take(w, &packets[i]);
  enum { WRITE_EVERY_US = 1000 };
  if (w->live && n > 0) (void)conclude_due(w, w->newest_us);
  if (w->live && w->listened_us - w->written_us >= WRITE_EVERY_US) write_heard(w);
}

uint32_t watch_number(const struct watch *w, const struct watch_packet *packet) {
  enum end from;
  if (packet->result != DECODE_SEGMENT) return 0;
  const struct hot *e = flow_find(&w->flows, &packet->place, &from);
  return e ? flow_number(&w->flows, e) : 0;
}

void watch_end(struct watch *w, int64_t now_us) {
  while (conclude_due(w, now_us)) continue;
  w->flows.told_ordinary = !w->tells_ordinary;
  for (uint32_t i = 0; !w->tells_ordinary && i < w->flows.entries.untouched; i++) {
    struct hot *e = flow_entry(&w->flows, i);
    __builtin_prefetch(flow_behind(&w->flows, i));
    if (e->list != FLOW_ORDINARY_ENDED) continue;
    if (conclude_tells(w, e))
      (void)conclude_whole(w, e);
    else
      conclude_ordinary(w, e);
  }
  for (struct hot *e; (e = flow_first_to_close(&w->flows));) {
    if (e->list == FLOW_ORDINARY_ENDED && conclude_retold(w, e, false, now_us)) continue;
    struct flow *f = conclude_whole(w, e);
    if (!connection_has_closed(&f->model)) w->summary.still_open++;
    conclude_now(w, f, now_us, true);
    conclude_drop(w, f);
  }
  if (w->kernel) w->summary.kernel.events_lost = kernel_lost(w->kernel);
  w->summary.t_us = now_us;
  REPORT(w, REPORT_SUMMARY, summary, &w->summary);
  watch_flush(w);
}
