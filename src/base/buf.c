#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE ((size_t)2048)      /* bytes; most replies and short bodies fit */
#define GROWS_FAST ((size_t)32 * 1024) /* bytes: below, memory grows by four, above by two */

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_fini(struct buf *b)
{
    free(b->p);
    buf_init(b, b->cap);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

char *buf_grow(struct buf *b, size_t n)
{
    if (b->overflow || n > b->cap - b->n) {
        b->overflow = true;
        return NULL;
    }
    if (b->size - b->n >= n && b->p)
        return b->p + b->n;
    size_t size = b->size ? b->size : FIRST_SIZE;
    while (size < b->n + n)
        size *= size < GROWS_FAST ? 4 : 2;
    if (size > b->cap)
        size = b->cap;
    char *p = realloc(b->p, size);
    if (!p) {
        fprintf(stderr, "out of memory (%zu bytes)\n", size);
        abort();
    }
    b->p = p;
    b->size = size;
    return b->p + b->n;
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n < 0 ? NULL : buf_reserve(b, (size_t)n + 1);
    if (to) {
        vsnprintf(to, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t n)
{
    b->n -= n;
    if (b->n && n)
        memmove(b->p, b->p + n, b->n);
}

struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->p, b->n);
}

size_t buf_take(struct buf *b, char **p)
{
    size_t n = b->n;
    *p = b->p;
    buf_init(b, b->cap);
    return n;
}
