/* What the nodes of a configuration tree mean: YAML 1.1's scalars as Python's loader reads them,
 * with two differences: 1e-6 is a number (there it is text), and 0600 is text (there an octal
 * number).
 *
 * Happy path: plain scalars resolve by their spelling; numbers keep it on their way to JSON.
 * Failure: a node that is not what is asked for gives false; the caller reports with the type name.
 */

#include "config_node.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

struct node *node_get(const struct node *map, struct slice key)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (slice_eq(map->items[i].key, key))
            return map->items[i].value;
    return NULL;
}

void node_append(struct node *parent, struct arena *a, struct node_item item)
{
    size_t n = parent->count, size = sizeof(item);
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        size_t room = n ? n * 2 : 1;
        parent->items = arena_realloc(a, parent->items, n * size, room * size);
    }
    parent->items[parent->count++] = item;
    parent->weight += item.value->weight + node_weight(item.key.n);
    if (parent->height <= item.value->height)
        parent->height = item.value->height + 1;
}

struct node *node_copy(const struct node *n, struct arena *a)
{
    struct node *copy = ARENA_NEW(a, struct node);
    *copy = *n;
    copy->items = NULL;
    copy->count = 0;
    for (size_t i = 0; i < n->count; i++)
        node_append(copy, a, n->items[i]);
    return copy;
}

static bool is_word(struct slice s, const char *const *words)
{
    for (; *words; words++)
        if (slice_eq_nocase(s, slice_of(*words)))
            return true;
    return false;
}

bool node_is_null(const struct node *n)
{
    static const char *const nulls[] = {"", "~", "null", NULL};
    return !n || (n->kind == NODE_SCALAR && !n->string && is_word(n->text, nulls));
}

static bool read_bool(struct slice text, bool *value)
{
    static const char *const yes[] = {"true", "yes", "on", NULL};
    static const char *const no[] = {"false", "no", "off", NULL};
    bool truth = is_word(text, yes);
    if (!truth && !is_word(text, no))
        return false;
    *value = truth;
    return true;
}

bool node_bool(const struct node *n, bool *value)
{
    if (n->kind != NODE_SCALAR)
        return false;
    if (read_bool(n->text, value))
        return true;
    bool one = slice_eq(n->text, SLICE("1"));
    if (!n->string || (!one && !slice_eq(n->text, SLICE("0"))))
        return false;
    *value = one;
    return true;
}

static struct slice digits(struct slice *s)
{
    struct slice run = *s;
    size_t n = 0;
    while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    *s = slice_skip(*s, n);
    run.n = n;
    return run;
}

static bool skip_char(struct slice *s, char a, char b)
{
    if (!s->n || (*s->p != a && *s->p != b))
        return false;
    *s = slice_skip(*s, 1);
    return true;
}

/* Is it a number as JSON writes them? */
static bool is_json_number(struct slice s)
{
    skip_char(&s, '-', '-');
    struct slice whole = digits(&s);
    if (!whole.n || (whole.n > 1 && *whole.p == '0'))
        return false;
    if (skip_char(&s, '.', '.') && !digits(&s).n)
        return false;
    if (skip_char(&s, 'e', 'E')) {
        skip_char(&s, '+', '-');
        if (!digits(&s).n)
            return false;
    }
    return s.n == 0;
}

/* YAML's further spellings (+5, .5, 5., 1_000, 0x1F) rewritten as JSON's; false: no number. */
#define NUMBER_SIZE 64
static bool respell_number(struct slice text, char out[NUMBER_SIZE], struct slice *json)
{
    char *end;
    size_t n = 0;
    if (text.n > NUMBER_SIZE / 2)
        return false;
    if (slice_starts_nocase(text, SLICE("0x")) && text.n > 2 && text.n <= 17) {
        long long v = strtoll(text.p, &end, 16);
        if (*end || v < 0)
            return false;
        *json = slice_make(out, (size_t)snprintf(out, NUMBER_SIZE, "%lld", v));
        return true;
    }
    skip_char(&text, '+', '+');
    if (skip_char(&text, '-', '-'))
        out[n++] = '-';
    if (text.n && *text.p == '_')
        return false;
    if (text.n > 1 && *text.p == '.')
        out[n++] = '0';
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '_')
            out[n++] = text.p[i];
    if (n > 1 && out[n - 1] == '.')
        out[n++] = '0';
    *json = slice_make(out, n);
    return is_json_number(*json);
}

/* The scalar's number as JSON writes it; `room` may hold it. */
static bool as_number(struct slice text, char room[NUMBER_SIZE], struct slice *json)
{
    *json = text;
    return is_json_number(text) || respell_number(text, room, json);
}

bool node_number(const struct node *n, double *value)
{
    char room[NUMBER_SIZE];
    struct slice json;
    double d;
    if (n->kind != NODE_SCALAR || !as_number(n->text, room, &json) || !slice_to_double(json, &d))
        return false;
    *value = d;
    return true;
}

bool node_int(const struct node *n, int64_t *value)
{
    char room[NUMBER_SIZE];
    struct slice json;
    double d;
    if (n->kind != NODE_SCALAR || !as_number(n->text, room, &json))
        return false;
    if (slice_to_i64(json, value))
        return true;
    /* 1e6 and 5.0 are whole numbers too, as far as a double is exact. */
    if (!slice_to_double(json, &d) || d > 9e15 || d < -9e15 || (double)(int64_t)d != d)
        return false;
    *value = (int64_t)d;
    return true;
}

const char *node_type_name(const struct node *n)
{
    char room[NUMBER_SIZE];
    struct slice json;
    bool truth;
    if (node_is_null(n))
        return "nothing";
    if (n->kind == NODE_LIST)
        return "a list";
    if (n->kind == NODE_MAP)
        return "a map";
    if (!n->string && read_bool(n->text, &truth))
        return "a bool";
    if (!n->string && as_number(n->text, room, &json))
        return "a number";
    return "a string";
}

void node_write_json_plain(const struct node *n, struct json_writer *w)
{
    char room[NUMBER_SIZE];
    struct slice json;
    bool truth;
    if (n->kind != NODE_SCALAR)
        node_write_json(n, w);
    else if (read_bool(n->text, &truth))
        json_bool(w, truth);
    else if (as_number(n->text, room, &json))
        json_raw(w, json);
    else
        json_string(w, n->text);
}

static void write_scalar(const struct node *n, struct json_writer *w)
{
    if (n->string)
        json_string(w, n->text);
    else if (node_is_null(n))
        json_null(w);
    else
        node_write_json_plain(n, w);
}

void node_write_json(const struct node *n, struct json_writer *w)
{
    switch (n->kind) {
    case NODE_SCALAR: write_scalar(n, w); break;
    case NODE_LIST:
        json_array(w);
        for (size_t i = 0; i < n->count; i++)
            node_write_json(n->items[i].value, w);
        json_array_end(w);
        break;
    case NODE_MAP:
        json_object(w);
        for (size_t i = 0; i < n->count; i++) {
            json_key_slice(w, n->items[i].key);
            node_write_json(n->items[i].value, w);
        }
        json_object_end(w);
        break;
    }
}
