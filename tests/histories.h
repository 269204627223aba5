/* Every history of a close, one after the other: two TCPs of their own making, a channel and a tap.
 *
 *     host C ── leg ──▶ tap ── leg ──▶ host S, and the same back
 *
 * Beside the search over states (explore.h), which knows no time, these histories have all that the
 * wire has: times, timestamps, D-SACK, delayed ACKs, timers that double. What the channel does to a
 * segment, and whether a timer runs out early, is a choice; a history is a sequence of choices, of
 * which a bounded number are not the first one, and all of them are played. Nothing here is shared
 * with the model but the segment. */
#ifndef TEARDOWN_TESTS_HISTORIES_H
#define TEARDOWN_TESTS_HISTORIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/model.h"
#include "common/model/reset.h"

enum stack {
  STACK_LINUX,   /* late data: RST without ACK; gives up in silence */
  STACK_BSD,     /* the same, and every segment carries its FIN until that is acknowledged */
  STACK_RST_ACK, /* late data: RST,ACK that acknowledges them; gives up with an RST (Windows) */
  STACK_RST_ACK_BARE, /* late data: RST,ACK that does not acknowledge them (gVisor) */
};

/* What an application does. Times count from the end of the handshake; 0: never. */
struct application {
  int64_t write_us, write_again_us;
  int64_t close_us;     /* at that time, whatever came */
  int64_t after_eof_us; /* so long after end of file */
  bool half_close;      /* shutdown(), then it goes on reading; else close() */
  bool linger_0, reads_nothing;
  int64_t dies_us;    /* the host is gone, and answers nothing */
  int64_t forgets_us; /* the host has started anew, and knows no such connection */
};

enum filter {
  FILTER_NONE,
  FILTER_FLAGS,     /* only SYN, FIN and RST */
  FILTER_BARE_ACKS, /* all but those */
  FILTER_FROM_CLIENT,
  FILTER_FROM_SERVER,
  FILTER_HANDSHAKE, /* all but that: the capture begins later */
  FILTER_COUNT,
};

struct history_config {
  const char *name;
  struct application application[2];
  enum stack stack[2];
  enum filter filter;
  int64_t leg_us[2]; /* between the client and the tap, between the tap and the server */
  int64_t delayed_ack_us;
  bool timestamps, sack;
  unsigned deviations; /* choices that are not the first one */
  int64_t goes_on_us;  /* how long the capture goes on after the last event */
};

/* By the place of the loss. */
enum { LOST_BEFORE, LOST_AFTER, LOST_PLACES };

/* What really happened until now. What is late by more than the time after which it would be
 * repeated counts as lost. */
struct truth {
  struct {
    uint32_t fin_sent, fin_lost[LOST_PLACES], ack_lost[LOST_PLACES]; /* of its FIN */
    uint32_t fin_arrived, mute; /* of those, copies to which there is no ACK: octets before it are
                                   missing, or nobody is there */
    bool fin_acked;             /* an ACK of it arrived */
    bool peer_closed;           /* the peer's FIN arrived */
    bool ack_was_sent;          /* of its FIN, by the peer */
    bool nameless;  /* a copy of its FIN is captured late, and nothing tells that it is old */
    bool rst_lost;  /* one that it sent */
    bool fin_first; /* its FIN was sent before the peer's arrived */
    bool app_closed, gone;
    uint32_t causes; /* of its RSTs: a bit for each enum reset_cause that is true of one */
  } end[2];
};

/* Called after every captured segment and at the end, with the time. */
typedef void history_check(const struct history_config *config, const struct truth *truth,
                           const struct model *model, int64_t now_us);

/* Plays all histories of this configuration. Returns how many there were. */
uint64_t histories_play(const struct history_config *config, history_check *check);

/* Prints the history that is being played, up to now. */
void histories_tell(const struct history_config *config);

#endif
