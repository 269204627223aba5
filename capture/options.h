/* The command line of capture: what every option sets. */
#ifndef TEARDOWN_CAPTURE_OPTIONS_H
#define TEARDOWN_CAPTURE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/demand.h"
#include "capture/report/report.h"
#include "capture/source.h"
#include "common/cli.h"

/* In the order of their words. */
enum format { FORMAT_BY_TERMINAL = -1, FORMAT_LADDER, FORMAT_LINES, FORMAT_JSON, FORMAT_TABLE };
enum lesson { LESSON_NONE, LESSON_STEP, LESSON_PREDICT, LESSON_WORKSHEET };
enum kernel_when { KERNEL_AUTO, KERNEL_OFF, KERNEL_LINES };
enum segments_which { SEGMENTS_TOLD, SEGMENTS_CLOSE };
enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct settings {
  struct source_options source;
  struct report_options report;
  struct demand demand;
  struct only only;
  struct cli_texts files;          /* -r: one, or two that are two vantage points */
  const char *only_words, *expect; /* as it was typed; `demand` is what it means */
  const char *json_file, *html_file, *svg_file, *mermaid_file, *rows_file, *expected_ladder_file,
      *metrics_file, *margin_file;
  const char *user;  /* to become, NULL */
  const char *netns; /* to enter, NULL */
  char *filter;      /* owned */
  uint64_t packets_max, closes_max, duration_s, msl_s, max_flows, stuck_after_s, rotate_s, rollup_s;
  unsigned quiet; /* of standard output alone: what goes to files is complete */
  enum format format;
  enum color_when color;
  enum kernel_when kernel;
  enum segments_which segments;
  int explain; /* which of --explain's words, -1 */
  bool list_interfaces, no_sandbox;
  bool step, predict, worksheet;
  enum lesson lesson; /* which of them */
};

/* Reads the command line over the defaults; settings->filter is the caller's to free, whatever is
 * returned. CLI_GO_ON, or the exit status: all is done (--help, --version, --explain), or it was
 * said on stderr what is wrong. */
int options_read(int argc, char **argv, struct settings *settings);

#endif
