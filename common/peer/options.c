#include "common/peer/options.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static unsigned bit(enum peer_option option) { return 1U << option; }

bool peer_parse_option(const struct cli *cli, size_t first, enum peer_option option,
                       const char *argument, struct peer_behaviour *behaviour) {
  static const char *const ways[] = {[PEER_CLOSE_CLOSE] = "close",
                                     [PEER_CLOSE_SHUTDOWN] = "shutdown",
                                     [PEER_CLOSE_RESET] = "reset",
                                     [PEER_CLOSE_SHUTDOWN_RESET] = "shutdown-reset"};
  char what[32];
  snprintf(what, sizeof what, "--%s", cli->options[first + option].name);
  bool first_time = (behaviour->given & bit(option)) == 0;
  behaviour->given |= bit(option);
  int way;
  switch (option) {
    case PEER_OPTION_ROLE:
      if (first_time) behaviour->active = !behaviour->active;
      return true;
    case PEER_OPTION_CLOSE:
      way = cli_parse_word(cli, what, argument, ways, sizeof ways / sizeof *ways);
      if (way < 0) return false;
      behaviour->how = (enum peer_close)way;
      return true;
    case PEER_OPTION_CLOSE_AFTER:
      return cli_parse_number(cli, what, argument, 0, DAY_MS, &behaviour->close_after_ms);
    case PEER_OPTION_CLOSE_DELAY:
      return cli_parse_number(cli, what, argument, 0, DAY_MS, &behaviour->close_delay_ms);
    case PEER_OPTION_HOLD:
      return cli_parse_number(cli, what, argument, 0, DAY_MS, &behaviour->hold_ms);
    case PEER_OPTION_DRAIN:
      return cli_parse_number(cli, what, argument, 0, PEER_BYTES_MAX, &behaviour->drain_bytes);
    case PEER_OPTION_NEVER_CLOSE: behaviour->never_close = true; return true;
    case PEER_OPTION_READ_NOTHING: behaviour->read_nothing = true; return true;
    case PEER_OPTION_SEND:
      return cli_parse_number(cli, what, argument, 0, PEER_BYTES_MAX, &behaviour->send_bytes);
    case PEER_OPTION_ANSWER: behaviour->answer = true; return true;
    case PEER_OPTION_WRITE_SIZE:
      return cli_parse_number(cli, what, argument, 1, PEER_BYTES_MAX, &behaviour->write_bytes);
    case PEER_OPTION_NODELAY: behaviour->nodelay = true; return true;
    case PEER_OPTION_CORK: behaviour->cork = true; return true;
    case PEER_OPTION_QUICKACK: behaviour->quickack = true; return true;
    case PEER_OPTION_NO_QUICKACK: behaviour->no_quickack = true; return true;
    case PEER_OPTION_NO_REUSE_ADDRESS: behaviour->no_reuse_address = true; return true;
    case PEER_OPTION_VARY:
      behaviour->vary = true;
      return cli_parse_number(cli, what, argument, 0, UINT64_MAX, &behaviour->seed);
    case PEER_N_OPTIONS: break;
  }
  return false;
}

bool peer_check_options(const struct cli *cli, size_t first,
                        const struct peer_behaviour *behaviour) {
  static const char never[] = "has no effect with --never-close; leave one of them out";
  static const char first_closer[] =
      "has no effect on the side that closes first; see --close-after";
  static const char last_closer[] = "has no effect on the side that closes last; see --close-delay";
  static const char nothing_sent[] = "has no effect without --send or --drain";
  const bool sends = behaviour->send_bytes > 0 || behaviour->drain_bytes > 0;
  const bool shuts_down =
      behaviour->how == PEER_CLOSE_SHUTDOWN || behaviour->how == PEER_CLOSE_SHUTDOWN_RESET;
  const struct {
    enum peer_option option;
    bool barred;
    const char *why;
  } rules[] = {
      {PEER_OPTION_ROLE, behaviour->never_close, never},
      {PEER_OPTION_CLOSE, behaviour->never_close, never},
      {PEER_OPTION_CLOSE_AFTER, behaviour->never_close, never},
      {PEER_OPTION_CLOSE_DELAY, behaviour->never_close, never},
      {PEER_OPTION_HOLD, behaviour->never_close, never},
      {PEER_OPTION_DRAIN, behaviour->never_close, never},
      {PEER_OPTION_VARY, behaviour->never_close, never},
      {PEER_OPTION_CLOSE_AFTER, !behaviour->active, last_closer},
      {PEER_OPTION_CLOSE_DELAY, behaviour->active, first_closer},
      {PEER_OPTION_DRAIN, behaviour->active, first_closer},
      {PEER_OPTION_HOLD, !shuts_down, "wants --close shutdown or --close shutdown-reset"},
      {PEER_OPTION_HOLD, behaviour->how == PEER_CLOSE_SHUTDOWN && behaviour->read_nothing,
       "has no effect with --read-nothing: without EOF it never begins"},
      {PEER_OPTION_ANSWER, behaviour->send_bytes == 0, "has no effect without --send"},
      {PEER_OPTION_ANSWER, behaviour->read_nothing, "has no effect with --read-nothing"},
      {PEER_OPTION_WRITE_SIZE, behaviour->send_bytes == 0, "has no effect without --send"},
      {PEER_OPTION_NODELAY, !sends, nothing_sent},
      {PEER_OPTION_CORK, !sends, nothing_sent},
      {PEER_OPTION_NODELAY, behaviour->cork, "has no effect with --cork; leave one of them out"},
      {PEER_OPTION_QUICKACK, behaviour->no_quickack,
       "contradicts --no-quickack; leave one of them out"},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (!rules[i].barred || (behaviour->given & bit(rules[i].option)) == 0) continue;
    cli_complain(cli, "--%s %s", cli->options[first + rules[i].option].name, rules[i].why);
    return false;
  }
  return true;
}

/* SplitMix64: neighbouring states give unrelated numbers. */
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

struct peer_behaviour peer_behaviour_of(const struct peer_behaviour *given, uint64_t connection) {
  struct peer_behaviour own = *given;
  if (!given->vary) return own;
  uint64_t state = given->seed;
  state = next_random(&state) ^ connection;
  state = next_random(&state);
  uint64_t *const drawn[] = {&own.close_after_ms, &own.close_delay_ms, &own.hold_ms,
                             &own.drain_bytes, &own.send_bytes};
  for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++)
    *drawn[i] = next_random(&state) % (*drawn[i] + 1);
  return own;
}
