/* The library that is preloaded into linux.uml: over a ptrace(2) of our own, which has the sizes of
 * a processor with AMX, and over the real one, with a buffer that is too short for this processor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/uml_xstate.c"  // NOLINT(bugprone-suspicious-include)

enum { SHORT = 2696, WITH_AMX = 11008 };

/* What the faked kernel holds, was told last, and is to answer. */
static struct {
  unsigned char state[WITH_AMX];
  size_t size;
  int sets, fail_get, fail_set;
  long answer;
  enum __ptrace_request request;
  pid_t pid;
  void *address, *data, *base;
} kernel;

static long refuse(int error) {
  errno = error;
  return -1;
}

static long faked_ptrace(enum __ptrace_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  kernel.request = request;
  kernel.pid = va_arg(arguments, pid_t);
  kernel.address = va_arg(arguments, void *);
  kernel.data = va_arg(arguments, void *);
  va_end(arguments);
  if (kernel.address != (void *)NT_X86_XSTATE) return kernel.answer;
  struct iovec *io = kernel.data;
  kernel.base = io->iov_base;
  if (io->iov_len > kernel.size) io->iov_len = kernel.size;
  if (request == PTRACE_GETREGSET) {
    if (kernel.fail_get) return refuse(kernel.fail_get);
    memcpy(io->iov_base, kernel.state, io->iov_len);
    return 0;
  }
  if (kernel.fail_set) return refuse(kernel.fail_set);
  if (io->iov_len != kernel.size) return refuse(EFAULT);
  memcpy(kernel.state, io->iov_base, io->iov_len);
  kernel.sets++;
  return 0;
}

static int fake(void **unused) {
  (void)unused;
  memset(&kernel, 0, sizeof kernel);
  memset(kernel.state, 'k', sizeof kernel.state);
  kernel.size = WITH_AMX;
  next_ptrace = faked_ptrace;
  errno = 0;
  return 0;
}

static void assert_state(size_t from, size_t to, int octet) {
  for (size_t i = from; i < to; i++) assert_int_equal(kernel.state[i], octet);
}

static long set(unsigned char *octets, size_t length) {
  memset(octets, 'u', length);
  struct iovec io = {octets, length};
  long status = ptrace(PTRACE_SETREGSET, 17, (void *)NT_X86_XSTATE, &io);
  assert_int_equal(io.iov_len, length < kernel.size ? length : kernel.size);
  return status;
}

static void what_is_too_short_goes_over_the_beginning(void **unused) {
  (void)unused;
  unsigned char given[SHORT];
  assert_int_equal(set(given, sizeof given), 0);
  assert_int_equal(kernel.sets, 1);
  assert_int_equal(kernel.pid, 17);
  assert_state(0, SHORT, 'u');
  assert_state(SHORT, WITH_AMX, 'k');
}

static void what_suffices_goes_through(void **unused) {
  (void)unused;
  unsigned char given[WITH_AMX];
  kernel.size = 2432; /* AVX-512 without more: the kernel takes what it wants of a longer one */
  assert_int_equal(set(given, SHORT), 0);
  assert_ptr_equal(kernel.base, given);
  kernel.size = WITH_AMX;
  assert_int_equal(set(given, WITH_AMX), 0);
  assert_ptr_equal(kernel.base, given);
}

/* The registers would be of one process, and what is valid of them of another. */
static void without_the_header_it_is_not_completed(void **unused) {
  (void)unused;
  unsigned char given[SHORT];
  assert_int_equal(set(given, XSTATE_HEADER_END - 1), -1);
  assert_int_equal(errno, EFAULT);
  assert_state(0, WITH_AMX, 'k');
  assert_int_equal(set(given, XSTATE_HEADER_END), 0);
  assert_state(0, XSTATE_HEADER_END, 'u');
  assert_state(XSTATE_HEADER_END, WITH_AMX, 'k');
}

static void an_error_keeps_its_errno(void **unused) {
  (void)unused;
  unsigned char given[SHORT];
  kernel.fail_set = ESRCH;
  assert_int_equal(set(given, sizeof given), -1);
  assert_int_equal(errno, ESRCH);
  kernel.fail_set = 0;
  kernel.fail_get = EIO; /* then it is asked for what linux.uml wanted, and answers that */
  assert_int_equal(set(given, sizeof given), -1);
  assert_int_equal(errno, EFAULT);
}

static void other_requests_go_through(void **unused) {
  (void)unused;
  int word = 0;
  const enum __ptrace_request requests[] = {PTRACE_PEEKUSER, PTRACE_PEEKDATA, PTRACE_SETREGS,
                                            PTRACE_SYSCALL, PTRACE_TRACEME};
  for (unsigned i = 0; i < sizeof requests / sizeof *requests; i++) {
    kernel.answer = (long)0x8000000000000001u + (long)i; /* a peeked word may look like an error */
    assert_true(ptrace(requests[i], 17, (void *)8, &word) == kernel.answer);
    assert_int_equal(kernel.request, requests[i]);
    assert_int_equal(kernel.pid, 17);
    assert_ptr_equal(kernel.address, (void *)8);
    assert_ptr_equal(kernel.data, &word);
  }
  unsigned char read[SHORT];
  struct iovec io = {read, sizeof read};
  assert_int_equal(ptrace(PTRACE_GETREGSET, 17, (void *)NT_X86_XSTATE, &io), 0);
  assert_ptr_equal(kernel.data, &io);
  assert_int_equal(io.iov_len, sizeof read);
  struct iovec general = {read, sizeof read};
  kernel.answer = 0;
  assert_int_equal(ptrace(PTRACE_SETREGSET, 17, (void *)NT_PRSTATUS, &general), 0);
  assert_ptr_equal(kernel.data, &general);
}

/* ---- the real one ---- */

static pid_t child;

static int trace_a_child(void **unused) {
  (void)unused;
  find_next_ptrace();
  child = fork();
  if (child == 0) {
    next_ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    _exit(0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status) ? 0 : -1;
}

static int end_the_child(void **unused) {
  (void)unused;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}

static void the_kernel_takes_what_was_too_short(void **unused) {
  (void)unused;
  enum {
    X87_CONTROL = 0,
    XMM0 = 160
  }; /* in the legacy area; the header says below that both are valid */
  unsigned char before[XSTATE_ROOM], after[XSTATE_ROOM];
  struct iovec io = {before, sizeof before};
  if (ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &io) != 0 ||
      io.iov_len <= XSTATE_HEADER_END)
    skip(); /* a processor that has no more than the legacy area: not an x86, or one without AVX */
  size_t whole = io.iov_len;
  before[512] |= 3;
  memset(before + XMM0, 0x5a, 16);

  struct iovec given = {before, XSTATE_HEADER_END};
  assert_int_equal(next_ptrace(PTRACE_SETREGSET, child, (void *)NT_X86_XSTATE, &given), -1);
  assert_int_equal(errno, EFAULT);
  given.iov_len = XSTATE_HEADER_END;
  assert_int_equal(ptrace(PTRACE_SETREGSET, child, (void *)NT_X86_XSTATE, &given), 0);
  assert_int_equal(given.iov_len, XSTATE_HEADER_END);

  io = (struct iovec){after, sizeof after};
  assert_int_equal(ptrace(PTRACE_GETREGSET, child, (void *)NT_X86_XSTATE, &io), 0);
  assert_int_equal(io.iov_len, whole);
  assert_memory_equal(after, before, whole);
}

static void a_word_is_peeked_by_value(void **unused) {
  (void)unused;
  static volatile long word = -2;
  errno = EBADF;
  assert_true(ptrace(PTRACE_PEEKDATA, child, (void *)&word, NULL) == -2);
  assert_int_equal(errno, 0);
  assert_true(ptrace(PTRACE_PEEKDATA, child, NULL, NULL) == -1);
  assert_int_equal(errno, EIO);
  assert_int_equal(ptrace(PTRACE_PEEKDATA, getpid(), (void *)&word, NULL), -1);
  assert_int_equal(errno, ESRCH);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(what_is_too_short_goes_over_the_beginning, fake),
      cmocka_unit_test_setup(what_suffices_goes_through, fake),
      cmocka_unit_test_setup(without_the_header_it_is_not_completed, fake),
      cmocka_unit_test_setup(an_error_keeps_its_errno, fake),
      cmocka_unit_test_setup(other_requests_go_through, fake),
      cmocka_unit_test_setup_teardown(the_kernel_takes_what_was_too_short, trace_a_child,
                                      end_the_child),
      cmocka_unit_test_setup_teardown(a_word_is_peeked_by_value, trace_a_child, end_the_child),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
