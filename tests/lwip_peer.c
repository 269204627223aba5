/* lwip_peer OWN GATE KIND...: lwIP's stack at the tap device that PRECONFIGURED_TAPIF names, with
 * the address OWN; GATE is the machine's. For each KIND it accepts one connection, the first KIND
 * at port 7000, the next at 7001 and so on, and closes as that says:
 *
 *   last     when the other end has
 *   first    after the first octets that it reads
 *   half     its direction after these, and all when the other end has closed
 *   abort    after these, by a RST
 *   unread   after a while, without having read any
 *
 * It says "listening" for each; what TCP does after a close goes on until it is killed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lwip/ip4_addr.h>
#include <lwip/netif.h>
#include <lwip/tcpip.h>
#include <lwip/sockets.h>
#include <netif/tapif.h>

enum { PORT = 7000, KINDS_MAX = 16 };

struct task {
  const char *kind;
  uint16_t port;
};

static struct netif netif;
static ip4_addr_t own, mask, gate;

static void start(void *unused) {
  (void)unused;
  if (!netif_add(&netif, &own, &mask, &gate, NULL, tapif_init, tcpip_input)) exit(2);
  netif_set_default(&netif);
  netif_set_up(&netif);
  netif_set_link_up(&netif);
}

static void serve(void *argument) {
  const struct task *task = argument;
  const char *kind = task->kind;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = lwip_htons(task->port)};
  char octets[512];
  int listener = lwip_socket(AF_INET, SOCK_STREAM, 0);
  if (lwip_bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || lwip_listen(listener, 1) != 0)
    exit(2);
  puts("listening");
  int fd = lwip_accept(listener, NULL, NULL);
  if (fd < 0) exit(2);
  if (strcmp(kind, "unread") == 0) {
    usleep(300000); /* until the octets are there */
  } else {
    ssize_t n = lwip_read(fd, octets, sizeof octets);
    if (n > 0 && strcmp(kind, "abort") == 0) {
      const struct linger none = {.l_onoff = 1};
      lwip_setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
      lwip_write(fd, octets,
                 (size_t)n); /* without octets to throw away it sends a FIN all the same */
    }
    if (n > 0 && strcmp(kind, "half") == 0) lwip_shutdown(fd, SHUT_WR);
    if (strcmp(kind, "half") == 0 || strcmp(kind, "last") == 0)
      while (n > 0) n = lwip_read(fd, octets, sizeof octets);
  }
  lwip_close(fd);
  for (;;) pause();
}

int main(int argc, char **argv) {
  static struct task tasks[KINDS_MAX];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc < 4 || argc > 3 + KINDS_MAX || !ip4addr_aton(argv[1], &own) ||
      !ip4addr_aton(argv[2], &gate))
    return 2;
  IP4_ADDR(&mask, 255, 255, 255, 0);
  tcpip_init(start, NULL);
  for (int i = 3; i < argc; i++) {
    tasks[i - 3] = (struct task){argv[i], (uint16_t)(PORT + i - 3)};
    sys_thread_new(argv[i], serve, &tasks[i - 3], 0, 0);
  }
  for (;;) pause();
}
