#include "tests/bench/collide.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BITS = 18, BUCKET = 12345, FIRST_PORT = 1024 };

struct key {
  uint8_t address[2][16];
  uint16_t port[2];
  uint8_t family, zero[3];
};

struct collide_tuple *collide_find(uint32_t n) {
  struct collide_tuple *tuples = calloc(n ? n : 1, sizeof *tuples);
  struct key key = {.family = 4, .port = {0, 80}, .address = {{10}, {10, 200, 0, 1}}};
  uint32_t found = 0;
  for (uint32_t host = 1; tuples && found < n; host++) {
    uint32_t address = htonl(UINT32_C(10) << 24 | host);
    memcpy(key.address[0], &address, sizeof address);
    for (uint32_t port = FIRST_PORT; port <= UINT16_MAX && found < n; port++) {
      key.port[0] = (uint16_t)port;
      if (XXH3_64bits(&key, sizeof key) % (1u << BITS) != BUCKET) continue;
      struct collide_tuple *tuple = &tuples[found++];
      memcpy(tuple->client, key.address[0], sizeof tuple->client);
      memcpy(tuple->server, key.address[1], sizeof tuple->server);
      tuple->client_port = key.port[0];
      tuple->server_port = key.port[1];
    }
  }
  return tuples;
}
