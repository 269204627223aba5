/* In place of trace.c where libtracefs was not there to build it with. */
#include <stddef.h>
#include <stdio.h>

#include "capture/kernel/trace.h"

struct kernel_trace *kernel_trace_open(char error[static KERNEL_ERROR_SIZE]) {
  snprintf(error, KERNEL_ERROR_SIZE, "state events need libtracefs: install it and build again");
  return NULL;
}

void kernel_trace_close(struct kernel_trace *trace) { (void)trace; }

int kernel_trace_fd(const struct kernel_trace *trace) {
  (void)trace;
  return -1;
}

bool kernel_trace_next(struct kernel_trace *trace, struct kernel_event *event) {
  (void)trace;
  (void)event;
  return false;
}

uint64_t kernel_trace_lost(const struct kernel_trace *trace) {
  (void)trace;
  return 0;
}
