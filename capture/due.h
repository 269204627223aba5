/* When something is due about a connection, if no segment comes before: its verdict, somebody who
 * is stuck, the end of TIME_WAIT, a question to the kernel. Reads the watch, changes nothing. */
#ifndef TEARDOWN_CAPTURE_DUE_H
#define TEARDOWN_CAPTURE_DUE_H

#include "capture/watch.h"

/* Nothing more is to come of itself, but a repetition. */
bool due_is_complete(const struct model *model, int64_t now_us);

/* The segments after which the model could have to think again stay away for this long. */
int64_t due_settle_us(const struct model *model);

/* The kernel still has the TIME_WAIT that the model's clock may have ended. */
bool due_is_held(const struct watch *watch, const struct flow *flow);

/* The kernel is asked about this one now and then. */
bool due_is_consulted(const struct watch *watch, const struct flow *flow);

/* How long the kernel is left alone about one connection. */
int64_t due_ask_every_us(const struct watch *watch);

/* When the verdict on the close is due. */
int64_t due_verdict_us(const struct watch *watch, const struct flow *flow);

/* Since when somebody waits for the other end's next step; INT64_MAX: nobody does. */
int64_t due_waits_since_us(const struct model *model);

/* When it is to be told, again, that somebody is stuck. */
int64_t due_stuck_us(const struct watch *watch, const struct flow *flow);

/* The earliest of all that; DEADLINE_NEVER: nothing is due. */
int64_t due_us(const struct watch *watch, const struct flow *flow);

#endif
