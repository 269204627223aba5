#include "capture/report/text.h"

#include <string.h>
#include <time.h>

#include "common/digits.h"
#include "common/model/sentence.h"

void text_number(struct out *o, const struct model *m, enum end owner, uint32_t n, bool raw) {
  const struct endpoint *e = &m->end[owner];
  if (!raw && e->has_fin && n - e->fin_seq <= 1) {
    out_char(o, owner == m->first_closer ? 'u' : 'w');
    if (n != e->fin_seq) out_text(o, "+1");
  } else {
    out_unsigned(o, raw || !e->has_seq ? n : n - e->first_seq);
  }
}

void text_label(struct out *o, const struct model *m, const struct segment *s,
                const struct model_step *step, bool raw) {
  enum end from = step->from;
  bool rst = segment_has(s, SEGMENT_RST), fin = segment_has(s, SEGMENT_FIN);
  bool with_ack = segment_has(s, SEGMENT_ACK) && (rst || (fin && from != m->first_closer));
  if (segment_has(s, SEGMENT_SYN) && !rst) {
    out_text(o, "SYN seq=");
    out_unsigned(o, s->seq);
    return;
  }
  if (s->payload_bytes > 0 && !rst) {
    out_unsigned(o, s->payload_bytes);
    out_text(o, fin ? " B + " : " B ");
  }
  if (!rst && !fin && (step->roles & ROLES_OF_CLOSE || s->payload_bytes == 0)) {
    out_text(o, "ACK ack=");
    text_number(o, m, end_other(from), s->ack, raw);
    return;
  }
  out_text(o, rst ? "RST seq=" : fin ? "FIN seq=" : "seq=");
  text_number(o, m, from, fin ? segment_fin_seq(s) : s->seq, raw);
  if (!with_ack) return;
  out_text(o, " ack=");
  text_number(o, m, end_other(from), s->ack, raw);
}

void text_expectation(struct out *o, const struct model *m, const struct expectation *x, bool raw) {
  const char *what = " ACK ack=";
  uint32_t number = x->ack;
  enum end owner = end_other(x->from);
  out_text(o, end_name(x->from));
  if (m->first_closer == END_NONE) {
    what = " data or FIN, seq=";
    number = x->seq;
    owner = x->from;
  } else if (x->roles & ROLE_FIN2) {
    out_text(o, " FIN seq=");
    if (!raw && !m->end[x->from].has_fin) out_text(o, "w=");
    text_number(o, m, x->from, x->seq, raw);
    what = " ack=";
  } else if (x->roles & ROLE_DATA) {
    what = " data seq=";
    number = x->seq;
    owner = x->from;
  } else if ((x->roles & ROLE_ACK2) && !raw) {
    out_text(o, " ACK ack=w+1");
    return;
  }
  out_text(o, what);
  text_number(o, m, owner, number, raw);
}

/* What the end's own segment says of an event that was presumed. */
static const char *refutation_of(const struct model_change *c) {
  switch (c->event) {
    case EVENT_RCV_ACK_OF_FIN: return "the ACK of its FIN had not arrived";
    case EVENT_RCV_FIN:
      return c->from == TCPS_TIME_WAIT ? "the other end's FIN had not arrived, or found nobody"
                                       : "the other end's FIN had not arrived";
    case EVENT_RCV_RST: return "the RST had not arrived, or had no effect";
    case EVENT_RCV_SYN: return "it did not take the SYN";
    case EVENT_RCV_SYN_ACK:
    case EVENT_RCV_ACK_OF_SYN: return "the answer to its SYN had not arrived";
    case EVENT_TIMEOUT_2MSL: return "its timer runs longer than the model's";
    case EVENT_SND_SYN:
    case EVENT_SND_FIN:
    case EVENT_SND_RST:
    case EVENT_TIMEOUT_FIN_WAIT_2:
    case EVENT_GIVE_UP:
    case EVENT_COUNT: break;
  }
  return "";
}

void text_why(struct out *o, const struct model_change *c) {
  switch (c->kind) {
    case CHANGE_MOVED: out_text(o, c->why->reason); break;
    case CHANGE_STAYED:
      out_text(o, "if the FIN arrives, it is acknowledged again and restarts 2 MSL");
      break;
    case CHANGE_CONFIRMED: out_text(o, "its own segment proves it"); break;
    case CHANGE_REFUTED:
      out_text(o, "it was in ");
      out_text(o, tcp_state_name(c->to));
      out_text(o, " all along: ");
      out_text(o, refutation_of(c));
      break;
  }
}

static bool has_clause(const struct model_change *c) {
  return c->kind == CHANGE_MOVED || c->kind == CHANGE_STAYED;
}

void text_clause(struct out *o, const struct model_change *c) {
  if (!has_clause(c)) return;
  const char *section = c->why->section;
  if (section[0] >= '0' && section[0] <= '9') out_text(o, "RFC 9293 ");
  out_text(o, section);
}

void text_reason(struct out *o, const struct model_change *c) {
  text_why(o, c);
  if (!has_clause(c)) return;
  out_text(o, " (");
  text_clause(o, c);
  out_char(o, ')');
}

void text_finding_side(struct out *o, const struct model *m, const struct finding *f, bool expected,
                       bool raw) {
  const struct finding_text *text = finding_text(f->id);
  enum end owner = f->id == FINDING_ACK_OF_UNSENT ? end_other(f->end) : f->end;
  uint32_t value = expected ? f->expected : f->actual;
  out_text(o, expected ? text->expected : text->actual);
  if (f->id == FINDING_KERNEL_DISAGREES) {
    out_text(o, ": ");
    out_text(o, tcp_state_name(value));
  } else if (f->expected != f->actual) {
    out_text(o, ": ");
    text_number(o, m, owner, value, raw);
  }
}

void text_finding(struct out *o, const struct model *m, const struct finding *f, bool raw) {
  const struct finding_text *text = finding_text(f->id);
  out_text(o, text->id);
  out_text(o, " (");
  out_text(o, finding_severity_name(text->severity));
  out_text(o, ", ");
  out_text(o, text->clause);
  out_text(o, "): expected ");
  text_finding_side(o, m, f, true, raw);
  out_text(o, "; actual ");
  text_finding_side(o, m, f, false, raw);
}

void text_losses(struct out *o, const struct verdict *v) {
  bool first = true;
  if (verdict_lost_nothing(v)) return;
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      if (!first) out_text(o, ", ");
      first = false;
      out_text(o, loss_kind_name(kind));
      out_text(o, " x");
      out_unsigned(o, v->losses[kind][place]);
      out_char(o, ' ');
      out_text(o, loss_place_name(place));
    }
}

const char *text_expired(const struct model_step *step) {
  bool msl = step->n_changes > 0 && step->changes[0].event == EVENT_TIMEOUT_2MSL;
  return msl ? "2 MSL over" : "closed without a segment";
}

static void put_states(struct out *o, const struct kernel_word *word, const char *arrow) {
  if (word->asked && word->to == TCPS_CLOSED) {
    out_text(o, "gone (asked)");
    return;
  }
  if (!word->asked && !word->restarted) {
    out_text(o, tcp_state_name(word->from));
    out_char(o, ' ');
    out_text(o, arrow);
    out_char(o, ' ');
  }
  out_text(o, tcp_state_name(word->to));
  if (word->restarted) out_text(o, " restarted");
  if (word->asked || word->restarted) out_text(o, " (asked)");
}

static void put_kernel_reason(struct out *o, const char *reason) {
  if (*reason == '\0') return;
  out_text(o, " (");
  out_printable(o, reason);
  out_char(o, ')');
}

void text_kernel(struct out *o, const struct kernel_word *word, const char *arrow) {
  out_text(o, end_name(word->end));
  out_char(o, ' ');
  switch (word->kind) {
    case KERNEL_EVENT_STATE: put_states(o, word, arrow); break;
    case KERNEL_EVENT_SEND_RESET:
      out_text(o, "sends RST");
      put_kernel_reason(o, word->reason);
      break;
    case KERNEL_EVENT_RECEIVE_RESET: out_text(o, "takes an RST"); break;
    case KERNEL_EVENT_RETRANSMIT:
      out_text(o, "retransmits");
      put_kernel_reason(o, word->reason);
      break;
    case KERNEL_EVENT_EXIT: break; /* of no flow */
  }
}

/* A number of microseconds, rounded to so many decimals of a unit. */
static void put_rounded(struct out *o, int64_t us, int64_t decimal_us, unsigned decimals) {
  out_fixed(o, (us + decimal_us / 2) / decimal_us, decimals);
}

static void text_socket(struct out *o, const struct kernel_view *view, enum end end,
                        int64_t now_us) {
  const struct kernel_socket *s = &view->socket[end];
  out_text(o, end_name(end));
  out_char(o, ' ');
  if (view->answer[end] == KERNEL_GONE) {
    out_text(o, "gone");
    return;
  }
  out_text(o, tcp_state_name(s->state));
  int64_t left_us = (int64_t)s->left_ms * 1000 - (now_us - view->asked_us[end]);
  if (s->timer == KERNEL_TIMER_TIME_WAIT) {
    out_text(o, ", ");
    put_rounded(o, left_us > 0 ? left_us : 0, 100000, 1);
    out_text(o, " s left");
  }
  if (s->retransmits > 0) out_printf(o, ", %u timeouts", s->retransmits);
  if (s->unread > 0) out_printf(o, ", %u octets unread", s->unread);
  if (!view->has_owner[end]) return;
  out_text(o, ", held by ");
  out_text(o, view->witness.end[end].holder);
}

void text_sockets(struct out *o, const struct kernel_view *view, int64_t now_us) {
  bool first = true;
  for (unsigned e = 0; view && e < 2; e++) {
    if (view->witness.end[e].n == 0) continue;
    if (view->answer[e] != KERNEL_GONE && view->answer[e] != KERNEL_FOUND) continue;
    if (!first) out_text(o, "; ");
    first = false;
    text_socket(o, view, e, now_us);
  }
}

void text_inventory(struct out *o, const struct kernel_inventory *in) {
  static const uint8_t order[] = {TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1, TCPS_FIN_WAIT_2,
                                  TCPS_CLOSING,    TCPS_LAST_ACK,   TCPS_TIME_WAIT};
  bool first = true;
  for (size_t i = 0; i < sizeof order; i++) {
    if (in->n[order[i]] == 0) continue;
    out_text(o, first ? "before the start: " : ", ");
    first = false;
    out_unsigned(o, in->n[order[i]]);
    out_char(o, ' ');
    out_text(o, tcp_state_name(order[i]));
    if (order[i] == TCPS_TIME_WAIT && in->ephemeral_ports > 0)
      out_printf(o, " (there are %u ephemeral ports)", in->ephemeral_ports);
  }
}

static void put_seconds(struct out *o, uint32_t ms) {
  out_unsigned(o, ms / 1000);
  out_text(o, " s");
}

void text_inventory_group(struct out *o, const struct kernel_group *g) {
  char name[NAME_SIZE];
  out_text(o, tcp_state_name(g->state));
  out_printf(o, " x%u, port %u, ", g->n, g->port);
  out_text(o, "nothing heard for ");
  put_seconds(o, g->heard_ms);
  if (g->oldest_ms / 1000 > g->heard_ms / 1000) {
    out_text(o, " to ");
    put_seconds(o, g->oldest_ms);
  }
  if (g->state == TCPS_CLOSE_WAIT)
    out_text(o, !g->is_held       ? ": never accepted"
                : g->has_read_end ? ": the end of file was read, and close() was not called"
                                  : ": the end of file was not read");
  if (g->has_owner) {
    out_text(o, "; held by ");
    out_printable(o, g->owner.command);
    out_printf(o, ", pid %d, fd %d", (int)g->owner.pid, (int)g->owner.fd);
  }
  out_text(o, g->n > 1 ? " (the first: " : " (");
  out_text(o, name_endpoint(g->first.family, &g->first.local, g->first.local_port, name));
  out_text(o, " to ");
  out_text(o, name_endpoint(g->first.family, &g->first.remote, g->first.remote_port, name));
  out_char(o, ')');
}

void text_elapsed(struct out *o, int64_t us) {
  int64_t magnitude = us < 0 ? -us : us;
  out_char(o, us > -50 ? '+' : '-');
  if (magnitude < 999950) {
    uint32_t tenths = (uint32_t)(magnitude + 50) / 100;
    out_unsigned(o, tenths / 10);
    const char rest[] = {'.', (char)('0' + tenths % 10), ' ', 'm', 's'};
    out_bytes(o, rest, sizeof rest);
  } else {
    put_rounded(o, magnitude, 1000, 3);
    out_text(o, " s");
  }
}

/* The words of a second are kept: the lines of one need no calendar. */
static void put_second(struct out *o, struct text_clock *clock, time_t seconds) {
  struct tm tm;
  if (clock->words_length == 0 || clock->second != seconds) {
    const char *form = clock->form == TEXT_TIME_DATE ? "%F %H:%M:%S" : "%H:%M:%S";
    bool known = localtime_r(&seconds, &tm) != NULL;
    clock->second = seconds;
    clock->words_length = known ? strftime(clock->words, sizeof clock->words, form, &tm) : 0;
  }
  out_bytes(o, clock->words, clock->words_length);
}

/* As below, where the words of the second are known. */
static bool put_time_of_second(struct out *o, const struct text_clock *clock, int64_t t_us) {
  enum { FRACTION = 6 };
  const uint64_t us = (uint64_t)(t_us - clock->second * 1000000);
  char *at = out_room(o, sizeof clock->words + 1 + FRACTION);
  if (!at || us >= 1000000 || clock->words_length == 0) return false;
  memcpy(at, clock->words, sizeof clock->words);
  at[clock->words_length] = '.';
  digits_write(at + clock->words_length + 1, us, FRACTION);
  o->end += clock->words_length + 1 + FRACTION;
  return true;
}

void text_time(struct out *o, struct text_clock *clock, int64_t t_us) {
  if (clock->first_us == 0) clock->first_us = clock->previous_us = t_us;
  if (put_time_of_second(o, clock, t_us)) {
    clock->previous_us = t_us;
    return;
  }
  int64_t shown = t_us;
  if (clock->form == TEXT_TIME_DELTA) shown = t_us - clock->previous_us;
  if (clock->form == TEXT_TIME_FIRST) shown = t_us - clock->first_us;
  clock->previous_us = t_us;
  if (shown < 0) shown = 0;
  int64_t seconds = shown / 1000000;
  switch (clock->form) {
    case TEXT_TIME_NONE: return;
    case TEXT_TIME_EPOCH: out_signed(o, seconds); break;
    case TEXT_TIME_OF_DAY:
    case TEXT_TIME_DATE: put_second(o, clock, seconds); break;
    case TEXT_TIME_DELTA:
    case TEXT_TIME_FIRST:
      out_digits(o, (uint64_t)(seconds / 3600 % 100), 2);
      out_char(o, ':');
      out_digits(o, (uint64_t)(seconds / 60 % 60), 2);
      out_char(o, ':');
      out_digits(o, (uint64_t)(seconds % 60), 2);
      break;
  }
  out_char(o, '.');
  out_digits(o, (uint64_t)(shown % 1000000), 6);
}

const char *text_sentence(const struct flow *flow, const struct verdict *v, int64_t now_us,
                          char buffer[static TEXT_SENTENCE_SIZE]) {
  char names[2][FLOW_NAME_SIZE];
  const char *const by_address[] = {names[END_CLIENT], names[END_SERVER]}, *const *called = NULL;
  if (flow->roles_by == ROLES_BY_FIRST_SEGMENT) {
    called = by_address;
    for (unsigned e = 0; e < 2; e++) (void)flow_put_name(flow, e, names[e]);
  }
  return sentence_make(v, &flow->model, called, now_us, buffer, TEXT_SENTENCE_SIZE);
}
