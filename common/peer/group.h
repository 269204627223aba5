/* All connections of a program, with what there is one of: the event loop and the signals. */
#ifndef TEARDOWN_COMMON_PEER_GROUP_H
#define TEARDOWN_COMMON_PEER_GROUP_H

#include <stdbool.h>

#include "common/peer/peer.h"

/* "libuv 1.44.2" */
const char *peer_library_version(void);

/* Opens the loop. False after saying on stderr why not, with nothing left open.
 * After success peer_group_run must follow, which also frees everything. */
bool peer_group_open(struct peer_group *group);

/* From now on SIGINT and SIGTERM stop the group instead of killing the program; SIGPIPE is ignored.
 * False after saying
 * on stderr why not; the group is stopped then. */
bool peer_group_catch_signals(struct peer_group *group);

/* Runs until every connection and handle is closed, by the program (peer_group_stop), by SIGINT or
 * SIGTERM, or because nobody reads stdout any more. Returns CLI_EXIT_OK, or CLI_EXIT_FAILURE when
 * the log could not be written (said on stderr unless its reader just went away). */
int peer_group_run(struct peer_group *group);

/* Closes every connection and handle; peer_group_run returns soon after. Harmless when repeated. */
void peer_group_stop(struct peer_group *group);

#endif
