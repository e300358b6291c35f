/* One walk over value and schema together. The first thing that does not fit is told, with its
 * place; what only decides an anyOf or its like is not.
 *
 * Failure modes: a schema or a value that is too much work is one that does not fit. */

#include "provider/schema_check.h"

#include "schema.h"

#define STEPS_MAX   200000             /* of work: a value, however often it is looked at, … */
#define MEMBERS     16                 /* … members or items that are gone through, … */
#define BYTES       256                /* … bytes of a text that are */
#define SCHEMA_MAX  (4 * 1024 * 1024)  /* bytes, with its references resolved */
#define PLACE_MAX   512                /* bytes of a place that is told */
#define MULTIPLE_OF 1e-9               /* what a quotient may be off a whole number */
#define WHOLE_FROM  9007199254740992.0 /* 2^53: from here on all of them are */

/* Where in the value. */
struct place {
    const struct place *up; /* NULL: the whole */
    struct slice key;       /* p == NULL: item `index` */
    size_t index;
};

struct check {
    struct arena *a;
    size_t left;      /* steps */
    unsigned silent;  /* inside what only decides something: nothing is told */
    struct slice why; /* once it is said, all of it does not fit */
};

static bool fits(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at);

/* ---- telling ------------------------------------------------------------------------------- */

static void write_place(struct buf *b, const struct place *at)
{
    if (!at->up) {
        buf_add_char(b, '$');
        return;
    }
    write_place(b, at->up);
    if (at->key.p)
        buf_addf(b, ".%.*s", SLICE_ARG(at->key));
    else
        buf_addf(b, "[%zu]", at->index);
}

static bool tells(const struct check *c)
{
    return !c->silent && !c->why.n;
}

/* Always false. */
static bool misfit(struct check *c, const struct place *at, struct slice reason)
{
    struct buf b;
    if (!tells(c))
        return false;
    buf_init(&b, PLACE_MAX);
    write_place(&b, at);
    c->why = ARENA_JOIN(c->a, b.overflow ? SLICE("$…") : buf_slice(&b), SLICE(": "), reason);
    buf_fini(&b);
    return false;
}

/* What is not told is not written: it may be long, and often. */
#define MISFIT(c, at, ...) (tells(c) && misfit((c), (at), arena_printf((c)->a, __VA_ARGS__)))

/* ---- work ---------------------------------------------------------------------------------- */

static bool afford(struct check *c, size_t steps)
{
    if (steps <= c->left) {
        c->left -= steps;
        return true;
    }
    c->left = 0;
    c->silent = 0;
    c->why = SLICE("the schema and the answer are too large to be checked");
    return false;
}

/* Going through it once. */
static size_t steps_of(yyjson_val *v)
{
    return yyjson_is_str(v) ? yyjson_get_len(v) / BYTES
                            : (yyjson_obj_size(v) + yyjson_arr_size(v)) / MEMBERS;
}

/* NULL: there is none, or looking for it is too much work. */
static yyjson_val *member(struct check *c, yyjson_val *object, struct slice name)
{
    bool can = afford(c, yyjson_obj_size(object) * (1 + name.n / BYTES) / MEMBERS);
    return can ? yyjson_obj_getn(object, name.p, name.n) : NULL;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool equals(struct check *c, yyjson_val *a, yyjson_val *b);

static bool equal_lists(struct check *c, yyjson_val *a, yyjson_val *b)
{
    yyjson_arr_iter x = yyjson_arr_iter_with(a), y = yyjson_arr_iter_with(b);
    yyjson_val *v;
    if (yyjson_arr_size(a) != yyjson_arr_size(b))
        return false;
    while ((v = yyjson_arr_iter_next(&x)))
        if (!equals(c, v, yyjson_arr_iter_next(&y)))
            return false;
    return true;
}

static bool equal_objects(struct check *c, yyjson_val *a, yyjson_val *b)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(a);
    yyjson_val *name;
    if (yyjson_obj_size(a) != yyjson_obj_size(b))
        return false;
    while ((name = yyjson_obj_iter_next(&it))) {
        yyjson_val *other = member(c, b, json_slice(name));
        if (!other || !equals(c, yyjson_obj_iter_get_val(name), other))
            return false;
    }
    return true;
}

static bool equals(struct check *c, yyjson_val *a, yyjson_val *b)
{
    double x, y;
    if (!afford(c, 1 + steps_of(a)))
        return false;
    if (json_double(a, &x) && json_double(b, &y))
        return x == y;
    if (yyjson_is_str(a) && yyjson_is_str(b))
        return slice_eq(json_slice(a), json_slice(b));
    if (yyjson_is_arr(a) && yyjson_is_arr(b))
        return equal_lists(c, a, b);
    if (yyjson_is_obj(a) && yyjson_is_obj(b))
        return equal_objects(c, a, b);
    if (yyjson_is_bool(a) && yyjson_is_bool(b))
        return yyjson_get_bool(a) == yyjson_get_bool(b);
    return yyjson_is_null(a) && yyjson_is_null(b);
}

/* `off`: how far from it, as a part of the number. */
static bool is_near_whole(double n, double off)
{
    n = n < 0 ? -n : n;
    if (n >= WHOLE_FROM)
        return true;
    double away = n - (double)(int64_t)(n + 0.5);
    return (away < 0 ? -away : away) <= off * (n < 1 ? 1 : n);
}

static const char *type_of(yyjson_val *v)
{
    return yyjson_is_bool(v) ? "boolean" : json_type_name(v);
}

static bool is_of_type(yyjson_val *v, struct slice type)
{
    double n;
    if (slice_eq(type, SLICE("integer")))
        return json_double(v, &n) && is_near_whole(n, 0);
    return slice_eq(type, slice_of(type_of(v)));
}

static bool fits_type(struct check *c, yyjson_val *type, yyjson_val *v, const struct place *at)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(type);
    yyjson_val *one;
    if (yyjson_is_str(type))
        return is_of_type(v, json_slice(type)) ||
               MISFIT(c, at, "expected %.*s, got %s", SLICE_ARG(json_slice(type)), type_of(v));
    if (!yyjson_is_arr(type))
        return true;
    if (!afford(c, steps_of(type)))
        return false;
    while ((one = yyjson_arr_iter_next(&it)))
        if (is_of_type(v, json_slice(one)))
            return true;
    return MISFIT(c, at, "%s is none of its types", type_of(v));
}

static bool fits_values(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    yyjson_val *list = json_get(schema, "enum"), *constant = json_get(schema, "const"), *one;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    if (constant && !equals(c, constant, v))
        return misfit(c, at, SLICE("is not the constant"));
    if (!yyjson_is_arr(list))
        return true;
    while ((one = yyjson_arr_iter_next(&it)))
        if (equals(c, one, v))
            return true;
    return misfit(c, at, SLICE("is none of the enum"));
}

/* ---- sizes --------------------------------------------------------------------------------- */

/* The number that the schema says, if it does. */
static bool bound(yyjson_val *schema, const char *name, double *n)
{
    return json_double(json_get(schema, name), n);
}

static bool fits_size(struct check *c, yyjson_val *schema, const char *least, const char *most,
                      size_t size, const struct place *at)
{
    double n;
    if (bound(schema, least, &n) && (double)size < n)
        return MISFIT(c, at, "%zu is less than %s", size, least);
    if (bound(schema, most, &n) && (double)size > n)
        return MISFIT(c, at, "%zu is more than %s", size, most);
    return true;
}

static size_t characters(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80; /* the first byte of one */
    return n;
}

static bool fits_number(struct check *c, yyjson_val *schema, double v, const struct place *at)
{
    double n;
    if (bound(schema, "minimum", &n) && v < n)
        return misfit(c, at, SLICE("is less than minimum"));
    if (bound(schema, "exclusiveMinimum", &n) && v <= n)
        return misfit(c, at, SLICE("is not more than exclusiveMinimum"));
    if (bound(schema, "maximum", &n) && v > n)
        return misfit(c, at, SLICE("is more than maximum"));
    if (bound(schema, "exclusiveMaximum", &n) && v >= n)
        return misfit(c, at, SLICE("is not less than exclusiveMaximum"));
    if (!bound(schema, "multipleOf", &n) || n <= 0)
        return true;
    return is_near_whole(v / n, MULTIPLE_OF) ||
           misfit(c, at, SLICE("is no multiple of multipleOf"));
}

/* ---- lists --------------------------------------------------------------------------------- */

static bool are_unique(struct check *c, yyjson_val *list)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *v; !c->why.n && (v = yyjson_arr_iter_next(&it));) {
        yyjson_arr_iter rest = it;
        for (yyjson_val *other; !c->why.n && (other = yyjson_arr_iter_next(&rest));)
            if (equals(c, v, other))
                return false;
    }
    return true;
}

static bool fits_list(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    yyjson_val *first = json_get(schema, "prefixItems"), *rest = json_get(schema, "items"), *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v), firsts = yyjson_arr_iter_with(first);
    struct place place = {.up = at};
    if (!fits_size(c, schema, "minItems", "maxItems", yyjson_arr_size(v), at))
        return false;
    for (; (item = yyjson_arr_iter_next(&it)); place.index++) {
        yyjson_val *own = yyjson_arr_iter_next(&firsts);
        own = own ? own : rest;
        if (own && !fits(c, own, item, &place))
            return false;
    }
    return !yyjson_is_true(json_get(schema, "uniqueItems")) || are_unique(c, v) ||
           misfit(c, at, SLICE("has an item twice"));
}

/* ---- objects ------------------------------------------------------------------------------- */

static bool has_required(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    yyjson_val *names = json_get(schema, "required");
    yyjson_arr_iter it = yyjson_arr_iter_with(names);
    if (!afford(c, steps_of(names)))
        return false;
    for (yyjson_val *name; (name = yyjson_arr_iter_next(&it));) {
        struct slice key = json_slice(name);
        if (key.p && !member(c, v, key))
            return MISFIT(c, at, "'%.*s' is missing", SLICE_ARG(key));
    }
    return true;
}

static bool fits_members(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    yyjson_val *known = json_get(schema, "properties"), *name;
    yyjson_val *others = json_get(schema, "additionalProperties");
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    if (json_get(schema, "patternProperties"))
        others = NULL;
    while ((name = yyjson_obj_iter_next(&it))) {
        struct place place = {.up = at, .key = json_slice(name)};
        yyjson_val *own = member(c, known, place.key);
        own = own ? own : others;
        if (own && !fits(c, own, yyjson_obj_iter_get_val(name), &place))
            return false;
    }
    return true;
}

static bool fits_object(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    return has_required(c, schema, v, at) &&
           fits_size(c, schema, "minProperties", "maxProperties", yyjson_obj_size(v), at) &&
           fits_members(c, schema, v, at);
}

/* ---- schemas of schemas -------------------------------------------------------------------- */

static size_t count_fitting(struct check *c, yyjson_val *list, yyjson_val *v,
                            const struct place *at)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    size_t n = 0;
    c->silent++;
    for (yyjson_val *schema; (schema = yyjson_arr_iter_next(&it));)
        n += fits(c, schema, v, at);
    c->silent -= c->silent > 0;
    return n;
}

static bool fits_all(struct check *c, yyjson_val *list, yyjson_val *v, const struct place *at)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    for (yyjson_val *schema; (schema = yyjson_arr_iter_next(&it));)
        if (!fits(c, schema, v, at))
            return false;
    return true;
}

static bool fits_not(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    c->silent++;
    bool fit = fits(c, schema, v, at);
    c->silent -= c->silent > 0;
    return !fit || misfit(c, at, SLICE("fits what it must not"));
}

static bool fits_others(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    yyjson_val *any = json_get(schema, "anyOf"), *one = json_get(schema, "oneOf");
    yyjson_val *not = json_get(schema, "not");
    if (yyjson_is_arr(any) && !count_fitting(c, any, v, at))
        return misfit(c, at, SLICE("fits nothing of anyOf"));
    if (yyjson_is_arr(one) && count_fitting(c, one, v, at) != 1)
        return misfit(c, at, SLICE("does not fit exactly one of oneOf"));
    return (!not || fits_not(c, not, v, at)) && fits_all(c, json_get(schema, "allOf"), v, at);
}

/* ---- the walk ------------------------------------------------------------------------------ */

static bool fits_kind(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    double n;
    if (yyjson_is_obj(v))
        return fits_object(c, schema, v, at);
    if (yyjson_is_arr(v))
        return fits_list(c, schema, v, at);
    if (yyjson_is_str(v))
        return fits_size(c, schema, "minLength", "maxLength", characters(json_slice(v)), at);
    return !json_double(v, &n) || fits_number(c, schema, n, at);
}

static bool fits(struct check *c, yyjson_val *schema, yyjson_val *v, const struct place *at)
{
    if (!afford(c, 1 + steps_of(schema) + steps_of(v)))
        return false;
    if (yyjson_is_false(schema))
        return misfit(c, at, SLICE("may not be there"));
    return fits_type(c, json_get(schema, "type"), v, at) && fits_values(c, schema, v, at) &&
           fits_kind(c, schema, v, at) && fits_others(c, schema, v, at);
}

static yyjson_val *resolved(yyjson_val *schema, struct arena *a)
{
    struct json_writer w;
    struct buf text;
    buf_init(&text, SCHEMA_MAX);
    json_begin(&w, &text);
    if (schema_write(&w, schema))
        schema = text.overflow ? NULL : json_parse(buf_slice(&text), a, NULL);
    buf_fini(&text);
    return schema;
}

bool schema_check(yyjson_val *schema, yyjson_val *value, struct arena *a, struct slice *why)
{
    yyjson_val *own = resolved(schema, a);
    struct check c = {.a = a, .left = own ? STEPS_MAX : 0};
    bool fit = fits(&c, own, value, &(struct place){0});
    *why = c.why;
    return fit && !c.why.n;
}
