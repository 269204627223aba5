/* Opens connections and, unless told otherwise, closes each one before the server does. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/peer/peer.h"

enum { COUNT_MAX = 1000000000, PARALLEL_MAX = 100000, PROGRESS_MS = 200 };

enum client_option {
  OPTION_IPV4,
  OPTION_IPV6,
  OPTION_LOCAL_PORT,
  OPTION_COUNT,
  OPTION_PARALLEL,
  OPTION_SHARED,
  OPTION_HELP = OPTION_SHARED + PEER_N_OPTIONS,
  OPTION_VERSION,
};

static const struct cli_option OPTIONS[] = {
    [OPTION_IPV4] = {'4', NULL, NULL, "use IPv4 only"},
    [OPTION_IPV6] = {'6', NULL, NULL, "use IPv6 only"},
    [OPTION_LOCAL_PORT] = {'b', "local-port", "PORT", "connect from this port (default: any)"},
    [OPTION_COUNT] =
        {0, "count", "N",
         "make N connections (default 1); above 1 a summary takes the place of the log"},
    [OPTION_PARALLEL] = {0, "parallel", "N", "that many of them at a time (default 1)"},
    PEER_OPTION_ROWS(OPTION_SHARED, "close-last", "close after the server does", "6, \"hello\""),
    [OPTION_HELP] = {'h', "help", NULL, "print this text"},
    [OPTION_VERSION] = {'V', "version", NULL, "print the version, and libuv's"},
};

static const struct cli CLI = {
    .program = "client",
    .synopsis = "[OPTION]... [HOST [PORT]]",
    .purpose =
        "Connects to HOST (default 127.0.0.1) at PORT (default 7000), greets, closes first, "
        "and logs its calls and their results. Watch it with capture.",
    .options = OPTIONS,
    .n_options = sizeof OPTIONS / sizeof *OPTIONS,
};

struct client {
  struct peer_group group; /* first: a group is its client */
  struct peer_behaviour behaviour;
  const char *host;
  const char *port;
  int family;
  uint16_t local_port;
  uint64_t count;
  uint64_t parallel;
  struct addrinfo *addresses;     /* all that HOST has */
  const struct addrinfo *address; /* the one in use */
  bool answered;                  /* a connection to it was made */
  uint64_t n_begun;
  uint64_t n_over;
  uint64_t n_failed;
  uint64_t started_ns;
  uv_timer_t progress;
  bool progress_shown;
};

/* ---- reports ---- */

static void clear_progress(struct client *client) {
  if (client->progress_shown) fprintf(stderr, "\r%*s\r", 79, "");
  client->progress_shown = false;
}

static void on_progress(uv_timer_t *timer) {
  struct client *client = timer->data;
  clear_progress(client);
  client->progress_shown = true;
  fprintf(stderr, "client: %ju of %ju connections over, %ju open, %ju failed",
          (uintmax_t)client->n_over, (uintmax_t)client->count,
          (uintmax_t)(client->n_begun - client->n_over), (uintmax_t)client->n_failed);
}

static const char *remedy(const struct client *client, const struct peer *peer) {
  if (peer->connected) return "";
  switch (peer->error) {
    case UV_ECONNREFUSED: return "; is the server running? start build/server";
    case UV_EADDRINUSE:
      return client->behaviour.no_reuse_address
                 ? "; TIME_WAIT holds that local port? choose another with -b PORT, or leave out "
                   "--no-reuse-address"
                 : "; choose another local port with -b PORT";
    case UV_EADDRNOTAVAIL:
      return client->local_port != 0
                 ? "; that local port still has a connection there, perhaps in TIME_WAIT"
                 : "; no local port is free, perhaps too many are in TIME_WAIT";
    case UV_EACCES:
      return client->local_port != 0
                 ? "; ports below 1024 are for root: choose another with -b PORT"
                 : "; a firewall rule forbids it";
    case UV_ETIMEDOUT:
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH: return "; check the address and the firewalls on the way";
    case UV_EMFILE: return "; raise the limit with 'ulimit -n' or lower --parallel";
    default: /* any errno */ return "";
  }
}

static const char *meaning(const struct peer *peer) {
  bool was_reset = peer->error == UV_ECONNRESET || peer->error == UV_EPIPE;
  return was_reset ? "the server reset the connection" : uv_strerror(peer->error);
}

/* The first failure in full; the summary counts them. */
static void report_failure(struct client *client, const struct peer *peer) {
  client->n_failed++;
  if (client->n_failed > 1) return;
  char ip[INET6_ADDRSTRLEN] = "?";
  uv_ip_name(client->address->ai_addr, ip, sizeof ip);
  clear_progress(client);
  cli_complain(&CLI, "%s port %s: %s%s", ip, client->port, meaning(peer), remedy(client, peer));
}

/* Returns an exit status. */
static int print_summary(struct client *client) {
  char name[PEER_NAME_SIZE];
  peer_format_address(client->address->ai_addr, name);
  clear_progress(client);
  client->group.quiet = false;
  peer_log(&client->group, name, "%ju of %ju connections over, %ju failed, %.1f s",
           (uintmax_t)client->n_over, (uintmax_t)client->count, (uintmax_t)client->n_failed,
           (double)(uv_hrtime() - client->started_ns) / 1e9);
  return cli_finish(&CLI);
}

/* ---- connections ---- */

/* One connection to the address in use. False when memory is out. */
static bool begin(struct client *client) {
  int error = peer_connect(&client->group, client->address->ai_addr, client->local_port);
  if (error == 0) return true;
  cli_complain(&CLI, "cannot begin a connection: %s", uv_strerror(error));
  client->n_failed++;
  peer_group_stop(&client->group);
  return false;
}

static void begin_more(struct client *client) {
  while (client->n_begun < client->count && client->n_begun - client->n_over < client->parallel) {
    client->n_begun++;
    if (!begin(client)) return;
  }
}

static void on_connected(struct peer_group *group) {
  struct client *client = (struct client *)group;
  /* The first one finds out alone which address answers. */
  if (!client->answered) begin_more(client);
  client->answered = true;
}

static void on_over(struct peer_group *group, const struct peer *peer) {
  struct client *client = (struct client *)group;
  if (!client->answered && client->address->ai_next != NULL) {
    client->address = client->address->ai_next;
    begin(client);
    return;
  }
  client->n_over++;
  if (peer->error != 0) report_failure(client, peer);
  if (client->n_over == client->count)
    peer_group_stop(group);
  else
    begin_more(client);
}

static bool resolve(struct client *client) {
  struct addrinfo hints = {.ai_family = client->family, .ai_socktype = SOCK_STREAM};
  uv_getaddrinfo_t request;
  /* No callback: it waits for the answer, and Ctrl-C, which is not caught yet, ends the wait. */
  int error =
      uv_getaddrinfo(&client->group.loop, &request, NULL, client->host, client->port, &hints);
  if (error != 0) {
    cli_complain(&CLI, "%s: cannot find its %saddress: %s; check the name or give an address",
                 client->host,
                 client->family == AF_INET    ? "IPv4 "
                 : client->family == AF_INET6 ? "IPv6 "
                                              : "",
                 uv_strerror(error));
    return false;
  }
  client->addresses = request.addrinfo;
  client->address = client->addresses;
  return true;
}

static void start(struct client *client) {
  client->group.quiet = client->count > 1;
  client->started_ns = uv_hrtime();
  if (client->count > 1 && isatty(STDERR_FILENO)) {
    client->progress.data = client;
    uv_timer_init(&client->group.loop, &client->progress);
    uv_timer_start(&client->progress, on_progress, PROGRESS_MS, PROGRESS_MS);
  }
  client->n_begun = 1;
  begin(client);
}

static int run(struct client *client) {
  if (!peer_group_open(&client->group)) return CLI_EXIT_FAILURE;
  bool started = resolve(client) && peer_group_catch_signals(&client->group);
  if (started)
    start(client);
  else
    peer_group_stop(&client->group);
  int status = peer_group_run(&client->group);
  if (started && client->count > 1) status = print_summary(client);
  if (client->addresses != NULL) uv_freeaddrinfo(client->addresses);
  if (client->group.signal != 0) return 128 + client->group.signal;
  return started && client->n_failed == 0 ? status : CLI_EXIT_FAILURE;
}

/* ---- command line ---- */

static bool parse_operands(struct client *client, int argc, char **argv) {
  uint16_t port;
  int n = argc - optind;
  if (n > 2) {
    cli_complain(&CLI, "'%s' is one word too many; HOST and PORT are all (--help)",
                 argv[optind + 2]);
    return false;
  }
  if (n >= 1) client->host = argv[optind];
  if (n == 2) client->port = argv[optind + 1];
  if (client->host[0] == '\0') {
    cli_complain(&CLI, "HOST is empty; give a name or an address, such as 127.0.0.1");
    return false;
  }
  return cli_parse_port(&CLI, "PORT", client->port, &port);
}

static bool check_options(const struct client *client) {
  if (client->parallel > client->count) {
    cli_complain(&CLI, "--parallel %ju is more than --count %ju; raise --count",
                 (uintmax_t)client->parallel, (uintmax_t)client->count);
    return false;
  }
  if (client->local_port != 0 && client->parallel > 1) {
    cli_complain(&CLI, "--local-port is one connection at a time; leave out --parallel");
    return false;
  }
  if (client->behaviour.no_reuse_address && client->local_port == 0) {
    cli_complain(&CLI, "--no-reuse-address has no effect without --local-port; add it");
    return false;
  }
  return peer_check_options(&CLI, OPTION_SHARED, &client->behaviour);
}

static bool restrict_family(struct client *client, int family) {
  if (client->family != AF_UNSPEC && client->family != family) {
    cli_complain(&CLI, "-4 and -6 exclude each other; give one of them");
    return false;
  }
  client->family = family;
  return true;
}

/* -1 to go on, or the exit status. */
static int parse_options(struct client *client, int argc, char **argv) {
  const char *argument;
  int row;
  while ((row = cli_next(&CLI, argc, argv, &argument)) != CLI_END) {
    if (row == CLI_ERROR) return CLI_EXIT_USAGE;
    bool good = true;
    if (row >= OPTION_SHARED && row < OPTION_HELP) {
      enum peer_option shared = (enum peer_option)(row - OPTION_SHARED);
      good = peer_parse_option(&CLI, OPTION_SHARED, shared, argument, &client->behaviour);
    } else {
      switch ((enum client_option)row) {
        case OPTION_IPV4: good = restrict_family(client, AF_INET); break;
        case OPTION_IPV6: good = restrict_family(client, AF_INET6); break;
        case OPTION_LOCAL_PORT:
          good = cli_parse_port(&CLI, "--local-port", argument, &client->local_port);
          break;
        case OPTION_COUNT:
          good = cli_parse_number(&CLI, "--count", argument, 1, COUNT_MAX, &client->count);
          break;
        case OPTION_PARALLEL:
          good = cli_parse_number(&CLI, "--parallel", argument, 1, PARALLEL_MAX, &client->parallel);
          break;
        case OPTION_HELP: cli_print_usage(&CLI, stdout); return cli_finish(&CLI);
        case OPTION_VERSION: peer_print_version(&CLI); return cli_finish(&CLI);
        case OPTION_SHARED: break;
      }
    }
    if (!good) return CLI_EXIT_USAGE;
  }
  bool good = parse_operands(client, argc, argv) && check_options(client);
  return good ? -1 : CLI_EXIT_USAGE;
}

int main(int argc, char **argv) {
  static struct client client = {
      .group = {.cli = &CLI, .other = "server", .on_connected = on_connected, .on_over = on_over},
      .behaviour = {.active = true,
                    .close_after_ms = PEER_CLOSE_AFTER_MS,
                    .close_delay_ms = PEER_CLOSE_DELAY_MS,
                    .send_bytes = PEER_GREETING_BYTES},
      .host = "127.0.0.1",
      .port = "7000",
      .family = AF_UNSPEC,
      .count = 1,
      .parallel = 1,
  };
  client.group.behaviour = &client.behaviour;
  int status = parse_options(&client, argc, argv);
  return status == -1 ? run(&client) : status;
}
