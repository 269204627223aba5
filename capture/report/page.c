#include "capture/report/page.h"

#include <errno.h>
#include <stdlib.h>

/* The page before and after the data, by line. */
#include "build/page.inc"

/* What is to be said of one connection. */
struct story {
  char *text; /* NDJSON */
  size_t n, room;
  bool has_verdict, is_notable;
};

struct page {
  struct report base;
  struct report *json; /* writes into `line` */
  struct out line;
  struct story **stories; /* by the connection's number; NULL: nothing, or left out */
  uint32_t n, room;
  uint32_t left_out;
  uint32_t kept[2]; /* with a verdict: ordinary, notable */
  char buffer[1 << 16];
};

/* ---- Keeping --------------------------------------------------------------------------------- */

static void fail(struct page *p) {
  if (p->base.out->error == 0) p->base.out->error = ENOMEM;
}

static bool make_room(struct page *p, uint32_t number) {
  if (number < p->room) return true;
  uint32_t room = p->room ? p->room : 64;
  while (room <= number) room *= 2;
  struct story **stories = realloc(p->stories, room * sizeof(struct story *));
  if (!stories) return false;
  memset(stories + p->room, 0, (room - p->room) * sizeof(struct story *));
  p->stories = stories;
  p->room = room;
  return true;
}

/* Stands in the place of one that was left out. */
static struct story left_out;

/* The connection's story; NULL: it was left out, or there is no memory. */
static struct story *story_of(struct page *p, uint32_t number) {
  if (number >= p->n && make_room(p, number)) p->n = number + 1;
  if (number < p->n && !p->stories[number]) p->stories[number] = calloc(1, sizeof(struct story));
  struct story *s = number < p->n ? p->stories[number] : NULL;
  if (!s) fail(p);
  return s != &left_out ? s : NULL;
}

static void give_up(struct story *s) {
  if (!s || s == &left_out) return;
  free(s->text);
  free(s);
}

static void leave_out(struct page *p, uint32_t number) {
  give_up(p->stories[number]);
  p->stories[number] = &left_out;
  p->left_out++;
}

/* Adds what the NDJSON report has just written. Octets that could end the page's script element are
 * written as JSON may write them, too. */
static void keep(struct page *p, uint32_t number) {
  struct story *s = story_of(p, number);
  size_t n = p->line.end;
  p->line.end = 0;
  if (!s || n == 0) return;
  if (s->room - s->n < n * 6) {
    size_t room = (s->n + n * 6) * 2;
    char *text = realloc(s->text, room);
    if (!text) {
      fail(p);
      return;
    }
    s->text = text;
    s->room = room;
  }
  struct out text = {.buffer = s->text, .size = s->room, .end = s->n, .fd = -1};
  for (size_t i = 0; i < n; i++) {
    if (p->line.buffer[i] == '<')
      out_text(&text, "\\u003c");
    else
      out_char(&text, p->line.buffer[i]);
  }
  s->n = text.end;
}

/* ---- What is reported ------------------------------------------------------------------------ */

static void page_start(struct report *r, const char *source, const char *filter,
                       const char *kernel_lack) {
  struct page *p = (struct page *)r;
  p->json->class->start(p->json, source, filter, kernel_lack);
  keep(p, 0);
}

static void page_segment(struct report *r, const struct report_segment *s) {
  struct page *p = (struct page *)r;
  p->json->class->segment(p->json, s);
  keep(p, s->flow->number);
}

static void page_expired(struct report *r, const struct flow *flow, const struct model_step *step,
                         int64_t now_us) {
  struct page *p = (struct page *)r;
  p->json->class->expired(p->json, flow, step, now_us);
  keep(p, flow->number);
}

static void page_kernel(struct report *r, const struct kernel_word *word) {
  struct page *p = (struct page *)r;
  p->json->class->kernel(p->json, word);
  keep(p, word->flow->number);
}

static void page_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                         int64_t now_us) {
  struct page *p = (struct page *)r;
  /* Of what is open still, and has shown nothing of a close, there is nothing to animate. */
  if (flow->number >= p->n || !p->stories[flow->number]) return;
  p->json->class->verdict(p->json, flow, v, now_us);
  keep(p, flow->number);
  struct story *s = story_of(p, flow->number);
  if (!s) return;
  if (s->has_verdict) p->kept[s->is_notable]--;
  s->has_verdict = true;
  s->is_notable = report_is_exception(v);
  if (p->kept[s->is_notable] < PAGE_CONNECTIONS)
    p->kept[s->is_notable]++;
  else
    leave_out(p, flow->number);
}

/* The notable ones, and as many others as there is room for. */
static void choose(struct page *p) {
  uint32_t others = PAGE_CONNECTIONS - p->kept[true];
  for (uint32_t i = 1; i < p->n; i++) {
    const struct story *s = p->stories[i];
    if (!s || s == &left_out || s->is_notable) continue;
    if (others > 0)
      others--;
    else
      leave_out(p, i);
  }
}

static void put_lines(struct out *o, const char *const *lines, size_t n) {
  for (size_t i = 0; i < n; i++) out_text(o, lines[i]);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void page_summary(struct report *r, const struct report_summary *summary) {
  struct page *p = (struct page *)r;
  struct out *o = r->out;
  p->json->class->summary(p->json, summary);
  keep(p, 0);
  choose(p);
  put_lines(o, page_before, COUNT(page_before));
  for (uint32_t i = 0; i < p->n; i++)
    if (p->stories[i] && p->stories[i]->n > 0) out_bytes(o, p->stories[i]->text, p->stories[i]->n);
  out_text(o, "{\"type\":\"left-out\",\"connections\":");
  out_unsigned(o, p->left_out);
  out_text(o, "}\n");
  put_lines(o, page_after, COUNT(page_after));
}

static void page_destroy(struct report *r) {
  struct page *p = (struct page *)r;
  for (uint32_t i = 0; i < p->n; i++) give_up(p->stories[i]);
  free(p->stories);
  p->json->class->destroy(p->json);
  free(p);
}

struct report *report_page_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = page_start,
      .segment = page_segment,
      .expired = page_expired,
      .kernel = page_kernel,
      .verdict = page_verdict,
      .summary = page_summary,
      .destroy = page_destroy,
  };
  struct page *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->base = (struct report){&class, out, *options};
  p->line = out_string(p->buffer, sizeof p->buffer);
  p->json = report_json_new(&p->line, options);
  if (p->json) return &p->base;
  free(p);
  return NULL;
}
