#include "capture/report/rollup.h"

#include <assert.h>
#include <stdlib.h>

#include "capture/report/json_fields.h"

/* More groups than that are written before their time. */
enum { GROUPS_MAX = 1024, SLOTS = 4096, DURATIONS = 6 };

/* Beyond the values of enum end: the FINs crossed. */
enum { BOTH = END_NONE + 1 };

/* What the connections of a group have in common. */
struct traits {
  uint16_t service; /* the server's port */
  uint8_t ending, cause, conformity;
  uint8_t closed_first; /* an enum end, or BOTH */
  uint8_t lost;         /* a bit for each enum loss_kind */
  uint8_t finding;      /* the gravest; FINDING_COUNT: none */
};
static_assert(sizeof(struct traits) == 8, "compared as octets");
static_assert(LOSS_KINDS <= 8 && FINDING_COUNT < 256 && RESET_CAUSE_COUNT < 256, "they fit");

struct group {
  struct traits traits;
  uint64_t n, n_complete;
  int64_t least_us, most_us, sum_us; /* of the complete ones, from the first FIN on */
  uint64_t took[DURATIONS];
};

struct rollup {
  struct report base;
  struct report *json; /* writes to the same output */
  struct group groups[GROUPS_MAX];
  unsigned n;
  uint16_t slots[SLOTS]; /* number of the group + 1 */
  int64_t begun_us, now_us;
};

static struct rollup *of(struct report *r) { return (struct rollup *)r; }

/* ---- The sample ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

static uint64_t hash_of_end(const struct flow *f, enum end end) {
  unsigned half = flow_half_of(f, end);
  const struct decode_address *address = &f->key.address[half];
  uint64_t hash = mix(f->key.port[half], f->model.end[end].first_seq);
  for (size_t i = 0; i < sizeof address->bytes; i++) hash = mix(hash, address->bytes[i]);
  return hash;
}

/* Also another program must be able to say which: there is no key in it, and no machine's order of
 * octets. Nothing that was not seen everywhere may decide: both SYNs, that is. */
static bool is_sampled(const struct rollup *r, const struct flow *f) {
  const struct endpoint *end = f->model.end;
  uint64_t of = r->base.options.sample_of;
  if (of == 0 || !end[END_CLIENT].sent_syn || !end[END_SERVER].sent_syn) return false;
  /* Their sum, for who is the client may be another here and there. */
  return mix(hash_of_end(f, END_CLIENT) + hash_of_end(f, END_SERVER), 0) % of == 0;
}

/* ---- Groups --------------------------------------------------------------------------------- */

static void put_group(struct rollup *r, const struct group *g) {
  const struct traits *t = &g->traits;
  struct out *o = r->base.out;
  const char *comma = "";
  add_time(o, BEGIN("rollup") KEY("t"), r->now_us);
  add_time(o, KEY("since"), r->begun_us);
  add_uint(o, KEY("service"), t->service);
  add_word(o, KEY("ending"), ending_name(t->ending));
  add_word(o, KEY("closed_first"), t->closed_first == BOTH ? "both" : end_name(t->closed_first));
  add_word(o, KEY("reset_cause"), reset_cause_name(t->cause));
  add_word(o, KEY("verdict"), conformity_name(t->conformity));
  add_word(o, KEY("finding"), t->finding == FINDING_COUNT ? NULL : finding_text(t->finding)->id);
  out_text(o, KEY("lost") "[");
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) {
    if (!(t->lost & 1U << kind)) continue;
    out_printf(o, "%s\"%s\"", comma, loss_kind_name(kind));
    comma = ",";
  }
  add_uint(o, "]" KEY("connections"), g->n);
  if (g->n_complete > 0) {
    add_int(o, KEY("duration_us") "{" FIRST("least"), g->least_us);
    add_int(o, KEY("most"), g->most_us);
    add_int(o, KEY("sum"), g->sum_us);
    add_uint(o, KEY("connections"), g->n_complete);
    for (unsigned i = 0; i < DURATIONS; i++) add_uint(o, i ? "," : KEY("decades") "[", g->took[i]);
    out_text(o, "]}");
  } else {
    add_null(o, KEY("duration_us"));
  }
  json_end_line(r->json);
}

static void put_groups(struct rollup *r) {
  for (unsigned i = 0; i < r->n; i++) put_group(r, &r->groups[i]);
  memset(r->slots, 0, sizeof r->slots);
  r->n = 0;
  r->begun_us = r->now_us;
}

static struct group *group_of(struct rollup *r, const struct traits *t) {
  uint64_t word;
  if (r->n == GROUPS_MAX) put_groups(r);
  memcpy(&word, t, sizeof word);
  unsigned slot = (unsigned)(mix(word, 0) % SLOTS);
  for (; r->slots[slot] != 0; slot = (slot + 1) % SLOTS)
    if (memcmp(&r->groups[r->slots[slot] - 1].traits, t, sizeof *t) == 0)
      return &r->groups[r->slots[slot] - 1];
  r->groups[r->n] = (struct group){.traits = *t, .least_us = INT64_MAX};
  r->slots[slot] = (uint16_t)++r->n;
  return &r->groups[r->n - 1];
}

static void add_duration(struct group *g, int64_t us) {
  unsigned decade = 0;
  for (int64_t bound_us = 1000; decade < DURATIONS - 1 && us > bound_us; bound_us *= 10) decade++;
  g->took[decade]++;
  g->n_complete++;
  g->sum_us += us;
  if (us < g->least_us) g->least_us = us;
  if (us > g->most_us) g->most_us = us;
}

static void count(struct rollup *r, const struct traits *t, int64_t duration_us) {
  struct group *g = group_of(r, t);
  g->n++;
  if (ending_is_complete(t->ending)) add_duration(g, duration_us > 0 ? duration_us : 0);
}

static void rollup_counted(struct report *report, const struct flow_table *flows,
                           const struct hot *e, const struct ordinary_verdict *v) {
  struct rollup *r = of(report);
  struct traits t = {
      .service = e->port[1 - e->client],
      .ending = v->ending,
      .closed_first = v->closed_both ? BOTH : v->closed_first,
      .cause = v->cause,
      .conformity = v->conformity,
      .finding = FINDING_COUNT,
  };
  if (r->begun_us == 0) r->begun_us = flow_last_us(flows, e);
  count(r, &t, v->duration_us);
}

static void rollup_settled(struct report *report, const struct flow *f, const struct verdict *v) {
  struct rollup *r = of(report);
  if (!connection_has_closed(&f->model)) return;
  struct traits t = {
      .service = f->key.port[flow_half_of(f, END_SERVER)],
      .ending = v->ending,
      .closed_first = v->closed_both ? BOTH : v->closed_first,
      .cause = v->cause,
      .conformity = v->conformity,
      .finding = (uint8_t)verdict_gravest(v),
  };
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    if (verdict_lost(v, kind) > 0) t.lost |= (uint8_t)(1U << kind);
  count(r, &t, v->duration_us);
}

/* ---- What is told whole --------------------------------------------------------------------- */

static void rollup_start(struct report *report, const char *source, const char *filter,
                         const char *kernel_lack) {
  struct rollup *r = of(report);
  r->begun_us = r->now_us = r->base.options.started_us;
  REPORT_TELL(r->json, start, source, filter, kernel_lack);
}

static void rollup_segment(struct report *report, const struct report_segment *s) {
  struct rollup *r = of(report);
  if (is_sampled(r, s->flow)) REPORT_TELL(r->json, segment, s);
}

static void rollup_sighting(struct report *report, const struct flow *f, enum end from,
                            const struct segment *s) {
  struct rollup *r = of(report);
  if (is_sampled(r, f)) REPORT_TELL(r->json, sighting, f, from, s);
}

static void rollup_expired(struct report *report, const struct flow *f,
                           const struct model_step *step, int64_t now_us) {
  struct rollup *r = of(report);
  if (is_sampled(r, f)) REPORT_TELL(r->json, expired, f, step, now_us);
}

static void rollup_kernel(struct report *report, const struct kernel_word *word) {
  struct rollup *r = of(report);
  if (is_sampled(r, word->flow)) REPORT_TELL(r->json, kernel, word);
}

/* What revises another is told, too: that one may have been an exception. */
static void rollup_verdict(struct report *report, const struct flow *f, const struct verdict *v,
                           int64_t now_us) {
  struct rollup *r = of(report);
  if (now_us > r->now_us) r->now_us = now_us;
  if (r->begun_us == 0) r->begun_us = f->model.last_us; /* of a file the start has no time */
  bool closed = connection_has_closed(&f->model);
  if (is_sampled(r, f) || (closed && (report_is_exception(v) || f->verdicts > 0)))
    REPORT_TELL(r->json, verdict, f, v, now_us);
}

static void rollup_stuck(struct report *report, const struct flow *f, const struct verdict *v,
                         int64_t waits_us, int64_t now_us) {
  REPORT_TELL(of(report)->json, stuck, f, v, waits_us, now_us);
}

static void rollup_inventory(struct report *report, const struct kernel_inventory *in,
                             int64_t now_us) {
  REPORT_TELL(of(report)->json, inventory, in, now_us);
}

/* By the clock's whole multiples, so that the hosts' groups are of the same times. */
static void rollup_tick(struct report *report, const struct report_summary *so_far,
                        int64_t now_us) {
  struct rollup *r = of(report);
  int64_t every_us = r->base.options.rollup_us;
  (void)so_far;
  if (now_us > r->now_us) r->now_us = now_us;
  if (r->begun_us == 0) r->begun_us = r->now_us;
  if (r->now_us / every_us > r->begun_us / every_us) put_groups(r);
}

static void rollup_summary(struct report *report, const struct report_summary *s) {
  struct rollup *r = of(report);
  if (s->t_us > r->now_us) r->now_us = s->t_us;
  put_groups(r);
  REPORT_TELL(r->json, summary, s);
}

static void rollup_destroy(struct report *report) {
  struct rollup *r = of(report);
  if (r->json) r->json->class->destroy(r->json);
  free(r);
}

struct report *report_rollup_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = rollup_start,
      .segment = rollup_segment,
      .sighting = rollup_sighting,
      .expired = rollup_expired,
      .kernel = rollup_kernel,
      .verdict = rollup_verdict,
      .settled = rollup_settled,
      .counted = rollup_counted,
      .summary = rollup_summary,
      .stuck = rollup_stuck,
      .tick = rollup_tick,
      .inventory = rollup_inventory,
      .destroy = rollup_destroy,
  };
  struct rollup *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->base = (struct report){&class, out, *options};
  r->json = report_json_new(out, options);
  if (r->json) return &r->base;
  free(r);
  return NULL;
}
