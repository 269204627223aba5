#include "capture/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/sandbox.h"

static bool add(struct targets *t, int fd, bool is_read) {
  struct stat status;
  if (t->n == TARGETS_MAX || fstat(fd, &status) < 0) return false;
  t->list[t->n++] = (struct target){.fd = fd,
                                    .is_file = S_ISREG(status.st_mode),
                                    .is_read = is_read,
                                    .device = status.st_dev,
                                    .inode = status.st_ino};
  return true;
}

void target_exclude(struct targets *t, int fd) { (void)add(t, fd, true); }

/* The file that is the same as the last one; NULL: none. Only files: a terminal or a pipe may well
 * be given twice. */
static const struct target *find_same(const struct targets *t) {
  const struct target *last = &t->list[t->n - 1];
  for (const struct target *other = t->list; last->is_file && other < last; other++)
    if (other->is_file && other->device == last->device && other->inode == last->inode)
      return other;
  return NULL;
}

bool target_take_stdout(struct targets *t, const char *option,
                        char error[static TARGET_ERROR_SIZE]) {
  if (t->stdout_taken) {
    snprintf(error, TARGET_ERROR_SIZE, "%s: standard output is taken by %s; name a file for one",
             option, t->stdout_taken);
    return false;
  }
  t->stdout_taken = option;
  if (!add(t, STDOUT_FILENO, false) || !find_same(t)) return true;
  snprintf(error, TARGET_ERROR_SIZE, "%s: standard output is a file that is %s; choose another",
           option, find_same(t)->is_read ? "being read" : "written to already");
  return false;
}

/* The N of /dev/fd/N; -1: it is another name. */
static int descriptor_of(const char *file) {
  static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    size_t length = strlen(folders[i]);
    const char *number = file + length;
    if (strncmp(file, folders[i], length) != 0) continue;
    if (*number && strspn(number, "0123456789") == strlen(number) && strlen(number) < 8)
      return atoi(number);
  }
  return strcmp(file, "/dev/stderr") == 0 ? STDERR_FILENO : -1;
}

int target_open(struct targets *t, const char *option, const char *file,
                char error[static TARGET_ERROR_SIZE]) {
  int inherited = descriptor_of(file);
  if (strcmp(file, "-") == 0 || strcmp(file, "/dev/stdout") == 0 || inherited == STDOUT_FILENO)
    return target_take_stdout(t, option, error) ? STDOUT_FILENO : -1;
  /* Its content stays: nothing is cut yet. */
  int fd = inherited >= 0 ? fcntl(inherited, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                          : sandbox_open_as_invoker(
                                file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
  if (fd < 0 && errno == ELOOP) {
    snprintf(error, TARGET_ERROR_SIZE,
             "%s %s: is a symbolic link, which is not followed; name the file itself", option,
             file);
    return -1;
  }
  if (fd >= 0 && add(t, fd, false)) {
    const struct target *same = find_same(t);
    if (!same) return fd;
    snprintf(error, TARGET_ERROR_SIZE, "%s %s: %s; choose another file", option, file,
             same->is_read ? "is the file that is being read"
                           : "is the file that another option writes");
  } else {
    snprintf(error, TARGET_ERROR_SIZE, "%s %s: cannot write: %s; choose another file", option, file,
             strerror(errno));
  }
  if (fd >= 0) close(fd);
  return -1;
}

int target_open_source(struct targets *t, const char *option, const char *file,
                       char error[static TARGET_ERROR_SIZE]) {
  int inherited = descriptor_of(file);
  /* A FIFO without a writer is not waited for: it may have one later. */
  int fd = inherited >= 0
               ? fcntl(inherited, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
               : sandbox_open_as_invoker(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd >= 0)
    target_exclude(t, fd);
  else
    snprintf(error, TARGET_ERROR_SIZE, "%s %s: cannot read: %s; choose another file", option, file,
             strerror(errno));
  return fd;
}

bool targets_cut(const struct targets *t) {
  for (const struct target *target = t->list; target < t->list + t->n; target++)
    if (target->is_file && !target->is_read && target->fd != STDOUT_FILENO &&
        ftruncate(target->fd, 0) < 0)
      return false;
  return true;
}
