/* One recorded connection as a list of segments, and single mutations of it. */
#ifndef TEARDOWN_TESTS_MUTATE_TRACE_H
#define TEARDOWN_TESTS_MUTATE_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/endpoint.h"
#include "common/model/segment.h"

enum { TRACE_MAX = 64 };

/* What a segment is in the unmutated trace: told by numbers, without the model. X(id, name) */
/* clang-format off */
#define KINDS(X)                                                  \
  X(SYN, "SYN")                                                   \
  X(SYN_ACK, "SYN,ACK")                                           \
  X(ACK_OF_SYN, "ACK of the SYN")                                 \
  X(DATA, "data")                                                 \
  X(ACK_OF_DATA, "ACK of data")                                   \
  X(FIN1, "FIN1")                                                 \
  X(ACK1, "ACK1")                                                 \
  X(DATA_HALF, "data, half-closed")                               \
  X(ACK_HALF, "ACK of data, half-closed")                         \
  X(FIN2, "FIN2")                                                 \
  X(FIN2_ACK1, "FIN2+ACK1")                                       \
  X(FIN2_CROSSED, "FIN2, crossed")                                \
  X(ACK2, "ACK2")                                                 \
  X(FIN1_AGAIN, "FIN1 again")                                     \
  X(ACK1_AGAIN, "ACK1 again")                                     \
  X(FIN2_AGAIN, "FIN2 again")                                     \
  X(ACK2_AGAIN, "ACK2 again")                                     \
  X(RST, "RST")                                                   \
  X(RST_OF_SYN, "RST of a SYN")                                   \
  X(OTHER, "other")
/* clang-format on */

enum kind {
#define X(id, name) KIND_##id,
  KINDS(X)
#undef X
      KIND_COUNT
};

struct trace_segment {
  struct segment segment;
  uint8_t from; /* enum end */
  uint8_t kind; /* enum kind */
};

struct trace {
  struct trace_segment at[TRACE_MAX];
  unsigned n;
  int64_t end_us; /* when the capture ended */
};

/* X(id, name) */
/* clang-format off */
#define MUTATIONS(X)          \
  X(DROP, "drop")             \
  X(DUPLICATE, "duplicate")   \
  X(SWAP, "swap")             \
  X(SEQ_PLUS, "seq+1")        \
  X(SEQ_MINUS, "seq-1")       \
  X(ACK_PLUS, "ack+1")        \
  X(ACK_MINUS, "ack-1")       \
  X(FLIP_FIN, "flip FIN")     \
  X(FLIP_SYN, "flip SYN")     \
  X(FLIP_RST, "flip RST")     \
  X(FLIP_ACK, "flip ACK")     \
  X(TRUNCATE, "truncate")
/* clang-format on */

enum mutation {
#define X(id, name) MUTATION_##id,
  MUTATIONS(X)
#undef X
      MUTATION_COUNT
};

const char *kind_name(enum kind kind);
const char *mutation_name(enum mutation mutation);

/* The first connection of a capture file. False, with a line on stderr, when it cannot be read. */
bool trace_read(struct trace *trace, const char *path);

/* The trace, mutated at its segment i. False when that makes no mutant: nothing follows the
 * segment, an acknowledgement number that does not count. */
bool trace_mutate(const struct trace *trace, enum mutation mutation, unsigned i,
                  struct trace *mutant);

#endif
