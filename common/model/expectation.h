/* Expectation first: which segments the model awaits, from either side, before they come. */
#ifndef TEARDOWN_COMMON_MODEL_EXPECTATION_H
#define TEARDOWN_COMMON_MODEL_EXPECTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/connection.h"

enum { EXPECTATIONS_MAX = 6 };

/* One segment that the model awaits. */
struct expectation {
  uint32_t seq, ack;
  enum end from : 8;
  uint8_t roles; /* ROLE_* */
  bool has_ack;
};

/* The segments that would be expected now, from either side, nearest first; the final ACK is listed
 * as soon as its numbers are known, before the FIN that it answers. Returns how many. */
unsigned expectation_list(const struct model *model,
                          struct expectation out[static EXPECTATIONS_MAX]);

/* Every one of the roles is awaited from that end. */
bool expectation_met(const struct expectation *expected, unsigned n, enum end from, unsigned roles);

#endif
