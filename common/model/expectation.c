#include "common/model/expectation.h"

static unsigned list_all(const struct model *m, struct expectation out[static EXPECTATIONS_MAX]) {
  unsigned n = 0;
  if (m->first_closer == END_NONE) {
    for (enum end e = END_CLIENT; e < END_NONE; e++) {
      const struct endpoint *end = &m->end[e], *peer = &m->end[end_other(e)];
      bool open = end->state == TCPS_ESTABLISHED || end->state == TCPS_SYN_RECEIVED;
      if (open || m->rst.from == end_other(e))
        out[n++] = (struct expectation){end->stream.snd_nxt, peer->stream.snd_nxt, e,
                                        ROLE_FIN1 | ROLE_DATA, peer->has_seq};
    }
    return n;
  }
  enum end first = m->first_closer, second = end_other(first);
  const struct endpoint *second_end = &m->end[second];
  uint32_t u = connection_u(m), w = connection_w(m);
  uint8_t fin2 = m->roles_seen & ROLE_ACK1 ? ROLE_FIN2 : ROLE_FIN2 | ROLE_ACK1;
  /* An ACK is awaited until it comes, and again after each repetition of its FIN. */
  bool ack1 = (!(m->roles_seen & ROLE_ACK1) && !m->ack1_missing) || m->fin[0].unanswered > 0;
  bool ack2 = !(m->roles_seen & ROLE_ACK2) || m->fin[1].unanswered > 0;
  if (ack1)
    out[n++] = (struct expectation){second_end->stream.snd_nxt, u + 1, second, ROLE_ACK1, true};
  if (!(m->roles_seen & ROLE_FIN2)) {
    out[n++] = (struct expectation){w, u + 1, second, fin2, true};
    out[n++] = (struct expectation){w, u + 1, second, ROLE_DATA, true};
  }
  if (ack2) out[n++] = (struct expectation){u + 1, w + 1, first, ROLE_ACK2, true};
  return n;
}

unsigned expectation_list(const struct model *m, struct expectation out[static EXPECTATIONS_MAX]) {
  unsigned n = list_all(m, out), kept = 0;
  if (m->rst.refused) return 0; /* both ends are where they were before (RFC 9293, 3.10.7.1) */
  /* After an RST its sender has nothing more to say; the other end may not know yet. */
  for (unsigned i = 0; i < n; i++)
    if (out[i].from != m->rst.from) out[kept++] = out[i];
  return kept;
}

bool expectation_met(const struct expectation *expected, unsigned n, enum end from,
                     unsigned roles) {
  unsigned awaited = 0;
  for (unsigned i = 0; i < n; i++)
    if (expected[i].from == from) awaited |= expected[i].roles;
  return (roles & ~awaited) == 0;
}
