#include "common/model/sentence.h"

#include <string.h>

/* Where the words go. What does not fit is left out. */
struct text {
  char *at;
  size_t left;              /* of it one for the end */
  const char *const *names; /* of the ends; NULL: they are client and server */
};

static const char *named(const struct text *t, enum end end) {
  return t->names && end != END_NONE ? t->names[end] : end_name(end);
}

static void say_octets(struct text *t, const char *octets, size_t n) {
  if (t->left == 0) return;
  if (n > t->left - 1) n = t->left - 1;
  memcpy(t->at, octets, n);
  t->at += n;
  t->left -= n;
}

static void say_all(struct text *t, const char *const words[]) {
  for (; *words; words++) say_octets(t, *words, strlen(*words));
}

/* One word after the other, as they are. */
#define say(t, ...) say_all(t, (const char *const[]){__VA_ARGS__, NULL})

static void say_number(struct text *t, int64_t value) {
  char digits[20];
  size_t at = sizeof digits;
  uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
  do digits[--at] = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  if (value < 0) digits[--at] = '-';
  say_octets(t, digits + at, sizeof digits - at);
}

static void say_tenths(struct text *t, int64_t tenths) {
  say_number(t, tenths / 10);
  say_octets(t, (const char[]){'.', (char)('0' + tenths % 10)}, 2);
}

static void say_duration(struct text *t, int64_t us) {
  if (us < 0) { /* time ran backwards */
    say(t, "some time");
  } else if (us < 1000) {
    say_number(t, us);
    say(t, " us");
  } else if (us < 1000000) {
    say_tenths(t, (us + 50) / 100);
    say(t, " ms");
  } else if (us < 120 * INT64_C(1000000)) {
    say_tenths(t, (us + 50000) / 100000);
    say(t, " s");
  } else {
    say_number(t, (us + 30000000) / 60000000);
    say(t, " min");
  }
}

static void say_times(struct text *t, uint32_t n) {
  if (n == 1) {
    say(t, "once");
  } else if (n == 2) {
    say(t, "twice");
  } else {
    say_number(t, n);
    say(t, " times");
  }
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
  bool lost = !verdict_lost_nothing(v);
  for (unsigned kind = 0; lost && kind < LOSS_KINDS; kind++) {
    for (unsigned place = 0; place < LOSS_PLACES; place++) {
      if (v->losses[kind][place] == 0) continue;
      say(t, "; ", what[kind], " ");
      say_times(t, v->losses[kind][place]);
      if (place == LOSS_BEFORE_TAP) say(t, " before the sniffer saw it");
      if (place == LOSS_AFTER_TAP) say(t, " after the sniffer saw it");
      if (place == LOSS_BETWEEN_TAPS) say(t, " between the two taps");
      say(t, " (", v->loss_because[kind][place], ")");
    }
  }
  if (v->spurious_because[FIN1])
    say(t, "; ", named(t, m->first_closer), " repeated its FIN though nothing was lost (",
        v->spurious_because[FIN1], ")");
  for (unsigned which = FIN1; which <= FIN2; which++)
    if (v->untold_because[which])
      say(t, "; what became of a FIN of ", named(t, connection_closer(m, which)),
          " that was repeated cannot be told (", v->untold_because[which], ")");
}

/* Where the close is complete, what came of the second FIN's repetition. */
static void say_repetition(struct text *t, const struct verdict *v, const struct model *m) {
  if (m->fin[1].copies < 2 || !verdict_fin_is_acked(m, FIN2)) return;
  const char *first = named(t, m->first_closer), *second = named(t, end_other(m->first_closer));
  bool ack_lost = false, fin_lost = false;
  for (unsigned place = 0; place < LOSS_PLACES; place++) {
    bool either = v->losses[LOSS_FIN2_OR_ACK2][place] > 0;
    ack_lost = ack_lost || either || v->losses[LOSS_ACK2][place] > 0;
    fin_lost = fin_lost || either || v->losses[LOSS_FIN2][place] > 0;
  }
  if (v->final_ack_was_late)
    say(t, "; the final ACK was only late: ", second,
        " repeated its FIN meanwhile, and the answer to that met a closed end, whose RST ended "
        "TIME_WAIT early (RFC 1337)");
  else if (ack_lost && !fin_lost)
    say(t, ", so ", second, " sent its FIN again and ", first,
        " answered from TIME_WAIT, which restarted 2 MSL");
  else if (fin_lost)
    say(t, ", so ", second, " sent its FIN again and ", first, " answered");
  else if (v->spurious_because[FIN2])
    say(t, "; ", second, " repeated its FIN though nothing was lost (", v->spurious_because[FIN2],
        ")");
  else if (!v->untold_because[FIN2])
    say(t, "; ", second, " repeated its FIN sooner than its ACK could come");
}

/* A silence that is long enough to be somebody's timeout. */
static void say_idle(struct text *t, const struct verdict *v) {
  if (v->idle_us < TALK_SILENCE_US || v->idle_answered) return;
  say(t, " (");
  say_duration(t, v->idle_us);
  say(t, " after the last octet)");
}

static void say_path(struct text *t, const struct verdict *v, const struct model *m) {
  if (!v->other_path) return;
  const char *sender = named(t, m->rst_path_from);
  say(t, "; the TTL of that RST is ");
  say_number(t, m->rst_path.hops);
  say(t, ", of the other segments of ", sender, " ");
  say_number(t, m->path[m->rst_path_from].hops);
  say(t, ": a box on the path may have sent it");
}

/* When the FINs crossed, nobody did. */
static void say_first(struct text *t, const struct verdict *v, const struct model *m) {
  if (m->crossed) {
    say(t, m->ack1_beyond ? "both may have closed at once" : "both closed at once");
    return;
  }
  say(t, named(t, m->first_closer), " closed first");
  say_idle(t, v);
  if (v->no_close_notify) say(t, " without a close_notify of TLS");
}

/* What the kernel tells of the application that does not close: whether it reads at all. */
static void say_reader(struct text *t, const struct witness_socket *socket) {
  if (!socket->is_known) return;
  if (!socket->is_held) {
    say(t, "; no process holds it: it was never accepted");
  } else if (socket->has_read_end) {
    say(t, ", though it has read the end of file");
  } else if (socket->unread > 0) {
    say(t, "; it does not read: ");
    say_number(t, socket->unread);
    say(t, " octets and the end of file wait for it");
  } else {
    say(t, "; it has not read the end of file");
  }
}

static void say_not_yet(struct text *t, const struct verdict *v, const struct model *m,
                        unsigned which, int64_t now_us) {
  say(t, "; the capture ends ");
  say_duration(t, now_us - m->fin[which].last_us);
  say(t, " after the FIN of ", named(t, which == 0 ? m->first_closer : end_other(m->first_closer)),
      v->doubt == DOUBT_NONE ? ", before any answer" : ", and no answer is in it");
}

/* What a complete close lost, and where both ends stand after it. */
static void say_complete(struct text *t, const struct verdict *v, const struct model *m) {
  say_losses(t, v, m);
  say_repetition(t, v, m);
  for (unsigned i = 0; i < 2; i++) {
    if (m->end[i].state != TCPS_TIME_WAIT) continue;
    say(t, "; ", named(t, i), " lingers in TIME_WAIT for ");
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
    say_octets(t, sentence, n);
    if (sentence[n] == '@') say(t, peer);
  }
}

static void say_reset(struct text *t, const struct verdict *v, const struct model *m) {
  enum end by = m->rst.from;
  const char *peer = named(t, end_other(by));
  say(t, named(t, by), " reset the connection");
  if (m->first_closer != END_NONE && m->rst.t_us >= m->first_fin_us) {
    say(t, " ");
    say_duration(t, m->rst.t_us - m->first_fin_us);
    if (m->first_closer == by)
      say(t, " after its own FIN");
    else
      say(t, " after the FIN of ", peer);
  }
  if (m->first_closer == END_NONE) say_idle(t, v);
  const struct reset_text *text = reset_text(v->cause);
  say(t, ": ");
  if (v->cause == RESET_CANNOT_TELL && m->rst.after_hole)
    say(t, "what came before that is not in the capture, so the wire does not tell why");
  else if (v->cause == RESET_CANNOT_TELL && m->rst.has_ack &&
           (m->rst.after_late_data || m->rst.after_taken_data))
    say(t, "it aborted, or data of ", peer,
        " reached it after its application had closed; on the wire that, SO_LINGER 0 and close() "
        "with unread data look alike");
  else if (v->cause == RESET_CANNOT_TELL && m->rst.has_ack)
    say(t, "it aborted; on the wire SO_LINGER 0 and close() with unread data look alike");
  else if (v->cause == RESET_CANNOT_TELL)
    say(t, "it answers nothing that was captured, so the wire does not tell why");
  else if (v->cause == RESET_LINGER_0 && !v->kernel_reason)
    say(t, "it aborted (SO_LINGER 0, or a timer or an administrator did), for ", peer,
        " had sent nothing that it could have left unread");
  else if (v->cause == RESET_FIN_WAIT_2_EXPIRED && !(m->rst.offender & (ROLE_FIN1 | ROLE_FIN2)))
    say(t, m->rst.answers_probe ? "the probe of " : "an ACK of ", peer,
        " came when its own wait in FIN_WAIT_2 was over");
  else if (v->cause == RESET_NO_SOCKET && m->reopened[by])
    say(t, "it opened the same four-tuple anew while ", peer,
        " had not closed, and cleared the old half");
  else
    say_of(t, text->sentence, peer);
  bool before_fins = m->first_closer == END_NONE || m->rst.t_us < m->first_fin_us;
  if (v->cause == RESET_NO_SOCKET && m->rst.answers_ack && before_fins && !m->reopened[by])
    say(t,
        ", or a box in its name says so (restarted, timed out, forgotten by a NAT or load "
        "balancer, "
        "or closed with a FIN that is not in the capture)");
  if (v->cause == RESET_DATA_AFTER_CLOSE && m->rst.crossed)
    say(t, "; they and its FIN had crossed (a keep-alive race, if they were a request)");
  if (v->cause == RESET_DATA_AFTER_CLOSE && m->rst.stale_us >= TALK_SILENCE_US) {
    say(t, "; ", peer, " sent them ");
    say_duration(t, m->rst.stale_us);
    say(t, " after it had acknowledged that FIN (a stale pool, if they were a request)");
  }
  if (v->idle_answered && v->idle_us >= TALK_SILENCE_US) {
    say(t, "; no octet had been sent for ");
    say_duration(t, v->idle_us);
    say(t, " before");
  }
  if (v->cause == RESET_GAVE_UP) {
    say(t, "; ");
    say_number(t, m->rst.gave_up.times + (m->rst.gave_up.probes ? 0U : 1U));
    say(t, m->rst.gave_up.probes ? " keep-alive probes in " : " copies in ");
    say_duration(t, m->rst.t_us - m->rst.gave_up.first_us);
    say(t, " were not answered: ", peer, " or the path to it is gone");
  }
  if (m->rst.missed_ms > 0) {
    say(t, "; ", peer, " sent more ");
    say_duration(t, m->rst.missed_ms * INT64_C(1000));
    say(t, " later, so that RST had not reached it, or had no effect");
  }
  if (v->kernel_reason) say(t, "; its kernel calls that ", v->kernel_reason);
}

/* Where the kernel knows more than the wire, or knows better. */
/* Which processes they were. */
static void say_closers(struct text *t, const struct verdict *v) {
  for (unsigned i = 0; i < 2; i++)
    if (v->closer[i]) say(t, "; ", named(t, i), " was ", v->closer[i]);
}

static void say_kernel(struct text *t, const struct verdict *v) {
  for (unsigned i = 0; i < 2; i++) {
    const struct witness_view *k = &v->kernel[i];
    const char *kernel = tcp_state_name(k->kernel_says), *model = tcp_state_name(k->model_says);
    switch ((enum witness_difference)k->difference) {
      case WITNESS_AGREES: break;
      case WITNESS_SILENT:
        say(t, "; the kernel has ", named(t, i), " in ", kernel, ", which no segment shows");
        break;
      case WITNESS_NOT_THERE:
        say(t, "; the kernel had ", named(t, i), " in ", kernel, ", not ", model,
            ": what would have moved it did not arrive");
        break;
      case WITNESS_CONTRARY:
        say(t, "; the kernel has ", named(t, i), " in ", kernel, " where the segments imply ",
            model);
        break;
    }
  }
}

/* What was not captured, and why it was there all the same. */
static void say_no_acks(struct text *t, const struct model *m, int64_t now_us) {
  if (!connection_has_bare_acks(m)) say(t, "; no bare ACK is in the capture");
  for (unsigned which = FIN1; which <= FIN2; which++) {
    bool missing = which == FIN1 && m->ack1_missing;
    if (!missing && !verdict_fin_is_quiet(m, which, now_us)) continue;
    const char *closer = named(t, connection_closer(m, which));
    say(t, "; the ACK of the FIN of ", closer, " is not in the capture, but ", closer,
        m->fin[which].copies > 1 ? " stopped repeating it, so it had it"
                                 : " did not repeat it, so it had it");
  }
}

/* Of a handshake that is not complete, what was sent and not answered. */
static void say_open(struct text *t, const struct verdict *v, const struct model *m,
                     int64_t now_us) {
  for (unsigned i = 0; i < 2; i++) {
    const struct endpoint *e = &m->end[i], *p = &m->end[1 - i];
    bool asked = e->sent_syn && !e->offer.has_ack && !p->has_spoken;
    bool answered = e->state == TCPS_SYN_RECEIVED && e->has_spoken && !p->offer.has_ack;
    if (!asked && !answered) continue;
    const char *what = asked ? "SYN" : "SYN,ACK";
    const struct vain *vain = &m->vain[i];
    if (vain->times == 0) {
      say(t, "the ", what, " of ", named(t, i), " has no answer in the capture, which ends ");
      say_duration(t, now_us - m->last_us);
      say(t, " later");
      return;
    }
    say(t, named(t, 1 - i), asked ? " never answered" : " never completed the handshake", ": ",
        named(t, i), " sent its ", what, " ");
    say_times(t, vain->times + 1U);
    say(t, " in ");
    say_duration(t, vain->last_us - vain->first_us);
    return;
  }
  bool sees_all = v->doubt == DOUBT_NONE || v->doubt == DOUBT_CLOCK || m->rst_beyond;
  say(t, sees_all ? "neither end has closed" : "no end is seen to close");
}

const char *sentence_make(const struct verdict *v, const struct model *m,
                          const char *const names[2], int64_t now_us, char *buffer, size_t size) {
  struct text t = {buffer, size, names};
  enum end first = m->first_closer, second = first == END_NONE ? END_NONE : end_other(first);
  switch (v->ending) {
    case ENDING_NORMAL:
      say_first(&t, v, m);
      say(&t, ", ", named(&t, second), " ");
      say_duration(&t, m->fin[1].first_us - m->fin[0].first_us);
      say(&t, " later");
      say_complete(&t, v, m);
      break;
    case ENDING_COALESCED:
      say_first(&t, v, m);
      say(&t, "; ", named(&t, second), " closed so soon (");
      say_duration(&t, m->fin[1].first_us - m->fin[0].first_us);
      say(&t, ") that its FIN carried the ACK too: three segments");
      say_complete(&t, v, m);
      break;
    case ENDING_SIMULTANEOUS:
      say_first(&t, v, m);
      if (!m->ack1_beyond) say(&t, ": neither had the other's FIN when it sent its own");
      say_complete(&t, v, m);
      break;
    case ENDING_RESET: say_reset(&t, v, m); break;
    case ENDING_REFUSED:
      say(&t, named(&t, m->rst.from),
          " refused the connection: nothing listens on that port, or a firewall says so");
      break;
    case ENDING_FIN_UNANSWERED:
      say_first(&t, v, m);
      if (m->end[first].fin_is_void) {
        say(&t, "; its FIN has the number of an octet of its data, so ", named(&t, second),
            " drops it and cannot know that the stream has ended");
        break;
      }
      if (!verdict_stuck(v)) {
        say_not_yet(&t, v, m, 0, now_us);
        break;
      }
      say(&t, "; ");
      if (m->crossed)
        say(&t, "the FIN of ", named(&t, first), " was sent ");
      else
        say(&t, "its FIN was sent ");
      say_times(&t, m->fin[0].copies);
      say(&t, " and not acknowledged for ");
      say_duration(&t, now_us - m->fin[0].first_us);
      say(&t, " (", tcp_state_name(m->end[first].state), "): ", named(&t, second),
          " or the path to it does not answer");
      break;
    case ENDING_CLOSE_WAIT:
      say_first(&t, v, m);
      say(&t, "; ", named(&t, second), " received the FIN ");
      say_duration(&t, now_us - m->fin[0].first_us);
      if (verdict_stuck(v))
        say(&t, " ago and has not closed (CLOSE_WAIT): ", names ? "" : "the ", named(&t, second),
            "'s application has not called close()");
      else if (v->only_half_closed)
        say(&t, " ago and has not closed yet (CLOSE_WAIT), and ", named(&t, first),
            " holds its end open to read on");
      else if (v->may_have_closed)
        say(&t, m->superseded ? " before the next connection" : " before the capture ends",
            ", and no FIN of ", named(&t, second), m->superseded ? " was captured" : " is in it");
      else
        say(&t, " before the capture ends and has not closed yet (CLOSE_WAIT)");
      say_reader(&t, &v->socket[second]);
      if (v->holder[second]) say(&t, "; held by ", v->holder[second]);
      break;
    case ENDING_LAST_ACK:
      say_first(&t, v, m);
      if (!verdict_stuck(v)) {
        say_not_yet(&t, v, m, 1, now_us);
        break;
      }
      say(&t, "; the FIN of ", named(&t, second), " was sent ");
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
      say(&t, " (", tcp_state_name(m->end[second].state), "): ", named(&t, first),
          " no longer answers, or its ACKs are lost");
      break;
    case ENDING_OPEN: say_open(&t, v, m, now_us); break;
    case ENDING_COUNT: break;
  }
  if (!ending_is_complete(v->ending)) say_losses(&t, v, m);
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
    say(&t, m->rst_beyond ? "; an RST came with a number that its receiver did not await"
            : m->end[end_other(m->rst_path_from)].state == TCPS_SYN_SENT
                ? "; an RST that acknowledges nothing was ignored"
                : "; an RST with the wrong sequence number was ignored");
  say_path(&t, v, m);
  say_closers(&t, v);
  say_kernel(&t, v);
  switch (v->doubt) {
    case DOUBT_NONE: break;
    case DOUBT_MIDSTREAM: say(&t, "; the capture begins in the middle of the close"); break;
    case DOUBT_ONE_DIRECTION: say(&t, "; only one direction was captured"); break;
    case DOUBT_NO_ACKS: say_no_acks(&t, m, now_us); break;
    case DOUBT_GAP:
      if (m->rst_beyond) {
        say(&t, "; what is in front of it may be missing, and nothing follows that would tell");
        break;
      }
      if (v->ending == ENDING_CLOSE_WAIT && m->superseded) {
        say(&t,
            "; the same ports were used again, so it had closed, and how is not in the capture");
        break;
      }
      if (m->ack1_beyond && m->fin[FIN2].copies > 0) {
        say(&t, "; when ", named(&t, second), " acknowledged the FIN of ", named(&t, first),
            " it had sent its own, which was not captured then, so the two may have crossed");
        break;
      }
      say(&t, "; the capture misses segments that were acknowledged");
      if (connection_may_lack_fin(m))
        say(&t, ", and one of ", named(&t, second), " may have been the first FIN");
      break;
    case DOUBT_DROPS: say(&t, "; capture incomplete: the kernel dropped packets"); break;
    case DOUBT_CLOCK:
      say(&t, connection_is_joined(m) ? "; two taps were joined" : "; time runs backwards",
          " in the capture, so what came first cannot be told");
      break;
    case DOUBT_EVICTED: say(&t, "; more connections at once than --max-flows"); break;
  }
  if (size > 0) *t.at = '\0';
  return buffer;
}
