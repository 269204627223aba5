#include "common/model/tcp_state.h"

#include <assert.h>
#include <stddef.h>
#include <strings.h>

static const struct {
  const char *name, *ss, *kernel;
} spelling[] = {
#define X(state, name, ss, kernel) [TCPS_##state] = {name, ss, kernel},
    TCP_STATES(X)
#undef X
};
static_assert(sizeof spelling / sizeof *spelling == TCPS_COUNT, "a spelling for every state");
static_assert(TCPS_SYN_RECEIVED + 1 == TCPS_ESTABLISHED, "the synchronized states come last");

const char *tcp_state_name(enum tcp_state state) { return spelling[state].name; }

bool tcp_state_is_synchronized(enum tcp_state state) { return state >= TCPS_ESTABLISHED; }

bool tcp_state_parse(const char *text, enum tcp_state *state) {
  for (size_t i = 0; i < TCPS_COUNT; i++) {
    if (strcasecmp(text, spelling[i].name) == 0 || strcasecmp(text, spelling[i].ss) == 0 ||
        strcasecmp(text, spelling[i].kernel) == 0) {
      *state = (enum tcp_state)i;
      return true;
    }
  }
  return false;
}
