#include "common/model/loss.h"

#include <string.h>

#include "common/model/seq.h"

/* The kinds that a FIN's index selects. */
static const struct {
  enum loss_kind fin, ack, either;
} kinds[2] = {
    {LOSS_FIN1, LOSS_ACK1, LOSS_FIN1_OR_ACK1},
    {LOSS_FIN2, LOSS_ACK2, LOSS_FIN2_OR_ACK2},
};

const char *loss_kind_name(enum loss_kind kind) {
  switch (kind) {
    case LOSS_FIN1: return "fin1";
    case LOSS_ACK1: return "ack1";
    case LOSS_FIN2: return "fin2";
    case LOSS_ACK2: return "final-ack";
    case LOSS_FIN1_OR_ACK1: return "fin1/ack1";
    case LOSS_FIN2_OR_ACK2: return "fin2/final-ack";
    case LOSS_KINDS: break;
  }
  return "";
}

const char *loss_place_name(enum loss_place place) {
  switch (place) {
    case LOSS_BEFORE_TAP: return "before-tap";
    case LOSS_AFTER_TAP: return "after-tap";
    case LOSS_PLACE_UNKNOWN: return "unknown";
    case LOSS_PLACES: break;
  }
  return "";
}

static void count(struct loss *loss, enum loss_kind kind, enum loss_place place, uint32_t n) {
  loss->count[kind][place] = (uint16_t)(loss->count[kind][place] + n);
}

void loss_on_fin(struct loss *loss, unsigned which, const struct segment *segment) {
  struct loss_fin *fin = &loss->fin[which];
  if (fin->copies == 0) {
    fin->first_tsval = segment->tsval;
    fin->has_timestamps = segment->options & SEGMENT_HAS_TIMESTAMPS;
  }
  if (fin->unanswered == 0) {
    if (which == 0 && fin->copies > 0 && segment->t_us - fin->last_ack_us < LOSS_SPURIOUS_US)
      loss->spurious++;
    else if (fin->copies > 0)
      count(loss, kinds[which].ack, LOSS_AFTER_TAP, 1);
    fin->repeated_soon = true;
  } else if (segment->t_us - fin->last_us >= LOSS_SPURIOUS_US) {
    fin->repeated_soon = false;
  }
  if (fin->copies > 0) {
    int64_t gap_us = segment->t_us - fin->last_us;
    bool grew = gap_us > fin->last_gap_us + fin->last_gap_us / 4;
    fin->flat_gaps = grew ? 0 : fin->flat_gaps + 1;
    fin->last_gap_us = gap_us;
  }
  fin->last_tsval = segment->tsval;
  fin->last_us = segment->t_us;
  fin->copies++;
  fin->unanswered++;
}

void loss_on_ack(struct loss *loss, unsigned which, uint32_t fin_seq,
                 const struct segment *segment) {
  struct loss_fin *fin = &loss->fin[which];
  bool first = fin->acks++ == 0;
  fin->last_ack_us = segment->t_us;
  uint32_t lost = fin->unanswered > 1 ? fin->unanswered - 1 : 0;
  fin->unanswered = 0;
  if (lost == 0) return;

  /* What came twice must have been the FIN. */
  if (segment_has_dsack(segment) && seq_gt(segment->sack_right, fin_seq)) {
    if (fin->repeated_soon)
      loss->spurious = (uint16_t)(loss->spurious + lost);
    else
      count(loss, kinds[which].ack, LOSS_BEFORE_TAP, lost);
    return;
  }
  bool echoes = first && fin->has_timestamps && (segment->options & SEGMENT_HAS_TIMESTAMPS) &&
                fin->first_tsval != fin->last_tsval;
  bool dsack_would_tell = which == 0 && first && loss->sack_permitted[0] && loss->sack_permitted[1];
  bool was_there = fin->sacked || (echoes && segment->tsecr == fin->first_tsval);
  if (which == 1 && echoes && segment->tsecr == fin->first_tsval)
    count(loss, LOSS_ACK2, LOSS_BEFORE_TAP, lost);
  else if (which == 1 && echoes && segment->tsecr == fin->last_tsval)
    count(loss, LOSS_FIN2, LOSS_AFTER_TAP, lost);
  else if (dsack_would_tell && was_there)
    loss->spurious = (uint16_t)(loss->spurious + lost);
  else if (dsack_would_tell)
    count(loss, LOSS_FIN1, LOSS_AFTER_TAP, lost);
  else if (fin->repeated_soon)
    loss->spurious = (uint16_t)(loss->spurious + lost);
  else
    count(loss, kinds[which].either, LOSS_PLACE_UNKNOWN, lost);
}

void loss_total(const struct loss *loss, uint16_t total[LOSS_KINDS][LOSS_PLACES]) {
  struct loss sum = *loss;
  for (unsigned which = 0; which < 2; which++)
    if (sum.fin[which].unanswered > 1)
      count(&sum, kinds[which].either, LOSS_PLACE_UNKNOWN, sum.fin[which].unanswered - 1);
  memcpy(total, sum.count, sizeof sum.count);
}
