#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

/* Model name → deployment. A name is looked up as a group, then as an alias of one, then against
 * the groups with a wildcard ("bedrock/…"). Within a group each deployment is equally likely. */

#include "config.h"

struct router_pick {
    const struct deployment *deployment; /* NULL: no such model */
    struct slice group;                  /* model_name of the group */
    struct slice model_id;               /* Bedrock id to call */
    enum bedrock_api api;                /* the deployment's, or named with the wildcard's match */
};

/* `random` decides within the group. The result points into the configuration or into `model`. */
struct router_pick router_pick(const struct config *c, struct slice model, uint32_t random);

#endif
