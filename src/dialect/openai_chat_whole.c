/* OpenAI chat completions, answer side, whole: a folded answer → one chat.completion. */

#include "openai_answer.h"
#include "openai_chat.h"

const char *chat_finish_reason(enum llm_stop stop, bool legacy)
{
    return legacy && stop == LLM_STOP_TOOL_USE ? "function_call" : openai_finish_reason(stop);
}

/* All parts of one kind, as pieces of one string; `before` and `after` only around something. */
static void write_texts(struct json_writer *w, const struct llm_response *r,
                        enum llm_part_kind kind, struct slice before, struct slice after)
{
    bool any = false;
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (p->kind != kind || !p->text.n)
            continue;
        if (!any)
            json_string_part(w, before);
        any = true;
        json_string_part(w, buf_slice(&p->text));
    }
    if (any)
        json_string_part(w, after);
}

static bool has_part(const struct llm_response *r, enum llm_part_kind kind)
{
    for (const struct llm_part *p = r->parts; p; p = p->next)
        if (p->kind == kind)
            return true;
    return false;
}

static void write_tool_calls(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "tool_calls");
    json_array(w);
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (p->kind != LLM_PART_TOOL_CALL)
            continue;
        json_object(w);
        json_member_integer(w, "index", p->block);
        json_member_string(w, "id", p->id);
        json_member_string(w, "type", SLICE("function"));
        json_key(w, "function");
        json_object(w);
        json_member_string(w, "name", p->name);
        json_member_string(w, "arguments", buf_slice(&p->text));
        json_object_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_thinking_blocks(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "thinking_blocks");
    json_array(w);
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (p->kind != LLM_PART_REASONING)
            continue;
        json_object(w);
        if (p->redacted.n) {
            json_member_string(w, "type", SLICE("redacted_thinking"));
            json_member_string(w, "data", buf_slice(&p->redacted));
        } else {
            json_member_string(w, "type", SLICE("thinking"));
            json_member_string(w, "thinking", buf_slice(&p->text));
            if (p->signature.n)
                json_member_string(w, "signature", buf_slice(&p->signature));
        }
        json_object_end(w);
    }
    json_array_end(w);
}

/* The form of before there were tools: the first call, without an id. */
static void write_function_call(struct json_writer *w, const struct llm_response *r)
{
    const struct llm_part *p = r->parts;
    while (p->kind != LLM_PART_TOOL_CALL)
        p = p->next;
    json_key(w, "function_call");
    json_object(w);
    json_member_string(w, "name", p->name);
    json_member_string(w, "arguments", buf_slice(&p->text));
    json_object_end(w);
}

/* Bedrock's own form of the thinking, which LiteLLM's clients may look for. */
static void write_reasoning_blocks(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "reasoningContentBlocks");
    json_array(w);
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (p->kind != LLM_PART_REASONING)
            continue;
        json_object(w);
        if (p->redacted.n) {
            json_member_string(w, "redactedContent", buf_slice(&p->redacted));
        } else {
            json_key(w, "reasoningText");
            json_object(w);
            json_member_string(w, "text", buf_slice(&p->text));
            if (p->signature.n)
                json_member_string(w, "signature", buf_slice(&p->signature));
            json_object_end(w);
        }
        json_object_end(w);
    }
    json_array_end(w);
}

static bool has_citations(const struct llm_response *r)
{
    const struct llm_part *p = r->parts;
    while (p && !p->citations.n)
        p = p->next;
    return p != NULL;
}

static void write_citations(struct json_writer *w, const struct llm_response *r)
{
    json_key(w, "citationsContent");
    json_array(w);
    for (const struct llm_part *p = r->parts; p; p = p->next) {
        if (!p->citations.n)
            continue;
        json_object(w);
        (json_key(w, "citations"), json_array(w));
        (json_raw(w, buf_slice(&p->citations)), json_array_end(w));
        (json_key(w, "content"), json_array(w), json_object(w));
        json_member_string(w, "text", buf_slice(&p->text));
        (json_object_end(w), json_array_end(w));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_provider_fields(struct json_writer *w, const struct llm_response *r)
{
    bool reasoning = has_part(r, LLM_PART_REASONING), citations = has_citations(r);
    if (!reasoning && !citations)
        return;
    json_key(w, "provider_specific_fields");
    json_object(w);
    if (reasoning)
        write_reasoning_blocks(w, r);
    if (citations)
        write_citations(w, r);
    json_object_end(w);
}

/* merge_reasoning_content_in_choices: thinking in front, in tags. */
static void write_content(struct json_writer *w, const struct llm_response *r, bool merge)
{
    json_key(w, "content");
    json_string_begin(w);
    if (merge)
        write_texts(w, r, LLM_PART_REASONING, SLICE(THINK_BEGIN), SLICE(THINK_END));
    write_texts(w, r, LLM_PART_TEXT, SLICE(""), SLICE(""));
    json_string_end(w);
}

static void write_reasoning(struct json_writer *w, const struct llm_response *r, bool merge)
{
    if (!has_part(r, LLM_PART_REASONING))
        return;
    if (!merge) {
        json_key(w, "reasoning_content");
        json_string_begin(w);
        write_texts(w, r, LLM_PART_REASONING, SLICE(""), SLICE(""));
        json_string_end(w);
    }
    write_thinking_blocks(w, r);
}

static void write_answer_message(struct json_writer *w, const struct llm_response *r,
                                 const struct llm_request *request)
{
    json_object(w);
    json_member_string(w, "role", SLICE("assistant"));
    write_content(w, r, request->merge_reasoning);
    if (has_part(r, LLM_PART_TOOL_CALL)) {
        if (request->legacy_functions)
            write_function_call(w, r);
        else
            write_tool_calls(w, r);
    }
    write_reasoning(w, r, request->merge_reasoning);
    write_provider_fields(w, r);
    json_object_end(w);
}

void openai_write_message(struct json_writer *w, const struct llm_response *r)
{
    struct llm_request plain;
    llm_request_init(&plain);
    write_answer_message(w, r, &plain);
}

void chat_encode_whole(const struct llm_response *response, const struct llm_request *r,
                       const struct dialect_answer *ans, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "id", ans->id);
    json_member_integer(&w, "created", ans->created);
    json_member_string(&w, "model", ans->model);
    json_member_string(&w, "object", SLICE("chat.completion"));
    json_key(&w, "choices");
    json_array(&w);
    json_object(&w);
    json_member_integer(&w, "index", 0);
    json_key(&w, "message");
    write_answer_message(&w, response, r);
    json_member_string(&w, "finish_reason",
                       slice_of(chat_finish_reason(response->stop, r->legacy_functions)));
    json_object_end(&w);
    json_array_end(&w);
    openai_write_usage(&w, &response->usage);
    for (const struct llm_note *n = response->notes; n; n = n->next)
        (json_key_slice(&w, n->name), json_raw(&w, n->json));
    json_object_end(&w);
}
