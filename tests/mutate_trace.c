#include "tests/mutate_trace.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/source.h"
#include "common/model/seq.h"

const char *kind_name(enum kind kind) {
  static const char *const names[] = {
#define X(id, name) [KIND_##id] = name,
      KINDS(X)
#undef X
  };
  return names[kind];
}

const char *mutation_name(enum mutation mutation) {
  static const char *const names[] = {
#define X(id, name) [MUTATION_##id] = name,
      MUTATIONS(X)
#undef X
  };
  return names[mutation];
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* What the labels are told from. */
struct labels {
  uint32_t fin_seq[2];
  bool fin[2], acked[2];  /* by end: it has sent a FIN; that was acknowledged */
  bool answered, opening; /* the SYN has an answer; and the ACK of that is to come */
  enum end first;
};

static bool covers(const struct labels *l, enum end fin_of, const struct segment *s) {
  return l->fin[fin_of] && segment_has(s, SEGMENT_ACK) && seq_gt(s->ack, l->fin_seq[fin_of]);
}

static enum kind kind_of_fin(struct labels *l, enum end from, const struct segment *s) {
  enum end to = end_other(from);
  bool again = l->fin[from], covered = covers(l, to, s), acked = l->acked[to];
  if (l->first == END_NONE) l->first = from;
  l->fin[from] = true;
  l->fin_seq[from] = segment_fin_seq(s);
  l->acked[to] = acked || covered;
  if (l->first == from) return again ? KIND_FIN1_AGAIN : KIND_FIN1;
  if (again) return KIND_FIN2_AGAIN;
  if (!covered) return KIND_FIN2_CROSSED;
  return acked ? KIND_FIN2 : KIND_FIN2_ACK1;
}

static enum kind kind_of(struct labels *l, enum end from, const struct segment *s) {
  enum end to = end_other(from);
  if (segment_has(s, SEGMENT_RST)) return l->answered ? KIND_RST : KIND_RST_OF_SYN;
  if (segment_has(s, SEGMENT_SYN)) {
    bool answer = segment_has(s, SEGMENT_ACK);
    l->answered = l->opening = answer;
    return answer ? KIND_SYN_ACK : KIND_SYN;
  }
  if (segment_has(s, SEGMENT_FIN)) return kind_of_fin(l, from, s);
  bool covered = covers(l, to, s), acked = l->acked[to];
  l->acked[to] = acked || covered;
  if (s->payload_bytes > 0) return l->fin[to] ? KIND_DATA_HALF : KIND_DATA;
  if (covered && l->first == to) return acked ? KIND_ACK1_AGAIN : KIND_ACK1;
  if (covered) return acked ? KIND_ACK2_AGAIN : KIND_ACK2;
  if (l->first == from) return KIND_ACK_HALF;
  if (l->first == to) return KIND_OTHER;
  bool opens = l->opening && from == END_CLIENT;
  l->opening = l->opening && !opens;
  return opens ? KIND_ACK_OF_SYN : KIND_ACK_OF_DATA;
}

static bool is_new_connection(const struct trace *t, const struct segment *s) {
  return t->n > 0 && segment_has(s, SEGMENT_SYN) && !segment_has(s, SEGMENT_ACK) &&
         s->seq != t->at[0].segment.seq;
}

static bool is_from_first(const struct decoded *first, const struct decoded *p) {
  return p->source_port == first->source_port && p->destination_port == first->destination_port;
}

bool trace_read(struct trace *t, const char *path) {
  struct source_options options = {.file = path};
  char error[SOURCE_ERROR_SIZE];
  struct source *source;
  struct packet packet;
  unsigned n;
  struct decoded first = {0}, p;
  struct labels labels = {.first = END_NONE};
  bool over = false;
  memset(t, 0, sizeof *t);
  if (source_open(&source, &options, error) != SOURCE_OK ||
      source_start(source, -1, error) != SOURCE_OK) {
    fprintf(stderr, "%s\n", error);
    return false;
  }
  while (source_next_batch(source, &packet, 1, &n, error) == SOURCE_PACKETS) {
    t->end_us = packet.t_us;
    if (decode_packet(packet.link, packet.bytes, packet.captured, packet.on_wire, &p) !=
        DECODE_SEGMENT)
      continue;
    if (t->n == 0) first = p;
    bool forth = is_from_first(&first, &p);
    bool back = p.source_port == first.destination_port && p.destination_port == first.source_port;
    over = over || (forth && is_new_connection(t, &p.segment));
    if (over || (!forth && !back)) continue;
    assert(t->n < TRACE_MAX - 1);
    enum end from = forth ? END_CLIENT : END_SERVER;
    p.segment.t_us = packet.t_us;
    t->at[t->n].segment = p.segment;
    t->at[t->n].from = (uint8_t)from;
    t->at[t->n++].kind = (uint8_t)kind_of(&labels, from, &p.segment);
  }
  return source_close(source, error) && t->n > 0;
}

/* ---- Mutating ------------------------------------------------------------------------------- */

static void remove_at(struct trace *t, unsigned i) {
  t->n--;
  memmove(&t->at[i], &t->at[i + 1], (t->n - i) * sizeof *t->at);
}

static void duplicate_at(struct trace *t, unsigned i) {
  memmove(&t->at[i + 1], &t->at[i], (t->n - i) * sizeof *t->at);
  t->n++;
}

/* The clock of the capture goes on: only the segments change places. */
static void swap_at(struct trace *t, unsigned i) {
  int64_t t0 = t->at[i].segment.t_us, t1 = t->at[i + 1].segment.t_us;
  struct trace_segment held = t->at[i];
  t->at[i] = t->at[i + 1];
  t->at[i + 1] = held;
  t->at[i].segment.t_us = t0;
  t->at[i + 1].segment.t_us = t1;
}

bool trace_mutate(const struct trace *trace, enum mutation mutation, unsigned i, struct trace *t) {
  *t = *trace;
  struct segment *s = &t->at[i].segment;
  bool last = i + 1 == t->n, ack_counts = segment_has(s, SEGMENT_ACK);
  switch (mutation) {
    case MUTATION_DROP:
      if (t->n > 1) remove_at(t, i);
      return t->n < trace->n;
    case MUTATION_DUPLICATE: duplicate_at(t, i); return true;
    case MUTATION_SWAP:
      if (!last) swap_at(t, i);
      return !last;
    case MUTATION_SEQ_PLUS: s->seq++; return true;
    case MUTATION_SEQ_MINUS: s->seq--; return true;
    case MUTATION_ACK_PLUS: s->ack++; return ack_counts;
    case MUTATION_ACK_MINUS: s->ack--; return ack_counts;
    case MUTATION_FLIP_FIN: s->flags ^= SEGMENT_FIN; return true;
    case MUTATION_FLIP_SYN: s->flags ^= SEGMENT_SYN; return true;
    case MUTATION_FLIP_RST: s->flags ^= SEGMENT_RST; return true;
    case MUTATION_FLIP_ACK: s->flags ^= SEGMENT_ACK; return true;
    case MUTATION_TRUNCATE:
      t->n = i + 1;
      t->end_us = s->t_us;
      return !last;
    case MUTATION_COUNT: break;
  }
  return false;
}
