/* Whose the kernel's words are: the watch between packets and a kernel that says what it is told
 * to. Here are the functions of capture/kernel/trace.h and diag.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture/watch.h"
#include "common/model/model.h"

/* ---- The kernel ----------------------------------------------------------------------------- */

enum { EVENTS_MAX = 32 };

static struct {
  struct kernel_event event[EVENTS_MAX];
  unsigned n, next;
  enum tcp_state answer, of_client; /* to any question about server and client; TCPS_COUNT: none */
  int64_t asked_us;                 /* when that was answered */
  unsigned n_asked;
  unsigned busy; /* so many answers are given before the work of its timer is done */
} kernel;

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct kernel_trace *kernel_trace_open(char error[static KERNEL_ERROR_SIZE]) {
  error[0] = '\0';
  return (struct kernel_trace *)&kernel;
}
void kernel_trace_close(struct kernel_trace *trace) { (void)trace; }
uint64_t kernel_trace_lost(const struct kernel_trace *trace) {
  (void)trace;
  return 0;
}
bool kernel_trace_next(struct kernel_trace *trace, struct kernel_event *event) {
  (void)trace;
  if (kernel.next == kernel.n) return false;
  *event = kernel.event[kernel.next++];
  return true;
}

struct kernel_diag *kernel_diag_open(char error[static KERNEL_ERROR_SIZE]) {
  error[0] = '\0';
  return (struct kernel_diag *)&kernel;
}
void kernel_diag_close(struct kernel_diag *diag) { (void)diag; }
bool kernel_diag_is_local(struct kernel_diag *diag, uint8_t family,
                          const struct decode_address *address) {
  (void)diag, (void)family, (void)address;
  return true;
}
bool kernel_diag_listens(struct kernel_diag *diag, uint8_t family,
                         const struct decode_address *address, uint16_t port) {
  (void)diag, (void)family, (void)address;
  return port == 80;
}
int kernel_diag_dump(struct kernel_diag *diag, unsigned states, kernel_diag_take *take,
                     void *context) {
  (void)diag, (void)states, (void)take, (void)context;
  return 0;
}
enum kernel_answer kernel_diag_ask(struct kernel_diag *diag, const struct kernel_pair *pair,
                                   struct kernel_socket *socket) {
  (void)diag;
  enum tcp_state answer = pair->local_port == 80 ? kernel.answer : kernel.of_client;
  if (answer == TCPS_COUNT) return KERNEL_UNANSWERED;
  *socket = (struct kernel_socket){.cookie = 1, .inode = 1, .state = answer};
  if (kernel.busy > 0) {
    kernel.busy--;
  } else {
    socket->timer = KERNEL_TIMER_RETRANSMIT;
    socket->retransmits = 1;
  }
  if (answer == TCPS_TIME_WAIT) socket->timer = KERNEL_TIMER_TIME_WAIT;
  kernel.n_asked++;
  kernel.asked_us = now_us();
  /* Whoever asked is not scheduled for a while. */
  nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  return KERNEL_FOUND;
}

/* ---- What is told --------------------------------------------------------------------------- */

/* Of each verdict: the client's port, the ending, and how each end differs. */
static char told[1024];

static void tell(struct report *r, const struct flow *f, const struct verdict *v) {
  (void)r;
  size_t n = strlen(told);
  snprintf(told + n, sizeof told - n, "%u %s %s %s\n", f->key.port[f->client],
           ending_name(v->ending), witness_difference_name(v->kernel[0].difference),
           witness_difference_name(v->kernel[1].difference));
}
static void destroy(struct report *r) { (void)r; }

/* Why the kernel has sent again, as told last. */
static char reason[40];

static void tell_word(struct report *r, const struct kernel_word *word) {
  (void)r;
  if (word->kind == KERNEL_EVENT_RETRANSMIT) memcpy(reason, word->reason, sizeof reason);
}

static unsigned n_verdicts;

static void count_verdict(struct report *r, const struct flow *f, const struct verdict *v,
                          int64_t us) {
  (void)r, (void)f, (void)v, (void)us;
  n_verdicts++;
}

static int64_t heard_us;

static void note_heard(struct report *r, int64_t until_us) {
  (void)r;
  heard_us = until_us;
}

static const struct report_class class = {.settled = tell,
                                          .verdict = count_verdict,
                                          .kernel = tell_word,
                                          .heard = note_heard,
                                          .destroy = destroy};
static struct report report = {.class = &class};
static struct watch watch;
static int64_t base_us;

static int begin(void **state) {
  (void)state;
  memset(&kernel, 0, sizeof kernel);
  memset(&watch, 0, sizeof watch);
  kernel.answer = kernel.of_client = TCPS_COUNT;
  told[0] = '\0';
  n_verdicts = 0;
  heard_us = 0;
  snprintf(reason, sizeof reason, "not told");
  watch.due.two_msl_us = MODEL_LINUX_2MSL_US;
  watch.due.prompt = watch.live = true;
  watch.max_flows = 128;
  if (!watch_init(&watch)) return -1;
  watch.reports[watch.n_reports++] = &report;
  watch.kernel = kernel_open();
  watch_begin(&watch, false);
  base_us = now_us();
  return watch.kernel ? 0 : -1;
}

static int end(void **state) {
  (void)state;
  watch_destroy(&watch);
  kernel_close(watch.kernel);
  return 0;
}

/* "US PORT C|S FLAGS SEQ ACK": a segment, read as soon as it was captured; FLAGS of "SFRA".
 * "US PORT C|S FROM>TO SOCKET": the kernel tells, and is heard with the next segment;
 * FROM that is TO: it has sent again. */
static void play(const char *text) {
  static const struct {
    char letter;
    uint8_t flag;
  } flags[] = {{'S', SEGMENT_SYN}, {'F', SEGMENT_FIN}, {'R', SEGMENT_RST}, {'A', SEGMENT_ACK}};
  for (; *text; text = strchr(text, '\n') + 1) {
    unsigned us, port, seq = 0, ack = 0;
    char who, what[40], *to;
    assert_true(sscanf(text, "%u %u %c %39s %u %u", &us, &port, &who, what, &seq, &ack) >= 5);
    struct decode_address client = {{127, 0, 0, 1}}, server = {{127, 0, 0, 2}};
    bool by_client = who == 'C';
    if ((to = strchr(what, '>'))) {
      struct kernel_event e = {.t_us = base_us + us, .socket = seq, .kind = KERNEL_EVENT_STATE};
      enum tcp_state state;
      *to++ = '\0';
      assert_true(tcp_state_parse(what, &state));
      e.from = (uint8_t)state;
      assert_true(tcp_state_parse(to, &state));
      e.to = (uint8_t)state;
      if (e.from == e.to) e.kind = KERNEL_EVENT_RETRANSMIT;
      e.pair = (struct kernel_pair){by_client ? client : server, by_client ? server : client,
                                    (uint16_t)(by_client ? port : 80),
                                    (uint16_t)(by_client ? 80 : port), 4};
      assert_true(kernel.n < EVENTS_MAX);
      kernel.event[kernel.n++] = e;
      continue;
    }
    struct watch_packet p = {.t_us = base_us + us, .result = DECODE_SEGMENT};
    p.decoded.family = 4;
    p.decoded.source = by_client ? client : server;
    p.decoded.destination = by_client ? server : client;
    p.decoded.source_port = (uint16_t)(by_client ? port : 80);
    p.decoded.destination_port = (uint16_t)(by_client ? 80 : port);
    p.decoded.segment.seq = seq;
    p.decoded.segment.ack = ack;
    p.decoded.segment.window = 65535;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
      if (strchr(what, flags[i].letter)) p.decoded.segment.flags |= flags[i].flag;
    watch_listen(&watch, now_us());
    watch_packets(&watch, &p, 1);
  }
}

/* The client has closed, the server too, and the server's FIN was lost before the tap. */
#define HALF_CLOSED(PORT)                               \
  "0 " PORT " C S 0 0\n1 " PORT " S SA 0 1\n2 " PORT    \
  " C A 1 1\n"                                          \
  "100 " PORT " C ESTABLISHED>FIN_WAIT_1 21\n101 " PORT \
  " C FA 1 1\n"                                         \
  "102 " PORT " S ESTABLISHED>CLOSE_WAIT 11\n103 " PORT \
  " S A 1 2\n"                                          \
  "104 " PORT " C FIN_WAIT_1>FIN_WAIT_2 21\n105 " PORT " S CLOSE_WAIT>LAST_ACK 11\n"

/* It opens the four-tuple anew, and its RST clears the old half away. */
#define CLEARED(PORT) "5000 " PORT " C S 900000 0\n5001 " PORT " S A 1 2\n5002 " PORT " C R 2 0\n"

/* ---- The tests ------------------------------------------------------------------------------ */

static void the_end_of_the_old_socket_is_the_old_connections(void **state) {
  (void)state;
  play(HALF_CLOSED("1000") CLEARED("1000")
       "5003 1000 S LAST_ACK>CLOSED 11\n"
       "9000 1000 C S 900000 0\n9001 1000 S SA 500000 900001\n9002 1000 C A 900001 500001\n");
  assert_string_equal(told, "1000 reset agrees silent\n");
}

/* Its SYN is never answered. */
static void nobody_waits_for_the_answer_to_anothers_syn(void **state) {
  (void)state;
  play(HALF_CLOSED("1000") HALF_CLOSED("2000")
       "4000 2000 C S 700000 0\n"
       "5002 1000 C R 2 0\n5003 1000 S LAST_ACK>CLOSED 11\n"
       "9000 1000 C S 900000 0\n9001 1000 S SA 500000 900001\n9002 1000 C A 900001 500001\n");
  assert_string_equal(told, "1000 reset agrees silent\n");
}

/* The SYN is answered: what was told before was of the old one, and what came after is of the next.
 */
static void the_answer_decides(void **state) {
  (void)state;
  play(HALF_CLOSED("1000") "105 1000 S FA 1 2\n106 1000 C A 2 2\n107 1000 S LAST_ACK>CLOSED 11\n"
       "5000 1000 C S 900000 0\n"
       "5002 1000 C SYN_SENT>ESTABLISHED 22\n5003 1000 S SYN_RECEIVED>ESTABLISHED 12\n"
       "5004 1000 C ESTABLISHED>FIN_WAIT_1 22\n"
       "5001 1000 S SA 500000 900001\n5002 1000 C A 900001 500001\n5004 1000 C FA 900001 500001\n");
  watch_end(&watch, base_us + 6000);
  assert_string_equal(told,
                      "1000 normal agrees agrees\n1000 unfinished-fin-unanswered agrees agrees\n");
}

static void ask(uint16_t port) {
  struct decode_address client = {{127, 0, 0, 1}}, server = {{127, 0, 0, 2}};
  struct kernel_word news[2];
  enum end end;
  struct hot *e = flow_between(&watch.flows, 4, &client, port, &server, 80, &end);
  kernel_ask(watch.kernel, flow_whole(&watch.flows, e), news);
}

/* The client's FIN was lost before the tap until it gave up, and it opens the four-tuple anew. */
static void who_opens_anew_has_no_old_socket(void **state) {
  (void)state;
  play(
      "0 1000 C S 0 0\n1 1000 S SA 0 1\n2 1000 C A 1 1\n"
      "100 1000 C ESTABLISHED>FIN_WAIT_1 21\n900 1000 C FIN_WAIT_1>CLOSED 21\n"
      "5000 1000 C S 900000 0\n");
  kernel.of_client = TCPS_SYN_SENT;
  ask(1000);
  play("7000 1000 S A 1 1\n7001 1000 C R 1 0\n9000 1000 C S 900000 0\n");
  assert_string_equal(told, "1000 reset silent agrees\n");
}

/* The answer is older than the RST, though whoever asked went on only after that. */
static void an_answer_is_no_newer_than_the_question(void **state) {
  (void)state;
  char text[256];
  play(HALF_CLOSED("1000"));
  kernel.answer = TCPS_LAST_ACK;
  ask(1000);
  unsigned us = (unsigned)(kernel.asked_us - base_us);
  snprintf(text, sizeof text, "%u 1000 C R 2 0\n%u 1000 C S 900000 0\n", us + 1000, us + 5000);
  play(text);
  assert_string_equal(told, "1000 reset agrees silent\n");
}

/* While the timer's work goes on, and where the next may have run out since, nobody can tell why.
 */
static void why_it_sends_again(void **state) {
  (void)state;
  static const struct {
    unsigned busy;
    int64_t age_us;
    const char *reason;
  } cases[] = {{0, 0, "timeout 1"}, {2, 0, "timeout 1"}, {99, 0, ""}, {0, 300000, ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (i > 0) begin(state);
    base_us -= cases[i].age_us;
    kernel.answer = TCPS_LAST_ACK;
    kernel.busy = cases[i].busy;
    play(HALF_CLOSED(
        "1000") "106 1000 S LAST_ACK>LAST_ACK 11\n107 1000 S FA 1 2\n108 1000 C A 2 2\n");
    watch_listen(&watch, now_us());
    watch_tick(&watch, now_us());
    assert_string_equal(reason, cases[i].reason);
    if (i + 1 < sizeof cases / sizeof *cases) end(state);
  }
}

/* Of all that it tells, only what became of the socket that waits; and again when that may have
 * changed. */
static void a_close_is_one_question(void **state) {
  (void)state;
  kernel.of_client = TCPS_TIME_WAIT;
  base_us -= 100000;
  play(HALF_CLOSED("1000") "106 1000 S FA 1 2\n107 1000 C FIN_WAIT_2>CLOSED 21\n"
                           "108 1000 C A 2 2\n109 1000 S LAST_ACK>CLOSED 11\n");
  watch_attend(&watch, now_us());
  watch_tick(&watch, now_us());
  assert_int_equal(kernel.n_asked, 1);
  play("60000 1000 S FA 1 2\n60001 1000 C A 2 2\n");
  watch_attend(&watch, now_us());
  assert_int_equal(kernel.n_asked, 2);
}

/* The kernel's buffer of packets does not wait for all of them. */
static void a_crowd_of_verdicts_lets_packets_in_between(void **state) {
  enum { CLOSES = 100 };
  (void)state;
  base_us -= 5000000;
  for (unsigned i = 0; i < CLOSES; i++) {
    char text[256];
    unsigned port = 1000 + i;
    snprintf(text, sizeof text,
             "0 %u C S 0 0\n1 %u S SA 0 1\n2 %u C A 1 1\n3 %u C FA 1 1\n4 %u S FA 1 2\n"
             "5 %u C A 2 2\n",
             port, port, port, port, port, port);
    play(text);
  }
  assert_int_equal(n_verdicts, 0);
  watch_listen(&watch, now_us());
  unsigned turns = 1;
  while (watch_attend(&watch, now_us())) {
    assert_in_range(n_verdicts, 1, CLOSES / 2 * turns);
    turns++;
  }
  assert_true(turns > 2);
  assert_int_equal(n_verdicts, CLOSES);
}

/* Rows go out up to the moment at which it began to look: a packet of after that may still come. */
static void what_comes_after_the_look_is_not_heard(void **state) {
  (void)state;
  play("0 1000 C S 0 0\n");
  int64_t looked_us = base_us + 3000;
  watch_listen(&watch, looked_us);
  watch_attend(&watch, looked_us + 500000);
  assert_in_range(heard_us, base_us, looked_us);
}

/* Packets come faster than they are read: rows do not wait until there are none. */
static void what_is_in_order_goes_out_while_packets_come(void **state) {
  (void)state;
  base_us -= 1000000;
  play("0 1000 C S 0 0\n");
  nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  play("100000 1000 S SA 0 1\n");
  assert_in_range(heard_us, base_us + 50000, base_us + 100000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_in_order_goes_out_while_packets_come, begin, end),
      cmocka_unit_test_setup_teardown(what_comes_after_the_look_is_not_heard, begin, end),
      cmocka_unit_test_setup_teardown(a_crowd_of_verdicts_lets_packets_in_between, begin, end),
      cmocka_unit_test_setup_teardown(nobody_waits_for_the_answer_to_anothers_syn, begin, end),
      cmocka_unit_test_setup_teardown(the_answer_decides, begin, end),
      cmocka_unit_test_setup_teardown(who_opens_anew_has_no_old_socket, begin, end),
      cmocka_unit_test_setup_teardown(an_answer_is_no_newer_than_the_question, begin, end),
      cmocka_unit_test_setup_teardown(why_it_sends_again, begin, end),
      cmocka_unit_test_setup_teardown(a_close_is_one_question, begin, end),
      cmocka_unit_test_setup_teardown(the_end_of_the_old_socket_is_the_old_connections, begin, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
