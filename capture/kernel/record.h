/* One record of the kernel's trace buffer to one kernel_event. Where a record holds what differs
 * between kernels; the kernel says so itself, in the `format` file of each trace event. */
#ifndef TEARDOWN_CAPTURE_KERNEL_RECORD_H
#define TEARDOWN_CAPTURE_KERNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/kernel/trace.h"

struct kernel_formats; /* opaque */

/* NULL: want of memory. The caller frees it. */
struct kernel_formats *kernel_formats_new(void);
void kernel_formats_free(struct kernel_formats *formats);

/* Learns how the events of this kind look from `text`, the content of their format file. False when
 * that says too little to name the socket, or for want of memory: such events are then skipped. */
bool kernel_formats_learn(struct kernel_formats *formats, enum kernel_event_kind kind,
                          const char *text);

/* Decodes all of *event but its time. False for a record of an unknown event, or one that is too
 * short for its format. */
bool kernel_formats_decode(const struct kernel_formats *formats, const void *record, size_t size,
                           struct kernel_event *event);

#endif
