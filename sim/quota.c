#include "quota.h"

#define FNV_OFFSET 14695981039346656037u
#define FNV_PRIME  1099511628211u

void quota_reset(struct quota *q)
{
    *q = (struct quota){.rate = q->rate};
}

static uint64_t hash(struct slice text)
{
    uint64_t h = FNV_OFFSET;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.p[i]) * FNV_PRIME;
    return h ? h : 1;
}

static double capacity(const struct quota *q)
{
    const double quarter = (double)q->rate / 4;
    return quarter > 1 ? quarter : 1;
}

static size_t bucket_of(struct quota *q, struct slice model, int64_t now)
{
    const uint64_t id = hash(model);
    for (size_t i = 0; i < q->n; i++)
        if (q->v[i].id == id)
            return i;
    const size_t i = q->next;
    q->next = (q->next + 1) % QUOTA_MODELS;
    q->n += q->n < QUOTA_MODELS;
    q->v[i].id = id;
    q->v[i].calls = capacity(q);
    q->v[i].at = now;
    return i;
}

bool quota_admit(struct quota *q, struct slice model, int64_t now)
{
    if (!q->rate)
        return true;
    const size_t i = bucket_of(q, model, now);
    const double calls = q->v[i].calls + (double)(now - q->v[i].at) * (double)q->rate / 1000;
    const bool good = calls >= 1;
    q->v[i].calls = calls < capacity(q) ? calls : capacity(q);
    q->v[i].at = now;
    if (good)
        q->v[i].calls -= 1;
    q->admitted += good;
    q->refused += !good;
    return good;
}
