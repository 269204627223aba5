#include "capture/kernel/trace.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/kernel/idle.h"
#include "capture/kernel/record.h"

/* Nothing is made in tracefs: it only tells what the events look like. The events themselves come
 * through perf_event_open(2), whose buffers end with their descriptors, whatever ends the process,
 * and which needs no privilege once it is open. */

enum {
  BUFFER_TOTAL_BYTES = 32 << 20, /* divided among the processors, each with */
  BUFFER_MIN_BYTES = 128 << 10,  /* at least this, if so much may be locked */
  RECORD_MAX = 1 << 16,          /* its header has 16 bits for its size */
  SECOND_NS = 1000000000,
};

static const struct {
  const char *system, *name;
  bool required;
  bool may_be_idle; /* it can happen on a processor that idles */
} trace_event[] = {
    [KERNEL_EVENT_STATE] = {"sock", "inet_sock_set_state", true, true},
    [KERNEL_EVENT_SEND_RESET] = {"tcp", "tcp_send_reset", false, true},
    [KERNEL_EVENT_RECEIVE_RESET] = {"tcp", "tcp_receive_reset", false, true},
    [KERNEL_EVENT_RETRANSMIT] = {"tcp", "tcp_retransmit_skb", false, true},
    [KERNEL_EVENT_EXIT] = {"sched", "sched_process_exit", false, false},
};
enum { EVENT_COUNT = sizeof trace_event / sizeof *trace_event };

/* The clocks for the time of an event, best first. A kernel that takes only those which an NMI may
 * read has none but CLOCK_MONOTONIC, which moves as CLOCK_REALTIME until somebody sets the time. */
static const clockid_t trace_clock[] = {CLOCK_REALTIME, CLOCK_TAI, CLOCK_MONOTONIC};
enum { CLOCK_COUNT = sizeof trace_clock / sizeof *trace_clock };

/* What the kernel puts before the octets of an event, for the sample_type that is asked for. */
struct sample {
  struct perf_event_header header;
  int32_t pid, tid; /* by the numbers of our own PID namespace; 0: it is not in there */
  uint64_t t_ns;
  uint32_t size;
  uint8_t octets[];
} __attribute__((packed));

struct lost {
  struct perf_event_header header;
  uint64_t id, lost;
};

/* The events of one processor, in order. */
struct ring {
  int fd[EVENT_COUNT]; /* of each kind, -1: none; all write into the buffer of the first, */
  int idle_fd;         /* and so does this, for what happens while the processor idles */
  struct perf_event_mmap_page *control;
  const uint8_t *data;
  size_t size; /* of data, a power of 2 */
  uint64_t at; /* what of it was read */
  bool has_record;
  int64_t t_ns;    /* of the record at `at` */
  uint64_t n_told; /* that record and those before it, exits apart: they are of the whole machine */
  uint64_t lost;
};

struct kernel_trace {
  char directory[64]; /* of tracefs */
  int mount_fd;       /* our own mount of it; -1: there was one */
  struct kernel_formats *formats;
  uint64_t id[EVENT_COUNT]; /* 0: this kernel has no such event */
  struct ring *ring;
  int ring_count;
  int idle_fd; /* kernel_idle_open */
  clockid_t clock;
  int64_t clock_offset_ns, offset_sampled_ns;
  int64_t looked_ns;          /* up to this time all rings have shown what they have */
  uint8_t record[RECORD_MAX]; /* the current one, where it wraps around in its buffer */
};

/* ---- opening ------------------------------------------------------------------------------- */

/* Says what failed, errno, and the remedy. */
static bool refuse(char *error, const char *what) {
  const char *cause = strerror(errno);
  if (errno == EPERM || errno == EACCES) {
    snprintf(error, KERNEL_ERROR_SIZE, "state events need root%s (%s: %s)",
             geteuid() == 0 ? " of the machine, not of a namespace or a container" : "", what,
             cause);
  } else {
    snprintf(error, KERNEL_ERROR_SIZE, "no state events (%s: %s%s)", what, cause,
             errno == EMFILE ? "; raise ulimit -n" : "");
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
    (void)refuse(error, "tracefs");
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

/* A small file of tracefs, all of it; NULL: errno says why not. The caller frees it. */
static char *read_file(const struct kernel_trace *trace, const char *system, const char *name,
                       const char *what) {
  enum { FILE_MAX = 1 << 16 };
  char path[192];
  snprintf(path, sizeof path, "%s/events/%s/%s/%s", trace->directory, system, name, what);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  char *text = malloc(FILE_MAX);
  size_t used = 0;
  ssize_t n = 0;
  while (text && used < FILE_MAX - 1 && (n = read(fd, text + used, FILE_MAX - 1 - used)) > 0)
    used += (size_t)n;
  int cause = text ? errno : ENOMEM;
  close(fd);
  if (text && n >= 0) {
    text[used] = '\0';
    return text;
  }
  free(text);
  errno = cause;
  return NULL;
}

/* Learns the format of one event and its number. */
static bool learn(struct kernel_trace *trace, enum kernel_event_kind kind, char *error) {
  const char *system = trace_event[kind].system, *name = trace_event[kind].name;
  char *format = read_file(trace, system, name, "format");
  if (!format && trace_event[kind].required && errno != ENOENT) return refuse(error, "tracefs");
  char *number = format ? read_file(trace, system, name, "id") : NULL;
  if (number && kernel_formats_learn(trace->formats, kind, format))
    trace->id[kind] = strtoull(number, NULL, 10);
  free(number);
  free(format);
  if (trace->id[kind] != 0 || !trace_event[kind].required) return true;
  snprintf(error, KERNEL_ERROR_SIZE,
           "state events need the trace event %s:%s, of Linux 4.16 and later", system, name);
  return false;
}

/* On one processor, of all processes and namespaces. It wakes nobody before its buffer is full: the
 * kernel would interrupt itself for each event, which on a virtual machine takes more time than
 * all else about a close. -1: errno says why not. */
static int open_perf(const struct kernel_trace *trace, uint32_t type, uint64_t config, int cpu) {
  struct perf_event_attr attr = {
      .type = type,
      .size = sizeof attr,
      .config = config,
      .sample_period = 1,
      .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
      .disabled = 1, /* until it has a buffer: what is counted has a record */
      .watermark = 1,
      .wakeup_watermark = INT32_MAX,
      .use_clockid = 1,
      .clockid = trace->clock,
  };
  return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int open_event(const struct kernel_trace *trace, enum kernel_event_kind kind, int cpu) {
  return open_perf(trace, PERF_TYPE_TRACEPOINT, trace->id[kind], cpu);
}

static void ring_close(struct ring *ring) {
  if (ring->control) munmap(ring->control, ring->size + (size_t)sysconf(_SC_PAGESIZE));
  if (ring->idle_fd >= 0) close(ring->idle_fd);
  for (int kind = 0; kind < EVENT_COUNT; kind++)
    if (ring->fd[kind] >= 0) close(ring->fd[kind]);
}

/* As large as wanted, or as may be locked. */
static bool map_ring(struct ring *ring, size_t wanted) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (ring->size = wanted; ring->size >= page; ring->size /= 2) {
    void *at = mmap(NULL, page + ring->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                    ring->fd[KERNEL_EVENT_STATE], 0);
    if (at == MAP_FAILED) continue;
    ring->control = at;
    ring->data = (const uint8_t *)at + page;
    return true;
  }
  return false;
}

static bool write_into(int fd, const struct ring *ring) {
  return fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd[KERNEL_EVENT_STATE]) == 0;
}

static bool ring_start(const struct ring *ring) {
  for (int kind = 0; kind < EVENT_COUNT; kind++)
    if (ring->fd[kind] >= 0 && ioctl(ring->fd[kind], PERF_EVENT_IOC_ENABLE, 0) != 0) return false;
  return ioctl(ring->idle_fd, PERF_EVENT_IOC_ENABLE, 0) == 0;
}

/* A processor that is switched off has no events, and is left out. */
static bool ring_open(struct kernel_trace *trace, int cpu, size_t size) {
  struct ring ring = {.fd = {-1, -1, -1, -1, -1}, .idle_fd = -1};
  static_assert(EVENT_COUNT == 5, "as many descriptors");
  int *fd = ring.fd;
  fd[KERNEL_EVENT_STATE] = open_event(trace, KERNEL_EVENT_STATE, cpu);
  if (fd[KERNEL_EVENT_STATE] < 0) return errno == ENODEV;
  bool opened = map_ring(&ring, size);
  for (int kind = 0; opened && kind < EVENT_COUNT; kind++) {
    if (trace->id[kind] == 0 || fd[kind] >= 0) continue;
    fd[kind] = open_event(trace, (enum kernel_event_kind)kind, cpu);
    opened = write_into(fd[kind], &ring);
  }
  if (opened) {
    ring.idle_fd = open_perf(trace, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_BPF_OUTPUT, cpu);
    opened = write_into(ring.idle_fd, &ring) &&
             kernel_idle_set_buffer(trace->idle_fd, (unsigned)cpu, ring.idle_fd) &&
             ring_start(&ring);
  }
  if (opened) {
    trace->ring[trace->ring_count++] = ring;
    return true;
  }
  int cause = errno;
  ring_close(&ring);
  errno = cause;
  return false;
}

static bool open_rings(struct kernel_trace *trace, char *error) {
  long cpus = sysconf(_SC_NPROCESSORS_CONF);
  if (cpus < 1) cpus = 1;
  size_t size = BUFFER_MIN_BYTES;
  while (size * 2 * (size_t)cpus <= BUFFER_TOTAL_BYTES) size *= 2;
  trace->ring = calloc((size_t)cpus, sizeof *trace->ring);
  if (!trace->ring) return refuse(error, "perf");
  trace->idle_fd = kernel_idle_open((unsigned)cpus);
  if (trace->idle_fd < 0) return refuse(error, "bpf");
  for (int cpu = 0; cpu < cpus; cpu++)
    if (!ring_open(trace, cpu, size)) return refuse(error, "perf");
  return true;
}

/* A program belongs to the event, on whatever processor: one of its descriptors is enough. */
static bool watch_idle(struct kernel_trace *trace, char *error) {
  for (int kind = 0; kind < EVENT_COUNT && trace->ring_count > 0; kind++) {
    int fd = trace->ring[0].fd[kind];
    size_t size = kernel_formats_size(trace->formats, (enum kernel_event_kind)kind);
    if (fd >= 0 && trace_event[kind].may_be_idle &&
        !kernel_idle_watch(trace->idle_fd, fd, (uint16_t)trace->id[kind], size))
      return refuse(error, "bpf");
  }
  return true;
}

/* False: errno says why there is none. */
static bool choose_clock(struct kernel_trace *trace) {
  for (int i = 0; i < CLOCK_COUNT; i++) {
    trace->clock = trace_clock[i];
    int fd = open_event(trace, KERNEL_EVENT_STATE, 0);
    if (fd >= 0) {
      close(fd);
      return true;
    }
    if (errno != EINVAL) break;
  }
  return false;
}

/* To begin and to end listening to an event takes the kernel 30 ms, as long as nobody else listens
 * to it: so this one, with a clock that it always takes, outlasts the attempts. */
static bool open_all(struct kernel_trace *trace, char *error) {
  trace->clock = CLOCK_MONOTONIC;
  int held = open_event(trace, KERNEL_EVENT_STATE, 0);
  bool chosen = held >= 0 && choose_clock(trace);
  if (!chosen) (void)refuse(error, "perf");
  bool opened = chosen && open_rings(trace, error) && watch_idle(trace, error);
  if (held >= 0) close(held);
  return opened;
}

static bool set_up(struct kernel_trace *trace, char *error) {
  if (!find_tracefs(trace, error)) return false;
  for (int kind = 0; kind < EVENT_COUNT; kind++)
    if (!learn(trace, (enum kernel_event_kind)kind, error)) return false;
  return open_all(trace, error);
}

/* Before Linux 5.11 what bpf(2) takes counts against RLIMIT_MEMLOCK, root's too. */
static bool set_up_unlimited(struct kernel_trace *trace, char *error) {
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  struct rlimit before;
  bool raised = getrlimit(RLIMIT_MEMLOCK, &before) == 0 && setrlimit(RLIMIT_MEMLOCK, &none) == 0;
  bool done = set_up(trace, error);
  if (raised) (void)setrlimit(RLIMIT_MEMLOCK, &before);
  return done;
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
  trace->mount_fd = trace->idle_fd = -1;
  bool opened = set_up_unlimited(trace, error);
  if (trace->mount_fd >= 0) close(trace->mount_fd); /* all has been read of it */
  trace->mount_fd = -1;
  if (opened) return trace;
  kernel_trace_close(trace);
  return NULL;
}

void kernel_trace_close(struct kernel_trace *trace) {
  if (!trace) return;
  for (int i = 0; i < trace->ring_count; i++) ring_close(&trace->ring[i]);
  if (trace->idle_fd >= 0) close(trace->idle_fd);
  kernel_formats_free(trace->formats);
  free(trace->ring);
  free(trace);
}

/* ---- reading ------------------------------------------------------------------------------- */

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

/* Octets of the ring from the one that was written as the `from`th on. */
static void copy_out(const struct ring *ring, uint64_t from, void *to, size_t n) {
  size_t begin = (size_t)(from & (ring->size - 1));
  size_t first = ring->size - begin < n ? ring->size - begin : n;
  memcpy(to, ring->data + begin, first);
  memcpy((uint8_t *)to + first, ring->data, n - first);
}

/* What is before `at` may be written over. */
static void give_back(struct ring *ring) {
  __atomic_store_n(&ring->control->data_tail, ring->at, __ATOMIC_RELEASE);
}

/* Goes on to the next event, if there is one; what lies between is counted or passed over. */
static void pass_on(const struct kernel_trace *trace, struct ring *ring) {
  uint64_t head = __atomic_load_n(&ring->control->data_head, __ATOMIC_ACQUIRE);
  ring->has_record = false;
  while (!ring->has_record && head - ring->at >= sizeof(struct perf_event_header)) {
    struct sample sample;
    struct lost lost;
    uint8_t common[KERNEL_IDLE_COMMON_SIZE];
    copy_out(ring, ring->at, &sample.header, sizeof sample.header);
    size_t size = sample.header.size;
    /* The kernel writes no such thing; but then nothing after it can be found, either. */
    if (size < sizeof sample.header || size > head - ring->at) {
      ring->at = head;
      break;
    }
    if (sample.header.type == PERF_RECORD_SAMPLE && size >= sizeof sample + sizeof common) {
      copy_out(ring, ring->at, &sample, sizeof sample);
      copy_out(ring, ring->at + sizeof sample, common, sizeof common);
      ring->t_ns = (int64_t)sample.t_ns;
      ring->has_record = !kernel_idle_is_double(sample.tid, common);
      uint16_t type;
      memcpy(&type, common, sizeof type);
      ring->n_told += ring->has_record && type != trace->id[KERNEL_EVENT_EXIT];
      if (ring->has_record) break;
    }
    if (sample.header.type == PERF_RECORD_LOST && size >= sizeof lost) {
      copy_out(ring, ring->at, &lost, sizeof lost);
      ring->lost += lost.lost;
    }
    ring->at += size;
  }
}

static void find_record(const struct kernel_trace *trace, struct ring *ring) {
  uint64_t before = ring->at;
  pass_on(trace, ring);
  if (ring->at != before) give_back(ring);
}

/* Looks at all rings. What happens from now on is later than `looked_ns`. */
static void look(struct kernel_trace *trace) {
  trace->looked_ns = now_ns(trace->clock);
  int64_t age = trace->looked_ns - trace->offset_sampled_ns;
  if (age < 0 || age > SECOND_NS) {
    trace->clock_offset_ns = sample_offset(trace->clock);
    trace->offset_sampled_ns = trace->looked_ns;
  }
  for (int i = 0; i < trace->ring_count; i++)
    if (!trace->ring[i].has_record) find_record(trace, &trace->ring[i]);
}

/* The ring whose next event is the earliest of all; NULL: there are none. */
static struct ring *find_earliest(struct kernel_trace *trace) {
  struct ring *earliest = NULL;
  for (struct ring *r = trace->ring; r < trace->ring + trace->ring_count; r++)
    if (r->has_record && (!earliest || r->t_ns < earliest->t_ns)) earliest = r;
  return earliest;
}

/* Decodes the ring's event and goes on to the one after it. */
static bool take(struct kernel_trace *trace, struct ring *ring, struct kernel_event *event) {
  struct sample *sample = (struct sample *)(void *)trace->record;
  struct perf_event_header header;
  copy_out(ring, ring->at, &header, sizeof header);
  copy_out(ring, ring->at, trace->record, header.size);
  size_t size = sample->size, room = header.size - sizeof *sample;
  bool known =
      kernel_formats_decode(trace->formats, sample->octets, size < room ? size : room, event);
  event->pid = sample->pid;
  event->tid = sample->tid;
  event->t_us = (int64_t)((uint64_t)ring->t_ns + (uint64_t)trace->clock_offset_ns) / 1000;
  ring->at += header.size;
  give_back(ring);
  find_record(trace, ring);
  return known;
}

bool kernel_trace_next(struct kernel_trace *trace, struct kernel_event *event) {
  for (;;) {
    struct ring *ring = find_earliest(trace);
    /* An earlier one may have come elsewhere since we looked. */
    if (!ring || ring->t_ns > trace->looked_ns) {
      look(trace);
      ring = find_earliest(trace);
      if (!ring) return false;
    }
    if (take(trace, ring, event)) return true;
  }
}

/* The events of this processor that were counted and have no record, exits apart: what the kernel
 * threw away, and what it never wrote. What happens while this looks may hide one. */
static uint64_t lost_of(const struct kernel_trace *trace, struct ring ring) {
  uint64_t counted = 0, count;
  for (int kind = 0; kind < EVENT_COUNT; kind++)
    if (kind != KERNEL_EVENT_EXIT && ring.fd[kind] >= 0 &&
        read(ring.fd[kind], &count, sizeof count) == sizeof count)
      counted += count;
  if (!ring.has_record) pass_on(trace, &ring);
  while (ring.has_record) {
    struct perf_event_header header;
    copy_out(&ring, ring.at, &header, sizeof header);
    ring.at += header.size;
    pass_on(trace, &ring);
  }
  uint64_t known = ring.n_told + ring.lost;
  return ring.lost + (counted > known ? counted - known : 0);
}

uint64_t kernel_trace_lost(const struct kernel_trace *trace) {
  uint64_t lost = 0;
  for (int i = 0; i < trace->ring_count; i++) lost += lost_of(trace, trace->ring[i]);
  return lost;
}
