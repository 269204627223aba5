/* The options that say how a connection behaves: what server and client share of their command
 * lines. No libuv here. */
#ifndef TEARDOWN_COMMON_PEER_OPTIONS_H
#define TEARDOWN_COMMON_PEER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cli.h"

enum peer_close {
  PEER_CLOSE_CLOSE,    /* uv_close: close(fd), our FIN; what arrives later is answered by RST */
  PEER_CLOSE_SHUTDOWN, /* uv_shutdown: our FIN, read on to EOF, then uv_close */
  PEER_CLOSE_RESET,    /* uv_tcp_close_reset: linger 0, RST instead of FIN */
  PEER_CLOSE_SHUTDOWN_RESET, /* uv_shutdown: our FIN, then uv_tcp_close_reset */
};

enum { PEER_CLOSE_AFTER_MS = 500, PEER_CLOSE_DELAY_MS = 200 };

/* The most that --send and --drain take. */
enum { PEER_BYTES_MAX = 60000000 };

struct peer_behaviour {
  bool active; /* closes first */
  bool never_close;
  bool read_nothing;
  bool nodelay;
  bool cork;
  bool quickack;
  bool no_quickack;
  bool answer;           /* --send waits for data of the other side */
  bool no_reuse_address; /* binds without SO_REUSEADDR */
  bool quiet;            /* no log; of the program, not of one connection */
  bool vary;             /* draws its own numbers, from seed */
  uint64_t seed;
  enum peer_close how;
  uint64_t close_after_ms; /* active: from connected to close */
  uint64_t close_delay_ms; /* passive: from EOF to close */
  uint64_t hold_ms;        /* from both FINs to uv_close, or from our FIN to our RST */
  uint64_t drain_bytes;    /* passive: sent between EOF and close */
  uint64_t send_bytes;     /* sent once connected */
  uint64_t write_bytes;    /* of which that much in each uv_write; 0: all in one */
};

/* The rows of both programs, for program_cli.tables[CLI_SHARED]; the settings are a struct
 * peer_behaviour. */
enum { PEER_N_OPTIONS = 17 };
extern const struct cli_option peer_options[PEER_N_OPTIONS];

/* After cli_parse: completes the behaviour that it filled in. False after saying on stderr which
 * options contradict each other or would have no effect. */
bool peer_check_options(const struct cli *cli, struct peer_behaviour *behaviour);

/* How connection number `connection` behaves: as `given`, or, with --vary, in its own way, which
 * depends on the seed and that number alone. */
struct peer_behaviour peer_behaviour_of(const struct peer_behaviour *given, uint64_t connection);

#endif
