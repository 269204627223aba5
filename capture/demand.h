/* --expect: what a run demands of every close: "normal", "normal,lost=final-ackx3". */
#ifndef TEARDOWN_CAPTURE_DEMAND_H
#define TEARDOWN_CAPTURE_DEMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "common/model/verdict.h"

struct demand {
  bool given;
  enum ending ending;
  unsigned lost[LOSS_KINDS]; /* by role, wherever it was lost */
};

/* Reads ENDING[,lost=ROLE[xN]]...; without lost= nothing may be lost. False: `error` names the word
 * that is wrong and those that are known. */
bool demand_parse(struct demand *demand, const char *text, char *error, size_t size);

/* The verdict is the demanded one. */
bool demand_met(const struct demand *demand, const struct verdict *verdict);

#endif
