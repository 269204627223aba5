/* From a hash to the numbers of the entries that have it.
 *
 * Slots of four octets: an entry's number, and how far the slot is from the entry's home, which is
 * where a search for its hash begins. The entries lie in the order of their homes, so a search
 * passes over those of other homes without looking at them, and ends where its own would have been
 * (Robin Hood hashing). What is behind an entry that goes moves up. */
#ifndef TEARDOWN_CAPTURE_FLOW_INDEX_H
#define TEARDOWN_CAPTURE_FLOW_INDEX_H

#include <stdbool.h>
#include <stdint.h>

enum {
  FLOW_INDEX_NUMBER_BITS = 27,
  FLOW_INDEX_FARTHEST = (1 << (32 - FLOW_INDEX_NUMBER_BITS)) - 1,
};

struct flow_index {
  uint32_t *slots; /* n_slots, and FLOW_INDEX_FARTHEST + 1 behind the last home; 0: free */
  uint32_t n_slots, used;
};

/* False when there is no memory. */
bool flow_index_init(struct flow_index *index);
void flow_index_destroy(struct flow_index *index);

static inline uint32_t flow_index_home(const struct flow_index *index, uint32_t hash) {
  return (uint32_t)((uint64_t)hash * index->n_slots >> 32);
}

/* A search: for (s = flow_index_search(...); flow_index_finds(index, &s); flow_index_go_on(&s)),
 * where s.entry has this home, if not this hash. */
struct flow_search {
  uint32_t at, distance, entry;
};

static inline struct flow_search flow_index_search(const struct flow_index *index, uint32_t hash) {
  return (struct flow_search){.at = flow_index_home(index, hash)};
}

static inline bool flow_index_finds(const struct flow_index *index, struct flow_search *search) {
  for (;; search->at++, search->distance++) {
    uint32_t slot = index->slots[search->at], distance = slot >> FLOW_INDEX_NUMBER_BITS;
    if (slot == 0 || distance < search->distance) return false;
    if (distance > search->distance) continue;
    search->entry = (slot & ((1U << FLOW_INDEX_NUMBER_BITS) - 1)) - 1;
    return true;
  }
}

static inline void flow_index_go_on(struct flow_search *search) {
  search->at++;
  search->distance++;
}

/* The hash of entry number `entry`; false: there is no such entry. */
typedef bool flow_index_hash(const void *context, uint32_t entry, uint32_t *hash);

/* Adds an entry that is not there. It may have to grow, for which it asks for the hashes of entries
 * 0 to n_entries - 1 but this one. False when there is no memory: then nothing is changed. */
bool flow_index_put(struct flow_index *index, uint32_t hash, uint32_t entry, uint32_t n_entries,
                    flow_index_hash *hash_of, const void *context);

/* Takes out one that is there. */
void flow_index_take(struct flow_index *index, uint32_t hash, uint32_t entry);

#endif
