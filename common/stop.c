#include "common/stop.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_MS = 100 };

volatile sig_atomic_t stop_signal;
static void (*wake_up)(void);

static void on_signal(int number) {
  stop_signal = number;
  if (wake_up) wake_up();
}

void stop_catch(void (*wake)(void)) {
  struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
  wake_up = wake;
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
}

/* Waits in slices: a signal that comes after stop_signal was looked at, and before ppoll waits,
 * does not interrupt it; it is noticed when the slice is over. */
int stop_await_reader(int fd) {
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigdelset(&mask, SIGINT);
  sigdelset(&mask, SIGTERM);
  for (int waited_ms = 0; waited_ms <= STOP_PATIENCE_MS;) {
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    bool stopped = stop_signal != 0;
    int n = ppoll(&writable, 1, &slice, &mask);
    if (n > 0) return 0;
    if (n < 0 && errno != EINTR) return 0; /* ppoll failed (ENOMEM): the write will say why */
    if (n == 0 && stopped) waited_ms += SLICE_MS;
  }
  return ETIMEDOUT;
}

int stop_write(int fd, const char *text, size_t n) {
  while (n > 0) {
    int error = stop_await_reader(fd);
    if (error != 0) return error;
    ssize_t written = write(fd, text, n < STOP_UNBLOCKED_BYTES ? n : STOP_UNBLOCKED_BYTES);
    if (written < 0 && errno != EINTR && errno != EAGAIN) return errno;
    if (written <= 0) continue;
    text += written;
    n -= (size_t)written;
  }
  return 0;
}
