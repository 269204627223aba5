#include "common/model/verdict.h"

#include <assert.h>
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

const char *conformity_name(enum conformity conformity) {
  switch (conformity) {
    case CONFORMS: return "conforms";
    case VIOLATES: return "violates";
    case CANNOT_TELL: return "cannot-tell";
  }
  return "";
}

/* ---- What happened -------------------------------------------------------------------------- */

bool verdict_fin_is_acked(const struct model *m, unsigned which) {
  const struct close_fin *fin = &m->fin[which];
  return fin->answers > 0 && fin->unanswered == 0;
}

int64_t verdict_quiet_us(const struct model *m, unsigned which) {
  /* Three times what a sender waits before it repeats: RFC 6298's least, once it knows the path, or
   * else the 3 s that it falls back to after a lost SYN. */
  enum { RTO_US = 1000000, RTO_UNKNOWN_US = 3000000, TIMES = 3 };
  /* Fewer copies than after which any stack gives up: Windows repeats five times. */
  enum { GIVEN_UP_COPIES = 6 };
  const struct close_fin *fin = &m->fin[which];
  if (fin->copies == 0 || fin->copies >= GIVEN_UP_COPIES || fin->answers > 0) return INT64_MAX;
  if (connection_is_joined(m)) return INT64_MAX; /* another tap may have gone on for longer */
  bool known = m->end[0].round_trip.is_known || m->end[1].round_trip.is_known;
  int64_t path_us = m->end[0].round_trip.least_us + m->end[1].round_trip.least_us;
  int64_t rto_us = !known ? RTO_UNKNOWN_US : path_us * 2 > RTO_US ? path_us * 2 : RTO_US;
  if (connection_fin_is_lost(m, which, fin->not_there_us)) return INT64_MAX;
  if (m->rst.from != END_NONE) return INT64_MAX; /* which ends all repetition */
  enum end closer = connection_closer(m, which);
  if (m->end[closer].fin_is_void) return INT64_MAX; /* nobody takes it */
  if (fin->last_gap_us * 2 > rto_us) rto_us = fin->last_gap_us * 2;
  return fin->last_us + TIMES * rto_us;
}

bool verdict_fin_is_quiet(const struct model *m, unsigned which, int64_t now_us) {
  return now_us >= verdict_quiet_us(m, which);
}

enum {
  ACKED1 = 0x01,
  ACKED2 = 0x02,
  SENT1 = 0x04,
  SENT2 = 0x08,
  RST = 0x10,
  REFUSED = 0x20,
  CROSSED = 0x40,
  COALESCED = 0x80
};

/* The first row that fits. */
/* clang-format off */
static const struct {
  unsigned needs, forbids;
  enum ending ending;
} endings[] = {
    {ACKED1 | ACKED2 | CROSSED, 0, ENDING_SIMULTANEOUS},
    {ACKED1 | ACKED2 | COALESCED, 0, ENDING_COALESCED},
    {ACKED1 | ACKED2, 0, ENDING_NORMAL},
    {REFUSED, 0, ENDING_REFUSED},
    {RST, 0, ENDING_RESET},
    {0, SENT1, ENDING_OPEN},
    {SENT2, ACKED2, ENDING_LAST_ACK},
    {ACKED1, 0, ENDING_CLOSE_WAIT},
    {0, 0, ENDING_FIN_UNANSWERED},
};
/* clang-format on */

enum ending ending_of(const struct model *m, int64_t now_us) {
  unsigned clues = 0, row = 0;
  for (unsigned which = FIN1; which <= FIN2; which++) {
    if (m->fin[which].copies > 0) clues |= which == FIN1 ? SENT1 : SENT2;
    if (verdict_fin_is_acked(m, which) || verdict_fin_is_quiet(m, which, now_us))
      clues |= which == FIN1 ? ACKED1 : ACKED2;
  }
  if (m->rst.from != END_NONE) clues |= RST;
  if (m->rst.refused) clues |= REFUSED;
  if (m->crossed) clues |= CROSSED;
  if (m->coalesced) clues |= COALESCED;
  while ((endings[row].needs & ~clues) || (endings[row].forbids & clues)) row++;
  return endings[row].ending;
}

const char *doubt_name(enum doubt doubt) {
  static const char *const names[] = {
      [DOUBT_MIDSTREAM] = "midstream", [DOUBT_ONE_DIRECTION] = "one-direction",
      [DOUBT_NO_ACKS] = "no-acks",     [DOUBT_GAP] = "gap",
      [DOUBT_DROPS] = "drops",         [DOUBT_CLOCK] = "clock",
      [DOUBT_EVICTED] = "evicted"};
  return names[doubt];
}

static enum doubt doubt_of(const struct model *m, enum ending ending, int64_t now_us) {
  if (m->capture_incomplete) return DOUBT_DROPS;
  if (m->not_all_kept) return DOUBT_EVICTED;
  /* When one of two taps ended is not known, so neither is for how long an end has been silent. */
  bool unfinished = !ending_is_complete(ending) && m->rst.from == END_NONE;
  if (connection_lacks_order(m) || (connection_is_joined(m) && unfinished)) return DOUBT_CLOCK;
  for (int i = 0; i < 2; i++)
    if (!m->end[i].has_spoken && m->end[1 - i].offer.has_ack) return DOUBT_ONE_DIRECTION;
  if (!ending_is_complete(ending) && (m->end[0].stream.missed || m->end[1].stream.missed))
    return DOUBT_GAP;
  if (m->ack1_beyond && m->fin[FIN2].copies > 0) return DOUBT_GAP;
  if (ending == ENDING_CLOSE_WAIT && m->superseded) return DOUBT_GAP;
  if (connection_may_lack_fin(m)) return DOUBT_GAP;
  if (ending == ENDING_OPEN && m->rst_beyond) return DOUBT_GAP;
  bool closed = m->first_closer != END_NONE || m->rst.from != END_NONE;
  /* Both have sent octets since, so neither had closed before. */
  bool both_open = m->end[0].sent_stream && m->end[1].sent_stream;
  if (closed && m->midstream && !both_open) return DOUBT_MIDSTREAM;
  /* The FIN had its ACK, or it would have been repeated. */
  bool quiet = verdict_fin_is_quiet(m, FIN1, now_us) || verdict_fin_is_quiet(m, FIN2, now_us);
  if (quiet || m->ack1_missing) return DOUBT_NO_ACKS;
  bool unanswered = ending == ENDING_FIN_UNANSWERED || ending == ENDING_LAST_ACK;
  if (unanswered && !connection_has_bare_acks(m)) return DOUBT_NO_ACKS;
  return DOUBT_NONE;
}

static void add_finding(struct verdict *v, enum finding_id id, enum end who, int64_t t_us,
                        uint32_t expected, uint32_t actual) {
  v->findings[v->n_findings++] = (struct finding){t_us, expected, actual, id, who};
}

/* It was sent again, and not so soon that no answer could have come: for want of its ACK. */
static bool is_repeated(const struct model *m, unsigned which) {
  const struct close_fin *fin = &m->fin[which];
  enum end closer = connection_closer(m, which);
  return !m->end[closer].fin_is_void &&
         fin->last_us - fin->first_us >= endpoint_soon_us(&m->end[end_other(closer)]);
}

/* Who keeps whom waiting when the capture ends. What was sent once and never again, though its
 * sender would have repeated it, is nobody's fault that could be told. */
static void add_stuck(struct verdict *v, const struct model *m, int64_t now_us) {
  enum end first = m->first_closer, second = end_other(first);
  int64_t last_us = m->half_close_us > m->last_control_us ? m->half_close_us : m->last_control_us;
  bool waited = now_us - last_us >= VERDICT_STUCK_US;
  const struct close_fin *fin1 = &m->fin[FIN1], *fin2 = &m->fin[FIN2];
  if (v->ending == ENDING_FIN_UNANSWERED && is_repeated(m, FIN1))
    add_finding(v, FINDING_FIN_UNANSWERED, second, fin1->first_us, 0, 0);
  v->has_waited = waited;
  if (v->ending == ENDING_CLOSE_WAIT && waited && !v->may_have_closed)
    add_finding(v, FINDING_CLOSE_WAIT_STUCK, second, fin1->acked_us, 0, 0);
  /* Its peer has given up waiting; it had not closed until then. */
  int64_t since_us = m->half_close_us > fin1->acked_us ? m->half_close_us : fin1->acked_us;
  bool left_waiting = m->rst.from == first && fin1->answers > 0 && fin2->copies == 0;
  if (left_waiting && m->rst.t_us - since_us >= VERDICT_LASTED_US)
    add_finding(v, FINDING_CLOSE_WAIT_STUCK, second, fin1->acked_us, 0, 0);
  if (ending_is_complete(v->ending) && fin2->first_us - since_us >= VERDICT_LASTED_US)
    add_finding(v, FINDING_CLOSE_WAIT_LASTED, second, fin1->acked_us, 0, 0);
  if (v->ending != ENDING_LAST_ACK) return;
  if (fin2->answers > 0 && fin2->unanswered > 1)
    add_finding(v, FINDING_FIN_NOT_REACKED, first, fin2->last_us, 0, 0);
  else if (fin2->answers == 0 && is_repeated(m, FIN2))
    add_finding(v, FINDING_FINAL_ACK_MISSING, first, fin2->first_us, 0, 0);
}

static void sum_losses(struct verdict *v, const struct model *m) {
  static const enum loss_kind kinds[2][LOSS_OF] = {
      [FIN1] = {LOSS_FIN1, LOSS_ACK1, LOSS_FIN1_OR_ACK1},
      [FIN2] = {LOSS_FIN2, LOSS_ACK2, LOSS_FIN2_OR_ACK2},
  };
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct losses losses = connection_losses(m, which);
    v->spurious_because[which] = losses.spurious_because;
    v->untold_because[which] = losses.untold_because;
    v->final_ack_was_late = losses.final_ack_late; /* of FIN2, the last */
    for (unsigned what = 0; what < LOSS_OF; what++) {
      enum loss_kind kind = kinds[which][what];
      memcpy(v->losses[kind], losses.count[what], sizeof v->losses[kind]);
      memcpy(v->loss_because[kind], losses.because[what], sizeof v->loss_because[kind]);
    }
  }
}

/* ---- What was said before -------------------------------------------------------------------- */

static void note_idle(struct verdict *v, const struct model *m) {
  v->idle_us = -1;
  bool closed = m->first_closer != END_NONE;
  if (!closed && m->rst.from == END_NONE) return;
  for (unsigned i = 0; i < 2; i++)
    if (m->end[i].stream.missed || m->end[i].stream.snd_contig != m->end[i].stream.snd_nxt) return;
  if (m->talk.octets_us == 0 || m->capture_incomplete || m->not_all_kept ||
      connection_lacks_order(m))
    return;
  v->idle_answered = !closed && m->rst.came_soon && m->talk.from != m->rst.from;
  if (v->idle_answered)
    v->idle_us = m->talk.pause_us;
  else
    v->idle_us = (closed ? m->first_fin_us : m->rst.t_us) - m->talk.octets_us;
}

static void note_path(struct verdict *v, const struct model *m) {
  if (m->rst_path_from == END_NONE) return;
  const struct talk_path *own = &m->path[m->rst_path_from];
  v->other_path = own->hops != 0 && !own->varies && m->rst_path.hops != own->hops;
}

static void note_tls(struct verdict *v, const struct model *m) {
  if (m->first_closer == END_NONE || v->idle_us < 0) return;
  bool both = m->tls[0] != TALK_NOT_TLS && m->tls[1] != TALK_NOT_TLS;
  v->no_close_notify = both && m->tls[m->first_closer] == TALK_TLS_RECORD;
}

void verdict_make(struct verdict *v, const struct model *m, int64_t now_us) {
  memset(v, 0, sizeof *v);
  v->ending = ending_of(m, now_us);
  v->cause = reset_cause_of(m, &v->cause_because);
  v->doubt = doubt_of(m, v->ending, now_us);
  v->closed_both = m->crossed;
  v->closed_first = m->crossed ? END_NONE : m->first_closer;
  v->of = m->coalesced ? 3 : 4;
  v->count = (uint8_t)(__builtin_popcount(m->roles_seen) - (m->coalesced ? 1 : 0));
  for (int i = 0; i < 2; i++)
    if (m->fin[i].copies > 1) v->fin_retransmissions += m->fin[i].copies - 1;
  sum_losses(v, m);
  note_idle(v, m);
  note_path(v, m);
  note_tls(v, m);
  bool lasted = m->first_closer != END_NONE && m->last_control_us > m->first_fin_us;
  if (lasted) v->duration_us = m->last_control_us - m->first_fin_us;

  /* What seems to be a breach may be the rest of what was not captured. */
  bool holes = v->doubt == DOUBT_DROPS || v->doubt == DOUBT_EVICTED || v->doubt == DOUBT_CLOCK;
  for (int i = 0; i < m->n_findings; i++)
    if (!holes || finding_text(m->findings[i].id)->severity != FINDING_BREACH)
      v->findings[v->n_findings++] = m->findings[i];
  /* Where the capture begins in the middle, or lacks what an end sent, that may have closed. */
  bool sees_all = v->doubt == DOUBT_NONE || v->doubt == DOUBT_NO_ACKS || v->doubt == DOUBT_CLOCK;
  v->may_have_closed = v->ending == ENDING_CLOSE_WAIT && !sees_all;
  /* Nothing that could have ended it may be missing. */
  if (v->doubt == DOUBT_NONE || v->doubt == DOUBT_MIDSTREAM) add_stuck(v, m, now_us);

  v->conformity = v->doubt == DOUBT_NONE ? CONFORMS : CANNOT_TELL;
  for (int i = 0; i < v->n_findings; i++)
    if (finding_text(v->findings[i].id)->severity == FINDING_BREACH) v->conformity = VIOLATES;
}

/* ---- What the kernel adds ------------------------------------------------------------------- */

static void drop_finding(struct verdict *v, enum finding_id id) {
  uint8_t kept = 0;
  for (uint8_t i = 0; i < v->n_findings; i++)
    if (v->findings[i].id != id) v->findings[kept++] = v->findings[i];
  v->n_findings = kept;
}

/* A half-close is legal: nobody is stuck whose peer may still read. Nor is who has left CLOSE_WAIT,
 * whatever was captured of that. */
static void hear_close_wait(struct verdict *v, const struct model *m, const struct witness *w) {
  if (v->ending != ENDING_CLOSE_WAIT) return;
  enum end second = end_other(m->first_closer);
  bool elsewhere = w->end[second].n > 0 && witness_last(&w->end[second]) != TCPS_CLOSE_WAIT;
  if (elsewhere) v->socket[second].is_known = false;
  v->only_half_closed = !elsewhere && v->socket[m->first_closer].is_held;
  if (elsewhere || v->only_half_closed) drop_finding(v, FINDING_CLOSE_WAIT_STUCK);
  if (!v->may_have_closed || w->end[second].n == 0 || elsewhere) return;
  v->may_have_closed = false; /* its kernel says that it has not */
  if (v->has_waited && !v->only_half_closed)
    add_finding(v, FINDING_CLOSE_WAIT_STUCK, second, m->fin[FIN1].acked_us, 0, 0);
}

void verdict_hear(struct verdict *v, const struct model *m, const struct witness *w,
                  const bool up_to_date[static 2]) {
  for (unsigned i = 0; i < 2; i++) v->socket[i] = w->end[i].socket;
  hear_close_wait(v, m, w);
  for (unsigned i = 0; i < 2; i++) {
    v->kernel[i] = witness_compare(&w->end[i], &m->end[i], up_to_date[i], m->rst.t_us);
    if (w->end[i].holder[0] != '\0') v->holder[i] = w->end[i].holder;
    if (w->end[i].closer[0] != '\0') v->closer[i] = w->end[i].closer;
    if (v->kernel[i].difference < WITNESS_NOT_THERE) continue;
    if (m->capture_incomplete) /* what would explain it may not have been captured */
      v->kernel[i].difference = WITNESS_AGREES;
    else
      add_finding(v, FINDING_KERNEL_DISAGREES, i, m->last_us, v->kernel[i].model_says,
                  v->kernel[i].kernel_says);
  }
}

void verdict_hear_reset(struct verdict *v, const char *reason) {
  if (*reason == '\0') return;
  v->kernel_reason = reason;
  if (v->cause != RESET_CANNOT_TELL && v->cause != RESET_LINGER_0) return;
  enum reset_cause cause = reset_cause_by_kernel(reason);
  if (cause == RESET_NONE) return;
  v->cause = cause;
  v->cause_because = "the kernel of its sender says so";
}

void verdict_agreement(const struct verdict *v, unsigned *agreed, unsigned *of) {
  *agreed = *of = 0;
  for (unsigned i = 0; i < 2; i++) {
    *agreed += v->kernel[i].agreed;
    *of += v->kernel[i].of;
  }
}

enum finding_id verdict_gravest(const struct verdict *v) {
  static const unsigned gravity[] = {[FINDING_BREACH] = 3, [FINDING_STUCK] = 2, [FINDING_NOTE] = 1};
  enum finding_id worst = FINDING_COUNT;
  unsigned most = 0;
  for (unsigned i = 0; i < v->n_findings; i++) {
    unsigned g = gravity[finding_text(v->findings[i].id)->severity];
    if (g > most) worst = v->findings[i].id;
    if (g > most) most = g;
  }
  return worst;
}

const struct finding *verdict_stuck(const struct verdict *v) {
  for (unsigned i = 0; i < v->n_findings; i++)
    if (finding_text(v->findings[i].id)->severity == FINDING_STUCK) return &v->findings[i];
  return NULL;
}

const char *verdict_word(const struct verdict *v) {
  return v->conformity == CONFORMS && verdict_stuck(v) ? finding_severity_name(FINDING_STUCK)
                                                       : conformity_name(v->conformity);
}

bool verdict_lost_nothing(const struct verdict *v) {
  static const uint16_t none[LOSS_KINDS][LOSS_PLACES];
  return memcmp(v->losses, none, sizeof none) == 0;
}

unsigned verdict_lost(const struct verdict *v, enum loss_kind kind) {
  unsigned lost = 0;
  for (unsigned k = 0; k < LOSS_KINDS; k++)
    for (unsigned place = 0; place < LOSS_PLACES && (kind == k || kind == LOSS_KINDS); place++)
      lost += v->losses[k][place];
  return lost;
}
