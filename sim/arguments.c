#include "arguments.h"

#include "prompt.h"

#include <string.h>

#define DEPTH_MAX  16
#define VALUES_MAX 5000 /* a schema may ask for arrays of arrays of … */

static void write_value(struct arguments *args, yyjson_val *schema, struct slice name,
                        unsigned depth, struct json_writer *w);

/* ---- strings ------------------------------------------------------------------------------- */

static bool name_has(struct slice name, const char *part)
{
    for (size_t i = 0, n = strlen(part); i + n <= name.n; i++)
        if (slice_eq_nocase(slice_make(name.p + i, n), slice_of(part)))
            return true;
    return false;
}

static enum candidate_kind first_kind(struct slice name)
{
    static const char *const paths[] = {"path", "file", "dir", "folder"};
    static const char *const quotes[] = {"content", "text", "query", "pattern", "command", "regex"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (name_has(name, paths[i]))
            return CANDIDATE_PATH;
    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++)
        if (name_has(name, quotes[i]))
            return CANDIDATE_QUOTED;
    return CANDIDATE_NAME;
}

static bool takes_names(struct slice name)
{
    return first_kind(name) == CANDIDATE_NAME;
}

static struct slice pick_string(const struct arguments *args, struct slice name)
{
    struct slice found[PROMPT_CANDIDATES_MAX];
    const enum candidate_kind kinds[] = {first_kind(name), CANDIDATE_QUOTED,
                                         takes_names(name) ? CANDIDATE_NAME : first_kind(name)};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const size_t n = prompt_candidates(args->text, kinds[i], false, found);
        if (n)
            return found[args->index < n ? args->index : n - 1];
    }
    if (first_kind(name) == CANDIDATE_PATH)
        return SLICE(".");
    const struct slice gist = prompt_gist(args->text, 60, args->arena);
    return gist.n ? gist : SLICE("example");
}

/* ---- values by type ------------------------------------------------------------------------ */

static yyjson_val *resolve(const struct arguments *args, yyjson_val *schema)
{
    for (unsigned i = 0; i < DEPTH_MAX; i++) {
        struct slice rest = json_get_slice(schema, "$ref");
        if (!slice_starts(rest, SLICE("#/")))
            return schema;
        rest = slice_skip(rest, 2);
        schema = args->root;
        while (rest.n)
            schema = json_get(schema, arena_strdup(args->arena, slice_split(&rest, '/')));
    }
    return NULL;
}

/* The type to write: of a list the first that is not null; without one, guessed. */
static struct slice type_of(yyjson_val *schema)
{
    size_t i, n;
    yyjson_val *type = json_get(schema, "type"), *one;
    if (yyjson_is_str(type))
        return json_slice(type);
    yyjson_arr_foreach(type, i, n, one)
    {
        if (!slice_eq(json_slice(one), SLICE("null")))
            return json_slice(one);
    }
    return json_get(schema, "properties") ? SLICE("object") : SLICE("string");
}

static bool is_required(yyjson_val *schema, yyjson_val *key)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(json_get(schema, "required"), i, n, name)
    {
        if (slice_eq(json_slice(name), json_slice(key)))
            return true;
    }
    return false;
}

static void write_object(struct arguments *args, yyjson_val *schema, unsigned depth,
                         struct json_writer *w)
{
    size_t i, n;
    yyjson_val *key, *value;
    json_object(w);
    yyjson_obj_foreach(json_get(schema, "properties"), i, n, key, value)
    {
        if (!is_required(schema, key))
            continue;
        json_key_slice(w, json_slice(key));
        write_value(args, value, json_slice(key), depth + 1, w);
    }
    json_object_end(w);
}

static void write_array(struct arguments *args, yyjson_val *schema, struct slice name,
                        unsigned depth, struct json_writer *w)
{
    int64_t count = 1;
    json_int(json_get(schema, "minItems"), &count);
    json_array(w);
    for (int64_t i = 0; i < count && args->written < VALUES_MAX; i++)
        write_value(args, json_get(schema, "items"), name, depth + 1, w);
    json_array_end(w);
}

static void write_number(const struct arguments *args, yyjson_val *schema, struct json_writer *w)
{
    struct slice text;
    int64_t value = 1;
    double bound;
    if (prompt_number(args->text, &text))
        slice_to_i64(text, &value);
    if (json_double(json_get(schema, "minimum"), &bound) && (double)value < bound)
        value = (int64_t)bound + ((double)(int64_t)bound < bound);
    if (json_double(json_get(schema, "exclusiveMinimum"), &bound) && (double)value <= bound)
        value = (int64_t)bound + 1;
    if (json_double(json_get(schema, "maximum"), &bound) && (double)value > bound)
        value = (int64_t)bound;
    json_integer(w, value);
}

/* A value the schema gives itself: const, the first of enum, default, an example. */
static yyjson_val *given(yyjson_val *schema)
{
    yyjson_val *v = json_get(schema, "const");
    if (!v)
        v = yyjson_arr_get_first(json_get(schema, "enum"));
    if (!v)
        v = json_get(schema, "default");
    return v ? v : yyjson_arr_get_first(json_get(schema, "examples"));
}

static yyjson_val *alternative(yyjson_val *schema)
{
    static const char *const names[] = {"anyOf", "oneOf", "allOf"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        yyjson_val *first = yyjson_arr_get_first(json_get(schema, names[i]));
        if (first && !json_get(schema, "properties"))
            return first;
    }
    return NULL;
}

static void write_typed(struct arguments *args, yyjson_val *schema, struct slice name,
                        unsigned depth, struct json_writer *w)
{
    const struct slice type = type_of(schema);
    if (slice_eq(type, SLICE("object")))
        write_object(args, schema, depth, w);
    else if (slice_eq(type, SLICE("array")))
        write_array(args, schema, name, depth, w);
    else if (slice_eq(type, SLICE("integer")) || slice_eq(type, SLICE("number")))
        write_number(args, schema, w);
    else if (slice_eq(type, SLICE("boolean")))
        json_bool(w, true);
    else if (slice_eq(type, SLICE("null")))
        json_null(w);
    else
        json_string(w, pick_string(args, name));
}

static void write_value(struct arguments *args, yyjson_val *schema, struct slice name,
                        unsigned depth, struct json_writer *w)
{
    schema = resolve(args, schema);
    yyjson_val *value = given(schema), *other = alternative(schema);
    if (depth > DEPTH_MAX || ++args->written > VALUES_MAX)
        json_null(w);
    else if (value)
        json_value(w, value);
    else if (other)
        write_value(args, other, name, depth + 1, w);
    else
        write_typed(args, schema, name, depth, w);
}

void arguments_write(struct arguments *args, yyjson_val *schema, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    write_value(args, schema, SLICE(""), 0, &w);
}

size_t arguments_parallel(yyjson_val *schema, struct slice text)
{
    size_t i, n;
    yyjson_val *key, *value;
    struct slice found[PROMPT_CANDIDATES_MAX];
    yyjson_obj_foreach(json_get(schema, "properties"), i, n, key, value)
    {
        if (!is_required(schema, key) || given(value) || !slice_eq(type_of(value), SLICE("string")))
            continue;
        const size_t row = prompt_candidates(text, first_kind(json_slice(key)), true, found);
        return row ? row : 1;
    }
    return 1;
}
