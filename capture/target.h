/* What capture writes to: files that it does not write over by mistake, or for somebody else.
 *
 * A file is opened with the rights of who called (sandbox_open_as_invoker), so that root's do not
 * reach further than theirs; a symbolic link is not followed; and what is there is cut only when
 * all that is to be written has been opened, and none of it is what is being read or what another
 * option writes. "-" and /dev/stdout are standard output, which one thing alone can have;
 * /dev/fd/N is a descriptor that the caller left open. */
#ifndef TEARDOWN_CAPTURE_TARGET_H
#define TEARDOWN_CAPTURE_TARGET_H

#include <stdbool.h>
#include <sys/types.h>

enum { TARGETS_MAX = 16, TARGET_ERROR_SIZE = 512 };

struct targets {
  struct target {
    int fd;
    bool is_file; /* a regular one, whose content goes when they are cut */
    bool is_read; /* not written to */
    dev_t device;
    ino_t inode;
  } list[TARGETS_MAX];
  unsigned n;
  const char *stdout_taken; /* by which option; NULL: free */
};

/* This descriptor is read from: no target may be the same file. */
void target_exclude(struct targets *targets, int fd);

/* Opens `file` for `option`. The descriptor, which is the caller's (STDOUT_FILENO for "-"); -1:
 * `error` says what is wrong and what to do. May wait for the reader of a FIFO. */
int target_open(struct targets *targets, const char *option, const char *file,
                char error[static TARGET_ERROR_SIZE]);

/* Opens `file`, to be read for `option`; it is no target then. The descriptor, which is the
 * caller's; -1: `error` says what is wrong and what to do. */
int target_open_source(struct targets *targets, const char *option, const char *file,
                       char error[static TARGET_ERROR_SIZE]);

/* Standard output is for `option`, which is none of a file. False: something else has it, and
 * `error` says so. */
bool target_take_stdout(struct targets *targets, const char *option,
                        char error[static TARGET_ERROR_SIZE]);

/* Empties the files. False: errno says why one could not be. */
bool targets_cut(const struct targets *targets);

#endif
