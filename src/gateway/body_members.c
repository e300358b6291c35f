#include "body_members.h"

/* The first of each row that is there counts. */
enum { MESSAGES, SYSTEM = 5, TOOLS = 7, TOOL_CONFIG, NAMES };

static const struct slice part_names[NAMES] = {
    SLICE_CONST("messages"),     SLICE_CONST("input"), SLICE_CONST("prompt"),
    SLICE_CONST("inputText"),    SLICE_CONST("query"), [SYSTEM] = SLICE_CONST("system"),
    SLICE_CONST("instructions"), SLICE_CONST("tools"), SLICE_CONST("toolConfig"),
};

static bool is_one_of(struct slice name, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(name, names[i]))
            return true;
    return false;
}

bool body_is_part(struct slice name)
{
    return is_one_of(name, part_names, NAMES);
}

bool body_is_content(struct slice name)
{
    static const struct slice others[] = {
        SLICE_CONST("suffix"),   SLICE_CONST("prediction"), SLICE_CONST("functions"),
        SLICE_CONST("contents"), SLICE_CONST("choices"),    SLICE_CONST("documents"),
    };
    return body_is_part(name) || is_one_of(name, others, sizeof(others) / sizeof(*others));
}

static bool begins_secret(struct slice rest)
{
    switch (*rest.p) {
    case 'a':
        return slice_starts(rest, SLICE("api_key")) || slice_starts(rest, SLICE("apikey")) ||
               slice_starts(rest, SLICE("authorization"));
    case 'p': return slice_starts(rest, SLICE("password"));
    case 's': return slice_starts(rest, SLICE("secret"));
    default: return false;
    }
}

bool body_is_secret(struct slice name)
{
    for (size_t i = 0; i < name.n; i++)
        if (begins_secret(slice_skip(name, i)))
            return true;
    return false;
}

static yyjson_val *first_of(yyjson_val *const *found, size_t from, size_t end)
{
    while (from < end && !found[from])
        from++;
    return from == end || yyjson_is_null(found[from]) ? NULL : found[from];
}

/* Once through the body: looking for each name would go through it nine times. */
struct body_parts body_parts(yyjson_val *body)
{
    yyjson_val *found[NAMES] = {0}, *key, *value;
    size_t i, n;
    yyjson_obj_foreach(body, i, n, key, value)
    {
        for (size_t k = 0; k < NAMES; k++)
            if (!found[k] && slice_eq(json_slice(key), part_names[k]))
                found[k] = value;
    }
    return (struct body_parts){
        .messages = first_of(found, MESSAGES, SYSTEM),
        .system = first_of(found, SYSTEM, TOOLS),
        .tools = found[TOOLS] ? found[TOOLS] : json_get(found[TOOL_CONFIG], "tools"),
    };
}
