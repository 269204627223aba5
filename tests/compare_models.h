/* Models that two ways have led to: whether they are the same. */
#ifndef TEARDOWN_TESTS_COMPARE_MODELS_H
#define TEARDOWN_TESTS_COMPARE_MODELS_H

#include "common/model/model.h"

/* All of a step but its padding. */
bool same_step(const struct model_step *one, const struct model_step *other);

/* Sets to zero the padding, and what the model never looks at again. */
void strip_model(struct model *model);
void strip_finding(struct finding *finding);

#endif
