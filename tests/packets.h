/* Packets, octet by octet, with what must be read from them. The comment above each is what tcpdump
 * -nnS prints. */
#ifndef TEARDOWN_TESTS_PACKETS_H
#define TEARDOWN_TESTS_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "common/model/segment.h"

/* The same in every packet that is a segment. */
enum { SOURCE_PORT = 41822, DESTINATION_PORT = 7000, WINDOW = 512, SCALE = 7 };
enum { TSVAL = 1000001, TSECR = 2000002, FIN_ACK = SEGMENT_FIN | SEGMENT_ACK };
static const uint32_t SEQ = 4294967280, ACK = 2147483664;

struct packet {
  const char *name;
  uint32_t link;                               /* enum decode_link */
  const char *link_header, *ip_headers, *rest; /* hexadecimal; the rest begins at the TCP header */
  enum decode_result result;
  unsigned decided_at; /* octets that suffice for the result; for a segment that is computed */
  /* Of a segment. Where an option ends counts from the TCP header; 0: it has none. */
  uint8_t flags; /* 0: FIN,ACK */
  uint8_t timestamps_end, sack_end, scale_end, sack_permitted_end;
  uint8_t payload, padding;
  uint32_t sack_left, sack_right;
  uint8_t kind; /* enum decode_kind, of what is not TCP */
  bool giant;   /* the IP header tells no length: the wire does */
};

/* clang-format off */
static const struct packet PACKETS[] = {
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ethernet ipv4", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ethernet ipv6", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 86dd",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"vlan", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8100 0005 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"qinq", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 88a8 0064 8100 0005 86dd",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"linux cooked", DECODE_LINK_SLL,
     "0000 0001 0006 0200 0000 0001 0000 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"linux cooked v2", DECODE_LINK_SLL2,
     "86dd 0000 0000 0002 0001 0006 0200 0000 0001 0000",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"raw ipv4", DECODE_LINK_RAW,
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"raw ipv6", DECODE_LINK_RAW,
     "",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"null ipv4", DECODE_LINK_NULL,
     "0200 0000",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"null ipv6, FreeBSD", DECODE_LINK_NULL,
     "1c00 0000",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"null ipv6, other byte order", DECODE_LINK_NULL,
     "0000 001e",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [S], seq 4294967280, win 512, options [mss
       1460,sackOK,TS val 1000001 ecr 2000002,nop,wscale 7], length 0 */
    {"syn with all options", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 003c 1234 4000 4006 3c51 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 0000 0000 a002 0200 d430 0000 0204 05b4 0402 080a 000f 4241 "
     "001e 8482 0103 0307",
     .flags = 0x02, .timestamps_end = 36, .scale_end = 40, .sack_permitted_end = 26},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [P.], seq 4294967280:4294967285, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 5 */
    {"data", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0039 1234 4000 4006 3c54 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8018 0200 3efe 0000 0101 080a 000f 4241 001e 8482 "
     "6865 6c6c 6f",
     .flags = 0x18, .payload = 5, .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [FP.], seq 4294967280:4294967283, ack
       2147483664, win 512, length 3 */
    {"fin with data, no options", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 002b 1234 4000 4006 3c62 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 5019 0200 bb5f 0000 6279 65",
     .flags = 0x19, .payload = 3},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [R], seq 4294967280, win 512, length 0 */
    {"rst", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0028 1234 4000 4006 3c65 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 0000 0000 5004 0200 0302 0000",
     .flags = 0x04},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [.], ack 2147483664, win 512, options
       [nop,nop,TS val 1000001 ecr 2000002,nop,nop,sack 1 {2147483764:2147483864}], length 0 */
    {"sack", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0040 1234 4000 4006 3c4d c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 b010 0200 4b79 0000 0101 080a 000f 4241 001e 8482 "
     "0101 050a 8000 0074 8000 00d8",
     .flags = 0x10, .timestamps_end = 32, .sack_end = 44, .sack_left = 0x80000074, .sack_right
     = 0x800000d8},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [.], ack 2147483664, win 512, options
       [nop,nop,TS val 1000001 ecr 2000002,nop,nop,sack 1 {2147483663:2147483664}], length 0 */
    {"d-sack", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0040 1234 4000 4006 3c4d c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 b010 0200 4ca6 0000 0101 080a 000f 4241 001e 8482 "
     "0101 050a 8000 000f 8000 0010",
     .flags = 0x10, .timestamps_end = 32, .sack_end = 44, .sack_left = 0x8000000f, .sack_right
     = 0x80000010},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [.], ack 2147483664, win 512, options
       [nop,nop,sack 2 {2147483663:2147483664}{2147483764:2147483864}], length 0 */
    {"d-sack, then a sack block", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 003c 1234 4000 4006 3c51 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 a010 0200 2b51 0000 0101 0512 8000 000f 8000 0010 "
     "8000 0074 8000 00d8",
     .flags = 0x10, .sack_end = 40, .sack_left = 0x8000000f, .sack_right = 0x80000010},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv4 options", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4600 0038 1234 4000 4006 a750 c000 0201 c633 6402 9404 0000",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [.], ack 2147483664, win 512, length 0 */
    {"padding to the ethernet minimum", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0028 1234 4000 4006 3c65 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 5010 0200 82e5 0000 0000 0000 0000",
     .flags = 0x10, .padding = 6},
    /* IP bad-len 0 */
    {"offloaded giant ipv4", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0000 1234 4000 4006 3c8d c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 a0f2 0000 0101 080a 000f 4241 001e 8482 "
     "7878 7878 7878 7878",
     .payload = 8, .timestamps_end = 32, .giant = true},
    /* IP6 2001:db8::1 > 2001:db8::2: [|tcp] */
    {"offloaded giant ipv6", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 86dd",
     "6000 0000 0000 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 31b5 0000 0101 080a 000f 4241 001e 8482 "
     "7878 7878 7878 7878",
     .payload = 8, .timestamps_end = 32, .giant = true},
    /* IP6 2001:db8::1 > 2001:db8::2: HBH 41822 > 7000: Flags [F.], seq 4294967280, ack 2147483664,
       win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv6 hop-by-hop", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 86dd",
     "6000 0000 0028 0040 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0600 0502 0000 0100",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1 > 2001:db8::2: DSTOPT 41822 > 7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv6 destination options, 16 octets", DECODE_LINK_RAW,
     "",
     "6000 0000 0030 3c40 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0601 010c 0000 0000 0000 0000 0000 0000",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1 > 2001:db8::2: frag (0|32) 41822 > 7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv6 atomic fragment", DECODE_LINK_RAW,
     "",
     "6000 0000 0028 2c40 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0600 0000 0000 0009",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1 > 2001:db8::2: AH(spi=0x00000001,seq=0x1,icv=0xaaaaaaaaaaaaaaaaaaaaaaaa):
       41822 > 7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"ipv6 authentication header", DECODE_LINK_RAW,
     "",
     "6000 0000 0038 3340 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0604 0000 0000 0001 0000 0001 aaaa aaaa aaaa aaaa aaaa aaaa",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1 > 2001:db8::2: HBH frag (0|32) 41822 > 7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv6 hop-by-hop, then atomic fragment", DECODE_LINK_RAW,
     "",
     "6000 0000 0030 0040 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 2c00 0502 0000 0100 0600 0000 0000 0009",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002,[bad opt]] */
    {"option of length 0", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0038 1234 4000 4006 3c55 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 9011 0200 6ad5 0000 0101 080a 000f 4241 001e 8482 "
     "0500 0303",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002,[bad opt]] */
    {"option of length 1", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0038 1234 4000 4006 3c55 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 9011 0200 6ad4 0000 0101 080a 000f 4241 001e 8482 "
     "0501 0303",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002,[bad opt]] */
    {"option beyond the header", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0038 1234 4000 4006 3c55 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 9011 0200 6acb 0000 0101 080a 000f 4241 001e 8482 "
     "050a 0303",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002,nop,nop,nop, [|tcp] */
    {"option without its length", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0038 1234 4000 4006 3c55 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 9011 0200 70cf 0000 0101 080a 000f 4241 001e 8482 "
     "0101 0108",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [eol], length 0 */
    {"options behind the end of options", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0038 1234 4000 4006 3c55 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 9011 0200 6fce 0000 0003 0307 0101 080a 000f 4241 "
     "001e 8482",
     .result = DECODE_SEGMENT},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [TS val 16843009 ecr 16843011[len 9],[bad opt]] */
    {"options of the wrong length", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0038 1234 4000 4006 3c55 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 9011 0200 26b8 0000 0809 0101 0101 0101 0103 0409 "
     "0904 0300",
     .result = DECODE_SEGMENT},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv4 first fragment", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 2000 4006 5c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_FRAGMENT, .decided_at = 34},
    /* IP 192.0.2.1 > 198.51.100.2: ip-proto-6 */
    {"ipv4 later fragment", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 0010 4006 7c49 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_FRAGMENT, .decided_at = 34},
    /* IP6 2001:db8::1 > 2001:db8::2: frag (0|32) 41822 > 7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv6 first fragment", DECODE_LINK_RAW,
     "",
     "6000 0000 0028 2c40 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0600 0001 0000 0009",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_FRAGMENT, .decided_at = 48},
    /* IP6 2001:db8::1 > 2001:db8::2: frag (16|32) */
    {"ipv6 later fragment", DECODE_LINK_RAW,
     "",
     "6000 0000 0028 2c40 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0600 0010 0000 0009",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_FRAGMENT, .decided_at = 48},
    /* IP 192.0.2.1.53 > 198.51.100.2.5353: domain [length 8 < 12] (invalid) */
    {"ipv4 udp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0024 1234 4000 4011 3c5e c000 0201 c633 6402",
     "0035 14e9 0010 0000 0000 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 38},
    /* IP6 2001:db8::1.53 > 2001:db8::2.5353: domain [length 8 < 12] (invalid) */
    {"ipv6 udp", DECODE_LINK_RAW,
     "",
     "6000 0000 0010 1140 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "0035 14e9 0010 0000 0000 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 44},
    /* ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28 */
    {"arp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0806",
     "",
     "0001 0800 0604 0001 0200 0000 0001 c000 0201 0000 0000 0000 c000 0202",
     .result = DECODE_NOT_TCP, .decided_at = 14, .kind = DECODE_ARP},
    /* unknown ip 5 */
    {"raw, neither version", DECODE_LINK_RAW,
     "",
     "5000 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 1, .kind = DECODE_OTHER},
    /* IP bad-hlen 16 */
    {"ihl of 4", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4400 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_MALFORMED, .decided_at = 34},
    /* IP bad-len 40 */
    {"ihl beyond the total length", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4f00 0028 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_MALFORMED, .decided_at = 34},
    /* IP truncated-ip - 1 bytes missing! 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq
       4294967280:4294967281, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002],
       length 1 */
    {"ipv4 total length beyond the wire", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0035 1234 4000 4006 3c58 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .payload = 1, .timestamps_end = 32},
    /* IP6 truncated-ip6 - 1 bytes missing!2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq
       4294967280:4294967281, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002],
       length 1 */
    {"ipv6 payload length beyond the wire", DECODE_LINK_RAW,
     "",
     "6000 0000 0021 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .payload = 1, .timestamps_end = 32},
    /* IP6 2001:db8::1 > 2001:db8::2: [|hbhopt] */
    {"ipv6 extension beyond the datagram", DECODE_LINK_RAW,
     "",
     "6000 0000 0028 0040 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002 0609 0502 0000 0100",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_MALFORMED, .decided_at = 48},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: tcp 16 [bad hdr length 16 - too short, < 20] */
    {"doff of 4", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 4011 0200 c2dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_MALFORMED, .decided_at = 54},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.] [bad hdr length 24 - too long, > 20] */
    {"doff beyond the datagram", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0028 1234 4000 4006 3c65 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 6011 0200 72e4 0000",
     .result = DECODE_MALFORMED, .decided_at = 54},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: [|tcp] */
    {"datagram shorter than a tcp header", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800",
     "4500 0020 1234 4000 4006 3c6d c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 0000 0000 0000 0000",
     .result = DECODE_MALFORMED, .decided_at = 34},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4789: VXLAN, flags [I] (0x08), vni 42 IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"vxlan", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0066 4321 0000 4011 2364 0a00 0001 0a00 "
     "0002 c350 12b5 0052 0000 0800 0000 0000 2a00 0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 fd00::1.50000 > fd00::2.8472: OTV, flags [I] (0x08), overlay 0, instance 42 IP6
       2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"vxlan on the old port over ipv6, a vlan inside", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 86dd 6000 0000 006a 1140 fd00 0000 0000 0000 0000 "
     "0000 0000 0001 fd00 0000 0000 0000 0000 0000 0000 0002 c350 2118 006a 0000 0800 "
     "0000 0000 2a00 0200 0000 0002 0200 0000 0001 8100 0005 86dd",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.6081: Geneve, Flags [C], vni 0x2a, options [8 bytes]: IP
       192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"geneve, ethernet inside, with options", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 006e 4321 0000 4011 235c 0a00 0001 0a00 "
     "0002 c350 17c1 005a 0000 0240 6558 0000 2a00 0103 0001 0000 0007 0200 0000 0002 "
     "0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.6081: Geneve, Flags [none], vni 0x2a: IP6 2001:db8::1.41822 >
       2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"geneve, ipv6 inside", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 006c 4321 0000 4011 235e 0a00 0001 0a00 "
     "0002 c350 17c1 0058 0000 0000 86dd 0000 2a00",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, length 56: IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags
       [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002],
       length 0 */
    {"gre", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 004c 4321 0000 402f 2360 0a00 0001 0a00 "
     "0002 0000 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, off 0x0, key=0x2a, seq 1, length 88: IP6 2001:db8::1.41822 >
       2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"gre with checksum, key and sequence number", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 006c 4321 0000 402f 2340 0a00 0001 0a00 "
     "0002 b000 86dd 0000 0000 0000 002a 0000 0001",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 fd00::1 > fd00::2: GREv0, key=0x2a, length 74: IP 192.0.2.1.41822 > 198.51.100.2.7000:
       Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr
       2000002], length 0 */
    {"gre over ipv6, ethernet inside", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 86dd 6000 0000 004a 2f40 fd00 0000 0000 0000 0000 "
     "0000 0000 0001 fd00 0000 0000 0000 0000 0000 0000 0002 2000 6558 0000 002a 0200 "
     "0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, length 70: gre-proto-0x88be */
    {"erspan i", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 005a 4321 0000 402f 2352 0a00 0001 0a00 "
     "0002 0000 88be 0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, seq 1, length 82: gre-proto-0x88be */
    {"erspan ii", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0066 4321 0000 402f 2346 0a00 0001 0a00 "
     "0002 1000 88be 0000 0001 1001 0001 0000 0000 0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, seq 1, length 114: gre-proto-0x22eb */
    {"erspan iii, with the platform's words", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0086 4321 0000 402f 2326 0a00 0001 0a00 "
     "0002 1000 22eb 0000 0001 2001 0001 0000 0000 0000 0001 0000 0000 0000 0000 0200 "
     "0000 0002 0200 0000 0001 86dd",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: GREv1, call 7, seq 1, ack 1, length 72: IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"pptp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 005c 4321 0000 402f 2350 0a00 0001 0a00 "
     "0002 3081 880b 0038 0007 0000 0001 0000 0001 ff03 0021",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280,
       ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ip in ip", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0048 4321 0000 4004 238f 0a00 0001 0a00 "
     "0002",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq
       4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"6in4", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 005c 4321 0000 4029 2356 0a00 0001 0a00 "
     "0002",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 fd00::1 > fd00::2: IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280,
       ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv4 in ipv6", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 86dd 6000 0000 0034 0440 fd00 0000 0000 0000 0000 "
     "0000 0000 0001 fd00 0000 0000 0000 0000 0000 0000 0002",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 fd00::1 > fd00::2: DSTOPT IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq
       4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv6 in ipv6 behind destination options", DECODE_LINK_RAW,
     "6000 0000 0050 3c40 fd00 0000 0000 0000 0000 0000 0000 0001 fd00 0000 0000 0000 "
     "0000 0000 0000 0002 2900 0401 0100 0000",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: IP 10.0.0.1 > 10.0.0.2: GREv0, length 106: IP 10.0.0.1.50000 >
       10.0.0.2.4789: VXLAN, flags [I] (0x08), vni 42 IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags
       [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002],
       length 0 */
    {"vxlan in gre in ip in ip", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0092 4321 0000 4004 2345 0a00 0001 0a00 "
     "0002 4500 007e 4321 0000 402f 232e 0a00 0001 0a00 0002 0000 0800 4500 0066 4321 "
     "0000 4011 2364 0a00 0001 0a00 0002 c350 12b5 0052 0000 0800 0000 0000 2a00 0200 "
     "0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: AH(spi=0x00000001,seq=0x1,icv=0xaaaaaaaaaaaaaaaaaaaaaaaa): IP
       192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ipv4 authentication header, ip in ip", DECODE_LINK_RAW,
     "4500 0060 4321 0000 4033 2348 0a00 0001 0a00 0002 0404 0000 0000 0001 0000 0001 "
     "aaaa aaaa aaaa aaaa aaaa aaaa",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* MPLS (label 16, tc 0, ttl 64) (label 17, tc 0, [S], ttl 64) IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"mpls, two labels", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8847 0001 0040 0001 1140",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* MPLS (label 17, tc 0, [S], ttl 64) */
    {"mpls, a pseudowire of ethernet", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8847 0001 1140 0000 0000 0200 0000 0002 0200 0000 "
     "0001 86dd",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* PPPoE [ses 0x1] IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"pppoe", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8864 1100 0001 0036 0021",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* PPPoE [ses 0x1] IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"pppoe behind a vlan, protocol in one octet", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8100 0005 8864 1100 0001 0049 57",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ieee 802.3 with snap", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 003c aaaa 0300 0000 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ppp", DECODE_LINK_PPP,
     "ff03 0021",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ppp without address and control", DECODE_LINK_PPP,
     "0057",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP: IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ppp in hdlc", DECODE_LINK_PPP_HDLC,
     "ff03 0021",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ppp, pppd's direction", DECODE_LINK_PPP_PPPD,
     "0003 0021",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* UNSUPPORTED */
    {"ppp with direction", DECODE_LINK_PPP_WITH_DIRECTION,
     "01ff 0300 21",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* PPPoE [ses 0x1] IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack
       2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"ppp over ethernet as the link", DECODE_LINK_PPP_ETHER,
     "1100 0001 0036 0021",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"cisco hdlc", DECODE_LINK_CISCO_HDLC,
     "0f00 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"fddi", DECODE_LINK_FDDI,
     "50 0200 0000 0002 0200 0000 0001 aaaa 0300 0000 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"link type ipv4", DECODE_LINK_IP4,
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP6 2001:db8::1.41822 > 2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win
       512, options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"link type ipv6", DECODE_LINK_IP6,
     "",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4789: VXLAN, flags [invalid] (0x00), vni 42 IP 192.0.2.1.41822
       > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS
       val 1000001 ecr 2000002], length 0 */
    {"vxlan's port, no vxlan", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0066 4321 0000 4011 2364 0a00 0001 0a00 "
     "0002 c350 12b5 0052 0000 0000 0000 0000 2a00",
     "",
     "0200 0000 0002 0200 0000 0001 0800 4500 0034 1234 4000 4006 3c59 c000 0201 c633 "
     "6402 a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e "
     "8482",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4789: VXLAN (invalid) */
    {"vxlan's port, hardly a datagram", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0020 4321 0000 4011 23aa 0a00 0001 0a00 "
     "0002 c350 12b5 000c 0000",
     "",
     "0800 0000",
     .result = DECODE_NOT_TCP, .decided_at = 42, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.6081: Geneve ERROR: unknown-version 1 */
    {"geneve's port, another version", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0058 4321 0000 4011 2372 0a00 0001 0a00 "
     "0002 c350 17c1 0044 0000 4000 0800 0000 2a00",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4789: VXLAN, flags [I] (0x08), vni 42 IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val
       1000001 ecr 2000002], length 0 */
    {"vxlan, first fragment", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0066 4321 2000 4011 0364 0a00 0001 0a00 "
     "0002 c350 12b5 0052 0000 0800 0000 0000 2a00 0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: ip-proto-17 */
    {"udp, later fragment", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0066 4321 0010 4011 2354 0a00 0001 0a00 "
     "0002",
     "",
     "c350 12b5 0052 0000 0800 0000 0000 2a00 0200 0000 0002 0200 0000 0001 0800 4500 "
     "0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 8011 "
     "0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 34, .kind = DECODE_UDP},
    /* IP 10.0.0.1 > 10.0.0.2: ip-proto-47 */
    {"gre, later fragment", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 004c 4321 0010 402f 2350 0a00 0001 0a00 "
     "0002",
     "",
     "0000 0800 4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 "
     "8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_FRAGMENT, .decided_at = 34},
    /* IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 8 */
    {"icmp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 001c 4321 0000 4001 23be 0a00 0001 0a00 "
     "0002",
     "",
     "0800 0000 0001 0001",
     .result = DECODE_NOT_TCP, .decided_at = 34, .kind = DECODE_ICMP},
    /* IP 10.0.0.1.1 > 10.0.0.2.2: sctp */
    {"sctp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0020 4321 0000 4084 2337 0a00 0001 0a00 "
     "0002",
     "",
     "0001 0002 0000 0001 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 34, .kind = DECODE_SCTP},
    /* IP 10.0.0.1 > 10.0.0.2: igmp v2 report 224.0.0.1 */
    {"igmp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 001c 4321 0000 4002 23bd 0a00 0001 0a00 "
     "0002",
     "",
     "1600 0000 e000 0001",
     .result = DECODE_NOT_TCP, .decided_at = 34, .kind = DECODE_OTHER_IP},
    /* IP 10.0.0.1 > 10.0.0.2: ESP(spi=0x00000001,seq=0x1), length 12 */
    {"esp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0020 4321 0000 4032 2389 0a00 0001 0a00 "
     "0002",
     "",
     "0000 0001 0000 0001 aaaa aaaa",
     .result = DECODE_NOT_TCP, .decided_at = 34, .kind = DECODE_ESP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4500: UDP-encap: ESP(spi=0x00000001,seq=0x1), length 12 */
    {"esp in udp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0028 4321 0000 4011 23a2 0a00 0001 0a00 "
     "0002 c350 1194",
     "",
     "0014 0000 0000 0001 0000 0001 aaaa aaaa",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_ESP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.2152: UDP, length 60 */
    {"gtp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0058 4321 0000 4011 2372 0a00 0001 0a00 "
     "0002 c350 0868 0044 0000 30ff 0034 0000 0001",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.2152: UDP, length 96 */
    {"gtp with sequence number and extensions", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 007c 4321 0000 4011 234e 0a00 0001 0a00 "
     "0002 c350 0868 0068 0000 36ff 0058 0000 0001 0001 0085 0110 0085 0200 0000 0000 "
     "0000",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.2152: UDP, length 12 */
    {"gtp, an echo request", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0028 4321 0000 4011 23a2 0a00 0001 0a00 "
     "0002 c350 0868 0014 0000 3201 0004 0000 0000",
     "",
     "0001 0000",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.2152: UDP, length 66 */
    {"gtp of another version", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 005e 4321 0000 4011 236c 0a00 0001 0a00 "
     "0002 c350 0868 004a 0000 48ff 0008 0000 0001",
     "",
     "0000 0100 0000 4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff "
     "fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_GTP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.2152: UDP, length 68 */
    {"gtp, an extension without length", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0060 4321 0000 4011 236a 0a00 0001 0a00 "
     "0002 c350 0868 004c 0000 34ff 003c 0000 0001 0000 0085 00",
     "",
     "1000 0045 0000 3412 3440 0040 063c 59c0 0002 01c6 3364 02a3 5e1b 58ff ffff f080 "
     "0000 1080 1102 0082 dc00 0001 0108 0a00 0f42 4100 1e84 82",
     .result = DECODE_MALFORMED, .decided_at = 55},
    /* IP 10.0.0.1.50000 > 10.0.0.2.1701: l2tp:[](1/1) {IP 192.0.2.1.41822 > 198.51.100.2.7000:
       Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr
       2000002], length 0} */
    {"l2tp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 005a 4321 0000 4011 2370 0a00 0001 0a00 "
     "0002 c350 06a5",
     "",
     "0046 0000 0002 0001 0001 ff03 0021 4500 0034 1234 4000 4006 3c59 c000 0201 c633 "
     "6402 a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e "
     "8482",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_L2TP},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, off 0x0, length 64: IP 192.0.2.1.41822 > 198.51.100.2.7000:
       Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr
       2000002], length 0 */
    {"gre with routing", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0054 4321 0000 402f 2358 0a00 0001 0a00 "
     "0002 4000 0800",
     "",
     "0000 0000 0000 0000 4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 "
     "ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_GRE},
    /* IP 10.0.0.1 > 10.0.0.2: GREv0, length 60: gre-proto-0x883e */
    {"gre of wccp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0050 4321 0000 402f 235c 0a00 0001 0a00 "
     "0002 0000 883e",
     "",
     "0000 0000 4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 "
     "8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_GRE},
    /* IP 10.0.0.1 > 10.0.0.2: GREv1, call 7, ack 1, no-payload, length 12 */
    {"pptp, an acknowledgement alone", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0020 4321 0000 402f 238c 0a00 0001 0a00 "
     "0002 2081 880b",
     "",
     "0000 0007 0000 0001",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_OTHER_IP},
    /* MPLS (label 17, tc 0, [S], ttl 64) [|clnp] */
    {"mpls of neither ip nor a pseudowire", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8847 0001 1140",
     "",
     "8100 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 19, .kind = DECODE_MPLS},
    /* PPPoE [ses 0x1] compressed PPP data */
    {"ppp, compressed", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8864 1100 0001 0006 00fd",
     "",
     "0001 0203",
     .result = DECODE_NOT_TCP, .decided_at = 22, .kind = DECODE_PPP},
    /* 02:00:00:00:00:01 > 02:00:00:00:00:02 802.1AE MACsec, an 0, pn 1, flags ECI, sci
       0200000000010001, */
    {"macsec", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 88e5",
     "",
     "2c00 0000 0001 0200 0000 0001 0001",
     .result = DECODE_NOT_TCP, .decided_at = 14, .kind = DECODE_MACSEC},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4790: VXLAN-GPE, flags [IP], vni 42: IP6 2001:db8::1.41822 >
       2001:db8::2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS
       val 1000001 ecr 2000002], length 0 */
    {"vxlan-gpe, ipv6 inside", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 006c 4321 0000 4011 235e 0a00 0001 0a00 "
     "0002 c350 12b6 0058 0000 0c00 0002 0000 2a00",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4790: VXLAN-GPE, flags [I], vni 42: ERROR: unknown-next-protocol
       (invalid) */
    {"vxlan-gpe without a next protocol", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0066 4321 0000 4011 2364 0a00 0001 0a00 "
     "0002 c350 12b6 0052 0000 0800 0000 0000 2a00 0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4790: VXLAN-GPE, flags [IP], vni 42: NSH, flags [none],
       service-path-id 0x00002a, service-index 0xff: IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags
       [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS val 1000001 ecr 2000002],
       length 0 */
    {"vxlan-gpe, nsh, ethernet inside", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 006e 4321 0000 4011 235c 0a00 0001 0a00 "
     "0002 c350 12b6 005a 0000 0c00 0004 0000 2a00 0fc2 0203 0000 2aff 0200 0000 0002 "
     "0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4790: VXLAN-GPE, flags [IP], vni 42: IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS
       val 1000001 ecr 2000002], length 0 */
    {"vxlan-gpe of another version", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0058 4321 0000 4011 2372 0a00 0001 0a00 "
     "0002 c350 12b6 0044 0000 1c00 0001 0000 2a00",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_VXLAN_GPE},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4790: VXLAN-GPE, flags [IPO], vni 42: IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS
       val 1000001 ecr 2000002], length 0 */
    {"vxlan-gpe, management", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0058 4321 0000 4011 2372 0a00 0001 0a00 "
     "0002 c350 12b6 0044 0000 0d00 0001 0000 2a00",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4790: VXLAN-GPE, flags [IP], vni 42: ERROR:
       unknown-next-protocol (invalid) */
    {"vxlan-gpe of another protocol", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0058 4321 0000 4011 2372 0a00 0001 0a00 "
     "0002 c350 12b6 0044 0000 0c00 0009 0000 2a00",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_VXLAN_GPE},
    /* IP 10.0.0.1.50000 > 10.0.0.2.6635: MPLS (label 17, tc 0, [S], ttl 64) IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS
       val 1000001 ecr 2000002], length 0 */
    {"mpls in udp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0054 4321 0000 4011 2376 0a00 0001 0a00 "
     "0002 c350 19eb 0040 0000 0001 1140",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* NSH, flags [none], service-path-id 0x00002a, service-index 0xff: IP 192.0.2.1.41822 >
       198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512, options [nop,nop,TS
       val 1000001 ecr 2000002], length 0 */
    {"nsh with context", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 894f 0fc6 0101 0000 2aff 0001 0203 0405 0607 0809 "
     "0a0b 0c0d 0e0f",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* NSH, flags [none], service-path-id 0x00002a, service-index 0xff (less than two headers)
       (invalid) */
    {"nsh, shorter than itself", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 894f 0fc1 0201 0000 2aff",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_MALFORMED, .decided_at = 22},
    /* NSH, */
    {"nsh of another version", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 894f 4fc2 0201 0000 2aff",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 22, .kind = DECODE_NSH},
    /* NSH, flags [none], service-path-id 0x00002a, service-index 0xff: ERROR: unknown-next-protocol
       */
    {"nsh of another protocol", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 894f 0fc2 0209 0000 2aff",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 22, .kind = DECODE_NSH},
    /* 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x88e7), length 108: */
    {"a provider's backbone bridge", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 88a8 0005 88e7 0000 002a 0200 0000 0002 0200 0000 "
     "0001 86dd",
     "6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* 02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype Unknown (0x22f3), length 90: */
    {"trill with options", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 22f3 0054 0002 0001 0000 0000 0200 0000 0002 0200 "
     "0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2:  ip-proto-97 68 */
    {"etherip", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0058 4321 0000 4061 2322 0a00 0001 0a00 "
     "0002 3000 0200 0000 0002 0200 0000 0001 0800",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .timestamps_end = 32},
    /* IP 10.0.0.1 > 10.0.0.2: IPComp(cpi=0x0002) */
    {"ipcomp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0020 4321 0000 406c 234f 0a00 0001 0a00 "
     "0002",
     "",
     "0600 0002 0000 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 34, .kind = DECODE_IPCOMP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.5247: UDP, length 16 */
    {"capwap", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 002c 4321 0000 4011 239e 0a00 0001 0a00 "
     "0002 c350 147f",
     "",
     "0018 0000 0010 0200 0000 0000 0801 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_CAPWAP},
    /* IP 10.0.0.1.5247 > 10.0.0.2.50000: UDP, length 16 */
    {"capwap, from the controller", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 002c 4321 0000 4011 239e 0a00 0001 0a00 "
     "0002 147f c350",
     "",
     "0018 0000 0010 0200 0000 0000 0801 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_CAPWAP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.3544: UDP, length 72 */
    {"teredo", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0064 4321 0000 4011 2366 0a00 0001 0a00 "
     "0002 c350 0dd8",
     "",
     "0050 0000 6000 0000 0020 0640 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 "
     "0000 0000 0000 0000 0000 0002 a35e 1b58 ffff fff0 8000 0010 8011 0200 139f 0000 "
     "0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_TEREDO},
    /* IP 10.0.0.1.50000 > 10.0.0.2.4341: UDP, length 28 */
    {"lisp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0038 4321 0000 4011 2392 0a00 0001 0a00 "
     "0002 c350 10f5",
     "",
     "0024 0000 8000 0001 0000 0001 4500 0014 0001 0000 4006 0000 0a01 0001 0a01 0002",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_LISP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.6080: UDP, length 24 */
    {"gue", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0034 4321 0000 4011 2396 0a00 0001 0a00 "
     "0002 c350 17c0",
     "",
     "0020 0000 0004 0000 4500 0014 0001 0000 4006 0000 0a01 0001 0a01 0002",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_GUE},
    /* IP 10.0.0.1.50000 > 10.0.0.2.51820: UDP, length 32 */
    {"wireguard", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 003c 4321 0000 4011 238e 0a00 0001 0a00 "
     "0002 c350 ca6c",
     "",
     "0028 0000 0400 0000 0100 0000 0000 0000 0000 0000 aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_WIREGUARD},
    /* IP 10.0.0.1.50000 > 10.0.0.2.51820: UDP, length 8 */
    {"wireguard's port, and no message of its", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0024 4321 0000 4011 23a6 0a00 0001 0a00 "
     "0002 c350 ca6c",
     "",
     "0010 0000 0500 0000 0100 0000",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.51820: UDP, length 8 */
    {"wireguard's port, and no zeros", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0024 4321 0000 4011 23a6 0a00 0001 0a00 "
     "0002 c350 ca6c",
     "",
     "0010 0000 0100 1000 0100 0000",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.50000 > 10.0.0.2.51820: UDP, length 8 */
    {"wireguard's port, and a zero", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0024 4321 0000 4011 23a6 0a00 0001 0a00 "
     "0002 c350 ca6c",
     "",
     "0010 0000 0000 0000 0100 0000",
     .result = DECODE_NOT_TCP, .decided_at = 50, .kind = DECODE_UDP},
    /* IP 10.0.0.1.51820 > 10.0.0.2.5000: UDP, length 8 */
    {"from wireguard's port, which is ephemeral", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0024 4321 0000 4011 23a6 0a00 0001 0a00 "
     "0002 ca6c 1388",
     "",
     "0010 0000 0400 0000 0100 0000",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_UDP},
    /* IP 10.0.0.1.4500 > 10.0.0.2.50000: UDP-encap: ESP(spi=0x00000001,seq=0x1), length 12 */
    {"esp in udp, the answer", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0800 4500 0028 4321 0000 4011 23a2 0a00 0001 0a00 "
     "0002 1194 c350",
     "",
     "0014 0000 0000 0001 0000 0001 aaaa aaaa",
     .result = DECODE_NOT_TCP, .decided_at = 38, .kind = DECODE_ESP},
    /* STP 802.1d, Config (invalid) */
    {"spanning tree", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0026 4242 0300 0000 0000",
     "",
     "0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 22, .kind = DECODE_OTHER},
    /* IP 192.0.2.1.41822 > 198.51.100.2.7000: Flags [F.], seq 4294967280, ack 2147483664, win 512,
       options [nop,nop,TS val 1000001 ecr 2000002], length 0 */
    {"more vlan tags than anybody opens", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 "
     "8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 "
     "8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 8100 0005 "
     "8100 0005 8100 0005 8100",
     "",
     "0005 8100 0005 8100 0005 8100 0005 0800 4500 0034 1234 4000 4006 3c59 c000 0201 "
     "c633 6402 a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 "
     "001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 106, .kind = DECODE_DEEP},
    /* 40:00:40:06:3c:59 Unknown SSAP 0x5e > c0:00:02:01:c6:33 Unknown DSAP 0xa2 Unnumbered, 0b,
       Flags [Poll], length 32 */
    {"a link type that is not read", 105,
     "0801 0000",
     "",
     "4500 0034 1234 4000 4006 3c59 c000 0201 c633 6402 a35e 1b58 ffff fff0 8000 0010 "
     "8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 0, .kind = DECODE_LINK},
};
/* clang-format on */

enum { N_PACKETS = sizeof PACKETS / sizeof *PACKETS, PACKET_MAX = 256 };

#endif
