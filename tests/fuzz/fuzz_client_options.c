/* The command line of client: see options.c. */
#include "client/options.h"

#include "tests/fuzz/options.h"

void read_options(int argc, char **argv) {
  struct client_settings settings;
  (void)client_options_read(argc, argv, &settings);
}
