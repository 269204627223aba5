/* Names of endpoints, against inet_ntop. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/name.h"

static void check(uint8_t family, const uint8_t *octets, uint16_t port) {
  struct decode_address address = {{0}};
  char text[INET6_ADDRSTRLEN], expected[NAME_SIZE], actual[NAME_SIZE];
  memcpy(address.bytes, octets, family == 4 ? 4 : 16);
  inet_ntop(family == 4 ? AF_INET : AF_INET6, octets, text, sizeof text);
  snprintf(expected, sizeof expected, family == 4 ? "%s:%u" : "[%s]:%u", text, port);
  assert_string_equal(name_endpoint(family, &address, port, actual), expected);
}

static uint16_t any16(void) { return (uint16_t)(rand() >> rand() % 16); }

static void any_address_is_named_as_inet_ntop_does(void **unused) {
  (void)unused;
  for (unsigned n = 0; n < 256; n++)
    check(4, (const uint8_t[]){(uint8_t)n, (uint8_t)(255 - n), 0, 255}, (uint16_t)n);
  for (unsigned port = 0; port <= UINT16_MAX; port++)
    check(4, (const uint8_t[]){127, 0, 0, 1}, (uint16_t)port);
  for (unsigned zeros = 0; zeros < 256; zeros++) { /* every pattern of groups that are zero */
    for (unsigned i = 0; i < 200; i++) {
      uint8_t octets[16] = {0};
      for (unsigned group = 0; group < 8; group++) {
        uint16_t value = zeros >> group & 1 ? 0 : (uint16_t)(any16() | 1);
        octets[2 * group] = (uint8_t)(value >> 8);
        octets[2 * group + 1] = (uint8_t)value;
      }
      if (i % 8 == 0) octets[10] = octets[11] = 0xff; /* IPv4-mapped, when what is before is zero */
      check(6, octets, any16());
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(any_address_is_named_as_inet_ntop_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
