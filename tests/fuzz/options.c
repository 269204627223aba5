/* Any octets as a command line: words that end with NUL. What is said about it must be fit for a
 * terminal. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cli.h"
#include "tests/fuzz/options.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/texts.h"

enum { WORDS_MAX = 100, SAID_MAX = 1 << 18 };

/* Where stdout and stderr lead: libFuzzer has its own by then (-close_fd_mask=3). */
static int said_fd(void) {
  static int fd = -1;
  if (fd < 0 && ((fd = memfd_create("said", MFD_CLOEXEC)) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
                 dup2(fd, STDERR_FILENO) < 0))
    abort();
  return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static char said[SAID_MAX];
  char *argv[WORDS_MAX + 1], *words = malloc(n + 1);
  int argc = 0, fd = said_fd();
  if (!words) abort();
  memcpy(words, octets, n);
  words[n] = '\0';
  for (char *at = words; argc < WORDS_MAX && at < words + n; at += strlen(at) + 1)
    argv[argc++] = at;
  argv[argc] = NULL;
  optind = 0; /* glibc: from the beginning */
  for (unsigned i = 0; i < CLI_STANDARD; i++) program_cli.tables[i].given = 0;
  if (argc > 0) read_options(argc, argv);
  (void)fflush(stdout);
  off_t end = lseek(fd, 0, SEEK_CUR);
  ssize_t got = pread(fd, said, sizeof said, 0);
  if (end < 0 || got < 0 || !is_printable(said, (size_t)got)) abort();
  if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0) abort();
  free(words);
  return 0;
}
