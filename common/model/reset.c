#include "common/model/reset.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "common/model/seq.h"

const struct reset_text *reset_text(enum reset_cause cause) {
  static const struct reset_text texts[] = {[RESET_NONE] = {NULL, "", "", NULL, NULL, NULL},
#define X(id, ...) [RESET_##id] = {__VA_ARGS__},
                                            RESET_CAUSES(X)
#undef X
  };
  static_assert(sizeof texts / sizeof *texts == RESET_CAUSE_COUNT, "texts for every cause");
  return &texts[cause];
}

const char *reset_cause_name(enum reset_cause cause) { return reset_text(cause)->name; }

enum reset_cause reset_cause_by_kernel(const char *word) {
  size_t length = strlen(word);
  for (unsigned cause = RESET_NONE + 1; cause < RESET_CAUSE_COUNT; cause++)
    for (const char *known = reset_text(cause)->kernel_words; *known;) {
      size_t n = strcspn(known, " ");
      if (n == length && strncmp(known, word, n) == 0) return cause;
      known += n + strspn(known + n, " ");
    }
  return RESET_NONE;
}

/* ---- Clues ---------------------------------------------------------------------------------- */

enum {
  CLUE_REFUSED = 0x0001,     /* it answers a SYN */
  CLUE_REOPENED = 0x0002,    /* its sender had opened the four-tuple anew */
  CLUE_TIMED_OUT = 0x0004,   /* the kernel told that FIN_WAIT_2 had run out there */
  CLUE_GAVE_UP = 0x0008,     /* its sender had asked again and again without an answer */
  CLUE_ACK = 0x0010,         /* it carries ACK */
  CLUE_CLOSED = 0x0020,      /* its sender was in CLOSED already */
  CLUE_HAD_CLOSED = 0x0040,  /* its sender had sent its FIN and awaits the other's, or lingers */
  CLUE_WAITED = 0x0080,      /* ... for longer than any FIN_WAIT_2 timer lasts at the least */
  CLUE_LATE_DATA = 0x0100,   /* octets came after that FIN had been sent, and were not accepted */
  CLUE_SOON = 0x0200,        /* it came at once after its receiver's last segment */
  CLUE_ANSWERS_FIN = 0x0400, /* which was a FIN */
  CLUE_ANSWERS_PROBE = 0x0800,
  CLUE_ANSWERS_FINAL_ACK = 0x1000,
  CLUE_FIN2_AGAIN = 0x2000,    /* the second FIN was repeated, so that there are two final ACKs */
  CLUE_ANSWERS_ACK = 0x4000,   /* it has no ACK, and the number that a segment had acknowledged */
  CLUE_ANSWERS_BLIND = 0x8000, /* it answers a segment without ACK, with the number 0 */
  CLUE_TAKEN_DATA = 0x40000,   /* octets came after that FIN had been sent, and were acknowledged */
  CLUE_PEER_DATA = 0x10000,    /* its receiver had sent octets that may have been left unread */
  CLUE_HOLE =
      0x20000, /* what came before it may be missing: its sender's FIN, or octets after that */
};

static unsigned clues_of(const struct model *m) {
  const struct reset *r = &m->rst;
  const struct close_fin *fin1 = &m->fin[FIN1];
  enum tcp_state state = r->sender_state;
  bool waited = fin1->answers > 0 && r->t_us - fin1->acked_us >= RESET_FIN_WAIT_2_MIN_US;
  bool timed_out = endpoint_find(&m->end[r->from], EVENT_TIMEOUT_FIN_WAIT_2) >= 0;
  unsigned clues = 0;
  if (r->refused) clues |= CLUE_REFUSED;
  if (m->reopened[r->from]) clues |= CLUE_REOPENED;
  if (timed_out) clues |= CLUE_TIMED_OUT;
  if (r->gave_up.times > 0) clues |= CLUE_GAVE_UP;
  if (r->has_ack) clues |= CLUE_ACK;
  if (state == TCPS_CLOSED) clues |= CLUE_CLOSED;
  if (state == TCPS_FIN_WAIT_1 || state == TCPS_FIN_WAIT_2 || state == TCPS_TIME_WAIT)
    clues |= CLUE_HAD_CLOSED;
  if (waited) clues |= CLUE_WAITED;
  if (r->after_late_data) clues |= CLUE_LATE_DATA;
  if (r->after_taken_data) clues |= CLUE_TAKEN_DATA;
  if (r->came_soon) clues |= CLUE_SOON;
  if (r->offender & (ROLE_FIN1 | ROLE_FIN2)) clues |= CLUE_ANSWERS_FIN;
  if (r->answers_probe) clues |= CLUE_ANSWERS_PROBE;
  if (r->offender & ROLE_ACK2) clues |= CLUE_ANSWERS_FINAL_ACK;
  if (m->fin[FIN2].copies > 1) clues |= CLUE_FIN2_AGAIN;
  if (r->answers_ack) clues |= CLUE_ANSWERS_ACK;
  if (r->answers_blind) clues |= CLUE_ANSWERS_BLIND;
  if (r->after_data) clues |= CLUE_PEER_DATA;
  if (r->after_hole) clues |= CLUE_HOLE;
  return clues;
}

/* The first row that fits. RFC 9293 comes first: what answers (3.10.7.1), what came after close()
 * (3.6.1), what was given up (3.8.3). That a RST with ACK is an abort by its sender's own will is a
 * habit of Linux, BSD and Windows, and ranks below. */
/* clang-format off */
static const struct {
  unsigned needs, forbids;
  enum reset_cause cause;
  const char *because;
} rules[] = {
    {CLUE_REFUSED, 0, RESET_REFUSED, "it answers the SYN"},
    {CLUE_REOPENED, 0, RESET_NO_SOCKET, "its sender had opened the same four-tuple anew"},
    {CLUE_TIMED_OUT, 0, RESET_FIN_WAIT_2_EXPIRED, "the kernel had ended FIN_WAIT_2 there"},
    {CLUE_GAVE_UP, 0, RESET_GAVE_UP, "what its sender had sent again and again was not answered"},
    {CLUE_CLOSED | CLUE_ANSWERS_FINAL_ACK | CLUE_FIN2_AGAIN, CLUE_ACK, RESET_LATE_FINAL_ACK,
     "it answers a second final ACK"},
    {CLUE_CLOSED, 0, RESET_NO_SOCKET, "its sender was closed, and nothing that is closed aborts"},
    {CLUE_HAD_CLOSED | CLUE_LATE_DATA, CLUE_ACK, RESET_DATA_AFTER_CLOSE,
     "octets came after its sender had closed, and it acknowledges none of them"},
    {CLUE_HAD_CLOSED | CLUE_LATE_DATA | CLUE_SOON, 0, RESET_DATA_AFTER_CLOSE,
     "octets came after its sender had closed, and it answers them at once"},
    {CLUE_HAD_CLOSED | CLUE_WAITED | CLUE_ANSWERS_FIN, CLUE_ACK, RESET_FIN_WAIT_2_EXPIRED,
     "it answers a FIN that came long after its sender's own was acknowledged"},
    {CLUE_HAD_CLOSED | CLUE_WAITED | CLUE_ANSWERS_PROBE, CLUE_ACK, RESET_FIN_WAIT_2_EXPIRED,
     "it answers a probe that came long after its sender's FIN was acknowledged"},
    {CLUE_HAD_CLOSED | CLUE_WAITED | CLUE_ANSWERS_ACK | CLUE_SOON, 0, RESET_FIN_WAIT_2_EXPIRED,
     "it answers an ACK that came long after its sender's FIN was acknowledged"},
    {CLUE_HAD_CLOSED | CLUE_ANSWERS_FIN | CLUE_ANSWERS_ACK | CLUE_SOON, 0, RESET_NO_SOCKET,
     "it answers a FIN, and carries no ACK: what is closed answers so"},
    {CLUE_ANSWERS_BLIND, 0, RESET_NO_SOCKET, "it answers a segment that acknowledged nothing"},
    {CLUE_ACK | CLUE_HOLE, 0, RESET_CANNOT_TELL,
     "what came before it was not captured: a FIN of its sender, or octets after that"},
    {CLUE_ACK, CLUE_PEER_DATA, RESET_LINGER_0,
     "it carries ACK, so it answers nothing (so do Linux, BSD and Windows), and there was nothing to "
     "leave unread"},
    {CLUE_HAD_CLOSED | CLUE_LATE_DATA, 0, RESET_CANNOT_TELL,
     "octets came after its sender had closed, and it did not answer them at once: that they came, that "
     "they were left unread, and SO_LINGER 0 look alike; the kernel of its sender would tell"},
    /* slirp4netns acknowledges what came after close(), and resets when its own side refuses it. */
    {CLUE_HAD_CLOSED | CLUE_TAKEN_DATA | CLUE_ACK, 0, RESET_CANNOT_TELL,
     "octets that came after its sender had closed were acknowledged before: they met a closed end, "
     "were left unread, or SO_LINGER is 0; the calls of its application would tell"},
    {CLUE_ACK, 0, RESET_CANNOT_TELL,
     "it carries ACK: SO_LINGER 0 and close() with unread data look alike; the kernel of its sender "
     "would tell"},
    {CLUE_ANSWERS_ACK | CLUE_SOON, CLUE_HAD_CLOSED, RESET_NO_SOCKET,
     "it carries no ACK and the number that its receiver had just acknowledged"},
    {0, 0, RESET_CANNOT_TELL,
     "it carries no ACK and answers nothing that was captured: an abort (RFC 9293 3.10.5), or the answer to "
     "something that is missing; the kernel of its sender would tell"},
};
/* clang-format on */

enum reset_cause reset_cause_of(const struct model *m, const char **because) {
  *because = NULL;
  if (m->rst.from == END_NONE) {
    for (int i = 0; i < m->n_findings; i++)
      if (m->findings[i].id == FINDING_RST_OUT_OF_WINDOW) {
        *because = "its number is not the one that its receiver awaits";
        return RESET_OUT_OF_WINDOW;
      }
    return RESET_NONE;
  }
  unsigned clues = clues_of(m), row = 0;
  while ((rules[row].needs & ~clues) || (rules[row].forbids & clues)) row++;
  *because = rules[row].because;
  return rules[row].cause;
}
