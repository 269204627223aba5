#include "capture/report/draw.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  COLUMNS_MIN = 60,   /* narrower: vertical */
  COLUMNS_ROOMY = 76, /* a space between state and mark */
  COLUMNS_WITH_CLOCK = 96,
  PROSE_MAX =
      120, /* columns, however wide the terminal is: no eye finds its way back from further */
  BESIDE_MAX = 72, /* beside lifelines, so many of its own */
  WIRE_MAX = 40,
  WORD_SIZE = 512,
  ROW_SIZE = 1024, /* glyphs of three octets, and colours */
};

struct layout {
  bool vertical, roomy;
  unsigned clock, time, state, wire;
};

/* clang-format off */
static const char *const glyphs[2][DRAW_GLYPHS] = {
    {[DRAW_TO] = "→", [DRAW_DOT] = "·", [DRAW_TIMES] = "×", [DRAW_CROSS] = "✗", [DRAW_TICK] = "✓",
     [DRAW_BULLET] = "●", [DRAW_BOLT] = "↯", [DRAW_FULL] = "▓", [DRAW_EMPTY] = "░",
     [DRAW_ELLIPSIS] = "…", [DRAW_DOUBT_GLYPH] = "?"},
    {[DRAW_TO] = "->", [DRAW_DOT] = "-", [DRAW_TIMES] = "x", [DRAW_CROSS] = "!", [DRAW_TICK] = "+",
     [DRAW_BULLET] = "*", [DRAW_BOLT] = "R", [DRAW_FULL] = "#", [DRAW_EMPTY] = ".",
     [DRAW_ELLIPSIS] = ".", [DRAW_DOUBT_GLYPH] = "?"},
};
/* clang-format on */

const char *draw_glyph(const struct draw *d, enum draw_glyph glyph) {
  return glyphs[d->ascii][glyph];
}

unsigned draw_columns(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = getenv("COLUMNS");
  int n = columns ? atoi(columns) : 0;
  return n > 0 ? (unsigned)n : 80;
}

unsigned draw_width(const char *text) {
  unsigned n = 0;
  for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
  return n;
}

static unsigned clock_width(enum text_time form) {
  switch (form) {
    case TEXT_TIME_NONE: return 0;
    case TEXT_TIME_OF_DAY:
    case TEXT_TIME_DELTA:
    case TEXT_TIME_FIRST: return 16;
    case TEXT_TIME_EPOCH: return 18;
    case TEXT_TIME_DATE: return 27;
  }
  return 0;
}

static struct layout layout_of(const struct draw *d) {
  enum { COUNT = 7, LIFELINES = 2 };
  struct layout l = {.vertical = d->columns < COLUMNS_MIN, .roomy = d->columns >= COLUMNS_ROOMY};
  if (d->columns >= COLUMNS_WITH_CLOCK) l.clock = clock_width(d->clock.form);
  l.time = l.roomy ? 11 : 10;
  l.state = l.roomy ? 14 : 12;
  unsigned used = l.clock + l.time + 2 * l.state + LIFELINES + (l.roomy ? COUNT : 4);
  l.wire = d->columns > used ? d->columns - used : 0;
  if (l.wire > WIRE_MAX) l.wire = WIRE_MAX;
  return l;
}

/* ---- Pieces --------------------------------------------------------------------------------- */

static void spaces(struct out *o, unsigned n) {
  while (n-- > 0) out_char(o, ' ');
}

static void pad(struct out *o, const char *text, unsigned width, bool right_aligned) {
  unsigned have = draw_width(text);
  unsigned room = have < width ? width - have : 0;
  if (right_aligned) spaces(o, room);
  out_text(o, text);
  if (!right_aligned) spaces(o, room);
}

static void repeat(struct out *o, const char *glyph, unsigned n) {
  while (n-- > 0) out_text(o, glyph);
}

static void code(const struct draw *d, const char *sgr) {
  if (d->color) out_printf(d->out, "\033[%sm", sgr);
}

void draw_paint(const struct draw *d, enum draw_paint paint) {
  switch (paint) {
    case DRAW_NO_PAINT: code(d, "0"); break;
    case DRAW_DIM: code(d, "2"); break;
    case DRAW_BOLD: code(d, "1"); break;
    case DRAW_GOOD: code(d, "1;32"); break;
    case DRAW_BAD: code(d, "1;31"); break;
    case DRAW_DOUBT: code(d, "1;33"); break;
    case DRAW_KERNEL: code(d, "36"); break;
  }
}

void draw_elapsed(struct out *o, int64_t us) {
  static const struct {
    int64_t below_us, decimal_us;
    unsigned decimals;
    const char *unit;
  } scales[] = {
      {999950, 100, 1, " ms"},
      {INT64_C(9999500), 1000, 3, " s"},
      {INT64_C(999950000), 100000, 1, " s"},
      {INT64_C(59997000000), 6000000, 1, " min"},
      {INT64_MAX, INT64_C(360000000), 1, " h"},
  };
  int64_t magnitude = us < 0 ? -us : us;
  unsigned i = 0;
  while (magnitude >= scales[i].below_us) i++;
  out_char(o, us > -50 ? '+' : '-');
  out_fixed(o, (magnitude + scales[i].decimal_us / 2) / scales[i].decimal_us, scales[i].decimals);
  out_text(o, scales[i].unit);
}

static void put_times(struct draw *d, const struct layout *l, const struct draw_row *row) {
  char buffer[TEXT_SIZE];
  if (l->clock > 0) {
    struct out clock = out_string(buffer, sizeof buffer);
    if (row->has_time) text_time(&clock, &d->clock, row->t_us);
    pad(d->out, out_text_of(&clock), l->clock, false);
  }
  struct out elapsed = out_string(buffer, sizeof buffer);
  if (row->has_time) draw_elapsed(&elapsed, row->elapsed_us);
  pad(d->out, out_text_of(&elapsed), l->time - 1, true);
  out_char(d->out, ' ');
}

static const char *mark_of(const struct draw *d, enum draw_mark mark) {
  switch (mark) {
    case DRAW_PLAIN: return "";
    case DRAW_PRESUMED: return "?";
    case DRAW_PROVED: return draw_glyph(d, DRAW_TICK);
    case DRAW_REFUTED: return draw_glyph(d, DRAW_CROSS);
  }
  return "";
}

const char *draw_state(const struct draw *d, const struct draw_end *e, char buffer[static 32]) {
  const char *mark = mark_of(d, e->mark);
  snprintf(buffer, 32, "%s%s%s", tcp_state_name(e->state), *mark ? " " : "", mark);
  return buffer;
}

static const char *state_text(const struct draw *d, const struct layout *l,
                              const struct draw_end *e, char buffer[static 32]) {
  buffer[0] = '\0';
  if (!e->named) return buffer;
  if (d->blank) {
    snprintf(buffer, 32, "___________");
    return buffer;
  }
  const char *name = tcp_state_name(e->state), *mark = mark_of(d, e->mark);
  bool apart = l->roomy && *mark && strlen(name) + 2 < l->state;
  snprintf(buffer, 32, "%s%s%s", name, apart ? " " : "", mark);
  return buffer;
}

/* The left one: with the kernel's mark beside its lifeline. */
static void put_client(struct draw *d, const struct layout *l, const struct draw_end *e) {
  char buffer[32];
  code(d, "34");
  pad(d->out, state_text(d, l, e, buffer), l->state - 1, false);
  out_text(d->out, e->kernel ? (d->ascii ? "k" : "◆") : draw_width(buffer) < l->state ? " " : "");
  code(d, "0");
}

static void put_server(struct draw *d, const struct layout *l, const struct draw_row *row) {
  const struct draw_end *e = &row->end[END_SERVER];
  char buffer[32];
  unsigned width = l->roomy ? 12 : 11;
  bool more = *row->count || e->kernel;
  if (!more && !e->named) return;
  if (l->roomy) out_char(d->out, ' ');
  code(d, "33");
  pad(d->out, state_text(d, l, e, buffer), more ? width : 0, false);
  if (e->kernel) out_text(d->out, d->ascii ? "k" : "◆");
  code(d, "0");
  if (!*row->count) return;
  spaces(d->out, (e->kernel || draw_width(buffer) > width ? 0U : 1U) + (l->roomy ? 1U : 0U));
  out_text(d->out, row->count);
}

static const char *lifeline(const struct draw *d, enum tcp_state state) {
  static const char *const heavy[] = {"┃", "#"}, *const light[] = {"│", "|"},
                           *const dotted[] = {"┊", ":"};
  if (d->blank) return light[d->ascii];
  switch (state) {
    case TCPS_SYN_SENT:
    case TCPS_SYN_RECEIVED:
    case TCPS_ESTABLISHED:
    case TCPS_CLOSE_WAIT: return heavy[d->ascii];
    case TCPS_FIN_WAIT_1:
    case TCPS_FIN_WAIT_2:
    case TCPS_CLOSING:
    case TCPS_LAST_ACK: return light[d->ascii];
    case TCPS_TIME_WAIT: return dotted[d->ascii];
    case TCPS_CLOSED:
    case TCPS_LISTEN:
    case TCPS_COUNT: break;
  }
  return " ";
}

/* From one end to the other, around the label. */
static void put_arrow(struct draw *d, const struct layout *l, const struct draw_row *row) {
  static const char *const shafts[2][2] = {{"─", "-"}, {"━", "="}};
  bool rst = row->what == DRAW_RST, to_right = row->from == END_CLIENT;
  const char *shaft = shafts[rst][d->ascii];
  const char *head = to_right ? (d->ascii ? ">" : "▶") : (d->ascii ? "<" : "◀");
  unsigned label = draw_width(row->label);
  bool fits = label + 3 <= l->wire; /* else it stands below */
  unsigned words = fits && label > 0 ? label + 2 : 0;
  unsigned room = l->wire - 1 - words;
  unsigned near = words == 0 ? room : room > 8 ? 3 : room > 2 ? 1 : 0, far = room - near;
  code(d, rst ? "31" : to_right ? "34" : "33");
  if (!to_right) out_text(d->out, head);
  repeat(d->out, shaft, near);
  if (words > 0) {
    out_char(d->out, ' ');
    out_text(d->out, row->label);
    out_char(d->out, ' ');
  }
  repeat(d->out, shaft, far);
  if (to_right) out_text(d->out, head);
  code(d, "0");
}

/* It leaves its sender and does not get across. */
static void put_stub(struct draw *d, const struct layout *l, const struct draw_row *row) {
  const char *dotted = d->ascii ? ".." : "╌╌", *cross = draw_glyph(d, DRAW_CROSS);
  char text[DRAW_LABEL_SIZE + 16];
  bool to_right = row->from == END_CLIENT;
  if (to_right)
    snprintf(text, sizeof text, "%s %s %s", dotted, row->label, cross);
  else
    snprintf(text, sizeof text, "%s %s %s", cross, row->label, dotted);
  code(d, "35");
  pad(d->out, text, l->wire, !to_right);
  code(d, "0");
}

static void put_span(struct draw *d, const struct layout *l, const struct draw_row *row) {
  char label[DRAW_LABEL_SIZE];
  snprintf(label, sizeof label, "%s", row->label);
  /* Where it does not fit, its beginning tells enough. */
  if (draw_width(label) > l->wire) label[strcspn(label, ":;")] = '\0';
  unsigned width = draw_width(label), room = l->wire > width ? l->wire - width : 0;
  code(d, "2");
  spaces(d->out, room / 2);
  pad(d->out, label, l->wire - room / 2, false);
  code(d, "0");
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void put_vertical(struct draw *d, const struct layout *l, const struct draw_row *row) {
  static const char *const names[] = {"client", "server"};
  struct out *o = d->out;
  char buffer[32], elapsed[TEXT_SIZE];
  if (row->what != DRAW_STATES) {
    struct out text = out_string(elapsed, sizeof elapsed);
    if (row->has_time) draw_elapsed(&text, row->elapsed_us);
    pad(o, out_text_of(&text), 9, true);
    out_char(o, ' ');
    if (row->what != DRAW_SPAN) {
      out_text(o, names[row->from]);
      out_char(o, ' ');
    }
    if (row->what == DRAW_LOST) out_text(o, draw_glyph(d, DRAW_CROSS));
    if (row->what == DRAW_LOST) out_char(o, ' ');
    out_text(o, row->label);
    if (*row->count) out_char(o, ' ');
    out_text(o, row->count);
    out_char(o, '\n');
  }
  for (unsigned e = 0; e < 2; e++) {
    if (!row->end[e].named) continue;
    spaces(o, 10);
    out_text(o, lifeline(d, row->end[e].state));
    out_char(o, ' ');
    out_text(o, names[e]);
    out_char(o, ' ');
    out_text(o, state_text(d, l, &row->end[e], buffer));
    if (row->end[e].kernel) out_text(o, d->ascii ? " k" : " ◆");
    out_char(o, '\n');
  }
}

void draw_header(struct draw *d) {
  struct layout l = layout_of(d);
  if (l.vertical) return;
  spaces(d->out, l.clock + l.time);
  pad(d->out, "client", l.state + l.wire + 2 + (l.roomy ? 1 : 0), false);
  out_text(d->out, "server\n");
}

static void put_row(struct draw *d, const struct layout *layout, const struct draw_row *row) {
  const struct layout l = *layout;
  struct out *o = d->out;
  put_times(d, &l, row);
  put_client(d, &l, &row->end[END_CLIENT]);
  out_text(o, lifeline(d, row->end[END_CLIENT].state));
  switch (row->what) {
    case DRAW_STATES: spaces(o, l.wire); break;
    case DRAW_ARROW:
    case DRAW_RST: put_arrow(d, &l, row); break;
    case DRAW_LOST: put_stub(d, &l, row); break;
    case DRAW_SPAN: put_span(d, &l, row); break;
  }
  out_text(o, lifeline(d, row->end[END_SERVER].state));
  put_server(d, &l, row);
}

/* What a row with lifelines alone takes, and a space behind it. */
static unsigned rungs_width(const struct layout *l) {
  return l->clock + l->time + l->state + 1 + l->wire + 1 + 1;
}

/* The lifelines of a row, with its time if it has one, and a space. */
static void put_rungs(struct draw *d, const struct layout *l, const struct draw_row *row) {
  struct draw_row rungs = {.t_us = row->t_us,
                           .elapsed_us = row->elapsed_us,
                           .has_time = row->has_time,
                           .what = DRAW_STATES,
                           .end = {{.state = row->end[0].state}, {.state = row->end[1].state}}};
  put_row(d, l, &rungs);
  out_char(d->out, ' ');
}

void draw_row(struct draw *d, const struct draw_row *row) {
  struct layout l = layout_of(d);
  struct out *o = d->out;
  if (l.vertical) {
    put_vertical(d, &l, row);
    return;
  }
  char buffer[ROW_SIZE];
  struct out line = out_string(buffer, sizeof buffer);
  d->out = &line;
  put_row(d, &l, row);
  d->out = o;
  while (line.end > 0 && buffer[line.end - 1] == ' ') line.end--;
  out_bytes(o, buffer, line.end);
  out_char(o, '\n');
  bool has_arrow = row->what == DRAW_ARROW || row->what == DRAW_RST;
  if (has_arrow && draw_width(row->label) + 3 > l.wire) draw_note(d, row->label);
}

/* ---- Words ---------------------------------------------------------------------------------- */

static bool is_one_of(const char *const names[], size_t n, const char *text, size_t length) {
  for (size_t i = 0; i < n; i++)
    if (strlen(names[i]) == length && strncmp(names[i], text, length) == 0) return true;
  return false;
}

/* A number and what it counts or names stay together: "60.0 s", "pid 6". */
static size_t word_length(const char *text) {
  static const char *const units[] = {"us", "ms", "s", "min", "h", "B"}, *const named[] = {"pid",
                                                                                           "fd"};
  size_t length = strcspn(text, " ");
  if (length == 0 || text[length] != ' ') return length;
  const char *next = text + length + 1;
  bool counts = text[0] >= '0' && text[0] <= '9' &&
                is_one_of(units, sizeof units / sizeof *units, next, strcspn(next, " ,;:.()"));
  bool names = is_one_of(named, sizeof named / sizeof *named, text, length);
  return counts || names ? length + 1 + strcspn(next, " ") : length;
}

/* Whoever wraps a text begins each further line, whose words stand behind `indent` columns. */
struct hanging {
  unsigned indent;
  const struct draw_row *beside; /* a row whose lifelines stand before them; NULL: spaces */
};

static void begin_line(struct draw *d, const struct hanging *h) {
  struct layout l = layout_of(d);
  unsigned at = 0;
  if (h->beside) {
    put_rungs(d, &l, h->beside);
    at = rungs_width(&l);
  }
  spaces(d->out, h->indent - at);
}

static unsigned prose_columns(const struct draw *d, const struct hanging *h) {
  unsigned most = h->indent + BESIDE_MAX > PROSE_MAX ? h->indent + BESIDE_MAX : PROSE_MAX;
  return d->columns < 20 ? 20 : d->columns > most ? most : d->columns;
}

/* The words of a text, the first of which stand behind `at` columns. */
static void wrap_words(struct draw *d, unsigned at, const struct hanging *h, const char *text) {
  struct out *o = d->out;
  unsigned columns = prose_columns(d, h);
  bool begins = true;
  while (*text) {
    size_t length = word_length(text);
    char raw[WORD_SIZE], buffer[4 * WORD_SIZE];
    struct out word = out_string(buffer, sizeof buffer);
    snprintf(raw, sizeof raw, "%.*s", (int)length, text);
    out_printable(&word, raw);
    unsigned width = draw_width(out_text_of(&word));
    if (!begins && at + 1 + width > columns) {
      out_char(o, '\n');
      begin_line(d, h);
      at = h->indent;
    } else if (!begins) {
      out_char(o, ' ');
      at++;
    }
    begins = false;
    out_bytes(o, word.buffer, word.end);
    at += width;
    text += length + (text[length] == ' ');
  }
  out_char(o, '\n');
}

/* The first line behind `first` columns, the last of which hold `lead`, the others behind `indent`.
 */
static void wrap(struct draw *d, unsigned first, unsigned indent, const char *lead,
                 const char *text) {
  spaces(d->out, first - draw_width(lead));
  out_text(d->out, lead);
  wrap_words(d, first, &(struct hanging){.indent = indent}, text);
}

void draw_note(struct draw *d, const char *text) {
  struct layout l = layout_of(d);
  draw_paint(d, DRAW_DIM);
  unsigned indent = l.clock + l.time + 2;
  wrap(d, indent, indent, d->ascii ? "` " : "└ ", text);
  draw_paint(d, DRAW_NO_PAINT);
}

void draw_margin(struct draw *d, const struct draw_row *row, const char *text) {
  enum { MARGIN_MIN = 48 }; /* less is no room for words */
  struct layout l = layout_of(d);
  struct draw_row further = *row;
  const char *who = row->label;
  if (*who == '\0') {
    draw_hanging(d, text);
    return;
  }
  bool is_beside = !l.vertical && d->columns >= rungs_width(&l) + MARGIN_MIN;
  unsigned at = is_beside ? rungs_width(&l) : l.clock + l.time;
  further.has_time = false;
  if (is_beside)
    put_rungs(d, &l, row);
  else
    put_times(d, &l, row);
  code(d, row->from == END_CLIENT ? "34" : row->from == END_SERVER ? "33" : "2");
  out_printable(d->out, who);
  out_char(d->out, ' ');
  at += draw_width(who) + 1;
  struct hanging hanging = {.indent = at, .beside = is_beside ? &further : NULL};
  wrap_words(d, at, &hanging, text);
  code(d, "0");
}

void draw_text(struct draw *d, unsigned indent, const char *text) {
  wrap(d, indent, indent, "", text);
}

void draw_hanging(struct draw *d, const char *text) { wrap(d, 0, 3, "", text); }

void draw_items(struct draw *d, unsigned indent, const char *const items[], unsigned n) {
  enum { APART = 3 };
  unsigned at = 0, columns = prose_columns(d, &(struct hanging){.indent = indent});
  for (unsigned i = 0; i < n; i++) {
    unsigned width = draw_width(items[i]);
    if (at > 0 && at + APART + width > columns) {
      out_char(d->out, '\n');
      at = 0;
    }
    unsigned room = at > 0 ? APART : indent;
    spaces(d->out, room);
    out_text(d->out, items[i]);
    at += room + width;
  }
  out_char(d->out, '\n');
}
