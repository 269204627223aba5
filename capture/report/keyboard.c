#include "capture/report/keyboard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/stop.h"

/* What would leave the terminal in our mode, or what is on it out of date. */
static const int caught[] = {SIGTSTP, SIGCONT, SIGWINCH, SIGHUP, SIGQUIT};
enum { CAUGHT = sizeof caught / sizeof *caught };

static volatile sig_atomic_t to_stop, to_redraw, to_end;

static void on_signal(int number) {
  if (number == SIGTSTP) to_stop = 1;
  if (number == SIGCONT || number == SIGWINCH) to_redraw = 1;
  if (number == SIGHUP || number == SIGQUIT) to_end = 1;
}

static void catch_with(void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  for (unsigned i = 0; i < CAUGHT; i++) sigaction(caught[i], &action, NULL);
}

static bool set_raw(const struct keyboard *k) {
  struct termios raw = k->before;
  raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Stops as if nobody had caught the signal, but for the terminal; returns when it goes on. */
static void stand_still(const struct keyboard *k) {
  struct sigaction stop = {.sa_handler = SIG_DFL}, action = {.sa_handler = on_signal};
  sigset_t one;
  to_stop = 0;
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &k->before);
  sigemptyset(&one);
  sigaddset(&one, SIGTSTP);
  sigaction(SIGTSTP, &stop, NULL);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  sigprocmask(SIG_BLOCK, &one, NULL);
  sigaction(SIGTSTP, &action, NULL);
  to_redraw = 1;
}

enum { NO_OCTET = -1, OCTET_REDRAW = -2 };

/* The next octet, or NO_OCTET. In slices: a signal that comes between looking at stop_signal and
 * waiting interrupts nothing. */
static int next_octet(struct keyboard *k, int patience_ms) {
  enum { SLICE_MS = 100 };
  sigset_t mask = k->mask;
  if (k->at < k->n) return (unsigned char)k->typed[k->at++];
  if (!k->is_raw) sigprocmask(SIG_BLOCK, NULL, &mask);
  sigdelset(&mask, SIGINT);
  sigdelset(&mask, SIGTERM);
  for (int waited_ms = 0; patience_ms < 0 || waited_ms < patience_ms;) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    int ready = ppoll(&input, 1, &slice, &mask);
    if (stop_signal != 0 || to_end) return NO_OCTET;
    if (to_stop) stand_still(k);
    if (to_redraw) {
      to_redraw = 0;
      return set_raw(k) ? OCTET_REDRAW : NO_OCTET;
    }
    if (ready <= 0) {
      if (ready < 0 && errno != EINTR) return NO_OCTET;
      waited_ms += SLICE_MS;
      continue;
    }
    ssize_t n = read(STDIN_FILENO, k->typed, sizeof k->typed);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return NO_OCTET;
    k->n = (size_t)n;
    k->at = 1;
    return (unsigned char)k->typed[0];
  }
  return NO_OCTET;
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
  sigset_t blocked;
  if (tcgetattr(STDIN_FILENO, &k->before) != 0) return false;
  sigemptyset(&blocked);
  for (unsigned i = 0; i < CAUGHT; i++) sigaddset(&blocked, caught[i]);
  sigprocmask(SIG_BLOCK, &blocked, &k->mask);
  catch_with(on_signal);
  k->is_raw = true;
  return set_raw(k);
}

void keyboard_calm(struct keyboard *k) {
  if (!k->is_raw) return;
  k->is_raw = false;
  (void)tcsetattr(STDIN_FILENO, TCSANOW, &k->before);
  sigprocmask(SIG_SETMASK, &k->mask, NULL); /* what is pending was heeded: it ended this */
  catch_with(SIG_DFL);
}

/* Arrows and the like begin with an escape, and the rest comes with it. */
static enum key key_of_escape(struct keyboard *k) {
  enum { WITH_IT_MS = 100 };
  int c = next_octet(k, WITH_IT_MS);
  if (c != '[' && c != 'O') return c == NO_OCTET ? KEY_QUIT : KEY_OTHER;
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
    case NO_OCTET: return KEY_END;
    case OCTET_REDRAW: return KEY_REDRAW;
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
