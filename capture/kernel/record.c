#include "capture/kernel/record.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KIND_COUNT = KERNEL_EVENT_EXIT + 1 };

/* What is read from a record, by the name that the kernel gives it. */
/* clang-format off */
#define FIELDS(X)                                                                    \
  X(TYPE, "common_type") /* the number of the event's format */                      \
  X(FLAGS, "common_flags")                                                           \
  X(SOCKET, "skaddr")    /* 0: none, a segment that no socket wanted was answered */ \
  X(PROTOCOL, "protocol")                                                            \
  X(FROM, "oldstate")                                                                \
  X(TO, "newstate")                                                                  \
  X(LOCAL_PORT, "sport")                                                             \
  X(REMOTE_PORT, "dport")                                                            \
  X(LOCAL_V6, "saddr_v6") /* IPv4 is v4-mapped here, whatever the socket's family */ \
  X(REMOTE_V6, "daddr_v6")                                                           \
  X(LOCAL, "saddr") /* where there are no ports, a sockaddr_in or sockaddr_in6 */    \
  X(REMOTE, "daddr")                                                                 \
  X(REASON, "reason")                                                                \
  X(COMMAND, "comm") /* of the thread that exits */
/* clang-format on */

enum field {
#define X(field, name) FIELD_##field,
  FIELDS(X)
#undef X
      FIELD_COUNT
};

static const char *const field_name[] = {
#define X(field, name) [FIELD_##field] = name,
    FIELDS(X)
#undef X
};

struct span {
  size_t offset, size; /* size 0: this kernel does not say it */
};

struct layout {
  bool known;
  bool ports_apart; /* FIELD_LOCAL_PORT and so on; otherwise FIELD_LOCAL and FIELD_REMOTE */
  unsigned id;      /* what FIELD_TYPE of its records is */
  struct span field[FIELD_COUNT];
  char *reasons; /* the words for FIELD_REASON: { 1, "NO_SOCKET" }, { 2, ...; NULL: none */
  size_t size;   /* of a record, at least */
};

struct kernel_formats {
  struct layout layout[KIND_COUNT];
};

struct kernel_formats *kernel_formats_new(void) {
  return calloc(1, sizeof(struct kernel_formats));
}

void kernel_formats_free(struct kernel_formats *formats) {
  for (int i = 0; formats && i < KIND_COUNT; i++) free(formats->layout[i].reasons);
  free(formats);
}

/* ---- learning ------------------------------------------------------------------------------ */

/* A line of the text is "\tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;". */
static struct span find_field(const char *text, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strstr(text, "\tfield:"); line; line = strstr(line + 1, "\tfield:")) {
    size_t declaration = strcspn(line, ";\n"), before_array = strcspn(line, "[;\n");
    const char *last_word = line + before_array - length;
    struct span span;
    if (before_array > length && last_word[-1] == ' ' && memcmp(last_word, name, length) == 0 &&
        sscanf(line + declaration, "; offset:%4zu; size:%4zu", &span.offset, &span.size) == 2)
      return span;
  }
  return (struct span){.size = 0};
}

/* From the print format: __print_symbolic(REC->reason, { 0, "NOT_SPECIFIED" }, { 1, ... }) */
static char *find_reasons(const char *text) {
  const char *list = strstr(text, "__print_symbolic(REC->reason,");
  return list ? strndup(list, strcspn(list, ")")) : NULL;
}

static bool has(const struct layout *layout, enum field field, size_t size) {
  return layout->field[field].size >= size;
}

static bool has_ports_apart(const struct layout *layout) {
  return has(layout, FIELD_LOCAL_PORT, 2) && has(layout, FIELD_REMOTE_PORT, 2) &&
         has(layout, FIELD_LOCAL_V6, sizeof(struct in6_addr)) &&
         has(layout, FIELD_REMOTE_V6, sizeof(struct in6_addr));
}

static bool has_socket_addresses(const struct layout *layout) {
  return has(layout, FIELD_LOCAL, sizeof(struct sockaddr_in6)) &&
         has(layout, FIELD_REMOTE, sizeof(struct sockaddr_in6));
}

bool kernel_formats_learn(struct kernel_formats *formats, enum kernel_event_kind kind,
                          const char *text) {
  struct layout layout = {.reasons = NULL};
  for (int i = 0; i < FIELD_COUNT; i++) {
    struct span span = find_field(text, field_name[i]);
    layout.field[i] = span;
    if (layout.size < span.offset + span.size) layout.size = span.offset + span.size;
  }
  layout.ports_apart = has_ports_apart(&layout);
  const char *id = strstr(text, "\nID: ");
  layout.known =
      id && sscanf(id, " ID: %u", &layout.id) == 1 && has(&layout, FIELD_TYPE, 2) &&
      (kind == KERNEL_EVENT_EXIT ? has(&layout, FIELD_COMMAND, 1)
                                 : layout.ports_apart || has_socket_addresses(&layout)) &&
      (kind != KERNEL_EVENT_STATE || (has(&layout, FIELD_FROM, 4) && has(&layout, FIELD_TO, 4)));
  if (layout.known) layout.reasons = find_reasons(text);
  free(formats->layout[kind].reasons);
  formats->layout[kind] = layout;
  return layout.known;
}

size_t kernel_formats_size(const struct kernel_formats *formats, enum kernel_event_kind kind) {
  return formats->layout[kind].known ? formats->layout[kind].size : 0;
}

/* ---- decoding ------------------------------------------------------------------------------ */

/* In this machine's byte order; 0 for what this kernel does not say. */
static uint64_t number(const struct layout *layout, enum field field, const uint8_t *record) {
  const uint8_t *at = record + layout->field[field].offset;
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  switch (layout->field[field].size) {
    case 1: return *at;
    case sizeof two: return memcpy(&two, at, sizeof two), two;
    case sizeof four: return memcpy(&four, at, sizeof four), four;
    case sizeof eight: return memcpy(&eight, at, sizeof eight), eight;
    default: return 0;
  }
}

struct half {
  struct in6_addr address; /* v4-mapped for IPv4 */
  uint16_t port;
};

static bool read_half(const struct layout *layout, const uint8_t *record, enum field port,
                      enum field v6, enum field both, struct half *half) {
  if (layout->ports_apart) {
    half->port = (uint16_t)number(layout, port, record);
    memcpy(&half->address, record + layout->field[v6].offset, sizeof half->address);
    return true;
  }
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  memcpy(&address, record + layout->field[both].offset, sizeof address);
  if (address.any.sa_family == AF_INET) {
    half->port = ntohs(address.v4.sin_port);
    half->address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(half->address.s6_addr + 12, &address.v4.sin_addr, 4);
    return true;
  }
  half->port = ntohs(address.v6.sin6_port);
  half->address = address.v6.sin6_addr;
  return address.any.sa_family == AF_INET6;
}

/* As it is on the wire. One half alone can be unspecified, "::", before a connection. */
static void set_pair(struct kernel_pair *pair, const struct half *local,
                     const struct half *remote) {
  bool v4 = IN6_IS_ADDR_V4MAPPED(&local->address) || IN6_IS_ADDR_V4MAPPED(&remote->address);
  size_t skip = v4 ? 12 : 0;
  *pair = (struct kernel_pair){
      .local_port = local->port, .remote_port = remote->port, .family = v4 ? 4 : 6};
  memcpy(pair->local.bytes, local->address.s6_addr + skip, 16 - skip);
  memcpy(pair->remote.bytes, remote->address.s6_addr + skip, 16 - skip);
}

/* The kernel's numbers, <netinet/tcp.h>: an ABI. TCPS_COUNT: it is none of them. */
static enum tcp_state state_of(uint64_t kernel) {
  static const enum tcp_state states[] = {
      [1] = TCPS_ESTABLISHED, [2] = TCPS_SYN_SENT,   [3] = TCPS_SYN_RECEIVED,
      [4] = TCPS_FIN_WAIT_1,  [5] = TCPS_FIN_WAIT_2, [6] = TCPS_TIME_WAIT,
      [7] = TCPS_CLOSED,      [8] = TCPS_CLOSE_WAIT, [9] = TCPS_LAST_ACK,
      [10] = TCPS_LISTEN,     [11] = TCPS_CLOSING,   [12] = TCPS_SYN_RECEIVED,
  };
  return kernel == 0 || kernel >= sizeof states / sizeof *states ? TCPS_COUNT : states[kernel];
}

static bool is_tcp(const struct layout *layout, const uint8_t *record) {
  return !has(layout, FIELD_PROTOCOL, 1) || number(layout, FIELD_PROTOCOL, record) == IPPROTO_TCP;
}

static void set_reason(const char *reasons, uint64_t value, char *reason, size_t size) {
  char before[32];
  snprintf(before, sizeof before, "{ %" PRIu64 ", \"", value);
  const char *word = strstr(reasons, before);
  if (!word) return;
  word += strlen(before);
  snprintf(reason, size, "%.*s", (int)strcspn(word, "\""), word);
}

/* Of common_flags, <linux/trace_events.h>. Where a kernel does not say them, nobody is believed to
 * have done it. */
static bool is_in_interrupt(const struct layout *layout, const uint8_t *record) {
  enum { HARDIRQ = 0x08, SOFTIRQ = 0x10, NMI = 0x40 };
  uint64_t flags = number(layout, FIELD_FLAGS, record);
  return !has(layout, FIELD_FLAGS, 1) || (flags & (HARDIRQ | SOFTIRQ | NMI)) != 0;
}

void kernel_set_command(char *command, size_t size, const void *octets, size_t n) {
  const char *from = octets;
  n = strnlen(from, n < size ? n : size - 1);
  for (size_t i = 0; i < n; i++) command[i] = from[i] < ' ' || from[i] > '~' ? '?' : from[i];
  command[n] = '\0';
}

bool kernel_formats_decode(const struct kernel_formats *formats, const void *record, size_t size,
                           struct kernel_event *event) {
  for (enum kernel_event_kind kind = 0; kind <= KERNEL_EVENT_EXIT; kind++) {
    const struct layout *layout = &formats->layout[kind];
    if (!layout->known || size < layout->size || number(layout, FIELD_TYPE, record) != layout->id)
      continue;
    struct half local, remote;
    *event = (struct kernel_event){.kind = kind, .in_interrupt = is_in_interrupt(layout, record)};
    if (kind == KERNEL_EVENT_EXIT) {
      const struct span *command = &layout->field[FIELD_COMMAND];
      kernel_set_command(event->command, sizeof event->command,
                         (const uint8_t *)record + command->offset, command->size);
      return true;
    }
    if (!read_half(layout, record, FIELD_LOCAL_PORT, FIELD_LOCAL_V6, FIELD_LOCAL, &local) ||
        !read_half(layout, record, FIELD_REMOTE_PORT, FIELD_REMOTE_V6, FIELD_REMOTE, &remote))
      return false;
    set_pair(&event->pair, &local, &remote);
    event->socket = number(layout, FIELD_SOCKET, record);
    if (layout->reasons)
      set_reason(layout->reasons, number(layout, FIELD_REASON, record), event->reason,
                 sizeof event->reason);
    if (kind != KERNEL_EVENT_STATE) return true;
    event->from = state_of(number(layout, FIELD_FROM, record));
    event->to = state_of(number(layout, FIELD_TO, record));
    return is_tcp(layout, record) && event->from != TCPS_COUNT && event->to != TCPS_COUNT;
  }
  return false;
}
