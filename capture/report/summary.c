#include "capture/report/summary.h"

static void print_named(FILE *out, const char *what, const struct report_named *list, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    fprintf(out, "  %s #%u %s %s: %s, %.3f s%s%s\n", what, list[i].number, list[i].client,
            list[i].server,
            list[i].finding == FINDING_COUNT ? ending_name(list[i].ending)
                                             : finding_text(list[i].finding)->id,
            (double)list[i].us / 1e6, *list[i].holder ? ", held by " : "", list[i].holder);
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
    print_named(out, "slowest", m->slowest, m->n_slowest);
    print_named(out, "stuck", m->longest_stuck, m->n_longest_stuck);
  }
  const struct report_agreement *k = &m->kernel;
  if (k->connections > 0)
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
  if (m->copies)
    fprintf(out, "%llu segments were captured twice and counted once\n",
            (unsigned long long)m->copies);
  if (m->not_followed)
    fprintf(out, "%llu segments of connections beyond the %u that are followed at once\n",
            (unsigned long long)m->not_followed, (unsigned)FLOW_MAX);
  if (m->counts_known)
    fprintf(out, "%llu packets received by filter, %llu dropped by kernel%s\n",
            (unsigned long long)m->received, (unsigned long long)m->dropped,
            m->dropped ? ": capture incomplete" : "");
}
