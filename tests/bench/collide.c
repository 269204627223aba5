#include "tests/bench/collide.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow_key.h"

enum { BITS = 18, BUCKET = 12345, FIRST_PORT = 1024 };

struct collide_tuple *collide_find(uint32_t n) {
  struct collide_tuple *tuples = calloc(n ? n : 1, sizeof *tuples);
  static const struct flow_keys without_secret;
  struct flow_key key = {.family = 4, .port = {0, 80}, .address = {{{10}}, {{10, 200, 0, 1}}}};
  uint32_t found = 0;
  for (uint32_t host = 1; tuples && found < n; host++) {
    uint32_t address = htonl(UINT32_C(10) << 24 | host);
    memcpy(key.address[0].bytes, &address, sizeof address);
    for (uint32_t port = FIRST_PORT; port <= UINT16_MAX && found < n; port++) {
      key.port[0] = (uint16_t)port;
      if (flow_key_hash(&without_secret, &key) >> (64 - BITS) != BUCKET) continue;
      struct collide_tuple *tuple = &tuples[found++];
      memcpy(tuple->client, key.address[0].bytes, sizeof tuple->client);
      memcpy(tuple->server, key.address[1].bytes, sizeof tuple->server);
      tuple->client_port = key.port[0];
      tuple->server_port = key.port[1];
    }
  }
  return tuples;
}
