/* The verdict: names, the sentence of every ending and reset cause, and who is stuck since when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/model/sentence.h"
#include "common/model/verdict.h"
#include "tests/model_builder.h"

#define OPENING "0 C S 0 0 0 sack-ok\n0 S SA 0 1 0 sack-ok\n0 C A 1 1 0\n"
#define FIN1_ACK1 OPENING "200 C FA 1 1 0\n240 S A 1 2 0\n"
#define NORMAL FIN1_ACK1 "400 S FA 1 2 0 ts=400/0\n401 C A 2 2 0 ts=401/400\n"

/* Every ending and cause. `says`: words, divided by '|', that the sentence cannot do without. */
static const struct {
  const char *text;
  enum ending ending;
  enum reset_cause cause;
  const char *says;
} endings[] = {
    {NORMAL, ENDING_NORMAL, RESET_NONE, "client closed first|server|200.0 ms|TIME_WAIT|60.0 s"},
    {OPENING "200 S FA 1 1 0\n240 C A 1 2 0\n400 C FA 1 2 0\n401 S A 2 2 0", ENDING_NORMAL,
     RESET_NONE, "server closed first|client|server lingers in TIME_WAIT"},
    {OPENING "200 C FA 1 1 0\n201 S FA 1 2 0\n202 C A 2 2 0", ENDING_COALESCED, RESET_NONE,
     "client closed first|server|three|1.0 ms"},
    {OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 S A 2 2 0\n201 C A 2 2 0", ENDING_SIMULTANEOUS,
     RESET_NONE, "both closed"},
    {"0 C S 0 0 0\n1 S RA 0 1 0", ENDING_REFUSED, RESET_REFUSED, "server refused"},
    {OPENING "200 C FA 1 1 0\n407 C FA 1 1 0\n815 C FA 1 1 0", ENDING_FIN_UNANSWERED, RESET_NONE,
     "client closed first|3 times|server|FIN_WAIT_1|615.0 ms"},
    {FIN1_ACK1 "3240 expire", ENDING_CLOSE_WAIT, RESET_NONE,
     "client closed first|server|CLOSE_WAIT|3.0 s"},
    {FIN1_ACK1 "400 S FA 1 2 0\n607 S FA 1 2 0", ENDING_LAST_ACK, RESET_NONE,
     "client closed first|server|twice|LAST_ACK|207.0 ms"},
    {OPENING, ENDING_OPEN, RESET_NONE, "neither"},
    {OPENING "200 C RA 1 1 0", ENDING_RESET, RESET_LINGER_0, "client reset|SO_LINGER"},
    {OPENING "100 C PA 1 1 9\n200 S RA 1 10 0", ENDING_RESET, RESET_CANNOT_TELL,
     "server reset|SO_LINGER 0|unread"},
    {FIN1_ACK1 "300 S PA 1 2 100\n301 C R 2 0 0", ENDING_RESET, RESET_DATA_AFTER_CLOSE,
     "client reset|server|closed|101.0 ms"},
    {FIN1_ACK1 "300 S PA 1 2 100\n301 C A 2 101 0\n302 C RA 2 101 0", ENDING_RESET,
     RESET_CANNOT_TELL, "client reset|102.0 ms|after its application had closed|unread|look alike"},
    {FIN1_ACK1 "61000 S FA 1 2 0\n61001 C R 2 0 0", ENDING_RESET, RESET_FIN_WAIT_2_EXPIRED,
     "client reset|server|FIN_WAIT_2"},
    {NORMAL "60402 expire\n70000 S FA 1 2 0\n70001 C R 2 0 0", ENDING_RESET, RESET_NO_SOCKET,
     "client reset|no such connection"},
    {NORMAL "402 S R 2 0 0", ENDING_NORMAL, RESET_NO_SOCKET, "client closed first|RST|TIME_WAIT"},
    {FIN1_ACK1 "400 S FA 1 2 0 ts=400/0\n401 C A 2 2 0 ts=401/400\n607 S FA 1 2 0 ts=607/0\n"
               "608 C A 2 2 0 ts=608/400\n609 S R 2 0 0",
     ENDING_NORMAL, RESET_LATE_FINAL_ACK, "client closed first|only late|RST"},
    {OPENING "100 C PA 1 1 9\n300 C PA 1 1 9\n700 C PA 1 1 9\n1500 C R 10 0 0", ENDING_RESET,
     RESET_GAVE_UP, "client reset|gave up|3 copies|1.4 s|server"},
    {OPENING "100 C R 5000 0 0\n100 S A 1 1 0", ENDING_OPEN, RESET_OUT_OF_WINDOW,
     "neither|RST|ignored"},
    {OPENING "100 C R 5000 0 0", ENDING_OPEN, RESET_OUT_OF_WINDOW,
     "neither|did not await|may be missing, and nothing follows"},
    {OPENING "100 C PA 1 1 9\n101 S A 1 10 0\n4101 S FA 1 10 0", ENDING_FIN_UNANSWERED, RESET_NONE,
     "server closed first (4.0 s after the last octet)"},
    {FIN1_ACK1 "400 S FA 1 2 0 ts=400/0\n607 S FA 1 2 0 ts=607/0\n608 C A 2 2 0 ts=608/400",
     ENDING_NORMAL, RESET_NONE, "client closed first|final ACK|once|before|server sent its FIN"},
    {"1 S FA 500 900 0\n2 C A 900 501 0", ENDING_CLOSE_WAIT, RESET_NONE, "capture begins"},
    /* What the capture lacks. */
    {"0 C S 0 0 0\n1 S SA 0 1 0\n200 C FA 1 1 0\n407 C FA 1 1 0", ENDING_FIN_UNANSWERED, RESET_NONE,
     "client closed first|no bare ACK is in the capture"},
    {OPENING "200 C FA 1 1 0\n407 C FA 1 1 0\n20000 expire", ENDING_CLOSE_WAIT, RESET_NONE,
     "client closed first|client stopped repeating it, so it had it"},
    {FIN1_ACK1 "300 S PA 1 2 100\n500 C RA 2 101 0", ENDING_RESET, RESET_CANNOT_TELL,
     "client reset|after its application had closed|SO_LINGER 0|unread data look alike"},
    {"0 C S 0 0 0\n1 C A 1 1 0\n200 C RA 2 101 0", ENDING_RESET, RESET_CANNOT_TELL,
     "client reset|is not in the capture|only one direction"},
    /* Of two FINs one is acknowledged. */
    {OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 C A 2 2 0", ENDING_FIN_UNANSWERED, RESET_NONE,
     "both closed at once|FIN of client"},
    {OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 S A 2 2 0", ENDING_LAST_ACK, RESET_NONE,
     "both closed at once|FIN of server"},
    {OPENING "200 C FA 1 1 0\n201 S FA 1 2 0", ENDING_LAST_ACK, RESET_NONE,
     "client closed first|FIN of server, before any answer"},
    {OPENING "200 C FA 1 1 0\n201 S FA 1 2 0\n202 C A 2 2 0\n600 C FA 1 2 0\n1000 C FA 1 2 0",
     ENDING_FIN_UNANSWERED, RESET_NONE, "client closed first|FIN was sent 3 times"},
    /* What was lost, of a close that is not complete. */
    {FIN1_ACK1 "600 C FA 1 1 0\n640 S A 1 2 0", ENDING_CLOSE_WAIT, RESET_NONE,
     "CLOSE_WAIT|the ACK of the first FIN was lost once after|the FIN was sent again"},
    {FIN1_ACK1 "600 C FA 1 1 0\n640 S A 1 2 0\n700 C RA 2 1 0", ENDING_RESET, RESET_LINGER_0,
     "client reset|the ACK of the first FIN was lost once after|the FIN was sent again"},
    {FIN1_ACK1 "400 S FA 1 2 0\n401 C A 2 2 0\n607 S FA 1 2 0\n1007 S FA 1 2 0", ENDING_LAST_ACK,
     RESET_NONE, "LAST_ACK|the final ACK was lost once after|the FIN was sent again"},
    {OPENING "200 C FA 1 1 0\n800 S PA 1 1 9\n801 C FA 1 10 0", ENDING_FIN_UNANSWERED, RESET_NONE,
     "client closed first|the first FIN was lost once after|its receiver went on"},
};

enum { ENDING_ROWS = sizeof endings / sizeof *endings };

static void assert_says(const char *sentence, const char *words) {
  while (*words) {
    char word[60];
    size_t n = strcspn(words, "|");
    snprintf(word, sizeof word, "%.*s", (int)n, words);
    if (!strstr(sentence, word)) fail_msg("'%s' is missing in: %s", word, sentence);
    words += n + (words[n] == '|');
  }
}

static void play(size_t row, struct wire *wire, struct verdict *verdict) {
  wire_open(wire, 0xffffffff, 0xfffffffe);
  wire_play(wire, endings[row].text);
  verdict_make(verdict, &wire->model, wire->now_us);
}

static void every_ending_and_cause(void **unused) {
  (void)unused;
  unsigned endings_seen = 0, causes_seen = 0;
  for (size_t i = 0; i < ENDING_ROWS; i++) {
    struct wire wire;
    struct verdict v;
    play(i, &wire, &v);
    if (v.ending != endings[i].ending || v.cause != endings[i].cause) {
      char actual[400];
      fail_msg("expected %s, actual %s after\n%s", ending_name(endings[i].ending),
               wire_verdict(&wire, actual), endings[i].text);
    }
    endings_seen |= 1U << v.ending;
    causes_seen |= 1U << v.cause;
  }
  assert_int_equal(endings_seen, (1U << ENDING_COUNT) - 1);
  /* What only the kernel can tell apart is test_witness's. */
  assert_int_equal(causes_seen, ((1U << RESET_CAUSE_COUNT) - 1) & ~(1U << RESET_UNREAD_DATA));
}

static void every_sentence_is_one_line_that_names_the_ends(void **unused) {
  (void)unused;
  for (size_t i = 0; i < ENDING_ROWS; i++) {
    struct wire wire;
    struct verdict v;
    char sentence[1000];
    play(i, &wire, &v);
    assert_ptr_equal(sentence_make(&v, &wire.model, NULL, wire.now_us, sentence, sizeof sentence),
                     sentence);
    size_t n = strlen(sentence);
    assert_in_range(n, 10, 400);
    for (size_t k = 0; k < n; k++)
      if (sentence[k] < ' ' || sentence[k] > '~' || sentence[k] == '%')
        fail_msg("octet %zu of: %s", k, sentence);
    assert_int_not_equal(sentence[n - 1], '.');
    if (strstr(sentence, "none")) fail_msg("an end without a name: %s", sentence);
    assert_says(sentence, endings[i].says);
    /* Where nobody knows who is the client, there are other names. */
    static const char *const names[] = {"192.0.2.1:1", "[2001:db8::2]:2"};
    sentence_make(&v, &wire.model, names, wire.now_us, sentence, sizeof sentence);
    if (strstr(sentence, "client") || strstr(sentence, "server"))
      fail_msg("called what it is not known to be: %s", sentence);
  }
}

/* Cut, terminated, a prefix of the whole, and not an octet behind the end. */
static void a_sentence_fits_any_buffer(void **unused) {
  (void)unused;
  for (size_t i = 0; i < ENDING_ROWS; i++) {
    struct wire wire;
    struct verdict v;
    char whole[1000];
    play(i, &wire, &v);
    sentence_make(&v, &wire.model, NULL, wire.now_us, whole, sizeof whole);
    for (size_t size = 0; size <= 64; size++) {
      char buffer[80];
      memset(buffer, '#', sizeof buffer);
      assert_ptr_equal(sentence_make(&v, &wire.model, NULL, wire.now_us, buffer, size), buffer);
      size_t n = strlen(whole) < size ? strlen(whole) : size > 0 ? size - 1 : 0;
      if (size > 0) {
        assert_int_equal(strlen(buffer), n);
        assert_memory_equal(buffer, whole, n);
      }
      for (size_t k = size; k < sizeof buffer; k++) assert_int_equal(buffer[k], '#');
    }
  }
}

/* ---- who is stuck, and since when ---------------------------------------------------------- */

static int stuck_id(const struct wire *wire, int64_t ms, enum end *who) {
  struct verdict v;
  verdict_make(&v, &wire->model, ms * 1000);
  if (v.n_findings == 0) return -1;
  assert_int_equal(v.n_findings, 1);
  assert_int_equal(finding_text(v.findings[0].id)->severity, FINDING_STUCK);
  assert_int_equal(v.conformity, CONFORMS);
  *who = v.findings[0].end;
  return v.findings[0].id;
}

static void stuck_only_after_a_while(void **unused) {
  (void)unused;
  static const struct {
    const char *text;
    int64_t since_ms;
    enum finding_id id;
    enum end who;
  } rows[] = {
      {FIN1_ACK1, 240, FINDING_CLOSE_WAIT_STUCK, END_SERVER},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    enum end who = END_NONE;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].text);
    int64_t border_ms = rows[i].since_ms + VERDICT_STUCK_US / 1000;
    assert_int_equal(stuck_id(&wire, border_ms - 1, &who), -1);
    assert_int_equal(stuck_id(&wire, border_ms, &who), rows[i].id);
    assert_int_equal(who, rows[i].who);
  }
}

/* A complete close is never stuck, however long ago; nor is TIME_WAIT. */
static void nobody_is_stuck_after_a_close(void **unused) {
  (void)unused;
  struct wire wire;
  enum end who;
  wire_open(&wire, 0, 0);
  wire_play(&wire, NORMAL);
  assert_int_equal(stuck_id(&wire, 3600000, &who), -1);
}

static void half_open_data_keeps_nobody_stuck(void **unused) { /* the half-close is in use */
  (void)unused;
  struct wire wire;
  enum end who;
  wire_open(&wire, 0, 0);
  wire_play(&wire, FIN1_ACK1 "5000 S PA 1 2 10\n5001 C A 2 11 0");
  assert_int_equal(stuck_id(&wire, 5002, &who), -1);
}

/* As many findings as a model can hold, and one for who is stuck: all of them fit. */
static void all_findings_fit(void **unused) {
  (void)unused;
  struct wire wire;
  wire_open(&wire, 0, 0);
  wire_play(&wire, FIN1_ACK1);
  for (unsigned i = 0; i < MODEL_FINDINGS_MAX; i++)
    wire.model.findings[i] = (struct finding){.id = FINDING_RST_OUT_OF_WINDOW};
  wire.model.n_findings = MODEL_FINDINGS_MAX;
  struct verdict v;
  verdict_make(&v, &wire.model, INT64_C(3600000000));
  assert_int_equal(v.n_findings, MODEL_FINDINGS_MAX + 1);
  assert_int_equal(v.findings[MODEL_FINDINGS_MAX].id, FINDING_CLOSE_WAIT_STUCK);
}

static void duration_is_from_the_first_fin_to_the_last_control_segment(void **unused) {
  (void)unused;
  struct wire wire;
  struct verdict v;
  wire_open(&wire, 0, 0);
  wire_play(&wire, NORMAL);
  verdict_make(&v, &wire.model, 5000000);
  assert_int_equal(v.duration_us, 201000);
}

/* ---- what the kernel dropped ---------------------------------------------------------------- */

/* The text without the lines of `holes`, a bit each. */
static void without(const char *text, unsigned holes, char *rest) {
  for (unsigned line = 0; *text; line++) {
    size_t n = strcspn(text, "\n");
    n += text[n] == '\n';
    if (!(holes >> line & 1)) rest = (char *)memcpy(rest, text, n) + n;
    text += n;
  }
  *rest = '\0';
}

/* Closes with one or two segments that were not captured: when the kernel has dropped packets,
 * whatever seems to be wrong is not told. That some of it would be told otherwise is the proof that
 * there is something to hold back. */
static void what_holes_explain_is_no_breach_and_nobody_is_stuck(void **unused) {
  (void)unused;
  static const char *const closes[] = {
      NORMAL,
      FIN1_ACK1 "400 S FA 1 2 0\n607 S FA 1 2 0\n608 C A 2 2 0",
      OPENING
      "100 C PA 1 1 9\n101 S A 1 10 0\n200 C FA 10 1 0\n407 C FA 10 1 0\n408 S A 1 11 0\n"
      "500 S PA 1 11 5\n501 C R 11 0 0",
      OPENING
      "100 C PA 1 1 9\n101 S A 1 10 0\n102 S PA 1 10 9\n200 C FA 10 10 0\n"
      "201 S FA 10 11 0\n202 C A 11 11 0\n203 S PA 11 11 5\n204 C A 11 16 0",
      OPENING "200 C FA 1 1 0\n201 C PA 2 1 9\n240 S A 1 11 0\n400 S FA 1 11 0\n401 C A 11 2 0",
  };
  unsigned breaches = 0, stuck = 0;
  for (size_t i = 0; i < sizeof closes / sizeof *closes; i++) {
    for (unsigned holes = 0; holes < 1U << 13; holes++) {
      char text[1000];
      struct wire wire;
      struct verdict v;
      if (__builtin_popcount(holes) > 2) continue;
      without(closes[i], holes, text);
      wire_open(&wire, 0xffffffff, 0xfffffffe);
      wire_play(&wire, text);
      verdict_make(&v, &wire.model, 3600 * INT64_C(1000000));
      breaches += v.conformity == VIOLATES;
      stuck += verdict_stuck(&v) != NULL;
      wire.model.capture_incomplete = true;
      verdict_make(&v, &wire.model, 3600 * INT64_C(1000000));
      if (v.doubt != DOUBT_DROPS || v.conformity != CANNOT_TELL || verdict_stuck(&v))
        fail_msg("%s (%s) after\n%s", conformity_name(v.conformity), ending_name(v.ending), text);
    }
  }
  assert_true(breaches > 0);
  assert_true(stuck > 0);
}

/* ---- names --------------------------------------------------------------------------------- */

static void names_are_those_of_the_schema(void **unused) {
  (void)unused;
  static const char *const ending_names[] = {"normal",
                                             "coalesced",
                                             "simultaneous",
                                             "reset",
                                             "refused",
                                             "unfinished-fin-unanswered",
                                             "unfinished-close-wait",
                                             "unfinished-last-ack",
                                             "open"};
  for (unsigned i = 0; i < ENDING_COUNT; i++) assert_string_equal(ending_name(i), ending_names[i]);
  static const char *const cause_names[] = {
      "refused",        "linger-0",  "unread-data", "data-after-close", "fin-wait-2-expired",
      "late-final-ack", "no-socket", "gave-up",     "out-of-window",    "cannot-tell"};
  assert_null(reset_cause_name(RESET_NONE));
  for (unsigned i = 0; i + 1 < RESET_CAUSE_COUNT; i++)
    assert_string_equal(reset_cause_name(i + 1), cause_names[i]);
  assert_string_equal(conformity_name(CONFORMS), "conforms");
  assert_string_equal(conformity_name(VIOLATES), "violates");
  assert_string_equal(conformity_name(CANNOT_TELL), "cannot-tell");
}

static void every_finding_says_what_to_do(void **unused) {
  (void)unused;
  for (unsigned i = 0; i < FINDING_COUNT; i++) {
    const struct finding_text *t = finding_text(i);
    const char *const parts[] = {t->id, t->clause, t->meaning, t->cause, t->remedy};
    for (unsigned k = 0; k < 5; k++)
      assert_true(parts[k] && parts[k][0] && !strchr(parts[k], '\n'));
    assert_int_equal(strspn(t->id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(t->id));
    assert_non_null(strstr(t->clause, "RFC"));
    for (unsigned j = 0; j < i; j++) assert_string_not_equal(t->id, finding_text(j)->id);
  }
}

/* Its sender's tap, the second, saw it leave too soon after the final ACK had passed the first. */
static void what_left_soon_says_nothing(void **unused) {
  (void)unused;
  for (uint32_t transit_us = 0; transit_us <= 30000; transit_us += 30000) {
    struct wire wire;
    struct model_step step;
    struct verdict v;
    const struct segment s = {.t_us = 521000,
                              .seq = 2,
                              .ack = 2,
                              .flags = SEGMENT_ACK,
                              .window = 100,
                              .tap = 1,
                              .transit_us = transit_us};
    wire_open(&wire, 0, 0);
    wire_play(&wire, FIN1_ACK1 "400 S FA 1 2 0\n401 C A 2 2 0");
    model_step(&wire.model, END_SERVER, &s, &step);
    verdict_make(&v, &wire.model, 5000000);
    assert_int_equal(v.losses[LOSS_ACK2][LOSS_AFTER_TAP], transit_us == 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_left_soon_says_nothing),
      cmocka_unit_test(every_ending_and_cause),
      cmocka_unit_test(every_sentence_is_one_line_that_names_the_ends),
      cmocka_unit_test(a_sentence_fits_any_buffer),
      cmocka_unit_test(stuck_only_after_a_while),
      cmocka_unit_test(nobody_is_stuck_after_a_close),
      cmocka_unit_test(half_open_data_keeps_nobody_stuck),
      cmocka_unit_test(all_findings_fit),
      cmocka_unit_test(duration_is_from_the_first_fin_to_the_last_control_segment),
      cmocka_unit_test(what_holes_explain_is_no_breach_and_nobody_is_stuck),
      cmocka_unit_test(names_are_those_of_the_schema),
      cmocka_unit_test(every_finding_says_what_to_do),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
