#ifndef DIALECT_OPENAI_EXTRA_H
#define DIALECT_OPENAI_EXTRA_H

/* Members that openai_params_parse knew nothing of and kept in r->extra: a dialect picks out those
 * that are its own, the provider judges the rest. NULL: not there. */

#include "llm/request.h"

static inline yyjson_val *openai_find_extra(const struct llm_request *r, const char *name)
{
    for (const struct llm_extra *e = r->extra; e; e = e->next)
        if (slice_eq(e->name, slice_of(name)))
            return e->value;
    return NULL;
}

static inline yyjson_val *openai_take_extra(struct llm_request *r, const char *name)
{
    for (struct llm_extra **at = &r->extra; *at; at = &(*at)->next) {
        yyjson_val *value = (*at)->value;
        if (!slice_eq((*at)->name, slice_of(name)))
            continue;
        *at = (*at)->next;
        return value;
    }
    return NULL;
}

#endif
