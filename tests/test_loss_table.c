/* The table of loss.c, row by row: what copies and answers say, and with one clue less, or one that
 * speaks against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/model/loss.h"

/* The FIN has the octet 999; until an answer everything before that had been acknowledged. */
enum { FIN_SEQ = 999 };

/* "F0/100@990": a copy at 0 ms with the timestamp 100, from octet 990 on (FIN_SEQ if it says
 * nothing), o: a newer one had been used, m: it may end CLOSING, x: two taps show it lost.
 * +MS: it was under way for longer. "K100/6": its sender acknowledges the 5 octets of an answer
 * that is not bare, and one more. "B100/200": octets before the FIN are sent again. "R0/0": the
 * last answer met a closed end. "G300/0": its receiver goes on without it. "A410/500": an answer
 * that echoes 500;
 * @ACKED before it, dLEFT: a D-SACK from there on, n: it is not bare, c: its options were cut off,
 * w: from TIME_WAIT. /0: without timestamps. */
static void play(struct close_fin *fin, const char *events) {
  for (char word[32]; sscanf(events, " %31s", word) == 1;) {
    events = strstr(events, word) + strlen(word);
    unsigned ms, stamp, octet = FIN_SEQ, left = 0, later_ms = 0;
    const char *at = strchr(word, '@'), *dsack = strchr(word, 'd'), *later = strchr(word, '+');
    assert_int_equal(sscanf(word + 1, "%u/%u", &ms, &stamp), 2);
    if (at) assert_int_equal(sscanf(at, "@%u", &octet), 1);
    if (dsack) assert_int_equal(sscanf(dsack, "d%u", &left), 1);
    if (later) assert_int_equal(sscanf(later, "+%u", &later_ms), 1);
    int64_t delay_us = later_ms * INT64_C(1000);
    struct segment s = {.t_us = ms * INT64_C(1000),
                        .is_lost = strchr(word, 'x'),
                        .flags = SEGMENT_ACK,
                        .options = stamp ? SEGMENT_HAS_TIMESTAMPS : 0};
    if (word[0] == 'F') {
      s.seq = octet;
      s.flags |= SEGMENT_FIN;
      s.tsval = stamp;
      loss_note_copy(fin, &s, delay_us, false, strchr(word, 'o'), strchr(word, 'm'));
      continue;
    }
    if (word[0] == 'G') {
      fin->not_there_us = s.t_us;
      continue;
    }
    if (word[0] == 'U') {
      fin->unaware_us = s.t_us;
      continue;
    }
    if (word[0] == 'R') {
      fin->answer_met_closed = true;
      continue;
    }
    if (word[0] == 'K') {
      loss_note_acked(fin, stamp);
      continue;
    }
    if (word[0] == 'B') {
      s.tsval = stamp;
      s.seq = at ? octet : 0;
      loss_note_beside(fin, FIN_SEQ, &s);
      continue;
    }
    s.ack = FIN_SEQ + 1;
    s.tsecr = stamp;
    s.payload_bytes = strchr(word, 'n') ? 5 : 0;
    if (strchr(word, 'c')) s.options |= SEGMENT_OPTIONS_CUT;
    if (dsack) {
      s.options |= SEGMENT_HAS_SACK;
      s.sack_left = left;
      s.sack_right = FIN_SEQ + 1;
    }
    loss_note_answer(fin, FIN_SEQ, octet, !strchr(word, 'w'), &s, delay_us);
  }
}

/* "fin after-tap 1: why; ..." */
static const char *text_of(const struct losses *l, char text[static 400]) {
  static const char *const names[LOSS_OF] = {"fin", "ack", "either"};
  size_t n = 0;
  text[0] = '\0';
  for (unsigned what = 0; what < LOSS_OF; what++)
    for (unsigned place = 0; place < LOSS_PLACES; place++)
      if (l->count[what][place] > 0)
        n += (size_t)snprintf(text + n, 400 - n, "%s %s %u: %s; ", names[what],
                              loss_place_name(place), l->count[what][place],
                              l->because[what][place]);
  if (l->spurious)
    n += (size_t)snprintf(text + n, 400 - n, "spurious %u: %s; ", l->spurious, l->spurious_because);
  if (l->final_ack_late) n += (size_t)snprintf(text + n, 400 - n, "late; ");
  if (l->untold_because)
    n += (size_t)snprintf(text + n, 400 - n, "untold: %s; ", l->untold_because);
  return text;
}

#define SACKED "its receiver had acknowledged it selectively; "
#define SOONER "it was repeated sooner than an ACK is delayed; "
#define NAMED "the echoed timestamp names the copy that came first; "
#define TOO_LATE "untold: the answer came so late that all copies may have come together; "
#define TWICE_WHEN "a D-SACK says that it had come before, and the echoed timestamp when; "
#define TWICE "a D-SACK says that a copy had come before; "
#define NETWORK "a D-SACK says that a copy had come before, or that the network made one; "
#define NO_ANSWER \
  "untold: a copy had come, and had no answer because octets before it were missing; "
#define NO_OTHER "the ACK carries no D-SACK, so no other copy had come; "
#define NO_TIME "untold: it was repeated sooner than an ACK could come; "
#define MAY_BE_LATE "untold: the answer echoes the timestamp of an earlier copy: it may be late; "
#define OVERTAKEN "untold: a newer timestamp may have come before it: then it is dropped; "
#define MOVED "untold: it may have ended CLOSING, and that has no answer; "
#define MOVED_ONCE "either unknown 1: " NOTHING_TELLS MOVED
#define AT_ONCE                                                                                  \
  "untold: an ACK that changed the state of its receiver came together with it: then it may be " \
  "dropped; "
#define NOTHING_TELLS "nothing tells whether the FIN or its ACK was lost; "
#define BETWEEN "fin between-taps 1: it passed one tap, and never the other; "
#define BEHIND "untold: octets before it were missing: if it came, it had no answer; "
#define WENT_ON "its receiver went on without it long after it had passed; "
#define REST "nothing names the other copies; "
#define ACK_AFTER_TAP "ack after-tap 1: the FIN was sent again long after it had passed; "

#define HAD_BEFORE "untold: the ACK came with octets that had come before: then it is dropped; "

static const struct {
  const char *context; /* Q: its receiver answers after 30 ms; S: SACK is permitted; T: its receiver
                          is in TIME_WAIT; N: network copies; V: the delay varies */
  const char *events, *says;
} rows[] = {
    /* Acknowledged selectively, whatever else there is. */
    {"S", "F0/100 sacked F400/500 A410/500", "spurious 1: " SACKED},
    {"S", "F0/100 sacked F8/108 A9/108d999", "spurious 1: " SACKED},
    /* So soon that no ACK of the first copy could be there: a D-SACK says that it came. */
    {"S", "F0/100 F8/108 A9/108d999", "spurious 1: " SOONER},
    {"T", "F0/100 F8/108 A9/100d999w", "spurious 1: " SOONER},
    {"S", "F0/100 F8/108 A9/108", ""},
    {"", "F0/100 F8/108 A9/108", NO_TIME},
    /* In TIME_WAIT the first timestamp stays, however late the answer; of the first answer alone.
     */
    {"T", "F0/100 F400/500 A410/100w", "ack before-tap 1: " NAMED},
    {"T", "F0/100 F400/500 A410/500w", "fin after-tap 1: " NAMED},
    {"", "F0/100 F400/500 A410/500w", "either unknown 1: " NOTHING_TELLS},
    {"T", "F0/100 F400/500 A410/0w", "either unknown 1: " NOTHING_TELLS},
    {"T", "F0/100 F400/500 A2400/100w", "ack before-tap 1: " NAMED},
    {"T", "F0/100 A1/100w F400/500 F900/1000 A910/500w",
     ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    /* An answer that is late, and bare, and the first. */
    {"", "F0/0 F400/0 A2400/0", TOO_LATE},
    {"S", "F0/100 F400/500 A2400/100d999", TOO_LATE},
    {"S", "F0/100 F400/500 A2400/500", TOO_LATE},
    {"S", "F0/100 F400/500 A2400/100c", TOO_LATE},
    {"S", "F0/100 F400/500 A410/500c", "either unknown 1: " NOTHING_TELLS},
    {"", "F0/0 F400/0 A2400/0n", "either unknown 1: " NOTHING_TELLS},
    {"", "F0/0 F400/0 A410/0", "either unknown 1: " NOTHING_TELLS},
    {"", "F0/0 A1/0 F400/0 F900/0 A2400/0", ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    /* Unless it may be to the newest, by a round trip that is a little quicker than all before. */
    {"Q", "F0/0 F400/0 F800/0 A821/0", "either unknown 1: " NOTHING_TELLS},
    {"Q", "F0/0 F400/0 F800/0 A819/0", TOO_LATE},
    {"Q", "F0/0 F400/0 A2400/0", TOO_LATE},
    /* A D-SACK of all. */
    {"S", "F0/100 F400/500 A410/100d999", "ack before-tap 1: " TWICE_WHEN},
    {"S", "F0/100 F400/500 F900/1000 A910/100d999",
     "ack before-tap 1: " TWICE_WHEN "either unknown 1: " REST},
    {"SN", "F0/100 F400/500 A410/100d999", "ack before-tap 1: " TWICE_WHEN},
    {"S", "F0/100 F400/500 A410/500d999", "ack before-tap 1: " TWICE},
    {"S", "F0/0 F400/0 A410/0d999", "ack before-tap 1: " TWICE},
    {"SN", "F0/0 F400/0 A410/0d999", "either unknown 1: " NETWORK},
    {"S", "F0/0 F400/0 F500/0 A510/0d999", "either unknown 1: " NETWORK},
    {"S", "F0/100 A1/100 F400/500 F900/1000 A910/500d999",
     ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    {"SN", "F0/0 A1/0 F400/0 F900/0 A910/0d999", ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    /* A D-SACK of the FIN alone, where more had come. */
    {"S", "F0/100@990 F400/500 A410/100@990d999", NO_ANSWER},
    {"S", "F0/0@990 F400/0@990 A410/0@990d999", NO_ANSWER},
    {"SN", "F0/0@990 F400/0@990 A410/0@990d999", NO_ANSWER},
    {"S", "F0/0@990 A1/0 F400/0@990 F900/0@990 A910/0@990d999",
     ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    /* No D-SACK, though there would be one. */
    {"S", "F0/100 F400/500 A410/500", "fin after-tap 1: " NO_OTHER},
    {"S", "F0/0 F400/0 A410/0", "fin after-tap 1: " NO_OTHER},
    {"", "F0/100 F400/500 A410/500", "either unknown 1: " NOTHING_TELLS},
    {"S", "F0/100 F400/500 A410/500n", "either unknown 1: " NOTHING_TELLS},
    {"S", "F0/100 F400/500 A410/500w", "either unknown 1: " NOTHING_TELLS},
    {"S", "F0/100 F400/500 A2400/900", "either unknown 1: " NOTHING_TELLS},
    {"S", "F0/100@990 F400/500 A410/500@990", "either unknown 1: " NOTHING_TELLS},
    {"S", "F0/0 A1/0 F400/0 F900/0 A910/0", ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    /* Where segments overtake each other, an answer that echoes an earlier copy may be to that. */
    {"", "F0/100 F400/500 A410/100", "either unknown 1: " NOTHING_TELLS},
    {"R", "F0/100 F400/500 A410/100", MAY_BE_LATE},
    {"R", "F0/100 F400/500 A410/500", "either unknown 1: " NOTHING_TELLS},
    {"R", "F0/100 F100/200 A110/100", NO_TIME},
    {"R", "F0/100 F400/500 A410/900", "either unknown 1: " NOTHING_TELLS},
    {"SR", "F0/100 F400/500 A410/100d999", "ack before-tap 1: " TWICE_WHEN},
    {"TR", "F0/100 F400/500 A410/100w", "ack before-tap 1: " NAMED},
    {"SR", "F0/100 F400/500 A410/100w", MAY_BE_LATE},
    {"SR", "F0/100@990 F400/500 A410/100@990d999", NO_ANSWER},
    /* A FIN whose timestamp is older than another that may have come is dropped. */
    {"", "F0/100o F400/500 A410/500", OVERTAKEN},
    {"S", "F0/100o F400/500 A410/500", OVERTAKEN},
    {"R", "F0/100 B100/200 F400/500 A410/500", OVERTAKEN},
    {"", "F0/100 B100/200 F400/500 A410/500", "either unknown 1: " NOTHING_TELLS},
    {"R", "F0/100 B100/200@999 F400/500 A410/500", "either unknown 1: " NOTHING_TELLS},
    {"R", "F0/100 B100/100 F400/500 A410/500", "either unknown 1: " NOTHING_TELLS},
    {"R", "F0/0 B100/0 F400/0 A410/0", "either unknown 1: " NOTHING_TELLS},
    {"R", "B0/100 F10/90 F400/500 A410/500", "either unknown 1: " NOTHING_TELLS},
    /* A copy that was under way for longer left before the answer came; and so may the answer be.
     */
    {"", "F0/0 A1/0 F100/0", ACK_AFTER_TAP},
    {"", "F0/0 A1/0 F100/0+89", ACK_AFTER_TAP},
    {"", "F0/0 A1/0 F100/0+90", ""},
    {"V", "F0/0 A1/0 F100/0+29", ACK_AFTER_TAP},
    {"V", "F0/0 A1/0 F100/0+30", ""},
    {"", "F0/0 A1/0 U11/0", ACK_AFTER_TAP},
    {"", "F0/0 A1/0 U10/0", ""},
    {"V", "F0/0 A1/0 U71/0", ACK_AFTER_TAP},
    {"V", "F0/0 A1/0 U70/0", ""},
    /* An answer that left before the newest copy passed is to the one before. */
    {"", "F0/100 F400/500 A410/500+10", "either unknown 1: " NOTHING_TELLS},
    {"", "F0/100 F400/500 A410/500+11", ""},
    /* Its receiver had two things at once. */
    {"A", "F0/100 F200/300 F600/700 A610/700", "either unknown 1: " NOTHING_TELLS AT_ONCE},
    {"A", "F0/100 F201/300 F600/700 A610/700", "either unknown 1: " NOTHING_TELLS AT_ONCE},
    {"a", "F0/100 F200/300 F600/700 A610/700", "either unknown 2: " NOTHING_TELLS},
    {"A", "F200/300 F600/700 A610/700", "either unknown 1: " NOTHING_TELLS},
    {"B", "F200/300 F600/700 A610/700", AT_ONCE},
    {"TA", "F200/300 F600/700 A610/700w", "fin after-tap 1: " NAMED},
    {"TB", "F200/300 F600/700 A610/700w", AT_ONCE},
    {"TB", "F200/300 F600/700 A610/300w", "ack before-tap 1: " NAMED},
    {"B", "F200/0 F600/0 A610/0", "either unknown 1: " NOTHING_TELLS},
    {"A", "F0/100 F202/300 F600/700 A610/700", "either unknown 2: " NOTHING_TELLS},
    {"A", "F0/100 F199/300 F600/700 A610/700", "either unknown 2: " NOTHING_TELLS},
    /* Its receiver went on without it; that something else would say so of no copy changes nothing.
     */
    {"", "F0/100 G300/0 F400/500 A410/500", "fin after-tap 1: " WENT_ON},
    {"", "F0/100 G300/0", "fin after-tap 1: " WENT_ON},
    {"", "F0/100x G300/0", BETWEEN},
    {"", "F0/100 A1/100 F400/500 G900/0", ACK_AFTER_TAP},
    {"", "F0/100 A1/100 G900/0", ""},
    /* An answer in octets that were no news. */
    {"", "F0/0 A1/0n K300/6 F400/0", HAD_BEFORE},
    {"", "F0/0 A1/0n K300/5 F400/0", ACK_AFTER_TAP},
    {"", "F0/0 A1/0 K300/6 F400/0", ACK_AFTER_TAP},
    {"", "F0/0 A1/0n A2/0 K300/6 F400/0", ACK_AFTER_TAP},
    {"", "F0/0 K0/6 A1/0n F400/0", ACK_AFTER_TAP},
    {"", "F0/0 A1/0n K300/6 F400/0 A401/0 F900/0", ACK_AFTER_TAP HAD_BEFORE},
    {"S", "F0/100 G300/0 F400/500o F800/900 A810/900", "fin after-tap 1: " WENT_ON OVERTAKEN},
    /* An answer is to nothing that passed within the round trip before it, but the first D-SACK is
     * to the second copy at the least. */
    {"Q", "F0/0 F9/0 A10/0", ""},
    {"QS", "F0/0 F20/0 A31/0d999", "spurious 1: " SOONER},
    {"QS", "F0/0 A31/0 F400/0 F420/0 A431/0d999", ACK_AFTER_TAP},
    {"TQ", "F0/100 F400/500 F600/700 A610/700w", "either unknown 1: " NOTHING_TELLS},
    {"QR", "F0/100 F400/500 F600/700 A610/500n", "either unknown 1: " NOTHING_TELLS},
    /* Of what two taps show nothing has to be inferred. */
    {"", "F0/100x F400/500 F800/900 A810/900", BETWEEN "either unknown 1: " NOTHING_TELLS},
    {"", "F0/100x F8/108 A9/108", BETWEEN},
    /* All that came are known, and of the others nothing can be told. */
    {"S", "F0/0@995 F400/0@990 A410/0@990d990", "ack before-tap 1: " TWICE BEHIND},
    /* An answer too many takes a loss back; the first one may have been two. */
    {"S", "F0/0 F400/0 F800/0 A810/0d999", "ack before-tap 1: " TWICE "either unknown 1: " REST},
    {"S", "F0/0 F400/0 F800/0 A810/0d999 A811/0", ""},
    {"S", "F0/0 F400/0 F800/0 F1200/0 F1600/0 A1610/0d999 A1611/0 A1612/0",
     "either unknown 1: " REST},
    {"S", "F0/0 A1/0 F400/0 F800/0 F1200/0 A1210/0d999 A1211/0",
     ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
    {"", "F0/0 F400/0 F800/0 A810/0n A811/0", "either unknown 1: " NOTHING_TELLS},
    {"SN", "F0/0 F400/0 F800/0 A810/0d999 A811/0", ""},
    /* One that met a closed end was the second: the first had come, and late. */
    {"", "F0/0 A1/0 F400/0 A401/0 R0/0", "late; "},
    {"", "F0/0 F400/0 A410/0n A411/0 R0/0", ""},
    {"", "F0/0 A20/0 F29/0+1 A40/0 R0/0", "late; "},
    {"", "F0/0 A20/0 F29/0 A40/0 R0/0", ""},
    {"", "F0/0+1 A20/0 F29/0 A40/0 R0/0", ""},
    {"", "F100/60 A101/60 A110/60 R0/0", ""},
    {"", "F0/0 A1/0 R0/0", ""},
    {"T", "F0/100 F400/500 A410/100w R0/0", "ack before-tap 1: " NAMED},
    {"T", "F0/100 F400/500 A410/100w F415/515 A416/100w R0/0", "late; "},
    {"T", "F0/100 F400/500 F800/900 A810/900w A811/900w R0/0", "fin after-tap 1: " NAMED},
    /* Of more than are kept the newest count. */
    {"S", "F0/0 F400/0 F800/0 F1200/0 F1600/0 F2000/0 F2400/0 F2800/0 F3200/0 F3600/0 A3610/0",
     "fin after-tap 7: " NO_OTHER},
    {"",
     "F0/0 A10/0 F400/0 A410/0 F800/0 A810/0 F1200/0 A1210/0 F1600/0 A1610/0 F2000/0 A2010/0 "
     "F2400/0 A2410/0 F2800/0 A2810/0 F3200/0 A3210/0 F3600/0 A3610/0",
     "ack after-tap 7: the FIN was sent again long after it had passed; "},
    /* What ends CLOSING has no answer. */
    {"", "F0/100m F400/500 A410/100", MOVED},
    {"", "F0/0m F400/0 A410/0", MOVED},
    {"", "F0/100m F400/500 A410/300", "either unknown 1: " NOTHING_TELLS},
    {"", "F0/0m F400/0m F800/0 A810/0", MOVED_ONCE},
    {"", "F0/0m A10/0 F400/0m F800/0 A810/0", ACK_AFTER_TAP "either unknown 1: " NOTHING_TELLS},
};

static void each_row(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct close_fin fin = {0};
    char events[200], text[400];
    snprintf(events, sizeof events, "%s", rows[i].events);
    char *sacked = strstr(events, " sacked");
    if (sacked) memset(sacked, ' ', strlen(" sacked"));
    play(&fin, events);
    fin.sacked = sacked;
    /* Half a millisecond after a copy at 200 its sender acknowledges the other FIN, a: with data;
     * B: 50 us after it. */
    const struct close_fin other = {
        .answer = {{.t_us = strchr(rows[i].context, 'B') ? 200050 : 200500,
                    .plain = strpbrk(rows[i].context, "AB")}},
    };
    const struct loss_context context = {
        .other = &other,
        .receiver_us = strchr(rows[i].context, 'Q') ? 30000 : 0,
        .receiver_long_us = 100000,
        .sender_soon_us = 10000,
        .sender_varies_us = strchr(rows[i].context, 'V') ? 60000 : 0,
        .sack_permitted = strchr(rows[i].context, 'S'),
        .met_time_wait = strchr(rows[i].context, 'T'),
        .network_copies = strchr(rows[i].context, 'N'),
        .reorders = strchr(rows[i].context, 'R'),
    };
    const struct losses losses = loss_infer(&fin, &context);
    if (strcmp(text_of(&losses, text), rows[i].says) != 0)
      fail_msg("%s, %s\n  says:   %s\n  wanted: %s", rows[i].events, rows[i].context, text,
               rows[i].says);
  }
}

static void a_lost_answer_is_none(void **unused) {
  (void)unused;
  struct close_fin fin = {0};
  play(&fin, "F0/100 A1/100x");
  assert_int_equal(fin.unanswered, 1);
  play(&fin, "A2/100");
  assert_int_equal(fin.unanswered, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_row),
                                     cmocka_unit_test(a_lost_answer_is_none)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
