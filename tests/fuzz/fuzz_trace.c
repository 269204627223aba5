/* Any octets as what the kernel's trace events look like, and as what stands in their buffer. It
 * includes what it tests: a buffer is only had of the kernel. */
#include "capture/kernel/trace.c"  // NOLINT(bugprone-suspicious-include)

#include "tests/fuzz/target.h"

enum { DATA_BYTES = 1 << 10, TEXT_BYTES = 1 << 12 };

/* As Linux 6.18 has it. */
static const char reset_format[] =
    "ID: 2\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\n"
    "\tfield:const void * skaddr;\toffset:16;\tsize:8;\tsigned:0;\n"
    "\tfield:enum sk_rst_reason reason;\toffset:28;\tsize:4;\tsigned:0;\n"
    "\tfield:__u8 saddr[28];\toffset:32;\tsize:28;\tsigned:0;\n"
    "\tfield:__u8 daddr[28];\toffset:60;\tsize:28;\tsigned:0;\n"
    "print fmt: \"%s\", __print_symbolic(REC->reason, { 0, \"NOT_SPECIFIED\" }, { 1, \"NO_SOCKET\" "
    "})\n";

/* A text that begins the input, up to its NUL: for one of the kinds. */
static void learn_any(struct kernel_formats *formats, struct input *in) {
  char text[TEXT_BYTES];
  size_t n = 0;
  enum kernel_event_kind kind = take_octet(in) % EVENT_COUNT;
  while (n < sizeof text - 1 && in->at < in->end && (text[n] = (char)take_octet(in)) != '\0') n++;
  text[n] = '\0';
  (void)kernel_formats_learn(formats, kind, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  struct input in = {octets, octets + n};
  struct perf_event_mmap_page control = {0};
  static uint8_t data[DATA_BYTES];
  struct ring ring = {
      .fd = {-1, -1, -1, -1, -1}, .control = &control, .data = data, .size = DATA_BYTES};
  static struct kernel_trace trace;
  struct kernel_event event;
  trace = (struct kernel_trace){.mount_fd = -1,
                                .formats = kernel_formats_new(),
                                .ring = &ring,
                                .ring_count = 1,
                                .clock = CLOCK_REALTIME};
  if (!trace.formats) abort();
  (void)kernel_formats_learn(trace.formats, KERNEL_EVENT_SEND_RESET, reset_format);
  learn_any(trace.formats, &in);
  /* The buffer has gone round some times, and what is in it wraps. */
  ring.at = take_u16(&in) * UINT64_C(8);
  size_t left = (size_t)(in.end - in.at), most = left < DATA_BYTES ? left : DATA_BYTES;
  for (size_t i = 0; i < most; i++) data[(ring.at + i) % DATA_BYTES] = in.at[i];
  control.data_head = ring.at + most;
  while (kernel_trace_next(&trace, &event)) {
    if (memchr(event.command, '\0', sizeof event.command) == NULL) abort();
    if (event.kind == KERNEL_EVENT_EXIT) continue;
    if (event.pair.family != 4 && event.pair.family != 6) abort();
    if (event.from >= TCPS_COUNT || event.to >= TCPS_COUNT) abort();
    if (memchr(event.reason, '\0', sizeof event.reason) == NULL) abort();
  }
  if (control.data_tail > control.data_head) abort();
  kernel_formats_free(trace.formats);
  return 0;
}
