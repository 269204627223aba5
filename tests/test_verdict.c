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

/* Who keeps whom waiting, and who did; FINDING_COUNT: nobody. */
static void who_is_stuck(void **unused) {
  (void)unused;
  static const struct {
    const char *wire;
    int now_ms;
    enum finding_id id;
    enum end who;
  } rows[] = {
      /* A FIN that is repeated for want of an answer. */
      {OPENING "200 C FA 1 1 0\n600 C FA 1 1 0", 700, FINDING_FIN_UNANSWERED, END_SERVER},
      {OPENING "200 C FA 1 1 0", 700, FINDING_COUNT, END_NONE},
      {OPENING "200 C FA 1 1 0\n201 C FA 1 1 0", 700, FINDING_COUNT, END_NONE},
      {OPENING "100 C PA 1 1 9\n200 C FA 5 1 0\n600 C FA 5 1 0", 700, FINDING_COUNT, END_NONE},
      {"0 C A 1 1 0\n1 S A 1 1 0\n200 C FA 1 1 0\n2600 C FA 1 1 0", 2700, FINDING_FIN_UNANSWERED,
       END_SERVER},
      /* CLOSE_WAIT, and the half-close is in use until 5000. */
      {FIN1_ACK1 "5000 S PA 1 2 10\n5001 C A 2 11 0", 6999, FINDING_COUNT, END_NONE},
      {FIN1_ACK1 "5000 S PA 1 2 10\n5001 C A 2 11 0", 7000, FINDING_CLOSE_WAIT_STUCK, END_SERVER},
      {"0 C A 1 1 0\n1 S A 1 1 0\n200 C FA 1 1 0\n240 S A 1 2 0", 60000, FINDING_COUNT, END_NONE},
      /* Its peer has given it up. */
      {FIN1_ACK1 "10240 C R 2 0 0", 20000, FINDING_CLOSE_WAIT_STUCK, END_SERVER},
      {FIN1_ACK1 "10239 C R 2 0 0", 20000, FINDING_COUNT, END_NONE},
      {FIN1_ACK1 "5000 S PA 1 2 10\n5001 C A 2 11 0\n14999 C R 2 0 0", 20000, FINDING_COUNT,
       END_NONE},
      {FIN1_ACK1 "5000 S PA 1 2 10\n5001 C A 2 11 0\n15000 C R 2 0 0", 20000,
       FINDING_CLOSE_WAIT_STUCK, END_SERVER},
      {FIN1_ACK1 "10240 S R 1 0 0", 20000, FINDING_COUNT, END_NONE},
      {OPENING "200 C FA 1 1 0\n10240 C R 2 0 0", 20000, FINDING_COUNT, END_NONE},
      {FIN1_ACK1 "400 S FA 1 2 0\n10400 C R 2 0 0", 20000, FINDING_COUNT, END_NONE},
      /* It was over at last. */
      {FIN1_ACK1 "10240 S FA 1 2 0\n10241 C A 2 2 0", 20000, FINDING_CLOSE_WAIT_LASTED, END_SERVER},
      {FIN1_ACK1 "10239 S FA 1 2 0\n10240 C A 2 2 0", 20000, FINDING_COUNT, END_NONE},
      {FIN1_ACK1 "10240 S FA 1 2 0", 10300, FINDING_COUNT, END_NONE},
      /* LAST_ACK: a FIN that had an answer once and then, twice, has none; one that never had. */
      {FIN1_ACK1 "400 S FA 1 2 0\n401 C A 2 2 0\n607 S FA 1 2 0\n1007 S FA 1 2 0", 2000,
       FINDING_FIN_NOT_REACKED, END_CLIENT},
      {FIN1_ACK1 "400 S FA 1 2 0\n401 C A 2 2 0\n607 S FA 1 2 0", 2000, FINDING_COUNT, END_NONE},
      {FIN1_ACK1 "400 S FA 1 2 0\n800 S FA 1 2 0\n1600 S FA 1 2 0", 2000, FINDING_FINAL_ACK_MISSING,
       END_CLIENT},
      {FIN1_ACK1 "400 S FA 1 2 0\n401 S FA 1 2 0", 500, FINDING_COUNT, END_NONE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct verdict v;
    unsigned n = 0;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].wire);
    verdict_make(&v, &wire.model, rows[i].now_ms * INT64_C(1000));
    for (unsigned k = 0; k < v.n_findings; k++) {
      enum finding_id id = v.findings[k].id;
      if (finding_text(id)->severity != FINDING_STUCK && id != FINDING_CLOSE_WAIT_LASTED) continue;
      n++;
      if (id != rows[i].id || v.findings[k].end != rows[i].who)
        fail_msg("row %zu, %s: %s", i, rows[i].wire, finding_text(id)->id);
    }
    if (n != (rows[i].id != FINDING_COUNT)) fail_msg("row %zu, %s: nobody", i, rows[i].wire);
  }
}

/* How long nothing was said before it ended; a RST that answers a segment ended the silence before
 * that. */
static void how_long_it_was_idle(void **unused) {
  (void)unused;
#define SPOKE OPENING "100 C PA 1 1 9\n101 S A 1 10 0\n"
  static const struct {
    const char *wire, *besides;
    int idle_ms; /* -1: unknown */
    bool answered;
  } rows[] = {
      {SPOKE, "", -1, false},
      {SPOKE "300 C FA 10 1 0", "", 200, false},
      {SPOKE "300 C FA 10 1 0", "drops", -1, false},
      {SPOKE "300 C FA 10 1 0", "kept", -1, false},
      {SPOKE "300 C FA 10 1 0", "backwards", -1, false},
      {OPENING "300 C FA 1 1 0", "", -1, false},
      {SPOKE "300 S RA 1 10 0", "", 200, false},
      {SPOKE "5100 C PA 10 1 9\n5101 S R 1 0 0", "", 5000, true},
      {SPOKE "5100 C PA 10 1 9\n5300 S R 1 0 0", "", 200, false},
      {SPOKE "5100 C PA 10 1 9\n5101 S A 1 19 0\n5102 C R 19 0 0", "", 2, false},
      {SPOKE "5100 C FA 10 1 0\n5101 S RA 1 11 0", "", 5000, false},
      /* What was not captured may have been said later. */
      {SPOKE "200 S A 1 20 0\n300 C FA 20 1 0", "", -1, false},
      {SPOKE "150 C PA 20 1 5\n300 C FA 25 1 0", "", -1, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct verdict v;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].wire);
    wire.model.capture_incomplete = strstr(rows[i].besides, "drops");
    wire.model.not_all_kept = strstr(rows[i].besides, "kept");
    wire.model.ran_backwards = strstr(rows[i].besides, "backwards");
    verdict_make(&v, &wire.model, 10000000);
    int64_t wanted_us = rows[i].idle_ms < 0 ? -1 : rows[i].idle_ms * INT64_C(1000);
    if (v.idle_us != wanted_us || v.idle_answered != rows[i].answered)
      fail_msg("row %zu, %s: %lld us", i, rows[i].wire, (long long)v.idle_us);
  }
}

/* What keeps a verdict from being told: "drops", "kept", "backwards", "joined", "superseded"
 * besides. */
static void what_is_doubted(void **unused) {
  (void)unused;
  static const struct {
    const char *wire, *besides;
    int now_ms;
    enum doubt doubt;
  } rows[] = {
      {NORMAL, "", 500, DOUBT_NONE},
      {NORMAL, "drops", 500, DOUBT_DROPS},
      {NORMAL, "kept", 500, DOUBT_EVICTED},
      {NORMAL, "backwards", 500, DOUBT_CLOCK},
      /* When one of two taps ended matters where it is not over. */
      {NORMAL, "joined", 500, DOUBT_NONE},
      {OPENING "200 C RA 1 1 0", "joined", 500, DOUBT_NONE},
      {FIN1_ACK1, "joined", 500, DOUBT_CLOCK},
      /* One end alone is not its question, nor the SYN that nobody answered. */
      {"0 C S 0 0 0\n1 C A 1 1 0\n200 C FA 1 1 0", "", 500, DOUBT_ONE_DIRECTION},
      {"0 C S 0 0 0", "", 500, DOUBT_NONE},
      {"0 C S 0 0 0\n1 S RA 0 1 0", "", 500, DOUBT_NONE},
      /* Octets of either end are missing. */
      {OPENING "100 S A 1 10 0\n200 C FA 10 1 0\n240 S A 1 11 0", "", 500, DOUBT_GAP},
      {OPENING "100 C A 1 10 0\n200 C FA 1 10 0\n240 S A 10 2 0", "", 500, DOUBT_GAP},
      {OPENING "100 S A 1 10 0\n200 C FA 10 1 0\n240 S A 1 11 0\n400 S FA 1 11 0\n401 C A 11 2 0",
       "", 500, DOUBT_NONE},
      {FIN1_ACK1, "", 500, DOUBT_NONE},
      {OPENING "100 C A 1 10 0\n150 S PA 10 1 5\n200 C FA 1 15 0\n240 S A 15 2 0", "", 500,
       DOUBT_GAP},
      {OPENING "200 C FA 1 1 0\n201 S A 2 2 0\n600 C FA 1 1 0", "", 700, DOUBT_GAP},
      {OPENING "200 C FA 1 1 0\n201 S A 2 2 0\n300 S PA 1 2 1\n301 C A 2 2 0", "", 500, DOUBT_NONE},
      {OPENING "200 C FA 1 1 0\n300 S A 5 1 0\n600 C FA 1 1 0", "", 700, DOUBT_GAP},
      {FIN1_ACK1, "superseded", 500, DOUBT_GAP},
      {OPENING, "superseded", 500, DOUBT_NONE},
      {OPENING "100 C R 5000 0 0", "", 500, DOUBT_GAP},
      {FIN1_ACK1 "300 S R 5000 0 0", "", 500, DOUBT_NONE},
      /* It began before the capture, unless both have sent since. */
      {"0 C A 1 1 0\n1 S A 1 1 0", "", 500, DOUBT_NONE},
      {"0 C A 1 1 0\n1 S A 1 1 0\n200 C FA 1 1 0\n240 S A 1 2 0", "", 500, DOUBT_MIDSTREAM},
      {"0 C A 1 1 0\n1 S A 1 1 0\n200 C RA 1 1 0", "", 500, DOUBT_MIDSTREAM},
      {"0 C PA 1 1 5\n1 S A 1 6 0\n200 C FA 6 1 0\n240 S A 1 7 0", "", 500, DOUBT_MIDSTREAM},
      {"0 S PA 1 1 5\n1 C A 1 6 0\n200 S FA 6 1 0\n240 C A 1 7 0", "", 500, DOUBT_MIDSTREAM},
      {"0 C PA 1 1 5\n1 S PA 1 6 5\n2 C A 6 6 0\n200 C FA 6 6 0\n240 S A 6 7 0", "", 500,
       DOUBT_NONE},
      /* An ACK was there, and was not captured. */
      {OPENING "200 C FA 1 1 0", "", 500, DOUBT_NONE},
      {OPENING "200 C FA 1 1 0", "", 20000, DOUBT_NO_ACKS},
      {FIN1_ACK1 "400 S FA 1 2 0", "", 20000, DOUBT_NO_ACKS},
      {OPENING "200 C FA 1 1 0\n900 S FA 1 2 0\n901 C A 2 2 0", "", 1000, DOUBT_NO_ACKS},
      /* No ACK alone was captured at all. */
      {"0 C S 0 0 0\n1 S SA 0 1 0\n200 C FA 1 1 0", "", 500, DOUBT_NO_ACKS},
      {"0 C S 0 0 0\n1 S SA 0 1 0\n200 C FA 1 1 0\n201 S FA 1 2 0", "", 500, DOUBT_NO_ACKS},
      {"0 C S 0 0 0\n1 S SA 0 1 0\n200 C PA 1 1 5\n201 S PA 1 6 5", "", 500, DOUBT_NONE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct verdict v;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].wire);
    wire.model.capture_incomplete = strstr(rows[i].besides, "drops");
    wire.model.not_all_kept = strstr(rows[i].besides, "kept");
    wire.model.ran_backwards = strstr(rows[i].besides, "backwards");
    wire.model.taps_joined = strstr(rows[i].besides, "joined");
    wire.model.superseded = strstr(rows[i].besides, "superseded");
    verdict_make(&v, &wire.model, rows[i].now_ms * INT64_C(1000));
    if (v.doubt != rows[i].doubt)
      fail_msg("row %zu, %s%s: %s", i, rows[i].wire, rows[i].besides,
               v.doubt == DOUBT_NONE ? "none" : doubt_name(v.doubt));
  }
}

/* When a FIN that was sent and not repeated must have had its ACK. */
static void how_long_silence_has_to_last(void **unused) {
  (void)unused;
  static const struct {
    const char *wire;
    int quiet_ms; /* 0: never */
  } rows[] = {
      {OPENING, 0},
      {OPENING "200 C FA 1 1 0", 200 + 3 * 1000},
      /* As long again as between the last two, and twice the path. */
      {OPENING "200 C FA 1 1 0\n900 C FA 1 1 0", 900 + 3 * 2 * 700},
      {OPENING "200 C FA 1 1 0\n600 C FA 1 1 0", 600 + 3 * 1000},
      {"0 C S 0 0 0\n600 S SA 0 1 0\n600 C A 1 1 0\n2000 C FA 1 1 0", 2000 + 3 * 2 * 600},
      {"0 C S 0 0 0\n400 S SA 0 1 0\n400 C A 1 1 0\n2000 C FA 1 1 0", 2000 + 3 * 1000},
      /* Of the path nothing is known, or that of one side. */
      {"200 C FA 1 1 0", 200 + 3 * 3000},
      {"0 S PA 1 1 5\n10 C A 1 6 0\n200 C FA 1 6 0", 200 + 3 * 1000},
      {"0 C PA 1 1 5\n10 S A 1 6 0\n200 C FA 6 1 0", 200 + 3 * 1000},
      /* So often that its sender may have given up. */
      {OPENING "200 C FA 1 1 0\n201 C FA 1 1 0\n202 C FA 1 1 0\n203 C FA 1 1 0\n204 C FA 1 1 0",
       204 + 3 * 1000},
      {OPENING "200 C FA 1 1 0\n201 C FA 1 1 0\n202 C FA 1 1 0\n203 C FA 1 1 0\n204 C FA 1 1 0\n"
               "205 C FA 1 1 0",
       0},
      {FIN1_ACK1, 0},
      {FIN1_ACK1 "600 C FA 1 1 0", 0},
      /* Something else ended it, or showed that it did not come. */
      {OPENING "200 C FA 1 1 0\n300 C RA 2 1 0", 0},
      {OPENING "100 C PA 1 1 9\n200 C FA 5 1 0", 0},
      {OPENING "200 C FA 1 1 0\n800 S PA 1 1 9", 0},
      {OPENING "200 C FA 1 1 0\n201 S PA 1 1 9", 200 + 3 * 1000},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].wire);
    int64_t wanted_us = rows[i].quiet_ms ? rows[i].quiet_ms * INT64_C(1000) : INT64_MAX;
    if (verdict_quiet_us(&wire.model, FIN1) != wanted_us)
      fail_msg("%s: %lld us", rows[i].wire, (long long)verdict_quiet_us(&wire.model, FIN1));
    wire.model.taps_joined = true;
    assert_true(verdict_quiet_us(&wire.model, FIN1) == INT64_MAX);
  }
}

/* Of taps that were joined, or of time that runs backwards, the order tells nothing. */
static void without_order_nothing_was_lost(void **unused) {
  (void)unused;
  for (unsigned doubt = 0; doubt < 3; doubt++) {
    for (unsigned copies = 1; copies <= 2; copies++) {
      struct wire wire;
      struct verdict v;
      wire_open(&wire, 0, 0);
      wire_play(&wire, OPENING "200 C FA 1 1 0");
      if (copies == 2) wire_play(&wire, "600 C FA 1 1 0");
      wire_play(&wire, "601 S A 1 2 0");
      wire.model.ran_backwards = doubt == 1;
      wire.model.taps_joined = doubt == 2;
      verdict_make(&v, &wire.model, 5000000);
      assert_int_equal(verdict_lost(&v, LOSS_KINDS), doubt == 0 ? copies - 1 : 0);
      if (doubt == 0 || copies == 1)
        assert_null(v.untold_because[FIN1]);
      else
        assert_string_equal(v.untold_because[FIN1], "the order in the capture is not that of time");
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_left_soon_says_nothing),
      cmocka_unit_test(without_order_nothing_was_lost),
      cmocka_unit_test(how_long_silence_has_to_last),
      cmocka_unit_test(what_is_doubted),
      cmocka_unit_test(who_is_stuck),
      cmocka_unit_test(how_long_it_was_idle),
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
