/* Roles and content of the messages: first user, then in turns, never empty, never blank. */

#include "rules.h"

static bool check_text(const struct check *c, struct slice text, const char *object,
                       const char *place)
{
    if (!slice_is_blank(text))
        return true;
    return fault_validation(c->fault, c->arena,
                            "The text field in the %s object at %s is blank. Add text to the text "
                            "field, and try again.",
                            object, place);
}

static bool check_result_texts(const struct check *c, yyjson_val *result, const char *place)
{
    size_t i, n;
    yyjson_val *part, *text;
    yyjson_arr_foreach(json_get(result, "content"), i, n, part)
    {
        text = json_get(part, "text");
        if (!text)
            continue;
        const struct slice at = arena_printf(c->arena, "%s.toolResult.content.%zu", place, i);
        if (!check_text(c, json_slice(text), "ContentBlock", at.p))
            return false;
    }
    return true;
}

static bool belongs(const struct check *c, yyjson_val *message, size_t m, enum block_kind kind)
{
    static const struct {
        enum block_kind kind;
        const char *role, *name;
    } owners[] = {
        {BLOCK_TOOL_USE, "assistant", "tool_use"},  {BLOCK_REASONING, "assistant", "thinking"},
        {BLOCK_TOOL_RESULT, "user", "tool_result"}, {BLOCK_IMAGE, "user", "image"},
        {BLOCK_DOCUMENT, "user", "document"},       {BLOCK_VIDEO, "user", "video"},
    };
    for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++)
        if (owners[i].kind == kind && !message_is(message, owners[i].role))
            return fault_model(c->fault, c->arena,
                               "messages.%zu: `%s` blocks can only be in `%s` messages", m,
                               owners[i].name, owners[i].role);
    return true;
}

static bool check_message(const struct check *c, yyjson_val *message, size_t m)
{
    size_t i, n;
    yyjson_val *block, *value, *content = message_content(message);
    if (!yyjson_arr_size(content))
        return fault_validation(c->fault, c->arena,
                                "The content field in the Message object at messages.%zu is "
                                "empty. Add a ContentBlock object to the content field and try "
                                "again.",
                                m);
    yyjson_arr_foreach(content, i, n, block)
    {
        const enum block_kind kind = block_kind(block, &value);
        const struct slice place = arena_printf(c->arena, "messages.%zu.content.%zu", m, i);
        if (kind == BLOCK_TEXT && !check_text(c, json_slice(value), "ContentBlock", place.p))
            return false;
        if (kind == BLOCK_TOOL_RESULT && !check_result_texts(c, value, place.p))
            return false;
        if (!belongs(c, message, m, kind))
            return false;
    }
    return true;
}

/* A system message in mid-conversation stands outside the turns; only the newest models know it. */
static bool check_system_role(const struct check *c, size_t m)
{
    if (c->model->claude &&
        (c->model->thinking == THINKING_ADAPTIVE || c->model->thinking == THINKING_ALWAYS))
        return true;
    return fault_validation(c->fault, c->arena,
                            "1 validation error detected: Value 'system' at "
                            "'messages.%zu.member.role' failed to satisfy constraint: Member must "
                            "satisfy enum value set: [user, assistant]",
                            m + 1);
}

static bool check_turns(const struct check *c, yyjson_val *messages)
{
    size_t i, n;
    yyjson_val *message, *before = NULL;
    yyjson_arr_foreach(messages, i, n, message)
    {
        if (message_is(message, "system")) {
            if (!check_system_role(c, i))
                return false;
            continue;
        }
        if (!before && !message_is(message, "user"))
            break;
        if (before && message_is(message, "user") == message_is(before, "user"))
            return fault_validation(c->fault, c->arena,
                                    "A conversation must alternate between user and assistant "
                                    "roles. Make sure the conversation alternates between user "
                                    "and assistant roles and try again.");
        before = message;
    }
    if (before)
        return true;
    return fault_validation(c->fault, c->arena,
                            "A conversation must start with a user message. Try again with a "
                            "conversation that starts with a user message.");
}

static bool check_system(const struct check *c)
{
    size_t i, n;
    yyjson_val *block, *system = json_get(c->body, "system");
    if (yyjson_arr_size(system) && !c->model->system)
        return fault_validation(c->fault, c->arena,
                                "This model doesn't support system messages. Try again without a "
                                "system message or use a model that supports system messages.");
    yyjson_arr_foreach(system, i, n, block)
    {
        yyjson_val *text = json_get(block, "text");
        const struct slice place = arena_printf(c->arena, "system.%zu", i);
        if (text && !check_text(c, json_slice(text), "SystemContentBlock", place.p))
            return false;
    }
    return true;
}

static bool ends_in_space(struct slice text)
{
    return text.n && slice_trim(text).n && slice_is_blank(slice_skip(text, text.n - 1));
}

bool rules_prefill(const struct check *c)
{
    yyjson_val *last = body_last_message(c->body);
    if (!message_is(last, "assistant"))
        return true;
    if (c->model->claude && !c->model->prefill)
        return fault_model(c->fault, c->arena,
                           "This model does not support assistant message prefill. The "
                           "conversation must end with a user message.");
    if (!c->model->prefill)
        return fault_validation(c->fault, c->arena,
                                "A conversation must end with a user message. Try again with a "
                                "conversation that ends with a user message.");
    const struct slice text = json_get_slice(yyjson_arr_get_last(message_content(last)), "text");
    if (c->model->claude && ends_in_space(text))
        return fault_model(c->fault, c->arena,
                           "messages: final assistant content cannot end with trailing "
                           "whitespace");
    return true;
}

bool rules_conversation(const struct check *c)
{
    size_t i, n;
    yyjson_val *message, *messages = json_get(c->body, "messages");
    if (!check_turns(c, messages))
        return false;
    yyjson_arr_foreach(messages, i, n, message)
    {
        if (!check_message(c, message, i))
            return false;
    }
    return check_system(c) && rules_prefill(c);
}
