/* The verdict in one sentence, for a person at 3 a.m. */
#ifndef TEARDOWN_COMMON_MODEL_SENTENCE_H
#define TEARDOWN_COMMON_MODEL_SENTENCE_H

#include <stddef.h>

#include "common/model/verdict.h"

/* Who closed first, how it ended, what each side still waits for and since when, and where to look.
 * ASCII, one line, no full stop. `names`: what the ends are called, by end; NULL: client and
 * server. Returns buffer, always terminated. */
const char *sentence_make(const struct verdict *verdict, const struct model *model,
                          const char *const names[2], int64_t now_us, char *buffer, size_t size);

#endif
