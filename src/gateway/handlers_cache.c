/* /cache/…: what operators ask of the response cache, in LiteLLM's shapes.
 *
 * Happy path: the question goes to the shared state, and its answer becomes the reply. In memory
 * both happen in one.
 *
 * Failure modes: no cache, or one that is away: 503. */

#include "ask.h"
#include "changes.h"
#include "detail.h"
#include "exchange_cache.h"
#include "handlers.h"
#include "worker_private.h"

#define KEYS_TEXT "Field required: a list of 1 to 256 texts"

static void on_done(void *user, int64_t n)
{
    struct exchange *ex = user;
    ex->cache.asking = false;
    exchange_deposit(ex, 0);
}

static void on_got(void *user, const struct slice *values, size_t n)
{
    on_done(user, (int64_t)n);
}

static void unhealthy(struct exchange *ex, const char *what)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503, "Service Unhealthy (%s)", what);
}

/* The cache, if this handler may go on with it; else the failure is set. */
static struct cache *cache_of(struct exchange *ex)
{
    struct cache *c = ex->config->settings.caching.on ? ex->worker->cache : NULL;
    if (!c)
        unhealthy(ex, "the response cache is switched off: litellm_settings.cache");
    return c;
}

static bool is_away(struct cache *c)
{
    struct shared_stats s;
    c->shared->ops->stats(c->shared, &s);
    return s.away;
}

/* What the answer to a question of the shared state is waited for with. */
static bool is_answered(struct exchange *ex)
{
    return !ex->cache.asking;
}

static void wait(struct exchange *ex, answer_next *next)
{
    ask_wait(ex, is_answered, next, exchange_cache_forget);
}

/* An answer came in time, or this process's own stands for it. */
static bool is_healthy(struct exchange *ex)
{
    if (is_away(ex->worker->cache))
        unhealthy(ex, "Redis does not answer");
    return ex->failure.kind == FAILURE_NONE;
}

static void write_success(struct exchange *ex, struct buf *body)
{
    if (is_healthy(ex))
        BUF_LITERAL(body, "{\"status\":\"success\"}");
}

/* ---- /cache/ping ---------------------------------------------------------------------------- */

static void write_calls(struct json_writer *w, unsigned calls)
{
    static const char *const names[] = {"completion", "text_completion", "embedding",
                                        "anthropic_messages", "responses"};
    json_key(w, "supported_call_types");
    json_array(w);
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (calls >> i & 1)
            json_string(w, slice_of(names[i]));
    json_array_end(w);
}

/* A JSON text in the JSON, as LiteLLM has it. */
static struct slice params_of(struct exchange *ex, const char *type)
{
    const struct caching *s = &ex->config->settings.caching;
    struct json_writer w;
    struct buf text;
    struct slice json;
    buf_init(&text, SIZE_MAX);
    json_begin(&w, &text);
    json_object(&w);
    write_calls(&w, s->calls);
    json_member_string(&w, "type", slice_of(type));
    json_member_string(&w, "namespace", s->name_space ? slice_of(s->name_space) : SLICE("None"));
    json_key(&w, "ttl");
    json_number(&w, s->ttl);
    json_member_string(&w, "mode", s->opt_in ? SLICE("default_off") : SLICE("default_on"));
    json_member_string(&w, "scope", s->scope == CACHING_FOR_ALL ? SLICE("all") : SLICE("key"));
    json_object_end(&w);
    json = arena_dup(&ex->arena, buf_slice(&text));
    buf_fini(&text);
    return json;
}

static void write_ping(struct exchange *ex, struct buf *body)
{
    bool local = ex->worker->cache->owned;
    const char *type = local ? "local" : "redis";
    struct json_writer w;
    if (!is_healthy(ex))
        return;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "status", SLICE("healthy"));
    json_member_string(&w, "cache_type", slice_of(type));
    json_key(&w, "ping_response");
    json_raw(&w, local ? SLICE("null") : SLICE("true"));
    json_key(&w, "set_cache_response");
    json_raw(&w, local ? SLICE("null") : SLICE("\"success\""));
    json_member_string(&w, "litellm_cache_params", params_of(ex, type));
    json_key(&w, "health_check_cache_params");
    json_null(&w);
    json_object_end(&w);
}

void handle_cache_ping(struct exchange *ex, struct buf *body)
{
    struct cache *c = cache_of(ex);
    struct slice key;
    if (!c)
        return;
    key = cache_place(&ex->config->settings.caching, SLICE("ping"), &ex->arena);
    ex->cache.asking = true;
    c->shared->ops->get(c->shared, &key, 1, 0, turn_now(&ex->worker->turn), on_got, ex);
    wait(ex, write_ping);
}

/* ---- /cache/delete, /cache/flushall ---------------------------------------------------------- */

/* NULL: not a good one. */
static yyjson_val *keys_of(struct exchange *ex)
{
    yyjson_val *item, *keys;
    yyjson_arr_iter it;
    keys = json_get(json_parse(buf_slice(&ex->body), &ex->prompt, NULL), "keys");
    it = yyjson_arr_iter_with(keys);
    while ((item = yyjson_arr_iter_next(&it)))
        if (!json_slice(item).p)
            return NULL;
    return yyjson_arr_size(keys) && yyjson_arr_size(keys) <= SHARED_KEYS_MAX ? keys : NULL;
}

static void delete (struct exchange *ex, struct cache *c, yyjson_val *keys)
{
    struct slice places[SHARED_KEYS_MAX];
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(keys);
    size_t n = 0;
    while ((item = yyjson_arr_iter_next(&it)))
        places[n++] = cache_place(&ex->config->settings.caching, json_slice(item), &ex->arena);
    ex->cache.asking = true;
    c->shared->ops->del(c->shared, places, n, turn_now(&ex->worker->turn), on_done, ex);
    changes_say_deleted(ex->worker, places, n);
}

void handle_cache_delete(struct exchange *ex, struct buf *body)
{
    struct cache *c = cache_of(ex);
    yyjson_val *keys = keys_of(ex);
    if (!c)
        return;
    if (!keys) {
        detail_refuse_input(ex, "body", "keys", KEYS_TEXT);
        return;
    }
    delete (ex, c, keys);
    wait(ex, write_success);
}

void handle_cache_flushall(struct exchange *ex, struct buf *body)
{
    struct cache *c = cache_of(ex);
    if (!c)
        return;
    struct slice prefix = cache_prefix(&ex->config->settings.caching, &ex->arena);
    ex->cache.asking = true;
    c->shared->ops->clear(c->shared, prefix, turn_now(&ex->worker->turn), on_done, ex);
    changes_say_cleared(ex->worker, prefix);
    wait(ex, write_success);
}

/* ---- /cache/redis/info ----------------------------------------------------------------------- */

/* Redis itself is not asked: this is what the gateway knows of it. */
void handle_cache_redis_info(struct exchange *ex, struct buf *body)
{
    struct cache *c = cache_of(ex);
    struct shared_stats s;
    struct json_writer w;
    if (c && c->owned)
        unhealthy(ex, "Cache type local does not support redis info");
    if (!c || c->owned)
        return;
    c->shared->ops->stats(c->shared, &s);
    json_begin(&w, body);
    json_object(&w);
    json_member_integer(&w, "num_clients", -1);
    json_key(&w, "clients");
    json_array(&w);
    json_array_end(&w);
    json_key(&w, "info");
    json_object(&w);
    json_member_bool(&w, "away", s.away);
    json_member_integer(&w, "keyspace_hits", (int64_t)s.hits);
    json_member_integer(&w, "keyspace_misses", (int64_t)s.misses);
    json_member_integer(&w, "asked", (int64_t)s.asked);
    json_member_integer(&w, "late", (int64_t)s.late);
    json_member_integer(&w, "failed", (int64_t)s.failed);
    json_object_end(&w);
    json_object_end(&w);
}
