/* Packets: from an interface, by libpcap, or from a savefile, and through the filter, which libpcap
 * compiles and runs. */
#ifndef TEARDOWN_CAPTURE_SOURCE_H
#define TEARDOWN_CAPTURE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "capture/packet.h"
#include "capture/sample.h"

/* Longest headers that occur (SLL2, IPv6 with an extension, TCP with all its options), and then
 * some: in immediate mode a slot of the kernel's ring is as large as the snapshot. */
enum { SOURCE_SNAPLEN_DEFAULT = 192, SOURCE_SNAPLEN_FIND = 2048 };
enum { SOURCE_BUFFER_KIB_DEFAULT = 32768, SOURCE_ERROR_SIZE = 512 };

enum { SOURCE_BATCH = 64 }; /* packets at once */

struct source; /* opaque */

struct source_options {
  const char *interface; /* live: "lo", "eth0", "any"; NULL: read `file` */
  const char *file;      /* a pcap or pcapng file, "-" for standard input */
  const char *save;      /* the name of the file that what is captured is written to; NULL: none */
  const char *filter;    /* pcap-filter(7), NULL for all of TCP */
  int snaplen, buffer_kib;
};

enum source_error {
  SOURCE_OK,
  SOURCE_NO_PERMISSION, /* to capture; the message does not say what to do about it */
  SOURCE_BAD_FILTER,
  SOURCE_FAILED,
};

/* Opens the interface or the file, which is all that takes privileges. On failure *source is NULL
 * and `error` holds a line that names the object, the cause and, but for SOURCE_NO_PERMISSION, the
 * remedy. */
enum source_error source_open(struct source **source, const struct source_options *options,
                              char error[static SOURCE_ERROR_SIZE]);

/* To be called once, before all that follows. Compiles the filter, names in it included, and reads
 * how the file begins: on a pipe that is waited for. `save_fd`, -1 for none, is what
 * source_options.save names; it is the source's from now on. */
enum source_error source_start(struct source *source, int save_fd,
                               char error[static SOURCE_ERROR_SIZE]);

/* The descriptor of the file, -1 when it is live: to know it again. */
int source_file_fd(const struct source *source);

enum source_result {
  SOURCE_PACKETS,
  SOURCE_NONE, /* live, or on a pipe: nothing now; wait on source_fd */
  SOURCE_END,  /* the file is at its end */
  SOURCE_BROKEN,
};

/* The next packets that pass the filter, 1 to `max` (SOURCE_BATCH at most), *n of them; their
 * octets are there until the next call. After SOURCE_BROKEN `error` says what happened: a file that
 * ends in the middle of a packet, an interface that went away. */
enum source_result source_next_batch(struct source *source, struct packet *packets, unsigned max,
                                     unsigned *n, char error[static SOURCE_ERROR_SIZE]);

/* A descriptor to poll for a live capture or a pipe, -1 for a file. */
int source_fd(const struct source *source);

/* Whether the interface and the filter of a live capture would show segments between these two, as
 * far as addresses and ports tell. */
bool source_would_show(struct source *source, const struct sample_pair *pair);

struct source_counts {
  uint64_t received, dropped; /* by the filter; by the kernel, for want of room */
  bool known;                 /* false for a file */
  uint64_t far_times;         /* of a file, packets: from outside the years 1 to 9999 */
  uint64_t no_times;          /* of a file, packets: without any */
  uint64_t steps_back;        /* of a file: a packet is older than the one before it */
  int64_t step_back_us;       /* the largest of them */
  int64_t ended_us;           /* of a file that says so: the capture went on until then; else 0 */
};

struct source_counts source_counts(struct source *source);

/* Flushes and closes the savefile too. False when that could not be written; `error` says why. */
bool source_close(struct source *source, char error[static SOURCE_ERROR_SIZE]);

/* The interfaces that can be captured on, a line each (-D). False: `error` says why not. */
bool source_list_interfaces(FILE *out, char error[static SOURCE_ERROR_SIZE]);

/* "libpcap version 1.10.3 ..." */
const char *source_library_version(void);

#endif
