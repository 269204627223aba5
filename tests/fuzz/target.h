/* What every target defines, as libFuzzer wants it, and how it takes its input apart. */
#ifndef TEARDOWN_TESTS_FUZZ_TARGET_H
#define TEARDOWN_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

/* Returns 0; ends the program where something is not as it must be. */
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* For a target that makes a flow table for each input: a large page would be cleared for each. */
static inline void refuse_large_pages(void) { (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }

struct input {
  const uint8_t *at, *end;
};

static inline uint8_t take_octet(struct input *in) { return in->at < in->end ? *in->at++ : 0; }

static inline uint32_t take_u16(struct input *in) {
  uint32_t high = take_octet(in);
  return high << 8 | take_octet(in);
}

static inline uint32_t take_u32(struct input *in) {
  uint32_t high = take_u16(in);
  return high << 16 | take_u16(in);
}

/* Any octets but NUL, fewer than `size`: a name from outside. */
static inline void take_text(struct input *in, char *text, size_t size) {
  size_t n = take_octet(in) % size;
  for (size_t i = 0; i < n; i++) {
    text[i] = (char)take_octet(in);
    if (text[i] == '\0') text[i] = '\x1b';
  }
  text[n] = '\0';
}

#endif
