/* Neutral request → the JSON body of Converse (ConverseStream takes the same).
 *
 * The happy path: one pass over the request, written straight into the outgoing buffer. Neighbours
 * of one role share a message, since Converse wants roles to alternate; blocks with nothing to say
 * are left out, since Converse refuses blank text. What the client wrote as JSON (schemas, tool
 * arguments, numbers) is passed on byte for byte, so that a prompt keeps its prefix from turn to
 * turn and Bedrock's prompt cache keeps matching.
 *
 * Failure modes: parameters of OpenAI that Converse has nothing for are refused by name, or dropped
 * when the deployment or the client says so. A body over Bedrock's limit shows as overflow. */

#include "bedrock.h"

#include "bedrock_media.h"

#include "base/map.h"

#include <string.h>

/* OpenAI's parameters without a counterpart. Any other unknown member is taken for a parameter of
 * the model and goes into additionalModelRequestFields. */
static const char *const unsupported[] = {
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "top_logprobs",
    "verbosity",
    "web_search_options",
};

/* Members of Converse itself. */
static const char *const top_level[] = {"guardrailConfig", "performanceConfig", "requestMetadata",
                                        "serviceTier"};

static bool listed(const char *const *names, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

#define LISTED(names, name) listed((names), sizeof(names) / sizeof(*(names)), (name))

/* ---- defaults of the deployment ----------------------------------------------------------- */

static yyjson_val *default_of(const struct provider_attempt *t, const char *name)
{
    return json_get(t->deployment->defaults, name);
}

static yyjson_val *number_or_default(const struct provider_attempt *t, yyjson_val *v,
                                     const char *name)
{
    yyjson_val *def = default_of(t, name);
    return v ? v : json_is_number(def) ? def : NULL;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static bool is_sayable(const struct llm_block *b)
{
    return b->kind != LLM_TEXT || !slice_is_blank(b->text);
}

static void write_text(struct json_writer *w, struct slice text)
{
    json_object(w);
    json_member_string(w, "text", text);
    json_object_end(w);
}

static bool is_media(const struct llm_block *b)
{
    return b->kind == LLM_IMAGE || b->kind == LLM_DOCUMENT || b->kind == LLM_VIDEO;
}

static void write_tool_use(struct json_writer *w, const struct llm_block *b)
{
    json_object(w);
    json_key(w, "toolUse");
    json_object(w);
    json_member_string(w, "toolUseId", b->id);
    json_member_string(w, "name", b->name);
    json_key(w, "input");
    json_raw(w, b->input);
    json_object_end(w);
    json_object_end(w);
}

static void write_tool_result(struct json_writer *w, const struct llm_block *b,
                              struct bedrock_media *media)
{
    json_object(w);
    json_key(w, "toolResult");
    json_object(w);
    json_member_string(w, "toolUseId", b->id);
    json_key(w, "content");
    json_array(w);
    for (const struct llm_block *c = b->content; c; c = c->next) {
        if (is_media(c))
            bedrock_write_media(w, c, media);
        else if (c->kind == LLM_TEXT && is_sayable(c))
            write_text(w, c->text);
    }
    json_array_end(w);
    if (b->is_error)
        json_member_string(w, "status", SLICE("error"));
    json_object_end(w);
    json_object_end(w);
}

static void write_reasoning(struct json_writer *w, const struct llm_block *b)
{
    json_object(w);
    json_key(w, "reasoningContent");
    json_object(w);
    if (b->redacted.n) {
        json_member_string(w, "redactedContent", b->redacted);
    } else {
        json_key(w, "reasoningText");
        json_object(w);
        json_member_string(w, "text", b->text);
        json_member_string(w, "signature", b->signature);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

static void write_cache_point(struct json_writer *w)
{
    json_object(w);
    json_key(w, "cachePoint");
    json_object(w);
    json_member_string(w, "type", SLICE("default"));
    json_object_end(w);
    json_object_end(w);
}

static void write_block(struct json_writer *w, const struct llm_block *b,
                        struct bedrock_media *media)
{
    switch (b->kind) {
    case LLM_TEXT: write_text(w, b->text); break;
    case LLM_IMAGE:
    case LLM_DOCUMENT:
    case LLM_VIDEO: bedrock_write_media(w, b, media); break;
    case LLM_TOOL_USE: write_tool_use(w, b); break;
    case LLM_TOOL_RESULT: write_tool_result(w, b, media); break;
    case LLM_REASONING: write_reasoning(w, b); break;
    case LLM_CACHE_POINT: write_cache_point(w); break;
    }
}

/* A cache point needs something before it; Claude refuses one right after thinking, and two in a
 * row would waste one of the four it takes. */
static bool has_place(const struct llm_block *b, const struct llm_block *before)
{
    if (b->kind != LLM_CACHE_POINT)
        return is_sayable(b);
    return before && before->kind != LLM_REASONING && before->kind != LLM_CACHE_POINT;
}

/* A cache point inside a tool result has its place behind it. */
static const struct llm_block *inner_cache_point(const struct llm_block *b)
{
    const struct llm_block *c = b->content;
    while (c && c->kind != LLM_CACHE_POINT)
        c = c->next;
    return c;
}

/* `before` is the block written last in the same list, or NULL. Returns the new last one. */
static const struct llm_block *write_blocks(struct json_writer *w, const struct llm_block *blocks,
                                            const struct llm_block *before,
                                            struct bedrock_media *media)
{
    for (const struct llm_block *b = blocks; b; b = b->next) {
        const struct llm_block *inner = inner_cache_point(b);
        if (!has_place(b, before))
            continue;
        write_block(w, b, media);
        before = b;
        if (inner) {
            write_cache_point(w);
            before = inner;
        }
    }
    return before;
}

/* ---- messages ------------------------------------------------------------------------------ */

static bool has_content(const struct llm_block *blocks)
{
    for (const struct llm_block *b = blocks; b; b = b->next)
        if (b->kind != LLM_CACHE_POINT && is_sayable(b))
            return true;
    return false;
}

static void open_message(struct json_writer *w, enum llm_role role)
{
    json_object(w);
    json_member_string(w, "role", role == LLM_USER ? SLICE("user") : SLICE("assistant"));
    json_key(w, "content");
    json_array(w);
}

static void close_message(struct json_writer *w)
{
    json_array_end(w);
    json_object_end(w);
}

static void write_messages(struct json_writer *w, const struct llm_request *r, struct arena *a)
{
    struct bedrock_media media = {.arena = a};
    const struct llm_message *open = NULL; /* whose message is being written */
    const struct llm_block *before = NULL; /* the last block in it */
    json_key(w, "messages");
    json_array(w);
    for (const struct llm_message *m = r->messages; m; m = m->next) {
        if (!has_content(m->blocks))
            continue;
        if (open && open->role != m->role)
            close_message(w);
        if (!open || open->role != m->role) {
            open_message(w, m->role);
            before = NULL;
        }
        open = m;
        before = write_blocks(w, m->blocks, before, &media);
    }
    if (open)
        close_message(w);
    json_array_end(w);
}

static void write_system(struct json_writer *w, const struct llm_request *r)
{
    if (!has_content(r->system))
        return;
    json_key(w, "system");
    json_array(w);
    write_blocks(w, r->system, NULL, NULL);
    json_array_end(w);
}

/* ---- inference and tools ------------------------------------------------------------------- */

static void write_default_stop(struct json_writer *w, yyjson_val *stop)
{
    if (yyjson_is_arr(stop))
        json_value(w, stop);
    else
        (json_array(w), json_value(w, stop), json_array_end(w));
}

static void write_stop(struct json_writer *w, const struct provider_attempt *t)
{
    const struct llm_request *r = t->request;
    yyjson_val *def = default_of(t, "stop");
    if (!r->stop && !yyjson_is_arr(def) && !yyjson_is_str(def))
        return;
    json_key(w, "stopSequences");
    if (!r->stop) {
        write_default_stop(w, def);
        return;
    }
    json_array(w);
    for (size_t i = 0; i < r->stop_count; i++)
        json_string(w, r->stop[i]);
    json_array_end(w);
}

/* Sent even when empty, as LiteLLM does. No default for maxTokens: Bedrock reserves quota for it.
 */
static void write_inference(struct json_writer *w, const struct provider_attempt *t)
{
    const struct llm_request *r = t->request;
    yyjson_val *max_tokens = number_or_default(t, NULL, "max_tokens");
    yyjson_val *temperature = number_or_default(t, r->temperature, "temperature");
    yyjson_val *top_p = number_or_default(t, r->top_p, "top_p");
    json_key(w, "inferenceConfig");
    json_object(w);
    if (r->max_tokens >= 0)
        json_member_integer(w, "maxTokens", r->max_tokens);
    else if (max_tokens)
        (json_key(w, "maxTokens"), json_value(w, max_tokens));
    if (temperature)
        (json_key(w, "temperature"), json_value(w, temperature));
    if (top_p)
        (json_key(w, "topP"), json_value(w, top_p));
    write_stop(w, t);
    json_object_end(w);
}

/* Bedrock wants {type: object}; clients leave parts of it out. Given members stay as they are. */
static void write_schema(struct json_writer *w, yyjson_val *schema)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(schema);
    json_object(w);
    if (!json_get(schema, "type"))
        json_member_string(w, "type", SLICE("object"));
    while ((key = yyjson_obj_iter_next(&it))) {
        if (slice_eq(json_slice(key), SLICE("$schema")))
            continue;
        json_key_slice(w, json_slice(key));
        json_value(w, yyjson_obj_iter_get_val(key));
    }
    if (!json_get(schema, "properties"))
        (json_key(w, "properties"), json_object(w), json_object_end(w));
    if (!json_get(schema, "required"))
        (json_key(w, "required"), json_array(w), json_array_end(w));
    json_object_end(w);
}

static void write_tool(struct json_writer *w, const struct llm_tool *tool)
{
    json_object(w);
    json_key(w, "toolSpec");
    json_object(w);
    json_member_string(w, "name", tool->name);
    json_member_string(w, "description", tool->description.n ? tool->description : tool->name);
    json_key(w, "inputSchema");
    json_object(w);
    json_key(w, "json");
    write_schema(w, tool->schema);
    json_object_end(w);
    if (tool->strict)
        json_member_bool(w, "strict", true);
    json_object_end(w);
    json_object_end(w);
    if (tool->cache_point)
        write_cache_point(w);
}

static void write_tool_choice(struct json_writer *w, const struct llm_request *r)
{
    static const char *const names[] = {
        [LLM_TOOLS_AUTO] = "auto", [LLM_TOOLS_REQUIRED] = "any", [LLM_TOOLS_NAMED] = "tool"};
    if (r->tool_choice == LLM_TOOLS_UNSET || r->tool_choice == LLM_TOOLS_NONE)
        return;
    json_key(w, "toolChoice");
    json_object(w);
    json_key_slice(w, slice_of(names[r->tool_choice]));
    json_object(w);
    if (r->tool_choice == LLM_TOOLS_NAMED)
        json_member_string(w, "name", r->tool_choice_name);
    json_object_end(w);
    json_object_end(w);
}

/* The first tool call at or after `b` of message `m`, which moves along; NULL: none. */
static const struct llm_block *next_tool_use(const struct llm_message **m,
                                             const struct llm_block *b)
{
    for (; *m; *m = (*m)->next, b = *m ? (*m)->blocks : NULL)
        for (; b; b = b->next)
            if (b->kind == LLM_TOOL_USE)
                return b;
    return NULL;
}

static bool history_has_tools(const struct llm_request *r)
{
    const struct llm_message *m = r->messages;
    return next_tool_use(&m, m ? m->blocks : NULL) != NULL;
}

/* Bedrock wants every tool of the history declared; a client that compacts a conversation does not
 * send them any more. Without a schema, but with their names. */
static void write_tools_of_history(struct json_writer *w, const struct llm_request *r)
{
    const struct llm_message *m = r->messages;
    const struct llm_block *b = next_tool_use(&m, m ? m->blocks : NULL);
    struct map seen;
    map_init(&seen);
    for (; b; b = next_tool_use(&m, b->next)) {
        struct llm_tool tool = {.name = b->name};
        if (!map_get(&seen, b->name))
            write_tool(w, &tool);
        map_put(&seen, b->name, (void *)(uintptr_t)b);
    }
    map_fini(&seen);
}

/* tool_choice "none" has no counterpart: the tools are not offered, unless the history needs them.
 */
static void write_tools(struct json_writer *w, const struct llm_request *r)
{
    bool needed = history_has_tools(r);
    if (!needed && (!r->tools || r->tool_choice == LLM_TOOLS_NONE))
        return;
    json_key(w, "toolConfig");
    json_object(w);
    json_key(w, "tools");
    json_array(w);
    for (const struct llm_tool *tool = r->tools; tool; tool = tool->next)
        write_tool(w, tool);
    if (!r->tools)
        write_tools_of_history(w, r);
    json_array_end(w);
    if (r->tools)
        write_tool_choice(w, r);
    json_object_end(w);
}

/* ---- what nobody interpreted --------------------------------------------------------------- */

static bool is_allowed(const struct llm_request *r, struct slice name)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(r->allowed_params);
    while ((item = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_slice(item), name))
            return true;
    return false;
}

static bool is_unsupported(const struct llm_request *r, struct slice name)
{
    return LISTED(unsupported, name) && !is_allowed(r, name);
}

static bool check_extra(const struct provider_attempt *t, struct failure *f)
{
    const struct llm_request *r = t->request;
    if (r->drop_params || t->deployment->drop_params)
        return true;
    for (const struct llm_extra *e = r->extra; e; e = e->next)
        if (is_unsupported(r, e->name)) {
            failure_set(f, t->arena, FAILURE_UNSUPPORTED, 400,
                        "Bedrock does not support the parameter '%.*s' for model %.*s; set "
                        "drop_params: true to drop such parameters",
                        SLICE_ARG(e->name), SLICE_ARG(t->model_id));
            f->param = e->name;
            return false;
        }
    return true;
}

static bool goes_additional(const struct llm_request *r, struct slice name)
{
    return !LISTED(top_level, name) && !is_unsupported(r, name);
}

static const struct llm_extra *find_extra(const struct llm_request *r, struct slice name)
{
    for (const struct llm_extra *e = r->extra; e; e = e->next)
        if (slice_eq(e->name, name))
            return e;
    return NULL;
}

/* A default of the deployment that no other writer looks at and the client did not override. */
static bool default_goes_on(const struct llm_request *r, struct slice name)
{
    static const char *const known[] = {"max_tokens", "temperature", "top_p", "stop"};
    return !LISTED(known, name) && !LISTED(unsupported, name) && !find_extra(r, name);
}

static void write_member(struct json_writer *w, bool additional, bool *open, struct slice name,
                         yyjson_val *value)
{
    if (additional && !*open) {
        json_key(w, "additionalModelRequestFields");
        json_object(w);
        *open = true;
    }
    json_key_slice(w, name);
    json_value(w, value);
}

/* Once for Converse's own members, once for the model's. */
static void write_extra(struct json_writer *w, const struct provider_attempt *t, bool additional)
{
    const struct llm_request *r = t->request;
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(t->deployment->defaults);
    bool open = false;
    for (const struct llm_extra *e = r->extra; e; e = e->next)
        if (additional ? goes_additional(r, e->name) : LISTED(top_level, e->name))
            write_member(w, additional, &open, e->name, e->value);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (default_goes_on(r, name) && additional != LISTED(top_level, name))
            write_member(w, additional, &open, name, yyjson_obj_iter_get_val(key));
    }
    if (open)
        json_object_end(w);
}

bool bedrock_write_body(const struct provider_attempt *t, struct failure *f)
{
    struct json_writer w;
    if (!check_extra(t, f))
        return false;
    json_begin(&w, t->body);
    json_object(&w);
    write_messages(&w, t->request, t->arena);
    write_system(&w, t->request);
    write_inference(&w, t);
    write_tools(&w, t->request);
    write_extra(&w, t, false);
    write_extra(&w, t, true);
    json_object_end(&w);
    return true;
}
