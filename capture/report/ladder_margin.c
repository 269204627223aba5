/* The margin: what server and client print of their own calls stands in the ladder, at its time.
 *
 * A line tells whose it is by the client's address. Those of a connection wait until its ladder
 * begins, for only then does its clock; those of no connection that is being told stand as they
 * were printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/margin.h"
#include "capture/report/ladder.h"

static enum end who_is(const char *who) {
  for (unsigned e = 0; e < 2; e++)
    if (strcmp(who, end_name((enum end)e)) == 0) return (enum end)e;
  return END_NONE;
}

/* Of nobody (NULL), it stands as it was printed. */
static void add(struct ladder *l, struct block *b, const struct margin_line *line,
                int64_t near_us) {
  int64_t t_us = *line->who ? margin_time(line, near_us) : near_us;
  if (!b) {
    ladder_add(l, NULL, PIECE_MARGIN, t_us < near_us ? t_us : near_us, line->line);
    return;
  }
  struct piece *p =
      ladder_add(l, b, PIECE_MARGIN, t_us > b->begun_us ? t_us : b->begun_us, line->text);
  if (!p) return;
  snprintf(p->row.label, sizeof p->row.label, "%s", line->who);
  p->row.from = who_is(line->who);
  p->row.t_us = t_us;
  p->row.elapsed_us = t_us - b->zero_us;
  p->row.has_time = true;
}

/* Those that waited for their ladder to begin were read in the order of whoever was quicker to say.
 */
static struct margin_line *sort(struct margin_line *line, int64_t near_us) {
  struct margin_line *sorted = NULL, **end = &sorted;
  int64_t last_us = INT64_MIN;
  for (struct margin_line *next; line; line = next) {
    int64_t t_us = margin_time(line, near_us);
    struct margin_line **at = t_us >= last_us ? end : &sorted;
    next = line->next;
    while (*at && margin_time(*at, near_us) <= t_us) at = &(*at)->next;
    line->next = *at;
    *at = line;
    if (line->next) continue;
    end = &line->next;
    last_us = t_us;
  }
  return sorted;
}

static void add_all(struct ladder *l, struct margin_line *line, int64_t near_us) {
  for (struct margin_line *next; line; line = next) {
    next = line->next;
    add(l, ladder_find_named(l, line->name), line, near_us);
    free(line);
  }
}

struct span_of_time {
  int64_t near_us, until_us;
};

static bool is_by_then(void *context, const struct margin_line *line) {
  const struct span_of_time *span = context;
  return margin_time(line, span->near_us) <= span->until_us;
}

void ladder_margin_take(struct ladder *l, struct block *b, int64_t near_us, int64_t until_us) {
  struct span_of_time span = {near_us, until_us};
  if (!*b->client || !b->headed) return;
  add_all(l, sort(margin_take(l->base.options.margin, b->client, is_by_then, &span), near_us),
          near_us);
}

/* Its ladder has begun; or there will be none. What its connection is may be known only a little
 * later. */
static bool is_due(void *context, const struct margin_line *line) {
  const struct block *b = ladder_find_named(context, line->name);
  return b ? b->headed : !line->is_new;
}

static bool is_any(void *context, const struct margin_line *line) {
  (void)context, (void)line;
  return true;
}

void ladder_margin_tick(struct ladder *l, int64_t now_us) {
  if (l->base.options.margin)
    add_all(l, margin_take(l->base.options.margin, NULL, is_due, l), now_us);
}

void ladder_margin_end(struct ladder *l, int64_t now_us) {
  struct margin *margin = l->base.options.margin;
  char text[80];
  if (!margin) return;
  margin_read(margin);
  if (l->base.options.live) ladder_margin_tick(l, now_us);
  for (struct margin_line *next, *line = margin_take(margin, NULL, is_any, NULL); line;
       line = next) {
    next = line->next;
    if (!l->base.options.only) add(l, NULL, line, now_us); /* it would be of what is left out */
    free(line);
  }
  if (margin_lost(margin) == 0) return;
  snprintf(text, sizeof text, "--margin: %llu lines were too many, and are not shown",
           (unsigned long long)margin_lost(margin));
  ladder_add(l, NULL, PIECE_MARGIN, now_us, text);
}
