#include "memo.h"

struct memo_entry {
    size_t sizes[MEMO_TEXTS_MAX];
    size_t count;
    uint64_t more;
    size_t texts; /* bytes of them: the first in `room` */
    struct slice parts[MEMO_PARTS];
    char room[MEMO_ROOM];
};

static struct slice all_of(const struct memo_key *k)
{
    const struct slice *last = &k->texts[k->count - 1];
    return slice_make(k->texts->p, (size_t)(last->p + last->n - k->texts->p));
}

/* A few words of all are enough: the comparison decides. */
static size_t slot_of(const struct memo_key *k, struct slice all)
{
    enum { WORDS = 16 };
    uint64_t word, h = k->more + all.n;
    size_t step = all.n / WORDS > sizeof(word) ? all.n / WORDS : sizeof(word);
    for (size_t i = 0; i + sizeof(word) <= all.n; i += step) {
        memcpy(&word, all.p + i, sizeof(word));
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return (h >> 32) % MEMO_SLOTS;
}

static bool is_of(const struct memo_entry *e, const struct memo_key *k, struct slice all)
{
    size_t different = e->count ^ k->count;
    if (e->more != k->more || e->texts != all.n || different)
        return false;
    for (size_t i = 0; i < k->count; i++)
        different |= e->sizes[i] ^ k->texts[i].n;
    return !different && memcmp(e->room, all.p, all.n) == 0;
}

const struct slice *memo_find(const struct memo *m, const struct memo_key *k)
{
    struct slice all = all_of(k);
    const struct memo_entry *e = m->slots[slot_of(k, all)];
    return e && is_of(e, k, all) ? e->parts : NULL;
}

void memo_keep(struct memo *m, const struct memo_key *k, const struct slice parts[MEMO_PARTS])
{
    struct slice all = all_of(k);
    struct memo_entry **e = &m->slots[slot_of(k, all)];
    size_t n = all.n;
    for (size_t i = 0; i < MEMO_PARTS; i++)
        n += parts[i].n;
    if (n > MEMO_ROOM)
        return;
    if (!*e)
        *e = arena_alloc(m->arena, sizeof(**e));
    (*e)->count = k->count;
    (*e)->more = k->more;
    (*e)->texts = all.n;
    for (size_t i = 0; i < k->count; i++)
        (*e)->sizes[i] = k->texts[i].n;
    char *to = (*e)->room;
    memcpy(to, all.p, all.n);
    to += all.n;
    for (size_t i = 0; i < MEMO_PARTS; to += parts[i++].n) {
        (*e)->parts[i] = slice_make(to, parts[i].n);
        if (parts[i].n)
            memcpy(to, parts[i].p, parts[i].n);
    }
}
