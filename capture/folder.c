#include "capture/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/sandbox.h"

enum { NAME_ROOM = 40, STEM_MAX = FOLDER_NAME_SIZE - NAME_ROOM }; /* for what is added to a name */

static void name_part(const struct folder *f, char part[static FOLDER_NAME_SIZE]) {
  snprintf(part, FOLDER_NAME_SIZE, "%.*s.part", STEM_MAX, f->name);
}

bool folder_open(struct folder *f, const char *option, const char *file,
                 char error[static FOLDER_ERROR_SIZE]) {
  const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
  char path[4096] = ".";
  *f = (struct folder){.fd = -1, .option = option, .file = file};
  if (slash) snprintf(path, sizeof path, "%.*s", (int)(slash - file + 1), file);
  bool is_name = *name && strcmp(name, "-") != 0 && strcmp(name, ".") != 0 &&
                 strcmp(name, "..") != 0 && strlen(name) + NAME_ROOM < sizeof f->name;
  if (!is_name || strncmp(file, "/dev/", 5) == 0) {
    snprintf(error, FOLDER_ERROR_SIZE, "%s %s: wants the name of a file in a folder", option, file);
    return false;
  }
  snprintf(f->name, sizeof f->name, "%s", name);
  f->fd = sandbox_open_as_invoker(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (f->fd >= 0) return true;
  snprintf(error, FOLDER_ERROR_SIZE, "%s %s: its folder cannot be opened: %s; name another", option,
           file, strerror(errno));
  return false;
}

void folder_close(struct folder *f) {
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
}

/* Cuts the file behind its last newline. Returns how long it is then; -1: errno. */
static off_t cut_behind_line(int fd) {
  char octets[4096];
  off_t end = lseek(fd, 0, SEEK_END);
  while (end > 0) {
    off_t begin = end > (off_t)sizeof octets ? end - (off_t)sizeof octets : 0;
    ssize_t n = pread(fd, octets, (size_t)(end - begin), begin);
    if (n <= 0) return -1;
    const char *newline = memrchr(octets, '\n', (size_t)n);
    end = newline ? begin + (newline - octets) + 1 : begin;
    if (newline) break;
  }
  return ftruncate(fd, end) == 0 ? end : -1;
}

bool folder_rescue(struct folder *f, int64_t t_us) {
  char part[FOLDER_NAME_SIZE];
  name_part(f, part);
  int fd = openat(f->fd, part, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT;
  off_t end = cut_behind_line(fd);
  close(fd);
  if (end < 0) return false;
  return end == 0 ? unlinkat(f->fd, part, 0) == 0 : folder_put_numbered(f, t_us);
}

enum { FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, READABLE = 0644 };

int folder_create(const struct folder *f, const char *name) {
  if (*name && !strchr(name, '/')) return openat(f->fd, name, FLAGS, READABLE);
  errno = EINVAL;
  return -1;
}

/* One that was left behind by a run that was killed goes. */
int folder_begin(const struct folder *f) {
  char part[FOLDER_NAME_SIZE];
  name_part(f, part);
  int fd = openat(f->fd, part, FLAGS, READABLE);
  if (fd >= 0 || errno != EEXIST || unlinkat(f->fd, part, 0) < 0) return fd;
  return openat(f->fd, part, FLAGS, READABLE);
}

bool folder_try(const struct folder *f, char error[static FOLDER_ERROR_SIZE]) {
  char part[FOLDER_NAME_SIZE];
  name_part(f, part);
  int fd = folder_begin(f);
  if (fd >= 0) {
    close(fd);
    if (unlinkat(f->fd, part, 0) == 0) return true;
  }
  snprintf(error, FOLDER_ERROR_SIZE,
           "%s %s: nothing can be put into its folder: %s; choose a folder that user %u may write, "
           "or with -Z another user",
           f->option, f->file, strerror(errno), (unsigned)geteuid());
  return false;
}

bool folder_put(const struct folder *f) {
  char part[FOLDER_NAME_SIZE];
  name_part(f, part);
  return renameat(f->fd, part, f->fd, f->name) == 0;
}

bool folder_put_numbered(struct folder *f, int64_t t_us) {
  char part[FOLDER_NAME_SIZE], as[FOLDER_NAME_SIZE], when[NAME_ROOM];
  const char *dot = strrchr(f->name, '.'), *extension = dot && dot > f->name ? dot : "";
  int stem = (int)(strlen(f->name) - strlen(extension));
  time_t t = (time_t)(t_us / 1000000);
  struct tm utc;
  struct stat there;
  name_part(f, part);
  if (!gmtime_r(&t, &utc)) return false;
  strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
  /* Nobody else puts such names there: looking first is enough. */
  do snprintf(as, sizeof as, "%.*s-%s-%06u%s", stem, f->name, when, ++f->number, extension);
  while (fstatat(f->fd, as, &there, AT_SYMLINK_NOFOLLOW) == 0);
  return renameat(f->fd, part, f->fd, as) == 0;
}
