/* All that the watch (watch.h) knows: what it follows, whom it tells, and by which rules. */
#ifndef TEARDOWN_CAPTURE_WATCHED_H
#define TEARDOWN_CAPTURE_WATCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/copies.h"
#include "capture/deadline.h"
#include "capture/demand.h"
#include "capture/due.h"
#include "capture/flow.h"
#include "capture/kernel/kernel.h"
#include "capture/report/report.h"
#include "capture/retold.h"
#include "capture/roles.h"
#include "capture/tally.h"

enum { WATCH_REPORTS_MAX = 9 };

struct watch {
  struct flow_table flows;
  struct deadlines deadlines;
  struct due_terms due; /* the caller's, but for n_closing */
  struct copies *copies;
  struct report *reports[WATCH_REPORTS_MAX];
  unsigned n_reports;
  struct demand demand;
  struct kernel *kernel; /* the caller's; NULL: nobody asks it */
  uint32_t max_flows;
  /* Ordinary closes are kept as they were, and the model is not asked of each step: */
  bool keeps_closes;
  bool retells_steps;  /* which somebody is told of all the same */
  bool tells_verdicts; /* somebody is told of verdicts, */
  bool tells_ordinary; /* of those on ordinary closes, too: they are not counted only, */
  bool retells;        /* and the model is not asked for them */
  struct retold retold;
  bool live;
  bool incomplete;  /* the kernel dropped packets: set it as soon as that is known */
  bool has_evicted; /* a connection that was not over: one that begins in the middle may be it */
  struct roles *roles;
  uint32_t last_number;
  int64_t caught_up_us; /* all that was captured until then has been read */
  int64_t listened_us;  /* up to then all that the kernel told has been gathered */
  int64_t written_us;   /* when the reports were last given all that stands in order */
  int64_t last_timers_us;
  int64_t newest_us;  /* the latest time of a packet */
  bool ran_backwards; /* a packet was older than that, and not by a little only */
  bool has_tripled;   /* a segment was captured three times */
  uint64_t joined;    /* connections that two taps saw */
  uint64_t closes;    /* connections whose verdict was given at least once, and that closed */
  bool any_bad;       /* a breach, someone stuck, or a demand not met, in a verdict that stands */
  struct tally_unmet unmet; /* verdicts that stand and are not what was demanded */
  struct report_summary summary;
};

#endif
