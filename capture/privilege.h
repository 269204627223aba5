/* What the kernel lets this process do, and what to do when it is not to capture. */
#ifndef TEARDOWN_CAPTURE_PRIVILEGE_H
#define TEARDOWN_CAPTURE_PRIVILEGE_H

#include <stddef.h>

/* The one remedy that fits here: sudo, or a file capability on this very program, or, where neither
 * can raise privileges, a private namespace. `arguments` are the program's own, to be repeated.
 * Returns buffer. */
const char *privilege_remedy(int argc, char **argv, char *buffer, size_t size);

/* Whoever is not given a processor reads nothing, and prints nothing. Where this process may, and
 * nobody has said how nice it is to be, it goes before others. */
void privilege_go_first(void);

#endif
