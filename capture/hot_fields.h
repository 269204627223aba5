/* What a hot entry's numbers say, for those who take segments (hot_step.c) and those who make a
 * model of it or it of a model (hot_model.c). */
#ifndef TEARDOWN_CAPTURE_HOT_FIELDS_H
#define TEARDOWN_CAPTURE_HOT_FIELDS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/hot.h"

/* Both ends together. */
enum hot_phase {
  HOT_PHASE_NOTHING,
  HOT_PHASE_SYN,
  HOT_PHASE_SYN_ACK,
  HOT_PHASE_OPEN,
  HOT_PHASE_OTHER
};

static inline enum hot_phase hot_phase_of(const struct hot *h) {
  enum hot_opening client = h->end[END_CLIENT].opening, server = h->end[END_SERVER].opening;
  if (client == HOT_CLIENT_OPEN && (server == HOT_SERVER_OPEN || server == HOT_SYN_ACK_ACKED))
    return HOT_PHASE_OPEN;
  if (client == HOT_MIDSTREAM && server == HOT_MIDSTREAM) return HOT_PHASE_OPEN;
  if (client == HOT_SYN_ANSWERED && server == HOT_SYN_ACK_SENT) return HOT_PHASE_SYN_ACK;
  if (client == HOT_SYN_SENT && server == HOT_SYN_HEARD) return HOT_PHASE_SYN;
  if (client == HOT_NOTHING && server == HOT_NOTHING) return HOT_PHASE_NOTHING;
  return HOT_PHASE_OTHER;
}

/* All that it says after its first SYN acknowledges. */
static inline bool hot_has_ack(const struct hot_end *e) {
  return hot_has_spoken(e) && e->opening != HOT_SYN_SENT && e->opening != HOT_SYN_ANSWERED;
}

static inline bool hot_is_scaled(const struct hot *h) {
  return h->end[0].scale != HOT_SCALE_NONE && h->end[1].scale != HOT_SCALE_NONE;
}

static inline unsigned hot_shift_of(const struct hot *h, const struct hot_end *e) {
  enum { MIDSTREAM = 14 }; /* endpoint_window_shift */
  if (!hot_sent_syn(e)) return MIDSTREAM;
  return hot_is_scaled(h) ? e->scale : 0;
}

static inline uint32_t hot_max_window_bytes(const struct hot *h, enum end end) {
  const struct hot_end *e = &h->end[end];
  return (uint32_t)h->max_window[end] << (e->max_unscaled ? 0 : hot_shift_of(h, e));
}

/* ---- Times ---------------------------------------------------------------------------------- */

enum { HOT_PASSED_MAX_US = 1 << 30 };
#define HOT_AGE_MAX_US (UINT32_C(1) << 31)

/* False: it is out of all bounds. */
static inline bool hot_set_last_us(struct hot *h, int64_t t_us) {
  h->last_us_low = (uint32_t)t_us;
  h->last_us_high = (uint32_t)(t_us >> 32) & ((1U << HOT_LAST_US_HIGH_BITS) - 1);
  return hot_last_us(h) == t_us;
}

static inline int64_t hot_time_of(const struct hot *h, uint32_t low) {
  return hot_last_us(h) - (uint32_t)(h->last_us_low - low);
}

static inline bool hot_is_old(uint32_t now_us, uint32_t us) {
  return (uint32_t)(now_us - us) >= HOT_AGE_MAX_US;
}

/* At that time none of those that are kept is so old that 32 bits would not tell it any more. */
static inline bool hot_is_in_time(const struct hot *h, int64_t t_us) {
  int64_t passed = t_us - hot_last_us(h);
  uint32_t now = (uint32_t)t_us;
  if (passed < 0 || passed > HOT_PASSED_MAX_US || t_us >> 54 != 0) return false;
  if (h->has_octets && hot_is_old(now, h->octets_us)) return false;
  if (hot_is_old(now, h->spoken_us) && hot_has_spoken(&h->end[0]) && hot_has_spoken(&h->end[1]))
    return false;
  for (unsigned i = 0; i < 2; i++) {
    if (h->end[i].asked_bytes != 0 && hot_is_old(now, h->end[i].asked_us)) return false;
    if (h->end[i].has_vain && hot_is_old(now, h->vain_us)) return false;
  }
  return true;
}

/* ---- What the ends have said ---------------------------------------------------------------- */

enum { HOT_TLS_BITS = 2, HOT_TLS_MASK = 3, HOT_HOPS_BITS = 8, HOT_HOPS_MASK = 255 };
static_assert((int)TALK_TLS_ALERT <= (int)HOT_TLS_MASK, "an entry has two bits for it");

static inline enum talk_tls hot_tls_of(const struct hot *h, enum end end) {
  return (enum talk_tls)(h->tls >> (end * HOT_TLS_BITS) & HOT_TLS_MASK);
}

static inline void hot_set_tls(struct hot *h, enum end end, enum talk_tls tls) {
  unsigned shift = end * HOT_TLS_BITS;
  h->tls = ((h->tls & ~((unsigned)HOT_TLS_MASK << shift)) | (unsigned)tls << shift) & 15U;
}

static inline void hot_get_path(const struct hot *h, enum end end, struct talk_path *path) {
  path->ip_id = h->ip_id[end];
  path->hops = (uint8_t)(h->hops >> (end * HOT_HOPS_BITS));
  path->varies = h->varies >> end & 1;
}

static inline void hot_set_path(struct hot *h, enum end end, const struct talk_path *path) {
  unsigned shift = end * HOT_HOPS_BITS;
  h->ip_id[end] = path->ip_id;
  h->hops =
      ((h->hops & ~((unsigned)HOT_HOPS_MASK << shift)) | (unsigned)path->hops << shift) & 0xffffU;
  h->varies = ((h->varies & ~(1U << end)) | (unsigned)path->varies << end) & 3U;
}

static inline void hot_get_talk(const struct hot *h, struct talk *talk) {
  talk->octets_us = h->has_octets ? hot_time_of(h, h->octets_us) : 0;
  talk->pause_us = h->pause_us;
  talk->from = h->octets_from;
}

/* False: a pause that there is no room for. */
static inline bool hot_set_talk(struct hot *h, const struct talk *talk) {
  if (talk->pause_us < 0 || talk->pause_us > UINT32_MAX || talk->from > END_SERVER) return false;
  h->has_octets = talk->octets_us != 0;
  h->octets_us = (uint32_t)talk->octets_us;
  h->pause_us = (uint32_t)talk->pause_us;
  h->octets_from = talk->from & 1U;
  return true;
}

#endif
