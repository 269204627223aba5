/* Accepts connections and, unless told otherwise, closes each one after its client did. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/peer/group.h"
#include "common/peer/socket.h"
#include "server/options.h"

enum { RETRY_MS = 100, CALM_MS = 1000 };

struct listener {
  const char *ip;
  bool optional; /* the default ::1 on a machine without IPv6 */
  bool open;
  bool waiting; /* libuv holds a connection that we have not taken, and asks for no more */
  struct sockaddr_storage address;
  uv_tcp_t tcp;
};

struct server {
  struct peer_group group; /* first: a group is its server */
  struct server_settings settings;
  struct listener listeners[CLI_TEXTS_MAX];
  size_t n_listeners;
  uint64_t n_accepted;
  uint64_t n_over;
  rlim_t n_descriptors; /* that this process may have */
  uint64_t room;        /* connections for which there are descriptors; 0: not known yet */
  bool told;            /* that others wait */
  bool accept_failed;
  uv_timer_t retry, calm;
  uv_check_t polled;
};

static const char *remedy(const struct server *server, int error) {
  if (error == UV_EADDRINUSE)
    return server->settings.behaviour.no_reuse_address
               ? "; another server runs there, or left TIME_WAIT; choose another with -p PORT, or "
                 "leave out --no-reuse-address"
               : "; another server runs there, or left TIME_WAIT without SO_REUSEADDR; choose "
                 "another with -p PORT";
  if (error == UV_EACCES) return "; ports below 1024 are for root: choose another with -p PORT";
  if (error == UV_EADDRNOTAVAIL)
    return "; not an address of this machine ('ip address' lists them)";
  if (error == UV_EMFILE) return "; raise the limit with 'ulimit -n'";
  if (error == UV_ENFILE) return "; libuv closed it at once; raise 'sysctl fs.file-max'";
  return "";
}

/* socket() or bind() on a machine without IPv6; libuv says EINVAL for EAFNOSUPPORT in bind. */
static bool means_no_ipv6(int error) {
  return error == UV_EADDRNOTAVAIL || error == UV_EAFNOSUPPORT || error == UV_EINVAL;
}

static void stop_listening(struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    struct listener *listener = &server->listeners[i];
    if (listener->open) uv_close((uv_handle_t *)&listener->tcp, NULL);
    listener->open = false;
  }
}

static uint64_t n_open(const struct server *server) { return server->n_accepted - server->n_over; }

/* What is beyond the limits waits in the kernel, where it costs no descriptor. libuv would rather
 * accept it and close it at once, without a word to us: so EMFILE must not come to that. */
static bool is_full(const struct server *server) {
  uint64_t max = server->settings.max;
  return (server->room != 0 && n_open(server) >= server->room) ||
         (max != 0 && n_open(server) >= max);
}

static bool one_waits(const struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++)
    if (server->listeners[i].open && server->listeners[i].waiting) return true;
  return false;
}

static void on_calm(uv_timer_t *timer) {
  struct server *server = timer->data;
  if (one_waits(server)) {
    uv_timer_start(timer, on_calm, CALM_MS, 0);
    return;
  }
  server->told = false;
  cli_complain(&program_cli, "%ju connections are open, and no other waits any more",
               (uintmax_t)n_open(server));
}

/* Said again only after a time in which none had to wait: at the limit they come and go. */
static void say_that_others_wait(struct server *server) {
  uv_timer_start(&server->calm, on_calm, CALM_MS, 0);
  if (server->told) return;
  server->told = true;
  bool by_max = n_open(server) == server->settings.max;
  cli_complain(&program_cli, "%ju connections are open, as many as %s: others wait%s",
               (uintmax_t)n_open(server), by_max ? "--max allows" : "there are descriptors for",
               by_max ? "" : remedy(server, UV_EMFILE));
}

/* How many connections there can be is known once one has got the last descriptor but those that
 * are kept free (the kernel gives the lowest number that is free): one for each listener, for libuv
 * accepts its next connection before it asks us. */
static void note_descriptor(struct server *server) {
  uv_os_fd_t fd;
  if (server->room != 0 || uv_fileno((uv_handle_t *)&server->group.peers->tcp, &fd) != 0) return;
  if ((rlim_t)fd + server->n_listeners + 1 < server->n_descriptors) return;
  for (const struct peer *peer = server->group.peers; peer != NULL; peer = peer->next)
    server->room += !peer->closing;
}

static void on_accept_failed(struct server *server, int error) {
  if (!server->accept_failed)
    cli_complain(&program_cli, "cannot accept a connection: %s%s", uv_strerror(error),
                 remedy(server, error));
  server->accept_failed = true;
}

/* On a machine without a file left (ENFILE) libuv closes the spare descriptor that it keeps for
 * this, accepts a connection, closes that, opens a spare one again, and tells nobody. Our mark on
 * the spare one is O_NONBLOCK, which means nothing there: where it is missing, that has happened.
 */
static bool has_refused(const uv_loop_t *loop) {
  int flags = loop->emfile_fd >= 0 ? fcntl(loop->emfile_fd, F_GETFL) : O_NONBLOCK;
  return flags >= 0 && !(flags & O_NONBLOCK) &&
         fcntl(loop->emfile_fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void on_polled(uv_check_t *check) {
  if (has_refused(check->loop)) on_accept_failed(check->data, UV_ENFILE);
}

static void on_retry(uv_timer_t *timer);

/* Takes the connection that libuv holds for this listener, now or later. */
static void take(struct server *server, struct listener *listener) {
  listener->waiting = is_full(server);
  if (listener->waiting) {
    say_that_others_wait(server);
    return;
  }
  int error = peer_accept(&server->group, (uv_stream_t *)&listener->tcp);
  if (error != 0) {
    on_accept_failed(server, error);
    listener->waiting = error == UV_ENOMEM;
    if (listener->waiting) uv_timer_start(&server->retry, on_retry, RETRY_MS, 0);
    return;
  }
  if (server->accept_failed) cli_complain(&program_cli, "connections can be accepted again");
  server->accept_failed = false;
  server->n_accepted++;
  note_descriptor(server);
  if (server->n_accepted == server->settings.count) stop_listening(server);
}

static void take_waiting(struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    struct listener *listener = &server->listeners[i];
    if (listener->open && listener->waiting) take(server, listener);
  }
}

static void on_retry(uv_timer_t *timer) { take_waiting(timer->data); }

static void on_over(struct peer_group *group, const struct peer *peer) {
  struct server *server = (struct server *)group;
  if (!peer->connected) return;
  server->n_over++;
  if (server->n_over == server->settings.count) {
    peer_group_stop(group);
    return;
  }
  take_waiting(server);
}

static void on_connection(uv_stream_t *stream, int status) {
  struct listener *listener = (struct listener *)((char *)stream - offsetof(struct listener, tcp));
  if (status != 0)
    on_accept_failed(stream->data, status);
  else
    take(stream->data, listener);
}

static bool parse_address(const char *ip, uint16_t port, struct sockaddr_storage *address) {
  return uv_ip4_addr(ip, port, (struct sockaddr_in *)address) == 0 ||
         uv_ip6_addr(ip, port, (struct sockaddr_in6 *)address) == 0;
}

static int bind_listener(struct server *server, struct listener *listener) {
  int error = uv_tcp_init(&server->group.loop, &listener->tcp);
  if (error != 0) return error;
  listener->open = true;
  listener->tcp.data = server;
  /* An IPv6 socket that took IPv4 connections too would collide with the IPv4 one. */
  unsigned flags = listener->address.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
  return peer_socket_bind(&listener->tcp, (struct sockaddr *)&listener->address, flags,
                          !server->settings.behaviour.no_reuse_address);
}

/* All addresses or none; false after saying on stderr what is wrong. */
static bool listen_all(struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    struct listener *listener = &server->listeners[i];
    int error = bind_listener(server, listener);
    if (error == 0) error = uv_listen((uv_stream_t *)&listener->tcp, SOMAXCONN, on_connection);
    if (error == 0) continue;
    if (listener->optional && means_no_ipv6(error)) {
      cli_complain(&program_cli, "%s port %d: %s; no IPv6 here, going on with IPv4 alone",
                   listener->ip, server->settings.port, uv_strerror(error));
      if (listener->open) uv_close((uv_handle_t *)&listener->tcp, NULL);
      listener->open = false;
      continue;
    }
    cli_complain(&program_cli, "%s port %d: %s%s", listener->ip, server->settings.port,
                 uv_strerror(error), remedy(server, error));
    return false;
  }
  return true;
}

/* False after saying on stderr that there is no room for a connection on each listener. */
static bool count_descriptors(struct server *server) {
  struct rlimit limit;
  int next = dup(STDIN_FILENO);
  if (next >= 0) close(next);
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = RLIM_INFINITY;
  server->n_descriptors = limit.rlim_cur;
  if (next >= 0 && (rlim_t)next + server->n_listeners <= limit.rlim_cur) return true;
  cli_complain(&program_cli, "no descriptor is left for a connection%s", remedy(server, UV_EMFILE));
  return false;
}

static void log_listeners(struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    char name[PEER_NAME_SIZE];
    if (!server->listeners[i].open) continue;
    peer_format_address((struct sockaddr *)&server->listeners[i].address, name);
    peer_log(&server->group.log, name, "uv_listen() %s 0: waiting; Ctrl-C ends",
             server->group.log.arrow);
  }
}

static bool add_address(struct server *server, const char *ip, bool optional) {
  struct listener *listener = &server->listeners[server->n_listeners++];
  *listener = (struct listener){.ip = ip, .optional = optional};
  if (parse_address(ip, server->settings.port, &listener->address)) return true;
  cli_complain(&program_cli,
               "--listen wants an IPv4 or IPv6 address such as 127.0.0.1 or ::1, not '%s'", ip);
  return false;
}

static bool add_addresses(struct server *server) {
  const struct cli_texts *given = &server->settings.addresses;
  bool good = true;
  for (unsigned i = 0; good && i < given->n; i++) good = add_address(server, given->text[i], false);
  if (given->n > 0) return good;
  return add_address(server, "127.0.0.1", false) && add_address(server, "::1", true);
}

static int serve(struct server *server) {
  if (!peer_group_open(&server->group)) return CLI_EXIT_FAILURE;
  server->retry.data = server->calm.data = server->polled.data = server;
  uv_timer_init(&server->group.loop, &server->retry);
  uv_timer_init(&server->group.loop, &server->calm);
  uv_check_init(&server->group.loop, &server->polled);
  uv_check_start(&server->polled, on_polled);
  uv_unref((uv_handle_t *)&server->polled);
  bool listening =
      peer_group_catch_signals(&server->group) && listen_all(server) && count_descriptors(server);
  (void)has_refused(&server->group.loop);
  if (listening)
    log_listeners(server);
  else
    peer_group_stop(&server->group);
  int status = peer_group_run(&server->group);
  return listening ? status : CLI_EXIT_FAILURE;
}

int main(int argc, char **argv) {
  static struct server server = {
      .group = {.log = {.role = "server"},
                .cli = &program_cli,
                .other = "client",
                .behaviour = &server.settings.behaviour,
                .on_over = on_over},
  };
  int status = server_options_read(argc, argv, &server.settings);
  if (status != CLI_GO_ON) return status;
  server.group.log.quiet = server.settings.behaviour.quiet;
  return add_addresses(&server) ? serve(&server) : CLI_EXIT_USAGE;
}
