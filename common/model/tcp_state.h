/* The states of RFC 9293, 3.3.2, each with its contract: what this endpoint has sent and received,
 * and what it awaits. One list gives the enumeration, the names and the parser. */
#ifndef TEARDOWN_COMMON_MODEL_TCP_STATE_H
#define TEARDOWN_COMMON_MODEL_TCP_STATE_H

#include <stdbool.h>

/* X(enumerator, printed name, spelling of `ss`, spelling of the Linux kernel's trace events)
 *
 *   CLOSED        no connection: nothing sent counts any more, nothing is awaited
 *   LISTEN        a passive open: awaits any SYN
 *   SYN_SENT      SYN sent; awaits the peer's SYN and the ACK of its own
 *   SYN_RECEIVED  SYN sent and received; awaits the ACK of its own SYN
 *   ESTABLISHED   both pipes open
 *   FIN_WAIT_1    FIN sent (or queued by close()); awaits its ACK, or the peer's FIN, or both
 *   FIN_WAIT_2    FIN sent and acknowledged; awaits the peer's FIN; the peer may still send data
 *   CLOSE_WAIT    the peer's FIN received; awaits close() from its own application
 *   CLOSING       FINs crossed: FIN sent and FIN received; awaits the ACK of its own
 *   LAST_ACK      the peer's FIN received, then its own sent; awaits the ACK of its own
 *   TIME_WAIT     both FINs sent, received and acknowledged; answers a repeated FIN until 2 MSL
 *                 have passed without one */
/* clang-format off */
#define TCP_STATES(X)                                    \
  X(CLOSED, "CLOSED", "UNCONN", "CLOSE")                 \
  X(LISTEN, "LISTEN", "LISTEN", "LISTEN")                \
  X(SYN_SENT, "SYN_SENT", "SYN-SENT", "SYN_SENT")        \
  X(SYN_RECEIVED, "SYN_RECEIVED", "SYN-RECV", "SYN_RECV") \
  X(ESTABLISHED, "ESTABLISHED", "ESTAB", "ESTABLISHED")  \
  X(FIN_WAIT_1, "FIN_WAIT_1", "FIN-WAIT-1", "FIN_WAIT1") \
  X(FIN_WAIT_2, "FIN_WAIT_2", "FIN-WAIT-2", "FIN_WAIT2") \
  X(CLOSE_WAIT, "CLOSE_WAIT", "CLOSE-WAIT", "CLOSE_WAIT") \
  X(CLOSING, "CLOSING", "CLOSING", "CLOSING")            \
  X(LAST_ACK, "LAST_ACK", "LAST-ACK", "LAST_ACK")        \
  X(TIME_WAIT, "TIME_WAIT", "TIME-WAIT", "TIME_WAIT")
/* clang-format on */

enum tcp_state {
#define X(state, name, ss, kernel) TCPS_##state,
  TCP_STATES(X)
#undef X
      TCPS_COUNT
};

/* The name as RFC 9293 has it, with underscores: "FIN_WAIT_1". */
const char *tcp_state_name(enum tcp_state state);

/* Both SYNs are behind this end (RFC 9293, 3.10.7.4): ESTABLISHED and what follows it. CLOSED is
 * not: there is no connection any more. */
bool tcp_state_is_synchronized(enum tcp_state state);

/* Reads the RFC's name, ss's or the kernel's, in any case. False when it is none of them. */
bool tcp_state_parse(const char *text, enum tcp_state *state);

#endif
