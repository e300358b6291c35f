#include "window.h"

#define SIZE_MIN 4 /* most windows see little: they stay small */

int64_t window_part_ms(int64_t length)
{
    return (length + WINDOW_PARTS - 1) / WINDOW_PARTS;
}

void window_fini(struct window *w)
{
    heap_free(w->heap, w->parts, w->size * sizeof(*w->parts));
    *w = (struct window){.heap = w->heap};
}

static struct window_part *part_at(const struct window *w, size_t i)
{
    return &w->parts[(w->first + i) % w->size];
}

/* The first ms at which nothing of the part counts any more. */
static int64_t over_at(const struct window_part *p, int64_t length)
{
    return (p->number + 1) * window_part_ms(length) - 1 + length;
}

int64_t window_used(struct window *w, int64_t length, int64_t now)
{
    while (w->count && over_at(part_at(w, 0), length) <= now) {
        w->used -= part_at(w, 0)->units;
        w->first = (w->first + 1) % w->size;
        w->count--;
    }
    return w->used;
}

/* At most WINDOW_PARTS + 1 parts count at once, and so the ring ends at twice WINDOW_PARTS. */
static void grow(struct window *w)
{
    size_t size = w->size ? w->size * 2 : SIZE_MIN;
    struct window_part *parts = heap_alloc(w->heap, size * sizeof(*parts));
    for (size_t i = 0; i < w->count; i++)
        parts[i] = *part_at(w, i);
    heap_free(w->heap, w->parts, w->size * sizeof(*w->parts));
    w->parts = parts;
    w->first = 0;
    w->size = size;
}

static struct window_part *newest(struct window *w, int64_t number)
{
    if (w->count && part_at(w, w->count - 1)->number >= number)
        return part_at(w, w->count - 1);
    if (w->count == w->size)
        grow(w);
    *part_at(w, w->count) = (struct window_part){.number = number};
    return part_at(w, w->count++);
}

void window_take(struct window *w, int64_t length, int64_t units, int64_t now)
{
    window_used(w, length, now);
    if (units <= 0)
        return;
    newest(w, now / window_part_ms(length))->units += units;
    w->used += units;
}

void window_give(struct window *w, int64_t length, int64_t units, int64_t at, int64_t now)
{
    int64_t number = at / window_part_ms(length);
    window_used(w, length, now);
    for (size_t i = w->count; i-- > 0 && part_at(w, i)->number >= number;) {
        struct window_part *p = part_at(w, i);
        if (p->number != number)
            continue;
        units = units < p->units ? units : p->units;
        p->units -= units;
        w->used -= units;
    }
}

int64_t window_reset_ms(struct window *w, int64_t length, int64_t now)
{
    return window_wait_ms(w, length, 0, now);
}

int64_t window_wait_ms(struct window *w, int64_t length, int64_t units, int64_t now)
{
    int64_t left = window_used(w, length, now), until = now;
    for (size_t i = 0; i < w->count && left > units; i++) {
        left -= part_at(w, i)->units;
        until = over_at(part_at(w, i), length);
    }
    return until - now;
}
