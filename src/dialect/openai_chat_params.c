/* OpenAI chat completions, request side: single parameters with a form of their own. */

#include "openai_chat.h"

static bool take(struct chat_parse *p, const char *name, yyjson_val *v, bool ok,
                 const char *expected, yyjson_val **out)
{
    *out = v;
    return ok || chat_refuse_type(p, slice_of(name), expected, v);
}

/* One answer is what Bedrock gives; for more it is a parameter without counterpart. */
bool chat_parse_n(struct chat_parse *p, yyjson_val *v)
{
    int64_t n;
    if (!json_int(v, &n) || n < 1)
        return chat_refuse(p, SLICE("n"), "must be an integer of at least 1");
    return n == 1 || chat_set_extra(p, SLICE("n"), v);
}

/* ---- response_format ----------------------------------------------------------------------- */

static bool parse_json_schema(struct chat_parse *p, yyjson_val *v)
{
    struct llm_format *f = &p->r->format;
    yyjson_val *schema = json_get(v, "schema");
    if (!yyjson_is_obj(schema))
        return chat_refuse_type(p, SLICE("response_format.json_schema.schema"), "an object",
                                schema);
    f->kind = LLM_FORMAT_SCHEMA;
    f->name = json_get_slice(v, "name");
    f->description = json_get_slice(v, "description");
    f->schema = schema;
    f->strict = yyjson_is_true(json_get(v, "strict"));
    return true;
}

/* json_object sends nothing: the prompt must ask for JSON, which OpenAI demands too. A schema given
 * with it (LiteLLM's response_schema) is one all the same. */
bool chat_parse_response_format(struct chat_parse *p, yyjson_val *v)
{
    struct slice type = json_get_slice(v, "type");
    yyjson_val *schema = json_get(v, "response_schema");
    if (slice_eq(type, SLICE("text")))
        return true;
    if (slice_eq(type, SLICE("json_schema")))
        return parse_json_schema(p, json_get(v, "json_schema"));
    if (!slice_eq(type, SLICE("json_object")))
        return chat_refuse(p, SLICE("response_format"),
                           "type must be 'text', 'json_object' or 'json_schema'");
    p->r->format.kind = yyjson_is_obj(schema) ? LLM_FORMAT_SCHEMA : LLM_FORMAT_JSON;
    p->r->format.schema = schema;
    return true;
}

/* ---- thinking ------------------------------------------------------------------------------ */

/* OpenAI's Responses form {effort, summary} is taken here too. */
bool chat_parse_reasoning_effort(struct chat_parse *p, yyjson_val *v)
{
    struct slice effort = yyjson_is_obj(v) ? json_get_slice(v, "effort") : json_slice(v);
    static const char *const known[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (slice_eq(effort, slice_of(known[i]))) {
            p->r->thinking.effort = effort;
            return true;
        }
    return chat_refuse(p, SLICE("reasoning_effort"),
                       "must be none, minimal, low, medium, high, xhigh or max");
}

static bool parse_budget(struct chat_parse *p, yyjson_val *v)
{
    p->r->thinking.kind = LLM_THINKING_BUDGET;
    if (!v || yyjson_is_null(v))
        return true;
    if (json_int(v, &p->r->thinking.budget) && p->r->thinking.budget >= 0)
        return true;
    return chat_refuse_type(p, SLICE("thinking.budget_tokens"), "an integer", v);
}

bool chat_parse_thinking(struct chat_parse *p, yyjson_val *v)
{
    struct slice type = json_get_slice(v, "type");
    p->r->thinking.display = json_get_slice(v, "display");
    if (slice_eq(type, SLICE("enabled")))
        return parse_budget(p, json_get(v, "budget_tokens"));
    if (slice_eq(type, SLICE("adaptive")))
        p->r->thinking.kind = LLM_THINKING_ADAPTIVE;
    else if (slice_eq(type, SLICE("disabled")))
        p->r->thinking.kind = LLM_THINKING_OFF;
    else
        return chat_refuse(p, SLICE("thinking"), "type must be enabled, adaptive or disabled");
    return true;
}

/* Anthropic's {effort}; what else it may hold is the model's business. */
bool chat_parse_output_config(struct chat_parse *p, yyjson_val *v)
{
    struct slice effort = json_get_slice(v, "effort");
    if (!yyjson_is_obj(v))
        return chat_refuse_type(p, SLICE("output_config"), "an object", v);
    if (yyjson_obj_size(v) > (effort.n ? 1u : 0u))
        return chat_set_extra(p, SLICE("output_config"), v);
    p->r->thinking.output_effort = effort;
    return true;
}

/* ---- others -------------------------------------------------------------------------------- */

bool chat_parse_parallel_tool_calls(struct chat_parse *p, yyjson_val *v)
{
    bool parallel = true;
    if (!chat_parse_flag(p, "parallel_tool_calls", v, &parallel))
        return false;
    p->r->parallel_tool_calls = parallel ? LLM_FLAG_TRUE : LLM_FLAG_FALSE;
    return true;
}

bool chat_parse_service_tier(struct chat_parse *p, yyjson_val *v)
{
    p->r->service_tier = json_slice(v);
    return p->r->service_tier.p || chat_refuse_type(p, SLICE("service_tier"), "a string", v);
}

bool chat_parse_guardrail(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "guardrailConfig", v, yyjson_is_obj(v), "an object", &p->r->guardrail);
}

bool chat_parse_cache_points(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "cache_control_injection_points", v, yyjson_is_arr(v), "a list",
                &p->r->cache_points);
}

bool chat_parse_extra_headers(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "extra_headers", v, yyjson_is_obj(v), "an object", &p->r->headers);
}

bool chat_parse_drop_list(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "additional_drop_params", v, yyjson_is_arr(v), "a list", &p->r->drop_list);
}

bool chat_parse_allowed_params(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "allowed_openai_params", v, yyjson_is_arr(v), "a list", &p->r->allowed_params);
}

/* true stands for LiteLLM's stock answer. */
bool chat_parse_mock_response(struct chat_parse *p, yyjson_val *v)
{
    if (yyjson_is_false(v))
        return true;
    return take(p, "mock_response", v, yyjson_is_str(v) || yyjson_is_true(v), "a string",
                &p->r->mock_response);
}

/* true: for as long as the timeout is. */
bool chat_parse_mock_timeout(struct chat_parse *p, yyjson_val *v)
{
    p->r->mock_timeout = yyjson_is_true(v);
    return yyjson_is_bool(v) || (json_double(v, &p->r->mock_timeout) && p->r->mock_timeout >= 0) ||
           chat_refuse_type(p, SLICE("mock_timeout"), "a boolean or a number of seconds", v);
}

/* ---- attempts ------------------------------------------------------------------------------ */

bool chat_parse_fallbacks(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "fallbacks", v, yyjson_is_arr(v), "a list", &p->r->routing.fallbacks);
}

bool chat_parse_context_fallbacks(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "context_window_fallback_dict", v, yyjson_is_obj(v), "an object",
                &p->r->routing.context_fallbacks);
}

bool chat_parse_tags(struct chat_parse *p, yyjson_val *v)
{
    return take(p, "tags", v, yyjson_is_arr(v), "a list", &p->r->routing.tags);
}

bool chat_parse_region(struct chat_parse *p, yyjson_val *v)
{
    p->r->routing.region = json_slice(v);
    return yyjson_is_str(v) || chat_refuse_type(p, SLICE("allowed_model_region"), "a string", v);
}

bool chat_parse_disable_fallbacks(struct chat_parse *p, yyjson_val *v)
{
    return chat_parse_flag(p, "disable_fallbacks", v, &p->r->routing.disable_fallbacks);
}

bool chat_parse_num_retries(struct chat_parse *p, yyjson_val *v)
{
    return (json_int(v, &p->r->routing.num_retries) && p->r->routing.num_retries >= 0) ||
           chat_refuse(p, SLICE("num_retries"), "must be an integer of at least 0");
}

static bool parse_mock(struct chat_parse *p, const char *name, yyjson_val *v,
                       enum llm_mock_failure mock)
{
    bool wanted = false;
    if (!chat_parse_flag(p, name, v, &wanted))
        return false;
    if (wanted)
        p->r->routing.mock = mock;
    return true;
}

bool chat_parse_mock_fallbacks(struct chat_parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_fallbacks", v, LLM_MOCK_FALLBACK);
}

bool chat_parse_mock_context(struct chat_parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_context_fallbacks", v, LLM_MOCK_CONTEXT);
}

bool chat_parse_mock_policy(struct chat_parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_content_policy_fallbacks", v, LLM_MOCK_POLICY);
}

bool chat_parse_mock_rate_limit(struct chat_parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_rate_limit_error", v, LLM_MOCK_RATE_LIMIT);
}
