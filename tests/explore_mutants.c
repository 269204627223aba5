/* Mutation of the table: one cell at a time is made wrong, and the exploration has to notice. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/explore.h"

/* What an exploration of one configuration asks of the table, when the table is right. */
struct asked {
  bool happens[TCPS_COUNT][EVENT_COUNT], probed[TCPS_COUNT][EVENT_COUNT];
};

enum { MUTANTS_MAX = TCPS_COUNT + 2 };

static const char *kind_name(enum transition_kind kind) {
  switch (kind) {
    case TRANSITION_MOVES: return "moves";
    case TRANSITION_STAYS: return "stays";
    case TRANSITION_IGNORES: return "ignores";
    case TRANSITION_NEVER: return "never";
  }
  return "";
}

/* Every other next state, and every other kind that means something else: to stay and to ignore are
 * the same but where the model tells them apart. */
static unsigned mutants_of(enum tcp_state state, enum tcp_event event,
                           struct transition out[static MUTANTS_MAX]) {
  const struct transition *right = table_probe(state, event);
  unsigned n = 0;
  for (unsigned next = 0; next < TCPS_COUNT; next++) {
    if (next == (right->kind == TRANSITION_MOVES ? right->next : state)) continue;
    if (next == state) continue; /* it stays: below */
    out[n++] = (struct transition){right->section, right->reason, (uint8_t)next, TRANSITION_MOVES};
  }
  static const enum transition_kind kinds[] = {TRANSITION_STAYS, TRANSITION_IGNORES,
                                               TRANSITION_NEVER};
  bool told_apart = (state == TCPS_CLOSED && event == EVENT_SND_RST) ||
                    (state == TCPS_TIME_WAIT && event == EVENT_RCV_FIN);
  for (unsigned i = 0; i < 3; i++) {
    if (kinds[i] == right->kind) continue;
    bool same = (kinds[i] == TRANSITION_STAYS && right->kind == TRANSITION_IGNORES) ||
                (kinds[i] == TRANSITION_IGNORES && !told_apart);
    if (!same)
      out[n++] =
          (struct transition){right->section, right->reason, (uint8_t)state, (uint8_t)kinds[i]};
  }
  assert(n <= MUTANTS_MAX);
  return n;
}

/* Whether this configuration can tell the difference at all. */
static bool matters(const struct asked *asked, enum tcp_state state, enum tcp_event event,
                    const struct transition *right, const struct transition *wrong) {
  bool other_answer = (right->kind == TRANSITION_NEVER) != (wrong->kind == TRANSITION_NEVER);
  return asked->happens[state][event] || (other_answer && asked->probed[state][event]);
}

static bool is_killed(const struct explore_config *configs, const struct asked *asked,
                      unsigned n_configs, enum tcp_state state, enum tcp_event event,
                      const struct transition *wrong) {
  const struct transition *right = table_probe(state, event);
  bool killed = false;
  table_mutate(state, event, wrong);
  for (unsigned i = 0; i < n_configs && !killed; i++)
    if (matters(&asked[i], state, event, right, wrong))
      killed = explore(&configs[i], EXPLORE_QUIETLY).failed;
  table_restore();
  return killed;
}

static void survey(const struct explore_config *configs, unsigned n_configs, struct asked *asked) {
  for (unsigned i = 0; i < n_configs; i++) {
    table_forget();
    explore(&configs[i], EXPLORE_QUIETLY);
    for (unsigned state = 0; state < TCPS_COUNT; state++)
      for (unsigned event = 0; event < EVENT_COUNT; event++) {
        asked[i].happens[state][event] = table_lookups[state][event] > 0;
        asked[i].probed[state][event] = table_probes[state][event] > 0;
      }
  }
}

struct mutants_result mutants_run(const struct explore_config *configs, unsigned n_configs,
                                  const struct mutants_equivalent *known, unsigned n_known) {
  struct mutants_result result = {0};
  struct transition mutants[MUTANTS_MAX];
  struct asked *asked = calloc(n_configs, sizeof *asked);
  assert(asked);
  survey(configs, n_configs, asked);
  for (unsigned state = 0; state < TCPS_COUNT; state++)
    for (unsigned event = 0; event < EVENT_COUNT; event++) {
      const char *why = NULL;
      for (unsigned i = 0; i < n_known; i++)
        if (known[i].state == state && known[i].event == event) why = known[i].why;
      unsigned n = mutants_of(state, event, mutants), left = 0;
      for (unsigned i = 0; i < n; i++) {
        if (is_killed(configs, asked, n_configs, state, event, &mutants[i])) {
          result.killed++;
          continue;
        }
        left++;
        if (!why)
          printf("# survives: [%s][%s] %s %s\n", tcp_state_name(state), tcp_event_name(event),
                 kind_name(mutants[i].kind), tcp_state_name(mutants[i].next));
      }
      *(why ? &result.equivalent : &result.survived) += left;
      if (why)
        printf("# %u equivalent: [%s][%s]: %s\n", left, tcp_state_name(state),
               tcp_event_name(event), why);
    }
  free(asked);
  return result;
}
