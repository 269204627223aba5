/* What happens on processors that idle. Of an event there, such as a timer's that runs out, Linux
 * 6.18 in a virtual machine writes no perf sample, though it counts the event. A program in the
 * kernel (bpf(2)) sees the event all the same, and writes the sample itself, in the same form and
 * into the same buffer.
 *
 * It changes nothing for others who watch the same events, and ends with its descriptors. */
#ifndef TEARDOWN_CAPTURE_KERNEL_IDLE_H
#define TEARDOWN_CAPTURE_KERNEL_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where such a program finds the buffers of that many processors: a descriptor, the caller's to
 * close. -1: errno says why not. */
int kernel_idle_open(unsigned cpus);

/* The buffer of that processor is that of `output`, an event of PERF_COUNT_SW_BPF_OUTPUT. False:
 * errno says why not. */
bool kernel_idle_set_buffer(int idle, unsigned cpu, int output);

/* Of the trace event of this descriptor, on whatever processor it happens, the first `size` octets
 * are written if the processor idles. `type` is the event's number. False: errno says why not. */
bool kernel_idle_watch(int idle, int event, uint16_t type, size_t size);

/* Whether the kernel itself wrote this sample, whose octets begin so, of an idle processor's event:
 * it is there twice. */
enum { KERNEL_IDLE_COMMON_SIZE = 8 };
bool kernel_idle_is_double(int32_t tid, const uint8_t octets[static KERNEL_IDLE_COMMON_SIZE]);

#endif
