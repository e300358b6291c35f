#include "parse.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXTRA_MAX 256 /* members that no row names; they are looked up one by one */

bool parse_refuse(struct parse *p, struct slice path, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return failure_bad_param(p->f, p->a, path.p, "%s: %s", path.p, message);
}

bool parse_refuse_type(struct parse *p, struct slice path, const char *expected, yyjson_val *v)
{
    return parse_refuse(p, path, "expected %s, got %s", expected, json_type_name(v));
}

static struct slice path_join(struct parse *p, struct slice base, struct slice tail)
{
    char *path = arena_alloc(p->a, base.n + tail.n + 1);
    memcpy(path, base.p, base.n);
    memcpy(path + base.n, tail.p, tail.n);
    path[base.n + tail.n] = '\0';
    return slice_make(path, base.n + tail.n);
}

struct slice parse_path_member(struct parse *p, struct slice base, struct slice member)
{
    return path_join(p, path_join(p, base, SLICE(".")), member);
}

struct slice parse_path_item(struct parse *p, struct slice base, size_t i)
{
    char tail[24];
    size_t at = sizeof(tail);
    tail[--at] = ']';
    do
        tail[--at] = (char)('0' + i % 10);
    while (i /= 10);
    tail[--at] = '[';
    return path_join(p, base, slice_make(tail + at, sizeof(tail) - at));
}

/* LiteLLM's clients send "true" here and there; only real booleans and those two strings count. */
bool parse_flag(struct parse *p, const char *name, yyjson_val *v, bool *flag)
{
    struct slice s = json_slice(v);
    if (yyjson_is_bool(v) || slice_eq(s, SLICE("true")) || slice_eq(s, SLICE("false"))) {
        *flag = yyjson_is_true(v) || slice_eq(s, SLICE("true"));
        return true;
    }
    return parse_refuse_type(p, slice_of(name), "a boolean", v);
}

bool parse_limit(struct parse *p, const char *name, yyjson_val *v, int64_t *limit)
{
    if (!json_int(v, limit))
        return parse_refuse_type(p, slice_of(name), "an integer", v);
    if (*limit < 1)
        return parse_refuse(p, slice_of(name), "must be at least 1");
    return true;
}

bool parse_number(struct parse *p, const char *name, yyjson_val *v, double low, double high,
                  yyjson_val **out)
{
    double value;
    if (!json_double(v, &value))
        return parse_refuse_type(p, slice_of(name), "a number", v);
    if (value < low || value > high)
        return parse_refuse(p, slice_of(name), "must be between %g and %g", low, high);
    *out = v;
    return true;
}

/* ---- members ------------------------------------------------------------------------------- */

/* In place of an earlier one of that name, else at the end. */
bool parse_extra(struct parse *p, struct slice name, yyjson_val *value)
{
    struct llm_extra **at = &p->r->extra;
    int count = 0;
    for (; *at && !slice_eq((*at)->name, name); at = &(*at)->next)
        count++;
    if (count == EXTRA_MAX)
        return failure_set(p->f, p->a, FAILURE_BAD_REQUEST, 400,
                           "at most %d members that are not known", EXTRA_MAX);
    if (!*at)
        *at = ARENA_NEW(p->a, struct llm_extra);
    (*at)->name = name;
    (*at)->value = value;
    return true;
}

static void drop_null_extras(struct llm_request *r)
{
    struct llm_extra **at = &r->extra;
    while (*at) {
        if (yyjson_is_null((*at)->value))
            *at = (*at)->next;
        else
            at = &(*at)->next;
    }
}

/* A dialect's rows, and behind them the gateway's. */
struct rows {
    const struct parse_member *own;
    size_t own_count, count;
};

static const struct parse_member *row_at(const struct rows *rows, size_t i)
{
    return i < rows->own_count ? &rows->own[i] : &parse_gateway[i - rows->own_count];
}

/* Row of the member, or the count of rows. */
static size_t find_row(const struct rows *rows, struct slice name)
{
    size_t i = 0;
    while (i < rows->count && !slice_eq(name, slice_of(row_at(rows, i)->name)))
        i++;
    return i;
}

static bool parse_found(struct parse *p, const struct rows *rows, yyjson_val *const *found)
{
    for (size_t i = 0; i < rows->count; i++)
        if (found[i] && !yyjson_is_null(found[i]) && !row_at(rows, i)->parse(p, found[i]))
            return false;
    return true;
}

bool parse_members(struct parse *p, yyjson_val *object, const struct parse_member *own,
                   size_t count)
{
    const struct rows rows = {own, count, count + parse_gateway_count};
    yyjson_val *key, *found[PARSE_ROWS_MAX] = {NULL};
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    assert(rows.count <= PARSE_ROWS_MAX);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        size_t row = find_row(&rows, json_slice(key));
        if (row < rows.count)
            found[row] = value;
        else if (!parse_extra(p, json_slice(key), value))
            return false;
    }
    drop_null_extras(p->r);
    return parse_found(p, &rows, found);
}
