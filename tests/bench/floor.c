/* The least that a program on libpcap can cost: its plain read loop, which looks at nothing. Every
 * ratio of the bench has this below the line. */
#include <pcap/pcap.h>
#include <stdio.h>

static void count(u_char *packets, const struct pcap_pkthdr *header, const u_char *bytes) {
  (void)header, (void)bytes;
  ++*(unsigned long long *)packets;
}

int main(int argc, char **argv) {
  char error[PCAP_ERRBUF_SIZE];
  unsigned long long packets = 0;
  pcap_t *pcap = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
  if (!pcap) {
    fprintf(stderr, "floor: %s\n", argc == 2 ? error : "takes a file, or -");
    return 2;
  }
  int status = pcap_loop(pcap, -1, count, (u_char *)&packets);
  if (status != 0) pcap_perror(pcap, "floor");
  printf("%llu packets\n", packets);
  pcap_close(pcap);
  return status != 0;
}
