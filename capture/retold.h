/* The verdict on an ordinary close, as that on one of its shape (ordinary.h) that was given before:
 * with another number, other addresses and other times. The model has not to be made again.
 *
 * What comes of it is right in all that a line of `-q` is made of, the sentence included, and in
 * nothing else: tests/check_generated.sh compares those lines with the ones that the model gives.
 */
#ifndef TEARDOWN_CAPTURE_RETOLD_H
#define TEARDOWN_CAPTURE_RETOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow.h"
#include "common/model/verdict.h"

/* By shape, and whether TIME_WAIT was over. Zeros: none yet. */
struct retold {
  struct retold_verdict {
    struct flow flow;
    struct verdict verdict;
  } * told[ORDINARY_SHAPES_MAX][2];
};

void retold_destroy(struct retold *retold);

/* Of a close that is complete. NULL: there is no memory. The next call may change what this one has
 * returned. */
struct retold_verdict *retold_tell(struct retold *retold, const struct flow_table *flows,
                                   const struct hot *entry, bool is_over, int64_t now_us);

#endif
