/* Plan → the JSON body of Converse (ConverseStream takes the same).
 *
 * One pass, written straight into the outgoing buffer. What is sent was decided by the plan; here
 * it only gets Converse's words. What the client wrote as JSON (schemas, tool arguments, numbers)
 * is passed on byte for byte, so that a prompt keeps its prefix from turn to turn and Bedrock's
 * prompt cache keeps matching.
 *
 * Source: botocore's model of bedrock-runtime. */

#include "bedrock.h"

#include "bedrock_media.h"

#include "provider/plan.h"
#include "schema.h"

/* ---- blocks -------------------------------------------------------------------------------- */

static void write_text(struct json_writer *w, const struct llm_block *b)
{
    json_object(w);
    if (b->guarded) {
        json_key(w, "guardContent");
        json_object(w);
        json_key(w, "text");
        json_object(w);
    }
    json_member_string(w, "text", b->text);
    if (b->guarded) {
        json_object_end(w);
        json_object_end(w);
    }
    json_object_end(w);
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

static void write_block(struct json_writer *w, const struct llm_block *b,
                        struct bedrock_media *media);

static void write_tool_result(struct json_writer *w, const struct llm_block *b,
                              struct bedrock_media *media)
{
    json_object(w);
    json_key(w, "toolResult");
    json_object(w);
    json_member_string(w, "toolUseId", b->id);
    json_key(w, "content");
    json_array(w);
    for (const struct llm_block *c = b->content; c; c = c->next)
        write_block(w, c, media);
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

static void write_cache_point(struct json_writer *w, struct slice ttl)
{
    json_object(w);
    json_key(w, "cachePoint");
    json_object(w);
    json_member_string(w, "type", SLICE("default"));
    if (ttl.n)
        json_member_string(w, "ttl", ttl);
    json_object_end(w);
    json_object_end(w);
}

static void write_search(struct json_writer *w, const struct llm_block *b)
{
    json_object(w);
    json_key(w, "searchResult");
    json_object(w);
    json_member_string(w, "source", b->source);
    json_member_string(w, "title", b->name);
    json_key(w, "content");
    json_array(w);
    for (const struct llm_block *c = b->content; c; c = c->next)
        if (c->kind == LLM_TEXT)
            write_text(w, c);
    json_array_end(w);
    if (b->citations) {
        json_key(w, "citations");
        json_object(w);
        json_member_bool(w, "enabled", true);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

static void write_block(struct json_writer *w, const struct llm_block *b,
                        struct bedrock_media *media)
{
    switch (b->kind) {
    case LLM_TEXT: write_text(w, b); break;
    case LLM_IMAGE:
    case LLM_DOCUMENT:
    case LLM_VIDEO: bedrock_write_media(w, b, media); break;
    case LLM_TOOL_USE: write_tool_use(w, b); break;
    case LLM_TOOL_RESULT: write_tool_result(w, b, media); break;
    case LLM_REASONING: write_reasoning(w, b); break;
    case LLM_CACHE_POINT: write_cache_point(w, b->ttl); break;
    case LLM_SEARCH: write_search(w, b); break;
    case LLM_FOREIGN: break; /* the plan has left it out */
    }
}

static void write_blocks(struct json_writer *w, const struct llm_block *blocks,
                         struct bedrock_media *media)
{
    json_array(w);
    for (const struct llm_block *b = blocks; b; b = b->next)
        write_block(w, b, media);
    json_array_end(w);
}

/* ---- messages ------------------------------------------------------------------------------ */

static void write_messages(struct json_writer *w, const struct plan *p, struct bedrock_media *media)
{
    json_key(w, "messages");
    json_array(w);
    for (const struct llm_message *m = p->messages; m; m = m->next) {
        json_object(w);
        json_member_string(w, "role", m->role == LLM_USER ? SLICE("user") : SLICE("assistant"));
        json_key(w, "content");
        write_blocks(w, m->blocks, media);
        json_object_end(w);
    }
    json_array_end(w);
    if (!p->system)
        return;
    json_key(w, "system");
    write_blocks(w, p->system, media);
}

/* ---- inference and tools ------------------------------------------------------------------- */

static void write_stop(struct json_writer *w, const struct plan *p)
{
    if (!p->stop)
        return;
    json_key(w, "stopSequences");
    json_array(w);
    for (size_t i = 0; i < p->stop_count; i++)
        json_string(w, p->stop[i]);
    json_array_end(w);
}

/* Sent even when empty, as LiteLLM does. No default for maxTokens: Bedrock reserves quota for it.
 */
static void write_inference(struct json_writer *w, const struct plan *p)
{
    json_key(w, "inferenceConfig");
    json_object(w);
    if (p->max_tokens >= 0)
        json_member_integer(w, "maxTokens", p->max_tokens);
    if (p->temperature)
        (json_key(w, "temperature"), json_value(w, p->temperature));
    if (p->top_p)
        (json_key(w, "topP"), json_value(w, p->top_p));
    write_stop(w, p);
    json_object_end(w);
}

static void write_tool(struct json_writer *w, struct plan *p, const struct llm_tool *tool)
{
    json_object(w);
    json_key(w, "toolSpec");
    json_object(w);
    json_member_string(w, "name", tool->name);
    json_member_string(w, "description", tool->description.n ? tool->description : tool->name);
    json_key(w, "inputSchema");
    json_object(w);
    json_key(w, "json");
    if (schema_write_tool(w, tool->schema, p->model->family == FAMILY_NOVA))
        p->repairs |= PLAN_REPAIR(REPAIR_SCHEMA);
    json_object_end(w);
    if (tool->strict)
        json_member_bool(w, "strict", true);
    json_object_end(w);
    json_object_end(w);
    if (tool->cache_point)
        write_cache_point(w, tool->ttl);
}

static void write_tool_choice(struct json_writer *w, const struct plan *p)
{
    static const char *const names[] = {
        [LLM_TOOLS_AUTO] = "auto", [LLM_TOOLS_REQUIRED] = "any", [LLM_TOOLS_NAMED] = "tool"};
    if (p->tool_choice == LLM_TOOLS_UNSET)
        return;
    json_key(w, "toolChoice");
    json_object(w);
    json_key_slice(w, slice_of(names[p->tool_choice]));
    json_object(w);
    if (p->tool_choice == LLM_TOOLS_NAMED)
        json_member_string(w, "name", p->tool_choice_name);
    json_object_end(w);
    json_object_end(w);
}

static void write_tools(struct json_writer *w, struct plan *p)
{
    if (!p->tools)
        return;
    json_key(w, "toolConfig");
    json_object(w);
    json_key(w, "tools");
    json_array(w);
    for (const struct llm_tool *tool = p->tools; tool; tool = tool->next)
        write_tool(w, p, tool);
    json_array_end(w);
    write_tool_choice(w, p);
    json_object_end(w);
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* A schema travels as a string. */
static void write_schema_text(struct json_writer *w, struct plan *p)
{
    struct buf text;
    struct json_writer inner;
    buf_init(&text, BEDROCK_BODY_MAX);
    json_begin(&inner, &text);
    if (schema_write(&inner, p->schema->schema))
        p->repairs |= PLAN_REPAIR(REPAIR_SCHEMA);
    json_member_string(w, "schema", buf_slice(&text));
    buf_fini(&text);
}

static void write_output_config(struct json_writer *w, struct plan *p)
{
    if (p->format != PLAN_FORMAT_NATIVE)
        return;
    json_key(w, "outputConfig");
    json_object(w);
    json_key(w, "textFormat");
    json_object(w);
    json_member_string(w, "type", SLICE("json_schema"));
    json_key(w, "structure");
    json_object(w);
    json_key(w, "jsonSchema");
    json_object(w);
    write_schema_text(w, p);
    if (p->schema->name.n)
        json_member_string(w, "name", p->schema->name);
    if (p->schema->description.n)
        json_member_string(w, "description", p->schema->description);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void write_thinking(struct json_writer *w, const struct plan *p)
{
    static const char *const types[] = {[PLAN_THINKING_DISABLED] = "disabled",
                                        [PLAN_THINKING_BUDGET] = "enabled",
                                        [PLAN_THINKING_ADAPTIVE] = "adaptive"};
    if (p->thinking != PLAN_THINKING_UNSET) {
        json_key(w, "thinking");
        json_object(w);
        json_member_string(w, "type", slice_of(types[p->thinking]));
        if (p->thinking == PLAN_THINKING_BUDGET)
            json_member_integer(w, "budget_tokens", p->budget);
        if (p->thinking == PLAN_THINKING_ADAPTIVE && p->display.n)
            json_member_string(w, "display", p->display);
        json_object_end(w);
    }
    if (p->effort.n) {
        json_key(w, "output_config");
        json_object(w);
        json_member_string(w, "effort", p->effort);
        json_object_end(w);
    }
}

/* Nova takes top_k in an inferenceConfig of its own. */
static void write_top_k(struct json_writer *w, const struct plan *p)
{
    if (!p->top_k)
        return;
    if (p->model->family == FAMILY_NOVA) {
        json_key(w, "inferenceConfig");
        json_object(w);
        (json_key(w, "topK"), json_value(w, p->top_k));
        json_object_end(w);
    } else {
        (json_key(w, "top_k"), json_value(w, p->top_k));
    }
}

static void write_betas(struct json_writer *w, const struct plan *p)
{
    if (!p->beta_count)
        return;
    json_key(w, "anthropic_beta");
    json_array(w);
    for (size_t i = 0; i < p->beta_count; i++)
        json_string(w, p->betas[i]);
    json_array_end(w);
}

/* Converse's toolChoice cannot say it; Claude's own can. */
static void write_one_tool_call(struct json_writer *w, const struct plan *p)
{
    static const char *const types[] = {[LLM_TOOLS_UNSET] = "auto",
                                        [LLM_TOOLS_AUTO] = "auto",
                                        [LLM_TOOLS_REQUIRED] = "any",
                                        [LLM_TOOLS_NAMED] = "tool"};
    if (!p->tell_one_call)
        return;
    json_key(w, "tool_choice");
    json_object(w);
    json_member_string(w, "type", slice_of(types[p->tool_choice]));
    if (p->tool_choice == LLM_TOOLS_NAMED)
        json_member_string(w, "name", p->tool_choice_name);
    json_member_bool(w, "disable_parallel_tool_use", true);
    json_object_end(w);
}

static bool has_fields(const struct plan *p)
{
    return p->fields || p->thinking != PLAN_THINKING_UNSET || p->effort.n || p->top_k ||
           p->beta_count || p->tell_one_call;
}

static void write_fields(struct json_writer *w, const struct plan *p)
{
    if (!has_fields(p))
        return;
    json_key(w, "additionalModelRequestFields");
    json_object(w);
    write_thinking(w, p);
    write_top_k(w, p);
    write_betas(w, p);
    write_one_tool_call(w, p);
    for (const struct llm_extra *e = p->fields; e; e = e->next)
        (json_key_slice(w, e->name), json_value(w, e->value));
    json_object_end(w);
    if (p->thinking != PLAN_THINKING_UNSET) /* how much of the answer was thinking */
        (json_key(w, "additionalModelResponseFieldPaths"), json_array(w),
         json_string(w, SLICE(BEDROCK_THINKING_PATH)), json_array_end(w));
}

static void write_top(struct json_writer *w, const struct plan *p)
{
    if (p->service_tier.n) {
        json_key(w, "serviceTier");
        json_object(w);
        json_member_string(w, "type", p->service_tier);
        json_object_end(w);
    }
    if (p->request->guardrail)
        (json_key(w, "guardrailConfig"), json_value(w, p->request->guardrail));
    for (const struct llm_extra *e = p->top; e; e = e->next)
        (json_key_slice(w, e->name), json_value(w, e->value));
}

void bedrock_write_body(struct plan *p, struct buf *body)
{
    struct json_writer w;
    struct bedrock_media media = {.arena = p->arena};
    json_begin(&w, body);
    json_object(&w);
    write_messages(&w, p, &media);
    write_inference(&w, p);
    write_tools(&w, p);
    write_output_config(&w, p);
    write_fields(&w, p);
    write_top(&w, p);
    json_object_end(&w);
}

void bedrock_write_counted(struct plan *p, struct buf *body)
{
    struct json_writer w;
    struct bedrock_media media = {.arena = p->arena};
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "input");
    json_object(&w);
    json_key(&w, "converse");
    json_object(&w);
    write_messages(&w, p, &media);
    write_tools(&w, p);
    json_object_end(&w);
    json_object_end(&w);
    json_object_end(&w);
}
