#include "common/peer/options.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const char *way_to_close(unsigned i) {
  static const char *const ways[] = {[PEER_CLOSE_CLOSE] = "close",
                                     [PEER_CLOSE_SHUTDOWN] = "shutdown",
                                     [PEER_CLOSE_RESET] = "reset",
                                     [PEER_CLOSE_SHUTDOWN_RESET] = "shutdown-reset"};
  return i < sizeof ways / sizeof *ways ? ways[i] : NULL;
}

#define AT(member) CLI_AT(struct peer_behaviour, member)

/* clang-format off */
const struct cli_option peer_options[PEER_N_OPTIONS] = {
    {'q', "quiet", NULL, CLI_FLAG, AT(quiet),
     .text = "no log; what goes wrong is said all the same"},
    {0, "close", "HOW", CLI_WORD, AT(how), .word = way_to_close,
     .text = "how to close: close (a FIN by uv_close, the default), shutdown (a FIN by uv_shutdown, "
             "then read to EOF), reset (a RST), or shutdown-reset (a FIN by uv_shutdown, then a RST)"},
    {0, "close-after", "MS", CLI_NUMBER, AT(close_after_ms), .max = DAY_MS,
     .text = "closing first: how long after connecting (default 500)"},
    {0, "close-delay", "MS", CLI_NUMBER, AT(close_delay_ms), .max = DAY_MS,
     .text = "closing last: how long to stay half-closed after the other side's FIN (default 200); "
             "below about 50 the ACK and our FIN become one segment"},
    {0, "hold", "MS", CLI_NUMBER, AT(hold_ms), .max = DAY_MS,
     .text = "keep the descriptor that long: with --close shutdown from the second FIN on, with "
             "shutdown-reset from ours to the RST (default 0)"},
    {0, "drain", "BYTES", CLI_NUMBER, AT(drain_bytes), .max = PEER_BYTES_MAX,
     .text = "closing last: send that much while half-closed, in the middle of --close-delay"},
    {0, "never-close", NULL, CLI_FLAG, AT(never_close),
     .text = "a leak: stay connected whatever the other side does"},
    {0, "read-nothing", NULL, CLI_FLAG, AT(read_nothing),
     .text = "leave all data unread: our close then sends RST; also blind to EOF"},
    {0, "send", "BYTES", CLI_NUMBER, AT(send_bytes), .max = PEER_BYTES_MAX,
     .text = "send that much once connected (default: the client 6, \"hello\", the server 0)"},
    {0, "answer", NULL, CLI_FLAG, AT(answer),
     .text = "send what --send has only when the other side has sent something"},
    {0, "write-size", "BYTES", CLI_NUMBER, AT(write_bytes), .min = 1, .max = PEER_BYTES_MAX,
     .text = "write what --send has in pieces of that size (default: all in one)"},
    {0, "nodelay", NULL, CLI_FLAG, AT(nodelay),
     .text = "TCP_NODELAY: small segments do not wait for an ACK (no Nagle)"},
    {0, "cork", NULL, CLI_FLAG, AT(cork),
     .text = "TCP_CORK: partial segments wait for our close, 200 ms at most"},
    {0, "quickack", NULL, CLI_FLAG, AT(quickack),
     .text = "TCP_QUICKACK 1, set after each read: acknowledge at once"},
    {0, "no-quickack", NULL, CLI_FLAG, AT(no_quickack),
     .text = "TCP_QUICKACK 0, set after each read: delay every ACK, as in a dialogue"},
    {0, "no-reuse-address", NULL, CLI_FLAG, AT(no_reuse_address),
     .text = "bind without SO_REUSEADDR, which libuv sets: a port with TIME_WAIT is then refused"},
    {0, "vary", "SEED", CLI_NUMBER, AT(seed), .max = UINT64_MAX,
     .text = "draw --close-after, --close-delay, --hold, --drain and --send for each connection, "
             "from 0 to what they are; the same SEED draws the same"},
};
/* clang-format on */

bool peer_check_options(const struct cli *cli, struct peer_behaviour *behaviour) {
  static const char never[] = "has no effect with --never-close; leave one of them out";
  static const char first_closer[] =
      "has no effect on the side that closes first; see --close-after";
  static const char last_closer[] = "has no effect on the side that closes last; see --close-delay";
  static const char nothing_sent[] = "has no effect without --send or --drain";
  const bool sends = behaviour->send_bytes > 0 || behaviour->drain_bytes > 0;
  const bool shuts_down =
      behaviour->how == PEER_CLOSE_SHUTDOWN || behaviour->how == PEER_CLOSE_SHUTDOWN_RESET;
  const struct {
    const char *option;
    bool barred;
    const char *why;
  } rules[] = {
      {"close-first", behaviour->never_close, never},
      {"close-last", behaviour->never_close, never},
      {"close", behaviour->never_close, never},
      {"close-after", behaviour->never_close, never},
      {"close-delay", behaviour->never_close, never},
      {"hold", behaviour->never_close, never},
      {"drain", behaviour->never_close, never},
      {"vary", behaviour->never_close, never},
      {"close-after", !behaviour->active, last_closer},
      {"close-delay", behaviour->active, first_closer},
      {"drain", behaviour->active, first_closer},
      {"hold", !shuts_down, "wants --close shutdown or --close shutdown-reset"},
      {"hold", behaviour->how == PEER_CLOSE_SHUTDOWN && behaviour->read_nothing,
       "has no effect with --read-nothing: without EOF it never begins"},
      {"answer", behaviour->send_bytes == 0, "has no effect without --send"},
      {"answer", behaviour->read_nothing, "has no effect with --read-nothing"},
      {"write-size", behaviour->send_bytes == 0, "has no effect without --send"},
      {"nodelay", !sends, nothing_sent},
      {"cork", !sends, nothing_sent},
      {"nodelay", behaviour->cork, "has no effect with --cork; leave one of them out"},
      {"quickack", behaviour->no_quickack, "contradicts --no-quickack; leave one of them out"},
  };
  behaviour->vary = cli_given(cli, "vary");
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (!rules[i].barred || !cli_given(cli, rules[i].option)) continue;
    cli_complain(cli, "--%s %s", rules[i].option, rules[i].why);
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
