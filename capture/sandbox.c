#include "capture/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* ---- Who called ----------------------------------------------------------------------------- */

/* Behind sudo the user of SUDO_UID, else the process's real user. */
struct invoker {
  uid_t uid;
  gid_t gid;
};

/* A number in the environment, which is root's own where root reads it. */
static bool id_of(const char *variable, uint32_t *id) {
  const char *text = getenv(variable);
  char *end;
  if (!text || *text < '0' || *text > '9') return false;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (*end || errno != 0 || value >= UINT32_MAX) return false;
  *id = (uint32_t)value;
  return true;
}

static struct invoker invoker_of_process(void) {
  struct invoker invoker = {getuid(), getgid()};
  uid_t uid;
  gid_t gid;
  if (invoker.uid == 0 && id_of("SUDO_UID", &uid) && id_of("SUDO_GID", &gid))
    invoker = (struct invoker){uid, gid};
  return invoker;
}

static bool is_self(const struct invoker *invoker) { return invoker->uid == geteuid(); }

enum { GROUPS_MAX = 256 };
static struct {
  gid_t groups[GROUPS_MAX];
  int n;
  uid_t uid;
  gid_t gid;
} own;

/* The process's own rights again. Where the system refuses, the process ends: else it would go on
 * with the invoker's user and its own groups, or the other way round. */
static void end_as(const struct invoker *invoker) {
  if (own.uid == invoker->uid) return;
  if (seteuid(own.uid) == 0 && setegid(own.gid) == 0 && setgroups((size_t)own.n, own.groups) == 0)
    return;
  fprintf(stderr, "capture: cannot become itself again: %s\n", strerror(errno));
  _exit(2);
}

/* As the invoker until end_as. False: the system refuses (errno). Does nothing where the process is
 * the invoker already. */
static bool begin_as(const struct invoker *invoker) {
  own.uid = geteuid();
  own.gid = getegid();
  if (is_self(invoker)) return true;
  own.n = getgroups(GROUPS_MAX, own.groups);
  const struct passwd *entry = getpwuid(invoker->uid);
  if (own.n < 0) return false;
  if ((entry ? initgroups(entry->pw_name, invoker->gid) : setgroups(1, &invoker->gid)) == 0) {
    if (setegid(invoker->gid) == 0 && seteuid(invoker->uid) == 0) return true;
    int cause = errno;
    end_as(invoker);
    errno = cause;
  }
  return false;
}

int sandbox_open_as_invoker(const char *path, int flags) {
  const struct invoker invoker = invoker_of_process();
  if (!begin_as(&invoker)) return -1;
  int fd = open(path, flags, 0666);
  int cause = errno;
  end_as(&invoker);
  errno = cause;
  return fd;
}

/* ---- User and capabilities ------------------------------------------------------------------ */

/* What /proc/PID/fd of somebody else's process is read with. */
static const unsigned owner_caps[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};
enum { OWNER_CAPS = sizeof owner_caps / sizeof *owner_caps };

/* The user namespace has this number. A line of uid_map or gid_map (user_namespaces(7)) has the
 * first number inside, what it is outside, and how many follow. */
static bool is_mapped(const char *map, unsigned long id) {
  FILE *file = fopen(map, "re");
  bool mapped = !file; /* no user namespaces, no map */
  unsigned long first, outside, n;
  while (file && fscanf(file, "%lu %lu %lu", &first, &outside, &n) == 3)
    if (id >= first && id - first < n) mapped = true;
  if (file) fclose(file);
  return mapped;
}

static bool may_set_groups(void) {
  char text[8] = "";
  int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
  if (fd >= 0) close(fd);
  return n <= 0 || strncmp(text, "deny", 4) != 0;
}

/* Whom root becomes. False: there is no such user. */
static bool choose_user(const char *user, struct invoker *to) {
  const struct invoker invoker = invoker_of_process();
  const struct passwd *entry = getpwnam(user ? user : "nobody");
  if (!entry && user) return false;
  *to = (struct invoker){65534, 65534};
  if (entry) *to = (struct invoker){entry->pw_uid, entry->pw_gid};
  if (!user && invoker.uid != 0) *to = invoker;
  return true;
}

bool sandbox_drop(const char *user, bool owners, char error[static SANDBOX_ERROR_SIZE]) {
  struct invoker to = {geteuid(), getegid()};
  bool had[OWNER_CAPS] = {false};
  tzset();                                             /* reads a file */
  int spare = open("/dev/null", O_RDONLY | O_CLOEXEC); /* libcap-ng does not say what it lacked */
  if (spare < 0 && (errno == EMFILE || errno == ENFILE)) {
    snprintf(error, SANDBOX_ERROR_SIZE, "privileges cannot be dropped: %s; raise ulimit -n",
             strerror(errno));
    return false;
  }
  if (spare >= 0) close(spare);
  if (geteuid() == 0 && !choose_user(user, &to)) {
    snprintf(error, SANDBOX_ERROR_SIZE,
             "-Z %s: there is no such user; 'getent passwd' lists those there are", user);
    return false;
  }
  if (geteuid() != 0 && user) {
    snprintf(error, SANDBOX_ERROR_SIZE, "-Z %s: only root can become somebody else; leave it out",
             user);
    return false;
  }
  bool stays = to.uid == geteuid() || !is_mapped("/proc/self/uid_map", to.uid) ||
               !is_mapped("/proc/self/gid_map", to.gid);
  bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
  for (unsigned i = 0; i < OWNER_CAPS; i++)
    had[i] = owners && capng_have_capability(CAPNG_EFFECTIVE, owner_caps[i]);
  capng_clear(CAPNG_SELECT_ALL);
  for (unsigned i = 0; i < OWNER_CAPS; i++)
    if (had[i]) capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, owner_caps[i]);
  int status;
  if (stays)
    status = capng_apply(bounding ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
  else
    status = capng_change_id(
        (int)to.uid, (int)to.gid,
        (may_set_groups() ? CAPNG_DROP_SUPP_GRP : CAPNG_NO_FLAG) | CAPNG_CLEAR_BOUNDING);
  if (status != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    snprintf(error, SANDBOX_ERROR_SIZE,
             "privileges cannot be dropped (%s, %d); --no-sandbox keeps them", strerror(errno),
             status);
    return false;
  }
  /* LeakSanitizer looks at its own process as a debugger does. */
  if (SANITIZED) (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return true;
}

/* ---- System calls --------------------------------------------------------------------------- */

enum { FOR_ALL = 1, FOR_WITNESS = 2, FOR_SANITIZERS = 4, FOR_FOLDERS = 8 };

/* By name: an architecture that lacks one (open, poll) has another for the same (openat, ppoll),
 * and what is unknown here is left out. Those that are in `limits`, too, are allowed with such
 * arguments only. */
/* clang-format off */
static const struct {
  const char *name;
  unsigned who;
} calls[] = {
    /* descriptors that are open */
    {"read", FOR_ALL}, {"readv", FOR_ALL}, {"pread64", FOR_ALL}, {"recvfrom", FOR_ALL},
    {"recvmsg", FOR_ALL}, {"recv", FOR_ALL}, {"write", FOR_ALL}, {"writev", FOR_ALL},
    {"close", FOR_ALL}, {"lseek", FOR_ALL}, {"_llseek", FOR_ALL}, {"fstat", FOR_ALL},
    {"fstat64", FOR_ALL}, {"newfstatat", FOR_ALL}, {"fstatat64", FOR_ALL}, {"statx", FOR_ALL},
    {"fsync", FOR_ALL}, {"poll", FOR_ALL}, {"ppoll", FOR_ALL}, {"ppoll_time64", FOR_ALL},
    {"fcntl", FOR_ALL}, {"fcntl64", FOR_ALL}, {"getsockopt", FOR_ALL}, {"ioctl", FOR_ALL},
    /* memory */
    {"brk", FOR_ALL}, {"mmap", FOR_ALL}, {"mmap2", FOR_ALL}, {"munmap", FOR_ALL},
    {"mremap", FOR_ALL}, {"madvise", FOR_ALL}, {"mprotect", FOR_ALL}, {"futex", FOR_ALL},
    {"futex_time64", FOR_ALL},
    /* time, signals and itself */
    {"clock_gettime", FOR_ALL}, {"clock_gettime64", FOR_ALL}, {"gettimeofday", FOR_ALL},
    {"time", FOR_ALL}, {"clock_nanosleep", FOR_ALL}, {"nanosleep", FOR_ALL},
    {"rt_sigaction", FOR_ALL}, {"rt_sigprocmask", FOR_ALL}, {"rt_sigpending", FOR_ALL},
    {"rt_sigreturn", FOR_ALL}, {"sigreturn", FOR_ALL}, {"restart_syscall", FOR_ALL},
    {"sigaltstack", FOR_ALL}, {"getpid", FOR_ALL}, {"gettid", FOR_ALL}, {"getuid", FOR_ALL},
    {"geteuid", FOR_ALL}, {"tgkill", FOR_ALL}, {"getrandom", FOR_ALL}, {"exit", FOR_ALL},
    {"exit_group", FOR_ALL},
    /* asking the kernel about sockets, and /proc for who holds them */
    {"sendto", FOR_WITNESS}, {"sendmsg", FOR_WITNESS}, {"send", FOR_WITNESS},
    {"getsockname", FOR_WITNESS}, {"openat", FOR_WITNESS}, {"open", FOR_WITNESS},
    {"getdents64", FOR_WITNESS}, {"readlinkat", FOR_WITNESS},
    /* a new file beside the one that it is to replace */
    {"openat", FOR_FOLDERS}, {"renameat", FOR_FOLDERS}, {"renameat2", FOR_FOLDERS},
    {"unlinkat", FOR_FOLDERS},
    /* LeakSanitizer stops all threads from one of its own, and reads what is mapped */
    {"openat", FOR_SANITIZERS}, {"open", FOR_SANITIZERS}, {"readlink", FOR_SANITIZERS},
    {"readlinkat", FOR_SANITIZERS}, {"getdents", FOR_SANITIZERS}, {"getdents64", FOR_SANITIZERS},
    {"clone", FOR_SANITIZERS},
    {"wait4", FOR_SANITIZERS}, {"ptrace", FOR_SANITIZERS}, {"prctl", FOR_SANITIZERS},
    {"kill", FOR_SANITIZERS}, {"sched_yield", FOR_SANITIZERS}, {"getppid", FOR_SANITIZERS},
    {"sched_getaffinity", FOR_SANITIZERS}, {"getrlimit", FOR_SANITIZERS}, {"prlimit64", FOR_SANITIZERS},
    {"pipe2", FOR_SANITIZERS}, {"stat", FOR_SANITIZERS}, {"process_vm_readv", FOR_SANITIZERS},
    {"arch_prctl", FOR_SANITIZERS}, {"sysinfo", FOR_SANITIZERS}, {"uname", FOR_SANITIZERS},
};
/* clang-format on */

/* Where the row of `calls` is for `who`: the bits of that argument (0 is the first) that must be 0,
 * and those that must be 1. */
static const struct {
  const char *name;
  unsigned argument, who;
  uint64_t barred, needed;
} limits[] = {
    {"openat", 2, FOR_WITNESS | FOR_SANITIZERS, O_ACCMODE | O_CREAT | O_TRUNC, 0},
    {"openat", 2, FOR_FOLDERS, 0, O_CREAT | O_EXCL}, /* new files, never one that is there */
    {"open", 1, FOR_WITNESS | FOR_SANITIZERS, O_ACCMODE | O_CREAT | O_TRUNC, 0},
    {"mmap", 2, FOR_ALL, PROT_EXEC, 0},
    {"mmap2", 2, FOR_ALL, PROT_EXEC, 0},
    {"mprotect", 2, FOR_ALL, PROT_EXEC, 0},
};

/* Of a terminal: what it is, and how large. TIOCSTI would type into it. */
static const unsigned long ioctls[] = {TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ};

/* The call, where one of its arguments is so. */
static int allow_where(scmp_filter_ctx filter, int number, struct scmp_arg_cmp is) {
  return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &is);
}

static int allow_ioctls(scmp_filter_ctx filter, int number) {
  struct scmp_arg_cmp is = {.arg = 1, .op = SCMP_CMP_EQ};
  int status = 0;
  for (size_t i = 0; status == 0 && i < sizeof ioctls / sizeof *ioctls; i++) {
    is.datum_a = ioctls[i];
    status = allow_where(filter, number, is);
  }
  return status;
}

static int allow(scmp_filter_ctx filter, const char *name, unsigned who) {
  int number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) return 0;
  if (strcmp(name, "ioctl") == 0) return allow_ioctls(filter, number);
  if (strcmp(name, "tgkill") == 0) { /* abort() */
    struct scmp_arg_cmp is = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid()};
    return allow_where(filter, number, is);
  }
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    if (strcmp(name, limits[i].name) != 0 || !(limits[i].who & who)) continue;
    struct scmp_arg_cmp is = {.arg = limits[i].argument,
                              .op = SCMP_CMP_MASKED_EQ,
                              .datum_a = limits[i].barred | limits[i].needed,
                              .datum_b = limits[i].needed};
    return allow_where(filter, number, is);
  }
  return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

/* Where it lacks memory, libseccomp crashes: what it takes is tried before. */
static bool has_room(void) {
  enum { ROOM = 1 << 20 };
  void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && munmap(room, ROOM) == 0;
}

bool sandbox_lock(bool witness, bool replaces, char error[static SANDBOX_ERROR_SIZE]) {
  unsigned who = FOR_ALL | (witness ? FOR_WITNESS : 0) | (replaces ? FOR_FOLDERS : 0) |
                 (SANITIZED ? FOR_SANITIZERS : 0);
  /* What is not allowed fails with EPERM, and does not kill: another C library may try a call that
   * is not in the table and have another way when it fails. */
  scmp_filter_ctx filter = has_room() ? seccomp_init(SCMP_ACT_ERRNO(EPERM)) : NULL;
  int status = filter ? 0 : -ENOMEM;
  for (size_t i = 0; status == 0 && i < sizeof calls / sizeof *calls; i++)
    if (calls[i].who & who) {
      status = allow(filter, calls[i].name, calls[i].who);
      if (status == -EEXIST) status = 0; /* another row has allowed it */
    }
  if (status == 0) status = seccomp_load(filter);
  if (filter) seccomp_release(filter);
  if (status != 0) snprintf(error, SANDBOX_ERROR_SIZE, "no seccomp filter: %s", strerror(-status));
  return status == 0;
}

/* ---- Saying so ------------------------------------------------------------------------------ */

void sandbox_describe(char *text, size_t size) {
  const struct passwd *entry = getpwuid(geteuid());
  size_t used =
      (size_t)snprintf(text, size, "as %s (%u), capabilities:", entry ? entry->pw_name : "user",
                       (unsigned)geteuid());
  bool known = capng_get_caps_process() == 0, any = false;
  for (unsigned i = 0; known && used < size && i <= CAP_LAST_CAP; i++) {
    const char *name =
        capng_have_capability(CAPNG_EFFECTIVE, i) ? capng_capability_to_name(i) : NULL;
    if (!name) continue;
    used += (size_t)snprintf(text + used, size - used, " %s", name);
    any = true;
  }
  const char *none = known ? " none" : " unknown";
  if (used < size)
    snprintf(text + used, size - used, "%s%s", any ? "" : none,
             prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? ", no_new_privs" : "");
}
