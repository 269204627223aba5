#include "common/model/loss.h"

#include <string.h>

#include "common/model/seq.h"

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

static void count(struct close_fin *fin, enum loss_of what, enum loss_place place, uint32_t n) {
  fin->lost[what][place] = (uint16_t)(fin->lost[what][place] + n);
}

void loss_on_fin(struct close_fin *fin, bool is_fin1, const struct segment *segment) {
  if (fin->copies == 0) {
    fin->first_tsval = segment->tsval;
    fin->has_timestamps = segment->options & SEGMENT_HAS_TIMESTAMPS;
  }
  if (fin->unanswered == 0) {
    if (is_fin1 && fin->copies > 0 && segment->t_us - fin->last_ack_us < LOSS_SPURIOUS_US)
      fin->spurious++;
    else if (fin->copies > 0)
      count(fin, LOSS_OF_ACK, LOSS_AFTER_TAP, 1);
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

void loss_on_ack(struct close_fin *fin, bool is_fin1, bool dsack_would_tell, uint32_t fin_seq,
                 const struct segment *segment) {
  bool first = fin->acks++ == 0;
  fin->last_ack_us = segment->t_us;
  uint32_t lost = fin->unanswered > 1 ? fin->unanswered - 1 : 0;
  fin->unanswered = 0;
  if (lost == 0) return;

  /* What came twice must have been the FIN. */
  if (segment_has_dsack(segment) && seq_gt(segment->sack_right, fin_seq)) {
    if (fin->repeated_soon)
      fin->spurious = (uint16_t)(fin->spurious + lost);
    else
      count(fin, LOSS_OF_ACK, LOSS_BEFORE_TAP, lost);
    return;
  }
  bool echoes = first && fin->has_timestamps && (segment->options & SEGMENT_HAS_TIMESTAMPS) &&
                fin->first_tsval != fin->last_tsval;
  bool dsack_tells = is_fin1 && first && dsack_would_tell;
  bool was_there = fin->sacked || (echoes && segment->tsecr == fin->first_tsval);
  if (!is_fin1 && echoes && segment->tsecr == fin->first_tsval)
    count(fin, LOSS_OF_ACK, LOSS_BEFORE_TAP, lost);
  else if (!is_fin1 && echoes && segment->tsecr == fin->last_tsval)
    count(fin, LOSS_OF_FIN, LOSS_AFTER_TAP, lost);
  else if (dsack_tells && was_there)
    fin->spurious = (uint16_t)(fin->spurious + lost);
  else if (dsack_tells)
    count(fin, LOSS_OF_FIN, LOSS_AFTER_TAP, lost);
  else if (fin->repeated_soon)
    fin->spurious = (uint16_t)(fin->spurious + lost);
  else
    count(fin, LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN, lost);
}

void loss_total(const struct close_fin fin[static 2], uint16_t total[LOSS_KINDS][LOSS_PLACES]) {
  static const enum loss_kind kinds[2][LOSS_OF] = {
      {LOSS_FIN1, LOSS_ACK1, LOSS_FIN1_OR_ACK1},
      {LOSS_FIN2, LOSS_ACK2, LOSS_FIN2_OR_ACK2},
  };
  for (unsigned which = 0; which < 2; which++) {
    struct close_fin sum = fin[which];
    if (sum.unanswered > 1) count(&sum, LOSS_OF_EITHER, LOSS_PLACE_UNKNOWN, sum.unanswered - 1);
    for (unsigned what = 0; what < LOSS_OF; what++)
      memcpy(total[kinds[which][what]], sum.lost[what], sizeof sum.lost[what]);
  }
}
