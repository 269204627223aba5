/* Roles: what a segment is in the close, whatever its flags. FIN1 is the first FIN on the wire. */
#ifndef TEARDOWN_COMMON_MODEL_ROLE_H
#define TEARDOWN_COMMON_MODEL_ROLE_H

#include "common/model/connection.h"
#include "common/model/observation.h"

/* No ACK is delayed for longer (RFC 9293, 3.8.6.3). */
#define ROLE_DELAYED_ACK_MAX_US INT64_C(500000)

/* Which roles this segment plays, given who sent FINs before it: ROLE_*. */
unsigned role_of(const struct model *m, enum end from, const struct segment *s);

/* Counts o->step->roles: which of them are new, which come again, and what a repetition says of
 * losses (loss.h). To be called when the sender's own FIN is already noted. */
void role_note(struct observation *o);

/* The segment is the first captured copy of FIN2 and does not cover FIN1; or a copy before it
 * probably did not: the ACK that answered the only copy of FIN1 has the number behind FIN2, and a
 * FIN that is sent after the other has arrived acknowledges that itself. */
bool role_is_crossing(const struct observation *o);

/* This FIN, captured after its peer's, was sent before it: it is FIN1. To be called after
 * role_note, while the peer's FIN was captured but once. */
void role_exchange_fins(struct observation *o);

/* The FIN of this segment was acknowledged by one captured before it: that role is played, too. */
void role_acked_before(struct observation *o);

/* Sets the counter, n of 3 or 4. */
void role_count(const struct model *m, struct model_step *step);

#endif
