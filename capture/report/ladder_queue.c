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

static void drop_block(struct ladder *l, uint32_t number) {
  for (struct block **at = &l->bucket[number % LADDER_BUCKETS]; *at; at = &(*at)->next) {
    struct block *b = *at;
    if (b->number != number) continue;
    *at = b->next;
    free_queue(l, &b->queue);
    free(b);
    return;
  }
}

void ladder_let_go(struct ladder *l, struct block *b, int64_t now_us) {
  if (l->base.options.live)
    b->done_us = now_us;
  else
    drop_block(l, b->number);
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
      free(b);
    }
}

/* ---- Printing ------------------------------------------------------------------------------- */

void ladder_end_countdown(struct ladder *l) {
  if (l->counting_down) out_text(l->base.out, "\r\033[K");
  l->counting_down = false;
}

static bool says_the_same(const struct ladder *l, const struct piece *p) {
  const struct block *b = ladder_find_block((struct ladder *)l, p->number);
  for (unsigned e = 0; b && e < 2; e++)
    if (p->row.end[e].named && b->shown[e].state != p->row.end[e].state) return false;
  return true;
}

static void print(struct ladder *l, struct piece *p) {
  struct draw *d = &l->draw;
  d->columns = l->base.options.columns;
  if (p->kind == PIECE_KERNEL && !l->base.options.kernel_lines && says_the_same(l, p)) return;
  ladder_end_countdown(l);
  if (p->number != l->last_number && p->number != 0 && p->kind != PIECE_TITLE)
    out_printf(d->out, "#%u, continued\n", p->number);
  if (p->number != 0) l->last_number = p->number;
  switch (p->kind) {
    case PIECE_ROW:
    case PIECE_KERNEL:
      /* What comes too late stands here all the same, without the time. */
      if (l->base.options.live && p->row.t_us < l->printed_us) p->row.has_time = false;
      if (p->row.has_time) l->printed_us = p->row.t_us;
      draw_row(d, &p->row);
      break;
    case PIECE_NOTE: draw_note(d, p->text); break;
    case PIECE_HEADER: draw_header(d); break;
    case PIECE_TITLE:
      out_char(d->out, '\n');
      draw_paint(d, DRAW_BOLD);
      draw_hanging(d, p->text);
      draw_paint(d, DRAW_NO_PAINT);
      break;
    case PIECE_JUDGEMENT:
      draw_paint(d, p->paint);
      draw_hanging(d, p->text);
      draw_paint(d, DRAW_NO_PAINT);
      break;
    case PIECE_SENTENCE: draw_text(d, 3, p->text); break;
  }
}

void ladder_print_until(struct ladder *l, struct queue *q, int64_t until_us) {
  while (q->first && q->first->t_us <= until_us) {
    struct piece *p = q->first;
    q->first = p->next;
    if (!q->first) q->last = NULL;
    l->waiting -= sizeof *p;
    print(l, p);
    free(p);
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

static struct queue *queue_of(struct ladder *l, struct block *b) {
  return l->base.options.live || !b ? &l->queue : &b->queue;
}

struct piece *ladder_add(struct ladder *l, struct block *b, enum piece_kind kind, int64_t t_us,
                         const char *text) {
  size_t length = strlen(text);
  struct piece *p = calloc(1, sizeof *p + length + 1);
  struct queue *q = queue_of(l, b);
  if (!p) {
    l->base.out->error = ENOMEM;
    return NULL;
  }
  memcpy(p->text, text, length);
  p->kind = kind;
  p->number = b ? b->number : 0;
  /* A file tells each connection as it was captured. */
  p->t_us = l->base.options.live || !q->last || t_us > q->last->t_us ? t_us : q->last->t_us;
  insert(q, p);
  l->waiting += sizeof *p;
  if (l->waiting > WAITING_MAX && b) ladder_print_until(l, q, INT64_MAX);
  return p;
}

struct piece *ladder_newest(const struct ladder *l, const struct block *b) {
  if (!l->base.options.live) return b->queue.last;
  struct piece *newest = NULL;
  for (struct piece *p = l->queue.first; p; p = p->next)
    if (p->number == b->number && p->kind != PIECE_KERNEL) newest = p;
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
      free_queue(l, &b->queue);
      free(b);
    }
}
