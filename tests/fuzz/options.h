/* What a target of command lines defines beside this: which program it is. */
#ifndef TEARDOWN_TESTS_FUZZ_OPTIONS_H
#define TEARDOWN_TESTS_FUZZ_OPTIONS_H

/* Reads the command line as the program does, and frees what that took. */
void read_options(int argc, char **argv);

#endif
