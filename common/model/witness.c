#include "common/model/witness.h"

#include <limits.h>
#include <string.h>

const char *witness_difference_name(enum witness_difference difference) {
  switch (difference) {
    case WITNESS_AGREES: return "agrees";
    case WITNESS_SILENT: return "silent";
    case WITNESS_NOT_THERE: return "not-there";
    case WITNESS_CONTRARY: return "contrary";
  }
  return "";
}

/* ---- What the kernel said ------------------------------------------------------------------- */

static void put(struct witness_end *e, unsigned at, enum tcp_state state, bool told, int64_t t_us) {
  /* More than one connection can say: the oldest is the opening, or repeats. */
  if (e->n == WITNESS_STATES_MAX) {
    if (at == 0) return;
    memmove(&e->said[0], &e->said[1], (WITNESS_STATES_MAX - 1) * sizeof *e->said);
    e->said[0].told = false;
    e->n--;
    at--;
  }
  memmove(&e->said[at + 1], &e->said[at], (e->n - at) * sizeof *e->said);
  e->said[at].t_us = t_us;
  e->said[at].state = state;
  e->said[at].told = told;
  e->n++;
}

void witness_asked(struct witness_end *e, enum tcp_state state, int64_t t_us) {
  if (e->n > 0 && e->said[e->n - 1].state == state) return;
  put(e, e->n, state, false, t_us);
}

/* An answer, an event and a segment of one moment. */
enum { CLOCKS_DIFFER_US = 100 };

void witness_told(struct witness_end *e, enum tcp_state from, enum tcp_state to, int64_t t_us) {
  if (from == to) return;
  unsigned at = e->n;
  /* An answer of about the same time that still has the old state came before. */
  while (at > 0 && !e->said[at - 1].told && e->said[at - 1].t_us > t_us - CLOCKS_DIFFER_US &&
         e->said[at - 1].state != from)
    at--;
  if (at == 0 || e->said[at - 1].state != from) {
    uint8_t n = e->n;
    put(e, at, from, false, t_us);
    at += e->n - n;
  }
  uint8_t n = e->n;
  put(e, at, to, true, t_us);
  at += e->n - n;
  /* What was answered after that is of the next connection of that name. */
  if (to == TCPS_CLOSED) e->n = (uint8_t)at;
  /* The newer answer says the same. */
  if (at < e->n && e->said[at].state == to) {
    e->n--;
    memmove(&e->said[at], &e->said[at + 1], (e->n - at) * sizeof *e->said);
  }
}

void witness_retract(struct witness_end *e, int64_t since_us) {
  while (e->n > 0 && !e->said[e->n - 1].told && e->said[e->n - 1].t_us >= since_us) e->n--;
}

enum tcp_state witness_last(const struct witness_end *e) {
  return e->n > 0 ? e->said[e->n - 1].state : TCPS_CLOSED;
}

/* ---- The two histories ---------------------------------------------------------------------- */

enum { PATH_MAX_STATES = ENDPOINT_LOG_SIZE + 1 };

struct path {
  struct {
    enum tcp_state state : 8;
    enum evidence evidence : 8;
    bool reset; /* by an RST, which is presumed to have arrived: nothing follows */
  } at[PATH_MAX_STATES];
  unsigned n;
};

/* What comes before the connection is open on both sides is not compared. */
static bool is_opening(enum tcp_state state) { return !tcp_state_is_synchronized(state); }

/* The states of the model from the end of the opening on. */
static struct path path_of(const struct endpoint *e) {
  struct path path = {.n = 0};
  enum tcp_state state = e->base;
  enum evidence evidence = e->base_evidence;
  for (int i = -1; i < e->n_log; i++) {
    bool reset = false;
    if (i >= 0) {
      enum tcp_state before = state;
      state = transition_find(state, e->log[i].event)->next;
      evidence = e->log[i].evidence;
      reset = e->log[i].event == EVENT_RCV_RST;
      if (state == before) continue;
    }
    /* What the capture lacks may have been what led there. */
    if (evidence == EVIDENCE_SEEN && (e->heard_more || e->stream.missed))
      evidence = EVIDENCE_PRESUMED;
    if (path.n == 0 && is_opening(state)) continue;
    path.at[path.n].state = state;
    path.at[path.n].evidence = evidence;
    path.at[path.n].reset = reset;
    path.n++;
  }
  return path;
}

/* The kernel got from one state to the other without any segment that a sniffer could see: the
 * application closed and the FIN has yet to leave, or a timer, or somebody, ended it. */
static bool is_silent_move(enum tcp_state from, enum tcp_state to) {
  return to == TCPS_CLOSED || (from == TCPS_ESTABLISHED && to == TCPS_FIN_WAIT_1) ||
         (from == TCPS_CLOSE_WAIT && to == TCPS_LAST_ACK);
}

/* ---- The alignment -------------------------------------------------------------------------- */

enum cost { COST_FREE = 0, COST_EXPLAINED = 1, COST_CONTRARY = 100 };

/* What an alignment is made of. */
enum move {
  MOVE_BOTH,   /* a state of the model and a word of the kernel, at one moment */
  MOVE_UNSAID, /* a state of the model that the kernel did not say */
  MOVE_EXTRA,  /* a word of the kernel that the model does not have */
};

struct alignment {
  const struct witness_end *kernel;
  unsigned first; /* of what it said after the opening */
  unsigned n;     /* how much of it there is */
  struct path path;
  bool up_to_date;
  int64_t reset_us;
  struct {
    unsigned cost;
    enum move move;
  } best[PATH_MAX_STATES + 1][WITNESS_STATES_MAX + 1]; /* from a state and a word on */
};

static enum tcp_state kernel_state(const struct alignment *a, unsigned j) {
  return a->kernel->said[a->first + j].state;
}

/* Of a state of the model, `i`, that the kernel did not say between what it said before and as its
 * word number `j`. */
static enum cost cost_of_unsaid(const struct alignment *a, unsigned i, unsigned j) {
  bool presumed = a->path.at[i].evidence != EVIDENCE_SEEN;
  if (a->path.at[i].evidence == EVIDENCE_TIMED || a->path.at[i].evidence == EVIDENCE_KERNEL)
    return COST_FREE;
  if (j == 0) return COST_FREE;
  if (j < a->n ? !a->kernel->said[a->first + j].told : !a->up_to_date) return COST_FREE;
  return presumed ? COST_EXPLAINED : COST_CONTRARY;
}

/* Of the kernel's word number `j` that the model does not have after its first `i` states. */
static enum cost cost_of_extra(const struct alignment *a, unsigned i, unsigned j) {
  if (j == 0 && i == 0) return COST_FREE;
  /* Until its first word it was where the model has it. */
  enum tcp_state from = j > 0 ? kernel_state(a, j - 1) : a->path.at[i - 1].state;
  return is_silent_move(from, kernel_state(a, j)) ? COST_EXPLAINED : COST_CONTRARY;
}

/* Where the two have different names for one moment. The first row that fits; `before`: the state
 * that each came from, TCPS_COUNT for any. */
/* clang-format off */
static const struct {
  enum tcp_state model, kernel, model_before, kernel_before;
  bool by_last_rst; /* the model's is the last, and an RST that is presumed to have arrived led there */
  enum witness_difference difference;
  const char *because;
} pairs[] = {
    {TCPS_CLOSING, TCPS_FIN_WAIT_2, TCPS_COUNT, TCPS_COUNT, false, WITNESS_NOT_THERE,
     "the first copy of the FIN was lost, and the ACK came before the next: that both came may be "
     "proven, their order never is"},
    {TCPS_COUNT, TCPS_COUNT, TCPS_COUNT, TCPS_COUNT, true, WITNESS_NOT_THERE,
     "the RST did not arrive, and the end went on with what came after it"},
    {TCPS_CLOSE_WAIT, TCPS_CLOSING, TCPS_COUNT, TCPS_COUNT, false, WITNESS_SILENT,
     "the application has closed, and the FIN is still unsent"},
    {TCPS_CLOSE_WAIT, TCPS_LAST_ACK, TCPS_COUNT, TCPS_COUNT, false, WITNESS_SILENT,
     "the application has closed, and the FIN is still unsent"},
    {TCPS_CLOSED, TCPS_TIME_WAIT, TCPS_LAST_ACK, TCPS_CLOSING, false, WITNESS_SILENT,
     "it had closed before the other FIN came, and its own, held back until then, looks like an "
     "answer: that close was simultaneous, and ends in TIME_WAIT"},
};
/* clang-format on */

static bool is_any_or(enum tcp_state wanted, enum tcp_state state) {
  return wanted == TCPS_COUNT || wanted == state;
}

/* Of the model's state `i` and the kernel's word `j` where both are the same moment, known from
 * different things; WITNESS_CONTRARY: they are not. */
static enum witness_difference difference_of(const struct alignment *a, unsigned i, unsigned j) {
  enum tcp_state model = a->path.at[i].state, kernel = kernel_state(a, j);
  if (model == kernel) return WITNESS_AGREES;
  bool after_rst = a->kernel->said[a->first + j].t_us + CLOCKS_DIFFER_US >= a->reset_us ||
                   (a->up_to_date && j + 1 == a->n);
  bool by_last_rst = a->path.at[i].reset && after_rst;
  for (size_t row = 0; row < sizeof pairs / sizeof *pairs; row++) {
    if (!is_any_or(pairs[row].model, model) || !is_any_or(pairs[row].kernel, kernel)) continue;
    if (pairs[row].by_last_rst && !by_last_rst) continue;
    /* CLOSED, of which that is asked, is never the first. */
    if (pairs[row].model_before != TCPS_COUNT && a->path.at[i - 1].state != pairs[row].model_before)
      continue;
    if (pairs[row].kernel_before != TCPS_COUNT &&
        (j == 0 || kernel_state(a, j - 1) != pairs[row].kernel_before))
      continue;
    return pairs[row].difference;
  }
  return WITNESS_CONTRARY;
}

static unsigned cost_of_pair(const struct alignment *a, unsigned i, unsigned j) {
  switch (difference_of(a, i, j)) {
    case WITNESS_AGREES: return COST_FREE;
    case WITNESS_SILENT:
    case WITNESS_NOT_THERE: return COST_EXPLAINED;
    case WITNESS_CONTRARY: break;
  }
  return 2 * COST_CONTRARY;
}

static void note(struct witness_view *view, enum witness_difference difference,
                 enum tcp_state model, enum tcp_state kernel) {
  if (difference <= view->difference) return;
  view->difference = difference;
  view->model_says = model;
  view->kernel_says = kernel;
}

/* Walks the cheapest alignment from its start. */
static struct witness_view walk(const struct alignment *a) {
  struct witness_view view = {.difference = WITNESS_AGREES};
  unsigned i = 0, j = 0;
  while (i < a->path.n || j < a->n) {
    switch (a->best[i][j].move) {
      case MOVE_BOTH: {
        enum witness_difference difference = difference_of(a, i, j);
        if (i > 0 && a->path.at[i].evidence != EVIDENCE_KERNEL) {
          if (difference == WITNESS_AGREES) view.agreed++;
          view.of++;
        }
        note(&view, difference, a->path.at[i].state, kernel_state(a, j));
        i++, j++;
        break;
      }
      case MOVE_UNSAID:
        switch (cost_of_unsaid(a, i, j)) {
          case COST_FREE:
            if (i > 0 && a->path.at[i].evidence <= EVIDENCE_PRESUMED) view.unsampled++;
            break;
          case COST_EXPLAINED:
            view.of++;
            note(&view, WITNESS_NOT_THERE, a->path.at[i].state, kernel_state(a, j - 1));
            break;
          case COST_CONTRARY:
            view.of++;
            note(&view, WITNESS_CONTRARY, a->path.at[i].state, kernel_state(a, j - 1));
            break;
        }
        i++;
        break;
      case MOVE_EXTRA: {
        /* Of a path that is empty it is CLOSED. */
        enum tcp_state model = a->path.at[i > 0 ? i - 1 : 0].state;
        switch (cost_of_extra(a, i, j)) {
          case COST_FREE: break;
          case COST_EXPLAINED: note(&view, WITNESS_SILENT, model, kernel_state(a, j)); break;
          case COST_CONTRARY:
            view.of++;
            note(&view, WITNESS_CONTRARY, model, kernel_state(a, j));
            break;
        }
        j++;
        break;
      }
    }
  }
  return view;
}

/* Aligning all from i and j on begins with this, unless something is cheaper. */
static void consider(struct alignment *a, unsigned i, unsigned j, enum move move, unsigned cost) {
  if (cost >= a->best[i][j].cost) return;
  a->best[i][j].cost = cost;
  a->best[i][j].move = move;
}

static void weigh(struct alignment *a) {
  for (unsigned i = a->path.n + 1; i-- > 0;) {
    for (unsigned j = a->n + 1; j-- > 0;) {
      bool more_i = i < a->path.n, more_j = j < a->n;
      a->best[i][j].cost = more_i || more_j ? UINT_MAX : 0;
      if (more_i && more_j)
        consider(a, i, j, MOVE_BOTH, cost_of_pair(a, i, j) + a->best[i + 1][j + 1].cost);
      if (more_i) consider(a, i, j, MOVE_UNSAID, cost_of_unsaid(a, i, j) + a->best[i + 1][j].cost);
      if (more_j) consider(a, i, j, MOVE_EXTRA, cost_of_extra(a, i, j) + a->best[i][j + 1].cost);
    }
  }
}

/* Both have the same states: each pair is free (MOVE_BOTH, of which zeros speak), and nothing is to
 * be weighed. */
static bool says_the_same(const struct alignment *a) {
  if (a->n != a->path.n) return false;
  for (unsigned i = 0; i < a->n; i++)
    if (a->path.at[i].state != kernel_state(a, i)) return false;
  return true;
}

struct witness_view witness_compare(const struct witness_end *kernel, const struct endpoint *model,
                                    bool up_to_date, int64_t reset_us) {
  struct alignment a = {
      .kernel = kernel, .path = path_of(model), .up_to_date = up_to_date, .reset_us = reset_us};
  if (kernel->n == 0) return (struct witness_view){.difference = WITNESS_AGREES};
  while (is_opening(kernel->said[a.first].state) && a.first + 1 < kernel->n) a.first++;
  a.n = kernel->n - a.first;
  if (!says_the_same(&a)) weigh(&a);
  return walk(&a);
}
