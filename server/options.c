#include "server/options.h"

#include <unistd.h>

#include "common/peer/group.h"

enum { DEFAULT_PORT = 7000, COUNT_MAX = 1000000000 };

#define AT(member) CLI_AT(struct server_settings, member)

/* clang-format off */
static const struct cli_option rows[] = {
    {'l', "listen", "ADDR", CLI_TEXTS, AT(addresses),
     .text = "listen on this IPv4 or IPv6 address only; may be repeated (default 127.0.0.1 and "
             "::1)"},
    {'p', "port", "PORT", CLI_PORT, AT(port),
     .text = "listen on this port (default 7000)"},
    {0, "count", "N", CLI_NUMBER, AT(count), .min = 1, .max = COUNT_MAX,
     .text = "end after N connections (default: at Ctrl-C)"},
    {0, "max", "N", CLI_NUMBER, AT(max), .min = 1, .max = COUNT_MAX,
     .text = "have at most N connections open at a time; others wait (default: as many as there "
             "are descriptors for)"},
    {0, "close-first", NULL, CLI_FLAG, AT(behaviour.active),
     .text = "close before the client does"},
};
/* clang-format on */

struct cli program_cli = {
    .name = "server",
    .synopsis = "[OPTION]...",
    .purpose =
        "Accepts TCP connections, waits until the client closes, then closes too, and logs "
        "its calls and their results.",
    .shown_by = "capture",
    .library = peer_library_version,
    .tables = {[CLI_OWN] = {.rows = rows, .n = sizeof rows / sizeof *rows},
               [CLI_SHARED] = {.rows = peer_options, .n = PEER_N_OPTIONS}},
};

int server_options_read(int argc, char **argv, struct server_settings *settings) {
  *settings = (struct server_settings){
      .behaviour = {.close_after_ms = PEER_CLOSE_AFTER_MS, .close_delay_ms = PEER_CLOSE_DELAY_MS},
      .port = DEFAULT_PORT,
  };
  program_cli.tables[CLI_OWN].settings = settings;
  program_cli.tables[CLI_SHARED].settings = &settings->behaviour;
  int status = cli_parse(&program_cli, argc, argv);
  if (status != CLI_GO_ON) return status;
  if (optind < argc) {
    cli_complain(&program_cli, "'%s' is one word too many; an address goes with -l, a port with -p",
                 argv[optind]);
    return CLI_EXIT_USAGE;
  }
  return peer_check_options(&program_cli, &settings->behaviour) ? CLI_GO_ON : CLI_EXIT_USAGE;
}
