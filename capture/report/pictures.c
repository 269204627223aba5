#include "capture/report/pictures.h"

bool picture_takes(struct picture_limit *limit, const struct ladder *l, const struct piece *p) {
  if (p->kind == PIECE_TITLE) {
    limit->skips = limit->drawn == PICTURE_CONNECTIONS_MAX;
    if (limit->skips)
      limit->left_out++;
    else
      limit->drawn++;
  }
  return !limit->skips && p->number != 0 && !ladder_is_repeated(l, p);
}
