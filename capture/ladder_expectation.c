#include "capture/ladder_expectation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/report/rows.h"

/* A file is written by hand: what is longer is another file. */
enum { LINE_SIZE = 4096, LINES_MAX = 65536, LADDERS_MAX = 64, ROWS_MAX = 256, FIELDS_MAX = 16 };

struct field {
  unsigned number; /* of rows_field_name */
  char wanted[TEXT_SIZE], actual[TEXT_SIZE];
};

struct ladder {
  struct rows_row row[ROWS_MAX];
  struct field field[FIELDS_MAX];
  unsigned n_rows, n_fields;
  /* What was seen. */
  unsigned matched; /* rows, from the first on */
  bool differs;     /* the row after those is another one */
  struct rows_row actual;
  bool has_verdict;
};

struct ladder_expectation {
  struct ladder *ladder[LADDERS_MAX]; /* of connection 1, 2, ... */
  unsigned n;
  uint32_t connections; /* the largest number that was seen with a verdict */
};

struct watcher {
  struct report report;
  struct ladder_expectation *expectation;
};

/* ---- Reading -------------------------------------------------------------------------------- */

/* Where a line is wrong, and how. */
struct complaint {
  char *text;
  size_t size;
  const char *file;
  unsigned line;
};

static bool __attribute__((format(printf, 2, 3)))
complain(const struct complaint *c, const char *format, ...) {
  int n = snprintf(c->text, c->size, "%s: line %u: ", c->file, c->line);
  va_list arguments;
  va_start(arguments, format);
  if (n > 0 && (size_t)n < c->size) vsnprintf(c->text + n, c->size - (size_t)n, format, arguments);
  va_end(arguments);
  for (char *t = c->text; *t; t++)
    if ((unsigned char)*t < ' ' || *t == 0x7f) *t = '?'; /* the file's words may be anything */
  return false;
}

/* What a cell may hold: a slip of the pen should not look like a wrong ladder. */
static bool is_cell(enum rows_cell cell, const char *text) {
  enum tcp_state state;
  static const char *const roles = " fin1 fin2 ack1 final-ack rst syn data ";
  char word[ROWS_CELL_SIZE + 2];
  switch (cell) {
    case ROWS_FROM: return strcmp(text, "client") == 0 || strcmp(text, "server") == 0;
    case ROWS_ROLE:
      for (size_t n; *text; text += n + (text[n] == '+')) {
        n = strcspn(text, "+");
        snprintf(word, sizeof word, " %.*s ", (int)n, text);
        if (n == 0 || !strstr(roles, word)) return false;
      }
      return true;
    case ROWS_AGAIN: return strspn(text, "0123456789") == strlen(text);
    case ROWS_COUNT:
      return strlen(text) == 3 && strchr("01234", text[0]) && text[1] == '/' &&
             strchr("34", text[2]);
    case ROWS_CLIENT_STATE:
    case ROWS_SERVER_STATE:
      return tcp_state_parse(text, &state) && strcmp(text, tcp_state_name(state)) == 0;
    case ROWS_CELLS: break;
  }
  return false;
}

static bool read_row(struct ladder *ladder, char *line, const struct complaint *c) {
  static const char *const wanted[] = {
      [ROWS_FROM] = "neither client nor server, nor 'verdict'",
      [ROWS_ROLE] =
          ("no role; there are fin1, ack1, fin2, final-ack, rst, syn and data, and two in "
           "one segment as fin2+ack1"),
      [ROWS_AGAIN] = "no number of copies that came before",
      [ROWS_COUNT] = "no count such as 3/4",
      [ROWS_CLIENT_STATE] = "no state such as FIN_WAIT_1",
      [ROWS_SERVER_STATE] = "no state such as FIN_WAIT_1"};
  if (ladder->n_rows == ROWS_MAX) return complain(c, "a ladder has at most %d rows", ROWS_MAX);
  struct rows_row *row = &ladder->row[ladder->n_rows++];
  char *rest = NULL, *word = strtok_r(line, " \t", &rest);
  for (unsigned i = 0; i < ROWS_CELLS; i++, word = strtok_r(NULL, " \t", &rest)) {
    if (!word) return complain(c, "a row has six words: who, role, again, count, both states");
    if (strlen(word) >= ROWS_CELL_SIZE || !is_cell(i, word))
      return complain(c, "'%s' is %s", word, wanted[i]);
    strcpy(row->cell[i], word);
  }
  return word ? complain(c, "'%s' is a seventh word, and a row has six", word) : true;
}

static bool read_field(struct ladder *ladder, char *word, const struct complaint *c) {
  char *equals = strchr(word, '=');
  if (!equals) return complain(c, "'%s' is no FIELD=VALUE", word);
  *equals = '\0';
  for (unsigned i = 0; rows_field_name(i); i++) {
    if (strcmp(rows_field_name(i), word) != 0) continue;
    if (ladder->n_fields == FIELDS_MAX) return complain(c, "%s is given too often", word);
    struct field *field = &ladder->field[ladder->n_fields++];
    field->number = i;
    snprintf(field->wanted, sizeof field->wanted, "%s", equals + 1);
    return true;
  }
  return complain(c, "a verdict has no field '%s'; --rows writes all of them", word);
}

/* One line without its comment; `*open` is the ladder that has no verdict yet, if there is one. */
static bool read_line(struct ladder_expectation *e, char *line, struct ladder **open,
                      const struct complaint *c) {
  static const char verdict[] = "verdict";
  line[strcspn(line, "#\n")] = '\0';
  line += strspn(line, " \t");
  if (!*line) return true;
  if (!*open) {
    if (e->n == LADDERS_MAX) return complain(c, "a file has at most %d ladders", LADDERS_MAX);
    e->ladder[e->n] = calloc(1, sizeof **open);
    if (!e->ladder[e->n]) return complain(c, "out of memory");
    *open = e->ladder[e->n++];
  }
  size_t n = strcspn(line, " \t");
  if (n != sizeof verdict - 1 || strncmp(line, verdict, n) != 0) return read_row(*open, line, c);
  char *rest = NULL;
  for (char *word = strtok_r(line + n, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
    if (!read_field(*open, word, c)) return false;
  *open = NULL;
  return true;
}

static bool read_ladders(struct ladder_expectation *e, FILE *in, struct complaint *c) {
  char line[LINE_SIZE];
  struct ladder *open = NULL;
  for (c->line = 1; fgets(line, sizeof line, in); c->line++) {
    size_t n = strlen(line);
    if (n == 0) return complain(c, "has an octet 0, and so is no text");
    if (n == sizeof line - 1 && line[n - 1] != '\n')
      return complain(c, "longer than %d characters", LINE_SIZE - 2);
    if (c->line > LINES_MAX) return complain(c, "a file has at most %d lines", LINES_MAX);
    if (!read_line(e, line, &open, c)) return false;
  }
  if (ferror(in)) return complain(c, "cannot read: %s", strerror(errno));
  if (open || e->n == 0)
    return complain(c, "a ladder ends with a line 'verdict', and %s",
                    e->n ? "the last has none" : "there is none");
  return true;
}

struct ladder_expectation *ladder_expectation_read(const char *file, char *error, size_t size) {
  FILE *in = fopen(file, "r");
  if (!in) {
    snprintf(error, size, "cannot read %s: %s; choose another file", file, strerror(errno));
    return NULL;
  }
  struct complaint c = {error, size, file, 0};
  struct ladder_expectation *e = calloc(1, sizeof *e);
  if (!e) snprintf(error, size, "out of memory");
  if (e && !read_ladders(e, in, &c)) {
    ladder_expectation_free(e);
    e = NULL;
  }
  fclose(in);
  return e;
}

void ladder_expectation_free(struct ladder_expectation *e) {
  for (unsigned i = 0; e && i < e->n; i++) free(e->ladder[i]);
  free(e);
}

/* ---- Looking on ----------------------------------------------------------------------------- */

static struct ladder *ladder_of(struct report *r, const struct flow *flow) {
  struct ladder_expectation *e = ((struct watcher *)r)->expectation;
  return flow->number > 0 && flow->number <= e->n ? e->ladder[flow->number - 1] : NULL;
}

static bool is_same(const struct rows_row *a, const struct rows_row *b) {
  for (unsigned i = 0; i < ROWS_CELLS; i++)
    if (strcmp(a->cell[i], b->cell[i]) != 0) return false;
  return true;
}

/* Another piece of the data that a row before stands for. */
static bool is_more_data(const struct ladder *ladder, const struct rows_row *row) {
  if (strcmp(row->cell[ROWS_ROLE], "data") != 0) return false;
  for (unsigned i = 0; i < ladder->matched; i++)
    if (is_same(&ladder->row[i], row)) return true;
  return false;
}

static void see_segment(struct report *r, const struct report_segment *s) {
  struct ladder *ladder = ladder_of(r, s->flow);
  struct rows_row row;
  if (!ladder || ladder->differs || !rows_of_segment(s, &row)) return;
  if (is_more_data(ladder, &row)) return;
  if (ladder->matched < ladder->n_rows && is_same(&ladder->row[ladder->matched], &row)) {
    ladder->matched++;
    return;
  }
  ladder->differs = true;
  ladder->actual = row;
}

/* Given again, a verdict is revised: the last one counts. */
static void see_verdict(struct report *r, const struct flow *flow, const struct verdict *v,
                        int64_t now_us) {
  (void)now_us;
  struct ladder_expectation *e = ((struct watcher *)r)->expectation;
  struct ladder *ladder = ladder_of(r, flow);
  if (flow->number > e->connections) e->connections = flow->number;
  if (!ladder) return;
  ladder->has_verdict = true;
  for (unsigned i = 0; i < ladder->n_fields; i++) {
    struct field *field = &ladder->field[i];
    char buffer[TEXT_SIZE];
    snprintf(field->actual, sizeof field->actual, "%s",
             rows_field_value(field->number, flow, v, buffer));
  }
}

static void stop_watching(struct report *r) { free(r); }

struct report *ladder_expectation_watch(struct ladder_expectation *e) {
  static const struct report_class class = {
      .segment = see_segment,
      .verdict = see_verdict,
      .destroy = stop_watching,
  };
  struct watcher *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->report = (struct report){.class = &class};
  w->expectation = e;
  return &w->report;
}

/* ---- The differences ------------------------------------------------------------------------ */

/* "connection 2, " where there are several. */
static size_t say_connection(const struct ladder_expectation *e, unsigned connection,
                             char buffer[static LADDER_DIFFERENCE_SIZE]) {
  buffer[0] = '\0';
  if (e->n == 1) return 0;
  return (size_t)snprintf(buffer, LADDER_DIFFERENCE_SIZE, "connection %u, ", connection);
}

/* "role, count": the cells that are not the same. */
static void say_cells(const struct rows_row *a, const struct rows_row *b, char *buffer,
                      size_t size) {
  size_t n = 0;
  buffer[0] = '\0';
  for (unsigned i = 0; i < ROWS_CELLS; i++)
    if (n < size && strcmp(a->cell[i], b->cell[i]) != 0)
      n += (size_t)snprintf(buffer + n, size - n, "%s%s", n ? ", " : "", rows_cell_name(i));
}

static bool rows_differ(const struct ladder *ladder) {
  return ladder->differs || ladder->matched < ladder->n_rows;
}

static void say_row(const struct ladder *ladder, char *buffer, size_t size) {
  char wanted[ROWS_TEXT_SIZE] = "no row", actual[ROWS_TEXT_SIZE] = "no row", cells[128] = "";
  const struct rows_row *row = &ladder->row[ladder->matched];
  bool more = ladder->matched < ladder->n_rows;
  if (more) rows_text(row, wanted);
  if (ladder->differs) rows_text(&ladder->actual, actual);
  if (more && ladder->differs) say_cells(row, &ladder->actual, cells, sizeof cells);
  snprintf(buffer, size, "row %u: expected '%s', actual '%s'%s%s", ladder->matched + 1, wanted,
           actual, *cells ? "; not the same: " : "", cells);
}

static bool field_differs(const struct field *field) {
  return strcmp(field->wanted, field->actual) != 0;
}

const char *ladder_expectation_difference(const struct ladder_expectation *e, unsigned i,
                                          char buffer[static LADDER_DIFFERENCE_SIZE]) {
  if (e->connections != e->n && i-- == 0) {
    snprintf(buffer, LADDER_DIFFERENCE_SIZE, "connections: expected %u, actual %u", e->n,
             e->connections);
    return buffer;
  }
  for (unsigned c = 0; c < e->n; c++) {
    const struct ladder *ladder = e->ladder[c];
    size_t n = say_connection(e, c + 1, buffer);
    if (rows_differ(ladder) && i-- == 0) {
      say_row(ladder, buffer + n, LADDER_DIFFERENCE_SIZE - n);
      return buffer;
    }
    for (unsigned k = 0; k < ladder->n_fields; k++) {
      const struct field *field = &ladder->field[k];
      if (!field_differs(field) || i-- != 0) continue;
      snprintf(buffer + n, LADDER_DIFFERENCE_SIZE - n, "%s: expected '%s', actual '%s'",
               rows_field_name(field->number), field->wanted,
               ladder->has_verdict ? field->actual : "no verdict");
      return buffer;
    }
  }
  return NULL;
}
