/* One captured segment beside the model that is to take it in: who sent it to whom, and what can be
 * said of it before it changes anything. */
#ifndef TEARDOWN_COMMON_MODEL_OBSERVATION_H
#define TEARDOWN_COMMON_MODEL_OBSERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/connection.h"

struct observation {
  struct model *m;
  const struct segment *s;
  struct model_step *step;
  enum end from, to;
  struct endpoint *sender, *receiver;
  enum tcp_state sender_state; /* before the segment */
  uint32_t fresh;              /* octets of payload that were never captured before */
  uint32_t fresh_from;   /* the first octet that the sender can only have sent with or after it */
  uint32_t acked_before; /* what its sender had acknowledged until then, the SYN at the least */
  int64_t delay_us;      /* it was under way by so much longer than others of its sender's */
  bool first_fin;        /* it closes, and its sender's FIN was not captured before */
  bool acks_more;        /* its ACK is the sender's first, or higher than all before */
  bool repeats;          /* it occupies sequence space, and all of that was captured before */
  bool stale;            /* captured late: it acknowledges less than its sender did before, or has
                             an older timestamp, or long after that the same */
  bool overtaken;        /* its timestamp is older than another that its sender has used */
  bool stamped_alone; /* a FIN without data, with a timestamp that its sender had not used before */
  bool stamped_anew;  /* its timestamp is newer than all that its sender had used */
  bool late; /* captured after what its sender sent after it, so that what it answered is no longer
                to be told */
};

/* The model, the segment and the step must outlive the observation. */
struct observation observation_make(struct model *model, enum end from,
                                    const struct segment *segment, struct model_step *step);

/* What happens to one end because of the segment: event.h, at the segment's time. */
void observation_apply(struct observation *o, enum end who, enum tcp_event event,
                       enum evidence evidence);
void observation_prove(struct observation *o, enum end who, enum tcp_event event);
void observation_confirm(struct observation *o, enum end who, enum tcp_event event);

/* False when there was nothing to refute. */
bool observation_refute(struct observation *o, enum end who, enum tcp_event event);

/* Its sender may have sent it before the newest answer to its FIN arrived there. */
bool observation_crosses_answer(const struct observation *o);

/* A finding about `end`, at the segment's time. */
void observation_find(struct observation *o, enum finding_id id, enum end end, uint32_t expected,
                      uint32_t actual);

#endif
