/* A file that others take as it is: it is written beside its name, and put there whole.
 *
 * The folder is opened early, with the rights of who called (sandbox_open_as_invoker); what is
 * written into it later has those that the process has then. Nothing of that waits for anybody. */
#ifndef TEARDOWN_CAPTURE_FOLDER_H
#define TEARDOWN_CAPTURE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

enum { FOLDER_NAME_SIZE = 256, FOLDER_ERROR_SIZE = 512 };

struct folder {
  int fd; /* -1: none */
  const char *option, *file;
  char name[FOLDER_NAME_SIZE]; /* of the file in the folder */
  uint32_t number;             /* of the last that folder_put_numbered() put there */
};

/* The folder that `file` is, or will be, in. False: `error` says what is wrong and what to do. */
bool folder_open(struct folder *folder, const char *option, const char *file,
                 char error[static FOLDER_ERROR_SIZE]);
void folder_close(struct folder *folder);

/* Whether a file can be begun there, by trying. False: `error`, with what to do. */
bool folder_try(const struct folder *folder, char error[static FOLDER_ERROR_SIZE]);

/* Where a run that was killed has left NAME.part, that is put in its place, numbered, up to its
 * last whole line. False: errno. */
bool folder_rescue(struct folder *folder, int64_t t_us);

/* Begins NAME.part, empty. The descriptor, which is the caller's; -1: errno. */
int folder_begin(const struct folder *folder);

/* Begins a file of that name, which must be none of a path and not be there. The descriptor, which
 * is the caller's; -1: errno. */
int folder_create(const struct folder *folder, const char *name);

/* NAME.part becomes NAME, whatever that was. False: errno. */
bool folder_put(const struct folder *folder);

/* NAME.part becomes STEM-20261126T004500Z-000001.EXTENSION, by that time and the next number that
 * is free. False: errno. */
bool folder_put_numbered(struct folder *folder, int64_t t_us);

#endif
