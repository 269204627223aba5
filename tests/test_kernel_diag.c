/* What the kernel says of sockets, asked about real ones: every state that a connection has on its
 * way to CLOSED, made in this process over loopback. Runs in a network namespace of its own where
 * that is allowed, else on the machine's loopback, and needs no privilege. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/netlink.h>

#include "capture/kernel/diag.h"
#include "capture/kernel/owner.h"
#include "common/model/tcp_state.h"

static struct kernel_diag *diag;
static bool own_namespace;

/* ---- the machine ---- */

static void set_loopback(bool up) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    (void)ioctl(fd, SIOCSIFFLAGS, &request);
  }
  close(fd);
}

static void enter_namespace(void) {
  own_namespace = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
  if (own_namespace) set_loopback(true);
}

/* By a walk of its own. */
static bool kernel_owner_find(uint32_t inode, struct kernel_owner *owner) {
  struct kernel_owners owners = {0};
  bool found = kernel_owners_find(&owners, inode, INT64_MAX, owner);
  kernel_owners_free(&owners);
  return found;
}

static int open_diag(void **state) {
  char error[KERNEL_ERROR_SIZE] = "";
  (void)state;
  diag = kernel_diag_open(error);
  if (!diag) print_error("%s\n", error);
  return diag ? 0 : -1;
}

static int close_diag(void **state) {
  (void)state;
  kernel_diag_close(diag);
  return 0;
}

#define PEER_OF_LOOPBACK "192.0.2.78"

/* Gives lo another address, as `ip address add` does. */
static void add_address_to_loopback(const char *text) {
  union {
    struct ifreq ipv4;
    struct {
      struct in6_addr address;
      uint32_t prefix_length;
      uint32_t interface;
    } ipv6;
  } request;
  memset(&request, 0, sizeof request);
  bool is_ipv6 = strchr(text, ':');
  if (is_ipv6) {
    assert_int_equal(inet_pton(AF_INET6, text, &request.ipv6.address), 1);
    request.ipv6.prefix_length = 128;
    request.ipv6.interface = if_nametoindex("lo");
  } else {
    struct sockaddr_in address = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
    memcpy(&request.ipv4.ifr_addr, &address, sizeof address);
    memcpy(request.ipv4.ifr_name, "lo:1", sizeof "lo:1");
  }
  int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
  if (!is_ipv6) { /* the other end of the link */
    struct sockaddr_in address = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, PEER_OF_LOOPBACK, &address.sin_addr), 1);
    memcpy(&request.ipv4.ifr_dstaddr, &address, sizeof address);
    assert_int_equal(ioctl(fd, SIOCSIFDSTADDR, &request), 0);
  }
  close(fd);
}

static bool is_local(const char *text) {
  struct decode_address address = {.bytes = {0}};
  uint8_t family = strchr(text, ':') ? 6 : 4;
  assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, text, address.bytes), 1);
  return kernel_diag_is_local(diag, family, &address);
}

static bool has_ipv6(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (fd >= 0) close(fd);
  return has;
}

#define SKIP_UNLESS(condition, reason)             \
  if (!(condition)) {                              \
    print_message("# %s: " reason "\n", __func__); \
    skip();                                        \
  }

#define NO_NAMESPACE "no network namespace of its own: unshare() is not allowed here"

/* ---- connections ---- */

struct connection {
  int client, server;
  struct kernel_pair of_client, of_server;
};

static void set_option(int fd, int level, int option, int value) {
  assert_int_equal(setsockopt(fd, level, option, &value, sizeof value), 0);
}

/* A v4-mapped address is an IPv4 address on the wire. */
static void put_address(const struct sockaddr_storage *from, struct decode_address *address,
                        uint16_t *port, uint8_t *family) {
  struct sockaddr_in from4;
  struct sockaddr_in6 from6;
  if (from->ss_family == AF_INET) {
    memcpy(&from4, from, sizeof from4);
    memcpy(address->bytes, &from4.sin_addr, 4);
    *port = ntohs(from4.sin_port);
    *family = 4;
    return;
  }
  memcpy(&from6, from, sizeof from6);
  *port = ntohs(from6.sin6_port);
  *family = IN6_IS_ADDR_V4MAPPED(&from6.sin6_addr) ? 4 : 6;
  if (*family == 4)
    memcpy(address->bytes, &from6.sin6_addr.s6_addr[12], 4);
  else
    memcpy(address->bytes, &from6.sin6_addr, 16);
}

static struct kernel_pair turned(struct kernel_pair pair) {
  return (struct kernel_pair){.local = pair.remote,
                              .remote = pair.local,
                              .local_port = pair.remote_port,
                              .remote_port = pair.local_port,
                              .family = pair.family};
}

/* Of a socket that is not connected, the remote address is all zeros. */
static struct kernel_pair pair_of(int fd) {
  struct sockaddr_storage local, remote;
  socklen_t size = sizeof local;
  struct kernel_pair pair = {.family = 0};
  assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &size), 0);
  put_address(&local, &pair.local, &pair.local_port, &pair.family);
  size = sizeof remote;
  if (getpeername(fd, (struct sockaddr *)&remote, &size) == 0)
    put_address(&remote, &pair.remote, &pair.remote_port, &pair.family);
  return pair;
}

/* Takes one connection at a time, from a client's socket that is made like it. */
static int listen_at(const char *address, int buffer_bytes) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
  assert_int_equal(getaddrinfo(address, "0", &hints, &found), 0);
  int fd = socket(found->ai_family, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  if (found->ai_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (buffer_bytes) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
  }
  int status = bind(fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  assert_int_equal(status, 0);
  assert_int_equal(listen(fd, 0), 0);
  return fd;
}

/* A socket that has begun to connect to the listener's port at this address. */
static int begin_connection(int listener, const char *address, int buffer_bytes, int flags) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
  char port[8];
  snprintf(port, sizeof port, "%u", pair_of(listener).local_port);
  assert_int_equal(getaddrinfo(address, port, &hints, &found), 0);
  int fd = socket(found->ai_family, SOCK_STREAM | flags, 0);
  assert_true(fd >= 0);
  if (buffer_bytes) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, buffer_bytes);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
  }
  int status = connect(fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  assert_true(status == 0 || errno == EINPROGRESS);
  return fd;
}

static struct connection connect_by(int listener, const char *address, int buffer_bytes) {
  struct connection c;
  c.client = begin_connection(listener, address, buffer_bytes, 0);
  c.server = accept(listener, NULL, NULL);
  assert_true(c.server >= 0);
  c.of_client = pair_of(c.client);
  c.of_server = turned(c.of_client);
  return c;
}

static struct connection open_connection(const char *server, const char *to, int buffer_bytes) {
  int listener = listen_at(server, buffer_bytes);
  struct connection c = connect_by(listener, to, buffer_bytes);
  close(listener);
  return c;
}

static struct connection open_ipv4(void) { return open_connection("127.0.0.1", "127.0.0.1", 0); }

static void close_both(const struct connection *c) {
  close(c->client);
  close(c->server);
}

/* Sends until neither buffer has room. Returns the number of octets. */
static uint32_t fill(int fd) {
  static const char zeros[4096];
  uint32_t sent = 0;
  for (ssize_t n; (n = send(fd, zeros, sizeof zeros, MSG_DONTWAIT)) > 0;) sent += (uint32_t)n;
  assert_int_equal(errno, EAGAIN);
  assert_true(sent > 0);
  return sent;
}

static void read_octets(int fd, uint32_t n) {
  static char into[65536];
  while (n > 0) {
    ssize_t got = read(fd, into, n < sizeof into ? n : sizeof into);
    assert_true(got > 0);
    n -= (uint32_t)got;
  }
}

static void read_to_end(int fd) {
  static char into[65536];
  while (read(fd, into, sizeof into) > 0) continue;
}

static uint32_t inode_of(int fd) {
  struct stat about;
  assert_int_equal(fstat(fd, &about), 0);
  return (uint32_t)about.st_ino;
}

static uint64_t cookie_of(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
  return cookie;
}

/* ---- asking ---- */

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL); }

enum {
  PATIENCE_MS = 20000
}; /* for what takes the kernel 200 ms at most, and the machine is busy */

static struct kernel_socket ask(const struct kernel_pair *pair) {
  struct kernel_socket socket;
  assert_int_equal(kernel_diag_ask(diag, pair, &socket), KERNEL_FOUND);
  return socket;
}

static void assert_gone(const struct kernel_pair *pair) {
  struct kernel_socket socket;
  memset(&socket, 0xa5, sizeof socket);
  const struct kernel_socket untouched = socket;
  assert_int_equal(kernel_diag_ask(diag, pair, &socket), KERNEL_GONE);
  assert_memory_equal(&socket, &untouched, sizeof socket);
}

/* The socket once it is in this state and `settled` says so (NULL: it need not). */
static struct kernel_socket await(const struct kernel_pair *pair, enum tcp_state state,
                                  bool (*settled)(const struct kernel_socket *, const void *),
                                  const void *context) {
  struct kernel_socket socket = {.state = TCPS_CLOSED};
  for (int i = 0; i < PATIENCE_MS; i++) {
    assert_int_equal(kernel_diag_ask(diag, pair, &socket), KERNEL_FOUND);
    if (socket.state == state && (!settled || settled(&socket, context))) return socket;
    pause_ms(1);
  }
  fail_msg("%s was awaited; now %s, timer %u, unread %u, unacked %u", tcp_state_name(state),
           tcp_state_name(socket.state), socket.timer, socket.unread, socket.unacked);
  return socket;
}

static struct kernel_socket await_state(const struct kernel_pair *pair, enum tcp_state state) {
  return await(pair, state, NULL, NULL);
}

static void await_gone(const struct kernel_pair *pair) {
  struct kernel_socket socket = {.state = TCPS_CLOSED};
  for (int i = 0; i < PATIENCE_MS; i++) {
    if (kernel_diag_ask(diag, pair, &socket) == KERNEL_GONE) return;
    pause_ms(1);
  }
  fail_msg("still there: %s", tcp_state_name(socket.state));
}

/* The server when it has the client's FIN: their FINs do not cross. */
static void close_in_turn(const struct connection *c) {
  close(c->client);
  await_state(&c->of_server, TCPS_CLOSE_WAIT);
  close(c->server);
  await_state(&c->of_client, TCPS_TIME_WAIT);
  await_gone(&c->of_server);
}

static bool all_is_acked(const struct kernel_socket *socket, const void *context) {
  (void)context;
  return socket->unacked == 0 && socket->timer == KERNEL_TIMER_NONE;
}

struct stream {
  const struct kernel_pair *to;
  uint32_t sent;
};

/* Every octet is at one end or the other, and the sender probes the closed window. */
static bool is_stopped(const struct kernel_socket *socket, const void *context) {
  const struct stream *stream = context;
  return socket->timer == KERNEL_TIMER_PROBE &&
         socket->unacked + ask(stream->to).unread == stream->sent;
}

/* ---- states ---- */

static void assert_established(const struct kernel_socket *socket, int fd) {
  assert_int_equal(socket->state, TCPS_ESTABLISHED);
  assert_int_equal(socket->timer, KERNEL_TIMER_NONE);
  assert_int_equal(socket->left_ms, 0);
  assert_int_equal(socket->inode, inode_of(fd));
  assert_true(socket->cookie == cookie_of(fd));
  assert_int_equal(socket->unread, 0);
  assert_int_equal(socket->unacked, 0);
  assert_int_equal(socket->retransmits, 0);
}

static void assert_both_established(const struct connection *c) {
  const struct kernel_socket client = ask(&c->of_client), server = ask(&c->of_server);
  assert_established(&client, c->client);
  assert_established(&server, c->server);
}

static void test_established_both_ends(void **state) {
  (void)state;
  const struct connection c = open_ipv4();
  assert_both_established(&c);
  close_both(&c);
}

static void test_syn_sent_and_syn_received(void **state) {
  (void)state;
  /* The listener takes no connection before there is data: the handshake is over for the client
   * alone. */
  int listener = listen_at("127.0.0.1", 0);
  set_option(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 60);
  int first = begin_connection(listener, "127.0.0.1", 0, 0);
  const struct kernel_pair of_first = pair_of(first), of_server = turned(of_first);
  assert_int_equal(ask(&of_first).state, TCPS_ESTABLISHED);
  const struct kernel_socket server = ask(&of_server);
  assert_int_equal(server.state, TCPS_SYN_RECEIVED);
  assert_int_equal(server.inode, 0);
  close(first);
  close(listener);

  /* A queue for one that is full: nobody answers the second. */
  listener = listen_at("127.0.0.1", 0);
  first = begin_connection(listener, "127.0.0.1", 0, 0);
  int second = begin_connection(listener, "127.0.0.1", 0, SOCK_NONBLOCK);
  struct kernel_pair of_second = pair_of(second);
  of_second.remote = pair_of(listener).local;
  of_second.remote_port = pair_of(listener).local_port;
  const struct kernel_socket client = ask(&of_second);
  assert_int_equal(client.state, TCPS_SYN_SENT);
  assert_int_equal(client.timer, KERNEL_TIMER_RETRANSMIT);
  assert_int_equal(client.unacked, 0);
  assert_int_equal(client.inode, inode_of(second));
  close(first);
  close(second);
  close(listener);
}

static void test_half_closed(void **state) {
  (void)state;
  const struct connection c = open_ipv4();
  assert_int_equal(shutdown(c.client, SHUT_WR), 0);
  const struct kernel_socket client = await_state(&c.of_client, TCPS_FIN_WAIT_2);
  assert_int_equal(client.timer, KERNEL_TIMER_NONE);
  assert_int_equal(client.inode, inode_of(c.client));
  const struct kernel_socket server = ask(&c.of_server);
  assert_int_equal(server.state, TCPS_CLOSE_WAIT);
  assert_int_equal(server.unread, 0);
  assert_int_equal(server.inode, inode_of(c.server));
  close_both(&c);
}

static void test_orphan_to_time_wait(void **state) {
  (void)state;
  const struct connection c = open_ipv4();
  const uint64_t cookie = ask(&c.of_client).cookie;
  set_option(c.client, IPPROTO_TCP, TCP_LINGER2, 20);
  close(c.client);
  const struct kernel_socket orphan = await_state(&c.of_client, TCPS_FIN_WAIT_2);
  assert_int_equal(orphan.timer, KERNEL_TIMER_TIME_WAIT);
  assert_in_range(orphan.left_ms, 1, 20000);
  assert_int_equal(orphan.inode, 0);
  assert_true(orphan.cookie == cookie);

  close(c.server);
  const struct kernel_socket time_wait = await_state(&c.of_client, TCPS_TIME_WAIT);
  assert_int_equal(time_wait.timer, KERNEL_TIMER_TIME_WAIT);
  assert_in_range(time_wait.left_ms, 20001, 61000);
  assert_int_equal(time_wait.inode, 0);
  assert_true(time_wait.cookie == cookie);
  await_gone(&c.of_server);

  struct kernel_socket later = time_wait;
  for (int i = 0; i < PATIENCE_MS && later.left_ms == time_wait.left_ms; i++) {
    pause_ms(1);
    later = ask(&c.of_client);
  }
  assert_true(later.left_ms < time_wait.left_ms);
  assert_true(later.cookie == cookie);
}

/* Between two ends that do not read, a FIN waits behind the data before it: every state in which
 * one is awaited lasts as long as the test wants. */
static void test_fins_behind_data(void **state) {
  (void)state;
  const struct connection c = open_connection("127.0.0.1", "127.0.0.1", 8192);
  const struct stream up = {.to = &c.of_server, .sent = fill(c.client)};
  const struct stream down = {.to = &c.of_client, .sent = fill(c.server)};
  struct kernel_socket client = await(&c.of_client, TCPS_ESTABLISHED, is_stopped, &up);
  struct kernel_socket server = await(&c.of_server, TCPS_ESTABLISHED, is_stopped, &down);
  assert_true(client.unacked > 0 && client.left_ms > 0);

  assert_int_equal(shutdown(c.client, SHUT_WR), 0);
  assert_int_equal(shutdown(c.server, SHUT_WR), 0);
  client = await(&c.of_client, TCPS_FIN_WAIT_1, is_stopped, &up);
  server = await(&c.of_server, TCPS_FIN_WAIT_1, is_stopped, &down);

  read_octets(c.client, down.sent - 1);
  client = await(&c.of_client, TCPS_CLOSING, is_stopped, &up);
  assert_int_equal(client.unread, 1); /* the FIN is no octet */
  assert_true(client.unacked > 0);
  server = await_state(&c.of_server, TCPS_FIN_WAIT_2);
  assert_int_equal(server.unacked, 0);
  assert_true(server.unread > 0);

  read_to_end(c.server);
  await_state(&c.of_client, TCPS_TIME_WAIT);
  await_state(&c.of_server, TCPS_TIME_WAIT);
  close_both(&c);
}

static void test_probes_are_no_retransmissions(void **state) {
  (void)state;
  SKIP_UNLESS(own_namespace, NO_NAMESPACE);
  const struct connection c = open_connection("127.0.0.1", "127.0.0.1", 8192);
  const struct stream up = {.to = &c.of_server, .sent = fill(c.client)};
  await(&c.of_client, TCPS_ESTABLISHED, is_stopped, &up);
  set_loopback(false); /* nobody answers the probes */
  struct tcp_info info = {.tcpi_probes = 0};
  socklen_t size = sizeof info;
  for (int i = 0; i < PATIENCE_MS && info.tcpi_probes == 0; i++) {
    pause_ms(1);
    assert_int_equal(getsockopt(c.client, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  }
  set_loopback(true);
  assert_true(info.tcpi_probes > 0);
  const struct kernel_socket client = ask(&c.of_client);
  assert_int_equal(client.timer, KERNEL_TIMER_PROBE);
  assert_int_equal(client.retransmits, 0);
  close_both(&c);
}

static bool was_sent_again(const struct kernel_socket *socket, const void *context) {
  (void)context;
  return socket->retransmits > 0;
}

static void test_retransmissions(void **state) {
  (void)state;
  SKIP_UNLESS(own_namespace, NO_NAMESPACE);
  const struct connection c = open_ipv4();
  struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const struct sock_fprog filter = {.len = 1, .filter = &nothing};
  assert_int_equal(setsockopt(c.server, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
  assert_int_equal(write(c.client, "hello", 5), 5);
  close(c.client);
  const struct kernel_socket client = await(&c.of_client, TCPS_FIN_WAIT_1, was_sent_again, NULL);
  assert_int_equal(client.timer, KERNEL_TIMER_RETRANSMIT);
  assert_int_equal(client.unacked, 5);
  close(c.server);
}

static void test_last_ack_of_an_orphan(void **state) {
  (void)state;
  const struct connection c = open_connection("127.0.0.1", "127.0.0.1", 8192);
  const struct stream down = {.to = &c.of_client, .sent = fill(c.server)};
  assert_int_equal(shutdown(c.client, SHUT_WR), 0);
  await_state(&c.of_client, TCPS_FIN_WAIT_2);
  await(&c.of_server, TCPS_CLOSE_WAIT, is_stopped, &down);
  assert_int_equal(ask(&c.of_server).unread, 0);
  close(c.server);
  const struct kernel_socket orphan = await(&c.of_server, TCPS_LAST_ACK, is_stopped, &down);
  assert_int_equal(orphan.inode, 0);
  assert_int_equal(orphan.unread, 0);
  read_to_end(c.client);
  await_gone(&c.of_server);
  await_state(&c.of_client, TCPS_TIME_WAIT);
  close(c.client);
}

static bool has_five_unread(const struct kernel_socket *socket, const void *context) {
  (void)context;
  return socket->unread == 5;
}

static void test_unread_and_unacked(void **state) {
  (void)state;
  const struct connection c = open_ipv4();
  char into[8];
  assert_int_equal(write(c.client, "hello", 5), 5);
  await(&c.of_server, TCPS_ESTABLISHED, has_five_unread, NULL);
  await(&c.of_client, TCPS_ESTABLISHED, all_is_acked, NULL);
  assert_int_equal(shutdown(c.client, SHUT_WR), 0);
  await(&c.of_server, TCPS_CLOSE_WAIT, has_five_unread, NULL); /* the FIN is no octet */
  assert_int_equal(read(c.server, into, sizeof into), 5);
  assert_int_equal(ask(&c.of_server).unread, 0);
  assert_int_equal(read(c.server, into, sizeof into), 0);
  assert_int_equal(ask(&c.of_server).unread, 0);
  close_both(&c);
}

/* ---- none ---- */

static void test_reset(void **state) {
  (void)state;
  const struct connection c = open_ipv4();
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  assert_int_equal(setsockopt(c.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  close(c.client);
  assert_gone(&c.of_client);
  await_gone(&c.of_server);
  close(c.server);
}

static void test_neither_listener_nor_stranger(void **state) {
  (void)state;
  int listener = listen_at("127.0.0.1", 0);
  struct kernel_pair pair = pair_of(listener);
  assert_gone(&pair); /* of no peer */
  memcpy(pair.remote.bytes, pair.local.bytes, 4);
  pair.remote_port = 1;
  assert_gone(&pair); /* who could connect */
  close(listener);
  assert_gone(&pair);

  const struct connection c = open_ipv4();
  pair = c.of_client;
  pair.remote.bytes[3] = 2;
  assert_gone(&pair);
  pair = c.of_client;
  pair.local_port ^= 1;
  assert_gone(&pair);
  close_both(&c);
}

/* ---- other addresses ---- */

static void assert_closes_by_ipv6(const char *server, const char *to) {
  const struct connection c = open_connection(server, to, 0);
  assert_int_equal(c.of_client.family, 6);
  assert_both_established(&c);
  close_in_turn(&c);
}

static void test_ipv6(void **state) {
  (void)state;
  SKIP_UNLESS(has_ipv6(), "this machine has no ::1");
  assert_closes_by_ipv6("::1", "::1");
  assert_closes_by_ipv6("::", "::1");
}

static void test_v4_mapped(void **state) {
  (void)state;
  SKIP_UNLESS(has_ipv6(), "this machine has no ::1");
  int listener = listen_at("::", 0);
  const struct connection c = connect_by(listener, "127.0.0.1", 0);
  struct kernel_pair stranger = c.of_server;
  assert_int_equal(c.of_server.family, 4);
  assert_both_established(&c);
  stranger.remote_port ^= 1;
  assert_gone(&stranger);
  close(c.server);
  await_state(&c.of_server, TCPS_FIN_WAIT_2);
  close(c.client);
  await_state(&c.of_server, TCPS_TIME_WAIT);
  await_gone(&c.of_client);
  close(listener);
}

static void test_bound_to_an_interface(void **state) {
  (void)state;
  const struct connection c = open_ipv4();
  int status = setsockopt(c.client, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo");
  SKIP_UNLESS(status == 0, "binding to an interface is not allowed here");
  assert_both_established(&c);
  close_in_turn(&c);
}

static bool listens(const char *address, uint16_t port) {
  struct decode_address asked = {{0}};
  uint8_t family = strchr(address, ':') ? 6 : 4;
  assert_int_equal(inet_pton(family == 6 ? AF_INET6 : AF_INET, address, asked.bytes), 1);
  return kernel_diag_listens(diag, family, &asked, port);
}

/* A port that nobody listens at is asked for again a second later at the earliest. */
static void test_listeners(void **state) {
  (void)state;
  static const struct {
    const char *at;
    bool only_ipv6, ipv4, ipv6;
  } cases[] = {
      {"127.0.0.1", false, true, false}, {"0.0.0.0", false, true, false},
      {"::1", false, false, true},       {"::", false, true, true},
      {"::", true, false, true},         {"::ffff:127.0.0.1", false, true, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = socket(strchr(cases[i].at, ':') ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    bool is_ipv6 = inet_pton(AF_INET6, cases[i].at, &ipv6.sin6_addr) == 1;
    if (is_ipv6) {
      int only = cases[i].only_ipv6;
      assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only), 0);
      assert_int_equal(bind(fd, (struct sockaddr *)&ipv6, sizeof ipv6), 0);
    } else {
      assert_int_equal(inet_pton(AF_INET, cases[i].at, &ipv4.sin_addr), 1);
      assert_int_equal(bind(fd, (struct sockaddr *)&ipv4, sizeof ipv4), 0);
    }
    assert_int_equal(listen(fd, 1), 0);
    uint16_t port = pair_of(fd).local_port;
    for (int tries = 0; tries < PATIENCE_MS && !listens(cases[i].at, port); tries++) pause_ms(1);
    assert_int_equal(listens("127.0.0.1", port), cases[i].ipv4);
    assert_int_equal(listens("::1", port), cases[i].ipv6);
    assert_false(listens("127.0.0.1", (uint16_t)(port + 1)));
    close(fd);
    assert_int_equal(listens("127.0.0.1", port), cases[i].ipv4); /* it did */
  }
}

static void test_loopback_is_local(void **state) {
  (void)state;
  assert_true(is_local("127.0.0.1"));
  assert_true(is_local("127.1.2.3"));
  assert_true(is_local("127.255.255.255"));
  assert_true(is_local("::1"));
  assert_true(is_local("::ffff:127.1.2.3"));
  assert_false(is_local("126.255.255.255"));
  assert_false(is_local("128.0.0.1"));
  assert_false(is_local("::2"));
  assert_false(is_local("::127.0.0.1"));
  assert_false(is_local("7f00::1"));
  assert_false(is_local("::ffff:198.51.100.1"));
}

static void test_own_addresses_are_local(void **state) {
  (void)state;
  struct ifaddrs *all;
  char text[INET6_ADDRSTRLEN];
  assert_int_equal(getifaddrs(&all), 0);
  for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
    if (!a->ifa_addr) continue;
    const void *bytes = NULL;
    if (a->ifa_addr->sa_family == AF_INET)
      bytes = &((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr;
    if (a->ifa_addr->sa_family == AF_INET6)
      bytes = &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr;
    if (bytes) {
      assert_non_null(inet_ntop(a->ifa_addr->sa_family, bytes, text, sizeof text));
      assert_true(is_local(text));
    }
  }
  freeifaddrs(all);
}

static void test_new_addresses_become_local(void **state) {
  (void)state;
  SKIP_UNLESS(own_namespace, NO_NAMESPACE);
  static const char *const addresses[] = {"192.0.2.77", "2001:db8::77", "fe80::77"};
  size_t n = has_ipv6() ? 3 : 1;
  for (size_t i = 0; i < n; i++) {
    assert_false(is_local(addresses[i]));
    add_address_to_loopback(addresses[i]);
  }
  for (size_t i = 0; i < n; i++) {
    bool known = false;
    for (int waited = 0; waited < PATIENCE_MS && !(known = is_local(addresses[i])); waited++)
      pause_ms(1);
    assert_true(known);
  }
  assert_true(is_local("::ffff:192.0.2.77"));
  assert_false(is_local("192.0.2.1"));
  assert_false(is_local(PEER_OF_LOOPBACK));

  const struct connection c = open_connection("192.0.2.77", "192.0.2.77", 0);
  assert_both_established(&c);
  close_both(&c);
  if (n == 1) return;
  assert_closes_by_ipv6("2001:db8::77", "2001:db8::77");
  assert_closes_by_ipv6("fe80::77%lo", "fe80::77%lo");
}

/* ---- the way to the kernel ---- */

/* Looks from another namespace, where lo is down and has no address; ends with what went wrong. */
static void look_from_elsewhere(const struct connection *c) {
  struct kernel_socket socket;
  char error[KERNEL_ERROR_SIZE];
  if (unshare(CLONE_NEWNET) < 0) _exit(1);
  struct kernel_diag *elsewhere = kernel_diag_open(error);
  if (!elsewhere) _exit(2);
  if (kernel_diag_ask(diag, &c->of_client, &socket) != KERNEL_FOUND) _exit(3);
  if (kernel_diag_ask(elsewhere, &c->of_client, &socket) != KERNEL_GONE) _exit(4);
  struct kernel_diag *here = diag;
  diag = elsewhere;
  bool loopback = is_local("127.0.0.1") && is_local("::1");
  diag = here;
  kernel_diag_close(elsewhere);
  _exit(loopback ? 0 : 5);
}

static void test_it_asks_the_namespace_it_was_opened_in(void **state) {
  (void)state;
  SKIP_UNLESS(own_namespace, NO_NAMESPACE);
  const struct connection c = open_ipv4();
  int status;
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) look_from_elsewhere(&c);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  close_both(&c);
}

/* In turn closes both ends of each connection, the client first; ends with its parent. */
static pid_t start_closer(const struct connection *c, int n, _Atomic int *turn) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < n; i++) {
    while (atomic_load(turn) < i) sched_yield();
    close_both(&c[i]);
  }
  _exit(0);
}

/* One socket takes the other's place, and the look-ups do not fall into the gap: once in 450 000
 * closes they still did, and 800 times when a socket that seems gone was not asked for again. */
static void test_no_gap_before_time_wait(void **state) {
  (void)state;
  enum { ROUNDS = 20, CONNECTIONS = 100 };
  int gaps = 0;
  static struct connection c[CONNECTIONS];
  _Atomic int *turn =
      mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(turn != MAP_FAILED);
  int listener = listen_at("127.0.0.1", 0);
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < CONNECTIONS; i++) c[i] = connect_by(listener, "127.0.0.1", 0);
    atomic_store(turn, -1);
    pid_t closer = start_closer(c, CONNECTIONS, turn);
    for (int i = 0; i < CONNECTIONS; i++) close_both(&c[i]);
    for (int i = 0; i < CONNECTIONS; i++) {
      time_t until = time(NULL) + PATIENCE_MS / 1000;
      uint64_t cookie = ask(&c[i].of_client).cookie;
      struct kernel_socket client = {.state = TCPS_CLOSED};
      atomic_store(turn, i);
      do {
        if (kernel_diag_ask(diag, &c[i].of_client, &client) == KERNEL_FOUND)
          assert_true(client.cookie == cookie);
        else
          gaps++;
      } while (client.state != TCPS_TIME_WAIT && time(NULL) <= until);
      assert_int_equal(client.state, TCPS_TIME_WAIT);
    }
    assert_int_equal(waitpid(closer, NULL, 0), closer);
  }
  assert_in_range(gaps, 0, 1);
  close(listener);
  munmap(turn, sizeof *turn);
}

static void test_a_thousand_sockets(void **state) {
  (void)state;
  enum { CONNECTIONS = 500 };
  static struct connection c[CONNECTIONS];
  struct rlimit files;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
  const struct rlimit enough = {.rlim_cur = files.rlim_max, .rlim_max = files.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &enough), 0);
  for (size_t i = 0; i < CONNECTIONS; i++) c[i] = open_ipv4();
  for (size_t i = 0; i < CONNECTIONS; i++) assert_both_established(&c[i]);
  for (size_t i = 0; i < CONNECTIONS; i++) close_in_turn(&c[i]);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

static void test_nobody_else_answers(void **state) {
  (void)state;
  /* The first netlink socket of a process is known by the process's number. */
  const struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = (uint32_t)getpid()};
  int other = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
  assert_true(other >= 0);
  assert_int_equal(bind(other, (const struct sockaddr *)&to, sizeof to), -1);
  assert_int_equal(errno, EADDRINUSE);
  const struct nlmsghdr done = {.nlmsg_len = sizeof done, .nlmsg_type = NLMSG_DONE};
  assert_int_equal(sendto(other, &done, sizeof done, 0, (const struct sockaddr *)&to, sizeof to),
                   -1);
  assert_true(errno == ECONNREFUSED || errno == EPERM); /* without privilege it may not even try */
  close(other);
}

static void test_no_descriptor_left(void **state) {
  (void)state;
  char error[KERNEL_ERROR_SIZE] = "";
  struct kernel_owner owner;
  struct rlimit files;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
  const struct connection c = open_ipv4();
  int next = dup(c.client);
  close(next);
  for (rlim_t n = 0; n < 2; n++) { /* none at all, then one but not a second */
    const struct rlimit few = {.rlim_cur = (rlim_t)next + n, .rlim_max = files.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct kernel_diag *another = kernel_diag_open(error);
    bool found = kernel_owner_find(inode_of(c.client), &owner);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    assert_null(another);
    assert_string_equal(error,
                        "sock_diag: no netlink socket: Too many open files; raise ulimit -n");
    assert_false(found);
  }
  assert_both_established(&c); /* the one that is open needs no more of them */
  close_both(&c);
}

/* ---- who holds a socket ---- */

static void test_one_walk_serves_all(void **state) {
  (void)state;
  struct kernel_owners owners = {0};
  struct kernel_owner owner;
  const struct connection c = open_ipv4(), other = open_ipv4();
  assert_true(kernel_owners_find(&owners, inode_of(c.client), 0, &owner));
  const int64_t walked_us = owners.walked_us;
  assert_true(kernel_owners_find(&owners, inode_of(other.client), INT64_MAX, &owner));
  assert_int_equal(owner.fd, other.client);
  assert_false(kernel_owners_find(&owners, UINT32_MAX, walked_us - 1, &owner)); /* it would know */
  assert_int_equal(owners.walked_us, walked_us);
  /* What it knew is not believed for ever. */
  uint32_t inode = inode_of(other.server);
  close_both(&other);
  assert_false(kernel_owners_find(&owners, inode, INT64_MAX, &owner));
  kernel_owners_free(&owners);
  close_both(&c);
}

static void test_owner_is_this_process(void **state) {
  (void)state;
  struct kernel_owner owner;
  char command[64] = "";
  const struct connection c = open_ipv4();
  assert_true(kernel_owner_find(ask(&c.of_client).inode, &owner));
  assert_int_equal(owner.pid, getpid());
  assert_int_equal(owner.fd, c.client);
  assert_int_equal(prctl(PR_GET_NAME, command), 0);
  assert_string_equal(owner.command, command);
  assert_true(kernel_owner_find(ask(&c.of_server).inode, &owner));
  assert_int_equal(owner.fd, c.server);

  int copy = fcntl(c.server, F_DUPFD, c.server + 1);
  assert_true(kernel_owner_find(ask(&c.of_server).inode, &owner));
  assert_int_equal(owner.fd, c.server);
  close(c.server);
  assert_true(kernel_owner_find(ask(&c.of_server).inode, &owner));
  assert_int_equal(owner.fd, copy);
  uint32_t inode = inode_of(copy);
  close(copy);
  close(c.client);
  assert_false(kernel_owner_find(inode, &owner));
  assert_false(kernel_owner_find(0, &owner));
}

/* A process that holds the same sockets, under this name, until it is told to end. */
static pid_t start_holder(const char *name, int *end) {
  int ready[2], stop[2];
  char byte;
  assert_int_equal(pipe(ready), 0);
  assert_int_equal(pipe(stop), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    prctl(PR_SET_NAME, name);
    close(stop[1]);
    (void)!write(ready[1], "", 1);
    (void)!read(stop[0], &byte, 1);
    _exit(0);
  }
  assert_int_equal(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  close(stop[0]);
  *end = stop[1];
  return pid;
}

static void test_owner_is_another_process(void **state) {
  (void)state;
  static const struct {
    const char *name, *printed;
  } rows[] = {
      {"nginx: worker", "nginx: worker"},
      {"0123456789abcdefgh", "0123456789abcde"}, /* the kernel keeps 15 */
      {"a\nb\033[31m\177\303\274", "a?b?[31m???"},
      {"\n", "?"},
      {"", ""},
      {") R 1 (", ") R 1 ("},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct kernel_owner owner;
    const struct connection c = open_ipv4();
    int end;
    pid_t pid = start_holder(rows[i].name, &end);
    assert_true(kernel_owner_find(ask(&c.of_server).inode, &owner));
    assert_int_equal(owner.pid, pid < getpid() ? pid : getpid());
    close(c.server);
    assert_true(kernel_owner_find(ask(&c.of_server).inode, &owner));
    assert_int_equal(owner.pid, pid);
    assert_int_equal(owner.fd, c.server);
    assert_string_equal(owner.command, rows[i].printed);
    close(end);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(c.client);
  }
}

static void test_owner_among_processes_that_come_and_go(void **state) {
  (void)state;
  struct kernel_owner owner;
  const struct connection c = open_ipv4();
  pid_t churn = fork();
  assert_true(churn >= 0);
  if (churn == 0) {
    close_both(&c);
    for (int i = 0; i < 300; i++) {
      pid_t brief = fork();
      if (brief == 0) _exit(0);
      if (brief > 0) waitpid(brief, NULL, 0);
    }
    _exit(0);
  }
  int scans = 0;
  do {
    assert_true(kernel_owner_find(inode_of(c.server), &owner));
    assert_int_equal(owner.pid, getpid());
    assert_false(kernel_owner_find(UINT32_MAX, &owner)); /* to the last process */
    scans++;
  } while (waitpid(churn, NULL, WNOHANG) == 0);
  assert_true(scans > 1);
  close_both(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_established_both_ends),
      cmocka_unit_test(test_syn_sent_and_syn_received),
      cmocka_unit_test(test_half_closed),
      cmocka_unit_test(test_orphan_to_time_wait),
      cmocka_unit_test(test_fins_behind_data),
      cmocka_unit_test(test_probes_are_no_retransmissions),
      cmocka_unit_test(test_retransmissions),
      cmocka_unit_test(test_last_ack_of_an_orphan),
      cmocka_unit_test(test_unread_and_unacked),
      cmocka_unit_test(test_reset),
      cmocka_unit_test(test_neither_listener_nor_stranger),
      cmocka_unit_test(test_ipv6),
      cmocka_unit_test(test_v4_mapped),
      cmocka_unit_test(test_bound_to_an_interface),
      cmocka_unit_test(test_listeners),
      cmocka_unit_test(test_loopback_is_local),
      cmocka_unit_test(test_own_addresses_are_local),
      cmocka_unit_test(test_new_addresses_become_local),
      cmocka_unit_test(test_it_asks_the_namespace_it_was_opened_in),
      cmocka_unit_test(test_no_gap_before_time_wait),
      cmocka_unit_test(test_a_thousand_sockets),
      cmocka_unit_test(test_nobody_else_answers),
      cmocka_unit_test(test_no_descriptor_left),
      cmocka_unit_test(test_one_walk_serves_all),
      cmocka_unit_test(test_owner_is_this_process),
      cmocka_unit_test(test_owner_is_another_process),
      cmocka_unit_test(test_owner_among_processes_that_come_and_go),
  };
  enter_namespace();
  return cmocka_run_group_tests(tests, open_diag, close_diag);
}
