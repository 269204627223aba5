/* Whom an event shows to have closed: each transition and each way to it, and how a process is
 * named that is gone by then. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/kernel/closer.h"
#include "common/model/tcp_state.h"

/* No process has it: more than any kernel gives. */
enum { NOBODY = 0x7ffffffe, SOCKET = 7 };

enum { CLOSES = 1, RESETS = 2 };

/* clang-format off */
static const struct {
  const char *what;
  enum kernel_event_kind kind;
  enum tcp_state from, to;
  uint64_t socket;
  bool in_interrupt, is_somebody;
  unsigned shows; /* 0: nobody */
} rows[] = {
    {"close(), first", KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, SOCKET, false, true, CLOSES},
    {"close() of one that was just accepted", KERNEL_EVENT_STATE, TCPS_SYN_RECEIVED, TCPS_FIN_WAIT_1, SOCKET, false, true, CLOSES},
    {"close(), second", KERNEL_EVENT_STATE, TCPS_CLOSE_WAIT, TCPS_LAST_ACK, SOCKET, false, true, CLOSES},
    {"a timer's or a segment's work", KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, SOCKET, true, true, 0},
    {"nobody ran", KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, SOCKET, false, false, 0},
    {"told again", KERNEL_EVENT_STATE, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_1, SOCKET, false, true, 0},
    {"an ACK, in somebody's call", KERNEL_EVENT_STATE, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, SOCKET, false, true, 0},
    {"FIN_WAIT_2 from nowhere", KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_FIN_WAIT_2, SOCKET, false, true, 0},
    {"a FIN, in somebody's call", KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, SOCKET, false, true, 0},
    {"a crossing FIN", KERNEL_EVENT_STATE, TCPS_FIN_WAIT_1, TCPS_CLOSING, SOCKET, false, true, 0},
    {"the final ACK", KERNEL_EVENT_STATE, TCPS_LAST_ACK, TCPS_CLOSED, SOCKET, false, true, 0},
    {"LAST_ACK from nowhere", KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_LAST_ACK, SOCKET, false, true, 0},
    {"the handshake", KERNEL_EVENT_STATE, TCPS_SYN_SENT, TCPS_ESTABLISHED, SOCKET, false, true, 0},
    {"a socket that resets", KERNEL_EVENT_SEND_RESET, TCPS_CLOSED, TCPS_CLOSED, SOCKET, false, true, RESETS},
    {"the kernel resets: no socket wanted it", KERNEL_EVENT_SEND_RESET, TCPS_CLOSED, TCPS_CLOSED, 0, false, true, 0},
    {"a segment makes it reset", KERNEL_EVENT_SEND_RESET, TCPS_CLOSED, TCPS_CLOSED, SOCKET, true, true, 0},
    {"a socket that was reset", KERNEL_EVENT_RECEIVE_RESET, TCPS_CLOSED, TCPS_CLOSED, SOCKET, false, true, 0},
    {"a retransmission", KERNEL_EVENT_RETRANSMIT, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, SOCKET, false, true, 0},
    {"an exit", KERNEL_EVENT_EXIT, TCPS_CLOSED, TCPS_CLOSED, 0, false, true, 0},
};
/* clang-format on */

static struct kernel_exits exits;

static struct kernel_event close_by(int32_t pid) {
  return (struct kernel_event){.kind = KERNEL_EVENT_STATE,
                               .from = TCPS_ESTABLISHED,
                               .to = TCPS_FIN_WAIT_1,
                               .socket = SOCKET,
                               .pid = pid,
                               .tid = pid};
}

static void note_exit(int32_t tid, const char *command) {
  struct kernel_event exit = {.kind = KERNEL_EVENT_EXIT, .tid = tid};
  strncpy(exit.command, command, sizeof exit.command - 1);
  kernel_exits_note(&exits, &exit);
}

static int forget(void **unused) {
  (void)unused;
  exits = (struct kernel_exits){0};
  return 0;
}

static void only_a_call_closes(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int32_t pid = rows[i].is_somebody ? getpid() : 0;
    const struct kernel_event event = {.kind = rows[i].kind,
                                       .from = (uint8_t)rows[i].from,
                                       .to = (uint8_t)rows[i].to,
                                       .socket = rows[i].socket,
                                       .in_interrupt = rows[i].in_interrupt,
                                       .pid = pid,
                                       .tid = pid};
    struct kernel_closer closer = {0};
    bool shows = kernel_closer_of(&exits, &event, &closer);
    if (shows != (rows[i].shows != 0)) fail_msg("%s: %d", rows[i].what, shows);
    if (!shows) continue;
    assert_int_equal(closer.pid, getpid());
    assert_int_equal(closer.by_reset, rows[i].shows == RESETS);
    assert_false(closer.at_exit);
    assert_memory_equal(closer.command, "test_kernel_clo", 15); /* so much the kernel keeps */
  }
}

static void who_is_gone_is_named_by_its_exit(void **unused) {
  (void)unused;
  const struct kernel_event event = close_by(NOBODY);
  struct kernel_closer closer;
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_int_equal(closer.pid, NOBODY);
  assert_string_equal(closer.command, "");
  assert_false(closer.at_exit);
  note_exit(NOBODY, "nginx");
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_string_equal(closer.command, "nginx");
  assert_true(closer.at_exit);
  note_exit(0, "idle"); /* nobody's */
  assert_int_equal(exits.n, 1);
}

static void a_process_is_not_named_by_its_thread(void **unused) {
  (void)unused;
  struct kernel_closer closer;
  struct kernel_event event = close_by(NOBODY);
  event.tid = NOBODY - 1; /* the last one to exit closes what all had open */
  note_exit(NOBODY - 1, "bio_close_file");
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_true(closer.at_exit);
  assert_string_equal(closer.command, ""); /* the exit that names it may come later */
  note_exit(NOBODY, "redis-server");
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_string_equal(closer.command, "redis-server");
}

static void the_exits_of_late_are_known(void **unused) {
  (void)unused;
  struct kernel_closer closer;
  note_exit(NOBODY, "first");
  for (int32_t i = 1; i < KERNEL_EXITS_MAX; i++) note_exit(NOBODY - i, "other");
  struct kernel_event event = close_by(NOBODY);
  assert_true(kernel_closer_of(&exits, &event, &closer) && closer.at_exit);
  note_exit(NOBODY - KERNEL_EXITS_MAX, "other");
  assert_true(kernel_closer_of(&exits, &event, &closer) && !closer.at_exit);
}

static void a_worker_of_the_kernel_is_nobody(void **unused) {
  (void)unused;
  struct kernel_closer closer;
  const struct kernel_event event = close_by(NOBODY);
  note_exit(NOBODY, "kworker/0:1");
  assert_false(kernel_closer_of(&exits, &event, &closer));
}

/* Who closes one socket after the other is looked for at times only, and anew after an exit. */
static void a_name_is_known_for_a_moment(void **unused) {
  (void)unused;
  struct kernel_closer closer;
  struct kernel_event event = close_by(getpid());
  event.t_us = 1000000;
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_string_equal(closer.command, "test_kernel_clo");
  assert_int_equal(prctl(PR_SET_NAME, "other"), 0);
  event.t_us += 5000;
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_string_equal(closer.command, "test_kernel_clo");
  event.t_us += 10000;
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_string_equal(closer.command, "other");
  assert_int_equal(prctl(PR_SET_NAME, "test_kernel_closer"), 0);
  note_exit(getpid(), "other");
  assert_true(kernel_closer_of(&exits, &event, &closer));
  assert_string_equal(closer.command, "test_kernel_clo");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(only_a_call_closes, forget),
      cmocka_unit_test_setup(who_is_gone_is_named_by_its_exit, forget),
      cmocka_unit_test_setup(a_process_is_not_named_by_its_thread, forget),
      cmocka_unit_test_setup(the_exits_of_late_are_known, forget),
      cmocka_unit_test_setup(a_worker_of_the_kernel_is_nobody, forget),
      cmocka_unit_test_setup(a_name_is_known_for_a_moment, forget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
