/* What waits to be printed of the ladder, connection by connection: pieces in the order of their
 * times, and what is known of each connection that is being told. See ladder.c for why they wait.
 */
#ifndef TEARDOWN_CAPTURE_REPORT_LADDER_QUEUE_H
#define TEARDOWN_CAPTURE_REPORT_LADDER_QUEUE_H

#include "capture/report/draw.h"
#include "capture/report/ladder_notes.h"
#include "capture/report/report.h"

enum { LADDER_LINE_SIZE = 1200, LADDER_BUCKETS = 1024 };

/* A ladder with a margin begins so long before its first segment: the call that sent it is printed
 * before it leaves, and may be read after it was captured. */
#define LADDER_LEAD_US INT64_C(10000)

/* As long as TIME_WAIT lasts, no other connection has the same ends. */
#define LADDER_REUSE_US INT64_C(60000000)

enum piece_kind {
  PIECE_ROW,
  PIECE_KERNEL, /* a row, unless the segments say the same before it is printed */
  PIECE_NOTE,
  PIECE_MARGIN, /* what one of the peers printed itself; of no connection: its whole line */
  PIECE_HEADER,
  PIECE_TITLE,
  PIECE_JUDGEMENT,
  PIECE_SENTENCE,
};

/* What waits to be printed. */
struct piece {
  struct piece *next;
  int64_t t_us;
  uint32_t number; /* of the connection; 0: of none */
  enum piece_kind kind : 8;
  enum draw_paint paint : 8;
  bool opens;                /* a title that its SYN brings: good until another line is between */
  uint32_t octets, segments; /* of a row of data: so many together */
  struct draw_row row;
  char text[];
};

struct queue {
  struct piece *first, *last;
};

/* What is known of a connection that is being told. */
struct block {
  struct block *next, *next_named;
  uint32_t number;
  int64_t begun_us;               /* the time of its title */
  int64_t done_us;                /* live: when its verdict was given; 0: not yet */
  uint16_t passed[2];             /* by end: the states that were shown, as bits */
  bool titled, headed, span_told; /* how long TIME_WAIT lasts was said */
  struct draw_end shown[2];
  struct draw_end drawn[2];    /* by the row that is on the screen last */
  char client[FLOW_NAME_SIZE]; /* where the ladder has a margin: whose lines stand there; else "" */
  int64_t zero_us;             /* of its clock */
  struct ladder_losses losses;
  struct queue queue; /* of a connection that is told in one piece */
};

/* Takes a piece whose turn has come, and frees it when it has no more use for it. */
struct ladder;
typedef void ladder_show(struct ladder *ladder, struct piece *piece);

struct ladder {
  struct report base;
  ladder_show *show;
  bool apart; /* each connection is told in one piece: of a file, or in a picture */
  struct draw draw;
  struct block *bucket[LADDER_BUCKETS]; /* by number */
  struct block *named[LADDER_BUCKETS];  /* by the client's name, where there is a margin */
  struct queue queue;                   /* of all, otherwise */
  uint64_t waiting;                     /* octets */
  uint32_t last_number;                 /* of the connection that the previous line belongs to */
  uint32_t last_opened;                 /* the same, if that line told of its SYN; 0 */
  int64_t printed_us;                   /* the time that was shown last */
  int64_t shown_s;                      /* by the countdown */
  bool explained[FINDING_COUNT];        /* the remedy was given */
  bool counting_down;                   /* the cursor stands on a countdown line */
  bool hidden;                          /* something else is on the screen */
};

/* NULL: it is not being told. */
struct block *ladder_find_block(struct ladder *ladder, uint32_t number);

/* The same, begun if need be. NULL: no memory, which is said when the output is finished. */
struct block *ladder_block_of(struct ladder *ladder, const struct flow *flow);

/* From here on it is found by its client's name, too: the newest of that name. NULL: none. */
void ladder_name_block(struct ladder *ladder, struct block *block, const struct flow *flow);
struct block *ladder_find_named(struct ladder *ladder, const char *client);

/* No more is to be told of it for now. Live, rows of it may still wait, and its states with them.
 */
void ladder_let_go(struct ladder *ladder, struct block *block, int64_t now_us);

/* Live, with nothing waiting: forgets those that have had their verdict a while ago. */
void ladder_drop_done(struct ladder *ladder, int64_t now_us);

/* Adds a piece of a connection, or of none (NULL), to what waits. NULL: no memory. */
struct piece *ladder_add(struct ladder *ladder, struct block *block, enum piece_kind kind,
                         int64_t t_us, const char *text);

/* The newest piece of this connection that waits, but for the words of kernel and peers; NULL:
 * none. */
struct piece *ladder_newest(const struct ladder *ladder, const struct block *block);

/* A line beneath a row. */
void ladder_note(struct ladder *ladder, struct block *block, int64_t t_us, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Where pieces of this connection wait. */
struct queue *ladder_queue_of(struct ladder *ladder, struct block *block);

/* A word of the kernel that would repeat what the segments have shown since. */
bool ladder_is_repeated(const struct ladder *ladder, const struct piece *piece);

/* Shows, of the queue, all that is not younger than until_us. */
void ladder_print_until(struct ladder *ladder, struct queue *queue, int64_t until_us);

/* The countdown's line gives way to another. */
void ladder_end_countdown(struct ladder *ladder);

/* Frees all that waits and all that is known. */
void ladder_forget(struct ladder *ladder);

#endif
