/* Text from outside (a file name, a process's name, what somebody typed) that is shown to people.
 * Control characters move a cursor or forge a line, C1 (U+0080 to U+009F) as well as C0, and marks
 * of direction let a name read as another; they and what is not UTF-8 are shown as \x1b, an octet
 * at a time. */
#ifndef TEARDOWN_COMMON_PRINTABLE_H
#define TEARDOWN_COMMON_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/* The octets of the character that begins here, of which there are `left` (RFC 3629: no overlong
 * form, no surrogate, nothing above U+10FFFF); 0 when it is none. */
size_t utf8_length(const char *text, size_t left);

/* As that, and 0 for a control character or a mark of direction, too. */
size_t printable_length(const char *text, size_t left);

/* "\x1b" for an octet that cannot be shown. */
enum { PRINTABLE_ESCAPE = 4 };
void printable_escape(char octet, char escape[static PRINTABLE_ESCAPE]);

/* All of it can be shown as it is. */
bool printable_is(const char *text);

/* Puts `text` into `buffer` so that it can be shown, cut off where that is full. Returns it. */
const char *printable_text(const char *text, char *buffer, size_t size);

#endif
