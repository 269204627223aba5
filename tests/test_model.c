/* The model, state by state in the order of RFC 9293, 3.3.2. Each test takes a connection to a
 * state by real segments (path_to, which is checked to lead there), then lets one event happen. The
 * notation stands in model_builder.h. Unless it says otherwise the client is the end in that
 * state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "tests/model_builder.h"

static struct {
  const char *name;
  enum tcp_state from;
  const char *text;
} cases[] = {
    /* ==== CLOSED: after LAST_ACK, presumed; the server is in TIME_WAIT ====================== */
    {"test_closed_snd_fin", TCPS_CLOSED, /* the final ACK had not arrived */
     "507 C FA 1 2 0 | LAST_ACK TIME_WAIT fin2#1 4/4 refutes"},
    {"test_closed_snd_ack", TCPS_CLOSED, /* only a live connection sends a bare ACK */
     "507 C A  2 2 0 | LAST_ACK TIME_WAIT ack1#1 4/4 refutes"},
    {"test_closed_snd_rst", TCPS_CLOSED, /* and now CLOSED is no presumption any more */
     "507 C R  2 0 0 | CLOSED CLOSED? rst 4/4 unexpected !rst-in-time-wait"},
    {"test_closed_rcv_ack", TCPS_CLOSED,
     "507 S A  2 2 0 | CLOSED? TIME_WAIT final-ack#1 4/4 stale"},
    {"test_closed_rcv_rst", TCPS_CLOSED, "507 S R  2 0 0 | CLOSED? CLOSED rst 4/4 *"},

    /* ==== SYN_SENT ========================================================================== */
    {"test_syn_sent_snd_syn", TCPS_SYN_SENT,
     "1000 C S 0 0 0 | SYN_SENT SYN_RECEIVED? syn retransmission"},
    {"test_syn_sent_rcv_syn_ack", TCPS_SYN_SENT,
     "10 S SA 0 1 0  | ESTABLISHED? SYN_RECEIVED syn expected"},
    {"test_syn_sent_rcv_syn", TCPS_SYN_SENT, "10 S S  0 0 0  | SYN_RECEIVED? SYN_RECEIVED? syn *"},
    {"test_syn_sent_rcv_ack_without_syn", TCPS_SYN_SENT, "10 S A  9 1 0  | SYN_SENT *"},
    {"test_syn_sent_rcv_rst", TCPS_SYN_SENT, "10 S RA 0 1 0  | CLOSED? CLOSED rst 0/4 *"},
    {"test_syn_sent_rcv_rst_of_something_else", TCPS_SYN_SENT,
     "10 S RA 0 900000 0 | SYN_SENT SYN_RECEIVED? rst 0/4 unexpected !rst-out-of-window"},

    /* ==== SYN_RECEIVED: the server ========================================================== */
    {"test_syn_received_snd_syn_ack", TCPS_SYN_RECEIVED,
     "1000 S SA 0 1 0 | ESTABLISHED? SYN_RECEIVED syn retransmission"},
    {"test_syn_received_rcv_syn", TCPS_SYN_RECEIVED, /* its SYN,ACK had not arrived */
     "1000 C S 0 0 0 | SYN_SENT SYN_RECEIVED syn refutes"},
    {"test_syn_received_rcv_ack_of_syn", TCPS_SYN_RECEIVED,
     "10 C A  1 1 0  | ESTABLISHED ESTABLISHED? - expected"},
    {"test_syn_received_rcv_fin", TCPS_SYN_RECEIVED, /* which acknowledges the SYN as well */
     "10 C FA 1 1 0  | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected"},
    {"test_syn_received_snd_fin", TCPS_SYN_RECEIVED,
     "10 S FA 1 1 0  | CLOSE_WAIT? FIN_WAIT_1 fin1 1/4 expected"},
    {"test_syn_received_snd_rst", TCPS_SYN_RECEIVED, "10 S RA 1 1 0  | CLOSED? CLOSED rst 0/4 *"},
    {"test_syn_received_rcv_rst", TCPS_SYN_RECEIVED, "10 C R  1 0 0  | CLOSED CLOSED? rst 0/4 *"},

    /* ==== ESTABLISHED: the server only presumed ============================================= */
    {"test_established_snd_data", TCPS_ESTABLISHED,
     "10 C PA 1 1 10   | ESTABLISHED ESTABLISHED? data expected\n"
     "10 S A  1 11 0   | ESTABLISHED ESTABLISHED - expected"},
    {"test_established_snd_data_again", TCPS_ESTABLISHED,
     "10 C PA 1 1 10\n"
     "210 C PA 1 1 10  | ESTABLISHED ESTABLISHED? data retransmission"},
    {"test_established_rcv_syn_ack", TCPS_ESTABLISHED, /* our ACK of it had not arrived */
     "1000 S SA 0 1 0  | ESTABLISHED SYN_RECEIVED syn refutes\n"
     "1000 C A 1 1 0   | ESTABLISHED ESTABLISHED? - *"},
    {"test_established_snd_fin", TCPS_ESTABLISHED,
     "100 C FA 1 1 0   | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected"},
    {"test_established_snd_fin_with_data", TCPS_ESTABLISHED,
     "100 C FPA 1 1 50 | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected"},
    {"test_established_rcv_fin", TCPS_ESTABLISHED,
     "100 S FA 1 1 0   | CLOSE_WAIT? FIN_WAIT_1 fin1 1/4 expected"},
    {"test_established_snd_rst", TCPS_ESTABLISHED, "100 C RA 1 1 0 | CLOSED CLOSED? rst 0/4 *"},
    {"test_established_rcv_rst", TCPS_ESTABLISHED, "100 S RA 1 1 0 | CLOSED? CLOSED rst 0/4 *"},
    {"test_established_rcv_rst_out_of_window", TCPS_ESTABLISHED,
     "100 S R  5 0 0   | ESTABLISHED ESTABLISHED? rst 0/4 unexpected !rst-out-of-window"},

    /* ==== FIN_WAIT_1: the server's CLOSE_WAIT presumed ====================================== */
    {"test_fin_wait_1_snd_fin", TCPS_FIN_WAIT_1,
     "307 C FA 1 1 0  | FIN_WAIT_1 CLOSE_WAIT? fin1#1 1/4 retransmission"},
    {"test_fin_wait_1_rcv_ack_of_fin", TCPS_FIN_WAIT_1,
     "140 S A 1 2 0   | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected"},
    {"test_fin_wait_1_rcv_ack_short_of_fin", TCPS_FIN_WAIT_1,
     "140 S A 1 1 0   | FIN_WAIT_1 CLOSE_WAIT? - *"},
    {"test_fin_wait_1_rcv_ack_of_fin_on_data", TCPS_FIN_WAIT_1,
     "140 S PA 1 2 10 | FIN_WAIT_2? CLOSE_WAIT ack1 2/4 expected"},
    {"test_fin_wait_1_rcv_data_that_crossed", TCPS_FIN_WAIT_1,
     "100 S PA 1 1 10 | FIN_WAIT_1 CLOSE_WAIT? data expected"},
    {"test_fin_wait_1_rcv_fin", TCPS_FIN_WAIT_1,
     "100 S FA 1 1 0  | CLOSING? CLOSING? fin2 2/4 refutes"},
    {"test_fin_wait_1_rcv_fin_with_ack_of_fin", TCPS_FIN_WAIT_1,
     "101 S FA 1 2 0  | TIME_WAIT? LAST_ACK fin2+ack1 2/3 expected"},
    {"test_fin_wait_1_snd_rst", TCPS_FIN_WAIT_1, "140 C RA 2 1 0  | CLOSED CLOSED? rst 1/4 *"},
    {"test_fin_wait_1_rcv_rst", TCPS_FIN_WAIT_1, "140 S R  1 0 0  | CLOSED? CLOSED rst 1/4 *"},

    /* ==== FIN_WAIT_2: presumed, until an answer to later octets proves it =================== */
    {"test_fin_wait_2_snd_fin", TCPS_FIN_WAIT_2, /* ACK1 had not arrived */
     "307 C FA 1 1 0  | FIN_WAIT_1 CLOSE_WAIT fin1#1 2/4 refutes"},
    {"test_fin_wait_2_rcv_data", TCPS_FIN_WAIT_2,
     "200 S PA 1 2 10 | FIN_WAIT_2? CLOSE_WAIT data expected\n"
     "200 C A 2 11 0  | FIN_WAIT_2 CLOSE_WAIT - expected"},
    {"test_fin_wait_2_snd_fin_when_proven", TCPS_FIN_WAIT_2, /* an old copy, late on the wire */
     "200 S PA 1 2 10\n"
     "200 C A 2 11 0\n"
     "210 C FA 1 1 0  | FIN_WAIT_2 CLOSE_WAIT fin1#1 2/4 *"},
    {"test_fin_wait_2_rcv_fin", TCPS_FIN_WAIT_2,
     "300 S FA 1 2 0  | TIME_WAIT? LAST_ACK fin2 3/4 expected"},
    {"test_fin_wait_2_rcv_ack_again", TCPS_FIN_WAIT_2,
     "300 S A 1 2 0   | FIN_WAIT_2? CLOSE_WAIT ack1#1 2/4 stale"},
    {"test_fin_wait_2_snd_rst", TCPS_FIN_WAIT_2, "300 C RA 2 1 0  | CLOSED CLOSED? rst 2/4 *"},
    {"test_fin_wait_2_rcv_rst", TCPS_FIN_WAIT_2, "300 S RA 1 2 0  | CLOSED? CLOSED rst 2/4 *"},
    {"test_fin_wait_2_has_no_2msl", TCPS_FIN_WAIT_2, "200000 expire | FIN_WAIT_2? CLOSE_WAIT"},

    /* ==== CLOSE_WAIT: the server in FIN_WAIT_2, presumed ==================================== */
    {"test_close_wait_snd_fin", TCPS_CLOSE_WAIT,
     "300 C FA 1 2 0  | LAST_ACK TIME_WAIT? fin2 3/4 expected"},
    {"test_close_wait_snd_data", TCPS_CLOSE_WAIT,
     "300 C PA 1 2 10 | CLOSE_WAIT FIN_WAIT_2? data expected"},
    {"test_close_wait_rcv_fin", TCPS_CLOSE_WAIT,
     "307 S FA 1 1 0  | CLOSE_WAIT FIN_WAIT_1 fin1#1 2/4 refutes\n"
     "307 C A 1 2 0   | CLOSE_WAIT FIN_WAIT_2? ack1#1 2/4 expected"},
    {"test_close_wait_snd_rst", TCPS_CLOSE_WAIT, "300 C RA 1 2 0  | CLOSED CLOSED? rst 2/4 *"},
    {"test_close_wait_rcv_rst", TCPS_CLOSE_WAIT, "300 S R  2 0 0  | CLOSED? CLOSED rst 2/4 *"},

    /* ==== CLOSING: the server has its ACK already, presumed ================================= */
    {"test_closing_rcv_ack_of_fin", TCPS_CLOSING,
     "100 S A 2 2 0  | TIME_WAIT? TIME_WAIT? ack1 4/4 expected"},
    {"test_closing_snd_fin", TCPS_CLOSING,
     "307 C FA 1 2 0 | CLOSING TIME_WAIT? fin1#1 3/4 retransmission"},
    {"test_closing_rcv_fin", TCPS_CLOSING, /* with the ACK that was still missing */
     "307 S FA 1 2 0 | TIME_WAIT? CLOSING fin2+ack1 4/4 refutes"},
    {"test_closing_snd_rst", TCPS_CLOSING, "307 C R 2 0 0  | CLOSED CLOSED? rst 3/4 *"},
    {"test_closing_rcv_rst", TCPS_CLOSING, "307 S R 2 0 0  | CLOSED? CLOSED rst 3/4 *"},

    /* ==== LAST_ACK: the server in TIME_WAIT, presumed ======================================= */
    {"test_last_ack_snd_fin", TCPS_LAST_ACK,
     "507 C FA 1 2 0 | LAST_ACK TIME_WAIT? fin2#1 3/4 retransmission"},
    {"test_last_ack_rcv_ack_of_fin", TCPS_LAST_ACK,
     "300 S A 2 2 0  | CLOSED? TIME_WAIT final-ack 4/4 expected"},
    {"test_last_ack_rcv_ack_short_of_fin", TCPS_LAST_ACK,
     "300 S A 2 1 0  | LAST_ACK TIME_WAIT? - *"},
    /* FIN2 acknowledges FIN1 too, so neither ACK1 nor FIN2 had arrived. */
    {"test_last_ack_rcv_fin", TCPS_LAST_ACK,
     "307 S FA 1 1 0 | LAST_ACK FIN_WAIT_1 fin1#1 3/4 refutes"},
    {"test_last_ack_snd_rst", TCPS_LAST_ACK, "300 C R 2 0 0  | CLOSED CLOSED? rst 3/4 *"},
    {"test_last_ack_rcv_rst", TCPS_LAST_ACK, "300 S R 2 0 0  | CLOSED? CLOSED rst 3/4 *"},

    /* ==== TIME_WAIT: the server's CLOSED presumed =========================================== */
    {"test_time_wait_rcv_fin", TCPS_TIME_WAIT,
     "507 S FA 1 2 0 | TIME_WAIT LAST_ACK fin2#1 4/4 refutes\n"
     "507 C A 2 2 0  | TIME_WAIT CLOSED? final-ack#1 4/4 expected"},
    {"test_time_wait_snd_ack_again", TCPS_TIME_WAIT,
     "507 C A 2 2 0  | TIME_WAIT CLOSED? final-ack#1 4/4 stale"},
    {"test_time_wait_rcv_rst", TCPS_TIME_WAIT,
     "300 S R 2 0 0  | CLOSED? CLOSED rst 4/4 unexpected !rst-in-time-wait"},
    {"test_time_wait_2msl", TCPS_TIME_WAIT,
     "60299.999 expire | TIME_WAIT CLOSED?\n"
     "60300 expire     | CLOSED~ CLOSED?"},
};

enum { CASES = sizeof cases / sizeof *cases };

static void run_case(void **state) {
  const size_t i = *(const size_t *)*state;
  journey_from(cases[i].from, cases[i].text);
}

/* LISTEN is never on the wire: it is what the SYN that ends it lets one presume. */
static void test_listen_rcv_syn(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 1, 2);
  wire_play(&wire, "0 C S 0 0 0 | SYN_SENT SYN_RECEIVED? syn expected");
  assert_int_equal(wire.model.end[END_SERVER].base, TCPS_LISTEN);
  assert_int_equal(wire.model.end[END_CLIENT].base, TCPS_CLOSED);
}

static void the_path_to_every_state_leads_there(void **unused) {
  (void)unused;
  for (unsigned state = 0; state < TCPS_COUNT; state++)
    if (state != TCPS_LISTEN) journey_from(state, "");
}

static void test_closed_deadline(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 1, 2);
  assert_true(connection_deadline_us(&wire.model) == INT64_MAX);
  enum end who;
  wire_play(&wire, path_to(TCPS_TIME_WAIT, &who));
  assert_true(connection_deadline_us(&wire.model) == 300000 + MODEL_LINUX_2MSL_US);
  assert_false(model_expire(&wire.model, connection_deadline_us(&wire.model) - 1, &wire.step));
  assert_true(model_expire(&wire.model, connection_deadline_us(&wire.model), &wire.step));
  assert_int_equal(wire.step.n_changes, 1);
  assert_int_equal(wire.step.changes[0].from, TCPS_TIME_WAIT);
  assert_int_equal(wire.step.changes[0].to, TCPS_CLOSED);
  assert_int_equal(wire.step.changes[0].event, EVENT_TIMEOUT_2MSL);
  assert_true(connection_deadline_us(&wire.model) == INT64_MAX);
}

#define OPENING "0 C S 0 0 0\n0 S SA 0 1 0\n0 C A 1 1 0\n"

/* The earlier one, where both wait. */
static void the_first_deadline_counts(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 1, 2);
  wire_play(&wire, OPENING "100 C FA 1 1 0\n100 S FA 1 1 0\n101 S A 2 2 0\n150 C A 2 2 0");
  assert_int_equal(wire.model.end[END_SERVER].state, TCPS_TIME_WAIT);
  assert_true(connection_deadline_us(&wire.model) == 101000 + MODEL_LINUX_2MSL_US);
}

static void what_is_half_open(void **unused) {
  (void)unused;
  static const struct {
    const char *wire;
    bool is;
  } rows[] = {
      {"0 C S 0 0 0", true},
      {"0 C S 0 0 0\n1 S SA 0 1 0", true}, /* nothing shows that the SYN,ACK came */
      {OPENING, false},
      {"0 C A 1 1 0", true}, /* of the server nothing is known */
      {"0 C A 1 1 0\n1 S A 1 1 0", false},
      {OPENING "9 C RA 1 1 0", false}, /* it is over */
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    wire_open(&wire, 1, 2);
    wire_play(&wire, rows[i].wire);
    if (connection_is_half_open(&wire.model) != rows[i].is) fail_msg("%s", rows[i].wire);
  }
}

/* A segment that brings nothing, and is no newer than the newest, was captured twice. */
static void what_repeats(void **unused) {
  (void)unused;
  enum { ACKS = SEGMENT_ACK, FINS = SEGMENT_FIN | SEGMENT_ACK };
  static const struct {
    const char *wire;
    struct segment s; /* of the client's */
    bool is, is_if_joined;
  } rows[] = {
      {OPENING "9 C PA 1 1 5",
       {.t_us = 9000, .flags = ACKS, .seq = 1, .ack = 1, .payload_bytes = 5},
       true,
       true},
      {OPENING "9 C PA 1 1 5",
       {.t_us = 9001, .flags = ACKS, .seq = 1, .ack = 1, .payload_bytes = 5},
       false,
       true},
      {OPENING "9 C PA 1 1 5",
       {.t_us = 9000, .flags = ACKS, .seq = 1, .ack = 1, .payload_bytes = 6},
       false,
       false},
      {OPENING "9 C PA 1 1 5",
       {.t_us = 9000, .flags = ACKS, .seq = 1, .ack = 2, .payload_bytes = 5},
       false,
       false},
      {OPENING "9 C PA 1 1 5",
       {.t_us = 9000, .flags = SEGMENT_PSH, .seq = 1, .ack = 9, .payload_bytes = 5},
       true,
       true},
      {OPENING "9 C PA 1 1 5", {.t_us = 0, .flags = SEGMENT_SYN, .seq = 0}, false, false},
      {"9 C A 7 1 0", {.t_us = 9000, .flags = ACKS, .seq = 3, .ack = 1}, false, false},
      {"9 C A 7 1 0", {.t_us = 9000, .flags = ACKS, .seq = 7, .ack = 1}, true, true},
      {"9 S A 1 7 0", {.t_us = 9000, .flags = ACKS, .seq = 0, .ack = 1}, false, false},
      /* A FIN that was acknowledged, and not captured until now. */
      {OPENING "9 S A 1 2 0", {.t_us = 9000, .flags = FINS, .seq = 1, .ack = 1}, false, false},
      {OPENING "9 C FA 1 1 0", {.t_us = 9000, .flags = FINS, .seq = 1, .ack = 1}, true, true},
      /* A RST again, and one that is the first. */
      {OPENING "9 C RA 1 1 0", {.t_us = 9000, .flags = SEGMENT_RST, .seq = 1}, true, true},
      {OPENING, {.t_us = 0, .flags = SEGMENT_RST, .seq = 1}, false, false},
      /* What is sent again has a newer timestamp, where there are any. */
      {"0 C S 0 0 0 ts=5/0\n0 S SA 0 1 0 ts=9/5\n0 C A 1 1 0 ts=5/9",
       {.t_us = 0,
        .flags = ACKS,
        .options = SEGMENT_HAS_TIMESTAMPS,
        .seq = 1,
        .ack = 1,
        .tsval = 6},
       false,
       false},
      {"0 C S 0 0 0 ts=5/0\n0 S SA 0 1 0 ts=9/5\n0 C A 1 1 0 ts=5/9",
       {.t_us = 0,
        .flags = ACKS,
        .options = SEGMENT_HAS_TIMESTAMPS,
        .seq = 1,
        .ack = 1,
        .tsval = 5},
       true,
       true},
      {"0 C S 0 0 0 ts=3000000000/0\n0 S SA 0 1 0\n0 C A 1 1 0",
       {.t_us = 0, .flags = ACKS, .seq = 1, .ack = 1},
       true,
       true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].wire);
    if (connection_repeats(&wire.model, END_CLIENT, &rows[i].s) != rows[i].is)
      fail_msg("row %zu: %s", i, rows[i].wire);
    wire.model.taps_joined = true;
    if (connection_repeats(&wire.model, END_CLIENT, &rows[i].s) != rows[i].is_if_joined)
      fail_msg("row %zu, joined: %s", i, rows[i].wire);
  }
  /* Its first ACK, at the same time as what that acknowledges. */
  struct wire wire;
  wire_open(&wire, 0, UINT32_C(0x80000000));
  wire_play(&wire, "0 C S 0 0 0\n0 S SA 0 1 0");
  const struct segment first = {.flags = ACKS, .seq = 1, .ack = UINT32_C(0x80000001)};
  assert_false(connection_repeats(&wire.model, END_CLIENT, &first));

  /* Octets that its SYN had carried, and now with an ACK. */
  wire_open(&wire, 0, UINT32_C(0x80000000));
  wire_play(&wire, "0 C S 0 0 5\n0 S SA 0 1 0");
  const struct segment octets = {
      .flags = ACKS, .seq = 1, .ack = UINT32_C(0x80000001), .payload_bytes = 5};
  assert_false(connection_repeats(&wire.model, END_CLIENT, &octets));

  /* A bare ACK of what its sender's SYN has acknowledged is its first, or came again. */
  wire_open(&wire, 0, 0);
  wire_play(&wire, "0 C S 0 0 0\n0 S SA 0 1 0\n0 C A 1 1 0");
  const struct segment second = {.flags = ACKS, .seq = 1, .ack = 1};
  assert_false(connection_repeats(&wire.model, END_SERVER, &second));
  assert_true(connection_repeats(&wire.model, END_CLIENT, &second));

  /* What its sender numbers with what follows is new; 0 is no number. */
  static const struct {
    uint16_t before, now;
    bool is;
  } numbers[] = {{5, 6, false}, {5, 69, false},     {5, 70, true},    {5, 5, true},
                 {5, 4, true},  {65530, 10, false}, {65530, 0, true}, {0, 6, true}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    wire_open(&wire, 0, 0);
    wire_play(&wire, "0 C S 0 0 0\n0 S SA 0 1 0\n0 C A 1 1 0");
    wire.model.path[END_CLIENT].ip_id = numbers[i].before;
    const struct segment ack = {.flags = ACKS, .seq = 1, .ack = 1, .ip_id = numbers[i].now};
    assert_int_equal(connection_repeats(&wire.model, END_CLIENT, &ack), numbers[i].is);
  }
}

/* After 10 s with a timestamp of 1000 the next segment passes so much later, with another
 * timestamp. */
static void how_long_a_segment_was_under_way(void **unused) {
  static const struct {
    int64_t after_us;
    uint32_t tsval;
    int64_t delay_us, most_us; /* most_us: then, if it was 5000 before */
    bool is_quickest;
  } rows[] = {
      {100000, 1100, 0, 5000, true},
      {101000, 1100, 0, 5000, false},
      {101001, 1100, 1, 5000, false},
      {150000, 1100, 49000, 49000, false},
      {199999, 1100, 98999, 98999, false},
      {200000, 1100, 0, 5000, false}, /* no milliseconds */
      {100000, 1120, 0, 25000, true},
      {100000, 1401, 0, 306000, true},
      {100000, 1402, 0, 5000, false}, /* no milliseconds */
      {60000000, 50000, 10999000, 10999000, false},
      {60000001, 50000, 0, 5000, true},
      {100000, 900, 0, 5000, false},
  };
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct endpoint e = {.has_tsval = true, .tsval = 1000};
    struct segment s = {.t_us = 10000000 + rows[i].after_us, .tsval = rows[i].tsval};
    endpoint_begin_delays(&e, 10000000);
    e.delay.most_us = 5000;
    assert_int_equal(endpoint_delay_us(&e, &s), 0);
    s.options = SEGMENT_HAS_TIMESTAMPS;
    int64_t delay_us = endpoint_delay_us(&e, &s);
    if (delay_us != rows[i].delay_us) fail_msg("row %zu: %lld us", i, (long long)delay_us);
    endpoint_note_delay(&e, &s, delay_us);
    if (e.delay.most_us != rows[i].most_us)
      fail_msg("row %zu: at most %lld us", i, (long long)e.delay.most_us);
    assert_int_equal(e.delay.quickest_tsval, rows[i].is_quickest ? rows[i].tsval : 1000);
    assert_int_equal(e.delay.quickest_us, rows[i].is_quickest ? s.t_us : 10000000);
  }
  struct endpoint none = {.tsval = 1000};
  const struct segment s = {.t_us = 150000, .tsval = 1100, .options = SEGMENT_HAS_TIMESTAMPS};
  endpoint_begin_delays(&none, 1);
  assert_int_equal(endpoint_delay_us(&none, &s), 0);
  endpoint_note_delay(&none, &s, 0);
  assert_false(none.delay.is_known);
}

/* The changes of a step are what a reporter draws: their `to` must be the state that follows. */
static void changes_tell_each_move_and_why(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 7, 9);
  enum end who;
  wire_play(&wire, path_to(TCPS_FIN_WAIT_2, &who));
  assert_int_equal(wire.step.n_changes, 2);
  const struct model_change *confirmed = &wire.step.changes[0], *moved = &wire.step.changes[1];
  assert_int_equal(confirmed->kind, CHANGE_CONFIRMED);
  assert_int_equal(confirmed->end, END_SERVER);
  assert_int_equal(confirmed->to, TCPS_CLOSE_WAIT);
  assert_int_equal(confirmed->evidence, EVIDENCE_SEEN);
  assert_int_equal(moved->kind, CHANGE_MOVED);
  assert_int_equal(moved->end, END_CLIENT);
  assert_int_equal(moved->from, TCPS_FIN_WAIT_1);
  assert_int_equal(moved->to, TCPS_FIN_WAIT_2);
  assert_ptr_equal(moved->why, transition_find(TCPS_FIN_WAIT_1, EVENT_RCV_ACK_OF_FIN));

  wire_play(&wire, "307 C FA 1 1 0");
  assert_int_equal(wire.step.n_changes, 1);
  assert_int_equal(wire.step.changes[0].kind, CHANGE_REFUTED);
  assert_int_equal(wire.step.changes[0].from, TCPS_FIN_WAIT_2);
  assert_int_equal(wire.step.changes[0].to, TCPS_FIN_WAIT_1);
  assert_int_equal(wire.step.changes[0].event, EVENT_RCV_ACK_OF_FIN);
}

int main(void) {
  static size_t index[CASES];
  const struct CMUnitTest others[] = {
      cmocka_unit_test(the_path_to_every_state_leads_there),
      cmocka_unit_test(test_listen_rcv_syn),
      cmocka_unit_test(test_closed_deadline),
      cmocka_unit_test(how_long_a_segment_was_under_way),
      cmocka_unit_test(changes_tell_each_move_and_why),
      cmocka_unit_test(the_first_deadline_counts),
      cmocka_unit_test(what_is_half_open),
      cmocka_unit_test(what_repeats),
  };
  struct CMUnitTest tests[CASES + sizeof others / sizeof *others];
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) tests[CASES + i] = others[i];
  for (size_t i = 0; i < CASES; i++) {
    index[i] = i;
    tests[i] = (struct CMUnitTest){cases[i].name, run_case, NULL, NULL, &index[i]};
  }
  return cmocka_run_group_tests(tests, NULL, NULL);
}
