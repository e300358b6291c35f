#include "calls.h"

#include "arguments.h"
#include "prompt.h"

#include "wire/crypto.h"

#include <ctype.h>

#define ID_LETTERS     22
#define INPUT_MAX      (1024 * 1024)
#define SCORE_FULL     100 /* the prompt has the tool's name */
#define SCORE_WORD     10  /* … a word of it */
#define SCORE_ANY_TOOL 1   /* … asks for a tool without naming it */

/* ---- which --------------------------------------------------------------------------------- */

/* Words of names that say nothing about what a tool is for. */
static bool is_common(struct slice word)
{
    static const char *const words[] = {"get", "set",  "the", "and", "for",  "run", "tool",
                                        "all", "with", "new", "mcp", "call", "by",  "my"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_eq_nocase(word, slice_of(words[i])))
            return true;
    return word.n < 3;
}

/* The length of the first word of a name: up to '_', '-', or a capital after a small letter. */
static size_t word_length(struct slice name)
{
    size_t n = 1;
    while (n < name.n && name.p[n] != '_' && name.p[n] != '-' &&
           !(isupper((unsigned char)name.p[n]) && islower((unsigned char)name.p[n - 1])))
        n++;
    return n;
}

static int score(struct slice name, struct slice text)
{
    int sum = prompt_has_word(text, name) ? SCORE_FULL : 0;
    for (struct slice rest = name; rest.n;) {
        const struct slice word = slice_make(rest.p, word_length(rest));
        rest = slice_skip(rest, word.n);
        const bool separator = word.p[0] == '_' || word.p[0] == '-';
        const struct slice plain = separator ? slice_skip(word, 1) : word;
        if (!is_common(plain) && prompt_has_word(text, plain))
            sum += SCORE_WORD;
    }
    const bool any = prompt_has_word(text, SLICE("tool")) || prompt_has_word(text, SLICE("tools"));
    return sum || !any ? sum : SCORE_ANY_TOOL;
}

static yyjson_val *named_tool(yyjson_val *tools, struct slice name)
{
    size_t i, n;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        yyjson_val *spec = json_get(tool, "toolSpec");
        if (slice_eq(json_get_slice(spec, "name"), name))
            return spec;
    }
    return NULL;
}

bool calls_offered(yyjson_val *body, struct slice name)
{
    return named_tool(body_tools(body), name) != NULL;
}

static yyjson_val *first_tool(yyjson_val *tools)
{
    size_t i, n;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        if (json_get(tool, "toolSpec"))
            return json_get(tool, "toolSpec");
    }
    return NULL;
}

static yyjson_val *best_tool(yyjson_val *tools, struct slice text)
{
    size_t i, n;
    int best = 0;
    yyjson_val *tool, *found = NULL;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        yyjson_val *spec = json_get(tool, "toolSpec");
        const int s = spec ? score(json_get_slice(spec, "name"), text) : 0;
        if (s <= best)
            continue;
        best = s;
        found = spec;
    }
    return found;
}

/* ---- with what ----------------------------------------------------------------------------- */

static void add(struct call_list *out, yyjson_val *spec, struct slice text, size_t index,
                struct arena *a)
{
    struct buf input;
    yyjson_val *schema = json_get(json_get(spec, "inputSchema"), "json");
    struct arguments args = {.root = schema, .text = text, .index = index, .arena = a};
    if (out->n == CALLS_AT_ONCE)
        return;
    buf_init(&input, INPUT_MAX);
    arguments_write(&args, schema, &input);
    out->v[out->n].name = json_get_slice(spec, "name");
    out->v[out->n].input = input.overflow ? SLICE("{}") : arena_dup(a, buf_slice(&input));
    out->n++;
    buf_fini(&input);
}

/* Claude's own tool_choice, for what Converse has no member. */
static yyjson_val *own_choice(yyjson_val *body)
{
    return json_get(json_get(body, "additionalModelRequestFields"), "tool_choice");
}

static bool parallel_allowed(yyjson_val *body)
{
    return !yyjson_is_true(json_get(own_choice(body), "disable_parallel_tool_use"));
}

static bool calls_forbidden(yyjson_val *body)
{
    return slice_eq(json_get_slice(own_choice(body), "type"), SLICE("none"));
}

static void add_row(struct call_list *out, yyjson_val *body, yyjson_val *spec, struct slice text,
                    struct arena *a)
{
    size_t n = 1;
    if (parallel_allowed(body))
        n = arguments_parallel(json_get(json_get(spec, "inputSchema"), "json"), text);
    for (size_t i = 0; i < n; i++)
        add(out, spec, text, i, a);
}

/* Every tool whose full name stands in the prompt, when there are several. */
static bool add_named(struct call_list *out, yyjson_val *body, struct slice text, struct arena *a)
{
    size_t i, n, count = 0;
    yyjson_val *tool, *tools = body_tools(body);
    if (!parallel_allowed(body))
        return false;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        count += prompt_has_word(text, json_get_slice(json_get(tool, "toolSpec"), "name"));
    }
    if (count < 2)
        return false;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        yyjson_val *spec = json_get(tool, "toolSpec");
        if (prompt_has_word(text, json_get_slice(spec, "name")))
            add(out, spec, text, 0, a);
    }
    return true;
}

void calls_choose(yyjson_val *body, struct slice text, struct arena *a, struct call_list *out)
{
    struct slice name = {0};
    yyjson_val *tools = body_tools(body), *spec;
    const char *choice = body_tool_choice(body, &name);
    *out = (struct call_list){.forced = choice && !slice_eq(slice_of(choice), SLICE("auto"))};
    if (!tools || calls_forbidden(body) ||
        (!out->forced && message_count(body_last_user(body), BLOCK_TOOL_RESULT)))
        return;
    if (name.p) {
        add_row(out, body, named_tool(tools, name), text, a);
        return;
    }
    if (add_named(out, body, text, a))
        return;
    spec = best_tool(tools, text);
    if (!spec && out->forced)
        spec = first_tool(tools);
    if (spec)
        add_row(out, body, spec, text, a);
}

struct slice call_id(const char *prefix, struct slice body, size_t index, struct arena *a)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t digest[SHA256_SIZE], mac[SHA256_SIZE];
    char id[ID_LETTERS + 1];
    sha256(body, digest);
    hmac_sha256(slice_make((const char *)digest, sizeof(digest)),
                slice_make((const char *)&index, sizeof(index)), mac);
    for (size_t i = 0; i < ID_LETTERS; i++)
        id[i] = letters[mac[i] % (sizeof(letters) - 1)];
    id[ID_LETTERS] = '\0';
    return arena_printf(a, "%s%s", prefix, id);
}
