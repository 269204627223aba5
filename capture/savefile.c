#include "capture/savefile.h"

#include <stdlib.h>
#include <string.h>

/* ---- Octets --------------------------------------------------------------------------------- */

static uint32_t get32(const struct savefile *f, const uint8_t *p) {
  uint32_t value;
  memcpy(&value, p, sizeof value);
  return f->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t get16(const struct savefile *f, const uint8_t *p) {
  uint16_t value;
  memcpy(&value, p, sizeof value);
  return f->swapped ? __builtin_bswap16(value) : value;
}

static uint64_t get64(const struct savefile *f, const uint8_t *p) {
  uint64_t value;
  memcpy(&value, p, sizeof value);
  return f->swapped ? __builtin_bswap64(value) : value;
}

static enum savefile_result bad(struct savefile *f, enum savefile_error error) {
  f->error = error;
  return SAVEFILE_BAD;
}

static enum savefile_result more(struct savefile *f, size_t wanted) {
  f->wanted = wanted;
  return SAVEFILE_MORE;
}

/* ---- pcap ----------------------------------------------------------------------------------- */

enum { PCAP_HEADER = 24, PCAP_RECORD = 16, PCAP_RECORD_PATCHED = 24, LINKTYPE_ETHERNET = 1 };
static const uint32_t PCAP_US = 0xa1b2c3d4, PCAP_NS = 0xa1b23c4d,
                      PCAP_PATCHED = 0xa1b2cd34; /* by Alexey Kuznetzov: more in each record */

static bool is_pcap(uint32_t magic) {
  return magic == PCAP_US || magic == PCAP_NS || magic == PCAP_PATCHED;
}

static enum savefile_result start_pcap(struct savefile *f, const uint8_t *p, size_t size,
                                       size_t *used) {
  if (size < PCAP_HEADER) return more(f, PCAP_HEADER);
  uint32_t magic = get32(f, p), snaplen = get32(f, p + 16);
  uint16_t major = get16(f, p + 4), minor = get16(f, p + 6);
  /* DG/UX's tcpdump wrote 543.0. Before 2.3 the two lengths of a record were the other way round,
   * and in 2.3 it depends on who wrote it. */
  if (!(major == 2 && minor <= 4) && !(major == 543 && minor == 0))
    return bad(f, SAVEFILE_ERROR_VERSION);
  if (major == 543 || minor < 3)
    f->lengths = LENGTHS_SWAPPED;
  else
    f->lengths = minor == 3 ? LENGTHS_UNSURE : LENGTHS_RIGHT;
  f->format = SAVEFILE_PCAP;
  f->ns = magic == PCAP_NS;
  f->record_bytes = magic == PCAP_PATCHED ? PCAP_RECORD_PATCHED : PCAP_RECORD;
  f->link = get32(f, p + 20) & 0x03ffffff; /* above: how long a frame check sequence is */
  f->snaplen = snaplen == 0 || snaplen > INT32_MAX ? SAVEFILE_CAPTURED_MAX : snaplen;
  /* That libpcap put an Ethernet header before a packet that was cut to the snapshot length. */
  if (magic == PCAP_PATCHED && f->link == LINKTYPE_ETHERNET && f->snaplen < SAVEFILE_CAPTURED_MAX)
    f->snaplen += 14;
  *used = PCAP_HEADER;
  return SAVEFILE_INTERFACE;
}

static enum savefile_result next_pcap(struct savefile *f, const uint8_t *bytes, size_t size,
                                      struct packet *packets, unsigned max, unsigned *n,
                                      size_t *used) {
  /* As it is throughout the file: what is written into packets[] cannot change it. */
  const struct savefile as = *f;
  const size_t header = as.record_bytes;
  const uint8_t *p = bytes;
  size_t left = size;
  unsigned count = 0;
  enum savefile_result stop = SAVEFILE_PACKETS;
  while (count < max) {
    if (left < header) {
      stop = more(f, header);
      break;
    }
    uint32_t captured = get32(&as, p + 8), on_wire = get32(&as, p + 12);
    if (as.lengths != LENGTHS_RIGHT && (as.lengths == LENGTHS_SWAPPED || captured > on_wire)) {
      uint32_t other = captured;
      captured = on_wire;
      on_wire = other;
    }
    if (captured > SAVEFILE_CAPTURED_MAX) {
      stop = bad(f, SAVEFILE_ERROR_RECORD);
      break;
    }
    if (left - header < captured) {
      stop = more(f, header + captured);
      break;
    }
    /* Seconds are unsigned: they last until 2106. */
    uint32_t fraction = get32(&as, p + 4);
    packets[count++] = (struct packet){
        .bytes = p + header,
        .t_us = (int64_t)get32(&as, p) * 1000000 + (as.ns ? fraction / 1000 : fraction),
        .captured = captured < as.snaplen ? captured : as.snaplen,
        .on_wire = on_wire,
        .link = as.link,
    };
    p += header + captured;
    left -= header + captured;
  }
  *used = size - left;
  *n = count;
  return count > 0 ? SAVEFILE_PACKETS : stop;
}

/* ---- pcapng: time --------------------------------------------------------------------------- */

/* Years 1 to 9999: what has a date, and what any two of can be subtracted. */
#define TIME_MIN_US INT64_C(-62135596800000000)
#define TIME_MAX_US INT64_C(253402300799999999)
/* Of two that are within it, neither sum nor difference overflows. */
#define TIME_FAR_US INT64_C(4000000000000000000)

/* if_tsresol: a negative power of 10, or of 2 when the first bit is set. */
static void set_clock(struct savefile_interface *i, uint8_t resolution) {
  unsigned power = resolution & 0x7f;
  if (resolution & 0x80) {
    i->clock = SAVEFILE_CLOCK_BINARY;
    i->factor = power;
    return;
  }
  unsigned apart = power < 6 ? 6 - power : power - 6;
  i->clock = power <= 6 ? SAVEFILE_CLOCK_TIMES : SAVEFILE_CLOCK_OVER;
  i->factor = apart < 20 ? 1 : 0;
  for (unsigned k = 0; apart < 20 && k < apart; k++) i->factor *= 10;
}

/* Of time stamp `t`; more than TIME_FAR_US: that or more. */
static uint64_t clock_us(const struct savefile_interface *i, uint64_t t) {
  switch (i->clock) {
    case SAVEFILE_CLOCK_TIMES: return t > UINT64_MAX / i->factor ? UINT64_MAX : t * i->factor;
    case SAVEFILE_CLOCK_OVER:
      if (i->factor == 1000) return t / 1000; /* the compiler knows how to divide by it */
      return i->factor ? t / i->factor : 0;
    case SAVEFILE_CLOCK_BINARY: break;
  }
  if (i->factor < 32) {
    uint64_t s = t >> i->factor, fraction = t - (s << i->factor);
    if (s > (uint64_t)TIME_FAR_US / 1000000) return UINT64_MAX;
    return s * 1000000 + (fraction * 1000000 >> i->factor);
  }
  if (i->factor - 32 >= 64) return 0;
  return ((t >> 32) * 1000000 + ((t & UINT32_MAX) * 1000000 >> 32)) >> (i->factor - 32);
}

static int64_t time_us(struct savefile *f, const struct savefile_interface *i, uint64_t t) {
  uint64_t us = clock_us(i, t);
  if (i->offset_s == 0 && us <= (uint64_t)TIME_MAX_US) return (int64_t)us;
  const int64_t far_s = TIME_FAR_US / 1000000;
  bool is_far = us > (uint64_t)TIME_FAR_US || i->offset_s > far_s || i->offset_s < -far_s;
  int64_t sum;
  if (us > (uint64_t)TIME_FAR_US || i->offset_s > far_s)
    sum = TIME_MAX_US;
  else if (i->offset_s < -far_s)
    sum = TIME_MIN_US;
  else
    sum = (int64_t)us + i->offset_s * 1000000;
  is_far = is_far || sum < TIME_MIN_US || sum > TIME_MAX_US;
  f->far_times += is_far;
  return sum < TIME_MIN_US ? TIME_MIN_US : sum > TIME_MAX_US ? TIME_MAX_US : sum;
}

/* ---- pcapng: blocks ------------------------------------------------------------------------- */

enum {
  BLOCK_INTERFACE = 1,
  BLOCK_PACKET = 2, /* obsolete */
  BLOCK_SIMPLE = 3,
  BLOCK_STATISTICS = 5,
  BLOCK_ENHANCED = 6,
  BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
  BLOCK_MIN = 12,             /* type and length before the body, length behind it */
  BODY_AT = 8,
  SECTION_MIN = 28,
  OPTION_RESOLUTION = 9,
  OPTION_OFFSET = 14,
  STATISTIC_ENDTIME = 3,
  STATISTIC_DELIVERED = 8,
};
static const uint32_t BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/* The section's byte order is found in it: nothing of it can be read before. */
static enum savefile_result read_section(struct savefile *f, const uint8_t *p, size_t size,
                                         size_t *used) {
  if (size < SECTION_MIN) return more(f, SECTION_MIN);
  f->swapped = false;
  if (get32(f, p + BODY_AT) != BYTE_ORDER_MAGIC) {
    f->swapped = true;
    if (get32(f, p + BODY_AT) != BYTE_ORDER_MAGIC)
      return bad(f, f->format == SAVEFILE_NEW ? SAVEFILE_ERROR_NO_CAPTURE : SAVEFILE_ERROR_BLOCK);
  }
  uint32_t length = get32(f, p + 4);
  if (length < SECTION_MIN) return bad(f, SAVEFILE_ERROR_BLOCK);
  if (get16(f, p + 12) != 1) return bad(f, SAVEFILE_ERROR_VERSION);
  f->format = SAVEFILE_PCAPNG;
  f->n_interfaces = 0;
  f->skip = length - SECTION_MIN;
  *used = SECTION_MIN;
  return SAVEFILE_PACKETS;
}

static void read_options(const struct savefile *f, struct savefile_interface *i, const uint8_t *p,
                         size_t size) {
  while (size >= 4) {
    uint16_t code = get16(f, p);
    size_t length = get16(f, p + 2), padded = (length + 3) & ~(size_t)3;
    p += 4, size -= 4;
    if (code == 0 || length > size) return;
    if (code == OPTION_RESOLUTION && length == 1) set_clock(i, p[0]);
    if (code == OPTION_OFFSET && length == 8) i->offset_s = (int64_t)get64(f, p);
    if (padded > size) return;
    p += padded, size -= padded;
  }
}

static enum savefile_result read_interface(struct savefile *f, const uint8_t *body, size_t size) {
  if (size < 8) return bad(f, SAVEFILE_ERROR_BLOCK);
  if (f->n_interfaces >= SAVEFILE_INTERFACES_MAX) return bad(f, SAVEFILE_ERROR_INTERFACES);
  if (f->n_interfaces == f->room) {
    uint32_t room = f->room > 0 ? 2 * f->room : 8;
    struct savefile_interface *interfaces = realloc(f->interfaces, room * sizeof *interfaces);
    if (!interfaces) return bad(f, SAVEFILE_ERROR_MEMORY);
    f->interfaces = interfaces;
    f->room = room;
  }
  struct savefile_interface *i = &f->interfaces[f->n_interfaces];
  *i = (struct savefile_interface){.link = get16(f, body), .snaplen = get32(f, body + 4)};
  set_clock(i, 6);
  read_options(f, i, body + 8, size - 8);
  f->n_interfaces++;
  f->link = i->link;
  return SAVEFILE_INTERFACE;
}

/* The three kinds of block that hold a packet. */
static enum savefile_result read_packet(struct savefile *f, uint32_t type, const uint8_t *body,
                                        size_t size, struct packet *packet) {
  bool simple = type == BLOCK_SIMPLE;
  size_t header = simple ? 4 : 20;
  if (size < header) return bad(f, SAVEFILE_ERROR_BLOCK);
  uint32_t id = simple ? 0 : type == BLOCK_ENHANCED ? get32(f, body) : get16(f, body);
  if (id >= f->n_interfaces) return bad(f, SAVEFILE_ERROR_INTERFACE);
  struct savefile_interface *i = &f->interfaces[id];
  uint64_t t = 0;
  packet->bytes = body + header;
  packet->link = i->link;
  if (simple) {
    packet->on_wire = packet->captured = get32(f, body);
    if (i->snaplen > 0 && packet->captured > i->snaplen) packet->captured = i->snaplen;
    f->no_times++;
  } else {
    t = (uint64_t)get32(f, body + 4) << 32 | get32(f, body + 8);
    packet->captured = get32(f, body + 12);
    packet->on_wire = get32(f, body + 16);
  }
  if (packet->captured > size - header) return bad(f, SAVEFILE_ERROR_PACKET);
  packet->t_us = time_us(f, i, t);
  i->packets++;
  return SAVEFILE_PACKETS;
}

/* When the capture ended: until then nothing more came. Believed where the packets are as many as
 * it speaks of; an excerpt keeps the time of the whole. */
static void read_statistics(struct savefile *f, const uint8_t *p, size_t size) {
  uint64_t end = 0, delivered = UINT64_MAX;
  if (size < 12 || get32(f, p) >= f->n_interfaces) return;
  const struct savefile_interface *i = &f->interfaces[get32(f, p)];
  for (p += 12, size -= 12; size >= 4;) {
    uint16_t code = get16(f, p);
    size_t length = get16(f, p + 2), padded = (length + 3) & ~(size_t)3;
    p += 4, size -= 4;
    if (code == 0 || padded > size) break;
    if (code == STATISTIC_ENDTIME && length == 8)
      end = (uint64_t)get32(f, p) << 32 | get32(f, p + 4);
    if (code == STATISTIC_DELIVERED && length == 8) delivered = get64(f, p);
    p += padded, size -= padded;
  }
  uint64_t far_times = f->far_times; /* of packets */
  int64_t end_us = time_us(f, i, end);
  if (end > 0 && delivered == i->packets && f->far_times == far_times && end_us > f->ended_us)
    f->ended_us = end_us;
  f->far_times = far_times;
}

static bool holds_packet(uint32_t type) {
  return type == BLOCK_ENHANCED || type == BLOCK_SIMPLE || type == BLOCK_PACKET;
}

/* One block, or what there is of one that nobody wants. */
static enum savefile_result next_block(struct savefile *f, const uint8_t *p, size_t size,
                                       struct packet *packet, bool *is_packet, size_t *used) {
  *is_packet = false;
  if (f->skip > 0) {
    *used = f->skip < size ? (size_t)f->skip : size;
    f->skip -= *used;
    return *used > 0 ? SAVEFILE_PACKETS : more(f, 1);
  }
  if (size < BODY_AT) return more(f, BODY_AT);
  uint32_t type = get32(f, p), length = get32(f, p + 4);
  if (type == BLOCK_SECTION) return read_section(f, p, size, used);
  if (length < BLOCK_MIN) return bad(f, SAVEFILE_ERROR_BLOCK);
  bool tells_end = type == BLOCK_STATISTICS && length <= SAVEFILE_BLOCK_MAX;
  if (type != BLOCK_INTERFACE && !tells_end && !holds_packet(type)) {
    f->skip = length;
    return SAVEFILE_PACKETS;
  }
  if (length > SAVEFILE_BLOCK_MAX) return bad(f, SAVEFILE_ERROR_BLOCK);
  if (size < length) return more(f, length);
  if (get32(f, p + length - 4) != length) return bad(f, SAVEFILE_ERROR_TRAILER);
  *used = length;
  if (type == BLOCK_INTERFACE) return read_interface(f, p + BODY_AT, length - BLOCK_MIN);
  if (tells_end) {
    read_statistics(f, p + BODY_AT, length - BLOCK_MIN);
    return SAVEFILE_PACKETS;
  }
  *is_packet = true;
  return read_packet(f, type, p + BODY_AT, length - BLOCK_MIN, packet);
}

static enum savefile_result next_pcapng(struct savefile *f, const uint8_t *bytes, size_t size,
                                        struct packet *packets, unsigned max, unsigned *n,
                                        size_t *used) {
  size_t at = 0;
  unsigned count = 0;
  enum savefile_result result = SAVEFILE_PACKETS;
  while (count < max) {
    /* An interface behind packets waits until those have been taken. */
    if (count > 0 && f->skip == 0 && size - at >= BODY_AT &&
        get32(f, bytes + at) == BLOCK_INTERFACE)
      break;
    bool is_packet;
    size_t length = 0;
    result = next_block(f, bytes + at, size - at, &packets[count], &is_packet, &length);
    if (result == SAVEFILE_MORE || result == SAVEFILE_BAD) break;
    at += length;
    if (result == SAVEFILE_INTERFACE) break;
    count += is_packet;
  }
  *used = at;
  *n = count;
  return count > 0 ? SAVEFILE_PACKETS : result;
}

/* ---- Both ----------------------------------------------------------------------------------- */

static enum savefile_result start(struct savefile *f, const uint8_t *p, size_t size, size_t *used) {
  if (size < 4) return more(f, 4);
  f->swapped = false;
  if (get32(f, p) == BLOCK_SECTION) return read_section(f, p, size, used);
  if (!is_pcap(get32(f, p))) f->swapped = true;
  if (!is_pcap(get32(f, p))) return bad(f, SAVEFILE_ERROR_NO_CAPTURE);
  return start_pcap(f, p, size, used);
}

enum savefile_result savefile_next(struct savefile *f, const uint8_t *bytes, size_t size,
                                   struct packet *packets, unsigned max, unsigned *n,
                                   size_t *used) {
  *n = 0;
  *used = 0;
  if (f->error != SAVEFILE_ERROR_NONE) return SAVEFILE_BAD;
  enum savefile_result result = SAVEFILE_PACKETS;
  size_t begun = 0;
  if (f->format == SAVEFILE_NEW) {
    result = start(f, bytes, size, &begun);
    if (result != SAVEFILE_PACKETS) {
      *used = begun;
      f->offset += begun;
      return result;
    }
  }
  /* A section's header alone: go on. */
  if (f->format == SAVEFILE_PCAP)
    result = next_pcap(f, bytes, size, packets, max, n, used);
  else
    result = next_pcapng(f, bytes + begun, size - begun, packets, max, n, used);
  *used += begun;
  f->offset += *used;
  return result;
}

bool savefile_at_end(const struct savefile *f, size_t unused) {
  return f->format != SAVEFILE_NEW && unused == 0 && f->skip == 0;
}

void savefile_destroy(struct savefile *f) {
  free(f->interfaces);
  f->interfaces = NULL;
}

const char *savefile_error_text(enum savefile_error error) {
  static const char *const texts[] = {
#define X(id, text) text,
      SAVEFILE_ERRORS(X)
#undef X
  };
  return texts[error];
}
