/* The least that a live sniffer on libpcap can do: it reads all packets of lo and prints a line,
 * with the time, for each FIN and RST over IPv4. What capture takes longer is its own; how long
 * this one takes is the machine's. On stderr what tcpdump says at its end. */
#include <fcntl.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_packet.h>

enum { BATCH = 64, PAUSE_NS = 500000, PIPE_BYTES = 1 << 20, RING_BYTES = 32 << 20, SNAPLEN = 192 };
enum { ETHERNET = 14, FLAGS_AT = 13, FIN_OR_RST = 5, LINE_MAX_BYTES = 64 };

static volatile sig_atomic_t stopped;
static uint64_t packets;
static char lines[BATCH * LINE_MAX_BYTES];
static size_t n_lines; /* octets of them */

static void stop(int number) { stopped = number; }

static void note(u_char *context, const struct pcap_pkthdr *header, const u_char *bytes) {
  (void)context;
  packets++;
  size_t tcp = header->caplen > ETHERNET ? ETHERNET + 4U * (bytes[ETHERNET] & 15U) : 0;
  if (tcp == 0 || tcp + FLAGS_AT >= header->caplen) return;
  if (bytes[ETHERNET] >> 4 != 4 || !(bytes[tcp + FLAGS_AT] & FIN_OR_RST)) return;
  n_lines += (size_t)snprintf(lines + n_lines, LINE_MAX_BYTES, "%lld.%06lld a FIN or RST\n",
                              (long long)header->ts.tv_sec, (long long)header->ts.tv_usec);
}

static pcap_t *sniff_lo(char *error) {
  pcap_t *pcap = pcap_create("lo", error);
  if (!pcap) return NULL;
  pcap_set_snaplen(pcap, SNAPLEN);
  pcap_set_immediate_mode(pcap, 1);
  pcap_set_buffer_size(pcap, RING_BYTES);
  if (pcap_activate(pcap) < 0) {
    snprintf(error, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(pcap));
    return NULL;
  }
  const int one = 1;
  (void)setsockopt(pcap_fileno(pcap), SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
  return pcap_setnonblock(pcap, 1, error) == 0 ? pcap : NULL;
}

int main(void) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t *pcap = sniff_lo(error);
  if (!pcap) {
    fprintf(stderr, "bare_sniffer: lo: %s\n", error);
    return 2;
  }
  const struct sigaction action = {.sa_handler = stop};
  sigaction(SIGINT, &action, NULL);
  (void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
  int n = 0;
  while (n >= 0 && !(stopped && n == 0)) {
    n = pcap_dispatch(pcap, BATCH, note, NULL);
    if (n_lines > 0 && write(STDOUT_FILENO, lines, n_lines) != (ssize_t)n_lines) break;
    n_lines = 0;
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    if (n == 0) nanosleep(&pause, NULL);
  }
  struct pcap_stat stat = {0};
  (void)pcap_stats(pcap, &stat);
  fprintf(stderr, "%" PRIu64 " packets captured\n%u packets dropped by kernel\n", packets,
          stat.ps_drop);
  pcap_close(pcap);
  return n < 0;
}
