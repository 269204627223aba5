/* Both are told of everything, so that either can take over at any moment; one of them is seen. */
#include "capture/report/screen.h"

#include <stdlib.h>

#include "capture/report/ladder.h"
#include "capture/report/table.h"

/* Open together: more than these are a table. */
enum { LADDER_MAX = 3 };

struct screen {
  struct report base;
  struct report *ladder, *table;
  bool is_table;
  bool is_chosen; /* by who looks at it: nothing changes by itself any more */
};

#define TELL_BOTH(report, function, ...)                                     \
  do {                                                                       \
    REPORT_TELL(((struct screen *)(report))->ladder, function, __VA_ARGS__); \
    REPORT_TELL(((struct screen *)(report))->table, function, __VA_ARGS__);  \
  } while (0)

static void screen_start(struct report *r, const char *source, const char *filter,
                         const char *kernel_lack) {
  TELL_BOTH(r, start, source, filter, kernel_lack);
}

static void screen_opened(struct report *r, const struct flow *flow, int64_t t_us) {
  TELL_BOTH(r, opened, flow, t_us);
}

static void screen_segment(struct report *r, const struct report_segment *segment) {
  TELL_BOTH(r, segment, segment);
}

static void screen_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                           int64_t now_us) {
  TELL_BOTH(r, expired, flow, step, now_us);
}

static void screen_kernel(struct report *r, const struct kernel_word *word) {
  TELL_BOTH(r, kernel, word);
}

static void screen_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                           int64_t now_us) {
  TELL_BOTH(r, verdict, flow, v, now_us);
}

static void screen_countdown(struct report *r, const struct flow *flow, int64_t left_us,
                             int64_t total_us, bool by_kernel) {
  TELL_BOTH(r, countdown, flow, left_us, total_us, by_kernel);
}

static void screen_stuck(struct report *r, const struct flow *flow, const struct verdict *v,
                         int64_t waits_us, int64_t now_us) {
  TELL_BOTH(r, stuck, flow, v, waits_us, now_us);
}

static void screen_inventory(struct report *r, const struct kernel_inventory *in, int64_t now_us) {
  TELL_BOTH(r, inventory, in, now_us);
}

static void screen_summary(struct report *r, const struct report_summary *summary) {
  TELL_BOTH(r, summary, summary);
}

static void turn(struct screen *s, bool to_table) {
  s->is_table = to_table;
  if (to_table) report_ladder_hide(s->ladder, true);
  out_flush(s->base.out);
  report_table_hide(s->table, !to_table);
  if (!to_table) report_ladder_hide(s->ladder, false);
}

static void screen_tick(struct report *r, const struct report_summary *so_far, int64_t now_us) {
  struct screen *s = (struct screen *)r;
  s->ladder->options.columns = s->table->options.columns = r->options.columns;
  TELL_BOTH(r, tick, so_far, now_us);
  if (s->is_table && report_table_is_left(s->table)) {
    s->is_chosen = true;
    turn(s, false);
  } else if (!s->is_table && !s->is_chosen && report_table_open(s->table) > LADDER_MAX) {
    turn(s, true);
  }
}

static void screen_destroy(struct report *r) {
  struct screen *s = (struct screen *)r;
  if (s->ladder) s->ladder->class->destroy(s->ladder);
  if (s->table) s->table->class->destroy(s->table);
  free(s);
}

struct report *report_screen_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = screen_start,
      .opened = screen_opened,
      .segment = screen_segment,
      .expired = screen_expired,
      .kernel = screen_kernel,
      .verdict = screen_verdict,
      .countdown = screen_countdown,
      .summary = screen_summary,
      .stuck = screen_stuck,
      .tick = screen_tick,
      .inventory = screen_inventory,
      .destroy = screen_destroy,
  };
  struct screen *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->base = (struct report){&class, out, *options};
  s->ladder = report_ladder_new(out, options);
  s->table = report_table_new(out, options);
  if (s->ladder && s->table) {
    report_table_hide(s->table, true);
    return &s->base;
  }
  screen_destroy(&s->base);
  return NULL;
}
