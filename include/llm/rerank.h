#ifndef LLM_RERANK_H
#define LLM_RERANK_H

/* What is to be put in order: between dialect and provider of rerank. */

#include "base/json.h"

#define RERANK_PER_UNIT 100 /* documents of one search unit, which is what is paid for */

struct rerank_request {
    struct slice query;
    yyjson_val *documents;   /* strings and objects; at least one */
    size_t count;            /* of them */
    size_t top_n;            /* how many the client wants back, at most count */
    yyjson_val *rank_fields; /* of objects only these members count, in this order; or NULL: all */
    bool return_documents;
};

struct rerank_result {
    size_t index;       /* of the document */
    struct slice score; /* a JSON number */
};

#endif
