#include "tests/model_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first, stdint.h among them. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "common/model/expectation.h"
#include "common/model/seq.h"
#include "common/model/verdict.h"

void wire_open(struct wire *w, uint32_t client_iss, uint32_t server_iss) {
  memset(w, 0, sizeof *w);
  w->iss[END_CLIENT] = client_iss;
  w->iss[END_SERVER] = server_iss;
  model_init(&w->model, MODEL_LINUX_2MSL_US);
}

/* ---- What came out --------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void add(char *text, size_t size, const char *format,
                                                      ...) {
  size_t n = strlen(text);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + n, size - n, format, arguments);
  va_end(arguments);
}

static void add_states(char *text, size_t size, const struct model *m) {
  static const char mark[] = {[EVIDENCE_SEEN] = '\0',
                              [EVIDENCE_PRESUMED] = '?',
                              [EVIDENCE_TIMED] = '~',
                              [EVIDENCE_KERNEL] = '='};
  for (unsigned i = 0; i < 2; i++) {
    const char suffix[2] = {mark[m->end[i].evidence], '\0'};
    add(text, size, "%s%s%s", i ? " " : "", tcp_state_name(m->end[i].state), suffix);
  }
}

static void add_findings(char *text, size_t size, const struct finding *findings, unsigned n) {
  for (unsigned i = 0; i < n; i++) add(text, size, " !%s", finding_text(findings[i].id)->id);
}

static void add_step(char *text, size_t size, const struct wire *w) {
  char roles[40];
  role_names(w->step.roles, roles);
  add_states(text, size, &w->model);
  add(text, size, " %s", roles[0] ? roles : "-");
  if (w->step.again) add(text, size, "#%u", w->step.again);
  if (w->step.roles & (ROLES_OF_CLOSE | ROLE_RST))
    add(text, size, " %u/%u", w->step.count, w->step.of);
  add(text, size, " %s", step_verdict_name(w->step.verdict));
  add_findings(text, size, w->step.findings, w->step.n_findings);
}

const char *wire_verdict(const struct wire *w, char buffer[static 400]) {
  enum { SIZE = 400 };
  struct verdict v;
  verdict_make(&v, &w->model, w->now_us);
  buffer[0] = '\0';
  add(buffer, SIZE, "%s %s %u/%u %s", ending_name(v.ending),
      v.closed_both ? "both" : end_name(v.closed_first), v.count, v.of,
      conformity_name(v.conformity));
  if (reset_cause_name(v.cause)) add(buffer, SIZE, " cause=%s", reset_cause_name(v.cause));
  if (v.fin_retransmissions) add(buffer, SIZE, " fin-again=%u", v.fin_retransmissions);
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    for (unsigned place = 0; place < LOSS_PLACES; place++)
      if (v.losses[kind][place])
        add(buffer, SIZE, " %s*%u/%s", loss_kind_name(kind), v.losses[kind][place],
            loss_place_name(place));
  add_findings(buffer, SIZE, v.findings, v.n_findings);
  return buffer;
}

/* ---- What goes in ---------------------------------------------------------------------------- */

static uint8_t parse_flags(const char *letters) {
  static const char known[] = "FSRPAU";
  unsigned flags = 0;
  for (; *letters; letters++) {
    const char *at = strchr(known, *letters);
    if (!at) fail_msg("'%c' is no flag", *letters);
    flags |= 1U << (at - known);
  }
  return (uint8_t)flags;
}

static void parse_option(const struct wire *w, enum end from, const char *word, struct segment *s) {
  uint32_t a, b;
  if (sscanf(word, "ts=%u/%u", &a, &b) == 2) {
    s->options |= SEGMENT_HAS_TIMESTAMPS;
    s->tsval = a;
    s->tsecr = b;
  } else if (sscanf(word, "sack=%u/%u", &a, &b) == 2) {
    s->options |= SEGMENT_HAS_SACK;
    s->sack_left = w->iss[end_other(from)] + a;
    s->sack_right = w->iss[end_other(from)] + b;
  } else if (strcmp(word, "sack-ok") == 0) {
    s->options |= SEGMENT_HAS_SACK_PERMITTED;
  } else {
    fail_msg("'%s' is no option", word);
  }
}

/* What the model calls expected it must have announced: a line for this end with these roles, this
 * ACK and, unless data come first or are still missing, this sequence number. */
static void check_expectation(const struct wire *w, const struct expectation *list, unsigned n,
                              const struct segment *s, const char *line) {
  if (w->step.verdict != STEP_EXPECTED || !w->step.new_roles) return;
  for (unsigned i = 0; i < n; i++)
    if (list[i].from == w->step.from && (list[i].roles & w->step.new_roles) == w->step.new_roles &&
        (!list[i].has_ack || !segment_has(s, SEGMENT_ACK) || list[i].ack == s->ack) &&
        (s->payload_bytes > 0 || seq_geq(s->seq, list[i].seq)))
      return;
  fail_msg("called expected, but nothing of the kind was: %s", line);
}

/* A trailing '*' leaves the rest open. */
static bool matches(const char *actual, const char *expected) {
  size_t n = strlen(expected);
  if (n > 0 && expected[n - 1] == '*') return strncmp(actual, expected, n - 1) == 0;
  return strcmp(actual, expected) == 0;
}

static void play_segment(struct wire *w, const char *line, const char *expected) {
  char end, flags[8], options[3][40] = {{0}};
  double ms;
  struct segment s = {.window = 0xffff};
  int n = sscanf(line, "%lf %c %7s %u %u %u %39s %39s %39s", &ms, &end, flags, &s.seq, &s.ack,
                 &s.payload_bytes, options[0], options[1], options[2]);
  if (n < 6 || (end != 'C' && end != 'S')) fail_msg("not a segment: %s", line);
  enum end from = end == 'C' ? END_CLIENT : END_SERVER;
  s.t_us = w->now_us = (int64_t)(ms * 1000);
  s.flags = parse_flags(flags);
  s.seq += w->iss[from];
  s.ack = s.flags & SEGMENT_ACK ? s.ack + w->iss[end_other(from)] : 0;
  for (int i = 0; i < n - 6; i++) parse_option(w, from, options[i], &s);

  struct expectation list[EXPECTATIONS_MAX];
  unsigned n_list = expectation_list(&w->model, list);
  struct model mirrored = w->model;
  struct model_step mirrored_step;
  model_swap_ends(&mirrored);
  model_step(&w->model, from, &s, &w->step);
  model_step(&mirrored, end_other(from), &s, &mirrored_step);
  model_swap_ends(&mirrored);
  /* Which of the two is called client is a name and nothing more. */
  assert_memory_equal(&mirrored, &w->model, sizeof mirrored);
  if (!expected) return;
  char actual[300] = "";
  add_step(actual, sizeof actual, w);
  if (!matches(actual, expected))
    fail_msg("ISNs %08x %08x\n  segment  %s\n  expected %s\n  actual   %s", w->iss[0], w->iss[1],
             line, expected, actual);
  if (!strchr(expected, '*')) check_expectation(w, list, n_list, &s, line);
}

static void play_expire(struct wire *w, const char *line, double ms, const char *expected) {
  char actual[100] = "";
  w->now_us = (int64_t)(ms * 1000);
  model_expire(&w->model, w->now_us, &w->step);
  add_states(actual, sizeof actual, &w->model);
  if (expected && strcmp(actual, expected) != 0)
    fail_msg("%s\n  expected %s\n  actual   %s", line, expected, actual);
}

/* Words separated by single blanks, so that columns may be lined up. */
static void squeeze(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++)
    if (*from != ' ' || (to > text && to[-1] != ' ')) *to++ = *from;
  if (to > text && to[-1] == ' ') to--;
  *to = '\0';
}

static void play_line(struct wire *w, char *line) {
  char *expected = strchr(line, '|'), word[8], actual[400];
  double ms;
  if (expected) {
    *expected++ = '\0';
    squeeze(expected);
  }
  squeeze(line);
  if (line[0] == '\0') return;
  if (line[0] == '=') {
    if (!matches(wire_verdict(w, actual), line + 2))
      fail_msg("ISNs %08x %08x\n  verdict  %s\n  expected %s", w->iss[0], w->iss[1], actual,
               line + 2);
  } else if (sscanf(line, "%lf %7s", &ms, word) == 2 && strcmp(word, "expire") == 0) {
    play_expire(w, line, ms, expected);
  } else {
    play_segment(w, line, expected);
  }
}

void wire_play(struct wire *w, const char *text) {
  while (*text) {
    char line[300];
    size_t n = strcspn(text, "\n");
    if (n >= sizeof line) fail_msg("too long a line: %s", text);
    memcpy(line, text, n);
    line[n] = '\0';
    play_line(w, line);
    text += n + (text[n] == '\n');
  }
}

/* ---- Journeys -------------------------------------------------------------------------------- */

/* The octet of the first FIN that this end sends in the text, relative to its ISN. */
static uint32_t fin_octet(const char *text, char end) {
  for (; text; text = strchr(text, '\n')) {
    text += *text == '\n';
    double ms;
    char who, flags[8];
    uint32_t seq, ack, payload;
    if (sscanf(text, "%lf %c %7s %u %u %u", &ms, &who, flags, &seq, &ack, &payload) == 6 &&
        who == end && strchr(flags, 'F'))
      return seq + payload;
  }
  return 0;
}

static void play_with_all_isns(const char *path, enum tcp_state state, enum end who,
                               const char *text) {
  char whole[4000];
  snprintf(whole, sizeof whole, "%s\n%s", path, text);
  uint32_t u = fin_octet(whole, 'C'), w = fin_octet(whole, 'S');
  const uint32_t isns[][2] = {
      {0x10000, 0x20000},
      {0, 1},
      {1, 0},
      {0x7fffffff, 0x7fffffff},
      {0xfffffffe, 0xffffffff},
      {0xffffffff, 0xfffffffe},
      {0x80000000, 0x7ffffffe},
      {0 - u, 0 - w}, /* both FINs at octet 0 */
      {0xffffffff - u, 1 - w} /* at the octets on either side of it */,
  };
  for (size_t i = 0; i < sizeof isns / sizeof *isns; i++) {
    struct wire wire;
    wire_open(&wire, isns[i][0], isns[i][1]);
    wire_play(&wire, path);
    if (who != END_NONE && wire.model.end[who].state != state)
      fail_msg("the path to %s leads to %s", tcp_state_name(state),
               tcp_state_name(wire.model.end[who].state));
    wire_play(&wire, text);
  }
}

void journey(const char *text) { play_with_all_isns("", TCPS_CLOSED, END_NONE, text); }

void journey_from(enum tcp_state state, const char *text) {
  enum end who;
  const char *path = path_to(state, &who);
  play_with_all_isns(path, state, who, text);
}

#define OPENING    \
  "0 C S  0 0 0\n" \
  "0 S SA 0 1 0\n" \
  "0 C A  1 1 0\n"

const char *path_to(enum tcp_state state, enum end *who) {
  *who = END_CLIENT;
  switch (state) {
    case TCPS_LISTEN: break; /* never on the wire: it ends with the SYN that shows it */
    case TCPS_SYN_SENT: return "0 C S 0 0 0\n";
    case TCPS_SYN_RECEIVED: *who = END_SERVER; return "0 C S 0 0 0\n0 S SA 0 1 0\n";
    case TCPS_ESTABLISHED: return OPENING;
    case TCPS_FIN_WAIT_1: return OPENING "100 C FA 1 1 0\n";
    case TCPS_FIN_WAIT_2: return OPENING "100 C FA 1 1 0\n140 S A 1 2 0\n";
    case TCPS_CLOSE_WAIT: return OPENING "100 S FA 1 1 0\n140 C A 1 2 0\n";
    case TCPS_CLOSING: return OPENING "100 C FA 1 1 0\n100 S FA 1 1 0\n100 C A 2 2 0\n";
    case TCPS_LAST_ACK: return OPENING "100 S FA 1 1 0\n140 C A 1 2 0\n300 C FA 1 2 0\n";
    case TCPS_TIME_WAIT:
      return OPENING "100 C FA 1 1 0\n140 S A 1 2 0\n300 S FA 1 2 0\n300 C A 2 2 0\n";
    case TCPS_CLOSED:
      return OPENING "100 S FA 1 1 0\n140 C A 1 2 0\n300 C FA 1 2 0\n300 S A 2 2 0\n";
    case TCPS_COUNT: break;
  }
  *who = END_NONE;
  return "";
}
