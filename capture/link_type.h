/* Link types: a savefile's LINKTYPE_ number, which packets carry, and libpcap's DLT_ of it. */
#ifndef TEARDOWN_CAPTURE_LINK_TYPE_H
#define TEARDOWN_CAPTURE_LINK_TYPE_H

#include <stdint.h>

enum { LINK_TYPE_NAME_SIZE = 32 };

int link_type_dlt(uint32_t link);
uint32_t link_type_of_dlt(int dlt);

/* "EN10MB", or "number 4711". Returns buffer. */
const char *link_type_name(uint32_t link, char buffer[static LINK_TYPE_NAME_SIZE]);

#endif
