/* Another network namespace than one's own: a container's, or one of `ip netns`. */
#ifndef TEARDOWN_CAPTURE_NETNS_H
#define TEARDOWN_CAPTURE_NETNS_H

#include <stdbool.h>

enum { NETNS_ERROR_SIZE = 512 };

/* Enters it for good: `which` is a name of `ip netns`, or the PID of a process in it. False: error
 * says why not, and the remedy. To be called before anything is opened. */
bool netns_enter(const char *which, char error[static NETNS_ERROR_SIZE]);

#endif
