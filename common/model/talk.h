/* What the ends had said before one of them ended it, and by what path it came: how long both had
 * been silent, whether TLS said its own goodbye, the hop limit and identification of IP.
 *
 * None of it changes a state. It is what a person asks next: a silence that is always the same is
 * somebody's timeout, and a RST that has come another way was sent by somebody else. */
#ifndef TEARDOWN_COMMON_MODEL_TALK_H
#define TEARDOWN_COMMON_MODEL_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/segment.h"

/* A silence of so long is worth a word. */
#define TALK_SILENCE_US INT64_C(1000000)

/* The octets that were sent while nobody had closed. */
struct talk {
  int64_t octets_us; /* the newest; 0: none */
  int64_t pause_us;  /* the silence before those; 0: there were none before */
  enum end from : 8;
};

/* What IP says of the newest segment of an end that is no RST, or of a RST. */
struct talk_path {
  uint16_t ip_id;
  uint8_t hops; /* time to live, or hop limit; 0: there was no such segment */
  bool varies;  /* its segments did not all have the same */
};

/* How an end's octets looked at last. */
enum talk_tls {
  TALK_NOT_TLS,
  TALK_TLS, /* a TLS record began with a segment of its, and how the last one ended is not known */
  TALK_TLS_RECORD, /* its last octets are whole records, and the last is no alert */
  TALK_TLS_ALERT,  /* it is one, or (of TLS 1.3) as long as one */
};

/* Octets of an end passed. NULL for `tls`: they had passed before. */
void talk_note_octets(struct talk *talk, enum talk_tls *tls, enum end from,
                      const struct segment *segment);

/* A segment of an end passed. */
void talk_note_path(struct talk_path *path, const struct segment *segment);

#endif
