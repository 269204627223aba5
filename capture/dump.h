/* What -w writes: packets as they were captured, in a pcap file, by libpcap. */
#ifndef TEARDOWN_CAPTURE_DUMP_H
#define TEARDOWN_CAPTURE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/packet.h"

struct dump {
  const char *name, *source;  /* the file, and what the packets come from: for messages */
  struct pcap_dumper *writer; /* NULL: nothing is written */
  int fd, failed;             /* errno of its first failure */
  uint32_t link;
};

/* Begins the file in this descriptor, which is the dump's from now on. Zeros stand for a dump that
 * is not open. `name` and `source` must stay. False: `error` says why there is none. */
bool dump_open(struct dump *dump, int fd, const char *name, const char *source, uint32_t link,
               int snaplen, char *error, size_t error_size);

/* False: a pcap file cannot hold the packet; `error` says why. A write that fails is told at the
 * end. */
bool dump_packet(struct dump *dump, const struct packet *packet, char *error, size_t error_size);

/* False: not all was written; `error` says why. */
bool dump_close(struct dump *dump, char *error, size_t error_size);

#endif
