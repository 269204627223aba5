#include "capture/kernel/owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/kernel/record.h"

/* "socket:[4294967295]", and more to know that there is no more. */
enum { LINK_SIZE = 24 };

/* The number that a name in /proc is, or -1: it is another file. */
static int32_t number_of(const char *name) {
  char *end;
  long number = strtol(name, &end, 10);
  return *name >= '0' && *name <= '9' && !*end && number <= INT32_MAX ? (int32_t)number : -1;
}

/* The inode of "socket:[INODE]", or 0: it is another kind of file. */
static uint32_t inode_of(const char *link, ssize_t length) {
  static const char begin[] = "socket:[";
  if (length < (ssize_t)sizeof begin || memcmp(link, begin, sizeof begin - 1) != 0) return 0;
  return (uint32_t)strtoul(link + sizeof begin - 1, NULL, 10);
}

/* False when there is no memory: then those that come later are not known. */
static bool note(struct kernel_owners *o, struct kernel_held held) {
  if (o->n == o->room) {
    size_t room = o->room ? 2 * o->room : 1024;
    struct kernel_held *larger = realloc(o->held, room * sizeof *larger);
    if (!larger) return false;
    o->held = larger;
    o->room = room;
  }
  o->held[o->n++] = held;
  return true;
}

static void note_descriptors(struct kernel_owners *o, int proc, int32_t pid) {
  char path[32], target[LINK_SIZE + 1];
  snprintf(path, sizeof path, "%d/fd", pid);
  int directory = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  DIR *descriptors = fdopendir(directory);
  if (!descriptors) {
    close(directory);
    return;
  }
  for (const struct dirent *entry; (entry = readdir(descriptors));) {
    ssize_t length = readlinkat(directory, entry->d_name, target, LINK_SIZE);
    target[length > 0 ? length : 0] = '\0';
    uint32_t inode = inode_of(target, length);
    if (inode != 0 && !note(o, (struct kernel_held){inode, pid, number_of(entry->d_name)})) break;
  }
  closedir(descriptors);
}

static int compare(const void *one, const void *other) {
  const struct kernel_held *a = one, *b = other;
  if (a->inode != b->inode) return a->inode < b->inode ? -1 : 1;
  if (a->pid != b->pid) return a->pid < b->pid ? -1 : 1;
  return a->fd < b->fd ? -1 : a->fd > b->fd;
}

static int64_t clock_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void walk(struct kernel_owners *o) {
  o->n = 0;
  o->walked_us = clock_us();
  DIR *processes = opendir("/proc");
  if (processes) {
    for (const struct dirent *entry; (entry = readdir(processes));) {
      int32_t pid = number_of(entry->d_name);
      if (pid >= 0) note_descriptors(o, dirfd(processes), pid);
    }
    closedir(processes);
    if (o->n > 0) qsort(o->held, o->n, sizeof *o->held, compare);
  }
  o->cost_us = clock_us() - o->walked_us;
}

static bool read_command(int proc, int32_t pid, char *command, size_t size) {
  char path[32];
  snprintf(path, sizeof path, "%d/comm", pid);
  int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[64];
  ssize_t length = read(file, text, sizeof text);
  close(file);
  if (length < 0) return false;
  if (length > 0 && text[length - 1] == '\n') length--;
  kernel_set_command(command, size, text, (size_t)length);
  return true;
}

bool kernel_command_of(int32_t pid, char *command, size_t size) {
  int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return false;
  bool there = read_command(proc, pid, command, size);
  close(proc);
  return there;
}

void kernel_owners_free(struct kernel_owners *o) {
  free(o->held);
  *o = (struct kernel_owners){0};
}

/* The first of that inode, NULL: none. */
static const struct kernel_held *find(const struct kernel_owners *o, uint32_t inode) {
  size_t low = 0, high = o->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (o->held[middle].inode < inode)
      low = middle + 1;
    else
      high = middle;
  }
  return low < o->n && o->held[low].inode == inode ? &o->held[low] : NULL;
}

/* False: it holds the socket no longer, or is gone. */
static bool fill(const struct kernel_held *held, struct kernel_owner *owner) {
  char path[40], target[LINK_SIZE + 1];
  int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return false;
  snprintf(path, sizeof path, "%d/fd/%d", held->pid, held->fd);
  ssize_t length = readlinkat(proc, path, target, LINK_SIZE);
  target[length > 0 ? length : 0] = '\0';
  *owner = (struct kernel_owner){.pid = held->pid, .fd = held->fd};
  bool there = inode_of(target, length) == held->inode &&
               read_command(proc, held->pid, owner->command, sizeof owner->command);
  close(proc);
  return there;
}

bool kernel_owners_find(struct kernel_owners *o, uint32_t inode, int64_t since_us,
                        struct kernel_owner *owner) {
  enum { REST = 10 };
  if (inode == 0) return false;
  const struct kernel_held *held = find(o, inode);
  if (held && fill(held, owner)) return true;
  int64_t age_us = clock_us() - o->walked_us;
  bool rested = age_us < 0 || age_us >= REST * o->cost_us;
  if (!rested || (!held && o->walked_us > since_us)) return false;
  walk(o);
  held = find(o, inode);
  return held && fill(held, owner);
}
