/* The reports are what they must be whatever they are told, and the reader that says so is strict.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fuzz/target.h"
#include "tests/fuzz/texts.h"

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

static void the_readers_of_pictures_are_strict(void **unused) {
  (void)unused;
  static const char *const good_xml[] = {"<a/>\n", "<a b=\"&lt;c\"><d-e>f &amp; g\n</d-e></a>\n"};
  static const char *const bad_xml[] = {"<a>\n",          "<a></b>\n",         "<a b=c/>\n",
                                        "<a b=\"<\"/>\n", "<a>&</a>\n",        "<a>&nbsp;</a>\n",
                                        "<a>\x1b</a>\n",  "<a><!-- --></a>\n", "<a/><a/>\n"};
  static const char *const good_mermaid[] = {
      "sequenceDiagram\n", "sequenceDiagram\n  C1->>S1: FIN#59; seq<br/>u\n%% 1 more; <none>\n"};
  static const char *const bad_mermaid[] = {
      "  C1->>S1: FIN\n", "sequenceDiagram\n  C1->>S1: a;b\n", "sequenceDiagram\n  C1->>S1: <b>\n",
      "sequenceDiagram\n  C1->>S1: a\n  b\n", "sequenceDiagram\n  Note over C1,S1: #x;\n"};
  for (size_t i = 0; i < sizeof good_xml / sizeof *good_xml; i++)
    assert_true(is_xml(good_xml[i], strlen(good_xml[i])));
  for (size_t i = 0; i < sizeof bad_xml / sizeof *bad_xml; i++)
    assert_false(is_xml(bad_xml[i], strlen(bad_xml[i])));
  for (size_t i = 0; i < sizeof good_mermaid / sizeof *good_mermaid; i++)
    assert_true(is_mermaid(good_mermaid[i], strlen(good_mermaid[i])));
  for (size_t i = 0; i < sizeof bad_mermaid / sizeof *bad_mermaid; i++)
    assert_false(is_mermaid(bad_mermaid[i], strlen(bad_mermaid[i])));
}

static void random_octets_make_valid_reports(void **unused) {
  (void)unused;
  uint64_t state = 88172645463325252;
  for (int i = 0; i < 300; i++) {
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
      cmocka_unit_test(the_readers_of_pictures_are_strict),
      cmocka_unit_test(random_octets_make_valid_reports),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
