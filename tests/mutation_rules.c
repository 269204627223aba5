#include "tests/mutation_rules.h"

#include <string.h>

#define K(kind) (UINT32_C(1) << KIND_##kind)
#define C(claim) (UINT32_C(1) << CLAIM_##claim)
#define ANY_KIND ((UINT32_C(1) << KIND_COUNT) - 1)
#define FINS2 (K(FIN2) | K(FIN2_ACK1) | K(FIN2_CROSSED))
#define FINS_AGAIN (K(FIN1_AGAIN) | K(FIN2_AGAIN))
#define EARLY_ACKS (K(ACK_OF_SYN) | K(ACK_OF_DATA))
#define LATE_ACKS (K(ACK_HALF) | K(ACK2) | K(ACK2_AGAIN))
#define ACKS (EARLY_ACKS | LATE_ACKS | K(ACK1) | K(ACK1_AGAIN))
#define ENDS                                                                                \
  (C(NORMAL) | C(COALESCED) | C(SIMULTANEOUS) | C(RESET) | C(REFUSED) | C(FIN_UNANSWERED) | \
   C(CLOSE_WAIT) | C(LAST_ACK) | C(OPEN))
#define WITHOUT_ACK1 (C(COALESCED) | C(FIN_UNANSWERED) | C(STUCK))
#define WITHOUT_FIN1 \
  (C(OPEN) | C(CLOSE_WAIT) | C(FIN_UNANSWERED) | C(RESET) | C(STUCK) | C(CLOSED_FIRST))
#define WITHOUT_FIN2 (C(CLOSE_WAIT) | C(FIN_UNANSWERED) | C(STUCK) | C(CLOSED_FIRST))
#define WITHOUT_ACK2 (C(LAST_ACK) | C(STUCK) | C(RESET))
/* What was acknowledged too early is out of window for the RST that follows. */
#define LIVES_ON (C(OPEN) | C(CLOSE_WAIT) | C(RST_WINDOW))

const uint32_t CLAIMS_FREE = C(UNEXPECTED) | C(REFUTES) | C(RETRANSMISSION) | C(STALE) |
                             C(IGNORED) | C(GAP) | C(MIDSTREAM) | C(ONE_DIRECTION) |
                             C(FINDING_GONE) | C(CAUSE) | C(LOSS) | C(ROLES);
const uint32_t CLAIMS_OF_DETECTION = ~(C(RETRANSMISSION) | C(STALE) | C(FINDING_GONE) | C(ROLES));

/* What the model owes, in words. */

const struct rule RULES[] = {
    {MUTATION_DROP, K(SYN), .may = C(RESET),
     .legal = "the capture begins with the SYN,ACK, which tells as much"},
    {MUTATION_DROP, K(SYN_ACK), .legal = "lost before the tap: the ACK that follows answers it"},
    {MUTATION_DROP, EARLY_ACKS | K(ACK_HALF) | K(ACK1_AGAIN),
     .legal = "a later segment covers what it acknowledged"},
    {MUTATION_DROP, K(DATA) | K(DATA_HALF),
     .legal = "lost before the tap, or after it and not missed: what follows acknowledges them"},
    {MUTATION_DROP, K(FIN1), .must = C(GAP) | C(LOSS), .may = WITHOUT_FIN1},
    {MUTATION_DROP, K(ACK1), .may = WITHOUT_ACK1,
     .legal = "what its sender says next covers FIN1 too"},
    {MUTATION_DROP, FINS2, .beside = K(FIN2_AGAIN), .may = WITHOUT_FIN2,
     .legal = "its next copy was captured"},
    {MUTATION_DROP, FINS2, .must = C(GAP) | C(CAUSE), .may = WITHOUT_FIN2},
    /* C(CAUSE): of the RST that it earned. */
    {MUTATION_DROP, K(ACK2) | K(ACK2_AGAIN), .must = C(LAST_ACK) | C(STUCK) | C(LOSS) | C(CAUSE),
     .may = WITHOUT_ACK2},
    {MUTATION_DROP, FINS_AGAIN, .must = C(LOSS) | C(STALE), .legal = "one copy less"},
    {MUTATION_DROP, K(RST) | K(RST_OF_SYN), .must = ENDS | C(CAUSE)},

    {MUTATION_DUPLICATE, K(FIN1) | FINS2 | FINS_AGAIN, .must = C(RETRANSMISSION) | C(REFUTES),
     .legal = "the network or its sender repeats it"},
    {MUTATION_DUPLICATE, K(SYN) | K(SYN_ACK) | K(DATA) | K(DATA_HALF), .must = C(RETRANSMISSION),
     .legal = "the network or its sender repeats it"},
    {MUTATION_DUPLICATE, K(ACK1) | K(ACK1_AGAIN) | K(ACK2) | K(ACK2_AGAIN), .must = C(STALE),
     .legal = "duplicate ACK"},
    {MUTATION_DUPLICATE, EARLY_ACKS | K(ACK_HALF), .legal = "duplicate ACK"},
    {MUTATION_DUPLICATE, K(RST) | K(RST_OF_SYN), .legal = "RST repeated"},

    {MUTATION_SWAP, K(FIN1), .next = K(ACK1), .legal = "the tap saw the ACK first"},
    {MUTATION_SWAP, K(FIN1), .next = K(FIN2_ACK1), .must = C(REFUTES),
     .legal = "the tap saw FIN2 first, which says itself that it answers FIN1"},
    {MUTATION_SWAP, FINS2, .next = K(ACK2), .legal = "the tap saw the ACK first"},
    {MUTATION_SWAP, K(ACK1), .next = FINS2, .must = C(STALE), .may = C(COALESCED),
     .legal = "FIN2 overtook ACK1"},
    {MUTATION_SWAP, K(FIN2_AGAIN), .next = K(ACK2) | K(ACK2_AGAIN), .may = WITHOUT_ACK2,
     .legal = "the ACK answers the copy before; this one is not answered"},
    {MUTATION_SWAP, K(SYN), .next = K(RST_OF_SYN), .must = C(MIDSTREAM), .may = C(RESET)},
    {MUTATION_SWAP, K(ACK_OF_DATA), .next = K(FIN1), .may = C(ACK_SHORT),
     .legal = "the ACK was sent before the FIN arrived"},
    {MUTATION_SWAP, ANY_KIND, .legal = "reordered"},

    {MUTATION_SEQ_PLUS, K(SYN), .must = C(UNEXPECTED) | C(IGNORED),
     .may = C(FIN_MOVED) | C(RST_WINDOW) | C(CLOSED_FIRST) | C(STUCK) | C(OTHER_FINDING) | ENDS},
    {MUTATION_SEQ_PLUS, K(SYN_ACK), .must = C(UNEXPECTED) | C(IGNORED),
     .may = C(FIN_MOVED) | C(CLOSED_FIRST) | C(STUCK) | ENDS},
    {MUTATION_SEQ_PLUS, EARLY_ACKS,
     .legal = "an octet was sent before it, lost before the tap, and comes again later"},
    {MUTATION_SEQ_PLUS, K(ACK1), .capture = "simultaneous", .must = C(UNEXPECTED) | C(IGNORED),
     .may = C(DATA_AFTER_FIN)},
    {MUTATION_SEQ_PLUS, K(ACK1) | K(ACK1_AGAIN), .may = C(CLOSED_FIRST) | C(SIMULTANEOUS),
     .legal = "FIN2 was sent before it, lost before the tap, and comes again later"},
    {MUTATION_SEQ_PLUS, LATE_ACKS, .must = C(UNEXPECTED) | C(IGNORED),
     .may = C(DATA_AFTER_FIN) | C(LAST_ACK) | C(STUCK) | C(RESET)},
    {MUTATION_SEQ_PLUS, K(DATA_HALF), .capture = "reset-data-after-close",
     .legal = "an octet was sent before it and lost before the tap"},
    {MUTATION_SEQ_PLUS, K(DATA) | K(DATA_HALF), .must = C(GAP) | C(DATA_AFTER_FIN) | C(FIN_MOVED),
     .may = ENDS | C(CLOSED_FIRST) | C(STUCK)},
    {MUTATION_SEQ_PLUS, K(FIN1), .must = C(GAP) | C(FIN_MOVED), .may = WITHOUT_FIN1},
    {MUTATION_SEQ_PLUS, FINS_AGAIN, .must = C(FIN_MOVED)},
    {MUTATION_SEQ_PLUS, FINS2, .capture = "reset-fin-wait-2-expired",
     .legal = "an octet was sent before it and lost before the tap"},
    {MUTATION_SEQ_PLUS, FINS2, .must = C(GAP) | C(FIN_MOVED),
     .may = WITHOUT_ACK2 | C(OTHER_FINDING)},
    {MUTATION_SEQ_PLUS, K(RST), .must = C(RST_WINDOW),
     .may = C(OPEN) | C(CLOSE_WAIT) | C(LAST_ACK)},
    {MUTATION_SEQ_PLUS, K(RST_OF_SYN), .legal = "in SYN_SENT an RST counts by its ACK (3.10.7.3)"},

    {MUTATION_SEQ_MINUS, K(SYN), .must = C(ACK_OF_UNSENT) | C(OTHER_FINDING), .may = C(OPEN)},
    {MUTATION_SEQ_MINUS, K(SYN_ACK), .legal = "an octet was sent after it and lost before the tap"},
    {MUTATION_SEQ_MINUS, ACKS, .may = C(IGNORED) | C(STALE) | C(STUCK) | C(LOSS) | ENDS,
     .legal = "a keep-alive probe looks like that (3.8.4), and its receiver drops it"},
    {MUTATION_SEQ_MINUS, K(DATA) | K(DATA_HALF),
     .legal = "a repetition that begins earlier; its last octet was lost before the tap"},
    {MUTATION_SEQ_MINUS, K(FIN1), .must = C(FIN_MOVED) | C(ACK_OF_UNSENT),
     .may = WITHOUT_ACK1 | C(CLOSED_FIRST) | C(RST_WINDOW) | ENDS},
    {MUTATION_SEQ_MINUS, FINS2, .must = C(FIN_MOVED) | C(ACK_OF_UNSENT),
     .may = WITHOUT_ACK2 | C(CLOSED_FIRST) | ENDS},
    {MUTATION_SEQ_MINUS, FINS_AGAIN, .must = C(FIN_MOVED)},
    {MUTATION_SEQ_MINUS, K(RST), .capture = "reset-data-after-close",
     .legal = "one below RCV.NXT after a FIN, which Linux takes"},
    {MUTATION_SEQ_MINUS, K(RST), .capture = "reset-fin-wait-2-expired",
     .legal = "one below RCV.NXT after a FIN, which Linux takes"},
    {MUTATION_SEQ_MINUS, K(RST), .must = C(RST_WINDOW),
     .may = C(OPEN) | C(CLOSE_WAIT) | C(LAST_ACK)},
    {MUTATION_SEQ_MINUS, K(RST_OF_SYN), .legal = "in SYN_SENT an RST counts by its ACK (3.10.7.3)"},

    {MUTATION_ACK_PLUS, K(ACK_OF_SYN), .capture = "reuse-server-in-time-wait",
     .legal = "the octet is FIN1, which the tap saw late"},
    {MUTATION_ACK_PLUS, K(SYN_ACK) | K(ACK_OF_SYN) | K(DATA), .must = C(ACK_OF_UNSENT),
     .may = LIVES_ON},
    {MUTATION_ACK_PLUS, K(ACK_OF_DATA), .capture = "coalesced", .must = C(NORMAL),
     .legal = "the octet is FIN1, which the tap saw late: ACK1 came before FIN2, by itself"},
    {MUTATION_ACK_PLUS, K(ACK_OF_DATA), .may = C(ACK_OF_UNSENT) | LIVES_ON,
     .legal = "the octet is the other end's FIN, which the tap saw late"},
    {MUTATION_ACK_PLUS, K(FIN1), .capture = "simultaneous", .must = C(COALESCED),
     .may = C(CLOSED_FIRST), .legal = "the octet is FIN2, which the tap saw late: FIN1 answers it"},
    /* Each FIN says that it was sent after the other. */
    {MUTATION_ACK_PLUS, K(FIN1), .capture = "coalesced", .must = C(UNEXPECTED)},
    {MUTATION_ACK_PLUS, K(FIN1) | K(FIN1_AGAIN), .must = C(ACK_OF_UNSENT) | C(GAP),
     .may = LIVES_ON},
    {MUTATION_ACK_PLUS, K(ACK1), .must = C(ACK_OF_UNSENT), .may = WITHOUT_ACK1},
    {MUTATION_ACK_PLUS, K(FIN2_CROSSED), .must = C(COALESCED), .may = C(CLOSED_FIRST)},
    {MUTATION_ACK_PLUS, FINS2, .must = C(ACK_OF_UNSENT), .may = WITHOUT_FIN2},
    {MUTATION_ACK_PLUS, K(ACK2) | K(ACK2_AGAIN), .must = C(ACK_OF_UNSENT), .may = WITHOUT_ACK2},
    {MUTATION_ACK_PLUS, K(ACK1_AGAIN) | K(DATA_HALF) | K(FIN2_AGAIN), .must = C(ACK_OF_UNSENT)},
    {MUTATION_ACK_PLUS, K(ACK_HALF), .legal = "the octet is FIN2, which the tap saw late or not"},
    {MUTATION_ACK_PLUS, K(RST), .legal = "nobody reads the ACK of an RST (3.10.7.4, second)"},
    {MUTATION_ACK_PLUS, K(RST_OF_SYN), .must = C(OTHER_FINDING), .may = C(OPEN)},

    {MUTATION_ACK_MINUS, K(SYN_ACK) | K(ACK_OF_SYN), .must = C(UNEXPECTED) | C(IGNORED)},
    {MUTATION_ACK_MINUS, K(DATA) | K(DATA_HALF) | K(FIN1) | K(ACK1_AGAIN), .must = C(STALE),
     .legal = "sent before the octet arrived, captured late"},
    {MUTATION_ACK_MINUS, K(ACK_OF_DATA) | K(ACK_HALF),
     .legal = "it acknowledges a part of the data"},
    {MUTATION_ACK_MINUS, K(ACK1), .may = WITHOUT_ACK1 | C(ACK_SHORT) | C(OTHER_FINDING),
     .legal = "it acknowledges the data alone, and what follows covers FIN1"},
    {MUTATION_ACK_MINUS, K(ACK2) | K(ACK2_AGAIN),
     .must = C(LAST_ACK) | C(STUCK) | C(LOSS) | C(OTHER_FINDING),
     .may = C(ACK_SHORT) | WITHOUT_ACK2},
    {MUTATION_ACK_MINUS, FINS_AGAIN, .legal = "an older copy, captured late"},
    {MUTATION_ACK_MINUS, K(FIN2), .must = C(CLOSED_FIRST), .may = C(SIMULTANEOUS)},
    {MUTATION_ACK_MINUS, K(FIN2_ACK1), .must = C(FIN_UNANSWERED), .may = C(CLOSED_FIRST)},
    {MUTATION_ACK_MINUS, K(FIN2_CROSSED), .legal = "sent before the data arrived, too"},
    {MUTATION_ACK_MINUS, K(RST), .legal = "nobody reads the ACK of an RST (3.10.7.4, second)"},
    {MUTATION_ACK_MINUS, K(RST_OF_SYN), .must = C(OTHER_FINDING), .may = C(OPEN)},

    {MUTATION_FLIP_FIN, K(SYN), .must = C(UNEXPECTED) | C(IGNORED) | C(FIN_MOVED)},
    {MUTATION_FLIP_FIN, K(SYN_ACK),
     .must = C(CLOSED_FIRST) | C(REFUTES) | C(FIN_MOVED) | C(ACK_SHORT),
     .may = ENDS | C(STUCK) | C(DATA_AFTER_FIN) | C(ACK_SHORT) | C(RST_TIME_WAIT) | C(RST_WINDOW),
     .legal = "a FIN on a SYN,ACK counts (3.10.7.3)"},
    {MUTATION_FLIP_FIN, K(RST) | K(RST_OF_SYN), .legal = "RST comes before FIN (3.10.7.4)"},
    {MUTATION_FLIP_FIN, K(FIN1), .must = C(GAP) | C(LOSS), .may = WITHOUT_FIN1},
    {MUTATION_FLIP_FIN, FINS2, .beside = K(FIN2_AGAIN), .must = C(LOSS) | C(STALE),
     .may = WITHOUT_FIN2, .legal = "its next copy carries the FIN"},
    {MUTATION_FLIP_FIN, FINS2, .capture = "reset-fin-wait-2-expired", .must = C(ROLES),
     .may = WITHOUT_FIN2, .legal = "an ACK meets the end of FIN_WAIT_2 as a FIN does"},
    {MUTATION_FLIP_FIN, FINS2, .must = C(GAP) | C(CAUSE), .may = WITHOUT_FIN2},
    {MUTATION_FLIP_FIN, FINS_AGAIN, .must = C(LOSS) | C(STALE), .legal = "one copy less"},
    {MUTATION_FLIP_FIN, LATE_ACKS, .must = C(FIN_MOVED)},
    {MUTATION_FLIP_FIN, K(DATA_HALF), .capture = "reset-data-after-close",
     .legal = "the FIN left with the data"},
    {MUTATION_FLIP_FIN, K(ACK1), .capture = "reset-unread-data-in-close-wait",
     .legal = "FIN2 left with the ACK, and its sender aborts after it"},
    {MUTATION_FLIP_FIN, K(ACK1), .capture = "last-ack",
     .legal = "FIN2 left with the ACK, and was repeated sooner than an ACK may be delayed"},
    {MUTATION_FLIP_FIN, K(ACK1),
     .must = C(FIN_MOVED) | C(DATA_AFTER_FIN) | ENDS | C(LOSS) | C(CAUSE) | C(RST_TIME_WAIT),
     .may = C(STUCK)},
    {MUTATION_FLIP_FIN, K(ACK1_AGAIN) | K(DATA) | K(DATA_HALF),
     .must = C(LOSS) | C(CLOSED_FIRST) | C(ACK_SHORT), .may = ENDS},
    {MUTATION_FLIP_FIN, EARLY_ACKS, .must = C(LOSS) | C(CLOSED_FIRST) | C(DATA_AFTER_FIN) | ENDS,
     .may = C(FIN_MOVED) | C(STUCK) | C(RST_TIME_WAIT)},

    {MUTATION_FLIP_SYN, K(SYN), .may = C(RESET), .legal = "the capture begins with the SYN,ACK"},
    {MUTATION_FLIP_SYN, K(SYN_ACK), .must = C(IGNORED)},
    {MUTATION_FLIP_SYN, K(RST) | K(RST_OF_SYN), .legal = "RST comes before SYN (3.10.7.4)"},
    {MUTATION_FLIP_SYN, ANY_KIND, .must = C(IGNORED) | C(REFUTES) | C(UNEXPECTED),
     .may = ENDS | C(CLOSED_FIRST) | C(STUCK) | C(FIN_MOVED)},

    {MUTATION_FLIP_RST, K(RST) | K(RST_OF_SYN), .must = ENDS | C(CAUSE)},
    {MUTATION_FLIP_RST, K(ACK_OF_DATA), .capture = "reset-unread-data", .legal = "RST repeated"},
    {MUTATION_FLIP_RST, K(ACK1), .capture = "reset-unread-data-in-close-wait",
     .legal = "RST repeated"},
    {MUTATION_FLIP_RST, K(ACK_OF_SYN), .capture = "reset-linger-0", .must = C(UNEXPECTED)},
    /* Its sender goes on all the same: the RST was not its own, and the FIN is missing. */
    {MUTATION_FLIP_RST, K(FIN1), .must = C(RESET) | C(GAP) | C(OTHER_FINDING),
     .may = ENDS | C(COALESCED) | C(CLOSED_FIRST) | C(RST_TIME_WAIT)},
    {MUTATION_FLIP_RST, ANY_KIND,
     .must = C(RESET) | C(REFUSED) | C(CAUSE) | C(UNEXPECTED) | C(RST_WINDOW) | C(GAP) |
             C(OTHER_FINDING),
     .may = C(COALESCED) | C(CLOSED_FIRST) | C(RST_TIME_WAIT)},

    {MUTATION_FLIP_ACK, K(SYN), .must = C(IGNORED) | C(UNEXPECTED) | C(GAP) | C(ONE_DIRECTION),
     .may = ENDS | C(CLOSED_FIRST) | C(STUCK) | C(RST_WINDOW)},
    {MUTATION_FLIP_ACK, K(SYN_ACK), .legal = "a simultaneous open whose SYN,ACKs the tap missed"},
    {MUTATION_FLIP_ACK, K(RST),
     .legal = "who has no connection answers with such an RST (3.10.7.1)"},
    {MUTATION_FLIP_ACK, K(RST_OF_SYN), .must = C(RST_WINDOW), .may = C(OPEN)},
    {MUTATION_FLIP_ACK, ANY_KIND, .must = C(IGNORED) | C(UNEXPECTED),
     .may = ENDS | C(CLOSED_FIRST) | C(STUCK) | C(ACK_OF_UNSENT)},

    {MUTATION_TRUNCATE, ANY_KIND, .may = ENDS | C(CLOSED_FIRST) | C(STUCK),
     .legal = "the capture ends there"},
};
const size_t N_RULES = sizeof RULES / sizeof *RULES;

const char *claim_name(enum claim claim) {
  static const char *const names[] = {
#define X(id, name) [CLAIM_##id] = name,
      CLAIMS(X)
#undef X
  };
  return names[claim];
}

static bool has_kind(const struct trace *trace, uint32_t kinds) {
  for (unsigned i = 0; i < trace->n; i++)
    if (kinds >> trace->at[i].kind & 1) return true;
  return false;
}

const struct rule *rule_of(const struct trace *trace, const char *capture, enum mutation mutation,
                           unsigned i) {
  for (const struct rule *r = RULES; r < RULES + N_RULES; r++) {
    if (r->mutation != mutation || !(r->kinds >> trace->at[i].kind & 1)) continue;
    if (r->next && !(r->next >> trace->at[i + 1].kind & 1)) continue;
    if (r->beside && !has_kind(trace, r->beside)) continue;
    if (r->capture && strcmp(r->capture, capture) != 0) continue;
    return r;
  }
  return NULL;
}
