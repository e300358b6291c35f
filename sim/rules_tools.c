/* Tools as they are offered, and as they appear in the history.
 *
 * Happy path: names are unique, schemas are objects, the forced tool exists; every toolUse of an
 * assistant turn has its toolResult in the next user turn, and no other result is there.
 * Failure modes are the service's sentences; where Claude itself objects (order of the blocks, a
 * conversation that ends in a call) they carry the prefix of the model. */

#include "rules.h"

#define CALLS_MAX 256 /* tool calls looked at in one turn */

/* ---- what is offered ----------------------------------------------------------------------- */

static bool check_schema(const struct check *c, yyjson_val *spec, size_t index)
{
    yyjson_val *schema = json_get(json_get(spec, "inputSchema"), "json");
    if (!yyjson_is_obj(schema))
        return fault_validation(c->fault, c->arena,
                                "The format of the value at "
                                "toolConfig.tools.%zu.toolSpec.inputSchema.json is invalid. "
                                "Provide a json object for the field and try again.",
                                index);
    if (!slice_eq(json_get_slice(schema, "type"), SLICE("object")))
        return fault_validation(c->fault, c->arena,
                                "The value at "
                                "toolConfig.tools.%zu.toolSpec.inputSchema.json.type must be one "
                                "of the following: object.",
                                index);
    return true;
}

static bool offered(yyjson_val *tools, struct slice name, size_t before)
{
    size_t i, n;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        if (i >= before)
            return false;
        if (slice_eq(json_get_slice(json_get(tool, "toolSpec"), "name"), name))
            return true;
    }
    return false;
}

static bool check_tools(const struct check *c, yyjson_val *tools)
{
    size_t i, n;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        yyjson_val *spec = json_get(tool, "toolSpec");
        if (!spec)
            continue;
        if (!check_schema(c, spec, i))
            return false;
        if (offered(tools, json_get_slice(spec, "name"), i))
            return fault_model(c->fault, c->arena, "tools: Tool names must be unique.");
        if (slice_is_blank(json_get_slice(spec, "description")) && json_get(spec, "description"))
            return fault_validation(c->fault, c->arena,
                                    "The description field at toolConfig.tools.%zu.toolSpec is "
                                    "blank. Add text to the field, and try again.",
                                    i);
    }
    return true;
}

static bool check_choice(const struct check *c, yyjson_val *tools)
{
    struct slice name = {0};
    const char *choice = body_tool_choice(c->body, &name);
    if (!choice || slice_eq(slice_of(choice), SLICE("auto")))
        return true;
    if (!c->model->forced_tool && c->model->claude)
        return fault_model(c->fault, c->arena,
                           "tool_choice: forced tool use is not supported by this model");
    if (!c->model->forced_tool)
        return fault_validation(c->fault, c->arena,
                                "This model doesn't support the toolConfig.toolChoice.%s field. "
                                "Remove toolConfig.toolChoice.%s and try again.",
                                choice, choice);
    if (name.p && !offered(tools, name, SIZE_MAX))
        return fault_model(c->fault, c->arena, "Tool '%.*s' not found in provided tools",
                           SLICE_ARG(name));
    return true;
}

bool rules_tool_config(const struct check *c)
{
    yyjson_val *tools = body_tools(c->body);
    if (!tools)
        return true;
    if (!c->model->tools)
        return fault_validation(c->fault, c->arena, "This model doesn't support tool use.");
    return check_tools(c, tools) && check_choice(c, tools);
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

/* The ids of one kind in a message; false: one of them twice. */
static bool collect(const struct check *c, yyjson_val *message, size_t m, enum block_kind kind,
                    struct calls *calls)
{
    size_t i, n;
    yyjson_val *block, *value;
    calls->n = 0;
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        if (block_kind(block, &value) != kind || calls->n == CALLS_MAX)
            continue;
        const struct slice id = json_get_slice(value, "toolUseId");
        if (has_id(calls, id))
            return fault_validation(c->fault, c->arena,
                                    "The %s blocks at messages.%zu.content contain duplicate Ids: "
                                    "%.*s",
                                    kind == BLOCK_TOOL_USE ? "toolUse" : "toolResult", m,
                                    SLICE_ARG(id));
        calls->ids[calls->n++] = id;
    }
    return true;
}

static bool check_inputs(const struct check *c, yyjson_val *message, size_t m)
{
    size_t i, n, j, parts;
    yyjson_val *block, *value, *part;
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        const enum block_kind kind = block_kind(block, &value);
        if (kind == BLOCK_TOOL_USE && !yyjson_is_obj(json_get(value, "input")))
            return fault_validation(c->fault, c->arena,
                                    "The format of the value at "
                                    "messages.%zu.content.%zu.toolUse.input is invalid. Provide a "
                                    "json object for the field and try again.",
                                    m, i);
        if (kind != BLOCK_TOOL_RESULT)
            continue;
        yyjson_arr_foreach(json_get(value, "content"), j, parts, part)
        {
            yyjson_val *json = json_get(part, "json");
            if (json && !yyjson_is_obj(json))
                return fault_validation(c->fault, c->arena,
                                        "The format of the value at "
                                        "messages.%zu.content.%zu.toolResult.content.%zu.json is "
                                        "invalid. Provide a json object for the field and try "
                                        "again.",
                                        m, i, j);
        }
    }
    return true;
}

static struct slice join(struct arena *a, const struct calls *calls, const struct calls *without)
{
    struct slice text = {0};
    for (size_t i = 0; i < calls->n; i++)
        if (!has_id(without, calls->ids[i]))
            text = arena_printf(a, "%.*s%s%.*s", SLICE_ARG(text), text.n ? ", " : "",
                                SLICE_ARG(calls->ids[i]));
    return text;
}

static bool check_pair(const struct check *c, const struct calls *uses, const struct calls *results,
                       size_t m)
{
    const struct slice missing = join(c->arena, uses, results);
    if (missing.n)
        return fault_validation(c->fault, c->arena,
                                "Expected toolResult blocks at messages.%zu.content for the "
                                "following Ids: %.*s",
                                m, SLICE_ARG(missing));
    if (results->n > uses->n)
        return fault_validation(c->fault, c->arena,
                                "The number of toolResult blocks at messages.%zu.content exceeds "
                                "the number of toolUse blocks of previous turn.",
                                m);
    return true;
}

/* Claude wants the calls last in an assistant turn and the results first in a user turn. What
 * breaks that reads to it as calls without results. */
static bool check_order(const struct check *c, yyjson_val *message, const struct calls *uses,
                        enum block_kind kind, size_t m)
{
    size_t i, n;
    yyjson_val *block;
    bool seen_tool = false, seen_other = false, wrong = false;
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        const enum block_kind k = block_kind(block, NULL);
        if (k == kind) {
            wrong |= kind == BLOCK_TOOL_RESULT && seen_other;
            seen_tool = true;
        } else if (k != BLOCK_CACHE_POINT) {
            wrong |= kind == BLOCK_TOOL_USE && seen_tool && k == BLOCK_TEXT;
            seen_other = true;
        }
    }
    if (!c->model->claude || !wrong)
        return true;
    const struct calls none = {.n = 0};
    return fault_model(c->fault, c->arena,
                       "messages.%zu: `tool_use` ids were found without `tool_result` blocks "
                       "immediately after: %.*s. Each `tool_use` block must have a corresponding "
                       "`tool_result` block in the next message.",
                       m, SLICE_ARG(join(c->arena, uses, &none)));
}

static bool check_end(const struct check *c, const struct calls *uses, size_t m)
{
    const struct calls none = {.n = 0};
    if (!uses->n)
        return true;
    return fault_validation(c->fault, c->arena,
                            "Expected toolResult blocks at messages.%zu.content for the following "
                            "Ids: %.*s",
                            m + 1, SLICE_ARG(join(c->arena, uses, &none)));
}

static bool check_turn(const struct check *c, yyjson_val *message, size_t m, struct calls *uses,
                       bool *seen)
{
    struct calls results;
    if (!check_inputs(c, message, m) || message_is(message, "system"))
        return !c->fault->status;
    if (message_is(message, "assistant")) {
        if (!collect(c, message, m, BLOCK_TOOL_USE, uses))
            return false;
        *seen |= uses->n > 0;
        return check_order(c, message, uses, BLOCK_TOOL_USE, m);
    }
    if (!collect(c, message, m, BLOCK_TOOL_RESULT, &results) || !check_pair(c, uses, &results, m) ||
        !check_order(c, message, uses, BLOCK_TOOL_RESULT, m ? m - 1 : 0))
        return false;
    *seen |= results.n > 0;
    uses->n = 0;
    return true;
}

bool rules_tool_turns(const struct check *c)
{
    size_t i, n;
    bool seen = false;
    struct calls uses = {.n = 0};
    yyjson_val *message, *messages = json_get(c->body, "messages");
    yyjson_arr_foreach(messages, i, n, message)
    {
        if (!check_turn(c, message, i, &uses, &seen))
            return false;
    }
    if (!check_end(c, &uses, n ? n - 1 : 0))
        return false;
    if (seen && !body_tools(c->body))
        return fault_validation(c->fault, c->arena,
                                "The toolConfig field must be defined when using toolUse and "
                                "toolResult content blocks.");
    return true;
}
