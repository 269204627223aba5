/* teardown-capture: wires source, decode, watch and reports; owns the command line and the exit. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "capture/decode.h"
#include "capture/privilege.h"
#include "capture/source.h"
#include "capture/watch.h"
#include "common/cli.h"

enum { TICK_MS = 50, EXIT_NOTHING_SEEN = 3, PACKETS_PER_TURN = 256 };

enum option {
  OPTION_INTERFACE,
  OPTION_READ,
  OPTION_WRITE,
  OPTION_LIST,
  OPTION_COUNT,
  OPTION_SNAPLEN,
  OPTION_BUFFER,
  OPTION_NUMERIC,
  OPTION_TIME,
  OPTION_ABSOLUTE,
  OPTION_VERBOSE,
  OPTION_FORMAT,
  OPTION_JSON,
  OPTION_EXPECT,
  OPTION_EXPLAIN,
  OPTION_CLOSES,
  OPTION_DURATION,
  OPTION_WAIT,
  OPTION_MSL,
  OPTION_KERNEL,
  OPTION_COLOR,
  OPTION_ASCII,
  OPTION_HELP,
  OPTION_VERSION,
};

static const struct cli_option options[] = {
    [OPTION_INTERFACE] = {'i', "interface", "IF", "capture on this interface, or any (default lo)"},
    [OPTION_READ] = {'r', "read", "FILE", "read a pcap or pcapng file instead, - for stdin"},
    [OPTION_WRITE] = {'w', "write", "FILE", "also save the packets to this pcap file"},
    [OPTION_LIST] = {'D', "list-interfaces", NULL, "list the interfaces and exit"},
    [OPTION_COUNT] = {'c', "count", "PACKETS", "stop after so many packets"},
    [OPTION_SNAPLEN] = {'s', "snapshot-length", "BYTES", "of each packet to capture (default 192)"},
    [OPTION_BUFFER] = {'B', "buffer-size", "KIB", "the kernel's buffer (default 16384)"},
    [OPTION_NUMERIC] = {'n', NULL, NULL, "accepted from habit: names are never looked up"},
    [OPTION_TIME] = {'t', NULL, NULL,
                     "no times; -tt since the epoch, -ttt since the line before, -tttt with the "
                     "date, -ttttt since the first line"},
    [OPTION_ABSOLUTE] = {'S', "absolute-tcp-sequence-numbers", NULL,
                         "raw sequence numbers instead of u and w"},
    [OPTION_VERBOSE] = {'v', "verbose", NULL,
                        "the reason for each transition, and what is expected next"},
    [OPTION_FORMAT] = {0, "format", "FORMAT",
                       "ladder, lines or json (default: ladder on a terminal, lines in a pipe)"},
    [OPTION_JSON] = {0, "json", "FILE", "also write NDJSON to this file, whatever the format"},
    [OPTION_EXPECT] = {0, "expect", "ENDING[,lost=ROLE[xN]]",
                       "demand this of every close: exit 1 if one differs, 3 if there was none"},
    [OPTION_EXPLAIN] = {0, "explain", "ID",
                        "say what a finding means, its cause and its remedy; "
                        "all for every one"},
    [OPTION_CLOSES] = {0, "closes", "N", "stop after the verdict on so many closes"},
    [OPTION_DURATION] = {0, "duration", "S", "stop after so many seconds"},
    [OPTION_WAIT] = {0, "wait", NULL, "wait for the end of TIME_WAIT before the verdict"},
    [OPTION_MSL] = {0, "msl", "S",
                    "maximum segment lifetime: TIME_WAIT is twice that (default 30)"},
    [OPTION_KERNEL] = {0, "kernel", "WHETHER",
                       "auto: ask the kernel too about local ends, live (default); off: do not"},
    [OPTION_COLOR] = {0, "color", "WHEN",
                      "auto, always or never (default auto; NO_COLOR is obeyed)"},
    [OPTION_ASCII] = {0, "ascii", NULL, "no characters beyond ASCII"},
    [OPTION_HELP] = {'h', "help", NULL, "print this and exit"},
    [OPTION_VERSION] = {0, "version", NULL, "print the versions and exit"},
};

static const struct cli cli = {
    .program = "capture",
    .synopsis = "[OPTION]... [FILTER...]",
    .purpose =
        "Follows the FIN, ACK and RST segments of TCP connections and says who closed first, "
        "how it ended and who is stuck. FILTER is as in pcap-filter(7), such as 'port 7000'.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
};

enum format { FORMAT_LADDER, FORMAT_LINES, FORMAT_JSON };
enum kernel_when { KERNEL_AUTO, KERNEL_OFF };
enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
static const char *const format_words[] = {"ladder", "lines", "json"};
static const char *const kernel_words[] = {"auto", "off"};
static const char *const color_words[] = {"auto", "always", "never"};

struct settings {
  struct source_options source;
  struct report_options report;
  struct demand demand;
  const char *json_file;
  char *filter; /* owned */
  uint64_t packets_max, closes_max, duration_s, msl_s;
  int format, color, kernel;
  bool list_interfaces;
};

static volatile sig_atomic_t stop_requested;
static void on_stop_signal(int signal_number) {
  (void)signal_number;
  stop_requested = 1;
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- Command line --------------------------------------------------------------------------- */

static char *join_words(char **words, int n) {
  size_t size = 1;
  for (int i = 0; i < n; i++) size += strlen(words[i]) + 1;
  char *joined = calloc(1, size);
  for (int i = 0; joined && i < n; i++) {
    if (i) strcat(joined, " ");
    strcat(joined, words[i]);
  }
  return joined;
}

/* The manual page's table of findings is made of this output when it is built. */
static bool explain(const char *id) {
  bool all = strcmp(id, "all") == 0, found = false;
  for (unsigned i = 0; i < FINDING_COUNT; i++) {
    const struct finding_text *f = finding_text(i);
    if (!all && strcmp(id, f->id) != 0) continue;
    printf("%s%s (%s, %s)\n  means:  %s\n  cause:  %s\n  remedy: %s\n", found ? "\n" : "", f->id,
           finding_severity_name(f->severity), f->clause, f->meaning, f->cause, f->remedy);
    found = true;
  }
  if (found) return true;
  char known[1024];
  size_t n = 0;
  known[0] = '\0';
  for (unsigned i = 0; i < FINDING_COUNT && n < sizeof known; i++)
    n += (size_t)snprintf(known + n, sizeof known - n, " %s", finding_text(i)->id);
  cli_complain(&cli, "--explain: there is no finding '%s'; there are all,%s", id, known);
  return false;
}

/* CLI_EXIT_OK: go on. CLI_END: done already, exit 0. CLI_EXIT_USAGE: complained. */
static int read_options(int argc, char **argv, struct settings *s) {
  const char *text;
  uint64_t number;
  char error[512];
  unsigned times = 0;
  int option;
  while ((option = cli_next(&cli, argc, argv, &text)) != CLI_END) {
    if (option == CLI_ERROR) return CLI_EXIT_USAGE;
    switch ((enum option)option) {
      case OPTION_INTERFACE: s->source.interface = text; break;
      case OPTION_READ: s->source.file = text; break;
      case OPTION_WRITE: s->source.save = text; break;
      case OPTION_LIST: s->list_interfaces = true; break;
      case OPTION_COUNT:
        if (!cli_parse_number(&cli, "-c", text, 1, UINT32_MAX, &s->packets_max))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_SNAPLEN:
        if (!cli_parse_number(&cli, "-s", text, 68, 262144, &number)) return CLI_EXIT_USAGE;
        s->source.snaplen = (int)number;
        break;
      case OPTION_BUFFER:
        if (!cli_parse_number(&cli, "-B", text, 64, 1 << 20, &number)) return CLI_EXIT_USAGE;
        s->source.buffer_kib = (int)number;
        break;
      case OPTION_NUMERIC: break;
      case OPTION_TIME: times++; break;
      case OPTION_ABSOLUTE: s->report.raw = true; break;
      case OPTION_VERBOSE: s->report.verbose = true; break;
      case OPTION_FORMAT:
        s->format = cli_parse_word(&cli, "--format", text, format_words, 3);
        if (s->format < 0) return CLI_EXIT_USAGE;
        break;
      case OPTION_JSON: s->json_file = text; break;
      case OPTION_EXPECT:
        if (!demand_parse(&s->demand, text, error, sizeof error)) {
          cli_complain(&cli, "--expect: %s", error);
          return CLI_EXIT_USAGE;
        }
        break;
      case OPTION_EXPLAIN: return explain(text) ? CLI_END : CLI_EXIT_USAGE;
      case OPTION_CLOSES:
        if (!cli_parse_number(&cli, "--closes", text, 1, UINT32_MAX, &s->closes_max))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_DURATION:
        if (!cli_parse_number(&cli, "--duration", text, 1, UINT32_MAX, &s->duration_s))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_WAIT: s->report.wait = true; break;
      case OPTION_MSL:
        if (!cli_parse_number(&cli, "--msl", text, 1, 3600, &s->msl_s)) return CLI_EXIT_USAGE;
        break;
      case OPTION_KERNEL:
        s->kernel = cli_parse_word(&cli, "--kernel", text, kernel_words, 2);
        if (s->kernel < 0) return CLI_EXIT_USAGE;
        break;
      case OPTION_COLOR:
        s->color = cli_parse_word(&cli, "--color", text, color_words, 3);
        if (s->color < 0) return CLI_EXIT_USAGE;
        break;
      case OPTION_ASCII: s->report.ascii = true; break;
      case OPTION_HELP: cli_print_usage(&cli, stdout); return CLI_END;
      case OPTION_VERSION:
        printf("teardown-capture %s, %s\n", TEARDOWN_VERSION, source_library_version());
        return CLI_END;
    }
  }
  if (s->source.file && s->source.interface) {
    cli_complain(&cli, "-r and -i exclude each other: read a file or capture, not both");
    return CLI_EXIT_USAGE;
  }
  if (times > TEXT_TIME_FIRST) {
    cli_complain(&cli, "-t is given %u times; five is the most (-ttttt)", times);
    return CLI_EXIT_USAGE;
  }
  s->report.clock.form = (enum text_time)times;
  s->report.live = !s->source.file;
  if (s->report.live && !s->source.interface) s->source.interface = "lo";
  if (optind < argc) {
    s->filter = join_words(argv + optind, argc - optind);
    s->source.filter = s->filter;
  }
  return CLI_EXIT_OK;
}

static unsigned terminal_columns(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = getenv("COLUMNS");
  int n = columns ? atoi(columns) : 0;
  return n > 0 ? (unsigned)n : 80;
}

/* ---- Reports -------------------------------------------------------------------------------- */

static bool add_report(struct watch *w, struct report *report) {
  if (!report) {
    cli_complain(&cli, "out of memory");
    return false;
  }
  w->reports[w->n_reports++] = report;
  return true;
}

static bool make_reports(struct watch *w, struct settings *s, FILE **json) {
  bool terminal = isatty(STDOUT_FILENO);
  const char *no_color = getenv("NO_COLOR");
  s->report.columns = terminal_columns();
  s->report.terminal = terminal;
  s->report.ascii = s->report.ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
  s->report.color =
      s->color == COLOR_ALWAYS || (s->color == COLOR_AUTO && terminal && !(no_color && *no_color));
  if (s->format < 0) s->format = terminal ? FORMAT_LADDER : FORMAT_LINES;
  struct report *report = NULL;
  switch ((enum format)s->format) {
    case FORMAT_LADDER: report = report_ladder_new(stdout, &s->report); break;
    case FORMAT_LINES: report = report_lines_new(stdout, &s->report); break;
    case FORMAT_JSON: report = report_json_new(stdout, &s->report); break;
  }
  if (!add_report(w, report)) return false;
  if (!s->json_file) return true;
  *json = fopen(s->json_file, "w");
  if (!*json) {
    cli_complain(&cli, "--json %s: cannot write: %s; choose another file", s->json_file,
                 strerror(errno));
    return false;
  }
  return add_report(w, report_json_new(*json, &s->report));
}

/* ---- The run -------------------------------------------------------------------------------- */

static bool is_over(const struct watch *w, const struct settings *s, uint64_t packets,
                    int64_t deadline_us) {
  if (stop_requested || ferror(stdout)) return true;
  if (s->packets_max > 0 && packets >= s->packets_max) return true;
  if (s->closes_max > 0 && w->closes >= s->closes_max) return true;
  return deadline_us > 0 && now_us() >= deadline_us;
}

/* A descriptor of -1 is not waited for. */
static void wait_for_news(int packets, int kernel, bool more, const sigset_t *unblocked) {
  struct pollfd fds[] = {{.fd = packets, .events = POLLIN}, {.fd = kernel, .events = POLLIN}};
  struct timespec tick = {.tv_nsec = more ? 0 : TICK_MS * 1000000L};
  (void)ppoll(fds, sizeof fds / sizeof *fds, &tick, unblocked);
}

/* False when the source broke: the verdicts so far are given all the same. */
static bool run(struct watch *w, struct source *source, const struct settings *s,
                const sigset_t *unblocked) {
  char error[SOURCE_ERROR_SIZE];
  int64_t deadline_us = s->duration_s > 0 ? now_us() + (int64_t)s->duration_s * 1000000 : 0;
  int64_t last_us = 0, next_tick_us = 0;
  uint64_t packets = 0;
  bool ok = true, more = true;
  bool pipe = !s->report.live && strcmp(s->source.file, "-") == 0;
  int kernel = w->kernel ? kernel_fd(w->kernel) : -1;
  while (more && !is_over(w, s, packets, deadline_us)) {
    watch_listen(w);
    for (int i = 0; more && i < PACKETS_PER_TURN; i++) {
      struct source_packet packet;
      struct decoded decoded;
      enum source_result result = source_next(source, &packet, error);
      if (result == SOURCE_NONE) {
        wait_for_news(source_fd(source), kernel, watch_attend(w, now_us()), unblocked);
        break;
      }
      if (result != SOURCE_PACKET) {
        more = false;
        ok = result == SOURCE_END;
        break;
      }
      packets++;
      last_us = packet.t_us;
      watch_packet(w,
                   decode_packet(source_link(source), packet.bytes, packet.captured, packet.on_wire,
                                 &decoded),
                   &decoded, packet.t_us);
      if (pipe) watch_flush(w);
      if (s->packets_max > 0 && packets >= s->packets_max) break;
    }
    if (s->report.live && now_us() >= next_tick_us) {
      w->incomplete = source_counts(source).dropped > 0;
      watch_tick(w, now_us());
      next_tick_us = now_us() + TICK_MS * 1000;
    }
    if (!s->report.live) {
      sigset_t pending;
      sigpending(&pending);
      if (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM)) stop_requested = 1;
    }
  }
  struct source_counts counts = source_counts(source);
  w->summary.received = counts.received;
  w->summary.dropped = counts.dropped;
  w->summary.counts_known = counts.known;
  w->incomplete = counts.dropped > 0;
  (void)watch_attend(w, now_us());
  watch_end(w, s->report.live ? now_us() : last_us);
  if (!ok) cli_complain(&cli, "%s (the verdicts so far are given)", error);
  return ok;
}

static void print_named(const char *what, const struct report_named *list, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    fprintf(stderr, "  %s #%u %s %s: %s, %.3f s%s%s\n", what, list[i].number, list[i].client,
            list[i].server,
            list[i].finding == FINDING_COUNT ? ending_name(list[i].ending)
                                             : finding_text(list[i].finding)->id,
            (double)list[i].us / 1e6, *list[i].holder ? ", held by " : "", list[i].holder);
}

static void print_summary(const struct report_summary *m) {
  fprintf(stderr, "%llu segments, %llu connection%s", (unsigned long long)m->segments,
          (unsigned long long)m->connections, m->connections == 1 ? "" : "s");
  for (unsigned i = 0; i < ENDING_COUNT; i++)
    if (m->endings[i] > 0)
      fprintf(stderr, ", %llu %s", (unsigned long long)m->endings[i], ending_name(i));
  fputc('\n', stderr);
  if (m->connections > 1) {
    fprintf(stderr, "closed first: client %llu, server %llu, neither or both %llu; stuck: %llu\n",
            (unsigned long long)m->closed_first[END_CLIENT],
            (unsigned long long)m->closed_first[END_SERVER],
            (unsigned long long)m->closed_first[END_NONE], (unsigned long long)m->stuck);
    print_named("slowest", m->slowest, m->n_slowest);
    print_named("stuck", m->longest_stuck, m->n_longest_stuck);
  }
  const struct report_agreement *k = &m->kernel;
  if (k->connections > 0)
    fprintf(stderr,
            "the kernel agrees with %llu of %llu transitions; ends that differ: %llu contrary, "
            "%llu where a segment did not arrive, %llu that moved silently%s\n",
            (unsigned long long)k->agreed, (unsigned long long)k->of,
            (unsigned long long)k->ends[WITNESS_CONTRARY],
            (unsigned long long)k->ends[WITNESS_NOT_THERE],
            (unsigned long long)k->ends[WITNESS_SILENT],
            k->events_lost > 0 ? "; some of its events were lost" : "");
  if (m->fragments || m->truncated || m->malformed)
    fprintf(stderr, "not read: %llu IP fragments, %llu cut short by -s, %llu malformed\n",
            (unsigned long long)m->fragments, (unsigned long long)m->truncated,
            (unsigned long long)m->malformed);
  if (m->copies)
    fprintf(stderr, "%llu segments were captured twice and counted once\n",
            (unsigned long long)m->copies);
  if (m->not_followed)
    fprintf(stderr, "%llu segments of connections beyond the %u that are followed at once\n",
            (unsigned long long)m->not_followed, (unsigned)FLOW_MAX);
  if (m->counts_known)
    fprintf(stderr, "%llu packets received by filter, %llu dropped by kernel%s\n",
            (unsigned long long)m->received, (unsigned long long)m->dropped,
            m->dropped ? ": capture incomplete" : "");
}

static int exit_status(const struct watch *w, const struct settings *s) {
  if (s->demand.given && w->closes == 0) {
    cli_complain(&cli, "--expect: no close was seen");
    return EXIT_NOTHING_SEEN;
  }
  return w->any_bad ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}

static void handle_signals(sigset_t *unblocked) {
  struct sigaction stop = {.sa_handler = on_stop_signal}, ignore = {.sa_handler = SIG_IGN};
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, unblocked);
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
}

static int complain_of_open(enum source_error error, const char *message, int argc, char **argv) {
  char remedy[2048];
  if (error == SOURCE_NO_PERMISSION)
    cli_complain(&cli, "%s; %s", message, privilege_remedy(argc, argv, remedy, sizeof remedy));
  else
    cli_complain(&cli, "%s", message);
  return CLI_EXIT_USAGE;
}

static int watch_source(struct settings *s, int argc, char **argv) {
  struct watch watch = {
      .demand = s->demand,
      .two_msl_us = s->msl_s > 0 ? (int64_t)s->msl_s * 2000000 : MODEL_LINUX_2MSL_US,
      .live = s->report.live,
      .wait = s->report.wait,
      .own_clock = s->msl_s > 0,
  };
  char error[SOURCE_ERROR_SIZE];
  struct source *source;
  sigset_t unblocked;
  handle_signals(&unblocked);
  enum source_error opened = source_open(&source, &s->source, error);
  if (opened != SOURCE_OK) return complain_of_open(opened, error, argc, argv);

  FILE *json = NULL;
  int status = CLI_EXIT_USAGE;
  bool ask = s->report.live && s->kernel == KERNEL_AUTO;
  if (ask) watch.kernel = kernel_open();
  if (!watch_init(&watch) || (ask && !watch.kernel)) {
    cli_complain(&cli, "out of memory");
  } else if (make_reports(&watch, s, &json)) {
    const char *name = s->report.live ? s->source.interface : s->source.file;
    for (unsigned i = 0; i < watch.n_reports; i++)
      watch.reports[i]->class->start(watch.reports[i], name, s->filter,
                                     watch.kernel ? kernel_lack(watch.kernel) : NULL);
    if (s->report.live && isatty(STDERR_FILENO))
      fprintf(stderr, "capturing on %s%s%s; Ctrl-C ends it\n", name, s->filter ? ", " : "",
              s->filter ? s->filter : "");
    bool ok = run(&watch, source, s, &unblocked);
    print_summary(&watch.summary);
    status = ok ? exit_status(&watch, s) : CLI_EXIT_USAGE;
  }
  watch_destroy(&watch);
  kernel_close(watch.kernel);
  if (json) fclose(json);
  if (!source_close(source, error)) {
    cli_complain(&cli, "%s", error);
    status = CLI_EXIT_USAGE;
  }
  return status;
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  struct settings settings = {
      .source = {.snaplen = SOURCE_SNAPLEN_DEFAULT, .buffer_kib = SOURCE_BUFFER_KIB_DEFAULT},
      .format = -1,
  };
  int status = read_options(argc, argv, &settings);
  if (status == CLI_END) {
    status = cli_finish(&cli);
  } else if (status == CLI_EXIT_OK && settings.list_interfaces) {
    char error[SOURCE_ERROR_SIZE];
    if (!source_list_interfaces(stdout, error)) {
      cli_complain(&cli, "%s", error);
      status = CLI_EXIT_USAGE;
    }
  } else if (status == CLI_EXIT_OK) {
    status = watch_source(&settings, argc, argv);
  }
  free(settings.filter);
  return status;
}
