/* One end of a TCP connection that behaves as told, and the log of what it did: what server and
 * client share.
 *
 * The side that closes first is the active closer: it waits close_after_ms from the connection and
 * closes. The other is the passive closer: it reads to EOF, which the first side's FIN causes,
 * keeps the half-close window open for close_delay_ms and then closes. Linux delays its ACK of
 * that FIN by up to 47 ms; a passive closer that is faster sends ACK and FIN in one segment.
 *
 * Who closes how is only told apart by the calls, so the log shows the calls and libuv's answers,
 * each with the time just before the call (our FIN is later than its line) or on entry of the
 * callback. Nothing here exits. */
#ifndef TEARDOWN_COMMON_PEER_H
#define TEARDOWN_COMMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/cli.h"
#include "common/peer_options.h"

struct peer_group;

enum { PEER_NAME_SIZE = 64, PEER_CHUNK_BYTES = 60000, PEER_READ_BYTES = 65536 };
enum { PEER_GREETING_BYTES = 6 }; /* "hello\n", over and over, is what a peer sends */

/* One connection. Made by peer_accept and peer_connect, freed after group->on_over. */
struct peer {
  struct peer_group *group;
  struct peer *next, **link; /* link: the pointer that points to this one */
  struct peer_behaviour behaviour;
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_connect_t connect;
  uv_write_t send, drain;
  uv_shutdown_t shutdown;
  char name[PEER_NAME_SIZE]; /* the client's end, "127.0.0.1:41822": the same in both logs */
  int error;                 /* libuv's first bad answer, 0 while all is well */
  int n_handles;             /* of tcp and timer, not closed yet */
  int n_writes;              /* of send and drain, not taken by the kernel yet */
  uint64_t send_left;        /* of --send, not yet given to uv_write */
  bool connected;
  bool sending;   /* --send has begun */
  bool eof;       /* the other side's FIN has been read */
  bool close_due; /* we want to close, or have called uv_shutdown */
  bool shut;      /* uv_shutdown has answered */
  bool closing;   /* uv_close has been called */
};

/* All connections of a program, its event loop, its signals and its log. Allocated and zeroed by
 * the program, which sets the first part before peer_group_open. */
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

/* Takes the next connection of `listener`. Returns 0 or a libuv error. */
int peer_accept(struct peer_group *group, uv_stream_t *listener);

/* Begins a connection from local_port (0: any) to `to`. Returns 0, and group->on_over will be
 * called, or UV_ENOMEM, and it will not. */
int peer_connect(struct peer_group *group, const struct sockaddr *to, uint16_t local_port);

/* A line of the log about the endpoint `name`, timed now. Also after peer_group_run, whose status
 * then does not know of it. */
void peer_log(struct peer_group *group, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "127.0.0.1:7000", "[::1]:7000". */
void peer_format_address(const struct sockaddr *address, char text[static PEER_NAME_SIZE]);

#endif
