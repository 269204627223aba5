#include "capture/hot.h"

#include <assert.h>
#include <string.h>

#include "common/model/seq.h"

/* ---- What an opening stands for ------------------------------------------------------------- */

enum { OPENING_LOG = 2 };

static const struct opening {
  enum tcp_state base, state;
  enum evidence base_evidence, evidence;
  uint8_t n_log;
  struct {
    enum tcp_event event;
    enum evidence evidence;
  } log[OPENING_LOG];
} openings[] = {
    [HOT_NOTHING] = {.n_log = 0},
    [HOT_SYN_SENT] = {TCPS_CLOSED,
                      TCPS_SYN_SENT,
                      EVIDENCE_SEEN,
                      EVIDENCE_SEEN,
                      1,
                      {{EVENT_SND_SYN, EVIDENCE_SEEN}}},
    [HOT_SYN_ANSWERED] = {TCPS_CLOSED,
                          TCPS_ESTABLISHED,
                          EVIDENCE_SEEN,
                          EVIDENCE_PRESUMED,
                          2,
                          {{EVENT_SND_SYN, EVIDENCE_SEEN}, {EVENT_RCV_SYN_ACK, EVIDENCE_PRESUMED}}},
    [HOT_CLIENT_OPEN] = {TCPS_CLOSED,
                         TCPS_ESTABLISHED,
                         EVIDENCE_SEEN,
                         EVIDENCE_SEEN,
                         2,
                         {{EVENT_SND_SYN, EVIDENCE_SEEN}, {EVENT_RCV_SYN_ACK, EVIDENCE_SEEN}}},
    [HOT_SYN_HEARD] = {TCPS_LISTEN,
                       TCPS_SYN_RECEIVED,
                       EVIDENCE_PRESUMED,
                       EVIDENCE_PRESUMED,
                       1,
                       {{EVENT_RCV_SYN, EVIDENCE_PRESUMED}}},
    [HOT_SYN_ACK_SENT] = {TCPS_LISTEN,
                          TCPS_SYN_RECEIVED,
                          EVIDENCE_SEEN,
                          EVIDENCE_SEEN,
                          1,
                          {{EVENT_RCV_SYN, EVIDENCE_SEEN}}},
    [HOT_SYN_ACK_ACKED] = {TCPS_LISTEN,
                           TCPS_ESTABLISHED,
                           EVIDENCE_SEEN,
                           EVIDENCE_PRESUMED,
                           2,
                           {{EVENT_RCV_SYN, EVIDENCE_SEEN},
                            {EVENT_RCV_ACK_OF_SYN, EVIDENCE_PRESUMED}}},
    [HOT_SERVER_OPEN] = {TCPS_LISTEN,
                         TCPS_ESTABLISHED,
                         EVIDENCE_SEEN,
                         EVIDENCE_SEEN,
                         2,
                         {{EVENT_RCV_SYN, EVIDENCE_SEEN}, {EVENT_RCV_ACK_OF_SYN, EVIDENCE_SEEN}}},
    [HOT_MIDSTREAM] = {.base = TCPS_ESTABLISHED,
                       .state = TCPS_ESTABLISHED,
                       .base_evidence = EVIDENCE_PRESUMED,
                       .evidence = EVIDENCE_PRESUMED},
};
enum { OPENINGS = sizeof openings / sizeof *openings };

/* Both ends together. */
enum phase { PHASE_NOTHING, PHASE_SYN, PHASE_SYN_ACK, PHASE_OPEN, PHASE_OTHER };

static enum phase phase_of(const struct hot *h) {
  enum hot_opening client = h->end[END_CLIENT].opening, server = h->end[END_SERVER].opening;
  if (client == HOT_CLIENT_OPEN && (server == HOT_SERVER_OPEN || server == HOT_SYN_ACK_ACKED))
    return PHASE_OPEN;
  if (client == HOT_MIDSTREAM && server == HOT_MIDSTREAM) return PHASE_OPEN;
  if (client == HOT_SYN_ANSWERED && server == HOT_SYN_ACK_SENT) return PHASE_SYN_ACK;
  if (client == HOT_SYN_SENT && server == HOT_SYN_HEARD) return PHASE_SYN;
  if (client == HOT_NOTHING && server == HOT_NOTHING) return PHASE_NOTHING;
  return PHASE_OTHER;
}

bool hot_is_half_open(const struct hot *h) { return phase_of(h) != PHASE_OPEN; }

static bool has_spoken(const struct hot_end *e) {
  return e->opening != HOT_NOTHING && e->opening != HOT_SYN_HEARD;
}

/* All that it says after its first SYN acknowledges. */
static bool has_ack(const struct hot_end *e) {
  return has_spoken(e) && e->opening != HOT_SYN_SENT && e->opening != HOT_SYN_ANSWERED;
}

static bool sent_syn(const struct hot_end *e) {
  return has_spoken(e) && e->opening != HOT_MIDSTREAM;
}

uint32_t hot_sent_bytes(const struct hot_end *e) { /* nothing is missing */
  return e->snd_nxt - e->first_seq - (sent_syn(e) ? 1 : 0);
}

static bool is_scaled(const struct hot *h) {
  return h->end[0].scale != HOT_SCALE_NONE && h->end[1].scale != HOT_SCALE_NONE;
}

static unsigned shift_of(const struct hot *h, const struct hot_end *e) {
  enum { MIDSTREAM = 14 }; /* endpoint_window_shift */
  if (!sent_syn(e)) return MIDSTREAM;
  return is_scaled(h) ? e->scale : 0;
}

static uint32_t max_window_bytes(const struct hot *h, enum end end) {
  const struct hot_end *e = &h->end[end];
  return (uint32_t)h->max_window[end] << (e->max_unscaled ? 0 : shift_of(h, e));
}

static uint32_t asked_end(const struct hot *h, enum end end) {
  const struct hot_end *e = &h->end[end];
  return (has_ack(e) ? e->ack_max : h->end[end_other(end)].first_seq) + e->asked_bytes;
}

/* ---- Times ---------------------------------------------------------------------------------- */

enum { PASSED_MAX_US = 1 << 30, LAST_US_HIGH_BITS = 22 };
#define AGE_MAX_US (UINT32_C(1) << 31)

int64_t hot_last_us(const struct hot *h) {
  enum { UNUSED = 64 - 32 - LAST_US_HIGH_BITS };
  uint64_t bits = (uint64_t)h->last_us_high << 32 | h->last_us_low;
  return (int64_t)(bits << UNUSED) >> UNUSED;
}

/* False: it is out of all bounds. */
static bool set_last_us(struct hot *h, int64_t t_us) {
  h->last_us_low = (uint32_t)t_us;
  h->last_us_high = (uint32_t)(t_us >> 32) & ((1U << LAST_US_HIGH_BITS) - 1);
  return hot_last_us(h) == t_us;
}

static int64_t time_of(const struct hot *h, uint32_t low) {
  return hot_last_us(h) - (uint32_t)(h->last_us_low - low);
}

static bool is_old(uint32_t now_us, uint32_t us) { return (uint32_t)(now_us - us) >= AGE_MAX_US; }

/* At that time none of those that are kept is so old that 32 bits would not tell it any more. */
static bool is_in_time(const struct hot *h, int64_t t_us) {
  int64_t passed = t_us - hot_last_us(h);
  uint32_t now = (uint32_t)t_us;
  if (passed < 0 || passed > PASSED_MAX_US || t_us >> 54 != 0) return false;
  if (h->has_octets && is_old(now, h->octets_us)) return false;
  if (is_old(now, h->spoken_us) && has_spoken(&h->end[0]) && has_spoken(&h->end[1])) return false;
  for (unsigned i = 0; i < 2; i++) {
    if (h->end[i].asked_bytes != 0 && is_old(now, h->end[i].asked_us)) return false;
    if (h->end[i].has_vain && is_old(now, h->vain_us)) return false;
  }
  return true;
}

bool hot_is_open(const struct hot *h, int64_t t_us) {
  return phase_of(h) == PHASE_OPEN && sent_syn(&h->end[END_CLIENT]) && is_in_time(h, t_us);
}

/* ---- What the ends have said ---------------------------------------------------------------- */

enum { TLS_BITS = 2, TLS_MASK = 3, HOPS_BITS = 8, HOPS_MASK = 255 };
static_assert((int)TALK_TLS_ALERT <= (int)TLS_MASK, "an entry has two bits for it");

static enum talk_tls tls_of(const struct hot *h, enum end end) {
  return (enum talk_tls)(h->tls >> (end * TLS_BITS) & TLS_MASK);
}

static void set_tls(struct hot *h, enum end end, enum talk_tls tls) {
  unsigned shift = end * TLS_BITS;
  h->tls = ((h->tls & ~((unsigned)TLS_MASK << shift)) | (unsigned)tls << shift) & 15U;
}

static void get_path(const struct hot *h, enum end end, struct talk_path *path) {
  path->ip_id = h->ip_id[end];
  path->hops = (uint8_t)(h->hops >> (end * HOPS_BITS));
  path->varies = h->varies >> end & 1;
}

static void set_path(struct hot *h, enum end end, const struct talk_path *path) {
  unsigned shift = end * HOPS_BITS;
  h->ip_id[end] = path->ip_id;
  h->hops = ((h->hops & ~((unsigned)HOPS_MASK << shift)) | (unsigned)path->hops << shift) & 0xffffU;
  h->varies = ((h->varies & ~(1U << end)) | (unsigned)path->varies << end) & 3U;
}

static void get_talk(const struct hot *h, struct talk *talk) {
  talk->octets_us = h->has_octets ? time_of(h, h->octets_us) : 0;
  talk->pause_us = h->pause_us;
  talk->from = h->octets_from;
}

/* False: a pause that there is no room for. */
static bool set_talk(struct hot *h, const struct talk *talk) {
  if (talk->pause_us < 0 || talk->pause_us > UINT32_MAX || talk->from > END_SERVER) return false;
  h->has_octets = talk->octets_us != 0;
  h->octets_us = (uint32_t)talk->octets_us;
  h->pause_us = (uint32_t)talk->pause_us;
  h->octets_from = talk->from & 1U;
  return true;
}

static void take_path(struct hot *h, enum end from, const struct segment *s) {
  struct talk_path path;
  if ((uint8_t)(h->hops >> (from * HOPS_BITS)) == s->hops) { /* nothing varies that did not */
    h->ip_id[from] = s->ip_id;
    return;
  }
  get_path(h, from, &path);
  talk_note_path(&path, s);
  set_path(h, from, &path);
}

/* New octets. is_in_time() has seen to it that there is room for the silence before them. */
static void take_octets(struct hot *h, enum end from, const struct segment *s) {
  struct talk talk;
  enum talk_tls tls = tls_of(h, from);
  get_talk(h, &talk);
  talk_note_octets(&talk, &tls, from, s);
  (void)set_talk(h, &talk);
  set_tls(h, from, tls);
}

/* ---- Steps ---------------------------------------------------------------------------------- */

/* What model.c's note_spoken does. */
static void speak(struct hot *h, enum end from, const struct segment *s) {
  struct hot_end *f = &h->end[from], *p = &h->end[end_other(from)];
  if (!f->spoke_last) {
    h->spoken_us = h->last_us_low;
    f->spoke_last = true;
    p->spoke_last = p->has_vain = false;
  }
  if (!f->has_vain && segment_len(s) > 0 && s->t_us != 0) {
    h->vain_us = (uint32_t)s->t_us;
    f->has_vain = true;
  }
  (void)set_last_us(h, s->t_us);
}

static void take_stamp(struct hot_end *f, const struct segment *s) {
  if (!(s->options & SEGMENT_HAS_TIMESTAMPS)) return;
  f->tsval = f->has_tsval ? seq_max(f->tsval, s->tsval) : s->tsval;
  f->has_tsval = true;
}

/* endpoint_answer(). False: a round trip that there is no room for. */
static bool take_round_trip(struct hot_end *f, int64_t took_us) {
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
  if (!set_last_us(h, s->t_us)) return false;
  f->opening = HOT_SYN_SENT;
  p->opening = HOT_SYN_HEARD;
  f->least_us = p->least_us = HOT_RTT_UNKNOWN;
  p->scale = HOT_SCALE_NONE;
  take_syn(f, s);
  ask(p, s, 1);
  f->spoke_last = true;
  take_path(h, from, s);
  speak(h, from, s);
  return true;
}

static bool step_syn_ack(struct hot *h, enum end from, const struct segment *s) {
  struct hot_end *f = &h->end[from], *p = &h->end[end_other(from)];
  if (from != END_SERVER || !is_plain_syn(s, SEGMENT_SYN | SEGMENT_ACK)) return false;
  if (s->ack != p->snd_nxt) return false;
  if (!take_round_trip(f, s->t_us - time_of(h, f->asked_us))) return false;
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
  speak(h, from, s);
  return true;
}

/* Data or an ACK, in order. */
static bool step_open(struct hot *h, enum end from, const struct segment *s, bool completes) {
  struct hot_end *f = &h->end[from], *p = &h->end[end_other(from)];
  const unsigned others = SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST;
  if ((s->flags & (others | SEGMENT_ACK)) != SEGMENT_ACK || s->seq != f->snd_nxt) return false;
  if (seq_gt(s->ack, p->snd_nxt) || (!completes && seq_lt(s->ack, f->ack_max))) return false;
  if (completes && s->ack != p->snd_nxt) return false;
  uint32_t bytes = s->payload_bytes, to_end = s->seq + bytes - p->ack_max;
  bool asks = bytes > 0 && p->asked_bytes == 0;
  if (bytes > HOT_24 || (bytes > 0 && hot_sent_bytes(f) + bytes < bytes) ||
      (asks && to_end > HOT_24))
    return false;
  /* What this end is asked for: answered, or nearer by what is acknowledged. */
  uint32_t acked = s->ack - (completes ? p->first_seq : f->ack_max);
  if (f->asked_bytes != 0 && acked >= f->asked_bytes) {
    if (!take_round_trip(f, s->t_us - time_of(h, f->asked_us))) return false;
    f->asked_bytes = 0;
  } else if (f->asked_bytes != 0) {
    f->asked_bytes = (f->asked_bytes - acked) & HOT_24;
  }
  if (asks) ask(p, s, to_end);
  take_stamp(f, s);
  f->snd_nxt += bytes;
  if (completes) p->opening = HOT_SYN_ACK_ACKED;
  if (f->opening == HOT_SYN_ANSWERED) f->opening = HOT_CLIENT_OPEN;
  if (f->opening == HOT_SYN_ACK_ACKED) f->opening = HOT_SERVER_OPEN;
  uint32_t window_bytes = (uint32_t)s->window << shift_of(h, f), edge = s->ack + window_bytes;
  f->right_edge = completes ? edge : seq_max(f->right_edge, edge);
  f->ack_max = s->ack;
  if (window_bytes > max_window_bytes(h, from)) {
    h->max_window[from] = s->window;
    f->max_unscaled = false;
  }
  f->said_data = bytes > 0;
  if (bytes > 0)
    f->data_ack = s->ack;
  else
    f->sent_bare_ack = true;
  f->is_probe = false;
  take_path(h, from, s);
  if (bytes > 0) take_octets(h, from, s);
  speak(h, from, s);
  return true;
}

bool hot_step(struct hot *h, enum end from, const struct segment *s) {
  enum phase phase = phase_of(h);
  if (s->is_lost) return false;
  if (phase == PHASE_NOTHING) return step_syn(h, from, s);
  if (!is_in_time(h, s->t_us)) return false;
  switch (phase) {
    case PHASE_OPEN: return step_open(h, from, s, false);
    case PHASE_SYN_ACK: return from == END_CLIENT && step_open(h, from, s, true);
    case PHASE_SYN: return step_syn_ack(h, from, s);
    case PHASE_NOTHING:
    case PHASE_OTHER: break;
  }
  return false;
}

/* ---- To the model --------------------------------------------------------------------------- */

static void open_endpoint(const struct hot *h, enum end end, struct endpoint *e) {
  const struct hot_end *from = &h->end[end];
  const struct opening *opening = &openings[from->opening];
  uint32_t bytes = hot_sent_bytes(from);
  e->base = opening->base;
  e->base_evidence = opening->base_evidence;
  e->state = opening->state;
  e->evidence = e->log_evidence = opening->evidence;
  e->n_log = opening->n_log;
  for (unsigned i = 0; i < opening->n_log; i++) {
    e->log[i].event = opening->log[i].event;
    e->log[i].evidence = opening->log[i].evidence;
  }
  if (from->asked_bytes != 0) {
    e->round_trip.is_asked = true;
    e->round_trip.asked_us = time_of(h, from->asked_us);
    e->round_trip.asked_end = asked_end(h, end);
  }
  if (!has_spoken(from)) return;
  if (from->least_us != HOT_RTT_UNKNOWN) {
    e->round_trip.is_known = true;
    e->round_trip.least_us = from->least_us;
  }
  e->has_seq = e->has_spoken = true;
  e->first_seq = from->first_seq;
  e->stream.snd_nxt = e->stream.snd_contig = from->snd_nxt;
  e->stream.beyond_left = e->stream.beyond_right = from->snd_nxt;
  e->sent_syn = sent_syn(from);
  e->has_octets = e->sent_syn || bytes > 0;
  if (e->has_octets) e->octets_end = from->snd_nxt;
  e->has_tsval = from->has_tsval;
  e->tsval = from->tsval;
  e->has_window_scale = from->scale != HOT_SCALE_NONE;
  if (e->has_window_scale) e->window_scale = from->scale;
  e->sent_bare_ack = from->sent_bare_ack;
  e->sent_stream = bytes > 0;
  e->data_bytes = bytes;
  e->data_segments = bytes > 0;
}

void hot_open(const struct hot *h, int64_t two_msl_us, struct model *m) {
  model_init(m, two_msl_us);
  if (phase_of(h) == PHASE_NOTHING) return;
  m->last_us = hot_last_us(h);
  m->segments = phase_of(h) == PHASE_SYN ? 1 : 2;
  m->midstream = h->end[END_CLIENT].opening == HOT_MIDSTREAM;
  get_talk(h, &m->talk);
  for (unsigned i = 0; i < 2; i++) {
    const struct hot_end *from = &h->end[i];
    struct endpoint *e = &m->end[i];
    struct spoken *spoken = &m->spoken[i];
    open_endpoint(h, i, e);
    if (!has_spoken(from)) continue;
    bool has_data = e->data_bytes > 0;
    bool only_syn = from->opening == HOT_SYN_SENT || from->opening == HOT_SYN_ANSWERED ||
                    from->opening == HOT_SYN_ACK_SENT || from->opening == HOT_SYN_ACK_ACKED;
    spoken->t_us = from->spoke_last ? m->last_us : time_of(h, h->spoken_us);
    spoken->is_probe = from->is_probe;
    if (has_ack(from)) {
      spoken->has_ack = e->offer.has_ack = true;
      spoken->ack = e->offer.ack_max = from->ack_max;
      e->offer.right_edge = from->right_edge;
      e->offer.max_window_bytes = max_window_bytes(h, i);
      e->offer.t_us = spoken->t_us;
    }
    if (has_data) {
      spoken->has_data_ack = true;
      spoken->data_ack = from->data_ack;
    }
    if (from->has_vain) m->vain[i].first_us = time_of(h, h->vain_us);
    m->tls[i] = tls_of(h, i);
    get_path(h, i, &m->path[i]);
    m->sack_permitted[i] = from->sack_permitted;
    m->last_roles[i] = only_syn ? ROLE_SYN : from->said_data ? ROLE_DATA : 0;
  }
}

/* ---- From the model ------------------------------------------------------------------------- */

void hot_normalize(struct model *m) {
  if (m->segments > 2) m->segments = 2; /* nothing asks for more than whether it is the second */
  for (unsigned i = 0; i < 2; i++) {
    struct endpoint *e = &m->end[i];
    struct stream *stream = &e->stream;
    struct spoken *spoken = &m->spoken[i];
    memset(&e->log[e->n_log], 0, (ENDPOINT_LOG_SIZE - e->n_log) * sizeof *e->log);
    if (!e->round_trip.is_asked) e->round_trip.asked_us = e->round_trip.asked_end = 0;
    if (stream->beyond_left == stream->beyond_right)
      stream->beyond_left = stream->beyond_right = stream->snd_contig;
    if (!e->has_window_scale) e->window_scale = 0;
    if (e->data_segments > 1) e->data_segments = 1;
    if (!spoken->has_ack) spoken->ack = 0;
    if (!spoken->has_data_ack) spoken->data_ack = 0;
    if (!m->unsent[i].pending) memset(&m->unsent[i], 0, sizeof m->unsent[i]);
  }
}

static enum hot_opening opening_of(const struct endpoint *e) {
  for (unsigned opening = HOT_NOTHING + 1; opening < OPENINGS; opening++) {
    const struct opening *o = &openings[opening];
    bool is_it = e->base == o->base && e->base_evidence == o->base_evidence &&
                 e->state == o->state && e->evidence == o->evidence && e->n_log == o->n_log;
    for (unsigned i = 0; is_it && i < o->n_log; i++)
      is_it = e->log[i].event == o->log[i].event && e->log[i].evidence == o->log[i].evidence;
    if (is_it) return opening;
  }
  return HOT_NOTHING;
}

/* Whether the largest window was offered by its SYN; then it is not scaled. */
static void close_window(struct hot *h, enum end end, uint32_t bytes) {
  struct hot_end *e = &h->end[end];
  unsigned shift = shift_of(h, e);
  e->max_unscaled = (bytes >> shift) << shift != bytes;
  h->max_window[end] = (uint16_t)(e->max_unscaled ? bytes : bytes >> shift);
  /* The handshake's own window may be a multiple as well: no difference. */
}

static void close_endpoint(struct hot *h, enum end end, const struct model *m) {
  const struct endpoint *e = &m->end[end];
  const struct round_trip *r = &e->round_trip;
  struct hot_end *to = &h->end[end];
  to->first_seq = e->first_seq;
  to->snd_nxt = e->stream.snd_nxt;
  to->ack_max = e->offer.ack_max;
  to->right_edge = e->offer.right_edge;
  to->tsval = e->tsval;
  to->has_tsval = e->has_tsval;
  to->sent_bare_ack = e->sent_bare_ack;
  to->sack_permitted = m->sack_permitted[end];
  to->scale = e->has_window_scale ? e->window_scale & 15U : HOT_SCALE_NONE;
  to->least_us = r->is_known ? (uint32_t)r->least_us & HOT_24 : HOT_RTT_UNKNOWN;
  to->asked_us = (uint32_t)r->asked_us;
  if (r->is_asked)
    to->asked_bytes =
        (r->asked_end - (e->offer.has_ack ? e->offer.ack_max : m->end[end_other(end)].first_seq)) &
        HOT_24;
  to->data_ack = m->spoken[end].data_ack;
  to->is_probe = m->spoken[end].is_probe;
  to->said_data = m->last_roles[end] == ROLE_DATA;
  to->has_vain = m->vain[end].first_us != 0;
}

bool hot_close(struct hot *h, const struct model *m) {
  enum hot_opening client = opening_of(&m->end[END_CLIENT]);
  enum hot_opening server = opening_of(&m->end[END_SERVER]);
  /* What rules most of them out at once. */
  if (client == HOT_NOTHING || server == HOT_NOTHING || m->roles_seen || m->n_findings > 0)
    return false;
  if (m->end[0].stream.missed || m->end[1].stream.missed || m->end[0].heard_more ||
      m->end[1].heard_more || !m->end[END_CLIENT].has_spoken)
    return false;
  if (m->vain[0].first_us != 0 && m->vain[1].first_us != 0) return false;
  memset(h->end, 0, sizeof h->end);
  if (!set_last_us(h, m->last_us)) return false;
  h->end[END_CLIENT].opening = client;
  h->end[END_SERVER].opening = server;
  if (phase_of(h) == PHASE_OTHER) return false;
  close_endpoint(h, END_CLIENT, m);
  close_endpoint(h, END_SERVER, m);
  close_window(h, END_CLIENT, m->end[END_CLIENT].offer.max_window_bytes);
  close_window(h, END_SERVER, m->end[END_SERVER].offer.max_window_bytes);
  enum end last = m->vain[END_SERVER].first_us != 0 ? END_SERVER : END_CLIENT;
  if (m->vain[last].first_us == 0 && m->spoken[last].t_us != m->last_us) last = end_other(last);
  h->end[last].spoke_last = true;
  h->spoken_us = (uint32_t)m->spoken[end_other(last)].t_us;
  h->vain_us = (uint32_t)m->vain[last].first_us;
  for (unsigned i = 0; i < 2; i++) {
    set_tls(h, i, m->tls[i]);
    set_path(h, i, &m->path[i]);
  }
  if (!set_talk(h, &m->talk)) return false;
  if (!is_in_time(h, m->last_us)) return false;
  /* Whatever else the model knows shows now. */
  struct model again, whole = *m;
  hot_open(h, m->two_msl_us, &again);
  hot_normalize(&whole);
  return memcmp((const char *)&again, (const char *)&whole, sizeof whole) == 0;
}
