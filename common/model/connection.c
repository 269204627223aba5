#include "common/model/connection.h"

#include <stddef.h>
#include <string.h>

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

const char *step_verdict_name(enum step_verdict verdict) {
  switch (verdict) {
    case STEP_EXPECTED: return "expected";
    case STEP_RETRANSMISSION: return "retransmission";
    case STEP_REFUTES: return "refutes";
    case STEP_STALE: return "stale";
    case STEP_UNEXPECTED: return "unexpected";
  }
  return "";
}

/* So many times what is soon is late. */
enum { MANY = 10 };

/* The least, of a round trip as measured: part of it may be the host's own work, which is quicker
 * another time. */
static int64_t least_us(const struct endpoint *e) {
  enum { OWN_WORK_US = 1000 };
  return e->round_trip.least_us - OWN_WORK_US;
}

bool connection_may_lack_fin(const struct model *m) {
  if (m->first_closer == END_NONE) return false;
  const struct endpoint *f = &m->end[m->first_closer], *p = &m->end[end_other(m->first_closer)];
  bool ends_with_data = p->has_octets && p->octets_end == p->stream.snd_nxt;
  bool hole = f->heard_more || p->stream.snd_nxt != p->stream.snd_contig;
  return !p->has_fin && hole && !ends_with_data;
}

struct losses connection_losses(const struct model *m, unsigned fin) {
  enum { UNKNOWN_US = 1000000 }; /* RFC 6298, 2.1 */
  enum end sender = connection_closer(m, fin);
  if (sender == END_NONE) return (struct losses){0};
  const struct endpoint *f = &m->end[sender], *p = &m->end[end_other(sender)];
  bool again = m->fin[fin].copies > 1;
  if (m->ran_backwards || connection_is_joined(m))
    return (struct losses){.untold_because =
                               again ? "the order in the capture is not that of time" : NULL};
  if (connection_may_be_joined(m))
    return (struct losses){
        .untold_because = again ? "both SYNs came twice: another tap may be in the capture" : NULL};
  /* Which of the four is lost is told by their order. */
  if (connection_may_lack_fin(m))
    return (struct losses){.untold_because =
                               again ? "a FIN before it may not be in the capture" : NULL};
  /* Than the shortest: as was seen since the FIN, and as no round trip was measured for. */
  int64_t slower_us = m->fin[fin].slowest_us - f->round_trip.least_us;
  if (slower_us < 0) slower_us = 0;
  slower_us += f->round_trip.least_us / 4;
  const struct loss_context context = {
      .other = &m->fin[1 - fin],
      .receiver_us = least_us(p),
      .path_us = f->round_trip.is_known ? least_us(f) + least_us(p) : UNKNOWN_US,
      .receiver_long_us = MANY * endpoint_soon_us(p),
      .sender_soon_us = endpoint_soon_us(f) + slower_us,
      .sender_varies_us = f->delay.most_us,
      .sack_permitted = m->sack_permitted[0] && m->sack_permitted[1],
      .met_time_wait = fin == FIN2 && !m->crossed,
      .reorders = m->reorders,
      .network_copies = m->network_copies,
  };
  return loss_infer(&m->fin[fin], &context);
}

bool connection_fin_is_lost(const struct model *m, unsigned fin, int64_t t_us) {
  const struct endpoint *receiver = &m->end[end_other(connection_closer(m, fin))];
  return connection_is_many_round_trips(receiver, t_us - m->fin[fin].last_us);
}

bool connection_is_many_round_trips(const struct endpoint *end, int64_t passed_us) {
  return passed_us >= MANY * endpoint_soon_us(end);
}

uint32_t connection_u(const struct model *m) {
  return m->first_closer == END_NONE ? 0 : m->end[m->first_closer].fin_seq;
}

uint32_t connection_w(const struct model *m) {
  if (m->first_closer == END_NONE) return 0;
  const struct endpoint *second = &m->end[end_other(m->first_closer)];
  return second->has_fin ? second->fin_seq : second->stream.snd_nxt;
}

bool connection_is_half_open(const struct model *m) {
  for (unsigned i = 0; i < 2; i++) {
    enum tcp_state state = m->end[i].state;
    bool opening = state != TCPS_CLOSED && !tcp_state_is_synchronized(state);
    if (!m->end[i].has_spoken || opening) return true;
  }
  return false;
}

enum { BOTH_SYNS = 3 };

bool connection_may_be_joined(const struct model *m) {
  return m->syns_again == BOTH_SYNS || m->taps_joined;
}

bool connection_came_twice(const struct model *m) {
  enum { A_THIRD = 3 };
  for (unsigned i = 0; i < 2; i++)
    if (m->twice[i] == 0 || m->twice[i] * A_THIRD < m->alone[i]) return false;
  return true;
}

void connection_note_again(struct model *m, enum end from, const struct segment *s, bool again) {
  if (m->syns_again != BOTH_SYNS || segment_has(s, SEGMENT_SYN)) return;
  if (!again) m->is_mixed = true;
  if (s->payload_bytes > 0) return;
  if (again)
    m->twice[from]++;
  else
    m->alone[from]++;
}

/* Its sender numbers its datagrams one by one, and this one was sent after all others. */
static bool is_numbered_next(const struct model *m, enum end from, const struct segment *s) {
  enum { NEXT_MAX = 64 };
  uint16_t after = (uint16_t)(s->ip_id - m->path[from].ip_id);
  return s->ip_id != 0 && m->path[from].ip_id != 0 && after > 0 && after <= NEXT_MAX;
}

bool connection_repeats(const struct model *m, enum end from, const struct segment *s) {
  const struct endpoint *e = &m->end[from];
  if (s->t_us > m->last_us && !connection_may_be_joined(m)) return false;
  if (segment_has(s, SEGMENT_RST)) return m->rst.t_us != 0;
  /* What is sent again, after the clock was set back, has a newer timestamp. */
  if ((s->options & SEGMENT_HAS_TIMESTAMPS) && seq_gt(s->tsval, e->tsval)) return false;
  if (is_numbered_next(m, from, s)) return false;
  /* Its first bare ACK, which may say no more than its SYN did. */
  if (segment_len(s) == 0 && !e->sent_bare_ack) return false;
  if (seq_lt(s->seq, e->first_seq)) return false;
  if (seq_gt(segment_end(s), e->stream.snd_nxt)) return false;
  if (segment_has(s, SEGMENT_ACK) && !(e->offer.has_ack && seq_leq(s->ack, e->offer.ack_max)))
    return false;
  if (segment_has(s, SEGMENT_SYN)) return false; /* which tells of two taps */
  return !segment_has(s, SEGMENT_FIN) || e->has_fin;
}

int64_t connection_deadline_us(const struct model *m) {
  int64_t deadline = INT64_MAX;
  for (unsigned i = 0; i < 2; i++)
    if (m->end[i].state == TCPS_TIME_WAIT && m->time_wait_us[i] + m->two_msl_us < deadline)
      deadline = m->time_wait_us[i] + m->two_msl_us;
  return deadline;
}
