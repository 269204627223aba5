#include "capture/flow_order.h"

#include "capture/pool.h"

bool flow_order_init(struct flow_order *order, uint32_t max) {
  enum { SHARE = 16, ROOM_MAX = 1 << 16 };
  uint32_t room = max / SHARE + 1 < ROOM_MAX ? max / SHARE + 1 : ROOM_MAX;
  *order = (struct flow_order){.since = pool_reserve(room * sizeof *order->since), .room = room};
  return order->since != NULL;
}

void flow_order_destroy(struct flow_order *order) {
  pool_give_back(order->since, order->room * sizeof *order->since);
}

static int compare(const struct flow_since *a, const struct flow_since *b) {
  if (a->us != b->us) return a->us < b->us ? -1 : 1;
  if (a->number != b->number) return a->number < b->number ? -1 : 1;
  return (a->entry > b->entry) - (a->entry < b->entry);
}

static void swap(struct flow_order *order, uint32_t one, uint32_t other) {
  struct flow_since since = order->since[one];
  order->since[one] = order->since[other];
  order->since[other] = since;
}

/* A heap whose top is the last in order. */
static void sift_down(struct flow_order *order, uint32_t at) {
  for (;;) {
    uint32_t child = 2 * at + 1;
    if (child >= order->n) return;
    if (child + 1 < order->n && compare(&order->since[child + 1], &order->since[child]) > 0)
      child++;
    if (compare(&order->since[child], &order->since[at]) <= 0) return;
    swap(order, at, child);
    at = child;
  }
}

static void make_heap(struct flow_order *order) {
  for (uint32_t at = order->n / 2; at-- > 0;) sift_down(order, at);
}

/* In place: qsort would take as much memory again. */
static void sort_heap(struct flow_order *order) {
  uint32_t n = order->n;
  while (order->n > 1) {
    swap(order, 0, --order->n);
    sift_down(order, 0);
  }
  order->n = n;
}

static void find(struct flow_order *order, uint32_t n_entries, flow_order_since *look,
                 const void *context) {
  flow_order_restart(order);
  for (uint32_t i = 0; i < n_entries; i++) {
    struct flow_since since = {.entry = i};
    if (!look(context, i, &since)) continue;
    if (order->n < order->room) {
      order->since[order->n++] = since;
      if (order->n == order->room) make_heap(order);
    } else if (compare(&since, &order->since[0]) < 0) {
      order->since[0] = since;
      sift_down(order, 0);
    }
  }
  if (order->n < order->room) make_heap(order);
  sort_heap(order);
}

bool flow_order_next(struct flow_order *order, uint32_t n_entries, flow_order_since *look,
                     const void *context, uint32_t *entry) {
  for (int round = 0; round < 2; round++) {
    while (order->taken < order->n) {
      const struct flow_since *found = &order->since[order->taken++];
      struct flow_since since;
      *entry = found->entry;
      if (look(context, found->entry, &since) && since.us == found->us) return true;
    }
    if (round == 0) find(order, n_entries, look, context);
  }
  return false;
}
