#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

/* Model name → deployment. A name is looked up as a group, then as an alias of another name; what
 * is no group is held against the groups with a wildcard ("bedrock/…"). Within a group each
 * deployment is equally likely. */

#include "config.h"

struct router_pick {
    const struct deployment *deployment; /* NULL: no such model */
    struct slice group;                  /* model_name of the group */
    struct slice model_id;               /* Bedrock id to call */
    enum bedrock_api api;                /* the deployment's, or named with the wildcard's match */
};

/* `random` decides within the group. The result points into the configuration, `model` or `a`. */
struct router_pick router_pick(const struct config *c, struct slice model, uint32_t random,
                               struct arena *a);

/* Facts about the model that a deployment calls by that id: its own, or one its wildcard stands
 * for. */
const struct model *router_facts(const struct config *c, const struct deployment *d,
                                 struct slice id, struct arena *a);

/* What the '*' of a pattern stands for in `name`; p == NULL: no match, or no '*'. */
struct slice router_wildcard(struct slice pattern, struct slice name);

/* A text with something in the place of its '*'. */
struct slice router_fill(struct slice pattern, struct slice star, struct arena *a);

bool router_is_wildcard(const struct deployment *d); /* it calls whatever model the client names */

/* The group behind an alias (a name, or an object {model, hidden}); p == NULL: it is none. */
struct slice router_alias(const struct config *c, struct slice name);

#endif
