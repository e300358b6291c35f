/* Anthropic's Messages, answer side, whole: a folded answer → one message. */

#include "anthropic_messages.h"

/* The fold keeps them as values with commas between them, in the provider's form. */
static void write_citations(struct json_writer *w, struct slice citations)
{
    struct arena a;
    yyjson_val *item;
    if (!citations.n)
        return;
    arena_init(&a);
    struct slice list = ARENA_JOIN(&a, SLICE("["), citations, SLICE("]"));
    yyjson_arr_iter it = yyjson_arr_iter_with(json_parse(list, &a, NULL));
    json_key(w, "citations");
    json_array(w);
    while ((item = yyjson_arr_iter_next(&it)))
        messages_write_citation(w, item);
    json_array_end(w);
    arena_fini(&a);
}

static void write_text(struct json_writer *w, const struct llm_part *p)
{
    json_object(w);
    json_member_string(w, "type", SLICE("text"));
    json_member_string(w, "text", buf_slice(&p->text));
    write_citations(w, buf_slice(&p->citations));
    json_object_end(w);
}

static void write_reasoning(struct json_writer *w, const struct llm_part *p)
{
    json_object(w);
    if (p->redacted.n) {
        json_member_string(w, "type", SLICE("redacted_thinking"));
        json_member_string(w, "data", buf_slice(&p->redacted));
    } else {
        json_member_string(w, "type", SLICE("thinking"));
        json_member_string(w, "thinking", buf_slice(&p->text));
        json_member_string(w, "signature", buf_slice(&p->signature));
    }
    json_object_end(w);
}

/* A call that was cut off (max_tokens) has half of its arguments: they must not break the message
 * around them. Under this name half arguments of the history go to the model, too. */
static void write_input(struct json_writer *w, struct slice text)
{
    struct arena a;
    arena_init(&a);
    json_key(w, "input");
    if (!text.n) {
        json_raw(w, SLICE("{}"));
    } else if (yyjson_is_obj(json_parse(text, &a, NULL))) {
        json_raw(w, text);
    } else {
        json_object(w);
        json_member_string(w, "invalid_arguments", text);
        json_object_end(w);
    }
    arena_fini(&a);
}

static void write_tool_use(struct json_writer *w, const struct llm_part *p)
{
    json_object(w);
    json_member_string(w, "type", SLICE("tool_use"));
    json_member_string(w, "id", p->id);
    json_member_string(w, "name", p->name);
    write_input(w, buf_slice(&p->text));
    json_object_end(w);
}

static void write_part(struct json_writer *w, const struct llm_part *p)
{
    switch (p->kind) {
    case LLM_PART_TEXT: write_text(w, p); break;
    case LLM_PART_REASONING: write_reasoning(w, p); break;
    case LLM_PART_TOOL_CALL: write_tool_use(w, p); break;
    case LLM_PART_FOREIGN: json_raw(w, buf_slice(&p->text)); break;
    }
}

static void write_content(struct json_writer *w, const struct llm_part *p)
{
    json_key(w, "content");
    json_array(w);
    for (; p; p = p->next)
        write_part(w, p);
    json_array_end(w);
}

static void write_stop(struct json_writer *w, const struct llm_response *r)
{
    json_member_string(w, "stop_reason", messages_stop_reason(r->stop, r->stop_word));
    json_key(w, "stop_sequence");
    if (r->stop_sequence.n)
        json_string(w, r->stop_sequence);
    else
        json_null(w);
}

void messages_encode_whole(const struct llm_response *response, const struct llm_request *r,
                           const struct dialect_answer *ans, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "id", response->id.n ? response->id : ans->id);
    json_member_string(&w, "type", SLICE("message"));
    json_member_string(&w, "role", SLICE("assistant"));
    json_member_string(&w, "model", ans->model);
    write_content(&w, response->parts);
    write_stop(&w, response);
    json_key(&w, "usage");
    messages_write_usage(&w, &response->usage, false);
    for (const struct llm_note *n = response->notes; n; n = n->next)
        (json_key_slice(&w, n->name), json_raw(&w, n->json));
    json_object_end(&w);
}
