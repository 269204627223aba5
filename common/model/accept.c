#include "common/model/accept.h"

#include <stddef.h>

#include "common/model/seq.h"

const char *acceptance_reason(enum acceptance acceptance) {
  switch (acceptance) {
    case ACCEPT_YES: return NULL;
    case ACCEPT_NOT_OPEN: return "its receiver is in SYN_SENT, where only SYN and RST count";
    case ACCEPT_ACK_OF_UNSENT: return "it acknowledges what was never sent";
    case ACCEPT_ACK_TOO_OLD: return "its ACK is older than anything sent (RFC 5961 5.2)";
    case ACCEPT_OUT_OF_WINDOW: return "its sequence number is outside the receiver's window";
    case ACCEPT_OLD: return "its number is below what its receiver awaits (RFC 9293 3.10.7.4)";
    case ACCEPT_NO_ACK: return "a segment without ACK is dropped";
    case ACCEPT_SYN_IN_CONNECTION:
      return "a SYN in a living connection earns only a challenge ACK (RFC 5961 4.2)";
    case ACCEPT_LOST: return "it was lost between the two taps";
    case ACCEPT_IN_WINDOW: return "an RST counts only with the exact number (RFC 5961 3.2)";
  }
  return NULL;
}

/* What this end sent is all there, as far as ACKs tell. Where bare ones never occur, or octets are
 * missing, the capture lacks more (a filter of flags). */
static bool stream_is_known(const struct endpoint *f, const struct endpoint *r) {
  return (f->sent_bare_ack || r->sent_bare_ack) && !f->stream.missed &&
         f->stream.snd_contig == f->stream.snd_nxt;
}

/* The window is that of the newest ACK that was captured. The capture may lack newer ones: it does
 * where the stream is not known, or when the last one is old. Then what lies beyond the window says
 * that we missed something. */
static bool window_is_known(const struct endpoint *f, const struct endpoint *r,
                            const struct segment *s) {
  enum { RECENT_US = 1000000 };
  return r->offer.has_ack && r->sent_bare_ack && stream_is_known(f, r) &&
         s->t_us - r->offer.t_us < RECENT_US;
}

enum acceptance accept_segment(const struct endpoint *f, const struct endpoint *r,
                               const struct segment *s) {
  bool syn = segment_has(s, SEGMENT_SYN), ack = segment_has(s, SEGMENT_ACK);
  if (r->state == TCPS_SYN_SENT && !syn && !f->sent_syn) return ACCEPT_NOT_OPEN;
  if (!ack && !syn) return ACCEPT_NO_ACK;
  /* Beyond the FIN there is nothing to acknowledge, and in SYN_SENT nothing but the SYN.
   * Elsewhere the capture may have missed what is acknowledged. */
  bool nothing_further = r->has_fin || r->state == TCPS_SYN_SENT;
  if (ack && r->sent_syn && nothing_further && seq_gt(s->ack, r->stream.snd_nxt))
    return ACCEPT_ACK_OF_UNSENT;
  /* An end whose SYN was not captured has its first number from the ACK of it. */
  bool other_isn = f->sent_syn ? s->seq != f->first_seq : f->has_seq && s->seq + 1 != f->first_seq;
  if (syn && other_isn && tcp_state_is_synchronized(r->state)) return ACCEPT_SYN_IN_CONNECTION;
  if (syn || !f->sent_syn || !r->sent_syn) return ACCEPT_YES;
  if (ack && f->offer.has_ack && seq_lt(s->ack, f->offer.ack_max - f->offer.max_window_bytes))
    return ACCEPT_ACK_TOO_OLD;
  if (r->offer.has_ack && segment_len(s) == 0 && seq_lt(s->seq, r->offer.ack_max))
    return ACCEPT_OLD;
  if (window_is_known(f, r, s) && seq_gt(s->seq, r->offer.right_edge) &&
      seq_gt(s->seq, f->stream.snd_contig))
    return ACCEPT_OUT_OF_WINDOW;
  return ACCEPT_YES;
}

bool accept_rst_is_before_fin(const struct endpoint *f, const struct endpoint *r,
                              const struct segment *s) {
  bool closing =
      r->state == TCPS_CLOSE_WAIT || r->state == TCPS_LAST_ACK || r->state == TCPS_CLOSING;
  if (!r->offer.has_ack || s->seq + 1 != r->offer.ack_max) return false;
  /* The octet of that number, which was not captured, may have been the FIN. */
  if (!f->has_fin)
    return !f->has_spoken || (r->heard_more && f->has_octets && seq_lt(f->octets_end, s->seq + 1));
  return closing && s->seq == f->fin_seq;
}

enum acceptance accept_rst(const struct endpoint *f, const struct endpoint *r,
                           const struct segment *s) {
  if (r->state == TCPS_SYN_SENT) { /* 3.10.7.3: it answers the SYN, or some of its data */
    bool answers = segment_has(s, SEGMENT_ACK) && seq_gt(s->ack, r->first_seq) &&
                   seq_leq(s->ack, r->stream.snd_nxt);
    return answers ? ACCEPT_YES : ACCEPT_ACK_OF_UNSENT;
  }
  if (!r->offer.has_ack || endpoint_find(r, EVENT_RCV_RST) >= 0) return ACCEPT_YES;
  if (accept_rst_is_before_fin(f, r, s)) return ACCEPT_YES;
  if (seq_lt(s->seq, r->offer.ack_max)) return ACCEPT_OUT_OF_WINDOW;
  if (seq_leq(s->seq, seq_max(f->stream.snd_contig, r->offer.ack_max))) return ACCEPT_YES;
  /* Octets are missing, of either end, or may be: what is beyond all of the window is not one. */
  bool missed =
      f->stream.missed || (segment_has(s, SEGMENT_ACK) && seq_gt(s->ack, r->stream.snd_nxt));
  bool in_window = seq_lt(s->seq, r->offer.right_edge);
  if (!stream_is_known(f, r) && (missed || in_window)) return ACCEPT_YES;
  return in_window ? ACCEPT_IN_WINDOW : ACCEPT_OUT_OF_WINDOW;
}

enum incarnation accept_incarnation(const struct endpoint *f, const struct endpoint *r,
                                    const struct segment *s) {
  bool waits = f->state == TCPS_TIME_WAIT || r->state == TCPS_TIME_WAIT;
  /* A client in SYN_SENT that comes with another ISN has given the first attempt up. */
  bool over = f->state == TCPS_CLOSED || r->state == TCPS_CLOSED || f->state == TCPS_SYN_SENT;
  /* Of a connection that began before the capture nothing says that it still lives. */
  over = over || (!f->sent_syn && !r->sent_syn) || !r->has_spoken;
  if (!waits) return over ? INCARNATION_FREE : INCARNATION_NOT_OVER;
  if (f->has_tsval && (s->options & SEGMENT_HAS_TIMESTAMPS) && seq_gt(s->tsval, f->tsval))
    return INCARNATION_BY_TIMESTAMP;
  return !f->has_seq || seq_gt(s->seq, f->stream.snd_nxt) ? INCARNATION_BY_ISN
                                                          : INCARNATION_NOT_NEWER;
}

const char *incarnation_name(enum incarnation incarnation) {
  switch (incarnation) {
    case INCARNATION_NOT_OVER:
    case INCARNATION_FREE: return NULL;
    case INCARNATION_BY_ISN: return "isn";
    case INCARNATION_BY_TIMESTAMP: return "timestamp";
    case INCARNATION_NOT_NEWER: return "not-newer";
  }
  return NULL;
}
