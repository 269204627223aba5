#include "capture/report/memory.h"

#include <stdlib.h>
#include <string.h>

/* For fopencookie(), to which 0 is an error. */
static ssize_t add(void *cookie, const char *octets, size_t n) {
  struct memory *m = cookie;
  if (n > m->room - m->size) {
    size_t room = 2 * m->room + n;
    char *larger = realloc(m->text, room);
    if (!larger) return 0;
    m->text = larger;
    m->room = room;
  }
  memcpy(m->text + m->size, octets, n);
  m->size += n;
  return (ssize_t)n;
}

bool memory_open(struct memory *m) {
  *m = (struct memory){0};
  m->file = fopencookie(m, "w", (cookie_io_functions_t){.write = add});
  return m->file != NULL;
}

bool memory_is_whole(struct memory *m) { return fflush(m->file) == 0 && !ferror(m->file); }

void memory_close(struct memory *m) {
  if (m->file) fclose(m->file);
  free(m->text);
  *m = (struct memory){0};
}
