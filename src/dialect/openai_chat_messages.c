/* OpenAI chat completions, request side: the messages.
 *
 * The happy path: leading system and developer messages become request->system; every other message
 * becomes one neutral message whose blocks are its content parts; a tool message is a user message
 * with a tool result. An assistant's blocks are ordered reasoning, text, tool calls, the order
 * Claude demands. Merging neighbours of one role is the provider's business.
 *
 * Failure modes: unknown roles, unknown part types: each a 400 that names the place. */

#include "openai_chat.h"

#include "llm/fold.h"

#include <string.h>

#define MESSAGES_MAX 100000 /* in one request; the body cap bounds the bytes */

/* Where a content list puts its blocks. */
struct parts {
    struct parse *p;
    struct slice path; /* "messages[3].content" */
    struct llm_block **tail;
    bool text_only; /* of a system message */
    bool assistant; /* what only an assistant says may be in it */
};

static void add_text(struct parts *s, struct slice text)
{
    llm_block_add(&s->tail, s->p->a, LLM_TEXT)->text = text;
}

static void add_cache_point(struct parts *s, yyjson_val *holder)
{
    yyjson_val *control = json_get(holder, "cache_control");
    if (yyjson_is_obj(control))
        llm_block_add(&s->tail, s->p->a, LLM_CACHE_POINT)->ttl = json_get_slice(control, "ttl");
}

static bool parse_text_part(struct parts *s, struct slice path, yyjson_val *part)
{
    yyjson_val *text = json_get(part, "text");
    if (!yyjson_is_str(text))
        return parse_refuse_type(s->p, path, "a string as text", text);
    add_text(s, json_slice(text));
    return true;
}

/* Thinking comes back as we (and LiteLLM) gave it out. Without a signature it is of no use. */
static void add_thinking(struct parts *s, yyjson_val *item, struct slice text)
{
    struct slice signature = json_get_slice(item, "signature");
    struct slice data = json_get_slice(item, "data");
    if (!signature.n && !data.n) {
        s->p->r->unsigned_thinking = true;
        return;
    }
    struct llm_block *b = llm_block_add(&s->tail, s->p->a, LLM_REASONING);
    b->text = text;
    b->signature = signature;
    b->redacted = data;
}

/* True: the part was one of those that only assistants have. */
static bool take_assistant_part(struct parts *s, struct slice type, yyjson_val *part)
{
    if (!s->assistant)
        return false;
    if (slice_eq(type, SLICE("thinking")) || slice_eq(type, SLICE("redacted_thinking")))
        add_thinking(s, part, json_get_slice(part, "thinking"));
    else if (slice_eq(type, SLICE("refusal")))
        add_text(s, json_get_slice(part, "refusal"));
    else
        return false;
    return true;
}

static bool parse_part(struct parts *s, size_t i, yyjson_val *part)
{
    struct slice path = parse_path_item(s->p, s->path, i);
    struct slice type = json_get_slice(part, "type");
    bool ok = true;
    if (yyjson_is_str(part)) {
        add_text(s, json_slice(part));
        return true;
    }
    if (slice_eq(type, SLICE("text")) || slice_eq(type, SLICE("input_text")))
        ok = parse_text_part(s, path, part);
    else if (parse_is_media(type) && !s->text_only)
        ok = parse_media(s->p, path, part, &s->tail);
    else if (!type.p)
        return parse_refuse(s->p, path, "a content part needs a 'type'");
    else if (!take_assistant_part(s, type, part))
        return parse_refuse(s->p, path, "content parts of type '%.*s' are not supported",
                            SLICE_ARG(type));
    if (ok)
        add_cache_point(s, part);
    return ok;
}

/* A string, a list of parts, or nothing. */
static bool parse_content(struct parts *s, yyjson_val *content)
{
    yyjson_val *part;
    yyjson_arr_iter it = yyjson_arr_iter_with(content);
    if (!content || yyjson_is_null(content))
        return true;
    if (yyjson_is_str(content)) {
        add_text(s, json_slice(content));
        return true;
    }
    if (!yyjson_is_arr(content))
        return parse_refuse_type(s->p, s->path, "a string or a list of parts", content);
    for (size_t i = 0; (part = yyjson_arr_iter_next(&it)); i++)
        if (!parse_part(s, i, part))
            return false;
    return true;
}

/* A piece of a stream's thinking: text without what signs it. */
static bool is_piece(yyjson_val *item)
{
    return !json_get_slice(item, "signature").n && !json_get_slice(item, "data").n;
}

/* The blocks as they were given out, or the pieces of a stream in a row: texts, and a signature
 * without one at their end. */
static void add_thinking_blocks(struct parts *s, yyjson_val *blocks)
{
    bool open = false; /* there are pieces */
    struct buf pieces;
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(blocks);
    buf_init(&pieces, LLM_ANSWER_MAX);
    while ((item = yyjson_arr_iter_next(&it))) {
        struct slice text = json_get_slice(item, "thinking");
        if (is_piece(item)) {
            buf_add(&pieces, text);
            open = true;
            continue;
        }
        bool ends = open && !text.n && !json_get_slice(item, "data").n && !pieces.overflow;
        add_thinking(s, item, ends ? arena_dup(s->p->a, buf_slice(&pieces)) : text);
        s->p->r->unsigned_thinking |= open && !ends;
        open = false;
        buf_reset(&pieces);
    }
    s->p->r->unsigned_thinking |= open;
    buf_fini(&pieces);
}

static bool parse_tool_calls(struct parts *s, struct slice at, yyjson_val *calls)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(calls);
    struct slice path = parse_path_member(s->p, at, SLICE("tool_calls"));
    if (!calls || yyjson_is_null(calls))
        return true;
    if (!yyjson_is_arr(calls))
        return parse_refuse_type(s->p, path, "a list", calls);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++) {
        struct slice one = parse_path_item(s->p, path, i);
        if (!chat_parse_tool_call(s->p, one, item, &s->tail))
            return false;
        add_cache_point(s, item);
    }
    return true;
}

static bool parse_assistant(struct parts *s, struct slice at, yyjson_val *message)
{
    struct slice refusal = json_get_slice(message, "refusal");
    s->assistant = true;
    add_thinking_blocks(s, json_get(message, "thinking_blocks"));
    if (!parse_content(s, json_get(message, "content")))
        return false;
    if (refusal.n)
        add_text(s, refusal);
    return parse_tool_calls(s, at, json_get(message, "tool_calls")) &&
           chat_parse_legacy_call(s->p, at, json_get(message, "function_call"), &s->tail);
}

static bool parse_tool_message(struct parts *s, struct slice at, struct slice id,
                               yyjson_val *message)
{
    if (!id.n)
        return parse_refuse(s->p, at, "a tool message needs 'tool_call_id'");
    struct llm_block *result = llm_block_add(&s->tail, s->p->a, LLM_TOOL_RESULT);
    struct parts inner = {.p = s->p, .path = s->path, .tail = &result->content};
    result->id = id;
    result->plain = yyjson_is_str(json_get(message, "content"));
    return parse_content(&inner, json_get(message, "content"));
}

/* The leading ones are the system prompt. One after the first other message has no place of its own
 * in Converse: it becomes a user text that says who speaks. */
static bool parse_system(struct parts *s, yyjson_val *message, bool leading)
{
    struct llm_block **first = s->tail, *b;
    s->text_only = true;
    if (!parse_content(s, json_get(message, "content")))
        return false;
    for (b = leading ? NULL : *first; b; b = b->next)
        if (b->kind == LLM_TEXT && !slice_is_blank(b->text)) {
            b->text = llm_operator_note(s->p->a, b->text);
            break;
        }
    return true;
}

static bool is_system(struct slice role)
{
    return slice_eq(role, SLICE("system")) || slice_eq(role, SLICE("developer"));
}

static bool parse_by_role(struct parts *s, struct slice at, struct slice role, yyjson_val *message,
                          struct llm_message *m, bool leading)
{
    m->role = slice_eq(role, SLICE("assistant")) ? LLM_ASSISTANT : LLM_USER;
    if (slice_eq(role, SLICE("user")))
        return parse_content(s, json_get(message, "content"));
    if (slice_eq(role, SLICE("assistant")))
        return parse_assistant(s, at, message);
    if (slice_eq(role, SLICE("tool")))
        return parse_tool_message(s, at, json_get_slice(message, "tool_call_id"), message);
    if (slice_eq(role, SLICE("function")))
        return parse_tool_message(s, at, chat_legacy_id(s->p), message);
    if (is_system(role))
        return parse_system(s, message, leading);
    return parse_refuse(s->p, parse_path_member(s->p, at, SLICE("role")), "unknown role '%.*s'",
                        SLICE_ARG(role));
}

/* Tails of the two lists a message may be added to. */
struct message_lists {
    struct llm_block **system;
    struct llm_message **messages;
    bool leading; /* only system messages so far */
};

static bool parse_message(struct parse *p, size_t i, yyjson_val *message,
                          struct message_lists *lists)
{
    struct slice at = parse_path_item(p, SLICE("messages"), i);
    struct slice role = json_get_slice(message, "role");
    struct parts s = {.p = p, .path = parse_path_member(p, at, SLICE("content"))};
    struct llm_message *m = ARENA_NEW(p->a, struct llm_message);
    if (!yyjson_is_obj(message))
        return parse_refuse_type(p, at, "an object", message);
    lists->leading = lists->leading && is_system(role);
    s.tail = lists->leading ? lists->system : &m->blocks;
    if (!parse_by_role(&s, at, role, message, m, lists->leading))
        return false;
    add_cache_point(&s, message);
    if (lists->leading) {
        lists->system = s.tail;
        p->r->system_count++;
        return true;
    }
    *lists->messages = m;
    lists->messages = &m->next;
    return true;
}

bool chat_parse_messages(struct parse *p, yyjson_val *messages)
{
    struct message_lists lists = {&p->r->system, &p->r->messages, true};
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(messages);
    if (!yyjson_is_arr(messages))
        return parse_refuse_type(p, SLICE("messages"), "a list", messages);
    if (yyjson_arr_size(messages) > MESSAGES_MAX)
        return parse_refuse(p, SLICE("messages"), "at most %d messages", MESSAGES_MAX);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!parse_message(p, i, item, &lists))
            return false;
    if (!p->r->messages && !p->r->system)
        return parse_refuse(p, SLICE("messages"), "at least one message is needed");
    return true;
}
