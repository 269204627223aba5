#include "client/sources.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* What Linux chooses from unless told otherwise. */
enum { DEFAULT_FIRST_PORT = 32768, DEFAULT_LAST_PORT = 60999 };

/* Of an address's ports this part is used: the kernel looks for a free one by trial, which takes
 * long when most are taken. */
enum { SHARE = 2 };

static unsigned count_ports(void) {
  unsigned first = DEFAULT_FIRST_PORT, last = DEFAULT_LAST_PORT;
  FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
  if (file == NULL || fscanf(file, "%u %u", &first, &last) != 2 || last < first) {
    first = DEFAULT_FIRST_PORT;
    last = DEFAULT_LAST_PORT;
  }
  if (file != NULL) fclose(file);
  return last - first + 1;
}

static bool is_loopback(const struct sockaddr *address) {
  const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
  return address->sa_family == AF_INET && ntohl(ip4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

struct sources sources_for(uint16_t local_port, uint64_t count, const struct sockaddr *to) {
  struct sources sources = {.local_port = local_port, .ports = count_ports(), .n = 1};
  if (local_port == 0 && is_loopback(to) && count > sources.ports)
    sources.n = (unsigned)(count / (sources.ports / SHARE + 1) + 1);
  return sources;
}

bool sources_next(struct sources *sources, const struct sockaddr *to,
                  struct sockaddr_storage *from) {
  memset(from, 0, sizeof *from);
  from->ss_family = to->sa_family;
  if (to->sa_family == AF_INET6)
    ((struct sockaddr_in6 *)from)->sin6_port = htons(sources->local_port);
  else
    ((struct sockaddr_in *)from)->sin_port = htons(sources->local_port);
  if (sources->n == 1) return sources->local_port != 0;
  ((struct sockaddr_in *)from)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + sources->next);
  sources->next = (sources->next + 1) % sources->n;
  return true;
}
