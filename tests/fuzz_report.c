/* Any octets as segments of a connection, and as the names that come from outside: what the reports
 * make of them. NDJSON must be JSON, an object a line, and UTF-8 (RFC 8259, RFC 3629); the lines
 * must hold no control character. A libFuzzer target; test_report feeds it random octets. */
#include "tests/fuzz_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/report/report.h"
#include "capture/report/summary.h"

/* ---- A reader of JSON that forgives nothing ---------------------------------------------------
 */

struct reader {
  const unsigned char *at, *end;
  unsigned depth;
};

enum { DEPTH_MAX = 16 };

static bool value(struct reader *r);

static bool take(struct reader *r, char c) {
  if (r->at == r->end || *r->at != (unsigned char)c) return false;
  r->at++;
  return true;
}

static bool take_word(struct reader *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
  r->at += n;
  return true;
}

static bool is_digit(const struct reader *r) {
  return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool digits(struct reader *r) {
  if (!is_digit(r)) return false;
  while (is_digit(r)) r->at++;
  return true;
}

static bool number(struct reader *r) {
  take(r, '-');
  if (take(r, '0') ? is_digit(r) : !digits(r)) return false;
  return !take(r, '.') || digits(r);
}

static bool escape(struct reader *r) {
  if (r->at == r->end) return false;
  unsigned char c = *r->at++;
  if (c != 'u') return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
  for (int i = 0; i < 4; i++, r->at++)
    if (r->at == r->end || !strchr("0123456789abcdef", *r->at) || *r->at == '\0') return false;
  return true;
}

/* By the code point, another way than the writer's. */
static bool character(struct reader *r) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  unsigned char c = *r->at++;
  if (c < 0x80) return c >= 0x20;
  unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
  if (c < 0xc0 || c > 0xf7) return false;
  uint32_t point = c & (0x3fU >> more);
  for (unsigned i = 0; i < more; i++, r->at++) {
    if (r->at == r->end || *r->at >> 6 != 2) return false;
    point = point << 6 | (*r->at & 0x3f);
  }
  return point >= least[more] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

static bool string(struct reader *r) {
  if (!take(r, '"')) return false;
  while (!take(r, '"')) {
    if (r->at == r->end) return false;
    if (take(r, '\\') ? !escape(r) : !character(r)) return false;
  }
  return true;
}

/* The members of an object or the items of a list, up to what ends it. */
static bool members(struct reader *r, bool named, char end) {
  if (take(r, end)) return true;
  do {
    if (named && (!string(r) || !take(r, ':'))) return false;
    if (!value(r)) return false;
  } while (take(r, ','));
  return take(r, end);
}

static bool value(struct reader *r) {
  bool ok = false;
  if (r->at == r->end || r->depth == DEPTH_MAX) return false;
  r->depth++;
  if (take(r, '{'))
    ok = members(r, true, '}');
  else if (take(r, '['))
    ok = members(r, false, ']');
  else if (*r->at == '"')
    ok = string(r);
  else
    ok = take_word(r, "true") || take_word(r, "false") || take_word(r, "null") || number(r);
  r->depth--;
  return ok;
}

bool is_ndjson(const char *text, size_t n) {
  struct reader r = {(const unsigned char *)text, (const unsigned char *)text + n, 0};
  while (r.at < r.end)
    if (*r.at != '{' || !value(&r) || !take(&r, '\n')) return false;
  return true;
}

bool is_printable(const char *text, size_t n) {
  struct reader r = {(const unsigned char *)text, (const unsigned char *)text + n, 0};
  while (r.at < r.end) {
    if (take(&r, '\n')) continue;
    if (*r.at == 0x7f) return false;
    if (r.end - r.at > 1 && r.at[0] == 0xc2 && r.at[1] < 0xa0) return false;
    if (!character(&r)) return false;
  }
  return true;
}

/* ---- The world, out of octets -----------------------------------------------------------------
 */

struct input {
  const uint8_t *at, *end;
};

static uint8_t octet(struct input *in) { return in->at < in->end ? *in->at++ : 0; }

static void text_of(struct input *in, char *text, size_t size) {
  size_t n = octet(in) % size;
  for (size_t i = 0; i < n; i++) {
    text[i] = (char)octet(in);
    if (text[i] == '\0') text[i] = '\x1b';
  }
  text[n] = '\0';
}

/* Near the numbers that matter, mostly: else all would be out of the window. */
static uint32_t near(struct input *in, uint32_t n) {
  uint8_t by = octet(in);
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
  uint8_t what = octet(in);
  return (struct segment){
      .t_us = t_us,
      .flags = what >= 240 ? octet(in) : flags[what % 8],
      .payload_bytes = what % 3 == 0 ? octet(in) : 0,
      .seq = near(in, from->stream.snd_nxt),
      .ack = near(in, to->stream.snd_nxt),
      .window = 65535,
  };
}

static void set_kernel(struct input *in, struct kernel_view *view) {
  for (unsigned e = 0; e < 2; e++) {
    witness_asked(&view->witness.end[e], octet(in) % TCPS_COUNT, 1000000);
    view->answer[e] = KERNEL_FOUND;
    view->socket[e].state = octet(in) % TCPS_COUNT;
    view->has_owner[e] = true;
    view->owner[e].pid = octet(in);
    text_of(in, view->owner[e].command, sizeof view->owner[e].command);
    text_of(in, view->witness.end[e].holder, sizeof view->witness.end[e].holder);
    text_of(in, view->reset_reason[e], sizeof view->reset_reason[e]);
  }
}

/* ---- The reports ------------------------------------------------------------------------------
 */

enum { REPORTS = 3, NAME_MAX_OCTETS = 40, SEGMENTS_MAX = 64, ROOM = 1 << 18 };

struct told {
  struct report *report[REPORTS];
  struct out out[REPORTS];
};

#define TELL(told, function, ...) \
  for (unsigned i_ = 0; i_ < REPORTS; i_++) REPORT_TELL((told)->report[i_], function, __VA_ARGS__)

static void give_verdict(struct told *told, struct input *in, struct flow *flow, int64_t now_us) {
  struct verdict verdict;
  struct kernel_view *view = flow->kernel;
  verdict_make(&verdict, &flow->model, now_us);
  if (view) {
    struct kernel_word word = {
        .flow = flow, .t_us = now_us, .kind = octet(in) % (KERNEL_EVENT_RETRANSMIT + 1)};
    memcpy(word.reason, view->reset_reason[0], sizeof word.reason);
    TELL(told, kernel, &word);
    verdict_hear(&verdict, &flow->model, &view->witness, (const bool[]){true, true});
    if (flow->model.rst.from != END_NONE) verdict_hear_reset(&verdict, view->reset_reason[0]);
  }
  TELL(told, verdict, flow, &verdict, now_us);
}

static void check_summary(const struct report_summary *summary) {
  char text[ROOM];
  FILE *file = fmemopen(text, sizeof text, "w");
  if (!file) abort();
  summary_print(file, summary);
  long n = ftell(file);
  fclose(file);
  if (n > 0 && is_printable(text, (size_t)n)) return;
  fprintf(stderr, "the summary is not what it must be:\n%s\n", text);
  abort();
}

static void tell(struct told *told, struct input *in) {
  char source[NAME_MAX_OCTETS], filter[NAME_MAX_OCTETS], lack[NAME_MAX_OCTETS];
  struct kernel_view view = {0};
  struct flow flow = {.number = 1, .key = {.family = octet(in) % 2 ? 4 : 6}};
  text_of(in, source, sizeof source);
  text_of(in, filter, sizeof filter);
  text_of(in, lack, sizeof lack);
  TELL(told, start, source, filter, lack);
  if (octet(in) % 2) {
    set_kernel(in, &view);
    flow.kernel = &view;
  }
  model_init(&flow.model, MODEL_LINUX_2MSL_US);
  int64_t t_us = octet(in) == 0 ? -1000000 : 1700000000 * INT64_C(1000000);
  for (unsigned i = 0; i < SEGMENTS_MAX && in->at < in->end; i++) {
    struct model_step step;
    enum end from = octet(in) % 2 ? END_CLIENT : END_SERVER;
    t_us += octet(in) * INT64_C(4999);
    struct segment segment =
        any_segment(in, &flow.model.end[from], &flow.model.end[end_other(from)], t_us);
    struct report_segment event = {.flow = &flow, .segment = &segment, .step = &step};
    for (unsigned e = 0; e < 2; e++) event.state_before[e] = flow.model.end[e].state;
    model_step(&flow.model, from, &segment, &step);
    TELL(told, segment, &event);
  }
  give_verdict(told, in, &flow, t_us + octet(in) * INT64_C(100000));
  struct report_summary summary = {.connections = 2, .n_slowest = 1};
  text_of(in, summary.slowest[0].holder, sizeof summary.slowest[0].holder);
  summary.slowest[0].finding = octet(in) % FINDING_COUNT;
  TELL(told, summary, &summary);
  check_summary(&summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static char room[REPORTS][ROOM];
  static struct report *(*const news[REPORTS])(struct out *, const struct report_options *) = {
      report_json_new, report_lines_new, report_ladder_new};
  struct told told;
  const struct report_options options = {.verbose = true, .columns = 80};
  for (unsigned i = 0; i < REPORTS; i++) {
    told.out[i] = out_string(room[i], ROOM);
    told.report[i] = news[i](&told.out[i], &options);
    if (!told.report[i]) abort();
  }
  tell(&told, &(struct input){octets, octets + n});
  for (unsigned i = 0; i < REPORTS; i++) {
    struct out *out = &told.out[i];
    if (out->end + 1 < ROOM && (i == 0 ? is_ndjson : is_printable)(room[i], out->end)) continue;
    fprintf(stderr, "report %u is not what it must be:\n%s\n", i, out_text_of(out));
    abort();
  }
  for (unsigned i = 0; i < REPORTS; i++) told.report[i]->class->destroy(told.report[i]);
  return 0;
}
