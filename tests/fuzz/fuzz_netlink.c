/* Any octets as the kernel's answers to what it is asked about sockets, addresses and listeners. It
 * includes what it tests, with a netlink of its own in place of libmnl's. */
#define mnl_socket_sendto fuzz_sendto
#define mnl_socket_recvfrom fuzz_recvfrom
#include <sys/types.h>
struct mnl_socket;
static ssize_t fuzz_sendto(const struct mnl_socket *socket, const void *request, size_t n);
static ssize_t fuzz_recvfrom(const struct mnl_socket *socket, void *room, size_t n);
#include "capture/kernel/diag.c"  // NOLINT(bugprone-suspicious-include)

#include "tests/fuzz/target.h"

static struct input answers;
static uint32_t asked;

static ssize_t fuzz_sendto(const struct mnl_socket *socket, const void *request, size_t n) {
  const struct nlmsghdr *header = request;
  (void)socket;
  asked = header->nlmsg_seq;
  return (ssize_t)n;
}

/* The next datagram: its length, and its octets. Each message in it answers what was asked last, as
 * long as it has a header at all. */
static ssize_t fuzz_recvfrom(const struct mnl_socket *socket, void *room, size_t n) {
  size_t left = (size_t)(answers.end - answers.at), length = take_u16(&answers) % n;
  (void)socket;
  if (left < 3) {
    errno = EAGAIN;
    return -1;
  }
  left -= 2;
  if (length > left) length = left;
  memcpy(room, answers.at, length);
  answers.at += length;
  int rest = (int)length;
  for (struct nlmsghdr *m = room; is_message(m, rest); m = mnl_nlmsg_next(m, &rest))
    m->nlmsg_seq = asked;
  return (ssize_t)length;
}

static void take_any(void *context, const struct kernel_pair *pair,
                     const struct kernel_socket *socket) {
  unsigned *n = context;
  if (pair->family != 4 && pair->family != 6) abort();
  if (socket->state >= TCPS_COUNT) abort();
  ++*n;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static struct kernel_diag diag;
  answers = (struct input){octets, octets + n};
  uint8_t what = take_octet(&answers);
  const uint8_t family = what & 8 ? 4 : 6;
  const struct kernel_pair pair = {.family = family, .local_port = 7000, .remote_port = 40000};
  struct kernel_socket socket;
  unsigned dumped = 0;
  diag = (struct kernel_diag){.addresses_read_ms = -2 * READ_AGAIN_AFTER_MS,
                              .listeners_read_ms = -2 * READ_AGAIN_AFTER_MS};
  switch (what % 4) {
    case 0:
      if (kernel_diag_ask(&diag, &pair, &socket) == KERNEL_FOUND && socket.state >= TCPS_COUNT)
        abort();
      break;
    case 1: (void)kernel_diag_listens(&diag, family, &pair.local, 7000); break;
    case 2: (void)kernel_diag_is_local(&diag, family, &(struct decode_address){{10}}); break;
    case 3: (void)kernel_diag_dump(&diag, what >> 4 | 1U << TCPS_CLOSE_WAIT, take_any, &dumped);
  }
  free(diag.listeners);
  return 0;
}
