#include "capture/margin.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/name.h"

#define DAY_US INT64_C(86400000000)

/* At once, so that who writes without end does not keep the sniffer from its packets. */
enum { READ_MAX = 1 << 20, BUCKETS = 256 };

struct margin {
  int fd;
  struct margin_line *bucket[BUCKETS], **last[BUCKETS]; /* by the client's name */
  unsigned waiting;
  uint64_t n, before, lost;     /* lines; those of earlier reads */
  char begun[MARGIN_LINE_SIZE]; /* the line that has no end yet */
  size_t n_begun;
};

struct margin *margin_new(int fd) {
  struct margin *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  m->fd = fd;
  for (unsigned i = 0; i < BUCKETS; i++) m->last[i] = &m->bucket[i];
  return m;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* "06:31:57.592656" is 23517592656 us. -1: it is no time. */
static int64_t time_of_day(const char *text) {
  static const char form[] = "00:00:00.000000";
  unsigned hour, minute, second, us;
  for (size_t i = 0; form[i]; i++)
    if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return -1;
  if (sscanf(text, "%2u:%2u:%2u.%6u", &hour, &minute, &second, &us) != 4 || hour > 23) return -1;
  return ((hour * INT64_C(60) + minute) * 60 + second) * 1000000 + us;
}

/* Copies a word that ends at a space. Returns what is behind the space; NULL: it has no room. */
static const char *take_word(const char *text, char *word, size_t size) {
  size_t n = strcspn(text, " ");
  if (n == 0 || n >= size || text[n] != ' ') return NULL;
  memcpy(word, text, n);
  word[n] = '\0';
  return text + n + 1;
}

static void parse(struct margin_line *line) {
  const char *at = line->line;
  line->text = line->line;
  line->of_day_us = time_of_day(at);
  if (line->of_day_us < 0) return;
  at = strchr(at, ' ');
  if (at) at = take_word(at + 1, line->who, sizeof line->who);
  if (at) at = take_word(at, line->name, sizeof line->name);
  if (at && *at == ' ')
    line->text = at + 1;
  else
    line->who[0] = line->name[0] = '\0';
}

static void take_out(struct margin *m, unsigned bucket, struct margin_line **at) {
  struct margin_line *line = *at;
  *at = line->next;
  if (!*at) m->last[bucket] = at;
  line->next = NULL;
  m->waiting--;
}

/* In each bucket the first is the oldest. */
static void drop_oldest(struct margin *m) {
  unsigned oldest = 0;
  for (unsigned i = 1; i < BUCKETS; i++)
    if (m->bucket[i] && (!m->bucket[oldest] || m->bucket[i]->n < m->bucket[oldest]->n)) oldest = i;
  struct margin_line *line = m->bucket[oldest];
  take_out(m, oldest, &m->bucket[oldest]);
  free(line);
  m->lost++;
}

static void end_line(struct margin *m) {
  size_t length = m->n_begun;
  struct margin_line *line = calloc(1, sizeof *line + length + 1);
  m->n_begun = 0;
  m->n++;
  if (!line) {
    m->lost++;
    return;
  }
  /* A string ends at the first NUL, and something stood there. */
  for (size_t i = 0; i < length; i++) line->line[i] = m->begun[i] ? m->begun[i] : '?';
  line->n = m->n;
  parse(line);
  unsigned bucket = name_hash(line->name) % BUCKETS;
  *m->last[bucket] = line;
  m->last[bucket] = &line->next;
  if (++m->waiting > MARGIN_LINES) drop_oldest(m);
}

/* A pipe may be one that others write to through the same description: it cannot be made not to
 * wait. */
static bool is_readable(int fd) {
  struct pollfd input = {.fd = fd, .events = POLLIN};
  return ppoll(&input, 1, &(struct timespec){0}, NULL) > 0 && (input.revents & POLLIN);
}

void margin_read(struct margin *m) {
  char octets[4096];
  ssize_t n;
  m->before = m->n;
  for (size_t all = 0;
       all < READ_MAX && is_readable(m->fd) && (n = read(m->fd, octets, sizeof octets)) > 0;
       all += (size_t)n)
    for (ssize_t i = 0; i < n; i++)
      if (octets[i] == '\n')
        end_line(m);
      else if (m->n_begun < sizeof m->begun) /* the rest of a longer line is not shown */
        m->begun[m->n_begun++] = octets[i];
}

/* ---- Taking --------------------------------------------------------------------------------- */

int64_t margin_time(const struct margin_line *line, int64_t near_us) {
  time_t seconds = (time_t)(near_us / 1000000);
  struct tm local = {0};
  localtime_r(&seconds, &local);
  int64_t near_of_day_us =
      ((local.tm_hour * INT64_C(60) + local.tm_min) * 60 + local.tm_sec) * 1000000 +
      near_us % 1000000;
  int64_t ahead_us = (line->of_day_us - near_of_day_us) % DAY_US;
  if (ahead_us >= DAY_US / 2) ahead_us -= DAY_US;
  if (ahead_us < -DAY_US / 2) ahead_us += DAY_US;
  return near_us + ahead_us;
}

/* Puts a chain in front of those of another that are younger. */
static void merge(struct margin_line **into, struct margin_line *line) {
  while (line) {
    struct margin_line *next = line->next;
    while (*into && (*into)->n < line->n) into = &(*into)->next;
    line->next = *into;
    *into = line;
    line = next;
  }
}

static struct margin_line *take_from(struct margin *m, unsigned bucket, const char *client,
                                     margin_wanted *wanted, void *context) {
  struct margin_line *taken = NULL, **end = &taken;
  for (struct margin_line **at = &m->bucket[bucket]; *at;) {
    struct margin_line *line = *at;
    line->is_new = line->n > m->before;
    if ((client && strcmp(line->name, client) != 0) || !wanted(context, line)) {
      at = &line->next;
      continue;
    }
    take_out(m, bucket, at);
    *end = line;
    end = &line->next;
  }
  return taken;
}

struct margin_line *margin_take(struct margin *m, const char *client, margin_wanted *wanted,
                                void *context) {
  if (client) return take_from(m, name_hash(client) % BUCKETS, client, wanted, context);
  struct margin_line *taken = NULL;
  for (unsigned i = 0; i < BUCKETS && m->waiting > 0; i++)
    merge(&taken, take_from(m, i, NULL, wanted, context));
  return taken;
}

uint64_t margin_lost(const struct margin *m) { return m->lost; }

void margin_close(struct margin *m) {
  for (unsigned i = 0; i < BUCKETS; i++)
    for (struct margin_line *next; m->bucket[i]; m->bucket[i] = next) {
      next = m->bucket[i]->next;
      free(m->bucket[i]);
    }
  close(m->fd);
  free(m);
}
