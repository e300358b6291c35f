/* Walks a native body along its shape.
 *
 * Happy path: every member is known, of the right type and within its bounds.
 * Failure modes: Anthropic's voice tells the first thing that is wrong; the schema's voice tells it
 * too, or, when there are several, how many. */

#include "native.h"

#include "prompt.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define PLACE_MAX 512

struct walk {
    enum native_voice voice;
    struct arena *arena;
    struct slice first; /* what was wrong first, with its place */
    unsigned count;
    char place[PLACE_MAX]; /* "messages.0.content", or "/texts/0" */
    size_t n;
};

static void walk_value(struct walk *w, const struct native_shape *shape, yyjson_val *v);

/* ---- places -------------------------------------------------------------------------------- */

static size_t step(struct walk *w, const char *part, size_t n)
{
    const size_t before = w->n;
    const size_t separator = w->voice == VOICE_SCHEMA || w->n;
    if (w->n + separator + n >= PLACE_MAX)
        return before;
    if (separator)
        w->place[w->n++] = w->voice == VOICE_SCHEMA ? '/' : '.';
    memcpy(w->place + w->n, part, n);
    w->n += n;
    return before;
}

static size_t step_index(struct walk *w, size_t index)
{
    char digits[SLICE_DIGITS];
    const struct slice text = slice_digits((int64_t)index, digits);
    return step(w, text.p, text.n);
}

static void step_back(struct walk *w, size_t before)
{
    w->n = before;
}

__attribute__((format(printf, 2, 3))) static void wrong(struct walk *w, const char *format, ...)
{
    char text[512];
    va_list args;
    if (w->count++)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    w->first = arena_printf(w->arena, "%s%.*s%s%s", w->voice == VOICE_SCHEMA ? "#" : "", (int)w->n,
                            w->place, w->n || w->voice == VOICE_SCHEMA ? ": " : "", text);
}

/* The same thing in both voices: %s stands for what was found, where the schema tells it. */
#define WRONG(w, anthropic, ...)                                                                   \
    ((w)->voice == VOICE_ANTHROPIC ? wrong((w), "%s", (anthropic)) : wrong((w), __VA_ARGS__))

/* ---- types --------------------------------------------------------------------------------- */

static const char *type_found(yyjson_val *v)
{
    int64_t integer;
    if (yyjson_is_obj(v))
        return "JSONObject";
    if (yyjson_is_arr(v))
        return "JSONArray";
    if (yyjson_is_bool(v))
        return "Boolean";
    if (json_is_number(v))
        return json_int(v, &integer) ? "Integer" : "Double";
    return yyjson_is_null(v) ? "Null" : "String";
}

static void wrong_type(struct walk *w, yyjson_val *v, const char *anthropic, const char *wanted)
{
    WRONG(w, anthropic, "expected type: %s, found: %s", wanted, type_found(v));
}

/* ---- strings ------------------------------------------------------------------------------- */

static bool in_alphabet(const struct native_shape *shape, struct slice s)
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

/* "'a', 'b' or 'c'" as pydantic tells an enum; with `last` ", " as it tells tags. */
static struct slice quoted(struct walk *w, const char *const *values, const char *last)
{
    struct slice text = {0};
    for (size_t i = 0; values[i]; i++) {
        const char *separator = !i ? "" : values[i + 1] ? ", " : last;
        text = arena_printf(w->arena, "%.*s%s'%s'", SLICE_ARG(text), separator, values[i]);
    }
    return text;
}

static void check_values(struct walk *w, const struct native_shape *shape, struct slice s)
{
    for (size_t i = 0; shape->values[i]; i++)
        if (slice_eq(slice_of(shape->values[i]), s))
            return;
    if (w->voice == VOICE_ANTHROPIC)
        wrong(w, "Input should be %s", quoted(w, shape->values, " or ").p);
    else
        wrong(w, "%.*s is not a valid enum value", (int)(s.n > 256 ? 256 : s.n), s.p);
}

static void check_length(struct walk *w, const struct native_shape *shape, size_t n)
{
    if ((double)n < shape->min) {
        if (w->voice == VOICE_ANTHROPIC)
            wrong(w, "String should have at least %.0f character%s", shape->min,
                  shape->min == 1 ? "" : "s");
        else
            wrong(w, "expected minLength: %.0f, actual: %zu", shape->min, n);
    } else if (shape->max != NATIVE_NO_MAX && (double)n > shape->max) {
        if (w->voice == VOICE_ANTHROPIC)
            wrong(w, "String should have at most %.0f characters", shape->max);
        else
            wrong(w, "expected maxLength: %.0f, actual: %zu", shape->max, n);
    }
}

static void walk_string(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    if (!yyjson_is_str(v)) {
        wrong_type(w, v, "Input should be a valid string", "String");
        return;
    }
    const struct slice s = json_slice(v);
    const unsigned before = w->count;
    if (shape->pattern && (!s.n || !in_alphabet(shape, s)))
        WRONG(w, arena_printf(w->arena, "String should match pattern '%s'", shape->pattern).p,
              "string [%.*s] does not match pattern %s", (int)(s.n > 256 ? 256 : s.n), s.p,
              shape->pattern);
    if (w->count == before)
        check_length(w, shape, utf8_count(s));
    if (shape->values)
        check_values(w, shape, s);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void check_range(struct walk *w, const struct native_shape *shape, double value)
{
    if (value < shape->min)
        WRONG(w,
              arena_printf(w->arena, "Input should be greater than or equal to %g", shape->min).p,
              "%g is not greater or equal to %g", value, shape->min);
    else if (shape->max != NATIVE_NO_MAX && value > shape->max)
        WRONG(w, arena_printf(w->arena, "Input should be less than or equal to %g", shape->max).p,
              "%g is not less or equal to %g", value, shape->max);
}

static void walk_number(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    double value;
    int64_t integer;
    const bool whole = shape->kind == NATIVE_INTEGER;
    if (!json_is_number(v) || !json_double(v, &value) || (whole && !json_int(v, &integer)))
        wrong_type(w, v,
                   whole ? "Input should be a valid integer" : "Input should be a valid number",
                   whole ? "Integer" : "Number");
    else
        check_range(w, shape, value);
}

/* ---- lists and objects --------------------------------------------------------------------- */

static void check_count(struct walk *w, const struct native_shape *shape, size_t n)
{
    if ((double)n < shape->min) {
        if (w->voice == VOICE_ANTHROPIC)
            wrong(w, "List should have at least %.0f item%s after validation, not %zu", shape->min,
                  shape->min == 1 ? "" : "s", n);
        else
            wrong(w, "expected minimum item count: %.0f, found: %zu", shape->min, n);
    } else if (shape->max != NATIVE_NO_MAX && (double)n > shape->max) {
        if (w->voice == VOICE_ANTHROPIC)
            wrong(w, "List should have at most %.0f items after validation, not %zu", shape->max,
                  n);
        else
            wrong(w, "expected maximum item count: %.0f, found: %zu", shape->max, n);
    }
}

static void walk_list(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *item;
    if (!yyjson_is_arr(v)) {
        wrong_type(w, v, "Input should be a valid list", "JSONArray");
        return;
    }
    check_count(w, shape, yyjson_arr_size(v));
    yyjson_arr_foreach(v, i, n, item)
    {
        const size_t before = step_index(w, i);
        walk_value(w, shape->item, item);
        step_back(w, before);
    }
}

static bool present(const struct walk *w, yyjson_val *v)
{
    return v && (w->voice == VOICE_SCHEMA || !yyjson_is_null(v));
}

static void check_required(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    for (const struct native_member *m = shape->members; m->name; m++) {
        if (!m->required || present(w, json_get(v, m->name)))
            continue;
        if (w->voice == VOICE_SCHEMA) {
            wrong(w, "required key [%s] not found", m->name);
            continue;
        }
        const size_t before = step(w, m->name, strlen(m->name));
        wrong(w, "Field required");
        step_back(w, before);
    }
}

static const struct native_member *find(const struct native_shape *shape, struct slice name)
{
    for (const struct native_member *m = shape->members; m->name; m++)
        if (slice_eq(slice_of(m->name), name))
            return m;
    return NULL;
}

static void unknown_member(struct walk *w, struct slice key)
{
    if (w->voice == VOICE_SCHEMA) {
        wrong(w, "extraneous key [%.*s] is not permitted", SLICE_ARG(key));
        return;
    }
    const size_t before = step(w, key.p, key.n);
    wrong(w, "Extra inputs are not permitted");
    step_back(w, before);
}

static void walk_object(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(v)) {
        wrong_type(w, v, "Input should be an object", "JSONObject");
        return;
    }
    check_required(w, shape, v);
    yyjson_obj_foreach(v, i, n, key, value)
    {
        const struct native_member *m = find(shape, json_slice(key));
        if (!m) {
            unknown_member(w, json_slice(key));
        } else if (present(w, value)) {
            const size_t before = step(w, m->name, strlen(m->name));
            walk_value(w, m->shape, value);
            step_back(w, before);
        }
    }
}

/* ---- tagged objects ------------------------------------------------------------------------ */

const struct native_member *native_tagged(const struct native_shape *shape, yyjson_val *v)
{
    struct slice tag = json_get_slice(v, "type");
    if (!tag.p && shape->untagged)
        tag = slice_of(shape->untagged);
    return find(shape, tag);
}

static void unknown_tag(struct walk *w, const struct native_shape *shape, struct slice tag)
{
    struct slice tags = {0};
    for (const struct native_member *m = shape->members; m->name; m++)
        tags = arena_printf(w->arena, "%.*s%s'%s'", SLICE_ARG(tags), tags.n ? ", " : "", m->name);
    wrong(w, "Input tag '%.*s' found using 'type' does not match any of the expected tags: %.*s",
          SLICE_ARG(tag), SLICE_ARG(tags));
}

static void walk_tagged(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    const struct native_member *m = native_tagged(shape, v);
    const struct slice tag = json_get_slice(v, "type");
    size_t before;
    if (!yyjson_is_obj(v)) {
        wrong_type(w, v, "Input should be an object", "JSONObject");
    } else if (m) {
        before = step(w, m->name, strlen(m->name));
        walk_object(w, m->shape, v);
        step_back(w, before);
    } else if (tag.p) {
        unknown_tag(w, shape, tag);
    } else {
        before = step(w, "type", 4);
        wrong(w, "Field required");
        step_back(w, before);
    }
}

/* ---- all together -------------------------------------------------------------------------- */

static void walk_value(struct walk *w, const struct native_shape *shape, yyjson_val *v)
{
    if (w->voice == VOICE_ANTHROPIC && w->count)
        return;
    switch (shape->kind) {
    case NATIVE_OBJECT: walk_object(w, shape, v); break;
    case NATIVE_TAGGED: walk_tagged(w, shape, v); break;
    case NATIVE_TEXT_OR_LIST:
        if (yyjson_is_str(v))
            break;
        walk_list(w, shape, v);
        break;
    case NATIVE_LIST: walk_list(w, shape, v); break;
    case NATIVE_STRING: walk_string(w, shape, v); break;
    case NATIVE_INTEGER:
    case NATIVE_NUMBER: walk_number(w, shape, v); break;
    case NATIVE_BOOLEAN:
        if (!yyjson_is_bool(v))
            wrong_type(w, v, "Input should be a valid boolean", "Boolean");
        break;
    case NATIVE_MAP:
        if (!yyjson_is_obj(v))
            wrong_type(w, v, "Input should be a valid dictionary", "JSONObject");
        break;
    case NATIVE_ANY: break;
    }
}

bool native_check(const struct native_shape *shape, enum native_voice voice, yyjson_val *body,
                  struct arena *a, struct fault *f)
{
    struct walk w = {.voice = voice, .arena = a};
    walk_value(&w, shape, body);
    if (!w.count)
        return true;
    if (voice == VOICE_ANTHROPIC)
        return fault_set(f, 400, "ValidationException", w.first);
    struct slice text = w.first;
    if (w.count > 1)
        text = arena_printf(a, "%u schema violations found", w.count);
    text =
        arena_printf(a, "Malformed input request: %.*s, please reformat your input and try again.",
                     SLICE_ARG(text));
    return fault_set(f, 400, "ValidationException", text);
}
