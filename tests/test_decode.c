/* Decoding, octet by octet: every packet cut at every length, against a guard page; then the same
 * packets with octets changed at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/decode.h"
#include "tests/packets.h"

/* ---- a buffer that ends where memory ends -------------------------------------------------- */

static uint8_t *guard; /* the first octet that cannot be read */

static int open_guard(void **unused) {
  (void)unused;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE) != 0) return -1;
  guard = pages + page;
  return 0;
}

static int close_guard(void **unused) {
  (void)unused;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  return munmap(guard - page, 2 * page);
}

static enum decode_result decode_at_guard(uint32_t link, const uint8_t *bytes, size_t captured,
                                          size_t on_wire, struct decoded *out) {
  uint8_t *at = guard - captured;
  if (captured > 0) memcpy(at, bytes, captured);
  memset(out, 0xa5, sizeof *out);
  return decode_packet(link, at, captured, on_wire, out);
}

/* ---- packets ------------------------------------------------------------------------------- */

static size_t parse_hex(const char *text, uint8_t *bytes) {
  size_t n = 0;
  for (; *text; text++) {
    if (*text == ' ') continue;
    unsigned octet = 0;
    assert_int_equal(sscanf(text, "%2x", &octet), 1);
    bytes[n++] = (uint8_t)octet;
    text++;
  }
  return n;
}

struct built {
  uint8_t bytes[PACKET_MAX];
  size_t length, ip_at, tcp_at;
};

static struct built build(const struct packet *p) {
  struct built b = {.length = 0};
  b.ip_at = b.length = parse_hex(p->link_header, b.bytes);
  b.tcp_at = b.length += parse_hex(p->ip_headers, b.bytes + b.length);
  b.length += parse_hex(p->rest, b.bytes + b.length);
  return b;
}

static const char *result_name(enum decode_result result) {
  static const char *const names[] = {"segment", "not TCP", "fragment", "truncated", "malformed"};
  return names[result];
}

static void check_addresses(const struct decoded *d, bool is_ip6) {
  static const uint8_t ip4[2][16] = {{192, 0, 2, 1}, {198, 51, 100, 2}};
  static const uint8_t ip6[2][16] = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                                     {0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
  assert_int_equal(d->family, is_ip6 ? 6 : 4);
  assert_memory_equal(d->source.bytes, is_ip6 ? ip6[0] : ip4[0], 16);
  assert_memory_equal(d->destination.bytes, is_ip6 ? ip6[1] : ip4[1], 16);
}

/* The segment as it must come out when so many octets from the TCP header on were captured. */
static struct segment expected_segment(const struct packet *p, size_t captured) {
  struct segment s = {.seq = SEQ, .flags = p->flags ? p->flags : FIN_ACK, .window = WINDOW};
  if (s.flags & SEGMENT_ACK) s.ack = ACK;
  s.payload_bytes = p->payload;
  if (p->timestamps_end && captured >= p->timestamps_end) {
    s.options |= SEGMENT_HAS_TIMESTAMPS;
    s.tsval = TSVAL;
    s.tsecr = TSECR;
  }
  if (p->sack_end && captured >= p->sack_end) {
    s.options |= SEGMENT_HAS_SACK;
    s.sack_left = p->sack_left;
    s.sack_right = p->sack_right;
  }
  if (p->scale_end && captured >= p->scale_end) {
    s.options |= SEGMENT_HAS_WINDOW_SCALE;
    s.window_scale = SCALE;
  }
  if (p->sack_permitted_end && captured >= p->sack_permitted_end)
    s.options |= SEGMENT_HAS_SACK_PERMITTED;
  return s;
}

static void check_segment(const struct packet *p, size_t captured, size_t header,
                          const struct decoded *d, bool is_ip6) {
  struct segment s = expected_segment(p, captured);
  const struct segment *a = &d->segment;
  if (captured < header) s.options |= SEGMENT_OPTIONS_CUT;
  check_addresses(d, is_ip6);
  assert_int_equal(d->ip_id, is_ip6 ? 0 : 0x1234);
  assert_int_equal(d->source_port, SOURCE_PORT);
  assert_int_equal(d->destination_port, DESTINATION_PORT);
  assert_int_equal(a->seq, s.seq);
  assert_int_equal(a->ack, s.ack);
  assert_int_equal(a->flags, s.flags);
  assert_int_equal(a->window, s.window);
  assert_int_equal(a->payload_bytes, s.payload_bytes);
  assert_int_equal(a->options, s.options);
  assert_int_equal(a->tsval, s.tsval);
  assert_int_equal(a->tsecr, s.tsecr);
  assert_int_equal(a->sack_left, s.sack_left);
  assert_int_equal(a->sack_right, s.sack_right);
  assert_int_equal(a->window_scale, s.window_scale);
}

/* ---- truncation ---------------------------------------------------------------------------- */

/* The snapshot ends early, the packet does not: nothing changes but options that were cut off. */
static void every_snapshot_length(void **state) {
  const struct packet *p = *state;
  const struct built b = build(p);
  bool is_ip6 = b.tcp_at > b.ip_at && b.bytes[b.ip_at] >> 4 == 6;
  size_t decided_at = p->result == DECODE_SEGMENT ? b.tcp_at + 20 : p->decided_at;
  size_t header = p->result == DECODE_SEGMENT ? (size_t)(b.bytes[b.tcp_at + 12] >> 4) * 4 : 0;
  for (size_t captured = 0; captured <= b.length; captured++) {
    struct decoded d;
    enum decode_result expected = captured < decided_at ? DECODE_TRUNCATED : p->result;
    enum decode_result actual = decode_at_guard(p->link, b.bytes, captured, b.length, &d);
    if (actual != expected)
      fail_msg("%zu of %zu octets: expected %s, actual %s", captured, b.length,
               result_name(expected), result_name(actual));
    if (actual == DECODE_SEGMENT) check_segment(p, captured - b.tcp_at, header, &d, is_ip6);
    if (actual == DECODE_NOT_TCP) assert_int_equal(d.kind, p->kind);
  }
}

/* A savefile that lost the original length says that no more was on the wire than was captured. The
 * IP header knows better; where it tells no length, the payload is what is left. */
static void every_length_on_the_wire(void **state) {
  const struct packet *p = *state;
  if (p->result != DECODE_SEGMENT) return;
  const struct built b = build(p);
  size_t tcp_header = (size_t)(b.bytes[b.tcp_at + 12] >> 4) * 4;
  size_t needed = b.tcp_at + (p->giant ? tcp_header : 20);
  for (size_t length = 0; length <= b.length; length++) {
    struct decoded d;
    enum decode_result actual = decode_at_guard(p->link, b.bytes, length, length, &d);
    bool refused = actual == DECODE_TRUNCATED || actual == DECODE_MALFORMED;
    if (length < needed ? !refused : actual != DECODE_SEGMENT)
      fail_msg("%zu of %zu octets: %s", length, b.length, result_name(actual));
    if (actual != DECODE_SEGMENT) continue;
    size_t payload = p->giant ? length - needed : p->payload;
    assert_int_equal(d.segment.payload_bytes, payload);
    assert_int_equal(d.segment.seq, SEQ);
  }
}

/* A wire length below the captured one is a lie of the file: what was captured was on the wire. */
static void more_captured_than_on_the_wire(void **state) {
  const struct packet *p = *state;
  const struct built b = build(p);
  struct decoded d;
  assert_int_equal(decode_at_guard(p->link, b.bytes, b.length, 0, &d), p->result);
}

static void is_decoded_the_same_twice(void **state) { /* no octet of the result is left as it was */
  const struct packet *p = *state;
  const struct built b = build(p);
  if (p->result != DECODE_SEGMENT) return;
  struct decoded a, z;
  decode_at_guard(p->link, b.bytes, b.length, b.length, &a);
  memset(&z, 0, sizeof z);
  decode_packet(p->link, b.bytes, b.length, b.length, &z);
  assert_memory_equal(&a.source, &z.source, sizeof a.source);
  assert_memory_equal(&a.destination, &z.destination, sizeof a.destination);
  assert_memory_equal(&a.segment.seq, &z.segment.seq,
                      sizeof a.segment - offsetof(struct segment, seq));
}

/* ---- mutation ------------------------------------------------------------------------------ */

static uint64_t next_random(uint64_t *state) { /* xorshift64 */
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* There is a shortcut for IPv4 in Ethernet. What it finds is what the walk does, which begins at
 * the IP header where there is no Ethernet. */
static void check_shortcut(uint32_t link, const uint8_t *bytes, size_t captured, size_t on_wire) {
  enum { ETHERNET = 14 };
  struct decoded with, without;
  bool is_ip4 = captured > ETHERNET && bytes[12] == 8 && bytes[13] == 0 && bytes[14] >> 4 == 4;
  if (link != DECODE_LINK_ETHERNET || !is_ip4) return;
  if (on_wire < captured) on_wire = captured;
  enum decode_result result = decode_at_guard(link, bytes, captured, on_wire, &with);
  assert_int_equal(result, decode_at_guard(DECODE_LINK_IP4, bytes + ETHERNET, captured - ETHERNET,
                                           on_wire - ETHERNET, &without));
  if (result != DECODE_SEGMENT) return;
  without.payload_at += ETHERNET;
  assert_memory_equal(&with, &without, sizeof with);
}

/* Whatever the octets say: a known result, and no field beyond what it can be. */
static void random_mutations(void **unused) {
  (void)unused;
  enum { ROUNDS = 200000 };
  uint64_t seed = 20240917, random = seed;
  unsigned seen[DECODE_MALFORMED + 1] = {0};
  struct built built[N_PACKETS];
  for (unsigned i = 0; i < N_PACKETS; i++) built[i] = build(&PACKETS[i]);
  for (unsigned round = 0; round < ROUNDS; round++) {
    size_t which = next_random(&random) % N_PACKETS;
    uint8_t bytes[PACKET_MAX];
    size_t length = built[which].length;
    memcpy(bytes, built[which].bytes, length);
    for (uint64_t n = next_random(&random) % 6; n > 0; n--)
      bytes[next_random(&random) % length] = (uint8_t)(next_random(&random) >> 32);
    size_t captured = next_random(&random) % 4 ? length : next_random(&random) % (length + 1);
    size_t on_wire = next_random(&random) % 4 ? length : next_random(&random) % 70000;
    struct decoded d;
    enum decode_result result = decode_at_guard(PACKETS[which].link, bytes, captured, on_wire, &d);
    if (result <= DECODE_MALFORMED)
      seen[result]++;
    else
      fail_msg("seed %llu, round %d: no result", (unsigned long long)seed, round);
    check_shortcut(PACKETS[which].link, bytes, captured, on_wire);
    if (result != DECODE_SEGMENT) continue;
    const struct segment *s = &d.segment;
    size_t most = on_wire > UINT16_MAX ? on_wire : UINT16_MAX; /* the IP header may promise */
    bool has_scale = s->options & SEGMENT_HAS_WINDOW_SCALE;
    bool has_sack = s->options & SEGMENT_HAS_SACK;
    bool has_timestamps = s->options & SEGMENT_HAS_TIMESTAMPS;
    if ((d.family != 4 && d.family != 6) || s->payload_bytes > most - 40 || s->flags > 0x3f ||
        s->options > 0x1f || (!has_scale && s->window_scale) ||
        (!has_sack && (s->sack_left | s->sack_right)) || (!has_timestamps && (s->tsval | s->tsecr)))
      fail_msg("%s: seed %llu, round %d", PACKETS[which].name, (unsigned long long)seed, round);
  }
  print_message("seed %llu: %u segments, %u not TCP, %u fragments, %u truncated, %u malformed\n",
                (unsigned long long)seed, seen[DECODE_SEGMENT], seen[DECODE_NOT_TCP],
                seen[DECODE_FRAGMENT], seen[DECODE_TRUNCATED], seen[DECODE_MALFORMED]);
  for (unsigned i = 0; i <= DECODE_MALFORMED; i++) assert_true(seen[i] > 1000);
}

int main(void) {
  static const struct {
    const char *name;
    CMUnitTestFunction run;
  } kinds[] = {
      {"every snapshot length", every_snapshot_length},
      {"every length on the wire", every_length_on_the_wire},
      {"more captured than on the wire", more_captured_than_on_the_wire},
      {"decoded the same twice", is_decoded_the_same_twice},
  };
  enum { KINDS = sizeof kinds / sizeof *kinds };
  static char names[N_PACKETS * KINDS][100];
  struct CMUnitTest tests[N_PACKETS * KINDS + 1] = {cmocka_unit_test(random_mutations)};
  for (size_t i = 0; i < N_PACKETS * KINDS; i++) {
    const struct packet *p = &PACKETS[i / KINDS];
    snprintf(names[i], sizeof names[i], "%s: %s", p->name, kinds[i % KINDS].name);
    tests[i + 1] = (struct CMUnitTest){names[i], kinds[i % KINDS].run, NULL, NULL, (void *)p};
  }
  return cmocka_run_group_tests(tests, open_guard, close_guard);
}
