/* Lets user-mode Linux run where the processor has AMX: a library that is preloaded into linux.uml.
 *
 * linux.uml keeps the vector registers of its processes in a buffer of 2696 octets, enough for
 * AVX-512, and sets them with PTRACE_SETREGSET. The host's kernel takes nothing but the whole state
 * (xstateregs_set() answers EFAULT to less), and with AMX that is 11008 octets: linux.uml dies
 * before its init. So what is too short is completed here with what the process has now; what
 * linux.uml does not know of, its processes do not use. Where the buffer suffices, nothing is
 * changed. */
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
  XSTATE_HEADER_END = 512 + 64, /* the header says which parts of the state are valid */
  XSTATE_ROOM = 16384
};

static long (*next_ptrace)(enum __ptrace_request request, ...);

/* Before linux.uml runs, on a stack that is large enough for the dynamic linker. */
__attribute__((constructor)) static void find_next_ptrace(void) {
  next_ptrace = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
}

/* The whole state of the stopped process pid, with the given octets over its beginning; false when
 * there is nothing to complete. */
static bool complete(pid_t pid, const struct iovec *given, struct iovec *whole) {
  /* linux.uml traces from one thread, and its stacks have 16 KiB. */
  static unsigned char state[XSTATE_ROOM];
  if (given->iov_len < XSTATE_HEADER_END) return false;
  *whole = (struct iovec){state, sizeof state};
  if (next_ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, whole) != 0) return false;
  if (whole->iov_len <= given->iov_len) return false;
  memcpy(state, given->iov_base, given->iov_len);
  return true;
}

/* As ptrace(2): a word that is peeked is the value, and the C library itself reads three arguments
 * behind the request, whatever it is. */
long ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  pid_t pid = va_arg(arguments, pid_t);
  void *address = va_arg(arguments, void *);
  void *data = va_arg(arguments, void *);
  va_end(arguments);

  struct iovec whole;
  if (request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE &&
      complete(pid, data, &whole))
    data = &whole;
  return next_ptrace(request, pid, address, data);
}
