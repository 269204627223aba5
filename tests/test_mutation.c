/* Mutation of traces: recorded closes of every ending, each with one thing changed at each place.
 * What the model says of a mutant is compared with a rule (mutation_rules.c): it is detected by
 * name, or it is a legal history, or the verdict is "cannot tell". */
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

#include "common/model/model.h"
#include "common/model/verdict.h"
#include "tests/mutate_trace.h"
#include "tests/mutation_rules.h"

enum { CAPTURES_MAX = 128, NAME_MAX_SIZE = 64, SHOWN_MAX = 12 };

enum class { DETECTED, LEGAL, UNTOLD, CLASSES };

/* What was said of a trace. */
struct account {
  struct verdict verdict;
  unsigned steps[STEP_UNEXPECTED + 1];
  uint32_t ignored, findings; /* a bit each: enum acceptance, enum finding_id */
  uint16_t spurious;
};

static struct capture {
  char name[NAME_MAX_SIZE];
  struct trace trace;
  struct account account;
  unsigned count[MUTATION_COUNT][CLASSES];
} captures[CAPTURES_MAX];
static unsigned n_captures;
enum { RULES_MAX = 160 };
static unsigned n_used[RULES_MAX]; /* by rule */

/* ---- Playing -------------------------------------------------------------------------------- */

static void play(const struct trace *t, struct account *a) {
  struct model model;
  struct model_step step;
  memset(a, 0, sizeof *a);
  model_init(&model, MODEL_LINUX_2MSL_US);
  for (unsigned i = 0; i < t->n; i++) {
    const struct segment *s = &t->at[i].segment;
    model_expire(&model, s->t_us, &step);
    model_step(&model, t->at[i].from, s, &step);
    a->steps[step.verdict]++;
    if (step.ignored != ACCEPT_YES) a->ignored |= UINT32_C(1) << step.ignored;
  }
  verdict_make(&a->verdict, &model, t->end_us);
  for (unsigned i = 0; i < a->verdict.n_findings; i++)
    a->findings |= UINT32_C(1) << a->verdict.findings[i].id;
  a->spurious = (uint16_t)(connection_losses(&model, FIN1).spurious +
                           connection_losses(&model, FIN2).spurious);
}

static enum claim claim_of_finding(enum finding_id id) {
  if (finding_text(id)->severity == FINDING_STUCK) return CLAIM_STUCK;
  if (id == FINDING_FIN_MOVED) return CLAIM_FIN_MOVED;
  if (id == FINDING_DATA_AFTER_FIN) return CLAIM_DATA_AFTER_FIN;
  if (id == FINDING_ACK_OF_UNSENT) return CLAIM_ACK_OF_UNSENT;
  if (id == FINDING_ACK_SHORT_OF_FIN) return CLAIM_ACK_SHORT;
  if (id == FINDING_RST_OUT_OF_WINDOW) return CLAIM_RST_WINDOW;
  return id == FINDING_RST_IN_TIME_WAIT ? CLAIM_RST_TIME_WAIT : CLAIM_OTHER_FINDING;
}

/* What is said of the mutant and not of the trace, a bit for each claim. */
static uint32_t claims_of(const struct account *was, const struct account *is) {
  static const enum claim of_doubt[] = {
      [DOUBT_MIDSTREAM] = CLAIM_MIDSTREAM,
      [DOUBT_ONE_DIRECTION] = CLAIM_ONE_DIRECTION,
      [DOUBT_GAP] = CLAIM_GAP,
  };
  const struct verdict *v = &was->verdict, *w = &is->verdict;
  bool said[CLAIM_COUNT] = {
      [CLAIM_UNEXPECTED] = is->steps[STEP_UNEXPECTED] > was->steps[STEP_UNEXPECTED],
      [CLAIM_REFUTES] = is->steps[STEP_REFUTES] > was->steps[STEP_REFUTES],
      [CLAIM_RETRANSMISSION] = is->steps[STEP_RETRANSMISSION] > was->steps[STEP_RETRANSMISSION],
      [CLAIM_STALE] = is->steps[STEP_STALE] > was->steps[STEP_STALE],
      [CLAIM_IGNORED] = is->ignored & ~was->ignored,
      [CLAIM_FINDING_GONE] = was->findings & ~is->findings,
      [CLAIM_CLOSED_FIRST] = v->closed_first != w->closed_first,
      [CLAIM_CAUSE] = v->cause != w->cause,
      [CLAIM_LOSS] = memcmp(v->losses, w->losses, sizeof v->losses) != 0 ||
                     v->fin_retransmissions != w->fin_retransmissions ||
                     was->spurious != is->spurious,
      [CLAIM_ROLES] = v->count != w->count || v->of != w->of,
  };
  if (v->doubt != w->doubt && w->doubt != DOUBT_NONE) said[of_doubt[w->doubt]] = true;
  if (v->ending != w->ending) said[(unsigned)CLAIM_NORMAL + (unsigned)w->ending] = true;
  for (unsigned id = 0; id < FINDING_COUNT; id++)
    if ((is->findings & ~was->findings) >> id & 1) said[claim_of_finding(id)] = true;
  uint32_t claims = 0;
  for (unsigned i = 0; i < CLAIM_COUNT; i++) claims |= (uint32_t)said[i] << i;
  return claims;
}

static enum class class_of(uint32_t claims, const struct account *mutant) {
  const uint32_t findings = (UINT32_C(1) << CLAIM_FINDING_GONE) - (UINT32_C(1) << CLAIM_FIN_MOVED);
  if (claims & findings) return DETECTED;
  if (mutant->verdict.conformity == CANNOT_TELL) return UNTOLD;
  return claims & CLAIMS_OF_DETECTION ? DETECTED : LEGAL;
}

static bool keeps(const struct rule *rule, uint32_t claims, enum class class) {
  if (rule->must && !(claims & rule->must)) return false;
  if (claims & ~(rule->must | rule->may | CLAIMS_FREE)) return false;
  return class != LEGAL || rule->legal;
}

/* ---- Showing -------------------------------------------------------------------------------- */

static void show_claims(const char *what, uint32_t claims) {
  fprintf(stderr, "#     %s", what);
  for (unsigned i = 0; i < CLAIM_COUNT; i++)
    if (claims >> i & 1) fprintf(stderr, " %s", claim_name(i));
  fputs(claims ? "\n" : " nothing\n", stderr);
}

static void show_trace(const struct trace *t) {
  const struct trace_segment *first = &t->at[0];
  for (unsigned i = 0; i < t->n; i++) {
    const struct segment *s = &t->at[i].segment;
    fprintf(stderr, "#     %u %c %-24s seq=%u ack=%u len=%u flags=%02x +%.1f ms\n", i,
            t->at[i].from == END_CLIENT ? 'C' : 'S', kind_name(t->at[i].kind), s->seq, s->ack,
            s->payload_bytes, s->flags, (double)(s->t_us - first->segment.t_us) / 1e3);
  }
}

static void show(const struct capture *c, enum mutation mutation, unsigned i,
                 const struct trace *mutant, const struct rule *rule, uint32_t claims) {
  fprintf(stderr, "# %s: %s, segment %u (%s)\n", c->name, mutation_name(mutation), i,
          kind_name(c->trace.at[i].kind));
  show_trace(mutant);
  show_claims("said:", claims);
  if (!rule) {
    fprintf(stderr, "#     no rule fits\n");
    return;
  }
  show_claims("one of these must be:", rule->must);
  show_claims("these may be:", rule->may | CLAIMS_FREE);
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct capture *)a)->name, ((const struct capture *)b)->name);
}

static int read_captures(void **unused) {
  (void)unused;
  DIR *folder = opendir("tests/golden");
  if (!folder) {
    perror("tests/golden");
    return -1;
  }
  bool ok = true;
  for (const struct dirent *entry; ok && (entry = readdir(folder));) {
    const char *end = strstr(entry->d_name, ".pcap");
    if (!end || strcmp(end, ".pcap") != 0) continue;
    char path[512];
    struct capture *c = &captures[n_captures];
    ok = n_captures < CAPTURES_MAX && end - entry->d_name < NAME_MAX_SIZE;
    if (!ok) break;
    memcpy(c->name, entry->d_name, (size_t)(end - entry->d_name));
    snprintf(path, sizeof path, "tests/golden/%s", entry->d_name);
    ok = trace_read(&c->trace, path);
    play(&c->trace, &c->account);
    n_captures++;
  }
  closedir(folder);
  qsort(captures, n_captures, sizeof *captures, by_name);
  return ok && n_captures > 0 && N_RULES <= RULES_MAX ? 0 : -1;
}

/* The clean ones, by name; one of them is about an RST in TIME_WAIT. */
static bool is_clean(const char *name) {
  bool complete = strncmp(name, "normal", 6) == 0 || strncmp(name, "coalesced", 9) == 0 ||
                  strncmp(name, "simultaneous", 12) == 0;
  return complete && !strstr(name, "rst");
}

static void test_unmutated(void **unused) {
  (void)unused;
  unsigned n_clean = 0;
  for (const struct capture *c = captures; c < captures + n_captures; c++) {
    const struct verdict *v = &c->account.verdict;
    bool fine = v->conformity == CONFORMS && c->account.ignored == 0;
    if (is_clean(c->name)) {
      n_clean++;
      fine = fine && v->n_findings == 0 && c->account.steps[STEP_UNEXPECTED] == 0;
      fine = fine && c->account.steps[STEP_RETRANSMISSION] + c->account.steps[STEP_STALE] == 0;
    }
    if (fine) continue;
    show_trace(&c->trace);
    fail_msg("%s: %s, %u findings", c->name, conformity_name(v->conformity), v->n_findings);
  }
  assert_in_range(n_clean, 5, CAPTURES_MAX);
}

static void mutate_all(enum mutation mutation) {
  unsigned n_wrong = 0;
  for (struct capture *c = captures; c < captures + n_captures; c++) {
    for (unsigned i = 0; i < c->trace.n; i++) {
      struct trace mutant;
      struct account account;
      if (!trace_mutate(&c->trace, mutation, i, &mutant)) continue;
      play(&mutant, &account);
      uint32_t claims = claims_of(&c->account, &account);
      const struct rule *rule = rule_of(&c->trace, c->name, mutation, i);
      enum class class = class_of(claims, &account);
      if (rule) n_used[rule - RULES]++;
      if (!rule || !keeps(rule, claims, class)) {
        if (n_wrong++ < SHOWN_MAX) show(c, mutation, i, &mutant, rule, claims);
        continue;
      }
      c->count[mutation][class]++;
    }
  }
  for (size_t r = 0; r < N_RULES; r++) {
    if (RULES[r].mutation != mutation) continue;
    if (n_used[r] == 0) fail_msg("%s: rule %zu fits no mutant", mutation_name(mutation), r);
  }
  if (n_wrong > 0) fail_msg("%s: %u mutants break their rule", mutation_name(mutation), n_wrong);
}

#define X(id, name)                      \
  static void test_##id(void **unused) { \
    (void)unused;                        \
    mutate_all(MUTATION_##id);           \
  }
MUTATIONS(X)
#undef X

/* ---- The table ------------------------------------------------------------------------------ */

static void print_row(const char *name, unsigned count[MUTATION_COUNT][CLASSES]) {
  unsigned sum[CLASSES] = {0};
  printf("# %-34s", name);
  for (unsigned m = 0; m < MUTATION_COUNT; m++) {
    char cell[32];
    snprintf(cell, sizeof cell, "%u/%u/%u", count[m][DETECTED], count[m][LEGAL], count[m][UNTOLD]);
    printf(" %10s", cell);
    for (unsigned k = 0; k < CLASSES; k++) sum[k] += count[m][k];
  }
  printf("  %u = %u + %u + %u\n", sum[DETECTED] + sum[LEGAL] + sum[UNTOLD], sum[DETECTED],
         sum[LEGAL], sum[UNTOLD]);
}

static int print_table(void **unused) {
  (void)unused;
  static unsigned total[MUTATION_COUNT][CLASSES];
  printf("# detected/legal/cannot tell, and all of them = detected + legal + cannot tell\n");
  printf("# %-34s", "capture");
  for (unsigned m = 0; m < MUTATION_COUNT; m++) printf(" %10s", mutation_name(m));
  printf("  all\n");
  for (struct capture *c = captures; c < captures + n_captures; c++) {
    print_row(c->name, c->count);
    for (unsigned m = 0; m < MUTATION_COUNT; m++)
      for (unsigned k = 0; k < CLASSES; k++) total[m][k] += c->count[m][k];
  }
  print_row("all", total);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_unmutated),
#define X(id, name) cmocka_unit_test(test_##id),
                                     MUTATIONS(X)
#undef X
  };
  return cmocka_run_group_tests_name("mutation", tests, read_captures, print_table);
}
