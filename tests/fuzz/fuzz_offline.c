/* Any octets as a savefile, through all that -r does: savefile, decode, flows, model, reports, and
 * -w FILE.pcapng, from which the same packets must be read again. */
#include <stdlib.h>

#include "capture/report/pcapng.h"
#include "capture/savefile.h"
#include "capture/watch.h"
#include "common/model/model.h"
#include "tests/fuzz/reports.h"
#include "tests/fuzz/target.h"

enum { SAVED_ROOM = 1 << 20 };
#define SECOND_US INT64_C(1000000)

static uint64_t count_packets(const char *octets, size_t n) {
  struct savefile file = {0};
  struct packet packet;
  size_t at = 0, used = 0;
  uint64_t packets = 0;
  enum savefile_result result;
  do {
    unsigned got = 0;
    result = savefile_next(&file, (const uint8_t *)octets + at, n - at, &packet, 1, &got, &used);
    packets += got;
    at += used;
  } while (result == SAVEFILE_PACKETS || result == SAVEFILE_INTERFACE);
  if (result == SAVEFILE_BAD || at != n) abort();
  savefile_destroy(&file);
  return packets;
}

static uint64_t watch_file(struct watch *watch, struct report *pcapng, const uint8_t *octets,
                           size_t n) {
  struct savefile file = {0};
  struct packet read;
  uint64_t packets = 0;
  size_t at = 0;
  enum savefile_result result;
  do {
    unsigned got = 0;
    size_t used = 0;
    result = savefile_next(&file, octets + at, n - at, &read, 1, &got, &used);
    at += used;
    if (result != SAVEFILE_PACKETS) continue;
    struct watch_packet packet = {.t_us = read.t_us};
    packet.result =
        decode_packet(read.link, read.bytes, read.captured, read.on_wire, &packet.decoded);
    packet.has_text = packet.result == DECODE_SEGMENT && packet.decoded.payload_captured > 0 &&
                      read.bytes[packet.decoded.payload_at] % 2;
    watch_packets(watch, &packet, 1);
    report_pcapng_packet(pcapng, &read);
    packets++;
  } while (result == SAVEFILE_PACKETS || result == SAVEFILE_INTERFACE);
  savefile_destroy(&file);
  return packets;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static char saved[SAVED_ROOM];
  struct input in = {octets, octets + n};
  refuse_large_pages();
  uint8_t how = take_octet(&in);
  const struct report_options options = {
      .verbose = how & 1, .raw = how & 2, .ascii = how & 4, .columns = how & 8 ? 60 : 100};
  struct watch watch = {.due.two_msl_us = MODEL_LINUX_2MSL_US,
                        .due.prompt = how & 16,
                        .due.wait = how & 32,
                        .max_flows = how & 64 ? 2 : 64};
  struct fuzz_reports all;
  struct out out = out_string(saved, sizeof saved);
  if (watch.due.prompt) watch.due.stuck_after_us = 10 * SECOND_US;
  if (!watch_init(&watch)) abort();
  fuzz_reports_make(&all, &options);
  for (unsigned i = 0; i < FUZZ_REPORTS; i++) watch.reports[watch.n_reports++] = all.report[i];
  struct report *pcapng = report_pcapng_new(&out, &options);
  if (!pcapng) abort();
  watch.reports[watch.n_reports++] = pcapng;
  for (unsigned i = 0; i < watch.n_reports; i++)
    REPORT_TELL(watch.reports[i], start, "file", NULL, NULL);
  uint64_t packets = watch_file(&watch, pcapng, in.at, (size_t)(in.end - in.at));
  if (watch.due.prompt) watch_tick(&watch, watch.newest_us + 20 * SECOND_US);
  watch_end(&watch, watch.newest_us + SECOND_US);
  fuzz_reports_check(&all);
  if (out.end < out.size && count_packets(saved, out.end) != packets) abort();
  watch_destroy(&watch);
  return 0;
}
