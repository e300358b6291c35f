/* The conversation as Claude's own API wants it: first user, then in turns, no empty text, every
 * call followed by its result. What Converse says in its words is said in Anthropic's here; rules
 * that are Claude's in both (thinking, sampling, effort) stand in rules_model.c.
 *
 * Happy path: every rule returns true.
 * Failure modes are Anthropic's sentences, as its API and Bedrock's users quote them. */

#include "claude.h"

#define CALLS_MAX 256 /* tool calls looked at in one turn */

static yyjson_val *messages_of(const struct check *c)
{
    return json_get(c->body, "messages");
}

/* ---- texts --------------------------------------------------------------------------------- */

static bool check_text(const struct check *c, const char *where, struct slice text)
{
    if (!text.n)
        return fault_model(c->fault, c->arena, "%s: text content blocks must be non-empty", where);
    if (slice_is_blank(text))
        return fault_model(c->fault, c->arena,
                           "%s: text content blocks must contain non-whitespace text", where);
    return true;
}

static bool check_texts(const struct check *c, const char *where, yyjson_val *content)
{
    size_t i, n;
    yyjson_val *block;
    yyjson_arr_foreach(claude_blocks(content), i, n, block)
    {
        if (claude_is(block, "text") && !check_text(c, where, json_get_slice(block, "text")))
            return false;
        if (claude_is(block, "tool_result") && !check_texts(c, where, json_get(block, "content")))
            return false;
    }
    return true;
}

static bool empty(yyjson_val *content)
{
    return yyjson_is_str(content) ? yyjson_get_len(content) == 0 : !yyjson_arr_size(content);
}

static bool check_content(const struct check *c, yyjson_val *message, size_t m)
{
    yyjson_val *content = json_get(message, "content");
    if (empty(content) && message_is(message, "user"))
        return fault_model(c->fault, c->arena,
                           "messages.%zu: user messages must have non-empty content", m);
    if (empty(content) && message == body_last_message(c->body))
        return true;
    if (empty(content))
        return fault_model(c->fault, c->arena,
                           "messages.%zu: all messages must have non-empty content except for the "
                           "optional final assistant message",
                           m);
    if (yyjson_is_str(content))
        return check_text(c, "messages", json_slice(content));
    return check_texts(c, "messages", content);
}

/* ---- roles --------------------------------------------------------------------------------- */

static bool check_owner(const struct check *c, yyjson_val *message, size_t m, yyjson_val *block)
{
    static const char *const owners[][2] = {
        {"tool_use", "assistant"}, {"thinking", "assistant"}, {"redacted_thinking", "assistant"},
        {"tool_result", "user"},   {"image", "user"},         {"document", "user"},
        {"search_result", "user"},
    };
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        if (claude_is(block, owners[i][0]) && !message_is(message, owners[i][1]))
            return fault_model(c->fault, c->arena,
                               "messages.%zu: `%s` blocks can only be in `%s` messages", m,
                               owners[i][0], owners[i][1]);
    return true;
}

static bool check_owners(const struct check *c, yyjson_val *message, size_t m)
{
    size_t i, n;
    yyjson_val *block;
    yyjson_arr_foreach(claude_blocks(json_get(message, "content")), i, n, block)
    {
        if (!check_owner(c, message, m, block))
            return false;
    }
    return true;
}

static bool knows_system_role(const struct model *model)
{
    return model->thinking == THINKING_ADAPTIVE || model->thinking == THINKING_ALWAYS;
}

static bool check_turn(const struct check *c, yyjson_val *message, yyjson_val *before, size_t m)
{
    const struct slice role = json_get_slice(message, "role");
    if (message_is(message, "system")) {
        if (knows_system_role(c->model))
            return true;
        return fault_model(c->fault, c->arena,
                           "messages.%zu.role: Input should be 'user' or 'assistant'", m);
    }
    if (!before && !message_is(message, "user"))
        return fault_model(c->fault, c->arena,
                           "messages: first message must use the \"user\" role");
    if (before && slice_eq(role, json_get_slice(before, "role")))
        return fault_model(c->fault, c->arena,
                           "messages: roles must alternate between \"user\" and \"assistant\", "
                           "but found multiple \"%.*s\" roles in a row",
                           SLICE_ARG(role));
    return true;
}

bool claude_rules_conversation(const struct check *c)
{
    size_t i, n;
    yyjson_val *message, *before = NULL, *system = json_get(c->body, "system");
    yyjson_arr_foreach(messages_of(c), i, n, message)
    {
        if (!check_turn(c, message, before, i))
            return false;
        if (!message_is(message, "system"))
            before = message;
    }
    if (!before)
        return fault_model(c->fault, c->arena, "messages: at least one message is required");
    yyjson_arr_foreach(messages_of(c), i, n, message)
    {
        if (!check_content(c, message, i) || !check_owners(c, message, i))
            return false;
    }
    return check_texts(c, "system", system);
}

/* ---- what is offered ----------------------------------------------------------------------- */

static bool offered(yyjson_val *tools, struct slice name, size_t before)
{
    size_t i, n;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        if (i >= before)
            return false;
        if (slice_eq(json_get_slice(tool, "name"), name))
            return true;
    }
    return false;
}

static bool check_tool(const struct check *c, yyjson_val *tools, yyjson_val *tool, size_t i)
{
    yyjson_val *schema = json_get(tool, "input_schema");
    yyjson_val *type = json_get(schema, "type");
    if (schema && !type)
        return fault_model(c->fault, c->arena, "tools.%zu.custom.input_schema.type: Field required",
                           i);
    if (schema && !slice_eq(json_slice(type), SLICE("object")))
        return fault_model(c->fault, c->arena,
                           "tools.%zu.custom.input_schema.type: Input should be 'object'", i);
    if (offered(tools, json_get_slice(tool, "name"), i))
        return fault_model(c->fault, c->arena, "tools: Tool names must be unique.");
    return true;
}

static bool check_choice(const struct check *c, yyjson_val *tools)
{
    yyjson_val *choice = json_get(c->body, "tool_choice");
    const struct slice type = json_get_slice(choice, "type");
    const struct slice name = json_get_slice(choice, "name");
    const bool forced = slice_eq(type, SLICE("any")) || slice_eq(type, SLICE("tool"));
    if (type.n && !yyjson_arr_size(tools))
        return fault_model(c->fault, c->arena,
                           "tool_choice: may only be specified while providing tools");
    if (forced && !c->model->forced_tool)
        return fault_model(c->fault, c->arena,
                           "tool_choice: forced tool use is not supported by this model");
    if (name.p && !offered(tools, name, SIZE_MAX))
        return fault_model(c->fault, c->arena, "Tool '%.*s' not found in provided tools",
                           SLICE_ARG(name));
    return true;
}

static bool check_tools(const struct check *c)
{
    size_t i, n;
    yyjson_val *tool, *tools = json_get(c->body, "tools");
    yyjson_arr_foreach(tools, i, n, tool)
    {
        if (!check_tool(c, tools, tool, i))
            return false;
    }
    return check_choice(c, tools);
}

/* ---- calls and results of the history ------------------------------------------------------ */

struct calls {
    struct slice ids[CALLS_MAX];
    size_t n;
};

static bool has_id(const struct calls *calls, struct slice id)
{
    for (size_t i = 0; i < calls->n; i++)
        if (slice_eq(calls->ids[i], id))
            return true;
    return false;
}

static void add_id(struct calls *calls, struct slice id)
{
    if (calls->n < CALLS_MAX)
        calls->ids[calls->n++] = id;
}

static bool without_result(const struct check *c, const struct calls *uses,
                           const struct calls *results, size_t m)
{
    struct slice ids = {0};
    for (size_t i = 0; i < uses->n; i++)
        if (!has_id(results, uses->ids[i]))
            ids = arena_printf(c->arena, "%.*s%s%.*s", SLICE_ARG(ids), ids.n ? ", " : "",
                               SLICE_ARG(uses->ids[i]));
    if (!ids.n)
        return true;
    return fault_model(c->fault, c->arena,
                       "messages.%zu: `tool_use` ids were found without `tool_result` blocks "
                       "immediately after: %.*s. Each `tool_use` block must have a corresponding "
                       "`tool_result` block in the next message.",
                       m, SLICE_ARG(ids));
}

/* The calls of an assistant turn; text behind a call cuts it off from its result. */
static bool read_uses(const struct check *c, yyjson_val *message, size_t m, struct calls *uses)
{
    size_t i, n;
    yyjson_val *block;
    const struct calls none = {.n = 0};
    uses->n = 0;
    yyjson_arr_foreach(claude_blocks(json_get(message, "content")), i, n, block)
    {
        const struct slice id = json_get_slice(block, "id");
        if (claude_is(block, "text") && uses->n)
            return without_result(c, uses, &none, m);
        if (!claude_is(block, "tool_use"))
            continue;
        if (has_id(uses, id))
            return fault_model(c->fault, c->arena, "messages: `tool_use` ids must be unique");
        add_id(uses, id);
    }
    return true;
}

static bool read_result(const struct check *c, yyjson_val *block, const struct calls *uses,
                        struct calls *results, size_t m, size_t i)
{
    const struct slice id = json_get_slice(block, "tool_use_id");
    if (!has_id(uses, id))
        return fault_model(c->fault, c->arena,
                           "messages.%zu.content.%zu: unexpected `tool_use_id` found in "
                           "`tool_result` blocks: %.*s. Each `tool_result` block must have a "
                           "corresponding `tool_use` block in the previous message.",
                           m, i, SLICE_ARG(id));
    if (has_id(results, id))
        return fault_model(c->fault, c->arena,
                           "messages.%zu.content.%zu: each tool_use must have a single result. "
                           "Found multiple `tool_result` blocks with id: %.*s",
                           m, i, SLICE_ARG(id));
    add_id(results, id);
    return true;
}

/* The results of a user turn stand first: one behind other content counts for nothing. */
static bool read_results(const struct check *c, yyjson_val *message, size_t m,
                         const struct calls *uses)
{
    size_t i, n;
    yyjson_val *block;
    struct calls results = {.n = 0};
    bool other = false;
    yyjson_arr_foreach(claude_blocks(json_get(message, "content")), i, n, block)
    {
        if (!claude_is(block, "tool_result")) {
            other = true;
            continue;
        }
        if (other && has_id(uses, json_get_slice(block, "tool_use_id")))
            break;
        if (!read_result(c, block, uses, &results, m, i))
            return false;
    }
    return without_result(c, uses, &results, m ? m - 1 : 0);
}

static bool check_turns(const struct check *c, bool *seen)
{
    size_t i, n, asked = 0;
    yyjson_val *message;
    struct calls uses = {.n = 0};
    const struct calls none = {.n = 0};
    yyjson_arr_foreach(messages_of(c), i, n, message)
    {
        if (message_is(message, "system"))
            continue;
        if (message_is(message, "user")) {
            if (!read_results(c, message, i, &uses))
                return false;
            uses.n = 0;
        } else if (!read_uses(c, message, i, &uses)) {
            return false;
        }
        *seen |= uses.n > 0;
        asked = i;
    }
    return without_result(c, &uses, &none, asked);
}

bool claude_rules_tools(const struct check *c)
{
    bool seen = false;
    if (!check_tools(c) || !check_turns(c, &seen))
        return false;
    if (seen && !yyjson_arr_size(json_get(c->body, "tools")))
        return fault_model(c->fault, c->arena,
                           "Requests which include `tool_use` or `tool_result` blocks must define "
                           "tools.");
    return true;
}
