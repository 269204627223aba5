/* Findings: what a watcher can reproach a connection with, each with a stable id, a severity, the
 * clause it rests on, and what to do about it. One list gives the ids, the texts and the parser. */
#ifndef TEARDOWN_COMMON_MODEL_FINDING_H
#define TEARDOWN_COMMON_MODEL_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/model/endpoint.h"

enum finding_severity {
  FINDING_NOTE,   /* worth knowing; legal */
  FINDING_STUCK,  /* someone does not close */
  FINDING_BREACH, /* of the RFC: the verdict is `violates` */
};

/* X(enumerator, id, severity, clause, meaning, expected, actual, cause, remedy) */
/* clang-format off */
#define FINDINGS(X)                                                                              \
  X(FIN_MOVED, "fin-moved", BREACH, "RFC 9293 3.8.1",                                            \
    "A FIN was repeated at another number, or stands where its sender had sent another octet.",  \
    "the FIN after all other octets, and there each time", "a FIN elsewhere",                     \
    "A middlebox rewrote the stream, two hosts share an address, or the stack is broken.",       \
    "Capture on both hosts and compare the FIN's sequence number.")                              \
  X(DATA_AFTER_FIN, "data-after-fin", BREACH, "RFC 9293 3.6",                                    \
    "New octets were sent beyond the sender's own FIN, which promised that none would come.",    \
    "nothing beyond its own FIN", "new octets",                                                   \
    "A middlebox injects data, or the sender's stack is broken.",                                \
    "Capture next to the sender: what appears only further away was injected.")                  \
  X(ACK_OF_UNSENT, "ack-of-unsent", BREACH, "RFC 9293 3.10.7.4",                                 \
    "An ACK covers octets that the other end has never sent.",                                   \
    "an ACK of what was sent at most", "an ACK beyond it",                                        \
    "The capture missed segments, a middlebox answers for the host, or the stack is broken.",    \
    "Look for packets that the kernel dropped while capturing; capture on both hosts.")          \
  X(ACK_SHORT_OF_FIN, "ack-short-of-fin", NOTE, "RFC 9293 3.10.7.4",                             \
    "After the FIN its peer acknowledged everything but the FIN, which then had to be repeated.", \
    "an ACK that covers the FIN", "an ACK of everything before it",                               \
    "The FIN was lost while the data before it arrived.",                                        \
    "None is needed; if it is frequent, look for loss on the path.")                             \
  X(FIN_UNANSWERED, "fin-unanswered", STUCK, "RFC 9293 3.6",                                     \
    "A FIN was sent and nothing that covers it ever came back.",                                 \
    "an ACK of the FIN", "no answer",                                                             \
    "The path or the peer is gone, or a firewall has forgotten the connection.",                 \
    "Look whether the FIN reaches the peer; the sender gives up by itself (tcp_orphan_retries).") \
  X(CLOSE_WAIT_STUCK, "close-wait-stuck", STUCK, "RFC 9293 3.6.1",                               \
    "One end has acknowledged the FIN and has not closed since (CLOSE_WAIT).",                   \
    "close(), and with it a FIN", "none, though the peer's FIN is acknowledged",                  \
    "The application never calls close(): a leaked descriptor, or a thread that hangs.",         \
    "Find the owner with `ss -tnp state close-wait` and make it close at end of file.")          \
  X(CLOSE_WAIT_LASTED, "close-wait-lasted", NOTE, "RFC 9293 3.6.1",                              \
    "One end was in CLOSE_WAIT for ten seconds and more before it closed, and sent nothing.",    \
    "close() soon after the peer's FIN", "a FIN only after a long time",                          \
    "The application noticed the end of file late: a pool that checks now and then, a timeout.", \
    "Let it read, or poll, its idle connections.")                                               \
  X(FINAL_ACK_MISSING, "final-ack-missing", STUCK, "RFC 9293 3.6",                               \
    "The second FIN was never acknowledged (LAST_ACK).",                                         \
    "the ACK of the second FIN", "none",                                                          \
    "The first closer is gone, refuses to linger in TIME_WAIT, or its ACKs are lost.",           \
    "Look at the first closer: a NAT, tcp_max_tw_buckets=0 or a firewall may cut TIME_WAIT.")    \
  X(FIN_NOT_REACKED, "fin-not-reacked", STUCK, "RFC 9293 3.10.7.4",                              \
    "A FIN was repeated to an end in TIME_WAIT, which had acknowledged it before and stays mute.", \
    "each repetition of the FIN acknowledged", "no answer to the last ones",                      \
    "Its TIME_WAIT was cut short, the FINs no longer reach it, or a firewall drops them.",       \
    "Look on that host for net.ipv4.tcp_max_tw_buckets and for connection tracking.")            \
  X(BACKOFF_NOT_GROWING, "backoff-not-growing", NOTE, "RFC 6298 5.5",                            \
    "A FIN was repeated four times at intervals that do not grow.",                              \
    "each interval about twice the one before", "intervals that stay the same",                   \
    "The sender does not back off: not a stock TCP, or a probe that only looks like one.",       \
    "Find out which stack sends them.")                                                          \
  X(RST_OUT_OF_WINDOW, "rst-out-of-window", NOTE, "RFC 9293 3.10.7.4, RFC 5961 3.2",             \
    "An RST did not carry the exact sequence number that its receiver awaits: it has no effect.", \
    "the exact number that its receiver awaits", "another one",                                   \
    "A forged reset, a middlebox, or an RST that lost a race with data.",                        \
    "A challenge ACK should follow; if the connection goes on, the RST was not the peer's.")     \
  X(RST_ACKS_WRONG, "rst-acks-wrong", BREACH, "RFC 9293 3.10.7.1",                               \
    "An RST refuses a SYN and acknowledges another number than the next, so it has no effect.",  \
    "the number after the SYN", "another one",                                                    \
    "The stack that answers does not count the SYN in SEG.LEN.",                                 \
    "Mend that stack; until then its clients wait for a timeout where `refused` was meant.")     \
  X(FIN_NOT_COUNTED, "fin-not-counted", BREACH, "RFC 9293 3.10.7.4",                             \
    "An ACK echoes the FIN's own timestamp, so the FIN had arrived, and does not cover it.",     \
    "an ACK that covers the FIN", "an ACK of its number",                                         \
    "The stack that answers does not count the FIN in SEG.LEN.",                                 \
    "Mend that stack; its peers repeat their FIN until they give up.")                           \
  X(RST_NOT_ITS_OWN, "rst-not-its-own", NOTE, "RFC 9293 3.10.5",                                 \
    "An RST was sent in the name of an end that then went on with new octets.",                  \
    "nothing after its RST", "new octets",                                                        \
    "A middlebox or an attacker forged it, and neither end took it.",                            \
    "Compare the RST's TTL and IP identification with those of the end's other segments.")       \
  X(RST_IN_TIME_WAIT, "rst-in-time-wait", NOTE, "RFC 1337",                                      \
    "An RST ended TIME_WAIT early.",                                                             \
    "2 MSL of TIME_WAIT", "an RST",                                                               \
    "A late duplicate reached a closed peer, which answered with RST.",                          \
    "Set net.ipv4.tcp_rfc1337=1 where old duplicates are a danger.")                             \
  X(SYN_IN_TIME_WAIT, "syn-in-time-wait", NOTE, "RFC 9293 3.6.1, RFC 6191",                      \
    "The connection reuses a four-tuple that was still in TIME_WAIT.",                           \
    "no new connection before 2 MSL are over", "a SYN that is newer",                             \
    "Ports are reused fast; a newer sequence number or timestamp makes that safe.",              \
    "None is needed; if ports run out, let the client keep connections open.")                   \
  X(REUSE_NOT_NEWER, "reuse-not-newer", BREACH, "RFC 9293 3.6.1, RFC 6191",                      \
    "A SYN on a four-tuple in TIME_WAIT was accepted with neither a newer ISN nor timestamp.",   \
    "an ACK of the old connection", "SYN,ACK for a SYN that is not newer",                        \
    "The listener's host had lost its TIME_WAIT, or a middlebox answers for it.",                \
    "Look for tcp_max_tw_buckets or a restart of the host; old segments may be mistaken.")       \
  X(KERNEL_DISAGREES, "kernel-disagrees", NOTE, "RFC 9293 3.3.2",                                \
    "The kernel of that end says another state than the segments imply.",                        \
    "the state that the segments imply", "the kernel's",                                          \
    "A segment was captured but never arrived, or the stack does what the RFC does not say.",    \
    "Believe the kernel; look for what drops segments between the sniffer and the socket.")
/* clang-format on */

enum finding_id {
#define X(id, ...) FINDING_##id,
  FINDINGS(X)
#undef X
      FINDING_COUNT
};

struct finding_text {
  const char *id, *clause, *meaning, *expected, *actual, *cause, *remedy;
  enum finding_severity severity;
};

/* The texts of one finding; valid for the life of the program. */
const struct finding_text *finding_text(enum finding_id id);

const char *finding_severity_name(enum finding_severity severity);

/* One occurrence. Where the finding is about numbers, `expected` and `actual` are sequence numbers
 * that belong to the phrases of its text; for KERNEL_DISAGREES they are states (enum tcp_state);
 * otherwise both are zero. */
struct finding {
  int64_t t_us;
  uint32_t expected, actual;
  enum finding_id id : 8;
  enum end end : 8; /* whose breach, or who is stuck */
};

#endif
