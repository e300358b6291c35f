/* OpenAI's Responses, request side: tools and tool_choice.
 *
 * The happy path: a function is a neutral tool. A custom tool, whose input is a text, is offered as
 * a function with that one member; the functions of a namespace under a joined name. The answer
 * undoes both. Tools that run at OpenAI and only help (web search, which Codex offers always) are
 * left out, with a repair that says so.
 *
 * Failure modes: tools of other kinds are a 400, since a model without them could not do what is
 * asked for. */

#include "openai_responses.h"

#define TOOLS_MAX 1024 /* tools in one request */

/* Of a custom tool. */
#define TEXT_SCHEMA                                                                                \
    "{\"type\":\"object\",\"properties\":{\"" LLM_TEXT_INPUT "\":{\"type\":\"string\","            \
    "\"description\":\"All of the tool's input, as plain text.\"}},"                               \
    "\"required\":[\"" LLM_TEXT_INPUT "\"],\"additionalProperties\":false}"

/* Where tools go. */
struct tools {
    struct parse *p;
    struct llm_tool **tail;
    size_t count;
};

static struct llm_tool *add_tool(struct tools *t)
{
    struct llm_tool *tool = ARENA_NEW(t->p->a, struct llm_tool);
    *t->tail = tool;
    t->tail = &tool->next;
    t->count++;
    return tool;
}

static bool add_function(struct tools *t, struct slice path, yyjson_val *v, struct slice space)
{
    yyjson_val *schema = json_get(v, "parameters"), *control = json_get(v, "cache_control");
    struct slice name = json_get_slice(v, "name");
    if (!name.n)
        return parse_refuse(t->p, path, "the function needs a name");
    if (schema && !yyjson_is_null(schema) && !yyjson_is_obj(schema))
        return parse_refuse_type(t->p, path, "an object as parameters", schema);
    struct llm_tool *tool = add_tool(t);
    tool->name = responses_tool_name(t->p->a, space, name);
    tool->space = space;
    tool->description = json_get_slice(v, "description");
    tool->strict = yyjson_is_true(json_get(v, "strict"));
    tool->schema = yyjson_is_obj(schema) ? schema : NULL;
    tool->cache_point = yyjson_is_obj(control);
    tool->ttl = json_get_slice(control, "ttl");
    return true;
}

/* No grammar binds the model: it is told. */
static struct slice describe(struct arena *a, yyjson_val *v)
{
    struct slice text = json_get_slice(v, "description");
    yyjson_val *format = json_get(v, "format"), *inner = json_get(format, "grammar");
    struct slice syntax = json_get_slice(inner ? inner : format, "syntax");
    struct slice grammar = json_get_slice(inner ? inner : format, "definition");
    if (!grammar.n)
        return text;
    return ARENA_JOIN(a, text, text.n ? SLICE("\n\n") : SLICE(""), SLICE("The input follows this "),
                      syntax, SLICE(" grammar:\n"), grammar);
}

static bool add_custom(struct tools *t, struct slice path, yyjson_val *v, struct slice space)
{
    struct slice name = json_get_slice(v, "name");
    if (!name.n)
        return parse_refuse(t->p, path, "the tool needs a name");
    struct llm_tool *tool = add_tool(t);
    tool->name = responses_tool_name(t->p->a, space, name);
    tool->space = space;
    tool->description = describe(t->p->a, v);
    tool->schema = json_parse(SLICE(TEXT_SCHEMA), t->p->a, NULL);
    tool->text_input = true;
    return true;
}

/* What only helps; agents do without. */
static bool is_helper(struct slice type)
{
    static const char *const prefixes[] = {"image_generation", "tool_search", "web_search"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
        if (slice_starts(type, slice_of(prefixes[i])))
            return true;
    return false;
}

static bool add_plain(struct tools *t, struct slice path, yyjson_val *v, struct slice space)
{
    struct slice type = json_get_slice(v, "type");
    if (t->count == TOOLS_MAX)
        return parse_refuse(t->p, SLICE("tools"), "at most %d tools", TOOLS_MAX);
    if (slice_eq(type, SLICE("function")))
        return add_function(t, path, v, space);
    if (slice_eq(type, SLICE("custom")))
        return add_custom(t, path, v, space);
    if (!is_helper(type))
        return parse_refuse(t->p, path, "tools of type '%.*s' are not supported", SLICE_ARG(type));
    t->p->r->server_tools = true;
    return true;
}

static bool add_space(struct tools *t, struct slice path, yyjson_val *v)
{
    struct slice name = json_get_slice(v, "name");
    yyjson_val *item, *list = json_get(v, "tools");
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    struct slice inner = parse_path_member(t->p, path, SLICE("tools"));
    if (!name.n)
        return parse_refuse(t->p, path, "the namespace needs a name");
    if (!yyjson_is_arr(list))
        return parse_refuse_type(t->p, inner, "a list", list);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!add_plain(t, parse_path_item(t->p, inner, i), item, name))
            return false;
    return true;
}

bool responses_parse_tools(struct parse *p, yyjson_val *v)
{
    struct tools t = {.p = p, .tail = &p->r->tools};
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (!yyjson_is_arr(v))
        return parse_refuse_type(p, SLICE("tools"), "a list", v);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++) {
        struct slice path = parse_path_item(p, SLICE("tools"), i);
        bool space = slice_eq(json_get_slice(item, "type"), SLICE("namespace"));
        if (!yyjson_is_obj(item))
            return parse_refuse_type(p, path, "an object", item);
        if (space ? !add_space(&t, path, item) : !add_plain(&t, path, item, slice_of(NULL)))
            return false;
    }
    return true;
}

struct slice responses_tool_name(struct arena *a, struct slice space, struct slice name)
{
    return space.n ? ARENA_JOIN(a, space, SLICE(LLM_SPACE_MARK), name) : name;
}

/* ---- tool_choice --------------------------------------------------------------------------- */

static bool choose_word(struct parse *p, struct slice word)
{
    return parse_tool_choice_word(p, word) ||
           parse_refuse(p, SLICE("tool_choice"),
                        "must be 'auto', 'none', 'required', a tool "
                        "with its name, or allowed_tools");
}

/* {type: function|custom, name, namespace}; chat's form is taken too. */
static struct slice chosen_name(struct parse *p, yyjson_val *v)
{
    struct slice name = json_get_slice(v, "name");
    if (!name.n)
        name = json_get_slice(json_get(v, "function"), "name");
    return name.n ? responses_tool_name(p->a, json_get_slice(v, "namespace"), name) : name;
}

static bool is_allowed(struct parse *p, yyjson_val *list, struct slice name)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((item = yyjson_arr_iter_next(&it)))
        if (slice_eq(chosen_name(p, item), name))
            return true;
    return false;
}

/* {type: allowed_tools, mode, tools}: the model is offered these only. */
static bool choose_allowed(struct parse *p, yyjson_val *v)
{
    yyjson_val *list = json_get(v, "tools");
    struct llm_tool **at = &p->r->tools;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > TOOLS_MAX)
        return parse_refuse(p, SLICE("tool_choice.tools"), "must be a list of at most %d tools",
                            TOOLS_MAX);
    while (*at)
        if (is_allowed(p, list, (*at)->name))
            at = &(*at)->next;
        else
            *at = (*at)->next;
    if (!p->r->tools)
        return parse_refuse(p, SLICE("tool_choice.tools"), "none of them is among the tools");
    return choose_word(p, json_get_slice(v, "mode"));
}

bool responses_parse_tool_choice(struct parse *p, yyjson_val *v)
{
    struct slice type = json_get_slice(v, "type");
    if (yyjson_is_str(v))
        return choose_word(p, json_slice(v));
    if (slice_eq(type, SLICE("allowed_tools")))
        return choose_allowed(p, v);
    if (!slice_eq(type, SLICE("function")) && !slice_eq(type, SLICE("custom")))
        return parse_refuse(p, SLICE("tool_choice"), "a tool of type '%.*s' cannot be chosen",
                            SLICE_ARG(type));
    p->r->tool_choice_name = chosen_name(p, v);
    if (!p->r->tool_choice_name.n)
        return parse_refuse(p, SLICE("tool_choice"), "the tool needs a name");
    p->r->tool_choice = LLM_TOOLS_NAMED;
    return true;
}
