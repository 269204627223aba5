#include "capture/report/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *text_number(const struct model *m, enum end owner, uint32_t n, bool raw,
                        char buffer[static TEXT_NUMBER_SIZE]) {
  const struct endpoint *e = &m->end[owner];
  if (!raw && e->has_fin && n - e->fin_seq <= 1) {
    const char *letter = owner == m->first_closer ? "u" : "w";
    snprintf(buffer, TEXT_NUMBER_SIZE, "%s%s", letter, n == e->fin_seq ? "" : "+1");
  } else {
    snprintf(buffer, TEXT_NUMBER_SIZE, "%u", raw || !e->has_seq ? n : n - e->first_seq);
  }
  return buffer;
}

const char *text_label(const struct model *m, const struct segment *s,
                       const struct model_step *step, bool raw, char buffer[static TEXT_SIZE]) {
  enum end from = step->from;
  char seq[TEXT_NUMBER_SIZE], ack[TEXT_NUMBER_SIZE], payload[32] = "";
  bool fin = segment_has(s, SEGMENT_FIN);
  text_number(m, from, fin ? segment_fin_seq(s) : s->seq, raw, seq);
  text_number(m, end_other(from), s->ack, raw, ack);
  if (s->payload_bytes > 0)
    snprintf(payload, sizeof payload, "%u B%s", s->payload_bytes, fin ? " + " : " ");
  bool is_second_fin = fin && from != m->first_closer;
  const char *with_ack = segment_has(s, SEGMENT_ACK) ? ack : NULL;
  if (segment_has(s, SEGMENT_RST))
    snprintf(buffer, TEXT_SIZE, with_ack ? "RST seq=%s ack=%s" : "RST seq=%s", seq, ack);
  else if (segment_has(s, SEGMENT_SYN))
    snprintf(buffer, TEXT_SIZE, "SYN seq=%u", s->seq);
  else if (fin)
    snprintf(buffer, TEXT_SIZE, is_second_fin && with_ack ? "%sFIN seq=%s ack=%s" : "%sFIN seq=%s",
             payload, seq, ack);
  else if (step->roles & ROLES_OF_CLOSE || s->payload_bytes == 0)
    snprintf(buffer, TEXT_SIZE, "%sACK ack=%s", payload, ack);
  else
    snprintf(buffer, TEXT_SIZE, "%sseq=%s", payload, seq);
  return buffer;
}

const char *text_expectation(const struct model *m, const struct expectation *x, bool raw,
                             char buffer[static TEXT_SIZE]) {
  char seq[TEXT_NUMBER_SIZE], ack[TEXT_NUMBER_SIZE];
  text_number(m, x->from, x->seq, raw, seq);
  text_number(m, end_other(x->from), x->ack, raw, ack);
  const char *from = end_name(x->from);
  if (m->first_closer == END_NONE)
    snprintf(buffer, TEXT_SIZE, "%s data or FIN, seq=%s", from, seq);
  else if (x->roles & ROLE_FIN2)
    snprintf(buffer, TEXT_SIZE, "%s FIN seq=%s%s ack=%s", from,
             raw || m->end[x->from].has_fin ? "" : "w=", seq, ack);
  else if (x->roles & ROLE_DATA)
    snprintf(buffer, TEXT_SIZE, "%s data seq=%s", from, seq);
  else if ((x->roles & ROLE_ACK2) && !raw)
    snprintf(buffer, TEXT_SIZE, "%s ACK ack=w+1", from);
  else
    snprintf(buffer, TEXT_SIZE, "%s ACK ack=%s", from, ack);
  return buffer;
}

static const char *document_of(const char *section) {
  return section[0] >= '0' && section[0] <= '9' ? "RFC 9293 " : "";
}

/* What the end's own segment says of an event that was presumed. */
static const char *refutation_of(enum tcp_event event) {
  switch (event) {
    case EVENT_RCV_ACK_OF_FIN: return "the ACK of its FIN had not arrived";
    case EVENT_RCV_FIN: return "the other end's FIN had not arrived";
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

const char *text_reason(const struct model_change *c, char buffer[static TEXT_SIZE]) {
  switch ((enum change_kind)c->kind) {
    case CHANGE_MOVED:
      snprintf(buffer, TEXT_SIZE, "%s (%s%s)", c->why->reason, document_of(c->why->section),
               c->why->section);
      break;
    case CHANGE_STAYED:
      snprintf(buffer, TEXT_SIZE,
               "if the FIN arrives, it is acknowledged again and restarts 2 MSL (%s%s)",
               document_of(c->why->section), c->why->section);
      break;
    case CHANGE_CONFIRMED: snprintf(buffer, TEXT_SIZE, "its own segment proves it"); break;
    case CHANGE_REFUTED:
      snprintf(buffer, TEXT_SIZE, "it was in %s all along: %s", tcp_state_name(c->to),
               refutation_of(c->event));
      break;
  }
  return buffer;
}

const char *text_finding_side(const struct model *m, const struct finding *f, bool expected,
                              bool raw, char buffer[static TEXT_SIZE]) {
  const struct finding_text *text = finding_text(f->id);
  const char *phrase = expected ? text->expected : text->actual;
  char number[TEXT_NUMBER_SIZE];
  enum end owner = f->id == FINDING_ACK_OF_UNSENT ? end_other(f->end) : f->end;
  if (f->id == FINDING_KERNEL_DISAGREES)
    snprintf(buffer, TEXT_SIZE, "%s: %s", phrase,
             tcp_state_name(expected ? f->expected : f->actual));
  else if (f->expected == f->actual)
    snprintf(buffer, TEXT_SIZE, "%s", phrase);
  else
    snprintf(buffer, TEXT_SIZE, "%s: %s", phrase,
             text_number(m, owner, expected ? f->expected : f->actual, raw, number));
  return buffer;
}

const char *text_finding(const struct model *m, const struct finding *f, bool raw,
                         char buffer[static TEXT_SIZE]) {
  const struct finding_text *text = finding_text(f->id);
  char expected[TEXT_SIZE], actual[TEXT_SIZE];
  snprintf(buffer, TEXT_SIZE, "%s (%s, %s): expected %.80s; actual %.80s", text->id,
           finding_severity_name(text->severity), text->clause,
           text_finding_side(m, f, true, raw, expected),
           text_finding_side(m, f, false, raw, actual));
  return buffer;
}

const char *text_losses(const struct verdict *v, char buffer[static TEXT_SIZE]) {
  size_t n = 0;
  buffer[0] = '\0';
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    for (unsigned place = 0; place < LOSS_PLACES; place++)
      if (v->losses[kind][place] > 0 && n < TEXT_SIZE)
        n += (size_t)snprintf(buffer + n, TEXT_SIZE - n, "%s%s x%u %s", n ? ", " : "",
                              loss_kind_name(kind), v->losses[kind][place], loss_place_name(place));
  return buffer;
}

const char *text_expired(const struct model_step *step) {
  bool msl = step->n_changes > 0 && step->changes[0].event == EVENT_TIMEOUT_2MSL;
  return msl ? "2 MSL over" : "closed without a segment";
}

const char *text_kernel(const struct kernel_word *word, const char *arrow,
                        char buffer[static TEXT_SIZE]) {
  const char *who = end_name(word->end);
  switch ((enum kernel_event_kind)word->kind) {
    case KERNEL_EVENT_STATE:
      if (word->asked && word->to == TCPS_CLOSED)
        snprintf(buffer, TEXT_SIZE, "%s gone (asked)", who);
      else if (word->restarted)
        snprintf(buffer, TEXT_SIZE, "%s %s restarted (asked)", who, tcp_state_name(word->to));
      else if (word->asked)
        snprintf(buffer, TEXT_SIZE, "%s %s (asked)", who, tcp_state_name(word->to));
      else
        snprintf(buffer, TEXT_SIZE, "%s %s %s %s", who, tcp_state_name(word->from), arrow,
                 tcp_state_name(word->to));
      break;
    case KERNEL_EVENT_SEND_RESET:
      snprintf(buffer, TEXT_SIZE, *word->reason ? "%s sends RST (%s)" : "%s sends RST", who,
               word->reason);
      break;
    case KERNEL_EVENT_RECEIVE_RESET: snprintf(buffer, TEXT_SIZE, "%s takes an RST", who); break;
    case KERNEL_EVENT_RETRANSMIT:
      snprintf(buffer, TEXT_SIZE, *word->reason ? "%s retransmits (%s)" : "%s retransmits", who,
               word->reason);
      break;
  }
  return buffer;
}

static int text_socket(const struct kernel_view *view, enum end end, int64_t now_us, char *out,
                       size_t size) {
  const struct kernel_socket *s = &view->socket[end];
  if (view->witness.end[end].n == 0) return 0;
  if (view->answer[end] == KERNEL_GONE) return snprintf(out, size, "%s gone", end_name(end));
  if (view->answer[end] != KERNEL_FOUND) return 0;
  int n = snprintf(out, size, "%s %s", end_name(end), tcp_state_name(s->state));
  int64_t left_us = (int64_t)s->left_ms * 1000 - (now_us - view->asked_us);
  if (s->timer == KERNEL_TIMER_TIME_WAIT)
    n += snprintf(out + n, size - (size_t)n, ", %.1f s left",
                  left_us > 0 ? (double)left_us / 1e6 : 0);
  if (s->retransmits > 0) n += snprintf(out + n, size - (size_t)n, ", %u timeouts", s->retransmits);
  if (s->unread > 0) n += snprintf(out + n, size - (size_t)n, ", %u octets unread", s->unread);
  if (view->has_owner[end])
    n += snprintf(out + n, size - (size_t)n, ", held by %s", view->witness.end[end].holder);
  return n;
}

const char *text_sockets(const struct kernel_view *view, int64_t now_us,
                         char buffer[static TEXT_SIZE]) {
  char half[TEXT_SIZE / 2];
  int n = 0;
  buffer[0] = '\0';
  for (unsigned e = 0; view && e < 2; e++)
    if (text_socket(view, e, now_us, half, sizeof half) > 0)
      n += snprintf(buffer + n, TEXT_SIZE - (size_t)n, "%s%s", n > 0 ? "; " : "", half);
  return buffer;
}

const char *text_elapsed(int64_t us, char buffer[static TEXT_NUMBER_SIZE]) {
  if (us < INT64_C(999950) && us > INT64_C(-999950))
    snprintf(buffer, TEXT_NUMBER_SIZE, us > -50 ? "+%.1f ms" : "%.1f ms",
             us > -50 && us < 0 ? 0 : (double)us / 1e3);
  else
    snprintf(buffer, TEXT_NUMBER_SIZE, "%+.3f s", (double)us / 1e6);
  return buffer;
}

const char *text_time(struct text_clock *clock, int64_t t_us, char buffer[static 32]) {
  if (clock->first_us == 0) clock->first_us = clock->previous_us = t_us;
  int64_t shown = t_us;
  if (clock->form == TEXT_TIME_DELTA) shown = t_us - clock->previous_us;
  if (clock->form == TEXT_TIME_FIRST) shown = t_us - clock->first_us;
  clock->previous_us = t_us;
  if (shown < 0) shown = 0;
  time_t seconds = (time_t)(shown / 1000000);
  int micro = (int)(shown % 1000000);
  struct tm tm;
  size_t n = 0;
  buffer[0] = '\0';
  switch (clock->form) {
    case TEXT_TIME_NONE: return buffer;
    case TEXT_TIME_EPOCH: snprintf(buffer, 32, "%lld.%06d", (long long)seconds, micro); break;
    case TEXT_TIME_OF_DAY:
      n = strftime(buffer, 32, "%H:%M:%S", localtime_r(&seconds, &tm));
      snprintf(buffer + n, 32 - n, ".%06d", micro);
      break;
    case TEXT_TIME_DATE:
      n = strftime(buffer, 32, "%F %H:%M:%S", localtime_r(&seconds, &tm));
      snprintf(buffer + n, 32 - n, ".%06d", micro);
      break;
    case TEXT_TIME_DELTA:
    case TEXT_TIME_FIRST:
      snprintf(buffer, 32, "%02d:%02d:%02d.%06d", (int)(seconds / 3600 % 100),
               (int)(seconds / 60 % 60), (int)(seconds % 60), micro);
      break;
  }
  return buffer;
}
