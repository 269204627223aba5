#include "common/printable.h"

#include <string.h>

size_t utf8_length(const char *text, size_t left) {
  const unsigned char *c = (const unsigned char *)text;
  unsigned char lowest = 0x80, highest = 0xbf; /* of the second octet */
  size_t n = c[0] < 0x80                    ? 1
             : c[0] >= 0xc2 && c[0] <= 0xdf ? 2
             : (c[0] & 0xf0) == 0xe0        ? 3
             : c[0] >= 0xf0 && c[0] <= 0xf4 ? 4
                                            : 0;
  if (n > left) return 0;
  if (n < 2) return n;
  if (c[0] == 0xe0) lowest = 0xa0;
  if (c[0] == 0xed) highest = 0x9f;
  if (c[0] == 0xf0) lowest = 0x90;
  if (c[0] == 0xf4) highest = 0x8f;
  if (c[1] < lowest || c[1] > highest) return 0;
  for (size_t i = 2; i < n; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  return n;
}

/* Marks that turn the direction of what follows (U+061C, U+200E and F, U+202A to E, U+2066 to 9),
 * and the separators of lines and paragraphs beside them (U+2028 and 9). */
static bool is_invisible_mark(const unsigned char *c, size_t n) {
  if (n == 2) return c[0] == 0xd8 && c[1] == 0x9c;
  if (n != 3 || c[0] != 0xe2) return false;
  return (c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae))) ||
         (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

size_t printable_length(const char *text, size_t left) {
  unsigned char c = (unsigned char)text[0];
  size_t n = utf8_length(text, left);
  bool is_c0 = c < 0x20 || c == 0x7f, is_c1 = n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
  return is_c0 || is_c1 || is_invisible_mark((const unsigned char *)text, n) ? 0 : n;
}

void printable_escape(char octet, char escape[static PRINTABLE_ESCAPE]) {
  static const char hex[] = "0123456789abcdef";
  unsigned char c = (unsigned char)octet;
  memcpy(escape, (const char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, PRINTABLE_ESCAPE);
}

bool printable_is(const char *text) {
  for (size_t left = strlen(text), n; left > 0; text += n, left -= n)
    if ((n = printable_length(text, left)) == 0) return false;
  return true;
}

const char *printable_text(const char *text, char *buffer, size_t size) {
  char *at = buffer;
  for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
    char escape[PRINTABLE_ESCAPE];
    size_t whole = n = printable_length(text, left);
    if (n == 0) {
      n = 1;
      whole = sizeof escape;
      printable_escape(*text, escape);
    }
    if ((size_t)(buffer + size - at) <= whole) break;
    at = mempcpy(at, whole == n ? text : escape, whole);
  }
  *at = '\0';
  return buffer;
}
