/* Schemas are written in one walk. A reference is replaced by what it points to, as long as it does
 * not lead back into itself and the whole stays small; a "$defs" nobody needs any more is left out.
 *
 * Failure modes: references to elsewhere (a URL) stay; recursion, sizes beyond bounds and
 * references into nothing end in {}, which admits anything. */

#include "schema.h"

#include "base/text.h"

#define DEPTH_MAX  64    /* references within references */
#define VALUES_MAX 16384 /* values written for references, all together */
#define NEST_MAX   200   /* values within values; bodies nested deeper are refused by parsers */
#define NODES_MAX  4096  /* schemas within a strict one */
#define LOOKS_MAX  ((size_t)1 << 21) /* members gone through for references, all together */
#define ROOTS_MAX  8                 /* references that the top of a tool's schema goes through */
#define STEP_MAX   256               /* bytes of one step of a reference that has escapes */

struct walk {
    struct json_writer *w;
    yyjson_val *root;
    yyjson_val *open[DEPTH_MAX]; /* the root, and targets being written */
    unsigned depth;
    unsigned nesting;
    unsigned values;
    size_t looks;
    bool resolved;
};

/* False: what is looked for is taken for not there. */
static bool may_look(size_t *looks, size_t members)
{
    bool may = members <= LOOKS_MAX - *looks;
    *looks = may ? *looks + members : LOOKS_MAX;
    return may;
}

/* ---- references ---------------------------------------------------------------------------- */

/* "~1" is '/', "~0" is '~', "%20" is ' '. */
static struct slice unescape(struct slice step, char room[STEP_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < step.n && n < STEP_MAX; i++) {
        char c = step.p[i];
        if (c == '~' && i + 1 < step.n && (step.p[i + 1] == '0' || step.p[i + 1] == '1')) {
            c = step.p[++i] == '1' ? '/' : '~';
        } else if (c == '%' && i + 2 < step.n && text_hex_digit(step.p[i + 1]) >= 0 &&
                   text_hex_digit(step.p[i + 2]) >= 0) {
            c = (char)(text_hex_digit(step.p[i + 1]) << 4 | text_hex_digit(step.p[i + 2]));
            i += 2;
        }
        room[n++] = c;
    }
    return slice_make(room, n);
}

static yyjson_val *step_into(yyjson_val *v, struct slice step, size_t *looks)
{
    char room[STEP_MAX];
    int64_t index;
    if (!may_look(looks, yyjson_obj_size(v) + yyjson_arr_size(v)))
        return NULL;
    if (yyjson_is_arr(v))
        return slice_to_i64(step, &index) && index >= 0 ? yyjson_arr_get(v, (size_t)index) : NULL;
    yyjson_val *member = yyjson_obj_getn(v, step.p, step.n);
    if (member)
        return member;
    step = unescape(step, room);
    return yyjson_obj_getn(v, step.p, step.n);
}

static bool is_inner(struct slice reference)
{
    return reference.p && (!reference.n || reference.p[0] == '#');
}

/* "#/$defs/Name" → the object there; NULL: none. */
static yyjson_val *target_of(yyjson_val *root, struct slice reference, size_t *looks)
{
    struct slice path = slice_skip(reference, reference.n > 0);
    yyjson_val *v = root;
    if (!is_inner(reference) || (path.n && path.p[0] != '/'))
        return NULL;
    path = slice_skip(path, path.n > 0);
    while (v && path.n)
        v = step_into(v, slice_split(&path, '/'), looks);
    return yyjson_is_obj(v) ? v : NULL;
}

static bool is_open(const struct walk *k, yyjson_val *target)
{
    for (unsigned i = 0; i < k->depth; i++)
        if (k->open[i] == target)
            return true;
    return false;
}

/* ---- writing ------------------------------------------------------------------------------- */

static bool is_definition(struct slice key)
{
    return slice_eq(key, SLICE("$defs")) || slice_eq(key, SLICE("definitions"));
}

static bool is_reference(struct slice key, yyjson_val *value)
{
    return yyjson_is_str(value) && slice_eq(key, SLICE("$ref"));
}

/* Definitions are written where they are referred to, and mean nothing where they stand. */
static bool is_resolved(struct walk *k, yyjson_val *object, struct slice key, yyjson_val *value)
{
    bool resolved = (object == k->root && is_definition(key)) ||
                    (is_reference(key, value) && is_inner(json_slice(value)));
    k->resolved |= resolved;
    return resolved;
}

static void write_any(struct walk *k, yyjson_val *v);

/* Without those that `beside` (may be NULL) has too: what stands beside a reference wins. */
static void write_members(struct walk *k, yyjson_val *object, yyjson_val *beside)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        if (is_resolved(k, object, name, value) ||
            (beside && yyjson_obj_getn(beside, name.p, name.n)))
            continue;
        json_key_slice(k->w, name);
        write_any(k, value);
    }
}

static void write_object(struct walk *k, yyjson_val *v)
{
    yyjson_val *target = target_of(k->root, json_get_slice(v, "$ref"), &k->looks);
    json_object(k->w);
    if (k->nesting < NEST_MAX)
        write_members(k, v, NULL);
    if (target && k->nesting < NEST_MAX && k->depth < DEPTH_MAX && k->values <= VALUES_MAX &&
        !is_open(k, target) && may_look(&k->looks, yyjson_obj_size(target) * yyjson_obj_size(v))) {
        k->open[k->depth++] = target;
        write_members(k, target, v);
        k->depth--;
    }
    json_object_end(k->w);
}

static void write_any(struct walk *k, yyjson_val *v)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (k->w->out->overflow)
        return; /* of no use any more */
    k->values += k->depth > 1;
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

static struct walk walk_from(struct json_writer *w, yyjson_val *schema)
{
    return (struct walk){.w = w, .root = schema, .open = {schema}, .depth = 1};
}

bool schema_write(struct json_writer *w, yyjson_val *schema)
{
    struct walk k = walk_from(w, schema);
    write_any(&k, schema);
    return k.resolved;
}

/* ---- a tool's ------------------------------------------------------------------------------ */

/* The top of a schema: itself and what it refers to, each counting before the next. */
struct top {
    yyjson_val *v[ROOTS_MAX];
    size_t n;
};

static struct top top_of(yyjson_val *schema)
{
    struct top top = {.n = 0};
    yyjson_val *v = schema;
    size_t looks = 0, members = 0;
    while (v && top.n < ROOTS_MAX && may_look(&looks, yyjson_obj_size(v) * members)) {
        top.v[top.n++] = v;
        members += yyjson_obj_size(v);
        v = target_of(schema, json_get_slice(v, "$ref"), &looks);
    }
    return top;
}

/* The member of the first `n` that has one. */
static yyjson_val *top_get(const struct top *top, size_t n, struct slice name)
{
    yyjson_val *v = NULL;
    for (size_t i = 0; i < n && !v; i++)
        v = yyjson_obj_getn(top->v[i], name.p, name.n);
    return v;
}

/* Members that do not mean what Bedrock takes them for; what is missing is written by ourselves. */
static bool is_left_out(const struct top *top, struct slice name, yyjson_val *value, bool bare)
{
    if (slice_eq(name, SLICE("type")))
        return !slice_eq(json_slice(top_get(top, top->n, name)), SLICE("object"));
    if (slice_eq(name, SLICE("properties")))
        return !yyjson_is_obj(value);
    if (slice_eq(name, SLICE("required")))
        return !yyjson_is_arr(value);
    return bare || slice_eq(name, SLICE("$schema"));
}

static void write_top(struct walk *k, const struct top *top, bool bare)
{
    for (size_t i = 0; i < top->n; i++) {
        yyjson_val *key;
        yyjson_obj_iter it = yyjson_obj_iter_with(top->v[i]);
        if (i)
            k->open[k->depth++] = top->v[i];
        while ((key = yyjson_obj_iter_next(&it))) {
            struct slice name = json_slice(key);
            yyjson_val *value = yyjson_obj_iter_get_val(key);
            if (is_resolved(k, k->root, name, value) || top_get(top, i, name))
                continue;
            if (is_left_out(top, name, value, bare)) {
                k->resolved |= !slice_eq(name, SLICE("$schema"));
                continue;
            }
            json_key_slice(k->w, name);
            write_any(k, value);
        }
    }
}

bool schema_write_tool(struct json_writer *w, yyjson_val *schema, bool bare)
{
    struct walk k = walk_from(w, schema);
    struct top top = top_of(schema);
    json_object(w);
    if (!slice_eq(json_slice(top_get(&top, top.n, SLICE("type"))), SLICE("object")))
        json_member_string(w, "type", SLICE("object"));
    write_top(&k, &top, bare);
    if (!yyjson_is_obj(top_get(&top, top.n, SLICE("properties"))))
        (json_key(w, "properties"), json_object(w), json_object_end(w));
    if (!yyjson_is_arr(top_get(&top, top.n, SLICE("required"))))
        (json_key(w, "required"), json_array(w), json_array_end(w));
    json_object_end(w);
    return k.resolved;
}

/* ---- strict ones --------------------------------------------------------------------------- */

static bool has_refused(yyjson_val *v)
{
    static const char *const refused[] = {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedProperties",
        "unevaluatedItems",
        "prefixItems",
        "contains",
        "oneOf",
        "not",
        "if",
    };
    int64_t least;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (json_get(v, refused[i]))
            return true;
    return json_int(json_get(v, "minItems"), &least) && least > 1;
}

static bool may_be_object(yyjson_val *v)
{
    yyjson_val *type = json_get(v, "type"), *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(type);
    while ((item = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_slice(item), SLICE("object")))
            return true;
    return slice_eq(json_slice(type), SLICE("object")) || json_get(v, "properties");
}

static bool has_plain_enum(yyjson_val *v)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(v, "enum"));
    while ((item = yyjson_arr_iter_next(&it)))
        if (yyjson_is_ctn(item))
            return false;
    return true;
}

static bool is_strict(struct walk *k, yyjson_val *v);

static bool all_strict(struct walk *k, yyjson_val *schemas)
{
    yyjson_val *item;
    yyjson_obj_iter members = yyjson_obj_iter_with(schemas);
    yyjson_arr_iter items = yyjson_arr_iter_with(schemas);
    while ((item = yyjson_arr_iter_next(&items)))
        if (!is_strict(k, item))
            return false;
    while ((item = yyjson_obj_iter_next(&members)))
        if (!is_strict(k, yyjson_obj_iter_get_val(item)))
            return false;
    return true;
}

static bool target_is_strict(struct walk *k, struct slice reference)
{
    yyjson_val *target = target_of(k->root, reference, &k->looks);
    if (!reference.p)
        return true;
    if (!target || is_open(k, target) || k->depth == DEPTH_MAX)
        return false;
    k->open[k->depth++] = target;
    bool strict = is_strict(k, target);
    k->depth--;
    return strict;
}

static bool is_strict(struct walk *k, yyjson_val *v)
{
    if (!yyjson_is_obj(v)) /* absent, or true or false */
        return true;
    if (++k->values > NODES_MAX || k->nesting == NEST_MAX ||
        !may_look(&k->looks, yyjson_obj_size(v) + yyjson_arr_size(json_get(v, "enum"))) ||
        has_refused(v) || !has_plain_enum(v))
        return false;
    if (may_be_object(v) && !yyjson_is_false(json_get(v, "additionalProperties")))
        return false;
    k->nesting++;
    bool strict = target_is_strict(k, json_get_slice(v, "$ref")) &&
                  is_strict(k, json_get(v, "items")) && all_strict(k, json_get(v, "properties")) &&
                  all_strict(k, json_get(v, "anyOf")) && all_strict(k, json_get(v, "allOf"));
    k->nesting--;
    return strict;
}

bool schema_is_strict(yyjson_val *schema)
{
    struct walk k = walk_from(NULL, schema);
    struct top top = top_of(schema);
    return yyjson_is_obj(schema) && may_be_object(top.v[top.n - 1]) && is_strict(&k, schema);
}
