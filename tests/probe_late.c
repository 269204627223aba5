/* Preloaded into unshare(1), and not into what that runs: what ends its child with it,
 * --kill-child, takes effect late. */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int prctl(int option, ...) {
  va_list rest;
  va_start(rest, option);
  unsigned long argument = va_arg(rest, unsigned long);
  va_end(rest);
  if (option == PR_SET_PDEATHSIG) {
    nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
    unsetenv("LD_PRELOAD");
  }
  return (int)syscall(SYS_prctl, option, argument, 0, 0, 0);
}
