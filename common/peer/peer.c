#include "common/peer/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "common/peer/socket.h"

static_assert(PEER_CHUNK_BYTES % PEER_GREETING_BYTES == 0, "chunks must join seamlessly");
static_assert(PEER_BYTES_MAX / PEER_CHUNK_BYTES <= 1024, "one writev takes IOV_MAX buffers");

__attribute__((format(printf, 3, 4))) static void log_peer(struct peer *peer, struct timespec at,
                                                           const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  peer_vlog(&peer->group->log, at, peer->name, format, arguments);
  va_end(arguments);
}

/* uv_tcp_getsockname or uv_tcp_getpeername. */
typedef int (*get_end)(const uv_tcp_t *, struct sockaddr *, int *);

/* The address of our end or the other, "?" when the connection is already gone. */
static void format_end(const uv_tcp_t *tcp, get_end get, char text[static PEER_NAME_SIZE]) {
  struct sockaddr_storage address;
  int size = sizeof address;
  if (get(tcp, (struct sockaddr *)&address, &size) == 0)
    peer_format_address((struct sockaddr *)&address, text);
  else
    snprintf(text, PEER_NAME_SIZE, "?");
}

/* Asks the kernel for the names of both ends, which only the log shows. */
static void log_connected(struct peer *peer, struct timespec at, const char *call, get_end client,
                          get_end server) {
  char to[PEER_NAME_SIZE];
  if (peer->group->log.quiet) return;
  format_end(&peer->tcp, client, peer->name);
  format_end(&peer->tcp, server, to);
  log_peer(peer, at, "%s %s 0: connected to %s", call, peer->group->log.arrow, to);
}

/* ---- closing ---- */

static void on_handle_closed(uv_handle_t *handle) {
  struct peer *peer = handle->data;
  if (--peer->n_handles > 0) return;
  *peer->link = peer->next;
  if (peer->next != NULL) peer->next->link = peer->link;
  if (!peer->group->stopping) peer->group->on_over(peer->group, peer);
  free(peer);
}

static void close_handles(struct peer *peer) {
  peer->closing = true;
  uv_close((uv_handle_t *)&peer->tcp, on_handle_closed);
  uv_close((uv_handle_t *)&peer->timer, on_handle_closed);
}

/* For the log: whether our FIN is the first, or the answer to the other side's. */
static const char *fin_part(const struct peer *peer) {
  return peer->eof ? "our FIN answers (passive closer)" : "we send FIN first (active closer)";
}

/* uv_close, whatever may still be under way, with what it makes the kernel send. */
static void close_now(struct peer *peer) {
  bool both_fins = peer->shut && peer->eof;
  bool gone = peer->error != 0;
  bool told = !peer->group->log.quiet;
  size_t unread = 0;
  bool known = !told || both_fins || gone || peer_socket_unread_bytes(&peer->tcp, &unread);
  struct timespec at = peer_clock();
  close_handles(peer);
  if (gone)
    log_peer(peer, at, "uv_close(): close(fd), the connection is gone already");
  else if (!known)
    log_peer(peer, at, "uv_close(): close(fd), whether anything is unread is not known");
  else if (unread > 0)
    log_peer(peer, at, "uv_close(): close(fd), %zu bytes unread: RST, no FIN", unread);
  else if (both_fins)
    log_peer(peer, at, "uv_close(): close(fd), both FINs are done");
  else if (peer->shut)
    log_peer(peer, at, "uv_close(): close(fd), our FIN is out already");
  else
    log_peer(peer, at, "uv_close(): close(fd), %s", fin_part(peer));
}

static void reset_now(struct peer *peer) {
  bool both_fins = peer->shut && peer->eof;
  struct timespec at = peer_clock();
  int error = uv_tcp_close_reset(&peer->tcp, on_handle_closed);
  if (error == 0) {
    peer->closing = true;
    log_peer(peer, at, "uv_tcp_close_reset(): linger 0, close(fd), %s",
             both_fins ? "no RST: both FINs are done" : "we send RST");
    uv_close((uv_handle_t *)&peer->timer, on_handle_closed);
    return;
  }
  log_peer(peer, at, "uv_tcp_close_reset() %s %s: %s", peer->group->log.arrow, uv_err_name(error),
           uv_strerror(error));
  peer->error = error;
  close_now(peer);
}

/* Logs that `what` (a call, a callback, SO_ERROR) gave this error, with `remark` behind it, and
 * closes: the connection is gone. */
static void fail_with(struct peer *peer, struct timespec at, const char *what, int error,
                      const char *remark) {
  /* ECONNRESET before the other side's FIN, EPIPE after it: Linux has two names for one RST. */
  bool was_reset = error == UV_ECONNRESET || error == UV_EPIPE;
  const char *meaning = was_reset ? "the other side sent RST" : uv_strerror(error);
  log_peer(peer, at, "%s %s %s: %s%s", what, peer->group->log.arrow, uv_err_name(error), meaning,
           remark);
  peer->error = error;
  close_now(peer);
}

static void fail(struct peer *peer, struct timespec at, const char *call, int error) {
  fail_with(peer, at, call, error, "");
}

/* True when the kernel knows an error that libuv has not told: the peer is closing then. */
static bool fails_untold(struct peer *peer) {
  int error = peer_socket_error(&peer->tcp);
  if (error != 0) fail_with(peer, peer_clock(), "SO_ERROR", error, "; libuv is silent");
  return error != 0;
}

/* uv_timer_start fails only for a handle that is being closed, or without a callback: neither is.
 */
static void start_timer(struct peer *peer, uv_timer_cb callback, uint64_t delay_ms) {
  uv_timer_start(&peer->timer, callback, delay_ms, 0);
}

static void on_hold_over(uv_timer_t *timer) {
  struct peer *peer = timer->data;
  if (fails_untold(peer)) return;
  if (peer->behaviour.how == PEER_CLOSE_SHUTDOWN_RESET)
    reset_now(peer);
  else
    close_now(peer);
}

/* Both FINs are out, or ours is and a RST is to follow: what is left is to close the descriptor,
 * after
 * --hold. */
static void hold(struct peer *peer) {
  const struct peer_behaviour *behaviour = &peer->behaviour;
  if (behaviour->hold_ms == 0) {
    on_hold_over(&peer->timer);
    return;
  }
  log_peer(peer, peer_clock(), "hold: %ju ms, then %s()", (uintmax_t)behaviour->hold_ms,
           behaviour->how == PEER_CLOSE_SHUTDOWN_RESET ? "uv_tcp_close_reset" : "uv_close");
  start_timer(peer, on_hold_over, behaviour->hold_ms);
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  struct timespec at = peer_clock();
  struct peer *peer = request->data;
  if (peer->closing) return;
  if (status != 0) {
    fail(peer, at, "uv_shutdown", status);
    return;
  }
  peer->shut = true;
  if (!peer->eof)
    log_peer(peer, at, "uv_shutdown %s 0: half-closed, we still read", peer->group->log.arrow);
  if (peer->eof || peer->behaviour.how == PEER_CLOSE_SHUTDOWN_RESET) hold(peer);
}

static void shutdown_now(struct peer *peer) {
  struct timespec at = peer_clock();
  peer->shutdown.data = peer;
  int error = uv_shutdown(&peer->shutdown, (uv_stream_t *)&peer->tcp, on_shutdown);
  if (error != 0)
    fail(peer, at, "uv_shutdown()", error);
  else
    log_peer(peer, at, "uv_shutdown(): SHUT_WR, %s", fin_part(peer));
}

static void close_as_told(struct peer *peer) {
  switch (peer->behaviour.how) {
    case PEER_CLOSE_CLOSE: close_now(peer); return;
    case PEER_CLOSE_SHUTDOWN:
    case PEER_CLOSE_SHUTDOWN_RESET: shutdown_now(peer); return;
    case PEER_CLOSE_RESET: reset_now(peer); return;
  }
}

/* Octets that the kernel does not have yet, and that uv_close would lose. */
static size_t unwritten(const struct peer *peer) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&peer->tcp) + peer->send_left;
}

/* The time to close has come. */
static void begin_close(struct peer *peer) {
  size_t left = unwritten(peer);
  peer->close_due = true;
  peer->close_waits = left > 0;
  if (left > 0)
    log_peer(peer, peer_clock(), "close waits: %zu bytes are not yet in the kernel", left);
  else
    close_as_told(peer);
}

/* The same, when what libuv said last may be out of date. */
static void on_close_due(uv_timer_t *timer) {
  struct peer *peer = timer->data;
  if (unwritten(peer) > 0 || !fails_untold(peer)) begin_close(peer);
}

/* ---- sending and receiving ---- */

static bool write_next_piece(struct peer *peer);

static void on_written(uv_write_t *request, int status) {
  struct timespec at = peer_clock();
  struct peer *peer = request->data;
  if (peer->closing) return;
  if (status != 0)
    fail(peer, at, "uv_write", status);
  else if (request == &peer->send && peer->send_left > 0)
    write_next_piece(peer);
  else if (peer->close_waits && unwritten(peer) == 0)
    begin_close(peer);
}

/* One uv_write of n_bytes of greeting, from its octet `begin` on. False when it failed, and the
 * peer is closing. */
static bool write_bytes(struct peer *peer, uv_write_t *request, uint64_t begin, uint64_t n_bytes) {
  uv_buf_t buffers[PEER_BYTES_MAX / PEER_CHUNK_BYTES];
  char *payload = peer->group->payload + begin % PEER_GREETING_BYTES;
  unsigned n = 0;
  for (uint64_t left = n_bytes; left > 0; left -= buffers[n++].len)
    buffers[n] = uv_buf_init(payload, left < PEER_CHUNK_BYTES ? (unsigned)left : PEER_CHUNK_BYTES);
  struct timespec at = peer_clock();
  request->data = peer;
  int error = uv_write(request, (uv_stream_t *)&peer->tcp, buffers, n, on_written);
  if (error != 0) {
    fail(peer, at, "uv_write()", error);
    return false;
  }
  log_peer(peer, at, "uv_write(): %ju bytes%s", (uintmax_t)n_bytes,
           peer->eof ? " into the half-closed connection" : "");
  return true;
}

static bool write_next_piece(struct peer *peer) {
  const struct peer_behaviour *behaviour = &peer->behaviour;
  uint64_t left = peer->send_left;
  uint64_t piece = behaviour->write_bytes;
  if (piece == 0 || piece > left) piece = left;
  peer->send_left -= piece;
  return write_bytes(peer, &peer->send, behaviour->send_bytes - left, piece);
}

static void on_drain_due(uv_timer_t *timer) {
  struct peer *peer = timer->data;
  const struct peer_behaviour *behaviour = &peer->behaviour;
  uint64_t rest_ms = behaviour->close_delay_ms - behaviour->close_delay_ms / 2;
  if (write_bytes(peer, &peer->drain, 0, behaviour->drain_bytes))
    start_timer(peer, on_close_due, rest_ms);
}

static void handle_eof(struct peer *peer, struct timespec at) {
  const struct peer_behaviour *behaviour = &peer->behaviour;
  const char *arrow = peer->group->log.arrow;
  const char *other = peer->group->other;
  peer->eof = true;
  if (peer->close_due) {
    log_peer(peer, at, "read %s EOF: the %s closed too", arrow, other);
    if (peer->shut && behaviour->how == PEER_CLOSE_SHUTDOWN) hold(peer);
  } else if (behaviour->never_close) {
    log_peer(peer, at, "read %s EOF: the %s closed; we never do: CLOSE_WAIT", arrow, other);
  } else if (behaviour->active) {
    log_peer(peer, at, "read %s EOF: the %s closed first; we close in our time", arrow, other);
  } else {
    log_peer(peer, at, "read %s EOF: the %s closed; half-close window %ju ms", arrow, other,
             (uintmax_t)behaviour->close_delay_ms);
    /* The drain goes out in the middle: on EOF it would carry the ACK of the FIN. */
    if (behaviour->drain_bytes > 0)
      start_timer(peer, on_drain_due, behaviour->close_delay_ms / 2);
    else if (behaviour->close_delay_ms > 0)
      start_timer(peer, on_close_due, behaviour->close_delay_ms);
    else
      on_close_due(&peer->timer);
  }
}

static void on_alloc(uv_handle_t *handle, size_t suggested_bytes, uv_buf_t *buffer) {
  (void)suggested_bytes;
  struct peer *peer = handle->data;
  *buffer = uv_buf_init(peer->group->received, PEER_READ_BYTES);
}

/* False when it failed, and the peer is closing. */
static bool set_option(struct peer *peer, int tcp_option, int value, const char *name) {
  struct timespec at = peer_clock();
  int error = peer_socket_set(&peer->tcp, tcp_option, value);
  if (error != 0)
    fail(peer, at, "setsockopt()", error);
  else
    log_peer(peer, at, "setsockopt(): %s %d", name, value);
  return error == 0;
}

/* After each read: Linux drops TCP_QUICKACK by itself when data goes both ways (tcp(7)). */
static bool set_quickack(struct peer *peer) {
  const struct peer_behaviour *behaviour = &peer->behaviour;
  if (!behaviour->quickack && !behaviour->no_quickack) return true;
  return set_option(peer, TCP_QUICKACK, behaviour->quickack, "TCP_QUICKACK");
}

static bool set_options(struct peer *peer) {
  const struct peer_behaviour *behaviour = &peer->behaviour;
  if (behaviour->nodelay && !set_option(peer, TCP_NODELAY, 1, "TCP_NODELAY")) return false;
  if (behaviour->cork && !set_option(peer, TCP_CORK, 1, "TCP_CORK")) return false;
  return set_quickack(peer);
}

/* All that --send has, or its first piece. False when it failed, and the peer is closing. */
static bool begin_sending(struct peer *peer) {
  peer->sending = true;
  peer->send_left = peer->behaviour.send_bytes;
  return peer->send_left == 0 || write_next_piece(peer);
}

static void handle_data(struct peer *peer, struct timespec at, ssize_t n) {
  log_peer(peer, at, "read %s %zd bytes", peer->group->log.arrow, n);
  if (!peer->sending && !peer->close_due) begin_sending(peer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer) {
  struct timespec at = peer_clock();
  struct peer *peer = stream->data;
  (void)buffer;
  if (n == UV_EOF)
    handle_eof(peer, at);
  else if (n < 0)
    fail(peer, at, "read", (int)n);
  else if (n > 0)
    handle_data(peer, at, n);
  if (n != 0 && !peer->closing) set_quickack(peer);
}

/* ---- life ---- */

/* A connection with its handles open and nothing else, or NULL with *error. */
static struct peer *new_peer(struct peer_group *group, int *error) {
  struct peer *peer = calloc(1, sizeof *peer);
  *error = peer == NULL ? UV_ENOMEM : uv_tcp_init(&group->loop, &peer->tcp);
  if (*error != 0) {
    free(peer);
    return NULL;
  }
  uv_timer_init(&group->loop, &peer->timer);
  peer->n_handles = 2;
  peer->tcp.data = peer;
  peer->timer.data = peer;
  peer->group = group;
  peer->behaviour = peer_behaviour_of(group->behaviour, group->n_peers++);
  peer->next = group->peers;
  peer->link = &group->peers;
  if (peer->next != NULL) peer->next->link = &peer->next;
  group->peers = peer;
  return peer;
}

static void log_drawn(struct peer *peer) {
  const struct peer_behaviour *own = &peer->behaviour;
  if (own->active)
    log_peer(peer, peer_clock(), "drawn: close-after %ju, hold %ju, send %ju",
             (uintmax_t)own->close_after_ms, (uintmax_t)own->hold_ms, (uintmax_t)own->send_bytes);
  else
    log_peer(peer, peer_clock(), "drawn: close-delay %ju, hold %ju, drain %ju, send %ju",
             (uintmax_t)own->close_delay_ms, (uintmax_t)own->hold_ms, (uintmax_t)own->drain_bytes,
             (uintmax_t)own->send_bytes);
}

static void behave(struct peer *peer) {
  const struct peer_behaviour *behaviour = &peer->behaviour;
  peer->connected = true;
  if (behaviour->vary) log_drawn(peer);
  if (!set_options(peer)) return;
  if (behaviour->read_nothing) {
    log_peer(peer, peer_clock(), "no uv_read_start(): what comes stays unread");
  } else {
    int error = uv_read_start((uv_stream_t *)&peer->tcp, on_alloc, on_read);
    if (error != 0) {
      fail(peer, peer_clock(), "uv_read_start()", error);
      return;
    }
  }
  if (!behaviour->answer && !begin_sending(peer)) return;
  if (!behaviour->active || behaviour->never_close) return;
  /* Without a delay no timer, which would cost the loop another turn; and the kernel has just
   * answered a write. */
  if (behaviour->close_after_ms > 0)
    start_timer(peer, on_close_due, behaviour->close_after_ms);
  else if (peer->sending && behaviour->send_bytes > 0)
    begin_close(peer);
  else
    on_close_due(&peer->timer);
}

int peer_accept(struct peer_group *group, uv_stream_t *listener) {
  int error;
  struct peer *peer = new_peer(group, &error);
  if (peer == NULL) return error;
  struct timespec at = peer_clock();
  error = uv_accept(listener, (uv_stream_t *)&peer->tcp);
  if (error != 0) {
    peer->error = error;
    close_handles(peer);
    return error;
  }
  log_connected(peer, at, "uv_accept()", uv_tcp_getpeername, uv_tcp_getsockname);
  behave(peer);
  return 0;
}

static void on_connect(uv_connect_t *request, int status) {
  struct timespec at = peer_clock();
  struct peer *peer = request->data;
  if (peer->closing) return;
  if (status != 0) {
    peer->error = status;
    close_handles(peer);
    return;
  }
  log_connected(peer, at, "uv_tcp_connect", uv_tcp_getsockname, uv_tcp_getpeername);
  behave(peer);
  if (peer->group->on_connected != NULL) peer->group->on_connected(peer->group);
}

int peer_connect(struct peer_group *group, const struct sockaddr *to, const struct sockaddr *from) {
  int error;
  struct peer *peer = new_peer(group, &error);
  if (peer == NULL) return error;
  if (from != NULL)
    error = peer_socket_bind(&peer->tcp, from, 0, !peer->behaviour.no_reuse_address);
  peer->connect.data = peer;
  if (error == 0) error = uv_tcp_connect(&peer->connect, &peer->tcp, to, on_connect);
  if (error != 0) {
    peer->error = error;
    close_handles(peer);
  }
  return 0;
}

void peer_stop(struct peer *peer) {
  if (peer->closing) return;
  if (peer->connected)
    close_now(peer);
  else
    close_handles(peer);
}
