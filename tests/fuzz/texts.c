/* See texts.h. */
#include "tests/fuzz/texts.h"

#include <stdint.h>
#include <string.h>

/* ---- A reader of JSON that forgives nothing ---------------------------------------------------
 */

struct reader {
  const unsigned char *at, *end;
  unsigned depth;
};

enum { DEPTH_MAX = 16 };

static bool value(struct reader *r);

static bool take(struct reader *r, char c) {
  if (r->at == r->end || *r->at != (unsigned char)c) return false;
  r->at++;
  return true;
}

static bool take_word(struct reader *r, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return false;
  r->at += n;
  return true;
}

static bool is_digit(const struct reader *r) {
  return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool digits(struct reader *r) {
  if (!is_digit(r)) return false;
  while (is_digit(r)) r->at++;
  return true;
}

static bool number(struct reader *r) {
  take(r, '-');
  if (take(r, '0') ? is_digit(r) : !digits(r)) return false;
  return !take(r, '.') || digits(r);
}

static bool escape(struct reader *r) {
  if (r->at == r->end) return false;
  unsigned char c = *r->at++;
  if (c != 'u') return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
  for (int i = 0; i < 4; i++, r->at++)
    if (r->at == r->end || !strchr("0123456789abcdef", *r->at) || *r->at == '\0') return false;
  return true;
}

/* By the code point, another way than the writer's. */
static bool character(struct reader *r) {
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  unsigned char c = *r->at++;
  if (c < 0x80) return c >= 0x20;
  unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
  if (c < 0xc0 || c > 0xf7) return false;
  uint32_t point = c & (0x3fU >> more);
  for (unsigned i = 0; i < more; i++, r->at++) {
    if (r->at == r->end || *r->at >> 6 != 2) return false;
    point = point << 6 | (*r->at & 0x3f);
  }
  return point >= least[more] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

static bool string(struct reader *r) {
  if (!take(r, '"')) return false;
  while (!take(r, '"')) {
    if (r->at == r->end) return false;
    if (take(r, '\\') ? !escape(r) : !character(r)) return false;
  }
  return true;
}

/* The members of an object or the items of a list, up to what ends it. */
static bool members(struct reader *r, bool named, char end) {
  if (take(r, end)) return true;
  do {
    if (named && (!string(r) || !take(r, ':'))) return false;
    if (!value(r)) return false;
  } while (take(r, ','));
  return take(r, end);
}

static bool value(struct reader *r) {
  bool ok = false;
  if (r->at == r->end || r->depth == DEPTH_MAX) return false;
  r->depth++;
  if (take(r, '{'))
    ok = members(r, true, '}');
  else if (take(r, '['))
    ok = members(r, false, ']');
  else if (*r->at == '"')
    ok = string(r);
  else
    ok = take_word(r, "true") || take_word(r, "false") || take_word(r, "null") || number(r);
  r->depth--;
  return ok;
}

bool is_ndjson(const char *text, size_t n) {
  struct reader r = {(const unsigned char *)text, (const unsigned char *)text + n, 0};
  while (r.at < r.end)
    if (*r.at != '{' || !value(&r) || !take(&r, '\n')) return false;
  return true;
}

bool is_printable(const char *text, size_t n) {
  struct reader r = {(const unsigned char *)text, (const unsigned char *)text + n, 0};
  while (r.at < r.end) {
    if (take(&r, '\n')) continue;
    if (*r.at == 0x7f) return false;
    if (r.end - r.at > 1 && r.at[0] == 0xc2 && r.at[1] < 0xa0) return false;
    if (!character(&r)) return false;
  }
  return true;
}

/* ---- XML ------------------------------------------------------------------------------------
 */

static bool is_letter(const struct reader *r) {
  return r->at < r->end && ((*r->at | 0x20) >= 'a' && (*r->at | 0x20) <= 'z');
}

static bool name(struct reader *r, const unsigned char **begin, size_t *n) {
  *begin = r->at;
  if (!is_letter(r)) return false;
  while (is_letter(r) || is_digit(r) || (r->at < r->end && *r->at == '-')) r->at++;
  *n = (size_t)(r->at - *begin);
  return true;
}

static bool entity(struct reader *r) {
  return take_word(r, "lt;") || take_word(r, "gt;") || take_word(r, "amp;") ||
         take_word(r, "quot;");
}

/* Characters up to `end`, which is left. */
static bool content(struct reader *r, char end) {
  while (r->at < r->end && *r->at != (unsigned char)end) {
    if (*r->at == '<') return false;
    if (take(r, '&') ? !entity(r) : !take(r, '\n') && !character(r)) return false;
  }
  return r->at < r->end;
}

static bool element(struct reader *r) {
  const unsigned char *opened, *attribute;
  size_t n, unused;
  bool ok = true;
  if (r->depth == DEPTH_MAX || !take(r, '<') || !name(r, &opened, &n)) return false;
  while (take(r, ' '))
    if (!name(r, &attribute, &unused) || !take_word(r, "=\"") || !content(r, '"') || !take(r, '"'))
      return false;
  if (take_word(r, "/>")) return true;
  if (!take(r, '>')) return false;
  r->depth++;
  while ((ok = content(r, '<')) && !take_word(r, "</"))
    if (!element(r)) return false;
  r->depth--;
  if (!ok || (size_t)(r->end - r->at) < n || memcmp(r->at, opened, n) != 0) return false;
  r->at += n;
  return take(r, '>');
}

bool is_xml(const char *text, size_t n) {
  struct reader r = {(const unsigned char *)text, (const unsigned char *)text + n, 0};
  return element(&r) && take(&r, '\n') && r.at == r.end;
}

/* ---- Mermaid --------------------------------------------------------------------------------
 */

static bool mermaid_text(struct reader *r) {
  while (!take(r, '\n')) {
    if (r->at == r->end) return false;
    if (take(r, '#')) {
      if (!digits(r) || !take(r, ';')) return false;
    } else if (!take_word(r, "<br/>") && (strchr(";<&\"%", *r->at) || !character(r))) {
      return false;
    }
  }
  return true;
}

/* "C12" or "S12" */
static bool participant(struct reader *r) { return (take(r, 'C') || take(r, 'S')) && digits(r); }

static bool statement(struct reader *r) {
  if (take_word(r, "%% ")) { /* a comment, to the end of its line */
    while (r->at < r->end && *r->at != '\n')
      if (!character(r)) return false;
    return take(r, '\n');
  }
  if (!take_word(r, "  ")) return false;
  if (take_word(r, "participant "))
    return participant(r) && (take_word(r, " as client\n") || take_word(r, " as server\n"));
  if (take_word(r, "Note over "))
    return participant(r) && take(r, ',') && participant(r) && take_word(r, ": ") &&
           mermaid_text(r);
  if (take_word(r, "Note left of ") || take_word(r, "Note right of "))
    return participant(r) && take_word(r, ": ") && mermaid_text(r);
  return participant(r) && (take_word(r, "->>") || take_word(r, "-)") || take_word(r, "--x")) &&
         participant(r) && take_word(r, ": ") && mermaid_text(r);
}

bool is_mermaid(const char *text, size_t n) {
  struct reader r = {(const unsigned char *)text, (const unsigned char *)text + n, 0};
  if (!take_word(&r, "sequenceDiagram\n")) return false;
  while (r.at < r.end)
    if (!statement(&r)) return false;
  return true;
}

/* ---- The page -------------------------------------------------------------------------------
 */

bool is_page(const char *text, size_t n) {
  static const char before[] = "type=\"application/x-ndjson\">\n", after[] = "</script>\n<script>";
  static const char last[] = "</script>\n</body>\n</html>\n";
  const char *data = memmem(text, n, before, strlen(before)), *end;
  if (!data) return false;
  data += strlen(before);
  if (!(end = memmem(data, n - (size_t)(data - text), "<", 1))) return false;
  size_t left = n - (size_t)(end - text);
  return is_ndjson(data, (size_t)(end - data)) && left > strlen(after) + strlen(last) &&
         memcmp(end, after, strlen(after)) == 0 &&
         memcmp(text + n - strlen(last), last, strlen(last)) == 0;
}
