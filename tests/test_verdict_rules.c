/* The conditions of verdict.c, row by row: what is doubted, who is stuck, how long silence lasts,
 * what was said before, and what the kernel adds; each with the nearest thing that is not so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <string.h>

#include "common/model/verdict.h"
#include "tests/model_builder.h"

#define OPENING "0 C S 0 0 0\n0 S SA 0 1 0\n0 C A 1 1 0\n"
#define FIN1_ACK1 OPENING "200 C FA 1 1 0\n240 S A 1 2 0\n"
#define NORMAL FIN1_ACK1 "400 S FA 1 2 0 ts=400/0\n401 C A 2 2 0 ts=401/400\n"
#define SPOKE OPENING "100 C PA 1 1 9\n101 S A 1 10 0\n"

/* What a watcher knows besides the segments, by words. */
static void set_besides(struct model *m, const char *words) {
  m->capture_incomplete = strstr(words, "drops");
  m->not_all_kept = strstr(words, "kept");
  m->ran_backwards = strstr(words, "backwards");
  m->taps_joined = strstr(words, "joined");
  m->superseded = strstr(words, "superseded");
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
    set_besides(&wire.model, rows[i].besides);
    verdict_make(&v, &wire.model, 10000000);
    int64_t wanted_us = rows[i].idle_ms < 0 ? -1 : rows[i].idle_ms * INT64_C(1000);
    if (v.idle_us != wanted_us || v.idle_answered != rows[i].answered)
      fail_msg("row %zu, %s: %lld us", i, rows[i].wire, (long long)v.idle_us);
  }
}

static struct verdict made(struct wire *wire, const char *text, int64_t now_ms) {
  struct verdict v;
  wire_open(wire, 0, 0);
  wire_play(wire, text);
  verdict_make(&v, &wire->model, now_ms * 1000);
  return v;
}

/* A RST whose hops are not those of its sender's other packets, if those are always the same. */
static void a_rst_from_elsewhere(void **unused) {
  (void)unused;
  static const struct {
    uint8_t own, rst;
    bool varies, elsewhere;
  } rows[] = {
      {60, 64, false, true}, {64, 64, false, false}, {60, 64, true, false}, {0, 64, false, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct verdict v = made(&wire, SPOKE "5100 C PA 10 1 9\n5101 S R 1 0 0", 6000);
    wire.model.path[END_SERVER].hops = rows[i].own;
    wire.model.path[END_SERVER].varies = rows[i].varies;
    wire.model.rst_path.hops = rows[i].rst;
    verdict_make(&v, &wire.model, 6000000);
    assert_int_equal(v.other_path, rows[i].elsewhere);
  }
}

/* TLS both ways, and the first to close did not say so. */
static void close_notify(void **unused) {
  (void)unused;
  static const struct {
    const char *wire;
    enum talk_tls client, server;
    bool drops, lacks;
  } rows[] = {
      {SPOKE "300 C FA 10 1 0", TALK_TLS_RECORD, TALK_TLS_RECORD, false, true},
      {SPOKE "300 C FA 10 1 0", TALK_TLS_RECORD, TALK_TLS_ALERT, false, true},
      {SPOKE "300 C FA 10 1 0", TALK_TLS_ALERT, TALK_TLS_RECORD, false, false},
      {SPOKE "300 C FA 10 1 0", TALK_TLS_RECORD, TALK_NOT_TLS, false, false},
      {SPOKE "300 S FA 1 10 0", TALK_NOT_TLS, TALK_TLS_RECORD, false, false},
      {SPOKE "300 C FA 10 1 0", TALK_TLS_RECORD, TALK_TLS_RECORD, true, false},
      {SPOKE "300 C RA 10 1 0", TALK_TLS_RECORD, TALK_TLS_RECORD, false, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct verdict v = made(&wire, rows[i].wire, 500);
    wire.model.tls[END_CLIENT] = rows[i].client;
    wire.model.tls[END_SERVER] = rows[i].server;
    wire.model.capture_incomplete = rows[i].drops;
    verdict_make(&v, &wire.model, 500000);
    if (v.no_close_notify != rows[i].lacks) fail_msg("row %zu", i);
  }
}

/* What seems to be a breach may be the rest of what a doubt says is missing. */
static void a_breach_in_a_capture_with_holes(void **unused) {
  (void)unused;
  static const char *const besides[] = {"", "drops", "kept", "backwards", "superseded"};
  for (unsigned i = 0; i < 5; i++) {
    struct wire wire;
    struct verdict v = made(&wire, FIN1_ACK1, 500);
    wire.model.findings[0] = (struct finding){.id = FINDING_ACK_OF_UNSENT};
    wire.model.findings[1] = (struct finding){.id = FINDING_RST_OUT_OF_WINDOW};
    wire.model.n_findings = 2;
    wire.model.capture_incomplete = i == 1;
    wire.model.not_all_kept = i == 2;
    wire.model.ran_backwards = i == 3;
    wire.model.superseded = i == 4;
    verdict_make(&v, &wire.model, 500000);
    bool told = i == 0 || i == 4;
    if (v.n_findings != (told ? 2 : 1) || (v.conformity == VIOLATES) != told)
      fail_msg("%s", besides[i]);
  }
}

/* An end in CLOSE_WAIT of which the capture may lack the FIN. */
static void who_may_have_closed(void **unused) {
  (void)unused;
  struct wire wire;
  assert_false(made(&wire, FIN1_ACK1, 500).may_have_closed);
  assert_false(made(&wire, OPENING "200 C FA 1 1 0", 20000).may_have_closed);
  assert_true(made(&wire, "1 C A 1 1 0\n200 C FA 1 1 0\n240 S A 1 2 0", 500).may_have_closed);
  assert_false(made(&wire, "1 C A 1 1 0\n200 C FA 1 1 0\n600 C FA 1 1 0", 700).may_have_closed);
  struct verdict v = made(&wire, FIN1_ACK1, 500);
  wire.model.taps_joined = true;
  verdict_make(&v, &wire.model, 500000);
  assert_false(v.may_have_closed);
}

static void hear(struct witness *witness, enum end end, enum tcp_state state) {
  witness_asked(&witness->end[end], state, 1000000);
}

/* What the kernel says of the end in CLOSE_WAIT, and of its peer. */
static void close_wait_by_the_kernel(void **unused) {
  (void)unused;
#define MIDSTREAM_CLOSE_WAIT "1 C A 1 1 0\n2 S A 1 1 0\n200 C FA 1 1 0\n240 S A 1 2 0"
  static const struct {
    const char *wire;
    int now_ms;
    enum tcp_state says; /* of the server; TCPS_COUNT: nothing */
    bool is_held;        /* the client's socket */
    bool is_stuck, half_closed, may_have_closed, is_known;
  } rows[] = {
      {FIN1_ACK1, 60000, TCPS_COUNT, false, true, false, false, true},
      {FIN1_ACK1, 60000, TCPS_COUNT, true, false, true, false, true},
      {FIN1_ACK1, 60000, TCPS_CLOSE_WAIT, false, true, false, false, true},
      {FIN1_ACK1, 60000, TCPS_CLOSE_WAIT, true, false, true, false, true},
      {FIN1_ACK1, 60000, TCPS_LAST_ACK, false, false, false, false, false},
      {FIN1_ACK1, 60000, TCPS_LAST_ACK, true, false, false, false, false},
      {MIDSTREAM_CLOSE_WAIT, 60000, TCPS_COUNT, false, false, false, true, true},
      {MIDSTREAM_CLOSE_WAIT, 60000, TCPS_CLOSE_WAIT, false, true, false, false, true},
      {MIDSTREAM_CLOSE_WAIT, 60000, TCPS_CLOSE_WAIT, true, false, true, false, true},
      {MIDSTREAM_CLOSE_WAIT, 500, TCPS_CLOSE_WAIT, false, false, false, false, true},
      {MIDSTREAM_CLOSE_WAIT, 60000, TCPS_LAST_ACK, false, false, false, true, false},
      {NORMAL, 60000, TCPS_CLOSED, true, false, false, false, true},
      {NORMAL, 60000, TCPS_COUNT, true, false, false, false, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct witness witness = {0};
    struct verdict v;
    wire_open(&wire, 0, 0);
    wire_play(&wire, rows[i].wire);
    wire.model.findings[wire.model.n_findings++].id = FINDING_RST_OUT_OF_WINDOW;
    verdict_make(&v, &wire.model, rows[i].now_ms * INT64_C(1000));
    witness.end[END_SERVER].socket.is_known = true;
    witness.end[END_CLIENT].socket.is_held = rows[i].is_held;
    if (rows[i].says != TCPS_COUNT) hear(&witness, END_SERVER, rows[i].says);
    verdict_hear(&v, &wire.model, &witness, (const bool[]){true, true});
    unsigned stuck = 0;
    for (unsigned k = 0; k < v.n_findings; k++)
      stuck += v.findings[k].id == FINDING_CLOSE_WAIT_STUCK;
    if (stuck != rows[i].is_stuck || v.n_findings == 0 ||
        v.findings[0].id != FINDING_RST_OUT_OF_WINDOW ||
        v.only_half_closed != rows[i].half_closed || v.may_have_closed != rows[i].may_have_closed ||
        v.socket[END_SERVER].is_known != rows[i].is_known)
      fail_msg("row %zu", i);
  }
}

/* Who disagrees is told, unless the capture lacks packets; names only where there are any. */
static void what_the_kernel_adds(void **unused) {
  (void)unused;
  struct wire wire;
  struct witness witness = {0};
  struct verdict v = made(&wire, NORMAL, 60000);
  hear(&witness, END_SERVER, TCPS_LAST_ACK);
  hear(&witness, END_CLIENT, TCPS_TIME_WAIT);
  strcpy(witness.end[END_CLIENT].holder, "holder");
  strcpy(witness.end[END_SERVER].closer, "closer");
  verdict_hear(&v, &wire.model, &witness, (const bool[]){true, true});
  assert_string_equal(v.holder[END_CLIENT], "holder");
  assert_null(v.holder[END_SERVER]);
  assert_null(v.closer[END_CLIENT]);
  assert_string_equal(v.closer[END_SERVER], "closer");
  assert_int_equal(v.n_findings, 1);
  assert_int_equal(v.kernel[END_SERVER].difference, WITNESS_NOT_THERE);
  wire.model.capture_incomplete = true;
  verdict_make(&v, &wire.model, 60000000);
  verdict_hear(&v, &wire.model, &witness, (const bool[]){true, true});
  assert_int_equal(v.n_findings, 0);
  assert_int_equal(v.kernel[END_SERVER].difference, WITNESS_AGREES);
  /* A cause that the wire tells stays. */
  v.cause = RESET_DATA_AFTER_CLOSE;
  verdict_hear_reset(&v, "TCP_ABORT_ON_CLOSE");
  assert_int_equal(v.cause, RESET_DATA_AFTER_CLOSE);
  v.cause = RESET_LINGER_0;
  verdict_hear_reset(&v, "SOMETHING_NEW");
  assert_int_equal(v.cause, RESET_LINGER_0);
  verdict_hear_reset(&v, "TCP_ABORT_ON_CLOSE");
  assert_int_equal(v.cause, RESET_UNREAD_DATA);
  v.kernel_reason = NULL;
  verdict_hear_reset(&v, "");
  assert_null(v.kernel_reason);
}

/* Nobody closed first whose FINs crossed. */
static void who_closed_first(void **unused) {
  (void)unused;
  struct wire wire;
  struct verdict v = made(&wire, NORMAL, 500);
  assert_int_equal(v.closed_first, END_CLIENT);
  assert_false(v.closed_both);
  v = made(&wire, OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 S A 2 2 0\n201 C A 2 2 0", 500);
  assert_int_equal(v.closed_first, END_NONE);
  assert_true(v.closed_both);
}

/* From the first FIN on: a RST alone ends at once. */
static void how_long_it_took(void **unused) {
  (void)unused;
  struct wire wire;
  assert_int_equal(made(&wire, NORMAL, 500).duration_us, 201000);
  assert_int_equal(made(&wire, OPENING "200 C FA 1 1 0", 500).duration_us, 0);
  assert_int_equal(made(&wire, OPENING "200 C RA 1 1 0", 500).duration_us, 0);
}

static void the_gravest_finding(void **unused) {
  (void)unused;
  struct verdict v = {0};
  assert_int_equal(verdict_gravest(&v), FINDING_COUNT);
  assert_null(verdict_stuck(&v));
  assert_string_equal(verdict_word(&v), "conforms");
  v.findings[0].id = FINDING_RST_OUT_OF_WINDOW;
  v.findings[1].id = FINDING_CLOSE_WAIT_STUCK;
  v.findings[2].id = FINDING_RST_NOT_ITS_OWN;
  v.n_findings = 3;
  assert_int_equal(verdict_gravest(&v), FINDING_CLOSE_WAIT_STUCK);
  assert_ptr_equal(verdict_stuck(&v), &v.findings[1]);
  assert_string_equal(verdict_word(&v), "stuck");
  v.findings[2].id = FINDING_ACK_OF_UNSENT;
  assert_int_equal(verdict_gravest(&v), FINDING_ACK_OF_UNSENT);
  v.findings[0].id = FINDING_ACK_OF_UNSENT;
  v.findings[1].id = FINDING_RST_OUT_OF_WINDOW;
  v.findings[2].id = FINDING_CLOSE_WAIT_STUCK;
  assert_int_equal(verdict_gravest(&v), FINDING_ACK_OF_UNSENT);
  v.conformity = VIOLATES;
  assert_string_equal(verdict_word(&v), "violates");
  v.losses[LOSS_FIN1][LOSS_AFTER_TAP] = 1;
  v.losses[LOSS_ACK2][LOSS_BEFORE_TAP] = 2;
  assert_int_equal(verdict_lost(&v, LOSS_FIN1), 1);
  assert_int_equal(verdict_lost(&v, LOSS_FIN2), 0);
  assert_int_equal(verdict_lost(&v, LOSS_KINDS), 3);
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
    set_besides(&wire.model, rows[i].besides);
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

/* Of taps that were joined, or perhaps, or of time that runs backwards, the order tells nothing. */
static void without_order_nothing_was_lost(void **unused) {
  static const char *const because[] = {NULL, "the order in the capture is not that of time",
                                        "the order in the capture is not that of time",
                                        "both SYNs came twice: another tap may be in the capture"};
  (void)unused;
  for (unsigned doubt = 0; doubt < 4; doubt++) {
    for (unsigned copies = 1; copies <= 2; copies++) {
      struct wire wire;
      struct verdict v;
      wire_open(&wire, 0, 0);
      wire_play(&wire, OPENING "200 C FA 1 1 0");
      if (copies == 2) wire_play(&wire, "600 C FA 1 1 0");
      wire_play(&wire, "601 S A 1 2 0");
      wire.model.ran_backwards = doubt == 1;
      wire.model.taps_joined = doubt == 2;
      wire.model.syns_again = doubt == 3 ? 3 : 0;
      verdict_make(&v, &wire.model, 5000000);
      assert_int_equal(verdict_lost(&v, LOSS_KINDS), doubt == 0 ? copies - 1 : 0);
      if (doubt == 0 || copies == 1)
        assert_null(v.untold_because[FIN1]);
      else
        assert_string_equal(v.untold_because[FIN1], because[doubt]);
    }
  }
}

/* Both SYNs came twice, and then so many segments without data of either end, once or twice. */
static void what_another_tap_shows_twice(void **unused) {
  static const struct {
    unsigned syns, alone[2], twice[2];
    bool is_joined;
  } rows[] = {
      {3, {0, 0}, {0, 0}, false}, {3, {0, 0}, {1, 1}, true},  {3, {3, 3}, {1, 1}, true},
      {3, {4, 3}, {1, 1}, false}, {3, {3, 4}, {1, 1}, false}, {3, {3, 0}, {1, 0}, false},
      {3, {0, 3}, {0, 1}, false}, {2, {0, 0}, {1, 1}, false}, {1, {0, 0}, {1, 1}, false},
  };
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct model m = {.syns_again = (uint8_t)rows[i].syns};
    struct segment ack = {.flags = SEGMENT_ACK}, data = {.flags = SEGMENT_ACK, .payload_bytes = 1};
    struct segment syn = {.flags = SEGMENT_SYN};
    connection_note_again(&m, END_CLIENT, &syn, false);
    assert_false(m.is_mixed);
    for (unsigned end = 0; end < 2; end++) {
      for (unsigned n = 0; n < rows[i].alone[end]; n++) connection_note_again(&m, end, &ack, false);
      for (unsigned n = 0; n < rows[i].twice[end]; n++) connection_note_again(&m, end, &ack, true);
    }
    assert_int_equal(m.is_mixed, rows[i].alone[0] + rows[i].alone[1] > 0);
    connection_note_again(&m, END_CLIENT, &data, false);
    connection_note_again(&m, END_SERVER, &data, true);
    assert_int_equal(m.is_mixed, rows[i].syns == 3);
    assert_int_equal(connection_came_twice(&m), rows[i].is_joined);
    assert_int_equal(connection_is_joined(&m), rows[i].is_joined);
    assert_int_equal(connection_lacks_order(&m), rows[i].is_joined);
    assert_int_equal(connection_may_be_joined(&m), rows[i].syns == 3);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_is_stuck),
      cmocka_unit_test(how_long_it_was_idle),
      cmocka_unit_test(a_rst_from_elsewhere),
      cmocka_unit_test(close_notify),
      cmocka_unit_test(a_breach_in_a_capture_with_holes),
      cmocka_unit_test(who_may_have_closed),
      cmocka_unit_test(close_wait_by_the_kernel),
      cmocka_unit_test(what_the_kernel_adds),
      cmocka_unit_test(who_closed_first),
      cmocka_unit_test(how_long_it_took),
      cmocka_unit_test(the_gravest_finding),
      cmocka_unit_test(what_is_doubted),
      cmocka_unit_test(how_long_silence_has_to_last),
      cmocka_unit_test(without_order_nothing_was_lost),
      cmocka_unit_test(what_another_tap_shows_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
