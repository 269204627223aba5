/* Whose turn it is: to give up its place to another, or to have its verdict at the end. */
#ifndef TEARDOWN_CAPTURE_FLOW_TURN_H
#define TEARDOWN_CAPTURE_FLOW_TURN_H

#include "capture/flow.h"

/* Of a table that is full, the one to be given up: one that has ended and whose verdict is given;
 * the one that has ended and of which nothing has been captured for longest; one whose handshake is
 * not complete; the one that has been idle for longest. */
struct hot *flow_first_to_go(struct flow_table *table);

/* The one in no list that has been idle for longest. NULL: all are in lists. */
struct hot *flow_longest_idle(struct flow_table *table);

/* The one that closed, or spoke last, before all others. To be removed before the next is asked
 * for, and nothing else may be asked for meanwhile. NULL: there is none. */
struct hot *flow_first_to_close(struct flow_table *table);

#endif
