/* What to do when the kernel does not let this process capture. */
#ifndef TEARDOWN_CAPTURE_PRIVILEGE_H
#define TEARDOWN_CAPTURE_PRIVILEGE_H

#include <stddef.h>

/* The one remedy that fits here: sudo, or a file capability on this very program, or, where neither
 * can raise privileges, a private namespace. `arguments` are the program's own, to be repeated.
 * Returns buffer. */
const char *privilege_remedy(int argc, char **argv, char *buffer, size_t size);

#endif
