/* A captured packet on its way from source to decode. */
#ifndef TEARDOWN_CAPTURE_PACKET_H
#define TEARDOWN_CAPTURE_PACKET_H

#include <stdint.h>

struct packet {
  const uint8_t *bytes;       /* whoever gave the packet says how long they are there */
  int64_t t_us;               /* since the epoch */
  uint32_t captured, on_wire; /* octets */
  uint32_t link;              /* LINKTYPE_ number of the interface: enum decode_link, or unknown */
};

#endif
