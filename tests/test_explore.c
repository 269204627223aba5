/* Two hosts, a channel and the watcher, explored state by state (explore.h), in many ways.
 *
 * In every reachable state of every one of them: each host is where RFC 9293 puts it, by what was
 * sent, has arrived and was acknowledged, so TIME_WAIT stands only where it belongs and the passive
 * closer's CLOSED never before the final ACK was delivered; neither is in a state that the RFC does
 * not allow beside the other's; every run ends, and with both ends CLOSED; and the watcher claims
 * nothing as seen that is false, presumes nothing that cannot be, awaits what comes, reports no
 * breach, and has its presumptions confirmed or refuted in the end (explore_oracle.c).
 *
 * TEARDOWN_EXPLORE=big goes further: five times as many states, and a gigabyte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/explore.h"

#define PAST .opening = OPENING_PAST
#define UNSEEN .opening = OPENING_UNSEEN
#define PASSIVE .opening = OPENING_PASSIVE
#define REFUSED .opening = OPENING_REFUSED
#define SIMULTANEOUS .opening = OPENING_SIMULTANEOUS
#define HALF_OPEN .opening = OPENING_HALF_OPEN, .unwatched = true
#define SENDERS .tap = TAP_AT_SENDERS
#define CLIENT .tap = TAP_AT_CLIENT
#define BETWEEN .tap = TAP_BETWEEN
/* What is broken off can leave FIN_WAIT_2 behind for ever: only a timeout that the RFC does not
 * have ends it. */
#define TIMEOUT .fin_wait_2_timeout = true

static const struct explore_config LOSSES[] = {
    {"no fault", PAST, BETWEEN},
    {"1 loss, tap between", PAST, BETWEEN, .losses = 1},
    {"1 loss, tap at the senders", PAST, SENDERS, .losses = 1},
    {"1 loss, tap at the client", PAST, CLIENT, .losses = 1},
    {"2 losses, tap between", PAST, BETWEEN, .losses = 2},
    {"2 losses, tap at the senders", PAST, SENDERS, .losses = 2},
    {"2 losses, tap at the client", PAST, CLIENT, .losses = 2},
    {"3 losses, tap between", PAST, BETWEEN, .losses = 3},
    {"3 losses, tap at the client", PAST, CLIENT, .losses = 3},
};

static const struct explore_config COPIES[] = {
    {"1 duplicate", PAST, BETWEEN, .duplicates = 1},
    {"1 reordering", PAST, BETWEEN, .reorders = 1},
    {"2 reorderings", PAST, BETWEEN, .reorders = 2},
    {"a loss and a duplicate", PAST, BETWEEN, .losses = 1, .duplicates = 1},
    {"a loss and a reordering", PAST, BETWEEN, .losses = 1, .reorders = 1},
    {"a duplicate and a reordering", PAST, BETWEEN, .duplicates = 1, .reorders = 1},
    {"a loss and a spurious repetition", PAST, BETWEEN, .losses = 1, .spurious = 1},
    {"the same, at the client", PAST, CLIENT, .losses = 1, .spurious = 1},
};

static const struct explore_config DATA[] = {
    {"data from the client, a loss", PAST, BETWEEN, .losses = 1, .data = {1, 0}},
    {"data from both, a loss", PAST, SENDERS, .losses = 1, .data = {1, 1}},
    {"data from the server, 2 losses", PAST, SENDERS, .losses = 2, .data = {0, 1}},
    {"data and a reordering", PAST, BETWEEN, .reorders = 1, .data = {1, 0}},
    {"data, old ACKs are not read", PAST, BETWEEN, .losses = 1, .data = {1, 0},
     .drops_old_acks = true},
};

static const struct explore_config BREAKS[] = {
    {"an abort, a loss", PAST, BETWEEN, .losses = 1, .aborts = 1, TIMEOUT},
    {"2 aborts", PAST, BETWEEN, .aborts = 2, TIMEOUT},
    {"an abort and a reordering", PAST, BETWEEN, .reorders = 1, .aborts = 1, TIMEOUT},
    {"a retransmission given up", PAST, BETWEEN, .losses = 1, .give_ups = 1, TIMEOUT},
    {"both given up", PAST, BETWEEN, .losses = 1, .give_ups = 2, TIMEOUT},
    {"an abort and one given up, data", PAST, SENDERS, .losses = 1, .aborts = 1, .give_ups = 1,
     .data = {0, 1}, TIMEOUT},
};

static const struct explore_config OPENINGS[] = {
    {"passive opening", PASSIVE, BETWEEN},
    {"passive, a loss", PASSIVE, BETWEEN, .losses = 1},
    {"passive, a loss, tap at the client", PASSIVE, CLIENT, .losses = 1},
    {"passive, 2 losses", PASSIVE, SENDERS, .losses = 2},
    {"passive, a duplicate", PASSIVE, BETWEEN, .duplicates = 1},
    {"passive, a reordering", PASSIVE, BETWEEN, .reorders = 1},
    {"passive, an abort and a loss", PASSIVE, SENDERS, .losses = 1, .aborts = 1, TIMEOUT},
    {"passive, given up", PASSIVE, SENDERS, .losses = 1, .give_ups = 1, TIMEOUT},
    {"close() in SYN_RECEIVED", PASSIVE, BETWEEN, .losses = 1, .closes_in_syn_received = true},
    {"the same and a duplicate", PASSIVE, BETWEEN, .duplicates = 1, .closes_in_syn_received = true},
    {"the same, an abort and a loss", PASSIVE, SENDERS, .losses = 1, .aborts = 1, TIMEOUT,
     .closes_in_syn_received = true},
    {"refused", REFUSED, BETWEEN},
    {"refused, 2 losses", REFUSED, BETWEEN, .losses = 2},
    {"refused, given up", REFUSED, BETWEEN, .losses = 1, .give_ups = 1, .spurious = 1},
    {"refused, a loss and a duplicate", REFUSED, BETWEEN, .losses = 1, .duplicates = 1},
    {"simultaneous opening", SIMULTANEOUS, BETWEEN},
    {"simultaneous, a loss", SIMULTANEOUS, BETWEEN, .losses = 1},
    {"simultaneous, a loss, at the client", SIMULTANEOUS, CLIENT, .losses = 1},
    {"simultaneous, a reordering", SIMULTANEOUS, BETWEEN, .reorders = 1},
    {"simultaneous, a spurious repetition", SIMULTANEOUS, SENDERS, .losses = 1, .spurious = 1},
    {"simultaneous, an abort", SIMULTANEOUS, BETWEEN, .aborts = 1, TIMEOUT},
    {"simultaneous, given up", SIMULTANEOUS, BETWEEN, .give_ups = 1, TIMEOUT},
    {"simultaneous, close() before its end", SIMULTANEOUS, SENDERS, .losses = 1,
     .closes_in_syn_received = true},
    {"half-open", HALF_OPEN, BETWEEN, .losses = 1, .data = {0, 1}},
    {"an old ACK before the SYN", PASSIVE, .unwatched = true, .stray = SEGMENT_ACK},
    {"an old FIN before the SYN", PASSIVE, .unwatched = true, .stray = SEGMENT_FIN | SEGMENT_ACK},
    {"an old SYN,ACK before it", PASSIVE, .unwatched = true, .stray = SEGMENT_SYN | SEGMENT_ACK},
    {"an old RST before the SYN", PASSIVE, .unwatched = true, .stray = SEGMENT_RST},
};

static const struct explore_config LATE[] = {
    {"nothing of the opening", UNSEEN, BETWEEN, .losses = 1},
    {"nothing of the opening, an abort", UNSEEN, BETWEEN, .losses = 1, .aborts = 1, TIMEOUT},
    {"from any moment on, 2 losses", PAST, BETWEEN, .losses = 2, .late = true},
    {"from any moment on, an abort", PAST, BETWEEN, .losses = 1, .aborts = 1, TIMEOUT,
     .late = true},
    {"from any moment on, data", PAST, SENDERS, .losses = 1, .data = {1, 0}, .late = true},
    {"from any moment on, a reordering", PAST, BETWEEN, .reorders = 1, .late = true},
    {"from the opening on or later", PASSIVE, BETWEEN, .losses = 1, .late = true},
    {"the same, simultaneous", SIMULTANEOUS, SENDERS, .losses = 1, .late = true},
};

static const struct explore_config HASTE[] = {
    {"in bursts, 1 loss", PAST, BETWEEN, .losses = 1, .bursts = true},
    {"in bursts, 2 losses, at the client", PAST, CLIENT, .losses = 2, .bursts = true},
    {"in bursts, a spurious repetition", PAST, SENDERS, .losses = 1, .spurious = 1, .bursts = true},
    {"in bursts, a reordering", PAST, BETWEEN, .losses = 1, .reorders = 1, .bursts = true},
    {"in bursts, an abort", PAST, SENDERS, .losses = 1, .aborts = 1, TIMEOUT, .bursts = true},
    {"in bursts, from the opening on", PASSIVE, SENDERS, .losses = 1, .bursts = true},
};

static const struct explore_config LARGER[] = {
    {"4 losses", PAST, BETWEEN, .losses = 4},
    {"6 losses, tap at the client", PAST, CLIENT, .losses = 6},
    {"2 losses, 2 duplicates", PAST, SENDERS, .losses = 2, .duplicates = 2},
    {"2 losses, 2 reorderings", PAST, BETWEEN, .losses = 2, .reorders = 2},
    {"2 losses, 2 spurious repetitions", PAST, SENDERS, .losses = 2, .spurious = 2},
    {"a loss, a duplicate, a reordering", PAST, BETWEEN, .losses = 1, .duplicates = 1,
     .reorders = 1},
    {"2 losses and data from both", PAST, SENDERS, .losses = 2, .data = {1, 1}},
    {"data, a loss, a reordering", PAST, BETWEEN, .losses = 1, .reorders = 1, .data = {1, 0}},
    {"data, an abort, a reordering", PAST, BETWEEN, .reorders = 1, .aborts = 1, .data = {1, 0},
     TIMEOUT},
    {"2 losses, an abort, one given up", PAST, BETWEEN, .losses = 2, .aborts = 1, .give_ups = 1,
     TIMEOUT},
    {"passive, 2 losses, close() early", PASSIVE, BETWEEN, .losses = 2,
     .closes_in_syn_received = true},
    {"passive, close() early, spurious", PASSIVE, BETWEEN, .losses = 1, .spurious = 1,
     .closes_in_syn_received = true},
    {"simultaneous, 2 losses", SIMULTANEOUS, BETWEEN, .losses = 2},
    {"2 losses, spurious, in bursts", PAST, SENDERS, .losses = 2, .spurious = 1, .bursts = true},
};

static const struct explore_config BIG[] = {
    {"5 losses", PAST, BETWEEN, .losses = 5},
    {"a loss and data from both, in bursts", PAST, BETWEEN, .losses = 1, .data = {1, 1},
     .bursts = true},
    {"2 losses and data from both, between", PAST, BETWEEN, .losses = 2, .data = {1, 1}},
    {"2 losses, 2 duplicates, between", PAST, BETWEEN, .losses = 2, .duplicates = 2},
    {"3 losses, a spurious repetition", PAST, BETWEEN, .losses = 3, .spurious = 1},
    {"2 losses and one of each other fault", PAST, BETWEEN, .losses = 2, .duplicates = 1,
     .reorders = 1, .spurious = 1},
    {"data, a loss, an abort, a reordering", PAST, BETWEEN, .losses = 1, .reorders = 1, .aborts = 1,
     .data = {1, 0}, TIMEOUT},
    {"simultaneous, a spurious repetition", SIMULTANEOUS, BETWEEN, .losses = 1, .spurious = 1},
    {"simultaneous, 3 losses", SIMULTANEOUS, BETWEEN, .losses = 3},
    {"from the opening on, 2 losses", PASSIVE, BETWEEN, .losses = 2, .late = true},
    {"from the opening on, spurious", PASSIVE, BETWEEN, .losses = 1, .spurious = 1, .late = true},
};

static size_t total_states, total_transitions;

static void explore_all(const struct explore_config *configs, size_t n) {
  unsigned wrong = 0;
  for (size_t i = 0; i < n; i++) {
    struct explore_result r = explore(&configs[i], EXPLORE_AND_TELL);
    print_message("#   %-39s %7zu states %7zu transitions %5zu of the watcher\n", configs[i].name,
                  r.states, r.transitions, r.watchers);
    if (r.full) print_message("#     a leg was full %zu times: not all was explored\n", r.full);
    total_states += r.states;
    total_transitions += r.transitions;
    if (r.failed || r.full || r.ends == 0) wrong++;
  }
  assert_int_equal(wrong, 0);
}

#define EXPLORES(test, configs)                                \
  static void test(void **unused) {                            \
    (void)unused;                                              \
    explore_all(configs, sizeof(configs) / sizeof *(configs)); \
  }

EXPLORES(losses, LOSSES)
EXPLORES(copies_and_reordering, COPIES)
EXPLORES(data_before_the_fin, DATA)
EXPLORES(aborts_and_timeouts, BREAKS)
EXPLORES(openings, OPENINGS)
EXPLORES(a_capture_that_begins_late, LATE)
EXPLORES(segments_in_haste, HASTE)

static void larger_bounds(void **unused) {
  (void)unused;
  explore_all(LARGER, sizeof LARGER / sizeof *LARGER);
  const char *bounds = getenv("TEARDOWN_EXPLORE");
  if (bounds && strcmp(bounds, "big") == 0) explore_all(BIG, sizeof BIG / sizeof *BIG);
}

/* The bounds are wide enough: whatever the RFC allows has been reached. */
static void every_allowed_pair_is_reached(void **unused) {
  (void)unused;
  unsigned allowed = 0, missing = 0;
  for (unsigned a = 0; a < TCPS_COUNT; a++)
    for (unsigned b = 0; b < TCPS_COUNT; b++) {
      if (!oracle_pair_is_allowed(a, b)) continue;
      allowed++;
      if (oracle_pairs[a][b] + oracle_pairs[b][a] > 0) continue;
      missing++;
      print_message("#   never reached: %s beside %s\n", tcp_state_name(a), tcp_state_name(b));
    }
  print_message("#   %u pairs of states, %zu states, %zu transitions\n", allowed, total_states,
                total_transitions);
  assert_int_equal(missing, 0);
}

/* Where the oracle lets a wrong claim pass, there are such claims: the excuse is needed. */
static void what_no_watcher_can_know(void **unused) {
  (void)unused;
  static const char *const names[] = {
      [UNKNOWABLE_LATE_FIN] = "a FIN of which only later copies were captured",
      [UNKNOWABLE_HIDDEN_FIN] = "a FIN that was never captured",
      [UNKNOWABLE_OVERTAKEN_FIN] = "a copy of a FIN, captured out of order",
      [UNKNOWABLE_SLOW] = "an ACK or an RST that arrived after all",
      [UNKNOWABLE_SECOND_ANSWER] = "a FIN that was answered twice, once unseen",
  };
  for (unsigned i = 0; i < UNKNOWABLE_COUNT; i++) {
    print_message("#   %-46s %8llu claims\n", names[i], (unsigned long long)oracle_unknowable[i]);
    assert_true(oracle_unknowable[i] > 0);
  }
}

/* ---- The table, made wrong ------------------------------------------------------------------ */

/* Small ones, so that each mutant is soon found; the smallest first. */
static const struct explore_config FOR_MUTANTS[] = {
    {"passive opening", PASSIVE, SENDERS},
    {"refused", REFUSED, SENDERS, .losses = 1, .give_ups = 1, .spurious = 1},
    {"old ACK", PASSIVE, .unwatched = true, .stray = SEGMENT_ACK},
    {"old FIN", PASSIVE, .unwatched = true, .stray = SEGMENT_FIN | SEGMENT_ACK},
    {"old SYN,ACK", PASSIVE, .unwatched = true, .stray = SEGMENT_SYN | SEGMENT_ACK},
    {"old RST", PASSIVE, .unwatched = true, .stray = SEGMENT_RST},
    {"half-open", HALF_OPEN, .losses = 1},
    {"loss", PAST, BETWEEN, .losses = 1},
    {"simultaneous", SIMULTANEOUS, SENDERS, .losses = 1},
    {"breaks", PASSIVE, SENDERS, .losses = 1, .aborts = 1, .give_ups = 1, TIMEOUT},
    {"early close", PASSIVE, SENDERS, .losses = 1, .closes_in_syn_received = true},
    {"duplicate", PASSIVE, BETWEEN, .losses = 1, .duplicates = 1},
    {"breaks, simultaneous", SIMULTANEOUS, SENDERS, .losses = 1, .aborts = 1, .give_ups = 1,
     .spurious = 1, TIMEOUT},
    {"disorder", PASSIVE, SENDERS, .duplicates = 1, .reorders = 1, .aborts = 1, TIMEOUT,
     .closes_in_syn_received = true},
    {"breaks, past", PAST, BETWEEN, .losses = 1, .aborts = 1, .give_ups = 1, TIMEOUT},
    {"data", PAST, SENDERS, .losses = 1, .aborts = 1, .give_ups = 1, TIMEOUT, .data = {0, 1}},
};

static const char NO_FIN[] = "no FIN was sent here, so no ACK covers one: the guard never says so";

static const struct mutants_equivalent EQUIVALENT[] = {
    {TCPS_LISTEN, EVENT_RCV_ACK_OF_FIN, NO_FIN},
    {TCPS_SYN_SENT, EVENT_RCV_ACK_OF_FIN, NO_FIN},
    {TCPS_SYN_RECEIVED, EVENT_RCV_ACK_OF_FIN, NO_FIN},
    {TCPS_ESTABLISHED, EVENT_RCV_ACK_OF_FIN, NO_FIN},
    {TCPS_CLOSE_WAIT, EVENT_RCV_ACK_OF_FIN, NO_FIN},
    {TCPS_SYN_RECEIVED, EVENT_RCV_FIN,
     "the ACK beside the FIN is processed first and leaves SYN_RECEIVED; only what was presumed and"
     " has lost that ACK since, comes here"},
};

static void every_mutant_of_the_table_is_noticed(void **unused) {
  (void)unused;
  struct mutants_result r = mutants_run(FOR_MUTANTS, sizeof FOR_MUTANTS / sizeof *FOR_MUTANTS,
                                        EQUIVALENT, sizeof EQUIVALENT / sizeof *EQUIVALENT);
  print_message("#   %u of %u mutants killed, %u more are equivalent\n", r.killed,
                r.killed + r.survived, r.equivalent);
  assert_int_equal(r.survived, 0);
  assert_true(r.killed > 1000);
  assert_int_equal(r.equivalent, 5 * 10 + 1); /* no mutant hides behind another's excuse */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(losses),
      cmocka_unit_test(copies_and_reordering),
      cmocka_unit_test(data_before_the_fin),
      cmocka_unit_test(aborts_and_timeouts),
      cmocka_unit_test(openings),
      cmocka_unit_test(a_capture_that_begins_late),
      cmocka_unit_test(segments_in_haste),
      cmocka_unit_test(larger_bounds),
      cmocka_unit_test(every_allowed_pair_is_reached),
      cmocka_unit_test(what_no_watcher_can_know),
      cmocka_unit_test(every_mutant_of_the_table_is_noticed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
