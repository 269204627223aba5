/* The table of reset.c, row by row: what is known of a RST and what is made of it, and with one
 * clue less, or one that speaks against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <string.h>

#include "common/model/model.h"
#include "common/model/reset.h"

enum { RESET_US = 10000000 };

static bool has(const char *facts, const char *fact) {
  size_t n = strlen(fact);
  for (const char *at = facts; (at = strstr(at, fact)); at += n)
    if ((at == facts || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')) return true;
  return false;
}

/* A RST of the client's, of which these facts are known. */
static struct model model_of(const char *facts) {
  struct model m;
  model_init(&m, MODEL_LINUX_2MSL_US);
  m.rst = (struct reset){
      .t_us = RESET_US,
      .from = END_CLIENT,
      .sender_state = has(facts, "closed")       ? TCPS_CLOSED
                      : has(facts, "had-closed") ? TCPS_FIN_WAIT_2
                                                 : TCPS_ESTABLISHED,
      .offender = (uint8_t)((has(facts, "fin") ? ROLE_FIN2 : 0) |
                            (has(facts, "final-ack") ? ROLE_ACK2 : 0)),
      .refused = has(facts, "refused"),
      .has_ack = has(facts, "ack"),
      .after_data = has(facts, "data"),
      .after_late_data = has(facts, "late-data"),
      .after_taken_data = has(facts, "taken-data"),
      .after_hole = has(facts, "hole"),
      .came_soon = has(facts, "soon"),
      .answers_probe = has(facts, "probe"),
      .answers_ack = has(facts, "its-ack"),
      .answers_blind = has(facts, "blind"),
  };
  m.reopened[END_CLIENT] = has(facts, "reopened");
  m.fin[FIN1].answers = 1;
  m.fin[FIN1].acked_us = RESET_US - RESET_FIN_WAIT_2_MIN_US + (has(facts, "waited") ? 0 : 1);
  m.fin[FIN2].copies = has(facts, "fin2-again") ? 2 : 1;
  if (has(facts, "gave-up")) m.rst.gave_up.times = 1;
  endpoint_set_base(&m.end[END_CLIENT], TCPS_FIN_WAIT_2, EVIDENCE_SEEN);
  if (has(facts, "timed-out"))
    endpoint_insert(&m.end[END_CLIENT], 0, EVENT_TIMEOUT_FIN_WAIT_2, EVIDENCE_KERNEL);
  return m;
}

static void assert_cause(const char *facts, const struct model *m, enum reset_cause cause,
                         const char *because) {
  const char *said;
  enum reset_cause actual = reset_cause_of(m, &said);
  if (actual != cause || !strstr(said, because))
    fail_msg("%s: %s (%s), not %s (%s)", facts, reset_cause_name(actual), said,
             reset_cause_name(cause), because);
}

static void each_row(void **unused) {
  (void)unused;
  static const struct {
    const char *facts;
    enum reset_cause cause;
    const char *because;
  } rows[] = {
      {"refused", RESET_REFUSED, "answers the SYN"},
      {"refused reopened", RESET_REFUSED, "answers the SYN"},
      {"reopened", RESET_NO_SOCKET, "opened the same four-tuple anew"},
      {"reopened timed-out closed", RESET_NO_SOCKET, "opened the same four-tuple anew"},
      {"timed-out closed", RESET_FIN_WAIT_2_EXPIRED, "the kernel had ended FIN_WAIT_2"},
      {"timed-out gave-up closed", RESET_FIN_WAIT_2_EXPIRED, "the kernel had ended FIN_WAIT_2"},
      {"gave-up", RESET_GAVE_UP, "was not answered"},
      {"gave-up closed final-ack fin2-again", RESET_GAVE_UP, "was not answered"},
      {"closed final-ack fin2-again", RESET_LATE_FINAL_ACK, "a second final ACK"},
      {"closed", RESET_NO_SOCKET, "nothing that is closed aborts"},
      {"closed fin2-again", RESET_NO_SOCKET, "nothing that is closed aborts"},
      {"closed final-ack", RESET_NO_SOCKET, "nothing that is closed aborts"},
      {"ack closed final-ack fin2-again", RESET_NO_SOCKET, "nothing that is closed aborts"},
      {"had-closed late-data data", RESET_DATA_AFTER_CLOSE, "acknowledges none of them"},
      {"had-closed late-data soon data", RESET_DATA_AFTER_CLOSE, "acknowledges none of them"},
      {"had-closed late-data soon final-ack fin2-again data", RESET_DATA_AFTER_CLOSE,
       "acknowledges none of them"},
      {"ack had-closed late-data soon data", RESET_DATA_AFTER_CLOSE, "answers them at once"},
      {"had-closed waited fin", RESET_FIN_WAIT_2_EXPIRED, "answers a FIN that came long after"},
      {"had-closed waited probe", RESET_FIN_WAIT_2_EXPIRED, "answers a probe that came long after"},
      {"had-closed waited soon probe its-ack", RESET_FIN_WAIT_2_EXPIRED,
       "answers a probe that came long after"},
      {"had-closed waited soon its-ack", RESET_FIN_WAIT_2_EXPIRED,
       "answers an ACK that came long after"},
      {"had-closed soon fin its-ack", RESET_NO_SOCKET, "what is closed answers so"},
      {"blind", RESET_NO_SOCKET, "acknowledged nothing"},
      {"ack had-closed waited probe blind hole", RESET_NO_SOCKET, "acknowledged nothing"},
      {"ack hole", RESET_CANNOT_TELL, "was not captured"},
      {"ack", RESET_LINGER_0, "nothing to leave unread"},
      {"ack had-closed late-data data", RESET_CANNOT_TELL, "did not answer them at once"},
      {"ack had-closed taken-data data", RESET_CANNOT_TELL, "were acknowledged before"},
      {"ack data", RESET_CANNOT_TELL, "SO_LINGER 0 and close() with unread data look alike"},
      {"ack late-data data", RESET_CANNOT_TELL, "close() with unread data look alike"},
      {"ack taken-data data", RESET_CANNOT_TELL, "close() with unread data look alike"},
      {"ack had-closed waited soon fin data", RESET_CANNOT_TELL, "with unread data look alike"},
      {"ack had-closed waited soon probe data", RESET_CANNOT_TELL, "with unread data look alike"},
      {"soon its-ack", RESET_NO_SOCKET, "had just acknowledged"},
      {"waited soon its-ack", RESET_NO_SOCKET, "had just acknowledged"},
      {"waited soon fin its-ack", RESET_NO_SOCKET, "had just acknowledged"},
      {"", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"its-ack", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"soon", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"hole", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"late-data soon data hole", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"waited probe", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed probe", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed soon fin", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed waited soon", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed waited its-ack", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed soon its-ack", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed fin its-ack", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"had-closed taken-data data", RESET_CANNOT_TELL, "answers nothing that was captured"},
      {"final-ack fin2-again", RESET_CANNOT_TELL, "answers nothing that was captured"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct model m = model_of(rows[i].facts);
    assert_cause(rows[i].facts, &m, rows[i].cause, rows[i].because);
  }
}

/* Its own FIN is behind it, and the other's is awaited or was answered. */
static void who_had_closed(void **unused) {
  (void)unused;
  for (unsigned state = 0; state < TCPS_COUNT; state++) {
    struct model m = model_of("late-data data");
    bool had_closed =
        state == TCPS_FIN_WAIT_1 || state == TCPS_FIN_WAIT_2 || state == TCPS_TIME_WAIT;
    m.rst.sender_state = (enum tcp_state)state;
    if (had_closed)
      assert_cause(tcp_state_name(m.rst.sender_state), &m, RESET_DATA_AFTER_CLOSE, "none of them");
    else if (state != TCPS_CLOSED)
      assert_cause(tcp_state_name(m.rst.sender_state), &m, RESET_CANNOT_TELL, "answers nothing");
  }
}

/* Where the FIN was never acknowledged, nobody has waited in FIN_WAIT_2; either FIN may be late. */
static void what_waited(void **unused) {
  (void)unused;
  struct model m = model_of("had-closed waited fin");
  m.rst.offender = ROLE_FIN1;
  assert_cause("FIN1", &m, RESET_FIN_WAIT_2_EXPIRED, "answers a FIN");
  m.fin[FIN1].answers = 0;
  assert_cause("no ACK", &m, RESET_CANNOT_TELL, "answers nothing");
}

static void without_a_rst(void **unused) {
  (void)unused;
  struct model m;
  const char *because = "";
  model_init(&m, MODEL_LINUX_2MSL_US);
  m.findings[m.n_findings++] = (struct finding){.id = FINDING_FIN_MOVED};
  assert_int_equal(reset_cause_of(&m, &because), RESET_NONE);
  assert_null(because);
  m.findings[m.n_findings++] = (struct finding){.id = FINDING_RST_OUT_OF_WINDOW};
  assert_cause("ignored", &m, RESET_OUT_OF_WINDOW, "not the one that its receiver awaits");
}

/* Each of the kernel's words, whole. */
static void the_words_of_the_kernel(void **unused) {
  (void)unused;
  assert_int_equal(reset_cause_by_kernel("TCP_STATE"), RESET_LINGER_0);
  assert_int_equal(reset_cause_by_kernel("TCP_DISCONNECT_WITH_DATA"), RESET_LINGER_0);
  assert_int_equal(reset_cause_by_kernel("TCP_ABORT_ON_CLOSE"), RESET_UNREAD_DATA);
  assert_int_equal(reset_cause_by_kernel("TCP_ABORT_ON_DATA"), RESET_DATA_AFTER_CLOSE);
  assert_int_equal(reset_cause_by_kernel("NO_SOCKET"), RESET_NO_SOCKET);
  assert_int_equal(reset_cause_by_kernel("TCP_KEEPALIVE_TIMEOUT"), RESET_GAVE_UP);
  assert_int_equal(reset_cause_by_kernel("NO_SOCKETS"), RESET_NONE);
  assert_int_equal(reset_cause_by_kernel("NO"), RESET_NONE);
  assert_int_equal(reset_cause_by_kernel("XO_SOCKET"), RESET_NONE);
  assert_int_equal(reset_cause_by_kernel(""), RESET_NONE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_row),
      cmocka_unit_test(who_had_closed),
      cmocka_unit_test(what_waited),
      cmocka_unit_test(without_a_rst),
      cmocka_unit_test(the_words_of_the_kernel),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
