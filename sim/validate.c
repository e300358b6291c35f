#include "validate.h"

#include "rules.h"
#include "schema.h"

bool validate_converse(yyjson_val *body, const struct model *model, struct arena *a,
                       struct fault *f)
{
    /* The order is the service's: its own checks first, then what the model says. */
    static bool (*const rules[])(const struct check *c) = {
        rules_conversation, rules_tool_config, rules_tool_turns, rules_media,
        rules_cache_points, rules_inference,   rules_fields,     rules_thinking,
    };
    const struct check c = {body, model, a, f};
    if (!schema_check(&shape_converse_request, body, a, f))
        return false;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (!rules[i](&c))
            return false;
    return true;
}

bool validate_count_tokens(yyjson_val *body, struct arena *a, struct fault *f)
{
    return schema_check(&shape_count_tokens_request, body, a, f);
}
