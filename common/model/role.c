#include "common/model/role.h"

#include <stddef.h>
#include <string.h>

#include "common/model/event.h"
#include "common/model/seq.h"

void role_count(const struct model *m, struct model_step *step) {
  step->of = m->coalesced ? 3 : 4;
  step->count = (uint8_t)(__builtin_popcount(m->roles_seen) - (m->coalesced ? 1 : 0));
}

unsigned role_of(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  unsigned roles = 0;
  if (segment_has(s, SEGMENT_RST)) return ROLE_RST;
  if (segment_has(s, SEGMENT_SYN) && !segment_carries_fin(s)) return ROLE_SYN;
  if (segment_has(s, SEGMENT_FIN) && (!f->has_fin || segment_fin_seq(s) == f->fin_seq))
    roles |= m->first_closer == END_NONE || m->first_closer == from ? ROLE_FIN1 : ROLE_FIN2;
  if (endpoint_fin_is_covered(p, s)) {
    bool acks_fin2 = m->first_closer == from;
    unsigned ack = acks_fin2 ? ROLE_ACK2 : ROLE_ACK1;
    /* Everything after the first covers the FIN too; it is that role again as a bare ACK, or as the
     * answer to a repeated FIN. */
    if (segment_len(s) == 0 || m->fin[acks_fin2].unanswered > 0) roles |= ack;
  }
  if (roles == 0 && s->payload_bytes > 0) roles = ROLE_DATA;
  return roles;
}

/* What a FIN that is sent again says about the copies before it. */
static void notes_on_repetition(struct observation *o, const struct close_fin *fin) {
  enum { FLAT_GAPS = 3, LINUX_DELAYED_ACK_US = 40000 };
  int64_t t_us = o->s->t_us;
  if (fin->flat_gaps >= FLAT_GAPS) observation_find(o, FINDING_BACKOFF_NOT_GROWING, o->from, 0, 0);
  bool soon = fin->last_gap_us < LINUX_DELAYED_ACK_US ||
              t_us - fin->short_ack_us < endpoint_soon_us(o->sender);
  if (fin->short_ack_us != 0 && !soon)
    observation_find(o, FINDING_ACK_SHORT_OF_FIN, o->from, o->sender->fin_seq + 1,
                     o->sender->fin_seq);
}

static uint32_t fin_seq_of(const struct model *m, unsigned which) {
  return m->end[connection_closer(m, which)].fin_seq;
}

/* A bare ACK has its sender's next number. In TIME_WAIT the octet before that is a FIN, which was
 * acknowledged. */
static bool is_before_time_wait(const struct observation *o) {
  const struct endpoint *f = o->sender, *p = o->receiver;
  return !f->has_fin || seq_lt(p->offer.ack_max, o->s->seq);
}

/* The segment is an ACK of this FIN. */
static void note_ack(struct observation *o, unsigned which) {
  loss_note_answer(&o->m->fin[which], fin_seq_of(o->m, which), o->acked_before,
                   is_before_time_wait(o), o->s, o->delay_us);
}

/* FIN2 is the first segment to acknowledge FIN1, so late that no ACK is delayed so long (RFC 9293,
 * 3.8.6.3), and FIN1 was not repeated: its ACK was there, and was not captured. */
static bool ack1_is_missing(const struct model *m, const struct segment *s) {
  return m->fin[FIN1].copies == 1 && s->t_us - m->fin[FIN1].last_us > ROLE_DELAYED_ACK_MAX_US;
}

/* Its sender had used a higher number before, and not because the segment was overtaken. */
static bool is_again(const struct observation *o) {
  bool has_timestamps = o->s->options & SEGMENT_HAS_TIMESTAMPS;
  return o->late && (o->stamped_anew || !has_timestamps);
}

bool role_is_crossing(const struct observation *o) {
  const struct model *m = o->m;
  bool was_sent = m->ack1_beyond && m->ack1_is_first && is_again(o);
  return !endpoint_fin_is_covered(o->receiver, o->s) || was_sent;
}

void role_note(struct observation *o) {
  static const struct {
    unsigned fin, ack;
  } roles[] = {[FIN1] = {ROLE_FIN1, ROLE_ACK1}, [FIN2] = {ROLE_FIN2, ROLE_ACK2}};
  struct model *m = o->m;
  struct model_step *step = o->step;
  int64_t t_us = o->s->t_us;
  step->new_roles = (uint8_t)(step->roles & ROLES_OF_CLOSE & ~m->roles_seen);
  m->roles_seen |= step->new_roles;
  if (step->new_roles & ROLE_FIN1) {
    m->first_closer = o->from;
    m->first_fin_us = t_us;
  }
  if (step->new_roles & ROLE_ACK1) {
    m->ack1_beyond = seq_gt(segment_end(o->s), o->sender->stream.snd_contig);
    m->ack1_is_first = m->fin[FIN1].copies == 1 && (m->last_roles[o->to] & ROLE_FIN1);
  }
  if (step->new_roles & ROLE_FIN2) {
    m->crossed = role_is_crossing(o);
    m->ack1_beyond = m->ack1_beyond && endpoint_fin_is_covered(o->receiver, o->s) && is_again(o);
    m->coalesced = step->new_roles & ROLE_ACK1;
    if (m->coalesced && ack1_is_missing(m, o->s)) {
      m->coalesced = false;
      m->ack1_missing = true;
      m->roles_seen &= (uint8_t)~ROLE_ACK1;
      step->roles &= (uint8_t)~ROLE_ACK1;
      step->new_roles &= (uint8_t)~ROLE_ACK1;
      m->fin[FIN1].acked_us = t_us;
      note_ack(o, FIN1);
    }
  }
  bool moves = m->crossed && endpoint_fin_is_covered(o->receiver, o->s);
  for (unsigned which = FIN1; which <= FIN2; which++) {
    struct close_fin *fin = &m->fin[which];
    if (step->new_roles & roles[which].fin) fin->first_us = t_us;
    if (step->new_roles & roles[which].ack) fin->acked_us = t_us;
    if (step->roles & roles[which].ack) {
      step->again = fin->answers;
      step->since_copy_us = t_us - fin->last_ack_us;
      note_ack(o, which);
    }
    if (!(step->roles & roles[which].fin)) continue;
    step->again = fin->copies;
    /* Captured late, it is no repetition: its sender has said more since. */
    if (o->stale && fin->copies > 0) continue;
    step->since_copy_us = t_us - fin->last_us;
    loss_note_copy(fin, o->s, o->delay_us, observation_crosses_answer(o), o->overtaken, moves);
    if (fin->copies == 1) fin->stamped_alone = o->stamped_alone;
    notes_on_repetition(o, fin);
  }
  if (step->new_roles) step->again = 0;
  role_count(m, step);
}

void role_exchange_fins(struct observation *o) {
  struct model *m = o->m;
  struct close_fin earlier = m->fin[FIN2];
  m->fin[FIN2] = m->fin[FIN1];
  m->fin[FIN1] = earlier;
  /* Both were sent no later than the first of them was captured. */
  m->fin[FIN1].first_us = m->fin[FIN2].first_us = m->first_fin_us;
  m->fin[FIN1].acked_us = m->fin[FIN1].short_ack_us = 0;
  m->first_closer = o->from;
  m->crossed = m->ack1_beyond = false;
  m->coalesced = o->receiver->fin_acks_more;
  m->roles_seen = (m->roles_seen & ROLE_ACK1 ? ROLE_ACK2 : 0) | ROLE_FIN1 | ROLE_FIN2;
  o->step->roles = o->step->new_roles = ROLE_FIN1;
}

void role_acked_before(struct observation *o) {
  unsigned which = connection_fin_of(o->m, o->from);
  o->m->roles_seen |= which == FIN1 ? ROLE_ACK1 : ROLE_ACK2;
  o->m->fin[which].acked_us = o->s->t_us;
  /* The segment is the FIN, and its answer was captured before. */
  uint32_t fin_seq = fin_seq_of(o->m, which);
  loss_note_answer(&o->m->fin[which], fin_seq, fin_seq, false, o->s, o->delay_us);
  role_count(o->m, o->step);
}
