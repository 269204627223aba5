#include "capture/report/keyboard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/stop.h"

/* The next octet; -1: there is none. In slices: a signal that comes between looking at stop_signal
 * and waiting interrupts nothing. A terminal that was given back (Ctrl-Z, fg) is as the shell left
 * it, so its mode is set anew each time. */
static int next_octet(struct keyboard *k, int patience_ms) {
  enum { SLICE_MS = 100 };
  sigset_t mask;
  if (k->at < k->n) return (unsigned char)k->typed[k->at++];
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigdelset(&mask, SIGINT);
  sigdelset(&mask, SIGTERM);
  for (int waited_ms = 0; patience_ms < 0 || waited_ms < patience_ms;) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    if (k->is_raw) (void)keyboard_raw(k);
    int ready = ppoll(&input, 1, &slice, &mask);
    if (stop_signal != 0) return -1;
    if (ready <= 0) {
      if (ready < 0 && errno != EINTR) return -1;
      waited_ms += SLICE_MS;
      continue;
    }
    ssize_t n = read(STDIN_FILENO, k->typed, sizeof k->typed);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return -1;
    k->n = (size_t)n;
    k->at = 1;
    return (unsigned char)k->typed[0];
  }
  return -1;
}

bool keyboard_line(struct keyboard *k, char *line, size_t size) {
  size_t n = 0;
  int c;
  while ((c = next_octet(k, -1)) >= 0 && c != '\n')
    if (n + 1 < size && c != '\r') line[n++] = (char)c;
  line[n] = '\0';
  return c >= 0 || n > 0;
}

bool keyboard_raw(struct keyboard *k) {
  struct termios raw;
  if (tcgetattr(STDIN_FILENO, &raw) != 0) return false;
  if (!k->is_raw) k->before = raw;
  if (k->is_raw && !(raw.c_lflag & (tcflag_t)(ICANON | ECHO))) return true;
  k->is_raw = true;
  raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void keyboard_calm(struct keyboard *k) {
  if (k->is_raw) (void)tcsetattr(STDIN_FILENO, TCSANOW, &k->before);
  k->is_raw = false;
}

/* Arrows and the like begin with an escape, and the rest comes with it. */
static enum key key_of_escape(struct keyboard *k) {
  enum { WITH_IT_MS = 100 };
  int c = next_octet(k, WITH_IT_MS);
  if (c != '[' && c != 'O') return c < 0 ? KEY_QUIT : KEY_OTHER;
  c = next_octet(k, WITH_IT_MS);
  switch (c) {
    case 'B':
    case 'C': return KEY_FORWARD;
    case 'A':
    case 'D': return KEY_BACK;
    case 'F': return KEY_LAST;
    case 'H': return KEY_FIRST;
  }
  if (c < '0' || c > '9') return KEY_OTHER;
  (void)next_octet(k, WITH_IT_MS);
  return c == '6' ? KEY_NEXT : c == '5' ? KEY_PREVIOUS : c == '4' ? KEY_LAST : KEY_OTHER;
}

enum key keyboard_key(struct keyboard *k) {
  int c = next_octet(k, -1);
  switch (c) {
    case -1: return KEY_END;
    case ' ':
    case '\r':
    case '\n':
    case 'j':
    case 'l': return KEY_FORWARD;
    case 'b':
    case 'k':
    case 'h':
    case 0x7f: return KEY_BACK;
    case 'e':
    case 'G': return KEY_LAST;
    case 'g': return KEY_FIRST;
    case 'n': return KEY_NEXT;
    case 'p': return KEY_PREVIOUS;
    case 'q': return KEY_QUIT;
    case '?': return KEY_HELP;
    case 0x1b: return key_of_escape(k);
  }
  return KEY_OTHER;
}
