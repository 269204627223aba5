/* Which process holds a socket, as far as /proc tells this user. */
#ifndef TEARDOWN_CAPTURE_KERNEL_OWNER_H
#define TEARDOWN_CAPTURE_KERNEL_OWNER_H

#include <stdbool.h>
#include <stdint.h>

struct kernel_owner {
  int32_t pid, fd;
  char command[32]; /* /proc/PID/comm; what is not printable is a '?' */
};

/* The process with the lowest pid that has the socket of this inode open. False when none may be
 * seen: it is another user's, or gone. Reads every process's descriptors: tens of ms on a machine
 * with many, so it is for the few sockets that somebody is to be blamed for. */
bool kernel_owner_find(uint32_t inode, struct kernel_owner *owner);

#endif
