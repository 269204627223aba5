/* Reads what capture prints live, lines with -tt or NDJSON, and says how long after its packet each
 * control segment came out: how many, and the 50th and 99th percentile in microseconds. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUCKET_US = 10, BUCKETS = 500000, LINE_MAX_BYTES = 1 << 16 };

static uint32_t histogram[BUCKETS]; /* the last one has everything above 5 s */
static uint64_t n_segments;

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* "1700000000.123456", exactly; 0 when that is not there. */
static int64_t read_time(const char *at) {
  char *end;
  int64_t seconds = strtoll(at, &end, 10);
  return *end == '.' ? seconds * 1000000 + strtoll(end + 1, NULL, 10) : 0;
}

static void note(const char *line, int64_t read_us) {
  int64_t t_us = 0;
  if (*line == '{') {
    const char *t = strstr(line, "\"t\":");
    if (t && strstr(line, "\"type\":\"segment\"")) t_us = read_time(t + 4);
  } else if (!strstr(line, " verdict ") && !strstr(line, " kernel")) {
    t_us = read_time(line);
  }
  if (t_us == 0) return;
  int64_t bucket = (read_us - t_us) / BUCKET_US;
  histogram[bucket < 0 ? 0 : bucket < BUCKETS ? bucket : BUCKETS - 1]++;
  n_segments++;
}

static uint64_t percentile_us(unsigned percent) {
  uint64_t below = 0, bucket = 0;
  while (bucket < BUCKETS - 1 && (below += histogram[bucket]) * 100 < n_segments * percent)
    bucket++;
  return (bucket + 1) * BUCKET_US;
}

int main(void) {
  static char buffer[LINE_MAX_BYTES + 1];
  size_t held = 0;
  ssize_t got;
  while ((got = read(STDIN_FILENO, buffer + held, LINE_MAX_BYTES - held)) > 0) {
    int64_t read_us = now_us();
    held += (size_t)got;
    char *line = buffer, *end;
    while ((end = memchr(line, '\n', held - (size_t)(line - buffer)))) {
      *end = '\0';
      note(line, read_us);
      line = end + 1;
    }
    held -= (size_t)(line - buffer);
    memmove(buffer, line, held);
  }
  if (got == -1) {
    fprintf(stderr, "latency: reading: %s\n", strerror(errno));
    return 1;
  }
  printf("%ju %ju %ju\n", (uintmax_t)n_segments, (uintmax_t)percentile_us(50),
         (uintmax_t)percentile_us(99));
  return 0;
}
