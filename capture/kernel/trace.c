#include "capture/kernel/trace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kbuffer.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <tracefs.h>
#include <unistd.h>

#include "capture/kernel/record.h"

enum {
  BUFFER_TOTAL_KIB = 16384, /* divided among the processors, each with */
  BUFFER_MIN_KIB = 128,     /* at least this */
  SECOND_NS = 1000000000,
};

static const char prefix[] = "teardown-"; /* of an instance's name; the process's number follows */

static const struct {
  const char *system, *name, *filter;
  bool required;
} trace_event[] = {
    /* MPTCP and SCTP sockets report their states, too, MPTCP with the ports of TCP. */
    [KERNEL_EVENT_STATE] = {"sock", "inet_sock_set_state", "protocol == 6", true},
    [KERNEL_EVENT_SEND_RESET] = {"tcp", "tcp_send_reset", NULL, false},
    [KERNEL_EVENT_RECEIVE_RESET] = {"tcp", "tcp_receive_reset", NULL, false},
    [KERNEL_EVENT_RETRANSMIT] = {"tcp", "tcp_retransmit_skb", NULL, false},
};
enum { EVENT_COUNT = sizeof trace_event / sizeof *trace_event };

/* The kernel's clocks for the time of an event, best first. What is wanted is CLOCK_REALTIME, which
 * is none of them; CLOCK_TAI (since Linux 6.0) moves as it does, and CLOCK_MONOTONIC until somebody
 * sets the time. */
static const struct {
  const char *name;
  clockid_t id;
} trace_clock[] = {{"tai", CLOCK_TAI}, {"mono", CLOCK_MONOTONIC}};
enum { CLOCK_COUNT = sizeof trace_clock / sizeof *trace_clock };

/* The events of one processor, in order: the kernel hands out a page of them at a time. */
struct ring {
  int fd, cpu;
  struct kbuffer *pages; /* walks `page` */
  void *page;
  const void *record; /* the next event; NULL: nothing was there when we last looked */
  unsigned long long t_ns;
  uint64_t lost;
};

struct kernel_trace {
  char directory[64]; /* of tracefs */
  int mount_fd;       /* our own mount of it; -1: there was one */
  struct tracefs_instance *instance;
  int hold_fd; /* a file of it, open for as long as we need it */
  struct kernel_formats *formats;
  struct ring *ring;
  struct pollfd *poll; /* of the same index */
  struct ring **ready; /* those that have a record */
  int ring_count, ready_count;
  size_t page_size;
  int epoll_fd; /* over all rings, for the caller to wait on */
  clockid_t clock;
  int64_t clock_offset_ns, offset_sampled_ns;
  int64_t looked_ns; /* up to this time all rings have shown what they have */
};

/* ---- opening ------------------------------------------------------------------------------- */

/* Says what failed, errno, and the remedy. */
static bool refuse(char *error, const char *what) {
  const char *cause = strerror(errno);
  if (errno == EPERM || errno == EACCES) {
    snprintf(error, KERNEL_ERROR_SIZE, "state events need root%s (tracefs: %s)",
             geteuid() == 0 ? " of the machine, not of a namespace or a container" : "", cause);
  } else {
    snprintf(error, KERNEL_ERROR_SIZE, "no state events (tracefs, %s: %s)", what, cause);
  }
  return false;
}

static bool refuse_mount(char *error) {
  if (errno == ENODEV) {
    snprintf(error, KERNEL_ERROR_SIZE,
             "state events need a kernel with CONFIG_FTRACE (tracefs: %s)", strerror(errno));
  } else if (errno == ENOSYS) {
    snprintf(error, KERNEL_ERROR_SIZE,
             "state events need tracefs: mount -t tracefs tracefs /sys/kernel/tracing");
  } else {
    (void)refuse(error, "mount");
  }
  return false;
}

/* Where it is mounted, or else a mount that is attached nowhere: nobody else sees it, and it ends
 * with its descriptor. (libtracefs would mount it for everybody, to stay.) */
static bool find_tracefs(struct kernel_trace *trace, char *error) {
  static const char usual[] = "/sys/kernel/tracing";
  struct statfs fs;
  if (statfs(usual, &fs) == 0 && fs.f_type == TRACEFS_MAGIC) {
    memcpy(trace->directory, usual, sizeof usual);
    return true;
  }
  int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
  if (context < 0) return refuse_mount(error);
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    trace->mount_fd = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  int cause = errno;
  close(context);
  errno = cause;
  if (trace->mount_fd < 0) return refuse_mount(error);
  snprintf(trace->directory, sizeof trace->directory, "/proc/self/fd/%d", trace->mount_fd);
  return true;
}

/* Removes the instances of those who were killed. Whose number is alive would tell little, since
 * process namespaces number alike; but what somebody has open the kernel keeps (EBUSY), and who has
 * made one a second ago may be about to open it. */
static void sweep(const char *instances) {
  DIR *directory = opendir(instances);
  if (!directory) return;
  const struct dirent *entry;
  while ((entry = readdir(directory))) {
    if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0) continue;
    const char *number = entry->d_name + sizeof prefix - 1;
    struct stat status;
    if (number[strspn(number, "0123456789-")] == '\0' &&
        fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 &&
        time(NULL) - status.st_mtime > 1)
      (void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
  }
  closedir(directory);
}

static bool create_instance(struct kernel_trace *trace, char *error) {
  char path[128], name[32];
  snprintf(path, sizeof path, "%s/instances", trace->directory);
  sweep(path);
  int made, i = 0;
  do { /* The number may be taken: by another trace of ours, or in another process namespace. */
    snprintf(name, sizeof name, i > 0 ? "%s%d-%d" : "%s%d", prefix, (int)getpid(), i);
    snprintf(path, sizeof path, "%s/instances/%s", trace->directory, name);
    made = mkdir(path, 0700);
  } while (made != 0 && errno == EEXIST && i++ < 100);
  if (made != 0) return refuse(error, "instances");

  trace->instance = tracefs_instance_alloc(trace->directory, name);
  if (!trace->instance) {
    errno = ENOMEM;
    (void)refuse(error, name);
    (void)rmdir(path);
    return false;
  }
  trace->hold_fd = tracefs_instance_file_open(trace->instance, "tracing_on", O_RDONLY | O_CLOEXEC);
  return trace->hold_fd >= 0 || refuse(error, name);
}

static bool set(struct kernel_trace *trace, const char *file, const char *value) {
  return tracefs_instance_file_write(trace->instance, file, value) > 0;
}

static bool set_clock(struct kernel_trace *trace, char *error) {
  for (int i = 0; i < CLOCK_COUNT; i++) {
    trace->clock = trace_clock[i].id;
    if (set(trace, "trace_clock", trace_clock[i].name)) return true;
  }
  return refuse(error, "trace_clock");
}

/* Learns the format of one event and switches it on. */
static bool enable(struct kernel_trace *trace, enum kernel_event_kind kind, char *error) {
  const char *system = trace_event[kind].system, *name = trace_event[kind].name;
  char file[64];
  snprintf(file, sizeof file, "events/%s/%s/format", system, name);
  int size = 0;
  char *format = tracefs_instance_file_read(trace->instance, file, &size);
  bool known = format && kernel_formats_learn(trace->formats, kind, format);
  free(format);
  if (!known) {
    if (!trace_event[kind].required) return true;
    snprintf(error, KERNEL_ERROR_SIZE,
             "state events need the trace event %s:%s, of Linux 4.16 and later", system, name);
    return false;
  }
  snprintf(file, sizeof file, "events/%s/%s/filter", system, name);
  if (trace_event[kind].filter && !set(trace, file, trace_event[kind].filter))
    return refuse(error, file);
  snprintf(file, sizeof file, "events/%s/%s/enable", system, name);
  return set(trace, file, "1") || refuse(error, file);
}

static void ring_close(struct ring *ring) {
  if (ring->fd >= 0) close(ring->fd);
  kbuffer_free(ring->pages);
  free(ring->page);
}

/* A processor that is switched off has no buffer, and is left out. */
static bool ring_open(struct kernel_trace *trace, int cpu) {
  char file[64];
  snprintf(file, sizeof file, "per_cpu/cpu%d/trace_pipe_raw", cpu);
  struct ring ring = {
      .fd = tracefs_instance_file_open(trace->instance, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
      .cpu = cpu,
      .pages = kbuffer_alloc(KBUFFER_LSIZE_SAME_AS_HOST, KBUFFER_ENDIAN_SAME_AS_HOST),
      .page = malloc(trace->page_size),
  };
  struct pollfd poll_fd = {.fd = ring.fd, .events = POLLIN};
  struct epoll_event event = {.events = EPOLLIN};
  bool opened = ring.fd >= 0 && ring.pages && ring.page && poll(&poll_fd, 1, 0) >= 0;
  bool off = opened && (poll_fd.revents & POLLERR);
  if (opened && !off && epoll_ctl(trace->epoll_fd, EPOLL_CTL_ADD, ring.fd, &event) == 0) {
    trace->poll[trace->ring_count] = (struct pollfd){.fd = ring.fd, .events = POLLIN};
    trace->ring[trace->ring_count++] = ring;
    return true;
  }
  int cause = errno;
  ring_close(&ring);
  errno = cause;
  return off;
}

static bool open_rings(struct kernel_trace *trace, char *error) {
  char *path = tracefs_instance_get_file(trace->instance, "per_cpu");
  struct dirent **entries = NULL;
  int count = path ? scandir(path, &entries, NULL, NULL) : -1;
  tracefs_put_tracing_file(path);
  if (count < 0) return refuse(error, "per_cpu");

  trace->ring = calloc((size_t)count, sizeof *trace->ring);
  trace->ready = calloc((size_t)count, sizeof *trace->ready);
  trace->poll = calloc((size_t)count, sizeof *trace->poll);
  trace->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  bool opened = trace->ring && trace->ready && trace->poll && trace->epoll_fd >= 0;
  int cpu;
  for (int i = 0; opened && i < count; i++) {
    if (sscanf(entries[i]->d_name, "cpu%d", &cpu) == 1) opened = ring_open(trace, cpu);
  }
  if (!opened) (void)refuse(error, "per_cpu");
  for (int i = 0; i < count; i++) free(entries[i]);
  free(entries);
  return opened;
}

static bool set_up(struct kernel_trace *trace, char *error) {
  if (!find_tracefs(trace, error) || !create_instance(trace, error) || !set_clock(trace, error))
    return false;

  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  long share = cpus > 0 ? BUFFER_TOTAL_KIB / cpus : BUFFER_MIN_KIB;
  char size[32];
  snprintf(size, sizeof size, "%ld", share > BUFFER_MIN_KIB ? share : BUFFER_MIN_KIB);
  if (!set(trace, "buffer_size_kb", size)) return refuse(error, "buffer_size_kb");
  /* Wakes us at the first event; a kernel that has no such file always does. */
  (void)set(trace, "buffer_percent", "0");

  /* The option record-cmd, which we do not need, stays on: switched off here, it is switched off
   * for the events of all other instances, too. */
  if (!open_rings(trace, error)) return false;
  for (int kind = 0; kind < EVENT_COUNT; kind++) {
    if (!enable(trace, (enum kernel_event_kind)kind, error)) return false;
  }
  return true;
}

struct kernel_trace *kernel_trace_open(char error[static KERNEL_ERROR_SIZE]) {
  struct kernel_trace *trace = calloc(1, sizeof *trace);
  struct kernel_formats *formats = kernel_formats_new();
  if (!trace || !formats) {
    snprintf(error, KERNEL_ERROR_SIZE, "no state events: out of memory");
    kernel_formats_free(formats);
    free(trace);
    return NULL;
  }
  trace->formats = formats;
  trace->mount_fd = trace->hold_fd = trace->epoll_fd = -1;
  trace->page_size = (size_t)sysconf(_SC_PAGESIZE);
  if (set_up(trace, error)) return trace;
  kernel_trace_close(trace);
  return NULL;
}

void kernel_trace_close(struct kernel_trace *trace) {
  if (!trace) return;
  for (int i = 0; i < trace->ring_count; i++) ring_close(&trace->ring[i]);
  if (trace->epoll_fd >= 0) close(trace->epoll_fd);
  if (trace->hold_fd >= 0) close(trace->hold_fd);
  if (trace->instance) {
    (void)tracefs_instance_destroy(trace->instance);
    tracefs_instance_free(trace->instance);
  }
  if (trace->mount_fd >= 0) close(trace->mount_fd);
  kernel_formats_free(trace->formats);
  free(trace->ring);
  free(trace->ready);
  free(trace->poll);
  free(trace);
}

/* ---- reading ------------------------------------------------------------------------------- */

int kernel_trace_fd(const struct kernel_trace *trace) { return trace->epoll_fd; }

static int64_t now_ns(clockid_t clock) {
  struct timespec now;
  (void)clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* What to add to the trace clock's time for CLOCK_REALTIME. Of a few samples the one that was least
 * interrupted is the best. */
static int64_t sample_offset(clockid_t clock) {
  int64_t offset = 0, shortest = INT64_MAX;
  for (int i = 0; i < 5; i++) {
    int64_t before = now_ns(clock), real = now_ns(CLOCK_REALTIME), after = now_ns(clock);
    if (after - before >= shortest) continue;
    shortest = after - before;
    offset = real - (before + shortest / 2);
  }
  return offset;
}

/* How many events the kernel has thrown away on this processor, since the beginning. */
static uint64_t read_lost(struct kernel_trace *trace, int cpu) {
  static const char *const counters[] = {"\noverrun: ", "\ncommit overrun: ", "\ndropped events: "};
  char file[64];
  snprintf(file, sizeof file, "per_cpu/cpu%d/stats", cpu);
  int size = 0;
  char *stats = tracefs_instance_file_read(trace->instance, file, &size);
  uint64_t lost = 0;
  for (size_t i = 0; stats && i < sizeof counters / sizeof *counters; i++) {
    const char *counter = strstr(stats, counters[i]);
    if (counter) lost += strtoull(counter + strlen(counters[i]), NULL, 10);
  }
  free(stats);
  return lost;
}

/* The next page, when there is one. */
static void ring_read(struct kernel_trace *trace, struct ring *ring) {
  do {
    ring->record = NULL;
    ssize_t n = read(ring->fd, ring->page, trace->page_size);
    if (n <= 0) return;
    if (kbuffer_load_subbuffer(ring->pages, ring->page) != 0) return;
    /* Whether any are missing stands in the page, how many only if they fit into its rest. */
    if (kbuffer_missed_events(ring->pages) != 0) ring->lost = read_lost(trace, ring->cpu);
    ring->record = kbuffer_read_event(ring->pages, &ring->t_ns);
  } while (!ring->record);
}

/* Looks at all rings. What happens from now on is later than `looked_ns`. */
static void look(struct kernel_trace *trace) {
  trace->looked_ns = now_ns(trace->clock);
  int64_t age = trace->looked_ns - trace->offset_sampled_ns;
  if (age < 0 || age > SECOND_NS) {
    trace->clock_offset_ns = sample_offset(trace->clock);
    trace->offset_sampled_ns = trace->looked_ns;
  }
  if (poll(trace->poll, (nfds_t)trace->ring_count, 0) <= 0) return;
  for (int i = 0; i < trace->ring_count; i++) {
    struct ring *ring = &trace->ring[i];
    if (!(trace->poll[i].revents & POLLIN) || ring->record) continue;
    ring_read(trace, ring);
    if (ring->record) trace->ready[trace->ready_count++] = ring;
  }
}

/* The index of the ring whose next event is the earliest of all; -1: there are none. */
static int find_earliest(const struct kernel_trace *trace) {
  int earliest = -1;
  for (int i = 0; i < trace->ready_count; i++) {
    if (earliest < 0 || trace->ready[i]->t_ns < trace->ready[earliest]->t_ns) earliest = i;
  }
  return earliest;
}

bool kernel_trace_next(struct kernel_trace *trace, struct kernel_event *event) {
  for (;;) {
    int i = find_earliest(trace);
    /* An earlier one may have come elsewhere since we looked. */
    if (i < 0 || (int64_t)trace->ready[i]->t_ns > trace->looked_ns) {
      look(trace);
      i = find_earliest(trace);
      if (i < 0) return false;
    }
    struct ring *ring = trace->ready[i];
    bool known = kernel_formats_decode(trace->formats, ring->record,
                                       (size_t)kbuffer_event_size(ring->pages), event);
    event->t_us = ((int64_t)ring->t_ns + trace->clock_offset_ns) / 1000;
    ring->record = kbuffer_next_event(ring->pages, &ring->t_ns);
    if (!ring->record) ring_read(trace, ring);
    if (!ring->record) trace->ready[i] = trace->ready[--trace->ready_count];
    if (known) return true;
  }
}

uint64_t kernel_trace_lost(const struct kernel_trace *trace) {
  uint64_t lost = 0;
  for (int i = 0; i < trace->ring_count; i++) lost += trace->ring[i].lost;
  return lost;
}
