/* The command line of capture: what every option sets. */
#ifndef TEARDOWN_CAPTURE_OPTIONS_H
#define TEARDOWN_CAPTURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/demand.h"
#include "capture/report/report.h"
#include "capture/source.h"
#include "common/cli.h"

enum format { FORMAT_LADDER, FORMAT_LINES, FORMAT_JSON };
enum kernel_when { KERNEL_AUTO, KERNEL_OFF };
enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct settings {
  struct source_options source;
  struct report_options report;
  struct demand demand;
  const char *json_file, *rows_file, *expected_ladder_file;
  char *filter; /* owned */
  uint64_t packets_max, closes_max, duration_s, msl_s, max_flows;
  unsigned quiet; /* of standard output alone: what goes to files is complete */
  int format, color, kernel;
  bool list_interfaces;
};

/* The name and the rows, for cli_complain. */
extern const struct cli options_cli;

/* Reads the command line into `settings`, which holds the defaults; settings->filter is the
 * caller's to free, whatever is returned. CLI_EXIT_OK: go on. CLI_END: all is done, exit 0 (--help,
 * --version, --explain). CLI_EXIT_USAGE: said on stderr what is wrong. */
int options_read(int argc, char **argv, struct settings *settings);

#endif
