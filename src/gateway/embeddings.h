#ifndef GATEWAY_EMBEDDINGS_H
#define GATEWAY_EMBEDDINGS_H

/* What the files of /v1/embeddings share. */

#include "dialect/embeddings.h"
#include "exchange_cache.h"
#include "provider/embed.h"

/* One input that has its vector from the cache, or is to be kept there. */
struct embeddings_slot {
    uint8_t digest[SHA256_SIZE];
    int64_t tokens;
    bool estimated;
    bool found;
};

struct embeddings {
    bool begun;                   /* the cache was looked at */
    struct embed_request request; /* the client's */
    struct embed_request asked;   /* what of it a model is asked for … */
    size_t *places; /* … and where that stands in the client's list; NULL: as it is */
    struct embed_plan plan;
    struct embeddings_item *items; /* one for each of the client's inputs */
    struct embeddings_slot *slots; /* likewise; NULL: the cache is not used */
    size_t looked;                 /* so many inputs were asked for */
    struct llm_usage usage;        /* of what a model was asked for */
    struct llm_usage found;        /* of what was kept */
    size_t images;
};

/* embeddings_cache.c: vectors are kept input by input, so that a list that is known in part asks
 * for the rest. The step of LOOKUP; and once the answer is complete. */
enum lookup embeddings_lookup(struct exchange *ex);
void embeddings_keep(struct exchange *ex);

#endif
