/* What capture writes to: a report each for stdout and for the files that options name. Complains
 * itself of what cannot be. */
#ifndef TEARDOWN_CAPTURE_OUTPUTS_H
#define TEARDOWN_CAPTURE_OUTPUTS_H

#include "capture/folder.h"
#include "capture/ladder_expectation.h"
#include "capture/margin.h"
#include "capture/options.h"
#include "capture/recent.h"
#include "capture/target.h"
#include "capture/watch.h"

/* What is written to, for as long as the reports are. */
struct output {
  struct out out;
  const char *option, *file; /* as the user knows it */
  bool rotates;              /* it is the part of a file that will be put into to->rotated */
};

/* What an option names, or stdout: opened first, a report only later. */
struct destination {
  const char *option, *file;
  report_new *new;
  int fd;
  unsigned quiet;
  struct folder *folder; /* where it is put, instead of fd; NULL */
};

struct outputs {
  struct targets targets;
  struct destination wanted[WATCH_REPORTS_MAX];
  unsigned n_wanted;
  int save_fd;           /* of -w, for the source; -1 */
  struct report *pcapng; /* of -w, to be given the packets too; NULL */
  struct recent recent;  /* of a table, to be given them, too; its ring is NULL: none */
  struct output list[WATCH_REPORTS_MAX];
  unsigned n;
  struct ladder_expectation *expected;
  struct margin *margin;          /* of --margin; NULL */
  struct folder metrics, rotated; /* of --metrics; of --json with --rotate */
  int64_t rotate_us, begun_us;    /* how long a file grows; when this one began, by the clock */
};

/* Opens all that is written to; nothing is written yet. False: it was said why not. */
bool outputs_open(struct outputs *outputs, const struct settings *settings,
                  const struct source *source);

/* Gives the watch a report for each, and what is expected of the ladder. */
bool outputs_make_reports(struct outputs *outputs, struct watch *watch, struct settings *settings);

/* Files are put into folders, or may be, while it runs, which the sandbox must then allow. */
bool outputs_replace(const struct outputs *outputs);

/* The clock goes on: what has grown for so long is put in its place, and another begins. To be
 * called where the reports hold whole lines. */
void outputs_tick(struct outputs *outputs, int64_t now_us);

/* Writes what is left. False when anything could not be written, which is said. */
bool outputs_finish(struct outputs *outputs);

/* To be called once the reports are gone. */
void outputs_close(struct outputs *outputs);

#endif
