#include "capture/decode.h"

#include <string.h>

enum {
  ETHERTYPE_IP4 = 0x0800,
  ETHERTYPE_IP6 = 0x86dd,
  ETHERTYPE_VLAN = 0x8100,
  ETHERTYPE_QINQ = 0x88a8,
  ETHERTYPE_QINQ_OLD = 0x9100,
  VLAN_TAGS_MAX = 4,
  IP6_EXTENSIONS_MAX = 8,
  PROTOCOL_TCP = 6,
};

/* What is left of a packet: octets captured, and octets that were on the wire. */
struct rest {
  const uint8_t *at;
  size_t captured, on_wire;
};

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool skip(struct rest *r, size_t n) {
  if (r->captured < n || r->on_wire < n) return false;
  r->at += n;
  r->captured -= n;
  r->on_wire -= n;
  return true;
}

static void decode_options(const uint8_t *p, size_t n, struct segment *s) {
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
      s->sack_left = get32(p + 2);
      s->sack_right = get32(p + 6);
    } else if (p[0] == 8 && length == 10) {
      s->options |= SEGMENT_HAS_TIMESTAMPS;
      s->tsval = get32(p + 2);
      s->tsecr = get32(p + 6);
    }
    p += length;
    n -= length;
  }
}

static enum decode_result decode_tcp(struct rest r, struct decoded *out) {
  if (r.captured < 20) return r.on_wire < 20 ? DECODE_MALFORMED : DECODE_TRUNCATED;
  size_t header = (size_t)(r.at[12] >> 4) * 4;
  if (header < 20 || header > r.on_wire) return DECODE_MALFORMED;
  struct segment *s = &out->segment;
  memset(s, 0, sizeof *s);
  out->source_port = get16(r.at);
  out->destination_port = get16(r.at + 2);
  s->seq = get32(r.at + 4);
  s->ack = get32(r.at + 8);
  s->flags = r.at[13] & 0x3f;
  s->window = get16(r.at + 14);
  s->payload_bytes = (uint32_t)(r.on_wire - header);
  decode_options(r.at + 20, (header < r.captured ? header : r.captured) - 20, s);
  return DECODE_SEGMENT;
}

static enum decode_result decode_ip4(struct rest r, struct decoded *out) {
  if (r.captured < 20) return r.on_wire < 20 ? DECODE_MALFORMED : DECODE_TRUNCATED;
  size_t header = (size_t)(r.at[0] & 0x0f) * 4, total = get16(r.at + 2);
  if (total == 0) total = r.on_wire; /* an offloaded giant */
  if (header < 20 || total < header) return DECODE_MALFORMED;
  if (r.at[9] != PROTOCOL_TCP) return DECODE_NOT_TCP;
  if (get16(r.at + 6) & 0x3fff) return DECODE_FRAGMENT;
  out->family = 4;
  out->ip_id = get16(r.at + 4);
  memset(&out->source, 0, sizeof out->source);
  memset(&out->destination, 0, sizeof out->destination);
  memcpy(out->source.bytes, r.at + 12, 4);
  memcpy(out->destination.bytes, r.at + 16, 4);
  r.on_wire = total;
  if (r.captured > total) r.captured = total;
  if (!skip(&r, header)) return DECODE_TRUNCATED;
  return decode_tcp(r, out);
}

static enum decode_result decode_ip6(struct rest r, struct decoded *out) {
  if (r.captured < 40) return r.on_wire < 40 ? DECODE_MALFORMED : DECODE_TRUNCATED;
  size_t payload = get16(r.at + 4);
  uint8_t next = r.at[6];
  if (payload == 0) payload = r.on_wire - 40; /* a jumbogram, or an offloaded giant */
  out->family = 6;
  out->ip_id = 0;
  memcpy(out->source.bytes, r.at + 8, 16);
  memcpy(out->destination.bytes, r.at + 24, 16);
  skip(&r, 40);
  r.on_wire = payload;
  if (r.captured > payload) r.captured = payload;

  for (int i = 0; i < IP6_EXTENSIONS_MAX; i++) {
    if (next == PROTOCOL_TCP) return decode_tcp(r, out);
    bool generic = next == 0 || next == 43 || next == 60 || next == 135 || next == 139 ||
                   next == 140; /* hop-by-hop, routing, destination, mobility, HIP, shim6 */
    bool authentication = next == 51, fragment = next == 44;
    if (!generic && !authentication && !fragment) return DECODE_NOT_TCP;
    if (r.captured < 8) return r.on_wire < 8 ? DECODE_MALFORMED : DECODE_TRUNCATED;
    if (fragment && (get16(r.at + 2) & 0xfff9)) return DECODE_FRAGMENT;
    size_t length = fragment         ? 8
                    : authentication ? ((size_t)r.at[1] + 2) * 4
                                     : ((size_t)r.at[1] + 1) * 8;
    next = r.at[0];
    if (length > r.on_wire) return DECODE_MALFORMED;
    if (!skip(&r, length)) return DECODE_TRUNCATED;
  }
  return DECODE_MALFORMED;
}

static enum decode_result decode_ethertype(uint16_t type, struct rest r, struct decoded *out) {
  for (int i = 0; i < VLAN_TAGS_MAX; i++) {
    if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ && type != ETHERTYPE_QINQ_OLD) break;
    if (r.captured < 4) return DECODE_TRUNCATED;
    type = get16(r.at + 2);
    skip(&r, 4);
  }
  if (type == ETHERTYPE_IP4) return decode_ip4(r, out);
  if (type == ETHERTYPE_IP6) return decode_ip6(r, out);
  return DECODE_NOT_TCP;
}

static enum decode_result decode_version(struct rest r, struct decoded *out) {
  if (r.captured < 1) return DECODE_TRUNCATED;
  if (r.at[0] >> 4 == 4) return decode_ip4(r, out);
  if (r.at[0] >> 4 == 6) return decode_ip6(r, out);
  return DECODE_NOT_TCP;
}

bool decode_reads_link(uint32_t link) {
  switch ((enum decode_link)link) {
    case DECODE_LINK_NULL:
    case DECODE_LINK_ETHERNET:
    case DECODE_LINK_RAW_BSD:
    case DECODE_LINK_RAW_OPENBSD:
    case DECODE_LINK_RAW:
    case DECODE_LINK_LOOP:
    case DECODE_LINK_SLL:
    case DECODE_LINK_IP4:
    case DECODE_LINK_IP6:
    case DECODE_LINK_SLL2: return true;
  }
  return false;
}

enum decode_result decode_packet(uint32_t link, const uint8_t *bytes, size_t captured,
                                 size_t on_wire, struct decoded *out) {
  struct rest r = {bytes, captured, on_wire < captured ? captured : on_wire};
  uint16_t type;
  switch ((enum decode_link)link) {
    case DECODE_LINK_ETHERNET:
      if (captured < 14) return DECODE_TRUNCATED;
      type = get16(bytes + 12);
      skip(&r, 14);
      return decode_ethertype(type, r, out);
    case DECODE_LINK_SLL:
      if (captured < 16) return DECODE_TRUNCATED;
      type = get16(bytes + 14);
      skip(&r, 16);
      return decode_ethertype(type, r, out);
    case DECODE_LINK_SLL2:
      if (captured < 20) return DECODE_TRUNCATED;
      type = get16(bytes);
      skip(&r, 20);
      return decode_ethertype(type, r, out);
    case DECODE_LINK_RAW_BSD:
    case DECODE_LINK_RAW_OPENBSD:
    case DECODE_LINK_IP4:
    case DECODE_LINK_IP6:
    case DECODE_LINK_RAW: return decode_version(r, out);
    case DECODE_LINK_LOOP:
    case DECODE_LINK_NULL:
      /* The family's number differs between systems; the version nibble does not. */
      if (!skip(&r, 4)) return DECODE_TRUNCATED;
      return decode_version(r, out);
  }
  return DECODE_NOT_TCP;
}
