/* The transition table of RFC 9293 (figure 5, and 3.10 for what the figure leaves out): one
 * constant row for every pair of state and event. It knows one endpoint and no segment: guards (is
 * this sequence number acceptable? does this ACK cover the FIN?) are computed before the look-up.
 */
#ifndef TEARDOWN_COMMON_MODEL_TRANSITION_H
#define TEARDOWN_COMMON_MODEL_TRANSITION_H

#include <stdbool.h>

#include "common/model/tcp_state.h"

/* X(enumerator, name). SND: this endpoint put it on the wire. RCV: it arrived and was acceptable.
 */
/* clang-format off */
#define TCP_EVENTS(X)                                                                      \
  X(SND_SYN, "SND_SYN")                                                                    \
  X(RCV_SYN, "RCV_SYN")                                                                    \
  X(RCV_SYN_ACK, "RCV_SYN_ACK")       /* a SYN that acknowledges ours */                   \
  X(RCV_ACK_OF_SYN, "RCV_ACK_OF_SYN") /* without a SYN of its own */                       \
  X(SND_FIN, "SND_FIN")                                                                    \
  X(RCV_FIN, "RCV_FIN")               /* with every octet before it */                     \
  X(RCV_ACK_OF_FIN, "RCV_ACK_OF_FIN") /* SEG.ACK covers our FIN's octet */                 \
  X(SND_RST, "SND_RST")                                                                    \
  X(RCV_RST, "RCV_RST")                                                                    \
  X(TIMEOUT_2MSL, "2MSL")                                                                  \
  X(TIMEOUT_FIN_WAIT_2, "FIN_WAIT_2_TIMEOUT") /* not in the RFC: Linux's tcp_fin_timeout */ \
  X(GIVE_UP, "GIVE_UP")                       /* retransmissions exhausted, R2 */
/* clang-format on */

enum tcp_event {
#define X(event, name) EVENT_##event,
  TCP_EVENTS(X)
#undef X
      EVENT_COUNT
};

enum transition_kind {
  TRANSITION_MOVES,   /* to another state */
  TRANSITION_STAYS,   /* legal, and the state is the same after it */
  TRANSITION_IGNORES, /* the RFC drops such a segment here */
  TRANSITION_NEVER,   /* an endpoint in this state cannot do that: whoever does was not in it */
};

struct transition {
  const char *section; /* of RFC 9293 unless it names another document */
  const char *reason;  /* one line, for a person */
  enum tcp_state next; /* the same state unless the kind is TRANSITION_MOVES */
  enum transition_kind kind;
};

/* The row for this pair; never NULL, valid for the life of the program. */
const struct transition *transition_find(enum tcp_state state, enum tcp_event event);

/* Events can take an end of one connection from the first state to the other, if by several steps;
 * true when the two are the same. What follows on CLOSED is another connection. */
bool transition_leads_to(enum tcp_state from, enum tcp_state to);

const char *tcp_event_name(enum tcp_event event);

#endif
