/* Any octets as the segments of one connection, given to a whole model, and to a hot entry that
 * becomes a model when it must and an entry again when it can: each step, and the verdict, must be
 * the same. (test_hot compares the models octet by octet, of its own streams.) */
#include <stdio.h>
#include <stdlib.h>

#include "capture/hot_model.h"
#include "capture/hot_step.h"
#include "common/model/sentence.h"
#include "common/model/verdict.h"
#include "tests/fuzz/target.h"

enum { SEGMENTS_MAX = 200 };
#define SECOND_US INT64_C(1000000)

static uint32_t near(struct input *in, uint32_t n) {
  uint8_t by = take_octet(in);
  if (by >= 250) return take_u32(in);
  return n + by % 16 - (by >= 200 ? 4 : 0);
}

static struct segment any_segment(struct input *in, const uint32_t next[static 2], enum end from,
                                  int64_t t_us) {
  static const uint8_t flags[] = {SEGMENT_SYN,
                                  SEGMENT_SYN | SEGMENT_ACK,
                                  SEGMENT_ACK,
                                  SEGMENT_ACK,
                                  SEGMENT_ACK | SEGMENT_PSH,
                                  SEGMENT_ACK | SEGMENT_PSH,
                                  SEGMENT_FIN | SEGMENT_ACK,
                                  SEGMENT_RST | SEGMENT_ACK};
  uint8_t what = take_octet(in), more = take_octet(in);
  struct segment s = {.t_us = t_us,
                      .flags = what >= 240 ? take_octet(in) : flags[what % 8],
                      .seq = more & 1 ? near(in, next[from]) : next[from],
                      .ack = more & 2 ? near(in, next[end_other(from)]) : next[end_other(from)],
                      .window = more & 4 ? (uint16_t)take_u16(in) : 65535,
                      .hops = more & 8 ? take_octet(in) : 64,
                      .ip_id = (uint16_t)(more & 8 ? take_u16(in) : 0)};
  if (s.flags & SEGMENT_PSH) {
    s.payload_bytes = more & 16 ? take_u16(in) : 10;
    s.tls = (enum segment_tls)(what / 8 % (SEGMENT_TLS_ALERT + 1));
  }
  if (more & 32) {
    s.options |= SEGMENT_HAS_TIMESTAMPS;
    s.tsval = near(in, (uint32_t)(t_us / 1000));
    s.tsecr = near(in, (uint32_t)(t_us / 1000));
  }
  if (more & 64) {
    s.options |= SEGMENT_HAS_SACK | SEGMENT_HAS_SACK_PERMITTED;
    s.sack_left = near(in, s.ack);
    s.sack_right = near(in, s.sack_left);
  }
  if (more & 128) {
    s.options |= SEGMENT_HAS_WINDOW_SCALE;
    s.window_scale = take_octet(in) % 15;
  }
  return s;
}

static int64_t later(struct input *in, int64_t t_us) {
  uint8_t by = take_octet(in);
  if (by == 255) return take_u32(in) * INT64_C(1000003);
  if (by == 254) return t_us - take_octet(in) * SECOND_US;
  return by >= 240 ? t_us + take_octet(in) * SECOND_US : t_us + by * INT64_C(1009);
}

static void check(bool right, const char *what) {
  if (right) return;
  fprintf(stderr, "%s differs\n", what);
  abort();
}

static void check_steps(const struct model_step *a, const struct model_step *b) {
  check(a->roles == b->roles && a->new_roles == b->new_roles && a->again == b->again, "the role");
  check(a->ignored == b->ignored && a->verdict == b->verdict, "what is made of it");
  check(a->count == b->count && a->of == b->of, "how far the close is");
  check(a->n_changes == b->n_changes && a->n_findings == b->n_findings, "how much is found");
  for (unsigned i = 0; i < a->n_changes; i++)
    check(a->changes[i].to == b->changes[i].to && a->changes[i].why == b->changes[i].why,
          "a change");
  for (unsigned i = 0; i < a->n_findings; i++)
    check(a->findings[i].id == b->findings[i].id && a->findings[i].actual == b->findings[i].actual,
          "a finding");
}

static void check_verdicts(const struct model *whole, const struct model *other, int64_t now_us) {
  struct verdict a, b;
  char said[2][4096];
  verdict_make(&a, whole, now_us);
  verdict_make(&b, other, now_us);
  check(a.ending == b.ending && a.conformity == b.conformity, "the verdict");
  check(a.n_findings == b.n_findings, "the number of findings");
  for (unsigned i = 0; i < a.n_findings; i++) check(a.findings[i].id == b.findings[i].id, "one");
  check(strcmp(sentence_make(&a, whole, NULL, now_us, said[0], sizeof said[0]),
               sentence_make(&b, other, NULL, now_us, said[1], sizeof said[1])) == 0,
        "the sentence");
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static struct model whole, other;
  struct input in = {octets, octets + n};
  struct hot hot = {0};
  bool is_hot = true;
  uint32_t next[2] = {take_u32(&in), take_u32(&in)};
  int64_t t_us = 1700000000 * SECOND_US;
  model_init(&whole, MODEL_LINUX_2MSL_US);
  for (unsigned i = 0; i < SEGMENTS_MAX && in.at < in.end; i++) {
    struct model_step step, other_step;
    enum end from = take_octet(&in) % 2 ? END_SERVER : END_CLIENT;
    t_us = later(&in, t_us);
    const struct segment s = any_segment(&in, next, from, t_us);
    next[from] = segment_end(&s);
    model_step(&whole, from, &s, &step);
    if (is_hot && hot_step(&hot, from, &s)) {
      check(!(step.roles & (ROLES_OF_CLOSE | ROLE_RST)) && step.n_findings == 0, "a silent step");
      continue;
    }
    if (is_hot) hot_open(&hot, MODEL_LINUX_2MSL_US, &other);
    model_step(&other, from, &s, &other_step);
    check_steps(&step, &other_step);
    is_hot = hot_close(&hot, &other);
  }
  if (is_hot) hot_open(&hot, MODEL_LINUX_2MSL_US, &other);
  check_verdicts(&whole, &other, t_us + SECOND_US);
  return 0;
}
