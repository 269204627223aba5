/* What the kernel of this machine says of one of its TCP sockets: an exact look-up by sock_diag
 * (libmnl), which needs no privilege and sees TIME_WAIT. It asks the network namespace that it was
 * opened in. */
#ifndef TEARDOWN_CAPTURE_KERNEL_DIAG_H
#define TEARDOWN_CAPTURE_KERNEL_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "common/model/tcp_state.h"

enum { KERNEL_ERROR_SIZE = 256 };

/* A socket is known by its own address and its peer's, as they are on the wire: a v4-mapped socket
 * has family 4. */
struct kernel_pair {
  struct decode_address local, remote;
  uint16_t local_port, remote_port;
  uint8_t family; /* 4 or 6 */
};

enum kernel_timer {
  KERNEL_TIMER_NONE,
  KERNEL_TIMER_RETRANSMIT, /* or a tail loss probe */
  KERNEL_TIMER_KEEPALIVE,  /* or FIN_WAIT_2 of an orphan that lasts longer than TIME_WAIT */
  KERNEL_TIMER_TIME_WAIT,  /* also of FIN_WAIT_2 after close(): it ends by itself */
  KERNEL_TIMER_PROBE,      /* of a closed window, or what the local output path refused */
};

struct kernel_socket {
  uint64_t cookie;   /* the same from the first question to the end of its TIME_WAIT, unless that
                        question came in the very moment when TIME_WAIT began */
  uint32_t left_ms;  /* until the timer runs out */
  uint32_t inode;    /* 0: no process holds it (an orphan, or TIME_WAIT) */
  uint32_t unread;   /* octets that the application has not read */
  uint32_t heard_ms; /* of a dump: since the newest segment of the peer; TIME_WAIT: 0 */
  bool has_read_end; /* the application has met the peer's FIN */
  uint32_t unacked;  /* octets sent or queued that are not acknowledged; SYN and FIN are none */
  enum tcp_state state : 8;
  enum kernel_timer timer : 8;
  uint8_t retransmits; /* by timeout, of what is not acknowledged; tail loss probes do not count */
};

enum kernel_answer {
  KERNEL_FOUND,
  KERNEL_GONE,       /* there is no such socket */
  KERNEL_UNANSWERED, /* no word: an error of the kernel, or want of memory */
};

struct kernel_diag; /* opaque */

/* NULL when the kernel cannot be asked; `error` then says why, and what to do about it. The caller
 * closes it. */
struct kernel_diag *kernel_diag_open(char error[static KERNEL_ERROR_SIZE]);
void kernel_diag_close(struct kernel_diag *diag);

/* Asks at once and never waits. *socket is set only for KERNEL_FOUND. A listener or a bound socket
 * without a peer is not found, nor is one bound to another interface than its own address's. */
enum kernel_answer kernel_diag_ask(struct kernel_diag *diag, const struct kernel_pair *pair,
                                   struct kernel_socket *socket);

/* Whether a socket listens on this port of this address, or did at any time since `diag` was opened
 * as far as that was noticed: who connected before can have stopped listening since. A new one is
 * known within a second. */
bool kernel_diag_listens(struct kernel_diag *diag, uint8_t family,
                         const struct decode_address *address, uint16_t port);

typedef void kernel_diag_take(void *context, const struct kernel_pair *pair,
                              const struct kernel_socket *socket);

/* Gives every socket in one of these states (a bit 1 << enum tcp_state each) to `take`, of both
 * families, and never waits. 0, or the negative errno with which it ended before it was through. */
int kernel_diag_dump(struct kernel_diag *diag, unsigned states, kernel_diag_take *take,
                     void *context);

/* Whether the address belongs to this machine, in this network namespace: a loopback address, or
 * one of the first 4096 of its interfaces. A new one is known within a second, a removed one may
 * count for longer. */
bool kernel_diag_is_local(struct kernel_diag *diag, uint8_t family,
                          const struct decode_address *address);

#endif
