#ifndef STATE_WINDOW_H
#define STATE_WINDOW_H

/* How much was taken within the last `length` ms: a ring of parts, each so many ms wide that
 * WINDOW_PARTS of them hold a length. A part counts as long as anything in it may have been taken
 * within the length, so that no interval of that length ever sees more than was allowed; what is
 * lost by it is at most one part's width, 1/WINDOW_PARTS.
 *
 * Every back end counts so: part number = time / window_part_ms(length), and a part is over once
 * (number + 1) * window_part_ms(length) - 1 + length <= now.
 *
 * Pure; amortised O(1) to take, O(WINDOW_PARTS) to give back and to tell how long to wait. Time
 * that runs backwards counts as standing still. `length` is the same in all calls of one window. */

#include "heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_PARTS 64

struct window_part {
    int64_t number;
    int64_t units; /* >= 0 */
};

struct window {
    struct heap *heap;         /* NULL: malloc */
    struct window_part *parts; /* a ring, the oldest at `first`; NULL until the first take */
    size_t first, count, size;
    int64_t used; /* the sum of the parts */
};

int64_t window_part_ms(int64_t length); /* length >= 1 */

void window_fini(struct window *w); /* of a zeroed one too */

/* Units that count now. */
int64_t window_used(struct window *w, int64_t length, int64_t now);

void window_take(struct window *w, int64_t length, int64_t units, int64_t now); /* units >= 0 */

/* Gives back of what was taken at `at`, if that still counts; never more than there is. */
void window_give(struct window *w, int64_t length, int64_t units, int64_t at, int64_t now);

/* ms until all of it is free again; 0: it is. */
int64_t window_reset_ms(struct window *w, int64_t length, int64_t now);

/* ms until no more than `units` count; 0: now. units >= 0 */
int64_t window_wait_ms(struct window *w, int64_t length, int64_t units, int64_t now);

#endif
