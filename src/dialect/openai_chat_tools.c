/* OpenAI chat completions, request side: tools, tool_choice and the tool calls of the history. */

#include "openai_chat.h"

#define TOOLS_MAX 1024 /* tools in one request */

/* `schema`: of the parameters; OpenAI calls it parameters, Anthropic input_schema. */
static bool parse_function(struct parse *p, struct slice path, yyjson_val *fn, yyjson_val *schema,
                           struct llm_tool *t)
{
    t->name = json_get_slice(fn, "name");
    if (!t->name.n)
        return parse_refuse(p, path, "the function needs a name");
    t->description = json_get_slice(fn, "description");
    t->strict = yyjson_is_true(json_get(fn, "strict"));
    if (schema && !yyjson_is_null(schema) && !yyjson_is_obj(schema))
        return parse_refuse_type(p, path, "an object as parameters", schema);
    t->schema = yyjson_is_obj(schema) ? schema : NULL;
    return true;
}

static bool parse_tool(struct parse *p, size_t i, yyjson_val *v, struct llm_tool *t)
{
    struct slice path = parse_path_item(p, SLICE("tools"), i);
    struct slice type = json_get_slice(v, "type");
    yyjson_val *fn = json_get(v, "function"), *control = json_get(v, "cache_control");
    bool anthropic =
        !fn && json_get(v, "name") &&
        (!type.p || slice_eq(type, SLICE("custom")) || slice_eq(type, SLICE("function")));
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, path, "an object", v);
    if (type.p && !anthropic && !slice_eq(type, SLICE("function")))
        return parse_refuse(p, path, "tools of type '%.*s' are not supported", SLICE_ARG(type));
    if (!anthropic && !yyjson_is_obj(fn))
        return parse_refuse(p, path, "the member 'function' is missing");
    t->cache_point = yyjson_is_obj(control);
    t->ttl = json_get_slice(control, "ttl");
    if (anthropic)
        return parse_function(p, path, v, json_get(v, "input_schema"), t);
    return parse_function(p, path, fn, json_get(fn, "parameters"), t);
}

static bool parse_legacy(struct parse *p, size_t i, yyjson_val *v, struct llm_tool *t)
{
    struct slice path = parse_path_item(p, SLICE("functions"), i);
    return parse_function(p, path, v, json_get(v, "parameters"), t);
}

static bool parse_list(struct parse *p, struct slice name, yyjson_val *tools,
                       bool (*parse)(struct parse *p, size_t i, yyjson_val *v, struct llm_tool *t))
{
    struct llm_tool **tail = &p->r->tools;
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(tools);
    if (!yyjson_is_arr(tools))
        return parse_refuse_type(p, name, "a list", tools);
    if (yyjson_arr_size(tools) > TOOLS_MAX)
        return parse_refuse(p, name, "at most %d tools", TOOLS_MAX);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++) {
        struct llm_tool *t = ARENA_NEW(p->a, struct llm_tool);
        if (!parse(p, i, item, t))
            return false;
        *tail = t;
        tail = &t->next;
    }
    return true;
}

bool chat_parse_tools(struct parse *p, yyjson_val *tools)
{
    return parse_list(p, SLICE("tools"), tools, parse_tool);
}

/* The older form of tools: one call in a turn, without an id. */
bool chat_parse_functions(struct parse *p, yyjson_val *functions)
{
    if (p->r->tools)
        return true; /* both are given: the newer form counts */
    p->r->legacy_functions = true;
    p->r->parallel_tool_calls = LLM_FLAG_FALSE;
    return parse_list(p, SLICE("functions"), functions, parse_legacy);
}

bool chat_parse_function_call(struct parse *p, yyjson_val *choice)
{
    struct slice word = json_slice(choice), name = json_get_slice(choice, "name");
    if (!p->r->legacy_functions)
        return true;
    if (slice_eq(word, SLICE("auto")))
        p->r->tool_choice = LLM_TOOLS_AUTO;
    else if (slice_eq(word, SLICE("none")))
        p->r->tool_choice = LLM_TOOLS_NONE;
    else if (!name.n)
        return parse_refuse(p, SLICE("function_call"), "must be 'auto', 'none' or have a name");
    if (name.n) {
        p->r->tool_choice = LLM_TOOLS_NAMED;
        p->r->tool_choice_name = name;
    }
    return true;
}

bool chat_parse_tool_choice(struct parse *p, yyjson_val *choice)
{
    struct slice word = json_slice(choice);
    struct slice name = json_get_slice(json_get(choice, "function"), "name");
    if (!parse_tool_choice_word(p, word) && !name.n)
        return parse_refuse(p, SLICE("tool_choice"),
                            "must be 'auto', 'none', 'required' or a function with a name");
    if (name.n) {
        p->r->tool_choice = LLM_TOOLS_NAMED;
        p->r->tool_choice_name = name;
    }
    return true;
}

struct slice chat_wrap_text(struct arena *a, const char *name, struct slice text)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, text.n * 6 + 64);
    json_begin(&w, &b);
    json_object(&w);
    json_key_slice(&w, slice_of(name));
    json_string(&w, text);
    json_object_end(&w);
    struct slice kept = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return kept;
}

/* Arguments that are no JSON object (a model broke off, and the agent sent it back) are kept as
 * text under one member: Bedrock wants an object, and refusing would end the agent's session for
 * good. */
struct slice chat_tool_input(struct parse *p, struct slice text)
{
    struct arena_mark mark = arena_mark(p->a);
    bool valid = yyjson_is_obj(json_parse(text, p->a, NULL));
    arena_rewind(p->a, mark);
    if (valid)
        return slice_trim(text);
    p->r->tool_input_mended = true;
    return slice_is_blank(text) ? SLICE("{}") : chat_wrap_text(p->a, "invalid_arguments", text);
}

static bool add_call(struct parse *p, struct slice path, struct slice id, yyjson_val *fn,
                     struct llm_block ***tail)
{
    yyjson_val *arguments = json_get(fn, "arguments");
    struct slice name = json_get_slice(fn, "name");
    if (!id.n || !name.n)
        return parse_refuse(p, path, "a tool call needs 'id' and 'function.name'");
    if (arguments && !yyjson_is_null(arguments) && !yyjson_is_str(arguments))
        return parse_refuse_type(p, path, "a string of JSON as arguments", arguments);
    struct llm_block *b = llm_block_add(tail, p->a, LLM_TOOL_USE);
    b->id = id;
    b->name = name;
    b->input = chat_tool_input(p, json_slice(arguments));
    return true;
}

bool chat_parse_tool_call(struct parse *p, struct slice path, yyjson_val *call,
                          struct llm_block ***tail)
{
    return add_call(p, path, json_get_slice(call, "id"), json_get(call, "function"), tail);
}

struct slice chat_legacy_id(struct parse *p)
{
    return arena_printf(p->a, "function_call_%u", p->function_calls);
}

bool chat_parse_legacy_call(struct parse *p, struct slice path, yyjson_val *call,
                            struct llm_block ***tail)
{
    if (!yyjson_is_obj(call))
        return true;
    p->function_calls++;
    return add_call(p, path, chat_legacy_id(p), call, tail);
}
