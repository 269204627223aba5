#include "capture/report/out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/digits.h"
#include "common/printable.h"
#include "common/stop.h"

bool out_open(struct out *o, int fd, size_t size) {
  struct stat status;
  *o = (struct out){.buffer = malloc(size), .size = size, .fd = fd};
  bool known = fstat(fd, &status) == 0, is_pipe = known && S_ISFIFO(status.st_mode);
  o->may_block = isatty(fd) || is_pipe || (known && S_ISSOCK(status.st_mode));
  if (is_pipe && size == OUT_LIVE_SIZE) (void)fcntl(fd, F_SETPIPE_SZ, OUT_PIPE_SIZE);
  /* What is shared with others they may change. */
  int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFL) : 0;
  o->never_blocks = flags > 0 && (flags & O_NONBLOCK);
  return o->buffer != NULL;
}

int out_unblocked(int fd) {
  struct stat status;
  char path[32];
  if (fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return fd;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  return own < 0 ? fd : own;
}

void out_close(struct out *o) {
  free(o->buffer);
  o->buffer = NULL;
}

/* ---- Writing ----------------------------------------------------------------------------------
 */

static void fail(struct out *o, int error) {
  o->error = error;
  o->start = o->end = 0;
}

/* The descriptor takes a write. False: not yet, and `wait` was not asked for; or it failed. */
static bool is_writable(struct out *o, bool wait) {
  struct pollfd fd = {.fd = o->fd, .events = POLLOUT};
  int error = 0;
  if (wait) error = stop_await_reader(o->fd);
  int n = wait ? error == 0 : poll(&fd, 1, 0);
  if (n < 0 && errno != EINTR) error = errno;
  if (error != 0) fail(o, error);
  return n > 0;
}

/* Writes once. False when no more can be written now. */
static bool write_some(struct out *o, bool wait) {
  size_t n = o->end - o->start;
  if (o->may_block && (wait || !o->never_blocks) && !is_writable(o, wait)) return false;
  if (o->may_block && !o->never_blocks && n > STOP_UNBLOCKED_BYTES) n = STOP_UNBLOCKED_BYTES;
  ssize_t written = write(o->fd, o->buffer + o->start, n);
  if (written >= 0) {
    o->start += (size_t)written;
  } else if (errno == EAGAIN && o->never_blocks) {
    if (!wait) return false;
  } else if (errno == EAGAIN) {
    o->may_block = true; /* somebody made it non-blocking: poll says when */
  } else if (errno != EINTR) {
    fail(o, errno);
  }
  if (o->start == o->end) o->start = o->end = 0;
  return o->error == 0;
}

void out_flush(struct out *o) {
  while (o->fd >= 0 && out_waits(o) && write_some(o, false)) continue;
}

bool out_finish(struct out *o) {
  while (out_waits(o) && write_some(o, true)) continue;
  return o->error == 0;
}

/* Makes room by writing: half of the buffer at least, so that moving the rest stays cheap. */
static void make_room(struct out *o) {
  while (out_waits(o) && o->end - o->start > o->size / 2 && write_some(o, true)) continue;
  memmove(o->buffer, o->buffer + o->start, o->end - o->start);
  o->end -= o->start;
  o->start = 0;
}

void out_put_slowly(struct out *o, const char *bytes, size_t n) {
  while (n > 0 && o->error == 0) {
    size_t room = o->size - o->end;
    if (room > n) room = n;
    memcpy(o->buffer + o->end, bytes, room);
    o->end += room;
    bytes += room;
    n -= room;
    if (o->fd < 0) return;
    if (n > 0) make_room(o);
  }
}

void out_quoted(struct out *o, const char *bytes, size_t n) {
  if (o->size - o->end >= n + 2) {
    char *at = o->buffer + o->end;
    at[0] = '"';
    memcpy(at + 1, bytes, n);
    at[n + 1] = '"';
    o->end += n + 2;
  } else {
    out_char(o, '"');
    out_bytes(o, bytes, n);
    out_char(o, '"');
  }
}

/* ---- Numbers ----------------------------------------------------------------------------------
 */

/* Where there is no room for them. */
static __attribute__((noinline)) void put_digits_slowly(struct out *o, uint64_t value, unsigned n) {
  char text[DIGITS_MAX];
  digits_write(text, value, n);
  out_bytes(o, text, n);
}

static void put_digits(struct out *o, uint64_t value, unsigned n) {
  if (o->size - o->end < n) {
    put_digits_slowly(o, value, n);
    return;
  }
  digits_write(o->buffer + o->end, value, n);
  o->end += n;
}

void out_digits(struct out *o, uint64_t value, unsigned digits) {
  unsigned n = digits_count(value);
  if (digits > DIGITS_MAX) digits = DIGITS_MAX;
  put_digits(o, value, n < digits ? digits : n);
}

void out_unsigned(struct out *o, uint64_t value) { put_digits(o, value, digits_count(value)); }

static uint64_t put_sign(struct out *o, int64_t value) {
  if (value >= 0) return (uint64_t)value;
  out_char(o, '-');
  return -(uint64_t)value;
}

void out_signed(struct out *o, int64_t value) { out_unsigned(o, put_sign(o, value)); }

void out_fixed(struct out *o, int64_t value, unsigned decimals) {
  uint64_t left = put_sign(o, value), one = 1;
  for (unsigned i = 0; i < decimals; i++) one *= 10;
  out_unsigned(o, left / one);
  if (decimals == 0) return;
  out_char(o, '.');
  put_digits(o, left % one, decimals);
}

void out_printf(struct out *o, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (n > 0) out_bytes(o, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* ---- Text from outside ------------------------------------------------------------------------
 */

static bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

/* All eight octets are plain. Of plain ones none of these differences has its highest bit set. */
static bool are_plain(const char *text) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  uint64_t w;
  memcpy(&w, text, sizeof w);
  uint64_t other = w | (w - ones * 0x20) | ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones) |
                   ((w ^ ones * 0x7f) - ones);
  return (other & ones * 0x80) == 0;
}

static size_t plain_length(const char *text, size_t n) {
  size_t i = 0;
  while (n - i >= 8 && are_plain(text + i)) i += 8;
  while (i < n && is_plain((unsigned char)text[i])) i++;
  return i;
}

static const char hex[] = "0123456789abcdef";

static void put_json_escape(struct out *o, unsigned char c) {
  static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                 ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
  if (c < sizeof letters && letters[c]) {
    out_bytes(o, (const char[]){'\\', letters[c]}, 2);
  } else {
    out_bytes(o, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
  }
}

/* What has two or three octets and cannot be shown: "\\u202e" says the same, and does nothing to a
 * terminal. */
static void put_json_invisible(struct out *o, const char *text, size_t n) {
  const unsigned char *c = (const unsigned char *)text;
  unsigned code = n == 2 ? (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU)
                         : (c[0] & 0xfU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
  out_bytes(o,
            (const char[]){'\\', 'u', hex[code >> 12], hex[code >> 8 & 15], hex[code >> 4 & 15],
                           hex[code & 15]},
            6);
}

void out_json(struct out *o, const char *text, size_t n) {
  out_char(o, '"');
  for (size_t i = 0; i < n;) {
    size_t length = plain_length(text + i, n - i);
    unsigned char c = (unsigned char)text[i];
    if (length == 0 && c != '"' && c != '\\') length = printable_length(text + i, n - i);
    size_t character = length == 0 && c >= 0x80 ? utf8_length(text + i, n - i) : 0;
    if (length > 0) {
      out_bytes(o, text + i, length);
      i += length;
    } else if (character > 0) {
      put_json_invisible(o, text + i, character);
      i += character;
    } else {
      if (c >= 0x80)
        out_text(o, "\xef\xbf\xbd");
      else
        put_json_escape(o, c);
      i++;
    }
  }
  out_char(o, '"');
}

void out_printable(struct out *o, const char *text) {
  size_t n = strlen(text);
  for (size_t i = 0; i < n;) {
    size_t length = plain_length(text + i, n - i);
    if (length == 0) length = printable_length(text + i, n - i);
    if (length > 0) {
      out_bytes(o, text + i, length);
      i += length;
    } else {
      char escape[PRINTABLE_ESCAPE];
      printable_escape(text[i++], escape);
      out_bytes(o, escape, sizeof escape);
    }
  }
}
