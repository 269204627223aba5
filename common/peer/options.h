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

/* The options of both programs, in the order of PEER_OPTION_ROWS. */
enum peer_option {
  PEER_OPTION_ROLE, /* --close-first or --close-last: the role that is not the program's own */
  PEER_OPTION_CLOSE,
  PEER_OPTION_CLOSE_AFTER,
  PEER_OPTION_CLOSE_DELAY,
  PEER_OPTION_HOLD,
  PEER_OPTION_DRAIN,
  PEER_OPTION_NEVER_CLOSE,
  PEER_OPTION_READ_NOTHING,
  PEER_OPTION_SEND,
  PEER_OPTION_ANSWER,
  PEER_OPTION_WRITE_SIZE,
  PEER_OPTION_NODELAY,
  PEER_OPTION_CORK,
  PEER_OPTION_QUICKACK,
  PEER_OPTION_NO_QUICKACK,
  PEER_OPTION_NO_REUSE_ADDRESS,
  PEER_OPTION_VARY,
  PEER_N_OPTIONS,
};

enum { PEER_CLOSE_AFTER_MS = 500, PEER_CLOSE_DELAY_MS = 200 };

/* Rows for a program's option table, from index `first` on. */
#define PEER_OPTION_ROWS(first, role, role_help, send_default)                                     \
  [(first) +                                                                                       \
      PEER_OPTION_ROLE] = {0, role, NULL, role_help},                                              \
      [(first) + PEER_OPTION_CLOSE] =                                                              \
          {0, "close", "HOW",                                                                      \
           "close (a FIN by uv_close, the default), shutdown (a FIN by uv_shutdown, then read to " \
           "EOF), "                                                                                \
           "reset (a RST), or shutdown-reset (a FIN by uv_shutdown, then a RST)"},                 \
      [(first) +                                                                                   \
          PEER_OPTION_CLOSE_AFTER] = {0, "close-after", "MS",                                      \
                                      "closing first: how long after connecting (default 500)"},   \
      [(first) + PEER_OPTION_CLOSE_DELAY] = {0, "close-delay", "MS",                               \
                                             "closing last: how long to stay half-closed after "   \
                                             "the other side's FIN (default 200); below "          \
                                             "about 50 the ACK and our FIN become one segment"},   \
      [(first) + PEER_OPTION_HOLD] =                                                               \
          {0, "hold", "MS",                                                                        \
           "keep the descriptor that long: with --close shutdown from the second FIN on, with "    \
           "shutdown-reset from ours to the RST (default 0)"},                                     \
      [(first) + PEER_OPTION_DRAIN] =                                                              \
          {0, "drain", "BYTES",                                                                    \
           "closing last: send that much while half-closed, in the middle of --close-delay"},      \
      [(first) +                                                                                   \
          PEER_OPTION_NEVER_CLOSE] = {0, "never-close", NULL,                                      \
                                      "a leak: stay connected whatever the other side does"},      \
      [(first) + PEER_OPTION_READ_NOTHING] =                                                       \
          {0, "read-nothing", NULL,                                                                \
           "leave all data unread: our close then sends RST; also blind to EOF"},                  \
      [(first) + PEER_OPTION_SEND] = {0, "send", "BYTES",                                          \
                                      "send that much once connected (default " send_default ")"}, \
      [(first) + PEER_OPTION_ANSWER] = {0, "answer", NULL,                                         \
                                        "send it only when the other side has sent something"},    \
      [(first) + PEER_OPTION_WRITE_SIZE] =                                                         \
          {0, "write-size", "BYTES",                                                               \
           "write what --send has in pieces of that size (default: all in one)"},                  \
      [(first) + PEER_OPTION_NODELAY] =                                                            \
          {0, "nodelay", NULL, "TCP_NODELAY: small segments do not wait for an ACK (no Nagle)"},   \
      [(first) +                                                                                   \
          PEER_OPTION_CORK] = {0, "cork", NULL,                                                    \
                               "TCP_CORK: partial segments wait for our close, 200 ms at most"},   \
      [(first) +                                                                                   \
          PEER_OPTION_QUICKACK] = {0, "quickack", NULL,                                            \
                                   "TCP_QUICKACK 1, set after each read: acknowledge at once"},    \
      [(first) + PEER_OPTION_NO_QUICKACK] =                                                        \
          {0, "no-quickack", NULL,                                                                 \
           "TCP_QUICKACK 0, set after each read: delay every ACK, as in a dialogue"},              \
      [(first) + PEER_OPTION_NO_REUSE_ADDRESS] =                                                   \
          {0, "no-reuse-address", NULL,                                                            \
           "bind without SO_REUSEADDR, which libuv sets: a port with TIME_WAIT is then refused"},  \
      [(first) + PEER_OPTION_VARY] = {0, "vary", "SEED",                                           \
                                      "draw --close-after, --close-delay, --hold, --drain and "    \
                                      "--send for each connection, from 0 "                        \
                                      "to what they are; the same SEED draws the same"}

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
  bool vary;
  uint64_t seed; /* of vary */
  enum peer_close how;
  uint64_t close_after_ms; /* active: from connected to close */
  uint64_t close_delay_ms; /* passive: from EOF to close */
  uint64_t hold_ms;        /* from both FINs to uv_close, or from our FIN to our RST */
  uint64_t drain_bytes;    /* passive: sent between EOF and close */
  uint64_t send_bytes;     /* sent once connected */
  uint64_t write_bytes;    /* of which that much in each uv_write; 0: all in one */
  unsigned given;          /* a bit for each enum peer_option on the command line */
};

/* Applies one of the shared options, cli->options[first + option]. False after saying on stderr
 * what is wrong. */
bool peer_parse_option(const struct cli *cli, size_t first, enum peer_option option,
                       const char *argument, struct peer_behaviour *behaviour);

/* False after saying on stderr which options contradict each other or would have no effect. */
bool peer_check_options(const struct cli *cli, size_t first,
                        const struct peer_behaviour *behaviour);

/* How connection number `connection` behaves: as `given`, or, with --vary, in its own way, which
 * depends on the seed and that number alone. */
struct peer_behaviour peer_behaviour_of(const struct peer_behaviour *given, uint64_t connection);

#endif
