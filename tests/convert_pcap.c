/* convert_pcap CONVERSION [SKIP] <IN >OUT: a capture of Ethernet frames (µs, little-endian, as
 * libpcap writes it) in another form: of file, of link layer, in a tunnel, or with something done
 * to each packet; without the first SKIP packets. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET_MAX = 65536, ETHERNET_SIZE = 14, IP4_SIZE = 20, IP6_SIZE = 40 };
enum { MIXED_SNAPLEN = 128 };
enum { PCAP_US = 0xa1b2c3d4, PCAP_NS = 0xa1b23c4d };

struct packet {
  uint32_t s, us, captured, on_wire;
  uint8_t bytes[PACKET_MAX];
};

enum file { FILE_PCAP, FILE_PCAPNG, FILE_MIXED /* every other packet on an interface of raw IP */ };
enum change { CHANGE_NONE, CHANGE_EXTENSIONS, CHANGE_FRAGMENTS, CHANGE_TWICE, CHANGE_RENUMBERED };

/* `link`: the octets before the IP header; a family in them is of IPv4 and made to fit, and so are
 * the lengths in a tunnel's headers. */
static const struct conversion {
  const char *name;
  enum file file;
  bool big_endian, ns;
  enum change change;
  uint16_t link_type;
  uint8_t link_size;
  int8_t type_at; /* of the ethertype; -1: none */
  bool is_ppp;    /* it is PPP's protocol */
  uint8_t ip_at;  /* of a tunnel's IPv4 header; 0: there is none */
  uint8_t pppoe_at;
  uint8_t protocol; /* in place of TCP, of IPv4; 0: it stays */
  uint8_t link[72];
} conversions[] = {
#define ETHERNET \
  .link_type = 1, .link_size = 14, .type_at = 12, .link = {2, 0, 0, 0, 0, 2, 2, [11] = 1}
    {"us-le", ETHERNET},
    {"us-be", .big_endian = true, ETHERNET},
    {"ns-le", .ns = true, ETHERNET},
    {"ns-be", .ns = true, .big_endian = true, ETHERNET},
    {"pcapng", .file = FILE_PCAPNG, ETHERNET},
    {"pcapng-be", .file = FILE_PCAPNG, .big_endian = true, ETHERNET},
    {"pcapng-ns", .file = FILE_PCAPNG, .ns = true, ETHERNET},
    {"vlan", .link_type = 1, .link_size = 18, .type_at = 16, .link = {2, [12] = 0x81, 0, 0, 5}},
    {"qinq", .link_type = 1, .link_size = 22, .type_at = 20,
     .link = {2, [12] = 0x88, 0xa8, 0, 100, 0x81, 0, 0, 5}},
    {"sll", .link_type = 113, .link_size = 16, .type_at = 14, .link = {0, 0, 0, 1, 0, 6}},
    {"sll2", .link_type = 276, .link_size = 20, .type_at = 0, .link = {[7] = 2, 0, 1, 0, 6}},
    {"raw", .link_type = 101, .type_at = -1},
    {"null", .link_type = 0, .link_size = 4, .type_at = -1, .link = {2}},
    {"null-be", .link_type = 0, .link_size = 4, .type_at = -1, .link = {0, 0, 0, 2}},
    {"loop", .link_type = 108, .link_size = 4, .type_at = -1, .link = {0, 0, 0, 2}},
    {"mixed", .file = FILE_MIXED, ETHERNET},
#define OUTER(protocol) \
  0x08, 0, 0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define INNER 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1
    {"vxlan", .link_type = 1, .link_size = 64, .type_at = 62, .ip_at = 14,
     .link = {2, [12] = OUTER(17), 0xc3, 0x50, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 42, 0,
              INNER}},
    {"geneve", .link_type = 1, .link_size = 64, .type_at = 62, .ip_at = 14,
     .link = {2, [12] = OUTER(17), 0xc3, 0x50, 0x17, 0xc1, 0, 0, 0, 0, 0, 0, 0x65, 0x58, 0, 0, 42,
              0, INNER}},
    {"gre", .link_type = 1, .link_size = 42, .type_at = 36, .ip_at = 14,
     .link = {2, [12] = OUTER(47), 0x20, 0, 0, 0, 0, 0, 0, 42}},
    {"ip-in-ip", .link_type = 1, .link_size = 34, .type_at = -1, .ip_at = 14,
     .link = {2, [12] = OUTER(4)}},
    {"mpls", .link_type = 1, .link_size = 22, .type_at = -1,
     .link = {4, [12] = 0x88, 0x47, 0, 1, 0, 64, 0, 1, 0x11, 64}},
    {"pppoe", .link_type = 1, .link_size = 22, .type_at = 20, .is_ppp = true, .pppoe_at = 14,
     .link = {4, [12] = 0x88, 0x64, 0x11, 0, 0, 1}},
    {"udp", .protocol = 17, ETHERNET},
    {"esp", .protocol = 50, ETHERNET},
    {"extensions", .change = CHANGE_EXTENSIONS, ETHERNET},
    {"fragments", .change = CHANGE_FRAGMENTS, ETHERNET},
    {"twice", .change = CHANGE_TWICE, ETHERNET},
    {"renumbered", .change = CHANGE_RENUMBERED, ETHERNET},
};

static void fail(const char *what) {
  fprintf(stderr, "convert_pcap: %s\n", what);
  exit(2);
}

static uint32_t get32_le(const uint8_t *p) {
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put16_be(uint8_t *p, unsigned value) {
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

/* ---- Output --------------------------------------------------------------------------------- */

static const struct conversion *to;

static void put(uint32_t value, unsigned size) {
  for (unsigned i = 0; i < size; i++)
    putchar((int)(value >> 8 * (to->big_endian ? size - 1 - i : i) & 0xff));
}
static void put32(uint32_t value) { put(value, 4); }

static void put_padded(const uint8_t *bytes, uint32_t n) {
  fwrite(bytes, 1, n, stdout);
  for (; n % 4 != 0; n++) putchar(0);
}

static void write_start(void) {
  if (to->file == FILE_PCAP) {
    put32(to->ns ? PCAP_NS : PCAP_US);
    put(2, 2), put(4, 2);
    put32(0), put32(0), put32(PACKET_MAX), put32(to->link_type);
    return;
  }
  const uint32_t options = to->ns ? 12 : 0;
  put32(0x0a0d0d0a), put32(28), put32(0x1a2b3c4d);
  put(1, 2), put(0, 2);
  put32(UINT32_MAX), put32(UINT32_MAX), put32(28);
  put32(1), put32(20 + options), put(to->link_type, 2), put(0, 2), put32(PACKET_MAX);
  if (to->ns) { /* if_tsresol = 9, then the end of the options */
    put(9, 2), put(1, 2);
    put_padded((const uint8_t[]){9}, 1);
    put32(0);
  }
  put32(20 + options);
  if (to->file == FILE_MIXED)
    put32(1), put32(20), put(101, 2), put(0, 2), put32(MIXED_SNAPLEN), put32(20);
}

static unsigned interface; /* of the next packet */

static void write_packet(const struct packet *p) {
  uint32_t fraction = to->ns ? p->us * 1000 : p->us;
  if (to->file == FILE_PCAP) {
    put32(p->s), put32(fraction), put32(p->captured), put32(p->on_wire);
    fwrite(p->bytes, 1, p->captured, stdout);
    return;
  }
  uint64_t t = (uint64_t)p->s * (to->ns ? 1000000000 : 1000000) + fraction;
  uint32_t size = 32 + (p->captured + 3) / 4 * 4;
  put32(6), put32(size), put32(interface);
  put32((uint32_t)(t >> 32)), put32((uint32_t)t);
  put32(p->captured), put32(p->on_wire);
  put_padded(p->bytes, p->captured);
  put32(size);
}

/* ---- What is done to a packet --------------------------------------------------------------- */

/* Replaces `drop` octets at `at` by `size` others. */
static void splice(struct packet *p, uint32_t at, uint32_t drop, const uint8_t *bytes,
                   uint32_t size) {
  if (p->captured < at + drop || p->captured - drop + size > PACKET_MAX) fail("unfit packet");
  memmove(p->bytes + at + size, p->bytes + at + drop, p->captured - at - drop);
  memcpy(p->bytes + at, bytes, size);
  p->captured += size - drop;
  p->on_wire += size - drop;
}

static bool is_ip6(const struct packet *p, uint32_t ip_at) { return p->bytes[ip_at] >> 4 == 6; }

static void relink(struct packet *p) {
  uint8_t link[sizeof to->link];
  memcpy(link, to->link, sizeof link);
  bool ip6 = is_ip6(p, ETHERNET_SIZE);
  unsigned type = to->is_ppp ? (ip6 ? 0x0057 : 0x0021) : (ip6 ? 0x86dd : 0x0800);
  if (to->type_at >= 0) put16_be(link + to->type_at, type);
  unsigned payload = p->on_wire - ETHERNET_SIZE;
  if (to->ip_at > 0) {
    uint8_t *ip = link + to->ip_at;
    put16_be(ip + 2, to->link_size - to->ip_at + payload);
    if (ip[9] == 17) put16_be(ip + IP4_SIZE + 4, to->link_size - to->ip_at - IP4_SIZE + payload);
    if (ip[9] == 4 && ip6) ip[9] = 41;
  }
  if (to->pppoe_at > 0) put16_be(link + to->pppoe_at + 4, 2 + payload);
  for (unsigned i = 0; ip6 && to->link_size == 4 && i < to->link_size; i++)
    if (link[i] == 2) link[i] = 30; /* as on macOS */
  splice(p, 0, ETHERNET_SIZE, link, interface > 0 ? 0 : to->link_size);
  if (interface > 0 && p->captured > MIXED_SNAPLEN) p->captured = MIXED_SNAPLEN;
}

/* Hop-by-hop, destination and an atomic fragment's header before TCP. */
static void add_extensions(struct packet *p) {
  static const uint8_t headers[] = {60, 0, 1, 4, 0, 0, 0, 0, /* hop-by-hop */
                                    44, 0, 1, 4, 0, 0, 0, 0, /* destination */
                                    6,  0, 0, 0, 0, 0, 0, 1};
  uint8_t *ip = p->bytes + to->link_size;
  if (!is_ip6(p, to->link_size)) fail("extension headers are for IPv6");
  put16_be(ip + 4, (unsigned)(ip[4] << 8 | ip[5]) + sizeof headers);
  ip[6] = 0;
  splice(p, to->link_size + IP6_SIZE, 0, headers, sizeof headers);
}

/* Two fragments: TCP's fixed header and four octets more, and the rest. */
static void write_fragments(struct packet *p) {
  enum { FIRST = 24, MORE = 0x2000 };
  static struct packet rest;
  const uint32_t ip_at = to->link_size, first_end = ip_at + IP4_SIZE + FIRST;
  if (is_ip6(p, ip_at)) fail("fragments are made of IPv4");
  rest = *p;
  splice(&rest, ip_at + IP4_SIZE, FIRST, p->bytes, 0);
  uint8_t *ip = rest.bytes + ip_at;
  put16_be(ip + 2, (unsigned)(ip[2] << 8 | ip[3]) - FIRST);
  put16_be(ip + 6, FIRST / 8);
  p->captured = p->on_wire = first_end;
  put16_be(p->bytes + ip_at + 2, IP4_SIZE + FIRST);
  put16_be(p->bytes + ip_at + 6, MORE);
  write_packet(p);
  write_packet(&rest);
}

/* Once more, a few microseconds later; as a retransmission it has an identification of its own. */
static void write_again(struct packet *p) {
  write_packet(p);
  p->us += 5;
  if (p->us >= 1000000) p->s++, p->us -= 1000000;
  if (to->change == CHANGE_RENUMBERED) p->bytes[to->link_size + 4] ^= 0x80;
  write_packet(p);
}

int main(int argc, char **argv) {
  static struct packet p;
  uint8_t header[24];
  for (size_t i = 0; argc >= 2 && i < sizeof conversions / sizeof *conversions; i++)
    if (strcmp(argv[1], conversions[i].name) == 0) to = &conversions[i];
  if (!to) fail("no such conversion");
  if (fread(header, 1, sizeof header, stdin) != sizeof header || get32_le(header) != PCAP_US ||
      get32_le(header + 20) != 1)
    fail("no little-endian pcap of Ethernet frames");
  int skip = argc > 2 ? atoi(argv[2]) : 0;
  write_start();
  while (fread(header, 1, 16, stdin) == 16) {
    p.s = get32_le(header), p.us = get32_le(header + 4);
    p.captured = get32_le(header + 8), p.on_wire = get32_le(header + 12);
    if (p.captured > PACKET_MAX || fread(p.bytes, 1, p.captured, stdin) != p.captured)
      fail("the capture is cut off");
    if (skip > 0) {
      skip--;
      continue;
    }
    if (to->file == FILE_MIXED) interface ^= 1;
    if (to->protocol) p.bytes[ETHERNET_SIZE + 9] = to->protocol;
    relink(&p);
    if (to->change == CHANGE_EXTENSIONS) add_extensions(&p);
    if (to->change == CHANGE_FRAGMENTS)
      write_fragments(&p);
    else if (to->change == CHANGE_TWICE || to->change == CHANGE_RENUMBERED)
      write_again(&p);
    else
      write_packet(&p);
  }
  return fflush(stdout) == 0 ? 0 : 2;
}
