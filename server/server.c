/* Accepts connections and, unless told otherwise, closes each one after its client did. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cli.h"
#include "common/peer/peer.h"
#include "common/peer/socket.h"

enum { DEFAULT_PORT = 7000, COUNT_MAX = 1000000000 };

enum server_option {
  OPTION_LISTEN,
  OPTION_PORT,
  OPTION_COUNT,
  OPTION_SHARED,
  OPTION_HELP = OPTION_SHARED + PEER_N_OPTIONS,
  OPTION_VERSION,
};

static const struct cli_option OPTIONS[] = {
    [OPTION_LISTEN] =
        {'l', "listen", "ADDR",
         "listen on this IPv4 or IPv6 address only; may be repeated (default 127.0.0.1 and ::1)"},
    [OPTION_PORT] = {'p', "port", "PORT", "listen on this port (default 7000)"},
    [OPTION_COUNT] = {0, "count", "N", "end after N connections (default: at Ctrl-C)"},
    PEER_OPTION_ROWS(OPTION_SHARED, "close-first", "close before the client does", "0"),
    [OPTION_HELP] = {'h', "help", NULL, "print this text"},
    [OPTION_VERSION] = {'V', "version", NULL, "print the version, and libuv's"},
};

static const struct cli CLI = {
    .program = "server",
    .synopsis = "[OPTION]...",
    .purpose =
        "Accepts TCP connections, waits until the client closes, then closes too, and logs "
        "its calls and their results. Watch it with capture.",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
};

struct listener {
  const char *ip;
  bool optional; /* the default ::1 on a machine without IPv6 */
  bool open;
  uv_tcp_t tcp;
};

struct server {
  struct peer_group group; /* first: a group is its server */
  struct peer_behaviour behaviour;
  struct listener *listeners;
  size_t n_listeners;
  uint16_t port;
  uint64_t count; /* 0: no end */
  uint64_t n_accepted;
  uint64_t n_over;
  bool accept_failed;
};

static const char *remedy(const struct server *server, int error) {
  if (error == UV_EADDRINUSE)
    return server->behaviour.no_reuse_address
               ? "; another server runs there, or left TIME_WAIT; choose another with -p PORT, or "
                 "leave out --no-reuse-address"
               : "; another server runs there, or left TIME_WAIT without SO_REUSEADDR; choose "
                 "another with -p PORT";
  if (error == UV_EACCES) return "; ports below 1024 are for root: choose another with -p PORT";
  if (error == UV_EADDRNOTAVAIL)
    return "; not an address of this machine ('ip address' lists them)";
  if (error == UV_EMFILE) return "; raise the limit with 'ulimit -n'";
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

static void on_over(struct peer_group *group, const struct peer *peer) {
  struct server *server = (struct server *)group;
  if (!peer->connected) return;
  server->n_over++;
  if (server->n_over == server->count) peer_group_stop(group);
}

static void on_connection(uv_stream_t *stream, int status) {
  struct server *server = stream->data;
  int error = status != 0 ? status : peer_accept(&server->group, stream);
  if (error != 0) {
    /* Without descriptors every connection fails: once is enough. */
    if (!server->accept_failed)
      cli_complain(&CLI, "cannot accept a connection: %s%s", uv_strerror(error),
                   remedy(server, error));
    server->accept_failed = true;
    return;
  }
  server->accept_failed = false;
  server->n_accepted++;
  if (server->n_accepted == server->count) stop_listening(server);
}

static bool parse_address(const char *ip, uint16_t port, struct sockaddr_storage *address) {
  return uv_ip4_addr(ip, port, (struct sockaddr_in *)address) == 0 ||
         uv_ip6_addr(ip, port, (struct sockaddr_in6 *)address) == 0;
}

static int bind_listener(struct server *server, struct listener *listener) {
  struct sockaddr_storage address;
  if (!parse_address(listener->ip, server->port, &address)) return UV_EINVAL;
  int error = uv_tcp_init(&server->group.loop, &listener->tcp);
  if (error != 0) return error;
  listener->open = true;
  listener->tcp.data = server;
  /* An IPv6 socket that took IPv4 connections too would collide with the IPv4 one. */
  unsigned flags = address.ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
  return peer_socket_bind(&listener->tcp, (struct sockaddr *)&address, flags,
                          !server->behaviour.no_reuse_address);
}

/* All addresses or none; false after saying on stderr what is wrong. */
static bool listen_all(struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    struct listener *listener = &server->listeners[i];
    int error = bind_listener(server, listener);
    if (error == 0) error = uv_listen((uv_stream_t *)&listener->tcp, SOMAXCONN, on_connection);
    if (error == 0) continue;
    if (listener->optional && means_no_ipv6(error)) {
      cli_complain(&CLI, "%s port %d: %s; no IPv6 here, going on with IPv4 alone", listener->ip,
                   server->port, uv_strerror(error));
      if (listener->open) uv_close((uv_handle_t *)&listener->tcp, NULL);
      listener->open = false;
      continue;
    }
    cli_complain(&CLI, "%s port %d: %s%s", listener->ip, server->port, uv_strerror(error),
                 remedy(server, error));
    return false;
  }
  return true;
}

static void log_listeners(struct server *server) {
  for (size_t i = 0; i < server->n_listeners; i++) {
    struct sockaddr_storage address;
    char name[PEER_NAME_SIZE];
    if (!server->listeners[i].open) continue;
    parse_address(server->listeners[i].ip, server->port, &address);
    peer_format_address((struct sockaddr *)&address, name);
    peer_log(&server->group, name, "uv_listen() %s 0: waiting; Ctrl-C ends", server->group.arrow);
  }
}

static bool add_address(struct server *server, const char *ip, bool optional) {
  struct sockaddr_storage address;
  if (!parse_address(ip, server->port, &address)) {
    cli_complain(&CLI, "--listen wants an IPv4 or IPv6 address such as 127.0.0.1 or ::1, not '%s'",
                 ip);
    return false;
  }
  server->listeners[server->n_listeners++] = (struct listener){.ip = ip, .optional = optional};
  return true;
}

/* -1 to go on, or the exit status. */
static int parse_options(struct server *server, int argc, char **argv) {
  const char *argument;
  int row;
  while ((row = cli_next(&CLI, argc, argv, &argument)) != CLI_END) {
    if (row == CLI_ERROR) return CLI_EXIT_USAGE;
    bool good = true;
    if (row >= OPTION_SHARED && row < OPTION_HELP) {
      enum peer_option shared = (enum peer_option)(row - OPTION_SHARED);
      good = peer_parse_option(&CLI, OPTION_SHARED, shared, argument, &server->behaviour);
    } else {
      switch ((enum server_option)row) {
        case OPTION_LISTEN: good = add_address(server, argument, false); break;
        case OPTION_PORT: good = cli_parse_port(&CLI, "--port", argument, &server->port); break;
        case OPTION_COUNT:
          good = cli_parse_number(&CLI, "--count", argument, 1, COUNT_MAX, &server->count);
          break;
        case OPTION_HELP: cli_print_usage(&CLI, stdout); return cli_finish(&CLI);
        case OPTION_VERSION: peer_print_version(&CLI); return cli_finish(&CLI);
        case OPTION_SHARED: break;
      }
    }
    if (!good) return CLI_EXIT_USAGE;
  }
  if (optind < argc) {
    cli_complain(&CLI, "'%s' is one word too many; an address goes with -l, a port with -p",
                 argv[optind]);
    return CLI_EXIT_USAGE;
  }
  if (!peer_check_options(&CLI, OPTION_SHARED, &server->behaviour)) return CLI_EXIT_USAGE;
  if (server->n_listeners == 0) {
    add_address(server, "127.0.0.1", false);
    add_address(server, "::1", true);
  }
  return -1;
}

static int serve(struct server *server) {
  if (!peer_group_open(&server->group)) return CLI_EXIT_FAILURE;
  bool listening = peer_group_catch_signals(&server->group) && listen_all(server);
  if (listening)
    log_listeners(server);
  else
    peer_group_stop(&server->group);
  int status = peer_group_run(&server->group);
  return listening ? status : CLI_EXIT_FAILURE;
}

int main(int argc, char **argv) {
  static struct server server = {
      .group = {.cli = &CLI, .other = "client", .on_over = on_over},
      .behaviour = {.close_after_ms = PEER_CLOSE_AFTER_MS, .close_delay_ms = PEER_CLOSE_DELAY_MS},
      .port = DEFAULT_PORT,
  };
  server.group.behaviour = &server.behaviour;
  /* No command line names more addresses than it has words, and two are the default. */
  server.listeners = calloc((size_t)argc + 2, sizeof *server.listeners);
  if (server.listeners == NULL) {
    cli_complain(&CLI, "out of memory");
    return CLI_EXIT_FAILURE;
  }
  int status = parse_options(&server, argc, argv);
  if (status == -1) status = serve(&server);
  free(server.listeners);
  return status;
}
