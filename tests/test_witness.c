/* The second witness: the kernel's words laid beside the model's history, and what is made of what
 * does not fit. */
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
#include "common/model/witness.h"
#include "tests/model_builder.h"

#define OPENING "0 C S 0 0 0 sack-ok\n0 S SA 0 1 0 sack-ok\n0 C A 1 1 0\n"
#define FIN1_ACK1 OPENING "200 C FA 1 1 0\n240 S A 1 2 0\n"
#define NORMAL FIN1_ACK1 "400 S FA 1 2 0 ts=400/0\n401 C A 2 2 0 ts=401/400\n"

/* Words of the kernel: "?STATE" is an answer, ">STATE" a transition from the word before. */
static void hear(struct witness_end *e, const char *words) {
  int64_t t_us = 0;
  char word[32];
  int length;
  enum tcp_state before = TCPS_CLOSED, state;
  for (; sscanf(words, " %31s%n", word, &length) == 1; words += length) {
    t_us += 1000;
    assert_true(tcp_state_parse(word + 1, &state));
    if (word[0] == '?')
      witness_asked(e, state, t_us);
    else
      witness_told(e, before, state, t_us);
    before = state;
  }
}

/* "3/3 agrees", "3/3 1 unsampled agrees", "2/3 not-there: CLOSED, LAST_ACK" (the model's, the
 * kernel's). */
static const char *view_text(const struct witness_view *v, char text[static 160]) {
  int n = snprintf(text, 160, "%u/%u ", v->agreed, v->of);
  if (v->unsampled > 0) n += snprintf(text + n, 160 - (size_t)n, "%u unsampled ", v->unsampled);
  n += snprintf(text + n, 160 - (size_t)n, "%s", witness_difference_name(v->difference));
  if (v->difference != WITNESS_AGREES)
    snprintf(text + n, 160 - (size_t)n, ": %s, %s", tcp_state_name(v->model_says),
             tcp_state_name(v->kernel_says));
  return text;
}

static const struct {
  const char *wire, *client, *server; /* the kernel's words */
  const char *client_view, *server_view;
} cases[] = {
    /* Every transition told. */
    {NORMAL, ">SYN_SENT >ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >TIME_WAIT",
     "?SYN_RECEIVED >ESTABLISHED >CLOSE_WAIT >LAST_ACK >CLOSED", "3/3 agrees", "3/3 agrees"},
    /* The same, but heard from the close on. */
    {NORMAL, "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 ?TIME_WAIT",
     "?ESTABLISHED >CLOSE_WAIT >LAST_ACK >CLOSED", "3/3 agrees", "3/3 agrees"},
    /* Asked now and then: what was too short is no difference. */
    {NORMAL, "?FIN_WAIT_1 ?TIME_WAIT", "?CLOSE_WAIT ?CLOSED", "2/2 1 unsampled agrees",
     "2/2 1 unsampled agrees"},
    {NORMAL, "?TIME_WAIT", "?CLOSED", "1/1 2 unsampled agrees", "1/1 2 unsampled agrees"},
    /* Not on this machine. */
    {NORMAL, "", "?CLOSED", "0/0 agrees", "1/1 2 unsampled agrees"},
    /* The final ACK was captured and did not arrive. */
    {NORMAL, "?TIME_WAIT", "?ESTABLISHED >CLOSE_WAIT >LAST_ACK", "1/1 2 unsampled agrees",
     "2/3 not-there: CLOSED, LAST_ACK"},
    /* So was the first FIN. */
    {OPENING "200 C FA 1 1 0\n", "?FIN_WAIT_1", "?ESTABLISHED", "1/1 agrees",
     "0/1 not-there: CLOSE_WAIT, ESTABLISHED"},
    /* A state that the end itself has proven: the model is wrong. */
    {NORMAL, "?FIN_WAIT_1 ?FIN_WAIT_2", "?CLOSED", "2/3 contrary: TIME_WAIT, FIN_WAIT_2",
     "1/1 2 unsampled agrees"},
    {NORMAL, "?ESTABLISHED >FIN_WAIT_1 >TIME_WAIT", "?CLOSED",
     "2/3 contrary: FIN_WAIT_2, FIN_WAIT_1", "1/1 2 unsampled agrees"},
    {NORMAL, "?ESTABLISHED >FIN_WAIT_1 >CLOSING ?TIME_WAIT", "?CLOSED",
     "2/3 1 unsampled contrary: FIN_WAIT_1, CLOSING", "1/1 2 unsampled agrees"},
    /* close() was called, and the FIN waits for a window. */
    {OPENING "100 C PA 1 1 9\n", "?ESTABLISHED >FIN_WAIT_1", "?ESTABLISHED",
     "0/0 silent: ESTABLISHED, FIN_WAIT_1", "0/0 agrees"},
    /* Nobody waits for it any more: tcp_fin_timeout, tcp_orphan_retries. */
    {FIN1_ACK1, "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 ?CLOSED", "?CLOSE_WAIT",
     "2/2 silent: FIN_WAIT_2, CLOSED", "1/1 agrees"},
    {FIN1_ACK1 "400 S FA 1 2 0\n607 S FA 1 2 0\n", "?TIME_WAIT", "?LAST_ACK >CLOSED",
     "1/1 2 unsampled agrees", "1/1 1 unsampled silent: LAST_ACK, CLOSED"},
    /* It received what nobody captured. */
    {OPENING "100 C PA 1 1 9\n", "?ESTABLISHED", "?ESTABLISHED >CLOSE_WAIT", "0/0 agrees",
     "0/1 contrary: ESTABLISHED, CLOSE_WAIT"},
    /* The RST was lost, and then it closed by itself: its first word. */
    {OPENING "200 C RA 1 1 0", "?CLOSED", "?FIN_WAIT_1", "1/1 agrees",
     "0/1 not-there: CLOSED, FIN_WAIT_1"},
    {OPENING "200 C FA 1 1 0\n201 C RA 2 1 0", "?CLOSED", "?FIN_WAIT_1", "1/1 1 unsampled agrees",
     "0/1 1 unsampled not-there: CLOSED, FIN_WAIT_1"},
    /* The ACK that a repeated FIN had struck out was on its way, and is what the RST answers. */
    {OPENING "200 C FA 1 1 0\n202 S PA 1 2 1\n410 C FA 1 1 0\n410 C R 2 0 0",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >CLOSED", "?ESTABLISHED >CLOSE_WAIT >CLOSED",
     "3/3 agrees", "2/2 agrees"},
    {OPENING "200 C FA 1 1 0\n202 S PA 1 2 1\n410 C R 2 0 0\n410 C FA 1 1 0",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >CLOSED", "?ESTABLISHED >CLOSE_WAIT >CLOSED",
     "3/3 agrees", "2/2 agrees"},
    /* The RST was lost, and the ACK that was captured after it was not. */
    {OPENING "200 S FA 1 1 0\n204 C RA 1 2 0\n204 C A 1 2 0", "?ESTABLISHED >CLOSE_WAIT >CLOSED",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2", "2/2 agrees", "1/2 not-there: CLOSED, FIN_WAIT_2"},
    /* Octets that it acknowledges had come before the RST, whose number was thus too low. */
    {OPENING "200 S PA 1 1 9\n203 C FA 1 1 0\n210 S R 1 0 0\n215 S FA 10 1 0\n216 C A 2 11 0\n"
             "220 S R 11 0 0",
     "?FIN_WAIT_1 ?CLOSING ?CLOSED", "?CLOSED", "3/3 agrees", "1/1 1 unsampled agrees"},
    /* Octets of the client's were not captured, and what the ends have proven may be the rest of
       that. */
    {OPENING "100 S A 1 10 0\n200 C FA 10 1 0\n240 S A 1 11 0\n400 S FA 1 11 0\n401 C A 11 2 0",
     "?FIN_WAIT_1 ?FIN_WAIT_2", "?ESTABLISHED >CLOSE_WAIT", "2/3 not-there: TIME_WAIT, FIN_WAIT_2",
     "1/3 not-there: LAST_ACK, CLOSE_WAIT"},
    /* Whose timer ran out in the model alone is not contrary, whatever is missing. */
    {NORMAL "70000 expire", "?TIME_WAIT", "?CLOSED", "1/1 2 unsampled agrees",
     "1/1 2 unsampled agrees"},
    {OPENING "100 S A 1 10 0\n200 C FA 10 1 0\n240 S A 1 11 0\n400 S FA 1 11 0\n401 C A 11 2 0\n"
             "70000 expire",
     "?TIME_WAIT", "?CLOSED", "1/1 2 unsampled agrees", "1/1 2 unsampled agrees"},
    /* It had closed before it was open. */
    {OPENING "200 S FA 1 1 0", "", "?SYN_RECEIVED >FIN_WAIT_1", "0/0 agrees", "1/1 agrees"},
    {FIN1_ACK1, "", "?CLOSE_WAIT >FIN_WAIT_1", "0/0 agrees",
     "1/2 contrary: CLOSE_WAIT, FIN_WAIT_1"},
    {FIN1_ACK1 "241 S FA 1 2 0\n241 C A 2 2 0", "", "?TIME_WAIT", "0/0 agrees",
     "0/1 3 unsampled contrary: CLOSED, TIME_WAIT"},
    /* What it said before is compared with nothing; but it moves on by itself. */
    {OPENING, "", "?CLOSE_WAIT ?ESTABLISHED", "0/0 agrees", "0/0 agrees"},
    {OPENING, "", "?CLOSE_WAIT ?LAST_ACK ?ESTABLISHED", "0/0 agrees",
     "0/0 silent: ESTABLISHED, LAST_ACK"},
    /* Crossed, coalesced, reset. */
    {OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 S A 2 2 0\n201 C A 2 2 0",
     "?ESTABLISHED >FIN_WAIT_1 >CLOSING >TIME_WAIT", "?ESTABLISHED >FIN_WAIT_1 >CLOSING ?TIME_WAIT",
     "3/3 agrees", "3/3 agrees"},
    {OPENING "200 C FA 1 1 0\n201 S FA 1 2 0\n202 C A 2 2 0",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >TIME_WAIT",
     "?ESTABLISHED >CLOSE_WAIT >LAST_ACK >CLOSED", "3/3 agrees", "3/3 agrees"},
    {OPENING "200 C RA 1 1 0", "?ESTABLISHED >CLOSED", "?ESTABLISHED >CLOSED", "1/1 agrees",
     "1/1 agrees"},
    /* TIME_WAIT that an RST would have ended, but for tcp_rfc1337. */
    {NORMAL "402 S R 2 0 0", "?TIME_WAIT", "?CLOSED",
     "1/2 2 unsampled not-there: CLOSED, TIME_WAIT", "1/1 2 unsampled agrees"},
    /* A FIN that was repeated: the refuted CLOSED is no part of the history. */
    {NORMAL "607 S FA 1 2 0 ts=607/0\n608 C A 2 2 0 ts=608/400\n", "?FIN_WAIT_2 ?TIME_WAIT",
     "?CLOSE_WAIT >LAST_ACK >CLOSED", "2/2 1 unsampled agrees", "3/3 agrees"},
    /* An abort in CLOSE_WAIT; the RST that answers the FIN's repetition takes nothing back. */
    {OPENING "200 S FA 1 1 0\n200 C RA 1 2 0\n410 S FA 1 1 0\n410 C R 1 0 0",
     "?ESTABLISHED >CLOSE_WAIT >CLOSED", "?ESTABLISHED >FIN_WAIT_1 >CLOSED", "2/2 agrees",
     "2/2 agrees"},
    /* The same, and the RST of the abort was lost before the tap. */
    {OPENING "200 S FA 1 1 0\n410 S FA 1 1 0\n410 C R 1 0 0", "?ESTABLISHED >CLOSE_WAIT >CLOSED",
     "?ESTABLISHED >FIN_WAIT_1 >CLOSED", "2/2 agrees", "2/2 agrees"},
    /* A FIN that was overtaken by its sender's RST, which seemed not to have taken the other FIN.
     */
    {OPENING "200 S FA 1 1 0\n210 C R 1 0 0\n215 C FA 1 2 0",
     "?ESTABLISHED >CLOSE_WAIT >LAST_ACK >CLOSED", "?ESTABLISHED >FIN_WAIT_1 >CLOSED", "3/3 agrees",
     "2/2 agrees"},
    /* An abort whose ACK says that the crossing FIN never came. */
    {OPENING "200 C FA 1 1 0\n240 S FA 1 1 0\n240 C A 2 2 0\n241 S RA 2 1 0",
     "?ESTABLISHED >FIN_WAIT_1 >CLOSING >CLOSED", "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >CLOSED",
     "3/3 agrees", "3/3 agrees"},
    /* The FINs crossed, the first copy of the server's was lost, and the ACK overtook the next: the
     * order of arrival is nobody's to see. */
    {OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 S A 2 2 0\n410 S FA 1 2 0\n411 C A 2 2 0",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 ?TIME_WAIT", "", "2/3 not-there: CLOSING, FIN_WAIT_2",
     "0/0 agrees"},
    /* Its FIN was lost before the tap, and the ACK of the other one has the number behind it: they
     * had crossed. Not so if something else may have been answered. */
    {OPENING "200 C FA 1 1 0\n201 S A 2 2 0\n400 S FA 1 2 0\n401 C A 2 2 0\n",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >TIME_WAIT", "?ESTABLISHED ?FIN_WAIT_1 ?TIME_WAIT",
     "3/3 agrees", "2/2 1 unsampled agrees"},
    {OPENING "200 C FA 1 1 0\n410 C FA 1 1 0\n411 S A 2 2 0\n420 S FA 1 2 0\n421 C A 2 2 0\n",
     "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 >TIME_WAIT",
     "?ESTABLISHED >CLOSE_WAIT >LAST_ACK >CLOSED", "3/3 agrees", "3/3 agrees"},
    /* It had closed with its FIN still unsent when the other FIN came. */
    {FIN1_ACK1, "?FIN_WAIT_2", "?ESTABLISHED >FIN_WAIT_1 >CLOSING", "1/1 1 unsampled agrees",
     "0/1 silent: ESTABLISHED, FIN_WAIT_1"},
    {FIN1_ACK1 "241 S FA 1 2 0\n241 C A 2 2 0", "?TIME_WAIT",
     "?ESTABLISHED >FIN_WAIT_1 >CLOSING ?TIME_WAIT", "1/1 2 unsampled agrees",
     "0/2 1 unsampled silent: ESTABLISHED, FIN_WAIT_1"},
    {FIN1_ACK1 "241 S FA 1 2 0\n241 C A 2 2 0", "?TIME_WAIT",
     "?ESTABLISHED >CLOSE_WAIT >LAST_ACK ?TIME_WAIT", "1/1 2 unsampled agrees",
     "2/3 1 unsampled contrary: CLOSED, TIME_WAIT"},
    /* No explanation: one that is near to these is not meant for them. */
    {OPENING "200 C FA 1 1 0\n200 S FA 1 1 0\n201 S A 2 2 0\n201 C A 2 2 0",
     "?ESTABLISHED >FIN_WAIT_1 >LAST_ACK >TIME_WAIT", "", "2/3 contrary: CLOSING, LAST_ACK",
     "0/0 agrees"},
    {FIN1_ACK1, "", "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2", "0/0 agrees",
     "0/2 contrary: CLOSE_WAIT, ESTABLISHED"},
    {OPENING "200 C FA 1 1 0\n201 S RA 1 2 0\n", "", "?ESTABLISHED >FIN_WAIT_1 >CLOSING ?TIME_WAIT",
     "0/0 agrees", "0/2 1 unsampled contrary: CLOSED, TIME_WAIT"},
    /* Asked before the FIN came, and when the application had closed, too. */
    {FIN1_ACK1, "", "?ESTABLISHED ?LAST_ACK", "0/0 agrees", "0/1 silent: CLOSE_WAIT, LAST_ACK"},
    /* The opening is not compared. */
    {"0 C S 0 0 0\n1 S RA 0 1 0", ">SYN_SENT >CLOSED", "?CLOSED", "0/0 agrees", "0/0 agrees"},
    {OPENING, ">SYN_SENT >ESTABLISHED", "?SYN_RECEIVED >ESTABLISHED", "0/0 agrees", "0/0 agrees"},
};

static void test_compare(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct wire wire;
    struct witness witness = {0};
    char text[160];
    wire_open(&wire, 4294967295U, 7);
    wire_play(&wire, cases[i].wire);
    hear(&witness.end[0], cases[i].client);
    hear(&witness.end[1], cases[i].server);
    struct witness_view view = witness_compare(&witness.end[0], &wire.model.end[0], true, 0);
    if (strcmp(view_text(&view, text), cases[i].client_view) != 0)
      fail_msg("case %zu, client: %s, not %s", i, text, cases[i].client_view);
    view = witness_compare(&witness.end[1], &wire.model.end[1], true, 0);
    if (strcmp(view_text(&view, text), cases[i].server_view) != 0)
      fail_msg("case %zu, server: %s, not %s", i, text, cases[i].server_view);
  }
}

/* Answers since another connection has the name are taken back: not those before, nor what was
 * told. */
static void test_retract(void **state) {
  (void)state;
  struct witness_end e = {0};
  witness_retract(&e, 0);
  assert_int_equal(e.n, 0);
  witness_asked(&e, TCPS_ESTABLISHED, 100);
  witness_asked(&e, TCPS_FIN_WAIT_1, 200);
  witness_asked(&e, TCPS_FIN_WAIT_2, 300);
  witness_retract(&e, 200);
  assert_int_equal(e.n, 1);
  assert_int_equal(witness_last(&e), TCPS_ESTABLISHED);
  witness_told(&e, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, 5000);
  witness_retract(&e, 200);
  assert_int_equal(e.n, 2);
  witness_asked(&e, TCPS_LAST_ACK, 6000);
  witness_retract(&e, 200);
  assert_int_equal(witness_last(&e), TCPS_CLOSE_WAIT);
  witness_retract(&e, 0);
  assert_int_equal(e.n, 2);
}

/* What a network doubles may be answered by a RST though it had arrived before. */
static void test_doubled(void **state) {
  (void)state;
  struct wire wire;
  struct witness_end kernel = {0};
  char text[160];
  wire_open(&wire, 1, 1);
  wire_play(&wire, OPENING "200 S FA 1 1 0\n");
  wire.model.network_copies = true;
  wire_play(&wire, "210 C R 1 0 0\n");
  hear(&kernel, "?ESTABLISHED ?CLOSE_WAIT ?CLOSED");
  struct witness_view view = witness_compare(&kernel, &wire.model.end[0], true, 0);
  assert_string_equal(view_text(&view, text), "2/2 agrees");
}

/* An old answer cannot lag behind: it is merely old. */
static void test_out_of_date(void **state) {
  (void)state;
  struct wire wire;
  struct witness_end kernel = {0};
  char text[160];
  wire_open(&wire, 1, 1);
  wire_play(&wire, NORMAL);
  hear(&kernel, "?ESTABLISHED >CLOSE_WAIT");
  struct witness_view view = witness_compare(&kernel, &wire.model.end[1], false, 0);
  assert_string_equal(view_text(&view, text), "1/1 2 unsampled agrees");
  view = witness_compare(&kernel, &wire.model.end[1], true, 0);
  assert_string_equal(view_text(&view, text), "1/3 contrary: LAST_ACK, CLOSE_WAIT");
}

/* What it said before the RST was captured is no word about that RST. */
static void test_said_before_the_rst(void **state) {
  (void)state;
  struct wire wire;
  struct witness_end kernel = {0};
  char text[160];
  wire_open(&wire, 1, 1);
  wire_play(&wire, FIN1_ACK1 "5000 C R 2 0 0\n");
  witness_told(&kernel, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, 200000);
  witness_told(&kernel, TCPS_CLOSE_WAIT, TCPS_LAST_ACK, 4999800);
  struct witness_view view = witness_compare(&kernel, &wire.model.end[1], false, 5000000);
  assert_string_equal(view_text(&view, text), "1/1 1 unsampled silent: CLOSE_WAIT, LAST_ACK");
  /* After that it is: the end did not take the RST. */
  kernel.said[kernel.n - 1].t_us = 5000000;
  view = witness_compare(&kernel, &wire.model.end[1], false, 5000000);
  assert_string_equal(view_text(&view, text), "1/2 not-there: CLOSED, LAST_ACK");
  /* Nor has it, if the kernel is asked later and it is still there. */
  kernel.said[kernel.n - 1].t_us = 4999800;
  view = witness_compare(&kernel, &wire.model.end[1], true, 5000000);
  assert_string_equal(view_text(&view, text), "1/2 not-there: CLOSED, LAST_ACK");
}

/* Only its last word can be late. */
static void test_said_before_the_last_word(void **state) {
  (void)state;
  struct wire wire;
  struct witness_end kernel = {0};
  char text[160];
  wire_open(&wire, 1, 1);
  wire_play(&wire, OPENING "5000 C R 1 0 0\n");
  witness_told(&kernel, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, 200000);
  witness_told(&kernel, TCPS_CLOSE_WAIT, TCPS_LAST_ACK, 4999800);
  struct witness_view view = witness_compare(&kernel, &wire.model.end[1], true, 5000000);
  assert_string_equal(view_text(&view, text), "0/2 contrary: ESTABLISHED, CLOSE_WAIT");
}

/* That the model has closed an end because its kernel said so is nothing to bear out. */
static void test_closed_by_the_kernel(void **state) {
  (void)state;
  struct wire wire;
  struct model_step step;
  struct witness_end kernel = {0};
  char text[160];
  wire_open(&wire, 1, 1);
  wire_play(&wire, FIN1_ACK1);
  model_closed_silently(&wire.model, END_CLIENT, 900000, &step);
  hear(&kernel, "?FIN_WAIT_2");
  struct witness_view view = witness_compare(&kernel, &wire.model.end[0], true, 0);
  assert_string_equal(view_text(&view, text), "1/1 1 unsampled agrees");
  hear(&kernel, "?FIN_WAIT_2 ?CLOSED");
  view = witness_compare(&kernel, &wire.model.end[0], true, 0);
  assert_string_equal(view_text(&view, text), "1/1 1 unsampled agrees");
}

/* What the kernel told is heard after what it answered later. */
static void test_late_words(void **state) {
  (void)state;
  static const uint8_t wanted[] = {TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2,
                                   TCPS_TIME_WAIT};
  struct witness_end e = {0};
  witness_told(&e, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, 10);
  witness_asked(&e, TCPS_TIME_WAIT, 30);
  witness_told(&e, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, 20);
  assert_int_equal(witness_last(&e), TCPS_TIME_WAIT);
  witness_told(&e, TCPS_FIN_WAIT_2, TCPS_TIME_WAIT, 21);
  assert_int_equal(e.n, 4);
  for (size_t i = 0; i < 4; i++) assert_int_equal(e.said[i].state, wanted[i]);
  assert_true(e.said[3].told);
  /* What was answered after the end is about the next connection. */
  memset(&e, 0, sizeof e);
  witness_asked(&e, TCPS_LAST_ACK, 10);
  witness_asked(&e, TCPS_ESTABLISHED, 30);
  witness_told(&e, TCPS_LAST_ACK, TCPS_CLOSED, 20);
  assert_int_equal(e.n, 2);
  assert_int_equal(witness_last(&e), TCPS_CLOSED);
  /* The answer was on its way while the end moved on. */
  memset(&e, 0, sizeof e);
  witness_asked(&e, TCPS_FIN_WAIT_1, 30);
  witness_told(&e, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, 29);
  assert_int_equal(e.n, 2);
  assert_int_equal(witness_last(&e), TCPS_FIN_WAIT_2);
}

static void assert_said(const struct witness_end *e, const uint8_t *states, size_t n) {
  assert_int_equal(e->n, n);
  for (size_t i = 0; i < n; i++) assert_int_equal(e->said[i].state, states[i]);
}

/* The same again is nothing new, and what is told goes behind what was told, or answered long
 * before. */
static void test_order_of_words(void **state) {
  (void)state;
  static const uint8_t wanted[] = {TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2,
                                   TCPS_TIME_WAIT};
  struct witness_end e = {0};
  assert_int_equal(witness_last(&e), TCPS_CLOSED);
  witness_asked(&e, TCPS_ESTABLISHED, 5);
  witness_asked(&e, TCPS_ESTABLISHED, 6);
  assert_said(&e, wanted, 1);
  witness_told(&e, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1, 10);
  witness_told(&e, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_1, 11);
  assert_said(&e, wanted, 2);
  witness_told(&e, TCPS_FIN_WAIT_2, TCPS_TIME_WAIT, 20);
  assert_said(&e, wanted, 4);
  memset(&e, 0, sizeof e);
  witness_asked(&e, TCPS_ESTABLISHED, 5);
  witness_told(&e, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, 1000000);
  assert_said(&e, wanted, 3);
}

/* An answer and an event have different clocks. */
static void test_same_moment(void **state) {
  (void)state;
  struct witness_end e = {0};
  witness_told(&e, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, 1000);
  witness_asked(&e, TCPS_CLOSED, 5000);
  witness_told(&e, TCPS_CLOSE_WAIT, TCPS_CLOSED, 5010);
  assert_int_equal(e.n, 3);
  assert_int_equal(witness_last(&e), TCPS_CLOSED);
  assert_true(e.said[2].told);
}

/* More words than there is room for: the newest stay. */
static void test_full(void **state) {
  (void)state;
  struct witness_end e = {0};
  for (int i = 0; i < 100; i++) {
    enum tcp_state asked = i % 2 ? TCPS_ESTABLISHED : TCPS_CLOSE_WAIT;
    witness_asked(&e, asked, i);
    assert_int_equal(witness_last(&e), asked);
    if (i % 3 == 0) witness_told(&e, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2, i);
    if (i % 5 == 0) witness_told(&e, TCPS_FIN_WAIT_1, TCPS_CLOSING, i - 2);
    assert_in_range(e.n, 1, WITNESS_STATES_MAX);
    for (unsigned k = 1; k < e.n; k++) assert_int_not_equal(e.said[k].state, e.said[k - 1].state);
  }
}

/* ---- What the model and the verdict make of it ---- */

static void test_closed_silently(void **state) {
  (void)state;
  static const struct {
    const char *wire, *states;
    enum end end;
    bool changes;
  } rows[] = {
      {NORMAL, "CLOSED kernel", END_CLIENT, true},
      {FIN1_ACK1, "CLOSED kernel", END_CLIENT, true},
      {OPENING "200 C FA 1 1 0\n", "CLOSED kernel", END_CLIENT, true},
      {FIN1_ACK1 "400 S FA 1 2 0\n", "CLOSED kernel", END_SERVER, true},
      {OPENING, "ESTABLISHED seen", END_CLIENT, false},
      {FIN1_ACK1, "CLOSE_WAIT seen", END_SERVER, false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct model_step step;
    char text[64];
    wire_open(&wire, 5, 6);
    wire_play(&wire, rows[i].wire);
    assert_int_equal(model_closed_silently(&wire.model, rows[i].end, 9000000, &step),
                     rows[i].changes);
    const struct endpoint *e = &wire.model.end[rows[i].end];
    snprintf(text, sizeof text, "%s %s", tcp_state_name(e->state), evidence_name(e->evidence));
    assert_string_equal(text, rows[i].states);
    assert_false(model_closed_silently(&wire.model, rows[i].end, 9000001, &step) &&
                 rows[i].changes);
  }
}

/* A FIN that comes after the kernel has given FIN_WAIT_2 up earns an RST, and the cause is known.
 */
static void test_cause_after_timeout(void **state) {
  (void)state;
  struct wire wire;
  struct model_step step;
  struct verdict v;
  wire_open(&wire, 5, 6);
  wire_play(&wire, FIN1_ACK1);
  assert_true(model_closed_silently(&wire.model, END_CLIENT, 900000, &step));
  wire_play(&wire, "950 S FA 1 2 0\n950 C R 2 0 0");
  verdict_make(&v, &wire.model, 5000000);
  assert_int_equal(v.cause, RESET_FIN_WAIT_2_EXPIRED);
}

static void test_verdict_hears(void **state) {
  (void)state;
  struct wire wire;
  struct witness witness = {0};
  struct verdict v;
  unsigned agreed, of;
  char sentence[1024];
  wire_open(&wire, 5, 6);
  wire_play(&wire, NORMAL);
  hear(&witness.end[0], "?ESTABLISHED >FIN_WAIT_1 >FIN_WAIT_2 ?TIME_WAIT");
  hear(&witness.end[1], "?ESTABLISHED >CLOSE_WAIT >LAST_ACK");
  verdict_make(&v, &wire.model, 5000000);
  verdict_hear(&v, &wire.model, &witness, (const bool[]){true, true});
  verdict_agreement(&v, &agreed, &of);
  assert_int_equal(agreed, 5);
  assert_int_equal(of, 6);
  assert_int_equal(v.n_findings, 1);
  assert_int_equal(v.findings[0].id, FINDING_KERNEL_DISAGREES);
  assert_int_equal(v.findings[0].end, END_SERVER);
  assert_int_equal(v.findings[0].expected, TCPS_CLOSED);
  assert_int_equal(v.findings[0].actual, TCPS_LAST_ACK);
  sentence_make(&v, &wire.model, NULL, 5000000, sentence, sizeof sentence);
  assert_non_null(strstr(sentence, "the kernel had server in LAST_ACK, not CLOSED"));

  wire_open(&wire, 5, 6);
  wire_play(&wire, FIN1_ACK1);
  memset(&witness, 0, sizeof witness);
  hear(&witness.end[1], "?CLOSE_WAIT");
  snprintf(witness.end[1].holder, sizeof witness.end[1].holder, "nginx, pid 4673, fd 76");
  verdict_make(&v, &wire.model, 50000000);
  verdict_hear(&v, &wire.model, &witness, (const bool[]){true, true});
  sentence_make(&v, &wire.model, NULL, 50000000, sentence, sizeof sentence);
  assert_non_null(strstr(sentence, "has not called close(); held by nginx, pid 4673, fd 76"));
}

static void test_reset_reasons(void **state) {
  (void)state;
  static const struct {
    const char *wire, *reason;
    enum reset_cause cause;
    const char *says;
  } rows[] = {
      {OPENING "100 C PA 1 1 9\n200 S RA 1 10 0", "TCP_ABORT_ON_CLOSE", RESET_UNREAD_DATA,
       "left data of client unread; its kernel calls that TCP_ABORT_ON_CLOSE"},
      {OPENING "100 C PA 1 1 9\n200 S RA 1 10 0", "TCP_STATE", RESET_LINGER_0,
       "it aborted (SO_LINGER 0, or an administrator did)"},
      {OPENING "100 C PA 1 1 9\n200 S RA 1 10 0", "", RESET_CANNOT_TELL, "look alike"},
      {OPENING "100 C PA 1 1 9\n200 S RA 1 10 0", "SOMETHING_NEW", RESET_CANNOT_TELL, "look alike"},
      /* Where the wire can tell, it has told. */
      {"0 C S 0 0 0\n1 S RA 0 1 0", "NO_SOCKET", RESET_REFUSED, "refused"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct wire wire;
    struct verdict v;
    char sentence[1024];
    wire_open(&wire, 5, 6);
    wire_play(&wire, rows[i].wire);
    verdict_make(&v, &wire.model, 5000000);
    verdict_hear_reset(&v, rows[i].reason);
    assert_int_equal(v.cause, rows[i].cause);
    sentence_make(&v, &wire.model, NULL, 5000000, sentence, sizeof sentence);
    if (!strstr(sentence, rows[i].says)) fail_msg("row %zu: %s", i, sentence);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_compare),
      cmocka_unit_test(test_out_of_date),
      cmocka_unit_test(test_said_before_the_rst),
      cmocka_unit_test(test_doubled),
      cmocka_unit_test(test_retract),
      cmocka_unit_test(test_said_before_the_last_word),
      cmocka_unit_test(test_closed_by_the_kernel),
      cmocka_unit_test(test_late_words),
      cmocka_unit_test(test_order_of_words),
      cmocka_unit_test(test_same_moment),
      cmocka_unit_test(test_full),
      cmocka_unit_test(test_closed_silently),
      cmocka_unit_test(test_cause_after_timeout),
      cmocka_unit_test(test_verdict_hears),
      cmocka_unit_test(test_reset_reasons),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
