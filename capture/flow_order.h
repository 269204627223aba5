/* Entries in an order of time, of which only the first are wanted, a few thousand at a time.
 *
 * One look at all of them finds the next few thousand, for memory that does not grow with what is
 * there. Those that were found stay the next to go until they are heard of again. */
#ifndef TEARDOWN_CAPTURE_FLOW_ORDER_H
#define TEARDOWN_CAPTURE_FLOW_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct flow_since {
  int64_t us;
  uint32_t number; /* of the connection: decides between equal times */
  uint32_t entry;
};

struct flow_order {
  struct flow_since *since;
  uint32_t n, taken, room;
};

/* For at most `max` entries. False when there is no memory. */
bool flow_order_init(struct flow_order *order, uint32_t max);
void flow_order_destroy(struct flow_order *order);

/* What an order is about; sets `us` and, where there is one, `number`. False leaves it out. */
typedef bool flow_order_since(const void *context, uint32_t entry, struct flow_since *since);

/* Begins anew: what was found is forgotten. */
static inline void flow_order_restart(struct flow_order *order) { order->n = order->taken = 0; }

/* The first of entries 0 to n_entries - 1 that was not given yet. False: there is none. */
bool flow_order_next(struct flow_order *order, uint32_t n_entries, flow_order_since *look,
                     const void *context, uint32_t *entry);

#endif
