/* Two hosts, and the channel between them. A host's state moves through the transition table only;
 * guards are computed here, from sequence numbers, in the order of RFC 9293, 3.10.7. */
#include <string.h>

#include "tests/explore.h"

bool host_permits(const struct host *h, enum tcp_event event) {
  return table_probe(h->state, event)->kind != TRANSITION_NEVER;
}

void host_happen(struct world *w, enum end who, enum tcp_event event) {
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

void leg_insert(struct world *w, struct leg *leg, unsigned at, struct flight flight) {
  if (leg->n == LEG_SIZE) {
    w->is_full = 1;
    return;
  }
  memmove(&leg->flight[at + 1], &leg->flight[at], (leg->n - at) * sizeof *leg->flight);
  leg->flight[at] = flight;
  leg->n++;
}

struct flight leg_remove(struct leg *leg, unsigned at) {
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

/* What everybody who looks at the wire may know, and when it was contradicted. */
static void remember(struct world *w, enum end from, const struct flight *f, unsigned remarks) {
  uint16_t *past = &w->past[from], *peer_past = &w->past[end_other(from)];
  const struct host *peer = &w->host[end_other(from)];
  bool rst = f->flags & SEGMENT_RST, fin = f->flags & SEGMENT_FIN;
  bool in_haste = remarks & WATCHER_IN_HASTE, is_old = f->ack < w->acked[from];
  if (f->ack > w->acked[from]) w->acked[from] = f->ack;
  if ((*past & PAST_FIN_ACKED) && (fin || (f->state == TCPS_LAST_ACK && !in_haste)))
    *past |= PAST_ACK_STRUCK;
  if ((*past & PAST_RST) && !rst && !in_haste) *past |= PAST_RST_STRUCK;
  if (fin && !(*past & PAST_FIN) && f->state == TCPS_CLOSING) *past |= PAST_FIN_LATE;
  if (fin && f->overtaken && (*past & PAST_FIN) && !is_old) *past |= PAST_FIN_OVERTAKEN;
  if (!f->overtaken) *past &= (uint16_t)~PAST_FIN_OVERTAKEN;
  if (fin) *past |= PAST_FIN;
  if (!rst && w->host[from].fin_seq && f->seq > w->host[from].fin_seq) *past |= PAST_FIN_SHOWS;
  if (rst) *peer_past |= PAST_RST;
  if (f->state == TCPS_SYN_RECEIVED && (*past & PAST_SYN_ACKED)) *past |= PAST_SYN_STRUCK;
  if (f->flags & SEGMENT_ACK)
    *peer_past = (uint16_t)((*peer_past | PAST_SYN_ACKED) & ~PAST_SYN_STRUCK);
  if ((f->flags & SEGMENT_ACK) && peer->fin_seq && f->ack > peer->fin_seq)
    *peer_past = (uint16_t)((*peer_past | PAST_FIN_ACKED) & ~PAST_ACK_STRUCK);
}

void channel_capture(struct world *w, const struct explore_config *config, enum end from,
                     const struct flight *f, unsigned overtakes) {
  if (!w->tapped) return;
  unsigned remarks = 0;
  w->watcher = watcher_feed(w->watcher, from, f, &remarks);
  /* An RST that its receiver is sure to drop, or that follows on a gap in what was captured, may be
   * anybody's: it need not be believed. */
  const struct endpoint *e = &watcher_model(w->watcher)->end[from];
  bool missed = w->past[from] & (PAST_LOST_BEFORE | PAST_OVERTAKEN);
  bool rst = f->flags & SEGMENT_RST;
  bool is_void = rst && (missed || f->seq < w->host[end_other(from)].rcv_nxt);
  /* Nor need anything else from an end whose SYN is awaited and was not captured. */
  bool seen_closed = e->state == TCPS_CLOSED && e->evidence == EVIDENCE_SEEN;
  bool believed = rst ? !is_void || seen_closed : e->has_spoken;
  if (believed && !f->overtaken) w->said[from] = f->state;
  if (believed || rst) remember(w, from, f, remarks);
  oracle_check_capture(w, config, from, f, believed, remarks);
  /* What it has overtaken tells of an earlier time. */
  for (unsigned i = 0; i < overtakes && believed; i++)
    w->leg[from][BEFORE_TAP].flight[i].overtaken = 1;
}

void channel_tap(struct world *w, const struct explore_config *config, enum end from,
                 struct flight f, unsigned overtakes) {
  channel_capture(w, config, from, &f, overtakes);
  f.overtaken = f.state = 0; /* beyond the tap they no longer matter */
  if (leg_exists(config, from, AFTER_TAP))
    leg_insert(w, &w->leg[from][AFTER_TAP], w->leg[from][AFTER_TAP].n, f);
  else
    channel_deliver(w, config, end_other(from), f);
}

static void launch(struct world *w, const struct explore_config *config, enum end from,
                   struct flight f) {
  if (leg_exists(config, from, BEFORE_TAP))
    leg_insert(w, &w->leg[from][BEFORE_TAP], w->leg[from][BEFORE_TAP].n, f);
  else
    channel_tap(w, config, from, f, 0);
}

void host_send(struct world *w, const struct explore_config *config, enum end from, unsigned flags,
               unsigned seq, unsigned payload) {
  struct host *h = &w->host[from];
  struct flight f = {.flags = (uint8_t)flags, .seq = (uint8_t)seq, .payload = (uint8_t)payload};
  if (h->syn_received && !(flags & SEGMENT_RST && h->gone)) {
    f.flags |= SEGMENT_ACK;
    f.ack = h->rcv_nxt;
    h->ack_pending = false;
  }
  f.state = h->state;
  launch(w, config, from, f);
}

void host_send_ack(struct world *w, const struct explore_config *config, enum end from) {
  host_send(w, config, from, 0, w->host[from].snd_nxt, 0);
}

void host_send_syn(struct world *w, const struct explore_config *config, enum end from) {
  if (w->host[from].snd_nxt == 0) w->host[from].snd_nxt = 1;
  host_happen(w, from, EVENT_SND_SYN);
  host_send(w, config, from, SEGMENT_SYN, 0, 0);
}

void host_send_fin(struct world *w, const struct explore_config *config, enum end from,
                   unsigned seq, unsigned payload) {
  struct host *h = &w->host[from];
  if (!h->fin_seq) {
    h->fin_first = !h->fin_received;
    h->fin_seq = (uint8_t)(seq + payload);
    h->snd_nxt = (uint8_t)(h->fin_seq + 1);
  }
  host_happen(w, from, EVENT_SND_FIN);
  host_send(w, config, from, SEGMENT_FIN, seq, payload);
}

/* ---- Arrivals ------------------------------------------------------------------------------- */

void host_end(struct world *w, enum end who, enum tcp_event event) {
  host_happen(w, who, event);
  w->host[who].gone = true;
  w->host[who].ack_pending = false;
}

static enum tcp_event event_of(const struct host *h, const struct flight *f) {
  if (f->flags & SEGMENT_RST) return EVENT_RCV_RST;
  if (f->flags & SEGMENT_SYN) return f->flags & SEGMENT_ACK ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN;
  if (f->flags & SEGMENT_FIN) return EVENT_RCV_FIN;
  return h->fin_seq && f->ack > h->fin_seq ? EVENT_RCV_ACK_OF_FIN : EVENT_RCV_ACK_OF_SYN;
}

/* 3.10.7.1, and the same in 3.10.7.2 and 3.10.7.3 */
static void answer_with_rst(struct world *w, const struct explore_config *config, enum end who,
                            const struct flight *f) {
  struct flight rst = {.flags = SEGMENT_RST, .state = w->host[who].state};
  if (f->flags & SEGMENT_ACK) {
    rst.seq = f->ack;
  } else {
    rst.flags |= SEGMENT_ACK;
    rst.ack =
        (uint8_t)(f->seq + f->payload + !!(f->flags & SEGMENT_SYN) + !!(f->flags & SEGMENT_FIN));
  }
  launch(w, config, who, rst);
}

static void deliver_to_closed(struct world *w, const struct explore_config *config, enum end to,
                              const struct flight *f) {
  host_happen(w, to, event_of(&w->host[to], f));
  oracle_check_host(w, to); /* before the answer, which would hide it */
  if (f->flags & SEGMENT_RST) return;
  host_happen(w, to, EVENT_SND_RST);
  answer_with_rst(w, config, to, f);
}

/* 3.10.7.2 and 3.10.7.3 */
static void deliver_to_opening(struct world *w, const struct explore_config *config, enum end to,
                               const struct flight *f) {
  struct host *h = &w->host[to];
  bool ack = f->flags & SEGMENT_ACK,
       is_acceptable = ack && f->ack > h->snd_una && f->ack <= h->snd_nxt;
  if (f->flags & SEGMENT_RST) {
    if (h->state == TCPS_LISTEN)
      host_happen(w, to, EVENT_RCV_RST);
    else if (is_acceptable)
      host_end(w, to, EVENT_RCV_RST);
    return;
  }
  bool answers_old = ack && !is_acceptable;
  if (answers_old || !(f->flags & SEGMENT_SYN)) {
    w->past[to] |= PAST_UNHEARD;
    bool listens = h->state == TCPS_LISTEN; /* its RST is not about the connection to come */
    host_happen(w, to, event_of(h, f));
    if (answers_old && !listens) host_happen(w, to, EVENT_SND_RST);
    if (answers_old) answer_with_rst(w, config, to, f);
    return;
  }
  h->syn_received = true;
  h->rcv_nxt = 1;
  if (is_acceptable) {
    h->snd_una = 1;
    host_happen(w, to, EVENT_RCV_SYN_ACK);
    host_send_ack(w, config, to);
  } else {
    host_happen(w, to, EVENT_RCV_SYN);
    host_send_syn(w, config, to);
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
    host_happen(w, to, EVENT_RCV_SYN_ACK);
  } else if (h->state == TCPS_SYN_RECEIVED) {
    host_happen(w, to, f->flags & SEGMENT_ACK ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN);
    host_send_syn(w, config, to);
  } else {
    host_happen(w, to, f->flags & SEGMENT_ACK ? EVENT_RCV_SYN_ACK : EVENT_RCV_SYN);
    host_send_ack(w, config, to);
  }
}

/* 3.10.7.4, fifth */
static void deliver_ack(struct world *w, enum end to, const struct flight *f) {
  struct host *h = &w->host[to];
  if (f->ack > h->snd_una) h->snd_una = f->ack;
  if (h->state == TCPS_SYN_RECEIVED || f->ack == 1) host_happen(w, to, EVENT_RCV_ACK_OF_SYN);
  if (h->fin_seq && f->ack > h->fin_seq) host_happen(w, to, EVENT_RCV_ACK_OF_FIN);
}

static void deliver_text(struct world *w, const struct explore_config *config, enum end to,
                         const struct flight *f) {
  struct host *h = &w->host[to];
  unsigned fin = f->flags & SEGMENT_FIN ? 1 : 0;
  if (f->seq > h->rcv_nxt) {
    if (fin) h->fin_waits = true;
    host_send_ack(w, config, to);
    return;
  }
  bool at_once = h->fin_seq != 0; /* else the ACK may wait, and ride with the FIN */
  h->rcv_nxt = (uint8_t)(f->seq + f->payload);
  h->ack_pending = true;
  if (fin || h->fin_waits) {
    h->rcv_nxt++;
    h->fin_waits = false;
    h->fin_received = true;
    host_happen(w, to, EVENT_RCV_FIN);
  }
  if (at_once) host_send_ack(w, config, to);
}

void channel_deliver(struct world *w, const struct explore_config *config, enum end to,
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
      host_end(w, to, EVENT_RCV_RST);
    else if (f.seq > h->rcv_nxt)
      host_send_ack(w, config, to); /* second: a challenge ACK */
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
  if (is_old && (f.flags & SEGMENT_FIN)) host_happen(w, to, EVENT_RCV_FIN);
  if (is_old && len > 0)
    host_send_ack(w, config, to);
  else if (!is_old && len > 0)
    deliver_text(w, config, to, &f);
}
