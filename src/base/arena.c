#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define FIRST_BLOCK     ((size_t)16 * 1024)  /* bytes, with the block's own header */
#define BLOCK_GROWTH    ((size_t)256 * 1024) /* later blocks double up to this */
#define FREE_BLOCKS_MAX 256                  /* first blocks kept for reuse: 4 MiB */
#define ALIGN           ((size_t)16)

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes in data */
    size_t used;
    size_t unused_padding; /* keeps data 16-byte aligned */
    char data[];
};

static _Thread_local struct arena_block *free_blocks;
static _Thread_local unsigned free_count;

static void *alloc_or_die(size_t n)
{
    void *p = malloc(n);
    if (!p) {
        fprintf(stderr, "out of memory (%zu bytes)\n", n);
        abort();
    }
    return p;
}

static struct arena_block *block_new(size_t data_size)
{
    struct arena_block *b;
    if (data_size == FIRST_BLOCK - sizeof(*b) && free_blocks) {
        b = free_blocks;
        free_blocks = b->older;
        free_count--;
    } else {
        b = alloc_or_die(sizeof(*b) + data_size);
        b->size = data_size;
    }
    b->used = 0;
    ASAN_POISON_MEMORY_REGION(b->data, b->size);
    return b;
}

static void block_free(struct arena_block *b)
{
    if (b->size == FIRST_BLOCK - sizeof(*b) && free_count < FREE_BLOCKS_MAX) {
        ASAN_POISON_MEMORY_REGION(b->data, b->size);
        b->older = free_blocks;
        free_blocks = b;
        free_count++;
        return;
    }
    ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
    free(b);
}

void arena_end_thread(void)
{
    while (free_blocks) {
        struct arena_block *b = free_blocks;
        free_blocks = b->older;
        ASAN_UNPOISON_MEMORY_REGION(b->data, b->size);
        free(b);
    }
    free_count = 0;
}

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

static void add_block(struct arena *a, size_t size)
{
    struct arena_block *b = block_new(size);
    b->older = a->head;
    a->head = b;
    a->total += b->size;
}

void arena_init_small(struct arena *a, size_t first)
{
    arena_init(a);
    add_block(a, (first + ALIGN - 1) & ~(ALIGN - 1));
}

void arena_fini(struct arena *a)
{
    arena_rewind(a, (struct arena_mark){0});
}

static void grow(struct arena *a, size_t need)
{
    size_t size = FIRST_BLOCK - sizeof(struct arena_block);
    if (a->head)
        size = a->head->size * 2 < BLOCK_GROWTH ? a->head->size * 2 : BLOCK_GROWTH;
    add_block(a, need > size ? need : size);
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t need = (n + ALIGN - 1) & ~(ALIGN - 1);
    assert(need >= n);
    if (!a->head || a->head->size - a->head->used < need)
        grow(a, need);
    char *p = a->head->data + a->head->used;
    a->head->used += need;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

void *arena_realloc(struct arena *a, void *p, size_t old, size_t n)
{
    size_t had = (old + ALIGN - 1) & ~(ALIGN - 1), need = (n + ALIGN - 1) & ~(ALIGN - 1);
    struct arena_block *b = a->head;
    if (p && b && (char *)p + had == b->data + b->used && had + (b->size - b->used) >= need) {
        b->used = b->used - had + need;
        ASAN_POISON_MEMORY_REGION(p, had);
        ASAN_UNPOISON_MEMORY_REGION(p, n);
        return p;
    }
    if (p && n <= old) {
        ASAN_POISON_MEMORY_REGION(p, had);
        ASAN_UNPOISON_MEMORY_REGION(p, n);
        return p;
    }
    void *copy = arena_alloc(a, n);
    if (p && old) {
        memcpy(copy, p, old);
        ASAN_POISON_MEMORY_REGION(p, had);
    }
    return copy;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return slice_make(p, s.n);
}

char *arena_strdup(struct arena *a, struct slice s)
{
    return (char *)(uintptr_t)arena_dup(a, s).p;
}

struct slice arena_join(struct arena *a, const struct slice *parts, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += parts[i].n;
    char *p = arena_alloc(a, size + 1), *to = p;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n)
            memcpy(to, parts[i].p, parts[i].n);
        to += parts[i].n;
    }
    *to = '\0';
    return slice_make(p, size);
}

struct slice arena_integer(struct arena *a, int64_t value)
{
    char digits[SLICE_DIGITS];
    return arena_dup(a, slice_digits(value, digits));
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return slice_make(p, (size_t)n);
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){.block = a->head, .used = a->head ? a->head->used : 0};
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    while (a->head != mark.block) {
        struct arena_block *b = a->head;
        a->head = b->older;
        a->total -= b->size;
        block_free(b);
    }
    if (a->head) {
        a->head->used = mark.used;
        ASAN_POISON_MEMORY_REGION(a->head->data + mark.used, a->head->size - mark.used);
    }
}
