#include "capture/kernel/owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "socket:[4294967295]" and what ends it. */
enum { LINK_SIZE = 24 };

/* The number that a name in /proc is, or -1: it is another file. */
static int32_t number_of(const char *name) {
  char *end;
  long number = strtol(name, &end, 10);
  return *name >= '0' && *name <= '9' && !*end && number <= INT32_MAX ? (int32_t)number : -1;
}

/* The process's lowest descriptor that is this link, or -1. The kernel lists them, as it lists the
 * processes, in ascending order. */
static int32_t find_descriptor(int proc, int32_t pid, const char *link) {
  char path[32], target[LINK_SIZE];
  snprintf(path, sizeof path, "%d/fd", pid);
  int directory = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -1;
  DIR *descriptors = fdopendir(directory);
  if (!descriptors) {
    close(directory);
    return -1;
  }
  int32_t found = -1;
  for (const struct dirent *entry; found < 0 && (entry = readdir(descriptors));) {
    ssize_t length = readlinkat(directory, entry->d_name, target, sizeof target);
    if (length == (ssize_t)strlen(link) && memcmp(target, link, (size_t)length) == 0)
      found = number_of(entry->d_name);
  }
  closedir(descriptors);
  return found;
}

static bool read_command(int proc, int32_t pid, char *command, size_t size) {
  char path[32];
  snprintf(path, sizeof path, "%d/comm", pid);
  int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, command, size - 1);
  close(file);
  if (length < 0) return false;
  if (length > 0 && command[length - 1] == '\n') length--;
  command[length] = '\0';
  for (char *c = command; c < command + length; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  return true;
}

bool kernel_owner_find(uint32_t inode, struct kernel_owner *owner) {
  char link[LINK_SIZE];
  if (inode == 0) return false;
  snprintf(link, sizeof link, "socket:[%u]", inode);
  DIR *processes = opendir("/proc");
  if (!processes) return false;
  int proc = dirfd(processes);
  bool found = false;
  for (const struct dirent *entry; !found && (entry = readdir(processes));) {
    struct kernel_owner holder = {.pid = number_of(entry->d_name)};
    if (holder.pid < 0 || (holder.fd = find_descriptor(proc, holder.pid, link)) < 0 ||
        !read_command(proc, holder.pid, holder.command, sizeof holder.command))
      continue; /* no process, not this one, or gone in the meantime */
    *owner = holder;
    found = true;
  }
  closedir(processes);
  return found;
}
