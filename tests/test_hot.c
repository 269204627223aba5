/* Two ways to the same: streams are given to a model from their first segment on, and to a hot
 * entry that becomes a model when it must, and an entry again when it can; an ordinary close is
 * written down beside the entry. Every step that a model takes, every state between two segments
 * and every verdict must be the same.
 *
 * The streams are random ones of a pair that mostly does what TCP does, and all recorded ones with
 * all their mutants. TEARDOWN_HOT_SEGMENTS says how many random segments (default a million). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/hot_model.h"
#include "capture/hot_step.h"
#include "capture/ordinary.h"
#include "capture/retold.h"
#include "common/model/sentence.h"
#include "common/model/seq.h"
#include "tests/compare_models.h"
#include "tests/mutate_trace.h"

/* ---- The two ways --------------------------------------------------------------------------- */

struct both {
  struct model whole;
  struct hot hot;
  struct model other; /* counts if the form is WHOLE */
  enum { HOT, ORDINARY, WHOLE } form;
};

static struct { uint64_t segments, taken_hot, opened, closed, written, verdicts, retold; } counts;
static struct flow_table flows; /* of which only these are used: */
#define kept flows.ordinaries
static struct retold retold;

static void begin(struct both *b) {
  memset(b, 0, sizeof *b);
  model_init(&b->whole, MODEL_LINUX_2MSL_US);
  b->form = HOT;
}

static void fail_at(const struct both *b, const struct segment *s, enum end from,
                    const char *what) {
  fail_msg("%s differs at segment %llu: %s %s%s%s%s seq %u ack %u, %u octets, at %lld (%s)", what,
           (unsigned long long)counts.segments, end_name(from),
           segment_has(s, SEGMENT_SYN) ? "S" : "", segment_has(s, SEGMENT_FIN) ? "F" : "",
           segment_has(s, SEGMENT_RST) ? "R" : "", segment_has(s, SEGMENT_ACK) ? "A" : "", s->seq,
           s->ack, s->payload_bytes, (long long)s->t_us,
           b->form == HOT        ? "hot"
           : b->form == ORDINARY ? "ordinary"
                                 : "whole");
}

/* What the entry takes must be nothing that anybody is told. */
static bool is_silent(const struct model *m, const struct model_step *step) {
  return !(step->roles & (ROLES_OF_CLOSE | ROLE_RST)) && step->n_findings == 0 &&
         step->ignored == ACCEPT_YES && !step->short_of_fin && !connection_has_closed(m);
}

/* The model that there would be now. */
static void make_other(struct both *b) {
  if (b->form == HOT) hot_open(&b->hot, MODEL_LINUX_2MSL_US, &b->other);
  if (b->form == ORDINARY) ordinary_open(&kept, &b->hot, &b->other, NULL);
}

static bool take_open(struct both *b, enum end from, const struct segment *s) {
  if (hot_step(&b->hot, from, s)) {
    counts.taken_hot++;
    return true;
  }
  struct hot before = b->hot;
  if (ordinary_begin(&kept, &b->hot, from, s)) {
    b->form = ORDINARY;
    for (unsigned i = 0; i < 2; i++) b->hot.end[i].data_ack = 0xdeadbeef; /* the flow table's */
    return true;
  }
  assert_memory_equal(&before, &b->hot, sizeof before);
  return false;
}

static void check_verdict(const struct both *b, int64_t now_us) {
  struct verdict v;
  struct ordinary_verdict remembered;
  const struct model *m = &b->whole;
  verdict_make(&v, m, now_us);
  ordinary_conclude(&kept, &b->hot, &remembered);
  counts.verdicts++;
  assert_int_equal(remembered.ending, v.ending);
  assert_int_equal(remembered.closed_first, v.closed_first);
  assert_int_equal(remembered.ended_by, m->first_closer != END_NONE ? v.closed_first : m->rst.from);
  assert_int_equal(remembered.cause, v.cause);
  assert_int_equal(remembered.conformity, v.conformity);
  assert_int_equal(remembered.duration_us, v.duration_us);
  assert_int_equal(remembered.idle_us, v.idle_us);
  assert_int_equal(remembered.idle_answered, v.idle_answered);
  assert_int_equal(ordinary_closed_us(&kept, &b->hot), m->last_control_us);
  assert_int_equal(v.n_findings, 0);
  assert_int_equal(verdict_lost(&v, LOSS_KINDS), 0);
  assert_int_equal(v.fin_retransmissions, 0);
}

/* What is told of it, as of another, is what the model would tell. */
static void check_retold(const struct both *b, bool is_over, int64_t now_us) {
  enum { SIZE = 1024 };
  char expected[SIZE], said[SIZE];
  struct model m = b->whole;
  struct model_step step;
  struct verdict v;
  if (is_over) (void)model_expire(&m, now_us, &step);
  verdict_make(&v, &m, now_us);
  struct retold_verdict *told = retold_tell(&retold, &flows, &b->hot, is_over, now_us);
  assert_string_equal(sentence_make(&told->verdict, &told->flow.model, NULL, now_us, said, SIZE),
                      sentence_make(&v, &m, NULL, now_us, expected, SIZE));
  const struct model *other = &told->flow.model;
  assert_int_equal(other->last_us, m.last_us);
  assert_int_equal(other->fin[FIN1].first_us, m.fin[FIN1].first_us);
  if (m.fin[FIN1].answers > 0 && !m.crossed && !m.coalesced) {
    enum end second = end_other(m.first_closer);
    assert_int_equal(other->fin[FIN1].acked_us, m.fin[FIN1].acked_us);
    assert_int_equal(other->end[second].half_close_bytes, m.end[second].half_close_bytes);
  }
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(other->end[i].first_seq, m.end[i].first_seq);
    assert_int_equal(other->end[i].data_bytes, m.end[i].data_bytes);
  }
  assert_int_equal(told->verdict.idle_us, v.idle_us);
  assert_int_equal(told->verdict.duration_us, v.duration_us);
  assert_int_equal(told->verdict.conformity, v.conformity);
  assert_int_equal(told->verdict.closed_both, v.closed_both);
  assert_int_equal(told->verdict.count, v.count);
  assert_int_equal(told->verdict.of, v.of);
  assert_int_equal(told->verdict.cause, v.cause);
  counts.retold++;
}

static void feed(struct both *b, enum end from, const struct segment *s) {
  struct model_step step, other_step;
  model_step(&b->whole, from, s, &step);
  counts.segments++;
  if (b->form == HOT && take_open(b, from, s)) {
    if (b->form == HOT && !is_silent(&b->whole, &step)) fail_at(b, s, from, "the step");
  } else if (b->form != ORDINARY || !ordinary_step(&kept, &b->hot, from, s)) {
    make_other(b);
    counts.opened += b->form == HOT;
    if (b->form == ORDINARY) ordinary_drop(&kept, b->hot.attached);
    b->form = WHOLE;
    model_step(&b->other, from, s, &other_step);
    if (!same_step(&step, &other_step)) fail_at(b, s, from, "the step");
    if (hot_close(&b->hot, &b->other)) b->form = HOT;
    counts.closed += b->form == HOT;
  }
  if (b->form == ORDINARY) {
    counts.written++;
    if (step.n_findings > 0) fail_at(b, s, from, "a finding");
    bool ended = b->whole.rst.from != END_NONE || ending_is_complete(ending_of(&b->whole, s->t_us));
    if (ended != ordinary_has_ended(&kept, &b->hot)) fail_at(b, s, from, "the end");
    if (ended) check_verdict(b, s->t_us);
    if (ended) check_verdict(b, s->t_us + INT64_C(100000000));
    if (ordinary_is_complete(&kept, &b->hot)) {
      check_retold(b, false, s->t_us);
      check_retold(b, true, s->t_us + MODEL_LINUX_2MSL_US);
    }
  }
  make_other(b);
  struct model whole = b->whole, other = b->other;
  strip_model(&whole);
  strip_model(&other);
  if (memcmp((const char *)&whole, (const char *)&other, sizeof whole) != 0)
    fail_at(b, s, from, "the model");
}

static void end(struct both *b, int64_t now_us) {
  struct verdict verdict, other;
  struct model_step step;
  make_other(b);
  if (b->form == ORDINARY) ordinary_drop(&kept, b->hot.attached);
  assert_int_equal(kept.records.used, 0);
  assert_int_equal(model_expire(&b->whole, now_us, &step), model_expire(&b->other, now_us, &step));
  verdict_make(&verdict, &b->whole, now_us);
  verdict_make(&other, &b->other, now_us);
  for (unsigned i = 0; i < verdict.n_findings; i++) strip_finding(&verdict.findings[i]);
  for (unsigned i = 0; i < other.n_findings; i++) strip_finding(&other.findings[i]);
  assert_memory_equal(&verdict, &other, sizeof verdict);
}

/* ---- Random streams ------------------------------------------------------------------------- */

static uint64_t random_state;
static uint32_t draw(uint32_t below) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(random_state >> 33) % below;
}
static bool one_in(uint32_t n) { return draw(n) == 0; }

struct pair {
  struct {
    uint32_t nxt, acked, rcv_nxt, stamp; /* acked: by the other end */
    uint16_t window;
    uint8_t scale;
    bool closed;
  } end[2];
  int64_t now_us;
  bool stamps, sack, scales, tls;
  unsigned odd; /* one segment in so many is not in order */
};

static void pass(struct pair *p) {
  static const int64_t longer[] = {1000000, 90000000, INT64_C(2200000000), INT64_C(5000000000),
                                   INT64_C(4295000000)};
  p->now_us += draw(2000);
  if (one_in(p->odd * 4)) p->now_us += longer[draw(sizeof longer / sizeof *longer)];
  if (one_in(p->odd * 8)) p->now_us -= draw(3000);
}

static struct segment compose(struct pair *p, enum end from, uint8_t flags, uint32_t bytes) {
  struct segment s = {.t_us = p->now_us,
                      .seq = p->end[from].nxt,
                      .flags = flags,
                      .payload_bytes = bytes,
                      .window = p->end[from].window};
  if (flags & SEGMENT_ACK) s.ack = p->end[from].rcv_nxt;
  s.hops = one_in(p->odd * 4) ? (uint8_t)draw(256) : 64;
  s.ip_id = (uint16_t)draw(65536);
  if (bytes > 0 && p->tls) s.tls = (enum segment_tls)draw(SEGMENT_TLS_ALERT + 1);
  if (p->stamps && !one_in(p->odd * 4)) {
    s.options |= SEGMENT_HAS_TIMESTAMPS;
    p->end[from].stamp += draw(3);
    s.tsval = p->end[from].stamp;
    s.tsecr = p->end[end_other(from)].stamp;
    if (one_in(p->odd * 4)) s.tsecr -= draw(1 << 17); /* of long ago */
  }
  if (flags & SEGMENT_SYN) {
    if (p->scales) s.options |= SEGMENT_HAS_WINDOW_SCALE, s.window_scale = p->end[from].scale;
    if (p->sack) s.options |= SEGMENT_HAS_SACK_PERMITTED;
  }
  return s;
}

/* Something that is not in order. */
static void disturb(struct pair *p, enum end from, struct segment *s) {
  enum end to = end_other(from);
  switch (draw(16)) {
    case 0: s->seq -= 1 + draw(3000); break; /* again */
    case 1: s->seq -= 1, s->payload_bytes = draw(2); break;
    case 2: s->seq += 1 + draw(3000); break; /* a hole before it */
    case 3: s->ack -= draw(3000); break;
    case 4: s->ack += draw(3000); break; /* more than was captured */
    case 5: s->flags = SEGMENT_RST | (one_in(2) ? SEGMENT_ACK : 0); break;
    case 6: s->flags |= SEGMENT_FIN; break;
    case 7: s->flags = SEGMENT_SYN | (one_in(2) ? SEGMENT_ACK : 0); break;
    case 8: s->flags &= (uint8_t)~SEGMENT_ACK; break;
    case 9: s->window = (uint16_t)draw(65536); break;
    case 10: s->tsval -= draw(10); break;
    case 11: s->seq = draw(UINT32_MAX); break;
    case 12: s->payload_bytes = draw(20000); break;
    case 13:
      s->options |= SEGMENT_HAS_SACK, s->sack_left = s->ack + 10, s->sack_right = s->ack + 90;
      break;
    case 14: s->ack = p->end[to].nxt, s->seq = p->end[from].nxt - 1, s->payload_bytes = 0; break;
    case 15: s->t_us -= draw(100000); break;
  }
}

static void play_open(struct pair *p, struct both *b) {
  struct segment s = compose(p, END_CLIENT, SEGMENT_SYN, one_in(p->odd * 8) ? 10 : 0);
  if (one_in(p->odd)) disturb(p, END_CLIENT, &s);
  feed(b, END_CLIENT, &s);
  p->end[END_CLIENT].nxt++;
  p->end[END_SERVER].rcv_nxt = p->end[END_CLIENT].nxt;
  pass(p);
  if (one_in(p->odd)) feed(b, END_CLIENT, &s);
  s = compose(p, END_SERVER, SEGMENT_SYN | SEGMENT_ACK, 0);
  if (one_in(p->odd)) disturb(p, END_SERVER, &s);
  feed(b, END_SERVER, &s);
  p->end[END_SERVER].nxt++;
  p->end[END_CLIENT].rcv_nxt = p->end[END_SERVER].nxt;
  pass(p);
  if (one_in(p->odd)) feed(b, END_SERVER, &s);
  if (one_in(4)) return;
  s = compose(p, END_CLIENT, SEGMENT_ACK, 0);
  feed(b, END_CLIENT, &s);
}

static void play_one(struct pair *p, struct both *b) {
  enum end from = draw(2), to = end_other(from);
  uint32_t bytes = one_in(3) ? 0 : 1 + draw(1460);
  if (one_in(3)) { /* has everything, or a part of it */
    uint32_t waits = p->end[to].nxt - p->end[from].rcv_nxt;
    p->end[from].rcv_nxt += one_in(2) || waits == 0 ? waits : draw(waits);
  }
  if (one_in(4)) p->end[from].window = (uint16_t)draw(65536);
  pass(p);
  struct segment s = compose(p, from, SEGMENT_ACK, bytes);
  if (one_in(p->odd)) disturb(p, from, &s);
  feed(b, from, &s);
  if (s.flags & (SEGMENT_SYN | SEGMENT_RST)) return;
  bool known = !one_in(p->odd * 2);
  if (known && seq_gt(segment_end(&s), p->end[from].nxt) &&
      seq_diff(segment_end(&s), p->end[from].nxt) < 100000)
    p->end[from].nxt = segment_end(&s);
}

/* Closes as they are in most cases, and nearly so. */
static void play_close(struct pair *p, struct both *b) {
  static const int64_t pauses[] = {100,    100,    3000,    12000,   60000,
                                   300000, 600000, 1200000, 3000000, 20000000};
  enum end first = draw(2);
  bool aborts = one_in(6);
  int64_t pause_us = pauses[draw(sizeof pauses / sizeof *pauses)];
  unsigned odd = p->odd;
  if (one_in(4)) p->now_us += draw(one_in(2) ? 2000000 : 900000000); /* a silence before it */
  if (one_in(2)) p->odd = 1U << 20;
  for (unsigned n = 1 + draw(9); n > 0; n--) {
    enum end from = one_in(2) ? first : end_other(first), to = end_other(from);
    if (p->end[from].closed && p->end[to].closed && p->end[from].rcv_nxt == p->end[to].nxt)
      from = to, to = end_other(from);
    /* The last octet that it has not heard of may be a FIN that crosses its own. */
    bool hears = p->end[from].rcv_nxt != p->end[to].nxt && !one_in(8);
    if (hears) p->end[from].rcv_nxt = p->end[to].nxt;
    bool fin = !p->end[from].closed && (from == first || one_in(3));
    bool rst = aborts && one_in(3);
    uint32_t bytes = p->end[from].closed || rst || !one_in(4) ? 0 : 1 + draw(1460);
    if (!hears && !fin && !rst && bytes == 0 && !one_in(8)) continue;
    p->now_us += draw((uint32_t)pause_us);
    struct segment s = compose(p, from, SEGMENT_ACK | (fin && !rst ? SEGMENT_FIN : 0), bytes);
    if (rst) s.flags = one_in(2) ? SEGMENT_RST : SEGMENT_RST | SEGMENT_ACK;
    if (rst && s.flags == SEGMENT_RST) s.ack = 0, s.options = 0;
    if (rst && one_in(3)) s.seq = p->end[to].rcv_nxt;
    if (one_in(p->odd)) disturb(p, from, &s);
    feed(b, from, &s);
    p->end[from].nxt += rst ? 0 : segment_len(&s);
    p->end[from].closed = p->end[from].closed || fin;
  }
  p->odd = odd;
}

static void play_stream(void) {
  struct both b;
  struct pair p = {.now_us = one_in(50) ? 0 : INT64_C(1700000000000000) + draw(UINT32_MAX),
                   .stamps = one_in(2),
                   .scales = !one_in(4),
                   .sack = one_in(2),
                   .tls = one_in(4),
                   .odd = one_in(2)   ? 1U << 20
                          : one_in(4) ? 2
                                      : 2U << draw(9)};
  for (unsigned i = 0; i < 2; i++) {
    p.end[i].nxt = one_in(3) ? UINT32_MAX - draw(3000) : draw(UINT32_MAX);
    p.end[i].window = (uint16_t)draw(65536);
    p.end[i].scale = (uint8_t)draw(one_in(20) ? 20 : 15);
    p.end[i].stamp = draw(UINT32_MAX);
  }
  p.end[0].rcv_nxt = p.end[1].nxt;
  p.end[1].rcv_nxt = p.end[0].nxt;
  begin(&b);
  if (!one_in(5)) play_open(&p, &b);
  for (uint32_t n = draw(one_in(40) ? 400 : one_in(3) ? 30 : 6); n > 0; n--) play_one(&p, &b);
  play_close(&p, &b);
  end(&b, p.now_us + draw(100) * 1000000);
}

static void forget(void) {
  ordinaries_destroy(&kept);
  retold_destroy(&retold);
}

static bool learn(void) {
  forget();
  return ordinaries_init(&kept, 16, MODEL_LINUX_2MSL_US) && retold_init(&retold);
}

static void random_streams_are_the_same_both_ways(void **unused) {
  (void)unused;
  enum { FORGET_EVERY = 100000 };
  uint64_t forgotten = 0;
  const char *bound = getenv("TEARDOWN_HOT_SEGMENTS");
  uint64_t segments = bound ? strtoull(bound, NULL, 10) : 1000000;
  memset(&counts, 0, sizeof counts);
  random_state = 1;
  while (counts.segments < segments) {
    /* The kinds that random closes are of soon are more than are learnt. */
    if (counts.segments / FORGET_EVERY != forgotten) {
      forgotten = counts.segments / FORGET_EVERY;
      assert_true(learn());
    }
    play_stream();
  }
  print_message(
      "%llu segments, %llu taken by an entry, %llu written down; %llu times a model was made of an "
      "entry, and %llu times one of a model; %llu verdicts remembered\n",
      (unsigned long long)counts.segments, (unsigned long long)counts.taken_hot,
      (unsigned long long)counts.written, (unsigned long long)counts.opened,
      (unsigned long long)counts.closed, (unsigned long long)counts.verdicts);
  /* It must have been about something. */
  assert_true(counts.taken_hot > counts.segments / 4);
  assert_true(counts.opened > counts.segments / 100);
  assert_true(counts.closed > counts.segments / 100);
  assert_true(counts.written > counts.segments / 100);
  assert_true(counts.verdicts > counts.segments / 1000);
  assert_true(counts.retold > counts.segments / 1000);
}

/* Of few kinds, many each. */
static void resets_are_the_same_both_ways(void **unused) {
  (void)unused;
  static const uint32_t pauses_us[] = {800, 15000, 100000, 1500000, 4000000};
  random_state = 3;
  assert_true(learn());
  for (unsigned n = 0; n < 20000; n++) {
    struct both b;
    struct pair p = {.now_us = INT64_C(1700000000000000), .odd = 1U << 24};
    enum end from = draw(2);
    begin(&b);
    play_open(&p, &b);
    for (unsigned i = 0, before_rst = draw(4); i < before_rst + 2; i++, from = draw(2)) {
      bool is_rst = i > before_rst, fin = !is_rst && i > 0 && !p.end[from].closed && one_in(2);
      bool data = i == 0 || (!is_rst && !p.end[from].closed && one_in(8));
      p.now_us += draw(pauses_us[draw(sizeof pauses_us / sizeof *pauses_us)]);
      p.end[from].rcv_nxt = p.end[end_other(from)].nxt;
      uint8_t flags = is_rst ? SEGMENT_RST : fin ? SEGMENT_FIN | SEGMENT_ACK : SEGMENT_ACK;
      if (is_rst && one_in(2)) flags |= SEGMENT_ACK;
      struct segment s = compose(&p, from, flags, data ? 100 : 0);
      feed(&b, from, &s);
      p.end[from].nxt += is_rst ? 0 : segment_len(&s);
      p.end[from].closed |= fin;
    }
    end(&b, p.now_us);
  }
}

/* ---- Recorded streams ----------------------------------------------------------------------- */

static void play_trace(const struct trace *t) {
  struct both b;
  begin(&b);
  for (unsigned i = 0; i < t->n; i++) feed(&b, t->at[i].from, &t->at[i].segment);
  end(&b, t->end_us);
}

static void recorded_streams_are_the_same_both_ways(void **unused) {
  (void)unused;
  DIR *folder = opendir("tests/golden");
  assert_non_null(folder);
  memset(&counts, 0, sizeof counts);
  for (const struct dirent *entry; (entry = readdir(folder));) {
    const char *suffix = strstr(entry->d_name, ".pcap");
    if (!suffix || strcmp(suffix, ".pcap") != 0) continue;
    char path[512];
    static struct trace trace, mutant;
    snprintf(path, sizeof path, "tests/golden/%s", entry->d_name);
    assert_true(trace_read(&trace, path));
    play_trace(&trace);
    for (unsigned mutation = 0; mutation < MUTATION_COUNT; mutation++)
      for (unsigned i = 0; i < trace.n; i++)
        if (trace_mutate(&trace, mutation, i, &mutant)) play_trace(&mutant);
  }
  closedir(folder);
  assert_true(counts.taken_hot > 0 && counts.opened > 0);
}

/* ---- What an entry is for ------------------------------------------------------------------- */

/* A handshake, and data and ACKs in order either way: no model is needed. */
static void a_plain_connection_needs_no_model(void **unused) {
  (void)unused;
  struct both b;
  struct pair p = {.now_us = INT64_C(1700000000000000), .scales = true, .odd = 1U << 24};
  random_state = 7;
  memset(&counts, 0, sizeof counts);
  begin(&b);
  p.end[0].nxt = p.end[1].rcv_nxt = UINT32_MAX - 100;
  p.end[1].nxt = p.end[0].rcv_nxt = 5;
  play_open(&p, &b);
  struct segment s = compose(&p, END_CLIENT, SEGMENT_ACK, 0);
  feed(&b, END_CLIENT, &s);
  for (unsigned i = 0; i < 1000; i++) play_one(&p, &b);
  assert_int_equal(counts.taken_hot, counts.segments);
}

/* What comes again promotes the entry, and what follows lets it be one again. */
static void a_repetition_is_forgotten_once_it_is_answered(void **unused) {
  (void)unused;
  struct both b;
  struct pair p = {.now_us = INT64_C(1700000000000000), .odd = 1U << 24};
  begin(&b);
  play_open(&p, &b);
  struct segment ack = compose(&p, END_CLIENT, SEGMENT_ACK, 0);
  feed(&b, END_CLIENT, &ack);
  struct segment data = compose(&p, END_CLIENT, SEGMENT_ACK, 100);
  feed(&b, END_CLIENT, &data);
  assert_int_equal(b.form, HOT);
  data.t_us += 200000;
  feed(&b, END_CLIENT, &data);
  assert_int_equal(b.form, WHOLE);
  p.end[END_CLIENT].nxt += 100;
  p.end[END_SERVER].rcv_nxt += 100;
  p.now_us = data.t_us + 10;
  ack = compose(&p, END_SERVER, SEGMENT_ACK, 0);
  feed(&b, END_SERVER, &ack);
  assert_int_equal(b.form, HOT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_streams_are_the_same_both_ways),
      cmocka_unit_test(resets_are_the_same_both_ways),
      cmocka_unit_test(recorded_streams_are_the_same_both_ways),
      cmocka_unit_test(a_plain_connection_needs_no_model),
      cmocka_unit_test(a_repetition_is_forgotten_once_it_is_answered),
  };
  if (!learn()) return 1;
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  forget();
  return failed;
}
