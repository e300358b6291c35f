#include "heap.h"

#include <stdlib.h>
#include <string.h>

static unsigned size_class(size_t n)
{
    unsigned c = 0;
    while (((size_t)HEAP_BLOCK_MIN << c) < n)
        c++;
    return c;
}

void heap_init(struct heap *h, void *memory, size_t n)
{
    *h = (struct heap){.next = memory, .end = (char *)memory + n};
}

size_t heap_left(const struct heap *h)
{
    return (size_t)(h->end - h->next);
}

/* The first word of a freed block leads to the next one. */
static void *take(struct heap *h, size_t n)
{
    unsigned c = size_class(n);
    size_t size = (size_t)HEAP_BLOCK_MIN << c;
    void *block = h->freed[c];
    if (block) {
        memcpy(&h->freed[c], block, sizeof(void *));
    } else if (size <= heap_left(h)) {
        block = h->next;
        h->next += size;
    }
    return block;
}

void *heap_alloc(struct heap *h, size_t n)
{
    void *block = h ? take(h, n) : calloc(1, n);
    if (!block)
        abort();
    return h ? memset(block, 0, n) : block;
}

void heap_free(struct heap *h, void *block, size_t n)
{
    if (!h) {
        free(block);
    } else if (block) {
        unsigned c = size_class(n);
        memcpy(block, &h->freed[c], sizeof(void *));
        h->freed[c] = block;
    }
}
