#include "capture/decode_tcp.h"

#include <string.h>

#include "capture/octets.h"

static void decode_options(const uint8_t *p, size_t n, struct segment *s) {
  /* The layout of RFC 7323, appendix A, in all but the SYNs of most connections. */
  static const uint8_t stamps_alone[] = {1, 1, 8, 10};
  if (n == 12 && memcmp(p, stamps_alone, sizeof stamps_alone) == 0) {
    s->options = SEGMENT_HAS_TIMESTAMPS;
    s->tsval = octets_32(p + 4);
    s->tsecr = octets_32(p + 8);
    return;
  }
  while (n > 0 && p[0] != 0) {
    if (p[0] == 1) {
      p++, n--;
      continue;
    }
    if (n < 2 || p[1] < 2 || p[1] > n) return;
    size_t length = p[1];
    if (p[0] == 3 && length == 3) {
      s->options |= SEGMENT_HAS_WINDOW_SCALE;
      s->window_scale = p[2];
    } else if (p[0] == 4 && length == 2) {
      s->options |= SEGMENT_HAS_SACK_PERMITTED;
    } else if (p[0] == 5 && length >= 10) {
      s->options |= SEGMENT_HAS_SACK;
      s->sack_left = octets_32(p + 2);
      s->sack_right = octets_32(p + 6);
    } else if (p[0] == 8 && length == 10) {
      s->options |= SEGMENT_HAS_TIMESTAMPS;
      s->tsval = octets_32(p + 2);
      s->tsecr = octets_32(p + 6);
    }
    p += length;
    n -= length;
  }
}

enum segment_tls decode_tcp_tls(const uint8_t *p, size_t captured, size_t length) {
  enum { HEADER = 5, CHANGE_CIPHER = 20, ALERT = 21, DATA = 23, LONGEST = (1 << 14) + 2048 };
  /* In TLS 1.3 an alert is two octets, their type and a tag of sixteen, all called data. */
  enum { ALERT_AS_DATA = 2 + 1 + 16 };
  enum segment_tls tls = SEGMENT_TLS_NONE;
  for (size_t at = 0; captured >= HEADER && at <= captured - HEADER;) {
    const uint8_t *header = p + at;
    size_t n = octets_16(header + 3);
    bool is_record = header[0] >= CHANGE_CIPHER && header[0] <= DATA && header[1] == 3 &&
                     header[2] <= 4 && n > 0 && n <= LONGEST;
    if (!is_record) return SEGMENT_TLS_NONE;
    at += HEADER + n;
    bool alert = header[0] == ALERT || (header[0] == DATA && n == ALERT_AS_DATA);
    if (at == length) return alert ? SEGMENT_TLS_ALERT : SEGMENT_TLS_WHOLE;
    tls = SEGMENT_TLS_BEGINS;
  }
  return tls;
}

size_t decode_tcp(const uint8_t *tcp, size_t captured, size_t on_wire, struct segment *s) {
  size_t header = (size_t)(tcp[12] >> 4) * 4;
  if (header < DECODE_TCP_LEAST || header > on_wire) return 0;
  memset(s, 0, sizeof *s);
  s->seq = octets_32(tcp + 4);
  s->ack = octets_32(tcp + 8);
  s->flags = tcp[13] & 0x3f;
  s->window = octets_16(tcp + 14);
  s->payload_bytes = (uint32_t)(on_wire - header);
  size_t begun = header < captured ? header : captured;
  decode_options(tcp + DECODE_TCP_LEAST, begun - DECODE_TCP_LEAST, s);
  if (header > captured) s->options |= SEGMENT_OPTIONS_CUT;
  return header;
}
