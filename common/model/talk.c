#include "common/model/talk.h"

#include <stddef.h>

void talk_note_octets(struct talk *talk, enum talk_tls *tls, enum end from,
                      const struct segment *s) {
  int64_t gap_us = talk->octets_us != 0 ? s->t_us - talk->octets_us : 0;
  /* One request, or answer, may take several segments. */
  if (talk->from != from || gap_us > talk->pause_us) talk->pause_us = gap_us;
  talk->octets_us = s->t_us;
  talk->from = from;
  if (!tls) return;
  switch (s->tls) {
    case SEGMENT_TLS_NONE: /* perhaps the rest of a record */
      if (*tls != TALK_NOT_TLS) *tls = TALK_TLS;
      break;
    case SEGMENT_TLS_BEGINS: *tls = TALK_TLS; break;
    case SEGMENT_TLS_WHOLE: *tls = TALK_TLS_RECORD; break;
    case SEGMENT_TLS_ALERT:
      if (*tls != TALK_NOT_TLS) *tls = TALK_TLS_ALERT;
      break;
  }
}

void talk_note_path(struct talk_path *path, const struct segment *s) {
  if (path->hops != 0 && path->hops != s->hops) path->varies = true;
  path->hops = s->hops;
  path->ip_id = s->ip_id;
}
