/* Drawing: the rows of a ladder, for any width, in UTF-8 and in ASCII. A row knows what is to be
 * seen; where that stands is decided when it is drawn, so that a terminal may change its width.
 *
 *   lifeline  heavy: this end can still send; light: it has sent its FIN; dotted: TIME_WAIT; none
 *   mark      ? presumed; a tick: its own segment proves it; a cross: it was taken back
 *   kernel    beside the state: the kernel says the same
 *
 * Below 60 columns there is no room for two lifelines: then the rows stand one below the other. */
#ifndef TEARDOWN_CAPTURE_REPORT_DRAW_H
#define TEARDOWN_CAPTURE_REPORT_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/report/out.h"
#include "capture/report/text.h"
#include "common/model/connection.h"

enum draw_mark { DRAW_PLAIN, DRAW_PRESUMED, DRAW_PROVED, DRAW_REFUTED };

enum draw_what {
  DRAW_STATES, /* no segment: what both ends are in */
  DRAW_ARROW,
  DRAW_RST,  /* heavy, so that it stands out without colour */
  DRAW_LOST, /* it was sent and never seen: it has no time */
  DRAW_SPAN, /* words between the lifelines */
};

enum { DRAW_LABEL_SIZE = 96, DRAW_COUNT_SIZE = 12 };

struct draw_row {
  int64_t t_us, elapsed_us;
  bool has_time; /* the two are shown */
  enum draw_what what : 8;
  enum end from : 8;
  enum segment_seen seen : 8; /* of two vantage points */
  uint8_t tap;                /* the one nearer to `from`: 0 or 1 */
  bool is_lost;               /* between the two */
  char label[DRAW_LABEL_SIZE];
  char count[DRAW_COUNT_SIZE]; /* "3/4", "again" */
  struct draw_end {
    enum tcp_state state : 8; /* after the row: it makes the lifeline */
    enum draw_mark mark : 8;
    bool named;  /* the state is written, for it is new, or what is known of it */
    bool kernel; /* its kernel says so */
  } end[2];
};

struct draw {
  struct out *out;
  unsigned columns;
  bool ascii, color;
  bool blank;              /* states are to be filled in, and lifelines do not betray them */
  struct text_clock clock; /* its form, and what it remembers */
};

enum draw_paint {
  DRAW_NO_PAINT,
  DRAW_DIM,
  DRAW_BOLD,
  DRAW_GOOD,
  DRAW_BAD,
  DRAW_DOUBT,
  DRAW_KERNEL
};

/* What stands for a meaning, in the alphabet that is chosen. */
enum draw_glyph {
  DRAW_TO,
  DRAW_DOT,
  DRAW_TIMES,
  DRAW_CROSS,
  DRAW_TICK,
  DRAW_BULLET, /* stuck */
  DRAW_BOLT,   /* reset */
  DRAW_FULL,
  DRAW_EMPTY,
  DRAW_ELLIPSIS,
  DRAW_DOUBT_GLYPH, /* cannot tell */
  DRAW_GLYPHS
};
const char *draw_glyph(const struct draw *draw, enum draw_glyph glyph);

/* The width of the terminal at stdout, by COLUMNS where there is none; else 80. */
unsigned draw_columns(void);

/* The columns that a text takes. */
unsigned draw_width(const char *text);

void draw_paint(const struct draw *draw, enum draw_paint paint);

/* The names of the two columns. */
void draw_header(struct draw *draw);

void draw_row(struct draw *draw, const struct draw_row *row);

/* "FIN_WAIT_2 ?", "TIME_WAIT (tick)". Returns buffer. */
const char *draw_state(const struct draw *draw, const struct draw_end *end, char buffer[static 32]);

/* Words below a row. */
void draw_note(struct draw *draw, const char *text);

/* What one of the peers printed, whose name is the row's label: beside lifelines where there is
 * room enough, else on a line of its own. Of nobody (the label is empty), the text alone. What
 * comes from outside may be in both. */
void draw_margin(struct draw *draw, const struct draw_row *row, const char *text);

/* Words over the whole width, behind `indent` columns; what comes from outside may be in them. */
void draw_text(struct draw *draw, unsigned indent, const char *text);

/* The same from the first column on; further lines stand behind three. */
void draw_hanging(struct draw *draw, const char *text);

/* Behind `indent` columns, as many on a line as it has room for. */
void draw_items(struct draw *draw, unsigned indent, const char *const items[], unsigned n);

/* "+43.1 ms", "+2.503 s", "+60.1 s", "+20.6 min": never more than nine columns. */
void draw_elapsed(struct out *out, int64_t us);

#endif
