/* A plain epoll server and client that do what ours do with --close-delay 0 and --close-after 0:
 * connect, send six octets, close; the server reads to the end and closes.
 *
 *   epoll_pair serve PORT
 *   epoll_pair client PORT COUNT PARALLEL */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, BACKLOG = 4096 };

static void die(const char *what) {
  fprintf(stderr, "epoll_pair: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int open_socket(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd == -1) die("socket");
  return fd;
}

static void await(int poll, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == -1) die("epoll_ctl");
}

static int next_events(int poll, struct epoll_event events[static EVENTS]) {
  int n = epoll_wait(poll, events, EVENTS, -1);
  if (n == -1 && errno != EINTR) die("epoll_wait");
  return n;
}

static void accept_all(int poll, int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1)
    await(poll, fd, EPOLLIN);
}

static void serve(int poll, const struct sockaddr_in *address) {
  int listener = open_socket(), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (const struct sockaddr *)address, sizeof *address) == -1) die("bind");
  if (listen(listener, BACKLOG) == -1) die("listen");
  await(poll, listener, EPOLLIN);
  for (;;) {
    struct epoll_event events[EVENTS];
    int n = next_events(poll, events);
    for (int i = 0; i < n; i++) {
      static char buffer[65536];
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(poll, listener);
        continue;
      }
      ssize_t got = recv(fd, buffer, sizeof buffer, 0);
      if (got == 0 || (got == -1 && errno != EAGAIN)) close(fd);
    }
  }
}

/* The connections that failed. */
static long connect_all(int poll, const struct sockaddr_in *address, long count, long parallel) {
  long begun = 0, over = 0, failed = 0;
  while (over < count) {
    while (begun < count && begun - over < parallel) {
      int fd = open_socket();
      begun++;
      if (connect(fd, (const struct sockaddr *)address, sizeof *address) == -1 &&
          errno != EINPROGRESS)
        die("connect");
      await(poll, fd, EPOLLOUT);
    }
    struct epoll_event events[EVENTS];
    int n = next_events(poll, events);
    for (int i = 0; i < n; i++) {
      bool broken = events[i].events & (EPOLLERR | EPOLLHUP);
      if (broken || send(events[i].data.fd, "hello\n", 6, MSG_NOSIGNAL) != 6) failed++;
      close(events[i].data.fd);
      over++;
    }
  }
  return failed;
}

int main(int argc, char **argv) {
  bool is_server = argc == 3 && strcmp(argv[1], "serve") == 0;
  bool is_client = argc == 5 && strcmp(argv[1], "client") == 0;
  if (!is_server && !is_client) {
    fprintf(stderr, "Usage: epoll_pair serve PORT | client PORT COUNT PARALLEL\n");
    return 2;
  }
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(argv[2])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (poll == -1) die("epoll_create1");
  if (is_server) serve(poll, &address);
  long failed = connect_all(poll, &address, atol(argv[3]), atol(argv[4]));
  if (failed) fprintf(stderr, "epoll_pair: %ld connections failed\n", failed);
  return failed != 0;
}
