/* Sequence numbers are ordered modulo 2^32 (RFC 9293, 3.4). A raw `<` between two of them is a bug:
 * every comparison in this project goes through this file. */
#ifndef TEARDOWN_COMMON_MODEL_SEQ_H
#define TEARDOWN_COMMON_MODEL_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* How far b is ahead of a, in octets; negative when it is behind. Meaningful up to 2^31 apart. */
static inline int32_t seq_diff(uint32_t b, uint32_t a) { return (int32_t)(b - a); }

static inline bool seq_lt(uint32_t a, uint32_t b) { return seq_diff(a, b) < 0; }
static inline bool seq_leq(uint32_t a, uint32_t b) { return seq_diff(a, b) <= 0; }
static inline bool seq_gt(uint32_t a, uint32_t b) { return seq_diff(a, b) > 0; }
static inline bool seq_geq(uint32_t a, uint32_t b) { return seq_diff(a, b) >= 0; }

static inline uint32_t seq_max(uint32_t a, uint32_t b) { return seq_gt(a, b) ? a : b; }

#endif
