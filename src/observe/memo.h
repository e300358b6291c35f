#ifndef OBSERVE_MEMO_H
#define OBSERVE_MEMO_H

/* What a sink wrote of texts that it is told again and again: who asks, for which model, which
 * deployment answers. Where the same texts come again their bytes are copied.
 *
 *     const struct slice *made = memo_find(m, &key);
 *     if (!made) write, and memo_keep what was written
 *
 * Bounded: the latest of MEMO_SLOTS; what is larger than MEMO_ROOM is written anew each time. */

#include "base/arena.h"

#define MEMO_SLOTS     128
#define MEMO_ROOM      ((size_t)4096) /* bytes of the texts and what was made of them */
#define MEMO_TEXTS_MAX 25
#define MEMO_PARTS     3

struct memo_key {
    const struct slice *texts; /* one behind the other, as record_new lays them */
    size_t count;              /* 1 to MEMO_TEXTS_MAX */
    uint64_t more;             /* what was written depends on that too */
};

struct memo_entry;

struct memo { /* zeroed, but for the arena */
    struct arena *arena;
    struct memo_entry *slots[MEMO_SLOTS];
};

/* The MEMO_PARTS that were kept, until the next memo_keep; NULL: none were. */
const struct slice *memo_find(const struct memo *m, const struct memo_key *k);
void memo_keep(struct memo *m, const struct memo_key *k, const struct slice parts[MEMO_PARTS]);

#endif
