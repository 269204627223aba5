#include "tests/fuzz/world.h"

static uint32_t near(struct input *in, uint32_t n) {
  uint8_t by = take_octet(in);
  return by >= 250 ? n + (uint32_t)by * 0x01010101 : n + by % 8 - 1;
}

uint8_t world_flags(struct input *in, uint8_t what) {
  static const uint8_t flags[] = {SEGMENT_SYN,
                                  SEGMENT_SYN | SEGMENT_ACK,
                                  SEGMENT_ACK,
                                  SEGMENT_ACK | SEGMENT_PSH,
                                  SEGMENT_FIN | SEGMENT_ACK,
                                  SEGMENT_FIN | SEGMENT_ACK,
                                  SEGMENT_RST,
                                  SEGMENT_RST | SEGMENT_ACK};
  return what >= 240 ? take_octet(in) : flags[what % 8];
}

struct segment world_segment(struct input *in, const struct endpoint *from,
                             const struct endpoint *to, int64_t t_us) {
  uint8_t what = take_octet(in);
  struct segment s = {.t_us = t_us, .flags = world_flags(in, what), .window = 65535};
  s.payload_bytes = what % 3 == 0 ? take_octet(in) : 0;
  s.seq = near(in, from->stream.snd_nxt);
  s.ack = near(in, to->stream.snd_nxt);
  return s;
}

static void take_owner(struct input *in, struct kernel_owner *owner) {
  owner->pid = take_octet(in);
  take_text(in, owner->command, sizeof owner->command);
}

void world_kernel(struct input *in, struct kernel_view *view) {
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

void world_inventory(struct input *in, struct kernel_inventory *inventory) {
  *inventory = (struct kernel_inventory){.n_groups = 1 + take_octet(in) % 3};
  for (unsigned i = 0; i < TCPS_COUNT; i++) inventory->n[i] = take_octet(in);
  for (unsigned i = 0; i < inventory->n_groups; i++) {
    struct kernel_group *g = &inventory->group[i];
    g->n = 1 + take_octet(in);
    g->state = take_octet(in) % TCPS_COUNT;
    g->oldest_ms = g->heard_ms = take_u32(in);
    g->has_owner = g->is_held = true;
    take_owner(in, &g->owner);
    g->first.family = take_octet(in) % 2 ? 4 : 6;
  }
}
