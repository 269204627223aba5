/* Names of endpoints: an address and a port as people write them, at the price of copying: every
 * line of output has two. */
#ifndef TEARDOWN_CAPTURE_NAME_H
#define TEARDOWN_CAPTURE_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "capture/decode.h"

enum { NAME_SIZE = 64 };

/* "127.0.0.1:7000", "[2001:db8::1]:7000" (RFC 5952, RFC 3986 3.2.2). `family` is 4 or 6. Returns
 * buffer. */
const char *name_endpoint(uint8_t family, const struct decode_address *address, uint16_t port,
                          char buffer[static NAME_SIZE]);

/* The same. Returns its length. */
size_t name_put(uint8_t family, const struct decode_address *address, uint16_t port,
                char buffer[static NAME_SIZE]);

/* Not keyed: for tables that are small. */
static inline unsigned name_hash(const char *name) {
  unsigned hash = 0;
  for (; *name; name++) hash = hash * 31 + (unsigned char)*name;
  return hash;
}

#endif
