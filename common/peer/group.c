#include "common/peer/group.h"

#include <errno.h>
#include <locale.h>

#include "common/stop.h"

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

static struct peer_group *caught; /* whose signals they are: a program has one group */

static void wake_caught(void) { uv_async_send(&caught->signalled); }

static void on_signal(uv_async_t *handle) {
  struct peer_group *group = handle->data;
  group->signal = stop_signal;
  peer_log(&group->log, group->signal == SIGINT ? "SIGINT" : "SIGTERM", "close all and end");
  peer_group_stop(group);
}

/* Whoever reads the log has it before the loop waits for more. */
static void on_before_waiting(uv_prepare_t *handle) {
  struct peer_group *group = handle->data;
  if (!peer_log_flush(&group->log)) peer_group_stop(group);
}

bool peer_group_open(struct peer_group *group) {
  setlocale(LC_CTYPE, "");
  group->log.arrow = peer_arrow();
  for (size_t i = 0; i < sizeof group->payload; i++)
    group->payload[i] = GREETING[i % PEER_GREETING_BYTES];

  int error = uv_loop_init(&group->loop);
  if (error != 0) {
    cli_complain(group->cli, "cannot start libuv's event loop: %s", uv_strerror(error));
    return false;
  }
  group->before_waiting.data = group;
  uv_prepare_init(&group->loop, &group->before_waiting);
  uv_prepare_start(&group->before_waiting, on_before_waiting);
  uv_unref((uv_handle_t *)&group->before_waiting);
  return true;
}

bool peer_group_catch_signals(struct peer_group *group) {
  group->signalled.data = group;
  int error = uv_async_init(&group->loop, &group->signalled, on_signal);
  if (error == 0) {
    caught = group;
    stop_catch(wake_caught);
    return true;
  }
  cli_complain(group->cli, "cannot watch for signals: %s", uv_strerror(error));
  peer_group_stop(group);
  return false;
}

int peer_group_run(struct peer_group *group) {
  uv_run(&group->loop, UV_RUN_DEFAULT);
  (void)peer_log_flush(&group->log);
  int error = uv_loop_close(&group->loop);
  uv_library_shutdown();
  if (error != 0) cli_complain(group->cli, "bug: a handle is still open: %s", uv_strerror(error));
  if (group->log.error != 0 && group->log.error != EPIPE)
    return cli_complain_of_stdout(group->cli, group->log.error);
  return error != 0 || group->log.error != 0 ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}
