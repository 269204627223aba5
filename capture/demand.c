#include "capture/demand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool ending_parse(const char *text, size_t length, enum ending *ending) {
  for (unsigned i = 0; i < ENDING_COUNT; i++) {
    const char *name = ending_name(i);
    if (strlen(name) != length || strncmp(name, text, length) != 0) continue;
    *ending = i;
    return true;
  }
  return false;
}

/* ROLE or ROLExN, as text_losses prints them. */
static bool lost_parse(const char *text, size_t length, struct demand *demand) {
  for (unsigned i = 0; i < LOSS_KINDS; i++) {
    const char *name = loss_kind_name(i);
    size_t n = strlen(name);
    if (length < n || strncmp(name, text, n) != 0) continue;
    if (length == n) {
      demand->lost[i] += 1;
      return true;
    }
    char number[8];
    size_t digits = length - n - 1;
    if (text[n] != 'x' || digits == 0 || digits >= sizeof number) continue;
    memcpy(number, text + n + 1, digits);
    number[digits] = '\0';
    if (strspn(number, "0123456789") != digits || atoi(number) == 0) continue;
    demand->lost[i] += (unsigned)atoi(number);
    return true;
  }
  return false;
}

bool demand_parse(struct demand *demand, const char *text, char *error, size_t size) {
  memset(demand, 0, sizeof *demand);
  size_t length = strcspn(text, ",");
  if (!ending_parse(text, length, &demand->ending)) {
    int n = snprintf(error, size, "'%.*s' is no ending; known are", (int)length, text);
    for (unsigned i = 0; i < ENDING_COUNT && n > 0 && (size_t)n < size; i++)
      n += snprintf(error + n, size - (size_t)n, "%s %s", i ? "," : "", ending_name(i));
    return false;
  }
  for (text += length; *text == ','; text += length) {
    text++;
    length = strcspn(text, ",");
    if (strncmp(text, "lost=", 5) == 0 && lost_parse(text + 5, length - 5, demand)) continue;
    int n = snprintf(error, size, "'%.*s' is not lost=ROLE[xN]; roles are", (int)length, text);
    for (unsigned i = 0; i < LOSS_KINDS && n > 0 && (size_t)n < size; i++)
      n += snprintf(error + n, size - (size_t)n, "%s %s", i ? "," : "", loss_kind_name(i));
    return false;
  }
  demand->given = true;
  return true;
}

bool demand_met(const struct demand *demand, const struct verdict *v) {
  if (v->ending != demand->ending) return false;
  for (unsigned kind = 0; kind < LOSS_KINDS; kind++)
    if (verdict_lost(v, kind) != demand->lost[kind]) return false;
  return true;
}
