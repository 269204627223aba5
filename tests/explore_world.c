/* What can happen in a world, and what happens when it does. */
#include <assert.h>
#include <string.h>

#include "tests/explore.h"

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
  w->tapped = !config->late && !config->unwatched;
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
  if (config->opening == OPENING_HALF_OPEN) {
    enum { OLD = 9 };
    struct host *h = &w->host[1];
    h->state = TCPS_ESTABLISHED;
    h->syn_received = true;
    h->snd_una = h->snd_nxt = h->rcv_nxt = OLD;
  }
  if (config->stray) {
    struct flight old = {.flags = config->stray, .seq = 9, .ack = 9};
    leg_insert(w, &w->leg[END_CLIENT][AFTER_TAP], 0, old);
  }
  if (config->opening == OPENING_SIMULTANEOUS) {
    w->host[0].connects_left = 0;
    host_send_syn(w, config, END_CLIENT);
    host_send_syn(w, config, END_SERVER);
  }
  if (config->opening != OPENING_PAST) return;
  static const struct flight handshake[] = {
      {.flags = SEGMENT_SYN, .state = TCPS_SYN_SENT},
      {.flags = SEGMENT_SYN | SEGMENT_ACK, .ack = 1, .state = TCPS_SYN_RECEIVED},
      {.flags = SEGMENT_ACK, .seq = 1, .ack = 1, .state = TCPS_ESTABLISHED},
  };
  for (unsigned i = 0; i < 3; i++) channel_capture(w, config, i % 2, &handshake[i], 0);
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

/* While the SYN,ACK that it waits for still has to be repeated, its own SYN helps nobody: an end
 * that closed in SYN_RECEIVED answers it with a bare ACK. Timers are not counted here, and so the
 * two would go on like that for ever. */
static bool syn_is_in_vain(const struct world *w, enum end who) {
  const struct host *peer = &w->host[end_other(who)];
  return w->host[who].state == TCPS_SYN_SENT && peer->fin_seq && peer->snd_una == 0;
}

/* What has not been acknowledged may be sent again: at any time while the budget lasts, and for
 * nothing when it is the only thing left that can happen: that is what retransmission is for. */
static void add_repeats(const struct world *w, struct action *actions, unsigned *n, enum end who) {
  const struct host *h = &w->host[who];
  if (!all_waits(w) && w->spurious == 0) return;
  if (h->gone || h->snd_nxt == 0) return;
  if (h->snd_una == 0) {
    if (host_permits(h, EVENT_SND_SYN) && (!syn_is_in_vain(w, who) || w->spurious > 0))
      add(actions, n, ACTION_REPEAT_SYN, who, 0);
    /* A FIN gets nowhere before the SYN. */
    if (!h->fin_seq || w->spurious == 0) return;
  }
  unsigned from = h->snd_una ? h->snd_una : 1;
  unsigned data_end = h->fin_seq ? h->fin_seq : h->snd_nxt;
  if (from < data_end) add(actions, n, ACTION_REPEAT_DATA, who, 0);
  /* Whether its FIN still needs repeating is the table's to say. */
  if (!h->fin_seq || !host_permits(h, EVENT_SND_FIN)) return;
  /* A probe with the FIN alone gets nowhere while the data before it are missing. */
  bool is_probe = h->snd_una == 0 || from < h->fin_seq;
  if (!is_probe || w->spurious > 0) add(actions, n, ACTION_REPEAT_FIN, who, 0);
  if (from < h->fin_seq) add(actions, n, ACTION_REPEAT_ALL, who, 0);
}

static void add_host(const struct world *w, const struct explore_config *config,
                     struct action *actions, unsigned *n, enum end who) {
  const struct host *h = &w->host[who];
  bool is_open = h->snd_una > 0 && h->syn_received && !h->gone;
  if (h->connects_left && !h->syn_received) add(actions, n, ACTION_CONNECT, who, 0);
  if (!h->fin_seq && !h->gone && h->syn_received && host_permits(h, EVENT_SND_FIN) &&
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
  if (w->give_ups && is_unacked(h) && host_permits(h, EVENT_GIVE_UP))
    add(actions, n, ACTION_GIVE_UP, who, 0);
  if (world_is_quiet(w) && host_permits(h, EVENT_TIMEOUT_2MSL))
    add(actions, n, ACTION_EXPIRE_2MSL, who, 0);
  if (config->fin_wait_2_timeout && host_permits(h, EVENT_TIMEOUT_FIN_WAIT_2))
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
  if (!w->tapped && config->late) add(actions, &n, ACTION_BEGIN_CAPTURE, END_NONE, 0);
  if (config->bursts && watcher_pause(w->watcher) != w->watcher)
    add(actions, &n, ACTION_PAUSE, END_NONE, 0);
  if (world_is_quiet(w) && connection_deadline_us(watcher_model(w->watcher)) != INT64_MAX)
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
      host_send_syn(w, config, who);
      break;
    case ACTION_WRITE:
      h->data_left--;
      h->snd_nxt++;
      host_send(w, config, who, 0, h->snd_nxt - 1u, 1);
      break;
    case ACTION_CLOSE: host_send_fin(w, config, who, h->snd_nxt, 0); break;
    case ACTION_WRITE_AND_CLOSE:
      h->data_left--;
      host_send_fin(w, config, who, h->snd_nxt, 1);
      break;
    case ACTION_SEND_ACK: host_send_ack(w, config, who); break;
    case ACTION_REPEAT_SYN:
      repeat(w, syn_is_in_vain(w, who));
      host_send_syn(w, config, who);
      break;
    case ACTION_REPEAT_ALL:
      repeat(w, false);
      host_send_fin(w, config, who, from, h->fin_seq - from);
      break;
    case ACTION_REPEAT_DATA:
      repeat(w, false);
      host_send(w, config, who, 0, from, (h->fin_seq ? h->fin_seq : h->snd_nxt) - from);
      break;
    case ACTION_REPEAT_FIN:
      repeat(w, h->snd_una == 0 || from < h->fin_seq);
      host_send_fin(w, config, who, h->fin_seq, 0);
      break;
    case ACTION_ABORT:
      w->aborts--;
      host_happen(w, who, EVENT_SND_RST);
      host_send(w, config, who, SEGMENT_RST, h->snd_nxt, 0);
      h->gone = true;
      break;
    case ACTION_GIVE_UP:
      w->give_ups--;
      host_end(w, who, EVENT_GIVE_UP);
      w->past[who] |= PAST_SILENT;
      break;
    case ACTION_EXPIRE_2MSL:
    case ACTION_EXPIRE_FIN_WAIT_2:
      host_end(w, who,
               action.kind == ACTION_EXPIRE_2MSL ? EVENT_TIMEOUT_2MSL : EVENT_TIMEOUT_FIN_WAIT_2);
      w->past[who] |= PAST_SILENT;
      break;
    case ACTION_EXPIRE_WATCHER:
    case ACTION_BEGIN_CAPTURE:
    case ACTION_PAUSE:
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
      channel_tap(w, config, who, leg_remove(before, action.at), action.at);
      break;
    case ACTION_DELIVER:
      if (action.at > 0) w->reorders--;
      channel_deliver(w, config, end_other(who), leg_remove(after, action.at));
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
      if (after->flight[0].flags & SEGMENT_FIN) w->past[end_other(who)] |= PAST_HEARD_TWICE;
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
    case ACTION_PAUSE: w->watcher = watcher_pause(w->watcher); break;
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
