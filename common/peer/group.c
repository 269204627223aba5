#include "common/peer/group.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "common/peer/peer.h"

static const char GREETING[PEER_GREETING_BYTES + 1] = "hello\n";

/* ---- log ---- */

struct timespec peer_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

void peer_vlog(struct peer_group *group, struct timespec at, const char *name, const char *format,
               va_list arguments) {
  if (group->quiet || group->output_error != 0) return;
  struct tm local;
  localtime_r(&at.tv_sec, &local);
  printf("%02d:%02d:%02d.%06ld %s %s  ", local.tm_hour, local.tm_min, local.tm_sec,
         at.tv_nsec / 1000, group->cli->program, name);
  vprintf(format, arguments);
  putchar('\n');
  if (fflush(stdout) == 0 && !ferror(stdout)) return;
  group->output_error = errno;
  /* The caller is in the middle of closing something: stop from the loop, not from here. */
  if (!group->stopping) uv_async_send(&group->output_lost);
}

void peer_log(struct peer_group *group, const char *name, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  peer_vlog(group, peer_clock(), name, format, arguments);
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

void peer_print_version(const struct cli *cli) {
  printf("teardown-%s %s, libuv %s\n", cli->program, TEARDOWN_VERSION, uv_version_string());
}

/* ---- loop and signals ---- */

static void close_own_handle(uv_handle_t *handle, void *unused) {
  (void)unused;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void peer_group_stop(struct peer_group *group) {
  if (group->stopping) return;
  group->stopping = true;
  for (struct peer *peer = group->peers; peer != NULL; peer = peer->next) peer_stop(peer);
  uv_walk(&group->loop, close_own_handle, NULL);
}

static void on_signal(uv_signal_t *handle, int number) {
  struct peer_group *group = handle->data;
  group->signal = number;
  peer_log(group, number == SIGINT ? "SIGINT" : "SIGTERM", "close all and end");
  peer_group_stop(group);
}

static void on_output_lost(uv_async_t *handle) { peer_group_stop(handle->data); }

/* A descriptor of ours must not become 0, 1 or 2 because the program was started without one: the
 * log would go into a connection. stdout becomes unwritable, which the log notices. */
static void reserve_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) < 0) return;
}

bool peer_group_open(struct peer_group *group) {
  reserve_standard_descriptors();
  signal(SIGPIPE, SIG_IGN);
  setlocale(LC_CTYPE, "");
  group->arrow = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "→" : "->";
  for (size_t i = 0; i < sizeof group->payload; i++)
    group->payload[i] = GREETING[i % PEER_GREETING_BYTES];

  int error = uv_loop_init(&group->loop);
  if (error != 0) {
    cli_complain(group->cli, "cannot start libuv's event loop: %s", uv_strerror(error));
    return false;
  }
  group->output_lost.data = group;
  error = uv_async_init(&group->loop, &group->output_lost, on_output_lost);
  if (error == 0) return true;
  cli_complain(group->cli, "cannot prepare libuv's event loop: %s", uv_strerror(error));
  peer_group_run(group);
  return false;
}

bool peer_group_catch_signals(struct peer_group *group) {
  uv_signal_t *const signals[] = {&group->sigint, &group->sigterm};
  const int numbers[] = {SIGINT, SIGTERM};
  int error = 0;
  for (size_t i = 0; error == 0 && i < 2; i++) {
    error = uv_signal_init(&group->loop, signals[i]);
    signals[i]->data = group;
    if (error == 0) error = uv_signal_start(signals[i], on_signal, numbers[i]);
  }
  if (error == 0) return true;
  cli_complain(group->cli, "cannot watch for signals: %s", uv_strerror(error));
  peer_group_stop(group);
  return false;
}

int peer_group_run(struct peer_group *group) {
  uv_run(&group->loop, UV_RUN_DEFAULT);
  int error = uv_loop_close(&group->loop);
  uv_library_shutdown();
  if (error != 0) cli_complain(group->cli, "bug: a handle is still open: %s", uv_strerror(error));
  if (group->output_error != 0 && group->output_error != EPIPE)
    cli_complain(group->cli, "cannot write to stdout: %s", strerror(group->output_error));
  return error != 0 || group->output_error != 0 ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}
