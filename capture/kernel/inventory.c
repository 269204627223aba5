#include "capture/kernel/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct taker {
  struct kernel_inventory *inventory;
  struct kernel_owners *owners;
  kernel_wanted *wanted;
  void *context;
};

/* Those that somebody may be blamed for: TIME_WAIT ends by itself, and is counted only. */
static bool is_listed(enum tcp_state state) { return state != TCPS_TIME_WAIT; }

static bool is_alike(const struct kernel_group *a, const struct kernel_group *b) {
  return a->state == b->state && a->port == b->port && a->is_held == b->is_held &&
         a->has_read_end == b->has_read_end && a->has_owner == b->has_owner &&
         (!a->has_owner || a->owner.pid == b->owner.pid);
}

static void take(void *context, const struct kernel_pair *pair,
                 const struct kernel_socket *socket) {
  struct taker *t = context;
  struct kernel_inventory *in = t->inventory;
  if (!t->wanted(t->context, pair)) return;
  in->n[socket->state]++;
  if (!is_listed(socket->state)) return;
  uint16_t port = pair->local_port < pair->remote_port ? pair->local_port : pair->remote_port;
  struct kernel_group fresh = {.n = 1,
                               .heard_ms = socket->heard_ms,
                               .oldest_ms = socket->heard_ms,
                               .port = port,
                               .state = socket->state,
                               .has_read_end = socket->has_read_end,
                               .is_held = socket->inode != 0,
                               .first = *pair};
  fresh.has_owner = kernel_owners_find(t->owners, socket->inode, 0, &fresh.owner);
  for (uint32_t i = 0; i < in->n_groups; i++) {
    struct kernel_group *g = &in->group[i];
    if (!is_alike(g, &fresh)) continue;
    g->n++;
    if (fresh.heard_ms < g->heard_ms) g->heard_ms = fresh.heard_ms;
    if (fresh.oldest_ms > g->oldest_ms) g->oldest_ms = fresh.oldest_ms;
    return;
  }
  if (in->n_groups == KERNEL_GROUPS_MAX)
    in->not_listed++;
  else
    in->group[in->n_groups++] = fresh;
}

static int compare(const void *one, const void *other) {
  const struct kernel_group *a = one, *b = other;
  bool first = a->state == TCPS_CLOSE_WAIT, second = b->state == TCPS_CLOSE_WAIT;
  if (first != second) return first ? -1 : 1;
  if (a->n != b->n) return a->n > b->n ? -1 : 1;
  if (a->state != b->state) return a->state < b->state ? -1 : 1;
  return a->port < b->port ? -1 : a->port > b->port;
}

/* 0: unknown. */
static uint32_t ephemeral_ports(void) {
  unsigned first, last;
  FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
  if (!range) return 0;
  bool known = fscanf(range, "%u %u", &first, &last) == 2 && first <= last;
  fclose(range);
  return known ? last - first + 1 : 0;
}

bool kernel_inventory_take(struct kernel_inventory *in, struct kernel_diag *diag,
                           struct kernel_owners *owners, kernel_wanted *wanted, void *context) {
  static const unsigned states = 1U << TCPS_CLOSE_WAIT | 1U << TCPS_FIN_WAIT_1 |
                                 1U << TCPS_FIN_WAIT_2 | 1U << TCPS_CLOSING | 1U << TCPS_LAST_ACK |
                                 1U << TCPS_TIME_WAIT;
  struct taker taker = {in, owners, wanted, context};
  memset(in, 0, sizeof *in);
  in->ephemeral_ports = ephemeral_ports();
  int status = kernel_diag_dump(diag, states, take, &taker);
  qsort(in->group, in->n_groups, sizeof *in->group, compare);
  return status == 0;
}
