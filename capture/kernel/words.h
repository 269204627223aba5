/* What the kernel has told and nobody has been given yet, in the order of its times. */
#ifndef TEARDOWN_CAPTURE_KERNEL_WORDS_H
#define TEARDOWN_CAPTURE_KERNEL_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/kernel/closer.h"
#include "capture/kernel/record.h"
#include "capture/kernel/trace.h"

enum { KERNEL_WORDS_MAX = 16384, KERNEL_NAMES_MAX = 1 << 16 };

struct kernel_told {
  struct kernel_event event;
  struct kernel_closer closer; /* whom it shows to have closed; pid 0: nobody */
};

/* Zero bytes are valid: nothing was told. */
struct kernel_words {
  struct kernel_told told[KERNEL_WORDS_MAX];
  unsigned first, end;                   /* those from the first on wait */
  uint16_t n_openings[KERNEL_NAMES_MAX]; /* among them, by a hash of their pairs */
  struct kernel_exits exits;
};

/* Nobody has closed yet. */
bool kernel_is_before_close(enum tcp_state state);

/* A socket opens, or has opened. */
bool kernel_is_opening(const struct kernel_event *event);

/* Reads what the kernel has told since, as far as there is room. */
void kernel_words_gather(struct kernel_words *words, struct kernel_trace *trace);

static inline bool kernel_words_is_full(const struct kernel_words *words) {
  return words->end == KERNEL_WORDS_MAX;
}

/* The one that waits behind the first n; NULL: there are not so many. */
const struct kernel_told *kernel_words_at(const struct kernel_words *words, unsigned n);

/* Takes that one away. */
void kernel_words_take(struct kernel_words *words, unsigned n);

/* Among those that wait is an opening of that name, later than after_us. */
bool kernel_words_tell_opening(const struct kernel_words *words, const struct kernel_pair *pair,
                               int64_t after_us);

#endif
