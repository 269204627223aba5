#include "common/model/role.h"

#include <stddef.h>
#include <string.h>

#include "common/model/event.h"
#include "common/model/seq.h"

const char *role_names(unsigned roles, char buffer[static 40]) {
  static const struct {
    unsigned role;
    const char *name;
  } names[] = {{ROLE_FIN1, "fin1"},      {ROLE_FIN2, "fin2"}, {ROLE_ACK1, "ack1"},
               {ROLE_ACK2, "final-ack"}, {ROLE_RST, "rst"},   {ROLE_SYN, "syn"},
               {ROLE_DATA, "data"}};
  buffer[0] = '\0';
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (!(roles & names[i].role)) continue;
    if (buffer[0]) strcat(buffer, "+");
    strcat(buffer, names[i].name);
  }
  return buffer;
}

void role_count(const struct model *m, struct model_step *step) {
  step->of = m->coalesced ? 3 : 4;
  step->count = (uint8_t)(__builtin_popcount(m->roles_seen) - (m->coalesced ? 1 : 0));
}

unsigned role_of(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *f = &m->end[from], *p = &m->end[end_other(from)];
  unsigned roles = 0;
  if (segment_has(s, SEGMENT_RST)) return ROLE_RST;
  if (segment_has(s, SEGMENT_SYN)) return ROLE_SYN;
  if (segment_has(s, SEGMENT_FIN) && (!f->has_fin || segment_fin_seq(s) == f->fin_seq))
    roles |= m->first_closer == END_NONE || m->first_closer == from ? ROLE_FIN1 : ROLE_FIN2;
  if (endpoint_fin_is_covered(p, s)) {
    bool acks_fin2 = m->first_closer == from;
    unsigned ack = acks_fin2 ? ROLE_ACK2 : ROLE_ACK1;
    /* Everything after the first covers the FIN too; it is that role again as a bare ACK, or as the
     * answer to a repeated FIN. */
    if (!(m->roles_seen & ack) || segment_len(s) == 0 || m->loss.fin[acks_fin2].unanswered > 0)
      roles |= ack;
  }
  if (roles == 0 && s->payload_bytes > 0) roles = ROLE_DATA;
  return roles;
}

/* What a FIN that is sent again says about the copies before it. */
static void notes_on_repetition(struct model *m, enum end from, unsigned which, int64_t t_us,
                                struct model_step *step) {
  enum { FLAT_GAPS = 3 };
  if (m->loss.fin[which].copies < 2) return;
  if (m->loss.fin[which].flat_gaps >= FLAT_GAPS)
    event_find(m, step, (struct finding){t_us, 0, 0, FINDING_BACKOFF_NOT_GROWING, (uint8_t)from});
  int64_t short_us = m->short_ack_us[which];
  if (short_us != 0 && t_us - short_us >= LOSS_SPURIOUS_US && !m->loss.fin[which].repeated_soon)
    event_find(m, step,
               (struct finding){t_us, m->end[from].fin_seq + 1, m->end[from].fin_seq,
                                FINDING_ACK_SHORT_OF_FIN, (uint8_t)from});
}

void role_note(struct model *m, enum end from, const struct segment *s, struct model_step *step) {
  unsigned seen_before = m->roles_seen;
  step->new_roles = (uint8_t)(step->roles & ROLES_OF_CLOSE & ~seen_before);
  m->roles_seen |= step->new_roles;
  if (step->new_roles & ROLE_FIN1) {
    m->first_closer = (uint8_t)from;
    m->first_fin_us = s->t_us;
  }
  if (step->new_roles & ROLE_FIN2) {
    m->crossed = !endpoint_fin_is_covered(&m->end[end_other(from)], s);
    m->coalesced = !m->crossed && (step->new_roles & ROLE_ACK1);
  }
  for (unsigned which = 0; which < 2; which++) {
    unsigned fin_role = which == 0 ? ROLE_FIN1 : ROLE_FIN2;
    unsigned ack_role = which == 0 ? ROLE_ACK1 : ROLE_ACK2;
    struct loss_fin *fin = &m->loss.fin[which];
    if (step->new_roles & fin_role) m->fin_us[which] = s->t_us;
    if (step->new_roles & ack_role) m->fin_acked_us[which] = s->t_us;
    if (step->roles & ack_role) {
      step->again = fin->acks;
      step->since_copy_us = s->t_us - fin->last_ack_us;
      enum end of = which == 0 ? (enum end)m->first_closer : end_other((enum end)m->first_closer);
      loss_on_ack(&m->loss, which, m->end[of].fin_seq, s);
    }
    if (step->roles & fin_role) {
      step->again = fin->copies;
      step->since_copy_us = s->t_us - fin->last_us;
      loss_on_fin(&m->loss, which, s);
      notes_on_repetition(m, from, which, s->t_us, step);
    }
  }
  if (step->new_roles) step->again = 0;
  role_count(m, step);
}

void role_exchange_fins(struct model *m, enum end from, struct model_step *step) {
  struct loss_fin earlier = m->loss.fin[1];
  m->loss.fin[1] = m->loss.fin[0];
  m->loss.fin[0] = earlier;
  m->fin_us[0] = m->fin_us[1] = m->first_fin_us; /* it was sent no later than that */
  m->fin_acked_us[1] = m->fin_acked_us[0];
  m->short_ack_us[1] = m->short_ack_us[0];
  m->fin_acked_us[0] = m->short_ack_us[0] = 0;
  m->first_closer = (uint8_t)from;
  m->crossed = false;
  m->coalesced = m->end[end_other(from)].fin_acks_more;
  m->roles_seen = (m->roles_seen & ROLE_ACK1 ? ROLE_ACK2 : 0) | ROLE_FIN1 | ROLE_FIN2;
  step->roles = step->new_roles = ROLE_FIN1;
}

void role_acked_before(struct model *m, enum end from, const struct segment *s,
                       struct model_step *step) {
  unsigned which = from != m->first_closer;
  m->roles_seen |= which == 0 ? ROLE_ACK1 : ROLE_ACK2;
  m->fin_acked_us[which] = s->t_us;
  loss_on_ack(&m->loss, which, m->end[from].fin_seq, s);
  role_count(m, step);
}
