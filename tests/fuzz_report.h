/* The reports, fed with octets: see fuzz_report.c. */
#ifndef TEARDOWN_TESTS_FUZZ_REPORT_H
#define TEARDOWN_TESTS_FUZZ_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As libFuzzer wants it: returns 0, and aborts when a report is not what it must be. */
int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* One object a line, strictly, in UTF-8. */
bool is_ndjson(const char *text, size_t n);

/* UTF-8, and no control character but the line feed. */
bool is_printable(const char *text, size_t n);

#endif
