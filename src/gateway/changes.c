#include "changes.h"

#include "base/json.h"

static bool keeps_its_own(const struct worker *w)
{
    return w->cache && w->cache->owned;
}

/* ---- saying ---------------------------------------------------------------------------------- */

static void on_spoken(void *user)
{
    struct worker *w = user;
    gossip_say(w->gossip, GOSSIP_STORE, SLICE(""));
}

/* {"name": …}; the caller writes what is said. False: nobody needs to hear it. */
static bool begin(struct worker *w, struct json_writer *j, struct buf *body, struct slice name)
{
    if (!keeps_its_own(w) || !w->has_others)
        return false;
    buf_init(body, GOSSIP_MESSAGE_MAX - 1);
    json_begin(j, body);
    json_object(j);
    json_key_slice(j, name);
    return true;
}

static void say(struct worker *w, struct json_writer *j, struct buf *body)
{
    json_object_end(j);
    if (!body->overflow)
        gossip_say(w->gossip, GOSSIP_CACHE, buf_slice(body));
    buf_fini(body);
}

void changes_say_deleted(struct worker *w, const struct slice *keys, size_t n)
{
    struct json_writer j;
    struct buf body;
    if (!begin(w, &j, &body, SLICE("keys")))
        return;
    json_array(&j);
    for (size_t i = 0; i < n; i++)
        json_string(&j, keys[i]);
    json_array_end(&j);
    say(w, &j, &body);
}

void changes_say_cleared(struct worker *w, struct slice prefix)
{
    struct json_writer j;
    struct buf body;
    if (!begin(w, &j, &body, SLICE("prefix")))
        return;
    json_string(&j, prefix);
    say(w, &j, &body);
}

/* ---- hearing --------------------------------------------------------------------------------- */

static void on_store(void *ctx, struct slice body)
{
    struct worker *w = ctx;
    store_look(w->store);
}

static void delete_keys(struct worker *w, yyjson_val *list)
{
    struct slice keys[SHARED_KEYS_MAX];
    struct shared *s = w->cache->shared;
    yyjson_val *key;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    size_t n = 0;
    while (n < SHARED_KEYS_MAX && (key = yyjson_arr_iter_next(&it)))
        keys[n++] = json_slice(key);
    s->ops->del(s, keys, n, turn_now(&w->turn), NULL, NULL);
}

static void on_cache(void *ctx, struct slice body)
{
    struct worker *w = ctx;
    struct shared *s = w->cache->shared;
    struct arena a;
    arena_init(&a);
    yyjson_val *root = json_parse(body, &a, NULL);
    struct slice prefix = json_get_slice(root, "prefix");
    delete_keys(w, json_get(root, "keys"));
    if (prefix.n)
        s->ops->clear(s, prefix, turn_now(&w->turn), NULL, NULL);
    arena_fini(&a);
}

void changes_begin(struct worker *w)
{
    if (w->store && w->has_others) {
        store_on_spoken(w->store, on_spoken, w);
        gossip_register(w->gossip, GOSSIP_STORE, on_store, w);
    }
    if (keeps_its_own(w))
        gossip_register(w->gossip, GOSSIP_CACHE, on_cache, w);
}
