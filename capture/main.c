/* teardown-capture: wires source, decode, watch and reports; owns the exit. */
#include <errno.h>
#include <locale.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/decode.h"
#include "capture/ladder_expectation.h"
#include "capture/netns.h"
#include "capture/options.h"
#include "capture/outputs.h"
#include "capture/pair.h"
#include "capture/privilege.h"
#include "capture/report/draw.h"
#include "capture/report/memory.h"
#include "capture/report/pcapng.h"
#include "capture/report/summary.h"
#include "capture/sandbox.h"
#include "capture/source.h"
#include "capture/watch.h"
#include "common/printable.h"
#include "common/stop.h"

enum { TICK_MS = 50, PAUSE_US = 500, EXIT_NOTHING_SEEN = 3 };

/* Batches between two looks at the signals, each of which is a system call. */
enum { SIGNALS_EVERY = 16 };

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What goes to stderr in many pieces is in memory first: printing waits for a reader, which must
 * not hold up a signal. False: nothing is printed, or not all; errno says why. A reader that went
 * away, or was given up after a signal, wanted no more of it. */
static bool print_memory(struct memory *m) {
  int error = memory_is_whole(m) ? stop_write(STDERR_FILENO, m->text, m->size) : ENOMEM;
  if (error == EPIPE || error == ETIMEDOUT) error = 0;
  memory_close(m);
  errno = error;
  return error == 0;
}

/* ---- The run -------------------------------------------------------------------------------- */

static bool is_over(const struct watch *w, const struct settings *s, uint64_t packets) {
  for (unsigned i = 0; i < w->n_reports; i++)
    if (w->reports[i]->out && w->reports[i]->out->error != 0) return true;
  if (s->packets_max > 0 && packets >= s->packets_max) return true;
  return s->closes_max > 0 && w->closes >= s->closes_max;
}

static bool is_time_up(int64_t deadline_us) {
  return stop_signal || (deadline_us > 0 && now_us() >= deadline_us);
}

/* News, or a slow reader that takes more. A descriptor of -1 is not waited for. `pause`: packets
 * have just come, so there will be more, and they wait for each other. Woken for every one of them,
 * a sniffer takes from those that it watches a fifth of what they can do. */
static void wait_for_news(const struct watch *w, int packets, bool more, bool pause,
                          const sigset_t *unblocked) {
  struct pollfd fds[1 + WATCH_REPORTS_MAX] = {{.fd = pause ? -1 : packets, .events = POLLIN}};
  nfds_t n = 1;
  for (unsigned i = 0; i < w->n_reports; i++) {
    const struct out *out = w->reports[i]->out;
    if (out && out_waits(out)) fds[n++] = (struct pollfd){.fd = out->fd, .events = POLLOUT};
  }
  struct timespec tick = {.tv_nsec = more ? 0 : pause ? PAUSE_US * 1000L : TICK_MS * 1000000L};
  (void)ppoll(fds, n, &tick, unblocked);
}

/* The next packets, and what they are decoded to. */
static enum source_result read_packets(struct source *source, const char *find,
                                       struct packet read[], struct watch_packet packets[],
                                       unsigned max, unsigned *n, char *error) {
  enum source_result result = source_next_batch(source, read, max, n, error);
  if (result != SOURCE_PACKETS) *n = 0;
  for (unsigned i = 0; i < *n; i++) {
    packets[i].t_us = read[i].t_us;
    packets[i].result = decode_packet(read[i].link, read[i].bytes, read[i].captured,
                                      read[i].on_wire, &packets[i].decoded);
    packets[i].has_text = find && packets[i].result == DECODE_SEGMENT &&
                          memmem(read[i].bytes + packets[i].decoded.payload_at,
                                 packets[i].decoded.payload_captured, find, strlen(find));
  }
  return result;
}

/* What is saved with comments is saved once they are known, a packet at a time. */
static void follow(struct watch *w, struct outputs *out, const struct packet read[],
                   struct watch_packet packets[], unsigned n) {
  if (!out->pcapng) watch_packets(w, packets, n);
  for (unsigned i = 0; i < n && out->pcapng; i++) {
    watch_packets(w, &packets[i], 1);
    report_pcapng_packet(out->pcapng, &read[i]);
  }
  for (unsigned i = 0; i < n && out->recent.ring; i++) {
    uint32_t number = watch_number(w, &packets[i]);
    if (number > 0) recent_add(&out->recent, number, &read[i]);
  }
}

/* Said once, when it begins. */
static void tell_evictions(const struct watch *w, bool *told) {
  if (*told || report_evicted(&w->summary) == 0) return;
  *told = true;
  cli_complain(&program_cli,
               "%u connections are followed, and each further one takes the place of another: of "
               "those that have ended first, then of half-open ones, then of the longest idle; "
               "--max-flows makes more room",
               w->max_flows);
}

/* A pipe's clock: its packets may come from another machine, or from yesterday. It goes on from the
 * newest of them once nothing has come for a while. */
static int64_t pipe_clock_us(int64_t last_us, int64_t heard_us) {
  enum { QUIET_US = 500000 };
  int64_t quiet_us = now_us() - heard_us;
  return last_us + (quiet_us >= QUIET_US ? quiet_us : 0);
}

/* Live it does not run ahead of what was read: whoever seems to be silent may have been heard by
 * the kernel already. */
static int64_t live_clock_us(const struct watch *w) {
  int64_t read_us = w->caught_up_us > w->newest_us ? w->caught_up_us : w->newest_us;
  int64_t us = now_us();
  return read_us < us ? read_us : us;
}

/* The newest time there is. */
static int64_t clock_us(const struct watch *w, int64_t last_us, int64_t heard_us) {
  if (w->live) return live_clock_us(w);
  return w->due.prompt && heard_us > 0 ? pipe_clock_us(last_us, heard_us) : last_us;
}

/* False when the source broke: the verdicts so far are given all the same. */
static bool run(struct watch *w, struct source *source, struct outputs *out,
                const struct settings *s, const sigset_t *unblocked) {
  char error[SOURCE_ERROR_SIZE];
  struct packet read[SOURCE_BATCH];
  struct watch_packet packets[SOURCE_BATCH];
  int64_t deadline_us = s->duration_s > 0 ? now_us() + (int64_t)s->duration_s * 1000000 : 0;
  int64_t last_us = 0, next_tick_us = 0, heard_us = 0;
  int64_t until_us = INT64_MAX; /* what was captured later than that is not told */
  uint64_t n_packets = 0, n_batches = 0;
  bool ok = true, more = true, busy = false, evictions_told = false;
  while (more && last_us < until_us && !is_over(w, s, n_packets)) {
    if (until_us == INT64_MAX && is_time_up(deadline_us)) {
      if (!w->live) break;
      until_us = now_us(); /* what the kernel has is still read */
    }
    unsigned n, max = SOURCE_BATCH;
    if (s->packets_max > 0 && s->packets_max - n_packets < max)
      max = (unsigned)(s->packets_max - n_packets);
    watch_listen(w, now_us());
    if (out->margin && !w->live) margin_read(out->margin);
    switch (read_packets(source, s->report.find, read, packets, max, &n, error)) {
      case SOURCE_PACKETS: busy = true; break;
      case SOURCE_NONE:
        if (until_us != INT64_MAX) {
          more = false;
          break;
        }
        wait_for_news(w, source_fd(source), watch_attend(w, now_us()), w->live && busy, unblocked);
        busy = false;
        break;
      case SOURCE_END: more = false; break;
      case SOURCE_BROKEN: more = ok = false; break;
    }
    /* Before a verdict is made of what may lie behind a hole. */
    if (w->live) {
      w->summary.dropped = source_counts(source).dropped;
      w->incomplete = w->summary.dropped > 0;
    }
    follow(w, out, read, packets, n);
    if (n_packets == 0 && n > 0) last_us = packets[0].t_us;
    for (unsigned i = 0; i < n; i++)
      if (packets[i].t_us > last_us) last_us = packets[i].t_us;
    n_packets += n;
    tell_evictions(w, &evictions_told);
    if (n > 0 && w->due.prompt) heard_us = now_us();
    if (w->due.prompt && now_us() >= next_tick_us) {
      unsigned columns = draw_columns(); /* it may have been resized */
      for (unsigned i = 0; i < w->n_reports; i++) w->reports[i]->options.columns = columns;
      if (out->margin && w->live) margin_read(out->margin);
      if (n_packets > 0 || w->live) watch_tick(w, clock_us(w, last_us, heard_us));
      outputs_tick(out, now_us());
      next_tick_us = now_us() + TICK_MS * 1000;
    }
    if (++n_batches % SIGNALS_EVERY == 0) {
      sigset_t pending;
      sigpending(&pending);
      if (sigismember(&pending, SIGINT)) stop_signal = SIGINT;
      if (sigismember(&pending, SIGTERM)) stop_signal = SIGTERM;
    }
  }
  struct source_counts counts = source_counts(source);
  w->summary.received = counts.received;
  w->summary.dropped = counts.dropped;
  w->summary.counts_known = counts.known;
  w->summary.far_times = counts.far_times;
  w->summary.no_times = counts.no_times;
  w->summary.steps_back = counts.steps_back;
  w->summary.step_back_us = counts.step_back_us;
  w->incomplete = counts.dropped > 0;
  if (!more && ok && counts.ended_us > last_us) last_us = counts.ended_us;
  /* Otherwise the kernel tells of what was not read. */
  if (last_us < until_us) (void)watch_attend(w, now_us());
  watch_end(w, clock_us(w, last_us, heard_us));
  if (!ok) cli_complain(&program_cli, "%s (the verdicts so far are given)", error);
  return ok;
}

/* All packets of one of the two files. */
static bool read_tap(struct pair *pair, unsigned tap, struct source *source,
                     struct report_summary *summary, char *error) {
  struct packet read[SOURCE_BATCH];
  struct watch_packet packets[SOURCE_BATCH];
  unsigned n;
  enum source_result result;
  while (stop_signal == 0 && (result = read_packets(source, NULL, read, packets, SOURCE_BATCH, &n,
                                                    error)) != SOURCE_END) {
    if (result == SOURCE_BROKEN) return false;
    struct pollfd input = {.fd = source_fd(source), .events = POLLIN};
    const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    if (result == SOURCE_NONE) (void)ppoll(&input, 1, &tick, NULL);
    for (unsigned i = 0; i < n; i++) {
      packets[i].decoded.segment.t_us = packets[i].t_us;
      if (pair_add(pair, tap, &packets[i])) continue;
      snprintf(error, SOURCE_ERROR_SIZE, "out of memory for two files; take a filter, or one file");
      return false;
    }
  }
  struct source_counts counts = source_counts(source);
  summary->far_times += counts.far_times;
  summary->no_times += counts.no_times;
  summary->steps_back += counts.steps_back;
  if (counts.step_back_us > summary->step_back_us) summary->step_back_us = counts.step_back_us;
  return true;
}

static const char *complaint_of_pair(enum pair_result result) {
  switch (result) {
    case PAIR_OK: break;
    case PAIR_NO_MEMORY: return "out of memory for two files; take a filter, or one file";
    case PAIR_NOTHING_PAIRS:
      return "no segment is in both; was each captured on the same connections, and does no NAT or "
             "proxy between them change addresses or numbers? Read one file";
    case PAIR_ONE_PLACE:
      return "nothing lies between them: they were captured at one place, or only one direction is "
             "in "
             "both; read one file";
  }
  return NULL;
}

static bool print_pair(const struct pair *pair, const char *const file[static 2]) {
  char shown[2][1024];
  const char *const name[] = {printable_text(file[0], shown[0], sizeof shown[0]),
                              printable_text(file[1], shown[1], sizeof shown[1])};
  struct memory memory;
  bool printed = memory_open(&memory);
  if (printed) {
    pair_print(memory.file, pair, name);
    printed = print_memory(&memory);
  }
  if (!printed)
    cli_complain(&program_cli, "where the two files were captured cannot be printed: %s",
                 strerror(errno));
  return printed;
}

/* Two files: what each segment is known to have become. */
static bool run_pair(struct watch *w, struct source *const source[static 2],
                     const struct settings *s) {
  char error[SOURCE_ERROR_SIZE] = "";
  struct pair *pair = pair_new();
  struct watch_packet packets[SOURCE_BATCH];
  enum pair_result result = PAIR_NO_MEMORY;
  int64_t last_us = 0;
  unsigned n;
  bool ok = pair != NULL;
  for (unsigned tap = 0; tap < 2 && ok; tap++)
    ok = read_tap(pair, tap, source[tap], &w->summary, error);
  if (ok) result = pair_join(pair);
  if (ok && result == PAIR_OK) {
    while (!is_over(w, s, 0) && !is_time_up(0) &&
           (n = pair_next(pair, packets, SOURCE_BATCH)) > 0) {
      watch_packets(w, packets, n);
      last_us = packets[n - 1].t_us;
    }
    watch_end(w, last_us);
    ok = print_pair(pair, s->files.text);
  } else if (*error) {
    cli_complain(&program_cli, "%s", error);
  } else {
    cli_complain(&program_cli, "%s and %s: %s", s->files.text[0], s->files.text[1],
                 complaint_of_pair(result));
  }
  pair_destroy(pair);
  return ok && result == PAIR_OK;
}

/* How many ways there are in which what was seen is not what was expected; says each of them. */
static unsigned complain_of_ladder(const struct ladder_expectation *expected) {
  char text[LADDER_DIFFERENCE_SIZE];
  unsigned n = 0;
  while (ladder_expectation_difference(expected, n, text)) {
    cli_complain(&program_cli, "--expect-ladder: %s", text);
    n++;
  }
  return n;
}

/* A ladder that is expected states what is wrong with a close, too: then nothing else decides. */
static int exit_status(const struct watch *w, const struct settings *s,
                       const struct ladder_expectation *expected) {
  if (expected && complain_of_ladder(expected) == 0) return CLI_EXIT_OK;
  if ((s->demand.given || expected) && w->closes == 0) {
    cli_complain(&program_cli, "%s: no close was seen", expected ? "--expect-ladder" : "--expect");
    return EXIT_NOTHING_SEEN;
  }
  if (w->unmet.n > 0)
    cli_complain(&program_cli, "--expect %s: %llu of %llu closes were not; the first, %s, was %s",
                 s->expect, (unsigned long long)w->unmet.n, (unsigned long long)w->closes,
                 w->unmet.who, w->unmet.what);
  return expected || w->any_bad ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}

static void handle_signals(sigset_t *unblocked) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, unblocked);
  stop_catch(NULL);
}

static void complain_of_open(enum source_error error, const char *message, int argc, char **argv) {
  char remedy[2048];
  if (error == SOURCE_NO_PERMISSION)
    cli_complain(&program_cli, "%s; %s", message,
                 privilege_remedy(argc, argv, remedy, sizeof remedy));
  else
    cli_complain(&program_cli, "%s", message);
}

static bool print_summary(const struct report_summary *summary) {
  struct memory memory;
  bool printed = memory_open(&memory);
  if (printed) {
    /* Behind the ^C that a terminal shows. */
    if (stop_signal == SIGINT && isatty(STDERR_FILENO)) fputc('\n', memory.file);
    summary_print(memory.file, summary);
    printed = print_memory(&memory);
  }
  if (!printed) cli_complain(&program_cli, "the summary cannot be printed: %s", strerror(errno));
  return printed;
}

/* ---- The sandbox ---------------------------------------------------------------------------- */

static bool drop_privileges(const struct settings *s, bool ask) {
  char error[SANDBOX_ERROR_SIZE];
  if (s->no_sandbox) {
    cli_complain(&program_cli, "--no-sandbox: all privileges and system calls are kept");
    return true;
  }
  if (sandbox_drop(s->user, ask, error)) return true;
  cli_complain(&program_cli, "%s", error);
  return false;
}

static void lock_in(const struct settings *s, bool ask, bool replaces) {
  char error[SANDBOX_ERROR_SIZE] = "seccomp", now[512];
  if (s->no_sandbox) return;
  sandbox_describe(now, sizeof now);
  bool locked = sandbox_lock(ask, replaces, error);
  if (s->report.verbose || !locked) cli_say("sandbox: %s, %s\n", now, locked ? "seccomp" : error);
}

/* Opens all, drops what that took, and begins. False: it was said why. */
static bool prepare(struct settings *s, struct outputs *out, struct watch *watch,
                    struct source **source, struct source **second, bool ask, int argc,
                    char **argv) {
  char error[SOURCE_ERROR_SIZE];
  if (s->expected_ladder_file) {
    out->expected = ladder_expectation_read(s->expected_ladder_file, error, sizeof error);
    if (!out->expected) {
      cli_complain(&program_cli, "--expect-ladder: %s", error);
      return false;
    }
  }
  /* First, since it takes longest: of what is captured the kernel has been heard from the start. */
  if (ask && !(watch->kernel = kernel_open())) {
    cli_complain(&program_cli, "out of memory");
    return false;
  }
  if (s->report.live) privilege_go_first();
  enum source_error opened = source_open(source, &s->source, error);
  if (opened == SOURCE_OK && s->files.n > 1) {
    struct source_options other = s->source;
    other.file = s->files.text[1];
    opened = source_open(second, &other, error);
  }
  if (opened != SOURCE_OK) {
    complain_of_open(opened, error, argc, argv);
    return false;
  }
  if (*second && source_file_fd(*second) >= 0)
    target_exclude(&out->targets, source_file_fd(*second));
  if (!outputs_open(out, s, *source) || !drop_privileges(s, ask)) return false;
  bool started = source_start(*source, out->save_fd, error) == SOURCE_OK &&
                 (!*second || source_start(*second, -1, error) == SOURCE_OK);
  if (started) return true;
  cli_complain(&program_cli, "%s", error);
  return false;
}

static bool is_wanted(void *context, const struct kernel_pair *pair) {
  const struct sample_pair sample = {.address = {pair->local.bytes, pair->remote.bytes},
                                     .port = {pair->local_port, pair->remote_port},
                                     .family = pair->family};
  return source_would_show(context, &sample);
}

static void tell_source(const char *interface, const char *filter) {
  char on[IF_NAMESIZE * PRINTABLE_ESCAPE], what[1024];
  cli_say("capturing on %s%s%s; Ctrl-C ends it\n", printable_text(interface, on, sizeof on),
          filter ? ", " : "", printable_text(filter ? filter : "", what, sizeof what));
}

static int watch_source(struct settings *s, int argc, char **argv) {
  struct watch watch = {
      .demand = s->demand,
      .due.two_msl_us = s->msl_s > 0 ? (int64_t)s->msl_s * 2000000 : MODEL_LINUX_2MSL_US,
      .max_flows = (uint32_t)s->max_flows,
      .live = s->report.live,
      .due.prompt = s->report.live,
      .due.stuck_after_us = (int64_t)s->stuck_after_s * 1000000,
      .due.wait = s->report.wait,
      .due.own_clock = s->msl_s > 0,
  };
  char error[SOURCE_ERROR_SIZE];
  struct source *source = NULL, *second = NULL;
  sigset_t unblocked;
  struct outputs out = {0};
  bool ask = s->report.live && s->kernel != KERNEL_OFF;
  int status = CLI_EXIT_USAGE;
  /* A pipe may have no writer, no reader or nothing yet: until then a signal is not held back. */
  bool prepared = prepare(s, &out, &watch, &source, &second, ask, argc, argv);
  handle_signals(&unblocked);
  if (s->report.live) s->report.started_us = now_us();
  watch.due.prompt = s->report.live || (prepared && source_fd(source) >= 0);
  if (!watch.due.prompt) watch.due.stuck_after_us = 0; /* its verdicts come at once */
  if (prepared && !watch_init(&watch)) {
    cli_complain(&program_cli,
                 "no memory to follow %u connections at once; --max-flows follows fewer",
                 watch.max_flows);
  } else if (prepared && outputs_make_reports(&out, &watch, s)) {
    const char *name = s->report.live ? s->source.interface : s->source.file;
    lock_in(s, ask, outputs_replace(&out));
    watch_begin(&watch, s->closes_max > 0);
    for (unsigned i = 0; i < watch.n_reports; i++)
      if (watch.reports[i]->options.quiet == REPORT_STEPS)
        REPORT_TELL(watch.reports[i], start, name, s->filter,
                    watch.kernel ? kernel_lack(watch.kernel) : NULL);
    if (s->report.live) watch_take_inventory(&watch, is_wanted, source, now_us());
    if (s->report.live && isatty(STDERR_FILENO) && s->format != FORMAT_TABLE)
      tell_source(name, s->filter);
    bool ok = second ? run_pair(&watch, (struct source *[]){source, second}, s)
                     : run(&watch, source, &out, s, &unblocked);
    bool written = outputs_finish(&out);
    written = print_summary(&watch.summary) && written;
    status = ok && written ? exit_status(&watch, s, out.expected) : CLI_EXIT_USAGE;
  }
  watch_destroy(&watch);
  kernel_close(watch.kernel);
  outputs_close(&out);
  if (second) (void)source_close(second, error);
  if (source && !source_close(source, error)) {
    cli_complain(&program_cli, "%s", error);
    status = CLI_EXIT_USAGE;
  }
  return status;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  struct settings settings;
  int status = options_read(argc, argv, &settings);
  char error[SOURCE_ERROR_SIZE];
  if (status == CLI_GO_ON && settings.netns && !netns_enter(settings.netns, error)) {
    cli_complain(&program_cli, "%s", error);
    status = CLI_EXIT_USAGE;
  }
  if (status == CLI_GO_ON && settings.list_interfaces) {
    if (source_list_interfaces(stdout, error)) {
      status = cli_finish(&program_cli);
    } else {
      cli_complain(&program_cli, "%s", error);
      status = CLI_EXIT_USAGE;
    }
  } else if (status == CLI_GO_ON) {
    status = watch_source(&settings, argc, argv);
  }
  free(settings.filter);
  return status;
}
