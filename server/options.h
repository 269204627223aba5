/* The command line of server: what every option sets. */
#ifndef TEARDOWN_SERVER_OPTIONS_H
#define TEARDOWN_SERVER_OPTIONS_H

#include <stdint.h>

#include "common/cli.h"
#include "common/peer/options.h"

struct server_settings {
  struct peer_behaviour behaviour;
  struct cli_texts addresses; /* --listen; none: 127.0.0.1 and ::1 */
  uint16_t port;
  uint64_t count; /* 0: no end */
  uint64_t max;   /* open at a time; 0: as many as there are descriptors for */
};

/* Reads the command line over the defaults. CLI_GO_ON, or the exit status. */
int server_options_read(int argc, char **argv, struct server_settings *settings);

#endif
