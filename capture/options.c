#include "capture/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/glossary.h"
#include "capture/report/draw.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *format_word(unsigned i) {
  static const char *const words[] = {"ladder", "lines", "json", "table"};
  return i < COUNT(words) ? words[i] : NULL;
}

static const char *kernel_word(unsigned i) {
  static const char *const words[] = {"auto", "off", "lines"};
  return i < COUNT(words) ? words[i] : NULL;
}

static const char *segments_word(unsigned i) {
  static const char *const words[] = {"told", "close"};
  return i < COUNT(words) ? words[i] : NULL;
}

static const char *color_word(unsigned i) {
  static const char *const words[] = {"auto", "always", "never"};
  return i < COUNT(words) ? words[i] : NULL;
}

/* The words of the glossary, and all of them. */
static const char *explain_word(unsigned i) {
  const char *word = glossary_entry(i).word;
  if (word) return word;
  return i == 0 || glossary_entry(i - 1).word ? "all" : NULL;
}

#define AT(member) CLI_AT(struct settings, member)

/* clang-format off */
static const struct cli_option rows[] = {
    {'i', "interface", "IF", CLI_TEXT, AT(source.interface),
     .text = "capture on this interface, or any (default lo)"},
    {0, "netns", "NAME|PID", CLI_TEXT, AT(netns),
     .text = "capture in this network namespace: a name of ip netns, or the PID of a process in it"},
    {'r', "read", "FILE", CLI_TEXTS, AT(files),
     .text = "read a pcap or pcapng file instead, - for stdin; two are the same connections, captured "
             "at two places"},
    {'w', "write", "FILE", CLI_TEXT, AT(source.save),
     .text = "also save the packets to this pcap file; if it ends in .pcapng, with comments"},
    {'D', "list-interfaces", NULL, CLI_FLAG, AT(list_interfaces),
     .text = "list the interfaces and exit"},
    {'c', "count", "PACKETS", CLI_NUMBER, AT(packets_max), .min = 1, .max = UINT32_MAX,
     .text = "stop after so many packets"},
    {'s', "snapshot-length", "BYTES", CLI_NUMBER, AT(source.snaplen), .min = 68, .max = 262144,
     .text = "capture that much of each packet (default 192: every header fits)"},
    {'B', "buffer-size", "KIB", CLI_NUMBER, AT(source.buffer_kib), .min = 64, .max = 1 << 20,
     .text = "the size of the kernel's buffer (default 32768)"},
    {'n', NULL, NULL, CLI_FLAG, CLI_NOWHERE,
     .text = "accepted from habit: names are never looked up"},
    {'t', NULL, NULL, CLI_COUNTED, AT(report.clock.form), .max = TEXT_TIME_FIRST,
     .text = "print no times; -tt since the epoch, -ttt since the line before, -tttt with the date, "
             "-ttttt since the first line"},
    {'S', "absolute-tcp-sequence-numbers", NULL, CLI_FLAG, AT(report.raw),
     .text = "print raw sequence numbers instead of u and w"},
    {'v', "verbose", NULL, CLI_FLAG, AT(report.verbose),
     .text = "print the reason for each transition, and what is expected next"},
    {'q', "quiet", NULL, CLI_COUNTED, AT(quiet), .max = REPORT_SUMMARY,
     .text = "print a line for each verdict only; -qq the summary alone"},
    {0, "format", "FORMAT", CLI_WORD, AT(format), .word = format_word,
     .text = "print a ladder, lines, json, or a table of many connections (default: lines in a pipe; on a "
             "terminal the ladder and, live, the table while more than three are open together)"},
    {0, "json", "FILE", CLI_TEXT, AT(json_file),
     .text = "also write NDJSON to this file, whatever the format"},
    {0, "rotate", "S", CLI_NUMBER, AT(rotate_s), .min = 1, .max = 86400,
     .text = "with --json FILE: after so many seconds what was written is put beside it, whole, under a "
             "name with time and number"},
    {0, "roll-up", "S", CLI_NUMBER, AT(rollup_s), .min = 1, .max = 86400,
     .text = "with --json FILE: count connections by service and ending, an object a group every so many "
             "seconds, and tell only exceptions whole"},
    {0, "sample", "N", CLI_NUMBER, AT(report.sample_of), .min = 1, .max = 1000000000,
     .text = "with --roll-up: also tell one of so many connections whole, the same ones on every host"},
    {0, "metrics", "FILE", CLI_TEXT, AT(metrics_file),
     .text = "also keep counts in this file for Prometheus, as node-exporter's textfile collector reads them"},
    {0, "host-name", "NAME", CLI_TEXT, AT(report.host),
     .text = "NDJSON of many hosts: each object says that it is of this one, of which run, and which line"},
    {0, "segments", "WHICH", CLI_WORD, AT(segments), .word = segments_word,
     .text = "which segments NDJSON has: those that tell something (told, the default), or also close: the "
             "same ones at each place where they are captured"},
    {0, "margin", "FILE", CLI_TEXT, AT(margin_file),
     .text = "in the ladder, at their time, also the lines that server and client print, from this file or "
             "pipe"},
    {0, "html", "FILE", CLI_TEXT, AT(html_file),
     .text = "also write a page to this file that animates the closes in a browser"},
    {0, "svg", "FILE", CLI_TEXT, AT(svg_file),
     .text = "also draw the ladder into this file, as an SVG"},
    {0, "mermaid", "FILE", CLI_TEXT, AT(mermaid_file),
     .text = "also write the ladder to this file as a sequence diagram of mermaid, for Markdown"},
    {0, "step", NULL, CLI_FLAG, AT(step),
     .text = "with -r, on a terminal: step through the ladder by keys, forwards and back"},
    {0, "predict", NULL, CLI_FLAG, AT(predict),
     .text = "with -r: ask for each state before it is shown, and keep the score; answers are lines of "
             "stdin"},
    {0, "worksheet", NULL, CLI_FLAG, AT(worksheet),
     .text = "with -r: print the ladder with its states blank, and the solution after it"},
    {0, "expect", "ENDING[,lost=ROLE[xN]]", CLI_TEXT, AT(expect),
     .text = "demand this of every close: exit 1 if one differs, 3 if there was none"},
    {0, "only", "WHAT[,WHAT...]", CLI_TEXT, AT(only_words),
     .text = "print only verdicts of these endings, causes of an RST, findings or severities (stuck, "
             "breach, note), or lost"},
    {0, "find", "TEXT", CLI_TEXT, AT(report.find),
     .text = "mark the connections whose first payload, of either end, contains this text"},
    {0, "expect-ladder", "FILE", CLI_TEXT, AT(expected_ladder_file),
     .text = "demand the rows and verdicts of this file: exit 1 if one differs, and say which"},
    {0, "rows", "FILE", CLI_TEXT, AT(rows_file),
     .text = "also write the ladder's rows to this file, as --expect-ladder reads them"},
    {0, "explain", "ID", CLI_WORD, AT(explain), .word = explain_word,
     .text = "say what a word of a verdict means, where it comes from and the remedy: a finding, a cause of "
             "an RST, a state, an ending, a role, a doubt; all for every one"},
    {0, "closes", "N", CLI_NUMBER, AT(closes_max), .min = 1, .max = UINT32_MAX,
     .text = "stop after the verdict on so many closes"},
    {0, "duration", "S", CLI_NUMBER, AT(duration_s), .min = 1, .max = UINT32_MAX,
     .text = "stop after so many seconds"},
    {0, "wait", NULL, CLI_FLAG, AT(report.wait),
     .text = "wait for the end of TIME_WAIT before the verdict"},
    {0, "msl", "S", CLI_NUMBER, AT(msl_s), .min = 1, .max = 3600,
     .text = "maximum segment lifetime: TIME_WAIT is twice that (default 30)"},
    {0, "stuck-after", "S", CLI_NUMBER, AT(stuck_after_s), .min = 2, .max = 86400,
     .text = "live, and on a pipe: name at once who is waited for longer than so many seconds "
             "(default 10), and again after twice as long"},
    {0, "max-flows", "N", CLI_NUMBER, AT(max_flows), .min = 1, .max = FLOW_MAX,
     .text = "follow so many connections at once (default 1048576); then the ended, the half-open "
             "and the longest idle make room"},
    {0, "kernel", "WHETHER", CLI_WORD, AT(kernel), .word = kernel_word,
     .text = "whether the kernel is asked too about local ends, live: auto (default), off, or lines: "
             "each of its words is a row of the ladder"},
    {'Z', "relinquish-privileges", "USER", CLI_TEXT, AT(user),
     .text = "as root, become this user once all is open (default: who called sudo, else nobody)"},
    {0, "no-sandbox", NULL, CLI_FLAG, AT(no_sandbox),
     .text = "keep user, capabilities and system calls, to debug"},
    {0, "color", "WHEN", CLI_WORD, AT(color), .word = color_word,
     .text = "whether to use colours: auto, always or never (default auto; NO_COLOR is obeyed)"},
    {0, "ascii", NULL, CLI_FLAG, AT(report.ascii),
     .text = "print no characters beyond ASCII"},
};
/* clang-format on */

struct cli program_cli = {
    .name = "capture",
    .synopsis = "[OPTION]... [FILTER...]",
    .purpose =
        "Follows the FIN, ACK and RST segments of TCP connections and says who closed first, "
        "how it ended and who is stuck. FILTER is as in pcap-filter(7), such as 'port 7000'.",
    .library = source_library_version,
    .tables = {[CLI_OWN] = {.rows = rows, .n = COUNT(rows)}},
};

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

/* Folded to a terminal, behind its label; else one line. */
static void explain_line(const char *label, const char *text) {
  enum { INDENT = 10 };
  char buffer[2048];
  struct out lines = out_string(buffer, sizeof buffer);
  struct draw draw = {.out = &lines, .columns = isatty(STDOUT_FILENO) ? draw_columns() : UINT_MAX};
  draw_text(&draw, INDENT, text);
  printf("  %-*s%s", INDENT - 2, label, out_text_of(&lines) + INDENT);
}

/* The manual page's table is made of this output when it is built. */
static void explain(unsigned word) {
  bool all = !glossary_entry(word).word;
  struct glossary_entry e;
  for (unsigned i = all ? 0 : word; (e = glossary_entry(i)).word && (all || i == word); i++) {
    printf("%s%s (%s, %s)\n", all && i > 0 ? "\n" : "", e.word, e.kind, e.clause);
    explain_line("means:", e.meaning);
    explain_line("cause:", e.cause);
    explain_line("remedy:", e.remedy);
  }
}

/* Nobody filters by "x.pcap": -r was forgotten. A file of another name counts if it is there, and
 * its name is none of pcap-filter's words. */
static bool names_a_file(const char *word) {
  static const char *const suffixes[] = {".pcap", ".pcapng", ".cap"};
  struct stat status;
  size_t length = strlen(word);
  for (size_t i = 0; i < COUNT(suffixes); i++) {
    size_t n = strlen(suffixes[i]);
    if (length > n && strcmp(word + length - n, suffixes[i]) == 0) return true;
  }
  return strpbrk(word, "./") != NULL && stat(word, &status) == 0 && S_ISREG(status.st_mode);
}

static bool check_filter(const struct settings *s, const char *word) {
  if (!names_a_file(word)) return true;
  if (s->source.file != NULL)
    cli_complain(&program_cli, "'%s' is a file, not a filter; one file is read, the one of -r",
                 word);
  else
    cli_complain(&program_cli, "'%s' is a file, not a filter; to read it: %s -r %s", word,
                 cli_program(&program_cli), word);
  return false;
}

/* A table is watched, and its keys come from the terminal. */
static bool check_table(struct settings *s) {
  const char *term = getenv("TERM");
  if (s->format != FORMAT_TABLE) return true;
  if (s->source.file)
    cli_complain(
        &program_cli,
        "--format table watches live; of a file, --format ladder shows each connection, and "
        "--only the ones that matter");
  else if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    cli_complain(&program_cli,
                 "--format table needs a terminal, as stdin and stdout; in a pipe: "
                 "--format lines");
  else if (!term || strcmp(term, "dumb") == 0) {
    cli_say("TERM=%s can show no table: lines instead\n", term ? term : "");
    s->format = FORMAT_LINES;
    return true;
  } else
    return true;
  return false;
}

/* A lesson is a view of a file's ladder, and has stdout for itself; two of them ask by stdin. */
static bool check_lesson(struct settings *s) {
  static const char *const names[] = {"", "--step", "--predict", "--worksheet"};
  s->lesson = s->step        ? LESSON_STEP
              : s->predict   ? LESSON_PREDICT
              : s->worksheet ? LESSON_WORKSHEET
                             : LESSON_NONE;
  const char *name = names[s->lesson], *program = cli_program(&program_cli);
  const struct cli *cli = &program_cli;
  if (s->lesson == LESSON_NONE) return true;
  if (s->step + s->predict + s->worksheet > 1)
    cli_complain(cli, "--step, --predict and --worksheet exclude each other; choose one");
  else if (!s->source.file)
    cli_complain(cli, "%s looks at a file: %s -w FILE saves one, %s -r FILE %s reads it", name,
                 program, program, name);
  else if (s->lesson != LESSON_WORKSHEET && strcmp(s->source.file, "-") == 0)
    cli_complain(cli, "%s asks on stdin, and so cannot read the packets there; save them in a file",
                 name);
  else if (s->quiet > 0 || s->format > FORMAT_LADDER)
    cli_complain(cli, "%s shows the ladder: it excludes -q and other formats", name);
  else if (s->step && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
    cli_complain(cli, "--step needs a terminal, as stdin and stdout; without one: %s -r %s",
                 program, s->source.file);
  else
    return true;
  return false;
}

/* It goes into every object, and into names of files: nothing in it wants an escape. */
static bool check_host(const char *host) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  if (!host) return true;
  size_t n = strlen(host);
  if (n >= 1 && n <= HOST_NAME_MAX && strspn(host, allowed) == n) return true;
  cli_complain(
      &program_cli,
      "--host-name takes 1 to %d letters, digits, '-', '.' and '_', as hostname prints them",
      HOST_NAME_MAX);
  return false;
}

static bool check_parts(struct settings *s) {
  s->report.rollup_us = (int64_t)s->rollup_s * 1000000;
  if (s->rotate_s > 0 && !s->json_file)
    cli_complain(&program_cli, "--rotate is about --json FILE, which is not given");
  else if (s->rollup_s > 0 && !s->json_file)
    cli_complain(&program_cli, "--roll-up is about --json FILE, which is not given");
  else if (s->report.sample_of > 0 && s->rollup_s == 0)
    cli_complain(&program_cli,
                 "--sample is about --roll-up S, which is not given: without it all is told");
  else
    return true;
  return false;
}

static bool is_one_file(const char *one, const char *other) {
  struct stat a, b;
  if (strcmp(one, other) == 0) return true;
  return stat(one, &a) == 0 && stat(other, &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

/* One file, or two vantage points. */
static bool check_files(struct settings *s) {
  const struct cli_texts *files = &s->files;
  s->source.file = files->n > 0 ? files->text[0] : NULL;
  if (files->n < 2) return true;
  s->report.second_source = files->text[1];
  if (files->n > 2)
    cli_complain(&program_cli, "-r is given %u times; two vantage points are the most", files->n);
  else if (is_one_file(files->text[0], files->text[1]))
    cli_complain(&program_cli,
                 "-r %s is given twice; give the captures of two places, or one file once",
                 files->text[1]);
  else if (s->source.save)
    cli_complain(&program_cli, "-w and two files exclude each other: a capture has one clock");
  else
    return true;
  return false;
}

int options_read(int argc, char **argv, struct settings *s) {
  char error[512];
  *s = (struct settings){
      .source = {.buffer_kib = SOURCE_BUFFER_KIB_DEFAULT},
      .format = FORMAT_BY_TERMINAL,
      .explain = -1,
      .max_flows = FLOW_MAX_DEFAULT,
      .stuck_after_s = 10,
  };
  program_cli.tables[CLI_OWN].settings = s;
  int status = cli_parse(&program_cli, argc, argv);
  if (status != CLI_GO_ON) return status;
  if (s->explain >= 0) {
    explain((unsigned)s->explain);
    return cli_finish(&program_cli);
  }
  if (s->expect && !demand_parse(&s->demand, s->expect, error, sizeof error)) {
    cli_complain(&program_cli, "--expect: %s", error);
    return CLI_EXIT_USAGE;
  }
  if (s->only_words && !only_parse(&s->only, s->only_words, error, sizeof error)) {
    cli_complain(&program_cli, "--only: %s", error);
    return CLI_EXIT_USAGE;
  }
  if (!check_files(s) || !check_lesson(s) || !check_table(s) || !check_host(s->report.host) ||
      !check_parts(s))
    return CLI_EXIT_USAGE;
  if (s->source.file && s->source.interface) {
    cli_complain(&program_cli, "-r and -i exclude each other: read a file or capture, not both");
    return CLI_EXIT_USAGE;
  }
  if (s->expect && s->expected_ladder_file) {
    cli_complain(&program_cli,
                 "--expect and --expect-ladder exclude each other: the ending stands "
                 "in a ladder's line 'verdict', as ending=normal");
    return CLI_EXIT_USAGE;
  }
  if (s->report.find && *s->report.find == '\0') {
    cli_complain(&program_cli, "--find: the text is empty; every payload would contain it");
    return CLI_EXIT_USAGE;
  }
  if (s->report.find && s->files.n > 1) {
    cli_complain(&program_cli, "--find and two files exclude each other; look into one of them");
    return CLI_EXIT_USAGE;
  }
  if (s->source.snaplen == 0) /* no -s */
    s->source.snaplen = s->report.find ? SOURCE_SNAPLEN_FIND : SOURCE_SNAPLEN_DEFAULT;
  if (s->source.file && s->netns) {
    cli_complain(&program_cli, "-r and --netns exclude each other: a file has no namespace");
    return CLI_EXIT_USAGE;
  }
  s->report.live = !s->source.file;
  s->report.sightings = s->segments == SEGMENTS_CLOSE;
  if (s->report.live && !s->source.interface) s->source.interface = "lo";
  if (optind == argc) return CLI_GO_ON;
  if (!check_filter(s, argv[optind])) return CLI_EXIT_USAGE;
  s->filter = join_words(argv + optind, argc - optind);
  s->source.filter = s->filter;
  return CLI_GO_ON;
}
