#include "llm/request.h"

#include "llm/event.h"

void llm_request_init(struct llm_request *r)
{
    *r = (struct llm_request){.max_tokens = -1, .routing = {.num_retries = -1}};
}

struct llm_block *llm_block_add(struct llm_block ***tail, struct arena *a, enum llm_block_kind kind)
{
    struct llm_block *b = ARENA_NEW(a, struct llm_block);
    b->kind = kind;
    **tail = b;
    *tail = &b->next;
    return b;
}

struct slice llm_operator_note(struct arena *a, struct slice text)
{
    return ARENA_JOIN(a, SLICE("Operator note (not from the user): "), text);
}

int64_t llm_usage_prompt(const struct llm_usage *u)
{
    return u->input + u->cache_read + u->cache_write;
}

void llm_usage_write_lifetimes(struct json_writer *w, const struct llm_usage *u)
{
    json_object(w);
    json_member_integer(w, "ephemeral_5m_input_tokens", u->cache_write - u->cache_write_1h);
    json_member_integer(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
    json_object_end(w);
}

/* ---- presets ------------------------------------------------------------------------------- */

static const struct llm_extra *find_extra(const struct llm_extra *list, struct slice name)
{
    while (list && !slice_eq(list->name, name))
        list = list->next;
    return list;
}

/* In front: the request's own list is shared and stays as it is. */
static void preset_extras(struct llm_request *r, const struct llm_extra *preset, struct arena *a)
{
    const struct llm_extra *own = r->extra;
    for (; preset; preset = preset->next) {
        if (find_extra(own, preset->name))
            continue;
        struct llm_extra *e = ARENA_NEW(a, struct llm_extra);
        e->name = preset->name;
        e->value = preset->value;
        e->optional = preset->optional;
        e->next = r->extra;
        r->extra = e;
    }
}

static void preset_sampling(struct llm_request *r, const struct llm_request *preset)
{
    if (r->max_tokens < 0)
        r->max_tokens = preset->max_tokens;
    if (!r->temperature)
        r->temperature = preset->temperature;
    if (!r->top_p)
        r->top_p = preset->top_p;
    if (!r->top_k)
        r->top_k = preset->top_k;
    if (!r->stop) {
        r->stop = preset->stop;
        r->stop_count = preset->stop_count;
    }
}

static void preset_tools(struct llm_request *r, const struct llm_request *preset)
{
    if (!r->tools)
        r->tools = preset->tools;
    if (r->tool_choice == LLM_TOOLS_UNSET) {
        r->tool_choice = preset->tool_choice;
        r->tool_choice_name = preset->tool_choice_name;
    }
    if (r->parallel_tool_calls == LLM_FLAG_UNSET)
        r->parallel_tool_calls = preset->parallel_tool_calls;
}

static void preset_thinking(struct llm_thinking *t, const struct llm_thinking *preset)
{
    struct slice effort = t->output_effort.n ? t->output_effort : preset->output_effort;
    if (t->kind == LLM_THINKING_UNSET && !t->effort.n)
        *t = *preset;
    t->output_effort = effort;
}

void llm_request_preset(struct llm_request *r, const struct llm_request *preset, struct arena *a)
{
    preset_sampling(r, preset);
    preset_tools(r, preset);
    preset_thinking(&r->thinking, &preset->thinking);
    if (r->format.kind == LLM_FORMAT_TEXT)
        r->format = preset->format;
    if (!r->service_tier.n)
        r->service_tier = preset->service_tier;
    if (!r->guardrail)
        r->guardrail = preset->guardrail;
    if (!r->cache_points)
        r->cache_points = preset->cache_points;
    if (!r->headers)
        r->headers = preset->headers;
    if (!r->mock_response)
        r->mock_response = preset->mock_response;
    if (!(r->mock_delay > 0))
        r->mock_delay = preset->mock_delay;
    if (!(r->mock_timeout > 0))
        r->mock_timeout = preset->mock_timeout;
    if (!r->system_first.n)
        r->system_first = preset->system_first;
    if (!r->allowed_params)
        r->allowed_params = preset->allowed_params;
    if (!r->user.n)
        r->user = preset->user;
    if (!r->metadata)
        r->metadata = preset->metadata;
    r->include_usage = r->include_usage || preset->include_usage;
    r->merge_reasoning = r->merge_reasoning || preset->merge_reasoning;
    preset_extras(r, preset->extra, a);
}

void llm_request_begin_system(struct llm_request *r, struct arena *a)
{
    struct llm_block *list = NULL, **tail = &list;
    if (!r->system_first.n)
        return;
    llm_block_add(&tail, a, LLM_TEXT)->text = r->system_first;
    *tail = r->system;
    r->system = list;
}

/* ---- dropping ------------------------------------------------------------------------------ */

static void drop_extra(struct llm_request *r, struct slice name, struct arena *a)
{
    const struct llm_extra *old = r->extra;
    struct llm_extra **tail = &r->extra;
    if (!find_extra(old, name))
        return;
    for (*tail = NULL; old; old = old->next) {
        if (slice_eq(old->name, name))
            continue;
        *tail = ARENA_NEW(a, struct llm_extra);
        (*tail)->name = old->name;
        (*tail)->value = old->value;
        (*tail)->optional = old->optional;
        tail = &(*tail)->next;
    }
}

/* Its effort was read, the rest of it was not. */
static void drop_output_config(struct llm_request *r, struct arena *a)
{
    r->thinking.output_effort = slice_make(NULL, 0);
    drop_extra(r, SLICE("output_config"), a);
}

void llm_request_drop(struct llm_request *r, struct slice name, struct arena *a)
{
    struct llm_request none;
    llm_request_init(&none);
    if (slice_eq(name, SLICE("max_tokens")) || slice_eq(name, SLICE("max_completion_tokens")))
        r->max_tokens = none.max_tokens;
    else if (slice_eq(name, SLICE("temperature")))
        r->temperature = NULL;
    else if (slice_eq(name, SLICE("top_p")))
        r->top_p = NULL;
    else if (slice_eq(name, SLICE("top_k")))
        r->top_k = NULL;
    else if (slice_eq(name, SLICE("stop")) || slice_eq(name, SLICE("stop_sequences")))
        r->stop = NULL;
    else if (slice_eq(name, SLICE("tools")))
        r->tools = NULL;
    else if (slice_eq(name, SLICE("tool_choice")))
        r->tool_choice = LLM_TOOLS_UNSET;
    else if (slice_eq(name, SLICE("parallel_tool_calls")))
        r->parallel_tool_calls = LLM_FLAG_UNSET;
    else if (slice_eq(name, SLICE("thinking")) || slice_eq(name, SLICE("reasoning_effort")))
        r->thinking = (struct llm_thinking){.output_effort = r->thinking.output_effort};
    else if (slice_eq(name, SLICE("output_config")))
        drop_output_config(r, a);
    else if (slice_eq(name, SLICE("response_format")))
        r->format = none.format;
    else if (slice_eq(name, SLICE("service_tier")))
        r->service_tier = none.service_tier;
    else if (slice_eq(name, SLICE("guardrailConfig")))
        r->guardrail = NULL;
    else
        drop_extra(r, name, a);
}
