#include "capture/source.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_packet.h>

struct source {
  pcap_t *pcap;
  pcap_dumper_t *dumper;
  const char *name; /* the interface or the file, for messages */
  enum decode_link link;
  bool live;
};

/* A file is read through a buffer of this size: libpcap's own stdio buffer is 4 KiB, which costs a
 * fifth of the whole run. */
enum { FILE_BUFFER_BYTES = 256 * 1024, POLL_TIMEOUT_MS = 1 };

static bool link_of(int dlt, enum decode_link *link) {
  switch (dlt) {
    case DLT_EN10MB: *link = DECODE_LINK_ETHERNET; return true;
    case DLT_LINUX_SLL: *link = DECODE_LINK_SLL; return true;
    case DLT_LINUX_SLL2: *link = DECODE_LINK_SLL2; return true;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6: *link = DECODE_LINK_RAW; return true;
    case DLT_NULL:
    case DLT_LOOP: *link = DECODE_LINK_NULL; return true;
    default: return false;
  }
}

static enum source_error open_live(struct source *s, const struct source_options *o, char *error) {
  char pcap_error[PCAP_ERRBUF_SIZE] = "";
  s->pcap = pcap_create(o->interface, pcap_error);
  if (!s->pcap) {
    snprintf(error, SOURCE_ERROR_SIZE, "%s: %s", o->interface, pcap_error);
    return SOURCE_FAILED;
  }
  pcap_set_snaplen(s->pcap, o->snaplen);
  pcap_set_timeout(s->pcap, POLL_TIMEOUT_MS);
  /* Without it the kernel holds segments back until a block is full, and the last never come. */
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
  s->live = true;
  return SOURCE_OK;
}

static enum source_error open_file(struct source *s, const struct source_options *o, char *error) {
  char pcap_error[PCAP_ERRBUF_SIZE] = "";
  FILE *file = strcmp(o->file, "-") == 0 ? stdin : fopen(o->file, "rb");
  if (!file) {
    snprintf(error, SOURCE_ERROR_SIZE,
             "%s: cannot read: %s; name a file that `tcpdump -w` wrote, or - for stdin", o->file,
             strerror(errno));
    return SOURCE_FAILED;
  }
  setvbuf(file, NULL, _IOFBF, FILE_BUFFER_BYTES);
  s->pcap = pcap_fopen_offline(file, pcap_error);
  if (!s->pcap) {
    if (file != stdin) fclose(file);
    snprintf(error, SOURCE_ERROR_SIZE,
             "%s: not a capture: %s; give a pcap or pcapng file, as `tcpdump -w` writes it",
             o->file, pcap_error);
    return SOURCE_FAILED;
  }
  return SOURCE_OK;
}

static enum source_error set_filter(struct source *s, const char *filter, char *error) {
  struct bpf_program program;
  if (pcap_compile(s->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0) {
    snprintf(error, SOURCE_ERROR_SIZE, "filter '%s': %s; pcap-filter(7) has the language", filter,
             pcap_geterr(s->pcap));
    return SOURCE_BAD_FILTER;
  }
  int status = pcap_setfilter(s->pcap, &program);
  pcap_freecode(&program);
  if (status == 0) return SOURCE_OK;
  snprintf(error, SOURCE_ERROR_SIZE, "filter '%s': %s", filter, pcap_geterr(s->pcap));
  return SOURCE_BAD_FILTER;
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
  s->name = o->interface ? o->interface : o->file;
  enum source_error result = o->interface ? open_live(s, o, error) : open_file(s, o, error);
  if (result == SOURCE_OK && !link_of(pcap_datalink(s->pcap), &s->link)) {
    snprintf(error, SOURCE_ERROR_SIZE,
             "%s: link type %s is not read here; Ethernet, Linux cooked, raw IP and BSD loopback "
             "are",
             s->name, pcap_datalink_val_to_name(pcap_datalink(s->pcap)));
    result = SOURCE_FAILED;
  }
  if (result == SOURCE_OK) {
    /* BPF sees no TCP behind an IPv6 extension header or a second VLAN tag, so a file is not
     * filtered unless asked; live, the kernel must not hand over everything else. */
    const char *filter = o->filter ? o->filter : o->interface ? "tcp or ip6" : NULL;
    if (filter) result = set_filter(s, filter, error);
  }
  if (result == SOURCE_OK && o->save) {
    s->dumper = pcap_dump_open(s->pcap, o->save);
    if (!s->dumper) {
      /* libpcap's message begins with the file's name. */
      snprintf(error, SOURCE_ERROR_SIZE, "cannot save to %s; choose another file for -w",
               pcap_geterr(s->pcap));
      result = SOURCE_FAILED;
    }
  }
  if (result != SOURCE_OK) {
    if (s->pcap) pcap_close(s->pcap);
    free(s);
    return result;
  }
  *out = s;
  return SOURCE_OK;
}

enum source_result source_next(struct source *s, struct source_packet *packet,
                               char error[static SOURCE_ERROR_SIZE]) {
  struct pcap_pkthdr *header;
  const unsigned char *bytes;
  int status = pcap_next_ex(s->pcap, &header, &bytes);
  if (status == 0) return SOURCE_NONE;
  if (status == PCAP_ERROR_BREAK) return SOURCE_END;
  if (status < 0) {
    snprintf(error, SOURCE_ERROR_SIZE, "%s: %s; %s", s->name, pcap_geterr(s->pcap),
             s->live ? "start again when it is back" : "the file was cut off: fetch it again");
    return SOURCE_BROKEN;
  }
  packet->bytes = bytes;
  packet->captured = header->caplen;
  packet->on_wire = header->len;
  packet->t_us = (int64_t)header->ts.tv_sec * 1000000 + header->ts.tv_usec;
  if (s->dumper) pcap_dump((unsigned char *)s->dumper, header, bytes);
  return SOURCE_PACKET;
}

int source_fd(const struct source *s) { return s->live ? pcap_get_selectable_fd(s->pcap) : -1; }

enum decode_link source_link(const struct source *s) { return s->link; }

struct source_counts source_counts(struct source *s) {
  struct pcap_stat stat;
  if (!s->live || pcap_stats(s->pcap, &stat) < 0) return (struct source_counts){0};
  return (struct source_counts){stat.ps_recv, stat.ps_drop, true};
}

bool source_close(struct source *s, char error[static SOURCE_ERROR_SIZE]) {
  bool ok = true;
  if (s->dumper) {
    ok = pcap_dump_flush(s->dumper) == 0 && !ferror(pcap_dump_file(s->dumper));
    if (!ok)
      snprintf(error, SOURCE_ERROR_SIZE, "%s: cannot write the savefile: %s", s->name,
               strerror(errno));
    pcap_dump_close(s->dumper);
  }
  pcap_close(s->pcap);
  free(s);
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
