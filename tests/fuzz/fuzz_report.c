/* Any octets as segments of a connection, and as the names that come from outside: of files, hosts,
 * processes, and the kernel's words. What the reports make of them must be what their formats say,
 * and hold no control character. test_report feeds it random octets, too. */
#include <stdio.h>
#include <stdlib.h>

#include "capture/report/summary.h"
#include "tests/fuzz/reports.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/texts.h"

enum { NAME_MAX_OCTETS = 40, SEGMENTS_MAX = 64, SUMMARY_ROOM = 1 << 16 };

/* ---- The world, out of octets -----------------------------------------------------------------
 */

/* Near the numbers that matter, mostly: else all would be out of the window. */
static uint32_t near(struct input *in, uint32_t n) {
  uint8_t by = take_octet(in);
  return by >= 250 ? n + (uint32_t)by * 0x01010101 : n + by % 8 - 1;
}

static struct segment any_segment(struct input *in, const struct endpoint *from,
                                  const struct endpoint *to, int64_t t_us) {
  static const uint8_t flags[] = {SEGMENT_SYN,
                                  SEGMENT_SYN | SEGMENT_ACK,
                                  SEGMENT_ACK,
                                  SEGMENT_ACK | SEGMENT_PSH,
                                  SEGMENT_FIN | SEGMENT_ACK,
                                  SEGMENT_FIN | SEGMENT_ACK,
                                  SEGMENT_RST,
                                  SEGMENT_RST | SEGMENT_ACK};
  uint8_t what = take_octet(in);
  return (struct segment){
      .t_us = t_us,
      .flags = what >= 240 ? take_octet(in) : flags[what % 8],
      .payload_bytes = what % 3 == 0 ? take_octet(in) : 0,
      .seq = near(in, from->stream.snd_nxt),
      .ack = near(in, to->stream.snd_nxt),
      .window = 65535,
  };
}

static void take_owner(struct input *in, struct kernel_owner *owner) {
  owner->pid = take_octet(in);
  take_text(in, owner->command, sizeof owner->command);
}

static void set_kernel(struct input *in, struct kernel_view *view) {
  for (unsigned e = 0; e < 2; e++) {
    witness_asked(&view->witness.end[e], take_octet(in) % TCPS_COUNT, 1000000);
    view->answer[e] = KERNEL_FOUND;
    view->socket[e].state = take_octet(in) % TCPS_COUNT;
    view->has_owner[e] = true;
    take_owner(in, &view->owner[e]);
    take_text(in, view->witness.end[e].holder, sizeof view->witness.end[e].holder);
    take_text(in, view->reset_reason[e], sizeof view->reset_reason[e]);
  }
}

/* ---- What is told ----------------------------------------------------------------------------
 */

static void tell_inventory(struct fuzz_reports *all, struct input *in, int64_t now_us) {
  struct kernel_inventory inventory = {.n_groups = 1 + take_octet(in) % 3};
  for (unsigned i = 0; i < TCPS_COUNT; i++) inventory.n[i] = take_octet(in);
  for (unsigned i = 0; i < inventory.n_groups; i++) {
    struct kernel_group *g = &inventory.group[i];
    g->n = 1 + take_octet(in);
    g->state = take_octet(in) % TCPS_COUNT;
    g->oldest_ms = g->heard_ms = take_u32(in);
    g->has_owner = g->is_held = true;
    take_owner(in, &g->owner);
    g->first.family = take_octet(in) % 2 ? 4 : 6;
  }
  FUZZ_TELL(all, inventory, &inventory, now_us);
}

static void give_verdict(struct fuzz_reports *all, struct input *in, struct flow *flow,
                         int64_t now_us) {
  struct verdict verdict;
  struct kernel_view *view = flow->kernel;
  verdict_make(&verdict, &flow->model, now_us);
  if (view) {
    struct kernel_word word = {
        .flow = flow, .t_us = now_us, .kind = take_octet(in) % (KERNEL_EVENT_RETRANSMIT + 1)};
    memcpy(word.reason, view->reset_reason[0], sizeof word.reason);
    FUZZ_TELL(all, kernel, &word);
    verdict_hear(&verdict, &flow->model, &view->witness, (const bool[]){true, true});
    if (flow->model.rst.from != END_NONE) verdict_hear_reset(&verdict, view->reset_reason[0]);
  }
  FUZZ_TELL(all, verdict, flow, &verdict, now_us);
  FUZZ_TELL(all, stuck, flow, &verdict, take_octet(in) * INT64_C(1000000), now_us);
}

static void check_summary(const struct report_summary *summary) {
  char text[SUMMARY_ROOM];
  FILE *file = fmemopen(text, sizeof text, "w");
  if (!file) abort();
  summary_print(file, summary);
  long n = ftell(file);
  fclose(file);
  if (n > 0 && is_printable(text, (size_t)n)) return;
  fprintf(stderr, "the summary is not what it must be:\n%s\n", text);
  abort();
}

static void tell(struct fuzz_reports *all, struct input *in) {
  char source[NAME_MAX_OCTETS], filter[NAME_MAX_OCTETS], lack[NAME_MAX_OCTETS];
  struct kernel_view view = {0};
  struct flow flow = {.number = 1, .key = {.family = take_octet(in) % 2 ? 4 : 6}};
  take_text(in, source, sizeof source);
  take_text(in, filter, sizeof filter);
  take_text(in, lack, sizeof lack);
  FUZZ_TELL(all, start, source, filter, lack);
  if (take_octet(in) % 2) {
    set_kernel(in, &view);
    flow.kernel = &view;
  }
  model_init(&flow.model, MODEL_LINUX_2MSL_US);
  int64_t t_us = take_octet(in) == 0 ? -1000000 : 1700000000 * INT64_C(1000000);
  if (flow.kernel) tell_inventory(all, in, t_us);
  for (unsigned i = 0; i < SEGMENTS_MAX && in->at < in->end; i++) {
    struct model_step step;
    enum end from = take_octet(in) % 2 ? END_CLIENT : END_SERVER;
    t_us += take_octet(in) * INT64_C(4999);
    struct segment segment =
        any_segment(in, &flow.model.end[from], &flow.model.end[end_other(from)], t_us);
    struct report_segment event = {.flow = &flow, .segment = &segment, .step = &step};
    for (unsigned e = 0; e < 2; e++) event.state_before[e] = flow.model.end[e].state;
    model_step(&flow.model, from, &segment, &step);
    FUZZ_TELL(all, segment, &event);
  }
  give_verdict(all, in, &flow, t_us + take_octet(in) * INT64_C(100000));
  struct report_summary summary = {.connections = 2, .n_slowest = 1};
  take_text(in, summary.slowest[0].holder, sizeof summary.slowest[0].holder);
  summary.slowest[0].finding = take_octet(in) % FINDING_COUNT;
  FUZZ_TELL(all, summary, &summary);
  check_summary(&summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  struct input in = {octets, octets + n};
  uint8_t how = take_octet(&in);
  struct fuzz_reports all;
  const struct report_options options = {.verbose = how & 1,
                                         .ascii = how & 2,
                                         .kernel_lines = how & 4,
                                         .live = how & 8,
                                         .columns = how & 16 ? 60 : 100};
  fuzz_reports_make(&all, &options);
  tell(&all, &in);
  fuzz_reports_check(&all);
  for (unsigned i = 0; i < FUZZ_REPORTS; i++) all.report[i]->class->destroy(all.report[i]);
  return 0;
}
