/* Connections told as text, one line a segment, played through the model and compared line by line.
 *
 *     100 C FA 1 1 0   | FIN_WAIT_1 CLOSE_WAIT? fin1 1/4 expected
 *      |  |  | | | |     |          |           |    |   the step's verdict, then !findings
 *      |  |  | | | |     |          |           |    roles so far, beside those of the close
 *      |  |  | | | |     |          |           roles of the segment; #2: second repetition
 *      |  |  | | | |     the client's and the server's state: plain seen, ? presumed, ~ timed
 *      |  |  | | | payload
 *      |  |  | | acknowledgement number, relative to the peer's ISN; ignored without A
 *      |  |  | sequence number, relative to the sender's ISN
 *      |  |  S F R P A
 *      |  C or S
 *      milliseconds
 *
 * A '*' at the end of the right-hand side leaves the rest open. Without that side a line is
 * fed and not compared. After the payload may stand ts=VAL/ECR, sack=LEFT/RIGHT (relative to the
 * receiver's ISN) and sack-ok.
 *
 *     60400 expire     | CLOSED~ CLOSED?
 *     = normal client 4/4 conforms
 *
 * let the model's clock run, and ask for the verdict at the time of the last line: ending, who
 * closed first, roles, conformity, then what applies of cause=, fin-again=, losses
 * (`final-ack*1/after-tap`), !findings. */
#ifndef TEARDOWN_TESTS_MODEL_BUILDER_H
#define TEARDOWN_TESTS_MODEL_BUILDER_H

#include <stdint.h>

#include "common/model/model.h"

struct wire {
  struct model model;
  struct model_step step; /* of the last line */
  int64_t now_us;
  uint32_t iss[2];
};

void wire_open(struct wire *wire, uint32_t client_iss, uint32_t server_iss);

/* Plays a text; fails the running test at the first line that comes out differently. */
void wire_play(struct wire *wire, const char *text);

/* Plays a text with a fresh connection once for each pair of ISNs that is likely to break: at and
 * around the wrap, at the sign bit, and such that the FINs occupy octet 0. */
void journey(const char *text);

/* The text that brings one end into `state`, all of it by real segments, and which end that is. */
const char *path_to(enum tcp_state state, enum end *who);

/* journey: the path to the state, proof that it leads there, then the text. */
void journey_from(enum tcp_state state, const char *text);

/* "normal client 4/4 conforms ...": what a '=' line is compared with. Returns buffer. */
const char *wire_verdict(const struct wire *wire, char buffer[static 400]);

#endif
