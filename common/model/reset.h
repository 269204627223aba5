/* Why a connection was reset: the causes, and what on the wire points to which.
 *
 * One list has everything about a cause: its name, the kernel's words for it, what it means, what
 * to do. Which one it was is one table of clues, in reset.c. */
#ifndef TEARDOWN_COMMON_MODEL_RESET_H
#define TEARDOWN_COMMON_MODEL_RESET_H

#include "common/model/connection.h"

/* Nobody limits FIN_WAIT_2 to less than this (tcp_fin_timeout and TCP_LINGER2 count seconds). */
#define RESET_FIN_WAIT_2_MIN_US INT64_C(1000000)

/* X(enumerator, name, the kernel's words for it, the sentence, meaning, origin, remedy)
 * The words are those of Linux 6.18's enum sk_rst_reason without prefix, with blanks between them.
 * In the sentence, which follows on "NAME reset the connection", @ is the other end; what is known
 * besides is added to it. */
/* clang-format off */
#define RESET_CAUSES(X)                                                                          \
  X(REFUSED, "refused", "", "",                                                                  \
    "A RST answered the SYN: the connection never came to be.",                                  \
    "Nothing listens on that port, or a firewall says so.",                                      \
    "Start the server, or look at the port and the firewall (`ss -tln`).")                       \
  X(LINGER_0, "linger-0", "TCP_STATE TCP_DISCONNECT_WITH_DATA",                                  \
    "it aborted (SO_LINGER 0, or an administrator did)",                                         \
    "The application aborted: SO_LINGER with 0 and close(), or somebody did it for it.",         \
    "SO_LINGER 0 is set (connection pools, load generators), or `ss -K`, or a timer.",           \
    "Let the application close() without it; then a FIN leaves and TIME_WAIT does its work.")    \
  X(UNREAD_DATA, "unread-data", "TCP_ABORT_ON_CLOSE",                                            \
    "its application closed and left data of @ unread",                                          \
    "close() with octets in the receive buffer that nobody had read sends a RST (RFC 2525 2.17).", \
    "The application closes before it has read what the peer sent.",                             \
    "Read to the end of file before close(), or shutdown() and then read.")                      \
  X(DATA_AFTER_CLOSE, "data-after-close", "TCP_ABORT_ON_DATA",                                   \
    "data of @ reached it after its application had closed",                                     \
    "Octets reached an end whose application had called close() (RFC 9293 3.6.1).",              \
    "A request crossed the FIN of an idle connection (keep-alive race: the server's idle timeout " \
    "is the shorter one), or a pool gave out a connection that was closed long ago (stale pool).", \
    "Let the client's idle timeout be shorter than the server's, and a pool look for the end of " \
    "file before it gives a connection out; repeat idempotent requests.")                        \
  X(FIN_WAIT_2_EXPIRED, "fin-wait-2-expired", "",                                                \
    "the FIN of @ came when its own wait in FIN_WAIT_2 was over, or it does without "            \
    "(tcp_max_tw_buckets)",                                                                      \
    "The end had closed, and had given up waiting for the other's FIN.",                         \
    "The peer closed later than tcp_fin_timeout allows, or TIME_WAIT is done without.",          \
    "Let the peer close sooner; look at net.ipv4.tcp_fin_timeout and tcp_max_tw_buckets.")       \
  X(LATE_FINAL_ACK, "late-final-ack", "", "it has no such connection any more",                  \
    "A second final ACK met an end that the first one had closed.",                              \
    "The final ACK was only late: the FIN was repeated meanwhile and answered once more.",       \
    "None is needed; net.ipv4.tcp_rfc1337=1 keeps such a RST from ending TIME_WAIT.")            \
  X(NO_SOCKET, "no-socket", "NO_SOCKET", "it has no such connection any more",                   \
    "The end has no such connection (any more): the RST only answers (RFC 9293 3.10.7.1).",      \
    "It was restarted or timed out, or a NAT or load balancer in its name forgot it.",           \
    "Compare idle timeouts on the path; keep-alive below the shortest of them.")                 \
  X(GAVE_UP, "gave-up", "TCP_KEEPALIVE_TIMEOUT", "it gave up",                                   \
    "Its probes or retransmissions went unanswered until it gave up (RFC 9293 3.8.3, R2).",      \
    "The peer, or the path to it, is gone; a NAT or firewall entry has expired.",                \
    "Look where the segments are lost: capture at the other end.")                               \
  X(OUT_OF_WINDOW, "out-of-window", "", "",                                                      \
    "An RST carried a number that its receiver does not await: it was ignored.",                 \
    "A forged or late RST, or one that lost a race with data.",                                  \
    "None is needed as long as the connection goes on.")                                         \
  X(CANNOT_TELL, "cannot-tell", "", "the wire does not tell why",                                \
    "The wire does not tell why.",                                                               \
    "Several causes look alike, or what would tell was not captured.",                           \
    "Capture at the host that sent the RST, as root: its kernel names the reason.")
/* clang-format on */

enum reset_cause {
  RESET_NONE,
#define X(id, ...) RESET_##id,
  RESET_CAUSES(X)
#undef X
      RESET_CAUSE_COUNT
};

struct reset_text {
  const char *name, *kernel_words, *sentence, *meaning, *origin, *remedy;
};

/* Valid for the life of the program; all NULL for RESET_NONE. */
const struct reset_text *reset_text(enum reset_cause cause);

/* NULL for RESET_NONE. */
const char *reset_cause_name(enum reset_cause cause);

/* Which cause it was by the wire, and by what; *because is NULL for RESET_NONE. */
enum reset_cause reset_cause_of(const struct model *model, const char **because);

/* The cause that the kernel's word for a RST names: "TCP_ABORT_ON_CLOSE" and the like, without a
 * prefix. RESET_NONE for a word that names none of them. */
enum reset_cause reset_cause_by_kernel(const char *word);

#endif
