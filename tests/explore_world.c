/* Two hosts and the channel between them. A host's state moves through the transition table only;
 * guards are computed here, from sequence numbers, in the order of RFC 9293, 3.10.7. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/explore.h"

static bool permits(const struct host *h, enum tcp_event event) {
  return transition_find(h->state, event)->kind != TRANSITION_NEVER;
}

static void happen(struct world *w, enum end who, enum tcp_event event) {
  struct host *h = &w->host[who];
  const struct transition *row = transition_find(h->state, event);
  switch (row->kind) {
    case TRANSITION_MOVES: h->state = (uint8_t)row->next; break;
    case TRANSITION_STAYS:
    case TRANSITION_IGNORES: break;
    case TRANSITION_NEVER:
      oracle_complain("%s is in %s and does %s, which the table calls impossible", end_name(who),
                      tcp_state_name(h->state), tcp_event_name(event));
  }
}

/* ---- The channel ---------------------------------------------------------------------------- */

bool world_is_quiet(const struct world *w) {
  return w->leg[0][0].n + w->leg[0][1].n + w->leg[1][0].n + w->leg[1][1].n == 0;
}

static void leg_insert(struct world *w, struct leg *leg, unsigned at, struct flight flight) {
  if (leg->n == LEG_SIZE) {
    w->is_full = 1;
    return;
  }
  memmove(&leg->flight[at + 1], &leg->flight[at], (leg->n - at) * sizeof *leg->flight);
  leg->flight[at] = flight;
  leg->n++;
}

static struct flight leg_remove(struct leg *leg, unsigned at) {
  struct flight flight = leg->flight[at];
  leg->n--;
  memmove(&leg->flight[at], &leg->flight[at + 1], (leg->n - at) * sizeof *leg->flight);
  memset(&leg->flight[leg->n], 0, sizeof *leg->flight);
  return flight;
}

/* Whether a segment from this end can be on its way to the tap, or from there to its receiver. */
static bool leg_exists(const struct explore_config *config, enum end from, int which) {
  switch (config->tap) {
    case TAP_AT_SENDERS: return which == AFTER_TAP;
    case TAP_AT_CLIENT: return (from == END_CLIENT) == (which == AFTER_TAP);
    case TAP_BETWEEN: return true;
  }
  return false;
}

static void deliver(struct world *w, const struct explore_config *config, enum end to,
                    struct flight f);

/* What everybody who looks at the wire may know, and when it was contradicted. */
static void remember(struct world *w, enum end from, const struct flight *f) {
  uint16_t *past = &w->past[from], *peer_past = &w->past[end_other(from)];
  const struct host *peer = &w->host[end_other(from)];
  bool rst = f->flags & SEGMENT_RST, fin = f->flags & SEGMENT_FIN;
  if ((*past & PAST_FIN_ACKED) && (fin || f->state == TCPS_LAST_ACK)) *past |= PAST_ACK_STRUCK;
  if ((*past & PAST_RST) && !rst) *past |= PAST_RST_STRUCK;
  if (fin && !(*past & PAST_FIN) && f->state == TCPS_CLOSING) *past |= PAST_FIN_LATE;
  if (fin) *past |= PAST_FIN;
  if (!rst && w->host[from].fin_seq && f->seq > w->host[from].fin_seq) *past |= PAST_FIN_SHOWS;
  if (rst) *peer_past |= PAST_RST;
  if (f->state == TCPS_SYN_RECEIVED && (*past & PAST_SYN_ACKED)) *past |= PAST_SYN_STRUCK;
  if (f->flags & SEGMENT_ACK)
    *peer_past = (uint16_t)((*peer_past | PAST_SYN_ACKED) & ~PAST_SYN_STRUCK);
  if ((f->flags & SEGMENT_ACK) && peer->fin_seq && f->ack > peer->fin_seq)
    *peer_past = (uint16_t)((*peer_past | PAST_FIN_ACKED) & ~PAST_ACK_STRUCK);
}

static void capture(struct world *w, const struct explore_config *config, enum end from,
                    const struct flight *f) {
  if (!w->tapped) return;
  unsigned remarks = 0;
  w->watcher = watcher_feed(w->watcher, from, f, &remarks);
  /* An RST that its receiver is sure to drop, or that follows on a gap in what was captured, may be
   * anybody's: it need not be believed. */
  bool missed = w->past[from] & (PAST_LOST_BEFORE | PAST_OVERTAKEN);
  bool is_void = (f->flags & SEGMENT_RST) &&
                 (missed || f->seq < w->host[end_other(from)].rcv_nxt);
  if (!f->overtaken && (!is_void || watcher_model(w->watcher)->end[from].state == TCPS_CLOSED))
    w->said[from] = f->state;
  remember(w, from, f);
  oracle_check_capture(w, config, from, f, remarks);
}

static void pass_tap(struct world *w, const struct explore_config *config, enum end from,
                     struct flight f) {
  capture(w, config, from, &f);
  f.overtaken = f.state = 0; /* beyond the tap they no longer matter */
  if (leg_exists(config, from, AFTER_TAP))
    leg_insert(w, &w->leg[from][AFTER_TAP], w->leg[from][AFTER_TAP].n, f);
  else
    deliver(w, config, end_other(from), f);
}

static void send(struct world *w, const struct explore_config *config, enum end from,
                 unsigned flags, unsigned seq, unsigned payload) {
  struct host *h = &w->host[from];
  struct flight f = {.flags = (uint8_t)flags, .seq = (uint8_t)seq, .payload = (uint8_t)payload};
  if (h->syn_received && !(flags & SEGMENT_RST && h->gone)) {
    f.flags |= SEGMENT_ACK;
    f.ack = h->rcv_nxt;
    h->ack_pending = false;
  }
  f.state = h->state;
  if (leg_exists(config, from, BEFORE_TAP))
    leg_insert(w, &w->leg[from][BEFORE_TAP], w->leg[from][BEFORE_TAP].n, f);
  else
    pass_tap(w, config, from, f);
}

static void send_ack(struct world *w, const struct explore_config *config, enum end from) {
  send(w, config, from, 0, w->host[from].snd_nxt, 0);
}

static void send_syn(struct world *w, const struct explore_config *config, enum end from) {
  w->host[from].snd_nxt = 1;
  happen(w, from, EVENT_SND_SYN);
  send(w, config, from, SEGMENT_SYN, 0, 0);
}

static void send_fin(struct world *w, const struct explore_config *config, enum end from,
                     unsigned seq, unsigned payload) {
  struct host *h = &w->host[from];
  if (!h->fin_seq) {
    h->fin_first = !h->fin_received;
    h->fin_seq = (uint8_t)(seq + payload);
    h->snd_nxt = (uint8_t)(h->fin_seq + 1);
  }
  happen(w, from, EVENT_SND_FIN);
  send(w, config, from, SEGMENT_FIN, seq, payload);
}

/* ---- Arrivals ------------------------------------------------------------------------------- */

static void end_connection(struct world *w, enum end who, enum tcp_event event) {
  happen(w, who, event);
  w->host[who].gone = true;
  w->host[who].ack_pending = false;
}

static enum tcp_event event_of(const struct host *h, const struct flight *f) {
  if (f->flags & SEGMENT_RST) return EVENT_RCV_RST;
  if (f->flags & SEGMENT_SYN) return f->flags & SEGMENT_ACK ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN;
  if (f->flags & SEGMENT_FIN) return EVENT_RCV_FIN;
  return h->fin_seq && f->ack > h->fin_seq ? EVENT_RCV_ACK_OF_FIN : EVENT_RCV_ACK_OF_SYN;
}

/* 3.10.7.1 */
static void deliver_to_closed(struct world *w, const struct explore_config *config, enum end to,
                              const struct flight *f) {
  happen(w, to, event_of(&w->host[to], f));
  if (f->flags & SEGMENT_RST) return;
  happen(w, to, EVENT_SND_RST);
  struct flight rst = {.flags = SEGMENT_RST, .state = w->host[to].state};
  if (f->flags & SEGMENT_ACK) {
    rst.seq = f->ack;
  } else {
    rst.flags |= SEGMENT_ACK;
    rst.ack = (uint8_t)(f->seq + f->payload + !!(f->flags & SEGMENT_SYN) +
                        !!(f->flags & SEGMENT_FIN));
  }
  if (leg_exists(config, to, BEFORE_TAP))
    leg_insert(w, &w->leg[to][BEFORE_TAP], w->leg[to][BEFORE_TAP].n, rst);
  else
    pass_tap(w, config, to, rst);
}

/* 3.10.7.2 and 3.10.7.3 */
static void deliver_to_opening(struct world *w, const struct explore_config *config, enum end to,
                               const struct flight *f) {
  struct host *h = &w->host[to];
  bool is_acceptable = (f->flags & SEGMENT_ACK) && f->ack > h->snd_una && f->ack <= h->snd_nxt;
  if (f->flags & SEGMENT_RST) {
    if (h->state == TCPS_LISTEN)
      happen(w, to, EVENT_RCV_RST);
    else if (is_acceptable)
      end_connection(w, to, EVENT_RCV_RST);
    return;
  }
  if (!(f->flags & SEGMENT_SYN)) {
    happen(w, to, event_of(h, f));
    w->past[to] |= PAST_UNHEARD;
    return;
  }
  h->syn_received = true;
  h->rcv_nxt = 1;
  if (is_acceptable) {
    h->snd_una = 1;
    happen(w, to, EVENT_RCV_SYN_ACK);
    send_ack(w, config, to);
  } else {
    happen(w, to, EVENT_RCV_SYN);
    send_syn(w, config, to);
  }
}

/* 3.10.7.4, fourth. In SYN_RECEIVED the peer's SYN,ACK completes a simultaneous open (3.5, figure
 * 8), though the sequence check, taken by the letter, would have dropped it. */
static void deliver_syn(struct world *w, const struct explore_config *config, enum end to,
                        const struct flight *f) {
  struct host *h = &w->host[to];
  bool acks = f->flags & SEGMENT_ACK && f->ack > h->snd_una;
  if (h->state == TCPS_SYN_RECEIVED && acks) {
    h->snd_una = 1;
    happen(w, to, EVENT_RCV_SYN_ACK);
  } else if (h->state == TCPS_SYN_RECEIVED) {
    happen(w, to, f->flags & SEGMENT_ACK ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN);
    send_syn(w, config, to);
  } else {
    happen(w, to, f->flags & SEGMENT_ACK ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN);
    send_ack(w, config, to);
  }
}

/* 3.10.7.4, fifth */
static void deliver_ack(struct world *w, enum end to, const struct flight *f) {
  struct host *h = &w->host[to];
  if (f->ack > h->snd_una) h->snd_una = f->ack;
  if (h->state == TCPS_SYN_RECEIVED || f->ack == 1) happen(w, to, EVENT_RCV_ACK_OF_SYN);
  if (h->fin_seq && f->ack > h->fin_seq) happen(w, to, EVENT_RCV_ACK_OF_FIN);
}

static void deliver_text(struct world *w, const struct explore_config *config, enum end to,
                         const struct flight *f) {
  struct host *h = &w->host[to];
  unsigned fin = f->flags & SEGMENT_FIN ? 1 : 0;
  if (f->seq > h->rcv_nxt) {
    if (fin) h->fin_waits = true;
    send_ack(w, config, to);
    return;
  }
  bool at_once = h->fin_seq != 0; /* else the ACK may wait, and ride with the FIN */
  h->rcv_nxt = (uint8_t)(f->seq + f->payload);
  h->ack_pending = true;
  if (fin || h->fin_waits) {
    h->rcv_nxt++;
    h->fin_waits = false;
    h->fin_received = true;
    happen(w, to, EVENT_RCV_FIN);
  }
  if (at_once) send_ack(w, config, to);
}

static void deliver(struct world *w, const struct explore_config *config, enum end to,
                    struct flight f) {
  struct host *h = &w->host[to];
  if (h->state == TCPS_CLOSED) {
    deliver_to_closed(w, config, to, &f);
    return;
  }
  if (h->state == TCPS_LISTEN || h->state == TCPS_SYN_SENT) {
    deliver_to_opening(w, config, to, &f);
    return;
  }
  unsigned len = f.payload + (f.flags & SEGMENT_FIN ? 1 : 0);
  if (f.flags & SEGMENT_RST) {
    if (f.seq == h->rcv_nxt)
      end_connection(w, to, EVENT_RCV_RST);
    else if (f.seq > h->rcv_nxt)
      send_ack(w, config, to); /* second: a challenge ACK */
    else
      w->past[to] |= PAST_UNHEARD;
    return;
  }
  if (f.flags & SEGMENT_SYN) {
    deliver_syn(w, config, to, &f);
    return;
  }
  bool is_old = f.seq + len < h->rcv_nxt || (f.seq + len == h->rcv_nxt && len > 0);
  if (!is_old || (f.seq + len == h->rcv_nxt && !config->drops_old_acks))
    deliver_ack(w, to, &f);
  else
    w->past[to] |= PAST_UNHEARD;
  if (h->state == TCPS_CLOSED) return;
  if (is_old && (f.flags & SEGMENT_FIN)) happen(w, to, EVENT_RCV_FIN);
  if (is_old && len > 0)
    send_ack(w, config, to);
  else if (!is_old && len > 0)
    deliver_text(w, config, to, &f);
}

/* ---- Actions -------------------------------------------------------------------------------- */

void world_init(struct world *w, const struct explore_config *config) {
  memset(w, 0, sizeof *w);
  w->losses = config->losses;
  w->duplicates = config->duplicates;
  w->reorders = config->reorders;
  w->spurious = config->spurious;
  w->aborts = config->aborts;
  w->give_ups = config->give_ups;
  w->said[0] = w->said[1] = SAID_NOTHING;
  w->watcher = watcher_initial();
  w->tapped = !config->late;
  bool is_open = config->opening == OPENING_PAST || config->opening == OPENING_UNSEEN;
  for (unsigned i = 0; i < 2; i++) {
    struct host *h = &w->host[i];
    h->data_left = config->data[i];
    h->state = is_open ? TCPS_ESTABLISHED : TCPS_CLOSED;
    h->syn_received = is_open;
    h->snd_una = h->snd_nxt = h->rcv_nxt = is_open ? 1 : 0;
  }
  w->host[0].connects_left = is_open ? 0 : 1;
  w->host[1].listens =
      config->opening == OPENING_PASSIVE || config->opening == OPENING_SIMULTANEOUS;
  if (w->host[1].listens) w->host[1].state = TCPS_LISTEN;
  if (config->opening == OPENING_SIMULTANEOUS) {
    w->host[0].connects_left = 0;
    send_syn(w, config, END_CLIENT);
    send_syn(w, config, END_SERVER);
  }
  if (config->opening != OPENING_PAST) return;
  static const struct flight handshake[] = {
      {.flags = SEGMENT_SYN, .state = TCPS_SYN_SENT},
      {.flags = SEGMENT_SYN | SEGMENT_ACK, .ack = 1, .state = TCPS_SYN_RECEIVED},
      {.flags = SEGMENT_ACK, .seq = 1, .ack = 1, .state = TCPS_ESTABLISHED},
  };
  for (unsigned i = 0; i < 3; i++) capture(w, config, i % 2, &handshake[i]);
}

static void add(struct action *actions, unsigned *n, enum action_kind kind, enum end who,
                unsigned at) {
  assert(*n < ACTIONS_MAX);
  actions[(*n)++] = (struct action){(uint8_t)kind, (uint8_t)who, (uint8_t)at};
}

static bool is_unacked(const struct host *h) { return h->snd_una < h->snd_nxt && !h->gone; }

static bool all_waits(const struct world *w) {
  return world_is_quiet(w) && !w->host[0].ack_pending && !w->host[1].ack_pending;
}

/* What has not been acknowledged may be sent again: at any time while the budget lasts, and for
 * nothing when it is the only thing left that can happen, for that is what a retransmission is for. */
static void add_repeats(const struct world *w, struct action *actions, unsigned *n, enum end who) {
  const struct host *h = &w->host[who];
  if (!all_waits(w) && w->spurious == 0) return;
  if (h->gone || h->snd_nxt == 0) return;
  if (h->snd_una == 0) {
    if (permits(h, EVENT_SND_SYN) || h->fin_seq) add(actions, n, ACTION_REPEAT_SYN, who, 0);
    if (!h->fin_seq) return;
  }
  unsigned from = h->snd_una ? h->snd_una : 1;
  unsigned data_end = h->fin_seq ? h->fin_seq : h->snd_nxt;
  if (from < data_end) add(actions, n, ACTION_REPEAT_DATA, who, 0);
  /* Whether its FIN still needs repeating is the table's to say. */
  if (!h->fin_seq || !permits(h, EVENT_SND_FIN)) return;
  /* A probe with the FIN alone gets nowhere while the data before it are missing. */
  if (from >= h->fin_seq || w->spurious > 0) add(actions, n, ACTION_REPEAT_FIN, who, 0);
  if (from < h->fin_seq) add(actions, n, ACTION_REPEAT_ALL, who, 0);
}

static void add_host(const struct world *w, const struct explore_config *config,
                     struct action *actions, unsigned *n, enum end who) {
  const struct host *h = &w->host[who];
  bool is_open = h->snd_una > 0 && h->syn_received && !h->gone;
  if (h->connects_left && !h->syn_received) add(actions, n, ACTION_CONNECT, who, 0);
  if (!h->fin_seq && !h->gone && h->syn_received && permits(h, EVENT_SND_FIN) &&
      (is_open || config->closes_in_syn_received)) {
    add(actions, n, ACTION_CLOSE, who, 0);
    if (h->data_left && is_open) {
      add(actions, n, ACTION_WRITE, who, 0);
      add(actions, n, ACTION_WRITE_AND_CLOSE, who, 0);
    }
  }
  if (h->ack_pending) add(actions, n, ACTION_SEND_ACK, who, 0);
  add_repeats(w, actions, n, who);
  /* 3.10.5: only these send an RST. */
  bool aborts = h->state == TCPS_SYN_RECEIVED || h->state == TCPS_ESTABLISHED ||
                h->state == TCPS_FIN_WAIT_1 || h->state == TCPS_FIN_WAIT_2 ||
                h->state == TCPS_CLOSE_WAIT;
  if (w->aborts && aborts) add(actions, n, ACTION_ABORT, who, 0);
  if (w->give_ups && is_unacked(h) && permits(h, EVENT_GIVE_UP))
    add(actions, n, ACTION_GIVE_UP, who, 0);
  if (world_is_quiet(w) && permits(h, EVENT_TIMEOUT_2MSL))
    add(actions, n, ACTION_EXPIRE_2MSL, who, 0);
  if (config->fin_wait_2_timeout && permits(h, EVENT_TIMEOUT_FIN_WAIT_2))
    add(actions, n, ACTION_EXPIRE_FIN_WAIT_2, who, 0);
}

static void add_leg(const struct world *w, struct action *actions, unsigned *n, enum end from,
                    int which) {
  static const enum action_kind pass[] = {ACTION_TAP, ACTION_DELIVER};
  static const enum action_kind lose[] = {ACTION_LOSE_BEFORE, ACTION_LOSE_AFTER};
  static const enum action_kind copy[] = {ACTION_DUPLICATE_BEFORE, ACTION_DUPLICATE_AFTER};
  const struct leg *leg = &w->leg[from][which];
  if (leg->n == 0) return;
  add(actions, n, pass[which], from, 0);
  for (unsigned at = 1; at < leg->n && w->reorders; at++)
    /* Overtaking a copy of oneself is no reordering. */
    if (memcmp(&leg->flight[at], &leg->flight[at - 1], sizeof *leg->flight) != 0)
      add(actions, n, pass[which], from, at);
  if (w->losses) add(actions, n, lose[which], from, 0);
  if (w->duplicates) add(actions, n, copy[which], from, 0);
}

unsigned world_actions(const struct world *w, const struct explore_config *config,
                       struct action actions[static ACTIONS_MAX]) {
  unsigned n = 0;
  for (unsigned who = 0; who < 2; who++) {
    add_host(w, config, actions, &n, who);
    add_leg(w, actions, &n, who, BEFORE_TAP);
    add_leg(w, actions, &n, who, AFTER_TAP);
  }
  if (!w->tapped) add(actions, &n, ACTION_BEGIN_CAPTURE, END_NONE, 0);
  if (world_is_quiet(w) && model_deadline_us(watcher_model(w->watcher)) != INT64_MAX)
    add(actions, &n, ACTION_EXPIRE_WATCHER, END_NONE, 0);
  return n;
}

static void repeat(struct world *w, bool is_probe) {
  if (is_probe || !all_waits(w)) w->spurious--;
}

static void act_host(struct world *w, const struct explore_config *config, struct action action) {
  enum end who = action.who;
  struct host *h = &w->host[who];
  unsigned from = h->snd_una ? h->snd_una : 1;
  switch ((enum action_kind)action.kind) {
    case ACTION_CONNECT:
      h->connects_left--;
      send_syn(w, config, who);
      break;
    case ACTION_WRITE:
      h->data_left--;
      h->snd_nxt++;
      send(w, config, who, 0, h->snd_nxt - 1u, 1);
      break;
    case ACTION_CLOSE: send_fin(w, config, who, h->snd_nxt, 0); break;
    case ACTION_WRITE_AND_CLOSE:
      h->data_left--;
      send_fin(w, config, who, h->snd_nxt, 1);
      break;
    case ACTION_SEND_ACK: send_ack(w, config, who); break;
    case ACTION_REPEAT_SYN:
      repeat(w, false);
      send_syn(w, config, who);
      break;
    case ACTION_REPEAT_ALL:
      repeat(w, false);
      send_fin(w, config, who, from, h->fin_seq - from);
      break;
    case ACTION_REPEAT_DATA:
      repeat(w, false);
      send(w, config, who, 0, from, (h->fin_seq ? h->fin_seq : h->snd_nxt) - from);
      break;
    case ACTION_REPEAT_FIN:
      repeat(w, from < h->fin_seq);
      send_fin(w, config, who, h->fin_seq, 0);
      break;
    case ACTION_ABORT:
      w->aborts--;
      happen(w, who, EVENT_SND_RST);
      send(w, config, who, SEGMENT_RST, h->snd_nxt, 0);
      h->gone = true;
      break;
    case ACTION_GIVE_UP:
      w->give_ups--;
      end_connection(w, who, EVENT_GIVE_UP);
      w->past[who] |= PAST_SILENT;
      break;
    case ACTION_EXPIRE_2MSL:
    case ACTION_EXPIRE_FIN_WAIT_2:
      end_connection(w, who, action.kind == ACTION_EXPIRE_2MSL ? EVENT_TIMEOUT_2MSL
                                                               : EVENT_TIMEOUT_FIN_WAIT_2);
      w->past[who] |= PAST_SILENT;
      break;
    case ACTION_EXPIRE_WATCHER:
    case ACTION_BEGIN_CAPTURE:
    case ACTION_TAP:
    case ACTION_DELIVER:
    case ACTION_LOSE_BEFORE:
    case ACTION_LOSE_AFTER:
    case ACTION_DUPLICATE_BEFORE:
    case ACTION_DUPLICATE_AFTER:
    case ACTION_NONE: break;
  }
}

bool world_act(struct world *w, const struct explore_config *config, struct action action) {
  enum end who = action.who;
  struct leg *before = NULL, *after = NULL;
  if (who != END_NONE) {
    before = &w->leg[who][BEFORE_TAP];
    after = &w->leg[who][AFTER_TAP];
  }
  switch ((enum action_kind)action.kind) {
    case ACTION_TAP:
      if (action.at > 0) w->reorders--;
      if (action.at > 0) w->past[who] |= PAST_OVERTAKEN;
      struct flight f = leg_remove(before, action.at);
      for (unsigned i = 0; i < action.at; i++) before->flight[i].overtaken = 1;
      pass_tap(w, config, who, f);
      break;
    case ACTION_DELIVER:
      if (action.at > 0) w->reorders--;
      deliver(w, config, end_other(who), leg_remove(after, action.at));
      break;
    case ACTION_LOSE_BEFORE:
      w->losses--;
      leg_remove(before, 0);
      w->past[who] |= PAST_LOST_BEFORE;
      break;
    case ACTION_LOSE_AFTER:
      w->losses--;
      leg_remove(after, 0);
      w->past[end_other(who)] |= PAST_UNHEARD;
      break;
    case ACTION_DUPLICATE_BEFORE:
      w->duplicates--;
      leg_insert(w, before, 1, before->flight[0]);
      break;
    case ACTION_DUPLICATE_AFTER:
      w->duplicates--;
      leg_insert(w, after, 1, after->flight[0]);
      break;
    case ACTION_EXPIRE_WATCHER: {
      const struct model *m = watcher_model(w->watcher);
      for (unsigned i = 0; i < 2; i++)
        if (m->end[i].state == TCPS_TIME_WAIT) w->past[i] |= PAST_CLOCK;
      w->watcher = watcher_expire(w->watcher);
      break;
    }
    case ACTION_BEGIN_CAPTURE: w->tapped = 1; break;
    case ACTION_CONNECT:
    case ACTION_WRITE:
    case ACTION_CLOSE:
    case ACTION_WRITE_AND_CLOSE:
    case ACTION_SEND_ACK:
    case ACTION_REPEAT_SYN:
    case ACTION_REPEAT_ALL:
    case ACTION_REPEAT_DATA:
    case ACTION_REPEAT_FIN:
    case ACTION_ABORT:
    case ACTION_GIVE_UP:
    case ACTION_EXPIRE_2MSL:
    case ACTION_EXPIRE_FIN_WAIT_2:
    case ACTION_NONE: act_host(w, config, action); break;
  }
  bool fits = !w->is_full;
  w->is_full = 0;
  return fits;
}
