#include "capture/flow_index.h"

#include <assert.h>

#include "capture/pool.h"

/* At most four fifths full, which makes a search look at three slots, side by side. It doubles as
 * long as that costs little memory. */
enum {
  SLOTS_MIN = 1 << 12,
  SLOTS_DOUBLED = 1 << 19,
  FULL_NUMERATOR = 4,
  FULL_DENOMINATOR = 5,
  GROWTH_NUMERATOR = 5,
  GROWTH_DENOMINATOR = 4,
};

static size_t bytes_of(uint32_t n_slots) {
  return ((size_t)n_slots + FLOW_INDEX_BEHIND) * sizeof(uint32_t);
}

static bool reserve(struct flow_index *index, uint32_t n_slots, uint32_t number_mask) {
  *index = (struct flow_index){
      .slots = pool_reserve(bytes_of(n_slots)), .n_slots = n_slots, .number_mask = number_mask};
  return index->slots != NULL;
}

bool flow_index_init(struct flow_index *index, uint32_t max) {
  assert(max >> FLOW_INDEX_NUMBER_BITS == 0);
  uint32_t mask = 1;
  while (mask < max) mask = mask << 1 | 1;
  return reserve(index, SLOTS_MIN, mask);
}

void flow_index_destroy(struct flow_index *index) {
  pool_give_back(index->slots, bytes_of(index->n_slots));
}

static const uint32_t ONE_FARTHER = UINT32_C(1) << FLOW_INDEX_NUMBER_BITS;

/* More than one that is as far as `mark` lies before it. */
static bool is_nearer(uint32_t slot, uint32_t mark) { return slot < (mark & ~(ONE_FARTHER - 1)); }

static bool is_farthest(uint32_t slot) {
  return slot >> FLOW_INDEX_NUMBER_BITS == FLOW_INDEX_FARTHEST + 1;
}

/* Behind all of the same home. False: somebody would come to lie too far from home, or too many are
 * there. */
static bool insert(struct flow_index *index, uint32_t hash, uint32_t entry) {
  uint64_t room = (uint64_t)index->n_slots * FULL_NUMERATOR / FULL_DENOMINATOR;
  uint32_t at = flow_index_home(index, hash), slot = flow_index_mark(index, hash) | (entry + 1);
  if (index->used >= room) return false;
  for (; !is_nearer(index->slots[at], slot); at++) {
    if (is_farthest(slot)) return false;
    slot += ONE_FARTHER;
  }
  uint32_t end = at;
  for (; index->slots[end]; end++)
    if (is_farthest(index->slots[end])) return false;
  for (; end > at; end--) index->slots[end] = index->slots[end - 1] + ONE_FARTHER;
  index->slots[at] = slot;
  index->used++;
  return true;
}

static uint64_t next_size(uint32_t n_slots) {
  if (n_slots <= SLOTS_DOUBLED / 2) return (uint64_t)n_slots * 2;
  return (uint64_t)n_slots * GROWTH_NUMERATOR / GROWTH_DENOMINATOR;
}

static bool rebuild(struct flow_index *larger, uint32_t entry, uint32_t n_entries,
                    flow_index_hash *hash_of, const void *context) {
  for (uint32_t i = 0; i < n_entries; i++) {
    uint32_t hash;
    if (i != entry && hash_of(context, i, &hash) && !insert(larger, hash, i)) return false;
  }
  return true;
}

bool flow_index_put(struct flow_index *index, uint32_t hash, uint32_t entry, uint32_t n_entries,
                    flow_index_hash *hash_of, const void *context) {
  assert(entry < index->number_mask);
  struct flow_index larger = {.n_slots = index->n_slots};
  while (!insert(index, hash, entry)) {
    uint64_t n_slots = next_size(larger.n_slots);
    if (n_slots > ONE_FARTHER || !reserve(&larger, (uint32_t)n_slots, index->number_mask))
      return false;
    if (rebuild(&larger, entry, n_entries, hash_of, context)) {
      flow_index_destroy(index);
      *index = larger;
    } else {
      flow_index_destroy(&larger);
    }
  }
  return true;
}

void flow_index_take(struct flow_index *index, uint32_t hash, uint32_t entry) {
  struct flow_search search = flow_index_search(index, hash);
  while (flow_index_finds(index, &search) && search.entry != entry) continue;
  uint32_t at = search.found_at;
  for (; index->slots[at + 1] >= 2 * ONE_FARTHER; at++)
    index->slots[at] = index->slots[at + 1] - ONE_FARTHER;
  index->slots[at] = 0;
  index->used--;
}
