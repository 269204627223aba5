/* Any octets as a packet of any link type. */
#include <stdlib.h>

#include "capture/decode.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n) {
  struct input in = {octets, octets + n};
  uint32_t link = take_u16(&in);
  size_t beyond = take_octet(&in) % 4 == 0 ? 0 : take_u16(&in); /* what the snapshot cut off */
  size_t captured = (size_t)(in.end - in.at);
  struct decoded out;
  enum decode_result result = decode_packet(link, in.at, captured, captured + beyond, &out);
  if (result == DECODE_NOT_TCP && out.kind >= DECODE_KIND_COUNT) abort();
  if (result != DECODE_SEGMENT) return 0;
  if (out.family != 4 && out.family != 6) abort();
  if (out.payload_captured > captured || out.payload_at > captured - out.payload_captured) abort();
  if (out.payload_captured > out.segment.payload_bytes) abort();
  return 0;
}
