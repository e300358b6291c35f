#include "validate.h"

#include "claude.h"
#include "rules.h"
#include "schema.h"

/* `rules` ends in NULL. */
static bool hold(bool (*const *rules)(const struct check *c), const struct check *c)
{
    for (size_t i = 0; rules[i]; i++)
        if (!rules[i](c))
            return false;
    return true;
}

bool validate_converse(yyjson_val *body, const struct model *model, struct arena *a,
                       struct fault *f)
{
    /* The order is the service's: its own checks first, then what the model says. */
    static bool (*const rules[])(const struct check *c) = {
        rules_conversation, rules_tool_config, rules_tool_turns, rules_media,  rules_cache_points,
        rules_inference,    rules_fields,      rules_thinking,   rules_output, NULL,
    };
    const struct check c = {body, model, a, f, false};
    return schema_check(&shape_converse_request, body, a, f) && hold(rules, &c);
}

bool validate_claude(yyjson_val *body, const struct model *model, struct arena *a, struct fault *f,
                     yyjson_val **converse)
{
    static bool (*const own[])(const struct check *c) = {
        claude_rules_fields, claude_rules_conversation, claude_rules_tools,
        claude_rules_media,  claude_rules_cache,        NULL,
    };
    static bool (*const shared[])(const struct check *c) = {
        rules_prefill, rules_inference, rules_fields, rules_thinking, rules_output, NULL,
    };
    struct check c = {body, model, a, f, true};
    f->bare = true;
    if (!native_check(&claude_shape, VOICE_ANTHROPIC, body, a, f) || !hold(own, &c))
        return false;
    *converse = c.body = claude_to_converse(body, a);
    if (!c.body)
        return fault_validation(f, a, "The request is nested too deeply.");
    return hold(shared, &c);
}

bool validate_count_tokens(yyjson_val *body, struct arena *a, struct fault *f)
{
    return schema_check(&shape_count_tokens_request, body, a, f);
}
