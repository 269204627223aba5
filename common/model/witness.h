/* The second witness: what the kernel said of the two ends, laid beside what the model says.
 *
 * The kernel's word comes in two ways. Asked, it tells the state of that moment, and what lay
 * between two questions stays unknown. Telling by itself, it tells every transition. The model has
 * a history too: the states that its log leads through, each presumed or seen. To compare is to
 * align the two histories at the least cost; what stays over is explained, or it is not:
 *
 *   unsampled  the model passed through a state between two questions: no difference
 *   not there  the model presumed that a segment arrived, and the kernel says that it did not
 *   silent     the kernel moved on without a segment: a timer, close() with the FIN still unsent
 *   contrary   none of these: the model is wrong, or the kernel does what the RFC does not say
 *
 * Only what follows the opening is compared. Pure, as the model is. */
#ifndef TEARDOWN_COMMON_MODEL_WITNESS_H
#define TEARDOWN_COMMON_MODEL_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/model/endpoint.h"

enum { WITNESS_STATES_MAX = 12, WITNESS_HOLDER_SIZE = 80, WITNESS_CLOSER_SIZE = 64 };

/* What the kernel said at last of the socket itself. */
struct witness_socket {
  bool is_known;     /* it was asked; the rest is false or 0 where there is no such socket */
  bool is_held;      /* a process has it open, so that it may still read */
  bool has_read_end; /* the application has met the peer's end of file */
  uint32_t unread;   /* octets before that */
};

struct witness_end {
  struct {
    int64_t t_us;
    enum tcp_state state : 8;
    bool told;                /* it came straight from the one before */
  } said[WITNESS_STATES_MAX]; /* in the order of their times; no state twice in a row */
  uint8_t n;                  /* 0: the kernel has not spoken of this end */
  struct witness_socket socket;
  char holder[WITNESS_HOLDER_SIZE]; /* "nginx, pid 4673, fd 76"; empty: nobody, or unknown */
  char closer[WITNESS_CLOSER_SIZE]; /* "closed by nginx, pid 4673"; empty: unknown, or not closed */
};

/* Zero bytes are a valid witness that has heard nothing. */
struct witness {
  struct witness_end end[2];
};

/* Asked, the kernel answered at t_us that the end is in `state`; TCPS_CLOSED: there is no such
 * socket. */
void witness_asked(struct witness_end *end, enum tcp_state state, int64_t t_us);

/* The kernel told that at t_us the end went from one state to another, in the RFC's sense of both.
 * It may be heard later than an answer that is newer. */
void witness_told(struct witness_end *end, enum tcp_state from, enum tcp_state to, int64_t t_us);

/* The name was another connection's from then on: takes back what was answered since. */
void witness_retract(struct witness_end *end, int64_t since_us);

/* The last state that the kernel said, if it said one. */
enum tcp_state witness_last(const struct witness_end *end);

/* From best to worst. */
enum witness_difference {
  WITNESS_AGREES,
  WITNESS_SILENT,
  WITNESS_NOT_THERE,
  WITNESS_CONTRARY,
};

/* "agrees", "silent", "not-there", "contrary" */
const char *witness_difference_name(enum witness_difference difference);

struct witness_view {
  uint8_t agreed, of; /* transitions of the model that the kernel bears out, of those
                         that it speaks of */
  uint8_t unsampled;  /* too short between two questions */
  enum witness_difference difference : 8;         /* the worst */
  enum tcp_state model_says : 8, kernel_says : 8; /* there; only if difference is not AGREES */
};

/* `up_to_date`: the kernel's last word is newer than the last captured segment, so that where it
 * lags behind it contradicts. `reset_us`: when the RST was captured that ended the connection, if
 * one did: what the kernel said before says nothing of that. */
struct witness_view witness_compare(const struct witness_end *kernel, const struct endpoint *model,
                                    bool up_to_date, int64_t reset_us);

#endif
