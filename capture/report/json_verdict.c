#include "capture/report/json_fields.h"

static void add_finding_side(struct out *o, const char *key, const struct model *m,
                             const struct finding *f, bool expected) {
  char buffer[TEXT_SIZE];
  struct out text = out_string(buffer, sizeof buffer);
  text_finding_side(&text, m, f, expected, false);
  add_text(o, key, &text);
}

void add_finding(struct out *o, const char *id, const struct model *m, const struct finding *f) {
  const struct finding_text *text = finding_text(f->id);
  add_string(o, id, text->id);
  add_word(o, KEY("severity"), finding_severity_name(text->severity));
  add_string(o, KEY("clause"), text->clause);
  add_word(o, KEY("about"), end_name(f->end));
  add_finding_side(o, KEY("expected"), m, f, true);
  add_finding_side(o, KEY("actual"), m, f, false);
  add_time(o, KEY("t"), f->t_us);
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

static void add_closer(struct out *o, const char *key, const struct kernel_closer *closer) {
  out_text(o, key);
  add_int(o, "{" FIRST("pid"), closer->pid);
  add_string(o, KEY("command"), closer->command[0] ? closer->command : NULL);
  add_word(o, KEY("by"), closer->by_reset ? "reset" : "close");
  out_text(o, closer->at_exit ? KEY("at_exit") "true" : KEY("at_exit") "false");
  out_char(o, '}');
}

static void add_kernel_end(struct out *o, const char *key, const struct verdict *v,
                           const struct kernel_view *view, enum end end) {
  static const char *const timers[] = {[KERNEL_TIMER_RETRANSMIT] = "retransmit",
                                       [KERNEL_TIMER_KEEPALIVE] = "keepalive",
                                       [KERNEL_TIMER_TIME_WAIT] = "time-wait",
                                       [KERNEL_TIMER_PROBE] = "probe"};
  const struct witness_view *said = &v->kernel[end];
  const struct kernel_socket *socket = &view->socket[end];
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
    if (view->has_owner[end]) add_owner(o, KEY("owner"), &view->owner[end]);
  }
  if (view->closer[end].pid != 0) add_closer(o, KEY("closer"), &view->closer[end]);
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

/* Of the octets that met a closed end and its FIN. */
static const char *reset_race(const struct verdict *v, const struct reset *r) {
  if (v->cause != RESET_DATA_AFTER_CLOSE) return NULL;
  return r->crossed ? "crossed" : r->stale_us > 0 ? "stale" : NULL;
}

/* null without a RST. */
static void add_path(struct out *o, const struct model *m) {
  if (m->rst_path_from == END_NONE) {
    add_null(o, KEY("reset_path"));
    return;
  }
  const struct talk_path *own = &m->path[m->rst_path_from];
  add_word(o, KEY("reset_path") "{" FIRST("from"), end_name(m->rst_path_from));
  add_int(o, KEY("ttl"), m->rst_path.hops);
  add_int(o, KEY("ip_id"), m->rst_path.ip_id);
  add_int(o, KEY("others_ttl"), own->hops);
  add_int(o, KEY("others_ip_id"), own->ip_id);
  out_char(o, '}');
}

void json_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
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
  for (int i = 0; i < v->n_findings; i++) {
    add_finding(o, i > 0 ? ",{" FIRST("id") : "{" FIRST("id"), m, &v->findings[i]);
    out_char(o, '}');
  }
  out_char(o, ']');
  add_kernel(o, v, flow->kernel);
  add_string(o, KEY("sentence"), text_sentence(flow, v, now_us, sentence));
  add_int(o, KEY("duration_us"), v->duration_us);
  if (v->idle_us >= 0)
    add_int(o, KEY("idle_us"), v->idle_us);
  else
    add_null(o, KEY("idle_us"));
  add_word(o, KEY("reset_race"), reset_race(v, &m->rst));
  add_path(o, m);
  if (r->options.find) {
    out_text(o, KEY("found"));
    out_text(o, flow->has_text ? "true" : "false");
  }
  json_end_line(r);
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

static void add_idle(struct out *o, const struct report_summary *s) {
  out_text(o, KEY("idle") "{");
  for (unsigned end = 0, n = 0; end < 2; end++) {
    const struct report_idle *idle = &s->idle[end];
    if (idle->n == 0) continue;
    if (n++ > 0) out_char(o, ',');
    out_printf(o, "\"%s\":", end_name(end));
    add_uint(o, "{" FIRST("connections"), idle->n);
    add_int(o, KEY("least_us"), idle->least_us);
    add_int(o, KEY("most_us"), idle->most_us);
    out_text(o, KEY("same"));
    out_text(o, report_is_timeout(idle) ? "true}" : "false}");
  }
  out_char(o, '}');
}

void json_summary(struct report *r, const struct report_summary *s) {
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
  add_idle(o, s);
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
  json_end_line(r);
}

/* The end that is waited for. */
static enum end waited_for(const struct model *m) {
  return m->fin[FIN2].copies > 0 ? m->first_closer : end_other(m->first_closer);
}

void json_stuck(struct report *r, const struct flow *flow, const struct verdict *v,
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
  json_end_line(r);
}

void json_inventory(struct report *r, const struct kernel_inventory *in, int64_t now_us) {
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
  out_char(o, ']');
  json_end_line(r);
}
