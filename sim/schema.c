/* Walks a body along a shape.
 *
 * Happy path: every member is known, of the right type and within its constraints.
 * Failure modes: an unknown member ("extraneous key […]"), a wrong type (SerializationException in
 * the words of the service's JSON reader), a union with no or several members, and constraint
 * violations, gathered up to VIOLATIONS_MAX and reported as one ValidationException. */

#include "schema.h"

#include "prompt.h"

#include "wire/crypto.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define VIOLATIONS_MAX 10
#define PATH_MAX_BYTES 512

struct walk {
    struct arena *arena;
    struct fault *fault;
    struct buf violations; /* "Value … failed …; Value …" */
    unsigned count;
    char path[PATH_MAX_BYTES]; /* "messages.1.member.content", counted from 1 as AWS does */
    size_t path_n;
    char place[PATH_MAX_BYTES]; /* "messages.0.content", counted from 0, for unions */
    size_t place_n;
};

static bool walk_value(struct walk *w, const struct shape *shape, yyjson_val *v);

/* ---- paths --------------------------------------------------------------------------------- */

static void append(char *path, size_t *n, const char *part, size_t part_n)
{
    const size_t dot = *n ? 1 : 0;
    if (*n + dot + part_n >= PATH_MAX_BYTES)
        return;
    if (dot)
        path[(*n)++] = '.';
    memcpy(path + *n, part, part_n);
    *n += part_n;
    path[*n] = '\0';
}

struct step {
    size_t path_n, place_n;
};

static struct step step_member(struct walk *w, const char *name, size_t n)
{
    const struct step before = {w->path_n, w->place_n};
    append(w->path, &w->path_n, name, n);
    append(w->place, &w->place_n, name, n);
    return before;
}

static struct step step_index(struct walk *w, size_t index)
{
    const struct step before = {w->path_n, w->place_n};
    const struct slice path = arena_printf(w->arena, "%zu.member", index + 1);
    const struct slice place = arena_printf(w->arena, "%zu", index);
    append(w->path, &w->path_n, path.p, path.n);
    append(w->place, &w->place_n, place.p, place.n);
    return before;
}

static void step_back(struct walk *w, struct step before)
{
    w->path_n = before.path_n;
    w->place_n = before.place_n;
    w->path[w->path_n] = '\0';
    w->place[w->place_n] = '\0';
}

static const struct slice no_value = {NULL, 0};     /* it is not told */
static const struct slice null_value = {"null", 4}; /* it is missing */

/* ---- constraints --------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void violation(struct walk *w, struct slice value,
                                                            const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (w->count == VIOLATIONS_MAX)
        return;
    if (w->count++)
        BUF_LITERAL(&w->violations, "; ");
    if (value.p == null_value.p)
        BUF_LITERAL(&w->violations, "Value null at '");
    else if (value.p)
        buf_addf(&w->violations, "Value '%.*s' at '", (int)(value.n > 256 ? 256 : value.n),
                 value.p);
    else
        BUF_LITERAL(&w->violations, "Value at '");
    buf_addf(&w->violations, "%s' failed to satisfy constraint: %s", w->path, text);
}

static bool in_alphabet(const struct shape *shape, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
            continue;
        if (!c || !strchr(shape->alphabet, c))
            return false;
    }
    return true;
}

static bool in_values(const struct shape *shape, struct slice s)
{
    for (size_t i = 0; shape->values[i]; i++)
        if (slice_eq(slice_of(shape->values[i]), s))
            return true;
    return false;
}

static void check_values(struct walk *w, const struct shape *shape, struct slice s)
{
    struct buf set;
    if (!shape->values || in_values(shape, s))
        return;
    buf_init(&set, 1024);
    for (size_t i = 0; shape->values[i]; i++)
        buf_addf(&set, "%s%s", i ? ", " : "", shape->values[i]);
    violation(w, s, "Member must satisfy enum value set: [%.*s]", SLICE_ARG(buf_slice(&set)));
    buf_fini(&set);
}

static void check_length(struct walk *w, const struct shape *shape, struct slice value, size_t n)
{
    if (n < (size_t)shape->min)
        violation(w, value, "Member must have length greater than or equal to %" PRId64,
                  shape->min);
    else if (shape->max != SHAPE_NO_MAX && n > (size_t)shape->max)
        violation(w, value, "Member must have length less than or equal to %" PRId64, shape->max);
}

static void check_range(struct walk *w, const struct shape *shape, double value, struct slice text)
{
    if (value < (double)shape->min)
        violation(w, text, "Member must have value greater than or equal to %" PRId64, shape->min);
    else if (shape->max != SHAPE_NO_MAX && value > (double)shape->max)
        violation(w, text, "Member must have value less than or equal to %" PRId64, shape->max);
}

/* ---- types --------------------------------------------------------------------------------- */

static const char *token_name(yyjson_val *v)
{
    if (yyjson_is_str(v))
        return "STRING_VALUE";
    if (yyjson_is_true(v))
        return "TRUE_VALUE";
    if (yyjson_is_false(v))
        return "FALSE_VALUE";
    return "NUMBER_VALUE";
}

static bool wrong_type(struct walk *w, yyjson_val *v, const char *wanted)
{
    struct slice text;
    if (yyjson_is_obj(v))
        text = SLICE("Start of structure or map found where not expected.");
    else if (yyjson_is_arr(v))
        text = SLICE("Start of list found where not expected");
    else if (!wanted)
        text = SLICE("Unexpected field type");
    else
        text = arena_printf(w->arena, "%s cannot be converted to %s", token_name(v), wanted);
    return fault_set(w->fault, 400, "SerializationException", text);
}

static bool walk_string(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    if (!yyjson_is_str(v))
        return wrong_type(w, v, "String");
    const struct slice s = json_slice(v);
    check_length(w, shape, shape->pattern ? s : no_value, utf8_count(s));
    if (shape->pattern && !in_alphabet(shape, s))
        violation(w, s, "Member must satisfy regular expression pattern: %s", shape->pattern);
    check_values(w, shape, s);
    return true;
}

static bool walk_blob(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    if (!yyjson_is_str(v))
        return wrong_type(w, v, "Blob");
    if (!base64_valid(json_slice(v)))
        return fault_set(w->fault, 400, "SerializationException",
                         SLICE("Unable to decode a base64 value"));
    check_length(w, shape, no_value, yyjson_get_len(v));
    return true;
}

static struct slice number_text(struct walk *w, yyjson_val *v)
{
    struct buf out;
    struct json_writer writer;
    buf_init(&out, 256);
    json_begin(&writer, &out);
    json_value(&writer, v);
    const struct slice text = arena_dup(w->arena, buf_slice(&out));
    buf_fini(&out);
    return text;
}

static bool walk_integer(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    int64_t value;
    if (!json_is_number(v))
        return wrong_type(w, v, "Integer");
    if (!json_int(v, &value) || value > INT32_MAX || value < INT32_MIN)
        return fault_set(w->fault, 400, "SerializationException",
                         SLICE("NUMBER_VALUE cannot be converted to Integer"));
    check_range(w, shape, (double)value, number_text(w, v));
    return true;
}

static bool walk_float(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    double value;
    if (!json_is_number(v) || !json_double(v, &value))
        return wrong_type(w, v, "Float");
    check_range(w, shape, value, number_text(w, v));
    return true;
}

static bool walk_list(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(v))
        return wrong_type(w, v, NULL);
    check_length(w, shape, no_value, yyjson_arr_size(v));
    yyjson_arr_foreach(v, i, n, item)
    {
        const struct step before = step_index(w, i);
        if (!walk_value(w, shape->item, item))
            return false;
        step_back(w, before);
    }
    return true;
}

static bool walk_map(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(v))
        return wrong_type(w, v, NULL);
    check_length(w, shape, no_value, yyjson_obj_size(v));
    yyjson_obj_foreach(v, i, n, key, value)
    {
        const struct step before = step_member(w, yyjson_get_str(key), yyjson_get_len(key));
        if (!walk_value(w, shape->key, key) || !walk_value(w, shape->item, value))
            return false;
        step_back(w, before);
    }
    return true;
}

/* ---- structures ---------------------------------------------------------------------------- */

static const struct shape_member *find_member(const struct shape *shape, yyjson_val *key)
{
    for (const struct shape_member *m = shape->members; m->name; m++)
        if (yyjson_equals_str(key, m->name))
            return m;
    return NULL;
}

static bool unknown_member(struct walk *w, yyjson_val *key)
{
    struct slice place = arena_dup(w->arena, slice_make(w->place, w->place_n));
    for (size_t i = 0; i < place.n; i++)
        if (place.p[i] == '.')
            ((char *)(uintptr_t)place.p)[i] = '/';
    return fault_validation(w->fault, w->arena,
                            "Malformed input request: #%s%.*s: extraneous key [%.*s] is not "
                            "permitted, please reformat your input and try again.",
                            place.n ? "/" : "", SLICE_ARG(place), (int)yyjson_get_len(key),
                            yyjson_get_str(key));
}

static void check_required(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    for (const struct shape_member *m = shape->members; m->name; m++) {
        yyjson_val *member = json_get(v, m->name);
        if (!m->required || (member && !yyjson_is_null(member)))
            continue;
        const struct step before = step_member(w, m->name, strlen(m->name));
        violation(w, null_value, "Member must not be null");
        step_back(w, before);
    }
}

static bool check_union(struct walk *w, const struct shape *shape, unsigned set)
{
    struct buf keys;
    if (set == 1)
        return true;
    buf_init(&keys, 1024);
    for (const struct shape_member *m = shape->members; m->name; m++)
        buf_addf(&keys, "%s%s", m == shape->members ? "" : ", ", m->name);
    fault_validation(w->fault, w->arena,
                     "The %s object at %s must set exactly one of the following keys: %.*s.",
                     shape->name, w->place, SLICE_ARG(buf_slice(&keys)));
    buf_fini(&keys);
    return false;
}

static bool walk_structure(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    size_t i, n;
    unsigned set = 0;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(v))
        return wrong_type(w, v, NULL);
    yyjson_obj_foreach(v, i, n, key, value)
    {
        const struct shape_member *m = find_member(shape, key);
        if (!m)
            return unknown_member(w, key);
        if (yyjson_is_null(value))
            continue;
        set++;
        const struct step before = step_member(w, m->name, strlen(m->name));
        if (!walk_value(w, m->shape, value))
            return false;
        step_back(w, before);
    }
    check_required(w, shape, v);
    return shape->kind == SHAPE_STRUCTURE || check_union(w, shape, set);
}

static bool walk_value(struct walk *w, const struct shape *shape, yyjson_val *v)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
    case SHAPE_UNION: return walk_structure(w, shape, v);
    case SHAPE_LIST: return walk_list(w, shape, v);
    case SHAPE_MAP: return walk_map(w, shape, v);
    case SHAPE_STRING: return walk_string(w, shape, v);
    case SHAPE_BLOB: return walk_blob(w, shape, v);
    case SHAPE_INTEGER: return walk_integer(w, shape, v);
    case SHAPE_FLOAT: return walk_float(w, shape, v);
    case SHAPE_BOOLEAN: return yyjson_is_bool(v) || wrong_type(w, v, "Boolean");
    case SHAPE_DOCUMENT: return true;
    }
    return false;
}

bool schema_check(const struct shape *shape, yyjson_val *body, struct arena *a, struct fault *f)
{
    struct walk w = {.arena = a, .fault = f};
    buf_init(&w.violations, 16 * 1024);
    bool good = walk_value(&w, shape, body);
    if (good && w.count)
        good =
            fault_set(f, 400, "ValidationException",
                      arena_printf(a, "%u validation error%s detected: %.*s", w.count,
                                   w.count == 1 ? "" : "s", SLICE_ARG(buf_slice(&w.violations))));
    buf_fini(&w.violations);
    return good;
}
