/* Preloaded into capture: once it waits for packets, tries what it must not be able to do, and
 * says on stderr which of it could be done. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long try_exec(void) { return execl("/bin/true", "true", (char *)NULL); }
static long try_fork(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }
static long try_socket(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static long try_packet(void) { return socket(AF_PACKET, SOCK_RAW, 0); }
static long try_connect(void) { return connect(0, NULL, 0); }
static long try_write_open(void) { return open("/dev/null", O_WRONLY); }
static long try_create(void) { return open("/dev/shm/probe", O_RDONLY | O_CREAT, 0600); }
static long try_unlink(void) { return unlink("/nonexistent"); }
static long try_code(void) {
  return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static long try_setuid(void) { return syscall(SYS_setuid, 0); }
static long try_ptrace(void) { return ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
static long try_prctl(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }
static long try_kill(void) { return kill(1, 0); }
static long try_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long try_mount(void) { return syscall(SYS_mount, NULL, NULL, NULL, 0, NULL); }
static long try_read_open(void) { return open("/proc/version", O_RDONLY); }

static const struct {
  const char *name;
  long (*attempt)(void);
} attempts[] = {
    {"exec", try_exec},           {"fork", try_fork},       {"socket", try_socket},
    {"packet", try_packet},       {"connect", try_connect}, {"write-open", try_write_open},
    {"create", try_create},       {"unlink", try_unlink},   {"code", try_code},
    {"setuid", try_setuid},       {"ptrace", try_ptrace},   {"prctl", try_prctl},
    {"kill", try_kill},           {"bpf", try_bpf},         {"mount", try_mount},
    {"read-open", try_read_open},
};

int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait, const sigset_t *mask) {
  static bool tried;
  for (size_t i = 0; !tried && i < sizeof attempts / sizeof *attempts; i++) {
    errno = 0;
    long result = attempts[i].attempt();
    dprintf(2, "probe: %s: %s\n", attempts[i].name,
            result == -1 && errno == EPERM ? "refused" : "not refused");
  }
  if (!tried) dprintf(2, "probe: done\n");
  tried = true;
  return (int)syscall(SYS_ppoll, fds, n, wait, mask, 8);
}

/* With _FORTIFY_SOURCE it is called by this name. */
int checked_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait, const sigset_t *mask,
                  size_t size) __asm__("__ppoll_chk");
int checked_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait, const sigset_t *mask,
                  size_t size) {
  (void)size;
  return ppoll(fds, n, wait, mask);
}
