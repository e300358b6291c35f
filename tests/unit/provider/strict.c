#include "strict.h"

#include "validate.h"

const char *strict_refusal(struct slice model_id, struct slice body, struct arena *a)
{
    struct fault f = {0};
    yyjson_val *v = json_parse(body, a, NULL);
    if (!v)
        return "the body is not JSON";
    if (validate_converse(v, model_find(model_id), a, &f))
        return NULL;
    return arena_strdup(a, f.message);
}
