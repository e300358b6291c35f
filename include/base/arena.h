#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/* A bump allocator: everything made for one request dies with it.
 * The owner of the struct owns all memory handed out; nothing is freed singly.
 * First blocks (16 KiB) come from a bounded free list of the thread, so a short request costs no
 * malloc. Running out of memory aborts: callers cap sizes before they allocate.
 * An arena is used by one thread at a time, and may be handed from one to another. Under
 * AddressSanitizer rewound and finished memory is poisoned. */

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *head; /* newest block; older ones are chained behind it */
    size_t total;             /* bytes in all blocks, for limits and tests */
};

void arena_end_thread(void); /* a thread that used arenas ends: its free list goes */

struct arena_mark {
    struct arena_block *block;
    size_t used;
};

void arena_init(struct arena *a);                     /* allocates nothing yet */
void arena_init_small(struct arena *a, size_t first); /* for what is kept: so many bytes at first */
void arena_fini(struct arena *a); /* frees all; the struct is as after arena_init */

void *arena_alloc(struct arena *a, size_t n);  /* 16-byte aligned, not cleared, never NULL */
void *arena_zalloc(struct arena *a, size_t n); /* cleared */
#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

/* Grows the newest allocation in place when it can, else copies. `p` may be NULL (old == 0). */
void *arena_realloc(struct arena *a, void *p, size_t old, size_t n);

struct slice arena_dup(struct arena *a, struct slice s); /* a copy, followed by a NUL */
char *arena_strdup(struct arena *a, struct slice s);     /* the same as a C string */
/* The parts one behind the other, NUL-terminated: what a format of nothing but "%s" would give, at
 * a tenth of its price. */
struct slice arena_join(struct arena *a, const struct slice *parts, size_t n);
#define ARENA_JOIN(a, ...)                                                                         \
    arena_join((a), (const struct slice[]){__VA_ARGS__},                                           \
               sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))
struct slice arena_integer(struct arena *a, int64_t value); /* decimal, NUL-terminated */
struct slice arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* NUL-terminated */

/* What was allocated after the mark is gone after the rewind. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

#endif
