/* The table: many closes at once, the worst first, equal ones folded; a strip above tells how many
 * there are in each state, who closes first, and at which rate. Keys open the ladder of a row. */
#include <ctype.h>
#include <errno.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "capture/recent.h"
#include "capture/report/ladder.h"
#include "capture/report/table.h"
#include "capture/report/table_rows.h"

enum {
  TOP = 6, /* lines above the rows */
  SECONDS = 10,
  LADDER_TEXT = 1 << 16,
  COLUMNS_ROOMY = 100, /* less: who holds it comes before the states, which may be cut */
};
#define DRAW_EVERY_US INT64_C(100000)

struct table {
  struct ladder ladder; /* of each connection, for when it is opened */
  struct table_rows rows;
  uint64_t first[3], closes, resets;
  unsigned closes_in[SECONDS], resets_in[SECONDS]; /* by second */
  int64_t second;
  char inventory[TEXT_SIZE], title[FLOW_NAME_SIZE * 2], filter[40], name[80], message[256];
  struct table_fold fold[TABLE_FOLDS_MAX];
  unsigned n_folds, selected, scrolled;
  uint32_t open; /* the connection whose ladder is shown, 0 */
  int64_t drawn_us;
  enum table_sort sort;
  unsigned ephemeral_ports;
  SCREEN *screen;
  struct sigaction on_stop; /* ncurses' own, of Ctrl-Z */
  enum { TYPES_NOTHING, TYPES_FILTER, TYPES_NAME } types;
  bool help, hidden, left, may_leave;
};

/* ---- What is told --------------------------------------------------------------------------- */

static void no_memory(struct table *t) { t->ladder.base.out->error = ENOMEM; }

static struct table_row *row_of(struct table *t, const struct flow *f, int64_t t_us) {
  struct table_row *r = table_row_touch(&t->rows, f, t_us);
  if (!r) no_memory(t);
  return r;
}

static void count_second(struct table *t, int64_t now_us) {
  int64_t second = now_us / 1000000;
  if (second <= t->second) return;
  if (t->second == 0 || second - t->second > SECONDS) t->second = second - SECONDS;
  while (t->second < second) {
    t->second++;
    t->closes_in[t->second % SECONDS] = t->resets_in[t->second % SECONDS] = 0;
  }
}

static void table_opened(struct report *report, const struct flow *f, int64_t t_us) {
  struct table *t = (struct table *)report;
  struct table_row *r = row_of(t, f, t_us);
  if (r) table_row_open(&t->rows, r);
}

static void table_segment(struct report *report, const struct report_segment *s) {
  struct table *t = (struct table *)report;
  struct table_row *r = row_of(t, s->flow, s->segment->t_us);
  if (r && r->rank != RANK_RESET) r->rank = RANK_CLOSING;
  if (r && s->step->roles & ROLE_RST) r->rank = RANK_RESET;
  ladder_segment(report, s);
}

static void table_expired(struct report *report, const struct flow *f,
                          const struct model_step *step, int64_t now_us) {
  struct table *t = (struct table *)report;
  if (table_row_find(&t->rows, f->number)) (void)row_of(t, f, now_us);
  ladder_expired(report, f, step, now_us);
}

static void table_verdict(struct report *report, const struct flow *f, const struct verdict *v,
                          int64_t now_us) {
  struct table *t = (struct table *)report;
  if (v->ending == ENDING_OPEN && v->n_findings == 0) return;
  struct table_row *r = row_of(t, f, now_us);
  if (r) table_row_judge(r, v);
  count_second(t, now_us);
  if (f->verdicts <= 1) {
    t->closes++;
    t->closes_in[t->second % SECONDS]++;
    t->first[v->closed_first]++;
    if (v->ending == ENDING_RESET) t->resets++, t->resets_in[t->second % SECONDS]++;
  }
  ladder_verdict(report, f, v, now_us);
}

static void table_stuck(struct report *report, const struct flow *f, const struct verdict *v,
                        int64_t waits_us, int64_t now_us) {
  struct table *t = (struct table *)report;
  struct table_row *r = row_of(t, f, now_us);
  if (!r) return;
  table_row_judge(r, v);
  if (v->only_half_closed) {
    r->rank = RANK_CLOSING;
    snprintf(r->what, sizeof r->what, "has not closed yet");
  }
  r->since_us = now_us - waits_us;
}

static void table_inventory(struct report *report, const struct kernel_inventory *in,
                            int64_t now_us) {
  struct table *t = (struct table *)report;
  struct out text = out_string(t->inventory, sizeof t->inventory);
  text_inventory(&text, in);
  t->ephemeral_ports = in->ephemeral_ports;
  (void)out_text_of(&text);
  for (uint32_t i = 0; i < in->n_groups; i++)
    if (!table_rows_add_before(&t->rows, &in->group[i], now_us)) no_memory(t);
}

/* Pieces of a ladder are kept for as long as their row is. */
static void keep_piece(struct ladder *l, struct piece *p) {
  struct table *t = (struct table *)l;
  struct table_row *r = p->number > 0 ? table_row_find(&t->rows, p->number) : NULL;
  if (!r || !table_row_keep(&t->rows, r, p)) free(p);
}

/* ---- Drawing -------------------------------------------------------------------------------- */

/* A line, with a mark where it is cut: a pid without its last digits is another's. What comes from
 * outside may be in it. */
static void put_line(const struct table *t, int y, const char *text) {
  char buffer[1024];
  struct out line = out_string(buffer, sizeof buffer);
  out_printable(&line, text);
  char *shown = (char *)out_text_of(&line), *last = shown;
  bool is_cut = draw_width(shown) > (unsigned)COLS;
  for (int column = 1; is_cut && column < COLS; last++)
    if (((unsigned char)last[1] & 0xc0) != 0x80) column++;
  if (is_cut) *last = '\0';
  move(y, 0);
  clrtoeol();
  addstr(shown);
  if (is_cut) addstr(t->ladder.draw.ascii ? "~" : draw_glyph(&t->ladder.draw, DRAW_ELLIPSIS));
}

/* What a key has brought about, or is asking; else `nothing`. */
static void put_message(const struct table *t, int y, const char *nothing) {
  char text[256];
  snprintf(text, sizeof text, "save the packets of what is shown as: %s", t->name);
  put_line(t, y, t->types == TYPES_NAME ? text : *t->message ? t->message : nothing);
}

static void fold_all(struct table *t, int64_t now_us) {
  t->n_folds = table_rows_fold(&t->rows, t->filter, t->sort, now_us, t->fold);
  if (t->selected >= t->n_folds) t->selected = t->n_folds > 0 ? t->n_folds - 1 : 0;
}

static void put_strip(struct table *t) {
  static const enum tcp_state shown[] = {TCPS_CLOSE_WAIT, TCPS_LAST_ACK, TCPS_FIN_WAIT_1,
                                         TCPS_FIN_WAIT_2, TCPS_CLOSING,  TCPS_TIME_WAIT};
  static const char *const sorts[] = {"worst", "newest", "port"};
  char text[512];
  unsigned closes = 0, resets = 0, n = 0;
  for (unsigned i = 0; i < SECONDS; i++) closes += t->closes_in[i], resets += t->resets_in[i];
  snprintf(text, sizeof text, "%s   %s first%s%s   %sq quit  ? help", t->title, sorts[t->sort],
           *t->filter || t->types == TYPES_FILTER ? "   /" : "", t->filter,
           t->may_leave ? "l ladder  " : "");
  attron(A_BOLD);
  put_line(t, 0, text);
  attroff(A_BOLD);
  n = (unsigned)snprintf(text, sizeof text, "open %u", t->rows.n_open);
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
    if (COLS < COLUMNS_ROOMY && t->rows.in_state[shown[i]] == 0) continue;
    n += (unsigned)snprintf(text + n, sizeof text - n, "  %s %llu", tcp_state_name(shown[i]),
                            (unsigned long long)t->rows.in_state[shown[i]]);
    if (shown[i] == TCPS_TIME_WAIT && t->ephemeral_ports > 0)
      n += (unsigned)snprintf(text + n, sizeof text - n, " of %u ports", t->ephemeral_ports);
  }
  put_line(t, 1, text);
  snprintf(text, sizeof text,
           "closes %.1f/s, resets %.1f/s; %llu closes, %llu reset; first: client %llu, server %llu",
           closes / (double)SECONDS, resets / (double)SECONDS, (unsigned long long)t->closes,
           (unsigned long long)t->resets, (unsigned long long)t->first[END_CLIENT],
           (unsigned long long)t->first[END_SERVER]);
  put_line(t, 2, text);
  put_line(t, 3, *t->inventory ? t->inventory : "before the start: nothing that closes");
  put_message(t, 4, "");
  attron(A_UNDERLINE);
  put_line(t, 5,
           COLS < COLUMNS_ROOMY
               ? "      n   port     for  what, who, and client server states"
               : "              n   port     for  what                    client server states");
  attroff(A_UNDERLINE);
}

static void put_fold(const struct table *t, int y, const struct table_fold *f, bool selected,
                     int64_t now_us) {
  static const char *const marks[2][RANKS] = {{"✗", "●", "↯", "·", "○", "✓"},
                                              {"!", "*", "R", "-", "o", "+"}};
  const struct table_row *r = f->oldest;
  char text[512], states[48];
  double age_s = (double)(now_us - r->since_us) / 1e6;
  const char *mark = marks[t->ladder.draw.ascii][r->rank], *gap = *r->holder ? "  " : "";
  if (age_s < 0) age_s = 0;
  table_row_states(r, states);
  if (COLS < COLUMNS_ROOMY)
    snprintf(text, sizeof text, "%s %5u %6u %6.0f s  %s%s%s  %s", mark, f->n, (unsigned)r->port,
             age_s, r->what, gap, r->holder, states);
  else
    snprintf(text, sizeof text, "%s %-8s %5u %6u %6.0f s  %-22s  %s%s%s", mark,
             table_rank_name(r->rank), f->n, (unsigned)r->port, age_s, r->what, states, gap,
             r->holder);
  if (selected) attron(A_REVERSE);
  if (r->rank <= RANK_STUCK) attron(A_BOLD);
  put_line(t, y, text);
  attroff(A_REVERSE | A_BOLD);
}

/* What to do about the selected one. */
static const char *remedy_of(const struct table *t) {
  const char *remedy = "";
  if (t->n_folds == 0) return remedy;
  const struct table_row *r = t->fold[t->selected].oldest;
  for (unsigned id = 0; id < FINDING_COUNT; id++)
    if (strcmp(finding_text(id)->id, r->what) == 0) remedy = finding_text(id)->remedy;
  for (unsigned c = RESET_NONE + 1; c < RESET_CAUSE_COUNT; c++)
    if (strcmp(reset_cause_name(c), r->what) == 0 && !*remedy) remedy = reset_text(c)->remedy;
  if (r->number == 0 && r->state[0] == TCPS_CLOSE_WAIT)
    remedy = finding_text(FINDING_CLOSE_WAIT_STUCK)->remedy;
  return remedy;
}

/* Folded to the screen, from that line on. Returns how many lines it takes, also where there is no
 * room for them. */
static int put_folded(const struct table *t, int y, const char *text) {
  char buffer[1024];
  struct out lines = out_string(buffer, sizeof buffer);
  struct draw draw = {.out = &lines, .columns = (unsigned)COLS};
  int n = 0;
  draw_text(&draw, 0, text);
  char *line = (char *)out_text_of(&lines);
  for (char *end; (end = strchr(line, '\n')); line = end + 1, n++) {
    *end = '\0';
    if (y + n < LINES) put_line(t, y + n, line);
  }
  return n;
}

static void put_ladder(struct table *t) {
  static char text[LADDER_TEXT];
  struct out out = out_string(text, sizeof text), *own = t->ladder.draw.out;
  const struct table_row *row = table_row_find(&t->rows, t->open);
  const struct block *waiting = ladder_find_block(&t->ladder, t->open);
  t->ladder.draw.out = &out;
  t->ladder.printed_us = 0; /* it is drawn again and again, from its beginning */
  t->ladder.last_number = t->ladder.last_opened = 0;
  t->ladder.base.options.columns = (unsigned)COLS;
  for (struct piece *p = row ? row->pieces.first : NULL; p; p = p->next) ladder_draw(&t->ladder, p);
  for (struct piece *p = waiting ? waiting->queue.first : NULL; p; p = p->next)
    ladder_draw(&t->ladder, p);
  t->ladder.draw.out = own;
  erase();
  int y = 0;
  unsigned skip = t->scrolled;
  for (char *line = strtok((char *)out_text_of(&out), "\n"); line && y < LINES - 1;
       line = strtok(NULL, "\n")) {
    if (skip > 0) {
      skip--;
      continue;
    }
    mvaddstr(y++, 0, line);
  }
  if (y == 0) mvaddstr(0, 0, "its segments were not kept: too many connections");
  attron(A_BOLD);
  put_message(t, LINES - 1, "Esc, Enter back   arrows scroll   w save   q quit");
  attroff(A_BOLD);
}

static void put_help(const struct table *t) {
  static const char *const lines[] = {
      "Enter   the ladder of a row: of its oldest connection",
      "/       show only rows with these words: stuck, reset, a port, a program; Enter",
      "s       sort: worst first, newest first, by port",
      "w       save the packets of what is shown (of one connection, or of the rows): type a name",
      "l       the ladder, where the table came by itself",
      "arrows  select      q  quit      ?  this",
      "",
      ("stuck: somebody is waited for; reset: a RST; closing: FINs are on their way; closed: for "
       "ten seconds. Rows that say the same are one: n counts them, and the oldest is shown."),
  };
  erase();
  int y = 0;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) y += put_folded(t, y, lines[i]);
}

static void draw(struct table *t, int64_t now_us) {
  if (t->open) {
    put_ladder(t);
  } else if (t->help) {
    put_help(t);
  } else {
    fold_all(t, now_us);
    erase();
    put_strip(t);
    const char *remedy = remedy_of(t);
    int room = LINES - TOP - put_folded(t, LINES, remedy);
    unsigned first =
        room > 0 && t->selected >= (unsigned)room ? t->selected - (unsigned)room + 1 : 0;
    for (int y = 0; y < room && first + (unsigned)y < t->n_folds; y++)
      put_fold(t, TOP + y, &t->fold[first + (unsigned)y], first + (unsigned)y == t->selected,
               now_us);
    if (room > 0) put_folded(t, TOP + room, remedy);
  }
  refresh();
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static bool is_wanted(void *context, uint32_t number) {
  const struct table *t = context;
  if (t->open) return number == t->open;
  const struct table_row *r = table_row_find(&t->rows, number);
  return r && table_row_passes(r, t->filter, t->drawn_us);
}

static void save(struct table *t) {
  const struct recent *recent = t->ladder.base.options.recent;
  unsigned saved = 0;
  if (!*t->name) return;
  if (*recent->error) {
    snprintf(t->message, sizeof t->message, "%.*s", (int)sizeof t->message - 1, recent->error);
    return;
  }
  int error = recent_save(recent, t->name, is_wanted, t, &saved);
  const char *remedy = error == EEXIST   ? "; choose another name"
                       : error == EINVAL ? "; a name alone: it goes into the folder of the start"
                       : error == EACCES
                           ? "; start in a folder that this user may write, or with -Z USER"
                           : "";
  if (error == 0)
    snprintf(t->message, sizeof t->message, "%u packets saved in %s", saved, t->name);
  else
    snprintf(t->message, sizeof t->message, "%s: %s%s", t->name, strerror(error), remedy);
}

static bool is_enter(int key) { return key == '\n' || key == '\r' || key == KEY_ENTER; }

static void type(struct table *t, int key) {
  char *typed = t->types == TYPES_FILTER ? t->filter : t->name;
  size_t n = strlen(typed);
  size_t size = t->types == TYPES_FILTER ? sizeof t->filter : sizeof t->name;
  if (is_enter(key)) {
    if (t->types == TYPES_NAME) save(t);
    t->types = TYPES_NOTHING;
  } else if (key == 0x1b) {
    t->types = TYPES_NOTHING;
    typed[0] = '\0';
  } else if ((key == KEY_BACKSPACE || key == 0x7f || key == '\b') && n > 0) {
    typed[n - 1] = '\0';
  } else if (key < 0x80 && isprint(key) && n + 1 < size) {
    typed[n] = (char)key;
    typed[n + 1] = '\0';
  }
}

static void open_ladder(struct table *t) {
  if (t->n_folds == 0) return;
  t->open = t->fold[t->selected].oldest->number;
  t->scrolled = 0;
  if (t->open == 0)
    snprintf(t->message, sizeof t->message,
             "there before the start: no segment of it was captured");
}

static void press(struct table *t, int key) {
  if (t->types != TYPES_NOTHING) {
    type(t, key);
    return;
  }
  t->message[0] = '\0';
  if (key == 'q') {
    t->ladder.base.out->error = EPIPE; /* the reader has seen what it wanted */
  } else if (key == 'w') {
    t->types = TYPES_NAME;
    t->name[0] = '\0';
  } else if (key == 'l' && t->may_leave) {
    t->left = true;
  } else if (t->open) {
    if (is_enter(key) || key == 0x1b) t->open = 0;
    if (key == KEY_DOWN) t->scrolled++;
    if (key == KEY_UP && t->scrolled > 0) t->scrolled--;
  } else if (t->help) {
    t->help = false;
  } else if (is_enter(key)) {
    open_ladder(t);
  } else if (key == '?') {
    t->help = true;
  } else if (key == '/') {
    t->types = TYPES_FILTER;
    t->filter[0] = '\0';
  } else if (key == 's') {
    t->sort = (t->sort + 1) % SORTS;
  } else if (key == KEY_DOWN || key == 'j') {
    t->selected += t->selected + 1 < t->n_folds;
  } else if ((key == KEY_UP || key == 'k') && t->selected > 0) {
    t->selected--;
  }
}

static void table_tick(struct report *report, const struct report_summary *so_far, int64_t now_us) {
  struct table *t = (struct table *)report;
  (void)so_far;
  if (!t->screen || t->hidden) return;
  bool pressed = false;
  for (int key; (key = getch()) != ERR; pressed = true) {
    if (!pressed) fold_all(t, now_us); /* rows may have gone since the last drawing */
    press(t, key);
  }
  count_second(t, now_us);
  if (t->left || (!pressed && now_us - t->drawn_us < DRAW_EVERY_US)) return;
  t->drawn_us = now_us;
  draw(t, now_us);
}

/* ---- The report ----------------------------------------------------------------------------- */

static void table_start(struct report *report, const char *source, const char *filter,
                        const char *kernel_lack) {
  struct table *t = (struct table *)report;
  (void)kernel_lack;
  snprintf(t->title, sizeof t->title, "%s%s%s", source, filter ? ": " : "", filter ? filter : "");
}

/* Once: a second time would put the cursor where it was when the table was made, into the ladder.
 */
static void calm(void) {
  if (!isendwin()) endwin();
}

static void leave(struct table *t) {
  if (!t->screen) return;
  calm();
  delscreen(t->screen);
  t->screen = NULL;
}

static void table_summary(struct report *report, const struct report_summary *summary) {
  (void)summary;
  leave((struct table *)report);
}

static void table_destroy(struct report *report) {
  struct table *t = (struct table *)report;
  leave(t);
  table_rows_free(&t->rows);
  ladder_forget(&t->ladder);
  free(t);
}

void report_table_hide(struct report *report, bool hidden) {
  struct table *t = (struct table *)report;
  struct sigaction as_usual = {.sa_handler = SIG_DFL};
  t->hidden = hidden;
  t->may_leave = true;
  if (hidden) {
    calm();
    sigaction(SIGTSTP, &as_usual, &t->on_stop);
    return;
  }
  sigaction(SIGTSTP, &t->on_stop, NULL);
  clearok(stdscr, TRUE);
  snprintf(t->message, sizeof t->message,
           "%u connections are open together: hence the table. l brings the ladder back; --format "
           "decides at the start",
           t->rows.n_open);
}

uint32_t report_table_open(const struct report *report) {
  return ((const struct table *)report)->rows.n_open;
}

bool report_table_is_left(const struct report *report) {
  return ((const struct table *)report)->left;
}

struct report *report_table_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .start = table_start,
      .opened = table_opened,
      .segment = table_segment,
      .expired = table_expired,
      .verdict = table_verdict,
      .summary = table_summary,
      .stuck = table_stuck,
      .tick = table_tick,
      .inventory = table_inventory,
      .destroy = table_destroy,
  };
  struct table *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  ladder_init(&t->ladder, &class, out, options, keep_piece, true);
  t->ladder.base.options.terminal = false;
  t->ladder.draw.color = false;
  t->screen = newterm(NULL, stdout, stdin);
  if (!t->screen) {
    free(t);
    return NULL;
  }
  clearok(stdscr, TRUE);
  cbreak();
  noecho();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(50);
  curs_set(0);
  return &t->ladder.base;
}
