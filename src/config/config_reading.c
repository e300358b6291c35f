#include "config_reading.h"

#define INTEGER_MAX 1e10

bool reading_number(struct reading in, const char *key, double min, double max, double *value)
{
    const struct config_path path = {.up = in.path, .key = slice_of(key)};
    const struct node *n = node_get(in.map, slice_of(key));
    double v = 0;
    bool is_number = !node_is_null(n) && node_number(n, &v);
    if (node_is_null(n) || (!is_number && !in.nested))
        return false;
    if (is_number && v >= min && v <= max) {
        *value = v;
        return true;
    }
    config_error(in.l, config_place(n, &path), "expected a number from %.12g to %.12g", min, max);
    return false;
}

bool reading_integer(struct reading in, const char *key, int64_t min, int64_t *value)
{
    double v;
    if (!reading_number(in, key, (double)min, INTEGER_MAX, &v))
        return false;
    *value = (int64_t)v;
    return true;
}

struct slice reading_text(struct reading in, const char *key)
{
    const struct config_path path = {.up = in.path, .key = slice_of(key)};
    const struct node *n = node_get(in.map, slice_of(key));
    if (node_is_null(n))
        return slice_make(NULL, 0);
    if (n->kind == NODE_SCALAR)
        return arena_dup(&in.l->c->arena, n->text);
    config_error(in.l, config_place(n, &path), "expected a string, got %s", node_type_name(n));
    return slice_make(NULL, 0);
}
