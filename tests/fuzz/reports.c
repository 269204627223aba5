#include "tests/fuzz/reports.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/report/lesson.h"
#include "capture/report/page.h"
#include "capture/report/pictures.h"
#include "capture/report/rows.h"
#include "tests/fuzz/texts.h"

enum { ROOM = 1 << 19 };

/* It has a form feed before the solutions. */
static bool is_worksheet(const char *text, size_t n) {
  const char *feed = memchr(text, '\f', n);
  if (!feed) return is_printable(text, n);
  size_t before = (size_t)(feed - text);
  return is_printable(text, before) && is_printable(feed + 1, n - before - 1);
}

static const struct {
  const char *name;
  struct report *(*new)(struct out *, const struct report_options *);
  bool (*is_right)(const char *, size_t);
} kinds[] = {
    {"json", report_json_new, is_ndjson},        {"lines", report_lines_new, is_printable},
    {"ladder", report_ladder_new, is_printable}, {"worksheet", report_worksheet_new, is_worksheet},
    {"rows", report_rows_new, is_printable},     {"svg", report_svg_new, is_xml},
    {"mermaid", report_mermaid_new, is_mermaid}, {"page", report_page_new, is_page},
};
static_assert(sizeof kinds / sizeof *kinds == FUZZ_REPORTS, "a row for each");

void fuzz_reports_make(struct fuzz_reports *all, const struct report_options *options) {
  static char room[FUZZ_REPORTS][ROOM];
  for (unsigned i = 0; i < FUZZ_REPORTS; i++) {
    all->out[i] = out_string(room[i], ROOM);
    all->report[i] = kinds[i].new(&all->out[i], options);
    if (!all->report[i]) abort();
  }
}

void fuzz_reports_check(struct fuzz_reports *all) {
  for (unsigned i = 0; i < FUZZ_REPORTS; i++) {
    struct out *out = &all->out[i];
    bool cut_off = out->end == out->size;
    if (cut_off || kinds[i].is_right(out->buffer, out->end)) continue;
    fprintf(stderr, "%s is not what it must be:\n%s\n", kinds[i].name, out_text_of(out));
    abort();
  }
}
