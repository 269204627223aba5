/* One end of a TCP connection that behaves as told and logs what it does: what server and client
 * share.
 *
 * The side that closes first is the active closer: it waits close_after_ms from the connection and
 * closes. The other is the passive closer: it reads to EOF, which the first side's FIN causes,
 * keeps the half-close window open for close_delay_ms and then closes. Linux delays its ACK of
 * that FIN by up to 47 ms; a passive closer that is faster sends ACK and FIN in one segment.
 *
 * Who closes how is only told apart by the calls, so the log shows the calls and libuv's answers,
 * each with the time just before the call (our FIN is later than its line) or on entry of the
 * callback. Nothing here exits. */
#ifndef TEARDOWN_COMMON_PEER_PEER_H
#define TEARDOWN_COMMON_PEER_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/cli.h"
#include "common/peer/log.h"
#include "common/peer/options.h"

enum { PEER_CHUNK_BYTES = 60000, PEER_READ_BYTES = 65536 };
enum { PEER_GREETING_BYTES = 6 }; /* "hello\n", over and over, is what a peer sends */

struct peer;

/* All connections of a program: see group.h. Allocated and zeroed by the program, which sets the
 * first part before peer_group_open. */
struct peer_group {
  struct peer_log log; /* first: a log is its group; its role and quiet are the program's to set */
  const struct cli *cli;
  const char *other;                              /* what the log calls the other side: "client" */
  const struct peer_behaviour *behaviour;         /* see peer_behaviour_of */
  void (*on_connected)(struct peer_group *group); /* peer_connect's work is done; may be NULL */
  /* A connection is over and its descriptor closed. peer->connected and peer->error tell how it
   * went; the peer is freed on return. Not called for connections closed by peer_group_stop. */
  void (*on_over)(struct peer_group *group, const struct peer *peer);

  uv_loop_t loop; /* for the program's own handles too: peer_group_stop closes them */
  int signal;     /* the signal that ended it, or 0 */

  uv_async_t signalled;
  uv_prepare_t before_waiting;
  struct peer *peers;
  uint64_t n_peers; /* ever made */
  bool stopping;
  char payload[PEER_CHUNK_BYTES + PEER_GREETING_BYTES - 1]; /* a chunk from any octet of it on */
  char received[PEER_READ_BYTES];
};

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
  uint64_t send_left;        /* of --send, not yet given to uv_write */
  bool connected;
  bool sending;     /* --send has begun */
  bool eof;         /* the other side's FIN has been read */
  bool close_due;   /* we want to close, or have called uv_shutdown */
  bool close_waits; /* for what is still to be written */
  bool shut;        /* uv_shutdown has answered */
  bool closing;     /* uv_close has been called */
};

/* Takes the next connection of `listener`. Returns 0 or a libuv error. */
int peer_accept(struct peer_group *group, uv_stream_t *listener);

/* Begins a connection to `to`, from `from` (NULL: whatever the kernel chooses). Returns 0, and
 * group->on_over will be called, or UV_ENOMEM, and it will not. */
int peer_connect(struct peer_group *group, const struct sockaddr *to, const struct sockaddr *from);

/* Closes it whatever it is doing; for peer_group_stop. */
void peer_stop(struct peer *peer);

#endif
