/* measure FILE COMMAND...: runs the command, and appends to FILE its processor time (user and
 * system) and the time that passed, in seconds, and its peak memory in KiB. Its status is the
 * command's. SIGINT is passed on. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static volatile pid_t child;

static void pass_on(int number) { kill(child, number); }

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "Usage: measure FILE COMMAND...\n");
    return 2;
  }
  double start_s = now_s();
  child = fork();
  if (child == 0) {
    signal(SIGINT, SIG_DFL); /* a shell ignores it for what runs in its background */
    execvp(argv[2], argv + 2);
    fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
    _exit(127);
  }
  int status;
  struct rusage usage;
  const struct sigaction interrupted = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &interrupted, NULL);
  if (child == -1 || wait4(child, &status, 0, &usage) == -1) {
    fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
    return 127;
  }
  double passed_s = now_s() - start_s;
  FILE *file = fopen(argv[1], "a");
  if (!file ||
      fprintf(file, "%.6f %.6f %.6f %ld\n", seconds_of(usage.ru_utime), seconds_of(usage.ru_stime),
              passed_s, usage.ru_maxrss) < 0 ||
      fclose(file) != 0) {
    fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
    return 127;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
