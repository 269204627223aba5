#include "capture/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/printable.h"

static bool is_number(const char *text) {
  return *text && text[strspn(text, "0123456789")] == '\0';
}

/* A name wins over a number: whoever named a namespace 42 means it. */
static int open_namespace(const char *which) {
  char path[PATH_MAX];
  if (!strchr(which, '/') && snprintf(path, sizeof path, "/run/netns/%s", which) < PATH_MAX) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || !is_number(which)) return fd;
    snprintf(path, sizeof path, "/proc/%s/ns/net", which);
    return open(path, O_RDONLY | O_CLOEXEC);
  }
  errno = ENOENT;
  return -1;
}

bool netns_enter(const char *which, char error[static NETNS_ERROR_SIZE]) {
  char shown[256];
  int fd = open_namespace(which);
  bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
  int why = errno;
  if (fd >= 0) close(fd);
  if (entered) return true;
  printable_text(which, shown, sizeof shown);
  if (why == EPERM || why == EACCES)
    snprintf(error, NETNS_ERROR_SIZE,
             "--netns %s: to enter another network namespace takes root (CAP_SYS_ADMIN)", shown);
  else if (why == ENOENT)
    snprintf(error, NETNS_ERROR_SIZE,
             "--netns %s: %s; 'ip netns' lists the names, and of a container the PID of any of its "
             "processes will do",
             shown, is_number(which) ? "no process has that PID" : "there is no such namespace");
  else
    snprintf(error, NETNS_ERROR_SIZE, "--netns %s: %s", shown, strerror(why));
  return false;
}
