/* The table under test: the model's own, with at most one row replaced, and look-ups counted. Model
 * and hosts call this transition_find; the original goes by another name in this file only. */
#define transition_find transition_find_original
#include "common/model/transition.c"  // NOLINT(bugprone-suspicious-include)
#undef transition_find

#include <string.h>

#include "tests/explore.h"

const struct transition *transition_find(enum tcp_state state, enum tcp_event event);

uint64_t table_lookups[TCPS_COUNT][EVENT_COUNT];
uint64_t table_probes[TCPS_COUNT][EVENT_COUNT];

static struct {
  const struct transition *row; /* NULL: the table is as it should be */
  enum tcp_state state;
  enum tcp_event event;
} mutant;

void table_mutate(enum tcp_state state, enum tcp_event event, const struct transition *row) {
  mutant.row = row;
  mutant.state = state;
  mutant.event = event;
}

void table_restore(void) { mutant.row = NULL; }

void table_forget(void) {
  memset(table_lookups, 0, sizeof table_lookups);
  memset(table_probes, 0, sizeof table_probes);
}

static const struct transition *find(enum tcp_state state, enum tcp_event event) {
  if (mutant.row && state == mutant.state && event == mutant.event) return mutant.row;
  return transition_find_original(state, event);
}

const struct transition *table_probe(enum tcp_state state, enum tcp_event event) {
  table_probes[state][event]++;
  return find(state, event);
}

const struct transition *transition_find(enum tcp_state state, enum tcp_event event) {
  table_lookups[state][event]++;
  return find(state, event);
}
