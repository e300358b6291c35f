/* OpenAI chat completions, request side (POST /v1/chat/completions): the members of the body.
 *
 * The happy path: one walk over the members; each has a row in `members` with its handler; null
 * counts as absent, as LiteLLM and OpenAI treat it, and of duplicates the last one counts. What no
 * row names goes into request->extra, and the provider decides whether to pass it on.
 *
 * Failure modes: a member of the wrong type or value is a 400 that names it. OpenAI parameters that
 * Bedrock has nothing for are FAILURE_UNSUPPORTED unless the deployment drops them; since the
 * deployment is not known yet, they are extras and the provider judges them. */

#include "openai_chat.h"
#include "openai_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STOP_MAX  2500 /* Converse takes at most that many stop sequences */
#define EXTRA_MAX 256  /* members that no row names; they are looked up one by one */

bool chat_refuse(struct chat_parse *p, struct slice path, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return failure_bad_param(p->f, p->a, path.p, "%s: %s", path.p, message);
}

bool chat_refuse_type(struct chat_parse *p, struct slice path, const char *expected, yyjson_val *v)
{
    return chat_refuse(p, path, "expected %s, got %s", expected, json_type_name(v));
}

static struct slice path_join(struct chat_parse *p, struct slice base, struct slice tail)
{
    char *path = arena_alloc(p->a, base.n + tail.n + 1);
    memcpy(path, base.p, base.n);
    memcpy(path + base.n, tail.p, tail.n);
    path[base.n + tail.n] = '\0';
    return slice_make(path, base.n + tail.n);
}

struct slice chat_path_member(struct chat_parse *p, struct slice base, struct slice member)
{
    return path_join(p, path_join(p, base, SLICE(".")), member);
}

struct slice chat_path_item(struct chat_parse *p, struct slice base, size_t i)
{
    char tail[24];
    size_t at = sizeof(tail);
    tail[--at] = ']';
    do
        tail[--at] = (char)('0' + i % 10);
    while (i /= 10);
    tail[--at] = '[';
    return path_join(p, base, slice_make(tail + at, sizeof(tail) - at));
}

static bool parse_model(struct chat_parse *p, yyjson_val *v)
{
    p->r->model = json_slice(v);
    return p->r->model.p || chat_refuse_type(p, SLICE("model"), "a string", v);
}

/* LiteLLM's clients send "true" here and there; only real booleans and those two strings count. */
bool chat_parse_flag(struct chat_parse *p, const char *name, yyjson_val *v, bool *flag)
{
    struct slice s = json_slice(v);
    if (yyjson_is_bool(v) || slice_eq(s, SLICE("true")) || slice_eq(s, SLICE("false"))) {
        *flag = yyjson_is_true(v) || slice_eq(s, SLICE("true"));
        return true;
    }
    return chat_refuse_type(p, slice_of(name), "a boolean", v);
}

/* The string "true" gets a whole answer from LiteLLM, and clients that send it have learnt to read
 * that. */
static bool parse_stream(struct chat_parse *p, yyjson_val *v)
{
    bool valid = chat_parse_flag(p, "stream", v, &p->r->stream);
    p->r->stream = p->r->stream && yyjson_is_bool(v);
    return valid;
}

static bool parse_stream_options(struct chat_parse *p, yyjson_val *v)
{
    yyjson_val *usage = json_get(v, "include_usage");
    if (!yyjson_is_obj(v))
        return chat_refuse_type(p, SLICE("stream_options"), "an object", v);
    if (!usage || yyjson_is_null(usage))
        return true;
    return chat_parse_flag(p, "stream_options.include_usage", usage, &p->r->include_usage);
}

static bool parse_limit(struct chat_parse *p, const char *name, yyjson_val *v, int64_t *limit)
{
    if (!json_int(v, limit))
        return chat_refuse_type(p, slice_of(name), "an integer", v);
    if (*limit < 1)
        return chat_refuse(p, slice_of(name), "must be at least 1");
    return true;
}

static bool parse_max_tokens(struct chat_parse *p, yyjson_val *v)
{
    return parse_limit(p, "max_tokens", v, &p->r->max_tokens);
}

static bool parse_max_completion_tokens(struct chat_parse *p, yyjson_val *v)
{
    return parse_limit(p, "max_completion_tokens", v, &p->r->max_tokens);
}

static bool parse_number(struct chat_parse *p, const char *name, yyjson_val *v, double low,
                         double high, yyjson_val **out)
{
    double value;
    if (!json_double(v, &value))
        return chat_refuse_type(p, slice_of(name), "a number", v);
    if (value < low || value > high)
        return chat_refuse(p, slice_of(name), "must be between %g and %g", low, high);
    *out = v;
    return true;
}

static bool parse_temperature(struct chat_parse *p, yyjson_val *v)
{
    return parse_number(p, "temperature", v, 0, 2, &p->r->temperature);
}

static bool parse_top_p(struct chat_parse *p, yyjson_val *v)
{
    return parse_number(p, "top_p", v, 0, 1, &p->r->top_p);
}

static bool parse_top_k(struct chat_parse *p, yyjson_val *v)
{
    int64_t k;
    p->r->top_k = v;
    return (json_int(v, &k) && k >= 0) || chat_refuse_type(p, SLICE("top_k"), "an integer", v);
}

static bool parse_stop(struct chat_parse *p, yyjson_val *v)
{
    size_t n = yyjson_is_arr(v) ? yyjson_arr_size(v) : 1;
    if (n > STOP_MAX)
        return chat_refuse(p, SLICE("stop"), "at most %d sequences", STOP_MAX);
    /* One more than needed: an empty list is not "unset". */
    p->r->stop = arena_alloc(p->a, (n + 1) * sizeof(*p->r->stop));
    p->r->stop_count = n;
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item = yyjson_is_arr(v) ? yyjson_arr_get(v, i) : v;
        p->r->stop[i] = json_slice(item);
        if (!p->r->stop[i].p)
            return chat_refuse_type(p, SLICE("stop"), "a string or a list of strings", item);
    }
    return true;
}

static bool parse_user(struct chat_parse *p, yyjson_val *v)
{
    p->r->user = json_slice(v);
    return p->r->user.p || chat_refuse_type(p, SLICE("user"), "a string", v);
}

static bool parse_metadata(struct chat_parse *p, yyjson_val *v)
{
    p->r->metadata = v;
    return yyjson_is_obj(v) || chat_refuse_type(p, SLICE("metadata"), "an object", v);
}

static bool parse_seconds(struct chat_parse *p, const char *name, yyjson_val *v, double *seconds)
{
    if (!json_double(v, seconds))
        return chat_refuse_type(p, slice_of(name), "a number of seconds", v);
    return *seconds > 0 || chat_refuse(p, slice_of(name), "must be more than 0 seconds");
}

static bool parse_timeout(struct chat_parse *p, yyjson_val *v)
{
    return parse_seconds(p, "timeout", v, &p->r->timeout);
}

static bool parse_stream_timeout(struct chat_parse *p, yyjson_val *v)
{
    return parse_seconds(p, "stream_timeout", v, &p->r->stream_timeout);
}

static bool parse_drop_params(struct chat_parse *p, yyjson_val *v)
{
    return chat_parse_flag(p, "drop_params", v, &p->r->drop_params);
}

static bool parse_merge_reasoning(struct chat_parse *p, yyjson_val *v)
{
    return chat_parse_flag(p, "merge_reasoning_content_in_choices", v, &p->r->merge_reasoning);
}

/* Known to the gateway or of no meaning to a model: not sent upstream. */
static bool ignore(struct chat_parse *p, yyjson_val *v)
{
    return true;
}

static const struct member {
    const char *name;
    bool (*parse)(struct chat_parse *p, yyjson_val *v);
} members[] = {
    {"model", parse_model},
    {"messages", chat_parse_messages},
    {"stream", parse_stream},
    {"tools", chat_parse_tools},
    {"tool_choice", chat_parse_tool_choice},
    {"max_tokens", parse_max_tokens},
    {"max_completion_tokens", parse_max_completion_tokens}, /* wins, being handled later */
    {"temperature", parse_temperature},
    {"top_p", parse_top_p},
    {"stop", parse_stop},
    {"stream_options", parse_stream_options},
    {"user", parse_user},
    {"metadata", parse_metadata},
    {"n", chat_parse_n},
    {"response_format", chat_parse_response_format},
    {"parallel_tool_calls", chat_parse_parallel_tool_calls},
    {"reasoning_effort", chat_parse_reasoning_effort},
    {"service_tier", chat_parse_service_tier},
    {"functions", chat_parse_functions},
    {"function_call", chat_parse_function_call},
    /* Of other providers, which LiteLLM takes here too. */
    {"thinking", chat_parse_thinking},
    {"output_config", chat_parse_output_config},
    {"top_k", parse_top_k},
    {"guardrailConfig", chat_parse_guardrail},
    {"cache_control_injection_points", chat_parse_cache_points},
    {"extra_headers", chat_parse_extra_headers},
    /* LiteLLM's own request members: they steer the gateway. */
    {"additional_drop_params", chat_parse_drop_list},
    {"allowed_model_region", chat_parse_region},
    {"allowed_openai_params", chat_parse_allowed_params},
    {"cache", ignore},
    {"context_window_fallback_dict", chat_parse_context_fallbacks},
    {"disable_fallbacks", chat_parse_disable_fallbacks},
    {"drop_params", parse_drop_params},
    {"fallbacks", chat_parse_fallbacks},
    {"litellm_metadata", ignore},
    {"litellm_session_id", ignore},
    {"litellm_trace_id", ignore},
    {"max_fallbacks", ignore},
    {"max_retries", ignore},
    {"mock_delay", ignore},
    {"merge_reasoning_content_in_choices", parse_merge_reasoning},
    {"mock_response", chat_parse_mock_response},
    {"mock_testing_content_policy_fallbacks", chat_parse_mock_policy},
    {"mock_testing_context_fallbacks", chat_parse_mock_context},
    {"mock_testing_fallbacks", chat_parse_mock_fallbacks},
    {"mock_testing_rate_limit_error", chat_parse_mock_rate_limit},
    {"mock_timeout", chat_parse_mock_timeout},
    {"modify_params", ignore},
    {"no-log", ignore},
    {"num_retries", chat_parse_num_retries},
    {"request_timeout", parse_timeout},
    {"stream_timeout", parse_stream_timeout},
    {"tags", chat_parse_tags},
    {"timeout", parse_timeout},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(*members))

/* Row of the member, or MEMBER_COUNT. */
static size_t find_member(struct slice name)
{
    size_t i = 0;
    while (i < MEMBER_COUNT && !slice_eq(name, slice_of(members[i].name)))
        i++;
    return i;
}

/* In place of an earlier one of that name, else at the end. */
bool chat_set_extra(struct chat_parse *p, struct slice name, yyjson_val *value)
{
    struct llm_extra **at = &p->r->extra;
    int count = 0;
    for (; *at && !slice_eq((*at)->name, name); at = &(*at)->next)
        count++;
    if (count == EXTRA_MAX)
        return failure_set(p->f, p->a, FAILURE_BAD_REQUEST, 400,
                           "at most %d members that are not known", EXTRA_MAX);
    if (!*at)
        *at = ARENA_NEW(p->a, struct llm_extra);
    (*at)->name = name;
    (*at)->value = value;
    return true;
}

static void drop_null_extras(struct llm_request *r)
{
    struct llm_extra **at = &r->extra;
    while (*at) {
        if (yyjson_is_null((*at)->value))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

static bool parse_members(struct chat_parse *p, yyjson_val *body)
{
    yyjson_val *key, *found[MEMBER_COUNT] = {NULL};
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        size_t row = find_member(json_slice(key));
        if (row < MEMBER_COUNT)
            found[row] = value;
        else if (!chat_set_extra(p, json_slice(key), value))
            return false;
    }
    drop_null_extras(p->r);
    for (size_t i = 0; i < MEMBER_COUNT; i++)
        if (found[i] && !yyjson_is_null(found[i]) && !members[i].parse(p, found[i]))
            return false;
    return true;
}

bool openai_params_parse(yyjson_val *object, struct arena *a, struct llm_request *out,
                         struct failure *f)
{
    struct chat_parse p = {.a = a, .r = out, .f = f};
    llm_request_init(out);
    if (!yyjson_is_obj(object))
        return failure_set(f, a, FAILURE_BAD_REQUEST, 400,
                           "the request body must be a JSON object, got %s",
                           json_type_name(object));
    return parse_members(&p, object);
}

static bool chat_parse(yyjson_val *body, struct arena *a, struct llm_request *out,
                       struct failure *f)
{
    yyjson_val *messages = json_get(body, "messages");
    llm_request_init(out);
    if (yyjson_is_obj(body) && (!messages || yyjson_is_null(messages)))
        return failure_missing_param(f, a, "messages");
    return openai_params_parse(body, a, out, f);
}

const struct dialect dialect_openai_chat = {
    .name = "openai_chat",
    .parse = chat_parse,
    .encoder = chat_encoder,
    .encode = chat_encode,
    .encode_whole = chat_encode_whole,
    .encode_failure = openai_error_write,
};
