#include "capture/recent.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "capture/pool.h"
#include "capture/report/out.h"

/* What stands before the octets of a packet, at a multiple of 8. `size`, with all of that, is 0
 * where the ring begins anew. */
struct record {
  int64_t t_us;
  uint32_t captured, on_wire, link, number;
  uint32_t size, unused;
};

bool recent_init(struct recent *r) {
  *r = (struct recent){.ring = pool_reserve(RECENT_SIZE)};
  (void)folder_open(&r->folder, "w", "./packets", r->error);
  return r->ring != NULL;
}

void recent_destroy(struct recent *r) {
  folder_close(&r->folder);
  pool_give_back(r->ring, RECENT_SIZE);
  r->ring = NULL;
}

/* The record there, or the first of the ring where none begins any more; moves *at. */
static struct record *record_at(const struct recent *r, uint64_t *at) {
  uint64_t left = RECENT_SIZE - *at % RECENT_SIZE;
  struct record *record = (struct record *)(void *)(r->ring + *at % RECENT_SIZE);
  if (left >= sizeof *record && record->size > 0) return record;
  *at += left;
  return (struct record *)(void *)r->ring;
}

/* The octets from `at` on are about to be used. */
static void give_way(struct recent *r, uint64_t at) {
  while (r->first < r->end && r->first + RECENT_SIZE < at) {
    const struct record *oldest = record_at(r, &r->first);
    r->first += oldest->size;
  }
}

void recent_add(struct recent *r, uint32_t number, const struct packet *p) {
  const struct record record = {
      .t_us = p->t_us,
      .captured = p->captured,
      .on_wire = p->on_wire,
      .link = p->link,
      .number = number,
      .size = (uint32_t)((sizeof record + p->captured + 7) & ~(size_t)7),
  };
  uint64_t left = RECENT_SIZE - r->end % RECENT_SIZE;
  if (record.size > left) { /* it stands in one piece */
    give_way(r, r->end + left);
    if (left >= sizeof record)
      ((struct record *)(void *)(r->ring + r->end % RECENT_SIZE))->size = 0;
    r->end += left;
  }
  give_way(r, r->end + record.size);
  char *to = r->ring + r->end % RECENT_SIZE;
  memcpy(to, &record, sizeof record);
  memcpy(to + sizeof record, p->bytes, p->captured);
  r->end += record.size;
}

/* ---- The file ------------------------------------------------------------------------------- */

static void put_u32(struct out *out, uint32_t value) {
  out_bytes(out, (const char *)&value, sizeof value);
}

/* The header of a savefile with microseconds, in this machine's byte order. */
static void put_header(struct out *out, uint32_t link) {
  enum { MAGIC = 0xa1b2c3d4U, VERSION = 2 | 4 << 16, SNAPLEN = 262144 };
  const uint32_t header[] = {MAGIC, VERSION, 0, 0, SNAPLEN, link};
  for (size_t i = 0; i < sizeof header / sizeof *header; i++) put_u32(out, header[i]);
}

static void put_packet(struct out *out, const struct record *record) {
  put_u32(out, (uint32_t)(record->t_us / 1000000));
  put_u32(out, (uint32_t)(record->t_us % 1000000));
  put_u32(out, record->captured);
  put_u32(out, record->on_wire);
  out_bytes(out, (const char *)(record + 1), record->captured);
}

int recent_save(const struct recent *r, const char *name, recent_wanted *wanted, void *context,
                unsigned *saved) {
  struct out out;
  *saved = 0;
  int fd = folder_create(&r->folder, name);
  if (fd < 0) return errno;
  int error = out_open(&out, fd, OUT_FILE_SIZE) ? 0 : ENOMEM;
  for (uint64_t at = r->first; error == 0 && at < r->end;) {
    const struct record *record = record_at(r, &at);
    at += record->size;
    if (!wanted(context, record->number)) continue;
    if ((*saved)++ == 0) put_header(&out, record->link); /* live, there is one link type */
    put_packet(&out, record);
  }
  if (error == 0 && !out_finish(&out)) error = out.error;
  if (error == 0) out_close(&out);
  if (close(fd) < 0 && error == 0) error = errno;
  return error;
}
