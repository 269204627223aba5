/* The table against somebody else's reading of the RFC: the TLA+ specification of RFC 9293's
 * machine in the public tlaplus/Examples repository, specifications/tcp/tcp.tla. Each action there
 * is a row here; each difference carries its reason, and so does each move of ours that it does not
 * have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include "common/model/transition.h"

struct row {
  const char *action; /* as tcp.tla names it */
  enum tcp_state from;
  enum tcp_event event;
  enum tcp_state to;   /* as tcp.tla has it */
  const char *differs; /* NULL: our table says the same */
};

/* clang-format off */
#define RST_SENT(from)                                                                           \
  {"Note3 (RST sent)", from, EVENT_SND_RST, TCPS_TIME_WAIT,                                      \
   "it reads note 3 of figure 5 literally and doubts it there; 3.10.5 ABORT enters CLOSED"}
#define RST_RECEIVED(from) {"Note3 (RST received)", from, EVENT_RCV_RST, TCPS_CLOSED, NULL}

static const struct row rows[] = {
    {"ACTIVE_OPEN", TCPS_CLOSED, EVENT_SND_SYN, TCPS_SYN_SENT, NULL},
    {"SEND", TCPS_LISTEN, EVENT_SND_SYN, TCPS_SYN_SENT, NULL},
    {"CLOSE_SYN_RECEIVED", TCPS_SYN_RECEIVED, EVENT_SND_FIN, TCPS_FIN_WAIT_1, NULL},
    {"CLOSE_ESTABLISHED", TCPS_ESTABLISHED, EVENT_SND_FIN, TCPS_FIN_WAIT_1, NULL},
    {"CLOSE_CLOSE_WAIT", TCPS_CLOSE_WAIT, EVENT_SND_FIN, TCPS_LAST_ACK, NULL},
    {"SynSent (SYN)", TCPS_SYN_SENT, EVENT_RCV_SYN, TCPS_SYN_RECEIVED, NULL},
    {"SynSent (SYN,ACK)", TCPS_SYN_SENT, EVENT_RCV_SYN_ACK, TCPS_ESTABLISHED, NULL},
    {"SynReceived (RST)", TCPS_SYN_RECEIVED, EVENT_RCV_RST, TCPS_LISTEN,
     "note 1: back to LISTEN only after a passive open; a watcher follows the four-tuple, which is "
     "gone, and not the listener"},
    {"SynReceived (ACK)", TCPS_SYN_RECEIVED, EVENT_RCV_ACK_OF_SYN, TCPS_ESTABLISHED, NULL},
    {"Listen", TCPS_LISTEN, EVENT_RCV_SYN, TCPS_SYN_RECEIVED, NULL},
    {"Established", TCPS_ESTABLISHED, EVENT_RCV_FIN, TCPS_CLOSE_WAIT, NULL},
    {"FinWait1 (FIN)", TCPS_FIN_WAIT_1, EVENT_RCV_FIN, TCPS_CLOSING, NULL},
    {"FinWait1 (ACK of FIN)", TCPS_FIN_WAIT_1, EVENT_RCV_ACK_OF_FIN, TCPS_FIN_WAIT_2, NULL},
    {"FinWait2", TCPS_FIN_WAIT_2, EVENT_RCV_FIN, TCPS_TIME_WAIT, NULL},
    {"Closing", TCPS_CLOSING, EVENT_RCV_ACK_OF_FIN, TCPS_TIME_WAIT, NULL},
    {"LastAck", TCPS_LAST_ACK, EVENT_RCV_ACK_OF_FIN, TCPS_CLOSED, NULL},
    {"TimeWait", TCPS_TIME_WAIT, EVENT_TIMEOUT_2MSL, TCPS_CLOSED, NULL},
    {"Note3 (RST sent)", TCPS_LISTEN, EVENT_SND_RST, TCPS_TIME_WAIT,
     "as above; and here the RST says that the connection was never accepted"},
    {"Note3 (RST sent)", TCPS_SYN_SENT, EVENT_SND_RST, TCPS_TIME_WAIT,
     "3.10.7.3: an RST that answers an unacceptable ACK leaves SYN_SENT as it is"},
    RST_SENT(TCPS_SYN_RECEIVED),
    RST_SENT(TCPS_ESTABLISHED),
    RST_SENT(TCPS_FIN_WAIT_1),
    RST_SENT(TCPS_FIN_WAIT_2),
    RST_SENT(TCPS_CLOSE_WAIT),
    RST_SENT(TCPS_CLOSING),
    RST_SENT(TCPS_LAST_ACK),
    {"Note3 (RST sent)", TCPS_TIME_WAIT, EVENT_SND_RST, TCPS_TIME_WAIT,
     "an end that answers with RST has no connection any more: its TIME_WAIT is over"},
    {"Note3 (RST received)", TCPS_LISTEN, EVENT_RCV_RST, TCPS_LISTEN, NULL},
    RST_RECEIVED(TCPS_SYN_SENT),
    RST_RECEIVED(TCPS_ESTABLISHED),
    RST_RECEIVED(TCPS_FIN_WAIT_1),
    RST_RECEIVED(TCPS_FIN_WAIT_2),
    RST_RECEIVED(TCPS_CLOSE_WAIT),
    RST_RECEIVED(TCPS_CLOSING),
    RST_RECEIVED(TCPS_LAST_ACK),
    RST_RECEIVED(TCPS_TIME_WAIT),
};
/* clang-format on */

/* Moves that tcp.tla has no action for. PASSIVE_OPEN, CLOSE_LISTEN and CLOSE_SYN_SENT are the other
 * way round: they put nothing on the wire, so a watcher has no event for them. */
/* clang-format off */
static const struct {
  enum tcp_state from;
  enum tcp_event event;
  const char *why;
} ours_alone[] = {
    {TCPS_SYN_RECEIVED, EVENT_RCV_FIN, "3.10.7.4, eighth: SYN_RECEIVED enters CLOSE_WAIT too"},
    {TCPS_SYN_RECEIVED, EVENT_RCV_SYN_ACK, "a simultaneous open ends with SYN,ACK on both sides"},
    {TCPS_FIN_WAIT_2, EVENT_TIMEOUT_FIN_WAIT_2, "Linux, not the RFC"},
    {TCPS_SYN_SENT, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
    {TCPS_SYN_RECEIVED, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
    {TCPS_ESTABLISHED, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
    {TCPS_FIN_WAIT_1, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
    {TCPS_CLOSE_WAIT, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
    {TCPS_CLOSING, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
    {TCPS_LAST_ACK, EVENT_GIVE_UP, "it models no timeouts but 2 MSL"},
};
/* clang-format on */

enum { ROWS = sizeof rows / sizeof *rows, OURS = sizeof ours_alone / sizeof *ours_alone };

static void every_row_agrees_or_says_why_not(void **state) {
  (void)state;
  unsigned differ = 0;
  for (size_t i = 0; i < ROWS; i++) {
    const struct row *r = &rows[i];
    bool same = transition_find(r->from, r->event)->next == r->to;
    if (same != (r->differs == NULL))
      fail_msg("%s: %s in %s: tcp.tla %s, ours %s%s", r->action, tcp_event_name(r->event),
               tcp_state_name(r->from), tcp_state_name(r->to),
               tcp_state_name(transition_find(r->from, r->event)->next),
               same ? ", and yet a difference is claimed" : ", unexplained");
    differ += !same;
  }
  print_message("%d rows of tcp.tla: %u the same, %u differ and are explained\n", ROWS,
                ROWS - differ, differ);
}

/* Note 2: the FIN that also acknowledges ours. The table is asked twice: the ACK comes first. */
static void fin_with_ack_skips_closing(void **state) {
  (void)state;
  enum tcp_state after_ack = transition_find(TCPS_FIN_WAIT_1, EVENT_RCV_ACK_OF_FIN)->next;
  assert_int_equal(transition_find(after_ack, EVENT_RCV_FIN)->next, TCPS_TIME_WAIT);
}

static void every_move_of_ours_is_known(void **state) {
  (void)state;
  for (unsigned from = 0; from < TCPS_COUNT; from++) {
    for (unsigned event = 0; event < EVENT_COUNT; event++) {
      if (transition_find(from, event)->kind != TRANSITION_MOVES) continue;
      bool known = from == TCPS_SYN_RECEIVED && event == EVENT_RCV_RST;
      for (size_t i = 0; i < ROWS; i++) known |= rows[i].from == from && rows[i].event == event;
      for (size_t i = 0; i < OURS; i++)
        known |= ours_alone[i].from == from && ours_alone[i].event == event;
      if (!known)
        fail_msg("%s moves on %s: neither in tcp.tla nor explained", tcp_state_name(from),
                 tcp_event_name(event));
    }
  }
  for (size_t i = 0; i < OURS; i++)
    assert_int_equal(transition_find(ours_alone[i].from, ours_alone[i].event)->kind,
                     TRANSITION_MOVES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_row_agrees_or_says_why_not),
      cmocka_unit_test(fin_with_ack_skips_closing),
      cmocka_unit_test(every_move_of_ours_is_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
