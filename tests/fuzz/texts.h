/* What a text must be, whatever was put into it from outside: readers that forgive nothing, and
 * that share no code with the writers. */
#ifndef TEARDOWN_TESTS_FUZZ_TEXTS_H
#define TEARDOWN_TESTS_FUZZ_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

/* JSON (RFC 8259), one object a line, in UTF-8 (RFC 3629). */
bool is_ndjson(const char *text, size_t n);

/* UTF-8, and no control character but the line feed: what may reach a terminal. */
bool is_printable(const char *text, size_t n);

/* One element, well-formed, as the picture is: no comments, no doctype. */
bool is_xml(const char *text, size_t n);

/* A sequence diagram, of the statements that the report uses. */
bool is_mermaid(const char *text, size_t n);

/* The page: its data are NDJSON, and nothing in them ends the script element that they are in. */
bool is_page(const char *text, size_t n);

#endif
