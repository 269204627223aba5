/* The world of one connection, out of octets: its segments, and what the kernel says. */
#ifndef TEARDOWN_TESTS_FUZZ_WORLD_H
#define TEARDOWN_TESTS_FUZZ_WORLD_H

#include "capture/kernel/kernel.h"
#include "common/model/model.h"
#include "tests/fuzz/target.h"

/* By `what`, mostly what closes have; else any. */
uint8_t world_flags(struct input *in, uint8_t what);

/* From one end to the other, its numbers mostly near those that matter: else all would be out of
 * the window. */
struct segment world_segment(struct input *in, const struct endpoint *from,
                             const struct endpoint *to, int64_t t_us);

/* What the kernel says of both ends' sockets, and who holds them. */
void world_kernel(struct input *in, struct kernel_view *view);

/* What closed before the start. */
void world_inventory(struct input *in, struct kernel_inventory *inventory);

#endif
