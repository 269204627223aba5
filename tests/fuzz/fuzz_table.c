/* Any octets as what the table is told (segments, verdicts, who waits, what there was before), as
 * the names in it, as keys, and as a terminal of any size. What is drawn must be printable: what
 * a name brings along does not reach ncurses, which would obey some of it. */
#include <dlfcn.h>
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/recent.h"
#include "capture/report/table.h"
#include "tests/fuzz/texts.h"
#include "tests/fuzz/world.h"

enum { FLOWS = 6, NAME_MAX_OCTETS = 60, TOLD_MAX = 200, KEYS_MAX = 16 };
#define SECOND_US INT64_C(1000000)

static struct flow flows[FLOWS];
static struct kernel_view views[FLOWS];

/* ---- A terminal ------------------------------------------------------------------------------
 */

static int keys;

/* What is typed comes from a file, and what is drawn goes nowhere. */
static void be_a_terminal(void) {
  keys = memfd_create("keys", MFD_CLOEXEC);
  FILE *nowhere = fopen("/dev/null", "w");
  if (keys < 0 || !nowhere || dup2(keys, STDIN_FILENO) < 0) abort();
  stdout = nowhere;
  setlocale(LC_ALL, "C.UTF-8");
  setenv("TERM", "xterm", 1);
}

static void set_size(struct input *in) {
  char text[8];
  snprintf(text, sizeof text, "%d", 1 + take_octet(in) % 60);
  setenv("LINES", text, 1);
  snprintf(text, sizeof text, "%d", 1 + take_octet(in));
  setenv("COLUMNS", text, 1);
}

static void type_keys(struct input *in) {
  static const char *const often[] = {"\r", "/",    "s",      "?",      "j",
                                      "k",  "\x1b", "\x1b[B", "\x1b[A", "\x7f"};
  if (ftruncate(keys, 0) != 0 || lseek(keys, 0, SEEK_SET) != 0) abort();
  for (unsigned i = take_octet(in) % KEYS_MAX; i > 0; i--) {
    uint8_t octet = take_octet(in);
    const char *key = often[octet % (sizeof often / sizeof *often)];
    ssize_t n = octet < 128 ? write(keys, &octet, 1) : write(keys, key, strlen(key));
    if (n < 0) abort();
  }
  if (lseek(keys, 0, SEEK_SET) != 0) abort();
}

/* All text of the table comes through here, to ncurses' own (what is linked dynamically finds this
 * first). */
int waddnstr(WINDOW *window, const char *text, int n) {
  static int (*real)(WINDOW *, const char *, int);
  size_t length = strlen(text);
  if (!is_printable(text, length) || strchr(text, '\n')) {
    endwin();
    fprintf(stderr, "drawn: %s\n", text);
    abort();
  }
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "waddnstr");
  return real(window, text, n);
}

/* ---- What is told ----------------------------------------------------------------------------
 */

static void tell_segment(struct report *table, struct input *in, struct flow *flow, int64_t t_us) {
  struct model_step step;
  enum end from = take_octet(in) % 2 ? END_CLIENT : END_SERVER;
  struct segment segment =
      world_segment(in, &flow->model.end[from], &flow->model.end[end_other(from)], t_us);
  struct report_segment event = {.flow = flow, .segment = &segment, .step = &step};
  for (unsigned e = 0; e < 2; e++) event.state_before[e] = flow->model.end[e].state;
  model_step(&flow->model, from, &segment, &step);
  REPORT_TELL(table, segment, &event);
}

static void tell_verdict(struct report *table, struct input *in, struct flow *flow,
                         int64_t now_us) {
  struct verdict verdict;
  uint8_t how = take_octet(in);
  verdict_make(&verdict, &flow->model, now_us);
  if (flow->kernel)
    verdict_hear(&verdict, &flow->model, &flow->kernel->witness, (const bool[]){true, true});
  if (how & 1) {
    REPORT_TELL(table, stuck, flow, &verdict, how * SECOND_US, now_us);
  } else {
    flow->verdicts++;
    REPORT_TELL(table, verdict, flow, &verdict, now_us);
  }
}

static void make_flow(struct input *in, unsigned i) {
  uint8_t how = take_octet(in);
  struct flow *flow = &flows[i];
  *flow = (struct flow){.number = i + 1, .key = {.family = how & 1 ? 4 : 6}};
  flow->key.port[0] = (uint16_t)(how & 2 ? 443 : 50000 + i);
  flow->key.port[1] = 80;
  views[i] = (struct kernel_view){0};
  if (how & 4) {
    world_kernel(in, &views[i]);
    flow->kernel = &views[i];
  }
  model_init(&flow->model, MODEL_LINUX_2MSL_US);
}

static void tell(struct report *table, struct input *in) {
  char source[NAME_MAX_OCTETS], filter[NAME_MAX_OCTETS];
  int64_t now_us = 1700000000 * SECOND_US;
  uint8_t how = take_octet(in);
  take_text(in, source, sizeof source);
  take_text(in, filter, sizeof filter);
  REPORT_TELL(table, start, source, how & 1 ? filter : NULL, NULL);
  if (how & 2) {
    struct kernel_inventory inventory;
    world_inventory(in, &inventory);
    REPORT_TELL(table, inventory, &inventory, now_us);
  }
  for (unsigned i = 0; i < FLOWS; i++) make_flow(in, i);
  for (unsigned i = 0; i < TOLD_MAX && in->at < in->end; i++) {
    uint8_t what = take_octet(in);
    struct flow *flow = &flows[what % FLOWS];
    if (what < 150) {
      tell_segment(table, in, flow, now_us += take_octet(in) * INT64_C(4999));
    } else if (what < 200) {
      tell_verdict(table, in, flow, now_us);
    } else {
      now_us += (what < 250 ? take_octet(in) * INT64_C(99999) : -5 * SECOND_US);
      type_keys(in);
      REPORT_TELL(table, tick, NULL, now_us);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  static char text[1 << 16];
  struct input in = {octets, octets + n};
  if (keys == 0) be_a_terminal();
  uint8_t how = take_octet(&in);
  /* A table always has packets to save; nothing is written here. */
  static const struct recent recent = {.error = "w: not here"};
  const struct report_options options = {.verbose = how & 1,
                                         .ascii = how & 2,
                                         .raw = how & 4,
                                         .live = true,
                                         .columns = 80,
                                         .recent = &recent};
  struct out out = out_string(text, sizeof text);
  set_size(&in);
  struct report *table = report_table_new(&out, &options);
  if (!table) abort();
  tell(table, &in);
  if (how & 8) REPORT_TELL(table, summary, NULL);
  table->class->destroy(table);
  return 0;
}
