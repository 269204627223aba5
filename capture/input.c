#include "capture/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
  BUFFER_BYTES = 256 * 1024, /* half of what a core's own cache holds */
  GZIP_DAMAGED = -1,         /* beside errno's numbers */
  GZIP_CUT = -2,
};

bool input_open(struct input *in, const char *path) {
  struct stat status;
  *in = (struct input){.fd = -1};
  in->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (in->fd < 0) return false;
  if (fstat(in->fd, &status) == 0 && !S_ISDIR(status.st_mode)) {
    in->pollable = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode);
    in->room = BUFFER_BYTES;
    in->buffer = malloc(in->room);
    in->at = in->buffer;
    if (in->buffer) return true;
  } else if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
  }
  int cause = errno;
  input_close(in);
  errno = cause;
  return false;
}

void input_close(struct input *in) {
  if (in->gzip) inflateEnd(in->gzip);
  free(in->gzip);
  free(in->raw);
  free(in->buffer);
  if (in->fd > STDIN_FILENO) close(in->fd);
  *in = (struct input){.fd = -1};
}

int input_fd(const struct input *in) { return in->pollable && !in->ended ? in->fd : -1; }

const char *input_error(const struct input *in) {
  if (in->error == GZIP_DAMAGED) return "the gzip data are damaged";
  if (in->error == GZIP_CUT) return "the gzip data are cut off";
  return strerror(in->error);
}

static enum input_result fail(struct input *in, int cause) {
  in->error = cause;
  return INPUT_FAILED;
}

/* One read(2); *got is 0 at the end. */
static enum input_result read_some(struct input *in, uint8_t *to, size_t room, bool wait,
                                   size_t *got) {
  struct pollfd fd = {.fd = in->fd, .events = POLLIN};
  if (in->pollable && !wait && poll(&fd, 1, 0) == 0) return INPUT_LATER;
  ssize_t n;
  do n = read(in->fd, to, room);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail(in, errno);
  *got = (size_t)n;
  return INPUT_READY;
}

/* ---- gzip ----------------------------------------------------------------------------------- */

static bool is_gzip(const uint8_t *p, size_t size) {
  return size >= 2 && p[0] == 0x1f && p[1] == 0x8b;
}

/* What is in the window turns out to be the beginning of gzip data. */
static enum input_result begin_gzip(struct input *in) {
  enum { GZIP_ALONE = 16 + MAX_WBITS };
  in->gzip = calloc(1, sizeof *in->gzip);
  in->raw = malloc(BUFFER_BYTES);
  if (!in->gzip || !in->raw) return fail(in, ENOMEM);
  if (inflateInit2(in->gzip, GZIP_ALONE) != Z_OK) {
    free(in->gzip);
    in->gzip = NULL;
    return fail(in, ENOMEM);
  }
  memcpy(in->raw, in->at, in->size);
  in->gzip->next_in = in->raw;
  in->gzip->avail_in = (unsigned)in->size;
  in->size = 0;
  return INPUT_READY;
}

/* Files of gzip may follow each other; what else follows one is padding. */
static bool another_member(struct input *in) {
  return is_gzip(in->gzip->next_in, in->gzip->avail_in) && inflateReset(in->gzip) == Z_OK;
}

static enum input_result inflate_some(struct input *in, bool wait) {
  z_stream *z = in->gzip;
  size_t before = in->size;
  while (in->size == before && !in->ended) {
    if (z->avail_in < 2) { /* two: a member's magic is seen whole */
      size_t got;
      if (z->avail_in > 0) in->raw[0] = *z->next_in;
      enum input_result result =
          read_some(in, in->raw + z->avail_in, BUFFER_BYTES - z->avail_in, wait, &got);
      if (result != INPUT_READY) return result;
      z->next_in = in->raw;
      z->avail_in += (unsigned)got;
      if (got == 0 && in->inflated) {
        in->ended = true;
        break;
      }
      if (got == 0 && z->avail_in == 0) return fail(in, GZIP_CUT);
    }
    if (in->inflated) {
      in->inflated = false;
      if (!another_member(in)) {
        in->ended = true;
        break;
      }
    }
    z->next_out = in->buffer + in->size;
    z->avail_out = (unsigned)(in->room - in->size);
    int status = inflate(z, Z_NO_FLUSH);
    in->size = in->room - z->avail_out;
    if (status == Z_STREAM_END) in->inflated = true;
    if (status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR) continue;
    enum input_result failed = fail(in, status == Z_MEM_ERROR ? ENOMEM : GZIP_DAMAGED);
    if (in->size == before) return failed; /* else what came before the damage is used first */
    break;
  }
  return INPUT_READY;
}

/* ---- The window ----------------------------------------------------------------------------- */

static bool make_room(struct input *in, size_t wanted) {
  if (in->size > 0 && in->at != in->buffer) memmove(in->buffer, in->at, in->size);
  in->at = in->buffer;
  if (wanted <= in->room) return true;
  uint8_t *larger = realloc(in->buffer, wanted);
  if (!larger) return false;
  in->at = in->buffer = larger;
  in->room = wanted;
  return true;
}

static enum input_result add_some(struct input *in, bool wait) {
  if (in->gzip) return inflate_some(in, wait);
  size_t got;
  enum input_result result = read_some(in, in->buffer + in->size, in->room - in->size, wait, &got);
  if (result != INPUT_READY) return result;
  in->size += got;
  in->ended = got == 0;
  if (in->begun || in->size < 2) return INPUT_READY;
  in->begun = true;
  return is_gzip(in->at, in->size) ? begin_gzip(in) : INPUT_READY;
}

enum input_result input_fill(struct input *in, size_t wanted, bool wait) {
  if (in->size >= wanted) return INPUT_READY;
  if (!make_room(in, wanted)) return fail(in, ENOMEM);
  while (in->size < wanted && !in->ended) {
    if (in->error != 0) return INPUT_FAILED;
    enum input_result result = add_some(in, wait);
    if (result != INPUT_READY) return result;
  }
  return in->size >= wanted ? INPUT_READY : INPUT_END;
}
