#include "capture/name.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "common/digits.h"

/* With the dot behind it. Writes four characters, of which those that are not part of it are
 * written over. */
static char *put_octet(char *at, unsigned n) {
#define ONE(text) \
  { text, sizeof(text) - 1 }
#define TEN(t)                                                                               \
  ONE(t "0."), ONE(t "1."), ONE(t "2."), ONE(t "3."), ONE(t "4."), ONE(t "5."), ONE(t "6."), \
      ONE(t "7."), ONE(t "8."), ONE(t "9.")
  static const struct {
    char text[4];
    uint32_t length;
  } octets[] = {
      TEN(""),     TEN("1"),    TEN("2"),    TEN("3"),  TEN("4"),    TEN("5"),    TEN("6"),
      TEN("7"),    TEN("8"),    TEN("9"),    TEN("10"), TEN("11"),   TEN("12"),   TEN("13"),
      TEN("14"),   TEN("15"),   TEN("16"),   TEN("17"), TEN("18"),   TEN("19"),   TEN("20"),
      TEN("21"),   TEN("22"),   TEN("23"),   TEN("24"), ONE("250."), ONE("251."), ONE("252."),
      ONE("253."), ONE("254."), ONE("255."),
  };
#undef TEN
#undef ONE
  memcpy(at, octets[n].text, sizeof octets[n].text);
  return at + octets[n].length;
}

static char *put_hexadecimal(char *at, unsigned n) {
  if (n >= 16) at = put_hexadecimal(at, n / 16);
  *at++ = "0123456789abcdef"[n % 16];
  return at;
}

static char *put_ip4(char *at, const uint8_t *octets) {
  at = put_octet(at, octets[0]);
  at = put_octet(at, octets[1]);
  at = put_octet(at, octets[2]);
  return put_octet(at, octets[3]) - 1;
}

/* The longest run of two zero groups or more, the first of equals: "::" stands for it. */
static unsigned longest_zeros(const unsigned groups[static 8], unsigned *length) {
  unsigned begin = 8, run = 0;
  *length = 1;
  for (unsigned i = 0; i < 8; i++) {
    run = groups[i] == 0 ? run + 1 : 0;
    if (run <= *length) continue;
    *length = run;
    begin = i + 1 - run;
  }
  return begin;
}

static char *put_ip6(char *at, const uint8_t *octets) {
  unsigned groups[8], length;
  for (unsigned i = 0; i < 8; i++) groups[i] = (unsigned)octets[2 * i] << 8 | octets[2 * i + 1];
  unsigned begin = longest_zeros(groups, &length);
  if (begin == 0 && length >= 5) { /* may hold an IPv4 address, which has a form of its own */
    inet_ntop(AF_INET6, octets, at, INET6_ADDRSTRLEN);
    return at + strlen(at);
  }
  for (unsigned i = 0; i < 8; i++) {
    if (i == begin) {
      *at++ = ':';
      if (i == 0) *at++ = ':';
      i += length - 1;
      continue;
    }
    at = put_hexadecimal(at, groups[i]);
    if (i < 7) *at++ = ':';
  }
  return at;
}

size_t name_put(uint8_t family, const struct decode_address *address, uint16_t port,
                char buffer[static NAME_SIZE]) {
  char *at = buffer;
  if (family == 4) {
    at = put_ip4(at, address->bytes);
  } else {
    *at++ = '[';
    at = put_ip6(at, address->bytes);
    *at++ = ']';
  }
  *at++ = ':';
  unsigned digits = digits_count(port);
  digits_write(at, port, digits);
  at[digits] = '\0';
  return (size_t)(at + digits - buffer);
}

const char *name_endpoint(uint8_t family, const struct decode_address *address, uint16_t port,
                          char buffer[static NAME_SIZE]) {
  (void)name_put(family, address, port, buffer);
  return buffer;
}
