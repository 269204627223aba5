#include "capture/flow_key.h"

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

/* Words as wide as the hash reads them: what was written in smaller pieces a moment ago would have
 * to reach memory first. */
static uint64_t two(uint32_t low, uint32_t high) { return low | (uint64_t)high << 32; }

/* Of IPv4 what is hashed is short: most of the key is zero. */
static uint64_t hash_ip4(const struct flow_keys *keys, uint32_t one, uint32_t other,
                         uint16_t one_port, uint16_t other_port) {
  const uint64_t tuple[] = {two(one, other), two(one_port, other_port)};
  return XXH3_64bits_withSecret(tuple, sizeof tuple, keys->secret, sizeof keys->secret);
}

static uint32_t ip4_of(const struct decode_address *address) {
  uint32_t ip4;
  memcpy(&ip4, address, sizeof ip4);
  return ip4;
}

uint64_t flow_key_hash(const struct flow_keys *keys, const struct flow_key *key) {
  if (key->family == 6)
    return XXH3_64bits_withSecret(key, sizeof *key, keys->secret, sizeof keys->secret);
  return hash_ip4(keys, ip4_of(&key->address[0]), ip4_of(&key->address[1]), key->port[0],
                  key->port[1]);
}

uint64_t flow_key_of(const struct flow_keys *keys, const struct decoded *p, struct flow_key *key,
                     uint8_t *half) {
  uint16_t from_port = p->source_port, to_port = p->destination_port;
  uint32_t from = ip4_of(&p->source), to = ip4_of(&p->destination);
  bool is_lower = from != to ? from < to : from_port < to_port;
  if (p->family == 6) {
    int order = memcmp(&p->source, &p->destination, sizeof p->source);
    is_lower = order != 0 ? order < 0 : from_port < to_port;
  }
  unsigned first = is_lower ? 0 : 1;
  key->address[first] = p->source;
  key->address[1 - first] = p->destination;
  key->port[first] = from_port;
  key->port[1 - first] = to_port;
  key->family = p->family;
  memset(key->zero, 0, sizeof key->zero);
  *half = (uint8_t)first;
  if (p->family == 6) return flow_key_hash(keys, key);
  return is_lower ? hash_ip4(keys, from, to, from_port, to_port)
                  : hash_ip4(keys, to, from, to_port, from_port);
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
