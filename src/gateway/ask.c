/* Answers of our own, in as many steps as they need.
 *
 * The happy path: the handler asks the database, the job's end is deposited, and the next step
 * writes the body. Failure modes: no database, one that is away or refuses (each its own answer),
 * and a client that leaves, whose job goes on without it. */

#include "ask.h"

#include "access.h"
#include "audit.h"
#include "base/log.h"
#include "exchange_request.h"
#include "worker_private.h"

#include <stdlib.h>

#define ANSWER_MAX (256u * 1024 * 1024) /* bytes of a body */

struct store_job *ask_new(struct exchange *ex)
{
    if (ex->worker->store)
        return store_job_new(ex->worker->store);
    failure_set(&ex->failure, &ex->arena, FAILURE_INTERNAL, 500,
                "Database not connected. Set general_settings.database_url (or DATABASE_URL).");
    return NULL;
}

void ask_wait(struct exchange *ex, bool (*ready)(struct exchange *ex), answer_next *next,
              void (*end)(struct exchange *ex))
{
    if (ex->own.end)
        ex->own.end(ex);
    ex->own.ready = ready;
    ex->own.next = next;
    ex->own.end = end;
}

void ask_headers(struct exchange *ex, const struct http_header *headers, size_t n)
{
    struct http_header *copy = arena_alloc(&ex->arena, n * sizeof(*copy));
    memcpy(copy, headers, n * sizeof(*copy));
    ex->own.headers = (struct http_headers){copy, n};
}

static bool has_polled(struct exchange *ex)
{
    bool polled = ex->own.polled;
    if (!polled)
        turn_mark_later(&ex->worker->turn, &ex->item);
    ex->own.polled = true;
    return polled;
}

void ask_later(struct exchange *ex, answer_next *next)
{
    ex->own.polled = false;
    ex->own.ready = has_polled;
    ex->own.next = next;
}

/* ---- the database -------------------------------------------------------------------------- */

static void on_done(void *user, struct store_job *job)
{
    struct exchange *ex = user;
    ex->own.running = false;
    exchange_deposit(ex, 0);
}

static bool job_is_done(struct exchange *ex)
{
    return !ex->own.running;
}

static void end_job(struct exchange *ex)
{
    if (ex->own.running)
        store_job_abandon(ex->own.job);
    else
        store_job_free(ex->own.job);
    ex->own.job = NULL;
    ex->own.running = false;
}

const struct store_rows *ask_rows(const struct exchange *ex, size_t statement)
{
    return store_job_rows(ex->own.job, statement);
}

const struct store_rows *ask_keep(struct exchange *ex, size_t statement)
{
    struct own_answer *own = &ex->own;
    const struct store_rows *rows = store_job_rows(own->job, statement);
    if (own->kept_count == ASK_KEPT_MAX)
        abort();
    own->kept[own->kept_count++] = own->job;
    own->job = NULL;
    return rows;
}

yyjson_val *ask_body(struct exchange *ex)
{
    yyjson_val *v = ex->own.given ? ex->own.given : exchange_parse_body(ex);
    ex->own.given = v;
    if (v && !yyjson_is_obj(v))
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 422,
                    "the request body must be a JSON object, not %s", json_type_name(v));
    return yyjson_is_obj(v) ? v : NULL;
}

static void refuse_job(struct exchange *ex, enum store_status status)
{
    if (status == STORE_UNAVAILABLE || status == STORE_BUSY) {
        failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503, "%s",
                    status == STORE_BUSY ? "The database is busy: too many questions wait."
                                         : "The database is not available.");
        ex->failure.retry_after_s = 1;
        return;
    }
    log_error("%s database: %s", ex->id, store_job_error(ex->own.job));
    failure_set(&ex->failure, &ex->arena, FAILURE_INTERNAL, 500,
                "The database refused the request; the gateway's log says why (%s).", ex->id);
}

static void go_on(struct exchange *ex, struct buf *body)
{
    enum store_status status = store_job_status(ex->own.job);
    bool conflict = status == STORE_CONFLICT || status == STORE_REFERENCE;
    if (ex->audit)
        audit_settle(ex, status == STORE_OK);
    if (status == STORE_OK || (conflict && ex->own.conflicts))
        ex->own.with_rows(ex, body);
    else
        refuse_job(ex, status);
}

static void ask(struct exchange *ex, struct store_job *job, answer_next *next, bool conflicts)
{
    ask_wait(ex, job_is_done, go_on, end_job);
    ex->own.job = job;
    ex->own.with_rows = next;
    ex->own.conflicts = conflicts;
    ex->own.running = true;
    store_submit(job, on_done, ex);
}

void ask_store(struct exchange *ex, struct store_job *job, answer_next *next)
{
    ask(ex, job, next, false);
}

void ask_store_conflict(struct exchange *ex, struct store_job *job, answer_next *next)
{
    ask(ex, job, next, true);
}

/* ---- the state ----------------------------------------------------------------------------- */

bool ask_step(struct exchange *ex)
{
    struct own_answer *own = &ex->own;
    if (!ex->entered) {
        buf_init(&own->body, ANSWER_MAX);
        access_handle(ex, &own->body);
    }
    while (own->ready && own->ready(ex)) { /* it may be at once */
        own->ready = NULL;
        own->next(ex, &own->body);
    }
    return !own->ready;
}

void ask_end(struct exchange *ex)
{
    if (ex->own.end)
        ex->own.end(ex);
    ex->own.end = NULL;
    ex->own.ready = NULL;
    while (ex->own.kept_count)
        store_job_free(ex->own.kept[--ex->own.kept_count]);
    buf_fini(&ex->own.body);
}
