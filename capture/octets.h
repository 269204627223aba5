/* Numbers in network byte order, wherever they begin. */
#ifndef TEARDOWN_CAPTURE_OCTETS_H
#define TEARDOWN_CAPTURE_OCTETS_H

#include <stdint.h>

static inline uint16_t octets_16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static inline uint32_t octets_32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
