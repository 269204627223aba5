/* The rows of the table: what is known of each connection, who waits for whom and since when; and
 * of rows that say the same the fold that is shown. */
#ifndef TEARDOWN_CAPTURE_REPORT_TABLE_ROWS_H
#define TEARDOWN_CAPTURE_REPORT_TABLE_ROWS_H

#include "capture/report/ladder_queue.h"

enum {
  TABLE_ROWS_MAX = 65536, /* of more, the oldest that closed well give way */
  TABLE_BUCKETS = 16384,
  TABLE_FOLDS_MAX = 500,
};

enum table_rank {
  RANK_BREACH,
  RANK_STUCK,
  RANK_RESET,
  RANK_CLOSING,
  RANK_OPEN,
  RANK_CLOSED,
  RANKS
};

struct table_row {
  struct table_row *next;          /* in its bucket */
  struct table_row *newer, *older; /* of all rows */
  struct queue pieces;             /* of its ladder, as far as they are kept */
  int64_t since_us, changed_us;    /* its close, or since when it waits; when it was told of last */
  uint32_t number;                 /* 0: there before the start, `n` of them */
  uint32_t n;
  uint16_t port; /* the server's */
  enum table_rank rank : 8;
  enum tcp_state state[2]; /* TCPS_COUNT: not known */
  bool presumed[2];
  char what[40]; /* the finding, the cause of an RST, or the ending */
  char holder[WITNESS_HOLDER_SIZE];
  char client[FLOW_NAME_SIZE], server[FLOW_NAME_SIZE];
};

/* All zeros at first. */
struct table_rows {
  struct table_row *bucket[TABLE_BUCKETS], *newest, *oldest;
  struct table_row *before[KERNEL_GROUPS_MAX]; /* what there was before the start */
  uint32_t n_before, n, n_open;
  uint32_t n_told; /* rows that have pieces of a ladder */
  uint64_t in_state[TCPS_COUNT];
};

/* Rows that say the same. */
struct table_fold {
  struct table_row *oldest;
  unsigned n;
};

enum table_sort { SORT_WORST, SORT_NEWEST, SORT_PORT, SORTS };

/* "stuck". */
const char *table_rank_name(enum table_rank rank);

/* NULL: there is none. */
struct table_row *table_row_find(const struct table_rows *rows, uint32_t number);

/* The row of a connection that was just told of, as it is now; a new one is closing since `t_us`.
 * NULL: no memory. */
struct table_row *table_row_touch(struct table_rows *rows, const struct flow *flow, int64_t t_us);

/* It is open, and nothing else is known of it. */
void table_row_open(struct table_rows *rows, struct table_row *row);

/* What the verdict makes of it. */
void table_row_judge(struct table_row *row, const struct verdict *verdict);

/* What there was before the start. False: no memory. */
bool table_rows_add_before(struct table_rows *rows, const struct kernel_group *group,
                           int64_t now_us);

/* Keeps a piece of its ladder, which is the row's then, for as long as that lasts. False: of too
 * many rows they are kept already. */
bool table_row_keep(struct table_rows *rows, struct table_row *row, struct piece *piece);

/* "FIN_WAIT_2 CLOSE_WAIT?"; returns text. */
const char *table_row_states(const struct table_row *row, char text[static 48]);

/* It is shown now, where the filter's words are wanted. */
bool table_row_passes(const struct table_row *row, const char *filter, int64_t now_us);

/* The folds of those that pass, in that order; returns how many. */
unsigned table_rows_fold(const struct table_rows *rows, const char *filter, enum table_sort sort,
                         int64_t now_us, struct table_fold fold[static TABLE_FOLDS_MAX]);

/* Frees all of them. */
void table_rows_free(struct table_rows *rows);

#endif
