/* All connections of a program, with what there is one of: the event loop, the signals, the log. */
#ifndef TEARDOWN_COMMON_PEER_GROUP_H
#define TEARDOWN_COMMON_PEER_GROUP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>

#include "common/cli.h"
#include "common/peer/options.h"

enum { PEER_NAME_SIZE = 64, PEER_CHUNK_BYTES = 60000, PEER_READ_BYTES = 65536 };
enum { PEER_GREETING_BYTES = 6 }; /* "hello\n", over and over, is what a peer sends */

struct peer;

/* Allocated and zeroed by the program, which sets the first part before peer_group_open. */
struct peer_group {
  const struct cli *cli;                  /* cli->program also begins each line of the log */
  const char *other;                      /* what the log calls the other side: "client" */
  const struct peer_behaviour *behaviour; /* see peer_behaviour_of */
  bool quiet;                             /* no log */
  void (*on_connected)(struct peer_group *group); /* peer_connect's work is done; may be NULL */
  /* A connection is over and its descriptor closed. peer->connected and peer->error tell how it
   * went; the peer is freed on return. Not called for connections closed by peer_group_stop. */
  void (*on_over)(struct peer_group *group, const struct peer *peer);

  uv_loop_t loop; /* for the program's own handles too: peer_group_stop closes them */
  int signal;     /* the signal that ended it, or 0 */

  uv_signal_t sigint, sigterm;
  uv_async_t output_lost;
  struct peer *peers;
  uint64_t n_peers; /* ever made */
  const char *arrow;
  bool stopping;
  int output_error; /* errno of stdout, 0 while it can be written */
  char payload[PEER_CHUNK_BYTES + PEER_GREETING_BYTES - 1]; /* a chunk from any octet of it on */
  char received[PEER_READ_BYTES];
};

/* "teardown-server 0.1.0, libuv 1.44.2" on stdout. */
void peer_print_version(const struct cli *cli);

/* Opens the loop; ignores SIGPIPE. False after saying on stderr why not, with nothing left open.
 * After success peer_group_run must follow, which also frees everything. */
bool peer_group_open(struct peer_group *group);

/* From now on SIGINT and SIGTERM stop the group instead of killing the program. False after saying
 * on stderr why not; the group is stopped then. */
bool peer_group_catch_signals(struct peer_group *group);

/* Runs until every connection and handle is closed, by the program (peer_group_stop), by SIGINT or
 * SIGTERM, or because nobody reads stdout any more. Returns CLI_EXIT_OK, or CLI_EXIT_FAILURE when
 * the log could not be written (said on stderr unless its reader just went away). */
int peer_group_run(struct peer_group *group);

/* Closes every connection and handle; peer_group_run returns soon after. Harmless when repeated. */
void peer_group_stop(struct peer_group *group);

/* A line of the log about the endpoint `name`, timed now. Also after peer_group_run, whose status
 * then does not know of it. */
void peer_log(struct peer_group *group, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, timed by an earlier peer_clock. */
void peer_vlog(struct peer_group *group, struct timespec at, const char *name, const char *format,
               va_list arguments) __attribute__((format(printf, 4, 0)));

/* Now, on the sniffer's clock. */
struct timespec peer_clock(void);

/* "127.0.0.1:7000", "[::1]:7000". */
void peer_format_address(const struct sockaddr *address, char text[static PEER_NAME_SIZE]);

#endif
