#include "capture/report/ladder_queue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A verdict stands, most likely. */
#define DONE_US INT64_C(120000000)

/* What rows may wait for in a file: memory is bounded. */
#define WAITING_MAX (UINT64_C(256) << 20)

static void free_queue(struct ladder *l, struct queue *q) {
  for (struct piece *next; q->first; q->first = next) {
    next = q->first->next;
    l->waiting -= sizeof *q->first;
    free(q->first);
  }
}

/* ---- Blocks --------------------------------------------------------------------------------- */

struct block *ladder_find_block(struct ladder *l, uint32_t number) {
  struct block *b = l->bucket[number % LADDER_BUCKETS];
  while (b && b->number != number) b = b->next;
  return b;
}

struct block *ladder_block_of(struct ladder *l, const struct flow *flow) {
  struct block *b = ladder_find_block(l, flow->number),
               **bucket = &l->bucket[flow->number % LADDER_BUCKETS];
  if (b) return b;
  b = calloc(1, sizeof *b);
  if (!b) {
    l->base.out->error = ENOMEM;
    return NULL;
  }
  b->number = flow->number;
  b->next = *bucket;
  *bucket = b;
  return b;
}

static struct block **bucket_of(struct ladder *l, const char *client) {
  return &l->named[name_hash(client) % LADDER_BUCKETS];
}

void ladder_name_block(struct ladder *l, struct block *b, const struct flow *flow) {
  if (*b->client) return;
  struct block **bucket = bucket_of(l, flow_end_name(flow, END_CLIENT, b->client));
  b->next_named = *bucket;
  *bucket = b;
}

struct block *ladder_find_named(struct ladder *l, const char *client) {
  struct block *b = *bucket_of(l, client);
  while (b && (!*client || strcmp(b->client, client) != 0)) b = b->next_named;
  return b;
}

static void free_block(struct ladder *l, struct block *b) {
  struct block **at = bucket_of(l, b->client);
  while (*at && *at != b) at = &(*at)->next_named;
  if (*at) *at = b->next_named;
  free_queue(l, &b->queue);
  free(b);
}

static void drop_block(struct ladder *l, uint32_t number) {
  for (struct block **at = &l->bucket[number % LADDER_BUCKETS]; *at; at = &(*at)->next) {
    struct block *b = *at;
    if (b->number != number) continue;
    *at = b->next;
    free_block(l, b);
    return;
  }
}

void ladder_let_go(struct ladder *l, struct block *b, int64_t now_us) {
  if (l->apart)
    drop_block(l, b->number);
  else
    b->done_us = now_us;
}

void ladder_drop_done(struct ladder *l, int64_t now_us) {
  for (unsigned i = 0; i < LADDER_BUCKETS; i++)
    for (struct block **at = &l->bucket[i]; *at;) {
      struct block *b = *at;
      if (b->done_us == 0 || now_us - b->done_us < DONE_US) {
        at = &b->next;
        continue;
      }
      *at = b->next;
      free_block(l, b);
    }
}

/* ---- Printing ------------------------------------------------------------------------------- */

bool ladder_is_repeated(const struct ladder *l, const struct piece *p) {
  if (p->kind != PIECE_KERNEL || l->base.options.kernel_lines) return false;
  const struct block *b = ladder_find_block((struct ladder *)l, p->number);
  for (unsigned e = 0; b && e < 2; e++)
    if (p->row.end[e].named && b->shown[e].state != p->row.end[e].state) return false;
  return true;
}

void ladder_print_until(struct ladder *l, struct queue *q, int64_t until_us) {
  while (q->first && q->first->t_us <= until_us) {
    struct piece *p = q->first;
    q->first = p->next;
    if (!q->first) q->last = NULL;
    l->waiting -= sizeof *p;
    l->show(l, p);
  }
}

/* In the order of their times; those of one time in the order in which they come. */
static void insert(struct queue *q, struct piece *p) {
  struct piece **at = &q->first;
  if (q->last && q->last->t_us <= p->t_us) at = &q->last->next;
  while (*at && (*at)->t_us <= p->t_us) at = &(*at)->next;
  p->next = *at;
  *at = p;
  if (!p->next) q->last = p;
}

struct queue *ladder_queue_of(struct ladder *l, struct block *b) {
  return l->apart && b ? &b->queue : &l->queue;
}

struct piece *ladder_add(struct ladder *l, struct block *b, enum piece_kind kind, int64_t t_us,
                         const char *text) {
  size_t length = strlen(text);
  struct piece *p = calloc(1, sizeof *p + length + 1);
  struct queue *q = ladder_queue_of(l, b);
  if (!p) {
    l->base.out->error = ENOMEM;
    return NULL;
  }
  memcpy(p->text, text, length);
  p->kind = kind;
  p->number = b ? b->number : 0;
  /* A file tells each connection as it was captured. */
  p->t_us = !l->apart || !q->last || t_us > q->last->t_us ? t_us : q->last->t_us;
  insert(q, p);
  l->waiting += sizeof *p;
  if (l->waiting > WAITING_MAX && b) ladder_print_until(l, q, INT64_MAX);
  return p;
}

struct piece *ladder_newest(const struct ladder *l, const struct block *b) {
  const struct queue *q = l->apart ? &b->queue : &l->queue;
  if (l->apart && q->last && q->last->kind != PIECE_MARGIN) return q->last;
  struct piece *newest = NULL;
  for (struct piece *p = q->first; p; p = p->next)
    if (p->number == b->number && p->kind != PIECE_KERNEL && p->kind != PIECE_MARGIN) newest = p;
  return newest;
}

void ladder_note(struct ladder *l, struct block *b, int64_t t_us, const char *format, ...) {
  char text[LADDER_LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  ladder_add(l, b, PIECE_NOTE, t_us, text);
}

void ladder_forget(struct ladder *l) {
  free_queue(l, &l->queue);
  for (unsigned i = 0; i < LADDER_BUCKETS; i++)
    for (struct block *next, *b = l->bucket[i]; b; b = next) {
      next = b->next;
      free_block(l, b);
    }
}
