/* The command line of server: see options.c. */
#include "server/options.h"

#include "tests/fuzz/options.h"

void read_options(int argc, char **argv) {
  struct server_settings settings;
  (void)server_options_read(argc, argv, &settings);
}
