/* What a segment proves about the end that sent it: its own FIN and SYN, what had arrived when it
 * composed the segment, and which presumptions about it were wrong. */
#ifndef TEARDOWN_COMMON_MODEL_SENDER_H
#define TEARDOWN_COMMON_MODEL_SENDER_H

#include "common/model/observation.h"

/* The connection's first segment: it decides where both ends start. */
void sender_begin(struct observation *o);

/* Any segment but an RST, in this order: what its sending proves; that its octets exist and what it
 * acknowledges; that it closes, or that it answers what had been struck out. */
void sender_alive(struct observation *o);
void sender_stream(struct observation *o);
void sender_close(struct observation *o);

/* The ACK of a FIN that closes was captured before that FIN. After role_note. */
void sender_acked_before(struct observation *o);

/* An RST: it opens no sequence space. Sets o->sender_state to what its sender was in just before.
 */
void sender_rst(struct observation *o);

#endif
