#include "capture/report/ordered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What an event makes its report say. */
struct word {
  struct word *next;
  int64_t t_us;
  size_t n;
  char text[];
};

enum { TEXT_ROOM = 1 << 18 }; /* the longest verdict is a tenth of that */

struct ordered {
  struct report base;
  struct report *inner; /* writes into `said` */
  struct out said;
  bool times;
  struct word *first, *last; /* by time; those of one time as they came */
  int64_t newest_us;
};

static void write_until(struct ordered *o, int64_t until_us) {
  while (o->first && o->first->t_us <= until_us) {
    struct word *w = o->first;
    o->first = w->next;
    if (!o->first) o->last = NULL;
    if (o->times && o->base.options.clock.form != TEXT_TIME_NONE) {
      text_time(o->base.out, &o->base.options.clock, w->t_us);
      out_char(o->base.out, ' ');
    }
    out_bytes(o->base.out, w->text, w->n);
    free(w);
  }
}

static void insert(struct ordered *o, struct word *w) {
  struct word **at = &o->first;
  if (o->last && o->last->t_us <= w->t_us) at = &o->last->next;
  while (*at && (*at)->t_us <= w->t_us) at = &(*at)->next;
  w->next = *at;
  *at = w;
  if (!w->next) o->last = w;
}

/* What the inner report has just said is of that time. */
static void keep(struct ordered *o, int64_t t_us) {
  size_t n = o->said.end;
  o->said.end = 0;
  if (t_us > o->newest_us) o->newest_us = t_us;
  if (n == 0) return;
  struct word *w = malloc(sizeof *w + n);
  if (!w) {
    o->base.out->error = ENOMEM;
    return;
  }
  w->t_us = t_us;
  w->n = n;
  memcpy(w->text, o->said.buffer, n);
  insert(o, w);
}

/* It has no time of its own: it stands where it is said. */
static void pass(struct ordered *o) {
  out_bytes(o->base.out, o->said.buffer, o->said.end);
  o->said.end = 0;
}

static void ordered_start(struct report *r, const char *source, const char *filter,
                          const char *kernel_lack) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, start, source, filter, kernel_lack);
  pass(o);
}

static void ordered_opened(struct report *r, const struct flow *flow, int64_t t_us) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, opened, flow, t_us);
  keep(o, t_us);
}

static void ordered_segment(struct report *r, const struct report_segment *s) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, segment, s);
  keep(o, s->segment->t_us);
}

static void ordered_sighting(struct report *r, const struct flow *flow, enum end from,
                             const struct segment *s) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, sighting, flow, from, s);
  keep(o, s->t_us);
}

static void ordered_expired(struct report *r, const struct flow *flow,
                            const struct model_step *step, int64_t now_us) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, expired, flow, step, now_us);
  keep(o, now_us);
}

static void ordered_kernel(struct report *r, const struct kernel_word *word) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, kernel, word);
  keep(o, word->t_us);
}

static void ordered_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                            int64_t now_us) {
  struct ordered *o = (struct ordered *)r;
  o->inner->options.quiet = r->options.quiet;
  o->inner->options.only = r->options.only;
  REPORT_TELL(o->inner, verdict, flow, v, now_us);
  keep(o, now_us);
}

static void ordered_countdown(struct report *r, const struct flow *flow, int64_t left_us,
                              int64_t total_us, bool by_kernel) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, countdown, flow, left_us, total_us, by_kernel);
  pass(o);
}

static void ordered_stuck(struct report *r, const struct flow *flow, const struct verdict *v,
                          int64_t waits_us, int64_t now_us) {
  struct ordered *o = (struct ordered *)r;
  o->inner->options.only = r->options.only;
  REPORT_TELL(o->inner, stuck, flow, v, waits_us, now_us);
  keep(o, now_us);
}

static void ordered_inventory(struct report *r, const struct kernel_inventory *in, int64_t now_us) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, inventory, in, now_us);
  keep(o, now_us);
}

static void ordered_tick(struct report *r, const struct report_summary *so_far, int64_t now_us) {
  struct ordered *o = (struct ordered *)r;
  REPORT_TELL(o->inner, tick, so_far, now_us);
  keep(o, now_us);
  write_until(o, now_us - REPORT_WAIT_US);
}

static void ordered_summary(struct report *r, const struct report_summary *summary) {
  struct ordered *o = (struct ordered *)r;
  write_until(o, INT64_MAX);
  REPORT_TELL(o->inner, summary, summary);
  pass(o);
}

static void ordered_destroy(struct report *r) {
  struct ordered *o = (struct ordered *)r;
  if (o->inner) o->inner->class->destroy(o->inner);
  for (struct word *next; o->first; o->first = next) {
    next = o->first->next;
    free(o->first);
  }
  free(o->said.buffer);
  free(o);
}

struct report *report_ordered_new(report_new *new, bool times, struct out *out,
                                  const struct report_options *options) {
  static const struct report_class class = {
      .start = ordered_start,
      .opened = ordered_opened,
      .segment = ordered_segment,
      .sighting = ordered_sighting,
      .expired = ordered_expired,
      .kernel = ordered_kernel,
      .verdict = ordered_verdict,
      .countdown = ordered_countdown,
      .summary = ordered_summary,
      .stuck = ordered_stuck,
      .tick = ordered_tick,
      .inventory = ordered_inventory,
      .destroy = ordered_destroy,
  };
  struct ordered *o = calloc(1, sizeof *o);
  char *room = malloc(TEXT_ROOM);
  if (!o || !room) {
    free(o);
    free(room);
    return NULL;
  }
  o->base = (struct report){&class, out, *options};
  o->times = times;
  o->said = out_string(room, TEXT_ROOM);
  struct report_options inner = *options;
  if (times) inner.clock.form = TEXT_TIME_NONE;
  o->inner = new (&o->said, &inner);
  if (o->inner) return &o->base;
  ordered_destroy(&o->base);
  return NULL;
}

struct report *report_ordered_lines_new(struct out *out, const struct report_options *options) {
  return report_ordered_new(report_lines_new, true, out, options);
}

struct report *report_ordered_json_new(struct out *out, const struct report_options *options) {
  return report_ordered_new(report_json_new, false, out, options);
}
