/* When something is due about a connection, if no segment comes before: its verdict, somebody who
 * is stuck, the end of TIME_WAIT, a question to the kernel. */
#ifndef TEARDOWN_CAPTURE_DUE_H
#define TEARDOWN_CAPTURE_DUE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow.h"

/* Linux repeats an unanswered FIN after about 0.2 s, and each time after twice as long: quiet for
 * three times the last gap, and never less than a second, means that no repetition is coming. */
#define DUE_SETTLE_US INT64_C(1000000)
#define DUE_SETTLE_GAPS 3

/* What it depends on beside the connection itself. */
struct due_terms {
  int64_t two_msl_us;
  int64_t stuck_after_us; /* who waits for longer is named at once; 0: nobody is */
  bool own_clock;         /* TIME_WAIT ends by two_msl_us whatever the kernel says */
  bool prompt;            /* the clock goes on without packets: live, or a pipe */
  bool wait;              /* a verdict waits for the end of TIME_WAIT */
  uint32_t n_closing;     /* connections whose verdict is due, or will be */
};

/* Nothing more is to come of itself, but a repetition. */
bool due_is_complete(const struct model *model, int64_t now_us);

/* The segments after which the model could have to think again stay away for this long. */
int64_t due_settle_us(const struct model *model);

/* The kernel still has the TIME_WAIT that the model's clock may have ended. */
bool due_is_held(const struct due_terms *terms, const struct flow *flow);

/* The kernel is asked about this one now and then. */
bool due_is_consulted(const struct due_terms *terms, const struct flow *flow);

/* How long the kernel is left alone about one connection. */
int64_t due_ask_every_us(const struct due_terms *terms);

/* When the verdict on the close is due. */
int64_t due_verdict_us(const struct due_terms *terms, const struct flow *flow);

/* Since when somebody waits for the other end's next step; INT64_MAX: nobody does. */
int64_t due_waits_since_us(const struct model *model);

/* When it is to be told, again, that somebody is stuck. */
int64_t due_stuck_us(const struct due_terms *terms, const struct flow *flow);

/* The earliest of all that; DEADLINE_NEVER: nothing is due. `lingers`: its verdict is given, and
 * late segments may come. */
int64_t due_us(const struct due_terms *terms, const struct flow *flow, bool lingers);

#endif
