/* One TCP segment as an Ethernet frame. */
#ifndef TEARDOWN_TESTS_BENCH_FRAME_H
#define TEARDOWN_TESTS_BENCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_end {
  uint8_t address[16]; /* IPv4 in the first four */
  uint16_t port;
};

struct frame_segment {
  const struct frame_end *source, *destination;
  bool is_ipv6;
  uint8_t flags;
  uint8_t payload_bytes;
  uint16_t ip_id;
  uint32_t seq, ack, tsval, tsecr;
  bool has_sack;
  uint32_t sack_left, sack_right;
};

enum { FRAME_SNAPLEN = 100, FRAME_SIZE = 512 };

/* The length on the wire; bytes has the whole of it. SYNs offer SACK, timestamps and window scale,
 * an RST has no option, everything else has timestamps. Checksums are right. */
size_t frame_build(const struct frame_segment *segment, uint8_t bytes[static FRAME_SIZE]);

#endif
