#include "capture/hot_model.h"

#include <string.h>

#include "capture/hot_fields.h"

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

/* ---- To the model --------------------------------------------------------------------------- */

static uint32_t asked_end(const struct hot *h, enum end end) {
  const struct hot_end *e = &h->end[end];
  return (hot_has_ack(e) ? e->ack_max : h->end[end_other(end)].first_seq) + e->asked_bytes;
}

void hot_get_round_trip(const struct hot *h, enum end end, struct round_trip *r) {
  const struct hot_end *from = &h->end[end];
  if (from->asked_bytes != 0) {
    r->is_asked = true;
    r->asked_us = hot_time_of(h, from->asked_us);
    r->asked_end = asked_end(h, end);
  }
  if (hot_has_spoken(from) && from->least_us != HOT_RTT_UNKNOWN) {
    r->is_known = true;
    r->least_us = from->least_us;
  }
}

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
  hot_get_round_trip(h, end, &e->round_trip);
  if (!hot_has_spoken(from)) return;
  e->has_seq = e->has_spoken = true;
  e->first_seq = from->first_seq;
  e->stream.snd_nxt = e->stream.snd_contig = from->snd_nxt;
  e->stream.beyond_left = e->stream.beyond_right = from->snd_nxt;
  e->sent_syn = hot_sent_syn(from);
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
  if (hot_phase_of(h) == HOT_PHASE_NOTHING) return;
  m->last_us = hot_last_us(h);
  m->segments = hot_phase_of(h) == HOT_PHASE_SYN ? 1 : 2;
  m->midstream = h->end[END_CLIENT].opening == HOT_MIDSTREAM;
  hot_get_talk(h, &m->talk);
  for (unsigned i = 0; i < 2; i++) {
    const struct hot_end *from = &h->end[i];
    struct endpoint *e = &m->end[i];
    struct spoken *spoken = &m->spoken[i];
    open_endpoint(h, i, e);
    if (!hot_has_spoken(from)) continue;
    bool has_data = e->data_bytes > 0;
    bool only_syn = from->opening == HOT_SYN_SENT || from->opening == HOT_SYN_ANSWERED ||
                    from->opening == HOT_SYN_ACK_SENT || from->opening == HOT_SYN_ACK_ACKED;
    spoken->t_us = from->spoke_last ? m->last_us : hot_time_of(h, h->spoken_us);
    spoken->is_probe = from->is_probe;
    if (hot_has_ack(from)) {
      spoken->has_ack = e->offer.has_ack = true;
      spoken->ack = e->offer.ack_max = from->ack_max;
      e->offer.right_edge = from->right_edge;
      e->offer.max_window_bytes = hot_max_window_bytes(h, i);
      e->offer.t_us = spoken->t_us;
    }
    if (has_data) {
      spoken->has_data_ack = true;
      spoken->data_ack = from->data_ack;
    }
    if (from->has_vain) m->vain[i].first_us = hot_time_of(h, h->vain_us);
    m->tls[i] = hot_tls_of(h, i);
    hot_get_path(h, i, &m->path[i]);
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
  unsigned shift = hot_shift_of(h, e);
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
  if (!hot_set_last_us(h, m->last_us)) return false;
  h->end[END_CLIENT].opening = client;
  h->end[END_SERVER].opening = server;
  if (hot_phase_of(h) == HOT_PHASE_OTHER) return false;
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
    hot_set_tls(h, i, m->tls[i]);
    hot_set_path(h, i, &m->path[i]);
  }
  if (!hot_set_talk(h, &m->talk)) return false;
  if (!hot_is_in_time(h, m->last_us)) return false;
  /* Whatever else the model knows shows now. */
  struct model again, whole = *m;
  hot_open(h, m->two_msl_us, &again);
  hot_normalize(&whole);
  return memcmp((const char *)&again, (const char *)&whole, sizeof whole) == 0;
}
