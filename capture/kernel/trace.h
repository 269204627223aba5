/* What the kernel tells of itself while it happens: its trace events sock:inet_sock_set_state,
 * tcp:tcp_send_reset, tcp:tcp_receive_reset, tcp:tcp_retransmit_skb, and who ends:
 * sched:sched_process_exit (perf_event_open(2), and bpf(2) for what happens on processors that
 * idle; root, to open them). They are of all network namespaces, and do not say of which one.
 *
 * Nothing is changed for others, and nothing is left, whatever ends the process: the events end
 * with their descriptors. tracefs, which says what they look like, is mounted for nobody but this
 * process, and only for that, when it is not there already. */
#ifndef TEARDOWN_CAPTURE_KERNEL_TRACE_H
#define TEARDOWN_CAPTURE_KERNEL_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/kernel/record.h"

struct kernel_trace; /* opaque */

/* NULL when there are none; `error` then says why, and what to do about it. The caller closes it,
 * and may have dropped every privilege since. */
struct kernel_trace *kernel_trace_open(char error[static KERNEL_ERROR_SIZE]);
void kernel_trace_close(struct kernel_trace *trace);

/* The next event, without waiting: nobody is woken for it. Events come in the order of their times,
 * as far as they had happened when the first of them was read. False: none now. */
bool kernel_trace_next(struct kernel_trace *trace, struct kernel_event *event);

/* How many the kernel told of to nobody: because they had not been read in time, or, as Linux 6.18
 * does in some tasks, for no reason that it says. Of the latter kind exits are not counted. */
uint64_t kernel_trace_lost(const struct kernel_trace *trace);

#endif
