#include "client/options.h"

#include <unistd.h>

#include "common/peer/group.h"

enum { COUNT_MAX = 1000000000, PARALLEL_MAX = 100000 };

#define AT(member) CLI_AT(struct client_settings, member)

/* clang-format off */
static const struct cli_option rows[] = {
    {'4', NULL, NULL, CLI_FLAG, AT(ip4),
     .text = "use IPv4 only"},
    {'6', NULL, NULL, CLI_FLAG, AT(ip6),
     .text = "use IPv6 only"},
    {'b', "local-port", "PORT", CLI_PORT, AT(local_port),
     .text = "connect from this port (default: any)"},
    {0, "count", "N", CLI_NUMBER, AT(count), .min = 1, .max = COUNT_MAX,
     .text = "make N connections (default 1); above 1 a summary takes the place of the log"},
    {0, "parallel", "N", CLI_NUMBER, AT(parallel), .min = 1, .max = PARALLEL_MAX,
     .text = "that many of them at a time (default 1)"},
    {0, "close-last", NULL, CLI_FLAG, AT(close_last),
     .text = "close after the server does"},
};
/* clang-format on */

struct cli program_cli = {
    .name = "client",
    .synopsis = "[OPTION]... [HOST [PORT]]",
    .purpose =
        "Connects to HOST (default 127.0.0.1) at PORT (default 7000), greets, closes first, "
        "and logs its calls and their results.",
    .shown_by = "capture",
    .library = peer_library_version,
    .tables = {[CLI_OWN] = {.rows = rows, .n = sizeof rows / sizeof *rows},
               [CLI_SHARED] = {.rows = peer_options, .n = PEER_N_OPTIONS}},
};

static bool parse_operands(struct client_settings *settings, int argc, char **argv) {
  uint16_t port;
  int n = argc - optind;
  if (n > 2) {
    cli_complain(&program_cli, "'%s' is one word too many; HOST and PORT are all (--help)",
                 argv[optind + 2]);
    return false;
  }
  if (n >= 1) settings->host = argv[optind];
  if (n == 2) settings->port = argv[optind + 1];
  if (settings->host[0] == '\0') {
    cli_complain(&program_cli, "HOST is empty; give a name or an address, such as 127.0.0.1");
    return false;
  }
  return cli_parse_port(&program_cli, "PORT", settings->port, &port);
}

static bool check_options(struct client_settings *settings) {
  if (settings->ip4 && settings->ip6) {
    cli_complain(&program_cli, "-4 and -6 exclude each other; give one of them");
    return false;
  }
  if (settings->parallel > settings->count) {
    cli_complain(&program_cli, "--parallel %ju is more than --count %ju; raise --count",
                 (uintmax_t)settings->parallel, (uintmax_t)settings->count);
    return false;
  }
  if (settings->local_port != 0 && settings->parallel > 1) {
    cli_complain(&program_cli, "--local-port is one connection at a time; leave out --parallel");
    return false;
  }
  if (settings->behaviour.no_reuse_address && settings->local_port == 0) {
    cli_complain(&program_cli, "--no-reuse-address has no effect without --local-port; add it");
    return false;
  }
  return peer_check_options(&program_cli, &settings->behaviour);
}

int client_options_read(int argc, char **argv, struct client_settings *settings) {
  *settings = (struct client_settings){
      .behaviour = {.close_after_ms = PEER_CLOSE_AFTER_MS,
                    .close_delay_ms = PEER_CLOSE_DELAY_MS,
                    .send_bytes = PEER_GREETING_BYTES},
      .host = "127.0.0.1",
      .port = "7000",
      .count = 1,
      .parallel = 1,
  };
  program_cli.tables[CLI_OWN].settings = settings;
  program_cli.tables[CLI_SHARED].settings = &settings->behaviour;
  int status = cli_parse(&program_cli, argc, argv);
  if (status != CLI_GO_ON) return status;
  settings->behaviour.active = !settings->close_last;
  bool good = parse_operands(settings, argc, argv) && check_options(settings);
  return good ? CLI_GO_ON : CLI_EXIT_USAGE;
}
