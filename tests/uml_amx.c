/* Makes linux.uml believe that the host has AMX: a library that is preloaded into it, to try
 * tests/uml_xstate.c on a machine without. As the kernel does there, it gives 11008 octets of
 * vector registers and takes back nothing but all of them. */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { XSTATE_WITH_AMX = 11008 };

static long (*next_ptrace)(enum __ptrace_request request, ...);

__attribute__((constructor)) static void find_next_ptrace(void) {
  next_ptrace = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
}

static long xstate(enum __ptrace_request request, pid_t pid, void *address, struct iovec *given) {
  static unsigned char state[XSTATE_WITH_AMX];
  memset(state, 0, sizeof state);
  struct iovec own = {state, sizeof state};
  if (next_ptrace(PTRACE_GETREGSET, pid, address, &own) != 0) return -1;
  if (given->iov_len > sizeof state) given->iov_len = sizeof state;
  if (request == PTRACE_GETREGSET) {
    memcpy(given->iov_base, state, given->iov_len);
    return 0;
  }
  if (given->iov_len < sizeof state) {
    errno = EFAULT;
    return -1;
  }
  own.iov_base = given->iov_base;
  return next_ptrace(request, pid, address, &own);
}

long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  pid_t pid = va_arg(arguments, pid_t);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);
  if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) &&
      address == (void *)NT_X86_XSTATE)
    return xstate(request, pid, address, data);
  return next_ptrace(request, pid, address, data);
}
