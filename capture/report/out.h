/* Output: the one writer of all reports, into a file or into a string. A line costs what copying it
 * costs: no printf, no allocation, and a system call only when the buffer is full or somebody
 * flushes.
 *
 * A reader may be slow (a pager, a pipe, a stopped terminal). out_flush never waits for it: what it
 * does not take stays in the buffer. Only a full buffer and out_finish wait, as long as
 * stop_await_reader does (common/stop.h).
 *
 * The first write that fails is kept in `error`; whatever is put after it is thrown away. */
#ifndef TEARDOWN_CAPTURE_REPORT_OUT_H
#define TEARDOWN_CAPTURE_REPORT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  OUT_FILE_SIZE = 1 << 16, /* of a buffer: fits the processor's cache */
  OUT_LIVE_SIZE = 1 << 24, /* what a slow reader may owe before a live capture waits for it */
  OUT_PIPE_SIZE = 1 << 20, /* of a live capture's: where others use the processors, its reader */
                           /* comes seldom, and takes no more at a time; nobody may ask for more */
};

struct out {
  char *buffer;
  size_t size, start, end; /* what waits to be written is buffer[start] to buffer[end - 1] */
  int fd;                  /* -1: a string */
  int error;               /* errno of the first write that failed; ETIMEDOUT: nobody read; 0 */
  bool never_blocks;       /* a write takes what there is room for */
  bool may_block;          /* not a file: its reader decides when a write returns */
};

/* Writes to `fd`, which stays the caller's. False when there is no memory. */
bool out_open(struct out *out, int fd, size_t size);
/* If it is a pipe, a descriptor of it that is nobody else's, on which writing never waits: then it
 * takes one call, not two for each 4096 octets. Else, or where it cannot be opened, the same. */
int out_unblocked(int fd);
/* Frees the buffer, written or not. */
void out_close(struct out *out);

/* A string in `buffer`, cut off where that is full. */
static inline struct out out_string(char *buffer, size_t size) {
  return (struct out){.buffer = buffer, .size = size - 1, .fd = -1};
}
/* That string, ended by NUL. */
static inline const char *out_text_of(struct out *out) {
  out->buffer[out->end] = '\0';
  return out->buffer;
}

/* Writes what can be written without waiting for a reader. Of a string, nothing. */
void out_flush(struct out *out);
/* Writes all of it. False when that, or an earlier write, failed: `error` says how. */
bool out_finish(struct out *out);
/* Something waits to be written: poll `fd` for it and flush. */
static inline bool out_waits(const struct out *out) {
  return out->end > out->start && out->error == 0;
}

/* ---- Putting, in the order of what it costs ---------------------------------------------------
 */

/* Where the buffer has no room for `n` octets. */
void out_put_slowly(struct out *out, const char *bytes, size_t n);

static inline void out_bytes(struct out *out, const char *bytes, size_t n) {
  if (n > out->size - out->end) {
    out_put_slowly(out, bytes, n);
    return;
  }
  memcpy(out->buffer + out->end, bytes, n);
  out->end += n;
}
/* Where `n` octets may be written behind what was put, which are put by adding to `end` how many of
 * them there are; NULL: there is no room. */
static inline char *out_room(struct out *out, size_t n) {
  return n <= out->size - out->end ? out->buffer + out->end : NULL;
}
static inline void out_text(struct out *out, const char *text) {
  out_bytes(out, text, strlen(text));
}
static inline void out_char(struct out *out, char c) { out_bytes(out, &c, 1); }
/* Between quotes, as it is. */
void out_quoted(struct out *out, const char *bytes, size_t n);

void out_unsigned(struct out *out, uint64_t value);
void out_signed(struct out *out, int64_t value);
/* At least so many digits, with zeros before them. */
void out_digits(struct out *out, uint64_t value, unsigned digits);
/* 1234567 with 6 decimals is "1.234567". */
void out_fixed(struct out *out, int64_t value, unsigned decimals);

/* Text from outside, for people: control characters (those that move a cursor or forge a line, C1
 * too) and what is not UTF-8 become \x1b. */
void out_printable(struct out *out, const char *text);
/* Text from anywhere as a JSON string, with its quotes. What is not UTF-8 becomes U+FFFD, an octet
 * at a time. */
void out_json(struct out *out, const char *text, size_t n);

/* As printf, at printf's price: for what is written a few times a connection by hand, never for
 * what is written for every segment. */
void out_printf(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
