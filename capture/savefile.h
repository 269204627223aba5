/* Savefiles: pcap and pcapng, parsed in a window of octets that the caller fills. Nothing is copied
 * and nothing is read: packets point into the window, so that the same code serves files, pipes,
 * tests and fuzzers.
 *
 * The formats are those of draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng, as libpcap takes
 * them, and what libpcap refuses: interfaces that differ in link type or snapshot length, sections
 * in different byte orders, any resolution of the clock. */
#ifndef TEARDOWN_CAPTURE_SAVEFILE_H
#define TEARDOWN_CAPTURE_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/packet.h"

enum {
  SAVEFILE_CAPTURED_MAX = 262144,    /* of a packet, as libpcap has it */
  SAVEFILE_BLOCK_MAX = 16 << 20,     /* of a block that has to be in the window whole */
  SAVEFILE_INTERFACES_MAX = 1 << 16, /* of a section */
};

enum savefile_result {
  SAVEFILE_PACKETS,
  SAVEFILE_INTERFACE, /* one more is described: `link` is its link type */
  SAVEFILE_MORE, /* the window must hold `wanted` octets; at the file's end: see savefile_at_end */
  SAVEFILE_BAD,  /* `error` says why; the file cannot be read on from here */
};

#define SAVEFILE_ERRORS(X)                                          \
  X(NONE, "nothing is wrong")                                       \
  X(NO_CAPTURE, "it begins as neither pcap nor pcapng does")        \
  X(VERSION, "a version of the format that nobody has described")   \
  X(RECORD, "a packet's length is beyond 262144 octets")            \
  X(BLOCK, "a block's length cannot be")                            \
  X(TRAILER, "a block's two lengths differ")                        \
  X(PACKET, "a packet is longer than the block that it is in")      \
  X(INTERFACE, "a packet names an interface that is not described") \
  X(INTERFACES, "more than 65536 interfaces are described")         \
  X(MEMORY, "no memory is left for the description of an interface")

enum savefile_error {
#define X(id, text) SAVEFILE_ERROR_##id,
  SAVEFILE_ERRORS(X)
#undef X
};

/* How an interface's time stamps become microseconds. */
enum savefile_clock {
  SAVEFILE_CLOCK_TIMES,  /* coarser, or just those: times `factor` */
  SAVEFILE_CLOCK_OVER,   /* finer: over `factor`, which is 0 where no time stamp reaches 1 us */
  SAVEFILE_CLOCK_BINARY, /* in units of 2^-factor s */
};

struct savefile_interface {
  int64_t offset_s; /* if_tsoffset */
  uint64_t factor;
  uint32_t snaplen; /* 0: no limit */
  uint16_t link;
  enum savefile_clock clock : 8;
  uint64_t packets;
};

struct savefile {
  uint64_t offset; /* of the window's first octet in the file */
  size_t wanted;
  uint64_t far_times; /* packets whose time is outside the years 1 to 9999: the nearest was taken */
  uint64_t no_times;  /* packets that bear no time (Simple Packet Blocks): they have the epoch's */
  int64_t ended_us;   /* the capture went on until then, as the file says; 0: it does not say */
  uint32_t link;
  enum savefile_error error;

  /* The rest is the parser's own. */
  enum { SAVEFILE_NEW, SAVEFILE_PCAP, SAVEFILE_PCAPNG } format;
  bool swapped;
  bool ns;                                                         /* pcap */
  enum { LENGTHS_RIGHT, LENGTHS_UNSURE, LENGTHS_SWAPPED } lengths; /* pcap before 2.4 */
  uint32_t record_bytes, snaplen;                                  /* pcap */
  struct savefile_interface *interfaces;                           /* pcapng, of this section */
  uint32_t n_interfaces, room;
  uint64_t skip; /* pcapng: of a block that nobody wants */
};

/* All zero is a parser before its file's first octet. Frees what the interfaces took. */
void savefile_destroy(struct savefile *file);

/* Parses on in the window: `size` octets, the first of which is the one behind the *used octets of
 * the call before. With SAVEFILE_PACKETS, *n of them (1 to max) are in packets[], pointing into the
 * window; with any other result *n is 0. After SAVEFILE_BAD the same is said again. */
enum savefile_result savefile_next(struct savefile *file, const uint8_t *bytes, size_t size,
                                   struct packet *packets, unsigned max, unsigned *n, size_t *used);

/* The file may end here: with no octet of the window unused, not in the middle of a block. */
bool savefile_at_end(const struct savefile *file, size_t unused);

/* "it begins as neither pcap nor pcapng does". */
const char *savefile_error_text(enum savefile_error error);

#endif
