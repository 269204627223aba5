/* What a live report is told late stands where it belongs all the same, as long as that has not
 * been written; and the time before each line is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/report/ordered.h"

/* Says when a connection opened, and nothing of those whose number is 0. */
static void say_opened(struct report *r, const struct flow *f, int64_t t_us) {
  if (f->number > 0) out_printf(r->out, "#%u %lld\n", f->number, (long long)t_us);
}

static void say_summary(struct report *r, const struct report_summary *summary) {
  (void)summary;
  out_text(r->out, "end\n");
}

static void destroy(struct report *r) { free(r); }

static struct report *say_new(struct out *out, const struct report_options *options) {
  static const struct report_class class = {
      .opened = say_opened, .summary = say_summary, .destroy = destroy};
  struct report *r = calloc(1, sizeof *r);
  if (r) *r = (struct report){&class, out, *options};
  return r;
}

struct told {
  struct out out;
  struct report *report;
  char written[1024];
};

static void begin(struct told *t, enum text_time form) {
  struct report_options options = {.live = true, .clock.form = form};
  t->out = out_string(t->written, sizeof t->written);
  t->report = report_ordered_new(say_new, form != TEXT_TIME_NONE, &t->out, &options);
  assert_non_null(t->report);
}

static void opened(struct told *t, uint32_t number, int64_t t_us) {
  struct flow *f = calloc(1, sizeof *f);
  assert_non_null(f);
  f->number = number;
  t->report->class->opened(t->report, f, t_us);
  free(f);
}

static void heard(struct told *t, int64_t until_us) {
  t->report->class->heard(t->report, until_us);
}

static void end(struct told *t) {
  t->report->class->summary(t->report, NULL);
  t->report->class->destroy(t->report);
}

static void late_words_stand_at_their_time(void **unused) {
  (void)unused;
  struct told t;
  begin(&t, TEXT_TIME_NONE);
  opened(&t, 1, 1000);
  opened(&t, 2, 3000);
  opened(&t, 3, 2000); /* late */
  opened(&t, 4, 3000);
  opened(&t, 5, 500); /* later still */
  opened(&t, 0, 2500);
  assert_string_equal(out_text_of(&t.out), ""); /* all of them wait */
  heard(&t, 2999);
  assert_string_equal(out_text_of(&t.out), "#5 500\n#1 1000\n#3 2000\n");
  opened(&t, 6, 1500); /* too late: it is not lost */
  heard(&t, 3000);
  assert_string_equal(out_text_of(&t.out), "#5 500\n#1 1000\n#3 2000\n#6 1500\n#2 3000\n#4 3000\n");
  opened(&t, 7, 9000);
  end(&t);
  assert_string_equal(out_text_of(&t.out),
                      "#5 500\n#1 1000\n#3 2000\n#6 1500\n#2 3000\n#4 3000\n#7 9000\nend\n");
}

static void times_since_the_line_before_are_those_of_what_is_written(void **unused) {
  (void)unused;
  struct told t;
  begin(&t, TEXT_TIME_DELTA);
  opened(&t, 1, 1000000);
  opened(&t, 2, 1000500);
  opened(&t, 3, 1000200);
  end(&t);
  const char *at = out_text_of(&t.out);
  assert_non_null(strstr(at, "00.000000 #1"));
  assert_non_null(strstr(at, "00.000200 #3"));
  assert_non_null(strstr(at, "00.000300 #2"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(late_words_stand_at_their_time),
      cmocka_unit_test(times_since_the_line_before_are_those_of_what_is_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
