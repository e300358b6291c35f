/* Requests that refer to responses, and responses that are kept.
 *
 * Happy path: a body that goes on from a response asks for its record, then for those of the chain
 * that it names; with all of them the body is written anew, and parsed as any other. When the
 * answer is complete, its own record is put.
 *
 * Failure modes: a response that is not there (any more), or somebody else's, is a 400 that names
 * it: half a conversation would be answered as a whole one. A record that is too large is not put.
 */

#include "exchange_responses.h"

#include "exchange_request.h"
#include "worker_private.h"

#define KEY_PREFIX "response:"
#define RECORD_MAX (16u * 1024 * 1024) /* bytes */

static int64_t ttl_of(const struct exchange *ex)
{
    return config_milliseconds(ex->config->settings.responses_ttl);
}

static struct slice key_of(struct exchange *ex, struct slice id)
{
    return ARENA_JOIN(&ex->arena, SLICE(KEY_PREFIX), id);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static bool may_see(const struct exchange *ex, yyjson_val *record)
{
    return ex->caller.master || slice_eq(json_get_slice(record, "owner"), ex->caller.key);
}

static size_t bytes_max(const struct exchange *ex)
{
    return (size_t)ex->config->settings.max_request_size_mb * 1024 * 1024;
}

static void take(struct responses_use *u, struct responses_record *r, struct slice value)
{
    u->bytes += value.n;
    u->too_large = u->too_large || u->bytes > bytes_max(u->ex);
    if (!value.n || u->too_large)
        return;
    r->json = json_parse(value, &u->ex->prompt, NULL);
    if (!may_see(u->ex, r->json))
        r->json = NULL;
}

static void on_got(void *user, const struct slice *values, size_t n)
{
    struct responses_use *u = user;
    for (size_t i = 0; i < n; i++)
        take(u, &u->wanted[i], values[i]);
    u->asking = false;
    exchange_deposit(u->ex, 0);
}

static struct responses_use *use_of(struct exchange *ex)
{
    if (!ex->responses) {
        ex->responses = ARENA_NEW(&ex->arena, struct responses_use);
        ex->responses->ex = ex;
    }
    return ex->responses;
}

void exchange_responses_ask(struct exchange *ex, struct responses_record *records, size_t n)
{
    struct responses_use *u = use_of(ex);
    struct shared *shared = ex->worker->shared;
    struct slice keys[SHARED_KEYS_MAX];
    u->wanted = records;
    u->wanted_count = n;
    u->asking = true;
    for (size_t i = 0; i < n; i++)
        keys[i] = key_of(ex, records[i].id);
    shared->ops->get(shared, keys, n, ttl_of(ex), turn_now(&ex->worker->turn), on_got, u);
}

void exchange_responses_forget(struct exchange *ex, struct slice id)
{
    struct shared *shared = ex->worker->shared;
    struct slice key = key_of(ex, id);
    shared->ops->del(shared, &key, 1, turn_now(&ex->worker->turn), NULL, NULL);
}

void exchange_responses_cancel(struct exchange *ex)
{
    struct shared *shared = ex->worker->shared;
    if (ex->responses && ex->responses->asking)
        shared->ops->forget(shared, ex->responses);
    if (ex->responses)
        ex->responses->asking = false;
}

/* ---- what a body refers to ---------------------------------------------------------------------
 */

static struct responses_record *records_of(struct exchange *ex, const struct slice *ids, size_t n)
{
    struct responses_record *records = arena_zalloc(&ex->prompt, n * sizeof(*records));
    for (size_t i = 0; i < n; i++)
        records[i].id = ids[i];
    return records;
}

static bool ask_named(struct exchange *ex, struct responses_use *u)
{
    struct slice ids[RESPONSES_REFERS_MAX];
    if (!responses_refers(u->body, &ex->prompt, ids, &u->named_count, &u->goes_on))
        return failure_bad_param(&ex->failure, &ex->arena, "input",
                                 "input: items of more than %d responses are named",
                                 RESPONSES_REFERS_MAX);
    u->named = records_of(ex, ids, u->named_count);
    if (u->named_count)
        exchange_responses_ask(ex, u->named, u->named_count);
    return true;
}

static void ask_chain(struct exchange *ex, struct responses_use *u)
{
    struct slice ids[RESPONSES_CHAIN_MAX];
    u->has_chain = true;
    if (!u->goes_on || !u->named[0].json)
        return;
    u->chain_count = responses_chain(&u->named[0], ids, RESPONSES_CHAIN_MAX);
    u->chain = records_of(ex, ids, u->chain_count);
    if (u->chain_count)
        exchange_responses_ask(ex, u->chain, u->chain_count);
}

static const struct responses_record *missing(const struct responses_use *u)
{
    if (u->goes_on && !u->named[0].json)
        return &u->named[0];
    for (size_t i = 0; i < u->chain_count; i++)
        if (!u->chain[i].json)
            return &u->chain[i];
    return NULL;
}

static bool check(struct exchange *ex, const struct responses_use *u)
{
    const struct responses_record *m = missing(u);
    if (u->too_large)
        return failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 413,
                           "the conversation is larger than max_request_size_mb (%lld MB)",
                           (long long)ex->config->settings.max_request_size_mb);
    if (!m)
        return true;
    failure_bad_param(&ex->failure, &ex->arena, "previous_response_id",
                      "Previous response with id '%.*s' not found.", SLICE_ARG(m->id));
    ex->failure.param_shown = true;
    return false;
}

/* The conversation so far: the chain, and the response that it leads to. */
static yyjson_val *expand(struct exchange *ex, const struct responses_use *u)
{
    size_t n = u->goes_on ? u->chain_count + 1 : 0;
    struct responses_record *all = arena_alloc(&ex->prompt, (n + 1) * sizeof(*all));
    if (!u->named_count)
        return u->body;
    for (size_t i = 0; i < u->chain_count; i++)
        all[i] = u->chain[i];
    if (n)
        all[n - 1] = u->named[0];
    return responses_expand(u->body, all, n, u->named, u->named_count, &ex->prompt);
}

static void begin_record(struct exchange *ex, struct responses_use *u)
{
    bool answers = ex->route->dialect == &dialect_openai_responses && !ex->route->operation;
    bool kept = answers && responses_wants_kept(u->body);
    if (kept && json_get(ex->read_body, "input"))
        u->begin = responses_record_begin(ex->caller.key, u->goes_on ? &u->named[0] : NULL, u->body,
                                          ex->read_body, &ex->arena);
}

bool exchange_responses_read(struct exchange *ex)
{
    struct responses_use *u = ex->responses;
    if (!ex->route->dialect->kept)
        return true;
    if (!u) {
        u = use_of(ex);
        u->body = exchange_parse_body(ex);
        if (!u->body || !ask_named(ex, u))
            return true;
    }
    if (!u->asking && !u->has_chain)
        ask_chain(ex, u);
    if (u->asking)
        return false;
    if (!check(ex, u))
        return true;
    ex->read_body = expand(ex, u);
    begin_record(ex, u);
    return true;
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

void exchange_responses_keep(struct exchange *ex, struct slice response)
{
    struct shared *shared = ex->worker->shared;
    struct buf record;
    if (!ex->responses || !ex->responses->begin.n || !response.n)
        return;
    buf_init(&record, RECORD_MAX);
    responses_record_end(ex->responses->begin, response, &record);
    if (!record.overflow)
        shared->ops->put(shared, key_of(ex, responses_id(ex->answer.uuid, &ex->arena)),
                         buf_slice(&record), ttl_of(ex), turn_now(&ex->worker->turn));
    buf_fini(&record);
}
