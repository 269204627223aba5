/* The transition table, stated a second time: every state with every event, from RFC 9293 figure 5
 * and 3.10. Then what must hold of the table as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/model/transition.h"

/* One letter a cell. A letter of the second group: moves there.
 *     =  stays        legal, the same state after it
 *     .  ignored      the RFC drops such a segment in this state
 *     x  never        an endpoint in this state cannot do that
 *     C CLOSED  L LISTEN  s SYN_SENT  r SYN_RECEIVED  E ESTABLISHED  1 FIN_WAIT_1  2 FIN_WAIT_2
 *     W CLOSE_WAIT  c CLOSING  A LAST_ACK  T TIME_WAIT
 *
 * Nobody can keep a segment from arriving, so no RCV cell is `x`. */
static const char STATE_LETTERS[] = "CLsrE12WcAT";

enum { COLUMNS = EVENT_COUNT };

/* clang-format off */
static const struct {
  enum tcp_state state;
  const char cells[COLUMNS + 1];
} EXPECTED[] = {
    /* The events in the order of transition.h:
     *   SND_SYN
     *   | RCV_SYN
     *   | | RCV_SYN_ACK
     *   | | | RCV_ACK_OF_SYN
     *   | | | | SND_FIN
     *   | | | | | RCV_FIN
     *   | | | | | | RCV_ACK_OF_FIN
     *   | | | | | | | SND_RST
     *   | | | | | | | | RCV_RST
     *   | | | | | | | | | TIMEOUT_2MSL
     *   | | | | | | | | | | TIMEOUT_FIN_WAIT_2
     *   | | | | | | | | | | | GIVE_UP            */
#define ROW(a, b, c, d, e, f, g, h, i, j, k, l) {a, b, c, d, e, f, g, h, i, j, k, l, '\0'}

    /* 3.10.7.1: whatever comes is discarded, and answered with RST unless it is one. */
    {TCPS_CLOSED, ROW('s', '.', '.', '.', 'x', '.', '.', '=', '.', 'x', 'x', 'x')},

    /* 3.10.2: SEND turns a passive open into an active one. 3.10.7.2: an RST is ignored, an ACK is
     * answered with RST, a FIN is dropped. An end that answers a SYN with RST was not listening at
     * all: that is CLOSED's 3.10.7.1, and LISTEN was a presumption. */
    {TCPS_LISTEN, ROW('s', 'r', '.', '.', 'x', '.', '.', 'C', '.', 'x', 'x', 'x')},

    /* 3.10.7.3: an ACK without SYN is dropped (fifth step) or, if unacceptable, answered with RST
     * while the state stays; an RST with an acceptable ACK ends it. 3.10.7.4, eighth: no FIN is
     * processed in SYN-SENT. 3.10.4: CLOSE deletes the TCB and sends nothing. */
    {TCPS_SYN_SENT, ROW('=', 'r', 'E', '.', 'x', '.', '.', '=', 'C', 'x', 'x', 'C')},

    /* RST: back to LISTEN after a passive open, to CLOSED after an active one (3.10.7.4, second):
     * this connection is gone either way, so CLOSED. 3.10.4: CLOSE may send the FIN from here. */
    {TCPS_SYN_RECEIVED, ROW('=', '=', 'E', 'E', '1', 'W', '.', 'C', 'C', 'x', 'x', 'C')},

    /* 3.10.7.4, fourth, here and below: a SYN in a synchronized state changes nothing; it is
     * answered with a challenge ACK. */
    {TCPS_ESTABLISHED, ROW('x', '=', '=', '=', '1', 'W', '.', 'C', 'C', 'x', 'x', 'C')},

    /* SND_FIN is the retransmission. A FIN before the ACK of ours: CLOSING (eighth step); when one
     * segment brings both, the ACK is processed first (fifth), then the FIN. close() in SYN_RECEIVED
     * (3.10.4) leaves the SYN,ACK to be retransmitted from here. */
    {TCPS_FIN_WAIT_1, ROW('=', '=', '=', '=', '=', 'c', '2', 'C', 'C', 'x', 'x', 'C')},

    /* Our FIN is acknowledged, so there is nothing to send again and nothing to give up. */
    {TCPS_FIN_WAIT_2, ROW('x', '=', '=', '=', 'x', 'T', '=', 'C', 'C', 'x', 'C', 'x')},

    {TCPS_CLOSE_WAIT, ROW('x', '=', '=', '=', 'A', '=', '.', 'C', 'C', 'x', 'x', 'C')},
    {TCPS_CLOSING, ROW('x', '=', '=', '=', '=', '=', 'T', 'C', 'C', 'x', 'x', 'C')},
    {TCPS_LAST_ACK, ROW('x', '=', '=', '=', '=', '=', 'C', 'C', 'C', 'x', 'x', 'C')},

    /* A repeated FIN is acknowledged and restarts 2 MSL (3.10.7.4, eighth). The RFC lets an RST end
     * the state; RFC 1337 would rather not. Whoever answers with RST has left the state. */
    {TCPS_TIME_WAIT, ROW('x', '=', '=', '=', 'x', '=', '=', 'C', 'C', 'C', 'x', 'x')},
};
/* clang-format on */

static char letter_of(enum tcp_state state, const struct transition *row) {
  switch (row->kind) {
    case TRANSITION_MOVES: return row->next < TCPS_COUNT ? STATE_LETTERS[row->next] : '?';
    case TRANSITION_STAYS: return row->next == state ? '=' : '?';
    case TRANSITION_IGNORES: return row->next == state ? '.' : '?';
    case TRANSITION_NEVER: return row->next == state ? 'x' : '?';
  }
  return '?';
}

static void every_cell(void **unused) {
  (void)unused;
  int wrong = 0;
  assert_int_equal(sizeof EXPECTED / sizeof *EXPECTED, TCPS_COUNT);
  for (unsigned i = 0; i < TCPS_COUNT; i++) {
    enum tcp_state state = EXPECTED[i].state;
    assert_int_equal(state, i);
    for (unsigned event = 0; event < EVENT_COUNT; event++) {
      char expected = EXPECTED[i].cells[event];
      char actual = letter_of(state, transition_find(state, event));
      if (actual == expected) continue;
      print_error("%s, %s: expected '%c', actual '%c'\n", tcp_state_name(state),
                  tcp_event_name(event), expected, actual);
      wrong++;
    }
  }
  assert_int_equal(wrong, 0);
}

static void every_row_says_why_and_where(void **unused) {
  (void)unused;
  for (unsigned state = 0; state < TCPS_COUNT; state++)
    for (unsigned event = 0; event < EVENT_COUNT; event++) {
      const struct transition *row = transition_find(state, event);
      bool one_line =
          row->reason && row->reason[0] && !strchr(row->reason, '\n') && strlen(row->reason) <= 72;
      bool linux_only = row->section && strcmp(row->section, "Linux") == 0;
      bool of_the_rfc = row->section && row->section[0] == '3' && row->section[1] == '.';
      if (!one_line || linux_only != (event == EVENT_TIMEOUT_FIN_WAIT_2) ||
          !(linux_only || of_the_rfc))
        fail_msg("%s, %s: section '%s', reason '%s'", tcp_state_name(state), tcp_event_name(event),
                 row->section ? row->section : "(none)", row->reason ? row->reason : "(none)");
    }
}

static void a_move_changes_the_state_and_nothing_else_does(void **unused) {
  (void)unused;
  for (unsigned state = 0; state < TCPS_COUNT; state++)
    for (unsigned event = 0; event < EVENT_COUNT; event++) {
      const struct transition *row = transition_find(state, event);
      if ((row->kind == TRANSITION_MOVES) != (row->next != state))
        fail_msg("%s, %s", tcp_state_name(state), tcp_event_name(event));
    }
}

/* reached[b]: b can be reached from the states that were marked before. */
static void spread(bool reached[TCPS_COUNT]) {
  for (unsigned round = 0; round < TCPS_COUNT; round++)
    for (unsigned state = 0; state < TCPS_COUNT; state++)
      for (unsigned event = 0; reached[state] && event < EVENT_COUNT; event++)
        reached[transition_find(state, event)->next] = true;
}

static void every_state_is_reached_from_an_open(void **unused) {
  (void)unused;
  bool reached[TCPS_COUNT] = {[TCPS_CLOSED] = true, [TCPS_LISTEN] = true};
  spread(reached);
  for (unsigned state = 0; state < TCPS_COUNT; state++)
    if (!reached[state]) fail_msg("%s cannot be reached", tcp_state_name(state));
}

static void closed_is_reached_from_every_state(void **unused) {
  (void)unused;
  for (unsigned state = 0; state < TCPS_COUNT; state++) {
    bool reached[TCPS_COUNT] = {false};
    reached[state] = true;
    spread(reached);
    if (!reached[TCPS_CLOSED]) fail_msg("no way out of %s", tcp_state_name(state));
  }
}

/* The arrows of figure 5 that end a connection, as the walks a reader would do. */
static void the_three_walks_of_figure_5(void **unused) {
  (void)unused;
  static const struct {
    enum tcp_event events[4];
    enum tcp_state end;
  } walks[] = {
      {{EVENT_SND_FIN, EVENT_RCV_ACK_OF_FIN, EVENT_RCV_FIN, EVENT_TIMEOUT_2MSL}, TCPS_CLOSED},
      {{EVENT_SND_FIN, EVENT_RCV_FIN, EVENT_RCV_ACK_OF_FIN, EVENT_TIMEOUT_2MSL}, TCPS_CLOSED},
      {{EVENT_RCV_FIN, EVENT_SND_FIN, EVENT_RCV_FIN, EVENT_RCV_ACK_OF_FIN}, TCPS_CLOSED},
  };
  for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
    enum tcp_state state = TCPS_ESTABLISHED;
    for (unsigned j = 0; j < 4; j++) state = transition_find(state, walks[i].events[j])->next;
    assert_int_equal(state, walks[i].end);
  }
}

static void event_names_are_different(void **unused) {
  (void)unused;
  for (unsigned a = 0; a < EVENT_COUNT; a++) {
    assert_true(tcp_event_name(a)[0] != '\0');
    for (unsigned b = 0; b < a; b++) assert_string_not_equal(tcp_event_name(a), tcp_event_name(b));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cell),
      cmocka_unit_test(every_row_says_why_and_where),
      cmocka_unit_test(a_move_changes_the_state_and_nothing_else_does),
      cmocka_unit_test(every_state_is_reached_from_an_open),
      cmocka_unit_test(closed_is_reached_from_every_state),
      cmocka_unit_test(the_three_walks_of_figure_5),
      cmocka_unit_test(event_names_are_different),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
