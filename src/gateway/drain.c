#include "drain.h"

#include "base/shm.h"
#include "sockets.h"

#include <stdatomic.h>
#include <stddef.h>

struct drain {
    atomic_bool begun;
    atomic_uint waiting;
    int workers;
    atomic_uint live[SOCKETS_MAX];
};

struct drain *drain_new(int workers)
{
    struct drain *d = shm_new(sizeof(*d));
    if (!d)
        return NULL;
    d->workers = workers < SOCKETS_MAX ? workers : SOCKETS_MAX;
    return d;
}

void drain_free(struct drain *d)
{
    shm_free(d, sizeof(*d));
}

bool drain_begin(struct drain *d)
{
    return !atomic_exchange(&d->begun, true);
}

bool drain_begun(const struct drain *d)
{
    return d && atomic_load_explicit(&d->begun, memory_order_relaxed);
}

void drain_note(struct drain *d, int index, unsigned live)
{
    if (d && index < d->workers)
        atomic_store_explicit(&d->live[index], live, memory_order_relaxed);
}

unsigned drain_live(const struct drain *d)
{
    unsigned n = 0, waiting = atomic_load(&d->waiting);
    for (int i = 0; i < d->workers; i++)
        n += atomic_load(&d->live[i]);
    return n > waiting ? n - waiting : 0;
}

void drain_wait(struct drain *d, bool waits)
{
    if (waits)
        atomic_fetch_add(&d->waiting, 1);
    else
        atomic_fetch_sub(&d->waiting, 1);
}
