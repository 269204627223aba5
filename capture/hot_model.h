/* A hot entry and the model, each made of the other. */
#ifndef TEARDOWN_CAPTURE_HOT_MODEL_H
#define TEARDOWN_CAPTURE_HOT_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/hot.h"
#include "common/model/model.h"

/* Makes the model. */
void hot_open(const struct hot *hot, int64_t two_msl_us, struct model *model);

/* Makes an entry of a model. False: it knows more than an entry can hold, and *hot is undefined but
 * for what is the flow table's. */
bool hot_close(struct hot *hot, const struct model *model);

/* What the model knows of this end's round trips; *round_trip was zero. */
void hot_get_round_trip(const struct hot *hot, enum end end, struct round_trip *round_trip);

/* Sets to zero what the model keeps and never looks at again, so that two models that will behave
 * alike are the same octets. */
void hot_normalize(struct model *model);

#endif
