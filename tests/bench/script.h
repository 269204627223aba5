/* The scripts that generated connections follow: who sends what, what of it the network loses and
 * what the capture misses; and the verdict that each one owes. */
#ifndef TEARDOWN_TESTS_BENCH_SCRIPT_H
#define TEARDOWN_TESTS_BENCH_SCRIPT_H

#include <stdint.h>

enum { CLIENT, SERVER };

/* As in the TCP header. */
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10 };

/* How a step differs from a segment that waits for its turn, is captured and arrives. */
enum {
  NOW = 0x01,       /* it is the next packet of the capture */
  LOST = 0x02,      /* it does not arrive */
  MISSED = 0x04,    /* it is not captured */
  AGAIN = 0x08,     /* the sender's FIN, once more */
  CROSSED = 0x10,   /* it left before the other end's FIN arrived */
  DUPLICATE = 0x20, /* its ACK reports a FIN that came twice (RFC 2883) */
};

struct step {
  uint8_t from; /* CLIENT or SERVER */
  uint8_t flags;
  uint8_t how;
  uint8_t payload_bytes;
  uint32_t wait_ms; /* after the step before; 0: a turn among the open connections */
};

enum { SCRIPT_STEPS_MAX = 24 };

/* The fields of the verdict object by their names there; "-": null, or an empty list. A loss is
 * ROLE*COUNT@PLACE. */
struct script {
  const char *name;
  unsigned plain, all; /* weight in the mix of that name */
  const char *closed_first, *ending, *losses, *control_segments;
  unsigned fin_retransmissions;
  const char *reset_cause, *client_state, *server_state, *verdict;
  struct step steps[SCRIPT_STEPS_MAX + 1]; /* one without flags ends them */
};

extern const struct script SCRIPTS[];
extern const unsigned N_SCRIPTS;

#endif
