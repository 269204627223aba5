#include "common/model/verdict.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ending_name(enum ending ending) {
  static const char *const names[] = {
#define X(id, name) [ENDING_##id] = name,
      ENDINGS(X)
#undef X
  };
  static_assert(sizeof names / sizeof *names == ENDING_COUNT, "a name for every ending");
  return names[ending];
}

const char *reset_cause_name(enum reset_cause cause) {
  switch (cause) {
    case RESET_NONE: return NULL;
    case RESET_REFUSED: return "refused";
    case RESET_LINGER_0: return "linger-0";
    case RESET_UNREAD_DATA: return "unread-data";
    case RESET_DATA_AFTER_CLOSE: return "data-after-close";
    case RESET_FIN_WAIT_2_EXPIRED: return "fin-wait-2-expired";
    case RESET_LATE_FINAL_ACK: return "late-final-ack";
    case RESET_NO_SOCKET: return "no-socket";
    case RESET_OUT_OF_WINDOW: return "out-of-window";
    case RESET_CANNOT_TELL: return "cannot-tell";
  }
  return NULL;
}

const char *conformity_name(enum conformity conformity) {
  switch (conformity) {
    case CONFORMS: return "conforms";
    case VIOLATES: return "violates";
    case CANNOT_TELL: return "cannot-tell";
  }
  return "";
}

/* ---- What happened -------------------------------------------------------------------------- */

/* FIN1 (0) or FIN2 (1) was acknowledged, and not sent again since. */
static bool fin_is_acked(const struct model *m, unsigned which) {
  const struct close_fin *fin = &m->fin[which];
  return fin->copies > 0 && fin->acks > 0 && fin->unanswered == 0;
}

enum ending ending_of(const struct model *m) {
  bool acked1 = fin_is_acked(m, 0), acked2 = fin_is_acked(m, 1);
  if (acked1 && acked2)
    return m->crossed ? ENDING_SIMULTANEOUS : m->coalesced ? ENDING_COALESCED : ENDING_NORMAL;
  if (m->rst.refused) return ENDING_REFUSED;
  if (m->rst.from != END_NONE) return ENDING_RESET;
  if (m->first_closer == END_NONE) return ENDING_OPEN;
  if (m->fin[1].copies > 0 && !acked2) return ENDING_LAST_ACK;
  return acked1 ? ENDING_CLOSE_WAIT : ENDING_FIN_UNANSWERED;
}

/* A RST with ACK set is an abort by its sender's own will; one without answers a segment for which
 * no connection was left (RFC 9293, 3.10.7.1), and then the segment says why. */
static enum reset_cause cause_of(const struct model *m) {
  if (m->rst.from == END_NONE) {
    for (int i = 0; i < m->n_findings; i++)
      if (m->findings[i].id == FINDING_RST_OUT_OF_WINDOW) return RESET_OUT_OF_WINDOW;
    return RESET_NONE;
  }
  if (m->rst.refused) return RESET_REFUSED;
  if (m->reopened[m->rst.from]) return RESET_NO_SOCKET;
  if (endpoint_find(&m->end[m->rst.from], EVENT_TIMEOUT_FIN_WAIT_2) >= 0)
    return RESET_FIN_WAIT_2_EXPIRED;
  if (m->rst.has_ack) return m->rst.after_data ? RESET_CANNOT_TELL : RESET_LINGER_0;
  if (m->rst.sender_state == TCPS_CLOSED && (m->rst.offender & ROLE_ACK2))
    return RESET_LATE_FINAL_ACK;
  if (m->rst.sender_state == TCPS_FIN_WAIT_1 || m->rst.sender_state == TCPS_FIN_WAIT_2 ||
      m->rst.sender_state == TCPS_TIME_WAIT) {
    bool waited = (m->roles_seen & ROLE_ACK1) &&
                  m->rst.t_us - m->fin[0].acked_us >= VERDICT_FIN_WAIT_2_MIN_US;
    if (m->rst.after_late_data) return RESET_DATA_AFTER_CLOSE;
    if (m->rst.offender & (ROLE_FIN1 | ROLE_FIN2))
      return waited ? RESET_FIN_WAIT_2_EXPIRED : RESET_CANNOT_TELL;
  }
  return m->rst.sender_state == TCPS_CLOSED ? RESET_NO_SOCKET : RESET_CANNOT_TELL;
}

static enum doubt doubt_of(const struct model *m, enum ending ending) {
  if (m->capture_incomplete) return DOUBT_DROPS;
  for (int i = 0; i < 2; i++)
    if (!m->end[i].has_spoken && m->end[1 - i].offer.has_ack && !m->rst.refused)
      return DOUBT_ONE_DIRECTION;
  if (!ending_is_complete(ending) && (m->end[0].stream.missed || m->end[1].stream.missed))
    return DOUBT_GAP;
  bool closed = m->first_closer != END_NONE || m->rst.from != END_NONE;
  /* Both have sent octets since, so neither had closed before. */
  bool both_open = m->end[0].sent_stream && m->end[1].sent_stream;
  if (closed && m->midstream && !both_open) return DOUBT_MIDSTREAM;
  return DOUBT_NONE;
}

static void add_finding(struct verdict *v, enum finding_id id, enum end who, int64_t t_us,
                        uint32_t expected, uint32_t actual) {
  v->findings[v->n_findings++] =
      (struct finding){t_us, expected, actual, (uint8_t)id, (uint8_t)who};
}

/* Who keeps whom waiting when the capture ends. */
static void add_stuck(struct verdict *v, const struct model *m, int64_t now_us) {
  enum end first = m->first_closer, second = first == END_NONE ? END_NONE : end_other(first);
  int64_t last_us = m->half_close_us > m->last_control_us ? m->half_close_us : m->last_control_us;
  bool waited = now_us - last_us >= VERDICT_STUCK_US;
  if (v->ending == ENDING_FIN_UNANSWERED && (waited || m->fin[0].copies > 1))
    add_finding(v, FINDING_FIN_UNANSWERED, second, m->fin[0].first_us, 0, 0);
  if (v->ending == ENDING_CLOSE_WAIT && waited)
    add_finding(v, FINDING_CLOSE_WAIT_STUCK, second, m->fin[0].acked_us, 0, 0);
  if (v->ending != ENDING_LAST_ACK) return;
  if (m->fin[1].acks > 0 && m->fin[1].unanswered > 1)
    add_finding(v, FINDING_FIN_NOT_REACKED, first, m->fin[1].last_us, 0, 0);
  else if (waited || m->fin[1].copies > 1)
    add_finding(v, FINDING_FINAL_ACK_MISSING, first, m->fin[1].first_us, 0, 0);
}

void verdict_make(struct verdict *v, const struct model *m, int64_t now_us) {
  memset(v, 0, sizeof *v);
  v->ending = (uint8_t)ending_of(m);
  v->cause = (uint8_t)cause_of(m);
  v->doubt = (uint8_t)doubt_of(m, v->ending);
  v->closed_both = m->crossed;
  v->closed_first = m->crossed ? END_NONE : m->first_closer;
  v->of = m->coalesced ? 3 : 4;
  v->count = (uint8_t)(__builtin_popcount(m->roles_seen) - (m->coalesced ? 1 : 0));
  for (int i = 0; i < 2; i++)
    if (m->fin[i].copies > 1) v->fin_retransmissions += m->fin[i].copies - 1;
  loss_total(m->fin, v->losses);
  if (m->first_closer != END_NONE) v->duration_us = m->last_control_us - m->first_fin_us;

  v->n_findings = m->n_findings;
  memcpy(v->findings, m->findings, m->n_findings * sizeof *m->findings);
  if (v->doubt != DOUBT_ONE_DIRECTION) add_stuck(v, m, now_us);

  v->conformity = v->doubt == DOUBT_NONE ? CONFORMS : CANNOT_TELL;
  for (int i = 0; i < v->n_findings; i++)
    if (finding_text(v->findings[i].id)->severity == FINDING_BREACH) v->conformity = VIOLATES;
}

/* ---- What the kernel adds ------------------------------------------------------------------- */

void verdict_hear(struct verdict *v, const struct model *m, const struct witness *w,
                  const bool up_to_date[static 2]) {
  for (unsigned i = 0; i < 2; i++) {
    v->kernel[i] = witness_compare(&w->end[i], &m->end[i], up_to_date[i]);
    if (w->end[i].holder[0] != '\0') v->holder[i] = w->end[i].holder;
    if (v->kernel[i].difference < WITNESS_NOT_THERE) continue;
    if (m->capture_incomplete) /* what would explain it may not have been captured */
      v->kernel[i].difference = WITNESS_AGREES;
    else
      add_finding(v, FINDING_KERNEL_DISAGREES, i, m->last_us, v->kernel[i].model_says,
                  v->kernel[i].kernel_says);
  }
}

void verdict_hear_reset(struct verdict *v, const char *reason) {
  static const struct {
    const char *reason;
    enum reset_cause cause;
  } causes[] = {
      {"TCP_ABORT_ON_CLOSE", RESET_UNREAD_DATA},
      {"TCP_STATE", RESET_LINGER_0}, /* of an abort; also by an administrator */
      {"TCP_DISCONNECT_WITH_DATA", RESET_LINGER_0},
      {"TCP_ABORT_ON_DATA", RESET_DATA_AFTER_CLOSE},
      {"NO_SOCKET", RESET_NO_SOCKET},
  };
  if (*reason == '\0') return;
  v->kernel_reason = reason;
  if (v->cause != RESET_CANNOT_TELL && v->cause != RESET_LINGER_0) return;
  for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
    if (strcmp(reason, causes[i].reason) == 0) v->cause = (uint8_t)causes[i].cause;
}

void verdict_agreement(const struct verdict *v, unsigned *agreed, unsigned *of) {
  *agreed = *of = 0;
  for (unsigned i = 0; i < 2; i++) {
    *agreed += v->kernel[i].agreed;
    *of += v->kernel[i].of;
  }
}

/* ---- The sentence --------------------------------------------------------------------------- */

struct text {
  char *at;
  size_t left;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(t->at, t->left, format, arguments);
  va_end(arguments);
  if (n < 0 || t->left == 0) return;
  size_t wrote = (size_t)n < t->left ? (size_t)n : t->left - 1;
  t->at += wrote;
  t->left -= wrote;
}

static void say_duration(struct text *t, int64_t us) {
  if (us < 1000)
    say(t, "%lld us", (long long)us);
  else if (us < 1000000)
    say(t, "%.1f ms", (double)us / 1e3);
  else if (us < 120 * INT64_C(1000000))
    say(t, "%.1f s", (double)us / 1e6);
  else
    say(t, "%.0f min", (double)us / 60e6);
}

static void say_times(struct text *t, uint32_t n) {
  if (n == 1)
    say(t, "once");
  else if (n == 2)
    say(t, "twice");
  else
    say(t, "%u times", n);
}

static void say_losses(struct text *t, const struct verdict *v, const struct model *m) {
  static const char *const what[LOSS_KINDS] = {
      [LOSS_FIN1] = "the first FIN was lost",
      [LOSS_ACK1] = "the ACK of the first FIN was lost",
      [LOSS_FIN2] = "the second FIN was lost",
      [LOSS_ACK2] = "the final ACK was lost",
      [LOSS_FIN1_OR_ACK1] = "the first FIN or its ACK was lost",
      [LOSS_FIN2_OR_ACK2] = "the second FIN or the final ACK was lost",
  };
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++) {
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      say(t, "; %s ", what[kind]);
      say_times(t, v->losses[kind][place]);
      if (place == LOSS_BEFORE_TAP) say(t, " before the sniffer saw it");
      if (place == LOSS_AFTER_TAP) say(t, " after the sniffer saw it");
    }
  }
  if (m->fin[1].copies < 2 || !fin_is_acked(m, 1)) return;
  const char *first = end_name(m->first_closer), *second = end_name(end_other(m->first_closer));
  bool ack_lost = false, fin_lost = false;
  for (unsigned place = 0; place < LOSS_PLACES; place++) {
    bool either = v->losses[LOSS_FIN2_OR_ACK2][place] > 0;
    ack_lost = ack_lost || either || v->losses[LOSS_ACK2][place] > 0;
    fin_lost = fin_lost || either || v->losses[LOSS_FIN2][place] > 0;
  }
  if (m->final_ack_was_late)
    say(t,
        "; the final ACK was only late: %s repeated its FIN meanwhile, and the answer to that met "
        "a "
        "closed end, whose RST ended TIME_WAIT early (RFC 1337)",
        second);
  else if (ack_lost && !fin_lost)
    say(t, ", so %s sent its FIN again and %s answered from TIME_WAIT, which restarted 2 MSL",
        second, first);
  else if (fin_lost)
    say(t, ", so %s sent its FIN again and %s answered", second, first);
  else
    say(t, "; %s repeated its FIN sooner than its ACK could come", second);
}

static void say_first(struct text *t, const struct model *m) {
  say(t, "%s closed first", end_name(m->first_closer));
}

/* Someone is stuck, and not merely unanswered yet when the capture ends. */
static bool is_stuck(const struct verdict *v) {
  for (int i = 0; i < v->n_findings; i++)
    if (finding_text(v->findings[i].id)->severity == FINDING_STUCK) return true;
  return false;
}

static void say_not_yet(struct text *t, const struct model *m, unsigned which, int64_t now_us) {
  say(t, "; the capture ends ");
  say_duration(t, now_us - m->fin[which].last_us);
  say(t, " after the FIN of %s, before any answer",
      end_name(which == 0 ? m->first_closer : end_other(m->first_closer)));
}

/* Where both ends stand after a complete close. */
static void say_linger(struct text *t, const struct model *m) {
  for (unsigned i = 0; i < 2; i++) {
    if (m->end[i].state != TCPS_TIME_WAIT) continue;
    say(t, "; %s lingers in TIME_WAIT for ", end_name(i));
    say_duration(t, m->two_msl_us);
  }
  if (m->rst.from != END_NONE && !m->final_ack_was_late)
    say(t, "; an RST then ended TIME_WAIT early");
}

static void say_reset(struct text *t, const struct verdict *v, const struct model *m) {
  enum end by = m->rst.from;
  const char *peer = end_name(end_other(by));
  say(t, "%s reset the connection", end_name(by));
  if (m->first_closer != END_NONE && m->rst.t_us >= m->first_fin_us) {
    say(t, " ");
    say_duration(t, m->rst.t_us - m->first_fin_us);
    say(t, m->first_closer == by ? " after its own FIN" : " after the FIN of %s", peer);
  }
  switch ((enum reset_cause)v->cause) {
    case RESET_UNREAD_DATA:
      say(t, ": its application closed and left data of %s unread", peer);
      break;
    case RESET_LINGER_0:
      if (v->kernel_reason) {
        say(t, ": it aborted (SO_LINGER 0, or an administrator did)");
        break;
      }
      say(t,
          ": it aborted (SO_LINGER 0, or a timer or an administrator did), for %s had sent nothing "
          "that it could have left unread",
          peer);
      break;
    case RESET_DATA_AFTER_CLOSE:
      say(t, ": data of %s reached it after its application had closed", peer);
      break;
    case RESET_FIN_WAIT_2_EXPIRED:
      say(t,
          ": the FIN of %s came when its own wait in FIN_WAIT_2 was over, or it "
          "does without (tcp_max_tw_buckets)",
          peer);
      break;
    case RESET_NO_SOCKET:
      if (m->reopened[by])
        say(t,
            ": it opened the same four-tuple anew while %s had not closed, and cleared the old "
            "half",
            peer);
      else
        say(t, ": it has no such connection any more");
      break;
    case RESET_LATE_FINAL_ACK: say(t, ": it has no such connection any more"); break;
    case RESET_CANNOT_TELL:
      if (m->rst.has_ack)
        say(t, ": it aborted; on the wire SO_LINGER 0 and close() with unread data look alike");
      else
        say(t, ": the wire does not tell why");
      break;
    case RESET_NONE:
    case RESET_REFUSED:
    case RESET_OUT_OF_WINDOW: break;
  }
  if (v->kernel_reason) say(t, "; its kernel calls that %s", v->kernel_reason);
}

/* Where the kernel knows more than the wire, or knows better. */
static void say_kernel(struct text *t, const struct verdict *v) {
  for (unsigned i = 0; i < 2; i++) {
    const struct witness_view *k = &v->kernel[i];
    const char *kernel = tcp_state_name(k->kernel_says), *model = tcp_state_name(k->model_says);
    switch ((enum witness_difference)k->difference) {
      case WITNESS_AGREES: break;
      case WITNESS_SILENT:
        say(t, "; the kernel has %s in %s, which no segment shows", end_name(i), kernel);
        break;
      case WITNESS_NOT_THERE:
        say(t, "; the kernel had %s in %s, not %s: what would have moved it did not arrive",
            end_name(i), kernel, model);
        break;
      case WITNESS_CONTRARY:
        say(t, "; the kernel has %s in %s where the segments imply %s", end_name(i), kernel, model);
        break;
    }
  }
}

const char *verdict_sentence(const struct verdict *v, const struct model *m, int64_t now_us,
                             char *buffer, size_t size) {
  struct text t = {buffer, size};
  enum end first = m->first_closer, second = first == END_NONE ? END_NONE : end_other(first);
  if (size > 0) buffer[0] = '\0';
  switch ((enum ending)v->ending) {
    case ENDING_NORMAL:
      say_first(&t, m);
      say(&t, ", %s ", end_name(second));
      say_duration(&t, m->fin[1].first_us - m->fin[0].first_us);
      say(&t, " later");
      say_losses(&t, v, m);
      say_linger(&t, m);
      break;
    case ENDING_COALESCED:
      say_first(&t, m);
      say(&t, "; %s closed so soon (", end_name(second));
      say_duration(&t, m->fin[1].first_us - m->fin[0].first_us);
      say(&t, ") that its FIN carried the ACK too: three segments");
      say_losses(&t, v, m);
      say_linger(&t, m);
      break;
    case ENDING_SIMULTANEOUS:
      say(&t, "both closed at once: neither had the other's FIN when it sent its own");
      say_losses(&t, v, m);
      say_linger(&t, m);
      break;
    case ENDING_RESET: say_reset(&t, v, m); break;
    case ENDING_REFUSED:
      say(&t, "%s refused the connection: nothing listens on that port, or a firewall says so",
          end_name(m->rst.from));
      break;
    case ENDING_FIN_UNANSWERED:
      say_first(&t, m);
      if (!is_stuck(v)) {
        say_not_yet(&t, m, 0, now_us);
        break;
      }
      say(&t, "; its FIN was sent ");
      say_times(&t, m->fin[0].copies);
      say(&t, " and not acknowledged for ");
      say_duration(&t, now_us - m->fin[0].first_us);
      say(&t, " (%s): %s or the path to it does not answer", tcp_state_name(m->end[first].state),
          end_name(second));
      break;
    case ENDING_CLOSE_WAIT:
      say_first(&t, m);
      say(&t, "; %s received the FIN ", end_name(second));
      say_duration(&t, now_us - m->fin[0].first_us);
      if (is_stuck(v))
        say(&t, " ago and has not closed (CLOSE_WAIT): the %s's application has not called close()",
            end_name(second));
      else
        say(&t, " before the capture ends and has not closed yet (CLOSE_WAIT)");
      if (v->holder[second]) say(&t, "; held by %s", v->holder[second]);
      break;
    case ENDING_LAST_ACK:
      say_first(&t, m);
      if (!is_stuck(v)) {
        say_not_yet(&t, m, 1, now_us);
        break;
      }
      say(&t, "; the FIN of %s was sent ", end_name(second));
      say_times(&t, m->fin[1].copies);
      if (m->fin[1].acks > 0) {
        say(&t, ", acknowledged ");
        say_times(&t, m->fin[1].acks);
        say(&t, " and no longer since ");
        say_duration(&t, now_us - m->fin[1].last_ack_us);
      } else {
        say(&t, " and its ACK is missing for ");
        say_duration(&t, now_us - m->fin[1].first_us);
      }
      say(&t, " (%s): %s no longer answers, or its ACKs are lost",
          tcp_state_name(m->end[second].state), end_name(first));
      break;
    case ENDING_OPEN: say(&t, "neither end has closed"); break;
    case ENDING_COUNT: break;
  }
  switch ((enum incarnation)m->incarnation) {
    case INCARNATION_NOT_OVER:
    case INCARNATION_FREE: break;
    case INCARNATION_BY_ISN:
      say(&t,
          "; it reuses a four-tuple in TIME_WAIT, which its higher ISN allows (RFC 9293 3.6.1)");
      break;
    case INCARNATION_BY_TIMESTAMP:
      say(&t, "; it reuses a four-tuple in TIME_WAIT, which its newer timestamp allows (RFC 6191)");
      break;
    case INCARNATION_NOT_NEWER:
      say(&t,
          "; it reuses a four-tuple in TIME_WAIT, which neither its ISN nor a timestamp allows");
      break;
  }
  if (m->rst.from == END_NONE && v->cause == RESET_OUT_OF_WINDOW)
    say(&t, "; an RST with the wrong sequence number was ignored");
  say_kernel(&t, v);
  switch ((enum doubt)v->doubt) {
    case DOUBT_NONE: break;
    case DOUBT_MIDSTREAM: say(&t, "; the capture begins in the middle of the close"); break;
    case DOUBT_ONE_DIRECTION: say(&t, "; only one direction was captured"); break;
    case DOUBT_GAP: say(&t, "; the capture misses segments that were acknowledged"); break;
    case DOUBT_DROPS: say(&t, "; capture incomplete: the kernel dropped packets"); break;
  }
  return buffer;
}
