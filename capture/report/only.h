/* --only: which verdicts are told. */
#ifndef TEARDOWN_CAPTURE_REPORT_ONLY_H
#define TEARDOWN_CAPTURE_REPORT_ONLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/verdict.h"

/* Bits by the enumerators; a verdict that has any of them is told. */
struct only {
  uint32_t endings, causes, findings;
  uint8_t severities, conformities;
  bool lost;
};

/* Reads a list: endings, causes of an RST, findings, "breach", "stuck", "note", "conforms",
 * "violates", "cannot-tell", "lost". False: `error` says what is wrong. */
bool only_parse(struct only *only, const char *text, char *error, size_t size);

/* NULL: all are told. */
bool only_passes(const struct only *only, const struct verdict *verdict);

#endif
