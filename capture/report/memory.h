/* A stream into memory that says when there is none left: open_memstream() of glibc lets what does
 * not fit fall, and ferror() says nothing of it. */
#ifndef TEARDOWN_CAPTURE_REPORT_MEMORY_H
#define TEARDOWN_CAPTURE_REPORT_MEMORY_H

#include <stdbool.h>
#include <stdio.h>

struct memory {
  FILE *file;
  char *text; /* its `size` octets, once they are whole */
  size_t size, room;
};

/* False when there is no memory. */
bool memory_open(struct memory *memory);

/* Whether all that was written is in `text`. */
bool memory_is_whole(struct memory *memory);

void memory_close(struct memory *memory);

#endif
