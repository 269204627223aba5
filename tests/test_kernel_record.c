/* Records of the kernel's trace buffer, octet by octet, in the formats of two kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/kernel/closer.h"
#include "capture/kernel/record.h"
#include "common/model/tcp_state.h"

/* ---- formats, as the kernels print them; of the print format only what is read ----------------
 */

#define COMMON                                                                   \
  "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"         \
  "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"         \
  "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" \
  "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

static const char state_format[] = /* Linux 6.1 and 6.18 */
    "name: inet_sock_set_state\nID: 1351\nformat:\n" COMMON
    "\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:int oldstate;\toffset:16;\tsize:4;\tsigned:1;\n"
    "\tfield:int newstate;\toffset:20;\tsize:4;\tsigned:1;\n"
    "\tfield:__u16 sport;\toffset:24;\tsize:2;\tsigned:0;\n"
    "\tfield:__u16 dport;\toffset:26;\tsize:2;\tsigned:0;\n"
    "\tfield:__u16 family;\toffset:28;\tsize:2;\tsigned:0;\n"
    "\tfield:__u16 protocol;\toffset:30;\tsize:2;\tsigned:0;\n"
    "\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 daddr[4];\toffset:36;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;\n"
    "\tfield:__u8 daddr_v6[16];\toffset:56;\tsize:16;\tsigned:0;\n\n"
    "print fmt: \"sport=%hu\", REC->sport\n";

static const char reset_format_6_1[] =
    "name: tcp_send_reset\nID: 1347\nformat:\n" COMMON
    "\tfield:const void * skbaddr;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:const void * skaddr;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:int state;\toffset:24;\tsize:4;\tsigned:1;\n"
    "\tfield:__u16 sport;\toffset:28;\tsize:2;\tsigned:0;\n"
    "\tfield:__u16 dport;\toffset:30;\tsize:2;\tsigned:0;\n"
    "\tfield:__u16 family;\toffset:32;\tsize:2;\tsigned:0;\n"
    "\tfield:__u8 saddr[4];\toffset:34;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 daddr[4];\toffset:38;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 saddr_v6[16];\toffset:42;\tsize:16;\tsigned:0;\n"
    "\tfield:__u8 daddr_v6[16];\toffset:58;\tsize:16;\tsigned:0;\n\n"
    "print fmt: \"sport=%hu\", REC->sport\n";

static const char reset_format_6_18[] =
    "name: tcp_send_reset\nID: 2280\nformat:\n" COMMON
    "\tfield:const void * skbaddr;\toffset:8;\tsize:8;\tsigned:0;\n"
    "\tfield:const void * skaddr;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:int state;\toffset:24;\tsize:4;\tsigned:1;\n"
    "\tfield:enum sk_rst_reason reason;\toffset:28;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 saddr[28];\toffset:32;\tsize:28;\tsigned:0;\n"
    "\tfield:__u8 daddr[28];\toffset:60;\tsize:28;\tsigned:0;\n\n"
    "print fmt: \"skbaddr=%p skaddr=%p src=%pISpc dest=%pISpc state=%s reason=%s\", REC->skbaddr, "
    "REC->skaddr, REC->saddr, REC->daddr, REC->state ? __print_symbolic(REC->state, { "
    "TCP_ESTABLISHED, \"TCP_ESTABLISHED\" }, { TCP_SYN_SENT, \"TCP_SYN_SENT\" }) : \"UNKNOWN\", "
    "__print_symbolic(REC->reason, { 0, \"NOT_SPECIFIED\" }, { 1, \"NO_SOCKET\" }, { 12, "
    "\"TCP_ABORT_ON_LINGER\" })\n";

enum { STATE_SIZE = 72, RESET_SIZE_6_1 = 74, RESET_SIZE_6_18 = 88 };

/* ---- records --------------------------------------------------------------------------------- */

static uint8_t record[128];

static void put(size_t offset, const void *value, size_t size) {
  memcpy(record + offset, value, size);
}

static void put_u16(size_t offset, uint16_t value) { put(offset, &value, sizeof value); }
static void put_u32(size_t offset, uint32_t value) { put(offset, &value, sizeof value); }
static void put_u64(size_t offset, uint64_t value) { put(offset, &value, sizeof value); }

static void put_v6(size_t offset, const char *text) {
  assert_int_equal(inet_pton(AF_INET6, text, record + offset), 1);
}

static void put_socket_address(size_t offset, const char *text, uint16_t port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    put(offset, &v4, sizeof v4);
  } else {
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    put(offset, &v6, sizeof v6);
  }
}

static void put_state(uint32_t from, uint32_t to, const char *local, const char *remote) {
  memset(record, 0xa5, sizeof record);
  put_u16(0, 1351);
  put_u64(8, 0xffff888106e4b0c0);
  put_u32(16, from);
  put_u32(20, to);
  put_u16(24, 41822);
  put_u16(26, 7000);
  put_u16(30, IPPROTO_TCP);
  put_v6(40, local);
  put_v6(56, remote);
}

static void put_reset(const char *local, uint16_t local_port, const char *remote,
                      uint16_t remote_port, uint32_t reason) {
  memset(record, 0, sizeof record);
  put_u16(0, 2280);
  put_u64(16, 0xffff888106e4b0c0);
  put_u32(28, reason);
  put_socket_address(32, local, local_port);
  put_socket_address(60, remote, remote_port);
}

/* "127.0.0.1:41822>127.0.0.1:7000" */
static const char *pair_text(const struct kernel_pair *pair) {
  static char text[128];
  char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
  int family = pair->family == 4 ? AF_INET : AF_INET6;
  assert_true(pair->family == 4 || pair->family == 6);
  assert_non_null(inet_ntop(family, pair->local.bytes, local, sizeof local));
  assert_non_null(inet_ntop(family, pair->remote.bytes, remote, sizeof remote));
  snprintf(text, sizeof text, "%s:%d>%s:%d", local, pair->local_port, remote, pair->remote_port);
  return text;
}

static struct kernel_formats *formats;
static struct kernel_event event;

static bool decode(size_t size) {
  /* Of that size exactly: an octet too far is seen by the address sanitizer. */
  uint8_t *exact = malloc(size);
  assert_non_null(exact);
  memcpy(exact, record, size);
  memset(&event, 0x5a, sizeof event);
  bool decoded = kernel_formats_decode(formats, exact, size, &event);
  free(exact);
  return decoded;
}

static int set_up(void **unused) {
  (void)unused;
  formats = kernel_formats_new();
  return formats ? 0 : -1;
}

static int tear_down(void **unused) {
  (void)unused;
  kernel_formats_free(formats);
  return 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_state(void **unused) {
  (void)unused;
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_STATE, state_format));
  put_state(1, 4, "::ffff:127.0.0.1", "::ffff:127.0.0.2");
  assert_true(decode(STATE_SIZE));
  assert_int_equal(event.kind, KERNEL_EVENT_STATE);
  assert_string_equal(pair_text(&event.pair), "127.0.0.1:41822>127.0.0.2:7000");
  assert_int_equal(event.from, TCPS_ESTABLISHED);
  assert_int_equal(event.to, TCPS_FIN_WAIT_1);
  assert_int_equal(event.socket, 0xffff888106e4b0c0);
  assert_string_equal(event.reason, "");

  put_state(1, 4, "::1", "2001:db8::2");
  assert_true(decode(STATE_SIZE));
  assert_string_equal(pair_text(&event.pair), "::1:41822>2001:db8::2:7000");

  put_state(7, 2, "::", "::ffff:127.0.0.1"); /* an IPv6 socket connects to a v4-mapped address */
  assert_true(decode(STATE_SIZE));
  assert_string_equal(pair_text(&event.pair), "0.0.0.0:41822>127.0.0.1:7000");
}

/* MPTCP's have the ports of TCP. */
static void test_other_protocol(void **unused) {
  (void)unused;
  enum { MPTCP = 262 };
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_STATE, state_format));
  put_state(1, 4, "::1", "::1");
  put_u16(30, MPTCP);
  assert_false(decode(STATE_SIZE));
  put_u16(30, IPPROTO_TCP);
  assert_true(decode(STATE_SIZE));
}

/* Who ran did it only outside of interrupts; where the kernel does not say, nobody is believed. */
static void test_in_interrupt(void **unused) {
  (void)unused;
  static const struct {
    uint8_t flags;
    bool in_interrupt;
  } cases[] = {{0x00, false}, {0x01, false}, {0x04, false}, {0x80, false}, /* only switched off */
               {0x08, true},  {0x10, true},  {0x40, true},  {0x95, true}};
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_STATE, state_format));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put_state(1, 4, "::1", "::1");
    record[2] = cases[i].flags;
    assert_true(decode(STATE_SIZE));
    assert_int_equal(event.in_interrupt, cases[i].in_interrupt);
  }
  char text[sizeof state_format];
  memcpy(text, state_format, sizeof text);
  *strstr(text, "common_flags") = 'C';
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_STATE, text));
  put_state(1, 4, "::1", "::1");
  record[2] = 0;
  assert_true(decode(STATE_SIZE));
  assert_true(event.in_interrupt);
}

static void test_exit(void **unused) {
  (void)unused;
  static const char format[] = "name: sched_process_exit\nID: 300\nformat:\n" COMMON
                               "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
                               "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n";
  enum { EXIT_SIZE = 28 };
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_EXIT, format));
  memset(record, 0, sizeof record);
  put_u16(0, 300);
  put(8, "a\033b", 3);
  assert_true(decode(EXIT_SIZE));
  assert_int_equal(event.kind, KERNEL_EVENT_EXIT);
  assert_string_equal(event.command, "a?b");
  put(8, "0123456789abcdefg", 16); /* the kernel ends it, but who knows */
  assert_true(decode(EXIT_SIZE));
  assert_string_equal(event.command, "0123456789abcde");
}

static void test_every_state(void **unused) {
  (void)unused;
  /* The order of <netinet/tcp.h>, and NEW_SYN_RECV, which stands for no state of its own. */
  static const uint8_t expected[] = {
      TCPS_ESTABLISHED, TCPS_SYN_SENT,  TCPS_SYN_RECEIVED, TCPS_FIN_WAIT_1,
      TCPS_FIN_WAIT_2,  TCPS_TIME_WAIT, TCPS_CLOSED,       TCPS_CLOSE_WAIT,
      TCPS_LAST_ACK,    TCPS_LISTEN,    TCPS_CLOSING,      TCPS_SYN_RECEIVED,
  };
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_STATE, state_format));
  for (uint32_t i = 0; i < sizeof expected; i++) {
    put_state(i + 1, 7, "::1", "::1");
    assert_true(decode(STATE_SIZE));
    assert_int_equal(event.from, expected[i]);
    assert_int_equal(event.to, TCPS_CLOSED);
  }
  put_state(0, 7, "::1", "::1");
  assert_false(decode(STATE_SIZE));
  put_state(7, 13, "::1", "::1");
  assert_false(decode(STATE_SIZE));
}

static void test_reset_with_ports(void **unused) {
  (void)unused;
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_SEND_RESET, reset_format_6_1));
  memset(record, 0xa5, sizeof record);
  put_u16(0, 1347);
  put_u64(16, 77);
  put_u16(28, 7000);
  put_u16(30, 41822);
  put_v6(42, "::ffff:10.0.0.1");
  put_v6(58, "::ffff:10.0.0.2");
  assert_true(decode(RESET_SIZE_6_1));
  assert_int_equal(event.kind, KERNEL_EVENT_SEND_RESET);
  assert_string_equal(pair_text(&event.pair), "10.0.0.1:7000>10.0.0.2:41822");
  assert_int_equal(event.socket, 77);
  assert_string_equal(event.reason, "");
}

static void test_reset_with_socket_addresses(void **unused) {
  (void)unused;
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_SEND_RESET, reset_format_6_18));
  put_reset("127.0.0.1", 7000, "127.0.0.1", 41822, 12);
  assert_true(decode(RESET_SIZE_6_18));
  assert_string_equal(pair_text(&event.pair), "127.0.0.1:7000>127.0.0.1:41822");
  assert_string_equal(event.reason, "TCP_ABORT_ON_LINGER");

  put_reset("::1", 7000, "2001:db8::2", 41822, 1);
  assert_true(decode(RESET_SIZE_6_18));
  assert_string_equal(pair_text(&event.pair), "::1:7000>2001:db8::2:41822");
  assert_string_equal(event.reason, "NO_SOCKET");

  put_reset("::ffff:10.0.0.1", 7000, "::ffff:10.0.0.2", 41822, 99);
  assert_true(decode(RESET_SIZE_6_18));
  assert_string_equal(pair_text(&event.pair), "10.0.0.1:7000>10.0.0.2:41822");
  assert_string_equal(event.reason, ""); /* no word for 99 */

  put_u16(60, AF_UNIX);
  assert_false(decode(RESET_SIZE_6_18));
}

static void test_unknown_event_and_every_length(void **unused) {
  (void)unused;
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_STATE, state_format));
  assert_true(kernel_formats_learn(formats, KERNEL_EVENT_SEND_RESET, reset_format_6_18));
  put_state(1, 4, "::1", "::1");
  for (size_t size = 1; size < STATE_SIZE; size++) assert_false(decode(size));
  put_u16(0, 1352);
  assert_false(decode(STATE_SIZE));
  put_reset("::1", 1, "::1", 2, 0);
  for (size_t size = 1; size < RESET_SIZE_6_18; size++) assert_false(decode(size));
}

/* The format without one of its lines: what names the socket or the states is missed. */
static void test_format_that_lacks_a_field(void **unused) {
  (void)unused;
  static const char *const needed[] = {"oldstate;", "newstate;", "sport;",
                                       "dport;",    "saddr_v6[", "daddr_v6["};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
    char format[sizeof state_format];
    memcpy(format, state_format, sizeof format);
    char *field = strstr(format, needed[i]);
    assert_non_null(field);
    *field = 'X';
    tear_down(NULL);
    assert_int_equal(set_up(NULL), 0);
    assert_false(kernel_formats_learn(formats, KERNEL_EVENT_STATE, format));
    put_state(1, 4, "::1", "::1");
    assert_false(decode(STATE_SIZE));
  }
}

static void test_format_that_is_cut(void **unused) {
  (void)unused;
  size_t complete = (size_t)(strstr(state_format, "\tsigned:0;\n\nprint fmt") - state_format);
  for (size_t size = 0; size < complete; size++) {
    char *text = strndup(state_format, size);
    assert_non_null(text);
    bool learnt = kernel_formats_learn(formats, KERNEL_EVENT_STATE, text);
    free(text);
    assert_int_equal(learnt, size >= complete - 1); /* the last number stands there */
  }
}

/* It is gone from /proc when its socket is closed, which is after its exit was told. */
static void who_was_killed_is_named_though_it_is_gone(void **unused) {
  (void)unused;
  enum { NOBODY = INT32_MAX };
  struct kernel_exits exits = {0};
  struct kernel_closer closer;
  const struct kernel_event exit = {.kind = KERNEL_EVENT_EXIT, .tid = NOBODY, .command = "killed"};
  const struct kernel_event closes = {.kind = KERNEL_EVENT_STATE,
                                      .pid = NOBODY,
                                      .tid = NOBODY,
                                      .from = TCPS_ESTABLISHED,
                                      .to = TCPS_FIN_WAIT_1};
  assert_true(kernel_closer_of(&exits, &closes, &closer));
  assert_string_equal(closer.command, "");
  assert_false(closer.at_exit);
  kernel_exits_note(&exits, &exit);
  assert_true(kernel_closer_of(&exits, &closes, &closer));
  assert_string_equal(closer.command, "killed");
  assert_true(closer.at_exit);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_state, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_other_protocol, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_every_state, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_in_interrupt, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_exit, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_reset_with_ports, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_reset_with_socket_addresses, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_unknown_event_and_every_length, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_format_that_lacks_a_field, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_format_that_is_cut, set_up, tear_down),
      cmocka_unit_test(who_was_killed_is_named_though_it_is_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
