/* Members of a body that steer the gateway, whatever the dialect: LiteLLM's own, and those of
 * Bedrock that every API of it takes. None of them reaches a model. */

#include "parse.h"

static bool take(struct parse *p, const char *name, yyjson_val *v, bool ok, const char *expected,
                 yyjson_val **out)
{
    *out = v;
    return ok || parse_refuse_type(p, slice_of(name), expected, v);
}

static bool parse_guardrail(struct parse *p, yyjson_val *v)
{
    return take(p, "guardrailConfig", v, yyjson_is_obj(v), "an object", &p->r->guardrail);
}

static bool parse_guardrails(struct parse *p, yyjson_val *v)
{
    return take(p, "guardrails", v, yyjson_is_arr(v), "a list", &p->r->guardrails);
}

static bool parse_cache_points(struct parse *p, yyjson_val *v)
{
    return take(p, "cache_control_injection_points", v, yyjson_is_arr(v), "a list",
                &p->r->cache_points);
}

/* {"no-cache": true, "ttl": 60, …}: gateway/cache_control.h reads it. */
static bool parse_cache(struct parse *p, yyjson_val *v)
{
    return take(p, "cache", v, yyjson_is_obj(v), "an object", &p->r->cache);
}

static bool parse_caching(struct parse *p, yyjson_val *v)
{
    bool caching = true;
    if (!parse_flag(p, "caching", v, &caching))
        return false;
    p->r->caching = caching ? LLM_FLAG_TRUE : LLM_FLAG_FALSE;
    return true;
}

static bool parse_checks_schema(struct parse *p, yyjson_val *v)
{
    bool checks = false;
    if (!parse_flag(p, "enable_json_schema_validation", v, &checks))
        return false;
    p->r->checks_schema = checks ? LLM_FLAG_TRUE : LLM_FLAG_FALSE;
    return true;
}

static bool parse_extra_headers(struct parse *p, yyjson_val *v)
{
    return take(p, "extra_headers", v, yyjson_is_obj(v), "an object", &p->r->headers);
}

static bool parse_drop_list(struct parse *p, yyjson_val *v)
{
    return take(p, "additional_drop_params", v, yyjson_is_arr(v), "a list", &p->r->drop_list);
}

static bool parse_allowed_params(struct parse *p, yyjson_val *v)
{
    return take(p, "allowed_openai_params", v, yyjson_is_arr(v), "a list", &p->r->allowed_params);
}

/* true stands for LiteLLM's stock answer. */
static bool parse_mock_response(struct parse *p, yyjson_val *v)
{
    if (yyjson_is_false(v))
        return true;
    return take(p, "mock_response", v, yyjson_is_str(v) || yyjson_is_true(v), "a string",
                &p->r->mock_response);
}

static bool parse_mock_delay(struct parse *p, yyjson_val *v)
{
    return (json_double(v, &p->r->mock_delay) && p->r->mock_delay >= 0) ||
           parse_refuse_type(p, SLICE("mock_delay"), "a number of seconds", v);
}

static bool parse_system_first(struct parse *p, yyjson_val *v)
{
    p->r->system_first = json_slice(v);
    return yyjson_is_str(v) || parse_refuse_type(p, SLICE("litellm_system_prompt"), "a string", v);
}

/* true: for as long as the timeout is. */
static bool parse_mock_timeout(struct parse *p, yyjson_val *v)
{
    p->r->mock_timeout = yyjson_is_true(v);
    return yyjson_is_bool(v) || (json_double(v, &p->r->mock_timeout) && p->r->mock_timeout >= 0) ||
           parse_refuse_type(p, SLICE("mock_timeout"), "a boolean or a number of seconds", v);
}

static bool parse_seconds(struct parse *p, const char *name, yyjson_val *v, double *seconds)
{
    if (!json_double(v, seconds))
        return parse_refuse_type(p, slice_of(name), "a number of seconds", v);
    return *seconds > 0 || parse_refuse(p, slice_of(name), "must be more than 0 seconds");
}

static bool parse_timeout(struct parse *p, yyjson_val *v)
{
    return parse_seconds(p, "timeout", v, &p->r->timeout);
}

static bool parse_stream_timeout(struct parse *p, yyjson_val *v)
{
    return parse_seconds(p, "stream_timeout", v, &p->r->stream_timeout);
}

static bool parse_connect_timeout(struct parse *p, yyjson_val *v)
{
    return parse_seconds(p, "connect_timeout", v, &p->r->connect_timeout);
}

static bool parse_first_byte_timeout(struct parse *p, yyjson_val *v)
{
    return parse_seconds(p, "first_byte_timeout", v, &p->r->first_byte_timeout);
}

static bool parse_idle_timeout(struct parse *p, yyjson_val *v)
{
    return parse_seconds(p, "stream_idle_timeout", v, &p->r->stream_idle_timeout);
}

static bool parse_keepalive(struct parse *p, yyjson_val *v)
{
    return parse_seconds(p, "keepalive_seconds", v, &p->r->keepalive);
}

static bool parse_drop_params(struct parse *p, yyjson_val *v)
{
    return parse_flag(p, "drop_params", v, &p->r->drop_params);
}

/* ---- attempts ------------------------------------------------------------------------------ */

static bool parse_fallbacks(struct parse *p, yyjson_val *v)
{
    return take(p, "fallbacks", v, yyjson_is_arr(v), "a list", &p->r->routing.fallbacks);
}

static bool parse_context_fallbacks(struct parse *p, yyjson_val *v)
{
    return take(p, "context_window_fallback_dict", v, yyjson_is_obj(v), "an object",
                &p->r->routing.context_fallbacks);
}

static bool parse_tags(struct parse *p, yyjson_val *v)
{
    return take(p, "tags", v, yyjson_is_arr(v), "a list", &p->r->routing.tags);
}

static bool parse_region(struct parse *p, yyjson_val *v)
{
    p->r->routing.region = json_slice(v);
    return yyjson_is_str(v) || parse_refuse_type(p, SLICE("allowed_model_region"), "a string", v);
}

static bool parse_disable_fallbacks(struct parse *p, yyjson_val *v)
{
    return parse_flag(p, "disable_fallbacks", v, &p->r->routing.disable_fallbacks);
}

static bool parse_tell_errors(struct parse *p, yyjson_val *v)
{
    return parse_flag(p, "include_fallback_errors", v, &p->r->routing.tell_errors);
}

static bool parse_num_retries(struct parse *p, yyjson_val *v)
{
    return (json_int(v, &p->r->routing.num_retries) && p->r->routing.num_retries >= 0) ||
           parse_refuse(p, SLICE("num_retries"), "must be an integer of at least 0");
}

static bool parse_mock(struct parse *p, const char *name, yyjson_val *v, enum llm_mock_failure mock)
{
    bool wanted = false;
    if (!parse_flag(p, name, v, &wanted))
        return false;
    if (wanted)
        p->r->routing.mock = mock;
    return true;
}

static bool parse_mock_fallbacks(struct parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_fallbacks", v, LLM_MOCK_FALLBACK);
}

static bool parse_mock_context(struct parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_context_fallbacks", v, LLM_MOCK_CONTEXT);
}

static bool parse_mock_policy(struct parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_content_policy_fallbacks", v, LLM_MOCK_POLICY);
}

static bool parse_mock_rate_limit(struct parse *p, yyjson_val *v)
{
    return parse_mock(p, "mock_testing_rate_limit_error", v, LLM_MOCK_RATE_LIMIT);
}

/* Known to the gateway or of no meaning to a model: not sent upstream. */
static bool ignore(struct parse *p, yyjson_val *v)
{
    return true;
}

const struct parse_member parse_gateway[] = {
    {"guardrailConfig", parse_guardrail},
    {"cache_control_injection_points", parse_cache_points},
    {"extra_headers", parse_extra_headers},
    {"additional_drop_params", parse_drop_list},
    {"allowed_model_region", parse_region},
    {"allowed_openai_params", parse_allowed_params},
    {"cache", parse_cache},
    {"caching", parse_caching},
    {"connect_timeout", parse_connect_timeout},
    {"context_window_fallback_dict", parse_context_fallbacks},
    {"disable_fallbacks", parse_disable_fallbacks},
    {"drop_params", parse_drop_params},
    {"enable_json_schema_validation", parse_checks_schema},
    {"fallbacks", parse_fallbacks},
    {"first_byte_timeout", parse_first_byte_timeout},
    {"guardrails", parse_guardrails},
    {"include_fallback_errors", parse_tell_errors},
    {"keepalive_seconds", parse_keepalive},
    {"litellm_metadata", ignore},
    {"litellm_session_id", ignore},
    {"litellm_system_prompt", parse_system_first},
    {"litellm_trace_id", ignore},
    {"max_fallbacks", ignore},
    {"max_retries", ignore},
    {"mock_delay", parse_mock_delay},
    {"mock_response", parse_mock_response},
    {"mock_testing_content_policy_fallbacks", parse_mock_policy},
    {"mock_testing_context_fallbacks", parse_mock_context},
    {"mock_testing_fallbacks", parse_mock_fallbacks},
    {"mock_testing_rate_limit_error", parse_mock_rate_limit},
    {"mock_timeout", parse_mock_timeout},
    {"modify_params", ignore},
    {"no-log", ignore},
    {"num_retries", parse_num_retries},
    {"request_timeout", parse_timeout},
    {"stream_idle_timeout", parse_idle_timeout},
    {"stream_timeout", parse_stream_timeout},
    {"tags", parse_tags},
    {"timeout", parse_timeout},
    {"turn_off_message_logging", ignore},
};
const size_t parse_gateway_count = sizeof(parse_gateway) / sizeof(*parse_gateway);
