/* What libnids costs on the same file: it follows every TCP stream to its end. */
#include <nids.h>
#include <stdio.h>

static unsigned long long closed, reset;

static void follow(struct tcp_stream *stream, void **state) {
  (void)state;
  if (stream->nids_state == NIDS_JUST_EST) stream->client.collect = stream->server.collect = 1;
  closed += stream->nids_state == NIDS_CLOSE;
  reset += stream->nids_state == NIDS_RESET;
}

int main(int argc, char **argv) {
  static struct nids_chksum_ctl unchecked = {.action = NIDS_DONT_CHKSUM};
  if (argc != 2) {
    fprintf(stderr, "libnids: takes a file\n");
    return 2;
  }
  nids_params.filename = argv[1];
  nids_params.n_tcp_streams = 1 << 18;
  nids_params.scan_num_hosts = 0;
  if (!nids_init()) {
    fprintf(stderr, "libnids: %s\n", nids_errbuf);
    return 2;
  }
  nids_register_chksum_ctl(&unchecked, 1);
  nids_register_tcp((void *)follow);
  nids_run();
  printf("%llu closed, %llu reset\n", closed, reset);
  return 0;
}
