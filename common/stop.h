/* SIGINT and SIGTERM end a program whatever it is blocked in. What may block for ever is a write
 * whose reader does not read: a pipe, a stopped terminal. So before writing it is waited for the
 * reader, where a signal is noticed; once there was one, a reader that takes nothing for
 * STOP_PATIENCE_MS is given up. */
#ifndef TEARDOWN_COMMON_STOP_H
#define TEARDOWN_COMMON_STOP_H

#include <signal.h>
#include <stddef.h>

enum {
  STOP_PATIENCE_MS = 1000,
  /* What a pipe, a socket or a terminal that poll calls writable takes without blocking (POSIX says
   * so of pipes: PIPE_BUF). */
  STOP_UNBLOCKED_BYTES = 4096,
};

/* Which of the two has come, 0: none. */
extern volatile sig_atomic_t stop_signal;

/* From now on they set stop_signal instead of ending the program, and call `wake` (NULL: nothing),
 * which must be safe in a signal handler. SIGPIPE is ignored. */
void stop_catch(void (*wake)(void));

/* Waits until a write of STOP_UNBLOCKED_BYTES does not block. 0, or ETIMEDOUT when the reader was
 * given up. The two signals are noticed meanwhile also where the caller has blocked them. */
int stop_await_reader(int fd);

/* Writes all of it, waiting like this. 0 or errno. */
int stop_write(int fd, const char *text, size_t n);

#endif
