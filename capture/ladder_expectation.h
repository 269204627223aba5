/* --expect-ladder: what a run is to see, row by row, stated beforehand (report/rows.h has the
 * notation). A file has a ladder for each connection, in the order in which their closes begin:
 * the rows in the order of capture, and at the end of each ladder a line "verdict" with those
 * fields that matter.
 *
 *   client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
 *   server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
 *   server fin2 0 3/4 TIME_WAIT LAST_ACK
 *   client final-ack 0 4/4 TIME_WAIT CLOSED
 *   verdict ending=normal closed_first=client losses=-
 *
 * Data may come in any number of pieces: pieces that look alike are one row. Of a ladder only the
 * first row that differs is told, for after it all rows are shifted. */
#ifndef TEARDOWN_CAPTURE_LADDER_EXPECTATION_H
#define TEARDOWN_CAPTURE_LADDER_EXPECTATION_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/report/report.h"

/* A difference names the connection, the row or field, what was expected and what there was. */
enum { LADDER_DIFFERENCE_SIZE = 1024 };

struct ladder_expectation;

/* Reads the file. NULL: `error` says file, line, what is wrong there and what would
 * be right. The caller frees it. */
struct ladder_expectation *ladder_expectation_read(const char *file, char *error, size_t size);
void ladder_expectation_free(struct ladder_expectation *expectation);

/* What looks on; a report like the others, but that it prints nothing. It must not outlive the
 * expectation. NULL when there is no memory. */
struct report *ladder_expectation_watch(struct ladder_expectation *expectation);

/* How what was seen differs, connection by connection, after the capture: difference number `i`
 * from 0, NULL when there are no more. Returns buffer. */
const char *ladder_expectation_difference(const struct ladder_expectation *expectation, unsigned i,
                                          char buffer[static LADDER_DIFFERENCE_SIZE]);

#endif
