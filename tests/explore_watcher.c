/* The model as the exploration uses it: each of its states is kept once and known by an index, so
 * that worlds stay small, and each of its steps is computed once.
 *
 * Two models that differ only in when something happened, or in how often beyond what the model
 * asks, will say the same of everything to come: they are made equal first. What has a time was
 * either RECENT, or so long ago that nothing now is an answer in haste. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/seq.h"
#include "common/model/verdict.h"
#include "tests/explore.h"

static const int64_t LONG_AGO_US = 100000, RECENT_US = 199000, NOW_US = 200000;
/* Near the wrap: the client's data and FIN come after octet 2^32 - 1. */
static const uint32_t ISS[2] = {UINT32_MAX, 0x7ffffffe};

struct step {
  uint64_t key; /* 0: free */
  uint32_t next;
  unsigned remarks;
};

static struct {
  struct model *models;
  uint32_t n, capacity;
  uint32_t *index; /* open addressing, index + 1 */
  uint32_t index_size;
  struct step *steps;
  uint32_t n_steps, steps_size;
  bool bursts;
} set;

static uint32_t mix(uint64_t x) {
  x ^= x >> 31;
  x *= UINT64_C(0x9e3779b97f4a7c15);
  x ^= x >> 29;
  return (uint32_t)(x >> 16);
}

static uint32_t model_hash(const struct model *m) {
  const unsigned char *bytes = (const unsigned char *)m;
  uint64_t h = 0, word;
  for (size_t i = 0; i + sizeof word <= sizeof *m; i += sizeof word) {
    memcpy(&word, bytes + i, sizeof word);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
  }
  return mix(h);
}

static void clamp(uint32_t *value, uint32_t most) {
  if (*value > most) *value = most;
}

/* Only these times are compared with that of the next segment (a new one must be added here). */
static void age(int64_t *t_us, int64_t to_us) {
  if (*t_us > LONG_AGO_US) *t_us = to_us;
}

static void forget_time(int64_t *t_us) {
  if (*t_us) *t_us = LONG_AGO_US;
}

/* What has just happened was so at the time to_us. */
static void normalise(struct model *m, int64_t to_us) {
  forget_time(&m->last_us);
  forget_time(&m->first_fin_us);
  forget_time(&m->last_control_us);
  forget_time(&m->half_close_us);
  age(&m->rst.t_us, to_us);
  clamp(&m->segments, 1);
  m->n_findings = 0;
  memset(m->findings, 0, sizeof m->findings);
  for (unsigned i = 0; i < 2; i++) {
    forget_time(&m->fin[i].first_us);
    forget_time(&m->fin[i].acked_us);
    forget_time(&m->time_wait_us[i]);
    forget_time(&m->unsent[i].t_us);
    age(&m->fin[i].short_ack_us, to_us);
    struct close_fin *fin = &m->fin[i];
    age(&fin->last_us, to_us);
    age(&fin->last_ack_us, to_us);
    fin->last_gap_us = 0;
    fin->not_there_us = fin->unaware_us = 0;
    fin->answer_met_closed = false;
    memset(fin->copy, 0, sizeof fin->copy);
    memset(fin->answer, 0, sizeof fin->answer);
    clamp(&fin->copies, 2);
    clamp(&fin->answers, 1);
    clamp(&fin->unanswered, 2);
    fin->flat_gaps = 0;
    struct endpoint *e = &m->end[i];
    clamp(&e->data_segments, 1);
    clamp(&e->data_bytes, 1);
    clamp(&e->half_close_bytes, 1);
    memset(&e->log[e->n_log], 0, (ENDPOINT_LOG_SIZE - e->n_log) * sizeof *e->log);
  }
}

static void index_put(uint32_t id) {
  uint32_t at = model_hash(&set.models[id]) & (set.index_size - 1);
  while (set.index[at]) at = (at + 1) & (set.index_size - 1);
  set.index[at] = id + 1;
}

static uint32_t intern(const struct model *m) {
  if (set.n * 2 >= set.index_size) {
    free(set.index);
    set.index_size = set.index_size ? set.index_size * 2 : 1024;
    set.index = calloc(set.index_size, sizeof *set.index);
    assert(set.index);
    for (uint32_t id = 0; id < set.n; id++) index_put(id);
  }
  uint32_t at = model_hash(m) & (set.index_size - 1);
  for (; set.index[at]; at = (at + 1) & (set.index_size - 1))
    /* Padding is zero in all of them, and a difference in it would cost time only. */
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
    if (memcmp(&set.models[set.index[at] - 1], m, sizeof *m) == 0) return set.index[at] - 1;
  if (set.n == set.capacity) {
    set.capacity = set.capacity ? set.capacity * 2 : 512;
    set.models = realloc(set.models, set.capacity * sizeof *set.models);
    assert(set.models);
  }
  memcpy(&set.models[set.n], m, sizeof *m);
  set.index[at] = set.n + 1;
  return set.n++;
}

void watcher_reset(const struct explore_config *config) {
  set.bursts = config->bursts;
  set.n = set.n_steps = 0;
  free(set.index);
  free(set.steps);
  set.index = NULL;
  set.steps = NULL;
  set.index_size = set.steps_size = 0;
}

size_t watcher_count(void) { return set.n; }

const struct model *watcher_model(uint32_t id) { return &set.models[id]; }

uint32_t watcher_initial(void) {
  struct model m;
  model_init(&m, MODEL_LINUX_2MSL_US);
  return intern(&m);
}

static struct segment segment_of(enum end from, const struct flight *flight) {
  struct segment s = {0};
  s.t_us = NOW_US;
  s.flags = flight->flags;
  s.seq = ISS[from] + flight->seq;
  s.ack = flight->flags & SEGMENT_ACK ? ISS[end_other(from)] + flight->ack : 0;
  s.payload_bytes = flight->payload;
  s.window = UINT16_MAX;
  return s;
}

static struct step *step_slot(uint64_t key) {
  uint32_t at = mix(key) & (set.steps_size - 1);
  while (set.steps[at].key && set.steps[at].key != key) at = (at + 1) & (set.steps_size - 1);
  return &set.steps[at];
}

static void steps_grow(void) {
  if (set.n_steps * 2 < set.steps_size) return;
  struct step *old = set.steps;
  uint32_t old_size = set.steps_size;
  set.steps_size = old_size ? old_size * 2 : 4096;
  set.steps = calloc(set.steps_size, sizeof *set.steps);
  assert(set.steps);
  for (uint32_t i = 0; i < old_size; i++)
    if (old[i].key) *step_slot(old[i].key) = old[i];
  free(old);
}

static unsigned remarks_of(const struct model *before, const struct model *m,
                           const struct segment *s, const struct model_step *step) {
  enum end to = end_other(step->from);
  unsigned remarks = 0;
  struct verdict verdict;
  verdict_make(&verdict, m, m->last_us);
  if (verdict.conformity == VIOLATES) remarks |= WATCHER_BREACH;
  for (int i = 0; i < step->n_findings; i++)
    if (finding_text(step->findings[i].id)->severity == FINDING_BREACH) remarks |= WATCHER_BREACH;
  if (step->verdict == STEP_UNEXPECTED && step->new_roles && step->n_findings == 0)
    remarks |= WATCHER_UNEXPECTED;
  bool acks_fin2 = before->first_closer == step->from;
  bool answers = segment_len(s) == 0 && (step->roles & (acks_fin2 ? ROLE_ACK2 : ROLE_ACK1)) &&
                 before->fin[acks_fin2].unanswered > 0 && before->rst.from == END_NONE &&
                 !seq_lt(s->ack, before->end[step->from].offer.ack_max);
  if (answers && step->verdict == STEP_STALE) remarks |= WATCHER_UNEXPECTED;
  bool own = before->first_closer != step->from; /* FIN2 */
  bool recent = before->rst.t_us > LONG_AGO_US || before->fin[own].last_ack_us > LONG_AGO_US;
  if (segment_len(s) == 0 && recent) remarks |= WATCHER_IN_HASTE;
  bool waits = before->end[to].state == TCPS_TIME_WAIT && m->end[to].state == TCPS_TIME_WAIT;
  if (waits && segment_has(s, SEGMENT_FIN) && m->time_wait_us[to] != NOW_US)
    remarks |= WATCHER_NO_RESTART;
  return remarks;
}

uint32_t watcher_feed(uint32_t id, enum end from, const struct flight *flight, unsigned *remarks) {
  steps_grow();
  uint64_t key = (uint64_t)id << 32 | (uint64_t)flight->flags << 24 | (uint64_t)flight->seq << 16 |
                 (uint64_t)flight->ack << 8 | (uint64_t)flight->payload << 2 | (uint64_t)from << 1 |
                 1;
  struct step *known = step_slot(key);
  if (!known->key) {
    struct model m = set.models[id];
    struct model_step step;
    struct segment s = segment_of(from, flight);
    model_step(&m, from, &s, &step);
    known->key = key;
    known->remarks = remarks_of(&set.models[id], &m, &s, &step);
    normalise(&m, set.bursts ? RECENT_US : LONG_AGO_US);
    known->next = intern(&m);
    set.n_steps++;
  }
  *remarks = known->remarks;
  return known->next;
}

uint32_t watcher_expire(uint32_t id) {
  struct model m = set.models[id];
  struct model_step step;
  model_expire(&m, NOW_US + m.two_msl_us, &step);
  normalise(&m, LONG_AGO_US);
  return intern(&m);
}

uint32_t watcher_pause(uint32_t id) {
  struct model m = set.models[id];
  normalise(&m, LONG_AGO_US);
  return intern(&m);
}

void watcher_explain(uint32_t id, enum end from, const struct flight *flight) {
  struct model m = set.models[id];
  struct model_step step;
  struct segment s = segment_of(from, flight);
  char names[40];
  model_step(&m, from, &s, &step);
  printf("      captured: %s, %s", step_verdict_name(step.verdict), role_names(step.roles, names));
  for (int i = 0; i < step.n_findings; i++) printf(" !%s", finding_text(step.findings[i].id)->id);
  printf("\n");
}
