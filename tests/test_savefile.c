/* Savefiles, beside libpcap: whatever both can read has the same packets, times and lengths, in
 * every form of file, cut at every length, through every window, and with octets changed at random.
 * What libpcap refuses is compared with what must come out, and with tshark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/savefile.h"

/* ---- Building ------------------------------------------------------------------------------- */

enum { FILE_MAX = 1 << 16 };
static uint8_t file[FILE_MAX];
static size_t size;
static bool big; /* byte order */

static void put(uint64_t value, unsigned octets) {
  for (unsigned i = 0; i < octets; i++)
    file[size++] = (uint8_t)(value >> 8 * (big ? octets - 1 - i : i));
}

static void put_octets(unsigned n, unsigned first) {
  for (unsigned i = 0; i < n; i++) file[size++] = (uint8_t)(first + i);
}

/* A packet's octets tell which one it is. */
static const unsigned SIZES[] = {54, 0, 1, 59, 60, 61, 62, 1500};
enum { PACKETS = sizeof SIZES / sizeof *SIZES, SNAPPED = 40 }; /* octets that were not captured */

static void build_pcap(uint32_t magic, bool big_endian, unsigned major, unsigned minor,
                       uint32_t snaplen, uint32_t link) {
  size = 0, big = big_endian;
  put(magic, 4), put(major, 2), put(minor, 2), put(0, 8), put(snaplen, 4), put(link, 4);
  bool swapped = major == 543 || minor < 3 || (minor == 3 && big_endian); /* 2.3: either way */
  for (unsigned i = 0; i < PACKETS; i++) {
    uint32_t captured = SIZES[i], on_wire = SIZES[i] + SNAPPED;
    put(UINT32_C(2000000000) + i, 4), put(magic == 0xa1b23c4d ? 999999999 - i : 999999 - i, 4);
    put(swapped ? on_wire : captured, 4), put(swapped ? captured : on_wire, 4);
    if (magic == 0xa1b2cd34) put(7, 4), put(0x0800, 2), put(0, 2);
    put_octets(captured, i);
  }
}

static size_t begin_block(uint32_t type) {
  size_t at = size;
  put(type, 4), put(0, 4);
  return at;
}

static void end_block(size_t at) {
  while (size % 4 != 0) put(0, 1);
  size_t end = size + 4;
  size = at + 4;
  put(end - at, 4);
  size = end - 4;
  put(end - at, 4);
}

static void put_section(bool big_endian) {
  big = big_endian;
  size_t at = begin_block(0x0a0d0d0a);
  put(0x1a2b3c4d, 4), put(1, 2), put(0, 2), put(UINT64_MAX, 8);
  put(4, 2), put(5, 2), put_octets(5, 'a'); /* shb_userappl, padded by end_block */
  end_block(at);
}

enum { NO_OPTION = -1 };
static void put_interface(unsigned link, uint32_t snaplen, int resolution, int64_t offset) {
  size_t at = begin_block(1);
  put(link, 2), put(0, 2), put(snaplen, 4);
  put(2, 2), put(3, 2), put_octets(3, 'a'), put(0, 1); /* if_name */
  if (resolution != NO_OPTION) put(9, 2), put(1, 2), put((unsigned)resolution, 1), put(0, 3);
  if (offset != 0) put(14, 2), put(8, 2), put((uint64_t)offset, 8);
  put(0, 4);
  end_block(at);
}

enum block { ENHANCED = 6, OBSOLETE = 2, SIMPLE = 3 };
static void put_packet(enum block type, unsigned interface, uint64_t t, unsigned i) {
  size_t at = begin_block(type);
  uint32_t captured = SIZES[i];
  if (type == SIMPLE) {
    put(captured, 4);
  } else {
    if (type == ENHANCED)
      put(interface, 4);
    else
      put(interface, 2), put(3, 2);
    put(t >> 32, 4), put((uint32_t)t, 4), put(captured, 4), put(captured + SNAPPED, 4);
  }
  put_octets(captured, i);
  while (size % 4 != 0) put(0, 1);
  if (type == ENHANCED && i % 2) put(2, 2), put(4, 2), put(1, 4), put(0, 4); /* epb_flags */
  end_block(at);
}

static void put_unknown(uint32_t type, unsigned n) {
  size_t at = begin_block(type);
  put_octets(n, 0);
  end_block(at);
}

static void build_pcapng(bool big_endian, enum block type, int resolution, int64_t offset,
                         uint64_t t) {
  size = 0;
  put_section(big_endian);
  put_unknown(0x0bad, 0);
  put_interface(1, 65535, resolution, offset);
  for (unsigned i = 0; i < PACKETS; i++) {
    put_packet(type, 0, t + (t >> 3) * i + i, i);
    if (i % 3 == 0) put_unknown(i % 2 ? 5 : 0x40000bad, 4 * i);
  }
}

/* ---- Reading -------------------------------------------------------------------------------- */

enum { TAKEN_MAX = 4096 };
struct taken {
  int64_t t_us;
  uint32_t captured, on_wire, link, sum;
};
struct reading {
  struct taken at[TAKEN_MAX];
  unsigned n;
  bool whole;    /* to the file's end, with nothing wrong */
  bool negative; /* libpcap: it takes pcap's two halves of a time as signed, the draft does not */
  bool fine; /* an interface counts in units below 2^-44 s: libpcap's multiplication overflows */
  enum savefile_error error;
  uint64_t far_times, no_times;
};

static uint32_t sum_of(const uint8_t *p, size_t n) {
  uint32_t sum = 0;
  while (n-- > 0) sum = sum * 31 + *p++;
  return sum;
}

static void read_by_libpcap(uint8_t *bytes, size_t n, struct reading *r) {
  char error[PCAP_ERRBUF_SIZE];
  r->n = 0, r->whole = r->negative = false;
  FILE *f = fmemopen(bytes, n, "rb");
  assert_non_null(f);
  pcap_t *p = pcap_fopen_offline(f, error);
  if (!p) {
    fclose(f);
    return;
  }
  struct pcap_pkthdr *h;
  const u_char *data;
  int status = 0;
  while (r->n < TAKEN_MAX && (status = pcap_next_ex(p, &h, &data)) == 1) {
    r->negative = r->negative || h->ts.tv_sec < 0 || h->ts.tv_usec < 0;
    r->at[r->n++] = (struct taken){
        (int64_t)((uint64_t)h->ts.tv_sec * 1000000) + h->ts.tv_usec, h->caplen, h->len,
        pcap_datalink(p) == DLT_RAW ? 101 : (uint32_t)pcap_datalink(p), sum_of(data, h->caplen)};
  }
  r->whole = status == PCAP_ERROR_BREAK;
  pcap_close(p);
}

/* With `narrow` the window is never wider than what was asked for, and ends where memory ends. */
static void read_by_us(const uint8_t *bytes, size_t n, bool narrow, struct reading *r) {
  struct savefile f = {.offset = 0};
  struct packet packets[5];
  size_t at = 0, window = narrow ? 0 : n;
  uint8_t *memory = NULL;
  const uint8_t *view = bytes;
  r->n = 0, r->whole = r->fine = false;
  for (;;) {
    if (narrow || !memory) {
      free(memory);
      memory = malloc(window > 0 ? window : 1);
      assert_non_null(memory);
      memcpy(memory, bytes + at, window);
      view = memory;
    }
    size_t used;
    unsigned count;
    enum savefile_result result = savefile_next(&f, view, window, packets, 5, &count, &used);
    assert_in_range(used, 0, window);
    for (unsigned i = 0; i < count && r->n < TAKEN_MAX; i++) {
      const struct packet *p = &packets[i];
      assert_true(p->bytes >= view && p->bytes + p->captured <= view + window);
      r->at[r->n++] =
          (struct taken){p->t_us, p->captured, p->on_wire, p->link, sum_of(p->bytes, p->captured)};
    }
    for (uint32_t i = 0; i < f.n_interfaces; i++)
      r->fine |= f.interfaces[i].clock == SAVEFILE_CLOCK_BINARY && f.interfaces[i].factor > 44;
    at += used, window -= used, view += used;
    assert_int_equal(f.offset, at);
    if (result == SAVEFILE_BAD || r->n == TAKEN_MAX) break;
    if (result != SAVEFILE_MORE) continue;
    assert_true(f.wanted > window && f.wanted <= SAVEFILE_BLOCK_MAX);
    if (f.wanted > n - at) {
      r->whole = savefile_at_end(&f, n - at);
      break;
    }
    assert_true(narrow);
    window = f.wanted;
  }
  free(memory);
  r->error = f.error, r->far_times = f.far_times, r->no_times = f.no_times;
  savefile_destroy(&f);
}

static struct reading ours, narrow, theirs;

static void check_same(const struct reading *a, const struct reading *b, const char *what) {
  if (a->n != b->n || a->whole != b->whole)
    fail_msg("%s: %u packets, %s; %u, %s", what, a->n, a->whole ? "whole" : "broken", b->n,
             b->whole ? "whole" : "broken");
  for (unsigned i = 0; i < a->n; i++) {
    const struct taken *x = &a->at[i], *y = &b->at[i];
    if (memcmp(x, y, sizeof *x) != 0)
      fail_msg(
          "%s: packet %u: %lld us, %u of %u octets, link %u, sum %08x; "
          "%lld us, %u of %u octets, link %u, sum %08x",
          what, i, (long long)x->t_us, x->captured, x->on_wire, x->link, x->sum, (long long)y->t_us,
          y->captured, y->on_wire, y->link, y->sum);
  }
}

/* The file that was built, read in all three ways. */
static void check_beside_libpcap(const char *what) {
  read_by_us(file, size, false, &ours);
  read_by_us(file, size, true, &narrow);
  read_by_libpcap(file, size, &theirs);
  assert_true(theirs.whole);
  check_same(&ours, &theirs, what);
  check_same(&narrow, &theirs, what);
}

/* ---- Forms ---------------------------------------------------------------------------------- */

static const uint32_t MAGICS[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34};
static const unsigned VERSIONS[][2] = {{2, 4}, {2, 3}, {2, 2}, {2, 0}, {543, 0}};
static const uint32_t SNAPLENS[] = {0, 60, 65535, UINT32_MAX};
static const int RESOLUTIONS[] = {NO_OPTION, 0,    3,    6,    7,    9,    12,  19,
                                  0x80,      0x81, 0x8a, 0x94, 0xa0, 0xa1, 0xac};
#define EACH(i, list) for (size_t i = 0; i < sizeof(list) / sizeof *(list); i++)

static void every_pcap(void **unused) {
  (void)unused;
  char what[80];
  EACH(m, MAGICS) EACH(v, VERSIONS) EACH(s, SNAPLENS) for (int e = 0; e < 2; e++) {
    snprintf(what, sizeof what, "magic %08x, version %u.%u, snaplen %u, %s", MAGICS[m],
             VERSIONS[v][0], VERSIONS[v][1], SNAPLENS[s], e ? "big" : "little");
    build_pcap(MAGICS[m], e, VERSIONS[v][0], VERSIONS[v][1], SNAPLENS[s], 1);
    check_beside_libpcap(what);
    assert_int_equal(ours.n, PACKETS);
  }
}

static void every_pcapng(void **unused) {
  (void)unused;
  static const enum block types[] = {ENHANCED, OBSOLETE, SIMPLE};
  static const int64_t offsets[] = {0, 1, -1, 1000000000};
  char what[80];
  EACH(t, types) EACH(r, RESOLUTIONS) EACH(o, offsets) for (int e = 0; e < 2; e++) {
    snprintf(what, sizeof what, "block %d, resolution %02x, offset %lld, %s", types[t],
             (unsigned)RESOLUTIONS[r], (long long)offsets[o], e ? "big" : "little");
    /* About 2025 in microseconds, and less where the unit is larger. */
    uint64_t time =
        RESOLUTIONS[r] == 0 || (RESOLUTIONS[r] & 0xfe) == 0x80 ? 1750000000 : 1750000000123456;
    if (RESOLUTIONS[r] == 3 || RESOLUTIONS[r] == 0x8a) time /= 1000;
    build_pcapng(e, types[t], RESOLUTIONS[r], offsets[o], time);
    check_beside_libpcap(what);
    assert_int_equal(ours.n, PACKETS);
    assert_int_equal(ours.far_times, 0);
    assert_int_equal(ours.no_times, types[t] == SIMPLE ? PACKETS : 0);
  }
}

static void every_length(void **unused) {
  (void)unused;
  for (int form = 0; form < 2; form++) {
    if (form == 0)
      build_pcap(0xa1b2c3d4, false, 2, 4, 65535, 1);
    else
      build_pcapng(true, ENHANCED, 9, 0, 1750000000123456789);
    read_by_us(file, size, false, &theirs);
    assert_true(theirs.whole);
    unsigned wholes = 0;
    for (size_t n = 0; n < size; n++) {
      read_by_us(file, n, false, &ours);
      read_by_us(file, n, true, &narrow);
      check_same(&ours, &narrow, "cut");
      assert_in_range(ours.n, 0, PACKETS);
      assert_memory_equal(ours.at, theirs.at, ours.n * sizeof *ours.at);
      assert_int_equal(ours.error, SAVEFILE_ERROR_NONE);
      wholes += ours.whole;
    }
    assert_in_range(wholes, PACKETS, 2 * PACKETS + 3);
  }
}

static void golden_files(void **unused) {
  (void)unused;
  static uint8_t bytes[1 << 20];
  unsigned n = 0;
  DIR *folder = opendir("tests/golden");
  assert_non_null(folder);
  for (const struct dirent *entry; (entry = readdir(folder));) {
    char path[512];
    if (!strstr(entry->d_name, ".pcap")) continue;
    snprintf(path, sizeof path, "tests/golden/%s", entry->d_name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t length = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    read_by_us(bytes, length, false, &ours);
    read_by_libpcap(bytes, length, &theirs);
    check_same(&ours, &theirs, entry->d_name);
    assert_true(ours.whole && ours.n > 0);
    n++;
  }
  closedir(folder);
  assert_in_range(n, 30, 1000);
}

/* ---- Where libpcap refuses ------------------------------------------------------------------ */

/* Two sections in both byte orders; interfaces that differ in link type, snapshot length, clock. */
static void build_mixed(void) {
  size = 0;
  put_section(false);
  put_interface(1, 65535, NO_OPTION, 0);
  put_interface(101, 96, 9, 0);
  put_packet(ENHANCED, 0, 1750000000000001, 0);
  put_packet(ENHANCED, 1, 1750000000000002999, 3);
  put_interface(276, 0, 0x94, 1000000000);
  put_packet(ENHANCED, 2, UINT64_C(750000000) << 20 | 1 << 19, 4);
  put_packet(OBSOLETE, 1, 1750000000000003000, 5);
  put_section(true);
  put_interface(113, 65535, 3, 0);
  put_packet(ENHANCED, 0, 1750000000004, 6);
}

static const struct taken MIXED[] = {{1750000000000001, 54, 94, 1, 0},
                                     {1750000000000002, 59, 99, 101, 0},
                                     {1750000000500000, 60, 100, 276, 0},
                                     {1750000000000003, 61, 101, 101, 0},
                                     {1750000000004000, 62, 102, 113, 0}};
enum { MIXED_N = sizeof MIXED / sizeof *MIXED };

static void interfaces_and_sections_that_differ(void **unused) {
  (void)unused;
  build_mixed();
  read_by_libpcap(file, size, &theirs);
  assert_false(theirs.whole);
  for (int k = 0; k < 2; k++) {
    read_by_us(file, size, k, &ours);
    assert_true(ours.whole);
    assert_int_equal(ours.n, MIXED_N);
    for (unsigned i = 0; i < MIXED_N; i++) {
      ours.at[i].sum = 0;
      assert_memory_equal(&ours.at[i], &MIXED[i], sizeof *MIXED);
    }
  }
}

/* tshark's answer for the same file: time, both lengths, and its own number of the link type. */
static void tshark_says_the_same(void **unused) {
  (void)unused;
  static const unsigned encapsulation[MIXED_N] = {1, 7, 210, 7, 25};
  char path[] = "/tmp/test_savefile-XXXXXX", command[256], line[256];
  if (system("command -v tshark >/dev/null 2>&1") != 0) {
    print_message("no tshark: scripts/deps.sh test installs it\n");
    skip();
  }
  build_mixed();
  int fd = mkstemp(path);
  assert_true(fd >= 0 && write(fd, file, size) == (ssize_t)size && close(fd) == 0);
  snprintf(command, sizeof command,
           "tshark -n -r %s -T fields -e frame.time_epoch -e frame.cap_len -e frame.len "
           "-e frame.encap_type 2>/dev/null",
           path);
  FILE *f = popen(command, "r");
  assert_non_null(f);
  unsigned n = 0;
  for (; n < MIXED_N && fgets(line, sizeof line, f); n++) {
    unsigned long long s, ns;
    unsigned captured, on_wire, encap;
    assert_int_equal(sscanf(line, "%llu.%9llu %u %u %u", &s, &ns, &captured, &on_wire, &encap), 5);
    assert_int_equal(s * 1000000 + ns / 1000, MIXED[n].t_us);
    assert_int_equal(captured, MIXED[n].captured);
    assert_int_equal(on_wire, MIXED[n].on_wire);
    assert_int_equal(encap, encapsulation[n]);
  }
  pclose(f);
  unlink(path);
  assert_int_equal(n, MIXED_N);
}

#define YEAR_1_US INT64_C(-62135596800000000)
#define YEAR_9999_US INT64_C(253402300799999999)

static void far_times(void **unused) {
  (void)unused;
  static const struct {
    int resolution;
    int64_t offset;
    uint64_t t;
    int64_t us;
    bool far;
  } rows[] = {
      {6, 0, 253402300799999999, YEAR_9999_US, false},
      {6, 0, 253402300800000000, YEAR_9999_US, true},
      {6, 0, UINT64_MAX, YEAR_9999_US, true},
      {0, 0, UINT64_MAX, YEAR_9999_US, true},
      {0, 0, 253402300799, 253402300799000000, false},
      {9, 0, UINT64_MAX, 18446744073709551, false},
      {19, 0, UINT64_MAX, 1844674, false},
      {25, 0, UINT64_MAX, 1, false},
      {26, 0, UINT64_MAX, 0, false},
      {127, 0, UINT64_MAX, 0, false},
      {0x80, 0, UINT64_MAX, YEAR_9999_US, true},
      {0x80 | 31, 0, UINT64_C(1) << 31 | 1 << 30, 1500000, false},
      {0x80 | 32, 0, UINT64_C(3) << 31, 1500000, false},
      {0x80 | 63, 0, UINT64_MAX, 1999999, false},
      {0x80 | 64, 0, UINT64_MAX, 999999, false},
      {0x80 | 96, 0, UINT64_MAX, 0, false},
      {0x80 | 127, 0, UINT64_MAX, 0, false},
      {6, -1, 0, -1000000, false},
      {6, -62135596800, 0, YEAR_1_US, false},
      {6, -62135596801, 0, YEAR_1_US, true},
      {6, INT64_MAX, 0, YEAR_9999_US, true},
      {6, INT64_MIN, 0, YEAR_1_US, true},
      {6, INT64_MAX, UINT64_MAX, YEAR_9999_US, true},
      {6, INT64_MIN, UINT64_MAX, YEAR_9999_US, true},
      {0, -253402300800, 253402300801, 1000000, false},
  };
  EACH(i, rows) {
    size = 0;
    put_section(false);
    put_interface(1, 0, rows[i].resolution, rows[i].offset);
    put_packet(ENHANCED, 0, rows[i].t, 0);
    read_by_us(file, size, false, &ours);
    assert_int_equal(ours.n, 1);
    if (ours.at[0].t_us != rows[i].us || ours.far_times != rows[i].far)
      fail_msg("row %zu: %lld us, expected %lld; far %llu", i, (long long)ours.at[0].t_us,
               (long long)rows[i].us, (unsigned long long)ours.far_times);
  }
  build_pcap(0xa1b2c3d4, false, 2, 4, 65535,
             1); /* past 2038, where libpcap's seconds are negative */
  memset(file + 24, 0xff, 4);
  read_by_us(file, size, false, &ours);
  assert_int_equal(ours.at[0].t_us, UINT32_MAX * INT64_C(1000000) + 999999);
}

/* ---- Damage --------------------------------------------------------------------------------- */

/* Octets overwritten in a good file; what must be said, after how many packets. */
static void damage_is_named(void **unused) {
  (void)unused;
  enum { SECTION = 40, INTERFACE = 32, FIRST = SECTION + INTERFACE };
  static const struct {
    bool pcapng;
    size_t at;
    uint32_t value;
    enum savefile_error error;
    unsigned packets;
  } rows[] = {
      {false, 0, 0xa1b2c3d5, SAVEFILE_ERROR_NO_CAPTURE, 0},
      {false, 4, 0x00050002, SAVEFILE_ERROR_VERSION, 0},
      {false, 4, 0x00040001, SAVEFILE_ERROR_VERSION, 0},
      {false, 24 + 8, 262145, SAVEFILE_ERROR_RECORD, 0},
      {false, 24 + 16 + 54 + 8, 0x80000000, SAVEFILE_ERROR_RECORD, 1},
      {true, 8, 0x1a2b3c4e, SAVEFILE_ERROR_NO_CAPTURE, 0},
      {true, 4, 24, SAVEFILE_ERROR_BLOCK, 0},
      {true, 12, 2, SAVEFILE_ERROR_VERSION, 0},
      {true, SECTION + 4, 8, SAVEFILE_ERROR_BLOCK, 0},
      {true, SECTION + INTERFACE - 4, 36, SAVEFILE_ERROR_TRAILER, 0},
      {true, SECTION, 77, SAVEFILE_ERROR_INTERFACE, 0},
      {true, FIRST + 8, 1, SAVEFILE_ERROR_INTERFACE, 0},
      {true, FIRST + 4, 20 << 20, SAVEFILE_ERROR_BLOCK, 0},
      {true, FIRST + 20, 57, SAVEFILE_ERROR_PACKET, 0},
      {true, FIRST + 20, UINT32_MAX, SAVEFILE_ERROR_PACKET, 0},
      {true, FIRST + 92, 8, SAVEFILE_ERROR_BLOCK, 1},
  };
  EACH(i, rows) {
    if (rows[i].pcapng) {
      size = 0;
      put_section(false);
      put_interface(1, 65535, NO_OPTION, 0);
      put_packet(ENHANCED, 0, 1, 0);
      assert_int_equal(size, FIRST + 88);
      put_unknown(0x0a0d0d0a, 40);
    } else {
      build_pcap(0xa1b2c3d4, false, 2, 4, 65535, 1);
    }
    size_t length = size;
    size = rows[i].at, big = false;
    put(rows[i].value, 4);
    read_by_us(file, length, false, &ours);
    if (ours.error != rows[i].error || ours.n != rows[i].packets)
      fail_msg("row %zu: %s, %u packets", i, savefile_error_text(ours.error), ours.n);
  }
}

static void too_many_interfaces(void **unused) {
  (void)unused;
  enum { EACH_SIZE = 20, N = SAVEFILE_INTERFACES_MAX + 1 };
  size = 0;
  put_section(false);
  size_t start = size;
  size_t at = begin_block(1);
  put(1, 2), put(0, 2), put(65535, 4);
  end_block(at);
  uint8_t *bytes = malloc(start + (size_t)N * EACH_SIZE);
  assert_non_null(bytes);
  memcpy(bytes, file, start);
  for (size_t i = 0; i < N; i++) memcpy(bytes + start + i * EACH_SIZE, file + start, EACH_SIZE);
  read_by_us(bytes, start + (size_t)N * EACH_SIZE - EACH_SIZE, false, &ours);
  assert_true(ours.whole);
  read_by_us(bytes, start + (size_t)N * EACH_SIZE, false, &ours);
  assert_int_equal(ours.error, SAVEFILE_ERROR_INTERFACES);
  free(bytes);
}

static uint64_t next_random(uint64_t *state) { /* xorshift64 */
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* Whatever the octets say: no crash, the same through a narrow window, and where both come to the
 * end, what libpcap says. */
static void random_mutations(void **unused) {
  (void)unused;
  enum { ROUNDS = 8000 };
  uint64_t random = 20261125;
  unsigned both = 0, broken = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    switch (round % 4) {
      case 0: build_pcap(MAGICS[round / 4 % 3], round & 16, 2, round & 32 ? 3 : 4, 65535, 1); break;
      case 1: build_pcapng(round & 16, ENHANCED, 9, 0, 1750000000123456789); break;
      case 2: build_pcapng(round & 16, round & 32 ? SIMPLE : OBSOLETE, 0x94, 5, 1 << 30); break;
      case 3: build_mixed(); break;
    }
    for (uint64_t n = 1 + next_random(&random) % 3; n > 0; n--) {
      /* Mostly in the first headers, where it tells. */
      size_t within = next_random(&random) % 2 ? 200 : size;
      size_t at = next_random(&random) % within;
      file[at] = (uint8_t)(next_random(&random) >> 32);
    }
    read_by_us(file, size, false, &ours);
    read_by_us(file, size, true, &narrow);
    check_same(&ours, &narrow, "mutant");
    read_by_libpcap(file, size, &theirs);
    broken += !ours.whole;
    if (!ours.whole || !theirs.whole || ours.far_times > 0 || ours.fine || theirs.negative)
      continue;
    both++;
    for (unsigned i = 0; i < ours.n; i++) ours.at[i].link = theirs.at[i].link; /* renumbered */
    char what[40];
    snprintf(what, sizeof what, "round %u", round);
    check_same(&ours, &theirs, what);
  }
  print_message("%u mutants read to the end by both, %u broken\n", both, broken);
  assert_true(both > ROUNDS / 8 && broken > ROUNDS / 8);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_pcap),
      cmocka_unit_test(every_pcapng),
      cmocka_unit_test(every_length),
      cmocka_unit_test(golden_files),
      cmocka_unit_test(interfaces_and_sections_that_differ),
      cmocka_unit_test(tshark_says_the_same),
      cmocka_unit_test(far_times),
      cmocka_unit_test(damage_is_named),
      cmocka_unit_test(too_many_interfaces),
      cmocka_unit_test(random_mutations),
  };
  return cmocka_run_group_tests_name("savefile", tests, NULL, NULL);
}
