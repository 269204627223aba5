/* One record of the kernel's trace buffer to one kernel_event. Where a record holds what differs
 * between kernels; the kernel says so itself, in the `format` file of each trace event. */
#ifndef TEARDOWN_CAPTURE_KERNEL_RECORD_H
#define TEARDOWN_CAPTURE_KERNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/kernel/diag.h"
#include "common/model/tcp_state.h"

enum kernel_event_kind {
  KERNEL_EVENT_STATE,         /* from one state to another */
  KERNEL_EVENT_SEND_RESET,    /* its socket sent RST, `reason` may say why */
  KERNEL_EVENT_RECEIVE_RESET, /* its socket took a RST */
  KERNEL_EVENT_RETRANSMIT,    /* its socket sent something again, by timeout or tail loss probe */
  KERNEL_EVENT_EXIT,          /* a thread ends, and closes next what it alone has open; no pair */
};

/* Two births are told before the address is there: a client's (CLOSED to SYN_SENT) without its own
 * port, unless it was bound to one, and in older kernels, Linux 6.1 for one, a server's (LISTEN to
 * SYN_RECEIVED) without its peer. */
struct kernel_event {
  int64_t t_us; /* since the epoch, on the clock of libpcap's packets */
  struct kernel_pair pair;
  uint64_t socket; /* the same for all events of one socket, later perhaps another's; 0: none */
  enum kernel_event_kind kind : 8;
  /* Of STATE, as the kernel names them: CLOSED may be TIME_WAIT, or the FIN_WAIT_2 of an orphan:
   * ask kernel_diag. */
  enum tcp_state from : 8, to : 8;
  char reason[40];   /* of SEND_RESET, in the kernel's word without its prefix, such as "NO_SOCKET";
                        empty: not said */
  int32_t pid, tid;  /* who ran just then, as kernel_trace_next sets it; 0: not said */
  bool in_interrupt; /* no doing of theirs: a segment's or a timer's */
  char command[16];  /* of EXIT, the thread's; what is not printable is a '?' */
};

struct kernel_formats; /* opaque */

/* NULL: want of memory. The caller frees it. */
struct kernel_formats *kernel_formats_new(void);
void kernel_formats_free(struct kernel_formats *formats);

/* Learns how the events of this kind look from `text`, the content of their format file. False when
 * that says too little to name the socket, or for want of memory: such events are then skipped. */
bool kernel_formats_learn(struct kernel_formats *formats, enum kernel_event_kind kind,
                          const char *text);

/* How many octets of such a record are looked at; 0: no format was learnt. */
size_t kernel_formats_size(const struct kernel_formats *formats, enum kernel_event_kind kind);

/* Copies the name of a command of n octets at most, as far as it fits. */
void kernel_set_command(char *command, size_t size, const void *octets, size_t n);

/* Decodes all of *event but its time and who ran. False for a record of an unknown event, one that
 * is too short for its format, or the state of a socket that is not TCP's: MPTCP and SCTP report
 * theirs, too. */
bool kernel_formats_decode(const struct kernel_formats *formats, const void *record, size_t size,
                           struct kernel_event *event);

#endif
