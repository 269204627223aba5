#include "capture/decode.h"

#include <string.h>

#include "capture/decode_layers.h"
#include "capture/decode_tcp.h"
#include "capture/octets.h"

/* What nearly every packet passes: where all of these are in one piece, the walk is in registers.
 */
#define ON_THE_WAY static inline __attribute__((always_inline))

/* Of layers; what is deeper is said to be too deep. A bound: lengths of 0 could nest for ever. */
enum { LAYERS_MAX = 24 };

struct walk {
  const uint8_t *at;
  size_t captured, on_wire; /* what is left */
  struct decoded *out;
  enum { WHOLE, FIRST, LATER } fragment; /* of the IP datagram that was opened last */
  enum decode_result result;
  const uint8_t *packet;
  uint8_t hops; /* of the IP datagram that was opened last */
};

#define FIND(table, number) find(table, sizeof(table) / sizeof *(table), number)
ON_THE_WAY const struct next *find(const struct next *table, size_t n, uint16_t number) {
  for (const struct next *i = table; i < table + n; i++)
    if (i->number == number) return i;
  return NULL;
}

static const struct link *find_link(uint32_t number) {
  for (const struct link *i = LINKS; i < LINKS + sizeof LINKS / sizeof *LINKS; i++)
    if (i->number == number) return i;
  return NULL;
}

bool decode_reads_link(uint32_t link) { return find_link(link) != NULL; }

const char *decode_kind_name(enum decode_kind kind) {
  static const char *const names[] = {
#define X(id, name) name,
      DECODE_KINDS(X)
#undef X
  };
  return names[kind];
}

/* ---- Steps of a walk ------------------------------------------------------------------------ */

ON_THE_WAY enum layer end(struct walk *w, enum decode_result result) {
  w->result = result;
  return LAYER_END;
}

ON_THE_WAY enum layer end_as(struct walk *w, enum decode_kind kind) {
  w->out->kind = kind;
  return end(w, DECODE_NOT_TCP);
}

/* False ends the walk. */
ON_THE_WAY bool need(struct walk *w, size_t n) {
  if (w->captured >= n) return true;
  w->result = w->on_wire < n ? DECODE_MALFORMED : DECODE_TRUNCATED;
  return false;
}

/* What need() has granted. */
ON_THE_WAY void skip(struct walk *w, size_t n) {
  w->at += n;
  w->captured -= n;
  w->on_wire -= n < w->on_wire ? n : w->on_wire;
}

/* A header that tells how long what follows is: behind that is padding. */
ON_THE_WAY void limit(struct walk *w, size_t n) {
  w->on_wire = n;
  if (w->captured > n) w->captured = n;
}

ON_THE_WAY enum layer follow(struct walk *w, const struct next *next, enum decode_kind otherwise) {
  if (!next) return end_as(w, otherwise);
  return next->layer == LAYER_END ? end_as(w, next->kind) : next->layer;
}

/* ---- Link layer and shims ------------------------------------------------------------------- */

ON_THE_WAY enum layer open_ethernet(struct walk *w) {
  enum { LENGTH_MAX = 1500 }; /* below the ethertypes: a length, as in IEEE 802.3 */
  if (!need(w, 14)) return LAYER_END;
  uint16_t type = octets_16(w->at + 12);
  skip(w, 14);
  return type <= LENGTH_MAX ? LAYER_LLC : follow(w, FIND(ETHERTYPES, type), DECODE_OTHER);
}

static enum layer open_llc(struct walk *w) {
  static const uint8_t snap[] = {0xaa, 0xaa, 3, 0, 0, 0};
  if (!need(w, sizeof snap + 2)) return LAYER_END;
  if (memcmp(w->at, snap, sizeof snap) != 0) return end_as(w, DECODE_OTHER);
  uint16_t type = octets_16(w->at + sizeof snap);
  skip(w, sizeof snap + 2);
  return follow(w, FIND(ETHERTYPES, type), DECODE_OTHER);
}

static enum layer open_vlan(struct walk *w) {
  if (!need(w, 4)) return LAYER_END;
  uint16_t type = octets_16(w->at + 2);
  skip(w, 4);
  return follow(w, FIND(ETHERTYPES, type), DECODE_OTHER);
}

/* One label. Nothing says what follows the last one: RFC 4928 has everybody look at the first four
 * bits, and a pseudowire's control word begin with 0. */
static enum layer open_mpls(struct walk *w) {
  if (!need(w, 4)) return LAYER_END;
  bool is_last = w->at[2] & 1;
  skip(w, 4);
  if (!is_last) return LAYER_MPLS;
  if (!need(w, 1)) return LAYER_END;
  switch (w->at[0] >> 4) {
    case 4: return LAYER_IP4;
    case 6: return LAYER_IP6;
    case 0:
      if (!need(w, 4)) return LAYER_END;
      skip(w, 4);
      return LAYER_ETHERNET;
  }
  return end_as(w, DECODE_MPLS);
}

static enum layer open_pppoe(struct walk *w) {
  if (!need(w, 6)) return LAYER_END;
  if (w->at[0] != 0x11 || w->at[1] != 0) return end_as(w, DECODE_OTHER);
  size_t length = octets_16(w->at + 4);
  skip(w, 6);
  limit(w, length);
  return LAYER_PPP;
}

/* Address and control may be compressed away, and the protocol's first octet when it is 0; pppd
 * writes the direction in place of the address. */
static enum layer open_ppp(struct walk *w) {
  if (!need(w, 2)) return LAYER_END;
  if (w->at[1] == 3 && (w->at[0] == 0xff || w->at[0] <= 1)) {
    skip(w, 2);
    if (!need(w, 2)) return LAYER_END;
  }
  bool is_short = w->at[0] & 1;
  uint16_t protocol = is_short ? w->at[0] : octets_16(w->at);
  skip(w, is_short ? 1 : 2);
  return follow(w, FIND(PPP_PROTOCOLS, protocol), DECODE_OTHER);
}

/* ---- IP ------------------------------------------------------------------------------------- */

/* A tunnel's first fragment tells all that is wanted: the packet in it has lengths of its own. */
ON_THE_WAY enum layer follow_protocol(struct walk *w, uint8_t protocol) {
  const struct next *next = FIND(PROTOCOLS, protocol);
  if (w->fragment == WHOLE || !next || next->layer == LAYER_END)
    return follow(w, next, DECODE_OTHER_IP);
  if (w->fragment == FIRST && next->layer != LAYER_TCP) return next->layer;
  /* Ports are in the first one alone. */
  return next->layer == LAYER_UDP ? end_as(w, DECODE_UDP) : end(w, DECODE_FRAGMENT);
}

ON_THE_WAY enum layer open_ip4(struct walk *w) {
  struct decoded *out = w->out;
  if (!need(w, 20)) return LAYER_END;
  const uint8_t *ip = w->at;
  size_t header = (size_t)(ip[0] & 0x0f) * 4, total = octets_16(ip + 2);
  if (total == 0) total = w->on_wire; /* an offloaded giant */
  if (header < 20 || total < header) return end(w, DECODE_MALFORMED);
  out->family = 4;
  out->ip_id = octets_16(ip + 4);
  w->hops = ip[8];
  memset(&out->source, 0, sizeof out->source);
  memset(&out->destination, 0, sizeof out->destination);
  memcpy(out->source.bytes, ip + 12, 4);
  memcpy(out->destination.bytes, ip + 16, 4);
  uint16_t fragment = octets_16(ip + 6);
  uint8_t protocol = ip[9];
  w->fragment = fragment & 0x1fff ? LATER : fragment & 0x2000 ? FIRST : WHOLE;
  if (w->fragment == LATER) return follow_protocol(w, protocol);
  limit(w, total);
  if (!need(w, header)) return LAYER_END;
  skip(w, header);
  return follow_protocol(w, protocol);
}

static enum layer follow_header(struct walk *w, uint8_t protocol) {
  const struct next *extension = FIND(EXTENSIONS, protocol);
  return extension ? (enum layer)extension->layer : follow_protocol(w, protocol);
}

static enum layer open_ip6(struct walk *w) {
  struct decoded *out = w->out;
  if (!need(w, 40)) return LAYER_END;
  size_t payload = octets_16(w->at + 4);
  uint8_t next = w->at[6];
  out->family = 6;
  out->ip_id = 0;
  w->hops = w->at[7];
  memcpy(out->source.bytes, w->at + 8, 16);
  memcpy(out->destination.bytes, w->at + 24, 16);
  w->fragment = WHOLE;
  skip(w, 40);
  if (payload > 0) limit(w, payload); /* 0: a jumbogram, or an offloaded giant */
  return follow_header(w, next);
}

/* The headers between IP and what it carries: the next one's number, and their own length. */
static enum layer open_extension(struct walk *w, size_t unit, size_t first) {
  if (!need(w, 8)) return LAYER_END;
  size_t length = (w->at[1] + first) * unit;
  uint8_t next = w->at[0];
  if (!need(w, length)) return LAYER_END;
  skip(w, length);
  return w->out->family == 6 ? follow_header(w, next) : follow_protocol(w, next);
}

static enum layer open_fragment(struct walk *w) {
  if (!need(w, 8)) return LAYER_END;
  uint16_t fragment = octets_16(w->at + 2);
  uint8_t next = w->at[0];
  /* With neither an offset nor more to come it is whole ("atomic"). */
  w->fragment = fragment & 0xfff8 ? LATER : fragment & 1 ? FIRST : WHOLE;
  skip(w, 8);
  if (w->fragment != LATER) return follow_header(w, next);
  return FIND(EXTENSIONS, next) ? end(w, DECODE_FRAGMENT) : follow_protocol(w, next);
}

static enum layer open_ip(struct walk *w) {
  if (!need(w, 1)) return LAYER_END;
  if (w->at[0] >> 4 == 4) return LAYER_IP4;
  if (w->at[0] >> 4 == 6) return LAYER_IP6;
  return end_as(w, DECODE_OTHER);
}

/* ---- Tunnels -------------------------------------------------------------------------------- */

static enum layer open_udp(struct walk *w) {
  enum { VXLAN_HAS_VNI = 0x08, GENEVE_VERSION = 0xc0, SHORTEST = 8 };
  if (!need(w, 4)) return LAYER_END;
  const struct next *next = FIND(UDP_PORTS, octets_16(w->at + 2));
  if (!next) {
    next = FIND(UDP_PORTS, octets_16(w->at));
    if (next && next->layer != LAYER_END) next = NULL;
  }
  if (!next || next->layer == LAYER_END) return follow(w, next, DECODE_UDP);
  if (!need(w, 8)) return LAYER_END;
  skip(w, 8);
  /* Anybody may use the port. */
  if (w->on_wire < SHORTEST) return end_as(w, DECODE_UDP);
  if (!need(w, SHORTEST)) return LAYER_END;
  if (next->layer == LAYER_SHIM_8 && !(w->at[0] & VXLAN_HAS_VNI)) return end_as(w, DECODE_UDP);
  if (next->layer == LAYER_GENEVE && w->at[0] & GENEVE_VERSION) return end_as(w, DECODE_UDP);
  return next->layer;
}

/* One of four messages, encrypted; then three zeros. */
static enum layer open_wireguard(struct walk *w) {
  enum { MESSAGES = 4 };
  uint32_t word = octets_32(w->at);
  bool is_message = word << 8 == 0 && word >> 24 >= 1 && word >> 24 <= MESSAGES;
  return end_as(w, is_message ? DECODE_WIREGUARD : DECODE_UDP);
}

/* VXLAN whose flags tell what follows. */
static enum layer open_vxlan_gpe(struct walk *w) {
  enum { VERSION = 0x30, HAS_VNI = 0x08, HAS_NEXT = 0x04, MANAGEMENT = 0x01 };
  uint8_t flags = w->at[0], next = w->at[3];
  if (flags & VERSION) return end_as(w, DECODE_VXLAN_GPE);
  if (!(flags & HAS_VNI) || flags & MANAGEMENT) return end_as(w, DECODE_UDP);
  skip(w, 8);
  if (!(flags & HAS_NEXT)) return LAYER_ETHERNET;
  return follow(w, FIND(NEXT_PROTOCOLS, next), DECODE_VXLAN_GPE);
}

/* The path of a packet through services (RFC 8300). */
static enum layer open_nsh(struct walk *w) {
  enum { VERSION = 0xc0, MANAGEMENT = 0x20, WORDS = 0x3f, LEAST = 8 };
  if (!need(w, LEAST)) return LAYER_END;
  if (w->at[0] & (VERSION | MANAGEMENT)) return end_as(w, DECODE_NSH);
  size_t header = (size_t)(w->at[1] & WORDS) * 4;
  uint8_t next = w->at[3];
  if (header < LEAST) return end(w, DECODE_MALFORMED);
  if (!need(w, header)) return LAYER_END;
  skip(w, header);
  return follow(w, FIND(NEXT_PROTOCOLS, next), DECODE_NSH);
}

/* Ethernet between routing bridges (RFC 6325). */
static enum layer open_trill(struct walk *w) {
  if (!need(w, 6)) return LAYER_END;
  size_t header = 6 + (size_t)((octets_16(w->at) >> 6) & 0x1f) * 4;
  if (!need(w, header)) return LAYER_END;
  skip(w, header);
  return LAYER_ETHERNET;
}

static enum layer open_geneve(struct walk *w) {
  size_t header = 8 + (size_t)(w->at[0] & 0x3f) * 4;
  uint16_t type = octets_16(w->at + 2);
  if (!need(w, header)) return LAYER_END;
  skip(w, header);
  return follow(w, FIND(ETHERTYPES, type), DECODE_UDP);
}

/* A mobile network's user plane (3GPP TS 29.281): of version 1, with a packet of the user's in it.
 */
static enum layer open_gtp(struct walk *w) {
  enum { VERSION_AND_TYPE = 0xf0, USER = 0x30, USERS_PACKET = 255, OPTIONAL = 7, EXTENSION = 4 };
  uint8_t flags = w->at[0];
  if ((flags & VERSION_AND_TYPE) != USER) return end_as(w, DECODE_GTP);
  if (w->at[1] != USERS_PACKET) return end_as(w, DECODE_UDP);
  size_t header = flags & OPTIONAL ? 12 : 8;
  if (!need(w, header)) return LAYER_END;
  uint8_t next = flags & EXTENSION ? w->at[11] : 0;
  skip(w, header);
  while (next != 0) {
    if (!need(w, 1)) return LAYER_END;
    size_t length = (size_t)w->at[0] * 4;
    if (length == 0) return end(w, DECODE_MALFORMED);
    if (!need(w, length)) return LAYER_END;
    next = w->at[length - 1];
    skip(w, length);
  }
  return LAYER_IP;
}

/* RFC 2784 and 2890; version 1 is PPTP's (RFC 2637). */
static enum layer open_gre(struct walk *w) {
  enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, ACK = 0x0080 };
  enum { ERSPAN = 0x88be, ERSPAN_3 = 0x22eb, VERSION = 7 };
  if (!need(w, 4)) return LAYER_END;
  uint16_t flags = octets_16(w->at), type = octets_16(w->at + 2);
  unsigned words =
      1U + (flags & CHECKSUM ? 1 : 0) + (flags & KEY ? 1 : 0) + (flags & SEQUENCE ? 1 : 0);
  if ((flags & VERSION) > 1 || flags & ROUTING) return end_as(w, DECODE_GRE);
  if ((flags & VERSION) == 1) {
    if (!(flags & SEQUENCE)) return end_as(w, DECODE_OTHER_IP); /* an acknowledgement alone */
    words += flags & ACK ? 1 : 0;
  }
  if (!need(w, words * 4)) return LAYER_END;
  skip(w, words * 4);
  if (type == ERSPAN) return flags & SEQUENCE ? LAYER_SHIM_8 : LAYER_ETHERNET; /* II, and I */
  if (type == ERSPAN_3) return LAYER_ERSPAN_3;
  return follow(w, FIND(ETHERTYPES, type), DECODE_GRE);
}

static enum layer open_erspan_3(struct walk *w) {
  if (!need(w, 12)) return LAYER_END;
  size_t header = w->at[11] & 1 ? 20 : 12; /* with a platform's own words */
  if (!need(w, header)) return LAYER_END;
  skip(w, header);
  return LAYER_ETHERNET;
}

static enum layer open_shim(struct walk *w, size_t header) {
  if (!need(w, header)) return LAYER_END;
  skip(w, header);
  return LAYER_ETHERNET;
}

/* ---- TCP ------------------------------------------------------------------------------------ */

ON_THE_WAY enum layer open_tcp(struct walk *w) {
  if (!need(w, DECODE_TCP_LEAST)) return LAYER_END;
  struct decoded *out = w->out;
  size_t header = decode_tcp(w->at, w->captured, w->on_wire, &out->segment);
  if (header == 0) return end(w, DECODE_MALFORMED);
  size_t begun = header < w->captured ? header : w->captured, payload = w->captured - begun;
  uint32_t sent = out->segment.payload_bytes;
  out->source_port = octets_16(w->at);
  out->destination_port = octets_16(w->at + 2);
  out->payload_at = (uint32_t)(w->at + begun - w->packet);
  out->payload_captured = (uint32_t)(payload < sent ? payload : sent);
  if (sent > 0) out->segment.tls = decode_tcp_tls(w->at + begun, out->payload_captured, sent);
  out->segment.ip_id = out->ip_id;
  out->segment.hops = w->hops;
  return end(w, DECODE_SEGMENT);
}

/* ---- All of them ---------------------------------------------------------------------------- */

static enum layer open_layer(struct walk *w, enum layer layer) {
  switch (layer) {
    case LAYER_END: break;
    case LAYER_ETHERNET: return open_ethernet(w);
    case LAYER_LLC: return open_llc(w);
    case LAYER_VLAN: return open_vlan(w);
    case LAYER_MPLS: return open_mpls(w);
    case LAYER_PPPOE: return open_pppoe(w);
    case LAYER_PPP: return open_ppp(w);
    case LAYER_IP: return open_ip(w);
    case LAYER_IP4: return open_ip4(w);
    case LAYER_IP6: return open_ip6(w);
    case LAYER_EXTENSION: return open_extension(w, 8, 1);
    case LAYER_AUTHENTICATION: return open_extension(w, 4, 2);
    case LAYER_FRAGMENT: return open_fragment(w);
    case LAYER_TCP: return open_tcp(w);
    case LAYER_UDP: return open_udp(w);
    case LAYER_WIREGUARD: return open_wireguard(w);
    case LAYER_GENEVE: return open_geneve(w);
    case LAYER_GTP: return open_gtp(w);
    case LAYER_GRE: return open_gre(w);
    case LAYER_ERSPAN_3: return open_erspan_3(w);
    case LAYER_SHIM_2: return open_shim(w, 2);
    case LAYER_SHIM_4: return open_shim(w, 4);
    case LAYER_SHIM_8: return open_shim(w, 8);
    case LAYER_VXLAN_GPE: return open_vxlan_gpe(w);
    case LAYER_NSH: return open_nsh(w);
    case LAYER_TRILL: return open_trill(w);
  }
  return LAYER_END;
}

/* A shortcut to where the walk would be behind the IP header, for what most packets are: IPv4
 * without options or fragments in Ethernet, with room for a TCP header. */
ON_THE_WAY bool is_plain(struct walk *w, uint32_t link) {
  enum { ETHERNET = 14, IP = 20, IP4_WITHOUT_OPTIONS = 0x45, FRAGMENT = 0x3fff, TCP = 6 };
  const uint8_t *ip = w->at + ETHERNET;
  struct decoded *out = w->out;
  if (link != DECODE_LINK_ETHERNET || w->captured < ETHERNET + IP + DECODE_TCP_LEAST) return false;
  size_t total = octets_16(ip + 2);
  if (octets_16(ip - 2) != 0x0800 || ip[0] != IP4_WITHOUT_OPTIONS || ip[9] != TCP ||
      (octets_16(ip + 6) & FRAGMENT) != 0 || total < IP + DECODE_TCP_LEAST)
    return false;
  out->source = out->destination = (struct decode_address){{0}};
  memcpy(out->source.bytes, ip + 12, 4);
  memcpy(out->destination.bytes, ip + 16, 4);
  out->family = 4;
  out->ip_id = octets_16(ip + 4);
  w->hops = ip[8];
  w->at = ip + IP;
  w->captured -= ETHERNET + IP;
  limit(w, total - IP);
  return true;
}

enum decode_result decode_packet(uint32_t number, const uint8_t *bytes, size_t captured,
                                 size_t on_wire, struct decoded *out) {
  struct walk begun = {bytes, captured, on_wire < captured ? captured : on_wire, out, WHOLE, 0,
                       bytes, 0};
  out->kind = 0;
  if (is_plain(&begun, number)) {
    open_tcp(&begun);
    return begun.result;
  }
  const struct link *link = find_link(number);
  if (!link) {
    end_as(&begun, DECODE_LINK);
    return begun.result;
  }
  if (captured < link->header) return DECODE_TRUNCATED;
  enum layer layer = link->layer;
  if (link->type_at >= 0)
    layer = follow(&begun, FIND(ETHERTYPES, octets_16(bytes + link->type_at)), DECODE_OTHER);
  skip(&begun, link->header);
  struct walk w = begun; /* whose address is taken: `begun` stays in registers */
  for (int i = 0; layer != LAYER_END; i++)
    layer = i < LAYERS_MAX ? open_layer(&w, layer) : end_as(&w, DECODE_DEEP);
  return w.result;
}
