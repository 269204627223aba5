#include "capture/pair.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/model/seq.h"

/* A segment that took longer than the slowest one seen, by this much at the most, may still be
 * under way when a capture ends: nothing is called lost before that. */
#define SLOWER_US INT64_C(20000)
/* Two times that each were cut to whole microseconds differ by up to this without meaning it. */
#define CLOCK_US INT64_C(2)
/* Taps whose times differ by less on the average, one way less the other, are at the same place:
 * then nobody knows which of them is nearer to whom. */
#define APART_US 0.5
/* What one tap has twice, alike in all, within this time is one segment, as a bridge shows it on
 * two interfaces. */
#define SIGHTED_TWICE_US INT64_C(2000)

enum fate { FATE_UNKNOWN, FATE_ARRIVED, FATE_LOST };

struct item {
  struct watch_packet packet;
  int64_t arrived_us; /* at the other tap, by that one's clock; if arrived */
  uint8_t tap, side;  /* side 1: its source is the higher of the two ends */
  enum fate fate : 8; /* if its sender's tap saw it */
  bool taken;         /* by the receiver's tap, and matched with one that the sender's tap saw */
};

/* Of two addresses: the path between them. */
struct path {
  uint32_t first, n;         /* of the sorted items */
  bool is_known;             /* the taps' places on it are */
  bool has_first;            /* the first tap has segments of it */
  uint8_t near[2];           /* by side: the tap that is nearer to the source */
  int64_t offset_us;         /* of the second tap's clock */
  int64_t least_us, most_us; /* one way */
  uint32_t both, lost[2];    /* segments; by side */
};

struct pair {
  struct item *items;
  uint32_t *order; /* of items, by path and segment; then the stream's */
  int64_t *stream_us;
  struct path *paths;
  uint32_t n, room, n_paths, n_stream, next;
  uint32_t missed[2];              /* by tap: segments that must have passed it */
  int64_t first_us[2], last_us[2]; /* by tap */
  bool has_any[2];
};

struct pair *pair_new(void) {
  return calloc(1, sizeof(struct pair));
}

void pair_destroy(struct pair *p) {
  if (!p) return;
  free(p->items);
  free(p->order);
  free(p->stream_us);
  free(p->paths);
  free(p);
}

static int compare_ends(const struct decoded *d) {
  int c = memcmp(&d->source, &d->destination, sizeof d->source);
  return c != 0 ? c : (int)d->source_port - (int)d->destination_port;
}

bool pair_add(struct pair *p, unsigned tap, const struct watch_packet *packet) {
  if (p->n == p->room) {
    uint32_t room = p->room ? 2 * p->room : 1024;
    struct item *items = p->room > UINT32_MAX / 4 ? NULL : realloc(p->items, room * sizeof *items);
    if (!items) return false;
    p->items = items;
    p->room = room;
  }
  p->items[p->n++] =
      (struct item){.packet = *packet,
                    .tap = (uint8_t)tap,
                    .side = packet->result == DECODE_SEGMENT && compare_ends(&packet->decoded) > 0};
  int64_t t_us = packet->t_us;
  if (!p->has_any[tap] || t_us < p->first_us[tap]) p->first_us[tap] = t_us;
  if (!p->has_any[tap] || t_us > p->last_us[tap]) p->last_us[tap] = t_us;
  p->has_any[tap] = true;
  return true;
}

/* ---- What is alike -------------------------------------------------------------------------- */

/* The lower end (0) or the higher one of the item's connection. */
static const struct decode_address *address_of(const struct item *i, unsigned end) {
  return end == i->side ? &i->packet.decoded.source : &i->packet.decoded.destination;
}
static uint16_t port_of(const struct item *i, unsigned end) {
  return end == i->side ? i->packet.decoded.source_port : i->packet.decoded.destination_port;
}

static int compare_paths(const struct item *a, const struct item *b) {
  bool other_a = a->packet.result != DECODE_SEGMENT, other_b = b->packet.result != DECODE_SEGMENT;
  if (other_a || other_b) return (int)other_a - (int)other_b;
  int c = (int)a->packet.decoded.family - (int)b->packet.decoded.family;
  for (unsigned end = 0; c == 0 && end < 2; end++)
    c = memcmp(address_of(a, end), address_of(b, end), sizeof(struct decode_address));
  return c;
}

static int compare_connections(const struct item *a, const struct item *b) {
  int c = compare_paths(a, b);
  for (unsigned end = 0; c == 0 && end < 2; end++) c = (int)port_of(a, end) - (int)port_of(b, end);
  return c;
}

static int compare_directions(const struct item *a, const struct item *b) {
  int c = compare_connections(a, b);
  return c != 0 ? c : (int)a->side - (int)b->side;
}

static int compare_segments(const struct item *a, const struct item *b) {
  int c = compare_directions(a, b);
  if (c != 0 || a->packet.result != DECODE_SEGMENT) return c;
  const struct segment *s = &a->packet.decoded.segment, *t = &b->packet.decoded.segment;
  const uint32_t x[] = {s->seq,   s->ack,   s->payload_bytes, s->flags,      s->options,
                        s->tsval, s->tsecr, s->sack_left,     s->sack_right, s->window};
  const uint32_t y[] = {t->seq,   t->ack,   t->payload_bytes, t->flags,      t->options,
                        t->tsval, t->tsecr, t->sack_left,     t->sack_right, t->window};
  for (size_t i = 0; i < sizeof x / sizeof *x; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

static const struct item *sorted_items; /* qsort has no argument for it */

static int by_segment(const void *one, const void *other) {
  uint32_t x = *(const uint32_t *)one, y = *(const uint32_t *)other;
  const struct item *a = &sorted_items[x], *b = &sorted_items[y];
  int c = compare_segments(a, b);
  if (c != 0) return c;
  if (a->tap != b->tap) return (int)a->tap - (int)b->tap;
  if (a->packet.t_us != b->packet.t_us) return a->packet.t_us < b->packet.t_us ? -1 : 1;
  return (x > y) - (x < y);
}

typedef int compare_items(const struct item *, const struct item *);

/* After the last of those from `at` on that compare equal to the first. */
static uint32_t group_end(const struct pair *p, uint32_t at, compare_items *compare) {
  uint32_t end = at + 1;
  while (end < p->n && compare(&p->items[p->order[at]], &p->items[p->order[end]]) == 0) end++;
  return end;
}

static struct item *item_at(const struct pair *p, uint32_t at) { return &p->items[p->order[at]]; }

/* ---- Places and clocks ---------------------------------------------------------------------- */

struct differences {
  int64_t least_us, most_us; /* the second tap's time less the first one's */
  double sum_us;
  uint32_t n;
};

/* Where the taps are on this path, and their clocks: by the segments that each has once, so that
 * there is no doubt which is which. */
static void find_places(struct pair *p, struct path *path) {
  struct differences d[2] = {{0}, {0}};
  uint32_t end;
  for (uint32_t at = path->first; at < path->first + path->n; at = end) {
    end = group_end(p, at, compare_segments);
    const struct item *a = item_at(p, at), *b = item_at(p, end - 1);
    if (end - at != 2 || a->tap == b->tap) continue;
    int64_t us = b->packet.t_us - a->packet.t_us;
    struct differences *side = &d[a->side];
    if (side->n == 0 || us < side->least_us) side->least_us = us;
    if (side->n == 0 || us > side->most_us) side->most_us = us;
    side->sum_us += (double)us;
    side->n++;
  }
  path->both = d[0].n + d[1].n;
  if (d[0].n == 0 || d[1].n == 0) return;
  /* What comes from the end that the first tap is nearer to is later at the second. */
  double apart_us = d[0].sum_us / d[0].n - d[1].sum_us / d[1].n;
  unsigned nearer = apart_us > 0 ? 0 : 1;
  int64_t there_us = d[nearer].least_us, back_us = d[1 - nearer].most_us;
  if (there_us < back_us || (apart_us < APART_US && apart_us > -APART_US)) return;
  path->is_known = true;
  path->near[nearer] = 0;
  path->near[1 - nearer] = 1;
  path->offset_us = (there_us + back_us) / 2;
  path->least_us = (there_us - back_us) / 2;
  int64_t slowest_there_us = d[nearer].most_us - path->offset_us;
  int64_t slowest_back_us = path->offset_us - d[1 - nearer].least_us;
  path->most_us = slowest_there_us > slowest_back_us ? slowest_there_us : slowest_back_us;
}

/* By the first tap's clock. */
static int64_t time_of(const struct path *path, const struct item *i) {
  return i->packet.t_us - (i->tap == 1 ? path->offset_us : 0);
}

/* The tap was capturing when what passed the other one at t_us can have passed it. */
static bool was_awake(const struct pair *p, const struct path *path, unsigned tap, int64_t t_us) {
  int64_t offset_us = tap == 1 ? path->offset_us : 0;
  int64_t from_us = p->first_us[tap] - offset_us, to_us = p->last_us[tap] - offset_us;
  return t_us - path->most_us - SLOWER_US >= from_us && t_us + path->most_us + SLOWER_US <= to_us;
}

/* ---- What became of each ----------------------------------------------------------------------
 */

/* Segments of one sender that are alike: as its own tap has them (n_sent from place `sent` on, in
 * the sorted order), and as the receiver's has. */
struct alike {
  uint32_t sent, n_sent, arrived, n_arrived;
};

static struct alike split(const struct pair *p, const struct path *path, uint32_t at,
                          uint32_t end) {
  uint32_t middle = at;
  while (middle < end && item_at(p, middle)->tap == 0) middle++;
  if (path->near[item_at(p, at)->side] == 0)
    return (struct alike){at, middle - at, middle, end - middle};
  return (struct alike){middle, end - middle, at, middle - at};
}

static bool has_id(const struct item *i) { return i->packet.decoded.ip_id != 0; }
static bool is_same_id(const struct item *a, const struct item *b) {
  return has_id(a) && a->packet.decoded.ip_id == b->packet.decoded.ip_id;
}

/* Which of those sent this arrival is: the one of the same IP identification, else the newest that
 * had left by then. The offset of the clocks supposes that the way there is as long as the way
 * back; where it is not, "by then" is wrong by up to least_us, and so much is allowed for. */
static struct item *sender_of(const struct pair *p, const struct path *path, const struct alike *g,
                              const struct item *arrival) {
  struct item *newest = NULL;
  for (uint32_t i = g->sent; i < g->sent + g->n_sent; i++)
    if (is_same_id(item_at(p, i), arrival)) return item_at(p, i);
  for (uint32_t i = g->sent; i < g->sent + g->n_sent; i++)
    if (time_of(path, item_at(p, i)) <= time_of(path, arrival) + path->least_us + CLOCK_US)
      newest = item_at(p, i);
  return newest;
}

/* One of the arrivals that are alike may be this segment: its time would fit, and no identification
 * says that it is another's. Then it is not lost, but unknown. */
static bool may_be(const struct pair *p, const struct path *path, const struct alike *g,
                   const struct item *sent) {
  for (uint32_t i = g->arrived; i < g->arrived + g->n_arrived; i++) {
    const struct item *arrival = item_at(p, i);
    bool by_id = has_id(sent) && sender_of(p, path, g, arrival) &&
                 is_same_id(sender_of(p, path, g, arrival), arrival);
    int64_t took_us = time_of(path, arrival) - time_of(path, sent);
    if (!by_id && took_us >= -path->least_us - CLOCK_US && took_us <= 2 * path->most_us + SLOWER_US)
      return true;
  }
  return false;
}

static void match(struct pair *p, const struct path *path, uint32_t at, uint32_t end) {
  struct alike g = split(p, path, at, end);
  for (uint32_t i = g.arrived; i < g.arrived + g.n_arrived; i++) {
    struct item *arrival = item_at(p, i), *sent = sender_of(p, path, &g, arrival);
    if (!sent) continue;
    arrival->taken = true;
    if (sent->fate != FATE_ARRIVED) sent->arrived_us = arrival->packet.t_us;
    sent->fate = FATE_ARRIVED;
  }
  for (uint32_t i = g.sent; i < g.sent + g.n_sent; i++) {
    struct item *sent = item_at(p, i);
    bool twice = i > g.sent && is_same_id(sent, item_at(p, i - 1)) &&
                 sent->packet.t_us - item_at(p, i - 1)->packet.t_us < SIGHTED_TWICE_US;
    unsigned other = 1U - path->near[sent->side];
    if (sent->fate == FATE_ARRIVED || twice || may_be(p, path, &g, sent)) continue;
    if (was_awake(p, path, other, time_of(path, sent))) sent->fate = FATE_LOST;
  }
}

/* One direction of one connection, after match(). Offloading (TSO, GRO) cuts and joins segments on
 * their way, so that each tap has octets in segments that the other lacks: those are unknown, not
 * lost. Whatever else the receiver's tap has alone, the sender's tap must have missed. */
static void settle(struct pair *p, struct path *path, uint32_t at, uint32_t end) {
  bool odd_sent = false, odd_arrived = false;
  for (uint32_t i = at; i < end; i++) {
    const struct item *x = item_at(p, i);
    bool sent = x->tap == path->near[x->side];
    if (x->packet.decoded.segment.payload_bytes == 0) continue;
    if (sent && x->fate != FATE_ARRIVED) odd_sent = true;
    if (!sent && !x->taken) odd_arrived = true;
  }
  bool offloads = odd_sent && odd_arrived;
  for (uint32_t i = at; i < end; i++) {
    struct item *x = item_at(p, i);
    const struct segment *s = &x->packet.decoded.segment;
    bool may_be_part = offloads && (s->payload_bytes > 0 || segment_has(s, SEGMENT_FIN));
    if (x->tap == path->near[x->side]) {
      if (x->fate == FATE_LOST && may_be_part) x->fate = FATE_UNKNOWN;
    } else if (!x->taken && !may_be_part && !segment_has(s, SEGMENT_RST) &&
               was_awake(p, path, path->near[x->side], time_of(path, x))) {
      p->missed[path->near[x->side]]++; /* but no RST: a box between may have sent that */
    }
  }
}

/* A tap that has missed one segment may have missed any: what it lacks is unknown then, not lost.
 */
static void conclude(struct pair *p) {
  for (uint32_t i = 0; i < p->n_paths; i++) {
    struct path *path = &p->paths[i];
    path->both = path->is_known ? 0 : path->both;
    for (uint32_t at = path->first; path->is_known && at < path->first + path->n; at++) {
      struct item *x = item_at(p, at);
      if (x->tap != path->near[x->side]) continue;
      if (x->fate == FATE_LOST && p->missed[1 - x->tap] > 0) x->fate = FATE_UNKNOWN;
      path->both += x->fate == FATE_ARRIVED;
      path->lost[x->side] += x->fate == FATE_LOST;
    }
  }
}

/* A connection that one tap has not seen at all may have been filtered out there. */
static bool is_at_both(const struct pair *p, uint32_t at, uint32_t end) {
  bool seen[2] = {false, false};
  for (uint32_t i = at; i < end; i++) seen[item_at(p, i)->tap] = true;
  return seen[0] && seen[1];
}

static void follow(struct pair *p, struct path *path) {
  uint32_t end, last = path->first + path->n;
  for (uint32_t at = path->first; at < last; at = end) {
    end = group_end(p, at, compare_segments);
    match(p, path, at, end);
  }
  for (uint32_t at = path->first; at < last; at = end) {
    end = group_end(p, at, compare_connections);
    if (!is_at_both(p, at, end)) {
      for (uint32_t i = at; i < end; i++) item_at(p, i)->fate = FATE_UNKNOWN;
      continue;
    }
    uint32_t middle = group_end(p, at, compare_directions);
    settle(p, path, at, middle);
    if (middle < end) settle(p, path, middle, end);
  }
}

/* ---- The stream -------------------------------------------------------------------------------
 */

static const int64_t *sorted_us;

static int by_time(const void *one, const void *other) {
  uint32_t x = *(const uint32_t *)one, y = *(const uint32_t *)other;
  if (sorted_us[x] != sorted_us[y]) return sorted_us[x] < sorted_us[y] ? -1 : 1;
  return (x > y) - (x < y);
}

/* When the first tap saw it, or would have. */
static int64_t stream_time(const struct path *path, const struct item *i) {
  bool sent = i->tap == path->near[i->side];
  if (i->tap == 0) return i->packet.t_us;
  if (sent && i->fate == FATE_ARRIVED) return i->arrived_us;
  return time_of(path, i) + (sent ? path->least_us : -path->least_us);
}

/* What the model and the reports are told of it. */
static void tell(const struct path *path, const struct item *i, struct segment *s) {
  bool sent = i->tap == path->near[i->side];
  s->is_lost = path->is_known && i->fate == FATE_LOST;
  s->hops = 0; /* each tap sees another */
  s->seen = SEGMENT_SEEN_HERE;
  if (!path->is_known) return;
  s->tap = path->near[i->side];
  s->seen = !sent                     ? SEGMENT_SEEN_BY_RECEIVER
            : i->fate == FATE_ARRIVED ? SEGMENT_SEEN_TWICE
                                      : SEGMENT_SEEN_BY_SENDER;
  int64_t took_us = path->least_us, offset_us = i->tap == 0 ? path->offset_us : -path->offset_us;
  if (s->seen == SEGMENT_SEEN_TWICE) took_us = i->arrived_us - i->packet.t_us - offset_us;
  /* Below zero where one way is longer than the other: the offset supposes that they are alike. */
  s->transit_us = took_us < 0 ? 0 : took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
}

/* A segment that both taps have is told once, as its sender's tap saw it. Of a path on which the
 * taps' places are not known, only what the first tap saw is told. */
static bool is_in_stream(const struct path *path, const struct item *i) {
  if (!path->is_known) return i->tap == 0 || !path->has_first;
  return i->tap == path->near[i->side] || !i->taken;
}

static void make_stream(struct pair *p) {
  uint32_t others =
      p->n_paths > 0 ? p->paths[p->n_paths - 1].first + p->paths[p->n_paths - 1].n : 0;
  int64_t offset_us = 0;
  for (uint32_t i = p->n_paths; i-- > 0;)
    if (p->paths[i].is_known) offset_us = p->paths[i].offset_us;
  for (uint32_t i = 0; i < p->n_paths; i++) {
    struct path *path = &p->paths[i];
    for (uint32_t at = path->first; at < path->first + path->n; at++) {
      struct item *x = item_at(p, at);
      tell(path, x, &x->packet.decoded.segment);
      x->taken = !is_in_stream(path, x);
      if (!path->is_known) path->offset_us = offset_us;
      p->stream_us[p->order[at]] = path->is_known ? stream_time(path, x) : time_of(path, x);
    }
  }
  for (uint32_t at = others; at < p->n; at++)
    p->stream_us[p->order[at]] =
        item_at(p, at)->packet.t_us - (item_at(p, at)->tap == 1 ? offset_us : 0);
  for (uint32_t i = 0; i < p->n; i++)
    if (!p->items[i].taken) p->order[p->n_stream++] = i;
  sorted_us = p->stream_us;
  qsort(p->order, p->n_stream, sizeof *p->order, by_time);
}

enum pair_result pair_join(struct pair *p) {
  p->order = calloc(p->n + 1, sizeof *p->order);
  p->stream_us = calloc(p->n + 1, sizeof *p->stream_us);
  p->paths = calloc(p->n + 1, sizeof *p->paths);
  if (!p->order || !p->stream_us || !p->paths) return PAIR_NO_MEMORY;
  for (uint32_t i = 0; i < p->n; i++) p->order[i] = i;
  sorted_items = p->items;
  qsort(p->order, p->n, sizeof *p->order, by_segment);
  uint32_t end, both = 0;
  bool known = false;
  for (uint32_t at = 0; at < p->n; at = end) {
    end = group_end(p, at, compare_paths);
    if (item_at(p, at)->packet.result != DECODE_SEGMENT) continue;
    struct path *path = &p->paths[p->n_paths++];
    path->first = at;
    path->n = end - at;
    for (uint32_t i = at; i < end; i++)
      path->has_first = path->has_first || item_at(p, i)->tap == 0;
    find_places(p, path);
    both += path->both;
    known = known || path->is_known;
    if (path->is_known) follow(p, path);
  }
  if (!known) return both == 0 ? PAIR_NOTHING_PAIRS : PAIR_ONE_PLACE;
  conclude(p);
  make_stream(p);
  return PAIR_OK;
}

unsigned pair_next(struct pair *p, struct watch_packet packets[], unsigned max) {
  unsigned n = 0;
  for (; n < max && p->next < p->n_stream; n++, p->next++) {
    packets[n] = p->items[p->order[p->next]].packet;
    packets[n].t_us = p->stream_us[p->order[p->next]];
  }
  return n;
}

/* ---- In words ----------------------------------------------------------------------------------
 */

void pair_print(FILE *out, const struct pair *p, const char *const name[static 2]) {
  enum { PATHS_TOLD = 5 };
  uint32_t told = 0;
  for (uint32_t i = 0; i < p->n_paths && told < PATHS_TOLD; i++) {
    const struct path *path = &p->paths[i];
    const struct item *any = item_at(p, path->first);
    char end[2][INET6_ADDRSTRLEN];
    for (unsigned e = 0; e < 2; e++)
      inet_ntop(any->packet.decoded.family == 4 ? AF_INET : AF_INET6, address_of(any, e), end[e],
                sizeof end[e]);
    if (!path->is_known) {
      fprintf(out, "%s and %s: no segment between them is in both files, both ways\n", end[0],
              end[1]);
      told++;
      continue;
    }
    unsigned near_first = path->near[0] == 0 ? 0 : 1;
    fprintf(out,
            "%s is nearer to %s, %s to %s; %.3f ms one way at least; the clock of the second is "
            "%.6f s %s; %u segments passed both, %u were lost there and %u back\n",
            name[0], end[near_first], name[1], end[1 - near_first], (double)path->least_us / 1e3,
            (double)(path->offset_us < 0 ? -path->offset_us : path->offset_us) / 1e6,
            path->offset_us < 0 ? "behind" : "ahead", path->both, path->lost[near_first],
            path->lost[1 - near_first]);
    told++;
  }
  for (unsigned tap = 0; tap < 2; tap++)
    if (p->missed[tap] > 0)
      fprintf(out,
              "%s misses %u segments that must have passed it: what it alone lacks is not "
              "called lost\n",
              name[tap], p->missed[tap]);
}
