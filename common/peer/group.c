#include "common/peer/group.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>

static const char GREETING[PEER_GREETING_BYTES + 1] = "hello\n";

const char *peer_library_version(void) {
  static char text[32];
  snprintf(text, sizeof text, "libuv %s", uv_version_string());
  return text;
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
  peer_log(&group->log, number == SIGINT ? "SIGINT" : "SIGTERM", "close all and end");
  peer_group_stop(group);
}

/* The log's caller is in the middle of closing something: stop from the loop, not from here. */
static void on_log_lost(struct peer_log *log) {
  struct peer_group *group = (struct peer_group *)log;
  if (!group->stopping) uv_async_send(&group->output_lost);
}

static void on_output_lost(uv_async_t *handle) { peer_group_stop(handle->data); }

bool peer_group_open(struct peer_group *group) {
  signal(SIGPIPE, SIG_IGN);
  setlocale(LC_CTYPE, "");
  group->log.arrow = peer_arrow();
  group->log.on_lost = on_log_lost;
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
  if (group->log.error != 0 && group->log.error != EPIPE)
    (void)cli_complain_of_stdout(group->cli, group->log.error);
  return error != 0 || group->log.error != 0 ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}
