#include "stored_pass.h"

#include "stored.h"

#define ENDPOINT_MAX (4 * 1024 * 1024)

static bool is_sealed(struct slice name, yyjson_val *v)
{
    return yyjson_is_obj(v) &&
           (slice_eq(name, SLICE("headers")) || slice_eq(name, SLICE("default_query_params")));
}

static void write_opened(const struct config *c, yyjson_val *sealed, struct arena *a,
                         struct json_writer *w)
{
    yyjson_val *opened = stored_open(c, json_text_of(sealed, a), a);
    if (opened)
        json_value(w, opened);
    else
        json_null(w);
}

static struct slice rewrite(const struct config *c, yyjson_val *endpoint, bool seal,
                            struct arena *a)
{
    yyjson_val *key;
    struct buf b;
    struct json_writer w;
    if (!yyjson_is_obj(endpoint))
        return json_text_of(endpoint, a);
    yyjson_obj_iter it = yyjson_obj_iter_with(endpoint);
    buf_init(&b, ENDPOINT_MAX);
    json_begin(&w, &b);
    json_object(&w);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        json_key_slice(&w, json_slice(key));
        if (!is_sealed(json_slice(key), v))
            json_value(&w, v);
        else if (seal)
            json_raw(&w, stored_seal(c, v, a));
        else
            write_opened(c, v, a, &w);
    }
    json_object_end(&w);
    struct slice text = b.overflow ? SLICE("{}") : arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

struct slice stored_pass_seal(const struct config *c, yyjson_val *endpoint, struct arena *a)
{
    return rewrite(c, endpoint, true, a);
}

struct slice stored_pass_open(const struct config *c, yyjson_val *endpoint, struct arena *a)
{
    return rewrite(c, endpoint, false, a);
}
