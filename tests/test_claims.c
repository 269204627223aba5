/* What the model claims, in every history of many kinds of close (histories.h), against what really
 * happened: what it says was lost, by role and place, is at most what the channel lost; the cause
 * of an RST is the true one, or it cannot tell; nobody is called stuck who is not, and nobody's
 * conforming end is blamed. After every captured segment, not only at the end.
 */
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
#include "tests/histories.h"

enum { SHOWN_MAX = 12 };

static struct { uint64_t histories, checks, losses, lost, causes, resets, stuck, spurious; } sum;
static unsigned wrong;
static char told[SHOWN_MAX][64];
static unsigned n_told;

static void complain(const struct history_config *config, const struct verdict *v,
                     const struct model *m, int64_t now_us, const char *what) {
  char sentence[1200];
  wrong++;
  for (unsigned i = 0; i < n_told; i++)
    if (strcmp(told[i], what) == 0) return;
  if (n_told == SHOWN_MAX) return;
  snprintf(told[n_told++], sizeof *told, "%s", what);
  histories_tell(config);
  printf("#   wrong: %s\n#   said: %s\n", what,
         sentence_make(v, m, NULL, now_us, sentence, sizeof sentence));
}

static unsigned all_places(const uint16_t count[static LOSS_PLACES]) {
  return (unsigned)count[LOSS_BEFORE_TAP] + count[LOSS_AFTER_TAP] + count[LOSS_PLACE_UNKNOWN];
}

static const char *wrong_loss(const struct history_config *config, const struct truth *t,
                              const struct model *m, const struct verdict *v) {
  static const enum loss_kind kinds[2][LOSS_OF] = {
      [FIN1] = {LOSS_FIN1, LOSS_ACK1, LOSS_FIN1_OR_ACK1},
      [FIN2] = {LOSS_FIN2, LOSS_ACK2, LOSS_FIN2_OR_ACK2},
  };
  static const char *const names[2][LOSS_OF + 2] = {
      {"fin1", "ack1", "fin1/ack1", "fin1 before or after", "ack1 before or after"},
      {"fin2", "final-ack", "fin2/final-ack", "fin2 before or after", "final-ack before or after"},
  };
  for (unsigned which = FIN1; which <= FIN2; which++) {
    enum end closer = connection_closer(m, which);
    const uint16_t *fin = v->losses[kinds[which][LOSS_OF_FIN]],
                   *ack = v->losses[kinds[which][LOSS_OF_ACK]],
                   *either = v->losses[kinds[which][LOSS_OF_EITHER]];
    unsigned n_fin = all_places(fin), n_ack = all_places(ack), n_either = all_places(either);
    if (closer == END_NONE) {
      if (n_fin + n_ack + n_either > 0) return "a loss without a FIN";
      continue;
    }
    const uint32_t *fin_lost = t->end[closer].fin_lost, *ack_lost = t->end[closer].ack_lost;
    if (t->end[closer].nameless) continue;
    unsigned fins = fin_lost[LOST_BEFORE] + fin_lost[LOST_AFTER],
             acks = ack_lost[LOST_BEFORE] + ack_lost[LOST_AFTER];
    sum.losses += n_fin + n_ack + n_either;
    sum.lost += fins + acks;
    if (n_fin > fins) return names[which][LOSS_OF_FIN];
    if (n_ack > acks) return names[which][LOSS_OF_ACK];
    if (n_fin + n_ack + n_either > fins + acks + t->end[closer].mute)
      return names[which][LOSS_OF_EITHER];
    if (config->filter != FILTER_NONE) continue;
    if (fin[LOSS_BEFORE_TAP] > fin_lost[LOST_BEFORE] || fin[LOSS_AFTER_TAP] > fin_lost[LOST_AFTER])
      return names[which][LOSS_OF];
    if (ack[LOSS_BEFORE_TAP] > ack_lost[LOST_BEFORE] || ack[LOSS_AFTER_TAP] > ack_lost[LOST_AFTER])
      return names[which][LOSS_OF + 1];
  }
  return NULL;
}

static const char *wrong_cause(const struct truth *t, const struct model *m,
                               const struct verdict *v) {
  if (m->rst.from == END_NONE) return NULL;
  uint32_t causes = t->end[m->rst.from].causes, named = 1U << v->cause;
  sum.resets++;
  if (v->cause == RESET_CANNOT_TELL) {
    if (!m->rst.has_ack || m->rst.after_hole) return NULL;
    named = 1U << RESET_LINGER_0 | 1U << RESET_UNREAD_DATA;
    if (m->rst.after_late_data) named |= 1U << RESET_DATA_AFTER_CLOSE;
  } else {
    sum.causes++;
    /* The sentence names both: nobody can tell when no FIN was captured. */
    bool before_fins = m->first_closer == END_NONE || m->rst.t_us < m->first_fin_us;
    if (m->rst.answers_ack && before_fins) named |= 1U << RESET_DATA_AFTER_CLOSE;
  }
  return causes & named ? NULL : "cause";
}

static const char *wrong_stuck(const struct truth *t, const struct verdict *v) {
  for (unsigned i = 0; i < v->n_findings; i++) {
    const struct finding *f = &v->findings[i];
    enum finding_severity severity = finding_text(f->id)->severity;
    if (severity == FINDING_BREACH) return finding_text(f->id)->id;
    if (severity != FINDING_STUCK) continue;
    enum end about = (enum end)f->end;
    sum.stuck++;
    if (f->id == FINDING_CLOSE_WAIT_STUCK) {
      /* An RST is sent once: no watcher can know of one that it has not seen. */
      if (t->end[about].rst_lost) continue;
      if (!t->end[about].peer_closed || t->end[about].app_closed) return finding_text(f->id)->id;
    } else if (t->end[end_other(about)].fin_acked && !t->end[end_other(about)].nameless) {
      return finding_text(f->id)->id;
    }
  }
  return NULL;
}

static const char *wrong_ending(const struct truth *t, const struct model *m,
                                const struct verdict *v) {
  if (ending_is_complete(v->ending)) {
    if (!t->end[0].ack_was_sent || !t->end[1].ack_was_sent) return "a complete ending";
  }
  if (v->closed_first != END_NONE && v->conformity != CANNOT_TELL &&
      !t->end[v->closed_first].fin_first)
    return "who closed first";
  if (v->closed_both && !(t->end[0].fin_first && t->end[1].fin_first)) return "both at once";
  for (unsigned which = FIN1; which <= FIN2; which++) {
    if (!v->spurious_because[which]) continue;
    enum end closer = connection_closer(m, which);
    sum.spurious++;
    if (t->end[closer].fin_arrived == 0) return "nothing was lost";
  }
  return NULL;
}

static void check(const struct history_config *config, const struct truth *t, const struct model *m,
                  int64_t now_us) {
  struct verdict v;
  const char *what;
  verdict_make(&v, m, now_us);
  sum.checks++;
  if ((what = wrong_loss(config, t, m, &v)) || (what = wrong_cause(t, m, &v)) ||
      (what = wrong_stuck(t, &v)) || (what = wrong_ending(t, m, &v)))
    complain(config, &v, m, now_us, what);
}

/* ---- The kinds ------------------------------------------------------------------------------ */

#define MS *1000
#define S *1000000

static const struct {
  const char *name;
  struct application application[2];
} CLOSES[] = {
    {"normal", {{.close_us = 50 MS}, {.after_eof_us = 100 MS}}},
    {"coalesced", {{.close_us = 50 MS}, {.after_eof_us = 1}}},
    {"server first", {{.after_eof_us = 30 MS}, {.close_us = 50 MS}}},
    {"both at once", {{.close_us = 50 MS}, {.close_us = 50 MS}}},
    {"nearly at once", {{.close_us = 50 MS}, {.close_us = 65 MS}}},
    {"data, then close", {{.write_us = 20 MS, .close_us = 50 MS}, {.after_eof_us = 100 MS}}},
    {"data and FIN in a row", {{.write_us = 50 MS, .close_us = 50 MS}, {.after_eof_us = 1}}},
    {"half-close",
     {{.close_us = 50 MS, .half_close = true}, {.write_us = 200 MS, .after_eof_us = 1 S}}},
    {"data after close", {{.close_us = 50 MS}, {.write_us = 200 MS, .after_eof_us = 1 S}}},
    {"data crosses the FIN", {{.close_us = 50 MS}, {.write_us = 50 MS, .after_eof_us = 100 MS}}},
    {"the client never closes", {{.half_close = true}, {.close_us = 50 MS}}},
    {"closes after 70 s", {{.close_us = 50 MS}, {.after_eof_us = 70 S}}},
    {"data after 70 s", {{.close_us = 50 MS}, {.write_us = 70 S}}},
    {"aborts", {{.close_us = 50 MS, .linger_0 = true}, {.after_eof_us = 1}}},
    {"aborts, had got data",
     {{.close_us = 200 MS, .linger_0 = true}, {.write_us = 50 MS, .after_eof_us = 1}}},
    {"aborts after FIN", {{.close_us = 50 MS}, {.close_us = 400 MS, .linger_0 = true}}},
    {"unread data",
     {{.write_us = 50 MS, .after_eof_us = 1}, {.close_us = 200 MS, .reads_nothing = true}}},
    {"unread data after FIN",
     {{.write_us = 50 MS, .close_us = 60 MS}, {.after_eof_us = 200 MS, .reads_nothing = true}}},
    {"server dies", {{.write_us = 100 MS, .close_us = 200 MS}, {.dies_us = 60 MS}}},
    {"server restarts", {{.write_us = 100 MS, .after_eof_us = 1}, {.forgets_us = 60 MS}}},
    {"server restarts, client closes", {{.close_us = 200 MS}, {.forgets_us = 60 MS}}},
};

static const struct {
  const char *name;
  int64_t leg_us[2];
} TAPS[] = {
    {"loopback", {20, 20}},
    {"tap at the client", {10, 30 MS}},
    {"tap at the server", {150 MS, 10}},
    {"tap between", {40 MS, 20 MS}},
};

static const struct {
  const char *name;
  enum stack stack[2];
  bool timestamps, sack;
  int64_t delayed_ack_us;
} STACKS[] = {
    {"Linux", {STACK_LINUX, STACK_LINUX}, true, true, 0},
    {"Linux, delayed ACKs", {STACK_LINUX, STACK_LINUX}, true, true, 40 MS},
    {"no options, delayed ACKs", {STACK_LINUX, STACK_LINUX}, false, false, 100 MS},
    {"no timestamps", {STACK_LINUX, STACK_LINUX}, false, true, 0},
    {"BSD and Linux", {STACK_BSD, STACK_LINUX}, true, true, 0},
    {"Linux and BSD", {STACK_LINUX, STACK_BSD}, true, true, 100 MS},
    {"Windows", {STACK_RST_ACK, STACK_RST_ACK}, false, true, 40 MS},
    {"gVisor", {STACK_RST_ACK_BARE, STACK_RST_ACK_BARE}, true, true, 0},
};

static const char *const FILTERS[FILTER_COUNT] = {
    [FILTER_NONE] = "all captured",
    [FILTER_FLAGS] = "SYN, FIN and RST only",
    [FILTER_BARE_ACKS] = "no bare ACKs",
    [FILTER_FROM_CLIENT] = "from the client only",
    [FILTER_FROM_SERVER] = "from the server only",
    [FILTER_HANDSHAKE] = "no handshake",
};

static void play(unsigned close, unsigned tap, unsigned stack, enum filter filter) {
  char name[160];
  snprintf(name, sizeof name, "%s; %s; %s; %s", CLOSES[close].name, TAPS[tap].name,
           STACKS[stack].name, FILTERS[filter]);
  struct history_config config = {
      .name = name,
      .filter = filter,
      .delayed_ack_us = STACKS[stack].delayed_ack_us,
      .timestamps = STACKS[stack].timestamps,
      .sack = STACKS[stack].sack,
      .deviations = 1,
      .goes_on_us = 30 S,
  };
  for (unsigned i = 0; i < 2; i++) {
    config.application[i] = CLOSES[close].application[i];
    config.stack[i] = STACKS[stack].stack[i];
    config.leg_us[i] = TAPS[tap].leg_us[i];
  }
  sum.histories += histories_play(&config, check);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void claims_are_true(void **unused) {
  (void)unused;
  for (unsigned close = 0; close < COUNT(CLOSES); close++)
    for (unsigned tap = 0; tap < COUNT(TAPS); tap++)
      for (unsigned stack = 0; stack < COUNT(STACKS); stack++)
        for (enum filter filter = FILTER_NONE; filter < FILTER_COUNT; filter++)
          play(close, tap, stack, filter);
  assert_int_equal(wrong, 0);
}

static int print_sum(void **unused) {
  (void)unused;
  printf(
      "# %llu histories, %llu verdicts: %llu losses claimed of %llu, %llu causes of %llu "
      "resets, %llu stuck, %llu spurious\n",
      (unsigned long long)sum.histories, (unsigned long long)sum.checks,
      (unsigned long long)sum.losses, (unsigned long long)sum.lost, (unsigned long long)sum.causes,
      (unsigned long long)sum.resets, (unsigned long long)sum.stuck,
      (unsigned long long)sum.spurious);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(claims_are_true)};
  return cmocka_run_group_tests_name("claims", tests, NULL, print_sum);
}
