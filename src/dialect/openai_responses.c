/* OpenAI's Responses, request side (POST /v1/responses): the members of the body.
 *
 * The happy path: one walk over the members; each has a row in `members` with its handler. What no
 * row names goes into request->extra as optional: a model that takes it gets it, others do not,
 * since agents send members that only OpenAI's own servers know. What a request refers to
 * (previous_response_id, item references) was put into its input before (openai_responses_kept.c).
 *
 * Failure modes: a member of the wrong type or value is a 400 that names it; so is what would need
 * a server that runs on its own (background, conversation, prompt). */

#include "openai_responses.h"

#include "openai_answer.h"
#include "openai_chat.h"
#include "openai_error.h"

/* ---- parameters ---------------------------------------------------------------------------- */

static bool parse_instructions(struct parse *p, yyjson_val *v)
{
    struct llm_block **tail = &p->r->system;
    if (!yyjson_is_str(v))
        return parse_refuse_type(p, SLICE("instructions"), "a string", v);
    llm_block_add(&tail, p->a, LLM_TEXT)->text = json_slice(v);
    p->r->system_count++;
    return true;
}

static bool parse_max_output_tokens(struct parse *p, yyjson_val *v)
{
    return parse_limit(p, "max_output_tokens", v, &p->r->max_tokens);
}

static bool is_given(yyjson_val *v)
{
    return v && !yyjson_is_null(v);
}

/* {effort, summary}; without an effort the model thinks as it does by itself. */
static bool parse_reasoning(struct parse *p, yyjson_val *v)
{
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, SLICE("reasoning"), "an object", v);
    return !is_given(json_get(v, "effort")) || chat_parse_reasoning_effort(p, v);
}

static bool parse_schema(struct parse *p, yyjson_val *format)
{
    struct llm_format *f = &p->r->format;
    yyjson_val *schema = json_get(format, "schema");
    if (!yyjson_is_obj(schema))
        return parse_refuse_type(p, SLICE("text.format.schema"), "an object", schema);
    f->kind = LLM_FORMAT_SCHEMA;
    f->name = json_get_slice(format, "name");
    f->description = json_get_slice(format, "description");
    f->schema = schema;
    f->strict = yyjson_is_true(json_get(format, "strict"));
    return true;
}

/* {format, verbosity}; no model of Bedrock's knows the latter. */
static bool parse_text(struct parse *p, yyjson_val *v)
{
    yyjson_val *format = json_get(v, "format");
    struct slice type = json_get_slice(format, "type");
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, SLICE("text"), "an object", v);
    if (is_given(json_get(v, "verbosity")))
        p->r->left_out = true;
    if (!is_given(format) || slice_eq(type, SLICE("text")))
        return true;
    if (slice_eq(type, SLICE("json_schema")))
        return parse_schema(p, format);
    if (!slice_eq(type, SLICE("json_object")))
        return parse_refuse(p, SLICE("text.format"),
                            "type must be 'text', 'json_object' or 'json_schema'");
    p->r->format.kind = LLM_FORMAT_JSON;
    return true;
}

static bool parse_user(struct parse *p, yyjson_val *v)
{
    p->r->user = json_slice(v);
    return p->r->user.p || parse_refuse_type(p, SLICE("user"), "a string", v);
}

/* What took the place of `user`; never sent upstream either. */
static bool parse_safety_identifier(struct parse *p, yyjson_val *v)
{
    if (!yyjson_is_str(v))
        return parse_refuse_type(p, SLICE("safety_identifier"), "a string", v);
    if (!p->r->user.n)
        p->r->user = json_slice(v);
    return true;
}

static bool parse_metadata(struct parse *p, yyjson_val *v)
{
    p->r->metadata = v;
    return yyjson_is_obj(v) || parse_refuse_type(p, SLICE("metadata"), "an object", v);
}

/* ---- what is kept, or runs, elsewhere ------------------------------------------------------ */

static bool parse_store(struct parse *p, yyjson_val *v)
{
    bool store;
    return parse_flag(p, "store", v, &store);
}

static bool parse_previous(struct parse *p, yyjson_val *v)
{
    return yyjson_is_str(v) || parse_refuse_type(p, SLICE("previous_response_id"), "a string", v);
}

static bool parse_background(struct parse *p, yyjson_val *v)
{
    bool background = false;
    if (!parse_flag(p, "background", v, &background))
        return false;
    return !background || parse_refuse(p, SLICE("background"),
                                       "responses are not made in the background: stream instead");
}

static bool parse_conversation(struct parse *p, yyjson_val *v)
{
    return parse_refuse(p, SLICE("conversation"),
                        "conversations are not kept: send previous_response_id, or all of it");
}

static bool parse_prompt(struct parse *p, yyjson_val *v)
{
    return parse_refuse(p, SLICE("prompt"), "prompts are not kept: send input and instructions");
}

/* Of no meaning to a model, or (truncation) what happens when it cannot be done: the error that the
 * prompt is too long. */
static bool ignore(struct parse *p, yyjson_val *v)
{
    return true;
}

static const struct parse_member members[] = {
    {"model", parse_model},
    {"stream", parse_stream},
    {"instructions", parse_instructions},
    {"input", responses_parse_input},
    {"tools", responses_parse_tools},
    {"tool_choice", responses_parse_tool_choice},
    {"parallel_tool_calls", chat_parse_parallel_tool_calls},
    {"max_output_tokens", parse_max_output_tokens},
    {"temperature", parse_temperature},
    {"top_p", parse_top_p},
    {"reasoning", parse_reasoning},
    {"text", parse_text},
    {"user", parse_user},
    {"safety_identifier", parse_safety_identifier},
    {"metadata", parse_metadata},
    {"service_tier", chat_parse_service_tier},
    {"store", parse_store},
    {"previous_response_id", parse_previous},
    {"background", parse_background},
    {"conversation", parse_conversation},
    {"prompt", parse_prompt},
    {"client_metadata", ignore},
    {"context_management", ignore},
    {"include", ignore},
    {"max_tool_calls", ignore}, /* of tools that run at OpenAI */
    {"prompt_cache_key", ignore},
    {"prompt_cache_options", ignore},
    {"prompt_cache_retention", ignore},
    {"stream_options", ignore},
    {"truncation", ignore},
    /* Of other providers, which LiteLLM takes here too. */
    {"thinking", parse_thinking},
    {"output_config", parse_output_config},
    {"top_k", parse_top_k},
};

/* What clients say of Bedrock itself is meant. */
static bool is_of_bedrock(struct slice name)
{
    static const char *const names[] = {"additionalModelRequestFields",
                                        "anthropic_beta",
                                        "extra_body",
                                        "performanceConfig",
                                        "promptVariables",
                                        "requestMetadata",
                                        "serviceTier"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

static bool responses_parse(yyjson_val *body, struct arena *a, struct llm_request *out,
                            struct failure *f)
{
    struct parse p = {.a = a, .r = out, .f = f};
    llm_request_init(out);
    if (!yyjson_is_obj(body))
        return failure_set(f, a, FAILURE_BAD_REQUEST, 400,
                           "the request body must be a JSON object, got %s", json_type_name(body));
    if (!is_given(json_get(body, "input")))
        return failure_missing_param(f, a, "input");
    if (!parse_members(&p, body, members, sizeof(members) / sizeof(*members)))
        return false;
    for (struct llm_extra *e = out->extra; e; e = e->next)
        e->optional = !is_of_bedrock(e->name);
    out->said = body;
    return true;
}

const struct dialect dialect_openai_responses = {
    .name = "openai_responses",
    .id_header = "x-request-id",
    .parse = responses_parse,
    .encoder = responses_encoder,
    .encode = responses_encode,
    .keep_alive = openai_keep_alive,
    .encode_whole = responses_encode_whole,
    .encode_failure = openai_error_write,
    .kept = responses_kept,
};
