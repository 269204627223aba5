/* What the kernel tells of itself while it happens: its trace events sock:inet_sock_set_state,
 * tcp:tcp_send_reset, tcp:tcp_receive_reset and tcp:tcp_retransmit_skb (libtracefs; root). They are
 * of all network namespaces, and do not say of which one.
 *
 * The events are read from a trace instance of our own, which is removed at the end; one that an
 * earlier run could not remove, killed, is removed by a later one. tracefs itself is mounted for
 * nobody but this process when it is not there already. */
#ifndef TEARDOWN_CAPTURE_KERNEL_TRACE_H
#define TEARDOWN_CAPTURE_KERNEL_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/kernel/diag.h"

enum kernel_event_kind {
  KERNEL_EVENT_STATE,         /* from one state to another */
  KERNEL_EVENT_SEND_RESET,    /* its socket sent RST, `reason` may say why */
  KERNEL_EVENT_RECEIVE_RESET, /* its socket took a RST */
  KERNEL_EVENT_RETRANSMIT,    /* its socket sent something again, by timeout or tail loss probe */
};

/* Two births are told before the address is there: a client's (CLOSED to SYN_SENT) without its own
 * port, unless it was bound to one, and in older kernels, Linux 6.1 for one, a server's (LISTEN to
 * SYN_RECEIVED) without its peer. */
struct kernel_event {
  int64_t t_us; /* since the epoch, on the clock of libpcap's packets */
  struct kernel_pair pair;
  uint64_t socket;  /* the same for all events of one socket, later perhaps another's; 0: none */
  uint8_t kind;     /* enum kernel_event_kind */
  uint8_t from, to; /* of STATE, enum tcp_state as the kernel names it: CLOSED may be TIME_WAIT, or
                       the FIN_WAIT_2 of an orphan: ask kernel_diag */
  char reason[40];  /* of SEND_RESET, in the kernel's word without its prefix, such as "NO_SOCKET";
                       empty: not said */
};

struct kernel_trace; /* opaque */

/* NULL when there are none; `error` then says why, and what to do about it. The caller closes it,
 * which undoes all that was done to the system. */
struct kernel_trace *kernel_trace_open(char error[static KERNEL_ERROR_SIZE]);
void kernel_trace_close(struct kernel_trace *trace);

/* A descriptor that polls readable when there may be an event; -1: there is none. */
int kernel_trace_fd(const struct kernel_trace *trace);

/* The next event, without waiting. Events come in the order of their times, as far as they had
 * happened when the first of them was read. False: none now. */
bool kernel_trace_next(struct kernel_trace *trace, struct kernel_event *event);

/* How many the kernel threw away because nobody had read them in time. */
uint64_t kernel_trace_lost(const struct kernel_trace *trace);

#endif
