/* Bytes to segments: link layer, shims and tunnels, IP, TCP header and the options that the model
 * needs. Knows no state and never reads past what was captured.
 *
 * A segment in a tunnel is one like any other: its addresses are the inner ones. What is not looked
 * into has a kind, so that it can be counted and said. */
#ifndef TEARDOWN_CAPTURE_DECODE_H
#define TEARDOWN_CAPTURE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/decode_kinds.h"
#include "common/model/segment.h"

/* Whether a link type is one of these. */
bool decode_reads_link(uint32_t link);

struct decode_address {
  uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
};

struct decoded {
  struct decode_address source, destination;
  uint16_t source_port, destination_port;
  uint16_t ip_id;            /* 0: none, as in IPv6 */
  uint8_t family;            /* 4 or 6 */
  enum decode_kind kind : 8; /* with DECODE_NOT_TCP alone */
  /* Of a segment: where its payload begins in the packet, and how much of it was captured. */
  uint32_t payload_at, payload_captured;
  struct segment segment; /* t_us is not set */
};

enum decode_result {
  DECODE_SEGMENT, /* *out is complete; options that the snapshot cut off are missing from it */
  DECODE_NOT_TCP,
  DECODE_FRAGMENT,  /* of an IP datagram with TCP or a tunnel in it: not reassembled */
  DECODE_TRUNCATED, /* the snapshot ends before the fixed part of the TCP header does */
  DECODE_MALFORMED, /* a length that contradicts another */
};

/* Decodes one packet of `captured` octets that was `on_wire` octets long. The payload's length
 * comes from the IP header where that has one (segmentation offload leaves it 0), so that neither
 * padding nor a short snapshot matters, nor a savefile that has lost the original length. */
enum decode_result decode_packet(uint32_t link, const uint8_t *bytes, size_t captured,
                                 size_t on_wire, struct decoded *out);

/* "UDP". */
const char *decode_kind_name(enum decode_kind kind);

/* TCP may be inside a packet of this kind. */
static inline bool decode_may_hide_tcp(enum decode_kind kind) { return kind >= DECODE_ESP; }

#endif
