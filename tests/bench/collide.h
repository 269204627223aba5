/* Four-tuples that an attacker who knows the hash would choose. */
#ifndef TEARDOWN_TESTS_BENCH_COLLIDE_H
#define TEARDOWN_TESTS_BENCH_COLLIDE_H

#include <stdint.h>

struct collide_tuple {
  uint8_t client[4], server[4];
  uint16_t client_port, server_port;
};

/* n IPv4 tuples whose hash (capture/flow_key.h) without a secret agrees in its high 18 bits. Takes
 * n times 2^18 hashes. The caller frees them; NULL: no memory. */
struct collide_tuple *collide_find(uint32_t n);

#endif
