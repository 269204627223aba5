#include "capture/report/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/folder.h"

#define WRITE_EVERY_US INT64_C(5000000)

/* Services beyond so many are counted together: a port scan must not fill a database. */
enum { SERVICES_MAX = 256, STUCK_MAX = 4096, TEXT_ROOM = 1 << 21 };

/* Upper bounds of the histogram, and how they are written. */
static const struct {
  int64_t us;
  const char *s;
} bounds[] = {{1000, "0.001"},  {10000, "0.01"},  {50000, "0.05"},   {100000, "0.1"},
              {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},    {5000000, "5"},
              {15000000, "15"}, {60000000, "60"}, {300000000, "300"}};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

/* Beyond the values of enum end: the FINs crossed. */
enum { BOTH = END_NONE + 1, FIRSTS };

struct service {
  uint16_t port;
  uint64_t closes[ENDING_COUNT][FIRSTS]; /* by ending and who closed first */
  uint64_t resets[RESET_CAUSE_COUNT];
  uint64_t findings[FINDING_COUNT];
  uint64_t took[BOUNDS + 1], took_us;
};

struct metrics {
  struct report base;
  struct service service[SERVICES_MAX + 1]; /* the last: all others */
  unsigned n_services;
  uint16_t service_of[1 << 16]; /* by port: its number + 1 */
  uint64_t lost[LOSS_KINDS];
  int64_t time_wait[2]; /* by end */
  unsigned ephemeral_ports;
  struct {
    uint32_t number;
    int64_t since_us;
  } stuck[STUCK_MAX];
  unsigned n_stuck;
  int64_t written_us;
  char *text;
};

static struct metrics *of(struct report *r) { return (struct metrics *)r; }

/* ---- Counting ------------------------------------------------------------------------------- */

static struct service *service_of(struct metrics *m, uint16_t port) {
  if (m->service_of[port] == 0) {
    if (m->n_services == SERVICES_MAX) return &m->service[SERVICES_MAX];
    m->service[m->n_services].port = port;
    m->service_of[port] = (uint16_t)++m->n_services;
  }
  return &m->service[m->service_of[port] - 1];
}

static void count_changes(struct metrics *m, const struct model_step *step) {
  for (unsigned i = 0; i < step->n_changes; i++) {
    const struct model_change *c = &step->changes[i];
    m->time_wait[c->end] += (c->to == TCPS_TIME_WAIT) - (c->from == TCPS_TIME_WAIT);
  }
}

static void metrics_segment(struct report *r, const struct report_segment *s) {
  count_changes(of(r), s->step);
}

static void metrics_expired(struct report *r, const struct flow *f, const struct model_step *step,
                            int64_t now_us) {
  (void)f;
  (void)now_us;
  count_changes(of(r), step);
}

static unsigned find_stuck(const struct metrics *m, uint32_t number) {
  unsigned i = 0;
  while (i < m->n_stuck && m->stuck[i].number != number) i++;
  return i;
}

static void forget_stuck(struct metrics *m, uint32_t number) {
  unsigned i = find_stuck(m, number);
  if (i < m->n_stuck) m->stuck[i] = m->stuck[--m->n_stuck];
}

static void metrics_stuck(struct report *r, const struct flow *f, const struct verdict *v,
                          int64_t waits_us, int64_t now_us) {
  struct metrics *m = of(r);
  unsigned i = find_stuck(m, f->number);
  if (!verdict_stuck(v) || i == STUCK_MAX) return;
  m->stuck[i].number = f->number;
  m->stuck[i].since_us = now_us - waits_us;
  if (i == m->n_stuck) m->n_stuck++;
}

static void metrics_verdict(struct report *r, const struct flow *f, const struct verdict *v,
                            int64_t now_us) {
  (void)now_us;
  if (!verdict_stuck(v)) forget_stuck(of(r), f->number);
}

static void metrics_settled(struct report *r, const struct flow *f, const struct verdict *v) {
  struct metrics *m = of(r);
  struct service *s = service_of(m, f->key.port[flow_half_of(f, END_SERVER)]);
  forget_stuck(m, f->number);
  for (unsigned i = 0; i < 2; i++) m->time_wait[i] -= f->model.end[i].state == TCPS_TIME_WAIT;
  for (unsigned i = 0; i < v->n_findings; i++) s->findings[v->findings[i].id]++;
  if (!connection_has_closed(&f->model)) return;
  s->closes[v->ending][v->closed_both ? BOTH : v->closed_first]++;
  s->resets[v->cause]++;
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) m->lost[kind] += verdict_lost(v, kind);
  if (!ending_is_complete(v->ending)) return;
  unsigned bound = 0;
  while (bound < BOUNDS && v->duration_us > bounds[bound].us) bound++;
  s->took[bound]++;
  s->took_us += (uint64_t)(v->duration_us > 0 ? v->duration_us : 0);
}

static void metrics_inventory(struct report *r, const struct kernel_inventory *in, int64_t now_us) {
  (void)now_us;
  of(r)->ephemeral_ports = in->ephemeral_ports;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void put_family(struct out *o, const char *name, const char *type, const char *help) {
  out_printf(o, "# HELP teardown_%s %s\n# TYPE teardown_%s %s\n", name, help, name, type);
}

static void put_value(struct out *o, const char *name, uint64_t value) {
  out_printf(o, "teardown_%s %llu\n", name, (unsigned long long)value);
}

static const char *label_of(const struct metrics *m, const struct service *s, char label[8]) {
  if (s == &m->service[SERVICES_MAX]) return "other";
  struct out o = out_string(label, 8);
  out_unsigned(&o, s->port);
  return out_text_of(&o);
}

/* A sample of a service, if it is not zero. */
static void put_sample(const struct metrics *m, struct out *o, const char *name,
                       const struct service *s, const char *key, const char *word,
                       const char *closed_first, uint64_t n) {
  char label[8];
  if (n == 0) return;
  out_printf(o, "teardown_%s{service=\"%s\",%s=\"%s\"", name, label_of(m, s, label), key, word);
  if (closed_first) out_printf(o, ",closed_first=\"%s\"", closed_first);
  out_printf(o, "} %llu\n", (unsigned long long)n);
}

static void put_histogram(const struct metrics *m, struct out *o, const struct service *s) {
  char label[8];
  uint64_t n = 0;
  const char *service = label_of(m, s, label);
  for (unsigned i = 0; i <= BOUNDS; i++) {
    n += s->took[i];
    out_printf(o, "teardown_close_duration_seconds_bucket{service=\"%s\",le=\"%s\"} %llu\n",
               service, i < BOUNDS ? bounds[i].s : "+Inf", (unsigned long long)n);
  }
  out_printf(o, "teardown_close_duration_seconds_sum{service=\"%s\"} ", service);
  out_fixed(o, (int64_t)s->took_us, 6);
  out_printf(o, "\nteardown_close_duration_seconds_count{service=\"%s\"} %llu\n", service,
             (unsigned long long)n);
}

static void put_services(const struct metrics *m, struct out *o) {
  const struct service *end = &m->service[SERVICES_MAX + 1];
  put_family(o, "closes_total", "counter", "Connections that closed, by how and by who was first.");
  for (const struct service *s = m->service; s < end; s++)
    for (unsigned i = 0; i < ENDING_COUNT; i++)
      for (unsigned first = 0; first < FIRSTS; first++)
        put_sample(m, o, "closes_total", s, "ending", ending_name(i),
                   first == BOTH ? "both" : end_name(first), s->closes[i][first]);
  put_family(o, "resets_total", "counter", "Connections that an RST ended, by its cause.");
  for (const struct service *s = m->service; s < end; s++)
    for (unsigned i = RESET_NONE + 1; i < RESET_CAUSE_COUNT; i++)
      put_sample(m, o, "resets_total", s, "cause", reset_cause_name(i), NULL, s->resets[i]);
  put_family(o, "findings_total", "counter", "Findings of connections (capture --explain all).");
  for (const struct service *s = m->service; s < end; s++)
    for (unsigned i = 0; i < FINDING_COUNT; i++)
      put_sample(m, o, "findings_total", s, "finding", finding_text(i)->id, NULL, s->findings[i]);
  put_family(o, "close_duration_seconds", "histogram",
             "From the first FIN to the last control segment, of complete closes.");
  for (const struct service *s = m->service; s < end; s++) {
    uint64_t n = 0;
    for (unsigned i = 0; i <= BOUNDS; i++) n += s->took[i];
    if (n > 0) put_histogram(m, o, s);
  }
}

static void put_now(const struct metrics *m, struct out *o, int64_t now_us) {
  int64_t oldest_us = now_us;
  for (unsigned i = 0; i < m->n_stuck; i++)
    if (m->stuck[i].since_us < oldest_us) oldest_us = m->stuck[i].since_us;
  put_family(o, "stuck", "gauge", "Connections in which an end waits for the other, now.");
  put_value(o, "stuck", m->n_stuck);
  put_family(o, "stuck_oldest_seconds", "gauge", "For how long the longest of them has.");
  out_text(o, "teardown_stuck_oldest_seconds ");
  out_fixed(o, now_us - oldest_us, 6);
  out_char(o, '\n');
  put_family(o, "time_wait", "gauge", "Ends in TIME_WAIT, now.");
  for (unsigned i = 0; i < 2; i++)
    out_printf(o, "teardown_time_wait{end=\"%s\"} %lld\n", end_name(i),
               (long long)(m->time_wait[i] > 0 ? m->time_wait[i] : 0));
  if (m->ephemeral_ports == 0) return;
  put_family(o, "ephemeral_ports", "gauge", "Local ports for connections to one service.");
  put_value(o, "ephemeral_ports", m->ephemeral_ports);
}

static void put_totals(const struct metrics *m, struct out *o, const struct report_summary *s) {
  static const char evictions[] = "evicted_connections_total";
  put_family(o, "losses_total", "counter", "Segments of closes that were lost, by what they are.");
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    out_printf(o, "teardown_losses_total{role=\"%s\"} %llu\n", loss_kind_name(kind),
               (unsigned long long)m->lost[kind]);
  put_family(o, "segments_total", "counter", "Segments of TCP that were captured.");
  put_value(o, "segments_total", s->segments);
  put_family(o, "dropped_packets_total", "counter", "Packets that the kernel dropped.");
  put_value(o, "dropped_packets_total", s->dropped);
  put_family(o, evictions, "counter", "Connections given up for room (--max-flows).");
  put_value(o, evictions, report_evicted(s));
}

static bool write_all(int fd, const char *text, size_t n) {
  while (n > 0) {
    ssize_t written = write(fd, text, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text += written;
    n -= (size_t)written;
  }
  return true;
}

static void write_file(struct metrics *m, const struct report_summary *s, int64_t now_us) {
  struct out o = out_string(m->text, TEXT_ROOM);
  const struct folder *folder = m->base.options.metrics;
  put_services(m, &o);
  put_now(m, &o, now_us);
  put_totals(m, &o, s);
  m->written_us = now_us;
  int fd = folder_begin(folder);
  bool written = fd >= 0 && write_all(fd, m->text, o.end);
  if (fd >= 0 && close(fd) < 0) written = false;
  /* Also when a later one is written: the run has ended for it. */
  if (!written || !folder_put(folder)) m->base.out->error = errno;
}

static void metrics_tick(struct report *r, const struct report_summary *so_far, int64_t now_us) {
  struct metrics *m = of(r);
  if (now_us - m->written_us >= WRITE_EVERY_US) write_file(m, so_far, now_us);
}

static void metrics_summary(struct report *r, const struct report_summary *summary) {
  write_file(of(r), summary, summary->t_us);
}

static void metrics_destroy(struct report *r) {
  free(of(r)->text);
  free(r);
}

struct report *report_metrics_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .segment = metrics_segment,
      .expired = metrics_expired,
      .verdict = metrics_verdict,
      .settled = metrics_settled,
      .summary = metrics_summary,
      .stuck = metrics_stuck,
      .tick = metrics_tick,
      .inventory = metrics_inventory,
      .destroy = metrics_destroy,
  };
  struct metrics *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->base = (struct report){.class = &class, .out = out, .options = *options};
  m->text = malloc(TEXT_ROOM);
  if (m->text) return &m->base;
  free(m);
  return NULL;
}
