/* Parameters by family: what LiteLLM lists for the API that a model is called by.
 *
 * Happy path: a fixed list, or Converse's own parameters and those that the model's row names.
 *
 * Failure modes: a model nobody knows is taken to understand whatever some model does. */

#include "model_params.h"

static void add(struct model_params *p, const char *name)
{
    if (p->n < MODEL_PARAMS_MAX)
        p->v[p->n++] = name;
}

static void add_all(struct model_params *p, const char *const *names)
{
    while (*names)
        add(p, *names++);
}

static bool is_told(const struct model *m, const char *name)
{
    return yyjson_is_true(model_fact(m, name));
}

static bool starts(const struct model *m, const char *prefix)
{
    return slice_starts(slice_of(m->id), slice_of(prefix));
}

/* ---- Claude by InvokeModel, Titan, Cohere's embeddings: LiteLLM's fixed lists --------------- */

static struct model_params of_claude_invoke(const struct model *m)
{
    static const char *const names[] = {"stream",
                                        "stop",
                                        "temperature",
                                        "top_p",
                                        "max_tokens",
                                        "max_completion_tokens",
                                        "tools",
                                        "tool_choice",
                                        "extra_headers",
                                        "parallel_tool_calls",
                                        "response_format",
                                        "user",
                                        "web_search_options",
                                        "speed",
                                        "context_management",
                                        "cache_control",
                                        NULL};
    struct model_params p = {.n = 0};
    add_all(&p, names);
    if (is_told(m, "supports_reasoning")) {
        add(&p, "thinking");
        add(&p, "reasoning_effort");
    }
    return p;
}

static struct model_params of_titan(void)
{
    static const char *const names[] = {
        "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "stream", NULL};
    struct model_params p = {.n = 0};
    add_all(&p, names);
    return p;
}

static struct model_params of_cohere(void)
{
    static const char *const names[] = {"stream",
                                        "temperature",
                                        "max_tokens",
                                        "max_completion_tokens",
                                        "top_p",
                                        "frequency_penalty",
                                        "presence_penalty",
                                        "stop",
                                        "n",
                                        "tools",
                                        "tool_choice",
                                        "seed",
                                        "extra_headers",
                                        NULL};
    struct model_params p = {.n = 0};
    add_all(&p, names);
    return p;
}

/* ---- Converse ------------------------------------------------------------------------------- */

/* Where the rows are silent, what the family is known for. */
static bool takes_tools(const struct model *m)
{
    static const char *const prefixes[] = {"anthropic",     "mistral",       "cohere",
                                           "meta.llama3-1", "meta.llama3-2", "meta.llama3-3",
                                           "meta.llama4",   "amazon.nova",   NULL};
    yyjson_val *told = model_fact(m, "supports_function_calling");
    if (yyjson_is_bool(told))
        return yyjson_is_true(told);
    for (const char *const *prefix = prefixes; *prefix; prefix++)
        if (starts(m, *prefix))
            return true;
    return false;
}

static void add_reasoning(struct model_params *p, const struct model *m)
{
    if (!is_told(m, "supports_reasoning"))
        return;
    if (m->family == FAMILY_CLAUDE) {
        add(p, "thinking");
        add(p, "reasoning_effort");
        add(p, "output_config");
    } else if (m->family == FAMILY_OPENAI || m->family == FAMILY_NOVA) {
        add(p, "reasoning_effort");
    }
}

/* An ARN may hide any model: whatever some model takes. */
static void add_whatever(struct model_params *p)
{
    static const char *const names[] = {
        "tools", "tool_choice", "thinking", "reasoning_effort", "output_config", NULL};
    add_all(p, names);
}

static struct model_params of_converse(const struct model *m)
{
    static const char *const names[] = {"max_tokens",
                                        "max_completion_tokens",
                                        "stream",
                                        "stream_options",
                                        "stop",
                                        "temperature",
                                        "top_p",
                                        "extra_headers",
                                        "response_format",
                                        "requestMetadata",
                                        "service_tier",
                                        "parallel_tool_calls",
                                        NULL};
    struct model_params p = {.n = 0};
    add_all(&p, names);
    if (!m->known && m->family == FAMILY_OTHER) {
        add_whatever(&p);
        return p;
    }
    if (takes_tools(m))
        add(&p, "tools");
    if (m->family == FAMILY_NOVA)
        add(&p, "web_search_options");
    if (is_told(m, "supports_tool_choice"))
        add(&p, "tool_choice");
    add_reasoning(&p, m);
    if (m->family == FAMILY_CLAUDE)
        add(&p, "context_management");
    return p;
}

struct model_params model_params_of(const struct model *m, enum bedrock_api api)
{
    struct slice mode = json_slice(model_fact(m, "mode"));
    bool chat = !mode.p || slice_eq(mode, SLICE("chat"));
    if (m->family == FAMILY_TITAN)
        return of_titan();
    if (m->family == FAMILY_COHERE && !chat)
        return of_cohere();
    if (m->family == FAMILY_CLAUDE && api == BEDROCK_INVOKE)
        return of_claude_invoke(m);
    return of_converse(m);
}

struct model_params model_params_both(const struct model_params *a, const struct model_params *b)
{
    struct model_params both = {.n = 0};
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            if (slice_eq(slice_of(a->v[i]), slice_of(b->v[k]))) {
                add(&both, a->v[i]);
                break;
            }
    return both;
}

/* ---- efforts -------------------------------------------------------------------------------- */

/* What most models have counts as there, what few have as absent, unless a row says otherwise. */
bool model_params_efforts(const struct model *m, struct model_params *efforts)
{
    static const struct {
        const char *name, *fact;
        bool usual;
    } rows[] = {
        {"none", "supports_none_reasoning_effort", true},
        {"minimal", "supports_minimal_reasoning_effort", true},
        {"low", "supports_low_reasoning_effort", true},
        {"medium", "supports_medium_reasoning_effort", true},
        {"high", "supports_high_reasoning_effort", true},
        {"xhigh", "supports_xhigh_reasoning_effort", false},
        {"max", "supports_max_reasoning_effort", false},
    };
    bool levels = is_told(m, "supports_adaptive_thinking");
    efforts->n = 0;
    if (!is_told(m, "supports_reasoning"))
        return m->known;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        yyjson_val *told = model_fact(m, rows[i].fact);
        bool always_on = i == 0 && is_told(m, "thinking_always_on");
        levels = levels || told;
        if (!always_on && (told ? yyjson_is_true(told) : rows[i].usual))
            add(efforts, rows[i].name);
    }
    return levels;
}

void model_params_write(const struct model_params *p, struct json_writer *w)
{
    json_array(w);
    for (size_t i = 0; i < p->n; i++)
        json_string(w, slice_of(p->v[i]));
    json_array_end(w);
}
