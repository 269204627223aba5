/* A segment made up for a pair of sockets: with it a filter is asked whether it would show them. */
#ifndef TEARDOWN_CAPTURE_SAMPLE_H
#define TEARDOWN_CAPTURE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

struct sample_pair {
  const uint8_t *address[2]; /* 4 octets, or 16 */
  uint16_t port[2];
  uint8_t family; /* 4 or 6 */
};

enum { SAMPLE_SIZE = 128 };

/* An empty segment from that side of the pair to the other, behind the header of this link
 * (DECODE_LINK_*). Returns its length, 0 where such a link is not made here. */
unsigned sample_segment(uint32_t link, const struct sample_pair *pair, unsigned from,
                        uint8_t bytes[static SAMPLE_SIZE]);

/* Between loopback addresses. */
bool sample_is_loopback(const struct sample_pair *pair);

#endif
