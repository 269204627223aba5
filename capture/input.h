/* The octets of a file, a pipe or standard input, inflated if they come as gzip, in a window: what
 * has been read and not been used yet.
 *
 * Read, not mapped: a buffer that stays in the cache costs no more than the page faults of a
 * mapping, and a file that shrinks meanwhile is no SIGBUS. */
#ifndef TEARDOWN_CAPTURE_INPUT_H
#define TEARDOWN_CAPTURE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
  const uint8_t *at; /* the window; moves with each input_fill */
  size_t size;

  /* The rest is input's own. */
  int fd;
  bool pollable, begun, ended, inflated;
  int error; /* errno */
  uint8_t *buffer, *raw;
  size_t room;
  struct z_stream_s *gzip; /* NULL: the octets come as they are */
};

enum input_result {
  INPUT_READY, /* the window holds what was wanted */
  INPUT_LATER, /* a pipe has no more for now: poll input_fd */
  INPUT_END,   /* there is no more; the window holds what is left */
  INPUT_FAILED,
};

/* "-": standard input. False: errno says why; nothing is open then. */
bool input_open(struct input *input, const char *path);
void input_close(struct input *input);

/* Reads until the window holds `wanted` octets; with `wait`, a pipe is waited for. */
enum input_result input_fill(struct input *input, size_t wanted, bool wait);

/* The first octets of the window have been used. */
static inline void input_use(struct input *input, size_t used) {
  input->at += used;
  input->size -= used;
}

/* -1: never has to be waited for. */
int input_fd(const struct input *input);

/* Why it failed: "Input/output error", "the gzip data are damaged". */
const char *input_error(const struct input *input);

#endif
