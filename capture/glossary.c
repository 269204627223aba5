#include "capture/glossary.h"

#include <stddef.h>

#include "common/model/finding.h"
#include "common/model/reset.h"

/* clang-format off */
static const struct glossary_entry entries[] = {
    {"CLOSED", "state", "RFC 9293 3.3.2", "There is no connection, and whatever comes is answered with a RST.",
     "LAST_ACK had its ACK, TIME_WAIT is over, or a RST came.", "None: it is how a close ends."},
    {"LISTEN", "state", "RFC 9293 3.3.2", "A server waits for connections.",
     "The application called listen().", "None."},
    {"SYN_SENT", "state", "RFC 9293 3.3.2", "The client has sent its SYN and awaits the server's.",
     "connect() was called; nobody has answered yet.",
     "If it lasts, the SYN or its answer is dropped: look at routes and firewalls."},
    {"SYN_RECEIVED", "state", "RFC 9293 3.3.2", "The server has answered a SYN and awaits the ACK.",
     "The last segment of the handshake is on its way, lost, or never sent (a SYN flood).",
     "Many of them are a flood or one-way loss: SYN cookies, and a look at the path."},
    {"ESTABLISHED", "state", "RFC 9293 3.3.2", "Both ends may send.",
     "The handshake is complete, and nobody has closed.", "None."},
    {"FIN_WAIT_1", "state", "RFC 9293 3.3.2", "This end has closed; its FIN is not acknowledged yet.",
     "close() or shutdown() was called; the FIN waits for its ACK, or behind data for a window.",
     "If it lasts, the peer is gone or does not read (a zero window)."},
    {"FIN_WAIT_2", "state", "RFC 9293 3.3.2",
     "This end's FIN is acknowledged; the peer has not closed yet and may still send.",
     "The peer's application has not called close().",
     "Make the peer close; after close() Linux waits for tcp_fin_timeout (60 s), after shutdown() for ever."},
    {"CLOSE_WAIT", "state", "RFC 9293 3.3.2", "The peer has closed; this end's application has not.",
     "The application has not read the end of file, or does not act on it.",
     "Call close() on end of file; the holder of the socket is the program to mend."},
    {"CLOSING", "state", "RFC 9293 3.3.2", "Both FINs crossed; the ACK of one's own is awaited.",
     "Both ends closed at the same time.", "None, unless it lasts: then an ACK is lost for good."},
    {"LAST_ACK", "state", "RFC 9293 3.3.2", "Both have closed; the last FIN awaits its ACK.",
     "The final ACK is on its way, or was lost: then the FIN is sent again.",
     "If it lasts, the other end is gone or unreachable; Linux gives up after tcp_orphan_retries."},
    {"TIME_WAIT", "state", "RFC 9293 3.6.1",
     "The end that closed first lingers for 2 MSL (60 s on Linux) to acknowledge a FIN that comes again, and "
     "so that old segments die out.",
     "It closed first, or both did.",
     "None is needed; if ports run out: let the other side close first, keep connections open, more "
     "addresses, net.ipv4.tcp_tw_reuse for clients."},
    {"normal", "ending", "RFC 9293 3.6", "Four segments: FIN and ACK each way.",
     "One end closed, the other later.", "None."},
    {"coalesced", "ending", "RFC 9293 3.6", "Three segments: the second FIN carries the ACK of the first.",
     "The other end closed before its ACK had left.", "None."},
    {"simultaneous", "ending", "RFC 9293 3.6", "The FINs crossed: both ends pass CLOSING, both linger.",
     "Both closed within one round trip.", "None."},
    {"reset", "ending", "RFC 9293 3.5.3", "A RST ended it; what was under way may be lost.",
     "reset_cause says which, as far as the wire tells.", "See the cause."},
    {"unfinished-fin-unanswered", "ending", "RFC 9293 3.6", "A FIN was never acknowledged.",
     "The peer is gone, or the way to it or back is cut.", "Look at the path and at the peer's host."},
    {"unfinished-close-wait", "ending", "RFC 9293 3.6", "One end closed, and the other has not followed.",
     "Its application does not call close().", "See CLOSE_WAIT."},
    {"unfinished-last-ack", "ending", "RFC 9293 3.6", "The last FIN was not acknowledged.",
     "The final ACK was lost and nobody was there to repeat it, or the capture ended before.",
     "See LAST_ACK."},
    {"open", "ending", "RFC 9293 3.6", "Nobody has closed yet.", "The capture ended before a close.", "None."},
    {"fin1", "role, as of a loss", "control segments 1/4", "The first closer's FIN.",
     "Lost, it is repeated after the retransmission timeout.", "Look for loss on the way; one is harmless."},
    {"ack1", "role, as of a loss", "control segments 2/4", "The ACK of the first FIN.",
     "Lost, the first FIN is repeated, and this is, too.", "Look for loss on the way; one is harmless."},
    {"fin2", "role, as of a loss", "control segments 3/4", "The other end's FIN.",
     "Lost, it is repeated, and FIN_WAIT_2 lasts longer.", "Look for loss on the way; one is harmless."},
    {"final-ack", "role, as of a loss", "control segments 4/4",
     "The ACK of the last FIN, which nothing acknowledges.",
     "Lost, the last FIN is repeated, and TIME_WAIT answers it.",
     "None: it is what TIME_WAIT is for."},
    {"fin1/ack1", "role, as of a loss", "losses", "The first FIN or its ACK: the wire does not tell which.",
     "The FIN was repeated, and nothing names the copy that had arrived.",
     "Capture at the other end, too, and read both files."},
    {"fin2/final-ack", "role, as of a loss", "losses", "The last FIN or its ACK: the wire does not tell which.",
     "The FIN was repeated, and nothing names the copy that had arrived.",
     "Capture at the other end, too, and read both files."},
    {"conforms", "verdict", "verdict", "All that was captured is as RFC 9293 has it.", "-", "None."},
    {"violates", "verdict", "verdict", "A segment breaches RFC 9293.", "The findings name segment and clause.",
     "See the finding."},
    {"midstream", "doubt", "doubt", "The capture begins in the middle of the close.",
     "It was started too late.", "Start it before the connections close."},
    {"one-direction", "doubt", "doubt", "One end was never captured, though the other acknowledges it.",
     "A filter, or a path that is asymmetric.", "Capture both directions."},
    {"no-acks", "doubt", "doubt", "A FIN was not repeated, so it had an ACK that was not captured.",
     "A filter on flags leaves bare ACKs out.", "Capture without it: 'tcp port N' is enough."},
    {"gap", "doubt", "doubt", "Octets were acknowledged that the capture never saw.",
     "Packets were dropped or filtered while capturing.", "A larger buffer (-B), or fewer packets (a filter)."},
    {"drops", "doubt", "doubt", "The kernel dropped packets while capturing.", "The buffer was full.",
     "A larger buffer (-B), a filter, or less output (-q)."},
    {"evicted", "doubt", "doubt", "The connection had to make room for others.",
     "More were open than --max-flows.", "A larger --max-flows, or a filter."},
    {"seen", "evidence", "evidence", "A segment that this end itself sent proves it.", "-", "None."},
    {"presumed", "evidence", "evidence",
     "The segment was on the wire; nothing shows yet that it arrived (?).",
     "Captured is not delivered.", "None."},
    {"timed", "evidence", "evidence", "A timer of the model ran out: no segment shows it.", "-", "None."},
};
/* clang-format on */

struct glossary_entry glossary_entry(unsigned i) {
  if (i < FINDING_COUNT) {
    const struct finding_text *f = finding_text(i);
    return (struct glossary_entry){
        f->id, finding_severity_name(f->severity), f->clause, f->meaning, f->cause, f->remedy};
  }
  i -= FINDING_COUNT;
  if (i < RESET_CAUSE_COUNT - 1) { /* without the one that is none */
    const struct reset_text *r = reset_text((enum reset_cause)(i + 1));
    return (struct glossary_entry){r->name,    "cause of an RST", "reset_cause",
                                   r->meaning, r->origin,         r->remedy};
  }
  i -= RESET_CAUSE_COUNT - 1;
  if (i < sizeof entries / sizeof *entries) return entries[i];
  return (struct glossary_entry){0};
}
