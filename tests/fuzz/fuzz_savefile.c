/* Any octets as a savefile, read twice: in a window of the whole, and in one that grows by steps.
 * What is in it must not depend on that. */
#include <stdbool.h>
#include <stdlib.h>

#include "capture/savefile.h"
#include "tests/fuzz/target.h"

enum { BATCH = 7 };

struct found {
  uint64_t digest, packets;
  enum savefile_result last;
  enum savefile_error error;
};

static void digest(struct found *found, const void *bytes, size_t n) {
  const uint8_t *at = bytes;
  for (size_t i = 0; i < n; i++) found->digest = (found->digest ^ at[i]) * 0x100000001b3;
}

static void note(struct found *found, const struct packet *p) {
  found->packets++;
  digest(found, &p->t_us, sizeof p->t_us);
  digest(found, &p->captured, sizeof p->captured);
  digest(found, &p->on_wire, sizeof p->on_wire);
  digest(found, &p->link, sizeof p->link);
  digest(found, p->bytes, p->captured);
}

/* The window is a copy, so that an octet too far is seen. */
static struct found read_by(const uint8_t *octets, size_t n, size_t step) {
  struct savefile file = {0};
  struct found found = {0};
  struct packet packets[BATCH];
  size_t at = 0, size = n < step ? n : step;
  for (;;) {
    unsigned got = 0;
    size_t used = 0;
    uint8_t *window = malloc(size + 1);
    if (!window) abort();
    memcpy(window, octets + at, size);
    found.last = savefile_next(&file, window, size, packets, BATCH, &got, &used);
    if (used > size || got > BATCH || (found.last == SAVEFILE_PACKETS) != (got > 0)) abort();
    for (unsigned i = 0; i < got; i++) note(&found, &packets[i]);
    free(window);
    at += used;
    size -= used;
    if (found.last == SAVEFILE_BAD) break;
    if (found.last != SAVEFILE_MORE) continue;
    if (file.wanted <= size) abort(); /* it has that much */
    if (at + size == n) break;
    size = size + step < file.wanted ? file.wanted : size + step;
    if (size > n - at) size = n - at;
  }
  found.error = file.error;
  savefile_destroy(&file);
  return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  struct input in = {octets, octets + n};
  size_t step = 1 + take_octet(&in) * 8U;
  n = (size_t)(in.end - in.at);
  struct found whole = read_by(in.at, n, n), steps = read_by(in.at, n, step);
  if (whole.digest != steps.digest || whole.packets != steps.packets || whole.last != steps.last ||
      whole.error != steps.error)
    abort();
  return 0;
}
