#include "capture/outputs.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/report/draw.h"
#include "capture/report/lesson.h"
#include "capture/report/page.h"
#include "capture/report/pcapng.h"
#include "capture/report/pictures.h"
#include "capture/report/rows.h"
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

static bool is_pcapng(const char *file) {
  static const char ending[] = ".pcapng";
  size_t n = file ? strlen(file) : 0, behind = strlen(ending);
  return n >= behind && strcmp(file + n - behind, ending) == 0;
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
  to->wanted[to->n_wanted++] = (struct destination){
      .file = "stdout", .new = news[format], .fd = STDOUT_FILENO, .quiet = quiet};
  return true;
}

bool outputs_open(struct outputs *to, const struct settings *s, const struct source *source) {
  to->save_fd = -1;
  if (source_file_fd(source) >= 0) target_exclude(&to->targets, source_file_fd(source));
  if (!want_file(to, "-w", s->source.save, is_pcapng(s->source.save) ? report_pcapng_new : NULL) ||
      !want_file(to, "--json", s->json_file, report_json_new) ||
      !want_file(to, "--html", s->html_file, report_page_new) ||
      !want_file(to, "--svg", s->svg_file, report_svg_new) ||
      !want_file(to, "--mermaid", s->mermaid_file, report_mermaid_new) ||
      !want_file(to, "--rows", s->rows_file, report_rows_new) || !want_stdout(to, s))
    return false;
  if (targets_cut(&to->targets)) return true;
  cli_complain(&program_cli, "cannot empty a file that is to be written: %s; choose another",
               strerror(errno));
  return false;
}

static bool add_output(struct watch *w, struct outputs *to, const struct settings *s,
                       const struct destination *d) {
  struct output *o = &to->list[to->n];
  *o = (struct output){.option = d->option, .file = d->file};
  if (!out_open(&o->out, d->fd, s->report.live ? OUT_LIVE_SIZE : OUT_FILE_SIZE)) {
    cli_complain(&program_cli, "out of memory");
    return false;
  }
  to->n++;
  if (!add_report(w, d->new (&o->out, &s->report))) return false;
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
    cli_complain(&program_cli, "%s%s%s: cannot write: %s; %s", o->option ? o->option : "",
                 o->option ? " " : "", o->file,
                 error == ETIMEDOUT ? "its reader does not read" : strerror(error),
                 error == ETIMEDOUT ? "what it had not taken is lost"
                                    : "the rest is lost: make room there, or choose another file");
  }
  return lost;
}

bool outputs_finish(struct outputs *to) {
  for (unsigned i = 0; i < to->n; i++) {
    struct out *out = &to->list[i].out;
    bool is_whole = out_finish(out);
    /* A failing disk may say so only now. */
    if (out->fd != STDOUT_FILENO && close(out->fd) < 0 && is_whole) out->error = errno;
  }
  return !has_lost(to);
}

void outputs_close(struct outputs *to) {
  ladder_expectation_free(to->expected);
  for (unsigned i = 0; i < to->n; i++) out_close(&to->list[i].out);
}
