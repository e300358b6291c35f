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
#include "openai_answer.h"
#include "openai_error.h"

static bool parse_stream_options(struct parse *p, yyjson_val *v)
{
    yyjson_val *usage = json_get(v, "include_usage");
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, SLICE("stream_options"), "an object", v);
    if (!usage || yyjson_is_null(usage))
        return true;
    return parse_flag(p, "stream_options.include_usage", usage, &p->r->include_usage);
}

static bool parse_max_completion_tokens(struct parse *p, yyjson_val *v)
{
    return parse_limit(p, "max_completion_tokens", v, &p->r->max_tokens);
}

static bool chat_parse_stop(struct parse *p, yyjson_val *v)
{
    return parse_stop(p, "stop", v);
}

static bool parse_user(struct parse *p, yyjson_val *v)
{
    p->r->user = json_slice(v);
    return p->r->user.p || parse_refuse_type(p, SLICE("user"), "a string", v);
}

static bool parse_metadata(struct parse *p, yyjson_val *v)
{
    p->r->metadata = v;
    return yyjson_is_obj(v) || parse_refuse_type(p, SLICE("metadata"), "an object", v);
}

static bool parse_merge_reasoning(struct parse *p, yyjson_val *v)
{
    return parse_flag(p, "merge_reasoning_content_in_choices", v, &p->r->merge_reasoning);
}

static const struct parse_member members[] = {
    {"model", parse_model},
    {"messages", chat_parse_messages},
    {"stream", parse_stream},
    {"tools", chat_parse_tools},
    {"tool_choice", chat_parse_tool_choice},
    {"max_tokens", parse_max_tokens},
    {"max_completion_tokens", parse_max_completion_tokens}, /* wins, being handled later */
    {"temperature", parse_temperature},
    {"top_p", parse_top_p},
    {"stop", chat_parse_stop},
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
    {"thinking", parse_thinking},
    {"output_config", parse_output_config},
    {"top_k", parse_top_k},
    {"merge_reasoning_content_in_choices", parse_merge_reasoning},
};

bool openai_params_parse(yyjson_val *object, struct arena *a, struct llm_request *out,
                         struct failure *f)
{
    struct parse p = {.a = a, .r = out, .f = f};
    llm_request_init(out);
    if (!yyjson_is_obj(object))
        return failure_set(f, a, FAILURE_BAD_REQUEST, 400,
                           "the request body must be a JSON object, got %s",
                           json_type_name(object));
    return parse_members(&p, object, members, sizeof(members) / sizeof(*members));
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
    .id_header = "x-request-id",
    .parse = chat_parse,
    .encoder = chat_encoder,
    .encode = chat_encode,
    .keep_alive = openai_keep_alive,
    .encode_whole = chat_encode_whole,
    .encode_failure = openai_error_write,
};
