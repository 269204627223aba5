/* The watch: carries segments from decode to the model and its steps to the reports, and decides
 * when a connection has ended and its verdict is due.
 *
 * Whoever has waited for long is named while it lasts (due.stuck_after_us), and again after twice,
 * four times ... as long.
 *
 * A verdict is due: live or on a pipe, when a complete close has been quiet for so long that a lost
 * final ACK would have shown as a repeated FIN (with --wait: when TIME_WAIT is over too); always,
 * when the four-tuple begins a new connection, when 2 MSL have passed, and at the end of the
 * capture. A segment that comes later than that revises the verdict.
 *
 * Where the kernel can be asked, it says the end of TIME_WAIT and of what was given up (the model's
 * own clock stands in where it cannot), and its view stands beside each verdict. */
#ifndef TEARDOWN_CAPTURE_WATCH_H
#define TEARDOWN_CAPTURE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "capture/watched.h"

/* False when there is no memory. Fields from `due` to `live` are the caller's to set first. */
bool watch_init(struct watch *watch);
void watch_destroy(struct watch *watch);

/* All reports have been added: how much of each connection is kept depends on what they want to be
 * told. `counts`: so does the end of the capture on how many closes there have been. */
void watch_begin(struct watch *watch, bool counts);

/* One packet, decoded or not. */
struct watch_packet {
  int64_t t_us;
  enum decode_result result;
  struct decoded decoded;
  bool has_text;           /* the payload contains what is to be found */
  struct flow_place place; /* the watch's own */
};

/* The next packets, best a batch of the source's: while one is looked at, what the others need is
 * loaded. Their times also move the clock of a file forward. */
void watch_packets(struct watch *watch, struct watch_packet packets[], unsigned n);

/* The number of that packet's connection, once watch_packets has taken it; 0: none. */
uint32_t watch_number(const struct watch *watch, const struct watch_packet *packet);

/* Live: hears what the kernel has told, so that the packets after this come in between at their
 * times. Call before each batch of packets. */
void watch_listen(struct watch *watch, int64_t now_us);

/* Live: there were no more packets after watch_listen; time for the kernel. True: call again soon.
 */
bool watch_attend(struct watch *watch, int64_t now_us);

/* Live: what the kernel has of closes that began before. To be called once, after the reports'
 * start. */
void watch_take_inventory(struct watch *watch, kernel_wanted *wanted, void *context,
                          int64_t now_us);

/* The clock moved on; verdicts that are due, timers, countdowns. Call a few times a second.
 */
void watch_tick(struct watch *watch, int64_t now_us);

/* Writes out what the reports hold. Done by all that speak of live captures; a file's reader does
 * it when it may have to wait. */
void watch_flush(struct watch *watch);

/* The capture is over: every connection that is still followed gets its verdict. */
void watch_end(struct watch *watch, int64_t now_us);

#endif
