/* What packets begin with, and what they are that are no TCP. */
#ifndef TEARDOWN_CAPTURE_DECODE_KINDS_H
#define TEARDOWN_CAPTURE_DECODE_KINDS_H

/* What an interface's packets begin with: the LINKTYPE_ numbers of savefiles. */
enum decode_link {
  DECODE_LINK_NULL = 0, /* BSD loopback: a family in either byte order */
  DECODE_LINK_ETHERNET = 1,
  DECODE_LINK_PPP = 9,
  DECODE_LINK_FDDI = 10,
  DECODE_LINK_RAW_BSD = 12, /* IPv4 or IPv6 at once, as some wrote it */
  DECODE_LINK_RAW_OPENBSD = 14,
  DECODE_LINK_PPP_HDLC = 50,
  DECODE_LINK_PPP_ETHER = 51, /* PPPoE's session header */
  DECODE_LINK_RAW = 101,
  DECODE_LINK_CISCO_HDLC = 104,
  DECODE_LINK_LOOP = 108,
  DECODE_LINK_SLL = 113, /* Linux cooked, version 1 */
  DECODE_LINK_PPP_PPPD = 166,
  DECODE_LINK_PPP_WITH_DIRECTION = 204,
  DECODE_LINK_IP4 = 228,
  DECODE_LINK_IP6 = 229,
  DECODE_LINK_SLL2 = 276,
};

/* What a packet is that is no TCP. From DECODE_ESP on TCP may be inside. */
#define DECODE_KINDS(X)                     \
  X(UDP, "UDP")                             \
  X(ICMP, "ICMP")                           \
  X(ARP, "ARP")                             \
  X(SCTP, "SCTP")                           \
  X(OTHER_IP, "other IP")                   \
  X(OTHER, "not IP")                        \
  X(ESP, "ESP")                             \
  X(GTP, "GTP of another kind")             \
  X(L2TP, "L2TP")                           \
  X(CAPWAP, "CAPWAP")                       \
  X(TEREDO, "Teredo")                       \
  X(LISP, "LISP")                           \
  X(GUE, "GUE")                             \
  X(WIREGUARD, "WireGuard")                 \
  X(IPCOMP, "IPComp")                       \
  X(GRE, "GRE of another kind")             \
  X(MPLS, "MPLS of another kind")           \
  X(VXLAN_GPE, "VXLAN-GPE of another kind") \
  X(NSH, "NSH of another kind")             \
  X(PPP, "compressed or encrypted PPP")     \
  X(MACSEC, "MACsec")                       \
  X(DEEP, "too many layers")                \
  X(LINK, "unknown link type")

enum decode_kind {
#define X(id, name) DECODE_##id,
  DECODE_KINDS(X)
#undef X
      DECODE_KIND_COUNT
};

#endif
