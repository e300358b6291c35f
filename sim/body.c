#include "body.h"

#include <string.h>

enum block_kind block_kind(yyjson_val *block, yyjson_val **value)
{
    static const struct {
        const char *name;
        enum block_kind kind;
    } kinds[] = {
        {"text", BLOCK_TEXT},
        {"image", BLOCK_IMAGE},
        {"document", BLOCK_DOCUMENT},
        {"video", BLOCK_VIDEO},
        {"toolUse", BLOCK_TOOL_USE},
        {"toolResult", BLOCK_TOOL_RESULT},
        {"reasoningContent", BLOCK_REASONING},
        {"cachePoint", BLOCK_CACHE_POINT},
    };
    yyjson_val *v = NULL;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        v = json_get(block, kinds[i].name);
        if (!v || yyjson_is_null(v))
            continue;
        if (value)
            *value = v;
        return kinds[i].kind;
    }
    if (value)
        *value = NULL;
    return BLOCK_OTHER;
}

bool message_is(yyjson_val *message, const char *role)
{
    return slice_eq(json_get_slice(message, "role"), slice_of(role));
}

yyjson_val *message_content(yyjson_val *message)
{
    return json_get(message, "content");
}

size_t message_count(yyjson_val *message, enum block_kind kind)
{
    size_t i, n, count = 0;
    yyjson_val *block;
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        count += block_kind(block, NULL) == kind;
    }
    return count;
}

yyjson_val *body_last_message(yyjson_val *body)
{
    return yyjson_arr_get_last(json_get(body, "messages"));
}

yyjson_val *body_last_user(yyjson_val *body)
{
    size_t i, n;
    yyjson_val *message, *last = NULL;
    yyjson_arr_foreach(json_get(body, "messages"), i, n, message)
    {
        if (message_is(message, "user"))
            last = message;
    }
    return last;
}

yyjson_val *body_tools(yyjson_val *body)
{
    return json_get(json_get(body, "toolConfig"), "tools");
}

const char *body_tool_choice(yyjson_val *body, struct slice *name)
{
    static const char *const choices[] = {"auto", "any", "tool"};
    yyjson_val *choice = json_get(json_get(body, "toolConfig"), "toolChoice");
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        yyjson_val *v = json_get(choice, choices[i]);
        if (!yyjson_is_obj(v))
            continue;
        *name = json_get_slice(v, "name");
        return choices[i];
    }
    return NULL;
}

static bool shown_by_default(const struct model *model)
{
    return model->thinking != THINKING_ADAPTIVE && model->thinking != THINKING_ALWAYS;
}

struct thinking body_thinking(yyjson_val *body, const struct model *model)
{
    yyjson_val *v = json_get(json_get(body, "additionalModelRequestFields"), "thinking");
    const struct slice type = json_get_slice(v, "type");
    const struct slice display = json_get_slice(v, "display");
    struct thinking t = {.visible = shown_by_default(model)};
    t.manual = slice_eq(type, SLICE("enabled"));
    t.on = t.manual || slice_eq(type, SLICE("adaptive")) ||
           (model->thinking == THINKING_ALWAYS && !slice_eq(type, SLICE("disabled")));
    if (display.n)
        t.visible = slice_eq(display, SLICE("summarized"));
    json_int(json_get(v, "budget_tokens"), &t.budget);
    return t;
}
