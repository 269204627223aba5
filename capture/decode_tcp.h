/* What the model needs of a TCP header (RFC 9293, 3.1), of its options (RFC 2018, 2883, 7323), and
 * of the beginning of what it carries. */
#ifndef TEARDOWN_CAPTURE_DECODE_TCP_H
#define TEARDOWN_CAPTURE_DECODE_TCP_H

#include <stddef.h>
#include <stdint.h>

#include "common/model/segment.h"

/* Octets of a header without options. */
enum { DECODE_TCP_LEAST = 20 };

/* Of a datagram's `on_wire` octets, the first `captured` of which, at least DECODE_TCP_LEAST, are
 * at `tcp`. Returns the length of the header; 0, and nothing is written, if it contradicts on_wire.
 * What IP and the clock say of the segment is left 0, and so is `tls`. */
size_t decode_tcp(const uint8_t *tcp, size_t captured, size_t on_wire, struct segment *s);

/* Whether a payload of `length` octets is TLS records, by the headers of those that were captured.
 */
enum segment_tls decode_tcp_tls(const uint8_t *payload, size_t captured, size_t length);

#endif
