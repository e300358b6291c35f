#ifndef BASE_MAP_H
#define BASE_MAP_H

/* String → pointer hash (open addressing). Keys are not copied: they must outlive the map.
 * Values must not be NULL. */

#include "base/slice.h"

struct map_slot;

struct map {
    uint64_t seed;          /* differs from process to process: keys may be a client's */
    struct map_slot *slots; /* NULL until the first put */
    size_t size;            /* slots, a power of two */
    size_t count;           /* keys in use */
};

void map_init(struct map *m);
void map_fini(struct map *m);
void *map_get(const struct map *m, struct slice key);       /* NULL: not there */
void map_put(struct map *m, struct slice key, void *value); /* replaces */

#endif
