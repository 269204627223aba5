/* Who is the client of a connection, and how that is known. The sender of the SYN is; a capture
 * that begins later has to make it out from what else there is:
 *
 *   listener   one end's port is listened on, as the kernel of this machine says, the other's not
 *   ports      one port is that of several connections of the capture and the other is not; or one
 *              is below 1024 and the other is not; or one is below Linux's ephemeral ones (32768
 *              and up) and the other among them
 *
 * in this order. Where nothing of this tells, the sender of the first segment is called the client,
 * and who reads it must be told that it is no more than a name. */
#ifndef TEARDOWN_CAPTURE_ROLES_H
#define TEARDOWN_CAPTURE_ROLES_H

#include <stdint.h>

enum roles_by { ROLES_BY_SYN, ROLES_BY_LISTENER, ROLES_BY_PORTS, ROLES_BY_FIRST_SEGMENT };

/* "syn", "listener", "ports", "first-segment" */
const char *roles_by_name(enum roles_by by);

/* How many connections of the capture have, or had, their server at a port, as far as that is
 * known, or may have. */
struct roles {
  uint32_t connections;
  uint32_t uses[UINT16_MAX + 1];
};

/* Notes a connection whose server's port is known, or one whose server's port may be either. */
void roles_note_server(struct roles *roles, uint16_t port);
void roles_note(struct roles *roles, uint16_t one, uint16_t other);

/* Which of the two, 0 or 1, is the server's port, as far as the ports tell; -1: they do not. The
 * connection itself has been noted. */
int roles_server_port(const struct roles *roles, const uint16_t port[static 2]);

#endif
