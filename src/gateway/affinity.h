#ifndef GATEWAY_AFFINITY_H
#define GATEWAY_AFFINITY_H

/* Who was served by which deployment last: sessions, keys and prompts, by a hash of them. A wrong
 * or forgotten entry costs a cache of Bedrock's, no more.
 *
 * Bounded: AFFINITY_MAX entries, the least recently used goes first; memory is taken with the first
 * entry. Time in ms. */

#include "base/slice.h"

#define AFFINITY_MAX 16384

struct affinity;

struct affinity *affinity_new(void);
void affinity_free(struct affinity *a); /* NULL is fine */

/* A hash of one thing behind another, 0 being none of them; never 0. */
uint64_t affinity_hash(uint64_t before, struct slice s);

/* 0: not known (any more). */
uint32_t affinity_get(struct affinity *a, uint64_t key, int64_t now);
void affinity_put(struct affinity *a, uint64_t key, uint32_t serial, int64_t ttl_ms, int64_t now);
size_t affinity_count(const struct affinity *a);

#endif
