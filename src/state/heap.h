#ifndef STATE_HEAP_H
#define STATE_HEAP_H

/* Memory that may be common to several processes: taken from one mapping that they all have at the
 * same address, because it was made before they were forked. NULL stands for malloc.
 *
 * Blocks are powers of two, kept by size once they are freed; nothing is ever given to another size
 * or back to the system. Whoever uses a heap of several processes holds its users' lock. */

#include <stddef.h>

#define HEAP_BLOCK_MIN 64 /* bytes */
#define HEAP_SIZES     32

struct heap {
    char *next, *end; /* what was never taken */
    void *freed[HEAP_SIZES];
};

/* All of [memory, memory + n) is the heap's; what was taken of it before is gone. */
void heap_init(struct heap *h, void *memory, size_t n);

/* Zeroed. There is no more: abort; heap_left says so before. */
void *heap_alloc(struct heap *h, size_t n);
void heap_free(struct heap *h, void *block, size_t n); /* `n` as asked for; NULL block is fine */

size_t heap_left(const struct heap *h); /* bytes that were never taken */

#endif
