#ifndef GATEWAY_ROUTER_CHOOSE_H
#define GATEWAY_ROUTER_CHOOSE_H

#include "router.h"

/* One deployment of a group; sets deployment, or refusal and wait_ms. `model`: as it is called, no
 * alias. */
void router_choose(const struct config *c, const struct router_query *q, const struct pool *pool,
                   struct slice model, struct router_pick *pick, struct arena *a);

/* The id that a deployment calls for a model, and over which API. */
struct slice router_model_id(const struct deployment *d, struct slice model, enum bedrock_api *api,
                             struct arena *a);

#endif
