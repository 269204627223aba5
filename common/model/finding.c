#include "common/model/finding.h"

#include <assert.h>

const struct finding_text *finding_text(enum finding_id id) {
  static const struct finding_text texts[] = {
#define X(id, text, severity, clause, meaning, expected, actual, cause, remedy) \
  [FINDING_##id] = {text, clause, meaning, expected, actual, cause, remedy, FINDING_##severity},
      FINDINGS(X)
#undef X
  };
  static_assert(sizeof texts / sizeof *texts == FINDING_COUNT, "texts for every finding");
  return &texts[id];
}

const char *finding_severity_name(enum finding_severity severity) {
  switch (severity) {
    case FINDING_NOTE: return "note";
    case FINDING_STUCK: return "stuck";
    case FINDING_BREACH: return "breach";
  }
  return "";
}
