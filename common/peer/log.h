/* The log of a program on libuv: a line for each call and each answer, timed, on stdout. Lines wait
 * for peer_log_flush, so that a batch of events costs one write. */
#ifndef TEARDOWN_COMMON_PEER_LOG_H
#define TEARDOWN_COMMON_PEER_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

enum { PEER_NAME_SIZE = 64, PEER_LOG_BYTES = 1 << 16 };

struct peer_log {
  const char *role; /* "client": begins each line after its time */
  const char *arrow;
  bool quiet; /* no line at all */
  int error;  /* errno of stdout, 0 while it can be written */
  size_t n_waiting;
  char waiting[PEER_LOG_BYTES]; /* not written yet */
};

/* The arrow that this locale can show, by nl_langinfo. */
const char *peer_arrow(void);

/* A line of the log about the endpoint `name`, timed now. */
void peer_log(struct peer_log *log, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, timed by an earlier peer_clock. */
void peer_vlog(struct peer_log *log, struct timespec at, const char *name, const char *format,
               va_list arguments) __attribute__((format(printf, 4, 0)));

/* Writes the lines that wait. False when stdout can be written no longer: see error. */
bool peer_log_flush(struct peer_log *log);

/* Now, on the sniffer's clock. */
struct timespec peer_clock(void);

/* "127.0.0.1:7000", "[::1]:7000". */
void peer_format_address(const struct sockaddr *address, char text[static PEER_NAME_SIZE]);

#endif
