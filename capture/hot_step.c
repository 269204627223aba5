#include "capture/hot_step.h"

#include "capture/hot_fields.h"
#include "common/model/seq.h"

bool hot_is_half_open(const struct hot *h) { return hot_phase_of(h) != HOT_PHASE_OPEN; }

bool hot_is_open(const struct hot *h, int64_t t_us) {
  return hot_phase_of(h) == HOT_PHASE_OPEN && hot_sent_syn(&h->end[END_CLIENT]) &&
         hot_is_in_time(h, t_us);
}

/* What nearly every segment passes: one piece, for each kind of segment its own. */
#define ON_THE_WAY static inline __attribute__((always_inline))

/* ---- What the ends have said ---------------------------------------------------------------- */

/* Something varies that did not, or is the first. */
static __attribute__((noinline)) void take_other_path(struct hot *h, enum end from,
                                                      const struct segment *s) {
  struct talk_path path;
  hot_get_path(h, from, &path);
  talk_note_path(&path, s);
  hot_set_path(h, from, &path);
}

ON_THE_WAY void take_path(struct hot *h, enum end from, const struct segment *s) {
  if ((uint8_t)(h->hops >> (from * HOT_HOPS_BITS)) == s->hops)
    h->ip_id[from] = s->ip_id;
  else
    take_other_path(h, from, s);
}

/* New octets. hot_is_in_time() has seen to it that there is room for the silence before them. */
static __attribute__((noinline)) void take_octets(struct hot *h, enum end from,
                                                  const struct segment *s) {
  struct talk talk;
  enum talk_tls tls = hot_tls_of(h, from);
  hot_get_talk(h, &talk);
  talk_note_octets(&talk, &tls, from, s);
  (void)hot_set_talk(h, &talk);
  hot_set_tls(h, from, tls);
}

/* ---- Steps ---------------------------------------------------------------------------------- */

/* What model.c's note_spoken does. */
ON_THE_WAY void speak(struct hot *h, struct hot_end *f, struct hot_end *p,
                      const struct segment *s) {
  if (!f->spoke_last) {
    h->spoken_us = h->last_us_low;
    f->spoke_last = true;
    p->spoke_last = p->has_vain = false;
  }
  if (!f->has_vain && segment_len(s) > 0 && s->t_us != 0) {
    h->vain_us = (uint32_t)s->t_us;
    f->has_vain = true;
  }
  (void)hot_set_last_us(h, s->t_us);
}

ON_THE_WAY void take_stamp(struct hot_end *f, const struct segment *s) {
  if (!(s->options & SEGMENT_HAS_TIMESTAMPS)) return;
  f->tsval = f->has_tsval ? seq_max(f->tsval, s->tsval) : s->tsval;
  f->has_tsval = true;
}

/* endpoint_answer(). False: a round trip that there is no room for. */
ON_THE_WAY bool take_round_trip(struct hot_end *f, int64_t took_us) {
  if (f->least_us != HOT_RTT_UNKNOWN && took_us >= f->least_us) return true;
  if (took_us >= HOT_RTT_UNKNOWN) return false;
  f->least_us = (uint32_t)took_us & HOT_24;
  return true;
}

static bool is_plain_syn(const struct segment *s, unsigned flags) {
  const unsigned looked_at = SEGMENT_SYN | SEGMENT_ACK | SEGMENT_FIN | SEGMENT_RST;
  bool fits = !(s->options & SEGMENT_HAS_WINDOW_SCALE) || s->window_scale < HOT_SCALE_NONE;
  fits = fits && !(s->options & SEGMENT_OPTIONS_CUT);
  return (s->flags & looked_at) == flags && s->payload_bytes == 0 && fits;
}

static void take_syn(struct hot_end *f, const struct segment *s) {
  f->first_seq = s->seq;
  f->snd_nxt = s->seq + 1;
  f->scale = s->options & SEGMENT_HAS_WINDOW_SCALE ? s->window_scale & 15U : HOT_SCALE_NONE;
  f->sack_permitted = (s->options & SEGMENT_HAS_SACK_PERMITTED) != 0;
  take_stamp(f, s);
}

static void ask(struct hot_end *p, const struct segment *s, uint32_t bytes) {
  p->asked_bytes = bytes & HOT_24;
  p->asked_us = (uint32_t)s->t_us;
}

static bool step_syn(struct hot *h, enum end from, const struct segment *s) {
  struct hot_end *f = &h->end[from], *p = &h->end[end_other(from)];
  if (from != END_CLIENT || !is_plain_syn(s, SEGMENT_SYN) || s->ack != 0) return false;
  if (!hot_set_last_us(h, s->t_us)) return false;
  f->opening = HOT_SYN_SENT;
  p->opening = HOT_SYN_HEARD;
  f->least_us = p->least_us = HOT_RTT_UNKNOWN;
  p->scale = HOT_SCALE_NONE;
  take_syn(f, s);
  ask(p, s, 1);
  f->spoke_last = true;
  take_path(h, from, s);
  speak(h, f, p, s);
  return true;
}

static bool step_syn_ack(struct hot *h, enum end from, const struct segment *s) {
  struct hot_end *f = &h->end[from], *p = &h->end[end_other(from)];
  if (from != END_SERVER || !is_plain_syn(s, SEGMENT_SYN | SEGMENT_ACK)) return false;
  if (s->ack != p->snd_nxt) return false;
  if (!take_round_trip(f, s->t_us - hot_time_of(h, f->asked_us))) return false;
  f->asked_bytes = 0;
  f->opening = HOT_SYN_ACK_SENT;
  p->opening = HOT_SYN_ANSWERED;
  take_syn(f, s);
  f->ack_max = s->ack;
  f->right_edge = s->ack + s->window;
  h->max_window[from] = s->window;
  f->max_unscaled = true;
  ask(p, s, 1);
  take_path(h, from, s);
  speak(h, f, p, s);
  return true;
}

/* Data or an ACK, in order. */
static __attribute__((noinline)) bool step_open(struct hot *h, enum end from, struct hot_end *f,
                                                struct hot_end *p, const struct segment *s,
                                                bool completes) {
  const unsigned others = SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST;
  const uint32_t seq = s->seq, ack = s->ack, bytes = s->payload_bytes;
  if ((s->flags & (others | SEGMENT_ACK)) != SEGMENT_ACK || seq != f->snd_nxt) return false;
  if (completes ? ack != p->snd_nxt : seq_gt(ack, p->snd_nxt) || seq_lt(ack, f->ack_max))
    return false;
  if (bytes > 0) {
    uint32_t to_end = seq + bytes - p->ack_max;
    bool asks = p->asked_bytes == 0;
    if (bytes > HOT_24 || hot_sent_bytes(f) + bytes < bytes || (asks && to_end > HOT_24))
      return false;
  }
  /* What this end is asked for: answered, or nearer by what is acknowledged. */
  uint32_t acked = ack - (completes ? p->first_seq : f->ack_max), asked = f->asked_bytes;
  if (asked != 0) {
    if (acked >= asked && !take_round_trip(f, s->t_us - hot_time_of(h, f->asked_us))) return false;
    f->asked_bytes = (acked >= asked ? 0 : asked - acked) & HOT_24;
  }
  take_stamp(f, s);
  if (completes) p->opening = HOT_SYN_ACK_ACKED;
  if (f->opening == HOT_SYN_ANSWERED) f->opening = HOT_CLIENT_OPEN;
  if (f->opening == HOT_SYN_ACK_ACKED) f->opening = HOT_SERVER_OPEN;
  unsigned shift = hot_shift_of(h, f);
  uint32_t window_bytes = (uint32_t)s->window << shift, edge = ack + window_bytes;
  f->right_edge = completes ? edge : seq_max(f->right_edge, edge);
  f->ack_max = ack;
  if (window_bytes > (uint32_t)h->max_window[from] << (f->max_unscaled ? 0 : shift)) {
    h->max_window[from] = s->window;
    f->max_unscaled = false;
  }
  f->is_probe = false;
  take_path(h, from, s);
  if (bytes > 0) {
    if (p->asked_bytes == 0) ask(p, s, seq + bytes - p->ack_max);
    f->snd_nxt += bytes;
    f->said_data = true;
    f->data_ack = ack;
    take_octets(h, from, s);
  } else {
    f->said_data = false;
    f->sent_bare_ack = true;
  }
  speak(h, f, p, s);
  return true;
}

bool hot_step(struct hot *h, enum end from, const struct segment *s) {
  enum hot_phase phase = hot_phase_of(h);
  struct hot_end *f = &h->end[from], *p = &h->end[end_other(from)];
  if (s->is_lost) return false;
  if (phase == HOT_PHASE_NOTHING) return step_syn(h, from, s);
  if (!hot_is_in_time(h, s->t_us)) return false;
  switch (phase) {
    case HOT_PHASE_OPEN: return step_open(h, from, f, p, s, false);
    case HOT_PHASE_SYN_ACK: return from == END_CLIENT && step_open(h, from, f, p, s, true);
    case HOT_PHASE_SYN: return step_syn_ack(h, from, s);
    case HOT_PHASE_NOTHING:
    case HOT_PHASE_OTHER: break;
  }
  return false;
}
