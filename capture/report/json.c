/* NDJSON: one object a line, for programs. What it may hold is in ndjson.schema.json. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "capture/report/json_fields.h"

static void add_expectations(struct out *o, const struct model *m) {
  struct expectation expected[EXPECTATIONS_MAX];
  unsigned n = expectation_list(m, expected);
  out_text(o, KEY("expects") "[");
  for (unsigned i = 0; i < n; i++) {
    char roles[40];
    if (i > 0) out_char(o, ',');
    add_word(o, "{" FIRST("from"), end_name(expected[i].from));
    add_word(o, KEY("role"), role_names(expected[i].roles, roles));
    add_int(o, KEY("seq"), expected[i].seq);
    if (expected[i].has_ack) add_int(o, KEY("ack"), expected[i].ack);
    out_char(o, '}');
  }
  out_char(o, ']');
}

/* `s`: the segment that made the step; NULL: a timer did. */
static void put_transitions(struct report *r, const struct flow *flow,
                            const struct model_step *step, const struct report_segment *s,
                            int64_t t_us) {
  struct out *o = r->out;
  static const char *const kinds[] = {[CHANGE_MOVED] = "moved",
                                      [CHANGE_STAYED] = "restarted",
                                      [CHANGE_CONFIRMED] = "confirmed",
                                      [CHANGE_REFUTED] = "refuted"};
  for (unsigned i = 0; i < step->n_changes; i++) {
    const struct model_change *c = &step->changes[i];
    char why[TEXT_SIZE], of[TEXT_SIZE];
    struct out reason = out_string(why, sizeof why), clause = out_string(of, sizeof of);
    text_why(&reason, c);
    text_clause(&clause, c);
    add_int(o, BEGIN("transition") KEY("conn"), flow->number);
    add_time(o, KEY("t"), t_us);
    add_number_or_null(o, KEY("segment"), s ? s->n : 0);
    add_word(o, KEY("about"), end_name(c->end));
    add_word(o, KEY("from"), tcp_state_name(c->from));
    add_word(o, KEY("to"), tcp_state_name(c->to));
    add_word(o, KEY("evidence"), evidence_name(c->evidence));
    add_word(o, KEY("kind"), kinds[c->kind]);
    add_word(o, KEY("event"), c->event < EVENT_COUNT ? tcp_event_name(c->event) : NULL);
    add_number_or_null(o, KEY("of_segment"), s ? s->of_segment[i] : 0);
    add_text(o, KEY("reason"), &reason);
    if (clause.end > 0)
      add_text(o, KEY("clause"), &clause);
    else
      add_null(o, KEY("clause"));
    json_end_line(r);
  }
}

static void json_start(struct report *r, const char *source, const char *filter,
                       const char *kernel_lack) {
  struct out *o = r->out;
  add_time_or_null(o, BEGIN("start") KEY("t"), r->options.started_us);
  add_string(o, KEY("version"), TEARDOWN_VERSION);
  add_string(o, KEY("source"), source);
  if (r->options.second_source) add_string(o, KEY("second_source"), r->options.second_source);
  add_string(o, KEY("filter"), filter);
  add_string(o, KEY("kernel"), !kernel_lack ? "off" : *kernel_lack ? kernel_lack : "all");
  json_end_line(r);
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

static void add_before(struct out *o, const struct report_segment *s) {
  add_word(o, KEY("before") "{" FIRST("client"), tcp_state_name(s->state_before[END_CLIENT]));
  add_word(o, KEY("client_evidence"), evidence_name(s->evidence_before[END_CLIENT]));
  add_word(o, KEY("server"), tcp_state_name(s->state_before[END_SERVER]));
  add_word(o, KEY("server_evidence"), evidence_name(s->evidence_before[END_SERVER]));
  out_char(o, '}');
}

/* Two vantage points: by the end that each is nearer to, which file it is and when it had the
 * segment, by the clock of the first file. */
static void add_taps(struct out *o, const struct segment *seg, enum end from) {
  static const char *const fates[] = {[SEGMENT_SEEN_TWICE] = "arrived",
                                      [SEGMENT_SEEN_BY_SENDER] = "unknown",
                                      [SEGMENT_SEEN_BY_RECEIVER] = "arrived"};
  int64_t here_us = seg->t_us; /* when the first file has it, or would have */
  out_text(o, KEY("taps") "{");
  for (enum end end = END_CLIENT; end <= END_SERVER; end++) {
    bool by_sender = end == from;
    unsigned tap = by_sender ? seg->tap : 1U - seg->tap;
    bool has =
        seg->seen == SEGMENT_SEEN_TWICE || by_sender == (seg->seen == SEGMENT_SEEN_BY_SENDER);
    int64_t apart_us = tap == 0 ? 0 : by_sender ? -(int64_t)seg->transit_us : seg->transit_us;
    out_text(o, end == END_CLIENT ? FIRST("client") : KEY("server"));
    add_uint(o, "{" FIRST("file"), tap + 1);
    add_time_or_null(o, KEY("t"), has ? here_us + apart_us : 0);
    out_char(o, '}');
  }
  add_word(o, KEY("fate"), seg->is_lost ? "lost" : fates[seg->seen]);
  out_char(o, '}');
}

static void json_segment(struct report *r, const struct report_segment *s) {
  const struct flow *flow = s->flow;
  const struct model *m = &flow->model;
  const struct model_step *step = s->step;
  const struct segment *seg = s->segment;
  struct out *o = r->out;
  char buffer[TEXT_SIZE], roles[40], flags[8];
  struct out label = out_string(buffer, sizeof buffer);
  enum end to = end_other(step->from);
  text_label(&label, m, seg, step, false);
  add_int(o, BEGIN("segment") KEY("conn"), flow->number);
  add_time(o, KEY("t"), seg->t_us);
  add_uint(o, KEY("n"), s->n);
  if (s->n == 1) add_before(o, s);
  add_int(o, KEY("since_first_fin_us"), step->since_first_fin_us);
  add_word(o, KEY("from"), end_name(step->from));
  add_name(o, KEY("source"), flow, step->from);
  add_name(o, KEY("destination"), flow, to);
  add_word(o, KEY("role"), step->roles ? role_names(step->roles, roles) : NULL);
  add_int(o, KEY("again"), step->again);
  if (step->again) add_int(o, KEY("since_copy_us"), step->since_copy_us);
  add_count(o, KEY("count"), step->count, step->of);
  add_text(o, KEY("text"), &label);
  add_word(o, KEY("flags"), flag_names(seg->flags, flags));
  add_int(o, KEY("seq"), seg->seq);
  add_int(o, KEY("ack"), seg->ack);
  add_int(o, KEY("payload_bytes"), seg->payload_bytes);
  add_number(o, KEY("seq_rel"), m, step->from, seg->seq);
  add_number(o, KEY("ack_rel"), m, to, seg->ack);
  add_word(o, KEY("verdict"), step_verdict_name(step->verdict));
  add_string(o, KEY("ignored"), acceptance_reason(step->ignored));
  if (seg->seen != SEGMENT_SEEN_HERE) add_taps(o, seg, step->from);
  add_states(o, m);
  add_expectations(o, m);
  json_end_line(r);
  put_transitions(r, flow, step, s, seg->t_us);
  for (unsigned i = 0; i < step->n_findings; i++) {
    add_int(o, BEGIN("finding") KEY("conn"), flow->number);
    add_uint(o, KEY("segment"), s->n);
    add_finding(o, KEY("id"), m, &step->findings[i]);
    json_end_line(r);
  }
}

static void json_sighting(struct report *r, const struct flow *flow, enum end from,
                          const struct segment *s) {
  const struct model *m = &flow->model;
  struct out *o = r->out;
  bool stamped = s->options & SEGMENT_HAS_TIMESTAMPS;
  char flags[8];
  if (!r->options.sightings) return;
  add_int(o, BEGIN("sighting") KEY("conn"), flow->number);
  add_time(o, KEY("t"), s->t_us);
  add_name(o, KEY("source"), flow, from);
  add_name(o, KEY("destination"), flow, end_other(from));
  add_isn(o, KEY("isn") "{" FIRST("source"), &m->end[from]);
  add_isn(o, KEY("destination"), &m->end[end_other(from)]);
  add_word(o, "}" KEY("flags"), flag_names(s->flags, flags));
  add_uint(o, KEY("seq"), s->seq);
  add_uint(o, KEY("ack"), s->ack);
  add_uint(o, KEY("payload_bytes"), s->payload_bytes);
  add_uint(o, KEY("window"), s->window);
  if (stamped) add_uint(o, KEY("tsval"), s->tsval);
  if (!stamped) add_null(o, KEY("tsval"));
  if (stamped) add_uint(o, KEY("tsecr"), s->tsecr);
  if (!stamped) add_null(o, KEY("tsecr"));
  add_uint(o, KEY("ip_id"), s->ip_id);
  json_end_line(r);
}

static void json_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                         int64_t now_us) {
  put_transitions(r, flow, step, NULL, now_us);
}

static void json_kernel(struct report *r, const struct kernel_word *word) {
  static const char *const what[] = {[KERNEL_EVENT_SEND_RESET] = "send-reset",
                                     [KERNEL_EVENT_RECEIVE_RESET] = "receive-reset",
                                     [KERNEL_EVENT_RETRANSMIT] = "retransmit"};
  bool moved = word->kind == KERNEL_EVENT_STATE;
  struct out *o = r->out;
  out_text(o, moved ? BEGIN("transition") : BEGIN("kernel"));
  add_int(o, KEY("conn"), word->flow->number);
  add_time(o, KEY("t"), word->t_us);
  add_word(o, KEY("about"), end_name(word->end));
  if (moved) {
    add_word(o, KEY("from"), tcp_state_name(word->from));
    add_word(o, KEY("to"), tcp_state_name(word->to));
    add_word(o, KEY("evidence"), evidence_name(EVIDENCE_KERNEL));
    add_word(o, KEY("kind"), word->restarted ? "restarted" : word->asked ? "asked" : "told");
  } else {
    add_word(o, KEY("what"), what[word->kind]);
    add_string(o, KEY("reason"), *word->reason ? word->reason : NULL);
  }
  json_end_line(r);
}

static void json_destroy(struct report *r) { free(r); }

void json_end_line(struct report *r) {
  struct json *json = (struct json *)r;
  struct out *o = r->out;
  if (r->options.host) {
    add_word(o, KEY("host"), r->options.host);
    add_word(o, KEY("run"), json->run);
    add_uint(o, KEY("line"), ++json->lines);
  }
  out_text(o, "}\n");
}

/* By chance: neither a clock that was set back nor a PID that comes again makes two runs one. */
static bool name_run(struct json *json) {
  uint64_t drawn;
  if (getrandom(&drawn, sizeof drawn, 0) != (ssize_t)sizeof drawn) return false;
  snprintf(json->run, sizeof json->run, "%016" PRIx64, drawn);
  return true;
}

struct report *report_json_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .takes_retold = true,
      .start = json_start,
      .segment = json_segment,
      .sighting = json_sighting,
      .expired = json_expired,
      .kernel = json_kernel,
      .verdict = json_verdict,
      .summary = json_summary,
      .stuck = json_stuck,
      .inventory = json_inventory,
      .destroy = json_destroy,
  };
  struct json *json = calloc(1, sizeof *json);
  if (!json) return NULL;
  json->report = (struct report){&class, out, *options};
  if (options->host && !name_run(json)) {
    free(json);
    return NULL;
  }
  return &json->report;
}
