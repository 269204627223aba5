#include "capture/kernel/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include "common/model/tcp_state.h"

enum {
  ANSWER_BYTES = 8192, /* what libmnl advises; the kernel cuts a dump into pieces that fit */
  ADDRESSES_MAX = 4096,
  READ_AGAIN_AFTER_MS = 1000,
};

/* Addresses are kept and compared as IPv6 has them: those of IPv4 are v4-mapped. */
struct own_address {
  struct in6_addr address;
  uint32_t interface;
};

/* Where a socket listens. Of any address, that is unspecified; such a one of IPv6 takes connections
 * of IPv4, too, unless it says that it does not. */
struct listener {
  struct in6_addr address;
  uint16_t port;
  bool any, only_ipv6;
};

struct kernel_diag {
  struct mnl_socket *sockets, *addresses;
  uint32_t sequence;
  struct listener *listeners;
  size_t n_listeners, listeners_room;
  int64_t addresses_read_ms, listeners_read_ms;
  size_t n_own;
  struct own_address own[ADDRESSES_MAX];
};

/* ---- netlink ---- */

/* Connected to the kernel, so that the kernel refuses what another process sends to it. */
static struct mnl_socket *open_bus(int bus) {
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (!socket) return NULL;
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
      connect(mnl_socket_get_fd(socket), (const struct sockaddr *)&kernel, sizeof kernel) == 0)
    return socket;
  int cause = errno;
  mnl_socket_close(socket);
  errno = cause;
  return NULL;
}

/* A whole message. libmnl takes a length of 2^31 and more for a negative one, which fits. */
static bool is_message(const struct nlmsghdr *m, int left) {
  return mnl_nlmsg_ok(m, left) && m->nlmsg_len <= (uint32_t)left;
}

typedef void take_message(void *context, const struct nlmsghdr *message);

/* Sends a request and gives every message of the answer to `take`. The kernel answers while the
 * request is being sent, so nothing is waited for. What an earlier request left unread is passed
 * over. Returns 0 or a negative errno, of the kernel's answer or of the way to it. */
static int exchange(struct kernel_diag *diag, struct mnl_socket *socket, struct nlmsghdr *request,
                    take_message *take, void *context) {
  union {
    struct nlmsghdr first;
    char bytes[ANSWER_BYTES];
  } answer;
  request->nlmsg_flags |= NLM_F_REQUEST;
  request->nlmsg_seq = ++diag->sequence;
  if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) return -errno;
  for (;;) {
    ssize_t received = mnl_socket_recvfrom(socket, answer.bytes, sizeof answer);
    if (received < 0) return -errno;
    int left = (int)received;
    for (const struct nlmsghdr *m = &answer.first; is_message(m, left);
         m = mnl_nlmsg_next(m, &left)) {
      if (m->nlmsg_seq != diag->sequence) continue;
      if (m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE) {
        int error = 0;
        if (mnl_nlmsg_get_payload_len(m) >= sizeof error)
          memcpy(&error, mnl_nlmsg_get_payload(m), sizeof error);
        return error;
      }
      take(context, m);
      if (!(m->nlmsg_flags & NLM_F_MULTI)) return 0;
    }
  }
}

/* All TCP sockets in these states, a bit each as the kernel numbers them. `extensions`: a bit each,
 * from INET_DIAG_MEMINFO on. Returns 0 or a negative errno. */
static int dump_family(struct kernel_diag *diag, uint8_t family, uint32_t states,
                       uint8_t extensions, take_message *take, void *context) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 wanted;
  } request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_DUMP},
      .wanted = {.sdiag_family = family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = extensions,
                 .idiag_states = states},
  };
  return exchange(diag, diag->sockets, &request.header, take, context);
}

/* The same, of both families; what the one refuses the other may tell. The last negative errno. */
static int dump_all(struct kernel_diag *diag, uint32_t states, uint8_t extensions,
                    take_message *take, void *context) {
  static const uint8_t families[] = {AF_INET, AF_INET6};
  int status = 0;
  for (unsigned i = 0; i < sizeof families; i++) {
    int one = dump_family(diag, families[i], states, extensions, take, context);
    if (one < 0) status = one;
  }
  return status;
}

static struct in6_addr address_of(const void *bytes, size_t length) {
  struct in6_addr address = {.s6_addr = {[10] = 0xff, 0xff}};
  memcpy(length == 4 ? &address.s6_addr[12] : address.s6_addr, bytes, length);
  return address;
}

static size_t length_of(uint8_t family) { return family == 4 ? 4 : 16; }

/* ---- the addresses of this machine ---- */

/* Of a point-to-point link, IFA_ADDRESS is the other end's address. */
static int take_address_attribute(const struct nlattr *attribute, void *context) {
  const struct nlattr **local = context;
  uint16_t type = mnl_attr_get_type(attribute);
  if (type == IFA_LOCAL || (type == IFA_ADDRESS && !*local)) *local = attribute;
  return MNL_CB_OK;
}

static void take_address(void *context, const struct nlmsghdr *message) {
  struct kernel_diag *diag = context;
  const struct ifaddrmsg *about = mnl_nlmsg_get_payload(message);
  const struct nlattr *local = NULL;
  if (message->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(message) < sizeof *about ||
      mnl_attr_parse(message, sizeof *about, take_address_attribute, &local) < 0 || !local ||
      diag->n_own == ADDRESSES_MAX)
    return;
  size_t length = mnl_attr_get_payload_len(local);
  if (length != 4 && length != 16) return;
  diag->own[diag->n_own++] = (struct own_address){
      .address = address_of(mnl_attr_get_payload(local), length), .interface = about->ifa_index};
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int read_addresses(struct kernel_diag *diag) {
  struct {
    struct nlmsghdr header;
    struct ifaddrmsg about;
  } request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETADDR, .nlmsg_flags = NLM_F_DUMP},
      .about = {.ifa_family = AF_UNSPEC},
  };
  diag->n_own = 0;
  diag->addresses_read_ms = now_ms();
  return exchange(diag, diag->addresses, &request.header, take_address, diag);
}

static const struct own_address *find_own(const struct kernel_diag *diag,
                                          const struct in6_addr *address) {
  for (const struct own_address *own = diag->own; own < diag->own + diag->n_own; own++)
    if (IN6_ARE_ADDR_EQUAL(&own->address, address)) return own;
  return NULL;
}

bool kernel_diag_is_local(struct kernel_diag *diag, uint8_t family,
                          const struct decode_address *address) {
  const struct in6_addr asked = address_of(address->bytes, length_of(family));
  if (IN6_IS_ADDR_LOOPBACK(&asked)) return true;
  if (IN6_IS_ADDR_V4MAPPED(&asked) && asked.s6_addr[12] == IN_LOOPBACKNET) return true;
  if (find_own(diag, &asked)) return true;
  if (now_ms() - diag->addresses_read_ms < READ_AGAIN_AFTER_MS) return false;
  (void)read_addresses(diag); /* what could not be read is read a second later */
  return find_own(diag, &asked);
}

/* ---- sockets ---- */

/* The numbers of include/net/tcp_states.h; the last two are not in netinet/tcp.h. */
static const uint8_t STATE_OF[] = {
    [0] = TCPS_CLOSED, /* unused */
    [TCP_ESTABLISHED] = TCPS_ESTABLISHED,
    [TCP_SYN_SENT] = TCPS_SYN_SENT,
    [TCP_SYN_RECV] = TCPS_SYN_RECEIVED,
    [TCP_FIN_WAIT1] = TCPS_FIN_WAIT_1,
    [TCP_FIN_WAIT2] = TCPS_FIN_WAIT_2,
    [TCP_TIME_WAIT] = TCPS_TIME_WAIT,
    [TCP_CLOSE] = TCPS_CLOSED,
    [TCP_CLOSE_WAIT] = TCPS_CLOSE_WAIT,
    [TCP_LAST_ACK] = TCPS_LAST_ACK,
    [TCP_LISTEN] = TCPS_LISTEN,
    [TCP_CLOSING] = TCPS_CLOSING,
    [12] = TCPS_SYN_RECEIVED, /* TCP_NEW_SYN_RECV: not accepted yet */
    [13] = TCPS_CLOSED,       /* TCP_BOUND_INACTIVE */
};

/* The kernel counts sequence space: a FIN that the application has not met yet is one more to
 * read, its own FIN or SYN that is not acknowledged one more to be so. */
static uint32_t octets(uint32_t sequence_space, bool has_fin_or_syn) {
  return sequence_space && has_fin_or_syn ? sequence_space - 1 : sequence_space;
}

struct answer {
  enum kernel_answer kind;
  struct kernel_socket socket;
};

/* NULL: it is no answer, or not one that could be. */
static const struct inet_diag_msg *socket_in(const struct nlmsghdr *message) {
  const struct inet_diag_msg *found = mnl_nlmsg_get_payload(message);
  bool good = message->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
              mnl_nlmsg_get_payload_len(message) >= sizeof *found &&
              found->idiag_state < sizeof STATE_OF && found->idiag_timer <= KERNEL_TIMER_PROBE;
  return good ? found : NULL;
}

static struct kernel_socket socket_of(const struct inet_diag_msg *found) {
  enum tcp_state state = STATE_OF[found->idiag_state];
  bool fin_received = state == TCPS_CLOSE_WAIT || state == TCPS_CLOSING || state == TCPS_LAST_ACK;
  bool fin_or_syn_unacked = state == TCPS_FIN_WAIT_1 || state == TCPS_CLOSING ||
                            state == TCPS_LAST_ACK || state == TCPS_SYN_SENT;
  return (struct kernel_socket){
      .cookie = found->id.idiag_cookie[0] | (uint64_t)found->id.idiag_cookie[1] << 32,
      .left_ms = found->idiag_expires,
      .inode = found->idiag_inode,
      .unread = octets(found->idiag_rqueue, fin_received),
      .has_read_end = fin_received && found->idiag_rqueue == 0,
      .unacked = octets(found->idiag_wqueue, fin_or_syn_unacked),
      .state = state,
      .timer = found->idiag_timer, /* numbered alike */
      /* Of the other timers the kernel counts the probes. */
      .retransmits = found->idiag_timer == KERNEL_TIMER_RETRANSMIT ? found->idiag_retrans : 0,
  };
}

static void take_socket(void *context, const struct nlmsghdr *message) {
  struct answer *answer = context;
  const struct inet_diag_msg *found = socket_in(message);
  if (!found) return;
  /* Without a peer: the listener that would take a SYN of this pair. */
  answer->kind = found->id.idiag_dport == 0 ? KERNEL_GONE : KERNEL_FOUND;
  answer->socket = socket_of(found);
}

/* AF_INET also finds the half of a dual-stack server, whose socket is of AF_INET6. */
static struct answer ask_once(struct kernel_diag *diag, const struct kernel_pair *pair) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 wanted;
  } request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY},
      .wanted = {.sdiag_family = pair->family == 4 ? AF_INET : AF_INET6,
                 .sdiag_protocol = IPPROTO_TCP,
                 .id = {.idiag_sport = htons(pair->local_port),
                        .idiag_dport = htons(pair->remote_port),
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
  };
  size_t length = length_of(pair->family);
  memcpy(request.wanted.id.idiag_src, pair->local.bytes, length);
  memcpy(request.wanted.id.idiag_dst, pair->remote.bytes, length);
  /* With an interface, the sockets that are bound to it are found as well as those that are bound
   * to none. Every socket with a link-local address is bound to one. */
  const struct in6_addr local = address_of(pair->local.bytes, length);
  const struct own_address *own = find_own(diag, &local);
  if (own) request.wanted.id.idiag_if = own->interface;

  struct answer answer = {.kind = KERNEL_UNANSWERED};
  if (exchange(diag, diag->sockets, &request.header, take_socket, &answer) == -ENOENT)
    answer.kind = KERNEL_GONE;
  return answer;
}

/* Linux looks sockets up without a lock, and misses one that is just being replaced by its
 * successor, as when TIME_WAIT takes over: it answers that there is none, or gives the old socket,
 * CLOSED. A moment later it finds the successor. Measured on 6.18, asking without pause: missed
 * once in 500 closes, and for a second time as well once in 450 000. */
enum kernel_answer kernel_diag_ask(struct kernel_diag *diag, const struct kernel_pair *pair,
                                   struct kernel_socket *socket) {
  struct answer answer = ask_once(diag, pair);
  if (answer.kind == KERNEL_GONE ||
      (answer.kind == KERNEL_FOUND && answer.socket.state == TCPS_CLOSED))
    answer = ask_once(diag, pair);
  if (answer.kind == KERNEL_FOUND) *socket = answer.socket;
  return answer.kind;
}

/* ---- listeners ---- */

static int take_only_ipv6(const struct nlattr *attribute, void *context) {
  bool *only_ipv6 = context;
  if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY)
    *only_ipv6 = mnl_attr_get_u8(attribute) != 0;
  return MNL_CB_OK;
}

static bool is_listener(const struct listener *a, const struct listener *b) {
  return a->port == b->port && a->any == b->any && a->only_ipv6 == b->only_ipv6 &&
         IN6_ARE_ADDR_EQUAL(&a->address, &b->address);
}

/* Those that have gone stay. */
static void take_listener(void *context, const struct nlmsghdr *message) {
  struct kernel_diag *diag = context;
  const struct inet_diag_msg *found = mnl_nlmsg_get_payload(message);
  if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      mnl_nlmsg_get_payload_len(message) < sizeof *found || found->idiag_state != TCP_LISTEN)
    return;
  size_t length = found->idiag_family == AF_INET ? 4 : 16;
  const struct in6_addr address = address_of(found->id.idiag_src, length);
  bool of_ipv4 = IN6_IS_ADDR_V4MAPPED(&address);
  struct listener listener = {
      .address = address,
      .port = ntohs(found->id.idiag_sport),
      .any = of_ipv4 ? address.s6_addr32[3] == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&address),
  };
  if (length == 16)
    (void)mnl_attr_parse(message, sizeof *found, take_only_ipv6, &listener.only_ipv6);
  for (size_t i = 0; i < diag->n_listeners; i++)
    if (is_listener(&diag->listeners[i], &listener)) return;
  if (diag->n_listeners == diag->listeners_room) {
    size_t room = diag->listeners_room ? 2 * diag->listeners_room : 64;
    struct listener *larger = realloc(diag->listeners, room * sizeof *larger);
    if (!larger) return;
    diag->listeners = larger;
    diag->listeners_room = room;
  }
  diag->listeners[diag->n_listeners++] = listener;
}

static int read_listeners(struct kernel_diag *diag) {
  diag->listeners_read_ms = now_ms();
  return dump_all(diag, 1 << TCP_LISTEN, 0, take_listener, diag);
}

static bool find_listener(const struct kernel_diag *diag, const struct listener *asked) {
  bool ipv4 = IN6_IS_ADDR_V4MAPPED(&asked->address);
  for (size_t i = 0; i < diag->n_listeners; i++) {
    const struct listener *l = &diag->listeners[i];
    bool of_ipv4 = IN6_IS_ADDR_V4MAPPED(&l->address);
    bool takes = l->any ? of_ipv4 == ipv4 || (ipv4 && !l->only_ipv6)
                        : IN6_ARE_ADDR_EQUAL(&l->address, &asked->address);
    if (l->port == asked->port && takes) return true;
  }
  return false;
}

bool kernel_diag_listens(struct kernel_diag *diag, uint8_t family,
                         const struct decode_address *address, uint16_t port) {
  const struct listener asked = {.address = address_of(address->bytes, length_of(family)),
                                 .port = port};
  if (find_listener(diag, &asked)) return true;
  if (now_ms() - diag->listeners_read_ms < READ_AGAIN_AFTER_MS) return false;
  (void)read_listeners(diag); /* what could not be read is read a second later */
  return find_listener(diag, &asked);
}

/* ---- all of them ---- */

struct dump {
  kernel_diag_take *take;
  void *context;
};

/* A v4-mapped socket has family 4. */
static struct kernel_pair pair_of(const struct inet_diag_msg *found) {
  static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
  struct kernel_pair pair = {.local_port = ntohs(found->id.idiag_sport),
                             .remote_port = ntohs(found->id.idiag_dport),
                             .family = found->idiag_family == AF_INET ? 4 : 6};
  size_t skip = 0;
  if (pair.family == 6 && memcmp(found->id.idiag_dst, mapped, sizeof mapped) == 0) {
    pair.family = 4;
    skip = sizeof mapped;
  }
  memcpy(pair.local.bytes, (const uint8_t *)found->id.idiag_src + skip, length_of(pair.family));
  memcpy(pair.remote.bytes, (const uint8_t *)found->id.idiag_dst + skip, length_of(pair.family));
  return pair;
}

static int take_info(const struct nlattr *attribute, void *context) {
  const struct nlattr **info = context;
  if (mnl_attr_get_type(attribute) == INET_DIAG_INFO) *info = attribute;
  return MNL_CB_OK;
}

static void take_dumped(void *context, const struct nlmsghdr *message) {
  const struct dump *dump = context;
  const struct inet_diag_msg *found = socket_in(message);
  const struct nlattr *attribute = NULL;
  if (!found || found->id.idiag_dport == 0) return;
  struct kernel_socket socket = socket_of(found);
  struct kernel_pair pair = pair_of(found);
  struct tcp_info info;
  if (mnl_attr_parse(message, sizeof *found, take_info, &attribute) >= 0 && attribute &&
      mnl_attr_get_payload_len(attribute) >= sizeof info) {
    memcpy(&info, mnl_attr_get_payload(attribute), sizeof info);
    socket.heard_ms = info.tcpi_last_ack_recv;
  }
  dump->take(dump->context, &pair, &socket);
}

int kernel_diag_dump(struct kernel_diag *diag, unsigned states, kernel_diag_take *take,
                     void *context) {
  struct dump dump = {take, context};
  uint32_t wanted = 0;
  for (unsigned i = 0; i < sizeof STATE_OF; i++)
    if (STATE_OF[i] != TCPS_CLOSED && states & 1U << STATE_OF[i]) wanted |= 1U << i;
  return dump_all(diag, wanted, 1 << (INET_DIAG_INFO - 1), take_dumped, &dump);
}

/* ---- opening and closing ---- */

static void take_nothing(void *context, const struct nlmsghdr *message) {
  (void)context;
  (void)message;
}

/* A dump of the sockets in no state at all: whether there is tcp_diag. An exact look-up says
 * ENOENT without it, too. */
static int try_tcp_diag(struct kernel_diag *diag) {
  return dump_family(diag, AF_INET, 0, 0, take_nothing, NULL);
}

struct kernel_diag *kernel_diag_open(char error[static KERNEL_ERROR_SIZE]) {
  struct kernel_diag *diag = calloc(1, sizeof *diag);
  int status;
  if (!diag) {
    snprintf(error, KERNEL_ERROR_SIZE, "sock_diag: %s", strerror(errno));
    return NULL;
  }
  diag->sockets = open_bus(NETLINK_SOCK_DIAG);
  if (diag->sockets) diag->addresses = open_bus(NETLINK_ROUTE);
  if (!diag->addresses) {
    snprintf(error, KERNEL_ERROR_SIZE, "sock_diag: no netlink socket: %s%s", strerror(errno),
             errno == EMFILE ? "; raise ulimit -n" : "; a sandbox has to allow AF_NETLINK");
  } else if ((status = try_tcp_diag(diag)) < 0) {
    snprintf(error, KERNEL_ERROR_SIZE, "sock_diag: %s%s", strerror(-status),
             status == -ENOENT ? "; load the kernel module tcp_diag" : "");
  } else if ((status = read_addresses(diag)) < 0) {
    snprintf(error, KERNEL_ERROR_SIZE, "the addresses of this machine: %s", strerror(-status));
  } else if ((status = read_listeners(diag)) < 0) {
    snprintf(error, KERNEL_ERROR_SIZE, "the listening sockets: %s", strerror(-status));
  } else {
    return diag;
  }
  kernel_diag_close(diag);
  return NULL;
}

void kernel_diag_close(struct kernel_diag *diag) {
  if (diag->sockets) mnl_socket_close(diag->sockets);
  if (diag->addresses) mnl_socket_close(diag->addresses);
  free(diag->listeners);
  free(diag);
}
