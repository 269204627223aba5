/* Which process holds a socket, as far as /proc tells this user: what is another user's is not
 * seen without privilege.
 *
 * To look through every process's descriptors takes tens of ms on a machine with many. So one walk
 * notes every socket that anybody holds, and serves all that are asked for until one of them may be
 * younger than the walk. */
#ifndef TEARDOWN_CAPTURE_KERNEL_OWNER_H
#define TEARDOWN_CAPTURE_KERNEL_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_owner {
  int32_t pid, fd;
  char command[32]; /* /proc/PID/comm; what is not printable is a '?' */
};

/* The name of a process that is there, or a zombie; what is not printable is a '?'. False: it is
 * gone, or there is no /proc. */
bool kernel_command_of(int32_t pid, char *command, size_t size);

/* What the last walk found. Begins as zeros. */
struct kernel_owners {
  struct kernel_held {
    uint32_t inode;
    int32_t pid, fd;
  } * held; /* in ascending order */
  size_t n, room;
  int64_t walked_us, cost_us; /* when the walk began (0: not yet), and how long it took */
};

void kernel_owners_free(struct kernel_owners *owners);

/* The process with the lowest pid that has the socket of this inode open, and its lowest descriptor
 * of it. `since_us`: the socket has been held since then at the latest (CLOCK_REALTIME), so that a
 * walk that began later knows it. There is no new walk before the last one is ten times as old as
 * it took. False when no holder may be seen: another user's, gone, or there is none. */
bool kernel_owners_find(struct kernel_owners *owners, uint32_t inode, int64_t since_us,
                        struct kernel_owner *owner);

#endif
