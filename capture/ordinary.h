/* A close that is kept as the segments it was made of, and whose verdict is that of its kind.
 *
 * The closes of a busy service are a few dozen kinds: the same segments in the same order, but for
 * numbers, times and addresses. Each of those segments would cost the model a step, and each close
 * a model, to come to a verdict that it has made a thousand times before. So the segments that
 * end an open connection (hot.h) are written down as they come, beside its entry, and the model is
 * asked once for each kind of close: its answer is remembered, and holds for all that are of this
 * kind.
 *
 * No rule of the model is stated a second time here. A kind, here a "shape", is the whole sequence
 * of what can make a difference to it: who sends, FIN or RST, data or none, what is acknowledged,
 * in which way the numbers, the timestamps and what the ends had said before stand to each other.
 * Of times, how late an ACK of the first segment is makes a difference, and of a RST, how soon it
 * comes and for how long its sender had waited: that is in the shape. Whatever is missing, again,
 * out of order, selectively acknowledged or of another hop limit has none. Then the model is made
 * of the entry, takes the segments that were written down, one after the other, and then that one;
 * nobody can tell the difference. So it is with whatever comes after the close, and if it comes, it
 * finds everything that the model has to know: that is why the segments are kept and not the
 * verdict alone.
 *
 * One thing is told otherwise: TIME_WAIT is over when 2 MSL have passed since the last segment,
 * while the model counts them since the FIN that it answers. That is at most GAP_MAX_US earlier.
 *
 * tests/test_hot.c plays random closes both ways. */
#ifndef TEARDOWN_CAPTURE_ORDINARY_H
#define TEARDOWN_CAPTURE_ORDINARY_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/hot.h"
#include "capture/pool.h"
#include "common/model/verdict.h"

/* A segment, without what follows from those before it, or from its shape. */
struct __attribute__((packed, aligned(2))) ordinary_segment {
  uint32_t passed_us;  /* since the one before it, of either end */
  uint16_t tsval_more; /* than its sender's newest */
  uint16_t tsecr_less; /* than its receiver's newest */
  uint16_t payload_bytes, window, ip_id;
};

enum { ORDINARY_PART = 4, ORDINARY_MAX = 2 * ORDINARY_PART, ORDINARY_SHAPES_MAX = 2048 };

/* Those of one close, or the second half of many: `more`. */
struct ordinary {
  uint32_t more;  /* number + 1 of a record whose `at` goes on; 0: none */
  uint16_t shape; /* below ORDINARY_SHAPES_MAX */
  uint8_t n;
  uint8_t closed;     /* a bit for each end: it has sent its FIN */
  uint32_t passed_us; /* since the entry's last segment */
  /* What of the entry is used otherwise meanwhile. */
  uint32_t spoken_us, data_ack[2];
  /* As in the entry, but with these segments; by end. */
  uint32_t snd_nxt[2], tsval[2];
  union {
    uint32_t ack_max[2];
    uint32_t ahead; /* once it has ended: the flow table's */
  };
  struct ordinary_segment at[ORDINARY_PART];
};

static_assert(sizeof(struct ordinary) == 104, "memory for each connection that has ended");

/* What the model said of a close. */
struct ordinary_verdict {
  enum ending ending : 8;
  enum end closed_first : 8;
  enum end ended_by : 8; /* who sent the first FIN, or the RST where there was none */
  enum conformity conformity : 8;
  enum reset_cause cause : 8;
  bool closed_both, idle_answered;
  int64_t duration_us, idle_us; /* as in struct verdict */
};

/* All that are kept, and what is known of their shapes. */
struct ordinaries {
  struct pool records;
  struct ordinary_shapes *shapes; /* ordinary.c */
  int64_t two_msl_us;
  /* Somebody is told of the end of TIME_WAIT. It is that of 2 MSL after the last segment, so of a
   * close that has a shape it must have begun shortly before that. */
  bool tells_time_wait;
};

/* For at most `max` records. False when there is no memory. */
bool ordinaries_init(struct ordinaries *all, uint32_t max, int64_t two_msl_us);
void ordinaries_destroy(struct ordinaries *all);

/* The segment begins to end an open connection, whose entry then has a record attached. False: it
 * begins nothing that has a shape, and the entry is as it was. */
bool ordinary_begin(struct ordinaries *all, struct hot *entry, enum end from,
                    const struct segment *segment);

/* The next one. False: what this one makes of it has no shape, and nothing is changed. */
bool ordinary_step(struct ordinaries *all, const struct hot *entry, enum end from,
                   const struct segment *segment);

static inline struct ordinary *ordinary_of(const struct ordinaries *all, const struct hot *entry) {
  return (struct ordinary *)pool_at(&all->records, entry->attached);
}

static inline int64_t ordinary_last_us(const struct ordinaries *all, const struct hot *entry) {
  return hot_last_us(entry) + ordinary_of(all, entry)->passed_us;
}

/* It is complete, or was reset: ordinary_conclude tells the verdict. */
bool ordinary_has_ended(const struct ordinaries *all, const struct hot *entry);

/* It has ended, and nobody will look for it among many: it is complete. */
bool ordinary_is_complete(const struct ordinaries *all, const struct hot *entry);

/* The time of the last segment that was of the close. */
int64_t ordinary_closed_us(const struct ordinaries *all, const struct hot *entry);

/* The verdict on one that has ended, as if made at any later time. */
void ordinary_conclude(const struct ordinaries *all, const struct hot *entry,
                       struct ordinary_verdict *verdict);

/* What its last segment did, and where the ends were before. */
struct ordinary_last {
  struct model_step step;
  uint8_t state_before[2], evidence_before[2]; /* by end */
};

/* Makes the model, which has taken all of its segments. `last` may be NULL. */
void ordinary_open(const struct ordinaries *all, const struct hot *entry, struct model *model,
                   struct ordinary_last *last);

/* The shape without its last segment. */
uint16_t ordinary_shape_before(const struct ordinaries *all, uint16_t shape);

/* Of one that is complete: when its two FINs were sent, and when the first was acknowledged. */
struct ordinary_times {
  int64_t fin_us[2], acked_us;
};
struct ordinary_times ordinary_times(const struct ordinaries *all, const struct hot *entry);

/* Since its first segment, which is a FIN or a RST. */
static inline int64_t ordinary_since_us(const struct ordinaries *all, const struct hot *entry) {
  const struct ordinary *o = ordinary_of(all, entry);
  return (int64_t)o->passed_us - o->at[0].passed_us;
}

/* Gives back what is kept of it. */
void ordinary_drop(struct ordinaries *all, uint32_t record);

#endif
