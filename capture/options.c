#include "capture/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
  OPTION_QUIET,
  OPTION_FORMAT,
  OPTION_JSON,
  OPTION_EXPECT,
  OPTION_EXPECT_LADDER,
  OPTION_ROWS,
  OPTION_EXPLAIN,
  OPTION_CLOSES,
  OPTION_DURATION,
  OPTION_WAIT,
  OPTION_MSL,
  OPTION_MAX_FLOWS,
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
    [OPTION_QUIET] = {'q', "quiet", NULL, "a line for each verdict only; -qq the summary alone"},
    [OPTION_FORMAT] = {0, "format", "FORMAT",
                       "ladder, lines or json (default: ladder on a terminal, lines in a pipe)"},
    [OPTION_JSON] = {0, "json", "FILE", "also write NDJSON to this file, whatever the format"},
    [OPTION_EXPECT] = {0, "expect", "ENDING[,lost=ROLE[xN]]",
                       "demand this of every close: exit 1 if one differs, 3 if there was none"},
    [OPTION_EXPECT_LADDER] =
        {0, "expect-ladder", "FILE",
         "demand the rows and verdicts of this file: exit 1 if one differs, and "
         "say which"},
    [OPTION_ROWS] = {0, "rows", "FILE",
                     "also write the ladder's rows to this file, as --expect-ladder reads them"},
    [OPTION_EXPLAIN] = {0, "explain", "ID",
                        "say what a finding means, its cause and its remedy; "
                        "all for every one"},
    [OPTION_CLOSES] = {0, "closes", "N", "stop after the verdict on so many closes"},
    [OPTION_DURATION] = {0, "duration", "S", "stop after so many seconds"},
    [OPTION_WAIT] = {0, "wait", NULL, "wait for the end of TIME_WAIT before the verdict"},
    [OPTION_MSL] = {0, "msl", "S",
                    "maximum segment lifetime: TIME_WAIT is twice that (default 30)"},
    [OPTION_MAX_FLOWS] = {0, "max-flows", "N",
                          "follow so many connections at once (default 1048576); then the ended, "
                          "the half-open and the longest idle make room"},
    [OPTION_KERNEL] = {0, "kernel", "WHETHER",
                       "auto: ask the kernel too about local ends, live (default); off: do not"},
    [OPTION_COLOR] = {0, "color", "WHEN",
                      "auto, always or never (default auto; NO_COLOR is obeyed)"},
    [OPTION_ASCII] = {0, "ascii", NULL, "no characters beyond ASCII"},
    [OPTION_HELP] = {'h', "help", NULL, "print this and exit"},
    [OPTION_VERSION] = {0, "version", NULL, "print the versions and exit"},
};

const struct cli options_cli = {
    .program = "capture",
    .synopsis = "[OPTION]... [FILTER...]",
    .purpose =
        "Follows the FIN, ACK and RST segments of TCP connections and says who closed first, "
        "how it ended and who is stuck. FILTER is as in pcap-filter(7), such as 'port 7000'.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
};

static const char *const format_words[] = {"ladder", "lines", "json"};
static const char *const kernel_words[] = {"auto", "off"};
static const char *const color_words[] = {"auto", "always", "never"};

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
  cli_complain(&options_cli, "--explain: there is no finding '%s'; there are all,%s", id, known);
  return false;
}

int options_read(int argc, char **argv, struct settings *s) {
  const char *text;
  uint64_t number;
  char error[512];
  unsigned times = 0;
  int option;
  while ((option = cli_next(&options_cli, argc, argv, &text)) != CLI_END) {
    if (option == CLI_ERROR) return CLI_EXIT_USAGE;
    switch ((enum option)option) {
      case OPTION_INTERFACE: s->source.interface = text; break;
      case OPTION_READ: s->source.file = text; break;
      case OPTION_WRITE: s->source.save = text; break;
      case OPTION_LIST: s->list_interfaces = true; break;
      case OPTION_COUNT:
        if (!cli_parse_number(&options_cli, "-c", text, 1, UINT32_MAX, &s->packets_max))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_SNAPLEN:
        if (!cli_parse_number(&options_cli, "-s", text, 68, 262144, &number)) return CLI_EXIT_USAGE;
        s->source.snaplen = (int)number;
        break;
      case OPTION_BUFFER:
        if (!cli_parse_number(&options_cli, "-B", text, 64, 1 << 20, &number))
          return CLI_EXIT_USAGE;
        s->source.buffer_kib = (int)number;
        break;
      case OPTION_NUMERIC: break;
      case OPTION_TIME: times++; break;
      case OPTION_ABSOLUTE: s->report.raw = true; break;
      case OPTION_VERBOSE: s->report.verbose = true; break;
      case OPTION_QUIET: s->quiet++; break;
      case OPTION_FORMAT:
        s->format = cli_parse_word(&options_cli, "--format", text, format_words, 3);
        if (s->format < 0) return CLI_EXIT_USAGE;
        break;
      case OPTION_JSON: s->json_file = text; break;
      case OPTION_EXPECT:
        if (!demand_parse(&s->demand, text, error, sizeof error)) {
          cli_complain(&options_cli, "--expect: %s", error);
          return CLI_EXIT_USAGE;
        }
        break;
      case OPTION_EXPECT_LADDER: s->expected_ladder_file = text; break;
      case OPTION_ROWS: s->rows_file = text; break;
      case OPTION_EXPLAIN: return explain(text) ? CLI_END : CLI_EXIT_USAGE;
      case OPTION_CLOSES:
        if (!cli_parse_number(&options_cli, "--closes", text, 1, UINT32_MAX, &s->closes_max))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_DURATION:
        if (!cli_parse_number(&options_cli, "--duration", text, 1, UINT32_MAX, &s->duration_s))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_WAIT: s->report.wait = true; break;
      case OPTION_MSL:
        if (!cli_parse_number(&options_cli, "--msl", text, 1, 3600, &s->msl_s))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_MAX_FLOWS:
        if (!cli_parse_number(&options_cli, "--max-flows", text, 1, FLOW_MAX, &s->max_flows))
          return CLI_EXIT_USAGE;
        break;
      case OPTION_KERNEL:
        s->kernel = cli_parse_word(&options_cli, "--kernel", text, kernel_words, 2);
        if (s->kernel < 0) return CLI_EXIT_USAGE;
        break;
      case OPTION_COLOR:
        s->color = cli_parse_word(&options_cli, "--color", text, color_words, 3);
        if (s->color < 0) return CLI_EXIT_USAGE;
        break;
      case OPTION_ASCII: s->report.ascii = true; break;
      case OPTION_HELP: cli_print_usage(&options_cli, stdout); return CLI_END;
      case OPTION_VERSION:
        printf("teardown-capture %s, %s\n", TEARDOWN_VERSION, source_library_version());
        return CLI_END;
    }
  }
  if (s->source.file && s->source.interface) {
    cli_complain(&options_cli, "-r and -i exclude each other: read a file or capture, not both");
    return CLI_EXIT_USAGE;
  }
  if (s->demand.given && s->expected_ladder_file) {
    cli_complain(&options_cli,
                 "--expect and --expect-ladder exclude each other: the ending stands "
                 "in a ladder's line 'verdict', as ending=normal");
    return CLI_EXIT_USAGE;
  }
  if (s->quiet > REPORT_SUMMARY) {
    cli_complain(&options_cli, "-q is given %u times; two is the most (-qq)", s->quiet);
    return CLI_EXIT_USAGE;
  }
  if (times > TEXT_TIME_FIRST) {
    cli_complain(&options_cli, "-t is given %u times; five is the most (-ttttt)", times);
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
