#include "capture/report/pcapng.h"

#include <stdlib.h>
#include <string.h>

/* Blocks and options, by their numbers in the format. */
enum block {
  BLOCK_INTERFACE = 1,
  BLOCK_STATISTICS = 5,
  BLOCK_PACKET = 6,
  BLOCK_SECTION = 0x0A0D0D0A
};
enum option { OPTION_END = 0, OPTION_COMMENT = 1, OPTION_USERAPPL = 4, OPTION_TSOFFSET = 14 };
enum statistic { STATISTIC_ENDTIME = 3, STATISTIC_USRDELIV = 8 };
enum { BYTE_ORDER_MAGIC = 0x1A2B3C4D, INTERFACES_KEPT = 16, COMMENTS_SIZE = 1 << 15 };

/* Time stamps have no sign: what is older than the epoch counts from the year 1. */
#define YEAR_1_S INT64_C(-62135596800)

struct pcapng {
  struct report base;
  /* The interfaces described so far, each at its number modulo INTERFACES_KEPT. One that has been
   * overwritten is described once more. */
  struct interface {
    uint32_t link;
    bool before_epoch;
    uint64_t packets;
  } interfaces[INTERFACES_KEPT];
  uint32_t n_interfaces;
  /* Of the next packet, as options: each with its header, padded. */
  char comments[COMMENTS_SIZE];
  size_t n;
};

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void put_u16(struct out *out, uint16_t value) {
  out_bytes(out, (const char *)&value, sizeof value);
}

static void put_u32(struct out *out, uint32_t value) {
  out_bytes(out, (const char *)&value, sizeof value);
}

static size_t padded(size_t n) { return (n + 3) & ~(size_t)3; }

static void put_padded(struct out *out, const void *bytes, size_t n) {
  static const char zeros[3];
  out_bytes(out, bytes, n);
  out_bytes(out, zeros, padded(n) - n);
}

static size_t option_bytes(size_t n) { return 4 + padded(n); }

static void put_option(struct out *out, unsigned option, const void *value, size_t n) {
  put_u16(out, (uint16_t)option);
  put_u16(out, (uint16_t)n);
  put_padded(out, value, n);
}

/* Type, length and, behind what is between them, the length again. */
enum { FRAME_BYTES = 12 };

static uint32_t begin_block(struct out *out, enum block type, size_t bytes) {
  put_u32(out, type);
  put_u32(out, (uint32_t)(FRAME_BYTES + bytes));
  return (uint32_t)(FRAME_BYTES + bytes);
}

static void pcapng_start(struct report *r, const char *source, const char *filter,
                         const char *kernel_lack) {
  static const char program[] = "teardown-capture " TEARDOWN_VERSION;
  (void)source, (void)filter, (void)kernel_lack;
  uint32_t length =
      begin_block(r->out, BLOCK_SECTION, 16 + option_bytes(strlen(program)) + option_bytes(0));
  put_u32(r->out, BYTE_ORDER_MAGIC);
  put_u16(r->out, 1); /* version 1.0 */
  put_u16(r->out, 0);
  put_u32(r->out, UINT32_MAX); /* how long the section will be is not known */
  put_u32(r->out, UINT32_MAX);
  put_option(r->out, OPTION_USERAPPL, program, strlen(program));
  put_option(r->out, OPTION_END, "", 0);
  put_u32(r->out, length);
}

static void put_interface(struct out *out, struct interface interface) {
  int64_t offset_s = interface.before_epoch ? YEAR_1_S : 0;
  uint32_t length =
      begin_block(out, BLOCK_INTERFACE, 8 + option_bytes(sizeof offset_s) + option_bytes(0));
  put_u16(out, (uint16_t)interface.link);
  put_u16(out, 0);
  put_u32(out, 0); /* packets of any length */
  put_option(out, OPTION_TSOFFSET, &offset_s, sizeof offset_s);
  put_option(out, OPTION_END, "", 0);
  put_u32(out, length);
}

/* Its number; it is described first where it was not. */
static uint32_t number_of_interface(struct pcapng *p, struct interface interface) {
  uint32_t kept = p->n_interfaces < INTERFACES_KEPT ? p->n_interfaces : INTERFACES_KEPT;
  for (uint32_t n = p->n_interfaces - kept; n < p->n_interfaces; n++) {
    const struct interface *other = &p->interfaces[n % INTERFACES_KEPT];
    if (other->link == interface.link && other->before_epoch == interface.before_epoch) return n;
  }
  put_interface(p->base.out, interface);
  p->interfaces[p->n_interfaces % INTERFACES_KEPT] = interface;
  return p->n_interfaces++;
}

void report_pcapng_packet(struct report *r, const struct packet *packet) {
  struct pcapng *p = (struct pcapng *)r;
  struct out *out = r->out;
  const struct interface interface = {packet->link, packet->t_us < 0, 0};
  uint32_t number = number_of_interface(p, interface);
  uint64_t t_us = (uint64_t)(packet->t_us - (interface.before_epoch ? YEAR_1_S * 1000000 : 0));
  size_t options = p->n > 0 ? p->n + option_bytes(0) : 0;
  uint32_t length = begin_block(out, BLOCK_PACKET, 20 + padded(packet->captured) + options);
  put_u32(out, number);
  put_u32(out, (uint32_t)(t_us >> 32));
  put_u32(out, (uint32_t)t_us);
  put_u32(out, packet->captured);
  put_u32(out, packet->on_wire);
  put_padded(out, packet->bytes, packet->captured);
  if (p->n > 0) {
    out_bytes(out, p->comments, p->n);
    put_option(out, OPTION_END, "", 0);
  }
  put_u32(out, length);
  p->interfaces[number % INTERFACES_KEPT].packets++;
  p->n = 0;
}

/* Until when nothing more came, and of how many packets that is so: who takes some away takes it,
 * too. */
static void pcapng_summary(struct report *r, const struct report_summary *summary) {
  struct pcapng *p = (struct pcapng *)r;
  uint64_t t_us = (uint64_t)summary->t_us;
  const uint32_t end[2] = {(uint32_t)(t_us >> 32), (uint32_t)t_us};
  uint32_t kept = p->n_interfaces < INTERFACES_KEPT ? p->n_interfaces : INTERFACES_KEPT;
  for (uint32_t n = p->n_interfaces - kept; n < p->n_interfaces; n++) {
    const struct interface *i = &p->interfaces[n % INTERFACES_KEPT];
    if (i->before_epoch || summary->t_us < 0) continue;
    uint32_t length =
        begin_block(r->out, BLOCK_STATISTICS, 12 + 2 * option_bytes(sizeof end) + option_bytes(0));
    put_u32(r->out, n);
    put_u32(r->out, end[0]);
    put_u32(r->out, end[1]);
    put_option(r->out, STATISTIC_ENDTIME, end, sizeof end);
    put_option(r->out, STATISTIC_USRDELIV, &i->packets, sizeof i->packets);
    put_option(r->out, OPTION_END, "", 0);
    put_u32(r->out, length);
  }
}

/* ---- Comments -------------------------------------------------------------------------------- */

/* Of the next packet; what would be too much is left out. */
static void add_comment(struct pcapng *p, const char *text) {
  size_t n = strlen(text);
  if (option_bytes(n) > sizeof p->comments - p->n) return;
  struct out out = {.buffer = p->comments, .size = sizeof p->comments, .end = p->n, .fd = -1};
  put_option(&out, OPTION_COMMENT, text, n);
  p->n = out.end;
}

enum { COMMENT_SIZE = TEXT_SENTENCE_SIZE + TEXT_SIZE };

static void comment_segment(struct pcapng *p, const struct report_segment *s) {
  char text[COMMENT_SIZE];
  const struct model_step *step = s->step;
  struct out out = out_string(text, sizeof text);
  out_printf(&out, "#%u %s ", s->flow->number, end_name(step->from));
  text_label(&out, &s->flow->model, s->segment, step, p->base.options.raw);
  if (step->new_roles) out_printf(&out, " %u/%u", step->count, step->of);
  if (step->again) {
    out_text(&out, " again ");
    text_elapsed(&out, step->since_copy_us);
  }
  if (step->ignored != ACCEPT_YES) {
    out_text(&out, step->ignored == ACCEPT_LOST ? ": " : ": ignored by its receiver: ");
    out_text(&out, acceptance_reason(step->ignored));
  }
  add_comment(p, out_text_of(&out));
}

static void comment_change(struct pcapng *p, const struct flow *flow,
                           const struct model_change *c) {
  char text[COMMENT_SIZE];
  struct out out = out_string(text, sizeof text);
  out_printf(&out, "#%u ", flow->number);
  switch (c->kind) {
    case CHANGE_REFUTED:
      out_printf(&out, "refutes %s %s", end_name(c->end), tcp_state_name(c->from));
      break;
    case CHANGE_CONFIRMED:
      out_printf(&out, "confirms %s %s", end_name(c->end), tcp_state_name(c->to));
      break;
    case CHANGE_MOVED:
    case CHANGE_STAYED:
      out_printf(&out, "%s %s → %s, %s", end_name(c->end), tcp_state_name(c->from),
                 tcp_state_name(c->to), evidence_name(c->evidence));
      break;
  }
  out_text(&out, ": ");
  text_reason(&out, c);
  add_comment(p, out_text_of(&out));
}

static void comment_finding(struct pcapng *p, const struct flow *flow,
                            const struct finding *finding) {
  char text[COMMENT_SIZE];
  struct out out = out_string(text, sizeof text);
  out_printf(&out, "#%u finding ", flow->number);
  text_finding(&out, &flow->model, finding, p->base.options.raw);
  add_comment(p, out_text_of(&out));
}

/* As it stands after this segment, which completes the close or takes something back. */
static void comment_verdict(struct pcapng *p, const struct flow *flow,
                            const struct model_step *step, int64_t now_us) {
  char text[COMMENT_SIZE], sentence[TEXT_SENTENCE_SIZE];
  struct verdict v;
  bool refutes = false;
  for (unsigned i = 0; i < step->n_changes; i++)
    if (step->changes[i].kind == CHANGE_REFUTED) refutes = true;
  verdict_make(&v, &flow->model, now_us);
  if (!refutes && !ending_is_complete(v.ending) && v.ending != ENDING_RESET &&
      v.ending != ENDING_REFUSED)
    return;
  struct out out = out_string(text, sizeof text);
  out_printf(&out, "#%u verdict %s %s: ", flow->number, ending_name(v.ending), verdict_word(&v));
  out_printable(&out, text_sentence(flow, &v, now_us, sentence));
  add_comment(p, out_text_of(&out));
}

static void pcapng_segment(struct report *r, const struct report_segment *s) {
  struct pcapng *p = (struct pcapng *)r;
  const struct model_step *step = s->step;
  comment_segment(p, s);
  for (unsigned i = 0; i < step->n_changes; i++) comment_change(p, s->flow, &step->changes[i]);
  for (unsigned i = 0; i < step->n_findings; i++) comment_finding(p, s->flow, &step->findings[i]);
  comment_verdict(p, s->flow, step, s->segment->t_us);
}

static void pcapng_destroy(struct report *r) { free(r); }

struct report *report_pcapng_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = pcapng_start,
      .segment = pcapng_segment,
      .summary = pcapng_summary,
      .destroy = pcapng_destroy,
  };
  struct pcapng *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->base = (struct report){&class, out, *options};
  return &p->base;
}
