#include "capture/kernel_record.h"

#include <event-parse.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tcp_state.h"

enum { KIND_COUNT = KERNEL_EVENT_RETRANSMIT + 1 };

/* What is read from a record, by the name that the kernel gives it. */
#define FIELDS(X)                                                                    \
  X(TYPE, "common_type") /* the number of the event's format */                      \
  X(SOCKET, "skaddr")    /* 0: none, a segment that no socket wanted was answered */ \
  X(FROM, "oldstate")                                                                \
  X(TO, "newstate")                                                                  \
  X(LOCAL_PORT, "sport")                                                             \
  X(REMOTE_PORT, "dport")                                                            \
  X(LOCAL_V6, "saddr_v6") /* IPv4 is v4-mapped here, whatever the socket's family */ \
  X(REMOTE_V6, "daddr_v6")                                                           \
  X(LOCAL, "saddr") /* where there are no ports, a sockaddr_in or sockaddr_in6 */    \
  X(REMOTE, "daddr")                                                                 \
  X(REASON, "reason")

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

struct layout {
  bool known;
  bool ports_apart; /* FIELD_LOCAL_PORT and so on; otherwise FIELD_LOCAL and FIELD_REMOTE */
  int id;                                      /* what FIELD_TYPE of its records is */
  struct tep_format_field *field[FIELD_COUNT]; /* NULL: this kernel does not say it */
  const struct tep_print_flag_sym *reasons;    /* the words for the numbers in FIELD_REASON */
  size_t size;                                 /* of a record, at least */
};

struct kernel_formats {
  struct tep_handle *tep; /* owns what the layouts point to */
  struct layout layout[KIND_COUNT];
};

struct kernel_formats *kernel_formats_new(void) {
  struct kernel_formats *formats = calloc(1, sizeof *formats);
  struct tep_handle *tep = tep_alloc();
  if (!formats || !tep) {
    free(formats);
    tep_free(tep);
    return NULL;
  }
  tep_set_file_bigendian(tep, tep_is_local_bigendian(tep) ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
  formats->tep = tep;
  return formats;
}

void kernel_formats_free(struct kernel_formats *formats) {
  if (!formats) return;
  tep_free(formats->tep);
  free(formats);
}

/* The words that the event's print format has for the values of the field. */
static const struct tep_print_flag_sym *symbols_of(const struct tep_event *event,
                                                   enum field field) {
  for (const struct tep_print_arg *arg = event->print_fmt.args; arg; arg = arg->next) {
    if (arg->type == TEP_PRINT_SYMBOL && arg->symbol.field->type == TEP_PRINT_FIELD &&
        strcmp(arg->symbol.field->field.name, field_name[field]) == 0)
      return arg->symbol.symbols;
  }
  return NULL;
}

static bool has(const struct layout *layout, enum field field, int size) {
  return layout->field[field] && layout->field[field]->size >= size;
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
                          const char *system, const char *name, const char *text, size_t size) {
  /* A print format that the library cannot read does not matter: what counts is found or not. */
  (void)tep_parse_event(formats->tep, text, size, system);
  struct tep_event *event = tep_find_event_by_name(formats->tep, system, name);
  if (!event) return false;

  struct layout layout = {.id = event->id, .reasons = symbols_of(event, FIELD_REASON)};
  for (int i = 0; i < FIELD_COUNT; i++) {
    struct tep_format_field *field = tep_find_any_field(event, field_name[i]);
    layout.field[i] = field;
    if (field && layout.size < (size_t)(field->offset + field->size))
      layout.size = (size_t)(field->offset + field->size);
  }
  layout.ports_apart = has_ports_apart(&layout);
  layout.known = has(&layout, FIELD_TYPE, 2) &&
                 (layout.ports_apart || has_socket_addresses(&layout)) &&
                 (kind != KERNEL_EVENT_STATE ||
                  (has(&layout, FIELD_FROM, 1) && has(&layout, FIELD_TO, 1)));
  formats->layout[kind] = layout;
  return layout.known;
}

/* 0 for what this kernel does not say. */
static uint64_t number(const struct layout *layout, enum field field, const void *record) {
  unsigned long long value = 0;
  if (layout->field[field]) (void)tep_read_number_field(layout->field[field], record, &value);
  return value;
}

struct half {
  struct in6_addr address; /* v4-mapped for IPv4 */
  uint16_t port;
};

static bool read_half(const struct layout *layout, const uint8_t *record, enum field port,
                      enum field v6, enum field both, struct half *half) {
  if (layout->ports_apart) {
    half->port = (uint16_t)number(layout, port, record);
    memcpy(&half->address, record + layout->field[v6]->offset, sizeof half->address);
    return true;
  }
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  memcpy(&address, record + layout->field[both]->offset, sizeof address);
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

/* The kernel's numbers, <netinet/tcp.h>: an ABI. */
static bool set_state(uint64_t kernel, uint8_t *state) {
  static const uint8_t states[] = {
      [1] = TCPS_ESTABLISHED, [2] = TCPS_SYN_SENT,   [3] = TCPS_SYN_RECEIVED,
      [4] = TCPS_FIN_WAIT_1,  [5] = TCPS_FIN_WAIT_2, [6] = TCPS_TIME_WAIT,
      [7] = TCPS_CLOSED,      [8] = TCPS_CLOSE_WAIT, [9] = TCPS_LAST_ACK,
      [10] = TCPS_LISTEN,     [11] = TCPS_CLOSING,   [12] = TCPS_SYN_RECEIVED,
  };
  if (kernel == 0 || kernel >= sizeof states) return false;
  *state = states[kernel];
  return true;
}

static void set_reason(const struct layout *layout, uint64_t value, char *reason, size_t size) {
  for (const struct tep_print_flag_sym *s = layout->reasons; s; s = s->next) {
    char *end;
    if (strtoull(s->value, &end, 0) == value && *end == '\0') {
      snprintf(reason, size, "%s", s->str);
      return;
    }
  }
}

bool kernel_formats_decode(const struct kernel_formats *formats, const void *record, size_t size,
                           struct kernel_event *event) {
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    const struct layout *layout = &formats->layout[kind];
    if (!layout->known || size < layout->size ||
        number(layout, FIELD_TYPE, record) != (uint64_t)layout->id)
      continue;
    struct half local, remote;
    *event = (struct kernel_event){.kind = (uint8_t)kind};
    if (!read_half(layout, record, FIELD_LOCAL_PORT, FIELD_LOCAL_V6, FIELD_LOCAL, &local) ||
        !read_half(layout, record, FIELD_REMOTE_PORT, FIELD_REMOTE_V6, FIELD_REMOTE, &remote))
      return false;
    set_pair(&event->pair, &local, &remote);
    event->socket = number(layout, FIELD_SOCKET, record);
    set_reason(layout, number(layout, FIELD_REASON, record), event->reason, sizeof event->reason);
    return kind != KERNEL_EVENT_STATE ||
           (set_state(number(layout, FIELD_FROM, record), &event->from) &&
            set_state(number(layout, FIELD_TO, record), &event->to));
  }
  return false;
}
