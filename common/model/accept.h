/* Would the receiver accept this segment? The guards of RFC 9293 3.10.7.3 and 3.10.7.4 (and of RFC
 * 5961) as far as a watcher can compute them: they come before the look-up in the table, and what
 * they reject changes no state.
 *
 * A watcher knows the receiver's RCV.NXT only within bounds: at least what it has acknowledged, at
 * most what was captured on its way to it. Doubt is resolved towards acceptance. */
#ifndef TEARDOWN_COMMON_MODEL_ACCEPT_H
#define TEARDOWN_COMMON_MODEL_ACCEPT_H

#include "common/model/endpoint.h"
#include "common/model/segment.h"

enum acceptance {
  ACCEPT_YES,
  ACCEPT_NOT_OPEN,      /* the receiver is in SYN_SENT: only a SYN or an RST counts there */
  ACCEPT_ACK_OF_UNSENT, /* SEG.ACK > SND.NXT, for certain: answered with an ACK and dropped */
  ACCEPT_ACK_TOO_OLD,   /* SEG.ACK < SND.UNA - MAX.SND.WND: a challenge ACK (RFC 5961, 5.2) */
  ACCEPT_OUT_OF_WINDOW, /* to the right of every window ever offered, or to the left of RCV.NXT */
  ACCEPT_OLD,           /* a bare ACK to the left of RCV.NXT: answered with an ACK and dropped */
  ACCEPT_NO_ACK,        /* neither SYN, RST nor ACK: dropped (3.10.7.4, fifth) */
  ACCEPT_SYN_IN_CONNECTION, /* another SYN while it lives: a challenge ACK (RFC 5961, 4.2) */
  ACCEPT_IN_WINDOW,         /* RST only: not the exact number, a challenge ACK (RFC 5961, 3.2) */
  ACCEPT_LOST,              /* it never came: two taps show it (segment.h) */
};

/* One phrase, for a person; NULL for ACCEPT_YES. */
const char *acceptance_reason(enum acceptance acceptance);

/* For any segment but an RST. Octets that were received before are no reason to reject here: a
 * repeated FIN has its own row in the table. */
enum acceptance accept_segment(const struct endpoint *sender, const struct endpoint *receiver,
                               const struct segment *segment);

enum acceptance accept_rst(const struct endpoint *sender, const struct endpoint *receiver,
                           const struct segment *segment);

/* The RST has the number of its sender's FIN, or of what may have been that where it was not
 * captured: one below what its receiver awaits since. A strict
 * stack ignores it (RFC 5961, 3.2); Linux takes it in CLOSE_WAIT, LAST_ACK and CLOSING, for so
 * answers everybody whom a request met after his FIN. */
bool accept_rst_is_before_fin(const struct endpoint *sender, const struct endpoint *receiver,
                              const struct segment *segment);

/* May a SYN reopen a four-tuple whose connection is over? */
enum incarnation {
  INCARNATION_NOT_OVER,     /* no end is in TIME_WAIT or CLOSED: the same connection */
  INCARNATION_FREE,         /* an end is CLOSED and none is in TIME_WAIT */
  INCARNATION_BY_ISN,       /* TIME_WAIT; the ISN is beyond every octet sent (RFC 9293, 3.6.1) */
  INCARNATION_BY_TIMESTAMP, /* TIME_WAIT; the timestamp is newer (RFC 6191) */
  INCARNATION_NOT_NEWER,    /* TIME_WAIT; such a SYN is answered with an ACK, as an old duplicate */
};

/* "isn", "timestamp", "not-newer"; NULL where nothing was reused. */
const char *incarnation_name(enum incarnation incarnation);

/* `sender` sends this SYN, without ACK, towards `receiver`; both as they were. */
enum incarnation accept_incarnation(const struct endpoint *sender, const struct endpoint *receiver,
                                    const struct segment *syn);

#endif
