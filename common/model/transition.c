#include "common/model/transition.h"

#include <assert.h>
#include <stddef.h>

/* clang-format off */
#define MOVES(to, section, reason) {section, reason, TCPS_##to, TRANSITION_MOVES}
#define STAYS(in, section, reason) {section, reason, TCPS_##in, TRANSITION_STAYS}
#define IGNORES(in, section, reason) {section, reason, TCPS_##in, TRANSITION_IGNORES}
#define NEVER(in, section, reason) {section, reason, TCPS_##in, TRANSITION_NEVER}

static const struct transition table[TCPS_COUNT][EVENT_COUNT] = {
    [TCPS_CLOSED] =
        {
            [EVENT_SND_SYN] = MOVES(SYN_SENT, "3.10.1", "connect(): SYN sent"),
            [EVENT_RCV_SYN] = IGNORES(CLOSED, "3.10.7.1", "nobody listens: answered with RST"),
            [EVENT_RCV_SYN_ACK] = IGNORES(CLOSED, "3.10.7.1", "no connection: answered with RST"),
            [EVENT_RCV_ACK_OF_SYN] =
                IGNORES(CLOSED, "3.10.7.1", "no connection: answered with RST"),
            [EVENT_SND_FIN] = NEVER(CLOSED, "3.10.4", "a closed connection has no FIN to send"),
            [EVENT_RCV_FIN] = IGNORES(CLOSED, "3.10.7.1", "no connection: answered with RST"),
            [EVENT_RCV_ACK_OF_FIN] =
                IGNORES(CLOSED, "3.10.7.1", "no connection: answered with RST"),
            [EVENT_SND_RST] = STAYS(CLOSED, "3.10.7.1", "no connection here: the answer is RST"),
            [EVENT_RCV_RST] = IGNORES(CLOSED, "3.10.7.1", "no connection left to reset"),
            [EVENT_TIMEOUT_2MSL] = NEVER(CLOSED, "3.10.8", "no timer runs without a connection"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(CLOSED, "Linux", "no timer runs without a connection"),
            [EVENT_GIVE_UP] = NEVER(CLOSED, "3.8.3", "nothing is left to retransmit"),
        },
    [TCPS_LISTEN] =
        {
            [EVENT_SND_SYN] = MOVES(SYN_SENT, "3.10.2", "passive open turned active: SYN sent"),
            [EVENT_RCV_SYN] = MOVES(SYN_RECEIVED, "3.10.7.2", "SYN received: answers SYN,ACK"),
            [EVENT_RCV_SYN_ACK] = IGNORES(LISTEN, "3.10.7.2", "an ACK here is answered with RST"),
            [EVENT_RCV_ACK_OF_SYN] =
                IGNORES(LISTEN, "3.10.7.2", "an ACK here is answered with RST"),
            [EVENT_SND_FIN] = NEVER(LISTEN, "3.10.4", "close() in LISTEN sends nothing"),
            [EVENT_RCV_FIN] = IGNORES(LISTEN, "3.10.7.2", "no connection yet: dropped"),
            [EVENT_RCV_ACK_OF_FIN] =
                IGNORES(LISTEN, "3.10.7.2", "an ACK here is answered with RST"),
            [EVENT_SND_RST] =
                MOVES(CLOSED, "3.10.7.1", "RST sent: nobody accepts this connection"),
            [EVENT_RCV_RST] = IGNORES(LISTEN, "3.10.7.2", "a RST cannot reset a listener"),
            [EVENT_TIMEOUT_2MSL] = NEVER(LISTEN, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(LISTEN, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = NEVER(LISTEN, "3.8.3", "nothing was sent, nothing is retransmitted"),
        },
    [TCPS_SYN_SENT] =
        {
            [EVENT_SND_SYN] = STAYS(SYN_SENT, "3.8.1", "SYN retransmitted"),
            [EVENT_RCV_SYN] =
                MOVES(SYN_RECEIVED, "3.10.7.3", "SYNs crossed: a simultaneous open"),
            [EVENT_RCV_SYN_ACK] = MOVES(ESTABLISHED, "3.10.7.3", "our SYN was acknowledged"),
            [EVENT_RCV_ACK_OF_SYN] =
                IGNORES(SYN_SENT, "3.10.7.3", "an ACK without SYN does not open a connection"),
            [EVENT_SND_FIN] = NEVER(SYN_SENT, "3.10.4", "close() in SYN_SENT sends nothing"),
            [EVENT_RCV_FIN] = IGNORES(SYN_SENT, "3.10.7.4", "no FIN is processed in SYN_SENT"),
            [EVENT_RCV_ACK_OF_FIN] = IGNORES(SYN_SENT, "3.10.7.3", "no FIN was sent"),
            [EVENT_SND_RST] =
                STAYS(SYN_SENT, "3.10.7.3", "an unacceptable ACK was answered with RST"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.3", "RST received: connection refused"),
            [EVENT_TIMEOUT_2MSL] = NEVER(SYN_SENT, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(SYN_SENT, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "no answer to the SYN: given up"),
        },
    [TCPS_SYN_RECEIVED] =
        {
            [EVENT_SND_SYN] = STAYS(SYN_RECEIVED, "3.10.7.2", "SYN,ACK sent"),
            [EVENT_RCV_SYN] = STAYS(SYN_RECEIVED, "3.10.7.4", "the same SYN again"),
            [EVENT_RCV_SYN_ACK] =
                MOVES(ESTABLISHED, "3.10.7.4", "our SYN was acknowledged (simultaneous open)"),
            [EVENT_RCV_ACK_OF_SYN] = MOVES(ESTABLISHED, "3.10.7.4", "our SYN was acknowledged"),
            [EVENT_SND_FIN] = MOVES(FIN_WAIT_1, "3.10.4", "close() before the handshake's end"),
            [EVENT_RCV_FIN] = MOVES(CLOSE_WAIT, "3.10.7.4", "FIN received: EOF for the application"),
            [EVENT_RCV_ACK_OF_FIN] = IGNORES(SYN_RECEIVED, "3.10.7.4", "no FIN was sent"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "abort: RST sent"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection refused"),
            [EVENT_TIMEOUT_2MSL] =
                NEVER(SYN_RECEIVED, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(SYN_RECEIVED, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "no answer to the SYN,ACK: given up"),
        },
    [TCPS_ESTABLISHED] =
        {
            [EVENT_SND_SYN] = NEVER(ESTABLISHED, "3.10.7.4", "the handshake is over"),
            [EVENT_RCV_SYN] =
                STAYS(ESTABLISHED, "3.10.7.4", "a SYN here earns a challenge ACK (RFC 5961)"),
            [EVENT_RCV_SYN_ACK] =
                STAYS(ESTABLISHED, "3.10.7.4", "the SYN,ACK again: our ACK of it was lost"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(ESTABLISHED, "3.10.7.4", "already acknowledged"),
            [EVENT_SND_FIN] = MOVES(FIN_WAIT_1, "3.10.4", "close(): FIN sent, no more data"),
            [EVENT_RCV_FIN] = MOVES(CLOSE_WAIT, "3.10.7.4", "FIN received: EOF for the application"),
            [EVENT_RCV_ACK_OF_FIN] = IGNORES(ESTABLISHED, "3.10.7.4", "no FIN was sent"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "abort: RST sent"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection reset"),
            [EVENT_TIMEOUT_2MSL] =
                NEVER(ESTABLISHED, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(ESTABLISHED, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "data never acknowledged: given up"),
        },
    [TCPS_FIN_WAIT_1] =
        {
            [EVENT_SND_SYN] = STAYS(FIN_WAIT_1, "3.8.1",
                                    "SYN,ACK retransmitted: close() came before the handshake's end"),
            [EVENT_RCV_SYN] =
                STAYS(FIN_WAIT_1, "3.10.7.4", "a SYN here earns a challenge ACK (RFC 5961)"),
            [EVENT_RCV_SYN_ACK] = STAYS(FIN_WAIT_1, "3.10.7.4", "the SYN,ACK again"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(FIN_WAIT_1, "3.10.7.4", "our SYN was acknowledged"),
            [EVENT_SND_FIN] = STAYS(FIN_WAIT_1, "3.8.1", "FIN retransmitted: no ACK of it came"),
            [EVENT_RCV_FIN] =
                MOVES(CLOSING, "3.10.7.4", "FIN received before the ACK of ours: they crossed"),
            [EVENT_RCV_ACK_OF_FIN] = MOVES(FIN_WAIT_2, "3.10.7.4", "our FIN was acknowledged"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "abort: RST sent"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection reset"),
            [EVENT_TIMEOUT_2MSL] =
                NEVER(FIN_WAIT_1, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(FIN_WAIT_1, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "our FIN never acknowledged: given up"),
        },
    [TCPS_FIN_WAIT_2] =
        {
            [EVENT_SND_SYN] = NEVER(FIN_WAIT_2, "3.10.7.4", "the handshake is over"),
            [EVENT_RCV_SYN] =
                STAYS(FIN_WAIT_2, "3.10.7.4", "a SYN here earns a challenge ACK (RFC 5961)"),
            [EVENT_RCV_SYN_ACK] = STAYS(FIN_WAIT_2, "3.10.7.4", "the SYN,ACK again"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(FIN_WAIT_2, "3.10.7.4", "already acknowledged"),
            [EVENT_SND_FIN] =
                NEVER(FIN_WAIT_2, "3.8.1", "an acknowledged FIN is not retransmitted"),
            [EVENT_RCV_FIN] =
                MOVES(TIME_WAIT, "3.10.7.4", "FIN received: acknowledges it, starts 2 MSL"),
            [EVENT_RCV_ACK_OF_FIN] = STAYS(FIN_WAIT_2, "3.10.7.4", "already acknowledged"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "RST sent: nobody is left to read"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection reset"),
            [EVENT_TIMEOUT_2MSL] =
                NEVER(FIN_WAIT_2, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                MOVES(CLOSED, "Linux", "the peer's FIN never came: tcp_fin_timeout"),
            [EVENT_GIVE_UP] = NEVER(FIN_WAIT_2, "3.8.3", "nothing is left to retransmit"),
        },
    [TCPS_CLOSE_WAIT] =
        {
            [EVENT_SND_SYN] = NEVER(CLOSE_WAIT, "3.10.7.4", "the handshake is over"),
            [EVENT_RCV_SYN] =
                STAYS(CLOSE_WAIT, "3.10.7.4", "a SYN here earns a challenge ACK (RFC 5961)"),
            [EVENT_RCV_SYN_ACK] = STAYS(CLOSE_WAIT, "3.10.7.4", "the SYN,ACK again"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(CLOSE_WAIT, "3.10.7.4", "our SYN was acknowledged"),
            [EVENT_SND_FIN] = MOVES(LAST_ACK, "3.10.4", "close(): our FIN sent after the peer's"),
            [EVENT_RCV_FIN] =
                STAYS(CLOSE_WAIT, "3.10.7.4", "the FIN again: acknowledged once more"),
            [EVENT_RCV_ACK_OF_FIN] = IGNORES(CLOSE_WAIT, "3.10.7.4", "no FIN was sent"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "abort: RST sent"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection reset"),
            [EVENT_TIMEOUT_2MSL] =
                NEVER(CLOSE_WAIT, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(CLOSE_WAIT, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "data never acknowledged: given up"),
        },
    [TCPS_CLOSING] =
        {
            [EVENT_SND_SYN] = NEVER(CLOSING, "3.10.7.4", "the handshake is over"),
            [EVENT_RCV_SYN] =
                STAYS(CLOSING, "3.10.7.4", "a SYN here earns a challenge ACK (RFC 5961)"),
            [EVENT_RCV_SYN_ACK] = STAYS(CLOSING, "3.10.7.4", "the SYN,ACK again"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(CLOSING, "3.10.7.4", "our SYN was acknowledged"),
            [EVENT_SND_FIN] = STAYS(CLOSING, "3.8.1", "FIN retransmitted: no ACK of it came"),
            [EVENT_RCV_FIN] = STAYS(CLOSING, "3.10.7.4", "the FIN again: acknowledged once more"),
            [EVENT_RCV_ACK_OF_FIN] =
                MOVES(TIME_WAIT, "3.10.7.4", "our FIN was acknowledged: starts 2 MSL"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "abort: RST sent"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection reset"),
            [EVENT_TIMEOUT_2MSL] = NEVER(CLOSING, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(CLOSING, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "our FIN never acknowledged: given up"),
        },
    [TCPS_LAST_ACK] =
        {
            [EVENT_SND_SYN] = NEVER(LAST_ACK, "3.10.7.4", "the handshake is over"),
            [EVENT_RCV_SYN] =
                STAYS(LAST_ACK, "3.10.7.4", "a SYN here earns a challenge ACK (RFC 5961)"),
            [EVENT_RCV_SYN_ACK] = STAYS(LAST_ACK, "3.10.7.4", "the SYN,ACK again"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(LAST_ACK, "3.10.7.4", "our SYN was acknowledged"),
            [EVENT_SND_FIN] = STAYS(LAST_ACK, "3.8.1", "FIN retransmitted: no ACK of it came"),
            [EVENT_RCV_FIN] = STAYS(LAST_ACK, "3.10.7.4", "the FIN again: acknowledged once more"),
            [EVENT_RCV_ACK_OF_FIN] =
                MOVES(CLOSED, "3.10.7.4", "our FIN was acknowledged: nothing is left to do"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.5", "abort: RST sent"),
            [EVENT_RCV_RST] = MOVES(CLOSED, "3.10.7.4", "RST received: connection reset"),
            [EVENT_TIMEOUT_2MSL] = NEVER(LAST_ACK, "3.10.8", "that timer runs only in TIME_WAIT"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(LAST_ACK, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = MOVES(CLOSED, "3.8.3", "our FIN never acknowledged: given up"),
        },
    [TCPS_TIME_WAIT] =
        {
            [EVENT_SND_SYN] = NEVER(TIME_WAIT, "3.6.1", "a new SYN is a new connection"),
            [EVENT_RCV_SYN] =
                STAYS(TIME_WAIT, "3.10.7.4", "a new incarnation, if it is newer (RFC 6191)"),
            [EVENT_RCV_SYN_ACK] = STAYS(TIME_WAIT, "3.10.7.4", "the SYN,ACK again"),
            [EVENT_RCV_ACK_OF_SYN] = STAYS(TIME_WAIT, "3.10.7.4", "already acknowledged"),
            [EVENT_SND_FIN] =
                NEVER(TIME_WAIT, "3.8.1", "an acknowledged FIN is not retransmitted"),
            [EVENT_RCV_FIN] =
                STAYS(TIME_WAIT, "3.10.7.4", "the FIN again: re-acknowledged, 2 MSL restarted"),
            [EVENT_RCV_ACK_OF_FIN] = STAYS(TIME_WAIT, "3.10.7.4", "already acknowledged"),
            [EVENT_SND_RST] = MOVES(CLOSED, "3.10.7.1", "RST sent: TIME_WAIT is already over"),
            [EVENT_RCV_RST] =
                MOVES(CLOSED, "3.10.7.4", "RST received: TIME_WAIT cut short (RFC 1337)"),
            [EVENT_TIMEOUT_2MSL] =
                MOVES(CLOSED, "3.10.8", "2 MSL have passed: the connection is gone"),
            [EVENT_TIMEOUT_FIN_WAIT_2] =
                NEVER(TIME_WAIT, "Linux", "that timer runs only in FIN_WAIT_2"),
            [EVENT_GIVE_UP] = NEVER(TIME_WAIT, "3.8.3", "nothing is left to retransmit"),
        },
};
/* clang-format on */

const struct transition *transition_find(enum tcp_state state, enum tcp_event event) {
  const struct transition *row = &table[state][event];
  assert(row->reason != NULL);
  return row;
}

bool transition_leads_to(enum tcp_state from, enum tcp_state to) {
  bool reached[TCPS_COUNT] = {false};
  reached[from] = true;
  /* Each round takes every edge of the table once: no path is longer than there are states. */
  for (unsigned round = 0; round < TCPS_COUNT && !reached[to]; round++)
    for (unsigned state = 0; state < TCPS_COUNT; state++)
      for (unsigned event = 0; reached[state] && event < EVENT_COUNT; event++)
        if (state != TCPS_CLOSED || from == TCPS_CLOSED)
          reached[transition_find(state, event)->next] = true;
  return reached[to];
}

const char *tcp_event_name(enum tcp_event event) {
  static const char *const names[] = {
#define X(event, name) [EVENT_##event] = name,
      TCP_EVENTS(X)
#undef X
  };
  static_assert(sizeof names / sizeof *names == EVENT_COUNT, "a name for every event");
  return names[event];
}
