/* What the process may still do, once all is open: what strangers' octets are parsed with.
 *
 * To open an interface, the kernel's events and the files takes privileges; to read them takes
 * none. So capture opens everything, drops (sandbox_drop), reads what the beginning of a file says
 * and compiles filters, and then locks itself in (sandbox_lock). What is left: the user that it
 * became, no capability but the two that the kernel witness looks up the holder of a socket with,
 * and the system calls of a table. */
#ifndef TEARDOWN_CAPTURE_SANDBOX_H
#define TEARDOWN_CAPTURE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum { SANDBOX_ERROR_SIZE = 256 };

/* open(2), of what who called may open and no more, its groups included; a new file is that user's.
 * Behind sudo it is the user of SUDO_UID who called, else the process's real one. -1: errno. */
int sandbox_open_as_invoker(const char *path, int flags);

/* Gives up user, groups and capabilities, for good. As root it becomes `user`, else the invoker,
 * else nobody; in a user namespace that has no such user it stays who it is, without capabilities.
 * `owners`: keeps those that find out who holds a socket, if it has them. False: `error` says why.
 */
bool sandbox_drop(const char *user, bool owners, char error[static SANDBOX_ERROR_SIZE]);

/* From now on the system calls of the table alone: others fail with EPERM. `witness`: those of the
 * kernel witness, too; `replaces`: those that put new files into a folder (folder.h). False: this
 * kernel or this build has no seccomp, and `error` says so. */
bool sandbox_lock(bool witness, bool replaces, char error[static SANDBOX_ERROR_SIZE]);

/* "as nobody (65534), capabilities: none, no_new_privs", of this process as it is now; before
 * sandbox_lock, which does not let it look. */
void sandbox_describe(char *text, size_t size);

#endif
