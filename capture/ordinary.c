#include "capture/ordinary.h"

#include <stdlib.h>
#include <string.h>

#include "capture/hot_fields.h"
#include "capture/hot_model.h"
#include "capture/hot_step.h"
#include "common/model/role.h"
#include "common/model/seq.h"

/* What can make a difference to the model: of a segment, */
enum {
  HAS_FIN = SEGMENT_FIN,
  FROM_SERVER = 0x0002,
  HAS_RST = SEGMENT_RST,
  BUT_FIN = 0x0008,
  HAS_ACK = SEGMENT_ACK, /* of all that was captured (BUT_FIN: but for the FIN) */
  FLAGS = HAS_FIN | HAS_RST | HAS_ACK,
  ACKS_NEW = 0x0020,
  HAS_OCTETS = 0x0040,
  TLS_SHIFT = 7, /* two bits: enum segment_tls */
  HAS_STAMPS = 0x0200,
  STAMPED_ANEW = 0x0400, /* its sender had not used its timestamp before */
  NO_WINDOW = 0x0800,
  /* of a RST beside: */
  IS_SOON = 0x1000,           /* within a round trip of its receiver's newest segment */
  LEAVES_FIN = 0x2000,        /* its sender has not acknowledged its receiver's FIN, */
  LEAVES_OCTETS = 0x4000,     /* or octets */
  ANSWERS_ACK = 0x8000,       /* its number is what its receiver acknowledged last, */
  ANSWERS_OCTETS = 0x10000,   /* or with its newest octets, */
  OCTETS_AFTER_FIN = 0x20000, /* which acknowledge its sender's FIN */
  HAS_WAITED = 0x40000,       /* for as long as FIN_WAIT_2 may last */
  IS_LATE = 0x80000,          /* of each: no ACK of the close's first segment is delayed so long */
};

/* and of what came before the close. The bits of an end are shifted by its number. */
enum {
  SERVER_IS_PRESUMED = 0x1,
  OCTETS_PASSED = 0x2,
  FROM_WHOM = 0x4,
  SPOKE_LAST = 0x8, /* the server */
  SENT_OCTETS = 0x10,
  SAID_OCTETS = 0x40,
  SENT_BARE_ACK = 0x100,
  STAMPS = 0x400,
  SACK_PERMITTED = 0x1000,
  IS_OPEN = 0x4000, /* not all of its octets are acknowledged */
  HAS_SCALE = 0x10000,
  TALK_TLS_SHIFT = 18, /* four bits */
};

/* Between the FIN that begins TIME_WAIT and the last segment, where its end is told. */
enum { GAP_MAX_US = 450000 };
enum { BOTH_CLOSED = 3 };

enum answer {
  GOES_ON,
  ENDED,
  ODD, /* the model has more to say of it than a verdict */
};

enum silence { NO_SILENCE, SINCE_OCTETS, BEFORE_OCTETS, WITH_OCTETS };

struct shape {
  uint32_t what;
  uint16_t before; /* the shape without its last segment */
  enum answer answer : 8;
  enum silence silence : 8;
  uint8_t last_control; /* which of its segments is the last of the close */
  bool has_duration;    /* it began with a FIN */
  struct ordinary_verdict verdict;
};

enum { SLOTS_BITS = 13, SLOTS = 1 << SLOTS_BITS, NO_SHAPE = UINT16_MAX };

struct ordinary_shapes {
  unsigned n;
  uint16_t slots[SLOTS]; /* number + 1 */
  struct shape shape[ORDINARY_SHAPES_MAX];
};

/* What few closes need: out of the way of the others. */
#define SELDOM __attribute__((noinline))

bool ordinaries_init(struct ordinaries *all, uint32_t max, int64_t two_msl_us) {
  *all = (struct ordinaries){.two_msl_us = two_msl_us};
  all->shapes = calloc(1, sizeof *all->shapes);
  return all->shapes && pool_init(&all->records, max, sizeof(struct ordinary));
}

void ordinaries_destroy(struct ordinaries *all) {
  pool_destroy(&all->records);
  free(all->shapes);
  all->shapes = NULL;
}

/* ---- The segments --------------------------------------------------------------------------- */

static struct ordinary_segment *segment_at(const struct ordinaries *all, struct ordinary *o,
                                           unsigned i) {
  if (i < ORDINARY_PART) return &o->at[i];
  struct ordinary *more = pool_at(&all->records, o->more - 1);
  return &more->at[i - ORDINARY_PART];
}

/* What was written down is read from the first segment on. */
struct reading {
  const struct ordinaries *all;
  struct ordinary *o;
  struct hot entry; /* as it was */
  unsigned i;
  int64_t t_us;
  uint32_t snd_nxt[2], tsval[2];
  uint32_t what[ORDINARY_MAX];
};

static void list_what(const struct ordinaries *all, const struct ordinary *o,
                      uint32_t what[static ORDINARY_MAX]) {
  const struct shape *shape = &all->shapes->shape[o->shape];
  for (unsigned i = o->n; i-- > 0; shape = &all->shapes->shape[shape->before])
    what[i] = shape->what;
}

static struct reading read_from_start(const struct ordinaries *all, const struct hot *h) {
  struct reading r = {.all = all, .o = ordinary_of(all, h), .entry = *h};
  r.t_us = hot_last_us(h);
  list_what(all, r.o, r.what);
  r.entry.spoken_us = r.o->spoken_us;
  for (unsigned i = 0; i < 2; i++) {
    r.entry.end[i].data_ack = r.o->data_ack[i];
    r.snd_nxt[i] = h->end[i].snd_nxt;
    r.tsval[i] = h->end[i].tsval;
  }
  return r;
}

static uint8_t hops_of(const struct hot *h, enum end end) {
  struct talk_path path;
  hot_get_path(h, end, &path);
  return path.hops;
}

/* False: that was the last. */
static bool read_next(struct reading *r, enum end *from, struct segment *s) {
  if (r->i == r->o->n) return false;
  const unsigned what = r->what[r->i];
  const struct ordinary_segment *at = segment_at(r->all, r->o, r->i++);
  *from = what & FROM_SERVER ? END_SERVER : END_CLIENT;
  r->t_us += at->passed_us;
  *s = (struct segment){
      .t_us = r->t_us,
      .seq = r->snd_nxt[*from],
      .flags = what & FLAGS,
      .payload_bytes = at->payload_bytes,
      .window = at->window,
      .ip_id = at->ip_id,
      .hops = hops_of(&r->entry, *from),
      .tls = (enum segment_tls)(what >> TLS_SHIFT & 3),
  };
  if (what & HAS_ACK) s->ack = r->snd_nxt[end_other(*from)] - (what & BUT_FIN ? 1 : 0);
  if (what & HAS_STAMPS) {
    s->options = SEGMENT_HAS_TIMESTAMPS;
    r->tsval[*from] += at->tsval_more;
    s->tsval = r->tsval[*from];
    s->tsecr = r->tsval[end_other(*from)] - at->tsecr_less;
  }
  r->snd_nxt[*from] += segment_len(s);
  return true;
}

static inline void write_down(struct ordinaries *all, struct ordinary *o, enum end from,
                              const struct segment *s, uint32_t passed_us, uint32_t what) {
  if (o->n == ORDINARY_PART && o->more == 0) {
    uint32_t more;
    (void)pool_take(&all->records, &more);
    o->more = more + 1;
  }
  *segment_at(all, o, o->n++) = (struct ordinary_segment){
      .passed_us = passed_us,
      .tsval_more = (uint16_t)(s->tsval - o->tsval[from]),
      .tsecr_less = (uint16_t)(o->tsval[1 - from] - s->tsecr),
      .payload_bytes = (uint16_t)s->payload_bytes,
      .window = s->window,
      .ip_id = s->ip_id,
  };
  o->passed_us += passed_us;
  o->snd_nxt[from] += segment_len(s);
  if (what & HAS_ACK) o->ack_max[from] = s->ack;
  if (what & HAS_STAMPS) o->tsval[from] = s->tsval;
  if (what & HAS_FIN) o->closed = (uint8_t)(o->closed | 1U << from);
}

/* ---- What they are -------------------------------------------------------------------------- */

static uint32_t what_came_before(const struct hot *h) {
  uint32_t what = (uint32_t)h->tls << TALK_TLS_SHIFT;
  if (h->end[END_SERVER].opening != HOT_SERVER_OPEN) what |= SERVER_IS_PRESUMED;
  if (h->has_octets) what |= OCTETS_PASSED;
  if (h->octets_from) what |= FROM_WHOM;
  if (h->end[END_SERVER].spoke_last) what |= SPOKE_LAST;
  for (unsigned i = 0; i < 2; i++) {
    const struct hot_end *e = &h->end[i];
    uint32_t of_end = 0;
    if (hot_sent_bytes(e) > 0) of_end |= SENT_OCTETS;
    if (e->said_data) of_end |= SAID_OCTETS;
    if (e->sent_bare_ack) of_end |= SENT_BARE_ACK;
    if (e->has_tsval) of_end |= STAMPS;
    if (e->sack_permitted) of_end |= SACK_PERMITTED;
    if (e->snd_nxt != h->end[1 - i].ack_max) of_end |= IS_OPEN;
    if (e->scale != HOT_SCALE_NONE) of_end |= HAS_SCALE;
    what |= of_end << i;
  }
  return what;
}

/* How a RST stands to what its receiver had said. */
static uint32_t look_back(const struct ordinaries *all, const struct hot *h, enum end from,
                          const struct segment *rst) {
  struct reading r = read_from_start(all, h);
  const struct ordinary *o = r.o;
  enum end to = end_other(from), by;
  struct segment s;
  int64_t said_us =
      h->end[to].spoke_last ? r.t_us : r.t_us - (uint32_t)(h->last_us_low - o->spoken_us);
  int64_t acked_us = ordinary_times(all, h).acked_us;
  bool has_octets = hot_sent_bytes(&h->end[to]) > 0;
  uint32_t octets_ack = o->data_ack[to], what = 0;
  struct endpoint sender = {0};
  hot_get_round_trip(&r.entry, from, &sender.round_trip);
  while (read_next(&r, &by, &s)) {
    if (by == from) {
      (void)endpoint_answer(&sender, &s);
      continue;
    }
    if (segment_len(&s) > 0) endpoint_ask(&sender, &s);
    said_us = s.t_us;
    if (s.payload_bytes == 0) continue;
    has_octets = true;
    octets_ack = s.ack;
  }
  if (rst->t_us - said_us <= endpoint_soon_us(&sender)) what |= IS_SOON;
  if (acked_us != 0 && rst->t_us - acked_us >= RESET_FIN_WAIT_2_MIN_US) what |= HAS_WAITED;
  uint32_t left = o->snd_nxt[to] - o->ack_max[from];
  if (left == 1 && (o->closed >> to & 1))
    what |= LEAVES_FIN;
  else if (left != 0)
    what |= LEAVES_OCTETS;
  if (rst->seq == o->ack_max[to]) what |= ANSWERS_ACK;
  if (has_octets && rst->seq == octets_ack) what |= ANSWERS_OCTETS;
  if (has_octets && (o->closed >> from & 1) && octets_ack == o->snd_nxt[from])
    what |= OCTETS_AFTER_FIN;
  return what;
}

/* No answer comes sooner. */
static int64_t soonest_us(void) {
  static const struct endpoint at_once = {.round_trip = {.is_known = true}};
  return endpoint_soon_us(&at_once);
}

/* What the segment is, as the next of these. False: it has no shape. */
static inline bool look_at(const struct ordinaries *all, const struct hot *h,
                           const struct ordinary *o, enum end from, const struct segment *s,
                           uint32_t *passed_us, uint32_t *what) {
  const unsigned flags = s->flags & (FLAGS | SEGMENT_SYN), bytes = s->payload_bytes;
  const unsigned closed = o->closed, own = 1U << from, other = 3U - own;
  const bool fin = flags & SEGMENT_FIN, rst = flags & SEGMENT_RST;
  int64_t passed = s->t_us - hot_last_us(h) - o->passed_us;
  int64_t since = o->n > 0 ? (int64_t)o->passed_us - o->at[0].passed_us + passed : 0;
  uint32_t w = flags | (uint32_t)s->tls << TLS_SHIFT;
  if (o->n == ORDINARY_MAX || passed < 0 || since >= VERDICT_LASTED_US) return false;
  if (passed > GAP_MAX_US && all->tells_time_wait && closed == BOTH_CLOSED) return false;
  if (s->seq != o->snd_nxt[from] || s->is_lost || s->seen != SEGMENT_SEEN_HERE) return false;
  switch (flags) {
    case SEGMENT_ACK: break;
    case SEGMENT_FIN | SEGMENT_ACK: break;
    case SEGMENT_RST | SEGMENT_ACK: break;
    case SEGMENT_RST:
      if (s->ack != 0) return false;
      break;
    default: return false;
  }
  if ((s->options & ~SEGMENT_HAS_TIMESTAMPS) || bytes > UINT16_MAX) return false;
  if (s->hops != hops_of(h, from)) return false;
  if ((closed & own) && (fin || bytes > 0)) return false;
  if (rst && bytes > 0) return false;
  if (s->options & SEGMENT_HAS_TIMESTAMPS) {
    uint32_t more = s->tsval - o->tsval[from], less = o->tsval[1 - from] - s->tsecr;
    if (more > UINT16_MAX || less > UINT16_MAX || !h->end[from].has_tsval) return false;
    w |= HAS_STAMPS | (more > 0 ? STAMPED_ANEW : 0);
  } else if ((h->end[from].has_tsval && !rst) || (s->tsval | s->tsecr) != 0) {
    return false;
  }
  if (flags & SEGMENT_ACK) {
    uint32_t left = o->snd_nxt[1 - from] - s->ack, acked = s->ack - o->ack_max[from];
    if (acked > INT32_MAX) return false;
    if (left != 0) {
      if (left != 1 || !fin || !(closed & other) || passed > soonest_us()) return false;
      w |= BUT_FIN;
    }
    if (acked > 0) w |= ACKS_NEW;
  }
  if (from == END_SERVER) w |= FROM_SERVER;
  if (bytes > 0) w |= HAS_OCTETS;
  if (s->window == 0) w |= NO_WINDOW;
  if (since > ROLE_DELAYED_ACK_MAX_US) w |= IS_LATE;
  /* It says what had been said before. */
  if (!(w & (HAS_FIN | HAS_RST | HAS_OCTETS | ACKS_NEW))) return false;
  if (rst) w |= look_back(all, h, from, s);
  *passed_us = (uint32_t)passed;
  *what = w;
  return true;
}

/* ---- Shapes --------------------------------------------------------------------------------- */

/* The shape that follows, or where it goes. */
static uint16_t *find(struct ordinary_shapes *shapes, uint16_t before, uint32_t what) {
  uint64_t hash = ((uint64_t)before << 32 | what) * UINT64_C(0x9e3779b97f4a7c15);
  for (uint32_t at = (uint32_t)(hash >> (64 - SLOTS_BITS));; at = (at + 1) % SLOTS) {
    uint16_t *slot = &shapes->slots[at];
    if (*slot == 0) return slot;
    const struct shape *shape = &shapes->shape[*slot - 1];
    if (shape->what == what && shape->before == before) return slot;
  }
}

static struct shape *add_shape(struct ordinary_shapes *shapes, uint16_t *slot, uint16_t before,
                               uint32_t what) {
  struct shape *shape = &shapes->shape[shapes->n++];
  *shape = (struct shape){.what = what, .before = before};
  *slot = (uint16_t)shapes->n;
  return shape;
}

static void model_of(const struct ordinaries *all, const struct hot *h, struct model *m,
                     struct ordinary_last *last, uint8_t *last_control) {
  struct reading r = read_from_start(all, h);
  struct segment s;
  enum end from;
  hot_open(&r.entry, all->two_msl_us, m);
  while (read_next(&r, &from, &s)) {
    for (unsigned i = 0; i < 2; i++) {
      last->state_before[i] = m->end[i].state;
      last->evidence_before[i] = m->end[i].evidence;
    }
    model_step(m, from, &s, &last->step);
    if (last->step.roles & (ROLES_OF_CLOSE | ROLE_RST)) *last_control = (uint8_t)(r.i - 1);
  }
}

/* Asks the model. */
static void learn(const struct ordinaries *all, const struct hot *h, struct shape *shape) {
  const struct ordinary_segment *first = &ordinary_of(all, h)->at[0];
  struct model m;
  struct ordinary_last last;
  struct verdict v;
  model_of(all, h, &m, &last, &shape->last_control);
  verdict_make(&v, &m, m.last_us);
  bool reset = m.rst.from != END_NONE, ended = reset || ending_is_complete(v.ending);
  bool odd = v.n_findings > 0 || verdict_lost(&v, LOSS_KINDS) > 0 || v.fin_retransmissions > 0;
  shape->answer = odd ? ODD : ended ? ENDED : GOES_ON;
  if ((shape->what & HAS_RST) && !reset) shape->answer = ODD; /* it took no effect */
  shape->silence = v.idle_us < 0              ? NO_SILENCE
                   : v.idle_answered          ? BEFORE_OCTETS
                   : first->payload_bytes > 0 ? WITH_OCTETS
                                              : SINCE_OCTETS;
  shape->has_duration = m.first_closer != END_NONE;
  shape->verdict = (struct ordinary_verdict){
      .ending = v.ending,
      .closed_first = v.closed_first,
      .ended_by = m.first_closer != END_NONE ? (enum end)v.closed_first : (enum end)m.rst.from,
      .conformity = v.conformity,
      .cause = v.cause,
      .closed_both = v.closed_both,
      .idle_answered = v.idle_answered,
  };
}

/* A shape that is new: the segment that makes it is written down. False: nobody can have it, and
 * all is as it was `before`. */
static SELDOM bool take_new(struct ordinaries *all, const struct hot *h, uint16_t *slot,
                            uint32_t what, const struct ordinary *before) {
  struct ordinary *o = ordinary_of(all, h);
  struct shape *shape = add_shape(all->shapes, slot, o->shape, what);
  uint32_t more = o->more;
  o->shape = (uint16_t)(*slot - 1);
  learn(all, h, shape);
  if (shape->answer != ODD) return true;
  *o = *before;
  o->more = more;
  return false;
}

/* Writes the segment down. False: nothing is changed. */
static bool take(struct ordinaries *all, const struct hot *h, enum end from,
                 const struct segment *s) {
  struct ordinary *o = ordinary_of(all, h), before;
  uint32_t passed_us, what;
  if (!look_at(all, h, o, from, s, &passed_us, &what)) return false;
  uint16_t *slot = find(all->shapes, o->shape, what);
  const bool is_new = *slot == 0;
  if (is_new) {
    if (all->shapes->n == ORDINARY_SHAPES_MAX) return false;
    before = *o;
  } else if (all->shapes->shape[*slot - 1].answer == ODD) {
    return false;
  }
  write_down(all, o, from, s, passed_us, what);
  if (is_new && !take_new(all, h, slot, what, &before)) return false;
  o->shape = (uint16_t)(*slot - 1);
  return true;
}

/* ---- Closes --------------------------------------------------------------------------------- */

bool ordinary_begin(struct ordinaries *all, struct hot *h, enum end from, const struct segment *s) {
  if (!(s->flags & (SEGMENT_FIN | SEGMENT_RST)) || !hot_is_open(h, s->t_us)) return false;
  if (h->lacks_begin || h->end[0].is_probe || h->end[1].is_probe) return false;
  uint32_t number, before = what_came_before(h);
  uint16_t *slot = find(all->shapes, NO_SHAPE, before);
  if (*slot == 0 && all->shapes->n == ORDINARY_SHAPES_MAX) return false;
  if (*slot == 0) (void)add_shape(all->shapes, slot, NO_SHAPE, before);
  struct ordinary *o = pool_take(&all->records, &number);
  o->more = 0;
  o->shape = (uint16_t)(*slot - 1);
  o->n = o->closed = 0;
  o->passed_us = 0;
  o->spoken_us = h->spoken_us;
  for (unsigned i = 0; i < 2; i++) {
    o->data_ack[i] = h->end[i].data_ack;
    o->snd_nxt[i] = h->end[i].snd_nxt;
    o->ack_max[i] = h->end[i].ack_max;
    o->tsval[i] = h->end[i].tsval;
  }
  h->attached = number;
  if (take(all, h, from, s)) return true;
  h->spoken_us = o->spoken_us;
  ordinary_drop(all, number);
  return false;
}

bool ordinary_step(struct ordinaries *all, const struct hot *h, enum end from,
                   const struct segment *s) {
  return !ordinary_has_ended(all, h) && take(all, h, from, s);
}

bool ordinary_has_ended(const struct ordinaries *all, const struct hot *h) {
  return all->shapes->shape[ordinary_of(all, h)->shape].answer == ENDED;
}

bool ordinary_is_complete(const struct ordinaries *all, const struct hot *h) {
  const struct shape *shape = &all->shapes->shape[ordinary_of(all, h)->shape];
  return shape->answer == ENDED && ending_is_complete(shape->verdict.ending);
}

/* From the first segment to the last of the close. */
static int64_t lasted_us(const struct ordinaries *all, struct ordinary *o) {
  const unsigned last = all->shapes->shape[o->shape].last_control;
  if (last + 1U == o->n) return (int64_t)o->passed_us - o->at[0].passed_us;
  int64_t us = 0;
  for (unsigned i = 1; i <= last; i++) us += segment_at(all, o, i)->passed_us;
  return us;
}

int64_t ordinary_closed_us(const struct ordinaries *all, const struct hot *h) {
  struct ordinary *o = ordinary_of(all, h);
  return hot_last_us(h) + o->at[0].passed_us + lasted_us(all, o);
}

void ordinary_conclude(const struct ordinaries *all, const struct hot *h,
                       struct ordinary_verdict *v) {
  struct ordinary *o = ordinary_of(all, h);
  const struct shape *shape = &all->shapes->shape[o->shape];
  *v = shape->verdict;
  if (shape->has_duration) v->duration_us = lasted_us(all, o);
  switch (shape->silence) {
    case NO_SILENCE: v->idle_us = -1; break;
    case WITH_OCTETS: break;
    case BEFORE_OCTETS: v->idle_us = h->pause_us; break;
    case SINCE_OCTETS:
      v->idle_us = (int64_t)o->at[0].passed_us + (uint32_t)(h->last_us_low - h->octets_us);
      break;
  }
}

void ordinary_open(const struct ordinaries *all, const struct hot *h, struct model *m,
                   struct ordinary_last *last) {
  struct ordinary_last unwanted;
  uint8_t last_control;
  model_of(all, h, m, last ? last : &unwanted, &last_control);
}

uint16_t ordinary_shape_before(const struct ordinaries *all, uint16_t shape) {
  return all->shapes->shape[shape].before;
}

struct ordinary_times ordinary_times(const struct ordinaries *all, const struct hot *h) {
  struct ordinary *o = ordinary_of(all, h);
  struct ordinary_times times = {0};
  uint32_t what[ORDINARY_MAX];
  list_what(all, o, what);
  unsigned first = what[0] & FROM_SERVER, n = 0;
  int64_t t_us = hot_last_us(h);
  for (unsigned i = 0; i < o->n; i++) {
    t_us += segment_at(all, o, i)->passed_us;
    bool acks = (what[i] & (FROM_SERVER | HAS_ACK | BUT_FIN)) == ((FROM_SERVER - first) | HAS_ACK);
    if (acks && times.acked_us == 0) times.acked_us = t_us;
    if ((what[i] & HAS_FIN) && n < 2) times.fin_us[n++] = t_us;
  }
  return times;
}

void ordinary_drop(struct ordinaries *all, uint32_t record) {
  const struct ordinary *o = pool_at(&all->records, record);
  uint32_t more = o->more;
  pool_give(&all->records, record);
  if (more > 0) pool_give(&all->records, more - 1);
}
