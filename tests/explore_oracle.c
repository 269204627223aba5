/* What must hold, stated without the transition table: from RFC 9293 and from what was sent, has
 * arrived and was acknowledged. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/explore.h"

char oracle_complaint[256];
uint64_t oracle_unknowable[UNKNOWABLE_COUNT];
uint64_t oracle_pairs[TCPS_COUNT][TCPS_COUNT];

void oracle_complain(const char *format, ...) {
  if (oracle_complaint[0]) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(oracle_complaint, sizeof oracle_complaint, format, arguments);
  va_end(arguments);
}

/* ---- The hosts ------------------------------------------------------------------------------ */

static bool fin_is_acked(const struct host *h) { return h->fin_seq && h->snd_una > h->fin_seq; }

/* RFC 9293, 3.3.2, in terms of what has happened. */
static enum tcp_state state_by_the_rfc(const struct host *h) {
  if (h->gone) return TCPS_CLOSED;
  if (h->fin_seq && h->fin_received) {
    if (!fin_is_acked(h)) return h->fin_first ? TCPS_CLOSING : TCPS_LAST_ACK;
    /* Only the end that spoke first may have to repeat its last word. */
    return h->fin_first ? TCPS_TIME_WAIT : TCPS_CLOSED;
  }
  if (h->fin_seq) return fin_is_acked(h) ? TCPS_FIN_WAIT_2 : TCPS_FIN_WAIT_1;
  if (h->fin_received) return TCPS_CLOSE_WAIT;
  if (h->syn_received) return h->snd_una > 0 ? TCPS_ESTABLISHED : TCPS_SYN_RECEIVED;
  if (h->snd_nxt > 0) return TCPS_SYN_SENT;
  return h->listens ? TCPS_LISTEN : TCPS_CLOSED;
}

/* What an end may do by itself: retransmit what is not acknowledged, give that up, let a timer run
 * out. The table must say the same of the state that it has brought the end to. */
static bool may(const struct host *h, enum tcp_event event) {
  bool is_open =
      !h->gone && h->snd_nxt > 0 && !(fin_is_acked(h) && h->fin_received && !h->fin_first);
  switch (event) {
    case EVENT_SND_SYN:
      /* FIN_WAIT_1 does not tell whether the SYN was acknowledged before close(). */
      return !h->gone && (h->snd_una == 0 || (h->fin_seq && !h->fin_received && !fin_is_acked(h)));
    case EVENT_SND_FIN: return is_open && h->syn_received && !fin_is_acked(h);
    case EVENT_TIMEOUT_2MSL: return is_open && fin_is_acked(h) && h->fin_received;
    case EVENT_TIMEOUT_FIN_WAIT_2: return is_open && fin_is_acked(h) && !h->fin_received;
    case EVENT_GIVE_UP: return is_open && !fin_is_acked(h);
    case EVENT_SND_RST: return true;
    case EVENT_RCV_SYN:
    case EVENT_RCV_SYN_ACK:
    case EVENT_RCV_ACK_OF_SYN:
    case EVENT_RCV_FIN:
    case EVENT_RCV_ACK_OF_FIN:
    case EVENT_RCV_RST: return true; /* nobody can keep a segment from arriving */
    case EVENT_COUNT: break;
  }
  return false;
}

void oracle_check_host(const struct world *w, enum end who) {
  const struct host *h = &w->host[who];
  enum tcp_state right = state_by_the_rfc(h);
  if (h->state != right)
    oracle_complain("%s is in %s, by the RFC in %s", end_name(who), tcp_state_name(h->state),
                    tcp_state_name(right));
  for (unsigned event = 0; event < EVENT_COUNT; event++) {
    /* A closed end may open again, and a listener too; a timed-out one may not retransmit. */
    if (event == EVENT_SND_SYN && right == TCPS_CLOSED) continue;
    bool permitted = table_probe(h->state, event)->kind != TRANSITION_NEVER;
    if (permitted != may(h, event))
      oracle_complain("%s in %s: the table %s %s", end_name(who), tcp_state_name(h->state),
                      permitted ? "permits" : "forbids", tcp_event_name(event));
  }
}

/* One letter a pair, in the order of tcp_state.h; '+' the RFC allows it, '.' it does not. CLOSED
 * and LISTEN stand beside everything that a reset or a silence can leave behind. Why not, for
 * example: TIME_WAIT beside FIN_WAIT_2: whoever is in TIME_WAIT has received the peer's FIN and its
 * own was acknowledged, so the peer has received it and is past FIN_WAIT_2. LAST_ACK and CLOSING:
 * the FIN of LAST_ACK was sent after the peer's arrived and acknowledges it in every copy, so
 * whoever receives it has no FIN left to be acknowledged. */
/* clang-format off */
static const char ALLOWED[TCPS_COUNT][TCPS_COUNT + 1] = {
    /*                 C L s r E 1 2 W c A T */
    [TCPS_CLOSED] =       "+++++++++++",
    [TCPS_LISTEN] =       "+.+........",
    [TCPS_SYN_SENT] =     "++++.+.....",
    [TCPS_SYN_RECEIVED] = "+.++++.....",
    [TCPS_ESTABLISHED] =  "+..+++.....",
    [TCPS_FIN_WAIT_1] =   "+.++++.+++.",
    [TCPS_FIN_WAIT_2] =   "+......+++.",
    [TCPS_CLOSE_WAIT] =   "+....++....",
    [TCPS_CLOSING] =      "+....++.+.+",
    [TCPS_LAST_ACK] =     "+....++...+",
    [TCPS_TIME_WAIT] =    "+.......+++",
};
/* clang-format on */

bool oracle_pair_is_allowed(enum tcp_state a, enum tcp_state b) { return ALLOWED[a][b] == '+'; }

/* ---- The watcher ---------------------------------------------------------------------------- */

/* Whether an end that was in `said` when it last spoke can be in `claim` now, by nothing but what
 * was captured on its way to it and by the watcher's clock. */
static bool can_follow(enum tcp_state said, enum tcp_state claim, unsigned past,
                       unsigned peer_past) {
  bool fin = peer_past & PAST_FIN, acked = past & PAST_FIN_ACKED, clock = past & PAST_CLOCK;
  if (said == claim) return true;
  if (claim == TCPS_CLOSED && (past & PAST_RST)) return true;
  switch (said) {
    case TCPS_CLOSED: return false;
    case TCPS_LISTEN: return claim == TCPS_SYN_RECEIVED;
    case TCPS_SYN_SENT:
      return claim == TCPS_SYN_RECEIVED || claim == TCPS_ESTABLISHED ||
             (claim == TCPS_CLOSE_WAIT && fin);
    case TCPS_SYN_RECEIVED: return claim == TCPS_ESTABLISHED || (claim == TCPS_CLOSE_WAIT && fin);
    case TCPS_ESTABLISHED: return claim == TCPS_CLOSE_WAIT && fin;
    case TCPS_FIN_WAIT_1:
      return (claim == TCPS_FIN_WAIT_2 && acked) || (claim == TCPS_CLOSING && fin) ||
             (claim == TCPS_TIME_WAIT && fin && acked) ||
             (claim == TCPS_CLOSED && fin && acked && clock);
    case TCPS_FIN_WAIT_2:
      return (claim == TCPS_TIME_WAIT && fin) || (claim == TCPS_CLOSED && fin && clock);
    case TCPS_CLOSE_WAIT: return false;
    case TCPS_CLOSING:
      return (claim == TCPS_TIME_WAIT && acked) || (claim == TCPS_CLOSED && acked && clock);
    case TCPS_LAST_ACK: return claim == TCPS_CLOSED && acked;
    case TCPS_TIME_WAIT: return claim == TCPS_CLOSED && clock;
    case TCPS_COUNT: break;
  }
  return false;
}

/* enum unknowable says what is excused here. */
static bool is_unknowable(const struct world *w, enum end who, enum tcp_state truth,
                          enum tcp_state claim) {
  unsigned past = w->past[who];
  bool late = (past & PAST_FIN_LATE) && claim == TCPS_LAST_ACK &&
              (truth == TCPS_CLOSING || truth == TCPS_TIME_WAIT);
  bool hidden = w->host[who].fin_seq && !(past & (PAST_FIN | PAST_FIN_SHOWS)) &&
                ((claim == TCPS_SYN_RECEIVED && truth == TCPS_FIN_WAIT_1) ||
                 (claim == TCPS_ESTABLISHED && truth == TCPS_FIN_WAIT_1) ||
                 (claim == TCPS_CLOSE_WAIT && (truth == TCPS_LAST_ACK || truth == TCPS_CLOSING)));
  bool overtaken =
      (past & PAST_FIN_OVERTAKEN) && ((claim == TCPS_FIN_WAIT_1 && truth == TCPS_FIN_WAIT_2) ||
                                      (claim == TCPS_CLOSING && truth == TCPS_TIME_WAIT));
  bool second = (past & PAST_HEARD_TWICE) && (claim == TCPS_CLOSING || claim == TCPS_TIME_WAIT) &&
                (truth == TCPS_LAST_ACK || truth == TCPS_CLOSED);
  /* Overtaken by the RST of its sender, and so late that it seems to have been sent after it. */
  bool slow = (past & PAST_OVERTAKEN) && truth == TCPS_CLOSED;
  if (!(past & (PAST_LOST_BEFORE | PAST_OVERTAKEN)) ||
      !(late || hidden || overtaken || slow || second))
    return false;
  oracle_unknowable[late     ? UNKNOWABLE_LATE_FIN
                    : hidden ? UNKNOWABLE_HIDDEN_FIN
                    : second ? UNKNOWABLE_SECOND_ANSWER
                    : slow   ? UNKNOWABLE_SLOW
                             : UNKNOWABLE_OVERTAKEN_FIN]++;
  return true;
}

static void check_claim(const struct world *w, const struct explore_config *config, enum end who) {
  const struct model *m = watcher_model(w->watcher);
  const struct endpoint *e = &m->end[who];
  const struct host *h = &w->host[who];
  enum tcp_state claim = e->state;
  unsigned said = w->said[who];
  if (m->segments == 0 || !w->tapped) return;
  if (said == SAID_NOTHING) {
    if (e->evidence == EVIDENCE_SEEN && claim != h->state)
      oracle_complain("watcher: %s is seen in %s, but is in %s and has said nothing", end_name(who),
                      tcp_state_name(claim), tcp_state_name(h->state));
    return;
  }
  if (e->evidence == EVIDENCE_SEEN && claim != said && !is_unknowable(w, who, said, claim))
    oracle_complain("watcher: %s is seen in %s, but was in %s when it last spoke", end_name(who),
                    tcp_state_name(claim), tcp_state_name(said));
  /* Of what was over before the capture began, presumptions may be wrong. */
  if (config->late) return;
  bool disturbed = w->past[who] & (PAST_LOST_BEFORE | PAST_OVERTAKEN);
  if (!can_follow(said, claim, w->past[who], w->past[end_other(who)]) && !disturbed)
    oracle_complain("watcher: %s is %s in %s, which cannot follow on %s", end_name(who),
                    evidence_name(e->evidence), tcp_state_name(claim), tcp_state_name(said));
  /* All that it sent was captured, all that was captured has arrived: what is presumed is true. */
  unsigned unknown = PAST_LOST_BEFORE | PAST_OVERTAKEN | PAST_UNHEARD | PAST_SILENT | PAST_CLOCK |
                     PAST_ACK_STRUCK | PAST_RST_STRUCK | PAST_SYN_STRUCK;
  bool all_arrived = w->leg[who][BEFORE_TAP].n == 0 && w->leg[end_other(who)][AFTER_TAP].n == 0;
  if (all_arrived && !(w->past[who] & unknown) && claim != h->state)
    oracle_complain("watcher: %s is %s in %s, but all has arrived and it is in %s", end_name(who),
                    evidence_name(e->evidence), tcp_state_name(claim), tcp_state_name(h->state));
}

void oracle_check_capture(const struct world *w, const struct explore_config *config, enum end from,
                          const struct flight *f, bool believed, unsigned remarks) {
  const struct endpoint *e = &watcher_model(w->watcher)->end[from];
  unsigned disturbed = PAST_LOST_BEFORE | PAST_OVERTAKEN;
  if (remarks & WATCHER_BREACH) oracle_complain("watcher: a breach, though both ends conform");
  if (config->late || !believed) return;
  if ((remarks & WATCHER_UNEXPECTED) && !((w->past[0] | w->past[1]) & disturbed))
    oracle_complain("watcher: it did not expect what had to come");
  if (remarks & WATCHER_NO_RESTART)
    oracle_complain("watcher: a FIN repeated into TIME_WAIT did not restart it");
  if ((f->flags & SEGMENT_RST) && f->state == TCPS_CLOSED && e->evidence != EVIDENCE_SEEN)
    oracle_complain("watcher: %s has sent an RST and is not seen in CLOSED", end_name(from));
  /* A FIN says that its ACK has not come; the peer's FIN may have come since. */
  if (!(f->flags & SEGMENT_FIN) || f->overtaken || e->state == f->state) return;
  if (f->state == TCPS_FIN_WAIT_1 && e->state == TCPS_CLOSING && e->evidence == EVIDENCE_PRESUMED)
    return;
  /* It may have left before the RST that is presumed to have closed its sender came there. */
  const struct model *m = watcher_model(w->watcher);
  bool crosses = e->state == TCPS_CLOSED && e->evidence == EVIDENCE_PRESUMED &&
                 endpoint_find(e, EVENT_RCV_RST) >= 0 &&
                 m->last_us - m->rst.t_us < endpoint_soon_us(e);
  if (!crosses && !is_unknowable(w, from, f->state, e->state))
    oracle_complain("watcher: %s is %s in %s, though it sent its FIN in %s", end_name(from),
                    evidence_name(e->evidence), tcp_state_name(e->state), tcp_state_name(f->state));
}

/* ---- Every state ---------------------------------------------------------------------------- */

void oracle_check(const struct world *w, const struct explore_config *config) {
  enum tcp_state a = w->host[0].state, b = w->host[1].state;
  oracle_pairs[a][b]++;
  oracle_check_host(w, END_CLIENT);
  oracle_check_host(w, END_SERVER);
  if (!oracle_pair_is_allowed(a, b) && config->opening != OPENING_HALF_OPEN)
    oracle_complain("%s stands beside %s, which the RFC does not allow", tcp_state_name(a),
                    tcp_state_name(b));
  check_claim(w, config, END_CLIENT);
  check_claim(w, config, END_SERVER);
}

/* In the end every presumption has turned out true, or was refuted: of a close that nobody broke
 * off and whose segments were all captured, in the order of sending. */
static void check_claims_at_end(const struct world *w, const struct explore_config *config) {
  const struct model *m = watcher_model(w->watcher);
  bool is_graceful =
      config->aborts + config->give_ups == 0 && !config->fin_wait_2_timeout && !config->unwatched;
  bool disturbed = (w->past[0] | w->past[1]) & (PAST_LOST_BEFORE | PAST_OVERTAKEN);
  if (!is_graceful || config->late || disturbed) return;
  for (unsigned i = 0; i < 2; i++)
    if (m->end[i].state != w->host[i].state && (w->past[i] & (PAST_ACK_STRUCK | PAST_RST_STRUCK)))
      oracle_unknowable[UNKNOWABLE_SLOW]++;
    else if (m->end[i].state != w->host[i].state)
      oracle_complain("watcher: at the end %s is still %s in %s", end_name(i),
                      evidence_name(m->end[i].evidence), tcp_state_name(m->end[i].state));
}

void oracle_check_end(const struct world *w, const struct explore_config *config) {
  check_claims_at_end(w, config);
  for (unsigned i = 0; i < 2; i++)
    if (w->host[i].state != TCPS_CLOSED && w->host[i].state != TCPS_LISTEN)
      oracle_complain("%s stays in %s for ever: nothing can happen any more", end_name(i),
                      tcp_state_name(w->host[i].state));
}
