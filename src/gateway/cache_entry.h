#ifndef GATEWAY_CACHE_ENTRY_H
#define GATEWAY_CACHE_ENTRY_H

/* What lies in the response cache, as bytes (base/pack.h). Pure; nothing read is trusted.
 *
 *     an answer:  version (1)  stored_at (8, little-endian)  created  id  deployment  group  model
 *                 then its events (llm/record.h)
 *     a vector:   version (1)  stored_at (8)  tokens  estimated (1)  type  json
 *
 * Sealed, each ends in the CRC-32 of all of it (4). */

#include "base/buf.h"

struct cache_entry {
    int64_t stored_at;       /* unix seconds */
    int64_t created;         /* unix seconds: what the answer says of itself */
    struct slice id;         /* likewise, without what a dialect puts in front */
    struct slice deployment; /* that made it: its id, its group, and the model's id */
    struct slice group, model;
};

/* The events follow. */
void cache_entry_begin(struct buf *out, const struct cache_entry *e);

/* It is complete: sets stored_at, adds the seal. */
void cache_entry_seal(struct buf *entry, int64_t now);

/* Checks the seal and cuts it off. */
bool cache_entry_open(struct slice *bytes);

/* Cuts the head off an open one; texts point into it. False: not an entry of this version. */
bool cache_entry_read(struct slice *rest, struct cache_entry *e);

struct cache_vector {
    int64_t stored_at;
    int64_t tokens; /* of its input */
    bool estimated; /* nobody counted them */
    struct slice type, json;
};

/* Sealed. */
void cache_vector_write(struct buf *out, const struct cache_vector *v);
bool cache_vector_read(struct slice bytes, struct cache_vector *v);

#endif
