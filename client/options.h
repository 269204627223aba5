/* The command line of client: what every option sets. */
#ifndef TEARDOWN_CLIENT_OPTIONS_H
#define TEARDOWN_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cli.h"
#include "common/peer/options.h"

struct client_settings {
  struct peer_behaviour behaviour;
  const char *host, *port; /* a port, as it was typed */
  uint16_t local_port;     /* 0: any */
  uint64_t count, parallel;
  bool ip4, ip6; /* only; not both */
  bool close_last;
};

/* Reads the command line over the defaults. CLI_GO_ON, or the exit status. */
int client_options_read(int argc, char **argv, struct client_settings *settings);

#endif
