#include "capture/sample.h"

#include <stddef.h>
#include <string.h>

#include "capture/decode.h"

unsigned sample_segment(uint32_t link, const struct sample_pair *pair, unsigned from,
                        uint8_t bytes[static SAMPLE_SIZE]) {
  enum { IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, TCP = 6 };
  static const struct {
    uint32_t link;
    uint8_t size, protocol_at;
  } headers[] = {{DECODE_LINK_ETHERNET, 14, 12},
                 {DECODE_LINK_SLL, 16, 14},
                 {DECODE_LINK_SLL2, 20, 0},
                 {DECODE_LINK_RAW, 0, 0}};
  bool is_4 = pair->family == 4;
  memset(bytes, 0, SAMPLE_SIZE);
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    if (headers[i].link != link) continue;
    uint8_t *ip = bytes + headers[i].size, *tcp = ip + (is_4 ? IPV4_HEADER : IPV6_HEADER);
    uint8_t length = TCP_HEADER + (is_4 ? IPV4_HEADER : 0);
    if (headers[i].size > 0) {
      bytes[headers[i].protocol_at] = is_4 ? 0x08 : 0x86;
      bytes[headers[i].protocol_at + 1] = is_4 ? 0x00 : 0xdd;
    }
    ip[0] = is_4 ? 0x45 : 0x60;
    ip[is_4 ? 3 : 5] = length;
    ip[is_4 ? 9 : 6] = TCP;
    ip[is_4 ? 8 : 7] = 64; /* TTL, hop limit */
    for (unsigned k = 0; k < 2; k++) {
      unsigned side = k == 0 ? from : 1 - from;
      memcpy(ip + (is_4 ? 12 + 4 * k : 8 + 16 * k), pair->address[side], is_4 ? 4 : 16);
      tcp[2 * k] = (uint8_t)(pair->port[side] >> 8);
      tcp[2 * k + 1] = (uint8_t)pair->port[side];
    }
    tcp[12] = 0x50;
    tcp[13] = 0x10; /* ACK */
    return (unsigned)(tcp + TCP_HEADER - bytes);
  }
  return 0;
}

bool sample_is_loopback(const struct sample_pair *pair) {
  static const uint8_t ipv6[16] = {[15] = 1};
  if (pair->family == 6) return memcmp(pair->address[0], ipv6, sizeof ipv6) == 0;
  return pair->address[0][0] == 127;
}
