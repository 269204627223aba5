#include "capture/report/only.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(ENDING_COUNT <= 32 && RESET_CAUSE_COUNT <= 32 && FINDING_COUNT <= 32,
              "a bit for each");

static bool is_word(const char *name, const char *text, size_t length) {
  return name && strlen(name) == length && strncmp(name, text, length) == 0;
}

/* One word may be several things: "refused" is an ending and a cause. False: it is none. */
static bool add_word(struct only *only, const char *text, size_t length) {
  struct only added = {.lost = is_word("lost", text, length)};
  for (unsigned i = 0; i < ENDING_COUNT; i++)
    if (is_word(ending_name(i), text, length)) added.endings |= 1U << i;
  for (unsigned i = 0; i < RESET_CAUSE_COUNT; i++)
    if (is_word(reset_cause_name(i), text, length)) added.causes |= 1U << i;
  for (unsigned i = 0; i < FINDING_COUNT; i++)
    if (is_word(finding_text(i)->id, text, length)) added.findings |= 1U << i;
  for (unsigned i = FINDING_NOTE; i <= FINDING_BREACH; i++)
    if (is_word(finding_severity_name(i), text, length)) added.severities |= (uint8_t)(1U << i);
  for (unsigned i = CONFORMS; i <= CANNOT_TELL; i++)
    if (is_word(conformity_name(i), text, length)) added.conformities |= (uint8_t)(1U << i);
  only->endings |= added.endings;
  only->causes |= added.causes;
  only->findings |= added.findings;
  only->severities |= added.severities;
  only->conformities |= added.conformities;
  only->lost = only->lost || added.lost;
  return added.endings || added.causes || added.findings || added.severities ||
         added.conformities || added.lost;
}

bool only_parse(struct only *only, const char *text, char *error, size_t size) {
  memset(only, 0, sizeof *only);
  for (;;) {
    size_t length = strcspn(text, ",");
    if (!add_word(only, text, length)) {
      snprintf(error, size,
               "'%.*s' is not known; it wants endings (normal, reset ...), "
               "causes of an RST, findings, breach, stuck, note, violates, cannot-tell, lost",
               (int)length, text);
      return false;
    }
    if (text[length] == '\0') return true;
    text += length + 1;
  }
}

bool only_passes(const struct only *only, const struct verdict *v) {
  if (!only) return true;
  for (unsigned i = 0; i < v->n_findings; i++) {
    enum finding_id id = v->findings[i].id;
    if (only->findings & 1U << id || only->severities & 1U << finding_text(id)->severity)
      return true;
  }
  return only->endings & 1U << v->ending || only->causes & 1U << v->cause ||
         (only->conformities & 1U << v->conformity &&
          !(v->conformity == CONFORMS && verdict_stuck(v))) ||
         (only->lost && verdict_lost(v, LOSS_KINDS) > 0);
}
