#include "capture/roles.h"

#include <stdbool.h>

const char *roles_by_name(enum roles_by by) {
  switch (by) {
    case ROLES_BY_SYN: return "syn";
    case ROLES_BY_LISTENER: return "listener";
    case ROLES_BY_PORTS: return "ports";
    case ROLES_BY_FIRST_SEGMENT: return "first-segment";
  }
  return "";
}

void roles_note_server(struct roles *r, uint16_t port) {
  r->connections++;
  r->uses[port]++;
}

void roles_note(struct roles *r, uint16_t one, uint16_t other) {
  roles_note_server(r, one);
  r->uses[other]++;
}

/* A server's port is that of many connections, each with another port at the other end. A client
 * draws its own from some 28 000: the more connections there are, the more often one of those comes
 * twice by chance, and the more uses are wanted before a port is a server's. */
static bool is_shared(const struct roles *r, uint16_t port, uint16_t other) {
  enum { PER_CHANCE = 1024, FEWER = 4 };
  uint32_t uses = r->uses[port], of_other = r->uses[other];
  return uses >= 2 + r->connections / PER_CHANCE && (of_other <= 1 || of_other <= uses / FEWER);
}

int roles_server_port(const struct roles *r, const uint16_t port[static 2]) {
  /* Ports below 1024 are services': to bind them takes a privilege on most systems. From 32768 on
   * Linux draws its clients' (ip_local_port_range); others begin higher (RFC 6335: 49152). */
  static const uint16_t limits[] = {1024, 32768};
  for (int i = 0; i < 2; i++)
    if (is_shared(r, port[i], port[1 - i])) return i;
  for (unsigned limit = 0; limit < sizeof limits / sizeof *limits; limit++)
    for (int i = 0; i < 2; i++)
      if (port[i] < limits[limit] && port[1 - i] >= limits[limit]) return i;
  return -1;
}
