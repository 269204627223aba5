#include "capture/name.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "common/digits.h"

/* With the dot behind it. Writes four characters, of which those that are not part of it are
 * written over. */
static char *put_octet(char *at, unsigned n) {
#define TEN(t) t "0.", t "1.", t "2.", t "3.", t "4.", t "5.", t "6.", t "7.", t "8.", t "9."
  static const char texts[][4] = {
      TEN(""),   TEN("1"),  TEN("2"),  TEN("3"),  TEN("4"),  TEN("5"),  TEN("6"),  TEN("7"),
      TEN("8"),  TEN("9"),  TEN("10"), TEN("11"), TEN("12"), TEN("13"), TEN("14"), TEN("15"),
      TEN("16"), TEN("17"), TEN("18"), TEN("19"), TEN("20"), TEN("21"), TEN("22"), TEN("23"),
      TEN("24"), "250.",    "251.",    "252.",    "253.",    "254.",    "255.",
  };
#undef TEN
  memcpy(at, texts[n], sizeof texts[n]);
  return at + 2 + (n >= 10) + (n >= 100);
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
