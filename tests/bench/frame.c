#include "tests/bench/frame.h"

#include <string.h>

#include "tests/bench/script.h"

enum { ETHERNET = 14, IPV4 = 20, IPV6 = 40, TCP = 20, PROTOCOL_TCP = 6, WINDOW = 512 };

static uint8_t *put16(uint8_t *at, uint32_t value) {
  *at++ = (uint8_t)(value >> 8);
  *at++ = (uint8_t)value;
  return at;
}

static uint8_t *put32(uint8_t *at, uint32_t value) { return put16(put16(at, value >> 16), value); }

/* RFC 1071, over big-endian octets. */
static uint32_t sum(const uint8_t *at, size_t n, uint32_t total) {
  for (size_t i = 0; i + 1 < n; i += 2) total += (uint32_t)(at[i] << 8 | at[i + 1]);
  if (n % 2) total += (uint32_t)(at[n - 1] << 8);
  return total;
}

static uint16_t checksum(uint32_t total) {
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return (uint16_t)~total;
}

static uint8_t *put_options(uint8_t *at, const struct frame_segment *s) {
  if (s->flags & RST) return at;
  if (s->flags & SYN) {
    memcpy(at, "\2\4\5\264\4\2\10\12", 8); /* MSS 1460, SACK permitted, timestamps */
    at = put32(put32(at + 8, s->tsval), s->tsecr);
    memcpy(at, "\1\3\3\7", 4); /* window scale 7 */
    return at + 4;
  }
  memcpy(at, "\1\1\10\12", 4);
  at = put32(put32(at + 4, s->tsval), s->tsecr);
  if (!s->has_sack) return at;
  memcpy(at, "\1\1\5\12", 4);
  return put32(put32(at + 4, s->sack_left), s->sack_right);
}

size_t frame_build(const struct frame_segment *s, uint8_t bytes[static FRAME_SIZE]) {
  uint8_t *ip = bytes + ETHERNET;
  size_t ip_bytes = s->is_ipv6 ? IPV6 : IPV4;
  size_t address_bytes = s->is_ipv6 ? 16 : 4;
  uint8_t *addresses = ip + (s->is_ipv6 ? 8 : 12);
  uint8_t *tcp = ip + ip_bytes;
  memset(bytes, 0, ETHERNET + IPV6);
  memcpy(bytes, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
  put16(bytes + 12, s->is_ipv6 ? 0x86dd : 0x0800);
  memcpy(addresses, s->source->address, address_bytes);
  memcpy(addresses + address_bytes, s->destination->address, address_bytes);

  uint8_t *end = put_options(tcp + TCP, s);
  size_t header_bytes = (size_t)(end - tcp);
  memset(end, 'x', s->payload_bytes);
  size_t tcp_bytes = header_bytes + s->payload_bytes;
  put32(put32(put16(put16(tcp, s->source->port), s->destination->port), s->seq), s->ack);
  tcp[12] = (uint8_t)(header_bytes / 4 << 4);
  tcp[13] = s->flags;
  put32(put16(tcp + 14, WINDOW), 0);
  uint32_t pseudo = sum(addresses, 2 * address_bytes, PROTOCOL_TCP + (uint32_t)tcp_bytes);
  put16(tcp + 16, checksum(sum(tcp, tcp_bytes, pseudo)));

  if (s->is_ipv6) {
    ip[0] = 0x60;
    put16(ip + 4, (uint32_t)tcp_bytes);
    ip[6] = PROTOCOL_TCP;
    ip[7] = 64;
  } else {
    ip[0] = 0x45;
    put16(put16(ip + 2, (uint32_t)(IPV4 + tcp_bytes)), s->ip_id);
    ip[6] = 0x40; /* don't fragment */
    ip[8] = 64;
    ip[9] = PROTOCOL_TCP;
    put16(ip + 10, checksum(sum(ip, IPV4, 0)));
  }
  return ETHERNET + ip_bytes + tcp_bytes;
}
