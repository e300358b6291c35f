#include "body_members.h"

bool body_is_content(struct slice name)
{
    static const char *const names[] = {"messages",   "input",        "prompt",    "suffix",
                                        "prediction", "system",       "tools",     "functions",
                                        "contents",   "instructions", "choices",   "query",
                                        "documents",  "inputText",    "toolConfig"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

bool body_is_secret(struct slice name)
{
    static const char *const parts[] = {"api_key", "apikey", "secret", "password", "authorization"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (slice_find(name, slice_of(parts[i])) >= 0)
            return true;
    return false;
}

static yyjson_val *first_of(yyjson_val *body, const char *const *names)
{
    yyjson_val *found = NULL;
    for (; *names && !found; names++)
        found = json_get(body, *names);
    return yyjson_is_null(found) ? NULL : found;
}

yyjson_val *body_messages(yyjson_val *body)
{
    static const char *const names[] = {"messages", "input", "prompt", "inputText", "query", NULL};
    return first_of(body, names);
}

yyjson_val *body_system(yyjson_val *body)
{
    static const char *const names[] = {"system", "instructions", NULL};
    return first_of(body, names);
}

yyjson_val *body_tools(yyjson_val *body)
{
    yyjson_val *tools = json_get(body, "tools");
    return tools ? tools : json_get(json_get(body, "toolConfig"), "tools");
}
