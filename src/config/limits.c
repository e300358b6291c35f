#include "config/limits.h"

#include "config/wildcard.h"

const struct limit_set *model_limits_find(const struct model_limits *limits, struct slice model)
{
    for (size_t i = 0; i < limits->n; i++)
        if (slice_eq(limits->v[i].model, model))
            return &limits->v[i].limits;
    return NULL;
}

static bool allows(struct slice name, struct slice model)
{
    if (slice_eq(name, model) || slice_eq(name, SLICE("all-proxy-models")))
        return true;
    return slice_find_char(name, '*') >= 0 && wildcard_match(name, model).p;
}

bool models_allow(const struct slice *models, size_t n, struct slice model)
{
    for (size_t i = 0; i < n; i++)
        if (allows(models[i], model))
            return true;
    return n == 0;
}
