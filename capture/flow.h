/* The flow table: four-tuple to connection, both directions to the same one.
 *
 * It holds FLOW_MAX connections. When it is full a new connection is not followed but counted
 * (flow_table.not_followed): whatever is already being explained stays explained. Entries come from
 * one array that is reserved at the start and touched as it fills; nothing is allocated later. */
#ifndef TEARDOWN_CAPTURE_FLOW_H
#define TEARDOWN_CAPTURE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "capture/name.h"
#include "common/model/model.h"

enum { FLOW_MAX = 1 << 18 };

struct flow_key {
  struct decode_address address[2]; /* the lower (address, port) first */
  uint16_t port[2];
  uint8_t family, zero[3]; /* hashed and compared as bytes: no padding */
};

/* Which list a flow is in; a flow is in at most one. */
enum flow_list {
  FLOW_IDLE,      /* none: no FIN and no RST yet */
  FLOW_CLOSING,   /* its verdict is due */
  FLOW_LINGERING, /* its verdict is given; TIME_WAIT runs; ordered by when it began or restarted */
  FLOW_LISTS,
};

/* The newest segments, to know a copy when it comes: `-i any` and bridges show one segment twice.
 */
enum { FLOW_COPIES = 4 };

struct flow {
  struct flow_key key;
  uint64_t copy_hash[FLOW_COPIES];
  int64_t copy_us[FLOW_COPIES];
  uint8_t copy_next;
  uint32_t number;  /* 1, 2, 3 ... in order of the first control segment; 0: none yet */
  uint8_t client;   /* which half of the key the client is */
  uint8_t list;     /* enum flow_list */
  uint8_t verdicts; /* given so far; more than one: a later segment revised it */
  bool in_use;
  bool has_pending_syn; /* a SYN in TIME_WAIT that nothing makes newer: who accepts it? */
  struct decoded pending_syn;
  struct kernel_view *kernel;   /* what the kernel said of it; NULL: nothing (kernel.h owns it) */
  struct flow *next, *previous; /* within its list */
  struct flow *chain;           /* within its hash bucket, or the free list */
  struct model model;
};

struct flow_table {
  struct flow *flows, **buckets, *free;
  struct flow *head[FLOW_LISTS], *tail[FLOW_LISTS];
  uint32_t length[FLOW_LISTS]; /* but of FLOW_IDLE */
  uint32_t used, untouched;
  uint64_t not_followed;
};

/* False when there is no memory for it. */
bool flow_table_init(struct flow_table *table);
void flow_table_destroy(struct flow_table *table);

/* The flow of this packet, made if there is none; *from tells which end sent the packet. NULL when
 * the table is full. A new flow has its model initialised. */
struct flow *flow_find(struct flow_table *table, const struct decoded *packet, int64_t two_msl_us,
                       enum end *from);

/* The flow between these two, if there is one already; *end tells which of its ends the first is.
 */
struct flow *flow_between(struct flow_table *table, uint8_t family,
                          const struct decode_address *one, uint16_t one_port,
                          const struct decode_address *other, uint16_t other_port, enum end *end);

/* The same segment was captured a moment ago on its way through this machine. A retransmission has
 * another IP identification or another timestamp, or comes later. Notes the segment for next time.
 */
bool flow_is_copy(struct flow *flow, const struct decoded *packet, enum end from);

/* Takes a flow out of the table; it must not be used afterwards. */
void flow_remove(struct flow_table *table, struct flow *flow);

/* Puts a flow at the tail of a list, out of whichever it was in. */
void flow_move(struct flow_table *table, struct flow *flow, enum flow_list list);

/* Forgets the connection but keeps the place: a new incarnation of the same four-tuple begins with
 * this packet. */
void flow_restart(struct flow_table *table, struct flow *flow, const struct decoded *packet,
                  int64_t two_msl_us, enum end *from);

/* A FIN or an RST was seen: it is, or was, about to end. */
bool flow_has_closed(const struct flow *flow);

/* Which end of the flow sent the packet. */
enum end flow_end_of(const struct flow *flow, const struct decoded *packet);

enum { FLOW_NAME_SIZE = NAME_SIZE };

/* Which half of the flow's key that end is. */
static inline unsigned flow_half_of(const struct flow *flow, enum end end) {
  return end == END_CLIENT ? flow->client : 1U - flow->client;
}

/* "127.0.0.1:7000", "[::1]:7000". Returns buffer. */
const char *flow_end_name(const struct flow *flow, enum end end,
                          char buffer[static FLOW_NAME_SIZE]);

#endif
