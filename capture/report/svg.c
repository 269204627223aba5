/* The ladder as an SVG: the connections below each other, in the order in which they closed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/report/ladder.h"
#include "capture/report/memory.h"
#include "capture/report/pictures.h"

/* In pixels. The font is monospaced, 13 px, of 7.83 px a character at the most. */
enum {
  WIDTH = 900,
  MARGIN = 20,
  TIME_X = 110,  /* where the times end */
  LEFT_X = 262,  /* the client's lifeline */
  RIGHT_X = 662, /* the server's */
  MIDDLE_X = (LEFT_X + RIGHT_X) / 2,
  TAP_X = 100, /* from its lifeline: where one of two taps is */
  COUNT_X = WIDTH - MARGIN,
  ROW = 30,
  LINE = 19,
  NOTE_X = 276,
  CHARACTERS = (WIDTH - 2 * MARGIN) * 100 / 783,
  NOTE_CHARACTERS = (RIGHT_X - 14 - NOTE_X) * 100 / 723, /* 12 px */
};

struct svg {
  struct ladder ladder;
  struct memory body; /* how high the picture is stands at its beginning */
  struct picture_limit limit;
  unsigned y;
  bool has_lives; /* the lifelines go on beside notes */
  bool has_taps;  /* and the lines of two taps */
  enum tcp_state life[2];
};

static const char STYLE[] =
    "<style>"
    "svg{--bg:#FBFAF6;--ink:#16191D;--mut:#474E56;--client:#094D93;--server:#7C3B00;--loss:#98004A;"
    "--good:#1B6B2F;--bad:#98004A;--doubt:#7A5900}"
    "@media(prefers-color-scheme:dark){svg{--bg:#11151A;--ink:#EEF1F4;--mut:#B4BDC6;--client:#"
    "7FC1FF;"
    "--server:#FFB469;--loss:#FF92C3;--good:#8FE0A3;--bad:#FF92C3;--doubt:#F0CF74}}"
    "text{font:13px ui-monospace,'DejaVu Sans Mono',monospace;fill:var(--ink);white-space:pre}"
    ".b{font-weight:700}.n{font-size:12px;fill:var(--mut)}.t{fill:var(--mut);text-anchor:end}"
    ".m{text-anchor:middle}.e{text-anchor:end}.c{--own:var(--client)}.s{--own:var(--server)}"
    ".o{fill:var(--own);font-weight:700}.w,.l{stroke:var(--own);fill:none;stroke-width:2}"
    ".l{stroke-width:7}.l2{stroke-width:2}.l3{stroke-width:7;stroke-dasharray:2 "
    "4}.r{stroke-width:4}"
    ".h{fill:var(--own)}.x{stroke:var(--loss);fill:none;stroke-width:2;stroke-dasharray:2 5}"
    ".xt{fill:var(--loss)}.p{stroke:var(--mut);stroke-dasharray:1 "
    "5}.d{fill:var(--bg);stroke:var(--own);stroke-width:2}.g{fill:var(--bg)}"
    ".good{fill:var(--good)}.bad{fill:var(--bad)}.doubt{fill:var(--doubt)}"
    "</style><rect width=\"100%\" height=\"100%\" fill=\"var(--bg)\"/>\n";

/* ---- Text ----------------------------------------------------------------------------------- */

static void put_escaped(FILE *f, const char *text) {
  char printable[LADDER_LINE_SIZE * 4];
  struct out shown = out_string(printable, sizeof printable);
  out_printable(&shown, text);
  for (const char *c = out_text_of(&shown); *c; c++) {
    switch (*c) {
      case '<': fputs("&lt;", f); break;
      case '>': fputs("&gt;", f); break;
      case '&': fputs("&amp;", f); break;
      case '"': fputs("&quot;", f); break;
      default: fputc(*c, f);
    }
  }
}

static void put_text(struct svg *s, unsigned x, unsigned y, const char *class, const char *text) {
  if (*text == '\0') return;
  fprintf(s->body.file, "<text x=\"%u\" y=\"%u\"", x, y);
  if (*class) fprintf(s->body.file, " class=\"%s\"", class);
  fputc('>', s->body.file);
  put_escaped(s->body.file, text);
  fputs("</text>\n", s->body.file);
}

/* ---- Lifelines ------------------------------------------------------------------------------ */

/* As on a terminal: heavy, light, dotted, none. */
static const char *life_class(enum tcp_state state) {
  switch (state) {
    case TCPS_SYN_SENT:
    case TCPS_SYN_RECEIVED:
    case TCPS_ESTABLISHED:
    case TCPS_CLOSE_WAIT: return "l";
    case TCPS_FIN_WAIT_1:
    case TCPS_FIN_WAIT_2:
    case TCPS_CLOSING:
    case TCPS_LAST_ACK: return "l l2";
    case TCPS_TIME_WAIT: return "l l3";
    case TCPS_CLOSED:
    case TCPS_LISTEN:
    case TCPS_COUNT: break;
  }
  return NULL;
}

/* Both go on for so far down. */
static void go_down(struct svg *s, unsigned height) {
  static const unsigned x[] = {LEFT_X, RIGHT_X};
  for (unsigned e = 0; e < 2 && s->has_lives; e++) {
    const char *class = life_class(s->life[e]);
    if (class)
      fprintf(s->body.file, "<path class=\"%s %s\" d=\"M%u %uV%u\"/>\n", e ? "s" : "c", class, x[e],
              s->y, s->y + height);
    if (s->has_taps)
      fprintf(s->body.file, "<path class=\"p\" d=\"M%u %uV%u\"/>\n",
              e ? x[e] - TAP_X : x[e] + TAP_X, s->y, s->y + height);
  }
  s->y += height;
}

/* Words over several lines, each `characters` long at the most; beside lifelines, if there are. */
static void put_words(struct svg *s, unsigned x, unsigned characters, const char *class,
                      const char *text) {
  char line[LADDER_LINE_SIZE];
  while (*text) {
    size_t n = strlen(text), end = n;
    if (draw_width(text) > characters) {
      for (end = characters; end > 0 && text[end] != ' ';) end--;
      if (end == 0) end = strcspn(text, " ");
    }
    snprintf(line, sizeof line, "%.*s", (int)end, text);
    go_down(s, LINE);
    put_text(s, x, s->y - 5, class, line);
    text += end + (text[end] == ' ');
  }
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void put_cross(struct svg *s, int x, unsigned y) {
  fprintf(s->body.file,
          "<path class=\"x\" style=\"stroke-dasharray:none\" d=\"M%d %ul10 10m0 -10l-10 10\"/>\n",
          x - 5, y - 5);
}

/* A ring where one of two taps has it. */
static void put_rings(struct svg *s, const struct draw_row *row, unsigned y) {
  unsigned near = row->from == END_CLIENT ? LEFT_X + TAP_X : RIGHT_X - TAP_X;
  unsigned far = row->from == END_CLIENT ? RIGHT_X - TAP_X : LEFT_X + TAP_X;
  if (row->seen == SEGMENT_SEEN_HERE) return;
  fprintf(s->body.file, "<g class=\"%s\">", row->from == END_CLIENT ? "c" : "s");
  if (row->seen != SEGMENT_SEEN_BY_RECEIVER)
    fprintf(s->body.file, "<circle class=\"d\" cx=\"%u\" cy=\"%u\" r=\"4\"/>", near, y);
  if (row->seen != SEGMENT_SEEN_BY_SENDER)
    fprintf(s->body.file, "<circle class=\"d\" cx=\"%u\" cy=\"%u\" r=\"4\"/>", far, y);
  fputs("</g>\n", s->body.file);
}

static void put_arrow(struct svg *s, const struct draw_row *row, unsigned y) {
  bool by_client = row->from == END_CLIENT;
  unsigned from = by_client ? LEFT_X + 6 : RIGHT_X - 6, to = by_client ? RIGHT_X - 16 : LEFT_X + 16;
  const char *who = by_client ? "c" : "s", *heavy = row->what == DRAW_RST ? " r" : "";
  int back = by_client ? -10 : 10;
  if (row->is_lost) to = by_client ? RIGHT_X - TAP_X - 24 : LEFT_X + TAP_X + 24;
  fprintf(s->body.file, "<g class=\"%s\"><path class=\"w%s\" d=\"M%u %uH%u\"/>", who, heavy, from,
          y, to);
  if (!row->is_lost)
    fprintf(s->body.file, "<path class=\"h\" d=\"M%d %ul%d -5v10z\"/>", (int)to - back, y, back);
  fputs("</g>\n", s->body.file);
  if (row->is_lost) put_cross(s, (int)to - back, y);
  put_rings(s, row, y);
  unsigned room = draw_width(row->label) * 783 / 100 + 12;
  fprintf(s->body.file, "<rect class=\"g\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"16\"/>",
          MIDDLE_X - room / 2, y - 8, room);
  put_text(s, MIDDLE_X, y + 4, "m", row->label);
}

static void put_stub(struct svg *s, const struct draw_row *row, unsigned y) {
  bool by_client = row->from == END_CLIENT;
  unsigned from = by_client ? LEFT_X + 6 : RIGHT_X - 6;
  int step = by_client ? 1 : -1, cross = (int)from + step * 60;
  char label[DRAW_LABEL_SIZE + 8];
  fprintf(s->body.file, "<path class=\"x\" d=\"M%u %uh%d\"/>", from, y, step * 50);
  put_cross(s, cross, y);
  snprintf(label, sizeof label, "%s", row->label);
  put_text(s, (unsigned)(cross + step * 14), y + 4, by_client ? "xt" : "xt e", label);
}

static void put_row(struct svg *s, const struct draw_row *row) {
  static const unsigned x[] = {LEFT_X - 14, RIGHT_X + 14};
  static const char *const classes[] = {"c o e", "s o"};
  unsigned y = s->y + ROW / 2;
  char text[64];
  for (unsigned e = 0; e < 2; e++) s->life[e] = row->end[e].state;
  s->has_lives = true;
  go_down(s, ROW);
  if (row->has_time) {
    struct out elapsed = out_string(text, sizeof text);
    draw_elapsed(&elapsed, row->elapsed_us);
    put_text(s, TIME_X, y + 4, "t", out_text_of(&elapsed));
  }
  for (unsigned e = 0; e < 2; e++) {
    char state[32];
    if (!row->end[e].named) continue;
    draw_state(&s->ladder.draw, &row->end[e], state);
    const char *kernel = row->end[e].kernel ? "◆" : "";
    snprintf(text, sizeof text, e ? "%2$s%3$s%1$s" : "%1$s%3$s%2$s", kernel, state,
             *kernel ? " " : "");
    fputs(e ? "<g class=\"s\">" : "<g class=\"c\">", s->body.file);
    put_text(s, x[e], y + 4, classes[e], text);
    fputs("</g>", s->body.file);
  }
  switch (row->what) {
    case DRAW_STATES: break;
    case DRAW_ARROW:
    case DRAW_RST: put_arrow(s, row, y); break;
    case DRAW_LOST: put_stub(s, row, y); break;
    case DRAW_SPAN: put_text(s, MIDDLE_X, y + 4, "m n", row->label); break;
  }
  put_text(s, COUNT_X, y + 4, "e b", row->count);
}

static const char *judgement_class(enum draw_paint paint) {
  switch (paint) {
    case DRAW_GOOD: return "b good";
    case DRAW_BAD: return "b bad";
    case DRAW_DOUBT: return "b doubt";
    case DRAW_NO_PAINT:
    case DRAW_DIM:
    case DRAW_BOLD:
    case DRAW_KERNEL: break;
  }
  return "b";
}

static void show(struct ladder *l, struct piece *p) {
  struct svg *s = (struct svg *)l;
  if (!picture_takes(&s->limit, l, p)) {
    free(p);
    return;
  }
  switch (p->kind) {
    case PIECE_TITLE:
      s->has_lives = false;
      s->y += s->limit.drawn > 1 ? 2 * LINE : LINE / 2;
      put_words(s, MARGIN, CHARACTERS, "b", p->text);
      break;
    case PIECE_HEADER:
      s->y += LINE;
      fputs("<g class=\"c\">", s->body.file);
      put_text(s, LEFT_X - 14, s->y, "o e", "client");
      fputs("</g><g class=\"s\">", s->body.file);
      put_text(s, RIGHT_X + 14, s->y, "o", "server");
      fputs("</g>", s->body.file);
      s->has_taps = p->row.seen != SEGMENT_SEEN_HERE;
      if (s->has_taps) {
        bool first = p->row.tap == (p->row.from == END_CLIENT ? 0 : 1);
        put_text(s, LEFT_X + TAP_X, s->y, "m n", first ? "tap A" : "tap B");
        put_text(s, RIGHT_X - TAP_X, s->y, "m n", first ? "tap B" : "tap A");
      }
      s->y += 6;
      break;
    case PIECE_ROW:
    case PIECE_KERNEL: put_row(s, &p->row); break;
    case PIECE_MARGIN: break; /* a picture has none */
    case PIECE_NOTE: put_words(s, NOTE_X, NOTE_CHARACTERS, "n", p->text); break;
    case PIECE_JUDGEMENT:
      s->has_lives = false;
      s->y += 8;
      put_words(s, MARGIN, CHARACTERS, judgement_class(p->paint), p->text);
      break;
    case PIECE_SENTENCE: put_words(s, MARGIN, CHARACTERS, "", p->text); break;
  }
  free(p);
}

/* ---- The report ----------------------------------------------------------------------------- */

static void svg_summary(struct report *r, const struct report_summary *summary) {
  struct svg *s = (struct svg *)r;
  (void)summary;
  s->has_lives = false;
  if (s->limit.drawn == 0) put_words(s, MARGIN, CHARACTERS, "", "no connection closed");
  if (s->limit.left_out > 0) {
    char text[128];
    snprintf(text, sizeof text, "and %llu more connections: a filter shows them",
             (unsigned long long)s->limit.left_out);
    s->y += LINE;
    put_words(s, MARGIN, CHARACTERS, "n", text);
  }
  s->y += LINE;
  if (!memory_is_whole(&s->body)) {
    r->out->error = ENOMEM;
    return;
  }
  out_printf(
      r->out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u "
      "%u\" role=\"img\">\n<title>TCP connections as they closed</title>\n",
      (unsigned)WIDTH, s->y, (unsigned)WIDTH, s->y);
  out_text(r->out, STYLE);
  out_bytes(r->out, s->body.text, s->body.size);
  out_text(r->out, "</svg>\n");
}

static void svg_destroy(struct report *r) {
  struct svg *s = (struct svg *)r;
  ladder_forget(&s->ladder);
  memory_close(&s->body);
  free(s);
}

struct report *report_svg_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .segment = ladder_segment,
      .expired = ladder_expired,
      .kernel = ladder_kernel,
      .verdict = ladder_verdict,
      .summary = svg_summary,
      .destroy = svg_destroy,
  };
  struct svg *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  struct report_options still = ladder_as_picture(options);
  ladder_init(&s->ladder, &class, out, &still, show, true);
  s->y = MARGIN / 2;
  if (memory_open(&s->body)) return &s->ladder.base;
  free(s);
  return NULL;
}
