#ifndef SIM_USAGE_H
#define SIM_USAGE_H

/* Token counts from the text (four bytes a token), and what prompt caching makes of them.
 * A cache point closes a prefix along tools → system → messages. A prefix is known by a hash chain
 * over the blocks; as the service does, a point also finds a known prefix that ends up to 20 blocks
 * before it. Pure: the time is an argument. */

#include "body.h"

#include "base/list.h"

#define PREFIXES_MAX       4096
#define PREFIX_BUCKETS     4096
#define PREFIX_DIGEST_SIZE 16

struct prefix {
    struct list use;    /* in prefix_cache.used, least recently used first */
    struct list bucket; /* in its bucket */
    uint8_t digest[PREFIX_DIGEST_SIZE];
    int64_t expires; /* ms */
};

struct prefix_cache {
    struct prefix entries[PREFIXES_MAX];
    struct list buckets[PREFIX_BUCKETS];
    struct list used;
    size_t count; /* entries in use */
};

void prefix_cache_init(struct prefix_cache *cache); /* also empties */

struct usage {
    int64_t input, output; /* input: neither read from nor written to the cache */
    int64_t thinking;      /* of the output */
    int64_t read, write;
    int64_t write_hour; /* of `write`, with a TTL of one hour */
    bool cached;        /* the model caches: the counts are reported, zero or not */
};

/* Counts a request, and remembers its prefixes until `now` (ms) + TTL. `cache` NULL: no caching. */
struct usage usage_of_request(yyjson_val *body, const struct model *model,
                              struct prefix_cache *cache, int64_t now, struct arena *a);

int64_t usage_tokens(size_t bytes);
int64_t usage_total(const struct usage *u);
void usage_write(struct json_writer *w, const struct usage *u); /* the TokenUsage object */

#endif
