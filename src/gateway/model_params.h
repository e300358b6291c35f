#ifndef GATEWAY_MODEL_PARAMS_H
#define GATEWAY_MODEL_PARAMS_H

/* Which of OpenAI's parameters a model takes, by LiteLLM's names and in its order. */

#include "provider/deployment.h"
#include "provider/models.h"

#define MODEL_PARAMS_MAX 32

struct model_params {
    const char *v[MODEL_PARAMS_MAX];
    size_t n;
};

struct model_params model_params_of(const struct model *m, enum bedrock_api api);

/* Those that both have, in the order of `a`. */
struct model_params model_params_both(const struct model_params *a, const struct model_params *b);

/* Values of reasoning_effort. False: they are not known. */
bool model_params_efforts(const struct model *m, struct model_params *efforts);

void model_params_write(const struct model_params *p, struct json_writer *w);

#endif
