/* The packets of late, for whoever looks at a table and wants those of what it shows in a file.
 *
 * They are kept in one ring, the oldest give way. The folder that such a file goes into is the one
 * in which the program was started: opened early, with the rights of who called, because in the
 * sandbox nothing is opened by its path any more, and only a file that was not there may be begun
 * (folder.h). */
#ifndef TEARDOWN_CAPTURE_RECENT_H
#define TEARDOWN_CAPTURE_RECENT_H

#include "capture/folder.h"
#include "capture/packet.h"

enum { RECENT_SIZE = 64 << 20 };

struct recent {
  char *ring;          /* records: recent.c */
  uint64_t first, end; /* octets since the start, of which the ring has the last */
  struct folder folder;
  char error[FOLDER_ERROR_SIZE]; /* why there is no folder; empty: there is one */
};

/* False when there is no memory. */
bool recent_init(struct recent *recent);
void recent_destroy(struct recent *recent);

/* Keeps a packet of the connection with that number. */
void recent_add(struct recent *recent, uint32_t number, const struct packet *packet);

/* Whether the packets of that connection are wanted. */
typedef bool recent_wanted(void *context, uint32_t number);

/* Saves those that are wanted as NAME, which must not be there, in the order in which they were
 * captured. Returns 0 and how many, or errno. */
int recent_save(const struct recent *recent, const char *name, recent_wanted *wanted, void *context,
                unsigned *saved);

#endif
