/* Pictures for a ticket, of the pieces of the ladder: an SVG, and a sequence diagram of mermaid. */
#ifndef TEARDOWN_CAPTURE_REPORT_PICTURES_H
#define TEARDOWN_CAPTURE_REPORT_PICTURES_H

#include "capture/report/ladder_queue.h"

/* A picture has so many connections, the first to close; how many more there were is said in it. */
enum { PICTURE_CONNECTIONS_MAX = 50 };

struct picture_limit {
  unsigned drawn; /* connections */
  uint64_t left_out;
  bool skips; /* the one that is told is left out */
};

/* Whether this piece of the ladder is to be drawn. */
bool picture_takes(struct picture_limit *limit, const struct ladder *ladder,
                   const struct piece *piece);

/* Each returns NULL when there is no memory. */
struct report *report_mermaid_new(struct out *out, const struct report_options *options);
struct report *report_svg_new(struct out *out, const struct report_options *options);

#endif
