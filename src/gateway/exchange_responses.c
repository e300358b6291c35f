/* Requests that refer to responses, and responses that are kept.
 *
 * Happy path: a body that goes on from a response asks for its record, then for those of the chain
 * that it names; with all of them the body is written anew, and parsed as any other. When the
 * answer is complete, its own record is put. What the shared state has not, the database may have.
 *
 * Failure modes: a response that is not there (any more), or somebody else's, is a 400 that names
 * it: half a conversation would be answered as a whole one. If it might be in a database that is
 * away: 503. A record that is too large, or finds the database away, is not put there.
 */

#include "exchange_responses.h"

#include "base/log.h"
#include "exchange_request.h"
#include "io/clock.h"
#include "responses_rows.h"
#include "worker_private.h"

#define KEY_PREFIX "response:"
#define RECORD_MAX (16u * 1024 * 1024) /* bytes */
#define JOBS_MAX   256 /* that wait for the database: no more records come to them */
#define MASTER     SLICE("default_user_id") /* LiteLLM's user of keys that have none */

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

static struct responses_owner owner_of(const struct exchange *ex)
{
    const struct caller *c = &ex->caller;
    struct slice nobody = {0};
    return (struct responses_owner){c->key, slice_eq(c->user, MASTER) ? nobody : c->user, c->team};
}

static bool may_see(const struct exchange *ex, const struct responses_record *r)
{
    struct responses_owner owner = owner_of(ex);
    return ex->config->settings.responses_of_all || ex->caller.master ||
           ex->caller.role == ROLE_PROXY_ADMIN || responses_is_of(r, &owner);
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
    if (!may_see(u->ex, r))
        r->json = NULL;
}

/* ---- … the database ----------------------------------------------------------------------------
 */

static void on_job(void *user, struct store_job *job)
{
    struct responses_use *u = user;
    u->asking = false;
    exchange_deposit(u->ex, 0);
}

static void submit(struct responses_use *u, struct store_job *job)
{
    u->job = job;
    u->asking = true;
    store_submit(job, on_job, u);
}

static bool uses_database(const struct exchange *ex)
{
    return ex->worker->store && ex->config->settings.responses_in_database;
}

/* Those that the shared state had live on in the database, too. */
static void ask_database(struct exchange *ex, struct responses_use *u)
{
    struct slice ids[SHARED_KEYS_MAX], lacking[SHARED_KEYS_MAX];
    int64_t now = clock_unix_ms();
    size_t n = 0;
    for (size_t i = 0; i < u->wanted_count; i++) {
        ids[i] = u->wanted[i].id;
        if (!u->wanted[i].json)
            lacking[n++] = ids[i];
    }
    if (!n && !store_is_up(ex->worker->store))
        return;
    struct store_job *job = store_job_new(ex->worker->store);
    if (n)
        responses_rows_get(job, lacking, n, now);
    responses_rows_prolong(job, ids, u->wanted_count, now + ttl_of(ex), ttl_of(ex));
    if (n)
        submit(u, job);
    else
        store_submit(job, NULL, NULL);
}

static void take_row(struct responses_use *u, struct slice id, struct slice record)
{
    struct exchange *ex = u->ex;
    struct shared *shared = ex->worker->shared;
    for (size_t i = 0; i < u->wanted_count; i++)
        if (slice_eq(u->wanted[i].id, id))
            take(u, &u->wanted[i], record);
    shared->ops->put(shared, key_of(ex, id), record, ttl_of(ex), turn_now(&ex->worker->turn));
}

static void take_rows(struct responses_use *u)
{
    u->away = store_job_status(u->job) != STORE_OK;
    const struct store_rows *rows = u->away ? NULL : store_job_rows(u->job, 0);
    for (size_t i = 0; rows && i < rows->count; i++)
        take_row(u, store_rows_text(rows, i, "response_id"), store_rows_text(rows, i, "record"));
    store_job_free(u->job);
    u->job = NULL;
}

/* ---- … the shared state ------------------------------------------------------------------------
 */

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
    u->looked = false;
    for (size_t i = 0; i < n; i++)
        keys[i] = key_of(ex, records[i].id);
    shared->ops->get(shared, keys, n, ttl_of(ex), turn_now(&ex->worker->turn), on_got, u);
}

bool exchange_responses_ready(struct exchange *ex)
{
    struct responses_use *u = ex->responses;
    if (!u->asking && !u->looked) {
        u->looked = true;
        if (u->wanted_count && uses_database(ex))
            ask_database(ex, u);
    } else if (!u->asking && u->job) {
        take_rows(u);
    }
    return !u->asking;
}

bool exchange_responses_away(struct exchange *ex)
{
    if (!ex->responses->away)
        return false;
    failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503,
                "The database, which may have the response, is not available.");
    ex->failure.retry_after_s = 1;
    return true;
}

static void forget_shared(struct worker *w, struct slice key)
{
    w->shared->ops->del(w->shared, &key, 1, turn_now(&w->turn), NULL, NULL);
}

struct store_job *exchange_responses_forget(struct exchange *ex, struct slice id)
{
    struct store_job *job = ex->worker->store ? store_job_new(ex->worker->store) : NULL;
    forget_shared(ex->worker, key_of(ex, id));
    if (job)
        responses_rows_delete(job, id);
    return job;
}

static void on_changed(void *user, enum store_table_id table, struct slice id)
{
    struct arena a;
    if (table != TABLE_LINTEL_RESPONSES || !id.n)
        return;
    arena_init(&a);
    forget_shared(user, ARENA_JOIN(&a, SLICE(KEY_PREFIX), id));
    arena_fini(&a);
}

void exchange_responses_listen(struct worker *w, bool on)
{
    if (w->store && on)
        store_watch(w->store, on_changed, w);
    else if (w->store)
        store_unwatch(w->store, w);
}

void exchange_responses_cancel(struct exchange *ex)
{
    struct shared *shared = ex->worker->shared;
    struct responses_use *u = ex->responses;
    if (!u)
        return;
    if (u->job && u->asking)
        store_job_abandon(u->job);
    else if (u->job)
        store_job_free(u->job);
    else if (u->asking)
        shared->ops->forget(shared, u);
    u->job = NULL;
    u->asking = false;
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
    if (exchange_responses_away(ex))
        return false;
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
    struct responses_owner owner = owner_of(ex);
    if (kept && json_get(ex->read_body, "input"))
        u->begin = responses_record_begin(&owner, u->goes_on ? &u->named[0] : NULL, u->body,
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
    if (!exchange_responses_ready(ex))
        return false;
    if (!u->has_chain)
        ask_chain(ex, u);
    if (!exchange_responses_ready(ex))
        return false;
    if (!check(ex, u))
        return true;
    ex->read_body = expand(ex, u);
    begin_record(ex, u);
    return true;
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

static bool is_swamped(struct store *store)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return !stats.up || stats.waiting > JOBS_MAX;
}

static void put_row(struct exchange *ex, struct slice id, struct slice record)
{
    struct store *store = ex->worker->store;
    if (!uses_database(ex) || record.n > RESPONSES_ROW_MAX || is_swamped(store))
        return;
    struct store_job *job = store_job_new(store);
    responses_rows_put(job, id, record, clock_unix_ms() + ttl_of(ex));
    if (ex->config->redis.source) {
        store_submit(job, NULL, NULL);
        return;
    }
    submit(ex->responses, job);
    ex->facts &= ~(unsigned)FACT_TIMER;
    ex->deadline = turn_now(&ex->worker->turn) + RESPONSES_PATIENCE_MS;
}

bool exchange_responses_kept(struct exchange *ex)
{
    struct responses_use *u = ex->responses;
    if (!u || !u->job)
        return true;
    if (u->asking && !(ex->facts & FACT_TIMER))
        return false;
    if (!u->asking && store_job_status(u->job) != STORE_OK)
        log_warn("%s a response is not kept in the database: %s", ex->id, store_job_error(u->job));
    exchange_responses_cancel(ex);
    return true;
}

void exchange_responses_keep(struct exchange *ex, struct slice response)
{
    struct shared *shared = ex->worker->shared;
    struct slice id = responses_id(ex->answer.uuid, &ex->arena);
    struct buf record;
    if (!ex->responses || !ex->responses->begin.n || !response.n)
        return;
    buf_init(&record, RECORD_MAX);
    responses_record_end(ex->responses->begin, response, &record);
    if (!record.overflow) {
        shared->ops->put(shared, key_of(ex, id), buf_slice(&record), ttl_of(ex),
                         turn_now(&ex->worker->turn));
        put_row(ex, id, buf_slice(&record));
    }
    buf_fini(&record);
}
