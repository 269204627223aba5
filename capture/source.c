#include "capture/source.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "capture/decode.h"
#include "capture/dump.h"
#include "capture/input.h"
#include "capture/link_type.h"
#include "capture/sample.h"
#include "capture/savefile.h"

/* The filter, compiled for one link type: a file may have interfaces of several. */
struct link_filter {
  uint32_t link;
  bool all; /* of a link type that is not read: its packets pass, to be counted */
  struct bpf_program program;
};

struct source {
  const char *name; /* the interface or the file, for messages */
  const char *save, *filter;
  bool live;
  char broken[SOURCE_ERROR_SIZE]; /* not empty: why there is nothing behind what was given */
  struct dump dump;

  /* Live */
  pcap_t *pcap;
  uint32_t link;
  uint8_t *copies; /* of a batch's octets: the ring may be written on while they are looked at */
  size_t slot;     /* room for each */
  struct packet *batch;
  unsigned n_batch;
  struct bpf_program live_filter; /* what the kernel runs */

  /* A file */
  struct input input;
  struct savefile savefile;
  struct link_filter *filters;
  unsigned n_filters;
  uint64_t packets;
  bool readable; /* one of them was of a link type that is read */
  int64_t last_us;
  struct source_counts counts;
  uint32_t unreadable_link;
};

static void say_unreadable(const struct source *s, uint32_t link, char *error) {
  char name[LINK_TYPE_NAME_SIZE];
  snprintf(
      error, SOURCE_ERROR_SIZE,
      "%s: link type %s is not read here; Ethernet, Linux cooked, raw IP, PPP and BSD loopback "
      "are",
      s->name, link_type_name(link, name));
}

enum { POLL_TIMEOUT_MS = 1 };

/* ---- Live ----------------------------------------------------------------------------------- */

static enum source_error open_live(struct source *s, const struct source_options *o, char *error) {
  char pcap_error[PCAP_ERRBUF_SIZE] = "";
  s->pcap = pcap_create(o->interface, pcap_error);
  if (!s->pcap) {
    snprintf(error, SOURCE_ERROR_SIZE, "%s: %s", o->interface, pcap_error);
    return SOURCE_FAILED;
  }
  pcap_set_snaplen(s->pcap, o->snaplen);
  pcap_set_timeout(s->pcap, POLL_TIMEOUT_MS);
  /* Immediate mode makes libpcap take TPACKET_V2, whose ring has a slot for each packet. Without it
   * the ring is one of blocks (TPACKET_V3), and each is handed over after the timeout, however
   * little is in it: 32 MiB are then used up by 128 ms in which nobody reads, at any rate. Of being
   * woken for each packet main takes care: it pauses for half a millisecond after some came. */
  pcap_set_immediate_mode(s->pcap, 1);
  pcap_set_buffer_size(s->pcap, o->buffer_kib * 1024);
  int status = pcap_activate(s->pcap);
  if (status < 0) {
    const char *detail = pcap_geterr(s->pcap);
    switch (status) {
      case PCAP_ERROR_PERM_DENIED:
      case PCAP_ERROR_PROMISC_PERM_DENIED:
        snprintf(error, SOURCE_ERROR_SIZE, "%s: no permission to capture", o->interface);
        return SOURCE_NO_PERMISSION;
      case PCAP_ERROR_NO_SUCH_DEVICE:
        snprintf(error, SOURCE_ERROR_SIZE,
                 "%s: no such interface; capture -D lists those there are", o->interface);
        return SOURCE_FAILED;
      case PCAP_ERROR_IFACE_NOT_UP:
        snprintf(error, SOURCE_ERROR_SIZE, "%s: the interface is down; ip link set %s up",
                 o->interface, o->interface);
        return SOURCE_FAILED;
      default:
        snprintf(error, SOURCE_ERROR_SIZE, "%s: %s", o->interface,
                 *detail ? detail : pcap_statustostr(status));
        return SOURCE_FAILED;
    }
  }
  if (pcap_setnonblock(s->pcap, 1, pcap_error) < 0) {
    snprintf(error, SOURCE_ERROR_SIZE, "%s: %s", o->interface, pcap_error);
    return SOURCE_FAILED;
  }
  /* On lo every packet is also seen on its way out; libpcap drops that copy only after it has
   * filled a slot. A kernel before 4.20 lacks the option, and nothing is lost but room. */
  if (strcmp(o->interface, "lo") == 0) {
    int one = 1;
    (void)setsockopt(pcap_fileno(s->pcap), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  }
  s->link = link_type_of_dlt(pcap_datalink(s->pcap));
  s->slot = (size_t)pcap_snapshot(s->pcap);
  s->copies = malloc(SOURCE_BATCH * s->slot);
  if (!s->copies) {
    snprintf(error, SOURCE_ERROR_SIZE,
             "%s: out of memory for %d packets of %zu octets; a smaller -s", o->interface,
             SOURCE_BATCH, s->slot);
    return SOURCE_FAILED;
  }
  return SOURCE_OK;
}

/* BPF sees no TCP behind an IPv6 extension header or in a tunnel, so a file is not filtered unless
 * asked; live, the kernel must not hand over everything else. */
#define LIVE_FILTER                                                                      \
  "tcp or ip6 or ip proto 4 or ip proto 41 or ip proto 47 or udp dst port 4789 or "      \
  "udp dst port 8472 or udp dst port 4790 or udp dst port 6081 or udp dst port 2152 or " \
  "udp dst port 6635"

static enum source_error filter_live(struct source *s, const char *filter, char *error) {
  struct bpf_program program;
  if (pcap_compile(s->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
    snprintf(error, SOURCE_ERROR_SIZE, "filter '%s': %s; pcap-filter(7) has the language", filter,
             pcap_geterr(s->pcap));
    return SOURCE_BAD_FILTER;
  }
  s->live_filter = program;
  if (pcap_setfilter(s->pcap, &program) == 0) return SOURCE_OK;
  snprintf(error, SOURCE_ERROR_SIZE, "filter '%s': %s", filter, pcap_geterr(s->pcap));
  return SOURCE_BAD_FILTER;
}

bool source_would_show(struct source *s, const struct sample_pair *pair) {
  uint8_t bytes[SAMPLE_SIZE];
  bool own = memcmp(pair->address[0], pair->address[1], pair->family == 4 ? 4 : 16) == 0;
  bool on_lo = sample_is_loopback(pair) || own, any = strcmp(s->name, "any") == 0;
  if (!s->live || (!any && on_lo != (strcmp(s->name, "lo") == 0))) return false;
  if (!s->filter) return true;
  for (unsigned from = 0; from < 2; from++) {
    unsigned n = sample_segment(s->link, pair, from, bytes);
    const struct pcap_pkthdr header = {.caplen = n, .len = n};
    if (n == 0 || pcap_offline_filter(&s->live_filter, &header, bytes)) return true;
  }
  return false;
}

static void copy_packet(unsigned char *user, const struct pcap_pkthdr *header,
                        const unsigned char *bytes) {
  struct source *s = (struct source *)(void *)user;
  uint8_t *copy = s->copies + s->n_batch * s->slot;
  size_t captured = header->caplen < s->slot ? header->caplen : s->slot;
  memcpy(copy, bytes, captured);
  s->batch[s->n_batch++] = (struct packet){
      .bytes = copy,
      .t_us = (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec,
      .captured = (uint32_t)captured,
      .on_wire = header->len,
      .link = s->link,
  };
}

static enum source_result next_live(struct source *s, struct packet *packets, unsigned max,
                                    unsigned *n) {
  s->batch = packets;
  s->n_batch = 0;
  if (pcap_dispatch(s->pcap, (int)max, copy_packet, (unsigned char *)s) < 0)
    snprintf(s->broken, sizeof s->broken, "%s: %s; start again when it is back", s->name,
             pcap_geterr(s->pcap));
  *n = s->n_batch;
  return *n > 0 ? SOURCE_PACKETS : *s->broken ? SOURCE_BROKEN : SOURCE_NONE;
}

/* ---- A file's filter ------------------------------------------------------------------------ */

static bool compile_for(struct source *s, struct link_filter *f, char *error) {
  f->all = !decode_reads_link(f->link);
  if (f->all) return true;
  pcap_t *dead = pcap_open_dead(link_type_dlt(f->link), SAVEFILE_CAPTURED_MAX);
  bool ok = dead && pcap_compile(dead, &f->program, s->filter, 1, PCAP_NETMASK_UNKNOWN) == 0;
  char name[LINK_TYPE_NAME_SIZE];
  if (!ok)
    snprintf(error, SOURCE_ERROR_SIZE,
             "filter '%s': %s; for link type %s pcap-filter(7) has the "
             "language",
             s->filter, dead ? pcap_geterr(dead) : "out of memory", link_type_name(f->link, name));
  if (dead) pcap_close(dead);
  return ok;
}

/* NULL: `error` says why there is none. */
static const struct link_filter *filter_for(struct source *s, uint32_t link, char *error) {
  for (unsigned i = 0; i < s->n_filters; i++)
    if (s->filters[i].link == link) return &s->filters[i];
  struct link_filter *filters = realloc(s->filters, (s->n_filters + 1) * sizeof *filters);
  if (!filters) {
    snprintf(error, SOURCE_ERROR_SIZE, "filter '%s': out of memory", s->filter);
    return NULL;
  }
  s->filters = filters;
  struct link_filter *f = &filters[s->n_filters];
  *f = (struct link_filter){.link = link};
  if (!compile_for(s, f, error)) return NULL;
  s->n_filters++;
  return f;
}

/* Leaves in packets[] those that pass. */
static void run_filter(struct source *s, struct packet *packets, unsigned *n) {
  const struct link_filter *f = NULL;
  unsigned kept = 0;
  for (unsigned i = 0; i < *n; i++) {
    const struct packet *p = &packets[i];
    if (!f || f->link != p->link) f = filter_for(s, p->link, s->broken);
    if (!f) break;
    const struct pcap_pkthdr header = {.caplen = p->captured, .len = p->on_wire};
    if (f->all || pcap_offline_filter(&f->program, &header, p->bytes)) packets[kept++] = *p;
  }
  *n = kept;
}

/* ---- A file --------------------------------------------------------------------------------- */

/* What else a file may begin with, and how it becomes a capture. */
static const struct foreign {
  const char *magic;
  unsigned size;
  const char *what, *remedy;
} foreign[] = {
    {"\x28\xb5\x2f\xfd", 4, "it is compressed with zstd", "zstd -dc FILE | capture -r -"},
    {"\xfd"
     "7zXZ",
     5, "it is compressed with xz", "xz -dc FILE | capture -r -"},
    {"BZh", 3, "it is compressed with bzip2", "bzip2 -dc FILE | capture -r -"},
    {"\x04\x22\x4d\x18", 4, "it is compressed with lz4", "lz4 -dc FILE | capture -r -"},
    {"snoop\0\0\0", 8, "it is snoop's", "editcap -F pcap FILE OTHER, and read that"},
};

static void say_no_capture(const struct source *s, char *error) {
  const char *what = savefile_error_text(s->savefile.error);
  const char *remedy = "give a pcap or pcapng file, as `tcpdump -w` writes it";
  if (s->input.size == 0) what = "it is empty";
  for (const struct foreign *f = foreign; f < foreign + sizeof foreign / sizeof *foreign; f++) {
    if (s->input.size < f->size || memcmp(s->input.at, f->magic, f->size) != 0) continue;
    what = f->what;
    remedy = f->remedy;
  }
  snprintf(error, SOURCE_ERROR_SIZE, "%s: not a capture: %s; %s", s->name, what, remedy);
}

static void say_bad(const struct source *s, char *error) {
  if (s->savefile.format == SAVEFILE_NEW)
    say_no_capture(s, error);
  else
    snprintf(error, SOURCE_ERROR_SIZE, "%s: damaged at octet %llu: %s; fetch the file again",
             s->name, (unsigned long long)s->savefile.offset,
             savefile_error_text(s->savefile.error));
}

static enum source_result at_end(const struct source *s, char *error) {
  if (s->savefile.format == SAVEFILE_NEW) {
    say_no_capture(s, error);
    return SOURCE_BROKEN;
  }
  if (!savefile_at_end(&s->savefile, s->input.size)) {
    snprintf(error, SOURCE_ERROR_SIZE,
             "%s: cut off in the middle of a packet, at octet %llu; fetch the file again, or let "
             "its writer come to the end",
             s->name, (unsigned long long)s->savefile.offset);
    return SOURCE_BROKEN;
  }
  if (s->packets > 0 && !s->readable) {
    say_unreadable(s, s->unreadable_link, error);
    return SOURCE_BROKEN;
  }
  return SOURCE_END;
}

/* Parses and fills the window in turns until the parser has something. */
static enum source_result next_parsed(struct source *s, bool wait, struct packet *packets,
                                      unsigned max, unsigned *n, char *error) {
  for (;;) {
    size_t used;
    enum savefile_result result =
        savefile_next(&s->savefile, s->input.at, s->input.size, packets, max, n, &used);
    input_use(&s->input, used);
    switch (result) {
      case SAVEFILE_PACKETS:
      case SAVEFILE_INTERFACE:
        if (result == SAVEFILE_INTERFACE || *n > 0) return SOURCE_PACKETS;
        continue;
      case SAVEFILE_BAD: say_bad(s, error); return SOURCE_BROKEN;
      case SAVEFILE_MORE: break;
    }
    switch (input_fill(&s->input, s->savefile.wanted, wait)) {
      case INPUT_READY: continue;
      case INPUT_LATER: return SOURCE_NONE;
      case INPUT_END: return at_end(s, error);
      case INPUT_FAILED:
        snprintf(error, SOURCE_ERROR_SIZE, "%s: cannot read on: %s; fetch the file again", s->name,
                 input_error(&s->input));
        return SOURCE_BROKEN;
    }
  }
}

static void count(struct source *s, const struct packet *packets, unsigned n) {
  for (const struct packet *p = packets; p < packets + n; p++) {
    if (s->packets++ > 0 && p->t_us < s->last_us) {
      s->counts.steps_back++;
      if (s->last_us - p->t_us > s->counts.step_back_us)
        s->counts.step_back_us = s->last_us - p->t_us;
    }
    s->last_us = p->t_us;
    if (s->readable) continue;
    s->readable = decode_reads_link(p->link);
    if (!s->readable) s->unreadable_link = p->link;
  }
}

static enum source_result next_of_file(struct source *s, struct packet *packets, unsigned max,
                                       unsigned *n) {
  enum source_result result;
  do {
    result = next_parsed(s, false, packets, max, n, s->broken);
    count(s, packets, *n);
    if (s->filter) run_filter(s, packets, n);
  } while (result == SOURCE_PACKETS && *n == 0 && !*s->broken);
  return result;
}

static enum source_error open_file(struct source *s, const struct source_options *o, char *error) {
  if (strcmp(o->file, "-") == 0 && isatty(STDIN_FILENO)) {
    snprintf(
        error, SOURCE_ERROR_SIZE,
        "-r -: standard input is the terminal; give it a capture, as tcpdump -U -w - writes it");
    return SOURCE_FAILED;
  }
  if (!input_open(&s->input, o->file)) {
    if (errno == EISDIR)
      snprintf(error, SOURCE_ERROR_SIZE, "%s: not a capture: it is a folder; name a file in it",
               o->file);
    else
      snprintf(error, SOURCE_ERROR_SIZE,
               "%s: cannot read: %s; name a file that `tcpdump -w` wrote, or - for stdin", o->file,
               strerror(errno));
    return SOURCE_FAILED;
  }
  return SOURCE_OK;
}

/* Up to the first interface, so that a filter or a link type that cannot be is refused at once. */
static enum source_error begin_file(struct source *s, char *error) {
  struct packet none;
  unsigned n;
  enum source_result result = next_parsed(s, true, &none, 1, &n, error);
  if (result == SOURCE_BROKEN) return SOURCE_FAILED;
  if (result == SOURCE_END) s->savefile.link = DECODE_LINK_ETHERNET; /* no interface, no packet */
  if (s->savefile.format == SAVEFILE_PCAP && !decode_reads_link(s->savefile.link)) {
    say_unreadable(s, s->savefile.link, error);
    return SOURCE_FAILED;
  }
  if (s->filter && !filter_for(s, s->savefile.link, error)) return SOURCE_BAD_FILTER;
  return SOURCE_OK;
}

/* ---- Both ----------------------------------------------------------------------------------- */

static void release(struct source *s) {
  if (s->pcap) pcap_close(s->pcap);
  pcap_freecode(&s->live_filter);
  free(s->copies);
  for (unsigned i = 0; i < s->n_filters; i++) pcap_freecode(&s->filters[i].program);
  free(s->filters);
  if (!s->live) input_close(&s->input);
  savefile_destroy(&s->savefile);
  free(s);
}

enum source_error source_open(struct source **out, const struct source_options *o,
                              char error[static SOURCE_ERROR_SIZE]) {
  *out = NULL;
  error[0] = '\0';
  struct source *s = calloc(1, sizeof *s);
  if (!s) {
    snprintf(error, SOURCE_ERROR_SIZE, "out of memory");
    return SOURCE_FAILED;
  }
  s->live = o->interface != NULL;
  s->name = s->live ? o->interface : o->file;
  s->save = o->save;
  s->filter = o->filter;
  enum source_error result = s->live ? open_live(s, o, error) : open_file(s, o, error);
  if (result == SOURCE_OK && s->live && !decode_reads_link(s->link)) {
    say_unreadable(s, s->link, error);
    result = SOURCE_FAILED;
  }
  if (result == SOURCE_OK)
    *out = s;
  else
    release(s);
  return result;
}

enum source_error source_start(struct source *s, int save_fd,
                               char error[static SOURCE_ERROR_SIZE]) {
  enum source_error result =
      s->live ? filter_live(s, s->filter ? s->filter : LIVE_FILTER, error) : begin_file(s, error);
  if (result != SOURCE_OK || save_fd < 0) {
    if (save_fd >= 0) close(save_fd);
    return result;
  }
  /* Interfaces that come later in a pcapng file may have a larger snapshot. */
  int snaplen =
      s->savefile.format == SAVEFILE_PCAP ? (int)s->savefile.snaplen : SAVEFILE_CAPTURED_MAX;
  bool opened = dump_open(&s->dump, save_fd, s->save, s->name, s->live ? s->link : s->savefile.link,
                          s->live ? (int)s->slot : snaplen, error, SOURCE_ERROR_SIZE);
  return opened ? SOURCE_OK : SOURCE_FAILED;
}

int source_file_fd(const struct source *s) { return s->live ? -1 : s->input.fd; }

enum source_result source_next_batch(struct source *s, struct packet *packets, unsigned max,
                                     unsigned *n, char error[static SOURCE_ERROR_SIZE]) {
  *n = 0;
  enum source_result result = SOURCE_BROKEN;
  if (!*s->broken)
    result = s->live ? next_live(s, packets, max, n) : next_of_file(s, packets, max, n);
  for (unsigned i = 0; s->dump.writer && i < *n; i++)
    if (!dump_packet(&s->dump, &packets[i], s->broken, sizeof s->broken)) *n = i;
  if (*n > 0 || !*s->broken) return result;
  memcpy(error, s->broken, sizeof s->broken);
  return SOURCE_BROKEN;
}

int source_fd(const struct source *s) {
  return s->live ? pcap_get_selectable_fd(s->pcap) : input_fd(&s->input);
}

struct source_counts source_counts(struct source *s) {
  struct source_counts counts = s->counts;
  counts.far_times = s->savefile.far_times;
  counts.ended_us = s->savefile.ended_us;
  counts.no_times = s->savefile.no_times;
  struct pcap_stat stat;
  if (!s->live || pcap_stats(s->pcap, &stat) < 0) return counts;
  counts.received = stat.ps_recv;
  counts.dropped = stat.ps_drop;
  counts.known = true;
  return counts;
}

bool source_close(struct source *s, char error[static SOURCE_ERROR_SIZE]) {
  bool ok = !s->dump.writer || dump_close(&s->dump, error, SOURCE_ERROR_SIZE);
  release(s);
  return ok;
}

bool source_list_interfaces(FILE *out, char error[static SOURCE_ERROR_SIZE]) {
  char pcap_error[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t *all = NULL;
  if (pcap_findalldevs(&all, pcap_error) < 0) {
    snprintf(error, SOURCE_ERROR_SIZE, "cannot list interfaces: %s", pcap_error);
    return false;
  }
  for (pcap_if_t *i = all; i; i = i->next)
    fprintf(out, "%s%s%s%s\n", i->name, i->flags & PCAP_IF_UP ? "" : " (down)",
            i->description ? ": " : "", i->description ? i->description : "");
  pcap_freealldevs(all);
  return true;
}

const char *source_library_version(void) { return pcap_lib_version(); }
