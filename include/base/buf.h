#ifndef BASE_BUF_H
#define BASE_BUF_H

/* Growing bytes with a cap given at init.
 * A write that would pass the cap is dropped whole and sets `overflow`, which stays: writers add
 * freely and the caller looks once at the end. Memory comes from malloc, on the first write. */

#include "base/slice.h"

struct buf {
    char *p;       /* NULL until the first write */
    size_t n;      /* bytes used */
    size_t size;   /* bytes allocated */
    size_t cap;    /* n never passes this */
    bool overflow; /* a write was dropped */
};

void buf_init(struct buf *b, size_t cap);
void buf_fini(struct buf *b);  /* frees; as after buf_init, same cap */
void buf_reset(struct buf *b); /* empties, keeps the memory */

/* Room for n more bytes at p + n, not yet counted (add to b->n what was written), or NULL. */
static inline char *buf_reserve(struct buf *b, size_t n);

static inline void buf_add(struct buf *b, struct slice s);
static inline void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

void buf_consume(struct buf *b, size_t n); /* drops the first n bytes */
struct slice buf_slice(const struct buf *b);

/* Moves the content out: the caller frees `*p` with free(). `b` is empty afterwards. */
size_t buf_take(struct buf *b, char **p);

#define BUF_LITERAL(b, literal) buf_add((b), SLICE(literal))

/* ---- inline, because they stand in the inner loops of every writer ----------------------------
 */

char *buf_grow(struct buf *b, size_t n); /* buf_reserve when there is no room yet */

static inline char *buf_reserve(struct buf *b, size_t n)
{
    bool fits = b->p && !b->overflow && b->size - b->n >= n && b->cap - b->n >= n;
    return fits ? b->p + b->n : buf_grow(b, n);
}

static inline void buf_add(struct buf *b, struct slice s)
{
    char *to = s.n ? buf_reserve(b, s.n) : NULL;
    if (!to)
        return;
    memcpy(to, s.p, s.n);
    b->n += s.n;
}

static inline void buf_add_char(struct buf *b, char c)
{
    char *to = buf_reserve(b, 1);
    if (!to)
        return;
    *to = c;
    b->n++;
}

#endif
