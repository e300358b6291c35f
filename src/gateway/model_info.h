#ifndef GATEWAY_MODEL_INFO_H
#define GATEWAY_MODEL_INFO_H

/* What LiteLLM's clients read about one deployment: {model_name, litellm_params, model_info}. */

#include "base/map.h"
#include "provider/deployment.h"
#include "provider/models.h"

struct model_entry {
    struct slice name;  /* what clients ask for */
    struct slice model; /* litellm_params.model; of a wildcard with the model's id in it */
    const struct deployment *deployment;
    const struct model *facts;
    enum bedrock_api api;
};

/* Which members model_info has: made once for an answer. */
struct model_info_writer {
    struct map fields; /* name → its place among them */
};

void model_info_init(struct model_info_writer *i);
void model_info_fini(struct model_info_writer *i);
void model_info_write(const struct model_info_writer *i, const struct model_entry *e,
                      struct json_writer *w);

#endif
