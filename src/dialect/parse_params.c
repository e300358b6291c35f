/* Parameters that several APIs call alike: OpenAI's that Anthropic has too, and Anthropic's
 * thinking, which LiteLLM takes everywhere. A value of the wrong type or out of range is a 400. */

#include "parse.h"

#define STOP_MAX 2500 /* Converse takes at most that many stop sequences */

bool parse_model(struct parse *p, yyjson_val *v)
{
    p->r->model = json_slice(v);
    return p->r->model.p || parse_refuse_type(p, SLICE("model"), "a string", v);
}

/* The string "true" gets a whole answer from LiteLLM, and clients that send it have learnt to read
 * that. */
bool parse_stream(struct parse *p, yyjson_val *v)
{
    bool valid = parse_flag(p, "stream", v, &p->r->stream);
    p->r->stream = p->r->stream && yyjson_is_bool(v);
    return valid;
}

bool parse_max_tokens(struct parse *p, yyjson_val *v)
{
    return parse_limit(p, "max_tokens", v, &p->r->max_tokens);
}

bool parse_temperature(struct parse *p, yyjson_val *v)
{
    return parse_number(p, "temperature", v, 0, 2, &p->r->temperature);
}

bool parse_top_p(struct parse *p, yyjson_val *v)
{
    return parse_number(p, "top_p", v, 0, 1, &p->r->top_p);
}

bool parse_top_k(struct parse *p, yyjson_val *v)
{
    int64_t k;
    p->r->top_k = v;
    return (json_int(v, &k) && k >= 0) || parse_refuse_type(p, SLICE("top_k"), "an integer", v);
}

bool parse_stop(struct parse *p, const char *name, yyjson_val *v)
{
    size_t n = yyjson_is_arr(v) ? yyjson_arr_size(v) : 1;
    if (n > STOP_MAX)
        return parse_refuse(p, slice_of(name), "at most %d sequences", STOP_MAX);
    /* One more than needed: an empty list is not "unset". */
    p->r->stop = arena_alloc(p->a, (n + 1) * sizeof(*p->r->stop));
    p->r->stop_count = n;
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item = yyjson_is_arr(v) ? yyjson_arr_get(v, i) : v;
        p->r->stop[i] = json_slice(item);
        if (!p->r->stop[i].p)
            return parse_refuse_type(p, slice_of(name), "a string or a list of strings", item);
    }
    return true;
}

/* ---- thinking ------------------------------------------------------------------------------ */

static bool parse_budget(struct parse *p, yyjson_val *v)
{
    p->r->thinking.kind = LLM_THINKING_BUDGET;
    if (!v || yyjson_is_null(v))
        return true;
    if (json_int(v, &p->r->thinking.budget) && p->r->thinking.budget >= 0)
        return true;
    return parse_refuse_type(p, SLICE("thinking.budget_tokens"), "an integer", v);
}

bool parse_thinking(struct parse *p, yyjson_val *v)
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
        return parse_refuse(p, SLICE("thinking"), "type must be enabled, adaptive or disabled");
    return true;
}

/* Anthropic's {effort}; what else it may hold is the model's business. */
bool parse_output_config(struct parse *p, yyjson_val *v)
{
    struct slice effort = json_get_slice(v, "effort");
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, SLICE("output_config"), "an object", v);
    if (yyjson_obj_size(v) > (effort.n ? 1u : 0u))
        return parse_extra(p, SLICE("output_config"), v);
    p->r->thinking.output_effort = effort;
    return true;
}

bool parse_tool_choice_word(struct parse *p, struct slice word)
{
    if (slice_eq(word, SLICE("auto")))
        p->r->tool_choice = LLM_TOOLS_AUTO;
    else if (slice_eq(word, SLICE("none")))
        p->r->tool_choice = LLM_TOOLS_NONE;
    else if (slice_eq(word, SLICE("required")))
        p->r->tool_choice = LLM_TOOLS_REQUIRED;
    else
        return false;
    return true;
}
