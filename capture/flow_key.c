#include "capture/flow_key.h"

#include <sys/random.h>

bool flow_keys_init(struct flow_keys *keys, uint32_t max) {
  return pool_init(&keys->addresses, max, sizeof(struct flow_addresses)) &&
         getrandom(keys->secret, sizeof keys->secret, 0) == (ssize_t)sizeof keys->secret;
}

void flow_keys_destroy(struct flow_keys *keys) { pool_destroy(&keys->addresses); }

/* ---- Hashes --------------------------------------------------------------------------------- */

/* A product whose halves are folded, as wyhash and XXH3 have it: what is multiplied has been mixed
 * with a secret each, without which nobody can tell which pairs of them meet. */
static uint64_t fold(uint64_t one, uint64_t other) {
  __uint128_t product = (__uint128_t)one * other;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Of numbers in a row a product's are in a row, too, if modulo 2^64: with one secret in twenty they
 * come in lumps. */
static uint64_t scatter(uint64_t hash) {
  return (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t two(uint32_t low, uint32_t high) { return low | (uint64_t)high << 32; }

/* An end of IPv4 as one number. */
static uint64_t ip4_end(const struct decode_address *address, uint16_t port) {
  uint32_t ip4;
  memcpy(&ip4, address, sizeof ip4);
  return (uint64_t)ip4 << 16 | port;
}

static uint64_t hash_ip4(const struct flow_keys *keys, uint64_t lower, uint64_t higher) {
  return scatter(fold(lower ^ keys->secret[0], higher ^ keys->secret[1]));
}

static uint64_t hash_ip6(const struct flow_keys *keys, const struct decode_address address[2],
                         const uint16_t port[2]) {
  const uint64_t *secret = keys->secret;
  uint64_t a[2][2];
  memcpy(a, address, sizeof a);
  uint64_t addresses = fold(a[0][0] ^ secret[0], a[0][1] ^ secret[1]) ^
                       fold(a[1][0] ^ secret[2], a[1][1] ^ secret[3]);
  return scatter(fold(addresses, two(port[0], port[1]) ^ secret[4]));
}

uint64_t flow_key_hash(const struct flow_keys *keys, const struct flow_key *key) {
  if (key->family == 6) return hash_ip6(keys, key->address, key->port);
  return hash_ip4(keys, ip4_end(&key->address[0], key->port[0]),
                  ip4_end(&key->address[1], key->port[1]));
}

/* The source is the `first` half. */
static inline void set_key(struct flow_key *key, const struct decoded *p, unsigned first) {
  key->address[first] = p->source;
  key->address[1 - first] = p->destination;
  key->port[first] = p->source_port;
  key->port[1 - first] = p->destination_port;
  key->family = p->family;
  key->zero = 0;
}

/* Which of the two ends comes first is chance, which no processor foresees: there is no branch. */
uint64_t flow_key_of_ip4(const struct flow_keys *keys, const struct decoded *p,
                         struct flow_key *key, uint8_t *half) {
  uint64_t from = ip4_end(&p->source, p->source_port);
  uint64_t to = ip4_end(&p->destination, p->destination_port);
  unsigned first = from < to ? 0 : 1;
  set_key(key, p, first);
  *half = (uint8_t)first;
  return hash_ip4(keys, from < to ? from : to, from < to ? to : from);
}

uint64_t flow_key_of_ip6(const struct flow_keys *keys, const struct decoded *p,
                         struct flow_key *key, uint8_t *half) {
  int order = memcmp(&p->source, &p->destination, sizeof p->source);
  if (order == 0) order = p->source_port < p->destination_port ? -1 : 1;
  unsigned first = order < 0 ? 0 : 1;
  set_key(key, p, first);
  *half = (uint8_t)first;
  return hash_ip6(keys, key->address, key->port);
}

uint64_t flow_key_hash_entry(const struct flow_keys *keys, const struct hot *e) {
  if (e->is_ipv6) {
    const struct flow_addresses *addresses = pool_at(&keys->addresses, e->address[0]);
    return hash_ip6(keys, addresses->address, e->port);
  }
  return hash_ip4(keys, (uint64_t)e->address[0] << 16 | e->port[0],
                  (uint64_t)e->address[1] << 16 | e->port[1]);
}

uint64_t flow_key_hash_segment(const struct flow_keys *keys, const struct decoded *p, unsigned half,
                               uint64_t key_hash) {
  const struct segment *s = &p->segment;
  uint64_t of = key_hash ^ s->flags ^ (uint64_t)half << 8;
  return fold(two(s->seq, s->ack) ^ of, two(s->payload_bytes, s->tsval) ^ keys->secret[2]) ^
         fold(two(s->tsecr, p->ip_id | (uint32_t)s->window << 16) ^ of, keys->secret[3]);
}

/* ---- In an entry ---------------------------------------------------------------------------- */

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
