/* The packets again, as a pcapng file in which each has what the model made of it as comments: what
 * Wireshark shows beside it. libpcap's writer has no comments.
 *
 * A comment stands at the packet that caused it, and says what was known then. A verdict stands at
 * the packet that completes a close; one that is revised, at the packet that revised it too. Who is
 * stuck is told by no packet, and so by no comment.
 *
 * The format is that of draft-ietf-opsawg-pcapng; time is in microseconds. */
#ifndef TEARDOWN_CAPTURE_REPORT_PCAPNG_H
#define TEARDOWN_CAPTURE_REPORT_PCAPNG_H

#include "capture/packet.h"
#include "capture/report/report.h"

/* NULL when there is no memory. */
struct report *report_pcapng_new(struct out *out, const struct report_options *options);

/* The packet whose steps the report has just been told of. It must be one made by
 * report_pcapng_new. */
void report_pcapng_packet(struct report *report, const struct packet *packet);

#endif
