#include "common/peer/log.h"

#include <arpa/inet.h>
#include <langinfo.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "common/stop.h"

enum { LINE_MAX_BYTES = 1024 };

const char *peer_arrow(void) { return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "→" : "->"; }

struct timespec peer_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

void peer_vlog(struct peer_log *log, struct timespec at, const char *name, const char *format,
               va_list arguments) {
  if (log->quiet || log->error != 0) return;
  struct tm local;
  localtime_r(&at.tv_sec, &local);
  char line[LINE_MAX_BYTES];
  int n = snprintf(line, sizeof line - 1, "%02d:%02d:%02d.%06ld %s %s  ", local.tm_hour,
                   local.tm_min, local.tm_sec, at.tv_nsec / 1000, log->role, name);
  (void)vsnprintf(line + n, sizeof line - 1 - (size_t)n, format, arguments);
  size_t length = strlen(line);
  line[length++] = '\n';
  if (length > sizeof log->waiting - log->n_waiting && !peer_log_flush(log)) return;
  memcpy(log->waiting + log->n_waiting, line, length);
  log->n_waiting += length;
}

bool peer_log_flush(struct peer_log *log) {
  if (log->error == 0) log->error = stop_write(STDOUT_FILENO, log->waiting, log->n_waiting);
  log->n_waiting = 0;
  return log->error == 0;
}

void peer_log(struct peer_log *log, const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  peer_vlog(log, peer_clock(), name, format, arguments);
  va_end(arguments);
}

void peer_format_address(const struct sockaddr *address, char text[static PEER_NAME_SIZE]) {
  char ip[INET6_ADDRSTRLEN] = "?";
  uv_ip_name(address, ip, sizeof ip);
  const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
  const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
  if (address->sa_family == AF_INET6)
    snprintf(text, PEER_NAME_SIZE, "[%s]:%d", ip, ntohs(ip6->sin6_port));
  else
    snprintf(text, PEER_NAME_SIZE, "%s:%d", ip, ntohs(ip4->sin_port));
}
