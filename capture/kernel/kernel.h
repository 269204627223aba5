/* The kernel as second witness of the flows that are closing: it is asked about their ends that are
 * local (diag), and listened to where it tells by itself (trace). Only what it says
 * is kept here; what to make of it is common/witness.h's and the watch's.
 *
 * Asked is after control segments, once the sniffer has nothing else to do, and now and then while
 * a close is under way, so that thousands of connections cost what their closes cost. */
#ifndef TEARDOWN_CAPTURE_KERNEL_KERNEL_H
#define TEARDOWN_CAPTURE_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow.h"
#include "capture/kernel/closer.h"
#include "capture/kernel/diag.h"
#include "capture/kernel/inventory.h"
#include "capture/kernel/owner.h"
#include "capture/kernel/trace.h"
#include "common/model/witness.h"

/* What the kernel said of one flow, by end. */
struct kernel_view {
  struct witness witness;
  struct kernel_socket socket[2]; /* the newest answer, if it was KERNEL_FOUND */
  int64_t begun_us;               /* since when the flow has a view */
  int64_t asked_us[2];            /* when the newest question was asked; 0: not yet */
  int64_t ends_us[2];             /* when TIME_WAIT will end, as the newest answer says */
  int64_t gone_us[2];             /* since when there is no such socket; 0: there is, or was none */
  uint64_t cookie[2];             /* kernel_socket.cookie; 0: no answer yet */
  uint64_t told_of[2];            /* kernel_event.socket; 0: no event yet */
  struct kernel_owner owner[2];   /* only if has_owner */
  struct kernel_closer closer[2];
  char reset_reason[2][sizeof((struct kernel_event *)0)->reason];
  bool local[2];
  uint8_t answer[2]; /* enum kernel_answer */
  bool has_owner[2];
  bool is_due; /* in the queue of those to be asked about */
  struct flow *next_due;
};

struct kernel; /* opaque */

/* NULL when there is no memory. What the system refuses is no error: see kernel_lack. */
struct kernel *kernel_open(void);

/* All views must have been forgotten. Undoes what was done to the system. */
void kernel_close(struct kernel *kernel);

/* One line that says which of its two voices the kernel does not have here and why; "" when it has
 * both. Valid as long as the kernel is open. */
const char *kernel_lack(const struct kernel *kernel);

/* How many of its events nobody had read in time. */
uint64_t kernel_lost(const struct kernel *kernel);

/* What there is of closes that began before (inventory.h). False: it cannot be asked. */
bool kernel_take_inventory(struct kernel *kernel, struct kernel_inventory *inventory,
                           kernel_wanted *wanted, void *context);

/* Something new of one end of a flow. */
struct kernel_word {
  struct flow *flow;
  int64_t t_us;
  enum end end : 8;
  enum kernel_event_kind kind : 8;
  enum tcp_state from : 8, to : 8; /* in the RFC's sense; for KERNEL_EVENT_STATE */
  bool asked;     /* an answer: it may be in `to` for longer; `from` is the word before, or `to` */
  bool restarted; /* TIME_WAIT, the same and for longer than it said before */
  char reason[sizeof((struct kernel_event *)0)->reason];
};

/* A segment of a close was captured, at t_us: the flow is to be asked about, unless the kernel
 * tells, or has answered since. */
void kernel_notice(struct kernel *kernel, struct flow *flow, enum end from, int64_t t_us);

/* A new connection has the flow's name since then: what was answered later is about that. */
void kernel_retract(struct flow *flow, int64_t since_us);

/* The flow is to be asked about, or a word about it is held back: it must stay where it is. */
bool kernel_refers_to(const struct kernel *kernel, const struct flow *flow);

/* The flow ends, or begins anew: what was said of it is dropped. */
void kernel_forget(struct kernel *kernel, struct flow *flow);

/* Asks about both ends of a flow now, if they are local. Returns how many words of news that gave.
 */
unsigned kernel_ask(struct kernel *kernel, struct flow *flow, struct kernel_word news[static 2]);

/* Takes the flow that was noticed first and not asked about since; NULL: there is none. */
struct flow *kernel_next_noticed(struct kernel *kernel);

/* Looks for the process that holds that end's socket, and names it in the view (owner.h). Who was
 * named stays named, also when it is gone. */
void kernel_find_owner(struct kernel *kernel, struct flow *flow, enum end end);

/* When the kernel was asked last about either end, or could first have been; of a flow that has a
 * view. */
int64_t kernel_asked_us(const struct flow *flow);

/* Whether the kernel's last word about that end is newer than the last segment. Only for a flow
 * that has a view. */
bool kernel_is_up_to_date(const struct flow *flow, enum end end);

/* Whether the kernel said at last that this end still is in TIME_WAIT. */
bool kernel_holds_time_wait(const struct flow *flow, enum end end);

/* How long TIME_WAIT of that end still lasts at now_us, as the kernel said; -1: it did not. */
int64_t kernel_time_wait_left_us(const struct flow *flow, enum end end, int64_t now_us);

/* Which half of the flow's key is listened on, here and by all that was known of it so far, while
 * the other is not; -1: neither, or both, or it cannot be asked. */
int kernel_listening_half(struct kernel *kernel, const struct flow *flow);

/* The kernel says at now_us that TIME_WAIT has left_ms to go; *ends_us is when it was to end by
 * what it said before (0: nothing), and then by this. True: something restarted it. Linux's timer
 * is coarse, so that a socket is there for some seconds after its time is up, and says 0 all the
 * while: that is the old end. */
bool kernel_time_wait_restarted(int64_t *ends_us, int64_t now_us, uint32_t left_ms);

/* Reads what the kernel has told since. It wakes nobody for that: call it some times a second. */
void kernel_gather(struct kernel *kernel);

/* The time of the oldest word that is not given on yet; INT64_MAX: there is none. */
int64_t kernel_oldest_us(const struct kernel *kernel);

/* The next word of those that were gathered, told not later than until_us, about a flow of the
 * table; it is in the flow's view already. A word about a flow without a number is held back for a
 * while, and so is one that came after a SYN that may have begun another connection, until that
 * has its answer. False: none; to be called until then. */
bool kernel_next(struct kernel *kernel, struct flow_table *flows, int64_t until_us, int64_t now_us,
                 struct kernel_word *word);

#endif
