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
  enum decode_link link;
  const char *link_header, *ip_headers, *rest; /* hexadecimal; the rest begins at the TCP header */
  enum decode_result result;
  unsigned decided_at; /* octets that suffice for the result; for a segment that is computed */
  /* Of a segment. Where an option ends counts from the TCP header; 0: it has none. */
  uint8_t flags; /* 0: FIN,ACK */
  uint8_t timestamps_end, sack_end, scale_end, sack_permitted_end;
  uint8_t payload, padding;
  uint32_t sack_left, sack_right;
  bool giant; /* the IP header tells no length: the wire does */
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
     .result = DECODE_NOT_TCP, .decided_at = 34},
    /* IP6 2001:db8::1.53 > 2001:db8::2.5353: domain [length 8 < 12] (invalid) */
    {"ipv6 udp", DECODE_LINK_RAW,
     "",
     "6000 0000 0010 1140 2001 0db8 0000 0000 0000 0000 0000 0001 2001 0db8 0000 0000 "
     "0000 0000 0000 0002",
     "0035 14e9 0010 0000 0000 0000 0000 0000",
     .result = DECODE_NOT_TCP, .decided_at = 40},
    /* ARP, Request who-has 192.0.2.2 tell 192.0.2.1, length 28 */
    {"arp", DECODE_LINK_ETHERNET,
     "0200 0000 0002 0200 0000 0001 0806",
     "",
     "0001 0800 0604 0001 0200 0000 0001 c000 0201 0000 0000 0000 c000 0202",
     .result = DECODE_NOT_TCP, .decided_at = 14},
    /* unknown ip 5 */
    {"raw, neither version", DECODE_LINK_RAW,
     "",
     "5000 0034 1234 4000 4006 3c59 c000 0201 c633 6402",
     "a35e 1b58 ffff fff0 8000 0010 8011 0200 82dc 0000 0101 080a 000f 4241 001e 8482",
     .result = DECODE_NOT_TCP, .decided_at = 1},
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
};
/* clang-format on */

enum { N_PACKETS = sizeof PACKETS / sizeof *PACKETS, PACKET_MAX = 256 };

#endif
