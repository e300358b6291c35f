#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

struct map_slot {
    struct slice key;
    void *value; /* NULL: free */
};

__extension__ typedef unsigned __int128 wide;

/* Both halves of the product: no bit of `v` stays where it was, whatever the seed. */
static uint64_t mix(uint64_t v)
{
    wide product = (wide)v * UINT64_C(0x9e3779b97f4a7c15);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(const struct map *m, struct slice s)
{
    uint64_t h = m->seed ^ s.n, word = 0;
    for (; s.n >= sizeof(word); s = slice_skip(s, sizeof(word))) {
        memcpy(&word, s.p, sizeof(word));
        h = mix(h ^ word);
    }
    word = 0;
    if (s.n)
        memcpy(&word, s.p, s.n);
    return mix(h ^ word);
}

static struct map_slot *find(const struct map *m, struct slice key)
{
    size_t i = hash(m, key) & (m->size - 1);
    while (m->slots[i].value && !slice_eq(m->slots[i].key, key))
        i = (i + 1) & (m->size - 1);
    return &m->slots[i];
}

void map_init(struct map *m)
{
    /* The address is random (ASLR): chosen keys do not collide on purpose. */
    *m = (struct map){.seed = UINT64_C(14695981039346656037) ^ (uintptr_t)m};
}

void map_fini(struct map *m)
{
    free(m->slots);
    map_init(m);
}

void *map_get(const struct map *m, struct slice key)
{
    return m->size ? find(m, key)->value : NULL;
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->size = old.size ? old.size * 2 : 16;
    m->slots = calloc(m->size, sizeof(*m->slots));
    if (!m->slots)
        abort();
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].value)
            *find(m, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

void map_put(struct map *m, struct slice key, void *value)
{
    assert(value);
    if ((m->count + 1) * 4 > m->size * 3)
        grow(m);
    struct map_slot *slot = find(m, key);
    if (!slot->value)
        m->count++;
    *slot = (struct map_slot){.key = key, .value = value};
}
