/* Opens connections and, unless told otherwise, closes each one before the server does. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/options.h"
#include "client/sources.h"
#include "common/peer/group.h"

enum { PROGRESS_MS = 200 };

struct client {
  struct peer_group group; /* first: a group is its client */
  struct client_settings settings;
  struct addrinfo *addresses;     /* all that HOST has */
  const struct addrinfo *address; /* the one in use */
  bool answered;                  /* a connection to it was made */
  uint64_t n_begun;
  uint64_t n_over;
  uint64_t n_failed;
  uint64_t started_ns;
  struct sources sources; /* of IPv4 loopback, and of nothing else */
  uv_timer_t progress;
  bool progress_shown;
};

/* ---- reports ---- */

static void clear_progress(struct client *client) {
  if (client->progress_shown) cli_say("\r%*s\r", 79, "");
  client->progress_shown = false;
}

static void on_progress(uv_timer_t *timer) {
  struct client *client = timer->data;
  clear_progress(client);
  client->progress_shown = true;
  cli_say("%s: %ju of %ju connections over, %ju open, %ju failed", cli_program(&program_cli),
          (uintmax_t)client->n_over, (uintmax_t)client->settings.count,
          (uintmax_t)(client->n_begun - client->n_over), (uintmax_t)client->n_failed);
}

static const char *remedy(const struct client *client, const struct peer *peer) {
  static char start[CLI_SIBLING_SIZE + 40];
  char server[CLI_SIBLING_SIZE];
  if (peer->connected) return "";
  switch (peer->error) {
    case UV_ECONNREFUSED:
      snprintf(start, sizeof start, "; is the server running? start %s",
               cli_sibling(&program_cli, "server", server));
      return start;
    case UV_EADDRINUSE:
      return client->settings.behaviour.no_reuse_address
                 ? "; TIME_WAIT holds that local port? choose another with -b PORT, or leave out "
                   "--no-reuse-address"
                 : "; choose another local port with -b PORT";
    case UV_EADDRNOTAVAIL:
      return client->settings.local_port != 0
                 ? "; that local port still has a connection there, perhaps in TIME_WAIT"
                 : "; no local port is free, perhaps too many are in TIME_WAIT";
    case UV_EACCES:
      return client->settings.local_port != 0
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
  cli_complain(&program_cli, "%s port %s: %s%s", ip, client->settings.port, meaning(peer),
               remedy(client, peer));
}

/* Returns an exit status. */
static int print_summary(struct client *client) {
  char name[PEER_NAME_SIZE];
  peer_format_address(client->address->ai_addr, name);
  client->group.log.quiet = client->settings.behaviour.quiet;
  peer_log(&client->group.log, name, "%ju of %ju connections over, %ju failed, %.1f s",
           (uintmax_t)client->n_over, (uintmax_t)client->settings.count,
           (uintmax_t)client->n_failed, (double)(uv_hrtime() - client->started_ns) / 1e9);
  (void)peer_log_flush(&client->group.log);
  int error = client->group.log.error;
  return error != 0 && error != EPIPE ? cli_complain_of_stdout(&program_cli, error) : CLI_EXIT_OK;
}

/* ---- connections ---- */

/* One connection to the address in use. False when memory is out. */
static bool begin(struct client *client) {
  struct sockaddr_storage from;
  bool bound = sources_next(&client->sources, client->address->ai_addr, &from);
  int error = peer_connect(&client->group, client->address->ai_addr,
                           bound ? (struct sockaddr *)&from : NULL);
  if (error == 0) return true;
  cli_complain(&program_cli, "cannot begin a connection: %s", uv_strerror(error));
  client->n_failed++;
  peer_group_stop(&client->group);
  return false;
}

static void begin_more(struct client *client) {
  while (client->n_begun < client->settings.count &&
         client->n_begun - client->n_over < client->settings.parallel) {
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
  if (client->n_over == client->settings.count)
    peer_group_stop(group);
  else
    begin_more(client);
}

static bool resolve(struct client *client) {
  const struct client_settings *settings = &client->settings;
  int family = settings->ip4 ? AF_INET : settings->ip6 ? AF_INET6 : AF_UNSPEC;
  struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  uv_getaddrinfo_t request;
  /* No callback: it waits for the answer, and Ctrl-C, which is not caught yet, ends the wait. */
  int error =
      uv_getaddrinfo(&client->group.loop, &request, NULL, settings->host, settings->port, &hints);
  if (error != 0) {
    cli_complain(&program_cli,
                 "%s: cannot find its %saddress: %s; check the name or give an address",
                 settings->host,
                 settings->ip4   ? "IPv4 "
                 : settings->ip6 ? "IPv6 "
                                 : "",
                 uv_strerror(error));
    return false;
  }
  client->addresses = request.addrinfo;
  client->address = client->addresses;
  return true;
}

static void start(struct client *client) {
  const struct client_settings *settings = &client->settings;
  struct peer_log *log = &client->group.log;
  log->quiet = settings->behaviour.quiet;
  client->sources = sources_for(settings->local_port, settings->count, client->address->ai_addr);
  if (client->sources.n > 1)
    peer_log(log, "127.0.0.0/8", "%ju connections, %u ports an address: from %u addresses",
             (uintmax_t)settings->count, client->sources.ports, client->sources.n);
  log->quiet = log->quiet || settings->count > 1;
  client->started_ns = uv_hrtime();
  if (client->settings.count > 1 && isatty(STDERR_FILENO)) {
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
  clear_progress(client);
  if (status == CLI_EXIT_OK && started && client->settings.count > 1)
    status = print_summary(client);
  if (client->addresses != NULL) uv_freeaddrinfo(client->addresses);
  if (client->group.signal != 0) return 128 + client->group.signal;
  if (status != CLI_EXIT_OK) return status;
  return started && client->n_failed == 0 ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int main(int argc, char **argv) {
  static struct client client = {
      .group = {.log = {.role = "client"},
                .cli = &program_cli,
                .other = "server",
                .behaviour = &client.settings.behaviour,
                .on_connected = on_connected,
                .on_over = on_over},
  };
  int status = client_options_read(argc, argv, &client.settings);
  return status == CLI_GO_ON ? run(&client) : status;
}
