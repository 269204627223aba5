/* The layers of a packet, and what follows what: the numbers that others have given them. */
#ifndef TEARDOWN_CAPTURE_DECODE_LAYERS_H
#define TEARDOWN_CAPTURE_DECODE_LAYERS_H

#include <stdint.h>

#include "capture/decode_kinds.h"

/* A packet is walked layer by layer: each opens one header and says what follows it. */
enum layer {
  LAYER_END, /* walk.result says how it ended */
  LAYER_ETHERNET,
  LAYER_LLC,
  LAYER_VLAN,
  LAYER_MPLS,
  LAYER_PPPOE,
  LAYER_PPP,
  LAYER_IP, /* either version */
  LAYER_IP4,
  LAYER_IP6,
  LAYER_EXTENSION, /* of IPv6 */
  LAYER_AUTHENTICATION,
  LAYER_FRAGMENT, /* of IPv6 */
  LAYER_TCP,
  LAYER_UDP,
  LAYER_SHIM_2, /* so many octets that nobody needs, then Ethernet: EtherIP */
  LAYER_SHIM_4, /* IEEE 802.1ah, a provider's backbone bridges */
  LAYER_SHIM_8, /* VXLAN, ERSPAN II */
  LAYER_VXLAN_GPE,
  LAYER_NSH,
  LAYER_TRILL,
  LAYER_GENEVE,
  LAYER_GTP,
  LAYER_WIREGUARD,
  LAYER_GRE,
  LAYER_ERSPAN_3,
};

/* `layer` is LAYER_END where a number is known and not opened: it is of `kind`. */
struct next {
  uint16_t number;
  uint8_t layer, kind;
};

static const struct next ETHERTYPES[] = {
    {0x0800, LAYER_IP4, 0},   {0x86dd, LAYER_IP6, 0},          {0x8100, LAYER_VLAN, 0},
    {0x88a8, LAYER_VLAN, 0},                               /* QinQ */
    {0x9100, LAYER_VLAN, 0},                               /* before it was standardized */
    {0x8847, LAYER_MPLS, 0},  {0x8848, LAYER_MPLS, 0},     /* multicast */
    {0x8864, LAYER_PPPOE, 0}, {0x6558, LAYER_ETHERNET, 0}, /* in GRE and GENEVE */
    {0x880b, LAYER_PPP, 0},   {0x88e7, LAYER_SHIM_4, 0},       {0x22f3, LAYER_TRILL, 0},
    {0x894f, LAYER_NSH, 0},   {0x0806, LAYER_END, DECODE_ARP}, {0x88e5, LAYER_END, DECODE_MACSEC},
};

static const struct next PROTOCOLS[] = {
    {6, LAYER_TCP, 0},
    {17, LAYER_UDP, 0},
    {4, LAYER_IP4, 0},
    {41, LAYER_IP6, 0},
    {47, LAYER_GRE, 0},
    {137, LAYER_MPLS, 0},
    {97, LAYER_SHIM_2, 0}, /* EtherIP */
    {51, LAYER_AUTHENTICATION, 0},
    {1, LAYER_END, DECODE_ICMP},
    {58, LAYER_END, DECODE_ICMP},
    {132, LAYER_END, DECODE_SCTP},
    {50, LAYER_END, DECODE_ESP},
    {115, LAYER_END, DECODE_L2TP},
    {108, LAYER_END, DECODE_IPCOMP},
};

/* Behind an IPv6 header, besides. */
static const struct next EXTENSIONS[] = {
    {0, LAYER_EXTENSION, 0},   {43, LAYER_EXTENSION, 0},
    {60, LAYER_EXTENSION, 0},  {135, LAYER_EXTENSION, 0}, /* mobility */
    {139, LAYER_EXTENSION, 0},                            /* HIP */
    {140, LAYER_EXTENSION, 0},                            /* shim6 */
    {44, LAYER_FRAGMENT, 0},
};

static const struct next PPP_PROTOCOLS[] = {
    {0x0021, LAYER_IP4, 0},          {0x0057, LAYER_IP6, 0}, {0x0281, LAYER_MPLS, 0},
    {0x002d, LAYER_END, DECODE_PPP}, /* Van Jacobson's compressed TCP */
    {0x002f, LAYER_END, DECODE_PPP}, /* the same, uncompressed: its protocol field is gone */
    {0x0053, LAYER_END, DECODE_PPP}, /* encrypted */
    {0x00fd, LAYER_END, DECODE_PPP}, /* compressed */
};

/* Destination ports; of what is not opened the source's, too: it answers from there. */
static const struct next UDP_PORTS[] = {
    {4789, LAYER_SHIM_8, 0},
    {8472, LAYER_SHIM_8, 0}, /* Linux, before there was a number */
    {4790, LAYER_VXLAN_GPE, 0},
    {6081, LAYER_GENEVE, 0},
    {2152, LAYER_GTP, 0},
    {6635, LAYER_MPLS, 0},
    {51820, LAYER_WIREGUARD, 0}, /* by convention, and an ephemeral port */
    {4500, LAYER_END, DECODE_ESP},
    {1701, LAYER_END, DECODE_L2TP},
    {5247, LAYER_END, DECODE_CAPWAP},
    {3544, LAYER_END, DECODE_TEREDO},
    {4341, LAYER_END, DECODE_LISP},
    {6080, LAYER_END, DECODE_GUE},
};

/* What VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) and NSH (RFC 8300) number alike. */
static const struct next NEXT_PROTOCOLS[] = {
    {1, LAYER_IP4, 0}, {2, LAYER_IP6, 0},  {3, LAYER_ETHERNET, 0},
    {4, LAYER_NSH, 0}, {5, LAYER_MPLS, 0},
};

/* `header` octets, and the ethertype among them unless type_at is negative. */
static const struct link {
  uint16_t number;
  uint8_t header;
  int8_t type_at;
  uint8_t layer;
} LINKS[] = {
    {DECODE_LINK_ETHERNET, 0, -1, LAYER_ETHERNET},
    {DECODE_LINK_SLL2, 20, 0, 0},
    {DECODE_LINK_SLL, 16, 14, 0},
    {DECODE_LINK_RAW, 0, -1, LAYER_IP},
    /* The family's number differs between systems; the version nibble does not. */
    {DECODE_LINK_NULL, 4, -1, LAYER_IP},
    {DECODE_LINK_LOOP, 4, -1, LAYER_IP},
    {DECODE_LINK_RAW_BSD, 0, -1, LAYER_IP},
    {DECODE_LINK_RAW_OPENBSD, 0, -1, LAYER_IP},
    {DECODE_LINK_IP4, 0, -1, LAYER_IP},
    {DECODE_LINK_IP6, 0, -1, LAYER_IP},
    {DECODE_LINK_PPP, 0, -1, LAYER_PPP},
    {DECODE_LINK_PPP_HDLC, 0, -1, LAYER_PPP},
    {DECODE_LINK_PPP_PPPD, 0, -1, LAYER_PPP},
    {DECODE_LINK_PPP_WITH_DIRECTION, 1, -1, LAYER_PPP},
    {DECODE_LINK_PPP_ETHER, 0, -1, LAYER_PPPOE},
    {DECODE_LINK_CISCO_HDLC, 4, 2, 0},
    {DECODE_LINK_FDDI, 13, -1, LAYER_LLC},
};

#endif
