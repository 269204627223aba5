#include "capture/dump.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/link_type.h"
#include "common/cli.h"
#include "common/stop.h"

/* Beneath libpcap's writer: its reader may be slow, and a signal must end that. */
static ssize_t write_through(void *cookie, const char *bytes, size_t n) {
  struct dump *d = cookie;
  if (d->failed == 0) d->failed = stop_write(d->fd, bytes, n);
  return d->failed == 0 ? (ssize_t)n : 0;
}

static int close_through(void *cookie) { return close(((struct dump *)cookie)->fd); }

bool dump_open(struct dump *d, int fd, const char *name, const char *source, uint32_t link,
               int snaplen, char *error, size_t error_size) {
  static const cookie_io_functions_t through = {.write = write_through, .close = close_through};
  *d = (struct dump){.name = name, .source = source, .fd = fd, .link = link};
  pcap_t *pcap = pcap_open_dead(link_type_dlt(link), snaplen);
  FILE *file = pcap ? fopencookie(d, "w", through) : NULL;
  d->writer = file ? pcap_dump_fopen(pcap, file) : NULL;
  if (!d->writer) {
    snprintf(error, error_size, "-w %s: cannot write: %s; choose another file", name,
             file ? pcap_geterr(pcap) : strerror(errno));
    if (!file) close(fd); /* else libpcap has closed it */
  }
  if (pcap) pcap_close(pcap);
  return d->writer != NULL;
}

/* A pcap file has one link type, and 32 bits for the seconds. */
bool dump_packet(struct dump *d, const struct packet *p, char *error, size_t error_size) {
  char one[LINK_TYPE_NAME_SIZE], other[LINK_TYPE_NAME_SIZE];
  if (p->link != d->link) {
    snprintf(error, error_size,
             "-w %s: %s has packets of link types %s and %s, and a pcap file holds one; save each "
             "interface alone: tshark -r %s -Y frame.interface_id==0 -w OTHER, and read that",
             d->name, d->source, link_type_name(d->link, one), link_type_name(p->link, other),
             d->source);
    return false;
  }
  if (p->t_us < 0 || p->t_us / 1000000 > UINT32_MAX) {
    snprintf(error, error_size,
             "-w %s: %s has packets from before 1970 or after 2106, and a pcap file cannot say so; "
             "leave -w out, or shift the times: editcap -t SECONDS %s OTHER",
             d->name, d->source, d->source);
    return false;
  }
  const struct pcap_pkthdr header = {
      .ts = {.tv_sec = (time_t)(p->t_us / 1000000), .tv_usec = (suseconds_t)(p->t_us % 1000000)},
      .caplen = p->captured,
      .len = p->on_wire,
  };
  pcap_dump((unsigned char *)d->writer, &header, p->bytes);
  return true;
}

bool dump_close(struct dump *d, char *error, size_t error_size) {
  FILE *file = pcap_dump_file(d->writer);
  bool ok = pcap_dump_flush(d->writer) == 0 && !ferror(file);
  if (fclose(file) != 0 && d->failed == 0) d->failed = errno;
  d->writer = NULL;
  if (ok && d->failed == 0) return true;
  char cause[CLI_CAUSE_SIZE];
  snprintf(error, error_size, "-w %s: cannot write: %s", d->name,
           cli_write_failure(d->failed, cause));
  return false;
}
