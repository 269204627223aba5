/* The rules of inference of loss.h, one by one: what a repeated FIN and its ACK say was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <string.h>

#include "common/model/loss.h"

static const struct close_fin no_other;

enum { FIN1, FIN2 };

/* Both FINs of a connection, and whether its ends know selective acknowledgements. */
struct loss {
  struct close_fin fin[2];
  bool sack_permitted[2];
};

/* A round trip takes nothing, but for what may be slower (endpoint.h). */
static struct losses infer(const struct loss *loss, unsigned which) {
  const struct loss_context context = {
      .other = &no_other,
      .receiver_long_us = 100000,
      .sender_soon_us = 10000,
      .sack_permitted = loss->sack_permitted[0] && loss->sack_permitted[1],
      .met_time_wait = which == FIN2,
  };
  return loss_infer(&loss->fin[which], &context);
}

static void sum(const struct loss *loss, uint16_t total[LOSS_KINDS][LOSS_PLACES]) {
  static const enum loss_kind kinds[2][LOSS_OF] = {
      {LOSS_FIN1, LOSS_ACK1, LOSS_FIN1_OR_ACK1},
      {LOSS_FIN2, LOSS_ACK2, LOSS_FIN2_OR_ACK2},
  };
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct losses losses = infer(loss, which);
    for (unsigned what = 0; what < LOSS_OF; what++)
      memcpy(total[kinds[which][what]], losses.count[what], sizeof losses.count[what]);
  }
}

/* The FIN has sequence number 999; its ACK is 1000. */
enum { FIN_SEQ = 999 }; /* of either */

static struct segment fin_at(int64_t ms, uint32_t tsval) {
  return (struct segment){.t_us = ms * 1000,
                          .seq = 999,
                          .flags = SEGMENT_FIN | SEGMENT_ACK,
                          .options = tsval ? SEGMENT_HAS_TIMESTAMPS : 0,
                          .tsval = tsval};
}

static struct segment ack_at(int64_t ms, uint32_t tsecr) {
  return (struct segment){.t_us = ms * 1000,
                          .ack = 1000,
                          .flags = SEGMENT_ACK,
                          .options = tsecr ? SEGMENT_HAS_TIMESTAMPS : 0,
                          .tsval = 5,
                          .tsecr = tsecr};
}

static void fin(struct loss *loss, unsigned which, int64_t ms, uint32_t tsval) {
  const struct segment s = fin_at(ms, tsval);
  loss_note_copy(&loss->fin[which], &s, 0, false, false, false);
}

static void ack(struct loss *loss, unsigned which, int64_t ms, uint32_t tsecr) {
  const struct segment s = ack_at(ms, tsecr);
  loss_note_answer(&loss->fin[which], FIN_SEQ, FIN_SEQ, which == FIN1, &s, 0);
}

static void ack_with_sack(struct loss *loss, unsigned which, int64_t ms, uint32_t left) {
  struct segment s = ack_at(ms, 0);
  s.options |= SEGMENT_HAS_SACK;
  s.sack_left = left;
  s.sack_right = left + 1;
  loss_note_answer(&loss->fin[which], FIN_SEQ, FIN_SEQ, which == FIN1, &s, 0);
}

/* That many of these two kinds and places were lost, and nothing else. */
static void assert_both(const struct loss *loss, enum loss_kind kind, enum loss_place place,
                        unsigned n, enum loss_kind kind2, enum loss_place place2, unsigned n2) {
  uint16_t total[LOSS_KINDS][LOSS_PLACES];
  sum(loss, total);
  for (unsigned k = 0; k < LOSS_KINDS; k++)
    for (unsigned p = 0; p < LOSS_PLACES; p++) {
      unsigned expected = k == kind && p == place ? n : k == kind2 && p == place2 ? n2 : 0;
      if (total[k][p] != expected)
        fail_msg("%s %s: expected %u, actual %u", loss_kind_name(k), loss_place_name(p), expected,
                 total[k][p]);
    }
}

static void assert_only(const struct loss *loss, enum loss_kind kind, enum loss_place place,
                        unsigned n) {
  assert_both(loss, kind, place, n, kind, place, n);
}

static void assert_none(const struct loss *loss) { assert_only(loss, 0, 0, 0); }

static struct loss with_sack(void) { return (struct loss){.sack_permitted = {true, true}}; }

/* ---- nothing lost --------------------------------------------------------------------------- */

static void nothing_captured_nothing_lost(void **unused) {
  (void)unused;
  struct loss loss = {0};
  assert_none(&loss);
}

static void one_fin_and_its_ack(void **unused) {
  (void)unused;
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct loss loss = with_sack();
    fin(&loss, which, 0, 100);
    ack(&loss, which, 40, 100);
    assert_none(&loss);
  }
}

static void the_loss_of_the_last_copy_cannot_be_inferred(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  assert_none(&loss);
}

static void an_ack_repeated_by_itself_says_nothing(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  ack(&loss, FIN1, 40, 100);
  ack(&loss, FIN1, 80, 100);
  ack_with_sack(&loss, FIN1, 90, 999);
  assert_none(&loss);
}

/* ---- the ACK was captured before the repetition: lost after the tap -------------------------- */

static void a_captured_ack_was_lost_after_the_tap(void **unused) {
  (void)unused;
  static const enum loss_kind kinds[] = {LOSS_ACK1, LOSS_ACK2};
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct loss loss = with_sack();
    fin(&loss, which, 0, 100);
    ack(&loss, which, 1, 100);
    fin(&loss, which, 207, 307);
    assert_only(&loss, kinds[which], LOSS_AFTER_TAP, 1);
    ack(&loss, which, 208, 100);
    assert_only(&loss, kinds[which], LOSS_AFTER_TAP, 1);
  }
}

static void each_captured_ack_counts(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  for (unsigned i = 0; i < 3; i++) {
    fin(&loss, FIN2, i * 200, 100);
    ack(&loss, FIN2, i * 200 + 1, 100);
  }
  assert_only(&loss, LOSS_ACK2, LOSS_AFTER_TAP, 2);
}

/* The D-SACK in the second answer reports the FIN that had arrived: that loss is counted. */
static void a_dsack_does_not_count_it_twice(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 0);
  ack(&loss, FIN1, 40, 0);
  fin(&loss, FIN1, 247, 0);
  ack_with_sack(&loss, FIN1, 248, 999);
  assert_only(&loss, LOSS_ACK1, LOSS_AFTER_TAP, 1);
}

/* ---- ACK2: TIME_WAIT echoes the first copy that arrived ------------------------------------ */

static void final_ack_that_echoes_the_first_copy(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  fin(&loss, FIN2, 207, 307);
  fin(&loss, FIN2, 615, 715);
  ack(&loss, FIN2, 616, 100);
  /* One proof, one claim: of the copy between, nothing is told. */
  assert_both(&loss, LOSS_ACK2, LOSS_BEFORE_TAP, 1, LOSS_FIN2_OR_ACK2, LOSS_PLACE_UNKNOWN, 1);
}

static void final_ack_that_echoes_the_last_copy(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  fin(&loss, FIN2, 207, 307);
  fin(&loss, FIN2, 615, 715);
  ack(&loss, FIN2, 616, 715);
  assert_only(&loss, LOSS_FIN2, LOSS_AFTER_TAP, 2);
}

/* The first copy was lost, the second arrived, and the answer to that was lost. */
static void final_ack_that_echoes_a_copy_between(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  fin(&loss, FIN2, 207, 307);
  fin(&loss, FIN2, 615, 715);
  ack(&loss, FIN2, 616, 307);
  assert_both(&loss, LOSS_FIN2, LOSS_AFTER_TAP, 1, LOSS_ACK2, LOSS_BEFORE_TAP, 1);
}

static void final_ack_with_equal_timestamps(void **unused) { /* a coarse clock tells nothing */
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  fin(&loss, FIN2, 207, 100);
  ack(&loss, FIN2, 208, 100);
  assert_only(&loss, LOSS_FIN2_OR_ACK2, LOSS_PLACE_UNKNOWN, 1);
}

static void final_ack_without_timestamps(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 0);
  fin(&loss, FIN2, 207, 0);
  ack(&loss, FIN2, 208, 0);
  assert_only(&loss, LOSS_FIN2_OR_ACK2, LOSS_PLACE_UNKNOWN, 1);
}

static void timestamps_that_wrap(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 0xffffff80);
  fin(&loss, FIN2, 207, 0x4f);
  ack(&loss, FIN2, 208, 0xffffff80);
  assert_only(&loss, LOSS_ACK2, LOSS_BEFORE_TAP, 1);
}

/* The D-SACK is of data alone: the FIN came for the first time. */
static void a_dsack_of_data_says_nothing_of_the_fin(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 0);
  fin(&loss, FIN1, 207, 0);
  struct segment s = ack_at(208, 0);
  s.options |= SEGMENT_HAS_SACK;
  s.sack_left = FIN_SEQ - 10;
  s.sack_right = FIN_SEQ;
  loss_note_answer(&loss.fin[FIN1], FIN_SEQ, FIN_SEQ, true, &s, 0);
  assert_only(&loss, LOSS_FIN1, LOSS_AFTER_TAP, 1);
}

/* The ACK was sent before the second copy came: it was merely late. */
static void an_ack_that_echoes_the_first_copy_was_late(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 207, 307);
  ack(&loss, FIN1, 208, 100);
  assert_none(&loss);
}

static void a_fin_that_was_sacked_was_there(void **unused) {
  (void)unused;
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct loss loss = with_sack();
    fin(&loss, which, 0, 100);
    loss.fin[which].sacked = true;
    fin(&loss, which, 207, 307);
    ack(&loss, which, 208, 307);
    assert_none(&loss);
  }
}

/* They met on the way: the FIN was sent again before the ACK arrived. */
static void a_fin_right_after_its_ack_has_passed_it(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 0);
  ack(&loss, FIN1, 207, 0);
  fin(&loss, FIN1, 208, 0);
  ack_with_sack(&loss, FIN1, 209, FIN_SEQ);
  assert_none(&loss);
}

/* A timestamp of zero is a value like any other. */
static void a_timestamp_of_zero(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  struct segment s = fin_at(0, 1);
  s.tsval = 0;
  loss_note_copy(&loss.fin[FIN2], &s, 0, false, false, false);
  fin(&loss, FIN2, 207, 207);
  s = ack_at(208, 1);
  s.tsecr = 0;
  loss_note_answer(&loss.fin[FIN2], FIN_SEQ, FIN_SEQ, false, &s, 0);
  assert_only(&loss, LOSS_ACK2, LOSS_BEFORE_TAP, 1);
}

/* ---- ACK1: a D-SACK, or none --------------------------------------------------------------- */

static void ack1_with_dsack(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 207, 307);
  ack_with_sack(&loss, FIN1, 208, 999);
  assert_only(&loss, LOSS_ACK1, LOSS_BEFORE_TAP, 1);
}

static void ack1_without_dsack_where_sack_was_negotiated(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 207, 307);
  ack(&loss, FIN1, 247, 307);
  assert_only(&loss, LOSS_FIN1, LOSS_AFTER_TAP, 1);
}

static void a_sack_above_the_ack_is_no_dsack(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 207, 307);
  ack_with_sack(&loss, FIN1, 247, 1001);
  assert_only(&loss, LOSS_FIN1, LOSS_AFTER_TAP, 1);
}

static void ack1_where_sack_was_not_negotiated(void **unused) {
  (void)unused;
  for (unsigned end = 0; end < 3; end++) {
    struct loss loss = {.sack_permitted = {end == 0, end == 1}};
    fin(&loss, FIN1, 0, 100);
    fin(&loss, FIN1, 207, 307);
    ack(&loss, FIN1, 247, 100);
    assert_only(&loss, LOSS_FIN1_OR_ACK1, LOSS_PLACE_UNKNOWN, 1);
  }
}

/* ---- spurious: sooner than any delayed ACK ------------------------------------------------- */

static void a_repetition_within_milliseconds_is_spurious(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 8, 108);
  ack_with_sack(&loss, FIN1, 9, 999);
  assert_none(&loss);
  assert_int_equal(infer(&loss, FIN1).spurious, 1);
}

static void the_border_of_spurious(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  struct segment s = fin_at(0, 250);
  s.t_us = LOSS_DELAYED_ACK_US;
  loss_note_copy(&loss.fin[FIN1], &s, 0, false, false, false);
  ack_with_sack(&loss, FIN1, 151, 999);
  assert_only(&loss, LOSS_ACK1, LOSS_BEFORE_TAP, 1);
  assert_int_equal(infer(&loss, FIN1).spurious, 0);
}

/* A tail loss probe, then a real timeout: one late repetition makes losses of them. */
static void soon_and_late_is_not_spurious(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 8, 108);
  fin(&loss, FIN1, 216, 316);
  ack_with_sack(&loss, FIN1, 217, 999);
  assert_int_equal(infer(&loss, FIN1).spurious, 0);
  uint16_t total[LOSS_KINDS][LOSS_PLACES];
  sum(&loss, total);
  assert_true(total[LOSS_ACK1][LOSS_BEFORE_TAP] >= 1);
}

/* ---- never answered ------------------------------------------------------------------------ */

/* Nobody may be there. */
static void what_was_never_answered_proves_nothing(void **unused) {
  (void)unused;
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct loss loss = with_sack();
    for (unsigned i = 0; i < 4; i++) fin(&loss, which, i * 400, 100 + i);
    assert_none(&loss);
    ack(&loss, which, 1201, 0);
    fin(&loss, which, 2000, 200);
    fin(&loss, which, 3000, 300);
    uint16_t total[LOSS_KINDS][LOSS_PLACES];
    sum(&loss, total);
    assert_int_equal(total[LOSS_FIN1_OR_ACK1][LOSS_PLACE_UNKNOWN], 0);
  }
}

static void the_total_changes_nothing(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  fin(&loss, FIN2, 207, 307);
  ack(&loss, FIN2, 208, 0);
  const struct loss before = loss;
  uint16_t total[LOSS_KINDS][LOSS_PLACES];
  sum(&loss, total);
  sum(&loss, total);
  assert_memory_equal(&loss, &before, sizeof loss);
  assert_int_equal(total[LOSS_FIN2_OR_ACK2][LOSS_PLACE_UNKNOWN], 1);
}

static void both_fins_are_kept_apart(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN2, 1, 100);
  fin(&loss, FIN1, 207, 307);
  ack(&loss, FIN2, 208, 100);
  assert_none(&loss);
  ack(&loss, FIN1, 209, 307);
  assert_only(&loss, LOSS_FIN1, LOSS_AFTER_TAP, 1);
}

/* ---- behind octets that are missing ---------------------------------------------------------- */

/* The FIN, without the octets before it, and then with them. */
static struct loss behind_a_hole(unsigned which) {
  struct loss loss = with_sack();
  fin(&loss, which, 0, 100);
  fin(&loss, which, 207, 307);
  struct segment whole = fin_at(415, 515);
  whole.seq = FIN_SEQ - 10;
  loss_note_copy(&loss.fin[which], &whole, 0, false, false, false);
  return loss;
}

static void answer_behind_a_hole(struct loss *loss, unsigned which, uint32_t dsack_left,
                                 uint32_t tsecr) {
  struct segment s = ack_at(416, tsecr);
  if (dsack_left != 0) {
    s.options |= SEGMENT_HAS_SACK;
    s.sack_left = dsack_left;
    s.sack_right = FIN_SEQ + 1;
  }
  loss_note_answer(&loss->fin[which], FIN_SEQ, FIN_SEQ - 10, which == FIN1, &s, 0);
}

/* They may have come, and had no ACK that could be lost. */
static void a_fin_behind_a_hole_had_no_answer(void **unused) {
  (void)unused;
  static const uint32_t dsack_left[] = {0, FIN_SEQ};
  for (unsigned i = 0; i < 2; i++)
    for (unsigned which = FIN1; which <= FIN2; which++)
      for (uint32_t tsecr = 0; tsecr <= 515; tsecr += 515) {
        struct loss loss = behind_a_hole(which);
        answer_behind_a_hole(&loss, which, dsack_left[i], tsecr);
        assert_none(&loss);
        assert_non_null(infer(&loss, which).untold_because);
      }
}

/* All octets had come before: their ACK was lost. */
static void a_dsack_of_all_octets_proves_that_they_were_answered(void **unused) {
  (void)unused;
  struct loss loss = behind_a_hole(FIN1);
  answer_behind_a_hole(&loss, FIN1, FIN_SEQ - 10, 0);
  assert_only(&loss, LOSS_ACK1, LOSS_BEFORE_TAP, 1);
}

/* ---- other than they seem ---------------------------------------------------------------------
 */

/* The D-SACK may be of the network's own copy of the last one. */
static void where_the_network_doubles_a_dsack_proves_no_arrival(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 0);
  fin(&loss, FIN1, 207, 0);
  ack_with_sack(&loss, FIN1, 208, FIN_SEQ);
  struct loss_context context = {.other = &no_other,
                                 .receiver_long_us = 100000,
                                 .sack_permitted = true,
                                 .network_copies = true};
  struct losses losses = loss_infer(&loss.fin[FIN1], &context);
  assert_int_equal(losses.count[LOSS_OF_ACK][LOSS_BEFORE_TAP], 0);
  assert_int_equal(losses.count[LOSS_OF_EITHER][LOSS_PLACE_UNKNOWN], 1);
  context.network_copies = false;
  losses = loss_infer(&loss.fin[FIN1], &context);
  assert_int_equal(losses.count[LOSS_OF_ACK][LOSS_BEFORE_TAP], 1);
}

/* The echo of the older copy names it, whatever the network does. */
static void a_dsack_that_echoes_an_older_copy_names_it(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 100);
  fin(&loss, FIN1, 207, 307);
  struct segment s = ack_at(208, 100);
  s.options |= SEGMENT_HAS_SACK;
  s.sack_left = FIN_SEQ;
  s.sack_right = FIN_SEQ + 1;
  loss_note_answer(&loss.fin[FIN1], FIN_SEQ, FIN_SEQ, true, &s, 0);
  struct loss_context context = {.other = &no_other,
                                 .receiver_long_us = 100000,
                                 .sack_permitted = true,
                                 .network_copies = true};
  struct losses losses = loss_infer(&loss.fin[FIN1], &context);
  assert_int_equal(losses.count[LOSS_OF_ACK][LOSS_BEFORE_TAP], 1);
}

/* The copy before the last may have come, and its delayed ACK have become the answer to that. */
static void a_dsack_right_after_the_copy_before(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN1, 0, 0);
  fin(&loss, FIN1, 207, 0);
  fin(&loss, FIN1, 215, 0);
  ack_with_sack(&loss, FIN1, 216, FIN_SEQ);
  assert_only(&loss, LOSS_FIN1_OR_ACK1, LOSS_PLACE_UNKNOWN, 1);
}

/* In CLOSING the timestamp moves on with each copy, in TIME_WAIT it does not. */
static void an_echo_from_where_the_fins_crossed_names_no_first_copy(void **unused) {
  (void)unused;
  struct loss loss = with_sack();
  fin(&loss, FIN2, 0, 100);
  fin(&loss, FIN2, 207, 307);
  ack(&loss, FIN2, 208, 307);
  struct loss_context context = {
      .other = &no_other, .receiver_long_us = 100000, .sack_permitted = true};
  struct losses losses = loss_infer(&loss.fin[FIN2], &context);
  assert_int_equal(losses.count[LOSS_OF_FIN][LOSS_AFTER_TAP], 0);
  assert_int_equal(losses.count[LOSS_OF_EITHER][LOSS_PLACE_UNKNOWN], 1);
  context.met_time_wait = true;
  losses = loss_infer(&loss.fin[FIN2], &context);
  assert_int_equal(losses.count[LOSS_OF_FIN][LOSS_AFTER_TAP], 1);
}

static void names(void **unused) {
  (void)unused;
  static const char *const kinds[LOSS_KINDS] = {"fin1",      "ack1",      "fin2",
                                                "final-ack", "fin1/ack1", "fin2/final-ack"};
  static const char *const places[LOSS_PLACES] = {"before-tap", "after-tap", "unknown",
                                                  "between-taps"};
  for (unsigned i = 0; i < LOSS_KINDS; i++) assert_string_equal(loss_kind_name(i), kinds[i]);
  for (unsigned i = 0; i < LOSS_PLACES; i++) assert_string_equal(loss_place_name(i), places[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_captured_nothing_lost),
      cmocka_unit_test(one_fin_and_its_ack),
      cmocka_unit_test(the_loss_of_the_last_copy_cannot_be_inferred),
      cmocka_unit_test(an_ack_repeated_by_itself_says_nothing),
      cmocka_unit_test(a_captured_ack_was_lost_after_the_tap),
      cmocka_unit_test(each_captured_ack_counts),
      cmocka_unit_test(a_dsack_does_not_count_it_twice),
      cmocka_unit_test(final_ack_that_echoes_the_first_copy),
      cmocka_unit_test(final_ack_that_echoes_the_last_copy),
      cmocka_unit_test(final_ack_that_echoes_a_copy_between),
      cmocka_unit_test(final_ack_with_equal_timestamps),
      cmocka_unit_test(final_ack_without_timestamps),
      cmocka_unit_test(timestamps_that_wrap),
      cmocka_unit_test(a_dsack_of_data_says_nothing_of_the_fin),
      cmocka_unit_test(an_ack_that_echoes_the_first_copy_was_late),
      cmocka_unit_test(a_fin_that_was_sacked_was_there),
      cmocka_unit_test(a_fin_right_after_its_ack_has_passed_it),
      cmocka_unit_test(a_timestamp_of_zero),
      cmocka_unit_test(ack1_with_dsack),
      cmocka_unit_test(ack1_without_dsack_where_sack_was_negotiated),
      cmocka_unit_test(a_sack_above_the_ack_is_no_dsack),
      cmocka_unit_test(ack1_where_sack_was_not_negotiated),
      cmocka_unit_test(a_repetition_within_milliseconds_is_spurious),
      cmocka_unit_test(the_border_of_spurious),
      cmocka_unit_test(soon_and_late_is_not_spurious),
      cmocka_unit_test(what_was_never_answered_proves_nothing),
      cmocka_unit_test(the_total_changes_nothing),
      cmocka_unit_test(both_fins_are_kept_apart),
      cmocka_unit_test(a_fin_behind_a_hole_had_no_answer),
      cmocka_unit_test(a_dsack_of_all_octets_proves_that_they_were_answered),
      cmocka_unit_test(where_the_network_doubles_a_dsack_proves_no_arrival),
      cmocka_unit_test(a_dsack_that_echoes_an_older_copy_names_it),
      cmocka_unit_test(a_dsack_right_after_the_copy_before),
      cmocka_unit_test(an_echo_from_where_the_fins_crossed_names_no_first_copy),
      cmocka_unit_test(names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
