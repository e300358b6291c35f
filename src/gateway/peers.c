#include "peers.h"

#include <stdlib.h>

void peers_fini(struct peers *p)
{
    free(p->v);
    *p = (struct peers){0};
}

static struct peer_word *find(struct peers *p, uint64_t id)
{
    struct peer_word *oldest = NULL;
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].id == id)
            return &p->v[i];
        if (!oldest || p->v[i].heard_at < oldest->heard_at)
            oldest = &p->v[i];
    }
    return p->n < PEERS_MAX ? &p->v[p->n++] : oldest;
}

void peers_hear(struct peers *p, uint64_t id, const struct peer_load *load, int64_t now)
{
    if (!p->v && !(p->v = calloc(PEERS_MAX, sizeof(*p->v))))
        abort();
    *find(p, id) = (struct peer_word){id, now, *load};
}

struct peer_load peers_sum(const struct peers *p, int64_t now)
{
    struct peer_load sum = {0};
    for (size_t i = 0; i < p->n; i++) {
        if (now - p->v[i].heard_at >= PEERS_SILENT_MS)
            continue;
        sum.running += p->v[i].load.running;
        sum.requests += p->v[i].load.requests;
        sum.tokens += p->v[i].load.tokens;
    }
    return sum;
}
