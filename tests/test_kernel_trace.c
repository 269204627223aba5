/* The kernel's state events of real sockets on the loopback interface; or, where there can be none,
 * a refusal that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/kernel/trace.h"
#include "common/model/tcp_state.h"

enum { SEEN_MAX = 64, PATIENCE_S = 30 };

/* ---- tracefs, as the test sees it by itself -------------------------------------------------- */

static int tracefs = -1; /* its directory; -1: tracefs_errno says why not */
static int tracefs_errno;

static int open_tracefs(void **unused) {
  (void)unused;
  tracefs = open("/sys/kernel/tracing", O_DIRECTORY | O_CLOEXEC);
  if (faccessat(tracefs, "events", R_OK, 0) == 0) return 0;
  if (tracefs >= 0) close(tracefs);
  tracefs = -1;
  int context = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
  if (context >= 0 && syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    tracefs = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  tracefs_errno = errno;
  if (context >= 0) close(context);
  return 0;
}

static int close_tracefs(void **unused) {
  (void)unused;
  if (tracefs >= 0) close(tracefs);
  return 0;
}

/* Its content, cut at what fits; empty when there is no such file. */
static const char *file_text(int directory, const char *name, char *text, size_t size) {
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  ssize_t n;
  while (fd >= 0 && used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
    used += (size_t)n;
  if (fd >= 0) close(fd);
  text[used] = '\0';
  return text;
}

static bool format_says(const char *event, const char *word) {
  char name[64], text[16384];
  snprintf(name, sizeof name, "events/tcp/%s/format", event);
  return strstr(file_text(tracefs, name, text, sizeof text), word) != NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void assert_refused_for(const char *error, const char *reason) {
  if (!strstr(error, reason) || strchr(error, '\n')) fail_msg("refusal: \"%s\"", error);
}

/* NULL where there can be no state events, when the refusal has been found to say so. */
static struct kernel_trace *open_trace(void) {
  char error[KERNEL_ERROR_SIZE] = "";
  struct kernel_trace *trace = kernel_trace_open(error);
  if (tracefs >= 0) {
    if (!trace) fail_msg("%s", error);
    return trace;
  }
  assert_null(trace);
  assert_refused_for(error,
                     tracefs_errno == ENODEV ? "need a kernel with CONFIG_FTRACE" : "need root");
  return NULL;
}

/* ---- connections ----------------------------------------------------------------------------- */

struct connection {
  int client, server;
  struct kernel_pair pair; /* as the client sees it */
};

/* An address that no other process uses, nor one in another network namespace. */
static const char *own_address(void) {
  static char text[INET_ADDRSTRLEN];
  unsigned pid = (unsigned)getpid();
  snprintf(text, sizeof text, "127.%u.%u.%u", 1 + (pid >> 16) % 254, pid >> 8 & 255, pid & 255);
  return text;
}

union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

static socklen_t parse_address(union address *address, const char *text) {
  *address = (union address){.v4.sin_family = AF_INET};
  if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) return sizeof address->v4;
  *address = (union address){.v6.sin6_family = AF_INET6};
  assert_int_equal(inet_pton(AF_INET6, text, &address->v6.sin6_addr), 1);
  return sizeof address->v6;
}

/* A socket bound to the address and to some port, which is set. */
static int bind_to(union address *address, const char *text) {
  socklen_t size = parse_address(address, text);
  int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_return_code(bind(fd, &address->any, size), errno);
  assert_return_code(getsockname(fd, &address->any, &size), errno);
  return fd;
}

static void set_half(const char *text, const union address *address, struct decode_address *half,
                     uint16_t *port, uint8_t *family) {
  *family = strchr(text, ':') ? 6 : 4;
  memset(half, 0, sizeof *half);
  assert_int_equal(inet_pton(*family == 4 ? AF_INET : AF_INET6, text, half->bytes), 1);
  *port = ntohs(address->v4.sin_port); /* at the same place in both */
}

/* Two sockets that are not connected yet; their addresses; `listen_as`: as the server writes its
 * own. */
static void prepare(struct connection *c, const char *address, const char *listen_as,
                    union address *server) {
  union address client;
  c->client = bind_to(&client, address);
  c->server = bind_to(server, listen_as);
  set_half(address, &client, &c->pair.local, &c->pair.local_port, &c->pair.family);
  set_half(address, server, &c->pair.remote, &c->pair.remote_port, &c->pair.family);
  parse_address(&client, address);
  if (client.any.sa_family == AF_INET) {
    client.v4.sin_port = htons(c->pair.remote_port);
    *server = client;
  }
}

static socklen_t size_of(const union address *address) {
  return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

static struct connection connect_as(const char *address, const char *listen_as) {
  struct connection c;
  union address server;
  prepare(&c, address, listen_as, &server);
  int listener = c.server;
  assert_return_code(listen(listener, 1), errno);
  assert_return_code(connect(c.client, &server.any, size_of(&server)), errno);
  c.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  assert_true(c.server >= 0);
  close(listener);
  return c;
}

static void close_with_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  assert_return_code(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), errno);
  close(fd);
}

/* Returns when its peer's FIN is here. */
static void read_to_end(int fd) {
  char octets[64];
  ssize_t n;
  while ((n = read(fd, octets, sizeof octets)) > 0) continue;
  assert_return_code(n, errno);
}

static int64_t clock_us(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_us(void) { return clock_us(CLOCK_REALTIME); }

/* ---- events of one connection ---------------------------------------------------------------- */

struct seen {
  struct kernel_event event[SEEN_MAX];
  int count;
};

static bool is_same(const struct kernel_pair *a, const struct kernel_pair *b) {
  return a->family == b->family && a->local_port == b->local_port &&
         a->remote_port == b->remote_port && memcmp(&a->local, &b->local, sizeof a->local) == 0 &&
         memcmp(&a->remote, &b->remote, sizeof a->remote) == 0;
}

static struct kernel_pair reverse(const struct kernel_pair *pair) {
  return (struct kernel_pair){.local = pair->remote,
                              .remote = pair->local,
                              .local_port = pair->remote_port,
                              .remote_port = pair->local_port,
                              .family = pair->family};
}

enum { ANY_STATE = -1 };

static const struct kernel_event *find(const struct seen *seen, const struct kernel_pair *pair,
                                       int kind, int from, int to) {
  for (int i = 0; i < seen->count; i++) {
    const struct kernel_event *e = &seen->event[i];
    if (e->kind == kind && is_same(&e->pair, pair) &&
        (kind != KERNEL_EVENT_STATE || ((from == ANY_STATE || e->from == from) && e->to == to)))
      return e;
  }
  return NULL;
}

/* "ESTABLISHED FIN_WAIT_1 ...": each event begins where the one before it ended, all are of one
 * socket, and none is earlier than the one before it. */
static const char *path_of(const struct seen *seen, const struct kernel_pair *pair, char *text,
                           size_t size) {
  const struct kernel_event *last = NULL;
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < seen->count; i++) {
    const struct kernel_event *e = &seen->event[i];
    if (e->kind != KERNEL_EVENT_STATE || !is_same(&e->pair, pair)) continue;
    if (!last) used += (size_t)snprintf(text, size, "%s", tcp_state_name(e->from));
    used += (size_t)snprintf(text + used, size - used, " %s", tcp_state_name(e->to));
    assert_true(used < size);
    assert_true(e->socket != 0);
    if (last) {
      assert_int_equal(e->from, last->to);
      assert_int_equal(e->socket, last->socket);
      assert_true(e->t_us >= last->t_us);
    }
    last = e;
  }
  return text;
}

/* Adds what there is now of this connection. */
static void drain(struct kernel_trace *trace, const struct kernel_pair *pair, struct seen *seen) {
  struct kernel_pair back = reverse(pair);
  struct kernel_event event;
  while (kernel_trace_next(trace, &event)) {
    if (!is_same(&event.pair, pair) && !is_same(&event.pair, &back)) continue;
    assert_true(seen->count < SEEN_MAX);
    seen->event[seen->count++] = event;
  }
}

/* Adds until the client (or the server) has had an event of the kind, for KERNEL_EVENT_STATE its
 * last one. */
static void await(struct kernel_trace *trace, const struct connection *c, struct seen *seen,
                  bool of_server, int kind) {
  struct kernel_pair pair = of_server ? reverse(&c->pair) : c->pair;
  int64_t until = clock_us(CLOCK_MONOTONIC) + PATIENCE_S * INT64_C(1000000);
  for (;;) {
    drain(trace, &c->pair, seen);
    if (find(seen, &pair, kind, ANY_STATE, TCPS_CLOSED)) return;
    if (clock_us(CLOCK_MONOTONIC) > until) {
      fail_msg("not among %d events: the %s's of kind %d", seen->count,
               of_server ? "server" : "client", kind);
    }
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
}

static void assert_paths(const struct seen *seen, const struct connection *c, const char *client,
                         const char *server) {
  static const char birth[] = "LISTEN "; /* in Linux 6.1 it has no addresses yet */
  struct kernel_pair back = reverse(&c->pair);
  char text[512];
  assert_string_equal(path_of(seen, &c->pair, text, sizeof text), client);
  path_of(seen, &back, text, sizeof text);
  bool is_born = strncmp(text, birth, sizeof birth - 1) == 0;
  assert_string_equal(text + (is_born ? sizeof birth - 1 : 0), server);
}

static const char active[] = "CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSED";
static const char passive[] = "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED";

static void close_in_order(const struct connection *c) {
  close(c->client);
  read_to_end(c->server);
  close(c->server);
}

static void await_close(struct kernel_trace *trace, const struct connection *c, struct seen *seen) {
  await(trace, c, seen, false, KERNEL_EVENT_STATE);
  await(trace, c, seen, true, KERNEL_EVENT_STATE);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void assert_close_is_seen(struct kernel_trace *trace, const char *address,
                                 const char *listen_as) {
  struct seen seen = {.count = 0};
  struct connection c = connect_as(address, listen_as);
  close_in_order(&c);
  await_close(trace, &c, &seen);
  assert_paths(&seen, &c, active, passive);
  for (int i = 0; i < seen.count; i++) assert_int_equal(seen.event[i].kind, KERNEL_EVENT_STATE);
}

static void test_close(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  assert_close_is_seen(trace, own_address(), own_address());
  assert_int_equal(kernel_trace_lost(trace), 0);
  kernel_trace_close(trace);
}

static void test_close_ipv6(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  assert_close_is_seen(trace, "::1", "::1");
  kernel_trace_close(trace);
}

static void test_close_v4_mapped(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  char mapped[64];
  snprintf(mapped, sizeof mapped, "::ffff:%s", own_address());
  assert_close_is_seen(trace, own_address(), mapped);
  kernel_trace_close(trace);
}

static void assert_between(const struct kernel_event *event, int64_t before, int64_t after) {
  assert_non_null(event);
  if (event->t_us < before || event->t_us > after) {
    fail_msg("%s -> %s is %lld us after the first clock sample, and %lld before the second",
             tcp_state_name(event->from), tcp_state_name(event->to),
             (long long)(event->t_us - before), (long long)(after - event->t_us));
  }
}

static void test_times(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  struct seen seen = {.count = 0};
  int64_t start = now_us();
  struct connection c = connect_as(own_address(), own_address());
  int64_t before_close = now_us();
  close(c.client);
  int64_t after_close = now_us();
  read_to_end(c.server);
  int64_t at_end = now_us();
  close(c.server);
  int64_t after_server = now_us();
  await_close(trace, &c, &seen);

  struct kernel_pair back = reverse(&c.pair);
  assert_between(find(&seen, &c.pair, KERNEL_EVENT_STATE, TCPS_CLOSED, TCPS_SYN_SENT), start,
                 before_close);
  assert_between(find(&seen, &back, KERNEL_EVENT_STATE, TCPS_SYN_RECEIVED, TCPS_ESTABLISHED), start,
                 before_close);
  assert_between(find(&seen, &c.pair, KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_FIN_WAIT_1),
                 before_close, after_close);
  assert_between(find(&seen, &back, KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT),
                 before_close, at_end);
  assert_between(find(&seen, &back, KERNEL_EVENT_STATE, TCPS_CLOSE_WAIT, TCPS_LAST_ACK), at_end,
                 after_server);
  assert_between(find(&seen, &back, KERNEL_EVENT_STATE, TCPS_LAST_ACK, TCPS_CLOSED), at_end,
                 now_us());
  kernel_trace_close(trace);
}

static void test_reset(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  struct seen seen = {.count = 0};
  struct connection c = connect_as(own_address(), own_address());
  close_with_reset(c.client);
  await(trace, &c, &seen, false, KERNEL_EVENT_SEND_RESET);
  await(trace, &c, &seen, true, KERNEL_EVENT_RECEIVE_RESET);
  close(c.server);
  await(trace, &c, &seen, true, KERNEL_EVENT_STATE);
  assert_paths(&seen, &c, "CLOSED SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");

  struct kernel_pair back = reverse(&c.pair);
  const struct kernel_event *sent = find(&seen, &c.pair, KERNEL_EVENT_SEND_RESET, 0, 0);
  const struct kernel_event *received = find(&seen, &back, KERNEL_EVENT_RECEIVE_RESET, 0, 0);
  assert_int_equal(sent->socket,
                   find(&seen, &c.pair, KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_CLOSED)->socket);
  assert_int_equal(received->socket,
                   find(&seen, &back, KERNEL_EVENT_STATE, TCPS_ESTABLISHED, TCPS_CLOSED)->socket);
  assert_int_equal(sent->reason[0] != '\0', format_says("tcp_send_reset", "reason"));
  kernel_trace_close(trace);
}

static void test_refused_connection(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  struct seen seen = {.count = 0};
  struct connection c;
  union address server;
  prepare(&c, own_address(), own_address(), &server); /* bound, and nobody listens */
  assert_int_equal(connect(c.client, &server.any, size_of(&server)), -1);
  assert_int_equal(errno, ECONNREFUSED);
  await(trace, &c, &seen, false, KERNEL_EVENT_STATE);
  await(trace, &c, &seen, false, KERNEL_EVENT_RECEIVE_RESET);
  assert_paths(&seen, &c, "CLOSED SYN_SENT CLOSED", "");
  if (format_says("tcp_send_reset", "NO_SOCKET")) { /* earlier kernels do not report it */
    struct kernel_pair back = reverse(&c.pair);
    await(trace, &c, &seen, true, KERNEL_EVENT_SEND_RESET);
    const struct kernel_event *sent = find(&seen, &back, KERNEL_EVENT_SEND_RESET, 0, 0);
    assert_string_equal(sent->reason, "NO_SOCKET");
    assert_int_equal(sent->socket, 0);
  }
  close(c.client);
  close(c.server);
  kernel_trace_close(trace);
}

/* Its peer never gets the octet. */
static void send_in_vain(const struct connection *c) {
  struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  struct sock_fprog program = {.len = 1, .filter = &drop};
  assert_return_code(setsockopt(c->server, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
                     errno);
  assert_int_equal(write(c->client, "x", 1), 1);
}

static uint32_t retransmissions_of(int fd) {
  struct tcp_info info;
  socklen_t size = sizeof info;
  assert_return_code(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), errno);
  return info.tcpi_total_retrans;
}

/* Timers run out while nobody has anything to do: what is not told of that is counted. */
static void test_on_idle_processors(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  enum { CONNECTIONS = 32, AWAITED_S = 2 };
  struct connection c[CONNECTIONS];
  uint64_t made = 0, told = 0;
  for (int i = 0; i < CONNECTIONS; i++) {
    c[i] = connect_as(own_address(), own_address());
    send_in_vain(&c[i]);
  }
  sleep(AWAITED_S);
  for (int i = 0; i < CONNECTIONS; i++) made += retransmissions_of(c[i].client);
  struct kernel_event event;
  while (kernel_trace_next(trace, &event))
    for (int i = 0; i < CONNECTIONS && event.kind == KERNEL_EVENT_RETRANSMIT; i++)
      told += is_same(&event.pair, &c[i].pair);
  assert_true(made >= CONNECTIONS && told > 0);
  assert_true(told + kernel_trace_lost(trace) >= made);
  for (int i = 0; i < CONNECTIONS; i++) {
    close_with_reset(c[i].client);
    close_with_reset(c[i].server);
  }
  kernel_trace_close(trace);
}

static void test_retransmission(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  struct seen seen = {.count = 0};
  struct connection c = connect_as(own_address(), own_address());
  send_in_vain(&c);
  await(trace, &c, &seen, false, KERNEL_EVENT_RETRANSMIT);
  close_with_reset(c.client);
  close_with_reset(c.server);
  kernel_trace_close(trace);
}

/* What other users of tracefs see of their own settings, and everybody of the mounts. */
static const char *settings(char *text, size_t size) {
  static const char *const files[] = {"trace_clock",
                                      "set_event",
                                      "buffer_size_kb",
                                      "tracing_on",
                                      "current_tracer",
                                      "trace_options",
                                      "events/enable",
                                      "events/sock/inet_sock_set_state/enable",
                                      "events/sock/inet_sock_set_state/filter"};
  size_t used = 0;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    file_text(tracefs, files[i], text + used, size - used);
    used += strlen(text + used);
  }
  int fd = openat(tracefs, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *instances = fd >= 0 ? fdopendir(fd) : NULL;
  for (const struct dirent *entry; instances && (entry = readdir(instances));)
    used += (size_t)snprintf(text + used, size - used, "%s\n", entry->d_name);
  if (instances) closedir(instances);
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  char line[1024];
  while (mounts && fgets(line, sizeof line, mounts)) {
    if (strstr(line, " tracefs ")) used += (size_t)snprintf(text + used, size - used, "%s", line);
    assert_true(used < size);
  }
  if (mounts) fclose(mounts);
  return text;
}

static int count_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  assert_non_null(directory);
  int count = 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

static void test_nothing_is_changed_or_left(void **unused) {
  (void)unused;
  char before[16384], during[16384], after[16384];
  int descriptors = count_descriptors();
  settings(before, sizeof before);
  struct kernel_trace *trace = open_trace();
  assert_string_equal(settings(during, sizeof during), before);
  kernel_trace_close(trace);
  assert_string_equal(settings(after, sizeof after), before);
  assert_int_equal(count_descriptors(), descriptors);
}

static void test_two_traces(void **unused) {
  (void)unused;
  struct kernel_trace *one = open_trace();
  if (!one) return;
  struct kernel_trace *two = open_trace();
  struct seen by_one = {.count = 0}, by_two = {.count = 0};
  struct connection c = connect_as(own_address(), own_address());
  close_in_order(&c);
  await_close(one, &c, &by_one);
  assert_paths(&by_one, &c, active, passive);
  kernel_trace_close(one);
  await_close(two, &c, &by_two);
  assert_paths(&by_two, &c, active, passive);
  assert_close_is_seen(two, own_address(), own_address());
  kernel_trace_close(two);
}

/* A process that traces until it is killed. */
static pid_t start_tracer(void) {
  int ready[2];
  char octet;
  assert_return_code(pipe2(ready, O_CLOEXEC), errno);
  pid_t pid = fork();
  assert_return_code(pid, errno);
  if (pid == 0) {
    char error[KERNEL_ERROR_SIZE];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not kill us */
    if (!kernel_trace_open(error) || write(ready[1], "", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  assert_int_equal(read(ready[0], &octet, 1), 1);
  close(ready[0]);
  return pid;
}

static void kill_tracer(pid_t pid) {
  assert_return_code(kill(pid, SIGKILL), errno);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_killed_run_leaves_nothing(void **unused) {
  (void)unused;
  char before[16384], after[16384];
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  settings(before, sizeof before);
  kill_tracer(start_tracer());
  assert_string_equal(settings(after, sizeof after), before);
  assert_close_is_seen(trace, own_address(), own_address());
  kernel_trace_close(trace);
}

/* What was opened as root is read as anybody. */
static void test_works_without_privilege(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  if (seteuid(65534) == 0) { /* else a user namespace that has nobody else */
    assert_close_is_seen(trace, own_address(), own_address());
    assert_return_code(seteuid(0), errno);
  }
  kernel_trace_close(trace);
}

/* Listens and stops to: two events a round. */
static union address listen_often(const char *text, int rounds) {
  union address address;
  for (int i = 0; i < rounds; i++) {
    int listener = bind_to(&address, text);
    assert_return_code(listen(listener, 1), errno);
    close(listener);
  }
  return address;
}

static bool is_at(const struct kernel_event *event, const union address *address) {
  return event->pair.family == 4 &&
         memcmp(event->pair.local.bytes, &address->v4.sin_addr, sizeof address->v4.sin_addr) == 0;
}

/* Events of several processors: as many processes, each on its own. */
static void test_order(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  enum { PROCESSES = 4, ROUNDS = 200 };
  char text[INET_ADDRSTRLEN];
  union address address;
  snprintf(text, sizeof text, "%s", own_address());
  parse_address(&address, text);
  pid_t child[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) {
    child[i] = fork();
    assert_return_code(child[i], errno);
    if (child[i] != 0) continue;
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET((size_t)i, &cpu);
    (void)sched_setaffinity(0, sizeof cpu, &cpu); /* there may be fewer */
    (void)listen_often(text, ROUNDS);
    _exit(0);
  }
  for (int i = 0; i < PROCESSES; i++) assert_int_equal(waitpid(child[i], NULL, 0), child[i]);

  struct kernel_event event;
  int64_t last = 0;
  int got = 0;
  while (kernel_trace_next(trace, &event)) {
    if (!is_at(&event, &address)) continue;
    assert_true(event.t_us >= last);
    last = event.t_us;
    got++;
  }
  assert_int_equal(got, 2 * ROUNDS * PROCESSES);
  kernel_trace_close(trace);
}

/* More events than the buffer holds: the rest is counted, and the trace goes on. */
static void test_lost_events_are_counted(void **unused) {
  (void)unused;
  struct kernel_trace *trace = open_trace();
  if (!trace) return;
  cpu_set_t before, one;
  assert_return_code(sched_getaffinity(0, sizeof before, &before), errno);
  CPU_ZERO(&one);
  CPU_SET((size_t)sched_getcpu(), &one);
  (void)sched_setaffinity(0, sizeof one, &one);

  enum { ROUNDS = 100000, EVENTS = 2 * ROUNDS };
  union address address = listen_often(own_address(), ROUNDS);
  struct kernel_event event;
  int got = 0;
  while (kernel_trace_next(trace, &event)) got += is_at(&event, &address);
  assert_true(got > 0 && got < EVENTS);
  /* On another processor there is no news of it. */
  assert_close_is_seen(trace, own_address(), own_address());
  (void)sched_setaffinity(0, sizeof before, &before);
  assert_true(kernel_trace_lost(trace) >= (uint64_t)(EVENTS - got));
  kernel_trace_close(trace);
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* What a child process is told that gave up its privileges in this way; NULL: it could not. */
static const char *refusal_after(bool (*give_up)(void)) {
  static char error[KERNEL_ERROR_SIZE];
  int answer[2];
  assert_return_code(pipe2(answer, O_CLOEXEC), errno);
  pid_t pid = fork();
  assert_return_code(pid, errno);
  if (pid == 0) {
    if (!give_up()) _exit(1);
    if (kernel_trace_open(error)) snprintf(error, sizeof error, "it was not refused");
    _exit(write(answer[1], error, strlen(error)) < 0);
  }
  close(answer[1]);
  ssize_t n = read(answer[0], error, sizeof error - 1);
  close(answer[0]);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  error[n > 0 ? n : 0] = '\0';
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? error : NULL;
}

static bool become_nobody(void) { return geteuid() != 0 || setresuid(65534, 65534, 65534) == 0; }

static bool become_root_of_a_namespace(void) {
  /* As anybody can: the files of a process that changed its user are root's otherwise. */
  if (!become_nobody() || prctl(PR_SET_DUMPABLE, 1) != 0) return false;
  char map[32];
  int size = snprintf(map, sizeof map, "0 %d 1", (int)geteuid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
  bool mapped = fd >= 0 && write(fd, map, (size_t)size) == size;
  return mapped && geteuid() == 0;
}

static void test_refused_without_root(void **unused) {
  (void)unused;
  const char *error = refusal_after(become_nobody);
  if (!error) skip(); /* in a user namespace that has nobody else */
  assert_refused_for(error, "state events need root (");
}

static void test_refused_to_root_of_a_namespace(void **unused) {
  (void)unused;
  const char *error = refusal_after(become_root_of_a_namespace);
  if (!error) skip(); /* there are no user namespaces for us */
  if (tracefs < 0 && tracefs_errno == ENODEV) {
    assert_refused_for(error, "need a kernel with CONFIG_FTRACE");
  } else {
    assert_refused_for(error, "state events need root of the machine");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_close),
      cmocka_unit_test(test_close_ipv6),
      cmocka_unit_test(test_close_v4_mapped),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_refused_connection),
      cmocka_unit_test(test_retransmission),
      cmocka_unit_test(test_on_idle_processors),
      cmocka_unit_test(test_nothing_is_changed_or_left),
      cmocka_unit_test(test_two_traces),
      cmocka_unit_test(test_killed_run_leaves_nothing),
      cmocka_unit_test(test_works_without_privilege),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_lost_events_are_counted),
      cmocka_unit_test(test_refused_without_root),
      cmocka_unit_test(test_refused_to_root_of_a_namespace),
  };
  return cmocka_run_group_tests(tests, open_tracefs, close_tracefs);
}
