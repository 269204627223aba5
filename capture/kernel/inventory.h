/* The inventory: what the kernel has of closes that began before the capture did, so that who is
 * stuck since yesterday is not overlooked. Equal sockets stand together. */
#ifndef TEARDOWN_CAPTURE_KERNEL_INVENTORY_H
#define TEARDOWN_CAPTURE_KERNEL_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/kernel/diag.h"
#include "capture/kernel/owner.h"
#include "common/model/tcp_state.h"

/* Sockets in one state, of one service port, of one holder, who has read all or has not. */
struct kernel_group {
  uint32_t n;
  uint32_t heard_ms;  /* since any of their peers was heard, at the least */
  uint32_t oldest_ms; /* and at the most */
  uint16_t port;      /* the lower one of the pair */
  enum tcp_state state : 8;
  bool has_read_end, is_held, has_owner;
  struct kernel_owner owner; /* of the first; only if has_owner */
  struct kernel_pair first;
};

enum { KERNEL_GROUPS_MAX = 32 };

struct kernel_inventory {
  uint64_t n[TCPS_COUNT]; /* by state: the closing ones */
  uint32_t n_groups;
  uint64_t not_listed; /* sockets, for want of room for another group */
  uint32_t ephemeral_ports;
  struct kernel_group group[KERNEL_GROUPS_MAX]; /* CLOSE_WAIT first, then by number */
};

/* Whether the capture would show segments between these two. */
typedef bool kernel_wanted(void *context, const struct kernel_pair *pair);

/* Takes it. False when the kernel does not answer: then it holds what came before that. */
bool kernel_inventory_take(struct kernel_inventory *inventory, struct kernel_diag *diag,
                           struct kernel_owners *owners, kernel_wanted *wanted, void *context);

#endif
