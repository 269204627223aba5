#include "common/model/loss.h"

#include <stddef.h>

#include "common/model/seq.h"

const char *loss_kind_name(enum loss_kind kind) {
  switch (kind) {
    case LOSS_FIN1: return "fin1";
    case LOSS_ACK1: return "ack1";
    case LOSS_FIN2: return "fin2";
    case LOSS_ACK2: return "final-ack";
    case LOSS_FIN1_OR_ACK1: return "fin1/ack1";
    case LOSS_FIN2_OR_ACK2: return "fin2/final-ack";
    case LOSS_KINDS: break;
  }
  return "";
}

const char *loss_place_name(enum loss_place place) {
  switch (place) {
    case LOSS_BEFORE_TAP: return "before-tap";
    case LOSS_AFTER_TAP: return "after-tap";
    case LOSS_PLACE_UNKNOWN: return "unknown";
    case LOSS_BETWEEN_TAPS: return "between-taps";
    case LOSS_PLACES: break;
  }
  return "";
}

void loss_note_copy(struct close_fin *fin, const struct segment *segment, int64_t delay_us,
                    bool crossed, bool outdated, bool moves) {
  if (fin->copies > 0) {
    int64_t gap_us = segment->t_us - fin->last_us;
    bool grew = gap_us > fin->last_gap_us + fin->last_gap_us / 4;
    fin->flat_gaps = grew ? 0 : fin->flat_gaps + 1;
    fin->last_gap_us = gap_us;
  }
  fin->copy[fin->copies++ % LOSS_KEPT] = (struct loss_copy){.t_us = segment->t_us,
                                                            .seq = segment->seq,
                                                            .tsval = segment->tsval,
                                                            .delay_us = (uint32_t)delay_us,
                                                            .is_lost = segment->is_lost,
                                                            .outdated = outdated,
                                                            .moves = moves};
  fin->lost[LOSS_OF_FIN] += segment->is_lost;
  fin->last_us = segment->t_us;
  if (!crossed) fin->unanswered++;
}

void loss_note_acked(struct close_fin *fin, uint32_t ack) {
  if (fin->answers == 0) return;
  struct loss_answer *newest = &fin->answer[(fin->answers - 1) % LOSS_KEPT];
  if (!newest->plain && seq_lt(newest->end, ack)) newest->is_old = true;
}

void loss_note_beside(struct close_fin *fin, uint32_t fin_seq, const struct segment *segment) {
  if (segment->tsval == fin->copy[0].tsval) fin->stamped_alone = false;
  if (!seq_lt(segment->seq, fin_seq)) return;
  struct loss_copy *newest = &fin->copy[(fin->copies - 1) % LOSS_KEPT];
  if (seq_gt(segment->tsval, newest->tsval)) newest->passed = true;
}

void loss_note_answer(struct close_fin *fin, uint32_t fin_seq, uint32_t acked_before,
                      bool before_time_wait, const struct segment *segment, int64_t delay_us) {
  fin->answer[fin->answers++ % LOSS_KEPT] = (struct loss_answer){
      .t_us = segment->t_us,
      .tsecr = segment->tsecr,
      .acked_before = acked_before,
      .dsack_left = segment->sack_left,
      .end = segment_end(segment),
      .delay_us = (uint32_t)delay_us,
      .is_lost = segment->is_lost,
      .dsack = segment_has_dsack(segment) && seq_gt(segment->sack_right, fin_seq),
      .plain = segment_len(segment) == 0,
      .bare = segment_len(segment) == 0 && !(segment->options & SEGMENT_OPTIONS_CUT),
      .before_time_wait = before_time_wait,
  };
  fin->last_ack_us = segment->t_us;
  fin->lost[LOSS_OF_ACK] += segment->is_lost;
  if (!segment->is_lost) fin->unanswered = 0;
}

/* ---- The table ------------------------------------------------------------------------------ */

/* What an answer says about the copies before the one that it answers. */
enum {
  CLUE_SACKED = 0x01, /* the FIN had been acknowledged selectively */
  CLUE_DSACK = 0x02,  /* it reports the FIN as having come twice */
  CLUE_SOON = 0x04,   /* each copy came before the ACK of the one before it could have */
  CLUE_FIRST = 0x08,  /* no copy had been answered before */
  CLUE_BARE = 0x10,   /* it could have carried a D-SACK */
  CLUE_SACK_PERMITTED = 0x20,
  CLUE_TIME_WAIT = 0x40,  /* its sender keeps the first timestamp and sends no D-SACK */
  CLUE_AWAKE = 0x800,     /* it was not in TIME_WAIT yet */
  CLUE_ECHO = 0x80,       /* it echoes the timestamp of one copy */
  CLUE_ECHO_OLD = 0x400,  /* of one before that, and no ACK is delayed for so long */
  CLUE_WHOLE = 0x100,     /* what it answers begins where had been acknowledged to */
  CLUE_ALL_TWICE = 0x200, /* it has a D-SACK, and so does what that reports: all had come before */
  CLUE_APART = 0x1000,    /* the ACK of any copy before would not have been delayed until it */
  CLUE_NETWORK_COPIES = 0x2000,
  CLUE_REORDERS = 0x10000, /* what is sent later may come sooner: the delay varies */
  CLUE_PROMPT = 0x4000,    /* so soon after the newest copy that it answers that one */
  CLUE_LATE = 0x8000, /* without data, and so long after that all may have come together, and it
                         answers them all */
};

enum outcome {
  NOTHING_LOST,
  FINS_LOST,    /* all of them, after the tap */
  ONE_ARRIVED,  /* and its ACK was lost before the tap; of the others nobody can tell */
  THAT_ARRIVED, /* the named one, the same */
  ECHO_ARRIVED, /* the named one and its ACK was lost; those before it were lost themselves */
  EITHER_LOST,
  UNTOLD,
};

/* The first row that fits. The rows of a D-SACK hold for every stack that sends them (RFC 2883);
 * those of timestamps for RFC 7323 4.3 in TIME_WAIT, where nothing updates TS.Recent. */
/* clang-format off */
static const struct {
  unsigned needs, forbids;
  enum outcome outcome;
  const char *because;
} rules[] = {
    {CLUE_SACKED, 0, NOTHING_LOST, "its receiver had acknowledged it selectively"},
    {CLUE_DSACK | CLUE_SOON, 0, NOTHING_LOST, "it was repeated sooner than an ACK is delayed"},
    {CLUE_TIME_WAIT | CLUE_ECHO | CLUE_FIRST, 0, ECHO_ARRIVED,
     "the echoed timestamp names the copy that came first"},
    {CLUE_FIRST | CLUE_LATE, 0, UNTOLD,
     "the answer came so late that all copies may have come together"},
    {CLUE_FIRST | CLUE_ALL_TWICE | CLUE_ECHO_OLD, 0, THAT_ARRIVED,
     "a D-SACK says that it had come before, and the echoed timestamp when"},
    {CLUE_FIRST | CLUE_ALL_TWICE | CLUE_APART, CLUE_NETWORK_COPIES, ONE_ARRIVED,
     "a D-SACK says that a copy had come before"},
    {CLUE_FIRST | CLUE_ALL_TWICE, 0, EITHER_LOST,
     "a D-SACK says that a copy had come before, or that the network made one"},
    {CLUE_DSACK | CLUE_FIRST, 0, UNTOLD,
     "a copy had come, and had no answer because octets before it were missing"},
    {CLUE_ECHO_OLD | CLUE_REORDERS, 0, UNTOLD, "the answer echoes the timestamp of an earlier copy: it may be late"},
    {CLUE_FIRST | CLUE_BARE | CLUE_SACK_PERMITTED | CLUE_WHOLE | CLUE_PROMPT | CLUE_AWAKE, 0, FINS_LOST,
     "the ACK carries no D-SACK, so no other copy had come"},
    {CLUE_SOON, 0, UNTOLD, "it was repeated sooner than an ACK could come"},
    {0, 0, EITHER_LOST, "nothing tells whether the FIN or its ACK was lost"},
};
/* clang-format on */

static const char NOT_THERE[] = "its receiver went on without it long after it had passed";
static const char UNAWARE[] = "the FIN was sent again long after it had passed";
static const char OLD[] = "the ACK came with octets that had come before: then it is dropped";
static const char BETWEEN[] = "it passed one tap, and never the other";
static const char REST[] = "nothing names the other copies";
static const char OVERTAKEN[] = "a newer timestamp may have come before it: then it is dropped";
static const char MOVED[] = "it may have ended CLOSING, and that has no answer";
static const char TOGETHER[] =
    "an ACK that changed the state of its receiver came together with it: then it may be dropped";
static const char BEHIND[] = "octets before it were missing: if it came, it had no answer";

/* ---- The inference -------------------------------------------------------------------------- */

/* Copies and answers are walked in the order of their times. */
struct walk {
  const struct close_fin *fin;
  const struct loss_context *context;
  struct losses losses;
  uint32_t pending,
      next;            /* the copies from `pending` on, to before `next`, are not accounted for */
  uint32_t answers;    /* walked so far */
  int64_t answered_us; /* the newest of those; */
  bool answer_counted; /* it has been counted as lost */
  bool answer_is_old;
  bool delayed;    /* a copy was under way for longer than the one before it */
  bool two_in_one; /* the first answer has a D-SACK: it may also be that of the copy before */
  bool moved;      /* the receiver has left CLOSING */
};

static const struct loss_copy *copy_of(const struct walk *w, uint32_t i) {
  return &w->fin->copy[i % LOSS_KEPT];
}

static void claim(struct walk *w, enum loss_of what, enum loss_place place, uint32_t n,
                  const char *because) {
  if (n == 0) return;
  w->losses.count[what][place] = (uint16_t)(w->losses.count[what][place] + n);
  w->losses.because[what][place] = because;
}

static bool take_back(struct walk *w, enum loss_of what, enum loss_place place) {
  if (w->losses.count[what][place] == 0) return false;
  w->losses.count[what][place]--;
  return true;
}

/* The newest answer had passed the tap, and the sender has not heard of it. */
static void answer_was_lost(struct walk *w, int64_t shown_us) {
  if (w->answers == 0 || w->answer_counted) return;
  if (shown_us - w->answered_us < w->context->sender_soon_us) return;
  if (w->answer_is_old) {
    w->losses.untold_because = OLD;
    return;
  }
  claim(w, LOSS_OF_ACK, LOSS_AFTER_TAP, 1, UNAWARE);
  w->answer_counted = true;
}

/* The pending copy whose timestamp the answer echoes; false when there is none, or several. */
static bool echoed_copy(const struct walk *w, const struct loss_answer *a, uint32_t *which) {
  unsigned n = 0;
  for (uint32_t i = w->pending; i < w->next; i++) {
    if (copy_of(w, i)->tsval != a->tsecr) continue;
    *which = i;
    n++;
  }
  return n == 1;
}

/* The answer came sooner after the copy than any does, or left before the copy passed. */
static bool is_too_soon(const struct walk *w, const struct loss_answer *a, uint32_t copy) {
  int64_t took_us = a->t_us - copy_of(w, copy)->t_us;
  return took_us < w->context->receiver_us || took_us < a->delay_us;
}

/* Which of the pending copies is answered: the newest that the answer can be to. Where a D-SACK
 * would tell of a second arrival and there is none, the echo names it. */
static uint32_t answered_copy(const struct walk *w, const struct loss_answer *a, bool echo,
                              uint32_t echoed) {
  bool alone = a->bare && !a->dsack && w->context->sack_permitted && a->before_time_wait;
  if (echo && alone) return echoed;
  uint32_t to = w->next - 1;
  /* The first D-SACK answers the second copy that arrived, at the least. */
  uint32_t least = a->dsack && w->answers == 0 ? w->pending + 1 : w->pending;
  while (to > least && is_too_soon(w, a, to)) to--;
  return to;
}

/* No ACK is delayed until the copy that follows this one, which did not leave before it came. */
static bool is_awaited(const struct walk *w, uint32_t i) {
  return copy_of(w, i + 1)->t_us - copy_of(w, i)->t_us >= LOSS_DELAYED_ACK_US + w->context->path_us;
}

static unsigned clues_of(const struct walk *w, const struct loss_answer *a, bool echo,
                         uint32_t echoed, uint32_t to) {
  unsigned clues = 0;
  bool soon = true;
  for (uint32_t i = w->pending; i < to; i++)
    if (is_awaited(w, i)) soon = false;
  if (w->fin->sacked) clues |= CLUE_SACKED;
  if (a->dsack) clues |= CLUE_DSACK;
  if (soon) clues |= CLUE_SOON;
  if (w->answers == 0) clues |= CLUE_FIRST;
  if (a->bare) clues |= CLUE_BARE;
  if (w->context->sack_permitted) clues |= CLUE_SACK_PERMITTED;
  if (w->context->met_time_wait) clues |= CLUE_TIME_WAIT;
  if (a->before_time_wait) clues |= CLUE_AWAKE;
  if (w->context->reorders) clues |= CLUE_REORDERS;
  if (w->context->network_copies) clues |= CLUE_NETWORK_COPIES;
  if (is_awaited(w, to - 1)) clues |= CLUE_APART;
  bool prompt = a->t_us - copy_of(w, to)->t_us < LOSS_DELAYED_ACK_US + w->context->path_us;
  if (prompt) clues |= CLUE_PROMPT;
  /* It may also answer a copy that was not captured; then it echoes another timestamp. */
  /* To a newer copy, and a little quicker than any answer before it, as where the delay varies? */
  const struct loss_copy *newest = copy_of(w, w->next - 1);
  bool quick = to + 1 < w->next && a->t_us - newest->t_us >= w->context->receiver_us * 2 / 3;
  if (a->plain && !prompt && !quick && seq_leq(a->tsecr, copy_of(w, to)->tsval)) clues |= CLUE_LATE;
  if (echo) clues |= CLUE_ECHO;
  if (echo && echoed < to && is_awaited(w, echoed)) clues |= CLUE_ECHO_OLD;
  if (seq_leq(copy_of(w, to)->seq, a->acked_before)) clues |= CLUE_WHOLE;
  if (a->dsack && seq_leq(a->dsack_left, a->acked_before)) clues |= CLUE_ALL_TWICE;
  return clues;
}

/* Within a moment of this copy the same sender acknowledged its receiver's FIN: on two processors
 * of the receiver, where one replaces the socket meanwhile, the other drops what it has (Linux).
 * With the first copy, which often follows on the ACK, the moment is as long as that takes, and the
 * answer has to echo another one's timestamp: so the first was not taken. */
static bool is_together(const struct walk *w, const struct loss_answer *a, uint32_t i) {
  enum { TOGETHER_US = 1000, FIRST_TOGETHER_US = 100 };
  const struct close_fin *other = w->context->other;
  int64_t together_us = i == 0 ? FIRST_TOGETHER_US : TOGETHER_US;
  if (i == 0 && copy_of(w, i)->tsval == a->tsecr) return false;
  for (uint32_t k = 0; k < LOSS_KEPT; k++) {
    int64_t apart_us = other->answer[k].t_us - copy_of(w, i)->t_us;
    if (other->answer[k].plain && apart_us < together_us && apart_us > -together_us) return true;
  }
  return false;
}

/* Of the copies from `from` to before `to`, those that had an answer of their own if they came. One
 * that the next followed at once may also have come after that. */
static uint32_t answerable(struct walk *w, const struct loss_answer *a, uint32_t from,
                           uint32_t to) {
  uint32_t n = 0;
  for (uint32_t i = from; i < to; i++) {
    const struct loss_copy *copy = copy_of(w, i);
    if (copy->is_lost) continue;
    /* From then on it echoes the timestamp of what took it to TIME_WAIT. */
    bool moved = copy->moves && !w->moved && copy->tsval == a->tsecr;
    if (moved) {
      w->losses.untold_because = MOVED;
      w->moved = true; /* no more than one of them did it */
    } else if (copy->outdated || (copy->passed && w->context->reorders)) {
      w->losses.untold_because = OVERTAKEN;
    } else if (is_together(w, a, i)) {
      w->losses.untold_because = TOGETHER;
    } else if (!seq_leq(copy->seq, a->acked_before)) {
      w->losses.untold_because = BEHIND;
    } else if (is_awaited(w, i)) {
      n++;
    }
  }
  return n;
}

/* The copies from `pending` to before `to` have no answer of their own. */
static void judge(struct walk *w, const struct loss_answer *a, uint32_t to, unsigned clues,
                  uint32_t echoed) {
  uint32_t n = 0, rest;
  for (uint32_t i = w->pending; i < to; i++) n += !copy_of(w, i)->is_lost;
  if (n == 0) return; /* what became of each is known */
  unsigned row = 0;
  while ((rules[row].needs & ~clues) || (rules[row].forbids & clues)) row++;
  const char *because = rules[row].because;
  switch (rules[row].outcome) {
    case NOTHING_LOST:
      w->losses.spurious = (uint16_t)(w->losses.spurious + n);
      w->losses.spurious_because = because;
      break;
    case FINS_LOST:
      claim(w, LOSS_OF_FIN, LOSS_AFTER_TAP, answerable(w, a, w->pending, to), because);
      break;
    case ONE_ARRIVED:
      claim(w, LOSS_OF_ACK, LOSS_BEFORE_TAP, 1, because);
      rest = answerable(w, a, w->pending, to);
      if (rest > 0) claim(w, LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN, rest - 1, REST);
      break;
    case THAT_ARRIVED:
      claim(w, LOSS_OF_ACK, LOSS_BEFORE_TAP, 1, because);
      claim(w, LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN,
            answerable(w, a, w->pending, echoed) + answerable(w, a, echoed + 1, to), REST);
      break;
    case ECHO_ARRIVED:
      claim(w, LOSS_OF_FIN, LOSS_AFTER_TAP, answerable(w, a, w->pending, echoed), because);
      if (echoed == to) break;
      claim(w, LOSS_OF_ACK, LOSS_BEFORE_TAP, 1, because);
      claim(w, LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN, answerable(w, a, echoed + 1, to), REST);
      break;
    case EITHER_LOST:
      claim(w, LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN, answerable(w, a, w->pending, to), because);
      break;
    case UNTOLD: w->losses.untold_because = because; break;
  }
}

/* An answer too many: the receiver had got more copies than it seemed, or it had gone on for long
 * without one that was under way. If the first one carried a D-SACK, that one and the delayed ACK
 * of the copy before it were one segment. */
static void take_one_back(struct walk *w) {
  static const struct {
    enum loss_of what;
    enum loss_place place;
  } order[] = {{LOSS_OF_ACK, LOSS_BEFORE_TAP},
               {LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN},
               {LOSS_OF_FIN, LOSS_AFTER_TAP}};
  unsigned n = w->two_in_one ? 2 : 1;
  w->two_in_one = false;
  for (unsigned i = 0; n > 0 && i < sizeof order / sizeof *order;) {
    if (take_back(w, order[i].what, order[i].place))
      n--;
    else
      i++;
  }
}

/* It left so long before it passed, and the answer may have been under way for longer than any
 * round trip took, by as much as others that came the other way. */
static void walk_copy(struct walk *w) {
  const struct loss_copy *copy = copy_of(w, w->next);
  if (w->next > 0 && copy->delay_us > 0) w->delayed = true;
  answer_was_lost(w, copy->t_us - copy->delay_us - w->context->sender_varies_us);
  w->next++;
}

static void walk_answer(struct walk *w, const struct loss_answer *a) {
  uint32_t echoed = 0;
  if (w->pending == w->next) {
    take_one_back(w);
  } else {
    bool echo = echoed_copy(w, a, &echoed);
    uint32_t to = answered_copy(w, a, echo, echoed);
    if (echoed > to) echo = false;
    judge(w, a, to, clues_of(w, a, echo, echoed, to), echoed);
    if (copy_of(w, to)->moves) w->moved = true;
    w->pending = to + 1;
  }
  if (w->answers++ == 0) w->two_in_one = a->dsack;
  w->answered_us = a->t_us;
  w->answer_counted = a->is_lost; /* for certain, below */
  w->answer_is_old = a->is_old;
}

/* The receiver went on without the FIN: no copy had arrived that passed long before. */
static void walk_not_there(struct walk *w) {
  uint32_t n = 0;
  if (w->answers > 0) return;
  while (w->pending < w->next &&
         w->fin->not_there_us - copy_of(w, w->pending)->t_us >= w->context->receiver_long_us) {
    if (!copy_of(w, w->pending)->is_lost) n++;
    w->pending++;
  }
  claim(w, LOSS_OF_FIN, LOSS_AFTER_TAP, n, NOT_THERE);
}

struct losses loss_infer(const struct close_fin *fin, const struct loss_context *context) {
  struct walk w = {.fin = fin, .context = context};
  claim(&w, LOSS_OF_FIN, LOSS_BETWEEN_TAPS, fin->lost[LOSS_OF_FIN], BETWEEN);
  claim(&w, LOSS_OF_ACK, LOSS_BETWEEN_TAPS, fin->lost[LOSS_OF_ACK], BETWEEN);
  uint32_t forgotten = fin->copies > LOSS_KEPT ? fin->copies - LOSS_KEPT : 0;
  uint32_t answers = fin->answers > LOSS_KEPT ? fin->answers - LOSS_KEPT : 0;
  w.pending = w.next = forgotten;
  for (uint32_t a = answers; a < fin->answers; a++) {
    const struct loss_answer *answer = &fin->answer[a % LOSS_KEPT];
    while (w.next < fin->copies && copy_of(&w, w.next)->t_us <= answer->t_us) walk_copy(&w);
    walk_not_there(&w);
    walk_answer(&w, answer);
  }
  while (w.next < fin->copies) walk_copy(&w);
  walk_not_there(&w);
  answer_was_lost(&w, fin->unaware_us - context->sender_varies_us);
  if (fin->answer_met_closed && fin->answers > 1)
    w.losses.final_ack_late = take_back(&w, LOSS_OF_ACK, LOSS_AFTER_TAP) ||
                              take_back(&w, LOSS_OF_ACK, LOSS_BEFORE_TAP) || w.delayed;
  return w.losses;
}
