#ifndef CONFIG_BEDROCK_NAME_H
#define CONFIG_BEDROCK_NAME_H

/* How LiteLLM's users write Bedrock models, regions and endpoints. Pure; slices point into the
 * argument. */

#include "provider/deployment.h"

#include <stdbool.h>

struct bedrock_name {
    struct slice id;      /* id, ARN, or "*" */
    struct slice region;  /* named by the path or the ARN; empty: neither */
    enum bedrock_api api; /* named by the path */
};

/* litellm_params.model. `provider` is custom_llm_provider, empty when not given. NULL when all is
 * well, else what is wrong (static text). */
const char *bedrock_name_parse(struct slice model, struct slice provider,
                               struct bedrock_name *name);

/* The region an ARN names; empty: no ARN, or none in it. */
struct slice bedrock_arn_region(struct slice id);

bool bedrock_id_valid(struct slice id);
bool bedrock_region_valid(struct slice region); /* fit to stand in a host name */

/* http(s)://host[:port], without the slashes at its end; p == NULL: it is none. */
struct slice bedrock_endpoint_parse(struct slice url);

#endif
