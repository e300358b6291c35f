#ifndef GATEWAY_MODEL_GROUP_H
#define GATEWAY_MODEL_GROUP_H

/* What the deployments of one name can do together, as LiteLLM's /model_group/info tells it: the
 * largest limits, the highest prices, every ability that one of them has, the parameters that all
 * of them take. */

#include "model_list.h"
#include "model_params.h"

struct model_group {
    struct slice name;
    size_t deployments;
    yyjson_val *mode, *max_input_tokens, *max_output_tokens; /* NULL: not known */
    yyjson_val *input_cost_per_token, *output_cost_per_token, *input_cost_per_pixel;
    int64_t tpm, rpm, itpm, otpm; /* sums; -1: no limit is configured */
    unsigned abilities;           /* bits by place in the list of abilities */
    bool efforts_known;
    struct model_params efforts, params;
    yyjson_val *clientside; /* configurable_clientside_auth_params, as last said; or NULL */
};

void model_group_read(const struct config *c, const struct model_listed *l, struct model_group *g,
                      struct arena *a);

/* Only mode and limits, for lists. */
void model_group_read_size(const struct config *c, const struct model_listed *l,
                           struct model_group *g, struct arena *a);

/* `is_public`: it stands in public_model_groups. */
void model_group_write(const struct model_group *g, bool is_public, struct json_writer *w);

bool model_group_is_public(const struct config *c, struct slice name);

#endif
