/* Two endpoints, a channel and a watcher, explored state by state.
 *
 * What is explored is the product of two hosts, which move only as the transition table says, of a
 * channel in which segments may be lost, duplicated and reordered up to a bound, and of the model,
 * fed with what passes a tap in the channel. Every segment that arrives has passed the tap first.
 *
 *     host C ── leg before the tap ──▶ tap ── leg after the tap ──▶ host S, and the same back
 *
 * Beside every true state stand facts of which the table knows nothing: which octets were sent,
 * have arrived, were acknowledged. explore_oracle.c computes from them what RFC 9293 says, and
 * compares.
 *
 * Time is not counted: a timer may expire whenever the RFC lets it, and 2 MSL means that nothing is
 * in flight any more. To the watcher something has happened just before or longer ago. Sequence
 * numbers count from the ISN: octet 0 is SYN, data and FIN follow. */
#ifndef TEARDOWN_TESTS_EXPLORE_H
#define TEARDOWN_TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/model.h"

enum opening {
  OPENING_PAST,         /* both ESTABLISHED; the watcher saw the handshake */
  OPENING_UNSEEN,       /* both ESTABLISHED; the capture begins there */
  OPENING_PASSIVE,      /* the client connects to a listener */
  OPENING_REFUSED,      /* the client connects where nobody listens */
  OPENING_SIMULTANEOUS, /* both have just connected, the server from LISTEN */
  OPENING_HALF_OPEN,    /* the server holds a connection that the client has forgotten */
};

enum tap {
  TAP_AT_SENDERS, /* everything is captured when it is sent, losses come after */
  TAP_AT_CLIENT,  /* what the client sends when it is sent, what it receives when it arrives */
  TAP_BETWEEN,
};

struct explore_config {
  const char *name;
  enum opening opening;
  enum tap tap;
  uint8_t losses, duplicates, reorders;
  uint8_t spurious; /* retransmissions that did not wait until all was quiet */
  uint8_t aborts, give_ups;
  uint8_t stray;               /* flags of an old segment on its way to the listener; 0: none */
  uint8_t data[2];             /* octets that each application may write, 0 or 1 */
  bool fin_wait_2_timeout;     /* Linux's tcp_fin_timeout */
  bool drops_old_acks;         /* as 3.10.7.4, first, has it: an old segment's ACK is not read */
  bool closes_in_syn_received; /* 3.10.4 allows it */
  bool late;                   /* the capture may begin at any time */
  bool unwatched; /* it never begins: two connections in one are not the model's to tell */
  bool bursts;    /* segments come 1 ms apart, or after a pause; else all of them after a pause */
};

struct host {
  uint8_t state; /* enum tcp_state: moved by the table alone; the rest are facts */
  uint8_t snd_una, snd_nxt, rcv_nxt;
  uint8_t fin_seq; /* of its own FIN; 0: none sent */
  uint8_t data_left, connects_left;
  bool listens, syn_received, fin_received;
  bool fin_first; /* its FIN was sent before the peer's arrived */
  bool fin_waits; /* the peer's FIN has arrived beyond a hole */
  bool gone;      /* reset, given up, or timed out */
  bool ack_pending;
};

struct flight {
  uint8_t flags, seq, ack, payload;
  uint8_t state;     /* of its sender, just after sending it */
  uint8_t overtaken; /* one that was sent later has passed the tap before it */
};

enum { LEG_SIZE = 4, BEFORE_TAP = 0, AFTER_TAP = 1 };

struct leg {
  uint8_t n;
  struct flight flight[LEG_SIZE];
};

/* What has happened to a host's segments, as nobody but the oracle knows. */
enum {
  PAST_LOST_BEFORE = 0x01,     /* one that this host sent was lost before the tap */
  PAST_OVERTAKEN = 0x02,       /* one that this host sent passed the tap out of order */
  PAST_UNHEARD = 0x04,         /* one on its way to this host was lost after the tap, or not read */
  PAST_SILENT = 0x08,          /* a timer of this host has ended the connection */
  PAST_CLOCK = 0x10,           /* the watcher's clock has run out for this host */
  PAST_FIN = 0x20,             /* this host's FIN was captured */
  PAST_FIN_ACKED = 0x40,       /* an ACK of it was captured */
  PAST_RST = 0x80,             /* an RST on its way to this host was captured */
  PAST_ACK_STRUCK = 0x100,     /* what it said later shows that this ACK had not arrived by then */
  PAST_RST_STRUCK = 0x200,     /* the same of the RST */
  PAST_SYN_ACKED = 0x400,      /* an ACK of this host's SYN was captured */
  PAST_SYN_STRUCK = 0x800,     /* and had not arrived when the host spoke next */
  PAST_FIN_LATE = 0x1000,      /* the first copy of its FIN that was captured was sent in CLOSING */
  PAST_FIN_SHOWS = 0x2000,     /* a segment beyond its FIN was captured */
  PAST_FIN_OVERTAKEN = 0x4000, /* the last copy of its FIN that was captured was overtaken */
  PAST_HEARD_TWICE = 0x8000,   /* a FIN on its way to this host was doubled after the tap */
};

enum { SAID_NOTHING = 0xff };

/* No padding, so that equal worlds are equal bytes. */
struct world {
  uint32_t watcher; /* index of the model, see explore_watcher.c */
  struct host host[2];
  struct leg leg[2][2]; /* by sender; BEFORE_TAP, AFTER_TAP */
  uint8_t losses, duplicates, reorders, spurious, aborts, give_ups; /* left */
  uint16_t past[2];
  uint8_t said[2];  /* true state with the latest-sent captured segment; SAID_NOTHING */
  uint8_t tapped;   /* the capture has begun */
  uint8_t is_full;  /* a leg has no room: the action is not possible */
  uint8_t acked[2]; /* the highest ACK that was captured from it */
};

enum action_kind {
  ACTION_CONNECT,
  ACTION_WRITE,
  ACTION_CLOSE,
  ACTION_WRITE_AND_CLOSE,
  ACTION_SEND_ACK,
  ACTION_REPEAT_SYN,
  ACTION_REPEAT_ALL,  /* from SND.UNA on, in one segment */
  ACTION_REPEAT_DATA, /* and not the FIN behind it */
  ACTION_REPEAT_FIN,  /* and not the data before it: a tail loss probe */
  ACTION_ABORT,
  ACTION_GIVE_UP,
  ACTION_EXPIRE_2MSL,
  ACTION_EXPIRE_FIN_WAIT_2,
  ACTION_EXPIRE_WATCHER,
  ACTION_BEGIN_CAPTURE,
  ACTION_PAUSE,
  ACTION_TAP,
  ACTION_DELIVER,
  ACTION_LOSE_BEFORE,
  ACTION_LOSE_AFTER,
  ACTION_DUPLICATE_BEFORE,
  ACTION_DUPLICATE_AFTER,
  ACTION_NONE,
};

struct action {
  uint8_t kind; /* enum action_kind */
  uint8_t who;  /* enum end: who acts, or whose segment */
  uint8_t at;   /* index in the leg */
};

enum { ACTIONS_MAX = 64 };

/* ---- explore_table.c: the table under test --------------------------------------------------- */

/* How often each cell was looked up because something happened, since the last table_forget(). */
extern uint64_t table_lookups[TCPS_COUNT][EVENT_COUNT];
/* How often it was asked only whether the table calls it possible. */
extern uint64_t table_probes[TCPS_COUNT][EVENT_COUNT];
void table_forget(void);

/* What a look-up would give. */
const struct transition *table_probe(enum tcp_state state, enum tcp_event event);

/* Replaces one row, until table_restore(). The row must outlive that. */
void table_mutate(enum tcp_state state, enum tcp_event event, const struct transition *row);
void table_restore(void);

/* ---- explore_watcher.c: the model, each of its states kept once ------------------------------ */

void watcher_reset(const struct explore_config *config);
size_t watcher_count(void);
const struct model *watcher_model(uint32_t id);
uint32_t watcher_initial(void);

enum {
  WATCHER_BREACH = 1,
  WATCHER_UNEXPECTED = 2, /* a new role that was not awaited, or the answer to a repeated FIN */
  WATCHER_NO_RESTART = 4, /* a FIN repeated to an end in TIME_WAIT did not restart it */
  WATCHER_IN_HASTE = 8,   /* it is bare, and comes so soon that it need not answer what came last */
};

/* Feeds a segment; *remarks receives WATCHER_*. Returns the model's index after it. */
uint32_t watcher_feed(uint32_t id, enum end from, const struct flight *flight, unsigned *remarks);

/* Lets 2 MSL pass. */
uint32_t watcher_expire(uint32_t id);

/* Lets so much time pass that what comes next is no answer in haste. The same index when that makes
 * no difference. */
uint32_t watcher_pause(uint32_t id);

/* The model's own account of one segment, for a trace. */
void watcher_explain(uint32_t id, enum end from, const struct flight *flight);

/* ---- explore_host.c: the hosts and the channel ----------------------------------------------- */

bool host_permits(const struct host *h, enum tcp_event event);
void host_happen(struct world *w, enum end who, enum tcp_event event);

/* The connection ends for `who`, and with it all that it still had to say. */
void host_end(struct world *w, enum end who, enum tcp_event event);

void host_send(struct world *w, const struct explore_config *config, enum end from, unsigned flags,
               unsigned seq, unsigned payload);
void host_send_ack(struct world *w, const struct explore_config *config, enum end from);
void host_send_syn(struct world *w, const struct explore_config *config, enum end from);
void host_send_fin(struct world *w, const struct explore_config *config, enum end from,
                   unsigned seq, unsigned payload);

void leg_insert(struct world *w, struct leg *leg, unsigned at, struct flight flight);
struct flight leg_remove(struct leg *leg, unsigned at);

/* Passes the tap before so many that were sent earlier. */
void channel_tap(struct world *w, const struct explore_config *config, enum end from,
                 struct flight f, unsigned overtakes);
void channel_capture(struct world *w, const struct explore_config *config, enum end from,
                     const struct flight *f, unsigned overtakes);
void channel_deliver(struct world *w, const struct explore_config *config, enum end to,
                     struct flight f);

/* ---- explore_world.c: what can happen -------------------------------------------------------- */

void world_init(struct world *w, const struct explore_config *config);

/* What can happen next. Returns how many. */
unsigned world_actions(const struct world *w, const struct explore_config *config,
                       struct action actions[static ACTIONS_MAX]);

/* Lets it happen. False when a leg has no room for it. */
bool world_act(struct world *w, const struct explore_config *config, struct action action);

bool world_is_quiet(const struct world *w); /* nothing in flight */

/* Prints the action about to happen, and what it changed. */
void world_print(const struct world *before, struct action action, const struct world *after);

/* ---- explore_oracle.c: what must hold -------------------------------------------------------- */

/* The first thing found wrong, or "". */
extern char oracle_complaint[256];

__attribute__((format(printf, 1, 2))) void oracle_complain(const char *format, ...);

/* Holds of one host, after everything that happens to it. */
void oracle_check_host(const struct world *w, enum end who);

/* Holds in every reachable state. */
void oracle_check(const struct world *w, const struct explore_config *config);

/* Holds just after a segment has passed the tap. */
void oracle_check_capture(const struct world *w, const struct explore_config *config, enum end from,
                          const struct flight *flight, bool believed, unsigned remarks);

/* Nothing happens any more: both must have ended. */
void oracle_check_end(const struct world *w, const struct explore_config *config);

/* What looks alike to any watcher once it has missed a segment. */
enum unknowable {
  /* A FIN whose first copies were missed, and whose first captured copy acknowledges the peer's
   * FIN, looks like a FIN sent only then: CLOSING, and TIME_WAIT after it, like LAST_ACK. */
  UNKNOWABLE_LATE_FIN,
  /* A FIN that was missed, with nothing beyond it captured since, looks like no FIN. */
  UNKNOWABLE_HIDDEN_FIN,
  /* A copy of the FIN, captured after what was sent later, looks like a FIN sent once more, unless
   * the later segment acknowledges more: it seems that the FIN's ACK had not arrived. */
  UNKNOWABLE_OVERTAKEN_FIN,
  /* What was sent before the ACK of its FIN arrived, or an RST, and was captured long after it,
   * says that this has not come. When it has, and nothing is said later, nobody can tell. */
  UNKNOWABLE_SLOW,
  /* So was its FIN before the tap, and it answered the other one twice, of which the first answer,
   * its FIN, is the one that was lost: the second looks as if the FINs had crossed. */
  UNKNOWABLE_SECOND_ANSWER,
  UNKNOWABLE_COUNT,
};

/* How often a claim was wrong in such a way. */
extern uint64_t oracle_unknowable[UNKNOWABLE_COUNT];

/* Pairs of states that were reached, and those which the RFC allows. */
extern uint64_t oracle_pairs[TCPS_COUNT][TCPS_COUNT];
bool oracle_pair_is_allowed(enum tcp_state a, enum tcp_state b);

/* ---- explore.c: the search ------------------------------------------------------------------- */

struct explore_result {
  size_t states, transitions, watchers, ends, full;
  bool failed;
};

enum explore_mode {
  EXPLORE_QUIETLY,        /* to the first complaint */
  EXPLORE_AND_TELL,       /* the same, and print the way there, a shortest one */
  EXPLORE_ALL_COMPLAINTS, /* print the way to each different complaint; fails never */
};

/* Explores every world that can be reached, breadth first. */
struct explore_result explore(const struct explore_config *config, enum explore_mode mode);

/* ---- explore_mutants.c: would a wrong table be noticed? -------------------------------------- */

/* Why no exploration can notice that a cell is wrong. */
struct mutants_equivalent {
  enum tcp_state state;
  enum tcp_event event;
  const char *why;
};

struct mutants_result {
  unsigned killed, survived; /* survived: though it should not have */
  unsigned equivalent;
};

/* Changes every cell in every way, and explores the configurations, in their order, until one of
 * them complains. Prints the mutants that none complains of, with the reason where there is one. */
struct mutants_result mutants_run(const struct explore_config *configs, unsigned n_configs,
                                  const struct mutants_equivalent *known, unsigned n_known);

#endif
