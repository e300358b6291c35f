/* OpenAI chat completions, request side: tools, tool_choice and the tool calls of the history. */

#include "openai_chat.h"

#define TOOLS_MAX 1024 /* tools in one request */

static bool parse_function(struct chat_parse *p, struct slice path, yyjson_val *fn,
                           struct llm_tool *t)
{
    yyjson_val *schema = json_get(fn, "parameters");
    t->name = json_get_slice(fn, "name");
    if (!t->name.n)
        return chat_refuse(p, path, "the function needs a name");
    t->description = json_get_slice(fn, "description");
    t->strict = yyjson_is_true(json_get(fn, "strict"));
    if (schema && !yyjson_is_null(schema) && !yyjson_is_obj(schema))
        return chat_refuse_type(p, path, "an object as parameters", schema);
    t->schema = yyjson_is_obj(schema) ? schema : NULL;
    return true;
}

static bool parse_tool(struct chat_parse *p, size_t i, yyjson_val *v, struct llm_tool *t)
{
    struct slice path = chat_path_item(p, SLICE("tools"), i);
    struct slice type = json_get_slice(v, "type");
    yyjson_val *fn = json_get(v, "function");
    if (!yyjson_is_obj(v))
        return chat_refuse_type(p, path, "an object", v);
    if (type.p && !slice_eq(type, SLICE("function")))
        return chat_refuse(p, path, "tools of type '%.*s' are not supported", SLICE_ARG(type));
    if (!yyjson_is_obj(fn))
        return chat_refuse(p, path, "the member 'function' is missing");
    t->cache_point = yyjson_is_obj(json_get(v, "cache_control"));
    return parse_function(p, path, fn, t);
}

bool chat_parse_tools(struct chat_parse *p, yyjson_val *tools)
{
    struct llm_tool **tail = &p->r->tools;
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(tools);
    if (!yyjson_is_arr(tools))
        return chat_refuse_type(p, SLICE("tools"), "a list", tools);
    if (yyjson_arr_size(tools) > TOOLS_MAX)
        return chat_refuse(p, SLICE("tools"), "at most %d tools", TOOLS_MAX);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++) {
        struct llm_tool *t = ARENA_NEW(p->a, struct llm_tool);
        if (!parse_tool(p, i, item, t))
            return false;
        *tail = t;
        tail = &t->next;
    }
    return true;
}

bool chat_parse_tool_choice(struct chat_parse *p, yyjson_val *choice)
{
    struct slice word = json_slice(choice);
    struct slice name = json_get_slice(json_get(choice, "function"), "name");
    if (slice_eq(word, SLICE("auto")))
        p->r->tool_choice = LLM_TOOLS_AUTO;
    else if (slice_eq(word, SLICE("none")))
        p->r->tool_choice = LLM_TOOLS_NONE;
    else if (slice_eq(word, SLICE("required")))
        p->r->tool_choice = LLM_TOOLS_REQUIRED;
    else if (!name.n)
        return chat_refuse(p, SLICE("tool_choice"),
                           "must be 'auto', 'none', 'required' or a function with a name");
    if (name.n) {
        p->r->tool_choice = LLM_TOOLS_NAMED;
        p->r->tool_choice_name = name;
    }
    return true;
}

/* Arguments that are no JSON object (a model broke off, and the agent sent it back) are kept as
 * text under one member: Bedrock wants an object, and refusing would end the agent's session for
 * good. */
static struct slice wrap_arguments(struct arena *a, struct slice text)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, text.n * 6 + 64);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "invalid_arguments", text);
    json_object_end(&w);
    struct slice kept = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return kept;
}

static struct slice object_or_wrapped(struct chat_parse *p, struct slice text)
{
    struct arena_mark mark;
    if (slice_is_blank(text))
        return SLICE("{}");
    mark = arena_mark(p->a);
    bool valid = yyjson_is_obj(json_parse(text, p->a, NULL));
    arena_rewind(p->a, mark);
    return valid ? slice_trim(text) : wrap_arguments(p->a, text);
}

bool chat_parse_tool_call(struct chat_parse *p, struct slice path, yyjson_val *call,
                          struct llm_block ***tail)
{
    yyjson_val *fn = json_get(call, "function"), *arguments = json_get(fn, "arguments");
    struct slice id = json_get_slice(call, "id"), name = json_get_slice(fn, "name");
    if (!id.n || !name.n)
        return chat_refuse(p, path, "a tool call needs 'id' and 'function.name'");
    if (arguments && !yyjson_is_null(arguments) && !yyjson_is_str(arguments))
        return chat_refuse_type(p, path, "a string of JSON as arguments", arguments);
    struct llm_block *b = llm_block_add(tail, p->a, LLM_TOOL_USE);
    b->id = id;
    b->name = name;
    b->input = object_or_wrapped(p, json_slice(arguments));
    return true;
}
