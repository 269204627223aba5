/* What is told of an ordinary close, as it was told of one of its shape before (ordinary.h): with
 * another number, other addresses, sequence numbers and times. The model has not to be made again.
 *
 * What comes of it is right in all that lines and NDJSON are made of, the sentence included, and in
 * nothing else: tests/check_generated.sh compares those with the ones that the model gives.
 */
#ifndef TEARDOWN_CAPTURE_RETOLD_H
#define TEARDOWN_CAPTURE_RETOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow.h"
#include "capture/report/report.h"
#include "common/model/verdict.h"

struct retold_verdict {
  bool is_made;
  struct flow flow;
  struct verdict verdict;
  struct model_step expired; /* the end of TIME_WAIT, if it has changes */
};

struct retold_step {
  bool is_made, is_new; /* new: whoever tells it has yet to number it */
  bool is_told;         /* by whom that was */
  struct flow flow;
  struct ordinary_last last;
  struct report_segment event; /* but for its segment */
};

/* By shape; of verdicts beside whether 2 MSL are over. */
struct retold {
  struct retold_verdict (*verdicts)[2];
  struct retold_step *steps;
};

/* False when there is no memory. */
bool retold_init(struct retold *retold);
void retold_destroy(struct retold *retold);

/* Of a close that is complete. The next call may change what this one has returned. */
struct retold_verdict *retold_tell(struct retold *retold, const struct flow_table *flows,
                                   const struct hot *entry, bool is_over, int64_t now_us);

/* How far the connection's reported segments were numbered when it had that shape. */
static inline struct flow_reported retold_reported(const struct retold *retold, uint16_t shape) {
  return retold->steps[shape].flow.reported;
}

/* What the newest segment of a close did. As above. */
struct retold_step *retold_tell_step(struct retold *retold, const struct flow_table *flows,
                                     const struct hot *entry);

#endif
