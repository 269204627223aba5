/* Preloaded: lets one call of one function fail, as FAIL_CALL=NAME:N says, or writes to the
 * descriptor FAIL_CALLS_FD where each is called from first, as "NAME N MODULE+OFFSET".
 * tests/fail_calls.py asks for the second, then for each of the first.
 *
 * Nothing here needs to know what the functions take: integers and pointers go on as they came. */
#include <dlfcn.h>
#include <link.h>
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/auxv.h>

/* Their types would contradict ours. */
extern char *getenv(const char *name);
extern int dprintf(int fd, const char *format, ...);
extern long strtol(const char *text, char **end, int base);
extern int strncmp(const char *a, const char *b, size_t n);
extern size_t strlen(const char *text);
extern int *__errno_location(void);

/* Linux's numbers. */
enum {
  NO_ENTRY = 2,
  IO = 5,
  NO_MEMORY = 12,
  DENIED = 13,
  NO_FILES = 23,
  NO_DESCRIPTORS = 24,
  NO_SPACE = 28,
  NO_BUFFERS = 105
};

enum { SITES_MAX = 4096 };

struct function {
  const char *name;
  long (*real)(long, long, long, long, long, long, long);
  long n;
};

static struct {
  const char *name; /* with its colon, or NULL */
  long at;
  int fd;
  bool ready;
  void *sites[SITES_MAX];
  unsigned n_sites;
} plan;

__attribute__((constructor)) static void read_plan(void) {
  const char *call = getenv("FAIL_CALL"), *fd = getenv("FAIL_CALLS_FD");
  plan.fd = fd ? (int)strtol(fd, NULL, 10) : -1;
  if (call) {
    plan.name = call;
    while (*call != '\0' && *call != ':') call++;
    plan.at = *call == ':' ? strtol(call + 1, NULL, 10) : 0;
  }
  plan.ready = true;
}

static void note_site(const struct function *function, void *from) {
  Dl_info info;
  struct link_map *module;
  for (unsigned i = 0; i < plan.n_sites; i++)
    if (plan.sites[i] == from) return;
  if (plan.n_sites == SITES_MAX || dladdr1(from, &info, (void **)&module, RTLD_DL_LINKMAP) == 0)
    return;
  plan.sites[plan.n_sites++] = from;
  dprintf(plan.fd, "%s %ld %s+%#lx\n", function->name, function->n, info.dli_fname,
          (uintptr_t)from - module->l_addr);
}

static bool fails(struct function *function, void *from) {
  size_t length = strlen(function->name);
  static __thread bool inside;
  if (!plan.ready || inside) return false;
  inside = true;
  function->n++;
  if (plan.fd >= 0) note_site(function, from);
  bool now = plan.name && function->n == plan.at && plan.name[length] == ':' &&
             strncmp(plan.name, function->name, length) == 0;
  inside = false;
  return now;
}

/* clang-format off */
#define FAILING(name_, value_, errno_) FAILING_SO(name_, value_, errno_, (void)0)
#define FAILING_SO(name_, value_, errno_, effect_)                                                          \
  long name_(long a, long b, long c, long d, long e, long f, long g);                            \
  long name_(long a, long b, long c, long d, long e, long f, long g) {                           \
    static struct function function = {.name = #name_};                                          \
    if (function.real == NULL) *(void **)&function.real = dlsym(RTLD_NEXT, #name_);              \
    if (!fails(&function, __builtin_return_address(0)))                                          \
      return function.real(a, b, c, d, e, f, g);                                                 \
    *__errno_location() = (errno_);                                                              \
    effect_;                                                                                     \
    return value_;                                                                               \
  }

FAILING(malloc, 0, NO_MEMORY)
FAILING(calloc, 0, NO_MEMORY)
FAILING(realloc, 0, NO_MEMORY)
FAILING(reallocarray, 0, NO_MEMORY)
FAILING(strdup, 0, NO_MEMORY)
FAILING(strndup, 0, NO_MEMORY)
FAILING(mmap, -1, NO_MEMORY)
FAILING(fopencookie, 0, NO_MEMORY)
FAILING(fmemopen, 0, NO_MEMORY)
FAILING(open, -1, DENIED)
FAILING(openat, -1, DENIED)
FAILING(fopen, 0, DENIED)
FAILING(fdopen, 0, NO_MEMORY)
FAILING(opendir, 0, NO_FILES)
FAILING(fstat, -1, IO)
FAILING(ftruncate, -1, IO)
FAILING(fchown, -1, IO)
FAILING(lseek, -1, IO)
FAILING(pread, -1, IO)
FAILING(renameat, -1, NO_SPACE)
FAILING(unlinkat, -1, DENIED)
FAILING(fdopendir, 0, NO_MEMORY)
FAILING(readlinkat, -1, DENIED)
FAILING(tcgetattr, -1, IO)
FAILING(tcsetattr, -1, IO)
FAILING(readlink, -1, NO_ENTRY)
FAILING(read, -1, IO)
FAILING(write, -1, NO_SPACE)
FAILING(writev, -1, NO_SPACE)
FAILING(dup, -1, NO_DESCRIPTORS)
FAILING(fcntl, -1, IO)
FAILING(ioctl, -1, IO)
FAILING(poll, -1, NO_MEMORY)
FAILING(ppoll, -1, NO_MEMORY)
FAILING(getrandom, -1, IO)
FAILING(getrlimit, -1, IO)
FAILING(setrlimit, -1, IO)
FAILING(sigaction, -1, IO)
FAILING(sigprocmask, -1, IO)
FAILING(socket, -1, NO_FILES)
FAILING(bind, -1, NO_BUFFERS)
FAILING(listen, -1, NO_BUFFERS)
FAILING(connect, -1, NO_BUFFERS)
FAILING(accept4, -1, NO_FILES)
FAILING(setsockopt, -1, NO_BUFFERS)
FAILING(getsockopt, -1, NO_BUFFERS)
FAILING(getsockname, -1, NO_BUFFERS)
FAILING(getpeername, -1, NO_BUFFERS)
FAILING(sendto, -1, NO_BUFFERS)
FAILING(sendmsg, -1, NO_BUFFERS)
FAILING(recvfrom, -1, NO_BUFFERS)
FAILING(recvmsg, -1, NO_BUFFERS)
FAILING(shutdown, -1, NO_BUFFERS)
FAILING(epoll_create1, -1, NO_FILES)
FAILING(eventfd, -1, NO_FILES)
FAILING(pipe2, -1, NO_FILES)
FAILING(prctl, -1, DENIED)
FAILING(setresuid, -1, DENIED)
FAILING(setresgid, -1, DENIED)
FAILING(setgroups, -1, DENIED)
FAILING(initgroups, -1, DENIED)
FAILING(seteuid, -1, DENIED)
FAILING(setegid, -1, DENIED)
FAILING(setns, -1, DENIED)
FAILING(uv_loop_init, -NO_MEMORY, 0)
FAILING(uv_async_init, -NO_MEMORY, 0)
FAILING(uv_tcp_init, -NO_MEMORY, 0)
FAILING(uv_tcp_open, -NO_MEMORY, 0)
FAILING(uv_tcp_bind, -NO_MEMORY, 0)
FAILING(uv_tcp_connect, -NO_MEMORY, 0)
FAILING(uv_tcp_close_reset, -NO_MEMORY, 0)
FAILING(uv_tcp_getsockname, -NO_BUFFERS, 0)
FAILING(uv_tcp_getpeername, -NO_BUFFERS, 0)
FAILING(uv_listen, -NO_MEMORY, 0)
FAILING(uv_accept, -NO_MEMORY, 0)
FAILING(uv_read_start, -NO_MEMORY, 0)
FAILING(uv_write, -NO_MEMORY, 0)
FAILING(uv_shutdown, -NO_MEMORY, 0)
FAILING(uv_fileno, -9, 0)
FAILING(uv_getaddrinfo, -NO_MEMORY, 0)
FAILING(pcap_create, 0, NO_MEMORY)
FAILING(pcap_activate, -1, 0)
FAILING(pcap_open_dead, 0, NO_MEMORY)
FAILING(pcap_compile, -1, 0)
FAILING(pcap_setfilter, -1, 0)
FAILING(pcap_setnonblock, -1, 0)
FAILING(pcap_set_snaplen, -4, 0)
FAILING(pcap_set_timeout, -4, 0)
FAILING(pcap_set_buffer_size, -4, 0)
FAILING(pcap_set_immediate_mode, -4, 0)
FAILING(pcap_get_selectable_fd, -1, 0)
FAILING(pcap_dispatch, -1, 0)
FAILING(pcap_stats, -1, 0)
FAILING(pcap_findalldevs, -1, 0)
FAILING(pcap_dump_fopen, 0, 0)
FAILING(pcap_dump_flush, -1, 0)
FAILING(mnl_socket_open2, 0, NO_MEMORY)
FAILING(mnl_socket_bind, -1, NO_BUFFERS)
FAILING(mnl_socket_sendto, -1, NO_BUFFERS)
FAILING(mnl_socket_recvfrom, -1, NO_BUFFERS)
FAILING(capng_get_caps_process, -1, DENIED)
FAILING(capng_apply, -1, DENIED)
FAILING(capng_change_id, -1, DENIED)
FAILING(seccomp_init, 0, NO_MEMORY)
FAILING(seccomp_rule_add, -NO_MEMORY, 0)
FAILING(seccomp_load, -NO_MEMORY, 0)
/* The error stays on the stream: in the first int of a FILE, as ferror() of glibc reads it. */
/* NOLINTBEGIN(performance-no-int-to-ptr) */
FAILING_SO(fwrite, 0, NO_SPACE, *(int *)d |= 0x20)
FAILING_SO(fflush, -1, NO_SPACE, *(int *)a |= 0x20)
/* NOLINTEND(performance-no-int-to-ptr) */
