#include "common/model/sentence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
      say(t, " (%s)", v->loss_because[kind][place]);
    }
  }
  if (v->spurious_because[FIN1])
    say(t, "; %s repeated its FIN though nothing was lost (%s)", end_name(m->first_closer),
        v->spurious_because[FIN1]);
  if (m->fin[1].copies < 2 || !verdict_fin_is_acked(m, FIN2)) return;
  const char *first = end_name(m->first_closer), *second = end_name(end_other(m->first_closer));
  bool ack_lost = false, fin_lost = false;
  for (unsigned place = 0; place < LOSS_PLACES; place++) {
    bool either = v->losses[LOSS_FIN2_OR_ACK2][place] > 0;
    ack_lost = ack_lost || either || v->losses[LOSS_ACK2][place] > 0;
    fin_lost = fin_lost || either || v->losses[LOSS_FIN2][place] > 0;
  }
  if (v->final_ack_was_late)
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
  else if (v->spurious_because[FIN2])
    say(t, "; %s repeated its FIN though nothing was lost (%s)", second, v->spurious_because[FIN2]);
  else
    say(t, "; %s repeated its FIN sooner than its ACK could come", second);
}

/* When the FINs crossed, nobody did. */
static void say_first(struct text *t, const struct model *m) {
  if (m->crossed)
    say(t, "both closed at once");
  else
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
static void say_linger(struct text *t, const struct verdict *v, const struct model *m) {
  for (unsigned i = 0; i < 2; i++) {
    if (m->end[i].state != TCPS_TIME_WAIT) continue;
    say(t, "; %s lingers in TIME_WAIT for ", end_name(i));
    say_duration(t, m->two_msl_us);
  }
  for (unsigned i = 0; i < v->n_findings; i++)
    if (v->findings[i].id == FINDING_RST_IN_TIME_WAIT && !v->final_ack_was_late)
      say(t, "; an RST then ended TIME_WAIT early");
}

/* With the peer's name for each @. */
static void say_of(struct text *t, const char *sentence, const char *peer) {
  for (size_t n; *sentence; sentence += n + (sentence[n] == '@')) {
    n = strcspn(sentence, "@");
    say(t, "%.*s%s", (int)n, sentence, sentence[n] == '@' ? peer : "");
  }
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
  const struct reset_text *text = reset_text(v->cause);
  say(t, ": ");
  if (v->cause == RESET_CANNOT_TELL && m->rst.has_ack)
    say(t, "it aborted; on the wire SO_LINGER 0 and close() with unread data look alike");
  else if (v->cause == RESET_LINGER_0 && !v->kernel_reason)
    say(t,
        "it aborted (SO_LINGER 0, or a timer or an administrator did), for %s had sent nothing "
        "that it could have left unread",
        peer);
  else if (v->cause == RESET_FIN_WAIT_2_EXPIRED && m->rst.answers_probe)
    say(t, "the probe of %s came when its own wait in FIN_WAIT_2 was over", peer);
  else if (v->cause == RESET_NO_SOCKET && m->reopened[by])
    say(t, "it opened the same four-tuple anew while %s had not closed, and cleared the old half",
        peer);
  else
    say_of(t, text->sentence, peer);
  if (v->cause == RESET_NO_SOCKET && m->rst.answers_ack && m->first_closer == END_NONE)
    say(t,
        ", or a box in its name says so (restarted, timed out, or forgotten by a NAT or load "
        "balancer)");
  if (v->cause == RESET_GAVE_UP) {
    say(t, "; %u %s in ", m->rst.gave_up.times + (m->rst.gave_up.probes ? 0U : 1U),
        m->rst.gave_up.probes ? "keep-alive probes" : "copies");
    say_duration(t, m->rst.t_us - m->rst.gave_up.first_us);
    say(t, " were not answered: %s or the path to it is gone", peer);
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

/* What was not captured, and why it was there all the same. */
static void say_no_acks(struct text *t, const struct model *m, int64_t now_us) {
  for (unsigned which = FIN1; which <= FIN2; which++) {
    bool missing = which == FIN1 && m->ack1_missing;
    if (!missing && !verdict_fin_is_quiet(m, which, now_us)) continue;
    const char *closer = end_name(connection_closer(m, which));
    say(t,
        "; the ACK of the FIN of %s is not in the capture, but %s did not repeat it, so it had it",
        closer, closer);
  }
}

const char *sentence_make(const struct verdict *v, const struct model *m, int64_t now_us,
                          char *buffer, size_t size) {
  struct text t = {buffer, size};
  enum end first = m->first_closer, second = first == END_NONE ? END_NONE : end_other(first);
  if (size > 0) buffer[0] = '\0';
  switch (v->ending) {
    case ENDING_NORMAL:
      say_first(&t, m);
      say(&t, ", %s ", end_name(second));
      say_duration(&t, m->fin[1].first_us - m->fin[0].first_us);
      say(&t, " later");
      say_losses(&t, v, m);
      say_linger(&t, v, m);
      break;
    case ENDING_COALESCED:
      say_first(&t, m);
      say(&t, "; %s closed so soon (", end_name(second));
      say_duration(&t, m->fin[1].first_us - m->fin[0].first_us);
      say(&t, ") that its FIN carried the ACK too: three segments");
      say_losses(&t, v, m);
      say_linger(&t, v, m);
      break;
    case ENDING_SIMULTANEOUS:
      say(&t, "both closed at once: neither had the other's FIN when it sent its own");
      say_losses(&t, v, m);
      say_linger(&t, v, m);
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
      if (m->fin[1].answers > 0) {
        say(&t, ", acknowledged ");
        say_times(&t, m->fin[1].answers);
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
  switch (m->incarnation) {
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
  switch (v->doubt) {
    case DOUBT_NONE: break;
    case DOUBT_MIDSTREAM: say(&t, "; the capture begins in the middle of the close"); break;
    case DOUBT_ONE_DIRECTION: say(&t, "; only one direction was captured"); break;
    case DOUBT_NO_ACKS: say_no_acks(&t, m, now_us); break;
    case DOUBT_GAP: say(&t, "; the capture misses segments that were acknowledged"); break;
    case DOUBT_DROPS: say(&t, "; capture incomplete: the kernel dropped packets"); break;
    case DOUBT_EVICTED: say(&t, "; more connections at once than --max-flows"); break;
  }
  return buffer;
}
