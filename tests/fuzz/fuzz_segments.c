/* Any octets as segments of a few connections, at times that jump and run backwards, through the
 * flow table, the model and the watch, whose table is too small for all of them. Given one at a
 * time and many at a time, they must give the same report. */
#include <stdio.h>
#include <stdlib.h>

#include "capture/report/report.h"
#include "capture/watch.h"
#include "common/model/model.h"
#include "tests/fuzz/texts.h"
#include "tests/fuzz/world.h"

enum { FLOWS = 5, PACKETS_MAX = 256, BATCH = 64, ROOM = 1 << 20 };
#define SECOND_US INT64_C(1000000)

/* What each end of each connection has sent so far. */
struct ends {
  uint32_t next[FLOWS][2];
};

static uint32_t near(struct input *in, uint32_t n) {
  uint8_t by = take_octet(in);
  if (by >= 252) return take_u32(in);
  return n + by % 16 - 2;
}

static int64_t later(struct input *in, int64_t t_us) {
  uint8_t by = take_octet(in);
  if (by == 255) return take_u32(in) * INT64_C(1000003);   /* some time in 136 years */
  if (by == 254) return t_us - take_octet(in) * SECOND_US; /* somebody sets the clock back */
  if (by >= 240) return t_us + take_octet(in) * SECOND_US;
  return t_us + by * INT64_C(1009);
}

static void any_packet(struct input *in, struct ends *ends, int64_t t_us,
                       struct watch_packet *packet) {
  uint8_t who = take_octet(in), what = take_octet(in), more = take_octet(in);
  unsigned flow = who % FLOWS, from = who & 128 ? 1 : 0;
  struct decoded *d = &packet->decoded;
  struct segment *s = &d->segment;
  *packet = (struct watch_packet){.t_us = t_us, .result = DECODE_SEGMENT};
  d->family = flow % 2 ? 6 : 4;
  d->source.bytes[0] = d->destination.bytes[0] = 10;
  d->source_port = (uint16_t)(from ? 443 : 40000 + flow);
  d->destination_port = (uint16_t)(from ? 40000 + flow : 443);
  d->ip_id = s->ip_id = more & 1 ? take_octet(in) : 0;
  s->flags = world_flags(in, what);
  s->payload_bytes = more & 2 ? take_u16(in) : 0;
  s->seq = near(in, ends->next[flow][from]);
  s->ack = near(in, ends->next[flow][1 - from]);
  s->window = more & 4 ? take_octet(in) : 65535;
  s->hops = more & 8 ? take_octet(in) : 64;
  if (more & 16) {
    s->options |= SEGMENT_HAS_TIMESTAMPS;
    s->tsval = near(in, (uint32_t)(t_us / 1000));
    s->tsecr = near(in, (uint32_t)(t_us / 1000));
  }
  if (more & 32) {
    s->options |= SEGMENT_HAS_SACK;
    s->sack_left = near(in, s->ack);
    s->sack_right = near(in, s->sack_left);
  }
  if (more & 64) {
    s->options |= SEGMENT_HAS_WINDOW_SCALE;
    s->window_scale = take_octet(in) % 15;
  }
  packet->has_text = more & 128;
  ends->next[flow][from] = segment_end(s);
}

/* How it is told, whether the clock of a pipe goes on in between; the report is in `room`. */
static size_t watch_all(uint8_t how, const struct watch_packet packets[], unsigned n,
                        unsigned batch, char *room) {
  struct watch watch = {.due.two_msl_us = MODEL_LINUX_2MSL_US,
                        .due.wait = how & 1,
                        .max_flows = how & 2 ? 1 + (how >> 4) % 4 : FLOWS};
  const struct report_options options = {.verbose = true};
  struct out out = out_string(room, ROOM);
  struct watch_packet some[BATCH];
  if (!watch_init(&watch)) abort();
  watch.reports[watch.n_reports++] = report_json_new(&out, &options);
  if (!watch.reports[0]) abort();
  for (unsigned i = 0; i < n;) {
    unsigned k = 0;
    while (k < batch && i < n) some[k++] = packets[i++];
    watch_packets(&watch, some, k);
  }
  watch_end(&watch, watch.newest_us + SECOND_US);
  watch_destroy(&watch);
  return out.end;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static char one[ROOM], many[ROOM];
  static struct watch_packet packets[PACKETS_MAX];
  struct input in = {octets, octets + n};
  refuse_large_pages();
  struct ends ends = {0};
  uint8_t how = take_octet(&in);
  int64_t t_us = how & 4 ? 0 : 1700000000 * SECOND_US;
  unsigned i = 0;
  for (; i < PACKETS_MAX && in.at < in.end; i++)
    any_packet(&in, &ends, t_us = later(&in, t_us), &packets[i]);
  size_t n_one = watch_all(how, packets, i, 1, one);
  size_t n_many = watch_all(how, packets, i, BATCH, many);
  if (n_one != n_many || memcmp(one, many, n_one) != 0) {
    fprintf(stderr, "one at a time:\n%.*s\nmany:\n%.*s\n", (int)n_one, one, (int)n_many, many);
    abort();
  }
  if (n_one < ROOM - 1 && !is_ndjson(one, n_one)) abort();
  return 0;
}
