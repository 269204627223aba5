#include "capture/link_type.h"

#include <pcap/pcap.h>
#include <stdio.h>

#include "capture/decode.h"

/* They are the same but for these. */
int link_type_dlt(uint32_t link) {
  switch (link) {
    case 100: return DLT_ATM_RFC1483;
    case 101: return DLT_RAW;
    case 102: return DLT_SLIP_BSDOS;
    case 103: return DLT_PPP_BSDOS;
  }
  return (int)link;
}

uint32_t link_type_of_dlt(int dlt) { return dlt == DLT_RAW ? DECODE_LINK_RAW : (uint32_t)dlt; }

const char *link_type_name(uint32_t link, char buffer[static LINK_TYPE_NAME_SIZE]) {
  const char *name = pcap_datalink_val_to_name(link_type_dlt(link));
  snprintf(buffer, LINK_TYPE_NAME_SIZE, "%s%.0u", name ? name : "number ", name ? 0U : link);
  return buffer;
}
