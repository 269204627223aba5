#include "tests/histories.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/model/seq.h"

enum { EVENTS_MAX = 64, CHOICES_MAX = 256, TOLD_MAX = 96, DATA_BYTES = 100, RETRIES_MAX = 4 };
static const int64_t BEGIN_US = 1000000, RTO_US = 200000, FIN_WAIT_2_US = 60000000,
                     LAST_US = 140000000;
/* Near the wrap: the client's data and FIN come after octet 2^32 - 1. */
static const uint32_t ISS[2] = {UINT32_MAX - 30, 0x7ffffff0};

enum event_kind {
  AT_TAP,
  ARRIVES,
  TIMER,
  ACK_TIMER,
  FIN_WAIT_2_TIMER,
  WRITES,
  CLOSES,
  DIES,
  FORGETS
};

struct event {
  int64_t t_us;
  uint32_t order; /* among those of one time */
  enum event_kind kind;
  enum end who; /* whose timer or call; whose segment */
  uint32_t generation;
  bool lost, twice;
  int64_t delay_us;
  struct segment segment;
};

struct host {
  uint32_t snd_una, snd_nxt, rcv_nxt, data_end, fin_seq;
  uint32_t ts_recent, fin_tsval, last_ack_sent, timer, ack_timer; /* the timers' generations */
  uint32_t ahead_left, ahead_right;                               /* what came beyond a hole */
  int64_t rto_us;
  unsigned retries;
  bool has_fin, got_fin, ahead_has_fin, closed_by_app, orphan, ack_pending, gone, was_last_ack,
      fin_wait_2_over, unread, dead, fin_first;
};

static struct {
  const struct history_config *config;
  struct host host[2];
  struct event events[EVENTS_MAX];
  unsigned n_events;
  uint32_t order;
  int64_t now_us;
  struct truth truth;
  struct model model;
  history_check *check;
  bool from_opening;
  /* The choices of this history: taken, and out of how many. */
  uint8_t taken[CHOICES_MAX], of[CHOICES_MAX];
  unsigned n_choices, n_set, left;
  struct {
    int64_t t_us;
    enum end from;
    const char *what;
    struct segment segment;
  } told[TOLD_MAX];
  unsigned n_told;
} h;

/* ---- Choices -------------------------------------------------------------------------------- */

static unsigned choose(unsigned n) {
  if (h.n_choices == CHOICES_MAX || h.left == 0) return 0;
  unsigned at = h.n_choices++;
  if (at >= h.n_set) h.taken[at] = 0;
  h.of[at] = (uint8_t)n;
  if (h.taken[at] > 0) h.left--;
  return h.taken[at];
}

/* The next sequence of choices, or false. */
static bool next_history(void) {
  for (h.n_set = h.n_choices; h.n_set > 0; h.n_set--)
    if (++h.taken[h.n_set - 1] < h.of[h.n_set - 1]) return true;
  return false;
}

/* ---- Telling -------------------------------------------------------------------------------- */

static void tell(const char *what, enum end from, const struct segment *s) {
  if (h.n_told == TOLD_MAX) return;
  h.told[h.n_told].t_us = h.now_us;
  h.told[h.n_told].from = from;
  h.told[h.n_told].what = what;
  h.told[h.n_told++].segment = s ? *s : (struct segment){0};
}

void histories_tell(const struct history_config *config) {
  printf("# %s\n", config->name);
  for (unsigned i = 0; i < h.n_told; i++) {
    const struct segment *s = &h.told[i].segment;
    enum end from = h.told[i].from;
    printf("#   %9.3f ms %s %s", (double)(h.told[i].t_us - BEGIN_US) / 1e3, end_name(from),
           h.told[i].what);
    if (s->flags)
      printf(" %s%s%s%s seq=%u ack=%u len=%u ts=%u/%u%s", s->flags & SEGMENT_SYN ? "S" : "",
             s->flags & SEGMENT_FIN ? "F" : "", s->flags & SEGMENT_RST ? "R" : "",
             s->flags & SEGMENT_ACK ? "A" : "", s->seq - ISS[from], s->ack - ISS[end_other(from)],
             s->payload_bytes, s->tsval, s->tsecr, segment_has_dsack(s) ? " D-SACK" : "");
    printf("\n");
  }
}

/* ---- Events --------------------------------------------------------------------------------- */

static struct event *add_event(int64_t t_us, enum event_kind kind, enum end who) {
  assert(h.n_events < EVENTS_MAX);
  struct event *e = &h.events[h.n_events++];
  *e = (struct event){.t_us = t_us, .order = h.order++, .kind = kind, .who = who};
  return e;
}

static struct event take_event(void) {
  unsigned first = 0;
  for (unsigned i = 1; i < h.n_events; i++)
    if (h.events[i].t_us < h.events[first].t_us ||
        (h.events[i].t_us == h.events[first].t_us && h.events[i].order < h.events[first].order))
      first = i;
  struct event e = h.events[first];
  h.events[first] = h.events[--h.n_events];
  return e;
}

/* ---- The channel ---------------------------------------------------------------------------- */

enum fate {
  PASSES,
  LOST_BEFORE_TAP,
  LOST_AFTER_TAP,
  TWICE,
  LATE_AFTER_TAP,
  LATE_BEFORE_TAP,
  SLOW_AFTER_TAP,
  FATES,
};

static int64_t leg_us(enum end from, bool after) {
  return h.config->leg_us[(from == END_CLIENT) == after ? 1 : 0];
}

static bool covers_fin_of(enum end who, const struct segment *s) {
  return h.host[who].has_fin && segment_has(s, SEGMENT_ACK) && seq_gt(s->ack, h.host[who].fin_seq);
}

static void count_loss(enum end from, const struct segment *s, unsigned place) {
  tell(place == LOST_BEFORE ? "LOST or late before the tap" : "LOST or late after the tap", from,
       s);
  if (segment_has(s, SEGMENT_FIN)) h.truth.end[from].fin_lost[place]++;
  if (segment_has(s, SEGMENT_RST)) h.truth.end[from].rst_lost = true;
  if (covers_fin_of(end_other(from), s)) h.truth.end[end_other(from)].ack_lost[place]++;
}

static void launch(enum end from, const struct segment *s) {
  enum { LATE_US = 700000, SLOW_US = 30000 };
  enum fate fate = (enum fate)choose(FATES);
  tell("sends", from, s);
  if (segment_has(s, SEGMENT_FIN)) h.truth.end[from].fin_sent++;
  if (covers_fin_of(end_other(from), s)) h.truth.end[end_other(from)].ack_was_sent = true;
  if (fate == LOST_BEFORE_TAP) {
    count_loss(from, s, LOST_BEFORE);
    return;
  }
  int64_t late_us = fate == LATE_BEFORE_TAP ? LATE_US : 0;
  if (fate == LATE_BEFORE_TAP) count_loss(from, s, LOST_BEFORE);
  /* Without timestamps of its own nothing tells it from a repetition. */
  bool fin = segment_has(s, SEGMENT_FIN), nameless = !h.config->timestamps ||
                                                     h.config->filter != FILTER_NONE ||
                                                     s->tsval == h.host[from].fin_tsval;
  if (fate == LATE_BEFORE_TAP && fin && nameless) h.truth.end[from].nameless = true;
  if (fin) h.host[from].fin_tsval = s->tsval;
  struct event *e = add_event(h.now_us + leg_us(from, false) + late_us, AT_TAP, from);
  e->segment = *s;
  e->lost = fate == LOST_AFTER_TAP;
  e->twice = fate == TWICE;
  e->delay_us = fate == LATE_AFTER_TAP ? LATE_US : fate == SLOW_AFTER_TAP ? SLOW_US : 0;
}

static bool is_captured(enum end from, const struct segment *s) {
  switch (h.config->filter) {
    case FILTER_NONE:
    case FILTER_COUNT: return true;
    case FILTER_FLAGS: return s->flags & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST);
    case FILTER_BARE_ACKS: return segment_len(s) > 0 || segment_has(s, SEGMENT_RST);
    case FILTER_FROM_CLIENT: return from == END_CLIENT;
    case FILTER_FROM_SERVER: return from == END_SERVER;
    case FILTER_HANDSHAKE: return !h.from_opening;
  }
  return true;
}

static void update_truth(void) {
  for (unsigned i = 0; i < 2; i++) {
    const struct host *x = &h.host[i];
    h.truth.end[i].fin_acked = x->has_fin && seq_gt(x->snd_una, x->fin_seq);
    h.truth.end[i].peer_closed = x->got_fin;
    h.truth.end[i].fin_first = x->has_fin && x->fin_first;
    h.truth.end[i].app_closed = x->closed_by_app;
    h.truth.end[i].gone = x->gone || x->dead;
  }
}

static void capture(enum end from, const struct segment *s) {
  struct model_step step;
  if (!is_captured(from, s)) return;
  tell("(captured)", from, s);
  struct segment seen = *s;
  seen.t_us = h.now_us;
  model_expire(&h.model, h.now_us, &step);
  model_step(&h.model, from, &seen, &step);
  update_truth();
  h.check(h.config, &h.truth, &h.model, h.now_us);
}

static void at_tap(const struct event *e) {
  capture(e->who, &e->segment);
  if (e->lost) {
    count_loss(e->who, &e->segment, LOST_AFTER);
    return;
  }
  /* What comes later than it would be repeated is as good as lost, and nobody can tell. */
  if (e->delay_us > RTO_US) count_loss(e->who, &e->segment, LOST_AFTER);
  for (unsigned i = 0; i < (e->twice ? 2U : 1U); i++) {
    struct event *a = add_event(h.now_us + leg_us(e->who, true) + e->delay_us, ARRIVES, e->who);
    a->segment = e->segment;
  }
}

/* ---- Sending -------------------------------------------------------------------------------- */

static struct segment make(enum end who, unsigned flags, uint32_t seq, uint32_t payload) {
  const struct host *x = &h.host[who];
  struct segment s = {.flags = (uint8_t)flags, .seq = seq, .payload_bytes = payload};
  s.window = UINT16_MAX;
  if (flags & SEGMENT_ACK) s.ack = x->rcv_nxt;
  if (h.config->timestamps && !(flags & SEGMENT_RST)) {
    s.options |= SEGMENT_HAS_TIMESTAMPS;
    s.tsval = (uint32_t)(h.now_us / 1000) + (who ? 0x80000000U : 0xfffffc00U);
    s.tsecr = x->ts_recent;
  }
  return s;
}

static void send_segment(enum end who, struct segment s) {
  struct host *x = &h.host[who];
  bool bsd = h.config->stack[who] == STACK_BSD && x->has_fin && !x->gone &&
             seq_leq(x->snd_una, x->fin_seq);
  if (bsd && segment_len(&s) == 0 && !(s.flags & SEGMENT_RST)) {
    s.flags |= SEGMENT_FIN;
    s.seq = x->fin_seq;
  }
  x->ack_pending = false;
  x->last_ack_sent = s.ack;
  launch(who, &s);
}

static void send_ack(enum end who, bool duplicate, uint32_t left, uint32_t right) {
  struct segment s = make(who, SEGMENT_ACK, h.host[who].snd_nxt, 0);
  if (duplicate && h.config->sack) {
    s.options |= SEGMENT_HAS_SACK;
    s.sack_left = left;
    s.sack_right = right;
  }
  send_segment(who, s);
}

static void arm(enum end who) {
  struct host *x = &h.host[who];
  x->timer++;
  if (x->snd_una == x->snd_nxt || x->gone) return;
  /* A tail loss probe, or an estimate that is too short. */
  int64_t wait_us = choose(2) ? (h.config->leg_us[0] + h.config->leg_us[1]) : x->rto_us;
  add_event(h.now_us + wait_us + 1000, TIMER, who)->generation = x->timer;
}

static void send_reset(enum end who, struct segment rst, uint32_t causes) {
  h.truth.end[who].causes |= causes;
  launch(who, &rst);
}

static void vanish(enum end who) {
  h.host[who].gone = true;
  h.host[who].timer++;
  h.host[who].ack_timer++;
}

#define CAUSE(id) (1U << RESET_##id)

static void abort_it(enum end who, uint32_t causes) {
  send_reset(who, make(who, SEGMENT_RST | SEGMENT_ACK, h.host[who].snd_nxt, 0), causes);
  vanish(who);
}

static void transmit(enum end who) {
  struct host *x = &h.host[who];
  uint32_t data = seq_lt(x->snd_una, x->data_end) ? x->data_end - x->snd_una : 0;
  bool fin = x->has_fin && seq_leq(x->snd_una, x->fin_seq);
  if (!data && !fin) return;
  send_segment(who, make(who, SEGMENT_ACK | (fin ? SEGMENT_FIN : 0), x->snd_una, data));
  arm(who);
}

static void on_timer(enum end who) {
  struct host *x = &h.host[who];
  if (x->retries++ == RETRIES_MAX) {
    if (h.config->stack[who] == STACK_RST_ACK)
      abort_it(who, CAUSE(GAVE_UP));
    else
      vanish(who);
    return;
  }
  x->rto_us *= 2;
  transmit(who);
}

static void write_data(enum end who) {
  struct host *x = &h.host[who];
  if (x->gone || x->has_fin) return;
  x->snd_nxt = x->data_end = x->data_end + DATA_BYTES;
  send_segment(who, make(who, SEGMENT_ACK, x->snd_nxt - DATA_BYTES, DATA_BYTES));
  arm(who);
}

static void close_it(enum end who) {
  struct host *x = &h.host[who];
  const struct application *a = &h.config->application[who];
  if (x->closed_by_app || x->gone) return;
  x->closed_by_app = true;
  x->orphan = !a->half_close;
  if (a->linger_0 || (x->unread && x->orphan)) {
    abort_it(who, a->linger_0 ? CAUSE(LINGER_0) : CAUSE(UNREAD_DATA));
    return;
  }
  x->has_fin = true;
  x->fin_first = !x->got_fin;
  x->fin_seq = x->snd_nxt++;
  send_segment(who, make(who, SEGMENT_ACK | SEGMENT_FIN, x->fin_seq, 0));
  arm(who);
}

/* ---- Receiving ------------------------------------------------------------------------------ */

static bool fin_is_acked(const struct host *x) {
  return x->has_fin && seq_gt(x->snd_una, x->fin_seq);
}
static bool is_in_time_wait(const struct host *x) {
  return x->got_fin && fin_is_acked(x) && x->fin_first && !x->gone;
}

/* 3.10.7.1 */
static void answer_with_reset(enum end who, const struct segment *s) {
  const struct host *x = &h.host[who];
  bool late_ack = x->was_last_ack && segment_len(s) == 0;
  uint32_t causes = CAUSE(NO_SOCKET);
  if (late_ack) causes |= CAUSE(LATE_FINAL_ACK);
  if (x->fin_wait_2_over) causes = CAUSE(FIN_WAIT_2_EXPIRED) | CAUSE(NO_SOCKET);
  if (s->payload_bytes > 0 && x->closed_by_app) causes |= CAUSE(DATA_AFTER_CLOSE);
  struct segment rst = {.flags = SEGMENT_RST, .seq = s->ack};
  if (!segment_has(s, SEGMENT_ACK)) {
    rst.flags |= SEGMENT_ACK;
    rst.seq = 0;
    rst.ack = segment_end(s);
  }
  send_reset(who, rst, causes);
}

static void late_data(enum end who, const struct segment *s) {
  struct host *x = &h.host[who];
  struct segment rst = {.flags = SEGMENT_RST, .seq = s->ack};
  if (h.config->stack[who] >= STACK_RST_ACK) {
    if (h.config->stack[who] == STACK_RST_ACK) x->rcv_nxt = s->seq + s->payload_bytes;
    rst = make(who, SEGMENT_RST | SEGMENT_ACK, x->snd_nxt, 0);
  }
  send_reset(who, rst, CAUSE(DATA_AFTER_CLOSE));
  vanish(who);
}

static void take_ack(enum end who, const struct segment *s) {
  struct host *x = &h.host[who];
  if (seq_leq(s->ack, x->snd_una) || seq_gt(s->ack, x->snd_nxt)) return;
  x->snd_una = s->ack;
  x->rto_us = RTO_US + h.config->leg_us[0] * 2 + h.config->leg_us[1] * 2;
  x->retries = 0;
  arm(who);
  if (!fin_is_acked(x)) return;
  if (x->got_fin && !x->fin_first) {
    x->was_last_ack = true;
    vanish(who);
  } else if (!x->got_fin && x->orphan) {
    add_event(h.now_us + FIN_WAIT_2_US, FIN_WAIT_2_TIMER, who);
  }
}

static void take_fin(enum end who) {
  struct host *x = &h.host[who];
  const struct application *a = &h.config->application[who];
  x->rcv_nxt++;
  x->got_fin = true;
  if (a->after_eof_us && !x->closed_by_app) add_event(h.now_us + a->after_eof_us, CLOSES, who);
}

static void take_text(enum end who, const struct segment *s) {
  struct host *x = &h.host[who];
  bool fin = segment_has(s, SEGMENT_FIN);
  if (seq_gt(s->seq, x->rcv_nxt)) { /* beyond a hole */
    x->ahead_left = s->seq;
    x->ahead_right = segment_end(s);
    x->ahead_has_fin = fin;
    if (fin) h.truth.end[end_other(who)].mute++;
    send_ack(who, true, x->ahead_left, x->ahead_right);
    return;
  }
  if (s->payload_bytes > 0) {
    x->rcv_nxt = s->seq + s->payload_bytes;
    x->unread = x->unread || h.config->application[who].reads_nothing;
  }
  if (fin) take_fin(who);
  if (!x->got_fin && x->ahead_right != x->ahead_left && seq_leq(x->ahead_left, x->rcv_nxt) &&
      seq_gt(x->ahead_right, x->rcv_nxt)) {
    x->rcv_nxt = x->ahead_right - (x->ahead_has_fin ? 1 : 0);
    if (x->ahead_has_fin) take_fin(who);
  }
  if (h.config->delayed_ack_us == 0 || x->ack_pending || is_in_time_wait(x)) {
    send_ack(who, false, 0, 0);
    return;
  }
  x->ack_pending = true;
  add_event(h.now_us + h.config->delayed_ack_us, ACK_TIMER, who)->generation = ++x->ack_timer;
}

/* 3.10.7.4 */
static void arrives(enum end who, const struct segment *s) {
  struct host *x = &h.host[who];
  tell("receives", end_other(who), s);
  if ((x->dead || x->gone) && segment_has(s, SEGMENT_FIN)) h.truth.end[end_other(who)].mute++;
  if (x->dead && !segment_has(s, SEGMENT_RST)) return;
  if (segment_has(s, SEGMENT_RST)) {
    bool before_fin = x->got_fin && s->seq + 1 == x->rcv_nxt; /* Linux */
    if (!x->gone && (s->seq == x->rcv_nxt || before_fin)) vanish(who);
    return;
  }
  if (segment_has(s, SEGMENT_FIN)) h.truth.end[end_other(who)].fin_arrived++;
  if (x->gone) {
    answer_with_reset(who, s);
    return;
  }
  bool tw = is_in_time_wait(x), old = seq_leq(segment_end(s), x->rcv_nxt) && segment_len(s) > 0;
  if (segment_len(s) == 0 && seq_lt(s->seq, x->rcv_nxt)) {
    send_ack(who, false, 0, 0);
    return;
  }
  if (!tw && (s->options & SEGMENT_HAS_TIMESTAMPS) && seq_leq(s->seq, x->last_ack_sent) &&
      seq_geq(s->tsval, x->ts_recent))
    x->ts_recent = s->tsval;
  take_ack(who, s);
  if (x->gone) {
    return;
  }
  bool fresh = s->payload_bytes > 0 && seq_gt(s->seq + s->payload_bytes, x->rcv_nxt);
  if (fresh && x->orphan && x->has_fin) {
    late_data(who, s);
    return;
  }
  if (old)
    send_ack(who, !tw, s->seq, segment_end(s));
  else if (segment_len(s) > 0)
    take_text(who, s);
}

/* ---- A history ------------------------------------------------------------------------------ */

static void shake_hands(void) {
  const int64_t to_server_us = h.config->leg_us[0] + h.config->leg_us[1];
  for (unsigned i = 0; i < 2; i++) {
    struct host *x = &h.host[i];
    *x = (struct host){.rto_us = RTO_US + 2 * to_server_us};
    x->snd_una = x->snd_nxt = x->data_end = ISS[i] + 1;
    x->rcv_nxt = x->last_ack_sent = ISS[1 - i] + 1;
  }
  static const struct {
    enum end from;
    unsigned flags;
  } steps[] = {{END_CLIENT, SEGMENT_SYN},
               {END_SERVER, SEGMENT_SYN | SEGMENT_ACK},
               {END_CLIENT, SEGMENT_ACK}};
  h.from_opening = true;
  h.now_us = BEGIN_US - 3 * to_server_us;
  for (unsigned i = 0; i < 3; i++) {
    enum end from = steps[i].from;
    struct segment s = make(from, steps[i].flags, i < 2 ? ISS[from] : ISS[from] + 1, 0);
    if (i < 2 && h.config->sack) s.options |= SEGMENT_HAS_SACK_PERMITTED;
    h.host[end_other(from)].ts_recent = s.tsval;
    h.now_us += leg_us(from, false);
    capture(from, &s);
    h.now_us += leg_us(from, true);
  }
  h.from_opening = false;
}

static void happen(const struct event *e) {
  struct host *x = &h.host[e->who];
  switch (e->kind) {
    case AT_TAP: at_tap(e); break;
    case ARRIVES: arrives(end_other(e->who), &e->segment); break;
    case TIMER:
      if (e->generation == x->timer && !x->dead) on_timer(e->who);
      break;
    case ACK_TIMER:
      if (e->generation == x->ack_timer && x->ack_pending) send_ack(e->who, false, 0, 0);
      break;
    case FIN_WAIT_2_TIMER:
      if (x->got_fin || x->gone) break;
      vanish(e->who);
      x->fin_wait_2_over = true;
      break;
    case WRITES:
      if (!x->dead) write_data(e->who);
      break;
    case CLOSES:
      if (!x->dead) close_it(e->who);
      break;
    case DIES: x->dead = true; break;
    case FORGETS: vanish(e->who); break;
  }
}

static void play_one(void) {
  h.n_events = h.n_choices = h.n_told = 0;
  h.left = h.config->deviations;
  h.truth = (struct truth){0};
  model_init(&h.model, MODEL_LINUX_2MSL_US);
  shake_hands();
  for (unsigned i = 0; i < 2; i++) {
    const struct application *a = &h.config->application[i];
    if (a->write_us) add_event(BEGIN_US + a->write_us, WRITES, i);
    if (a->write_again_us) add_event(BEGIN_US + a->write_again_us, WRITES, i);
    if (a->close_us) add_event(BEGIN_US + a->close_us, CLOSES, i);
    if (a->dies_us) add_event(BEGIN_US + a->dies_us, DIES, i);
    if (a->forgets_us) add_event(BEGIN_US + a->forgets_us, FORGETS, i);
  }
  while (h.n_events > 0) {
    struct event e = take_event();
    if (e.t_us > LAST_US) break;
    h.now_us = e.t_us;
    happen(&e);
  }
  update_truth();
  h.check(h.config, &h.truth, &h.model, h.now_us + h.config->goes_on_us);
}

uint64_t histories_play(const struct history_config *config, history_check *check) {
  uint64_t n = 0;
  h.config = config;
  h.check = check;
  h.n_set = 0;
  do {
    play_one();
    n++;
  } while (next_history());
  return n;
}
