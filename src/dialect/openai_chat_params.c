/* OpenAI chat completions, request side: single parameters with a form of their own. */

#include "openai_chat.h"

/* One answer is what Bedrock gives; for more it is a parameter without counterpart. */
bool chat_parse_n(struct parse *p, yyjson_val *v)
{
    int64_t n;
    if (!json_int(v, &n) || n < 1)
        return parse_refuse(p, SLICE("n"), "must be an integer of at least 1");
    return n == 1 || parse_extra(p, SLICE("n"), v);
}

/* ---- response_format ----------------------------------------------------------------------- */

static bool parse_json_schema(struct parse *p, yyjson_val *v)
{
    struct llm_format *f = &p->r->format;
    yyjson_val *schema = json_get(v, "schema");
    if (!yyjson_is_obj(schema))
        return parse_refuse_type(p, SLICE("response_format.json_schema.schema"), "an object",
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
bool chat_parse_response_format(struct parse *p, yyjson_val *v)
{
    struct slice type = json_get_slice(v, "type");
    yyjson_val *schema = json_get(v, "response_schema");
    if (slice_eq(type, SLICE("text")))
        return true;
    if (slice_eq(type, SLICE("json_schema")))
        return parse_json_schema(p, json_get(v, "json_schema"));
    if (!slice_eq(type, SLICE("json_object")))
        return parse_refuse(p, SLICE("response_format"),
                            "type must be 'text', 'json_object' or 'json_schema'");
    p->r->format.kind = yyjson_is_obj(schema) ? LLM_FORMAT_SCHEMA : LLM_FORMAT_JSON;
    p->r->format.schema = schema;
    p->r->format.enforced = yyjson_is_true(json_get(v, "enforce_validation"));
    return true;
}

/* ---- thinking ------------------------------------------------------------------------------ */

/* OpenAI's Responses form {effort, summary} is taken here too. */
bool chat_parse_reasoning_effort(struct parse *p, yyjson_val *v)
{
    struct slice effort = yyjson_is_obj(v) ? json_get_slice(v, "effort") : json_slice(v);
    static const char *const known[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (slice_eq(effort, slice_of(known[i]))) {
            p->r->thinking.effort = effort;
            return true;
        }
    return parse_refuse(p, SLICE("reasoning_effort"),
                        "must be none, minimal, low, medium, high, xhigh or max");
}

/* ---- others -------------------------------------------------------------------------------- */

bool chat_parse_parallel_tool_calls(struct parse *p, yyjson_val *v)
{
    bool parallel = true;
    if (!parse_flag(p, "parallel_tool_calls", v, &parallel))
        return false;
    p->r->parallel_tool_calls = parallel ? LLM_FLAG_TRUE : LLM_FLAG_FALSE;
    return true;
}

bool chat_parse_service_tier(struct parse *p, yyjson_val *v)
{
    p->r->service_tier = json_slice(v);
    return p->r->service_tier.p || parse_refuse_type(p, SLICE("service_tier"), "a string", v);
}
