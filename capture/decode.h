/* Bytes to segments: link layer, IP, TCP header and the options that the model needs. Knows no
 * state and never reads past what was captured. */
#ifndef TEARDOWN_CAPTURE_DECODE_H
#define TEARDOWN_CAPTURE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "common/model/segment.h"

enum decode_link {
  DECODE_LINK_ETHERNET, /* 802.1Q and 802.1ad tags included */
  DECODE_LINK_SLL,      /* Linux cooked, version 1 */
  DECODE_LINK_SLL2,
  DECODE_LINK_RAW,  /* IPv4 or IPv6 at once */
  DECODE_LINK_NULL, /* BSD loopback: a family in either byte order */
};

struct decode_address {
  uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
};

struct decoded {
  struct decode_address source, destination;
  uint16_t source_port, destination_port;
  uint16_t ip_id;         /* 0: none, as in IPv6 */
  uint8_t family;         /* 4 or 6 */
  struct segment segment; /* t_us is not set */
};

enum decode_result {
  DECODE_SEGMENT, /* *out is complete; options that the snapshot cut off are missing from it */
  DECODE_NOT_TCP,
  DECODE_FRAGMENT,  /* of an IP datagram: not reassembled */
  DECODE_TRUNCATED, /* the snapshot ends before the fixed part of the TCP header does */
  DECODE_MALFORMED, /* a length that contradicts another */
};

/* Decodes one packet of `captured` octets that was `on_wire` octets long. The payload's length
 * comes from the IP header where that has one (segmentation offload leaves it 0), so that neither
 * padding nor a short snapshot matters, nor a savefile that has lost the original length. */
enum decode_result decode_packet(enum decode_link link, const uint8_t *bytes, size_t captured,
                                 size_t on_wire, struct decoded *out);

#endif
