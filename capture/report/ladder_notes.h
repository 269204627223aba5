/* What a ladder says in words: below a row, about a loss, and as judgement. */
#ifndef TEARDOWN_CAPTURE_REPORT_LADDER_NOTES_H
#define TEARDOWN_CAPTURE_REPORT_LADDER_NOTES_H

#include "capture/report/draw.h"
#include "capture/report/report.h"

/* The losses of a connection that were told already. Begins as zeros. */
struct ladder_losses {
  uint16_t told[2][LOSS_OF][LOSS_PLACES]; /* of FIN1 and FIN2 */
};

/* A loss that the newest segment reveals, or takes back. */
struct ladder_loss {
  bool is_drawn;     /* it was never seen: there is no row of it */
  enum end from : 8; /* who had sent it */
  uint16_t times;
  char label[DRAW_LABEL_SIZE]; /* "ACK ack=w+1" */
  char note[TEXT_SIZE];        /* what is to be said of it; empty: nothing */
};

enum { LADDER_LOSSES_MAX = 2 * LOSS_OF * LOSS_PLACES };

/* Compares with what was told, and notes that it will be. Returns how many. */
unsigned ladder_new_losses(struct ladder_losses *losses, const struct draw *draw,
                           const struct model *model, struct ladder_loss lost[LADDER_LOSSES_MAX]);

/* Gives each note about a segment to `say`. */
typedef void ladder_say(void *context, const char *text);
void ladder_notes(const struct report_segment *segment, const struct draw *draw,
                  const struct report_options *options, ladder_say *say, void *context);

/* "#1 (tick) normal - client first - 4/4", and how it is to be painted. */
enum draw_paint ladder_judgement(const struct flow *flow, const struct verdict *verdict,
                                 const struct draw *draw, bool verbose, char *buffer, size_t size);

#endif
