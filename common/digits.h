/* Numbers in decimal digits. */
#ifndef TEARDOWN_COMMON_DIGITS_H
#define TEARDOWN_COMMON_DIGITS_H

#include <stdint.h>
#include <string.h>

enum { DIGITS_MAX = 20 }; /* of 2^64 - 1 */

static inline unsigned digits_count(uint64_t value) {
  unsigned n = 1;
  for (; value >= 10000; value /= 10000) n += 4;
  return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* `n` digits, two at a time: no more than there are, or with zeros before them. */
static inline void digits_write(char *at, uint64_t value, unsigned n) {
  static const char pairs[] =
      "0001020304050607080910111213141516171819"
      "2021222324252627282930313233343536373839"
      "4041424344454647484950515253545556575859"
      "6061626364656667686970717273747576777879"
      "8081828384858687888990919293949596979899";
  for (; n >= 2; value /= 100) memcpy(at + (n -= 2), pairs + 2 * (value % 100), 2);
  if (n > 0) *at = (char)('0' + value % 10);
}

#endif
