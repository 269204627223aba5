/* The ladder as a sequence diagram of mermaid, which Markdown hosts draw. Each connection has two
 * participants of its own. */
#include <stdlib.h>
#include <string.h>

#include "capture/report/ladder.h"
#include "capture/report/pictures.h"

struct mermaid {
  struct ladder ladder;
  struct picture_limit limit;
};

/* What the notation means by these: a comment, the end of a line, HTML. */
static void put_text(struct out *out, const char *text) {
  char printable[LADDER_LINE_SIZE * 4];
  struct out shown = out_string(printable, sizeof printable);
  out_printable(&shown, text);
  for (const char *c = out_text_of(&shown); *c; c++) {
    if (strchr("#;<>&\"%", *c))
      out_printf(out, "#%u;", (unsigned)(unsigned char)*c);
    else
      out_char(out, *c);
  }
}

/* Over both; long ones are broken. */
static void put_note(struct out *out, uint32_t number, const char *text) {
  enum { WIDTH = 60 };
  out_printf(out, "  Note over C%u,S%u: ", number, number);
  while (draw_width(text) > WIDTH) {
    size_t end = WIDTH;
    while (end > 0 && text[end] != ' ') end--;
    if (end == 0) end = strcspn(text, " ");
    if (text[end] == '\0') break;
    char line[LADDER_LINE_SIZE];
    memcpy(line, text, end);
    line[end] = '\0';
    put_text(out, line);
    out_text(out, "<br/>");
    text += end + 1;
  }
  put_text(out, text);
  out_char(out, '\n');
}

static void put_states(struct ladder *l, const struct piece *p) {
  static const char *const sides[] = {"left of C", "right of S"};
  for (unsigned e = 0; e < 2; e++) {
    char state[32];
    if (!p->row.end[e].named) continue;
    out_printf(l->base.out, "  Note %s%u: %s", sides[e], p->number,
               draw_state(&l->draw, &p->row.end[e], state));
    if (p->row.end[e].kernel) out_text(l->base.out, " ◆");
    out_char(l->base.out, '\n');
  }
}

static void put_arrow(struct ladder *l, const struct piece *p, const char *arrow) {
  bool by_client = p->row.from == END_CLIENT;
  struct out *out = l->base.out;
  out_printf(out, "  %c%u%s%c%u: ", by_client ? 'C' : 'S', p->number, arrow, by_client ? 'S' : 'C',
             p->number);
  put_text(out, p->row.label);
  if (*p->row.count) out_text(out, " · ");
  put_text(out, p->row.count);
  if (p->row.has_time) {
    out_text(out, " · ");
    draw_elapsed(out, p->row.elapsed_us);
  }
  out_char(out, '\n');
}

static void put_row(struct ladder *l, const struct piece *p) {
  switch (p->row.what) {
    case DRAW_STATES: break;
    case DRAW_ARROW: put_arrow(l, p, p->row.is_lost ? "-x" : "->>"); break;
    case DRAW_RST: put_arrow(l, p, p->row.is_lost ? "-x" : "-)"); break;
    case DRAW_LOST: put_arrow(l, p, "--x"); break;
    case DRAW_SPAN: put_note(l->base.out, p->number, p->row.label); break;
  }
  put_states(l, p);
}

static void show(struct ladder *l, struct piece *p) {
  struct mermaid *m = (struct mermaid *)l;
  if (!picture_takes(&m->limit, l, p)) {
    free(p);
    return;
  }
  switch (p->kind) {
    case PIECE_TITLE:
      out_printf(l->base.out, "  participant C%u as client\n  participant S%u as server\n",
                 p->number, p->number);
      put_note(l->base.out, p->number, p->text);
      break;
    case PIECE_HEADER: break;
    case PIECE_ROW:
    case PIECE_KERNEL: put_row(l, p); break;
    case PIECE_MARGIN: break; /* a picture has none */
    case PIECE_NOTE:
    case PIECE_JUDGEMENT:
    case PIECE_SENTENCE: put_note(l->base.out, p->number, p->text); break;
  }
  free(p);
}

static void mermaid_start(struct report *r, const char *source, const char *filter,
                          const char *kernel_lack) {
  (void)source, (void)filter, (void)kernel_lack;
  out_text(r->out, "sequenceDiagram\n");
}

static void mermaid_summary(struct report *r, const struct report_summary *s) {
  struct mermaid *m = (struct mermaid *)r;
  (void)s;
  if (m->limit.drawn == 0)
    out_text(r->out,
             "  participant C0 as client\n  participant S0 as server\n"
             "  Note over C0,S0: no connection closed\n");
  if (m->limit.left_out > 0)
    out_printf(r->out, "%%%% %llu more connections: a filter, or -r of their packets, shows them\n",
               (unsigned long long)m->limit.left_out);
}

static void mermaid_destroy(struct report *r) {
  ladder_forget((struct ladder *)r);
  free(r);
}

struct report *report_mermaid_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = mermaid_start,
      .segment = ladder_segment,
      .expired = ladder_expired,
      .kernel = ladder_kernel,
      .verdict = ladder_verdict,
      .summary = mermaid_summary,
      .destroy = mermaid_destroy,
  };
  struct mermaid *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  struct report_options still = ladder_as_picture(options);
  ladder_init(&m->ladder, &class, out, &still, show, true);
  return &m->ladder.base;
}
