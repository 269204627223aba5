/* The flow table: four-tuple to connection, both directions to the same one.
 *
 * An index over an array of entries, which is reserved for all the connections that may be followed
 * and whose pages are touched as it fills.
 *
 * A connection has four sizes. Open and in order it is its entry alone (hot.h). In a file, the
 * segments of an ordinary close are written down beside the entry (ordinary.h), if whoever is told
 * of them is content with what was told of another (retold.h). In all other closes, or when
 * something is out of order, a whole model is attached to the entry. Once it has ended, and only
 * late segments may come, what there is of the model is kept and its zeros are left out, until
 * somebody wants it again. Models come from a pool whose last used is the first to be used again.
 *
 * A full table gives no place: its owner makes one first (flow_turn.h). */
#ifndef TEARDOWN_CAPTURE_FLOW_H
#define TEARDOWN_CAPTURE_FLOW_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "capture/flow_index.h"
#include "capture/flow_key.h"
#include "capture/flow_order.h"
#include "capture/hot.h"
#include "capture/name.h"
#include "capture/ordinary.h"
#include "capture/pool.h"
#include "capture/roles.h"
#include "common/model/model.h"

/* Which list a flow is in; a flow is in at most one. In each, the oldest is the first. */
enum flow_list {
  FLOW_LINGERING,      /* its verdict is given, and late segments may come */
  FLOW_ENDED,          /* complete or reset, without a verdict since its last segment */
  FLOW_HALF_OPEN,      /* its handshake is not complete, or one end has never spoken */
  FLOW_ORDINARY_BEGUN, /* it closes; in the order of their last segments */
  FLOW_ORDINARY_ENDED, /* and has ended; in the same order */
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

/* What there is of a connection. */
enum flow_form {
  FLOW_FREE,
  FLOW_OPEN,     /* the entry alone */
  FLOW_WHOLE,    /* a struct flow is attached */
  FLOW_RESTING,  /* a struct flow_resting is */
  FLOW_ORDINARY, /* a struct ordinary is */
};

/* A connection whole. */
struct flow {
  struct flow_key key;
  struct flow_reported reported;
  uint32_t entry;
  uint32_t number; /* 1, 2, 3 ... in the order in which they are told of first; 0: none yet */
  uint8_t client;  /* which half of the key the client is */
  enum roles_by roles_by : 8;
  uint8_t verdicts;     /* given so far; more than one: a later segment revised it */
  uint8_t told_stuck;   /* how often it was said that somebody waits, since when that began */
  bool is_opened;       /* its SYN was captured, and has given it its number */
  bool is_closing;      /* a control segment came since its last verdict */
  bool may_lack_begin;  /* begun in the middle when others had been given up already */
  bool has_text;        /* of --find, in the first payload of either end */
  bool has_pending_syn; /* a SYN of another number, that nobody has answered yet */
  enum end pending_from : 8;
  enum incarnation pending_rule : 8; /* by which it would begin a new connection */
  struct decoded pending_syn;        /* its newest copy */
  int64_t pending_us;                /* when the first was sent */
  struct kernel_view *kernel; /* what the kernel said of it; NULL: nothing (kernel.h owns it) */
  struct model model;
};

/* What has ended: those pairs of words of the model that are not both zero, which is half of it. */
enum { FLOW_MODEL_PAIRS = sizeof(struct model) / 16, FLOW_RESTING_PAIRS = 66 };
struct flow_pair {
  uint64_t word[2];
};

struct flow_resting {
  struct flow_reported reported;
  int64_t closed_us, last_us;
  uint32_t number;
  uint8_t verdicts;
  bool is_closing;
  struct kernel_view *kernel;                  /* as in struct flow */
  uint64_t used[(FLOW_MODEL_PAIRS + 63) / 64]; /* a bit for each pair of the model */
  struct flow_pair pairs[FLOW_RESTING_PAIRS];
};

enum { FLOW_AHEAD = 8 };

struct flow_table {
  struct pool entries, wholes, resting;
  struct flow_keys keys;
  struct ordinaries ordinaries;
  /* By entry that has_number: the one that its SYN gave it. As long as no place is used again that
   * is one more than the place, and no page of these is touched. */
  uint32_t *opened;
  struct flow_index index;
  uint32_t head[FLOW_LISTS], tail[FLOW_LISTS]; /* entry numbers + 1; 0: empty */
  /* Numbers of the entries that ended last. Each is told which came so many behind it, for who goes
   * through that list later would learn it too late to load it beforehand. */
  uint32_t ended[FLOW_AHEAD], n_ended;
  struct flow_order order;
  bool closing_down;  /* the order is that of flow_first_to_close(), */
  bool told_ordinary; /* which leaves out those of FLOW_ORDINARY_ENDED */
  int64_t two_msl_us; /* of all its models */
};

/* For at most `max` connections, 1 to FLOW_MAX. False when that cannot be had. */
enum { FLOW_MAX = 1 << 26, FLOW_MAX_DEFAULT = 1 << 20 };
static_assert(FLOW_MAX < 1 << FLOW_INDEX_NUMBER_BITS, "the index has room for their numbers");
bool flow_table_init(struct flow_table *table, uint32_t max, int64_t two_msl_us);
void flow_table_destroy(struct flow_table *table);

static inline bool flow_is_full(const struct flow_table *t) {
  return t->entries.used == t->entries.max;
}

/* Entry number i; those from entries.untouched on never were in use. */
static inline struct hot *flow_entry(const struct flow_table *t, uint32_t i) {
  return (struct hot *)pool_at(&t->entries, i);
}

/* The first of a list, and the next one in its list; NULL: there is none. */
struct hot *flow_first(const struct flow_table *table, enum flow_list list);
struct hot *flow_next(const struct flow_table *table, const struct hot *entry);

/* Where a four-tuple is looked for. */
struct flow_place {
  struct flow_key key;
  uint64_t segment_hash; /* of the segment with its four-tuple, keyed: copies.h */
  struct hot *likely;    /* what flow_prefetch has found in the index; NULL: nothing */
  uint32_t hash;
  uint8_t half; /* of the key: which the source, or the first named, is */
};

/* Of a packet, and begins to load the index there: for a batch of packets, before flow_prefetch. */
void flow_locate(const struct flow_table *table, const struct decoded *packet,
                 struct flow_place *place);

/* Begins to load the entry that is most likely the one there; and then what is attached to it. */
void flow_prefetch(const struct flow_table *table, struct flow_place *place);
void flow_prefetch_whole(const struct flow_table *table, const struct flow_place *place);

/* Of a list of ordinary closes: begins to load what is next to be looked at. */
void flow_prefetch_after(const struct flow_table *table, const struct hot *entry);

/* For who goes through all entries: what of those behind this one is to be loaded; or NULL. (A
 * function that does nothing but load is one that a compiler leaves out.) */
static inline const void *flow_behind(const struct flow_table *t, uint32_t number) {
  enum { AHEAD = 16 };
  if (number + AHEAD >= t->entries.untouched) return NULL;
  const struct hot *e = flow_entry(t, number + AHEAD);
  return e->form == FLOW_ORDINARY ? ordinary_of(&t->ordinaries, e) : NULL;
}

static inline bool flow_is_at(const struct flow_table *t, const struct hot *e,
                              const struct flow_place *place) {
  return e->form != FLOW_FREE && flow_key_is_of(&t->keys, &place->key, e);
}

/* The entry there, whatever flow_prefetch has found. NULL: there is none. */
struct hot *flow_search(const struct flow_table *table, const struct flow_place *place);

/* The entry there; *from tells which end the source is. NULL: there is none. */
static inline struct hot *flow_find(const struct flow_table *t, const struct flow_place *place,
                                    enum end *from) {
  struct hot *e = place->likely;
  if (!e || !flow_is_at(t, e, place)) e = flow_search(t, place);
  if (e) *from = place->half == e->client ? END_CLIENT : END_SERVER;
  return e;
}

/* Adds the entry that this packet begins, where flow_find has found none. NULL when the table is
 * full. */
struct hot *flow_add(struct flow_table *table, const struct flow_place *place,
                     const struct decoded *packet, enum end *from);

/* The entry of these two, if there is one; *end tells which of its ends the first is. */
struct hot *flow_between(const struct flow_table *table, uint8_t family,
                         const struct decode_address *one, uint16_t one_port,
                         const struct decode_address *other, uint16_t other_port, enum end *end);

/* An open connection takes the segment without a model. False: flow_whole must. */
bool flow_step(struct flow_table *table, struct hot *entry, enum end from,
               const struct segment *segment);

/* The close of an open connection begins with this segment, or goes on with it, and is as most are:
 * the segment is written down. False: flow_whole must take it. */
bool flow_close(struct flow_table *table, struct hot *entry, enum end from,
                const struct segment *segment);

/* Takes out a connection whose form is FLOW_ORDINARY. */
void flow_remove_ordinary(struct flow_table *table, struct hot *entry);

/* The time of its last segment. */
int64_t flow_last_us(const struct flow_table *table, const struct hot *entry);

/* Gives a connection that its SYN has just begun its number. */
void flow_open(struct flow_table *table, struct hot *entry, uint32_t number);

/* The number of the connection there, whatever its form; 0: none yet. */
uint32_t flow_number(const struct flow_table *table, const struct hot *entry);

/* More was told of it than that it was opened. */
static inline bool flow_is_told(const struct flow *f) {
  return f->is_closing || f->verdicts > 0 || f->reported.n > 0 || f->kernel;
}

/* The connection whole, which it is until it is made smaller. One that was FLOW_ORDINARY is closing
 * from now on, and has no deadline yet. */
struct flow *flow_whole(struct flow_table *table, struct hot *entry);

/* Makes it as small as it can be without losing anything. The flow must not be used afterwards. */
void flow_shrink(struct flow_table *table, struct flow *flow);

static inline struct hot *flow_entry_of(const struct flow_table *t, const struct flow *f) {
  return flow_entry(t, f->entry);
}

/* Takes a flow out of the table; it must not be used afterwards. It must have no deadline. */
void flow_remove(struct flow_table *table, struct flow *flow);

/* Puts an entry at the tail of a list, out of whichever it was in. */
void flow_move(struct flow_table *table, struct hot *entry, enum flow_list list);

/* The other end is the client. Nothing may have been told of the connection yet. */
void flow_swap_roles(struct flow_table *table, struct flow *flow);

/* Forgets the connection but keeps the place: a new incarnation of the same four-tuple begins with
 * this packet. The deadline stays. */
void flow_restart(struct flow_table *table, struct flow *flow, const struct decoded *packet,
                  const struct flow_place *place, enum end *from);

/* The time of the last segment of its close or, where it is open, of the last there was. */
int64_t flow_closed_us(const struct flow *flow);

/* Notes which of the halves of the key have sent payload: true when this is the first of its. */
bool flow_is_first_payload(struct hot *entry, unsigned half);

enum { FLOW_NAME_SIZE = NAME_SIZE };

/* Which half of the flow's key that end is, and the other way round. */
static inline unsigned flow_half_of(const struct flow *flow, enum end end) {
  return end == END_CLIENT ? flow->client : 1U - flow->client;
}
static inline enum end flow_end_of(const struct flow *flow, unsigned half) {
  return half == flow->client ? END_CLIENT : END_SERVER;
}

/* "127.0.0.1:7000", "[::1]:7000". Returns buffer; or, flow_put_name, the length. */
size_t flow_put_name(const struct flow *flow, enum end end, char buffer[static FLOW_NAME_SIZE]);
const char *flow_end_name(const struct flow *flow, enum end end,
                          char buffer[static FLOW_NAME_SIZE]);
const char *flow_entry_name(const struct flow_table *table, const struct hot *entry, enum end end,
                            char buffer[static FLOW_NAME_SIZE]);

#endif
