/* Happy path: a walk over the document collects its texts; guards change some; writing puts these
 * into the document's values, where whoever reads the document finds them. A text that is JSON is
 * a document of its own, written anew if something in it has changed.
 *
 * Failure modes: none. What is not known is looked at: only what is known to be no text is left
 * out. */

#include "guard/texts.h"

struct guard_nested {
    struct guard_nested *next;
    yyjson_val *root;         /* NULL: it is no JSON … */
    struct guard_text *plain; /* … but this text */
    yyjson_val *value;        /* the text of a document that it is; NULL: of none */
    struct slice json;
    bool changed;
};

void guard_texts_init(struct guard_texts *t, struct arena *a)
{
    *t = (struct guard_texts){.a = a};
    t->tail = &t->first;
}

static struct guard_text *add(struct guard_texts *t, struct slice text, yyjson_val *value,
                              struct guard_nested *in)
{
    struct guard_text *x = ARENA_NEW(t->a, struct guard_text);
    *x = (struct guard_text){.text = text, .value = value, .in = in};
    *t->tail = x;
    t->tail = &x->next;
    t->count++;
    t->bytes += text.n;
    return x;
}

struct guard_text *guard_texts_add(struct guard_texts *t, struct slice text)
{
    return add(t, text, NULL, NULL);
}

/* ---- all of a value ------------------------------------------------------------------------- */

static void add_value(struct guard_texts *t, yyjson_val *v, struct guard_nested *in)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_str(v) && yyjson_get_len(v)) {
        add(t, json_slice(v), v, in);
    } else if (yyjson_is_raw(v)) {
        add(t, slice_make(yyjson_get_raw(v), yyjson_get_len(v)), v, in);
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, n, item) add_value(t, item, in);
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, n, key, item)
        {
            add_value(t, key, in);
            add_value(t, item, in);
        }
    }
}

void guard_texts_add_all(struct guard_texts *t, yyjson_val *value)
{
    add_value(t, value, NULL);
}

struct guard_nested *guard_texts_add_json(struct guard_texts *t, struct slice json)
{
    struct guard_nested *n = ARENA_NEW(t->a, struct guard_nested);
    n->json = json;
    n->root = json_parse(json, t->a, NULL);
    n->next = t->nested;
    t->nested = n;
    if (n->root)
        add_value(t, n->root, n);
    else
        n->plain = add(t, json, NULL, n);
    return n;
}

struct slice guard_nested_text(const struct guard_nested *n)
{
    return n->json;
}

static void add_nested_value(struct guard_texts *t, yyjson_val *v)
{
    guard_texts_add_json(t, json_slice(v))->value = v;
}

/* ---- messages ------------------------------------------------------------------------------- */

static bool is_one_of(struct slice name, const char *const *names)
{
    for (; *names; names++)
        if (slice_eq(name, slice_of(*names)))
            return true;
    return false;
}

/* Names, ids, bytes: never read as text. */
static bool names_something(struct slice key)
{
    static const char *const names[] = {"type",
                                        "role",
                                        "id",
                                        "tool_call_id",
                                        "tool_use_id",
                                        "toolUseId",
                                        "call_id",
                                        "name",
                                        "media_type",
                                        "format",
                                        "signature",
                                        "url",
                                        "image_url",
                                        "file_id",
                                        "file_data",
                                        "file_url",
                                        "b64_json",
                                        "bytes",
                                        "data",
                                        "cache_control",
                                        "cachePoint",
                                        "status",
                                        "detail",
                                        "model",
                                        "encrypted_content",
                                        "redactedContent",
                                        "server_label",
                                        "container_id",
                                        "s3Location",
                                        "input_audio",
                                        "stop_reason",
                                        "stopReason",
                                        "usage",
                                        "metrics",
                                        NULL};
    return is_one_of(key, names);
}

/* Anthropic's plain-text documents have their text where others have base64. */
static bool is_plain_data(yyjson_val *object, struct slice key)
{
    return slice_eq(key, SLICE("data")) && slice_eq(json_get_slice(object, "type"), SLICE("text"));
}

static void add_member(struct guard_texts *t, yyjson_val *object, struct slice key, yyjson_val *v)
{
    bool is_call = slice_eq(key, SLICE("arguments")) && yyjson_is_str(v);
    bool is_input = slice_eq(key, SLICE("input")) || slice_eq(key, SLICE("json"));
    if (names_something(key) && !is_plain_data(object, key))
        return;
    if (is_call)
        add_nested_value(t, v);
    else if (is_input)
        guard_texts_add_all(t, v);
    else
        guard_texts_add_content(t, v);
}

void guard_texts_add_content(struct guard_texts *t, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_str(v) && yyjson_get_len(v)) {
        add(t, json_slice(v), v, NULL);
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, n, item) guard_texts_add_content(t, item);
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, n, key, item) add_member(t, v, json_slice(key), item);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Of definitions of tools only what is said about them. */
static void add_descriptions(struct guard_texts *t, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, n, item) add_descriptions(t, item);
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, n, key, item)
        {
            if (slice_eq(json_slice(key), SLICE("description")) && yyjson_is_str(item))
                guard_texts_add_content(t, item);
            else
                add_descriptions(t, item);
        }
    }
}

static bool has_tools(struct slice key)
{
    static const char *const names[] = {"tools", "functions", "toolConfig", NULL};
    return is_one_of(key, names);
}

void guard_texts_add_request(struct guard_texts *t, yyjson_val *body)
{
    static const char *const content[] = {"messages",  "system",       "input",    "prompt",
                                          "suffix",    "instructions", "query",    "prediction",
                                          "documents", "texts",        "contents", NULL};
    size_t i, n;
    yyjson_val *key, *v;
    yyjson_obj_foreach(body, i, n, key, v)
    {
        if (is_one_of(json_slice(key), content))
            guard_texts_add_content(t, v);
        else if (has_tools(json_slice(key)))
            add_descriptions(t, v);
    }
}

void guard_texts_add_native(struct guard_texts *t, yyjson_val *body)
{
    static const char *const steering[] = {"anthropic_version",
                                           "anthropic_beta",
                                           "inferenceConfig",
                                           "guardrailConfig",
                                           "requestMetadata",
                                           "performanceConfig",
                                           "serviceTier",
                                           "outputConfig",
                                           "tool_choice",
                                           "metadata",
                                           "thinking",
                                           "trace",
                                           "additionalModelResponseFieldPaths",
                                           "stop_sequences",
                                           NULL};
    size_t i, n;
    yyjson_val *key, *v;
    yyjson_obj_foreach(body, i, n, key, v)
    {
        struct slice name = json_slice(key);
        if (has_tools(name))
            add_descriptions(t, v);
        else if (!is_one_of(name, steering))
            add_member(t, body, name, v);
    }
}

/* ---- back ----------------------------------------------------------------------------------- */

void guard_text_set(struct guard_texts *t, struct guard_text *text, struct slice to)
{
    text->text = arena_dup(t->a, to);
    text->changed = true;
}

static void write_nested(struct guard_texts *t, struct guard_nested *n)
{
    if (!n->changed)
        return;
    n->json = n->root ? json_text_of(n->root, t->a) : n->plain->text;
    if (n->value)
        yyjson_set_strn(n->value, n->json.p, n->json.n);
}

bool guard_texts_write(struct guard_texts *t)
{
    bool any = false;
    for (struct guard_text *x = t->first; x; x = x->next) {
        if (!x->changed)
            continue;
        any = true;
        if (x->value)
            yyjson_set_strn(x->value, x->text.p, x->text.n);
        if (x->in)
            x->in->changed = true;
        x->changed = false;
    }
    for (struct guard_nested *n = t->nested; n; n = n->next)
        write_nested(t, n);
    return any;
}
