/* What --explain knows: every word that a verdict may use, what it means, where it comes from and
 * what to do. Findings and causes of an RST bring their own texts; the rest is here. */
#ifndef TEARDOWN_CAPTURE_GLOSSARY_H
#define TEARDOWN_CAPTURE_GLOSSARY_H

struct glossary_entry {
  const char *word;
  const char *kind;   /* "state", "ending", "cause of an RST", a finding's severity ... */
  const char *clause; /* of RFC 9293, or the field of NDJSON */
  const char *meaning, *cause, *remedy;
};

/* The entry number i, from 0; a word of NULL when there are no more. */
struct glossary_entry glossary_entry(unsigned i);

#endif
