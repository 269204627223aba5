/* What happens to one end of the model, and how a step reports it. */
#ifndef TEARDOWN_COMMON_MODEL_EVENT_H
#define TEARDOWN_COMMON_MODEL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/connection.h"

/* An event happened to `who`. Rows that move are logged; a self-loop changes nothing but a timer.
 */
void event_apply(struct model *m, enum end who, enum tcp_event event, enum evidence evidence,
                 int64_t t_us, struct model_step *step);

/* Something that `who` sent proves that this logged event did happen. */
void event_confirm(struct model *m, enum end who, enum tcp_event event, struct model_step *step);

/* The same, when the event may not even be logged yet: then it is applied, as seen. */
void event_prove(struct model *m, enum end who, enum tcp_event event, int64_t t_us,
                 struct model_step *step);

/* Something that `who` sent at t_us proves that this presumed event had not happened. False when it
 * was not in the log, or is proven: then the segment is older than what has been seen since. */
bool event_refute(struct model *m, enum end who, enum tcp_event event, int64_t t_us,
                  struct model_step *step);

/* Strikes an event out whatever its evidence was: what seemed to prove it was not this end's doing.
 */
bool event_strike(struct model *m, enum end who, enum tcp_event event, int64_t t_us,
                  struct model_step *step);

/* Adds a change of `who`, already made, to the step. `from` is the state before it. */
void event_report(struct model_step *step, const struct model *m, enum end who,
                  enum change_kind kind, const struct transition *why, enum tcp_state from,
                  enum tcp_event event);

/* A finding, once for each id and end. */
void event_find(struct model *m, struct model_step *step, struct finding finding);

#endif
