/* The model: what a watcher can know of both ends of one TCP connection.
 *
 * Theory of operation
 *
 * Vantage. A captured segment is two events. `snd` at its source is certain: it was sent. `rcv` at
 * its destination is only presumed: captured is not delivered. So each end carries a state and the
 * evidence for it (enum evidence). A claim of EVIDENCE_SEEN speaks of the moment when that end sent
 * its last captured segment; it can have moved on in silence since.
 *
 * Log. An end's state is never stored by hand: it is its base state plus a short log of events,
 * each with its evidence, folded through the transition table. Evidence of the state is the weakest
 * in the log. To confirm is to raise one entry to `seen`; to refute is to strike it out and fold
 * again.
 *
 * Refutation. Sending is certain, so whoever sends what its presumed state forbids
 * (TRANSITION_NEVER) was not in that state: a FIN sent again strikes out the presumed arrival of
 * its ACK; a first FIN that does not acknowledge the peer's was composed before the peer's arrived,
 * so the two crossed.
 *
 * A capture that begins later than the connection cannot know whether a FIN came before it, so no
 * state is ever `seen` there; nor while the capture lacks octets that an end has sent.
 *
 * Confirmation. An end that acknowledges the peer's FIN has received it. An end that acknowledges
 * an octet which the peer first sent after acknowledging this end's FIN has received that ACK too.
 * The final ACK is never acknowledged, so the passive closer's CLOSED stays presumed for ever: that
 * is the two-generals problem, and it is why TIME_WAIT exists.
 *
 * Roles. FIN1 is the first FIN on the wire, ACK1 the first segment that covers it, FIN2 the other
 * end's FIN, ACK2 (the final ACK) the first segment that covers that. A FIN is its octet; "covers"
 * is arithmetic on SEG.ACK; flags prove nothing. Losses are inferred from repetitions (loss.h).
 *
 * Acceptance. What the receiver would drop (accept.h) proves nothing and changes nothing.
 *
 * Limits. Segments lost before the tap and never repeated do not exist for a watcher.
 *
 * The model is a function of what it is given: no clock, no allocation, no I/O. */
#ifndef TEARDOWN_COMMON_MODEL_MODEL_H
#define TEARDOWN_COMMON_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/connection.h"

/* Linux keeps TIME_WAIT for TCP_TIMEWAIT_LEN, which it calls 2 MSL, whatever the RFC's MSL of two
 * minutes would make it. */
#define MODEL_LINUX_2MSL_US (INT64_C(60) * 1000000)

/* Both ends unknown; two_msl_us is how long TIME_WAIT lasts. */
void model_init(struct model *model, int64_t two_msl_us);

/* Feeds the next captured segment. `from` may be given for the first segment as END_CLIENT.
 * Segments must come in capture order; any content is accepted. Writes *step. */
void model_step(struct model *model, enum end from, const struct segment *segment,
                struct model_step *step);

/* What was the client's is the server's, and the other way round: as if all segments had been given
 * with the other `from`. */
void model_swap_ends(struct model *model);

/* Lets time pass without a segment: ends TIME_WAIT once 2 MSL have run out (RFC 9293, 3.10.8).
 * True when something changed; *step then holds the changes. */
bool model_expire(struct model *model, int64_t now_us, struct model_step *step);

/* The kernel of this end says at t_us that it has closed, though no segment made it: a timer did,
 * or it gave up. True when the model has it in a state that can end so; *step then holds the
 * change. */
bool model_closed_silently(struct model *model, enum end end, int64_t t_us,
                           struct model_step *step);

/* The SYN at t_us, from that end, reuses a four-tuple in TIME_WAIT by this rule: notes it, and adds
 * the finding. To be called before the SYN's own step. */
void model_reuse(struct model *model, enum incarnation rule, enum end end, int64_t t_us);

#endif
