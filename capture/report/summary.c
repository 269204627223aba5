#include "capture/report/summary.h"

#include "common/printable.h"

static void print_named(FILE *out, const char *what, const struct report_named *list, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    char holder[WITNESS_HOLDER_SIZE * PRINTABLE_ESCAPE];
    fprintf(out, "  %s #%u %s %s: %s, %.3f s%s%s\n", what, list[i].number, list[i].client,
            list[i].server,
            list[i].finding == FINDING_COUNT ? ending_name(list[i].ending)
                                             : finding_text(list[i].finding)->id,
            (double)list[i].us / 1e6, *list[i].holder ? ", held by " : "",
            printable_text(list[i].holder, holder, sizeof holder));
  }
}

static void print_idle(FILE *out, const struct report_summary *m) {
  for (unsigned end = 0; end < 2; end++) {
    const struct report_idle *idle = &m->idle[end];
    if (!report_is_timeout(idle)) continue;
    fprintf(out,
            "after the same silence each time, %.2f to %.2f s, the %s ended %llu: its timeout\n",
            (double)idle->least_us / 1e6, (double)idle->most_us / 1e6, end_name(end),
            (unsigned long long)idle->n);
  }
}

/* "5 UDP, 2 ARP": of the kinds that may hide TCP, or of the others. Returns how many there are. */
static uint64_t list_kinds(FILE *out, const struct report_summary *m, bool hiding) {
  uint64_t total = 0;
  for (unsigned i = 0; i < DECODE_KIND_COUNT; i++) {
    if (m->other[i] == 0 || decode_may_hide_tcp(i) != hiding) continue;
    if (out)
      fprintf(out, "%s%llu %s", total > 0 ? ", " : "", (unsigned long long)m->other[i],
              decode_kind_name(i));
    total += m->other[i];
  }
  return total;
}

/* What was not TCP, where nothing was, and what was not looked into. */
static void print_other(FILE *out, const struct report_summary *m) {
  uint64_t plain = list_kinds(NULL, m, false), hiding = list_kinds(NULL, m, true);
  uint64_t all = plain + hiding + m->fragments + m->truncated + m->malformed;
  if (m->segments == 0 && all == 0 && !m->counts_known)
    fputs("no TCP: there are no packets\n", out);
  if (m->segments == 0 && all > 0) {
    fprintf(out, "no TCP in %llu packets", (unsigned long long)all);
    if (plain > 0) fputs(": ", out);
    (void)list_kinds(out, m, false);
    fputc('\n', out);
  }
  if (hiding > 0) {
    fputs("not looked into, and TCP may be inside: ", out);
    (void)list_kinds(out, m, true);
    fputs("; capture behind the tunnel's end, or take it off first\n", out);
  }
}

/* Smaller steps back are what several queues and processors make of one capture. */
enum { STEP_BACK_TOLD_US = 1000 };

static void print_times(FILE *out, const struct report_summary *m) {
  if (m->step_back_us >= STEP_BACK_TOLD_US)
    fprintf(out,
            "time runs backwards %llu time%s, by up to %.3f s: the verdicts may be wrong; sort it: "
            "reordercap FILE SORTED\n",
            (unsigned long long)m->steps_back, m->steps_back == 1 ? "" : "s",
            (double)m->step_back_us / 1e6);
  if (m->far_times > 0)
    fprintf(out, "%llu packets are from outside the years 1 to 9999: the nearest time was taken\n",
            (unsigned long long)m->far_times);
  if (m->no_times > 0)
    fprintf(out,
            "%llu packets bear no time (Simple Packet Blocks): 1970 was taken, and no verdict that "
            "rests on time is worth anything\n",
            (unsigned long long)m->no_times);
}

void summary_print(FILE *out, const struct report_summary *m) {
  fprintf(out, "%llu segments, %llu connection%s", (unsigned long long)m->segments,
          (unsigned long long)m->connections, m->connections == 1 ? "" : "s");
  for (unsigned i = 0; i < ENDING_COUNT; i++)
    if (m->endings[i] > 0)
      fprintf(out, ", %llu %s", (unsigned long long)m->endings[i], ending_name(i));
  fputc('\n', out);
  if (m->connections > 1) {
    fprintf(out, "closed first: client %llu, server %llu, neither or both %llu; stuck: %llu\n",
            (unsigned long long)m->closed_first[END_CLIENT],
            (unsigned long long)m->closed_first[END_SERVER],
            (unsigned long long)m->closed_first[END_NONE], (unsigned long long)m->stuck);
    print_idle(out, m);
    print_named(out, "slowest", m->slowest, m->n_slowest);
    print_named(out, "stuck", m->longest_stuck, m->n_longest_stuck);
  }
  const struct report_agreement *k = &m->kernel;
  bool differs = k->agreed < k->of; /* where it does not, what was lost was of others */
  for (unsigned d = WITNESS_SILENT; d <= WITNESS_CONTRARY; d++) differs = differs || k->ends[d] > 0;
  if (k->connections > 0 && differs)
    fprintf(out,
            "the kernel agrees with %llu of %llu transitions; ends that differ: %llu contrary, "
            "%llu where a segment did not arrive, %llu that moved silently%s\n",
            (unsigned long long)k->agreed, (unsigned long long)k->of,
            (unsigned long long)k->ends[WITNESS_CONTRARY],
            (unsigned long long)k->ends[WITNESS_NOT_THERE],
            (unsigned long long)k->ends[WITNESS_SILENT],
            k->events_lost > 0 ? "; some of its events were lost" : "");
  if (m->fragments || m->truncated || m->malformed)
    fprintf(out, "not read: %llu IP fragments, %llu cut short by -s, %llu malformed\n",
            (unsigned long long)m->fragments, (unsigned long long)m->truncated,
            (unsigned long long)m->malformed);
  print_other(out, m);
  print_times(out, m);
  if (m->copies)
    fprintf(out, "%llu segments were captured twice and counted once\n",
            (unsigned long long)m->copies);
  if (report_evicted(m) > 0)
    fprintf(out,
            "evicted to make room for others: %llu that had ended, %llu half-open, %llu idle\n",
            (unsigned long long)m->evicted.ended, (unsigned long long)m->evicted.half_open,
            (unsigned long long)m->evicted.idle);
  if (m->not_followed)
    fprintf(out, "%llu segments were not followed for want of memory\n",
            (unsigned long long)m->not_followed);
  if (m->counts_known)
    fprintf(out, "%llu packets received by filter, %llu dropped by kernel%s\n",
            (unsigned long long)m->received, (unsigned long long)m->dropped,
            m->dropped ? ": capture incomplete" : "");
}
