/* The ladder in words: what --rows writes and --expect-ladder reads, a line each. A row says who
 * sent the segment, its role, how many copies came before it, how far the close then is, and the
 * states of client and server after it; the verdict is a list of fields:
 *
 *   client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
 *   verdict ending=normal closed_first=client control_segments=4/4 losses=final-ackx1:before-tap
 *
 * What follows a # is different each time (numbers, times, names), or for readers only. */
#ifndef TEARDOWN_CAPTURE_REPORT_ROWS_H
#define TEARDOWN_CAPTURE_REPORT_ROWS_H

#include "capture/report/report.h"

enum rows_cell {
  ROWS_FROM,
  ROWS_ROLE,
  ROWS_AGAIN,
  ROWS_COUNT,
  ROWS_CLIENT_STATE,
  ROWS_SERVER_STATE,
  ROWS_CELLS
};

enum { ROWS_CELL_SIZE = 40, ROWS_TEXT_SIZE = ROWS_CELLS * ROWS_CELL_SIZE };

struct rows_row {
  char cell[ROWS_CELLS][ROWS_CELL_SIZE];
};

/* "from", "role", "again", "count", "client_state", "server_state" */
const char *rows_cell_name(enum rows_cell cell);

/* The row of a segment. False: it plays no role in the close, and has none. */
bool rows_of_segment(const struct report_segment *segment, struct rows_row *row);

/* The row as it is written. Returns buffer. */
const char *rows_text(const struct rows_row *row, char buffer[static ROWS_TEXT_SIZE]);

/* The name of the verdict's field number `i`, NULL when there are no more. The names are those of
 * NDJSON. */
const char *rows_field_name(unsigned i);

/* The value of that field; "-" when there is none. Returns buffer or a constant. */
const char *rows_field_value(unsigned i, const struct flow *flow, const struct verdict *verdict,
                             char buffer[static TEXT_SIZE]);

/* NULL when there is no memory. */
struct report *report_rows_new(struct out *out, const struct report_options *options);

#endif
