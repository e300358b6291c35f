/* Anthropic's Messages, request side: tools and tool_choice.
 *
 * The happy path: a tool with a schema becomes a neutral one; what it has beside (defer_loading, …)
 * goes along for models that know it. Tools that Anthropic defines and the client runs (bash, text
 * editor, computer, memory) and the search among tools stay in Anthropic's words.
 *
 * Failure modes: tools that Anthropic itself runs (web search, code execution) do not exist on
 * Bedrock: a 400, since a model without them could not do what is asked for. */

#include "anthropic_messages.h"

#define TOOLS_MAX       1024 /* tools in one request */
#define TOOL_EXTRAS_MAX 16   /* members that nobody knows, of one tool */

static bool is_row(struct slice type, const char *const *prefixes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_starts(type, slice_of(prefixes[i])))
            return true;
    return false;
}

/* Followed by a date; a newer one is the model's to judge. */
static bool is_own(struct slice type)
{
    static const char *const prefixes[] = {"bash_", "computer_", "memory_", "text_editor_",
                                           "tool_search_tool_"};
    return is_row(type, prefixes, sizeof(prefixes) / sizeof(*prefixes));
}

static bool is_of_server(struct slice type)
{
    static const char *const prefixes[] = {"advisor_", "code_execution_", "mcp_toolset",
                                           "web_fetch_", "web_search_"};
    return is_row(type, prefixes, sizeof(prefixes) / sizeof(*prefixes));
}

/* ---- tools with a schema ------------------------------------------------------------------- */

static bool is_read(struct slice name)
{
    static const char *const names[] = {"cache_control", "custom", "description", "input_schema",
                                        "name",          "strict", "type"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

/* Some clients put them one level deeper, under `custom`. */
static bool add_extras(struct parse *p, struct slice path, yyjson_val *v, struct llm_extra **tail)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    size_t n = 0;
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        if (is_read(json_slice(key)) || yyjson_is_null(value))
            continue;
        if (++n > TOOL_EXTRAS_MAX)
            return parse_refuse(p, path, "at most %d members that are not known", TOOL_EXTRAS_MAX);
        *tail = ARENA_NEW(p->a, struct llm_extra);
        (*tail)->name = json_slice(key);
        (*tail)->value = value;
        (*tail)->optional = true;
        tail = &(*tail)->next;
    }
    return true;
}

static bool parse_custom(struct parse *p, struct slice path, yyjson_val *v, struct llm_tool *t)
{
    yyjson_val *schema = json_get(v, "input_schema"), *inner = json_get(v, "custom");
    struct llm_extra **tail = &t->extra;
    if (!schema || yyjson_is_null(schema))
        return parse_refuse(p, path, "the member 'input_schema' is missing");
    if (!yyjson_is_obj(schema))
        return parse_refuse_type(p, path, "an object as input_schema", schema);
    t->schema = schema;
    t->description = json_get_slice(v, "description");
    t->strict = yyjson_is_true(json_get(v, "strict"));
    if (!add_extras(p, path, v, tail))
        return false;
    while (*tail)
        tail = &(*tail)->next;
    return add_extras(p, path, inner, tail);
}

static bool parse_tool(struct parse *p, size_t i, yyjson_val *v, struct llm_tool *t)
{
    struct slice path = parse_path_item(p, SLICE("tools"), i), type = json_get_slice(v, "type");
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, path, "an object", v);
    if (is_of_server(type))
        return parse_refuse(p, path,
                            "tools of type '%.*s' run at Anthropic; Bedrock does not have them",
                            SLICE_ARG(type));
    t->name = json_get_slice(v, "name");
    t->cache_point = messages_cache_control(v, &t->ttl);
    t->untyped = !type.p;
    if (!t->name.n)
        return parse_refuse(p, path, "a tool needs a 'name'");
    if (is_own(type)) {
        t->own = v;
        return true;
    }
    if (type.p && !slice_eq(type, SLICE("custom")))
        return parse_refuse(p, path, "tools of type '%.*s' are not supported", SLICE_ARG(type));
    return parse_custom(p, path, v, t);
}

bool messages_parse_tools(struct parse *p, yyjson_val *v)
{
    struct llm_tool **tail = &p->r->tools;
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (!yyjson_is_arr(v))
        return parse_refuse_type(p, SLICE("tools"), "a list", v);
    if (yyjson_arr_size(v) > TOOLS_MAX)
        return parse_refuse(p, SLICE("tools"), "at most %d tools", TOOLS_MAX);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++) {
        *tail = ARENA_NEW(p->a, struct llm_tool);
        if (!parse_tool(p, i, item, *tail))
            return false;
        tail = &(*tail)->next;
    }
    return true;
}

/* ---- tool_choice --------------------------------------------------------------------------- */

bool messages_parse_tool_choice(struct parse *p, yyjson_val *v)
{
    static const struct {
        const char *type;
        enum llm_tool_choice choice;
    } rows[] = {{"auto", LLM_TOOLS_AUTO},
                {"any", LLM_TOOLS_REQUIRED},
                {"tool", LLM_TOOLS_NAMED},
                {"none", LLM_TOOLS_NONE}};
    struct slice type = json_get_slice(v, "type"), name = json_get_slice(v, "name");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(type, slice_of(rows[i].type)))
            p->r->tool_choice = rows[i].choice;
    if (p->r->tool_choice == LLM_TOOLS_UNSET)
        return parse_refuse(p, SLICE("tool_choice"), "type must be auto, any, tool or none");
    if (p->r->tool_choice == LLM_TOOLS_NAMED && !name.n)
        return parse_refuse(p, SLICE("tool_choice"), "a choice of type 'tool' needs a 'name'");
    p->r->tool_choice_name = name;
    if (yyjson_is_true(json_get(v, "disable_parallel_tool_use")))
        p->r->parallel_tool_calls = LLM_FLAG_FALSE;
    return true;
}
