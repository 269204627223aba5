#include "capture/privilege.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool is_in_path(const char *program) {
  const char *path = getenv("PATH");
  while (path && *path) {
    size_t length = strcspn(path, ":");
    char file[4096];
    snprintf(file, sizeof file, "%.*s/%s", (int)length, path, program);
    if (access(file, X_OK) == 0) return true;
    path += length + (path[length] == ':');
  }
  return false;
}

const char *privilege_remedy(int argc, char **argv, char *buffer, size_t size) {
  char self[4096];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  if (n < 0) n = snprintf(self, sizeof self, "%s", argv[0]);
  self[n] = '\0';
  struct statvfs mount;
  bool no_suid = statvfs(self, &mount) == 0 && (mount.f_flag & ST_NOSUID);
  bool no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;

  if (!no_new_privileges && is_in_path("sudo")) {
    int used = snprintf(buffer, size, "run: sudo %s", self);
    for (int i = 1; i < argc && used > 0 && (size_t)used < size; i++)
      used += snprintf(buffer + used, size - (size_t)used, " %s", argv[i]);
  } else if (!no_new_privileges && !no_suid) {
    snprintf(buffer, size, "as root, once: setcap cap_net_raw+ep %s", self);
  } else {
    snprintf(buffer, size,
             "privileges cannot be raised here (%s), so capture inside a private namespace: "
             "unshare --user --map-root-user --net",
             no_new_privileges ? "no_new_privs is set" : "the file system is mounted nosuid");
  }
  return buffer;
}

void privilege_go_first(void) {
  enum { NICE = -5 };
  if (getpriority(PRIO_PROCESS, 0) == 0) (void)setpriority(PRIO_PROCESS, 0, NICE);
}
