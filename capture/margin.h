/* What server and client print of their own calls (common/peer/log.h), for the ladder to show at
 * its time: the lines of --margin FILE, a file that still grows or a pipe. Others may write there,
 * too, in the same form: "HH:MM:SS.uuuuuu WHO ADDRESS:PORT  words", the client's address, local
 * time.
 *
 * Lines wait here until somebody takes them; beyond MARGIN_LINES the oldest give way. */
#ifndef TEARDOWN_CAPTURE_MARGIN_H
#define TEARDOWN_CAPTURE_MARGIN_H

#include <stdbool.h>
#include <stdint.h>

enum { MARGIN_LINES = 4096, MARGIN_LINE_SIZE = 1024, MARGIN_WHO_SIZE = 12, MARGIN_NAME_SIZE = 64 };

struct margin_line {
  struct margin_line *next;
  int64_t of_day_us;           /* local */
  char who[MARGIN_WHO_SIZE];   /* "client"; empty: it has not that form, and is `text` whole */
  char name[MARGIN_NAME_SIZE]; /* of the client, "127.0.0.1:40000"; empty: it has not that form */
  uint64_t n;                  /* of all lines */
  bool is_new;                 /* it came with the last margin_read */
  const char *text;            /* the words behind that */
  char line[];                 /* all of it, whatever octets: nothing is escaped */
};

struct margin;

/* Of the lines of this descriptor, which is the margin's then; nothing is read yet. NULL: no
 * memory. */
struct margin *margin_new(int fd);

/* Takes in what is there, without waiting for more. */
void margin_read(struct margin *margin);

/* Takes the lines that are `wanted`, the oldest first: a chain of them, the caller's to free. Asked
 * about those of one client alone; NULL: about all. */
typedef bool margin_wanted(void *context, const struct margin_line *line);
struct margin_line *margin_take(struct margin *margin, const char *client, margin_wanted *wanted,
                                void *context);

/* A line has but the time of day: when it was, on the day on which that is nearest to `near_us`. */
int64_t margin_time(const struct margin_line *line, int64_t near_us);

/* How many lines gave way. */
uint64_t margin_lost(const struct margin *margin);

void margin_close(struct margin *margin);

#endif
