/* The reports are what they must be whatever they are told, and the reader that says so is strict.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fuzz_report.h"

static void the_reader_of_json_is_strict(void **unused) {
  (void)unused;
  static const char *const good[] = {"", "{}\n",
                                     "{\"a\":[1,-2.50,\"\\u001f\\\"\",null,true,{}]}\n{}\n",
                                     "{\"\xc3\xa9\xe2\x86\x92\xf0\x9f\x98\x80\":0}\n"};
  static const char *const bad[] = {"{}",
                                    "[]\n",
                                    "{\"a\":}\n",
                                    "{\"a\":1,}\n",
                                    "{\"a\" 1}\n",
                                    "{\"a\":01}\n",
                                    "{\"a\":1.}\n",
                                    "{\"a\":.5}\n",
                                    "{\"a\":-}\n",
                                    "{\"a\":nul}\n",
                                    "{\"a\":\"\n\"}\n",
                                    "{\"a\":\"\\x\"}\n",
                                    "{\"a\":\"\\u00g0\"}\n",
                                    "{\"a\":\"\"\"}\n",
                                    "{\"\xff\":1}\n",
                                    "{\"\xc3\":1}\n",
                                    "{\"\xc0\xaf\":1}\n",
                                    "{\"\xed\xa0\x80\":1}\n",
                                    "{\"\xf4\x90\x80\x80\":1}\n",
                                    "{} {}\n"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    if (!is_ndjson(good[i], strlen(good[i]))) fail_msg("refused: %s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (is_ndjson(bad[i], strlen(bad[i]))) fail_msg("taken: %s", bad[i]);
  assert_true(is_printable("h\xc3\xa9 \\x1b\n", 9));
  assert_false(is_printable("\x1b[2J", 4));
  assert_false(is_printable("\xc2\x9b", 2));
  assert_false(is_printable("\xff", 1));
}

static void random_octets_make_valid_reports(void **unused) {
  (void)unused;
  uint64_t state = 88172645463325252;
  for (int i = 0; i < 3000; i++) {
    uint8_t octets[600];
    for (size_t k = 0; k < sizeof octets; k++) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      octets[k] = (uint8_t)(state >> 32);
    }
    LLVMFuzzerTestOneInput(octets, state % sizeof octets);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_reader_of_json_is_strict),
      cmocka_unit_test(random_octets_make_valid_reports),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
