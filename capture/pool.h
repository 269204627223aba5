/* Objects of one size, taken and given back, in an array that is reserved for all that there may be
 * and touched as it fills. The one given back last is the first to be used again: it is still in
 * the processor's cache. */
#ifndef TEARDOWN_CAPTURE_POOL_H
#define TEARDOWN_CAPTURE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
  char *objects; /* those from number `untouched` on were never used */
  size_t size;
  size_t ready; /* octets that the kernel was asked to have ready */
  uint32_t max, untouched, used;
  uint32_t free; /* number + 1 of the one given back last; 0: none */
};

/* Memory that is not touched: a page costs when it is first written to, and is zero until then.
 * NULL: there is none. */
void *pool_reserve(size_t bytes);
void pool_give_back(void *reserved, size_t bytes);

/* From now on this process gets no large pages: to find one may take the host of a virtual machine
 * 5 ms, in which packets would wait. */
void pool_grow_steadily(void);

/* Objects of `size` octets, four at least. False when they cannot be reserved. */
bool pool_init(struct pool *pool, uint32_t max, size_t size);
void pool_destroy(struct pool *pool);

static inline void *pool_at(const struct pool *pool, uint32_t number) {
  return pool->objects + number * pool->size;
}

/* Takes one; its octets are whatever they were. There must be one left. */
void *pool_take(struct pool *pool, uint32_t *number);

void pool_give(struct pool *pool, uint32_t number);

#endif
