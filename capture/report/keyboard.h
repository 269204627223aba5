/* Lines and keys from stdin. SIGINT and SIGTERM end the waiting, also where the caller has blocked
 * them.
 *
 * While keys come one by one, the terminal is given back as it was whatever happens: at a signal
 * that ends the program, while it is stopped (Ctrl-Z), and where the terminal goes away. */
#ifndef TEARDOWN_CAPTURE_REPORT_KEYBOARD_H
#define TEARDOWN_CAPTURE_REPORT_KEYBOARD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

struct keyboard {
  bool echoes; /* what is typed is seen: a terminal */
  bool is_raw; /* keys come one by one */
  struct termios before;
  sigset_t mask; /* as it was before, too */
  size_t n, at;
  char typed[256];
};

/* The next line, without its end; what does not fit is dropped. False: there is no more, or a
 * signal came. */
bool keyboard_line(struct keyboard *keyboard, char *line, size_t size);

/* Keys one by one, unseen, until keyboard_calm. False: stdin is no terminal. */
bool keyboard_raw(struct keyboard *keyboard);

/* As it was before. */
void keyboard_calm(struct keyboard *keyboard);

/* What a key means to a reader. */
enum key {
  KEY_END, /* of input, or a signal */
  KEY_OTHER,
  KEY_FORWARD,
  KEY_BACK,
  KEY_LAST,
  KEY_FIRST,
  KEY_NEXT,
  KEY_PREVIOUS,
  KEY_QUIT,
  KEY_HELP,
  KEY_REDRAW, /* none: the terminal was resized, or the program had been stopped */
};
enum key keyboard_key(struct keyboard *keyboard);

#endif
