/* The command line of capture: see options.c. */
#include "capture/options.h"

#include <stdlib.h>

#include "tests/fuzz/options.h"

void read_options(int argc, char **argv) {
  struct settings settings;
  (void)options_read(argc, argv, &settings);
  free(settings.filter);
}
