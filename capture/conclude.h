/* How the watch comes to an end with a connection: its verdict, what is due without a segment, and
 * its place. For watch.c alone. */
#ifndef TEARDOWN_CAPTURE_CONCLUDE_H
#define TEARDOWN_CAPTURE_CONCLUDE_H

#include "capture/watched.h"

/* Calls a function of every report that is told of this (enum report_told). */
#define REPORT(w, told, function, ...)             \
  for (unsigned i_ = 0; i_ < (w)->n_reports; i_++) \
    if ((w)->reports[i_]->options.quiet <= (told)) \
  REPORT_TELL((w)->reports[i_], function, __VA_ARGS__)

/* Until something is told of the connection, what is learnt meanwhile says who is the client. */
void conclude_roles(struct watch *watch, struct flow *flow);

/* From now on it is told of, and by a number. */
void conclude_number(struct watch *watch, struct flow *flow);

/* Asks the kernel about it. */
void conclude_ask(struct watch *watch, struct flow *flow);

/* Tells its model what the capture may lack of it, for whoever makes a verdict. */
void conclude_lacks(const struct watch *watch, struct flow *flow);

/* The connection's last verdict stands: now, if none has been given since its last segment.
 * `may_ask`: the kernel's answer would still be about this connection. */
void conclude_now(struct watch *watch, struct flow *flow, int64_t now_us, bool may_ask);

/* Somebody wants to be told of the verdict on this ordinary close. */
bool conclude_tells(const struct watch *watch, const struct hot *entry);

/* The last verdict on an ordinary close that has ended stands. */
void conclude_ordinary(struct watch *watch, const struct hot *entry);

/* Tells the last verdict on an ordinary close as that of another like it, and takes it out.
 * `is_over`: 2 MSL have passed. False: it takes the model to tell it, and nothing was done. */
bool conclude_retold(struct watch *watch, struct hot *entry, bool is_over, int64_t now_us);

/* The connection whole, whatever it was before. */
struct flow *conclude_whole(struct watch *watch, struct hot *entry);

/* Nothing is to be said of it any more, and its place is free. */
void conclude_drop(struct watch *watch, struct flow *flow);

/* What the kernel said of all that there are is dropped. */
void conclude_forget(struct watch *watch);

/* The flow is not needed whole; it must not be used afterwards. */
void conclude_shrink(struct watch *watch, struct flow *flow);

/* Its deadline may have come nearer. */
void conclude_hurry(struct watch *watch, struct flow *flow);

/* Does what is due by now. Live, a part of a crowd: true when there may be more. */
bool conclude_due(struct watch *watch, int64_t now_us);

#endif
