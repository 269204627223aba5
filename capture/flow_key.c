#include "capture/flow_key.h"

#include <arpa/inet.h>
#include <assert.h>
#include <sys/random.h>

/* It reads by memcpy: as it reads by itself, in a way that gcc 14 takes for no access to a struct,
 * a key is hashed before it is written. */
#define XXH_FORCE_MEMORY_ACCESS 0
#define XXH_INLINE_ALL
#include <xxhash.h>

static_assert(FLOW_SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "the hash takes a secret of this size");

bool flow_keys_init(struct flow_keys *keys, uint32_t max) {
  return pool_init(&keys->addresses, max, sizeof(struct flow_addresses)) &&
         getrandom(keys->secret, sizeof keys->secret, 0) == (ssize_t)sizeof keys->secret;
}

void flow_keys_destroy(struct flow_keys *keys) { pool_destroy(&keys->addresses); }

static bool is_lower(uint8_t family, const struct decode_address *one,
                     const struct decode_address *other, bool ports_are) {
  uint32_t a, b;
  if (family == 6) {
    int order = memcmp(one, other, sizeof *one);
    return order != 0 ? order < 0 : ports_are;
  }
  memcpy(&a, one, sizeof a);
  memcpy(&b, other, sizeof b);
  return a != b ? a < b : ports_are;
}

unsigned flow_key_between(struct flow_key *key, uint8_t family, const struct decode_address *one,
                          uint16_t one_port, const struct decode_address *other,
                          uint16_t other_port) {
  unsigned half = is_lower(family, one, other, one_port < other_port) ? 0 : 1;
  key->address[half] = *one;
  key->address[1 - half] = *other;
  key->port[half] = one_port;
  key->port[1 - half] = other_port;
  key->family = family;
  memset(key->zero, 0, sizeof key->zero);
  return half;
}

/* Words as wide as the hash reads them: what was written in smaller pieces a moment ago would have
 * to reach memory first. */
static uint64_t two(uint32_t low, uint32_t high) { return low | (uint64_t)high << 32; }

/* Of IPv4 what is hashed is short: most of the key is zero. */
uint64_t flow_key_hash(const struct flow_keys *keys, const struct flow_key *key) {
  uint32_t address[2], ports;
  if (key->family == 6)
    return XXH3_64bits_withSecret(key, sizeof *key, keys->secret, sizeof keys->secret);
  memcpy(&address[0], &key->address[0], sizeof address[0]);
  memcpy(&address[1], &key->address[1], sizeof address[1]);
  ports = key->port[0] | (uint32_t)key->port[1] << 16;
  const uint64_t tuple[] = {two(address[0], address[1]), ports};
  return XXH3_64bits_withSecret(tuple, sizeof tuple, keys->secret, sizeof keys->secret);
}

uint64_t flow_key_hash_segment(const struct decoded *p, unsigned half, uint64_t key_hash) {
  const struct segment *s = &p->segment;
  const uint64_t fields[] = {two(s->seq, s->ack), two(s->payload_bytes, s->tsval),
                             two(s->tsecr, p->ip_id),
                             two(s->window, s->flags | (uint32_t)half << 8)};
  return XXH3_64bits_withSeed(fields, sizeof fields, key_hash);
}

void flow_key_put(struct flow_keys *keys, struct hot *e, const struct flow_key *key) {
  e->is_ipv6 = key->family == 6;
  memcpy(e->port, key->port, sizeof e->port);
  if (e->is_ipv6) {
    struct flow_addresses *addresses = pool_take(&keys->addresses, &e->address[0]);
    memcpy(addresses, key->address, sizeof key->address);
  } else {
    memcpy(&e->address[0], &key->address[0], sizeof e->address[0]);
    memcpy(&e->address[1], &key->address[1], sizeof e->address[1]);
  }
}

void flow_key_get(const struct flow_keys *keys, const struct hot *e, struct flow_key *key) {
  memset(key, 0, sizeof *key);
  key->family = e->is_ipv6 ? 6 : 4;
  memcpy(key->port, e->port, sizeof key->port);
  if (e->is_ipv6) {
    memcpy(key->address, pool_at(&keys->addresses, e->address[0]), sizeof key->address);
  } else {
    memcpy(&key->address[0], &e->address[0], sizeof e->address[0]);
    memcpy(&key->address[1], &e->address[1], sizeof e->address[1]);
  }
}

void flow_key_take(struct flow_keys *keys, struct hot *e) {
  if (e->is_ipv6) pool_give(&keys->addresses, e->address[0]);
}
