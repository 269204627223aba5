#include "tests/bench/script.h"

/* clang-format off */
#define SEND(end, flags, how) {end, flags, how, 0, 0}
#define DATA(end, how, bytes) {end, PSH | ACK, how, bytes, 0}
#define LATER(end, flags, how, ms) {end, flags, how, 0, ms}
#define OPEN         SEND(CLIENT, SYN, 0), SEND(SERVER, SYN | ACK, 0), SEND(CLIENT, ACK, 0)
#define OPEN_AT_ONCE SEND(CLIENT, SYN, 0), SEND(SERVER, SYN | ACK, NOW), SEND(CLIENT, ACK, NOW)
#define REQUEST      DATA(CLIENT, 0, 24), SEND(SERVER, ACK, 0)
#define REPLY        DATA(SERVER, 0, 32), SEND(CLIENT, ACK, 0)
#define FIN_OF(end, how)    SEND(end, FIN | ACK, how)
#define FIN_AGAIN(end, how) LATER(end, FIN | ACK, AGAIN | (how), 210)
#define FIN_COPY(end, ms)   LATER(end, FIN | ACK, AGAIN | LOST, ms)
/* As long as nobody answers, each copy waits twice as long (RFC 6298 5.5), beyond what captures last. */
#define FIN_IN_VAIN(end)                                                                         \
  FIN_COPY(end, 210), FIN_COPY(end, 420), FIN_COPY(end, 840), FIN_COPY(end, 1680),               \
      FIN_COPY(end, 3360), FIN_COPY(end, 6720), FIN_COPY(end, 13440), FIN_COPY(end, 26880),      \
      FIN_COPY(end, 53760), FIN_COPY(end, 107520)
#define ACK_OF(end, how)    SEND(end, ACK, how)
#define STEPS(...)          {__VA_ARGS__}

/* The plain mix is what a server sees on a good day, with a few of everything else. */
const struct script SCRIPTS[] = {
  {"normal", 420, 1,
   "client", "normal", "-", "4/4", 0, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), FIN_OF(SERVER, 0),
         ACK_OF(CLIENT, 0))},
  {"coalesced", 180, 1,
   "server", "coalesced", "-", "3/3", 0, "-", "CLOSED", "TIME_WAIT", "conforms",
   STEPS(OPEN, REQUEST, REPLY, FIN_OF(SERVER, 0), FIN_OF(CLIENT, NOW), ACK_OF(SERVER, 0))},
  {"half-close", 120, 1,
   "client", "normal", "-", "4/4", 0, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN, REQUEST, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), REPLY, REPLY, FIN_OF(SERVER, 0),
         ACK_OF(CLIENT, 0))},
  {"simultaneous", 60, 1,
   "both", "simultaneous", "-", "4/4", 0, "-", "TIME_WAIT", "TIME_WAIT", "conforms",
   STEPS(OPEN, REQUEST, REPLY, FIN_OF(CLIENT, 0), FIN_OF(SERVER, NOW | CROSSED),
         ACK_OF(CLIENT, 0), ACK_OF(SERVER, 0))},
  {"abort", 120, 1, /* unread data and SO_LINGER 0 look alike */
   "none", "reset", "-", "0/4", 0, "cannot-tell", "CLOSED", "CLOSED", "conforms",
   STEPS(OPEN, REQUEST, REPLY, SEND(CLIENT, RST | ACK, 0))},
  {"data-after-close", 60, 1,
   "client", "reset", "-", "2/4", 0, "data-after-close", "CLOSED", "CLOSED", "conforms",
   STEPS(OPEN, REQUEST, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), DATA(SERVER, 0, 32),
         SEND(CLIENT, RST, NOW))},

  {"fin-with-data", 2, 1,
   "client", "normal", "-", "4/4", 0, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN, {CLIENT, FIN | PSH | ACK, 0, 24, 0}, DATA(SERVER, 0, 32), ACK_OF(CLIENT, 0),
         FIN_OF(SERVER, 0), ACK_OF(CLIENT, 0))},
  {"linger-0", 2, 1,
   "none", "reset", "-", "0/4", 0, "linger-0", "CLOSED", "CLOSED", "conforms",
   STEPS(OPEN, REQUEST, SEND(CLIENT, RST | ACK, 0))},
  {"refused", 2, 1,
   "none", "refused", "-", "0/4", 0, "refused", "CLOSED", "CLOSED", "conforms",
   STEPS(SEND(CLIENT, SYN, 0), SEND(SERVER, RST | ACK, NOW))},
  {"fin-wait-2-expired", 2, 1,
   "client", "reset", "-", "3/4", 0, "fin-wait-2-expired", "CLOSED", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0),
         LATER(SERVER, FIN | ACK, 0, 2500), SEND(CLIENT, RST, NOW))},
  {"open", 2, 1,
   "none", "open", "-", "0/4", 0, "-", "ESTABLISHED", "ESTABLISHED", "conforms",
   STEPS(OPEN, REQUEST, REPLY)},

  {"lost-fin1", 2, 1,
   "client", "normal", "fin1*1@after-tap", "4/4", 1, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, LOST), FIN_AGAIN(CLIENT, 0),
         ACK_OF(SERVER, NOW), FIN_OF(SERVER, 0), ACK_OF(CLIENT, NOW))},
  {"lost-ack1", 2, 1,
   "client", "normal", "ack1*1@before-tap", "4/4", 1, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, LOST | MISSED),
         FIN_AGAIN(CLIENT, 0), ACK_OF(SERVER, NOW | DUPLICATE), FIN_OF(SERVER, 0),
         ACK_OF(CLIENT, NOW))},
  {"lost-fin2", 2, 1,
   "client", "normal", "fin2*1@after-tap", "4/4", 1, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0),
         /* Right behind the ACK, it could have been dropped by its receiver. */
         LATER(SERVER, FIN | ACK, LOST, 1), FIN_AGAIN(SERVER, 0), ACK_OF(CLIENT, NOW))},
  {"lost-final-ack-before-tap", 2, 1,
   "client", "normal", "final-ack*1@before-tap", "4/4", 1, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), FIN_OF(SERVER, 0),
         ACK_OF(CLIENT, NOW | LOST | MISSED), FIN_AGAIN(SERVER, 0), ACK_OF(CLIENT, NOW))},
  {"lost-final-ack-after-tap", 2, 1,
   "client", "normal", "final-ack*1@after-tap", "4/4", 1, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), FIN_OF(SERVER, 0),
         ACK_OF(CLIENT, NOW | LOST), FIN_AGAIN(SERVER, 0), ACK_OF(CLIENT, NOW))},

  {"close-wait", 2, 1,
   "client", "unfinished-close-wait", "-", "2/4", 0, "-", "FIN_WAIT_2", "CLOSE_WAIT", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0))},
  {"fin-unanswered", 2, 1,
   "client", "unfinished-fin-unanswered", "-", "1/4", 10, "-", "FIN_WAIT_1",
   "CLOSE_WAIT", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, LOST), FIN_IN_VAIN(CLIENT))},
  {"last-ack", 2, 1,
   "client", "unfinished-last-ack", "-", "3/4", 10, "-", "TIME_WAIT",
   "LAST_ACK", "conforms",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), FIN_OF(SERVER, LOST), FIN_IN_VAIN(SERVER))},

  /* The capture has holes: everything arrives, and something was not captured. */
  {"hole-in-data", 2, 1,
   "client", "normal", "-", "4/4", 0, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(OPEN_AT_ONCE, DATA(CLIENT, MISSED, 24), SEND(SERVER, ACK, 0), REPLY, FIN_OF(CLIENT, 0),
         ACK_OF(SERVER, 0), FIN_OF(SERVER, 0), ACK_OF(CLIENT, 0))},
  {"older-than-the-capture", 2, 1,
   "client", "normal", "-", "4/4", 0, "-", "TIME_WAIT", "CLOSED", "conforms",
   STEPS(SEND(CLIENT, SYN, MISSED), SEND(SERVER, SYN | ACK, MISSED), SEND(CLIENT, ACK, MISSED), REQUEST, REPLY,
         FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), FIN_OF(SERVER, 0), ACK_OF(CLIENT, 0))},
  {"hole-at-ack1", 2, 1, /* acknowledged, or it would have been repeated */
   "client", "normal", "-", "3/4", 0, "-", "TIME_WAIT", "CLOSED", "cannot-tell",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, MISSED | NOW),
         LATER(SERVER, FIN | ACK, 0, 1500), ACK_OF(CLIENT, 0))},
  {"hole-at-final-ack", 2, 1, /* the states are those just after the last segment captured */
   "client", "normal", "-", "3/4", 0, "-", "TIME_WAIT", "LAST_ACK", "cannot-tell",
   STEPS(OPEN_AT_ONCE, REQUEST, REPLY, FIN_OF(CLIENT, 0), ACK_OF(SERVER, 0), FIN_OF(SERVER, 0),
         ACK_OF(CLIENT, MISSED | NOW))},

  /* Half of a handshake: what a SYN flood is made of. */
  {"syn", 0, 0,
   "none", "open", "-", "0/4", 0, "-", "SYN_SENT", "SYN_RECEIVED", "conforms",
   STEPS(SEND(CLIENT, SYN, 0))},
};
/* clang-format on */

const unsigned N_SCRIPTS = sizeof SCRIPTS / sizeof *SCRIPTS;
