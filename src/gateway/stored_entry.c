/* Rows of the database ⇄ entries of the configuration: what of them lies there sealed, and how a
 * model or a credential would stand in the file. What does not open with our salt key is taken as
 * it is; what is too long becomes {}. */

#include "stored.h"

#include "wire/secretbox.h"

#define PARAMS_MAX (4 * 1024 * 1024) /* bytes of an entry */

static void begin(struct json_writer *w, struct buf *b)
{
    buf_init(b, PARAMS_MAX);
    json_begin(w, b);
    json_object(w);
}

static struct slice end(struct json_writer *w, struct buf *b, struct arena *a)
{
    json_object_end(w);
    struct slice text = b->overflow ? SLICE("{}") : arena_dup(a, buf_slice(b));
    buf_fini(b);
    return text;
}

/* ---- sealing --------------------------------------------------------------------------------- */

struct slice stored_salt_key(const struct config *c)
{
    const char *salt = c->settings.stored.salt_key;
    return slice_of(salt ? salt : c->settings.master_key);
}

struct slice stored_seal(const struct config *c, yyjson_val *params, struct arena *a)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(params);
    struct buf b, sealed;
    struct json_writer w;
    begin(&w, &b);
    buf_init(&sealed, PARAMS_MAX);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        json_key_slice(&w, json_slice(key));
        if (!yyjson_is_str(v)) {
            json_value(&w, v);
            continue;
        }
        buf_reset(&sealed);
        secretbox_seal(stored_salt_key(c), json_slice(v), &sealed);
        json_string(&w, buf_slice(&sealed));
    }
    buf_fini(&sealed);
    return end(&w, &b, a);
}

yyjson_val *stored_open(const struct config *c, struct slice params, struct arena *a)
{
    yyjson_val *old = json_parse(params, a, NULL), *key;
    struct buf b;
    struct json_writer w;
    if (yyjson_is_str(old)) /* LiteLLM wrote it so at times */
        old = json_parse(json_slice(old), a, NULL);
    if (!yyjson_is_obj(old))
        return NULL;
    begin(&w, &b);
    yyjson_obj_iter it = yyjson_obj_iter_with(old);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        struct slice clear;
        json_key_slice(&w, json_slice(key));
        if (yyjson_is_str(v) && secretbox_open(stored_salt_key(c), json_slice(v), a, &clear))
            json_string(&w, clear);
        else
            json_value(&w, v);
    }
    json_object_end(&w);
    yyjson_val *opened = json_parse(buf_slice(&b), a, NULL);
    buf_fini(&b);
    return opened;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* The row says these itself. */
static bool is_of_row(struct slice name)
{
    return slice_eq(name, SLICE("id")) || slice_eq(name, SLICE("db_model")) ||
           slice_eq(name, SLICE("blocked"));
}

static void write_info(struct json_writer *w, struct slice id, yyjson_val *info, bool blocked)
{
    json_object(w);
    json_member_string(w, "id", id);
    if (blocked)
        json_member_bool(w, "blocked", true);
    json_members_but(w, info, is_of_row);
    json_object_end(w);
}

struct slice stored_model_json(struct slice id, struct slice name, yyjson_val *params,
                               yyjson_val *info, bool blocked, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    begin(&w, &b);
    json_member_string(&w, "model_name", name);
    json_key(&w, "litellm_params");
    if (params)
        json_value(&w, params);
    else
        json_null(&w);
    json_key(&w, "model_info");
    write_info(&w, id, info, blocked);
    return end(&w, &b, a);
}

struct slice stored_credential_json(struct slice name, yyjson_val *values, yyjson_val *info,
                                    struct arena *a)
{
    struct buf b;
    struct json_writer w;
    begin(&w, &b);
    json_member_string(&w, "credential_name", name);
    json_key(&w, "credential_values"), json_value(&w, values);
    if (yyjson_is_obj(info))
        json_key(&w, "credential_info"), json_value(&w, info);
    return end(&w, &b, a);
}
