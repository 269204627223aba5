/* From a hash to the numbers of the entries that have it.
 *
 * Slots of four octets: an entry's number, as much of its hash as there is room for beside it (the
 * "tag"), and how far the slot is from the entry's home, which is where a search for its hash
 * begins. The entries lie in the order of their homes, so a search passes over those of other homes
 * without looking at them, and ends where its own would have been (Robin Hood hashing). What is
 * behind an entry that goes moves up.
 *
 * Where an entry lies in the order is chance, which no processor foresees: so a search compares
 * several slots at once, without a branch between them. */
#ifndef TEARDOWN_CAPTURE_FLOW_INDEX_H
#define TEARDOWN_CAPTURE_FLOW_INDEX_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
  FLOW_INDEX_NUMBER_BITS = 27, /* at most */
  FLOW_INDEX_FARTHEST = (1 << (32 - FLOW_INDEX_NUMBER_BITS)) - 2,
  FLOW_INDEX_AT_ONCE = 8, /* slots that a search compares */
  /* A search may look at so many behind the last home. */
  FLOW_INDEX_BEHIND = FLOW_INDEX_FARTHEST + 1 + FLOW_INDEX_AT_ONCE,
};

struct flow_index {
  uint32_t *slots; /* n_slots and FLOW_INDEX_BEHIND; 0: free */
  uint32_t n_slots, used;
  uint32_t number_mask; /* of a slot: number + 1. The tag is between that and the distance + 1 */
};

/* For entries 0 to max - 1. False when there is no memory. */
bool flow_index_init(struct flow_index *index, uint32_t max);
void flow_index_destroy(struct flow_index *index);

static inline uint32_t flow_index_home(const struct flow_index *index, uint32_t hash) {
  return (uint32_t)((uint64_t)hash * index->n_slots >> 32);
}

/* Begins to load the slots that a search for it compares. */
static inline void flow_index_prefetch(const struct flow_index *index, uint32_t hash) {
  const uint32_t *home = &index->slots[flow_index_home(index, hash)];
  __builtin_prefetch(home);
  __builtin_prefetch(home + FLOW_INDEX_AT_ONCE - 1);
}

/* Of a slot at home: all but its number. The bits of the tag are those that say least of the home.
 */
static inline uint32_t flow_index_mark(const struct flow_index *index, uint32_t hash) {
  const uint32_t at_home = UINT32_C(1) << FLOW_INDEX_NUMBER_BITS;
  return at_home | (hash << 16 & (at_home - 1) & ~index->number_mask);
}

/* A search: for (s = flow_index_search(...); flow_index_finds(index, &s);), where s.entry has this
 * home and tag, if not this hash. */
struct flow_search {
  uint32_t entry, found_at;
  uint32_t at, mark, matches; /* a bit for each of the slots from `at` on */
};

/* Four slots, for a processor that compares them with one instruction. */
typedef uint32_t flow_four __attribute__((vector_size(16)));
typedef uint64_t flow_two __attribute__((vector_size(16)));
static_assert(FLOW_INDEX_AT_ONCE == 2 * sizeof(flow_four) / sizeof(uint32_t), "twice four");

static inline void flow_index_compare(const struct flow_index *index, struct flow_search *s) {
  enum { FARTHER = 1 << FLOW_INDEX_NUMBER_BITS };
  const flow_four behind = {0, FARTHER, 2 * FARTHER, 3 * FARTHER};
  const flow_four first_bits = {1, 2, 4, 8}, other_bits = {16, 32, 64, 128};
  const uint32_t mark = s->mark, mask = ~index->number_mask;
  flow_four first, other;
  memcpy(&first, &index->slots[s->at], sizeof first);
  memcpy(&other, &index->slots[s->at + 4], sizeof other);
  flow_four matches = ((flow_four)((first & mask) == behind + mark) & first_bits) |
                      ((flow_four)((other & mask) == behind + (mark + 4U * FARTHER)) & other_bits);
  flow_two halves = (flow_two)matches;
  uint64_t both = halves[0] | halves[1];
  s->matches = (uint32_t)(both | both >> 32);
}

static inline struct flow_search flow_index_search(const struct flow_index *index, uint32_t hash) {
  struct flow_search s = {.at = flow_index_home(index, hash), .mark = flow_index_mark(index, hash)};
  flow_index_compare(index, &s);
  return s;
}

/* On to the next slots. False: those are of later homes. */
static inline bool flow_index_go_on(const struct flow_index *index, struct flow_search *s) {
  uint32_t last = index->slots[s->at + FLOW_INDEX_AT_ONCE - 1] >> FLOW_INDEX_NUMBER_BITS;
  if (last < (s->mark >> FLOW_INDEX_NUMBER_BITS) + FLOW_INDEX_AT_ONCE - 1) return false;
  s->at += FLOW_INDEX_AT_ONCE;
  s->mark += (uint32_t)FLOW_INDEX_AT_ONCE << FLOW_INDEX_NUMBER_BITS;
  flow_index_compare(index, s);
  return true;
}

static inline bool flow_index_finds(const struct flow_index *index, struct flow_search *s) {
  while (s->matches == 0)
    if (!flow_index_go_on(index, s)) return false;
  s->found_at = s->at + (uint32_t)__builtin_ctz(s->matches);
  uint32_t slot = index->slots[s->found_at];
  if (slot == 0) return false; /* farther than the farthest there is no mark */
  s->entry = (slot & index->number_mask) - 1;
  s->matches &= s->matches - 1;
  return true;
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
