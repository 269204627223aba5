#include "capture/report/table_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  TOLD_MAX = 2000, /* connections whose ladder is kept */
  CLOSED_SHOWN_S = 10,
};

/* ---- All of them ---------------------------------------------------------------------------- */

static bool is_open(const struct table_row *r) {
  for (unsigned e = 0; e < 2; e++)
    if (r->state[e] == TCPS_TIME_WAIT || r->state[e] == TCPS_CLOSED) return false;
  return true;
}

static void count_states(struct table_rows *t, const struct table_row *r, int by) {
  if (is_open(r)) t->n_open += (uint32_t)(by * (int)r->n);
  for (unsigned e = 0; e < 2; e++)
    if (r->state[e] != TCPS_COUNT) t->in_state[r->state[e]] += (uint64_t)(int64_t)(by * (int)r->n);
}

struct table_row *table_row_find(const struct table_rows *t, uint32_t number) {
  struct table_row *r = t->bucket[number % TABLE_BUCKETS];
  while (r && r->number != number) r = r->next;
  return r;
}

static void unlink_row(struct table_rows *t, struct table_row *r) {
  *(r->newer ? &r->newer->older : &t->newest) = r->older;
  *(r->older ? &r->older->newer : &t->oldest) = r->newer;
}

static void push_row(struct table_rows *t, struct table_row *r) {
  r->newer = NULL;
  r->older = t->newest;
  *(t->newest ? &t->newest->newer : &t->oldest) = r;
  t->newest = r;
}

static void free_pieces(struct table_rows *t, struct table_row *r) {
  if (r->pieces.first) t->n_told--;
  for (struct piece *next; r->pieces.first; r->pieces.first = next) {
    next = r->pieces.first->next;
    free(r->pieces.first);
  }
}

static void drop_row(struct table_rows *t, struct table_row *r) {
  struct table_row **at = &t->bucket[r->number % TABLE_BUCKETS];
  while (*at != r) at = &(*at)->next;
  *at = r->next;
  unlink_row(t, r);
  count_states(t, r, -1);
  t->n--;
  free_pieces(t, r);
  free(r);
}

/* Room for another: what closed well goes first. */
static void make_room(struct table_rows *t) {
  struct table_row *r = t->oldest;
  for (unsigned looked = 0; r && r->rank != RANK_CLOSED && looked < 1000; looked++) r = r->newer;
  drop_row(t, r ? r : t->oldest);
}

struct table_row *table_row_touch(struct table_rows *t, const struct flow *f, int64_t t_us) {
  struct table_row *r = table_row_find(t, f->number);
  if (r) {
    unlink_row(t, r);
    count_states(t, r, -1);
  } else {
    if (t->n == TABLE_ROWS_MAX) make_room(t);
    if (!(r = calloc(1, sizeof *r))) return NULL;
    *r = (struct table_row){.number = f->number, .n = 1, .since_us = t_us, .rank = RANK_CLOSING};
    r->next = t->bucket[f->number % TABLE_BUCKETS];
    t->bucket[f->number % TABLE_BUCKETS] = r;
    t->n++;
  }
  flow_end_name(f, END_CLIENT, r->client);
  flow_end_name(f, END_SERVER, r->server);
  r->port = f->key.port[flow_half_of(f, END_SERVER)];
  for (unsigned e = 0; e < 2; e++) {
    r->state[e] = f->model.end[e].state;
    r->presumed[e] = f->model.end[e].evidence == EVIDENCE_PRESUMED;
  }
  r->changed_us = t_us;
  count_states(t, r, 1);
  push_row(t, r);
  return r;
}

/* Whoever holds what should be closed; of what is closed, whoever reset it or closed it first. */
static void set_holder(struct table_row *r, const struct verdict *v) {
  r->holder[0] = '\0';
  if (r->rank > RANK_STUCK)
    for (unsigned e = 0; e < 2; e++)
      if (v->closer[e] && (!*r->holder || e == (unsigned)v->closed_first))
        snprintf(r->holder, sizeof r->holder, "%s", v->closer[e]);
  for (unsigned e = 0; e < 2; e++)
    if (v->holder[e] && r->state[e] == TCPS_CLOSE_WAIT)
      snprintf(r->holder, sizeof r->holder, "%s", v->holder[e]);
}

void table_row_judge(struct table_row *r, const struct verdict *v) {
  enum finding_id gravest = verdict_gravest(v);
  const struct finding_text *worst = gravest == FINDING_COUNT ? NULL : finding_text(gravest);
  if (worst && worst->severity == FINDING_NOTE) worst = NULL;
  const char *cause = reset_cause_name(v->cause);
  r->rank = worst && worst->severity == FINDING_BREACH ? RANK_BREACH
            : worst                                    ? RANK_STUCK
            : v->ending == ENDING_RESET                ? RANK_RESET
                                                       : RANK_CLOSED;
  snprintf(r->what, sizeof r->what, "%s",
           worst                                ? worst->id
           : v->ending == ENDING_RESET && cause ? cause
                                                : ending_name(v->ending));
  set_holder(r, v);
}

/* ---- Of each one ---------------------------------------------------------------------------- */

void table_row_open(struct table_rows *t, struct table_row *r) {
  count_states(t, r, -1);
  r->rank = RANK_OPEN;
  r->state[END_CLIENT] = r->state[END_SERVER] = TCPS_COUNT;
  count_states(t, r, 1);
}

bool table_rows_add_before(struct table_rows *t, const struct kernel_group *g, int64_t now_us) {
  struct table_row *r = calloc(1, sizeof *r);
  if (!r) return false;
  *r = (struct table_row){.n = g->n, .port = g->port, .rank = RANK_CLOSING, .changed_us = now_us};
  r->since_us = now_us - (int64_t)g->heard_ms * 1000;
  r->state[0] = g->state;
  r->state[1] = TCPS_COUNT; /* its peer's is not known */
  if (g->state == TCPS_CLOSE_WAIT) r->rank = RANK_STUCK;
  snprintf(r->what, sizeof r->what, "before the start");
  if (g->has_owner)
    snprintf(r->holder, sizeof r->holder, "%s, pid %d, fd %d", g->owner.command, (int)g->owner.pid,
             (int)g->owner.fd);
  t->before[t->n_before++] = r;
  return true;
}

bool table_row_keep(struct table_rows *t, struct table_row *r, struct piece *p) {
  if (!r->pieces.first && t->n_told == TOLD_MAX) return false;
  if (!r->pieces.first) t->n_told++;
  p->next = NULL;
  *(r->pieces.last ? &r->pieces.last->next : &r->pieces.first) = p;
  r->pieces.last = p;
  return true;
}

/* ---- What is shown -------------------------------------------------------------------------- */

const char *table_rank_name(enum table_rank rank) {
  static const char *const names[RANKS] = {"breach", "stuck", "reset", "closing", "open", "closed"};
  return names[rank];
}

const char *table_row_states(const struct table_row *r, char text[static 48]) {
  if (r->state[0] == TCPS_COUNT)
    text[0] = '\0';
  else if (r->state[1] == TCPS_COUNT)
    snprintf(text, 48, "%s", tcp_state_name(r->state[0]));
  else
    snprintf(text, 48, "%s%s %s%s", tcp_state_name(r->state[0]), r->presumed[0] ? "?" : "",
             tcp_state_name(r->state[1]), r->presumed[1] ? "?" : "");
  return text;
}

bool table_row_passes(const struct table_row *r, const char *filter, int64_t now_us) {
  char text[256], states[48];
  if (r->rank == RANK_CLOSED && now_us - r->changed_us > CLOSED_SHOWN_S * INT64_C(1000000))
    return false;
  if (!*filter) return true;
  snprintf(text, sizeof text, "%s %s %s %s %s %u", table_rank_name(r->rank), r->what,
           table_row_states(r, states), r->holder, r->server, (unsigned)r->port);
  return strcasestr(text, filter) != NULL;
}

static bool says_the_same(const struct table_row *a, const struct table_row *b) {
  return a->rank == b->rank && a->port == b->port && a->state[0] == b->state[0] &&
         a->state[1] == b->state[1] && (a->number == 0) == (b->number == 0) &&
         strcmp(a->what, b->what) == 0 &&
         strncmp(a->holder, b->holder, strcspn(a->holder, ",") + 1) == 0;
}

struct folding {
  struct table_fold *fold;
  unsigned n;
};

static void fold_in(struct folding *to, struct table_row *r) {
  for (unsigned i = 0; i < to->n; i++) {
    struct table_fold *f = &to->fold[i];
    if (!says_the_same(f->oldest, r)) continue;
    f->n += r->n;
    if (r->since_us < f->oldest->since_us) f->oldest = r;
    return;
  }
  if (to->n < TABLE_FOLDS_MAX) to->fold[to->n++] = (struct table_fold){r, r->n};
}

static enum table_sort sorted_by; /* of the table that is drawn: qsort brings no context */

static int compare(const void *one, const void *other) {
  const struct table_row *a = ((const struct table_fold *)one)->oldest;
  const struct table_row *b = ((const struct table_fold *)other)->oldest;
  if (sorted_by == SORT_WORST && a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
  if (sorted_by == SORT_PORT && a->port != b->port) return a->port < b->port ? -1 : 1;
  if (sorted_by == SORT_NEWEST && a->changed_us != b->changed_us)
    return a->changed_us > b->changed_us ? -1 : 1;
  if (a->since_us != b->since_us) return a->since_us < b->since_us ? -1 : 1;
  return a->number < b->number ? -1 : a->number > b->number;
}

unsigned table_rows_fold(const struct table_rows *t, const char *filter, enum table_sort sort,
                         int64_t now_us, struct table_fold fold[static TABLE_FOLDS_MAX]) {
  struct folding to = {.fold = fold};
  for (unsigned i = 0; i < t->n_before; i++)
    if (table_row_passes(t->before[i], filter, now_us)) fold_in(&to, t->before[i]);
  for (struct table_row *r = t->newest; r; r = r->older)
    if (table_row_passes(r, filter, now_us)) fold_in(&to, r);
  sorted_by = sort;
  qsort(fold, to.n, sizeof *fold, compare);
  return to.n;
}

void table_rows_free(struct table_rows *t) {
  while (t->oldest) drop_row(t, t->oldest);
  for (unsigned i = 0; i < t->n_before; i++) free(t->before[i]);
}
