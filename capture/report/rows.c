#include "capture/report/rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The notation --------------------------------------------------------------------------- */

const char *rows_cell_name(enum rows_cell cell) {
  static const char *const names[] = {[ROWS_FROM] = "from",
                                      [ROWS_ROLE] = "role",
                                      [ROWS_AGAIN] = "again",
                                      [ROWS_COUNT] = "count",
                                      [ROWS_CLIENT_STATE] = "client_state",
                                      [ROWS_SERVER_STATE] = "server_state"};
  static_assert(sizeof names / sizeof *names == ROWS_CELLS, "a name for each cell");
  return names[cell];
}

static void set(struct rows_row *row, enum rows_cell cell, const char *text) {
  snprintf(row->cell[cell], ROWS_CELL_SIZE, "%s", text);
}

bool rows_of_segment(const struct report_segment *s, struct rows_row *row) {
  const struct model_step *step = s->step;
  const struct model *m = &s->flow->model;
  if (!step->roles) return false;
  set(row, ROWS_FROM, end_name(step->from));
  role_names(step->roles, row->cell[ROWS_ROLE]);
  snprintf(row->cell[ROWS_AGAIN], ROWS_CELL_SIZE, "%u", (unsigned)step->again);
  snprintf(row->cell[ROWS_COUNT], ROWS_CELL_SIZE, "%u/%u", step->count, step->of);
  set(row, ROWS_CLIENT_STATE, tcp_state_name(m->end[END_CLIENT].state));
  set(row, ROWS_SERVER_STATE, tcp_state_name(m->end[END_SERVER].state));
  return true;
}

const char *rows_text(const struct rows_row *row, char buffer[static ROWS_TEXT_SIZE]) {
  size_t n = 0;
  for (unsigned i = 0; i < ROWS_CELLS; i++)
    n += (size_t)snprintf(buffer + n, ROWS_TEXT_SIZE - n, "%s%s", i ? " " : "", row->cell[i]);
  return buffer;
}

/* ---- The fields of a verdict ---------------------------------------------------------------- */

static const char *ending(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f, (void)buffer;
  return ending_name(v->ending);
}

static const char *closed_first(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f, (void)buffer;
  return v->closed_both ? "both" : end_name(v->closed_first);
}

static const char *control_segments(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f;
  snprintf(buffer, TEXT_SIZE, "%u/%u", v->count, v->of);
  return buffer;
}

static const char *conformity(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f, (void)buffer;
  return conformity_name(v->conformity);
}

static void append(char *buffer, const char *text) {
  size_t n = strlen(buffer);
  snprintf(buffer + n, TEXT_SIZE - n, "%s%s", n ? "," : "", text);
}

/* An empty list would look like a slip. */
static const char *or_none(const char *text) { return text && *text ? text : "-"; }

static const char *losses(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f;
  char item[64];
  buffer[0] = '\0';
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) {
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      snprintf(item, sizeof item, "%sx%u:%s", loss_kind_name(kind), v->losses[kind][place],
               loss_place_name(place));
      append(buffer, item);
    }
  }
  return or_none(buffer);
}

static const char *findings(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f;
  buffer[0] = '\0';
  for (unsigned i = 0; i < v->n_findings; i++) append(buffer, finding_text(v->findings[i].id)->id);
  return or_none(buffer);
}

static const char *client_state(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)v, (void)buffer;
  return tcp_state_name(f->model.end[END_CLIENT].state);
}

static const char *server_state(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)v, (void)buffer;
  return tcp_state_name(f->model.end[END_SERVER].state);
}

static const char *reset_cause(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)f, (void)buffer;
  return or_none(reset_cause_name(v->cause));
}

static const char *reuses_time_wait(const struct flow *f, const struct verdict *v, char *buffer) {
  (void)v, (void)buffer;
  return or_none(incarnation_name(f->model.incarnation));
}

static const struct {
  const char *name;
  const char *(*value)(const struct flow *, const struct verdict *, char *buffer);
} fields[] = {
    {"ending", ending},
    {"closed_first", closed_first},
    {"control_segments", control_segments},
    {"verdict", conformity},
    {"losses", losses},
    {"findings", findings},
    {"client_state", client_state},
    {"server_state", server_state},
    {"reset_cause", reset_cause},
    {"reuses_time_wait", reuses_time_wait},
};

enum { FIELDS = sizeof fields / sizeof *fields };

const char *rows_field_name(unsigned i) { return i < FIELDS ? fields[i].name : NULL; }

const char *rows_field_value(unsigned i, const struct flow *flow, const struct verdict *verdict,
                             char buffer[static TEXT_SIZE]) {
  return fields[i].value(flow, verdict, buffer);
}

/* ---- The report ----------------------------------------------------------------------------- */

static void rows_start(struct report *r, const char *source, const char *filter,
                       const char *kernel_lack) {
  (void)filter, (void)kernel_lack;
  out_text(r->out, "# start source=");
  out_printable(r->out, source);
  out_char(r->out, '\n');
}

/* The final ACK's number is known before it is sent: who wants to lose it needs that. */
static void write_final_ack(struct out *out, const struct model *m) {
  struct expectation expected[EXPECTATIONS_MAX];
  unsigned n = expectation_list(m, expected);
  for (unsigned i = 0; i < n; i++) {
    if (!(expected[i].roles & ROLE_ACK2) || !expected[i].has_ack) continue;
    out_printf(out, " final_ack=%u", expected[i].ack);
    return;
  }
}

static void write_time(struct out *out, int64_t t_us) {
  out_text(out, " t=");
  out_fixed(out, t_us, 6);
}

static void rows_segment(struct report *r, const struct report_segment *s) {
  struct rows_row row;
  char text[ROWS_TEXT_SIZE], name[FLOW_NAME_SIZE];
  const struct model_step *step = s->step;
  if (!rows_of_segment(s, &row)) return;
  out_printf(r->out, "%s # conn=%u", rows_text(&row, text), s->flow->number);
  write_time(r->out, s->segment->t_us);
  out_printf(r->out, " since_first_fin_us=%lld payload_bytes=%u",
             (long long)step->since_first_fin_us, (unsigned)s->segment->payload_bytes);
  out_printf(r->out, " source=%s", flow_end_name(s->flow, step->from, name));
  out_printf(r->out, " destination=%s", flow_end_name(s->flow, end_other(step->from), name));
  write_final_ack(r->out, &s->flow->model);
  out_char(r->out, '\n');
}

static void rows_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                         int64_t now_us) {
  char value[TEXT_SIZE], sentence[TEXT_SENTENCE_SIZE];
  out_text(r->out, "verdict");
  for (unsigned i = 0; i < FIELDS; i++)
    out_printf(r->out, " %s=%s", fields[i].name, rows_field_value(i, flow, v, value));
  out_printf(r->out, " # conn=%u duration_us=%lld sentence=", flow->number,
             (long long)v->duration_us);
  out_printable(r->out, text_sentence(flow, v, now_us, sentence));
  out_char(r->out, '\n');
}

static void rows_summary(struct report *r, const struct report_summary *s) {
  out_printf(r->out, "# summary connections=%llu", (unsigned long long)s->connections);
  if (s->counts_known) out_printf(r->out, " dropped=%llu", (unsigned long long)s->dropped);
  out_char(r->out, '\n');
}

static void rows_destroy(struct report *r) { free(r); }

struct report *report_rows_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = rows_start,
      .segment = rows_segment,
      .verdict = rows_verdict,
      .summary = rows_summary,
      .destroy = rows_destroy,
  };
  struct report *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (struct report){&class, out, *options};
  return r;
}
