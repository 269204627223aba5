#include "capture/outputs.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/report/draw.h"
#include "capture/report/lesson.h"
#include "capture/report/metrics.h"
#include "capture/report/ordered.h"
#include "capture/report/page.h"
#include "capture/report/pcapng.h"
#include "capture/report/pictures.h"
#include "capture/report/rollup.h"
#include "capture/report/rows.h"
#include "capture/report/screen.h"
#include "capture/report/table.h"

static bool add_report(struct watch *w, struct report *report) {
  if (!report) {
    cli_complain(&program_cli, "out of memory");
    return false;
  }
  w->reports[w->n_reports++] = report;
  return true;
}

static bool want_file(struct outputs *to, const char *option, const char *file, report_new *new) {
  char error[TARGET_ERROR_SIZE];
  if (!file) return true;
  int fd = target_open(&to->targets, option, file, error);
  if (fd < 0) {
    cli_complain(&program_cli, "%s", error);
    return false;
  }
  if (new)
    to->wanted[to->n_wanted++] =
        (struct destination){.option = option, .file = file, .new = new, .fd = fd};
  else
    to->save_fd = fd;
  return true;
}

/* What is put into a folder is opened when the process has the rights that it will keep. */
static bool want_folder(struct outputs *to, struct folder *folder, const char *option,
                        const char *file, report_new *new) {
  char error[FOLDER_ERROR_SIZE];
  if (!file) return true;
  if (folder_open(folder, option, file, error)) {
    to->wanted[to->n_wanted++] = (struct destination){
        .option = option, .file = file, .new = new, .fd = -1, .folder = folder};
    return true;
  }
  cli_complain(&program_cli, "%s", error);
  return false;
}

static bool is_pcapng(const char *file) {
  static const char ending[] = ".pcapng";
  size_t n = file ? strlen(file) : 0, behind = strlen(ending);
  return n >= behind && strcmp(file + n - behind, ending) == 0;
}

/* A table can be shown on it, and its keys come from it. */
static bool is_screen(void) {
  const char *term = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* What --format says goes to stdout, where nothing else does. */
static bool want_stdout(struct outputs *to, const struct settings *s) {
  static report_new *const news[] = {[FORMAT_LADDER] = report_ladder_new,
                                     [FORMAT_LINES] = report_lines_new,
                                     [FORMAT_JSON] = report_json_new,
                                     [FORMAT_TABLE] = report_table_new};
  char error[TARGET_ERROR_SIZE];
  if (to->targets.stdout_taken && s->format == FORMAT_BY_TERMINAL) return true;
  if (!target_take_stdout(&to->targets, "--format", error)) {
    cli_complain(&program_cli, "%s", error);
    return false;
  }
  static report_new *const lessons[] = {[LESSON_STEP] = report_step_new,
                                        [LESSON_PREDICT] = report_predict_new,
                                        [LESSON_WORKSHEET] = report_worksheet_new};
  if (s->lesson != LESSON_NONE) {
    to->wanted[to->n_wanted++] =
        (struct destination){.file = "stdout", .new = lessons[s->lesson], .fd = STDOUT_FILENO};
    return true;
  }
  enum format format = s->format;
  if (format == FORMAT_BY_TERMINAL) format = isatty(STDOUT_FILENO) ? FORMAT_LADDER : FORMAT_LINES;
  /* Which verdict it will be is not known while segments come; only a file's ladders wait for it.
   */
  bool waits = format == FORMAT_LADDER && !s->report.live;
  unsigned quiet = s->quiet;
  if (s->only_words && !waits && quiet == REPORT_STEPS) quiet = REPORT_VERDICTS;
  if (quiet > REPORT_STEPS && format == FORMAT_LADDER) format = FORMAT_LINES; /* no rungs */
  if (s->margin_file && (format != FORMAT_LADDER || quiet > REPORT_STEPS)) {
    cli_complain(&program_cli,
                 "--margin: a ladder alone has one; take --format ladder, without -q");
    return false;
  }
  bool either =
      s->format == FORMAT_BY_TERMINAL && format == FORMAT_LADDER && s->report.live && is_screen();
  to->wanted[to->n_wanted++] =
      (struct destination){.file = "stdout",
                           .new = either ? report_screen_new : news[format],
                           .fd = STDOUT_FILENO,
                           .quiet = quiet};
  if ((!either && format != FORMAT_TABLE) || recent_init(&to->recent)) return true;
  cli_complain(&program_cli, "out of memory");
  return false;
}

static bool want_margin(struct outputs *to, const char *file) {
  char error[TARGET_ERROR_SIZE];
  int fd = target_open_source(&to->targets, "--margin", file, error);
  if (fd >= 0 && (to->margin = margin_new(fd))) return true;
  cli_complain(&program_cli, "%s", fd >= 0 ? "out of memory" : error);
  return false;
}

bool outputs_open(struct outputs *to, const struct settings *s, const struct source *source) {
  to->save_fd = -1;
  if (source_file_fd(source) >= 0) target_exclude(&to->targets, source_file_fd(source));
  if (s->margin_file && !want_margin(to, s->margin_file)) return false;
  report_new *json = s->rollup_s > 0 ? report_rollup_new : report_json_new;
  if (!want_file(to, "-w", s->source.save, is_pcapng(s->source.save) ? report_pcapng_new : NULL) ||
      !(s->rotate_s > 0 ? want_folder(to, &to->rotated, "--json", s->json_file, json)
                        : want_file(to, "--json", s->json_file, json)) ||
      !want_folder(to, &to->metrics, "--metrics", s->metrics_file, report_metrics_new) ||
      !want_file(to, "--html", s->html_file, report_page_new) ||
      !want_file(to, "--svg", s->svg_file, report_svg_new) ||
      !want_file(to, "--mermaid", s->mermaid_file, report_mermaid_new) ||
      !want_file(to, "--rows", s->rows_file, report_rows_new) || !want_stdout(to, s))
    return false;
  for (struct destination *d = to->wanted; d < to->wanted + to->n_wanted; d++)
    if (d->fd == STDOUT_FILENO) d->fd = out_unblocked(d->fd);
  if (targets_cut(&to->targets)) return true;
  cli_complain(&program_cli, "cannot empty a file that is to be written: %s; choose another",
               strerror(errno));
  return false;
}

/* Begins the first file of a folder, as far as now is the time for that. The descriptor; -1: none
 * yet; -2: it was said why it cannot be. */
static int begin_in_folder(struct outputs *to, const struct settings *s, struct folder *folder) {
  int64_t now_us = (int64_t)time(NULL) * 1000000;
  char error[FOLDER_ERROR_SIZE];
  bool grows = folder == &to->rotated;
  if (grows && !folder_rescue(folder, now_us)) {
    cli_complain(&program_cli, "%s %s: what an earlier run left cannot be put in its place: %s",
                 folder->option, folder->file, strerror(errno));
    return -2;
  }
  if (!folder_try(folder, error)) {
    cli_complain(&program_cli, "%s", error);
    return -2;
  }
  if (!grows) return -1;
  to->rotate_us = (int64_t)s->rotate_s * 1000000;
  to->begun_us = now_us;
  return folder_begin(folder);
}

/* Where the kernel is asked, words wait to be put in order. Those of many hosts are numbered as
 * they are said, and put in order where they meet. */
static report_new *in_order(report_new *new, const struct settings *s) {
  bool asks = s->report.live && s->kernel != KERNEL_OFF;
  if (asks && new == report_lines_new) return report_ordered_lines_new;
  if (asks && new == report_json_new && !s->report.host) return report_ordered_json_new;
  return new;
}

static bool add_output(struct watch *w, struct outputs *to, struct settings *s,
                       const struct destination *d) {
  struct output *o = &to->list[to->n];
  *o = (struct output){.option = d->option, .file = d->file};
  int fd = d->folder ? begin_in_folder(to, s, d->folder) : d->fd;
  if (fd < -1) return false;
  if (d->folder == &to->metrics) s->report.metrics = d->folder;
  if (d->folder == &to->rotated) o->rotates = true;
  if (!out_open(&o->out, fd, s->report.live ? OUT_LIVE_SIZE : OUT_FILE_SIZE)) {
    cli_complain(&program_cli, "out of memory");
    return false;
  }
  to->n++;
  if (!add_report(w, in_order(d->new, s)(&o->out, &s->report))) return false;
  if (d->new == report_pcapng_new) to->pcapng = w->reports[w->n_reports - 1];
  if (d->option) return true;
  struct report *own = w->reports[w->n_reports - 1];
  own->options.quiet = d->quiet;
  if (s->only_words) own->options.only = &s->only;
  return true;
}

bool outputs_make_reports(struct outputs *to, struct watch *w, struct settings *s) {
  const char *term = getenv("TERM");
  bool tty = isatty(STDOUT_FILENO), terminal = tty && term && strcmp(term, "dumb") != 0;
  const char *no_color = getenv("NO_COLOR");
  s->report.columns = draw_columns();
  s->report.recent = to->recent.ring ? &to->recent : NULL;
  s->report.margin = to->margin;
  s->report.terminal = terminal;
  s->report.kernel_lines = s->kernel == KERNEL_LINES;
  s->report.ascii = s->report.ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
  s->report.color =
      s->color == COLOR_ALWAYS || (s->color == COLOR_AUTO && terminal && !(no_color && *no_color));
  for (unsigned i = 0; i < to->n_wanted; i++)
    if (!add_output(w, to, s, &to->wanted[i])) return false;
  return !to->expected || add_report(w, ladder_expectation_watch(to->expected));
}

/* ---- What cannot be written ------------------------------------------------------------------ */

/* A reader that went away has seen what it wanted. */
static bool has_lost(const struct outputs *to) {
  bool lost = false;
  for (unsigned i = 0; i < to->n; i++) {
    const struct output *o = &to->list[i];
    int error = o->out.error;
    if (error == 0 || error == EPIPE) continue;
    lost = true;
    char cause[CLI_CAUSE_SIZE];
    cli_complain(&program_cli, "%s%s%s: cannot write: %s", o->option ? o->option : "",
                 o->option ? " " : "", o->file, cli_write_failure(error, cause));
  }
  return lost;
}

static void finish(struct out *out) {
  bool is_whole = out_finish(out);
  /* A failing disk may say so only now. */
  if (out->fd >= 0 && out->fd != STDOUT_FILENO && close(out->fd) < 0 && is_whole)
    out->error = errno;
}

/* Also when not all could be written: what there is is somebody's. */
static void put_in_place(struct outputs *to, struct out *out) {
  finish(out);
  if (!folder_put_numbered(&to->rotated, to->begun_us) && out->error == 0) out->error = errno;
}

bool outputs_replace(const struct outputs *to) {
  return to->metrics.file || to->rotated.file || to->recent.ring;
}

static bool is_empty(const struct out *out) {
  return out->start == out->end && lseek(out->fd, 0, SEEK_CUR) == 0;
}

void outputs_tick(struct outputs *to, int64_t now_us) {
  for (unsigned i = 0; i < to->n; i++) {
    struct out *out = &to->list[i].out;
    if (!to->list[i].rotates || out->error != 0 || now_us - to->begun_us < to->rotate_us) continue;
    bool empty = is_empty(out);
    if (!empty) put_in_place(to, out);
    to->begun_us = now_us;
    if (empty) continue;
    out->fd = folder_begin(&to->rotated);
    if (out->fd < 0 && out->error == 0) out->error = errno;
  }
}

bool outputs_finish(struct outputs *to) {
  for (unsigned i = 0; i < to->n; i++)
    if (to->list[i].rotates)
      put_in_place(to, &to->list[i].out);
    else
      finish(&to->list[i].out);
  return !has_lost(to);
}

void outputs_close(struct outputs *to) {
  ladder_expectation_free(to->expected);
  if (to->margin) margin_close(to->margin);
  for (unsigned i = 0; i < to->n; i++) out_close(&to->list[i].out);
  if (to->metrics.file) folder_close(&to->metrics);
  if (to->rotated.file) folder_close(&to->rotated);
  if (to->recent.ring) recent_destroy(&to->recent);
}
