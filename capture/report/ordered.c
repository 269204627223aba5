#include "capture/report/ordered.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What an event makes its report say. */
struct word {
  int64_t t_us;
  uint64_t number; /* of all words, as they came */
  size_t at, n;    /* its octets in the text of all */
};

enum { TEXT_ROOM = 1 << 18 }; /* the longest verdict is a tenth of that */

struct text {
  char *bytes;
  size_t room;
};

struct ordered {
  struct report base;
  struct report *inner; /* writes into `said` */
  struct out said;
  bool times;
  struct word *heap; /* none is later than those at twice its place, and the one after that */
  size_t n_words, room;
  uint64_t last_number;
  struct text text, other; /* as the words came; what was written leaves a hole */
  size_t text_end, text_waits;
};

/* By time; those of one time as they came. */
static bool is_earlier(const struct word *a, const struct word *b) {
  return a->t_us != b->t_us ? a->t_us < b->t_us : a->number < b->number;
}

/* False when there is no memory. Places are counted from 1. */
static bool insert(struct ordered *o, const struct word *w) {
  if (o->n_words + 1 >= o->room) {
    size_t room = o->room ? 2 * o->room : 1024;
    struct word *larger = realloc(o->heap, room * sizeof *larger);
    if (!larger) return false;
    o->heap = larger;
    o->room = room;
  }
  size_t at = ++o->n_words;
  for (; at > 1 && is_earlier(w, &o->heap[at / 2]); at /= 2) o->heap[at] = o->heap[at / 2];
  o->heap[at] = *w;
  return true;
}

/* There is one. */
static struct word take_first(struct ordered *o) {
  const struct word first = o->heap[1], moved = o->heap[o->n_words--];
  size_t at = 1;
  for (size_t below; (below = 2 * at) <= o->n_words; at = below) {
    if (below < o->n_words && is_earlier(&o->heap[below + 1], &o->heap[below])) below++;
    if (!is_earlier(&o->heap[below], &moved)) break;
    o->heap[at] = o->heap[below];
  }
  o->heap[at] = moved;
  return first;
}

static void write_until(struct ordered *o, int64_t until_us) {
  while (o->n_words > 0 && o->heap[1].t_us <= until_us) {
    const struct word w = take_first(o);
    if (o->times && o->base.options.clock.form != TEXT_TIME_NONE) {
      text_time(o->base.out, &o->base.options.clock, w.t_us);
      out_char(o->base.out, ' ');
    }
    out_bytes(o->base.out, o->text.bytes + w.at, w.n);
    o->text_waits -= w.n;
  }
  if (o->n_words == 0) o->text_end = 0;
}

/* Room for n octets more behind the text: if need be, all that waits moves to the other place,
 * which is kept, for memory that is new the kernel has to clear. False when there is none. */
static bool make_room(struct ordered *o, size_t n) {
  if (n <= o->text.room - o->text_end) return true;
  size_t room = TEXT_ROOM;
  while (room < 4 * (o->text_waits + n)) room *= 2;
  if (o->other.room < room) {
    char *bytes = malloc(room);
    if (!bytes) return false;
    free(o->other.bytes);
    o->other = (struct text){bytes, room};
  }
  o->text_end = 0;
  for (struct word *w = o->heap + 1; w <= o->heap + o->n_words; w++) {
    memcpy(o->other.bytes + o->text_end, o->text.bytes + w->at, w->n);
    w->at = o->text_end;
    o->text_end += w->n;
  }
  struct text before = o->text;
  o->text = o->other;
  o->other = before;
  return true;
}

/* What the inner report has just said is of that time. */
static void keep(struct ordered *o, int64_t t_us) {
  size_t n = o->said.end;
  o->said.end = 0;
  if (n == 0) return;
  if (!make_room(o, n) || !insert(o, &(struct word){t_us, ++o->last_number, o->text_end, n})) {
    o->base.out->error = ENOMEM;
    return;
  }
  memcpy(o->text.bytes + o->text_end, o->said.buffer, n);
  o->text_end += n;
  o->text_waits += n;
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
}

static void ordered_heard(struct report *r, int64_t until_us) {
  write_until((struct ordered *)r, until_us);
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
  free(o->text.bytes);
  free(o->other.bytes);
  free(o->heap);
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
      .heard = ordered_heard,
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
