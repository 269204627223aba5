/* The fields of NDJSON's objects, and those objects that tell of a whole connection, or of all. */
#ifndef TEARDOWN_CAPTURE_REPORT_JSON_FIELDS_H
#define TEARDOWN_CAPTURE_REPORT_JSON_FIELDS_H

#include <string.h>

#include "capture/report/report.h"

#define SCHEMA "2"

/* Where the key is a literal, copying it is a few moves. */
#define JSON_INLINE static inline __attribute__((always_inline))

/* The beginning of a line, and what stands before a value: the first of its object, or another. */
#define BEGIN(type) "{\"schema\":" SCHEMA ",\"type\":\"" type "\""
#define FIRST(name) "\"" name "\":"
#define KEY(name) ",\"" name "\":"

JSON_INLINE void add_null(struct out *o, const char *key) {
  out_text(o, key);
  out_text(o, "null");
}

/* NULL is null. */
JSON_INLINE void add_string(struct out *o, const char *key, const char *value) {
  out_text(o, key);
  if (value)
    out_json(o, value, strlen(value));
  else
    out_text(o, "null");
}

/* A word of ours, an address or a number: nothing in it wants an escape. NULL is null. */
JSON_INLINE void add_word(struct out *o, const char *key, const char *word) {
  if (!word) {
    add_null(o, key);
    return;
  }
  out_text(o, key);
  out_quoted(o, word, strlen(word));
}

/* What was put together in a buffer. */
JSON_INLINE void add_text(struct out *o, const char *key, const struct out *text) {
  out_text(o, key);
  out_json(o, text->buffer, text->end);
}

JSON_INLINE void add_int(struct out *o, const char *key, int64_t value) {
  out_text(o, key);
  out_signed(o, value);
}

JSON_INLINE void add_uint(struct out *o, const char *key, uint64_t value) {
  out_text(o, key);
  out_unsigned(o, value);
}

/* 0 is null. */
JSON_INLINE void add_number_or_null(struct out *o, const char *key, uint32_t n) {
  if (n == 0)
    add_null(o, key);
  else
    add_uint(o, key, n);
}

/* Seconds since the epoch, to the microsecond. */
JSON_INLINE void add_time(struct out *o, const char *key, int64_t t_us) {
  out_text(o, key);
  out_fixed(o, t_us, 6);
}

/* 0 is null. */
JSON_INLINE void add_time_or_null(struct out *o, const char *key, int64_t t_us) {
  if (t_us == 0)
    add_null(o, key);
  else
    add_time(o, key, t_us);
}

JSON_INLINE void add_count(struct out *o, const char *key, unsigned count, unsigned of) {
  out_text(o, key);
  out_char(o, '"');
  out_unsigned(o, count);
  out_char(o, '/');
  out_unsigned(o, of);
  out_char(o, '"');
}

JSON_INLINE void add_name(struct out *o, const char *key, const struct flow *flow, enum end end) {
  char name[FLOW_NAME_SIZE];
  add_word(o, key, flow_end_name(flow, end, name));
}

/* "u+1", "148" */
static inline void add_number(struct out *o, const char *key, const struct model *m, enum end owner,
                              uint32_t n) {
  out_text(o, key);
  out_char(o, '"');
  text_number(o, m, owner, n, false);
  out_char(o, '"');
}

/* The number of its SYN; null where that was not captured. */
static inline void add_isn(struct out *o, const char *key, const struct endpoint *e) {
  if (e->sent_syn)
    add_uint(o, key, e->first_seq);
  else
    add_null(o, key);
}

static inline void add_states(struct out *o, const struct model *m) {
  add_word(o, KEY("client_state"), tcp_state_name(m->end[END_CLIENT].state));
  add_word(o, KEY("client_evidence"), evidence_name(m->end[END_CLIENT].evidence));
  add_word(o, KEY("server_state"), tcp_state_name(m->end[END_SERVER].state));
  add_word(o, KEY("server_evidence"), evidence_name(m->end[END_SERVER].evidence));
}

struct json {
  struct report report;
  char run[17];   /* only where the host is named */
  uint64_t lines; /* that were written */
};

/* The end of each line: whose it is, where the host is named. */
void json_end_line(struct report *report);

/* What the finding's object holds. `id`: how its first key is written. */
void add_finding(struct out *out, const char *id, const struct model *model,
                 const struct finding *finding);

/* As in struct report_class; in json_verdict.c. */
void json_verdict(struct report *report, const struct flow *flow, const struct verdict *verdict,
                  int64_t now_us);
void json_summary(struct report *report, const struct report_summary *summary);
void json_stuck(struct report *report, const struct flow *flow, const struct verdict *verdict,
                int64_t waits_us, int64_t now_us);
void json_inventory(struct report *report, const struct kernel_inventory *inventory,
                    int64_t now_us);

#endif
