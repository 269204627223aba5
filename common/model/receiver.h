/* What a segment is presumed to do to the end that it was sent to. Captured is not delivered: all
 * of it can be struck out by what that end sends later. */
#ifndef TEARDOWN_COMMON_MODEL_RECEIVER_H
#define TEARDOWN_COMMON_MODEL_RECEIVER_H

#include "common/model/observation.h"

/* Any segment but an RST. */
void receiver_take(struct observation *o);

/* What it shows, if it acknowledges everything but this end's FIN, though it may be dropped. */
void receiver_take_short_ack(struct observation *o);

/* An RST that counts; o->sender_state is its sender's before it. */
void receiver_rst(struct observation *o);

#endif
