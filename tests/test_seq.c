/* Sequence arithmetic across the wrap, the lengths and octets of a segment, and the spellings of
 * the states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/model/segment.h"
#include "common/model/seq.h"
#include "common/model/tcp_state.h"

static const uint32_t BASES[] = {0,          1,          0x7ffffffe, 0x7fffffff, 0x80000000,
                                 0x80000001, 0xfffffffe, 0xffffffff, 0x12345678};
static const uint32_t STEPS[] = {1, 2, 1460, 0xffff, 0x40000000, 0x7ffffffe, 0x7fffffff};
enum { N_BASES = sizeof BASES / sizeof *BASES, N_STEPS = sizeof STEPS / sizeof *STEPS };

static void order_holds_from_every_base(void **unused) {
  (void)unused;
  for (unsigned i = 0; i < N_BASES; i++)
    for (unsigned j = 0; j < N_STEPS; j++) {
      uint32_t a = BASES[i], b = a + STEPS[j];
      assert_int_equal(seq_diff(b, a), (int64_t)STEPS[j]);
      assert_int_equal(seq_diff(a, b), -(int64_t)STEPS[j]);
      assert_true(seq_lt(a, b) && seq_leq(a, b) && seq_gt(b, a) && seq_geq(b, a));
      assert_false(seq_lt(b, a) || seq_leq(b, a) || seq_gt(a, b) || seq_geq(a, b));
      assert_int_equal(seq_max(a, b), b);
      assert_int_equal(seq_max(b, a), b);
    }
}

static void a_number_equals_itself(void **unused) {
  (void)unused;
  for (unsigned i = 0; i < N_BASES; i++) {
    uint32_t a = BASES[i];
    assert_int_equal(seq_diff(a, a), 0);
    assert_true(seq_leq(a, a) && seq_geq(a, a));
    assert_false(seq_lt(a, a) || seq_gt(a, a));
    assert_int_equal(seq_max(a, a), a);
  }
}

static void the_wrap_in_numbers(void **unused) {
  (void)unused;
  assert_true(seq_lt(0xffffffff, 0));
  assert_true(seq_gt(0, 0xffffffff));
  assert_true(seq_lt(0x7fffffff, 0x80000000));
  assert_true(seq_lt(0xfffffff0, 0x10));
  assert_int_equal(seq_diff(0x10, 0xfffffff0), 0x20);
  assert_int_equal(seq_max(0xffffffff, 0), 0);
}

/* 2^31 apart there is no order: neither is greater, and nothing may be undefined. */
static void half_the_space_apart(void **unused) {
  (void)unused;
  for (unsigned i = 0; i < N_BASES; i++) {
    uint32_t a = BASES[i], b = a + 0x80000000;
    assert_int_equal(seq_diff(a, b), INT32_MIN);
    assert_int_equal(seq_diff(b, a), INT32_MIN);
    assert_false(seq_gt(a, b) || seq_gt(b, a));
  }
}

/* ---- segments ---- */

static void syn_and_fin_count_one_octet_each(void **unused) {
  (void)unused;
  static const struct {
    uint8_t flags;
    uint32_t payload, length;
  } rows[] = {
      {SEGMENT_ACK, 0, 0},
      {SEGMENT_SYN, 0, 1},
      {SEGMENT_FIN | SEGMENT_ACK, 0, 1},
      {SEGMENT_FIN | SEGMENT_PSH | SEGMENT_ACK, 10, 11},
      {SEGMENT_SYN | SEGMENT_FIN, 0, 2},
      {SEGMENT_RST | SEGMENT_ACK, 0, 0},
      {SEGMENT_ACK, 65495, 65495},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct segment s = {.flags = rows[i].flags, .payload_bytes = rows[i].payload};
    assert_int_equal(segment_len(&s), rows[i].length);
  }
}

/* A FIN is its octet: behind the data of its own segment, wherever the numbers wrap. */
static void a_fin_is_the_octet_behind_the_data(void **unused) {
  (void)unused;
  static const struct {
    uint32_t seq, payload, fin_seq, end;
  } rows[] = {
      {100, 0, 100, 101},
      {100, 8, 108, 109},
      {0xffffffff, 0, 0xffffffff, 0},
      {0xfffffffe, 1, 0xffffffff, 0},
      {0xffffffff, 1, 0, 1},
      {0xfffffff0, 0x10, 0, 1},
      {0xfffffff0, 0x20, 0x10, 0x11},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct segment s = {
        .flags = SEGMENT_FIN | SEGMENT_ACK, .seq = rows[i].seq, .payload_bytes = rows[i].payload};
    assert_int_equal(segment_fin_seq(&s), rows[i].fin_seq);
    assert_int_equal(segment_end(&s), rows[i].end);
  }
}

static void a_dsack_lies_below_the_ack(void **unused) {
  (void)unused;
  for (unsigned i = 0; i < N_BASES; i++) {
    uint32_t ack = BASES[i];
    struct segment s = {.flags = SEGMENT_ACK, .ack = ack, .options = SEGMENT_HAS_SACK};
    s.sack_left = ack - 1, s.sack_right = ack;
    assert_true(segment_has_dsack(&s));
    s.options = SEGMENT_HAS_TIMESTAMPS;
    assert_false(segment_has_dsack(&s));
    s.options = SEGMENT_HAS_SACK;
    s.sack_left = ack + 1, s.sack_right = ack + 2;
    assert_false(segment_has_dsack(&s));
  }
}

/* ---- states ---- */

static void every_spelling_names_its_state(void **unused) {
  (void)unused;
  static const char *const spellings[][3] = {
#define X(state, name, ss, kernel) {name, ss, kernel},
      TCP_STATES(X)
#undef X
  };
  for (unsigned i = 0; i < TCPS_COUNT; i++) {
    assert_string_equal(tcp_state_name(i), spellings[i][0]);
    for (unsigned j = 0; j < 3; j++) {
      char lower[20] = {0};
      for (size_t k = 0; spellings[i][j][k]; k++)
        lower[k] = (char)tolower((unsigned char)spellings[i][j][k]);
      enum tcp_state state = TCPS_COUNT;
      assert_true(tcp_state_parse(spellings[i][j], &state));
      assert_int_equal(state, i);
      state = TCPS_COUNT;
      assert_true(tcp_state_parse(lower, &state));
      assert_int_equal(state, i);
    }
  }
}

/* As `ss` 6.1 and the tracepoint sock:inet_sock_set_state print them. */
static void the_spellings_people_paste(void **unused) {
  (void)unused;
  static const struct {
    const char *text;
    enum tcp_state state;
  } rows[] = {
      {"ESTAB", TCPS_ESTABLISHED},     {"SYN-RECV", TCPS_SYN_RECEIVED},
      {"SYN_RECV", TCPS_SYN_RECEIVED}, {"FIN-WAIT-1", TCPS_FIN_WAIT_1},
      {"FIN_WAIT1", TCPS_FIN_WAIT_1},  {"fin_wait_2", TCPS_FIN_WAIT_2},
      {"CLOSE", TCPS_CLOSED},          {"UNCONN", TCPS_CLOSED},
      {"CLOSE-WAIT", TCPS_CLOSE_WAIT}, {"time-wait", TCPS_TIME_WAIT},
      {"LAST-ACK", TCPS_LAST_ACK},     {"closing", TCPS_CLOSING},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    enum tcp_state state = TCPS_COUNT;
    assert_true(tcp_state_parse(rows[i].text, &state));
    assert_int_equal(state, rows[i].state);
  }
}

static void what_is_no_state_is_refused(void **unused) {
  (void)unused;
  static const char *const texts[] = {
      "",     " ",          "CLOSED ",     " CLOSED", "FIN_WAIT", "FIN_WAIT_3", "FIN_WAIT_1x",
      "TIME", "ESTABLISHE", "TIME_WAIT\n", "0"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    enum tcp_state state = TCPS_COUNT;
    assert_false(tcp_state_parse(texts[i], &state));
    assert_int_equal(state, TCPS_COUNT);
  }
}

static void no_text_names_two_states(void **unused) {
  (void)unused;
  static const char *const spellings[][3] = {
#define X(state, name, ss, kernel) {name, ss, kernel},
      TCP_STATES(X)
#undef X
  };
  for (unsigned a = 0; a < TCPS_COUNT; a++)
    for (unsigned b = 0; b < a; b++)
      for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < 3; j++) assert_string_not_equal(spellings[a][i], spellings[b][j]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(order_holds_from_every_base),
      cmocka_unit_test(a_number_equals_itself),
      cmocka_unit_test(the_wrap_in_numbers),
      cmocka_unit_test(half_the_space_apart),
      cmocka_unit_test(syn_and_fin_count_one_octet_each),
      cmocka_unit_test(a_fin_is_the_octet_behind_the_data),
      cmocka_unit_test(a_dsack_lies_below_the_ack),
      cmocka_unit_test(every_spelling_names_its_state),
      cmocka_unit_test(the_spellings_people_paste),
      cmocka_unit_test(what_is_no_state_is_refused),
      cmocka_unit_test(no_text_names_two_states),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
