/* The flow table: four-tuple to connection, both directions to the same one.
 *
 * An index of 8-byte slots (a tag of the keyed hash, an entry's number) over an array of entries.
 * The array is reserved for all the connections that may be followed, and its pages are touched as
 * it fills; the index doubles before it is crowded. The hash's key is drawn at the start, so that
 * nobody can choose four-tuples that meet in one place of the index.
 *
 * A full table gives no place: its owner makes one first. What to give up for it is in the order of
 * the lists: a connection that has ended and whose verdict is given, one that has ended, one whose
 * handshake is not complete; then the one that has been idle for longest (flow_longest_idle). */
#ifndef TEARDOWN_CAPTURE_FLOW_H
#define TEARDOWN_CAPTURE_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/deadline.h"
#include "capture/decode.h"
#include "capture/name.h"
#include "capture/roles.h"
#include "common/model/model.h"

struct flow_key {
  struct decode_address address[2]; /* the lower (address, port) first */
  uint16_t port[2];
  uint8_t family, zero[3]; /* hashed and compared as bytes: no padding */
};

/* Which list a flow is in; a flow is in at most one. In each, the oldest is the first. */
enum flow_list {
  FLOW_LINGERING, /* its verdict is given, and late segments may come */
  FLOW_ENDED,     /* complete or reset, without a verdict since its last segment */
  FLOW_HALF_OPEN, /* its handshake is not complete, or one end has never spoken */
  FLOW_LISTS,
  FLOW_UNLISTED = FLOW_LISTS, /* open, or closing */
};

/* What reports refer to: a connection's reported segments, numbered from 1, and which of them made
 * an end receive the other's FIN, the ACK of its own, an RST; 0: none. */
enum { FLOW_FIN, FLOW_ACK_OF_FIN, FLOW_RST, FLOW_ARRIVALS };
struct flow_reported {
  uint32_t n;
  uint32_t arrived[2][FLOW_ARRIVALS]; /* by the receiving end */
};

/* The newest segments, to know a copy when it comes: `-i any` and bridges show one segment twice.
 */
enum { FLOW_COPIES = 4 };

struct flow {
  struct flow_key key;
  uint64_t copy_hash[FLOW_COPIES];
  int64_t copy_us[FLOW_COPIES];
  uint32_t tag; /* of the key */
  uint8_t copy_next;
  struct flow_reported reported;
  uint32_t number; /* 1, 2, 3 ... in order of the first control segment; 0: none yet */
  uint8_t client;  /* which half of the key the client is */
  enum roles_by roles_by : 8;
  uint8_t list;       /* enum flow_list */
  uint8_t told_stuck; /* how often it was said that somebody waits, since when that began */
  uint8_t verdicts;   /* given so far; more than one: a later segment revised it */
  bool in_use;
  bool is_closing;      /* a control segment came since its last verdict */
  bool has_payload[2];  /* some was captured, of each half of the key */
  bool has_text;        /* of --find, in the first payload of either end */
  bool may_lack_begin;  /* begun in the middle when others had been given up already */
  bool has_pending_syn; /* a SYN of another number, that nobody has answered yet */
  enum end pending_from : 8;
  enum incarnation pending_rule : 8; /* by which it would begin a new connection */
  struct decoded pending_syn;
  struct kernel_view *kernel;   /* what the kernel said of it; NULL: nothing (kernel.h owns it) */
  struct flow *next, *previous; /* within its list; next: also of the free ones */
  struct deadline deadline;     /* when something is to be done about it without a segment */
  struct model model;
};

/* Those that have been idle for longest when they were looked for, the longest of them first. */
struct flow_idle {
  uint32_t n, taken, room;
  struct flow_idle_since {
    int64_t last_us;
    uint32_t entry;
  } * since;
};

enum { FLOW_SECRET_SIZE = 192 };

struct flow_table {
  struct flow *flows; /* `max` of them are reserved; from `untouched` on they never were used */
  uint64_t *slots;    /* entry number + 1 below, tag above; 0: free */
  uint32_t n_slots;   /* a power of two */
  uint32_t max, used, untouched;
  struct flow *free;
  struct flow *head[FLOW_LISTS], *tail[FLOW_LISTS];
  struct flow_idle idle;
  uint8_t secret[FLOW_SECRET_SIZE];
};

/* For at most `max` connections, 1 to FLOW_MAX. False when that cannot be had. */
enum { FLOW_MAX = 1 << 26, FLOW_MAX_DEFAULT = 1 << 20 };
bool flow_table_init(struct flow_table *table, uint32_t max);
void flow_table_destroy(struct flow_table *table);

/* Where a four-tuple is looked for. */
struct flow_place {
  struct flow_key key;
  uint32_t tag;
  uint8_t half; /* of the key: which the source, or the first named, is */
};

/* Of a packet, and begins to load the index there: for a batch of packets, before flow_prefetch. */
void flow_locate(const struct flow_table *table, const struct decoded *packet,
                 struct flow_place *place);

/* Begins to load the entry that is likely to be there. */
void flow_prefetch(const struct flow_table *table, const struct flow_place *place);

/* The flow there; *from tells which end the source is. NULL: there is none. */
struct flow *flow_find(const struct flow_table *table, const struct flow_place *place,
                       enum end *from);

/* Adds the flow that this packet begins, with its model initialised, where flow_find has found
 * none. NULL when the table is full. */
struct flow *flow_add(struct flow_table *table, const struct flow_place *place,
                      const struct decoded *packet, int64_t two_msl_us, enum end *from);

/* The flow between these two, if there is one; *end tells which of its ends the first is. */
struct flow *flow_between(const struct flow_table *table, uint8_t family,
                          const struct decode_address *one, uint16_t one_port,
                          const struct decode_address *other, uint16_t other_port, enum end *end);

/* The same segment was captured a moment ago on its way through this machine. A retransmission has
 * another IP identification or another timestamp, or comes later. Notes the segment for next time.
 */
bool flow_is_copy(struct flow *flow, const struct decoded *packet, enum end from);

/* Takes a flow out of the table; it must not be used afterwards. It must have no deadline. */
void flow_remove(struct flow_table *table, struct flow *flow);

/* Puts a flow at the tail of a list, out of whichever it was in. */
void flow_move(struct flow_table *table, struct flow *flow, enum flow_list list);

/* The other end is the client. Nothing may have been told of the connection yet. */
void flow_swap_roles(struct flow *flow);

/* Forgets the connection but keeps the place: a new incarnation of the same four-tuple begins with
 * this packet. The deadline stays. */
void flow_restart(struct flow_table *table, struct flow *flow, const struct decoded *packet,
                  const struct flow_place *place, int64_t two_msl_us, enum end *from);

/* A FIN or an RST was seen: it is, or was, about to end. */
bool flow_has_closed(const struct flow *flow);

/* The segment is no newer than the newest of its connection and brings nothing that was not there:
 * where two taps are in one file, one after the other, it was captured twice. */
bool flow_repeats(const struct flow *flow, enum end from, const struct segment *segment);

/* The connections that are there, `*n` of them, in the order in which they closed, or spoke last;
 * free() it. NULL: there is no memory for that, and *n is how many entries of the table to look at.
 */
struct flow **flow_in_order_of_closes(struct flow_table *table, uint32_t *n);

/* The one in no list that has been idle for longest. NULL: all are in lists. */
struct flow *flow_longest_idle(struct flow_table *table);

enum { FLOW_NAME_SIZE = NAME_SIZE };

/* Which half of the flow's key that end is, and the other way round. */
static inline unsigned flow_half_of(const struct flow *flow, enum end end) {
  return end == END_CLIENT ? flow->client : 1U - flow->client;
}
static inline enum end flow_end_of(const struct flow *flow, unsigned half) {
  return half == flow->client ? END_CLIENT : END_SERVER;
}

/* "127.0.0.1:7000", "[::1]:7000". Returns buffer. */
const char *flow_end_name(const struct flow *flow, enum end end,
                          char buffer[static FLOW_NAME_SIZE]);

#endif
