/* Four-tuples: the key of a connection, the same for both directions, and how an entry holds it.
 *
 * An entry has room for two addresses of IPv4; of IPv6 it has the number of a pair of them. The
 * hash's key is drawn at the start, so that nobody can choose four-tuples that meet in one place of
 * the index. */
#ifndef TEARDOWN_CAPTURE_FLOW_KEY_H
#define TEARDOWN_CAPTURE_FLOW_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "capture/decode.h"
#include "capture/hot.h"
#include "capture/pool.h"

struct flow_key {
  struct decode_address address[2]; /* the lower (address, port) first */
  uint16_t port[2];
  uint8_t family, zero; /* compared as bytes: no padding */
};

/* Two addresses of IPv6. */
struct flow_addresses {
  struct decode_address address[2];
};

struct flow_keys {
  struct pool addresses;
  uint64_t secret[5]; /* the hash's key */
};

/* For at most `max` entries. False when that cannot be had. */
bool flow_keys_init(struct flow_keys *keys, uint32_t max);
void flow_keys_destroy(struct flow_keys *keys);

/* The key of the packet's two ends, and which half of it the source is. Returns its hash. */
uint64_t flow_key_of_ip4(const struct flow_keys *keys, const struct decoded *packet,
                         struct flow_key *key, uint8_t *half);
uint64_t flow_key_of_ip6(const struct flow_keys *keys, const struct decoded *packet,
                         struct flow_key *key, uint8_t *half);

/* The same of a key, and of the one that an entry has. */
uint64_t flow_key_hash(const struct flow_keys *keys, const struct flow_key *key);
uint64_t flow_key_hash_entry(const struct flow_keys *keys, const struct hot *entry);

/* Of a segment with its four-tuple, whose hash is given. */
uint64_t flow_key_hash_segment(const struct flow_keys *keys, const struct decoded *packet,
                               unsigned half, uint64_t key_hash);

/* Writes the key into an entry that has none, reads it there, and takes it out again. */
void flow_key_put(struct flow_keys *keys, struct hot *entry, const struct flow_key *key);
void flow_key_get(const struct flow_keys *keys, const struct hot *entry, struct flow_key *key);
void flow_key_take(struct flow_keys *keys, struct hot *entry);

static inline bool flow_key_is_of(const struct flow_keys *keys, const struct flow_key *key,
                                  const struct hot *e) {
  if (e->is_ipv6 != (key->family == 6) || memcmp(e->port, key->port, sizeof e->port) != 0)
    return false;
  if (e->is_ipv6)
    return memcmp(pool_at(&keys->addresses, e->address[0]), key->address, sizeof key->address) == 0;
  return memcmp(&e->address[0], &key->address[0], sizeof e->address[0]) == 0 &&
         memcmp(&e->address[1], &key->address[1], sizeof e->address[1]) == 0;
}

#endif
