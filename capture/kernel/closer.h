/* Which process closed or reset a connection. The kernel's events say who ran when they happened:
 * that is who did it only where a call did it, and neither a segment nor a timer. So believed are
 * the transitions that nothing but a call makes, and a reset that a socket sends, and only outside
 * interrupts; the segments of a busy socket are looked at in somebody's call, too, but make other
 * transitions.
 *
 * Such a process may be gone a moment later. Its name is looked for at once; if that is too late,
 * it has told of its exit, with its name, before that or after. */
#ifndef TEARDOWN_CAPTURE_KERNEL_CLOSER_H
#define TEARDOWN_CAPTURE_KERNEL_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/kernel/record.h"

struct kernel_closer {
  int32_t pid;      /* 0: nobody is known */
  bool by_reset;    /* else by close() or shutdown() */
  bool at_exit;     /* it called neither: it exited, or was killed, with the socket open */
  char command[16]; /* empty: it could not be named */
};

enum { KERNEL_EXITS_MAX = 256, KERNEL_NAMED_MAX = 16 };

/* Who exited of late, and the names of those who closed of late. Begins as zeros. */
struct kernel_exits {
  struct {
    int32_t tid;
    char command[16];
  } exit[KERNEL_EXITS_MAX];
  unsigned n; /* since the beginning */
  struct {
    int32_t pid;
    int64_t t_us; /* of the event for which /proc was asked */
    char command[16];
  } named[KERNEL_NAMED_MAX];
};

/* Notes who exits by an event of that kind. */
void kernel_exits_note(struct kernel_exits *exits, const struct kernel_event *exit);

/* Whom the event shows to have closed its socket. False: nobody. Asks /proc for the name, of one
 * that closes one socket after the other a hundred times a second at the most. */
bool kernel_closer_of(struct kernel_exits *exits, const struct kernel_event *event,
                      struct kernel_closer *closer);

#endif
