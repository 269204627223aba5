/* Any octets as segments of a connection, and as the names that come from outside: of files, hosts,
 * processes, and the kernel's words. What the reports make of them must be what their formats say,
 * and hold no control character. test_report feeds it random octets, too. */
#include <stdio.h>
#include <stdlib.h>

#include "capture/report/summary.h"
#include "tests/fuzz/reports.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/texts.h"
#include "tests/fuzz/world.h"

enum { NAME_MAX_OCTETS = 40, SEGMENTS_MAX = 64, SUMMARY_ROOM = 1 << 16 };

static void tell_inventory(struct fuzz_reports *all, struct input *in, int64_t now_us) {
  struct kernel_inventory inventory;
  world_inventory(in, &inventory);
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
    world_kernel(in, &view);
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
        world_segment(in, &flow.model.end[from], &flow.model.end[end_other(from)], t_us);
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
