/* Reports: views of the same model steps. A report is given steps and verdicts, never packets. */
#ifndef TEARDOWN_CAPTURE_REPORT_REPORT_H
#define TEARDOWN_CAPTURE_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow.h"
#include "capture/kernel/kernel.h"
#include "capture/report/only.h"
#include "capture/report/out.h"
#include "capture/report/text.h"
#include "common/model/verdict.h"

/* What a report is told of: with each -q less. */
enum report_told { REPORT_STEPS, REPORT_VERDICTS, REPORT_SUMMARY };

struct report_options {
  struct text_clock clock;
  unsigned quiet; /* the first enum report_told that it is told of */
  bool raw;       /* -S: absolute sequence numbers */
  bool verbose;   /* -v: the reason for each transition, and what is expected next */
  bool ascii, color;
  bool wait; /* TIME_WAIT is waited for: show the countdown */
  bool live;
  int64_t started_us;           /* live: by the clock */
  bool kernel_lines;            /* each of the kernel's words is a line */
  bool terminal;                /* a countdown may overwrite its own line */
  const char *find;             /* connections are marked whose first payload contains it; NULL */
  const struct only *only;      /* of verdicts: those alone; NULL: all */
  const char *host;             /* NDJSON: where this is captured; NULL: nobody asks */
  const struct folder *metrics; /* of --metrics, for that report */
  const char *second_source;    /* of two vantage points, the other file; NULL: there is one */
  struct margin *margin;        /* of --margin, for a ladder to take from; NULL: it has none */
  const struct recent *recent;  /* the packets of late, for a table to save; NULL */
  int64_t rollup_us;            /* NDJSON counts connections for so long; 0: it tells each */
  uint64_t sample_of;           /* and tells one of so many whole; 0: none */
  bool sightings;               /* NDJSON has the segments that every tap tells of */
  unsigned columns;
};

struct report_segment {
  const struct flow *flow;
  const struct segment *segment;
  const struct model_step *step;
  uint8_t state_before[2], evidence_before[2]; /* by end */
  uint32_t n; /* of the connection's segments that are reported, from 1 */
  /* For a change that confirms or refutes: the segment whose arrival it speaks of; 0: none. */
  uint32_t of_segment[MODEL_CHANGES_MAX];
};

/* A connection worth naming in the summary. */
struct report_named {
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE];
  int64_t us;        /* how long its close took, or how long somebody has been waited for */
  int64_t closed_us; /* when it closed, or spoke last: of those that took as long, */
  char holder[WITNESS_HOLDER_SIZE]; /* of the socket that is stuck; empty: unknown */
  uint32_t number;                  /* the first is named first */
  enum ending ending : 8;
  enum finding_id finding : 8; /* why it is stuck */
};

enum { REPORT_NAMED_MAX = 5 };

/* The kernel's view of all connections that it spoke of. */
struct report_agreement {
  uint64_t connections, agreed, of, unsampled; /* the last three: transitions */
  uint64_t events_lost;                        /* that the kernel told and nobody read in time */
  uint64_t ends[WITNESS_CONTRARY + 1];         /* by their worst enum witness_difference */
};

struct report_summary {
  int64_t t_us; /* the end: of a live capture by the clock, else the last packet */
  uint64_t segments, connections, still_open;
  uint64_t not_followed; /* segments, for want of memory */
  struct {
    uint64_t ended, half_open, idle;
  } evicted; /* connections, to make room for others */
  uint64_t endings[ENDING_COUNT];
  uint64_t closed_first[3]; /* by enum end; END_NONE: neither, or both */
  struct report_idle {
    uint64_t n;                /* connections that it ended after a silence */
    int64_t least_us, most_us; /* the shortest and longest of those */
  } idle[2];                   /* by the end that ended them */
  uint64_t stuck;
  struct report_named slowest[REPORT_NAMED_MAX], longest_stuck[REPORT_NAMED_MAX]; /* us falls */
  unsigned n_slowest, n_longest_stuck;
  struct report_agreement kernel;
  uint64_t copies; /* of segments captured twice */
  uint64_t fragments, malformed, truncated;
  uint64_t other[DECODE_KIND_COUNT]; /* packets that are no TCP, or were not looked into */
  uint64_t far_times, no_times;      /* of a file: source.h */
  uint64_t steps_back;               /* how often time ran backwards, */
  int64_t step_back_us;              /* and by how much at most */
  uint64_t received, dropped;        /* of the kernel; only if counts_known */
  bool counts_known;
};

/* What somebody will look for, among many. */
static inline bool report_is_exception(const struct verdict *v) {
  bool unfinished = !ending_is_complete(v->ending) && v->ending != ENDING_OPEN;
  return unfinished || v->conformity == VIOLATES || verdict_stuck(v) ||
         verdict_lost(v, LOSS_KINDS) > 0;
}

/* So many silences, and all as long but for a fiftieth, or what a clock adds: a timeout. */
static inline bool report_is_timeout(const struct report_idle *idle) {
  enum { MANY = 3, SLACK_US = 100000 };
  return idle->n >= MANY && idle->most_us - idle->least_us <= idle->most_us / 50 + SLACK_US;
}

static inline uint64_t report_evicted(const struct report_summary *s) {
  return s->evicted.ended + s->evicted.half_open + s->evicted.idle;
}

struct report;

/* What a kind of report does. But for `destroy`, a function may be NULL: it has nothing to say
 * then. */
struct report_class {
  bool takes_retold; /* of an ordinary close it takes no more than retold.h has, if not verbose */
  /* `kernel_lack`: what the kernel does not say here and why, "" if nothing; NULL: not asked. */
  void (*start)(struct report *, const char *source, const char *filter, const char *kernel_lack);
  /* Its SYN was captured; nothing else of it yet. */
  void (*opened)(struct report *, const struct flow *, int64_t t_us);
  /* A control segment, or payload sent into the half-close window. */
  void (*segment)(struct report *, const struct report_segment *);
  /* A segment that every tap on its way tells of, whatever else that one saw (watch.c). */
  void (*sighting)(struct report *, const struct flow *, enum end from, const struct segment *);
  /* A timer of the model ran out, or the kernel says that one of its own did. */
  void (*expired)(struct report *, const struct flow *, const struct model_step *, int64_t now_us);
  /* The kernel told something of a flow that has a number. */
  void (*kernel)(struct report *, const struct kernel_word *);
  /* `now_us` is the clock of a live capture, or the last packet's time. */
  void (*verdict)(struct report *, const struct flow *, const struct verdict *, int64_t now_us);
  /* That verdict stands: the connection is not followed any more. Once for each. */
  void (*settled)(struct report *, const struct flow *, const struct verdict *);
  /* The same of an ordinary close, of which nothing was told. A report that has this function, and
   * takes no sample, is told of other verdicts alone; one that has not, of all. */
  void (*counted)(struct report *, const struct flow_table *, const struct hot *,
                  const struct ordinary_verdict *);
  /* Live, --wait: this flow's TIME_WAIT still has so long to run. */
  void (*countdown)(struct report *, const struct flow *, int64_t left_us, int64_t total_us,
                    bool by_kernel);
  void (*summary)(struct report *, const struct report_summary *);
  /* Somebody has been waiting for so long, and still does. The verdict is that of this moment. */
  void (*stuck)(struct report *, const struct flow *, const struct verdict *, int64_t waits_us,
                int64_t now_us);
  /* Live: of what will be told nothing is earlier than that. */
  void (*heard)(struct report *, int64_t until_us);
  /* The clock goes on: live, and on a pipe. Called some times a second. */
  void (*tick)(struct report *, const struct report_summary *so_far, int64_t now_us);
  /* Live, after the start: what there is of closes that began before. */
  void (*inventory)(struct report *, const struct kernel_inventory *, int64_t now_us);
  void (*destroy)(struct report *);
};

/* Every report begins with this. The output is the caller's, who flushes it too. */
struct report {
  const struct report_class *class;
  struct out *out; /* NULL: it writes nothing */
  struct report_options options;
};

/* Tells a report, if its kind has something to say of that. */
#define REPORT_TELL(report, function, ...) \
  ((report)->class->function ? (report)->class->function((report), __VA_ARGS__) : (void)0)

/* Live, what is told waits for so long at the most: the kernel's words about a moment come before
 * or after the segments of that moment. */
#define REPORT_WAIT_US INT64_C(60000)

typedef struct report *report_new(struct out *out, const struct report_options *options);

/* Each returns NULL when there is no memory. */
struct report *report_ladder_new(struct out *out, const struct report_options *options);
struct report *report_lines_new(struct out *out, const struct report_options *options);
struct report *report_json_new(struct out *out, const struct report_options *options);

#endif
