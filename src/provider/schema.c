/* Schemas are written in one walk. A reference is replaced by what it points to, as long as it does
 * not lead back into itself and the whole stays small; a "$defs" nobody needs any more is left out.
 *
 * Failure modes: references to elsewhere (a URL) stay; recursion and sizes beyond bounds end in {},
 * which admits anything. */

#include "schema.h"

#define DEPTH_MAX  64    /* references within references */
#define VALUES_MAX 65536 /* values written for references, all together */
#define NEST_MAX   512   /* values within values */

struct walk {
    struct json_writer *w;
    yyjson_val *root;
    yyjson_val *open[DEPTH_MAX]; /* targets being written */
    unsigned depth;
    unsigned nesting;
    unsigned values;
    bool resolved;
};

/* "#/$defs/Name" → the value there; NULL: not within the schema. */
static yyjson_val *target_of(yyjson_val *root, yyjson_val *object)
{
    struct slice path = json_get_slice(object, "$ref");
    yyjson_val *v = root;
    if (!path.n || path.p[0] != '#')
        return NULL;
    path = slice_skip(path, 1);
    if (path.n && path.p[0] == '/')
        path = slice_skip(path, 1);
    else if (path.n)
        return NULL;
    while (v && path.n) {
        struct slice step = slice_split(&path, '/');
        v = yyjson_is_arr(v) ? NULL : yyjson_obj_getn(v, step.p, step.n);
    }
    return v;
}

static bool is_open(const struct walk *k, yyjson_val *target)
{
    for (unsigned i = 0; i < k->depth; i++)
        if (k->open[i] == target)
            return true;
    return false;
}

static void write_any(struct walk *k, yyjson_val *v);

static bool is_definition(struct slice key)
{
    return slice_eq(key, SLICE("$defs")) || slice_eq(key, SLICE("definitions"));
}

static void write_any(struct walk *k, yyjson_val *v);

/* Where definitions stand: only there do they mean nothing to a model. */
static bool is_dropped(struct walk *k, yyjson_val *object, struct slice name)
{
    bool drop = object == k->root && is_definition(name);
    k->resolved |= drop;
    return drop || slice_eq(name, SLICE("$ref"));
}

/* Without those that `beside` (may be NULL) has too: what stands beside a reference wins. */
static void write_members(struct walk *k, yyjson_val *object, yyjson_val *beside)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (is_dropped(k, object, name) || (beside && yyjson_obj_getn(beside, name.p, name.n)))
            continue;
        json_key_slice(k->w, name);
        write_any(k, yyjson_obj_iter_get_val(key));
    }
}

static void write_target(struct walk *k, yyjson_val *object, yyjson_val *target)
{
    k->resolved = true;
    write_members(k, object, NULL);
    if (!yyjson_is_obj(target) || is_open(k, target) || k->depth == DEPTH_MAX ||
        k->values > VALUES_MAX)
        return;
    k->open[k->depth++] = target;
    write_members(k, target, object);
    k->depth--;
}

static void write_object(struct walk *k, yyjson_val *v)
{
    yyjson_val *target = target_of(k->root, v);
    json_object(k->w);
    if (k->nesting == NEST_MAX)
        ; /* admits anything */
    else if (target)
        write_target(k, v, target);
    else if (json_get(v, "$ref")) /* to elsewhere: it stays */
        (json_key(k->w, "$ref"), json_value(k->w, json_get(v, "$ref")), write_members(k, v, NULL));
    else
        write_members(k, v, NULL);
    json_object_end(k->w);
}

static void write_any(struct walk *k, yyjson_val *v)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    k->values += k->depth > 0;
    k->nesting++;
    if (yyjson_is_obj(v)) {
        write_object(k, v);
    } else if (yyjson_is_arr(v)) {
        json_array(k->w);
        while (k->nesting < NEST_MAX && (item = yyjson_arr_iter_next(&it)))
            write_any(k, item);
        json_array_end(k->w);
    } else {
        json_value(k->w, v);
    }
    k->nesting--;
}

bool schema_write(struct json_writer *w, yyjson_val *schema)
{
    struct walk k = {.w = w, .root = schema};
    write_any(&k, schema);
    return k.resolved;
}

bool schema_write_tool(struct json_writer *w, yyjson_val *schema)
{
    struct walk k = {.w = w, .root = schema};
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(schema);
    json_object(w);
    if (!json_get(schema, "type"))
        json_member_string(w, "type", SLICE("object"));
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (slice_eq(name, SLICE("$schema")) || is_dropped(&k, schema, name))
            continue;
        json_key_slice(w, name);
        write_any(&k, yyjson_obj_iter_get_val(key));
    }
    if (!json_get(schema, "properties"))
        (json_key(w, "properties"), json_object(w), json_object_end(w));
    if (!json_get(schema, "required"))
        (json_key(w, "required"), json_array(w), json_array_end(w));
    json_object_end(w);
    return k.resolved;
}

/* ---- fit for structured output -------------------------------------------------------------- */

/* What structured output cannot promise (Anthropic's list of limitations). */
static bool is_limited(yyjson_val *v)
{
    static const char *const refused[] = {
        "minimum",   "maximum",   "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "maxItems",         "uniqueItems",      "patternProperties"};
    int64_t least;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (json_get(v, refused[i]))
            return true;
    return json_int(json_get(v, "minItems"), &least) && least > 1;
}

static bool closed(struct walk *k, yyjson_val *v);

static bool all_closed(struct walk *k, yyjson_val *v)
{
    yyjson_val *item;
    yyjson_obj_iter members = yyjson_obj_iter_with(v);
    yyjson_arr_iter items = yyjson_arr_iter_with(v);
    while ((item = yyjson_arr_iter_next(&items)))
        if (!closed(k, item))
            return false;
    while ((item = yyjson_obj_iter_next(&members)))
        if (!closed(k, yyjson_obj_iter_get_val(item)))
            return false;
    return true;
}

static bool closed(struct walk *k, yyjson_val *v)
{
    yyjson_val *target = target_of(k->root, v);
    bool object = slice_eq(json_get_slice(v, "type"), SLICE("object"));
    if (++k->values > VALUES_MAX || k->nesting == NEST_MAX || (target && is_open(k, target)) ||
        k->depth == DEPTH_MAX || (yyjson_is_obj(v) && is_limited(v)))
        return false;
    if (object && !yyjson_is_false(json_get(v, "additionalProperties")))
        return false;
    if (target)
        k->open[k->depth++] = target;
    k->nesting++;
    bool ok = all_closed(k, v) && (!target || all_closed(k, target));
    k->nesting--;
    k->depth -= target != NULL;
    return ok;
}

bool schema_is_closed(yyjson_val *schema)
{
    struct walk k = {.root = schema};
    return yyjson_is_obj(schema) && closed(&k, schema);
}
