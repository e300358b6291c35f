#ifndef GATEWAY_MODEL_LIST_H
#define GATEWAY_MODEL_LIST_H

/* The models clients may ask for, by name: aliases, the groups of model_list, and of a wildcard
 * ("bedrock/…") every model that is known to it. */

#include "config/config.h"
#include "model_info.h"

struct model_listed {
    struct slice name;  /* as clients ask for it */
    struct slice group; /* model_name of the deployments behind it */
    struct slice star; /* what the wildcard in their bedrock_id stands for; p == NULL: none there */
    enum bedrock_api api;
};

struct model_list {
    struct model_listed *v; /* in the arena */
    size_t n;
    size_t aliases; /* the first so many */
};

enum model_list_what {
    LIST_WILDCARDS = 1 << 0,       /* the patterns themselves too … */
    LIST_FIXED_WILDCARDS = 1 << 1, /* … or those only that stand for a single model */
    LIST_BLOCKED = 1 << 2          /* groups too, of which all deployments are blocked */
};

/* Each name once; what is hidden is left out. */
struct model_list model_list_new(const struct config *c, unsigned what, struct arena *a);

/* A name that may be asked for, listed or not; false: nothing serves it. */
bool model_list_find(const struct config *c, struct slice name, struct model_listed *l,
                     struct arena *a);

/* The deployment as an entry of the listed name; false: it does not serve it. */
bool model_list_entry(const struct config *c, const struct model_listed *l,
                      const struct deployment *d, struct model_entry *e, struct arena *a);

#endif
