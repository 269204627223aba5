#include "capture/name.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

/* Of a port or an octet. */
static char *put_decimal(char *at, unsigned n) {
  unsigned digits = 1U + (n >= 10) + (n >= 100) + (n >= 1000) + (n >= 10000);
  for (unsigned i = digits; i-- > 0; n /= 10) at[i] = (char)('0' + n % 10);
  return at + digits;
}

static char *put_hexadecimal(char *at, unsigned n) {
  if (n >= 16) at = put_hexadecimal(at, n / 16);
  *at++ = "0123456789abcdef"[n % 16];
  return at;
}

static char *put_ip4(char *at, const uint8_t *octets) {
  for (unsigned i = 0; i < 4; i++) {
    if (i > 0) *at++ = '.';
    at = put_decimal(at, octets[i]);
  }
  return at;
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

const char *name_endpoint(uint8_t family, const struct decode_address *address, uint16_t port,
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
  *put_decimal(at, port) = '\0';
  return buffer;
}
