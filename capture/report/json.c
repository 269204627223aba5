/* NDJSON: one object a line, for programs. What it may hold is in ndjson.schema.json. */
#include <stdlib.h>

#include "capture/report/report.h"

#define SCHEMA "2"

/* The beginning of a line, and what stands before a value: the first of its object, or another. */
#define BEGIN(type) "{\"schema\":" SCHEMA ",\"type\":\"" type "\""
#define FIRST(name) "\"" name "\":"
#define KEY(name) ",\"" name "\":"

static void add_null(struct out *o, const char *key) {
  out_text(o, key);
  out_text(o, "null");
}

/* NULL is null. */
static void add_string(struct out *o, const char *key, const char *value) {
  out_text(o, key);
  if (value)
    out_json(o, value, strlen(value));
  else
    out_text(o, "null");
}

/* A word of ours, an address or a number: nothing in it wants an escape. NULL is null. */
static void add_word(struct out *o, const char *key, const char *word) {
  if (!word) {
    add_null(o, key);
    return;
  }
  out_text(o, key);
  out_char(o, '"');
  out_text(o, word);
  out_char(o, '"');
}

/* What was put together in a buffer. */
static void add_text(struct out *o, const char *key, const struct out *text) {
  out_text(o, key);
  out_json(o, text->buffer, text->end);
}

static void add_int(struct out *o, const char *key, int64_t value) {
  out_text(o, key);
  out_signed(o, value);
}

static void add_uint(struct out *o, const char *key, uint64_t value) {
  out_text(o, key);
  out_unsigned(o, value);
}

/* 0 is null. */
static void add_number_or_null(struct out *o, const char *key, uint32_t n) {
  if (n == 0)
    add_null(o, key);
  else
    add_uint(o, key, n);
}

/* Seconds since the epoch, to the microsecond. */
static void add_time(struct out *o, const char *key, int64_t t_us) {
  out_text(o, key);
  out_fixed(o, t_us, 6);
}

/* 0 is null. */
static void add_time_or_null(struct out *o, const char *key, int64_t t_us) {
  if (t_us == 0)
    add_null(o, key);
  else
    add_time(o, key, t_us);
}

static void add_count(struct out *o, const char *key, unsigned count, unsigned of) {
  out_text(o, key);
  out_char(o, '"');
  out_unsigned(o, count);
  out_char(o, '/');
  out_unsigned(o, of);
  out_char(o, '"');
}

static void add_name(struct out *o, const char *key, const struct flow *flow, enum end end) {
  char name[FLOW_NAME_SIZE];
  add_word(o, key, flow_end_name(flow, end, name));
}

/* "u+1", "148" */
static void add_number(struct out *o, const char *key, const struct model *m, enum end owner,
                       uint32_t n) {
  out_text(o, key);
  out_char(o, '"');
  text_number(o, m, owner, n, false);
  out_char(o, '"');
}

static void add_states(struct out *o, const struct model *m) {
  add_word(o, KEY("client_state"), tcp_state_name(m->end[END_CLIENT].state));
  add_word(o, KEY("client_evidence"), evidence_name(m->end[END_CLIENT].evidence));
  add_word(o, KEY("server_state"), tcp_state_name(m->end[END_SERVER].state));
  add_word(o, KEY("server_evidence"), evidence_name(m->end[END_SERVER].evidence));
}

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

static void add_finding_side(struct out *o, const char *key, const struct model *m,
                             const struct finding *f, bool expected) {
  char buffer[TEXT_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  text_finding_side(&text, m, f, expected, false);
  add_text(o, key, &text);
}

/* What the finding's object holds. `id`: how its first key is written. Ends the object. */
static void add_finding(struct out *o, const char *id, const struct model *m,
                        const struct finding *f) {
  const struct finding_text *text = finding_text(f->id);
  add_string(o, id, text->id);
  add_word(o, KEY("severity"), finding_severity_name(text->severity));
  add_string(o, KEY("clause"), text->clause);
  add_word(o, KEY("about"), end_name(f->end));
  add_finding_side(o, KEY("expected"), m, f, true);
  add_finding_side(o, KEY("actual"), m, f, false);
  add_time(o, KEY("t"), f->t_us);
  out_char(o, '}');
}

/* `s`: the segment that made the step; NULL: a timer did. */
static void put_transitions(struct out *o, const struct flow *flow, const struct model_step *step,
                            const struct report_segment *s, int64_t t_us) {
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
    out_text(o, "}\n");
  }
}

static void json_start(struct report *r, const char *source, const char *filter,
                       const char *kernel_lack) {
  struct out *o = r->out;
  add_time_or_null(o, BEGIN("start") KEY("t"), r->options.started_us);
  add_string(o, KEY("version"), TEARDOWN_VERSION);
  add_string(o, KEY("source"), source);
  add_string(o, KEY("filter"), filter);
  add_string(o, KEY("kernel"), !kernel_lack ? "off" : *kernel_lack ? kernel_lack : "all");
  out_text(o, "}\n");
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
  add_states(o, m);
  add_expectations(o, m);
  out_text(o, "}\n");
  put_transitions(o, flow, step, s, seg->t_us);
  for (unsigned i = 0; i < step->n_findings; i++) {
    add_int(o, BEGIN("finding") KEY("conn"), flow->number);
    add_uint(o, KEY("segment"), s->n);
    add_finding(o, KEY("id"), m, &step->findings[i]);
    out_char(o, '\n');
  }
}

static void json_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                         int64_t now_us) {
  put_transitions(r->out, flow, step, NULL, now_us);
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
  out_text(o, "}\n");
}

static void add_kernel_end(struct out *o, const char *key, const struct verdict *v,
                           const struct kernel_view *view, enum end end) {
  static const char *const timers[] = {[KERNEL_TIMER_RETRANSMIT] = "retransmit",
                                       [KERNEL_TIMER_KEEPALIVE] = "keepalive",
                                       [KERNEL_TIMER_TIME_WAIT] = "time-wait",
                                       [KERNEL_TIMER_PROBE] = "probe"};
  const struct witness_view *said = &v->kernel[end];
  const struct kernel_socket *socket = &view->socket[end];
  const struct kernel_owner *owner = &view->owner[end];
  if (view->witness.end[end].n == 0) {
    add_null(o, key);
    return;
  }
  out_text(o, key);
  add_word(o, "{" FIRST("state"), tcp_state_name(witness_last(&view->witness.end[end])));
  add_int(o, KEY("agrees"), said->agreed);
  add_int(o, KEY("of"), said->of);
  add_int(o, KEY("unsampled"), said->unsampled);
  add_word(o, KEY("difference"), witness_difference_name(said->difference));
  if (said->difference != WITNESS_AGREES) {
    add_word(o, KEY("model_says"), tcp_state_name(said->model_says));
    add_word(o, KEY("kernel_says"), tcp_state_name(said->kernel_says));
  }
  if (view->answer[end] == KERNEL_FOUND) {
    add_word(o, KEY("timer"), socket->timer == KERNEL_TIMER_NONE ? NULL : timers[socket->timer]);
    if (socket->timer != KERNEL_TIMER_NONE) add_int(o, KEY("left_ms"), socket->left_ms);
    add_int(o, KEY("retransmits"), socket->retransmits);
    add_int(o, KEY("unread"), socket->unread);
    add_int(o, KEY("unacked"), socket->unacked);
    if (view->has_owner[end]) {
      add_int(o, KEY("owner") "{" FIRST("pid"), owner->pid);
      add_string(o, KEY("command"), owner->command);
      add_int(o, KEY("fd"), owner->fd);
      out_char(o, '}');
    }
  }
  out_char(o, '}');
}

/* null when the kernel said nothing of the connection. */
static void add_kernel(struct out *o, const struct verdict *v, const struct kernel_view *view) {
  unsigned agreed, of;
  if (!view || (view->witness.end[0].n == 0 && view->witness.end[1].n == 0)) {
    add_null(o, KEY("kernel"));
    return;
  }
  verdict_agreement(v, &agreed, &of);
  add_int(o, KEY("kernel") "{" FIRST("agrees"), agreed);
  add_int(o, KEY("of"), of);
  add_kernel_end(o, KEY("client"), v, view, END_CLIENT);
  add_kernel_end(o, KEY("server"), v, view, END_SERVER);
  out_char(o, '}');
}

static void add_losses(struct out *o, const struct verdict *v) {
  const char *role = "{" FIRST("role");
  out_text(o, KEY("losses") "[");
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) {
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      add_word(o, role, loss_kind_name(kind));
      add_int(o, KEY("count"), v->losses[kind][place]);
      add_word(o, KEY("place"), loss_place_name(place));
      add_string(o, KEY("because"), v->loss_because[kind][place]);
      out_char(o, '}');
      role = ",{" FIRST("role");
    }
  }
  out_char(o, ']');
}

/* null where no segment of that end told. */
static void add_isn(struct out *o, const char *key, const struct endpoint *e) {
  if (e->sent_syn)
    add_uint(o, key, e->first_seq);
  else
    add_null(o, key);
}

/* The time between the ACK of the first FIN and the second FIN, if there was one. */
static void add_half_close(struct out *o, const struct model *m, int64_t now_us) {
  const struct close_fin *fin1 = &m->fin[FIN1], *fin2 = &m->fin[FIN2];
  enum end who = connection_closer(m, FIN2);
  if (fin1->answers == 0 || m->crossed || m->coalesced) {
    add_null(o, KEY("half_closed"));
    return;
  }
  int64_t until_us = fin2->copies > 0 ? fin2->first_us : m->rst.t_us ? m->rst.t_us : now_us;
  add_word(o, KEY("half_closed") "{" FIRST("open"), end_name(who));
  add_int(o, KEY("us"), until_us - fin1->acked_us);
  add_uint(o, KEY("bytes"), m->end[who].half_close_bytes);
  out_char(o, '}');
}

static void json_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                         int64_t now_us) {
  const struct model *m = &flow->model;
  struct out *o = r->out;
  char sentence[TEXT_SENTENCE_SIZE];
  if (!only_passes(r->options.only, v)) return;
  add_int(o, BEGIN("verdict") KEY("conn"), flow->number);
  add_time(o, KEY("t"), now_us);
  out_text(o, KEY("revised"));
  out_text(o, flow->verdicts > 0 ? "true" : "false");
  add_name(o, KEY("client"), flow, END_CLIENT);
  add_name(o, KEY("server"), flow, END_SERVER);
  add_string(o, KEY("roles_by"), roles_by_name(flow->roles_by));
  add_isn(o, KEY("isn") "{" FIRST("client"), &m->end[END_CLIENT]);
  add_isn(o, KEY("server"), &m->end[END_SERVER]);
  add_time_or_null(o, "}" KEY("t_first_fin"), m->fin[FIN1].first_us);
  add_time(o, KEY("t_last"), m->last_us);
  add_word(o, KEY("closed_first"), v->closed_both ? "both" : end_name(v->closed_first));
  add_word(o, KEY("ending"), ending_name(v->ending));
  add_losses(o, v);
  add_count(o, KEY("control_segments"), v->count, v->of);
  add_int(o, KEY("fin_retransmissions"), v->fin_retransmissions);
  add_word(o, KEY("reset_cause"), reset_cause_name(v->cause));
  add_string(o, KEY("reset_because"), v->cause_because);
  add_string(o, KEY("kernel_reason"), v->kernel_reason);
  add_word(o, KEY("reuses_time_wait"), incarnation_name(m->incarnation));
  add_states(o, m);
  add_half_close(o, m, now_us);
  add_uint(o, KEY("bytes") "{" FIRST("client"), m->end[END_CLIENT].data_bytes);
  add_uint(o, KEY("server"), m->end[END_SERVER].data_bytes);
  add_word(o, "}" KEY("verdict"), conformity_name(v->conformity));
  add_word(o, KEY("doubt"), doubt_name(v->doubt));
  out_text(o, KEY("findings") "[");
  for (int i = 0; i < v->n_findings; i++)
    add_finding(o, i > 0 ? ",{" FIRST("id") : "{" FIRST("id"), m, &v->findings[i]);
  out_char(o, ']');
  add_kernel(o, v, flow->kernel);
  add_string(o, KEY("sentence"), text_sentence(flow, v, now_us, sentence));
  add_int(o, KEY("duration_us"), v->duration_us);
  out_text(o, "}\n");
}

static void add_named(struct out *o, const char *key, const struct report_named *list, unsigned n) {
  out_text(o, key);
  out_char(o, '[');
  for (unsigned i = 0; i < n; i++) {
    if (i > 0) out_char(o, ',');
    add_int(o, "{" FIRST("conn"), list[i].number);
    add_word(o, KEY("client"), list[i].client);
    add_word(o, KEY("server"), list[i].server);
    add_word(o, KEY("ending"), ending_name(list[i].ending));
    if (list[i].finding != FINDING_COUNT)
      add_string(o, KEY("finding"), finding_text(list[i].finding)->id);
    if (*list[i].holder) add_string(o, KEY("holder"), list[i].holder);
    add_int(o, KEY("us"), list[i].us);
    out_char(o, '}');
  }
  out_char(o, ']');
}

/* A key that is no literal. */
static void add_uint_of(struct out *o, const char *name, uint64_t value, bool first) {
  out_text(o, first ? "\"" : ",\"");
  out_text(o, name);
  out_text(o, "\":");
  out_unsigned(o, value);
}

static void add_agreement(struct out *o, const struct report_agreement *a) {
  if (a->connections == 0) {
    add_null(o, KEY("kernel"));
    return;
  }
  add_uint(o, KEY("kernel") "{" FIRST("connections"), a->connections);
  add_uint(o, KEY("agrees"), a->agreed);
  add_uint(o, KEY("of"), a->of);
  add_uint(o, KEY("unsampled"), a->unsampled);
  for (unsigned d = WITNESS_SILENT; d <= WITNESS_CONTRARY; d++)
    add_uint_of(o, witness_difference_name(d), a->ends[d], false);
  add_uint(o, KEY("events_lost"), a->events_lost);
  out_char(o, '}');
}

static void json_summary(struct report *r, const struct report_summary *s) {
  struct out *o = r->out;
  bool first = true;
  add_time_or_null(o, BEGIN("summary") KEY("t"), s->t_us);
  add_uint(o, KEY("segments"), s->segments);
  add_uint(o, KEY("connections"), s->connections);
  add_uint(o, KEY("still_open"), s->still_open);
  add_uint(o, KEY("not_followed"), s->not_followed);
  if (report_evicted(s) > 0) {
    add_uint(o, KEY("evicted") "{\"ended\":", s->evicted.ended);
    add_uint(o, KEY("half_open"), s->evicted.half_open);
    add_uint(o, KEY("idle"), s->evicted.idle);
    out_char(o, '}');
  }
  out_text(o, KEY("endings") "{");
  for (unsigned i = 0; i < ENDING_COUNT; i++) {
    if (s->endings[i] == 0) continue;
    add_uint_of(o, ending_name(i), s->endings[i], first);
    first = false;
  }
  out_text(o, "}" KEY("closed_first") "{");
  for (unsigned e = 0; e < 3; e++) add_uint_of(o, end_name(e), s->closed_first[e], e == 0);
  out_char(o, '}');
  add_uint(o, KEY("stuck"), s->stuck);
  add_named(o, KEY("slowest"), s->slowest, s->n_slowest);
  add_named(o, KEY("longest_stuck"), s->longest_stuck, s->n_longest_stuck);
  add_agreement(o, &s->kernel);
  add_uint(o, KEY("copies"), s->copies);
  add_uint(o, KEY("fragments"), s->fragments);
  add_uint(o, KEY("malformed"), s->malformed);
  add_uint(o, KEY("truncated"), s->truncated);
  if (s->counts_known) {
    add_uint(o, KEY("received"), s->received);
    add_uint(o, KEY("dropped"), s->dropped);
  }
  out_text(o, "}\n");
}

static void add_owner(struct out *o, const char *key, const struct kernel_owner *owner) {
  if (!owner) {
    add_null(o, key);
    return;
  }
  out_text(o, key);
  add_int(o, "{" FIRST("pid"), owner->pid);
  add_string(o, KEY("command"), owner->command);
  add_int(o, KEY("fd"), owner->fd);
  out_char(o, '}');
}

/* The end that is waited for. */
static enum end waited_for(const struct model *m) {
  return m->fin[FIN2].copies > 0 ? m->first_closer : end_other(m->first_closer);
}

static void json_stuck(struct report *r, const struct flow *flow, const struct verdict *v,
                       int64_t waits_us, int64_t now_us) {
  const struct model *m = &flow->model;
  const struct kernel_view *view = flow->kernel;
  struct out *o = r->out;
  enum end who = waited_for(m);
  const struct witness_socket *socket = &v->socket[who];
  const struct finding *finding = verdict_stuck(v);
  char sentence[TEXT_SENTENCE_SIZE];
  if (!only_passes(r->options.only, v)) return;
  add_int(o, BEGIN("stuck") KEY("conn"), flow->number);
  add_time(o, KEY("t"), now_us);
  add_name(o, KEY("client"), flow, END_CLIENT);
  add_name(o, KEY("server"), flow, END_SERVER);
  add_string(o, KEY("about"), end_name(who));
  add_string(o, KEY("finding"), finding ? finding_text(finding->id)->id : NULL);
  add_int(o, KEY("us"), waits_us);
  add_states(o, m);
  add_owner(o, KEY("owner"), view && view->has_owner[who] ? &view->owner[who] : NULL);
  if (socket->is_known)
    add_uint(o, KEY("unread"), socket->unread);
  else
    add_null(o, KEY("unread"));
  add_string(o, KEY("sentence"), text_sentence(flow, v, now_us, sentence));
  out_text(o, "}\n");
}

static void json_inventory(struct report *r, const struct kernel_inventory *in, int64_t now_us) {
  struct out *o = r->out;
  bool first = true;
  char name[NAME_SIZE];
  add_time(o, BEGIN("inventory") KEY("t"), now_us);
  out_text(o, KEY("sockets") "{");
  for (unsigned i = 0; i < TCPS_COUNT; i++) {
    if (in->n[i] == 0) continue;
    add_uint_of(o, tcp_state_name(i), in->n[i], first);
    first = false;
  }
  out_char(o, '}');
  add_uint(o, KEY("ephemeral_ports"), in->ephemeral_ports);
  out_text(o, KEY("groups") "[");
  for (uint32_t i = 0; i < in->n_groups; i++) {
    const struct kernel_group *g = &in->group[i];
    if (i > 0) out_char(o, ',');
    add_string(o, "{" FIRST("state"), tcp_state_name(g->state));
    add_uint(o, KEY("count"), g->n);
    add_uint(o, KEY("port"), g->port);
    add_uint(o, KEY("heard_ms"), g->heard_ms);
    add_uint(o, KEY("oldest_ms"), g->oldest_ms);
    out_text(o, g->has_read_end ? KEY("has_read_end") "true" : KEY("has_read_end") "false");
    add_owner(o, KEY("owner"), g->has_owner ? &g->owner : NULL);
    add_string(o, KEY("local"),
               name_endpoint(g->first.family, &g->first.local, g->first.local_port, name));
    add_string(o, KEY("remote"),
               name_endpoint(g->first.family, &g->first.remote, g->first.remote_port, name));
    out_char(o, '}');
  }
  out_text(o, "]}\n");
}

static void json_destroy(struct report *r) { free(r); }

struct report *report_json_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = json_start,
      .segment = json_segment,
      .expired = json_expired,
      .kernel = json_kernel,
      .verdict = json_verdict,
      .summary = json_summary,
      .stuck = json_stuck,
      .inventory = json_inventory,
      .destroy = json_destroy,
  };
  struct report *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (struct report){&class, out, *options};
  return r;
}
