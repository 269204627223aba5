/* What the model ought to say of a mutant: rules by mutation and by the kind of the segment. */
#ifndef TEARDOWN_TESTS_MUTATION_RULES_H
#define TEARDOWN_TESTS_MUTATION_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/mutate_trace.h"

/* What is said of a mutant and was not said of the unmutated trace. X(id, name) */
/* clang-format off */
#define CLAIMS(X)                                   \
  X(UNEXPECTED, "unexpected")                       \
  X(REFUTES, "refutes")                             \
  X(RETRANSMISSION, "retransmission")               \
  X(STALE, "stale")                                 \
  X(IGNORED, "ignored")                             \
  X(GAP, "gap")                                     \
  X(MIDSTREAM, "midstream")                         \
  X(ONE_DIRECTION, "one-direction")                 \
  X(FIN_MOVED, "!fin-moved")                        \
  X(DATA_AFTER_FIN, "!data-after-fin")              \
  X(ACK_OF_UNSENT, "!ack-of-unsent")                \
  X(ACK_SHORT, "!ack-short-of-fin")                 \
  X(RST_WINDOW, "!rst-out-of-window")               \
  X(RST_TIME_WAIT, "!rst-in-time-wait")             \
  X(STUCK, "!stuck")                                \
  X(OTHER_FINDING, "!other")                        \
  X(FINDING_GONE, "finding-gone")                   \
  X(CLOSED_FIRST, "closed-first")                   \
  X(CAUSE, "cause")                                 \
  X(LOSS, "loss")                                   \
  X(ROLES, "roles")                                 \
  X(NORMAL, "normal")                               \
  X(COALESCED, "coalesced")                         \
  X(SIMULTANEOUS, "simultaneous")                   \
  X(RESET, "reset")                                 \
  X(REFUSED, "refused")                             \
  X(FIN_UNANSWERED, "unfinished-fin-unanswered")    \
  X(CLOSE_WAIT, "unfinished-close-wait")            \
  X(LAST_ACK, "unfinished-last-ack")                \
  X(OPEN, "open")
/* clang-format on */

enum claim {
#define X(id, name) CLAIM_##id,
  CLAIMS(X)
#undef X
      CLAIM_COUNT
};

/* What may always be said beside the rest: only its presence can be demanded, never its absence. */
extern const uint32_t CLAIMS_FREE;

/* What is no mere remark on a single segment: a mutant of which none of these is said passes for a
 * legal history. */
extern const uint32_t CLAIMS_OF_DETECTION;

/* The first rule that fits a mutant is its rule. */
struct rule {
  enum mutation mutation;
  uint32_t kinds;      /* of the mutated segment, a bit each */
  uint32_t next;       /* swap: of the segment after it; 0: any */
  uint32_t beside;     /* the trace has a segment of one of these kinds too; 0: no matter */
  const char *capture; /* only in the capture of this name; NULL: in any */
  uint32_t must;       /* claims of which at least one has to be made; 0: none is needed */
  uint32_t may;        /* claims that are right, too; neither here, above nor free: false */
  const char *legal;   /* the history that explains a mutant of which nothing is said; NULL: none */
};

extern const struct rule RULES[];
extern const size_t N_RULES;

const char *claim_name(enum claim claim);

/* NULL: no rule fits. */
const struct rule *rule_of(const struct trace *trace, const char *capture, enum mutation mutation,
                           unsigned i);

#endif
