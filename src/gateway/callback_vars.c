/* Secrets in the metadata of keys and teams, see callback_vars.h.
 *
 * Happy path: the JSON is written again, member by member; strings in a member callback_vars are
 * sealed, opened or hidden. A map of headers is sealed as its JSON, and is that text from then on.
 *
 * Failure modes: metadata without callback_vars, or that is no JSON, stays as it is; so does a
 * secret where there is no salt key. */

#include "callback_vars.h"

#include "config/config.h"
#include "wire/secretbox.h"

#define PREFIX    SLICE("litellm_enc::")
#define HIDDEN    SLICE("***REDACTED***")
#define VARS      SLICE("callback_vars")
#define TEXT_MAX  (2 * 1024 * 1024)
#define DEPTH_MAX 6

enum change { SEAL, OPEN, HIDE };

struct walk {
    enum change change;
    struct slice salt_key;
    struct slice old; /* what is there, when sealing */
    struct arena *arena;
    struct json_writer w;
};

/* ---- one variable ---------------------------------------------------------------------------- */

static void write_sealed(struct walk *walk, struct slice text)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_add(&b, PREFIX);
    secretbox_seal(walk->salt_key, text, &b);
    json_string(&walk->w, buf_slice(&b));
    buf_fini(&b);
}

/* When sealing, what only looks so may have been copied from elsewhere in the database. */
static bool is_sealed(const struct walk *walk, struct slice text)
{
    return slice_starts(text, PREFIX) && (walk->change != SEAL || slice_find(walk->old, text) >= 0);
}

static void write_variable(struct walk *walk, struct slice name, struct slice text)
{
    bool sealed = is_sealed(walk, text);
    bool secret = config_is_secret(name) || slice_starts(text, PREFIX);
    struct slice clear;
    bool opens = walk->change == OPEN && sealed &&
                 secretbox_open(walk->salt_key, slice_skip(text, PREFIX.n), walk->arena, &clear);
    if (walk->change == OPEN && sealed && !opens)
        return;
    json_key_slice(&walk->w, name);
    if (opens)
        json_string(&walk->w, clear);
    else if (walk->change == HIDE && (sealed || secret))
        json_string(&walk->w, HIDDEN);
    else if (walk->change == SEAL && secret && !sealed && text.n && walk->salt_key.n)
        write_sealed(walk, text);
    else
        json_string(&walk->w, text);
}

static bool is_hidden(yyjson_val *v)
{
    return slice_eq(json_slice(v), HIDDEN);
}

static yyjson_val *member(yyjson_val *object, struct slice name)
{
    return yyjson_is_obj(object) ? yyjson_obj_getn(object, name.p, name.n) : NULL;
}

/* But for what is hidden. */
static bool are_same(yyjson_val *vars, yyjson_val *old)
{
    size_t i, n;
    yyjson_val *key, *v;
    yyjson_obj_foreach(vars, i, n, key, v)
    {
        yyjson_val *before = member(old, json_slice(key));
        if (!before || !(is_hidden(v) || yyjson_equals(v, before)))
            return false;
    }
    return yyjson_obj_size(vars) == yyjson_obj_size(old);
}

static void write_vars(struct walk *walk, yyjson_val *vars, yyjson_val *old)
{
    bool same = walk->change == SEAL && yyjson_is_obj(old) && are_same(vars, old);
    size_t i, n;
    yyjson_val *key, *said;
    json_object(&walk->w);
    yyjson_obj_foreach(vars, i, n, key, said)
    {
        struct slice name = json_slice(key);
        yyjson_val *v = said;
        if (walk->change == SEAL && is_hidden(said))
            v = same ? member(old, name) : NULL;
        if (yyjson_is_ctn(v) && walk->change != OPEN && config_is_secret(name)) {
            write_variable(walk, name, json_text_of(v, walk->arena));
        } else if (yyjson_is_str(v)) {
            write_variable(walk, name, json_slice(v));
        } else if (v) {
            json_key_slice(&walk->w, name);
            json_value(&walk->w, v);
        }
    }
    json_object_end(&walk->w);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* The entry of a list that is about the same callback. */
static yyjson_val *counterpart(yyjson_val *old, yyjson_val *entry)
{
    size_t i, n;
    yyjson_val *other;
    yyjson_arr_foreach(old, i, n, other)
    {
        if (slice_eq(json_get_slice(other, "callback_name"),
                     json_get_slice(entry, "callback_name")) &&
            slice_eq(json_get_slice(other, "callback_type"),
                     json_get_slice(entry, "callback_type")))
            return other;
    }
    return NULL;
}

static void write_value(struct walk *walk, yyjson_val *v, yyjson_val *old, unsigned depth);

static void write_members(struct walk *walk, yyjson_val *object, yyjson_val *old, unsigned depth)
{
    size_t i, n;
    yyjson_val *key, *v;
    json_object(&walk->w);
    yyjson_obj_foreach(object, i, n, key, v)
    {
        struct slice name = json_slice(key);
        json_key_slice(&walk->w, name);
        if (slice_eq(name, VARS) && yyjson_is_obj(v))
            write_vars(walk, v, member(old, name));
        else
            write_value(walk, v, member(old, name), depth);
    }
    json_object_end(&walk->w);
}

static void write_value(struct walk *walk, yyjson_val *v, yyjson_val *old, unsigned depth)
{
    size_t i, n;
    yyjson_val *entry;
    if (depth < DEPTH_MAX && yyjson_is_obj(v)) {
        write_members(walk, v, old, depth + 1);
    } else if (depth < DEPTH_MAX && yyjson_is_arr(v)) {
        json_array(&walk->w);
        yyjson_arr_foreach(v, i, n, entry)
            write_value(walk, entry, counterpart(old, entry), depth + 1);
        json_array_end(&walk->w);
    } else {
        json_value(&walk->w, v);
    }
}

struct slice callback_vars_seal(struct slice salt_key, struct slice metadata, struct slice old,
                                struct arena *a)
{
    struct walk walk = {.change = SEAL, .salt_key = salt_key, .old = old, .arena = a};
    yyjson_val *v = slice_find(metadata, VARS) >= 0 ? json_parse(metadata, a, NULL) : NULL;
    struct buf b;
    if (!v)
        return metadata;
    buf_init(&b, TEXT_MAX);
    json_begin(&walk.w, &b);
    write_value(&walk, v, json_parse(old, a, NULL), 0);
    struct slice text = b.overflow ? SLICE("") : arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

yyjson_val *callback_vars_open(struct slice salt_key, yyjson_val *logging, struct arena *a)
{
    struct walk walk = {.change = OPEN, .salt_key = salt_key, .arena = a};
    struct buf b;
    if (!logging)
        return NULL;
    buf_init(&b, TEXT_MAX);
    json_begin(&walk.w, &b);
    write_value(&walk, logging, NULL, 0);
    yyjson_val *opened = b.overflow ? NULL : json_parse(buf_slice(&b), a, NULL);
    buf_fini(&b);
    return opened;
}

void callback_vars_write(struct json_writer *w, struct slice metadata)
{
    struct arena a;
    arena_init(&a);
    yyjson_val *v = json_parse(metadata, &a, NULL);
    struct walk walk = {.change = HIDE, .arena = &a, .w = *w};
    if (v)
        write_value(&walk, v, NULL, 0);
    else
        json_null(&walk.w);
    *w = walk.w;
    arena_fini(&a);
}
