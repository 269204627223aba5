#include "capture/kernel/closer.h"

#include <string.h>

#include "capture/kernel/owner.h"
#include "common/model/tcp_state.h"

void kernel_exits_note(struct kernel_exits *exits, const struct kernel_event *exit) {
  if (exit->tid <= 0) return;
  unsigned at = exits->n++ % KERNEL_EXITS_MAX;
  exits->exit[at].tid = exit->tid;
  memcpy(exits->exit[at].command, exit->command, sizeof exits->exit[at].command);
  at = (unsigned)exit->tid % KERNEL_NAMED_MAX;
  if (exits->named[at].pid == exit->tid) exits->named[at].pid = 0;
}

/* The name of one that has exited; NULL: it has not. */
static const char *exited(const struct kernel_exits *exits, int32_t tid) {
  for (unsigned i = 0; i < KERNEL_EXITS_MAX; i++)
    if (exits->exit[i].tid == tid) return exits->exit[i].command;
  return NULL;
}

/* Segments and timers lead to neither of these from there. */
static bool is_close(const struct kernel_event *e) {
  if (e->kind != KERNEL_EVENT_STATE) return false;
  return e->to == TCPS_LAST_ACK ? e->from == TCPS_CLOSE_WAIT
                                : e->to == TCPS_FIN_WAIT_1 && e->from != TCPS_FIN_WAIT_1;
}

/* Where no socket wanted a segment, nobody resets: the kernel answers. */
static bool is_reset(const struct kernel_event *e) {
  return e->kind == KERNEL_EVENT_SEND_RESET && e->socket != 0;
}

/* False: it is gone. One that has a new name, by execve(2) for instance, keeps the old one for a
 * little longer. */
static bool set_name(struct kernel_exits *exits, const struct kernel_event *e, char command[16]) {
  enum { NAME_LASTS_US = 10000 };
  unsigned at = (unsigned)e->pid % KERNEL_NAMED_MAX;
  int64_t age_us = e->t_us - exits->named[at].t_us;
  if (exits->named[at].pid != e->pid || age_us < 0 || age_us > NAME_LASTS_US) {
    exits->named[at].pid = 0;
    if (!kernel_command_of(e->pid, exits->named[at].command, sizeof exits->named[at].command))
      return false;
    exits->named[at].pid = e->pid;
    exits->named[at].t_us = e->t_us;
  }
  memcpy(command, exits->named[at].command, sizeof exits->named[at].command);
  return true;
}

bool kernel_closer_of(struct kernel_exits *exits, const struct kernel_event *e,
                      struct kernel_closer *closer) {
  static const char kernel_worker[] = "kworker/"; /* frees what others have closed */
  if (e->in_interrupt || e->pid <= 0 || !(is_close(e) || is_reset(e))) return false;
  /* A thread has a name of its own; the process has that of its first. */
  const char *name = exited(exits, e->pid);
  *closer = (struct kernel_closer){
      .pid = e->pid, .by_reset = is_reset(e), .at_exit = exited(exits, e->tid) != NULL};
  if (!set_name(exits, e, closer->command) && name)
    memcpy(closer->command, name, sizeof closer->command);
  return strncmp(closer->command, kernel_worker, sizeof kernel_worker - 1) != 0;
}
