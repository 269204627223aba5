/* NDJSON: one object a line, for programs. Every object has "schema" and "type". */
#include <json-c/json.h>
#include <stdlib.h>

#include "capture/report/report.h"
#include "common/model/sentence.h"

enum { SCHEMA = 1 };

static struct json_object *object_of(const char *type) {
  struct json_object *o = json_object_new_object();
  json_object_object_add(o, "schema", json_object_new_int(SCHEMA));
  json_object_object_add(o, "type", json_object_new_string(type));
  return o;
}

static void add_string(struct json_object *o, const char *key, const char *value) {
  json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static void add_int(struct json_object *o, const char *key, int64_t value) {
  json_object_object_add(o, key, json_object_new_int64(value));
}

/* Seconds since the epoch, to the microsecond: a double would round them when printed. */
static void add_time(struct json_object *o, const char *key, int64_t t_us) {
  char text[32];
  snprintf(text, sizeof text, "%lld.%06d", (long long)(t_us / 1000000), (int)(t_us % 1000000));
  json_object_object_add(o, key, json_object_new_double_s((double)t_us / 1e6, text));
}

static void add_count(struct json_object *o, const char *key, unsigned count, unsigned of) {
  char text[16];
  snprintf(text, sizeof text, "%u/%u", count, of);
  add_string(o, key, text);
}

static void print(struct report *r, struct json_object *o) {
  fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
        r->out);
  fputc('\n', r->out);
  json_object_put(o);
}

static void add_states(struct json_object *o, const struct model *m) {
  add_string(o, "client_state", tcp_state_name(m->end[END_CLIENT].state));
  add_string(o, "client_evidence", evidence_name(m->end[END_CLIENT].evidence));
  add_string(o, "server_state", tcp_state_name(m->end[END_SERVER].state));
  add_string(o, "server_evidence", evidence_name(m->end[END_SERVER].evidence));
}

static void add_expectations(struct json_object *o, const struct model *m) {
  struct expectation expected[EXPECTATIONS_MAX];
  unsigned n = expectation_list(m, expected);
  struct json_object *list = json_object_new_array();
  for (unsigned i = 0; i < n; i++) {
    struct json_object *x = json_object_new_object();
    char roles[40];
    add_string(x, "from", end_name(expected[i].from));
    add_string(x, "role", role_names(expected[i].roles, roles));
    add_int(x, "seq", expected[i].seq);
    if (expected[i].has_ack) add_int(x, "ack", expected[i].ack);
    json_object_array_add(list, x);
  }
  json_object_object_add(o, "expects", list);
}

static struct json_object *finding_object(struct json_object *o, const struct model *m,
                                          const struct finding *f) {
  const struct finding_text *text = finding_text(f->id);
  add_string(o, "id", text->id);
  add_string(o, "severity", finding_severity_name(text->severity));
  add_string(o, "clause", text->clause);
  add_string(o, "end", end_name(f->end));
  char side[TEXT_SIZE];
  add_string(o, "expected", text_finding_side(m, f, true, false, side));
  add_string(o, "actual", text_finding_side(m, f, false, false, side));
  add_time(o, "t", f->t_us);
  return o;
}

static void print_transitions(struct report *r, const struct flow *flow,
                              const struct model_step *step, int64_t t_us) {
  static const char *const kinds[] = {[CHANGE_MOVED] = "moved",
                                      [CHANGE_STAYED] = "restarted",
                                      [CHANGE_CONFIRMED] = "confirmed",
                                      [CHANGE_REFUTED] = "refuted"};
  for (unsigned i = 0; i < step->n_changes; i++) {
    const struct model_change *c = &step->changes[i];
    struct json_object *o = object_of("transition");
    char reason[TEXT_SIZE];
    add_int(o, "conn", flow->number);
    add_time(o, "t", t_us);
    add_string(o, "end", end_name(c->end));
    add_string(o, "from", tcp_state_name(c->from));
    add_string(o, "to", tcp_state_name(c->to));
    add_string(o, "evidence", evidence_name(c->evidence));
    add_string(o, "kind", kinds[c->kind]);
    add_string(o, "event", c->event < EVENT_COUNT ? tcp_event_name(c->event) : NULL);
    add_string(o, "reason", text_reason(c, reason));
    print(r, o);
  }
}

static void json_start(struct report *r, const char *source, const char *filter,
                       const char *kernel_lack) {
  struct json_object *o = object_of("start");
  add_string(o, "version", TEARDOWN_VERSION);
  add_string(o, "source", source);
  add_string(o, "filter", filter);
  add_string(o, "kernel", !kernel_lack ? "off" : *kernel_lack ? kernel_lack : "all");
  print(r, o);
}

static const char *flag_names(uint8_t flags, char buffer[static 8]) {
  static const struct {
    unsigned flag;
    char letter;
  } letters[] = {{SEGMENT_SYN, 'S'}, {SEGMENT_FIN, 'F'}, {SEGMENT_RST, 'R'},
                 {SEGMENT_PSH, 'P'}, {SEGMENT_URG, 'U'}, {SEGMENT_ACK, '.'}};
  size_t n = 0;
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
    if (flags & letters[i].flag) buffer[n++] = letters[i].letter;
  buffer[n] = '\0';
  return buffer;
}

static void json_segment(struct report *r, const struct report_segment *s) {
  const struct flow *flow = s->flow;
  const struct model *m = &flow->model;
  const struct model_step *step = s->step;
  const struct segment *seg = s->segment;
  char text[TEXT_SIZE], name[FLOW_NAME_SIZE], roles[40], flags[8], number[TEXT_NUMBER_SIZE];
  enum end to = end_other(step->from);
  struct json_object *o = object_of("segment");
  add_int(o, "conn", flow->number);
  add_time(o, "t", seg->t_us);
  add_int(o, "since_first_fin_us", step->since_first_fin_us);
  add_string(o, "from", end_name(step->from));
  add_string(o, "source", flow_end_name(flow, step->from, name));
  add_string(o, "destination", flow_end_name(flow, to, name));
  add_string(o, "role", step->roles ? role_names(step->roles, roles) : NULL);
  add_int(o, "again", step->again);
  if (step->again) add_int(o, "since_copy_us", step->since_copy_us);
  add_count(o, "count", step->count, step->of);
  add_string(o, "label", text_label(m, seg, step, false, text));
  add_string(o, "flags", flag_names(seg->flags, flags));
  add_int(o, "seq", seg->seq);
  add_int(o, "ack", seg->ack);
  add_int(o, "payload_bytes", seg->payload_bytes);
  add_string(o, "seq_rel", text_number(m, step->from, seg->seq, false, number));
  add_string(o, "ack_rel", text_number(m, to, seg->ack, false, number));
  add_string(o, "verdict", step_verdict_name(step->verdict));
  add_string(o, "ignored", acceptance_reason(step->ignored));
  add_states(o, m);
  add_expectations(o, m);
  print(r, o);
  print_transitions(r, flow, step, seg->t_us);
  for (unsigned i = 0; i < step->n_findings; i++) {
    struct json_object *f = object_of("finding");
    add_int(f, "conn", flow->number);
    print(r, finding_object(f, m, &step->findings[i]));
  }
}

static void json_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                         int64_t now_us) {
  print_transitions(r, flow, step, now_us);
}

static void json_kernel(struct report *r, const struct kernel_word *word) {
  static const char *const what[] = {[KERNEL_EVENT_SEND_RESET] = "send-reset",
                                     [KERNEL_EVENT_RECEIVE_RESET] = "receive-reset",
                                     [KERNEL_EVENT_RETRANSMIT] = "retransmit"};
  bool moved = word->kind == KERNEL_EVENT_STATE;
  struct json_object *o = object_of(moved ? "transition" : "kernel");
  add_int(o, "conn", word->flow->number);
  add_time(o, "t", word->t_us);
  add_string(o, "end", end_name(word->end));
  if (moved) {
    add_string(o, "from", tcp_state_name(word->from));
    add_string(o, "to", tcp_state_name(word->to));
    add_string(o, "evidence", evidence_name(EVIDENCE_KERNEL));
    add_string(o, "kind", word->restarted ? "restarted" : word->asked ? "asked" : "told");
  } else {
    add_string(o, "what", what[word->kind]);
    add_string(o, "reason", *word->reason ? word->reason : NULL);
  }
  print(r, o);
}

static struct json_object *kernel_end(const struct verdict *v, const struct kernel_view *view,
                                      enum end end) {
  static const char *const timers[] = {[KERNEL_TIMER_RETRANSMIT] = "retransmit",
                                       [KERNEL_TIMER_KEEPALIVE] = "keepalive",
                                       [KERNEL_TIMER_TIME_WAIT] = "time-wait",
                                       [KERNEL_TIMER_PROBE] = "probe"};
  const struct witness_view *said = &v->kernel[end];
  const struct kernel_socket *socket = &view->socket[end];
  const struct kernel_owner *owner = &view->owner[end];
  if (view->witness.end[end].n == 0) return NULL;
  struct json_object *o = json_object_new_object();
  add_string(o, "state", tcp_state_name(witness_last(&view->witness.end[end])));
  add_int(o, "agrees", said->agreed);
  add_int(o, "of", said->of);
  add_int(o, "unsampled", said->unsampled);
  add_string(o, "difference", witness_difference_name(said->difference));
  if (said->difference != WITNESS_AGREES) {
    add_string(o, "model_says", tcp_state_name(said->model_says));
    add_string(o, "kernel_says", tcp_state_name(said->kernel_says));
  }
  if (view->answer[end] != KERNEL_FOUND) return o;
  add_string(o, "timer", socket->timer == KERNEL_TIMER_NONE ? NULL : timers[socket->timer]);
  if (socket->timer != KERNEL_TIMER_NONE) add_int(o, "left_ms", socket->left_ms);
  add_int(o, "retransmits", socket->retransmits);
  add_int(o, "unread", socket->unread);
  add_int(o, "unacked", socket->unacked);
  if (!view->has_owner[end]) return o;
  struct json_object *holder = json_object_new_object();
  add_int(holder, "pid", owner->pid);
  add_string(holder, "command", owner->command);
  add_int(holder, "fd", owner->fd);
  json_object_object_add(o, "owner", holder);
  return o;
}

/* NULL when the kernel said nothing of the connection. */
static struct json_object *kernel_object(const struct verdict *v, const struct kernel_view *view) {
  unsigned agreed, of;
  if (!view || (view->witness.end[0].n == 0 && view->witness.end[1].n == 0)) return NULL;
  struct json_object *o = json_object_new_object();
  verdict_agreement(v, &agreed, &of);
  add_int(o, "agrees", agreed);
  add_int(o, "of", of);
  for (unsigned e = 0; e < 2; e++) json_object_object_add(o, end_name(e), kernel_end(v, view, e));
  return o;
}

static void json_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                         int64_t now_us) {
  const struct model *m = &flow->model;
  char name[FLOW_NAME_SIZE], sentence[1024];
  struct json_object *o = object_of("verdict");
  add_int(o, "conn", flow->number);
  json_object_object_add(o, "revised", json_object_new_boolean(flow->verdicts > 0));
  add_string(o, "client", flow_end_name(flow, END_CLIENT, name));
  add_string(o, "server", flow_end_name(flow, END_SERVER, name));
  add_string(o, "closed_first", v->closed_both ? "both" : end_name(v->closed_first));
  add_string(o, "ending", ending_name(v->ending));
  struct json_object *losses = json_object_new_array();
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) {
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      struct json_object *loss = json_object_new_object();
      add_string(loss, "role", loss_kind_name(kind));
      add_int(loss, "count", v->losses[kind][place]);
      add_string(loss, "place", loss_place_name(place));
      json_object_array_add(losses, loss);
    }
  }
  json_object_object_add(o, "losses", losses);
  add_count(o, "control_segments", v->count, v->of);
  add_int(o, "fin_retransmissions", v->fin_retransmissions);
  add_string(o, "reset_cause", reset_cause_name(v->cause));
  add_string(o, "kernel_reason", v->kernel_reason);
  add_string(o, "reuses_time_wait", incarnation_name(m->incarnation));
  add_states(o, m);
  add_string(o, "verdict", conformity_name(v->conformity));
  struct json_object *findings = json_object_new_array();
  for (int i = 0; i < v->n_findings; i++)
    json_object_array_add(findings, finding_object(json_object_new_object(), m, &v->findings[i]));
  json_object_object_add(o, "findings", findings);
  json_object_object_add(o, "kernel", kernel_object(v, flow->kernel));
  add_string(o, "sentence", sentence_make(v, m, now_us, sentence, sizeof sentence));
  add_int(o, "duration_us", v->duration_us);
  print(r, o);
}

static void json_countdown(struct report *r, const struct flow *flow, int64_t left_us,
                           int64_t total_us, bool by_kernel) {
  (void)r, (void)flow, (void)left_us, (void)total_us, (void)by_kernel;
}

static void add_named(struct json_object *o, const char *key, const struct report_named *list,
                      unsigned n) {
  struct json_object *array = json_object_new_array();
  for (unsigned i = 0; i < n; i++) {
    struct json_object *x = json_object_new_object();
    add_int(x, "conn", list[i].number);
    add_string(x, "client", list[i].client);
    add_string(x, "server", list[i].server);
    add_string(x, "ending", ending_name(list[i].ending));
    if (list[i].finding != FINDING_COUNT)
      add_string(x, "finding", finding_text(list[i].finding)->id);
    if (*list[i].holder) add_string(x, "holder", list[i].holder);
    add_int(x, "us", list[i].us);
    json_object_array_add(array, x);
  }
  json_object_object_add(o, key, array);
}

static struct json_object *agreement_object(const struct report_agreement *a) {
  if (a->connections == 0) return NULL;
  struct json_object *o = json_object_new_object();
  add_int(o, "connections", (int64_t)a->connections);
  add_int(o, "agrees", (int64_t)a->agreed);
  add_int(o, "of", (int64_t)a->of);
  add_int(o, "unsampled", (int64_t)a->unsampled);
  for (unsigned d = WITNESS_SILENT; d <= WITNESS_CONTRARY; d++)
    add_int(o, witness_difference_name(d), (int64_t)a->ends[d]);
  add_int(o, "events_lost", (int64_t)a->events_lost);
  return o;
}

static void json_summary(struct report *r, const struct report_summary *s) {
  struct json_object *o = object_of("summary");
  add_int(o, "segments", (int64_t)s->segments);
  add_int(o, "connections", (int64_t)s->connections);
  add_int(o, "still_open", (int64_t)s->still_open);
  add_int(o, "not_followed", (int64_t)s->not_followed);
  struct json_object *endings = json_object_new_object();
  for (unsigned i = 0; i < ENDING_COUNT; i++)
    if (s->endings[i] > 0) add_int(endings, ending_name(i), (int64_t)s->endings[i]);
  json_object_object_add(o, "endings", endings);
  struct json_object *first = json_object_new_object();
  for (unsigned e = 0; e < 3; e++) add_int(first, end_name(e), (int64_t)s->closed_first[e]);
  json_object_object_add(o, "closed_first", first);
  add_int(o, "stuck", (int64_t)s->stuck);
  add_named(o, "slowest", s->slowest, s->n_slowest);
  add_named(o, "longest_stuck", s->longest_stuck, s->n_longest_stuck);
  json_object_object_add(o, "kernel", agreement_object(&s->kernel));
  add_int(o, "copies", (int64_t)s->copies);
  add_int(o, "fragments", (int64_t)s->fragments);
  add_int(o, "malformed", (int64_t)s->malformed);
  add_int(o, "truncated", (int64_t)s->truncated);
  if (s->counts_known) {
    add_int(o, "received", (int64_t)s->received);
    add_int(o, "dropped", (int64_t)s->dropped);
  }
  print(r, o);
}

static void json_destroy(struct report *r) { free(r); }

struct report *report_json_new(FILE *out, const struct report_options *options) {
  static const struct report_class class = {
      json_start,   json_segment,   json_expired, json_kernel,
      json_verdict, json_countdown, json_summary, json_destroy,
  };
  struct report *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (struct report){&class, out, *options};
  return r;
}
