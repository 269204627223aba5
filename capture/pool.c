#include "capture/pool.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14; glibc names it since 2.35 */
#endif

/* To make a large page costs a tenth of what it costs to make as many small ones, but where a
 * virtual machine's host has to find the memory first: then five times as much. So the first
 * megabytes are of large ones, and what follows is not. The very beginning does without, too: a
 * short capture touches no more than that, and clearing a large page for it would take longer than
 * the capture. */
enum { LARGE_PAGE = 1 << 21, SMALL_PAGES_BYTES = 1 << 18, LARGE_PAGES_BYTES = 1 << 24 };

static char *reserve(size_t bytes) {
  char *p =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p != MAP_FAILED ? p : NULL;
}

/* So that what is behind the beginning begins with a large page. */
static char *reserve_aligned(size_t bytes) {
  char *p = reserve(bytes + LARGE_PAGE);
  if (!p) return NULL;
  size_t before = -((uintptr_t)p + SMALL_PAGES_BYTES) % LARGE_PAGE;
  if (before > 0) munmap(p, before);
  munmap(p + before + bytes, LARGE_PAGE - before);
  return p + before;
}

static size_t whole_pages(size_t bytes) {
  return bytes <= LARGE_PAGE ? bytes : (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
}

void *pool_reserve(size_t bytes) {
  bytes = whole_pages(bytes);
  if (bytes <= LARGE_PAGE) return reserve(bytes);
  char *p = reserve_aligned(bytes);
  if (!p) return reserve(bytes);
  size_t behind = bytes - SMALL_PAGES_BYTES;
  size_t large = behind < LARGE_PAGES_BYTES ? behind : LARGE_PAGES_BYTES;
  (void)madvise(p + SMALL_PAGES_BYTES, large, MADV_HUGEPAGE);
  (void)madvise(p + SMALL_PAGES_BYTES + large, behind - large, MADV_NOHUGEPAGE);
  return p;
}

void pool_give_back(void *p, size_t bytes) {
  if (p) munmap(p, whole_pages(bytes));
}

void pool_grow_steadily(void) { (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }

bool pool_init(struct pool *p, uint32_t max, size_t size) {
  *p = (struct pool){.objects = pool_reserve(max * size), .size = size, .max = max};
  return p->objects != NULL;
}

void pool_destroy(struct pool *p) {
  pool_give_back(p->objects, p->max * p->size);
  *p = (struct pool){0};
}

/* A page that the kernel makes when it is first touched costs more than the others of its step
 * together. The steps begin small, for a short capture, and are never more than what is in use.
 * A kernel before 5.14 refuses, and makes each when it is touched. */
static void get_ready(struct pool *p) {
  enum { STEP_MIN = 16 * 1024, STEP_MAX = 256 * 1024 };
  size_t bytes = p->max * p->size, step = p->ready;
  step = step < STEP_MIN ? STEP_MIN : step > STEP_MAX ? STEP_MAX : step;
  if (step > bytes - p->ready) step = bytes - p->ready;
  (void)madvise(p->objects + p->ready, step, MADV_POPULATE_WRITE);
  p->ready += step;
}

void *pool_take(struct pool *p, uint32_t *number) {
  assert(p->used < p->max);
  p->used++;
  if (p->free == 0) {
    *number = p->untouched++;
    if (p->untouched * p->size > p->ready) get_ready(p);
    return pool_at(p, *number);
  }
  *number = p->free - 1;
  void *object = pool_at(p, *number);
  memcpy(&p->free, object, sizeof p->free);
  return object;
}

void pool_give(struct pool *p, uint32_t number) {
  memcpy(pool_at(p, number), &p->free, sizeof p->free);
  p->free = number + 1;
  p->used--;
}
