/* Responses that are kept: GET and DELETE /v1/responses/{id}, …/input_items, …/cancel.
 *
 * Happy path: the record is asked for by the id in the path, and what is wanted of it written.
 * Failure modes: no such record, or somebody else's: 404; a database that may have it is away: 503.
 * Nothing is made in the background, so
 * there is nothing to cancel or to go on with. */

#include "ask.h"
#include "exchange_responses.h"
#include "handlers.h"
#include "query.h"
#include "wire/crypto.h"

#define PAGE_MAX     100
#define PAGE_DEFAULT 20

static void fetch(struct exchange *ex, answer_next *next)
{
    struct responses_record *r = ARENA_NEW(&ex->arena, struct responses_record);
    r->id = percent_decode(ex->route_item, &ex->arena);
    exchange_responses_ask(ex, r, 1);
    ask_wait(ex, exchange_responses_ready, next, exchange_responses_cancel);
}

/* NULL: the failure is set. */
static const struct responses_record *found(struct exchange *ex)
{
    const struct responses_record *r = ex->responses->wanted;
    if (r->json)
        return r;
    if (exchange_responses_away(ex))
        return NULL;
    failure_set(&ex->failure, &ex->arena, FAILURE_NOT_FOUND, 404,
                "Response with id '%.*s' not found.", SLICE_ARG(r->id));
    return NULL;
}

/* ---- GET /v1/responses/{id} --------------------------------------------------------------------
 */

static void write_response(struct exchange *ex, struct buf *body)
{
    const struct responses_record *r = found(ex);
    struct json_writer w;
    json_begin(&w, body);
    if (r)
        json_value(&w, json_get(r->json, "response"));
}

void handle_response(struct exchange *ex, struct buf *body)
{
    if (query_flag(ex->head->query, "stream", &ex->arena)) {
        failure_bad_param(&ex->failure, &ex->arena, "stream",
                          "stream: only responses made in the background can be streamed again");
        return;
    }
    fetch(ex, write_response);
}

/* ---- DELETE /v1/responses/{id} -----------------------------------------------------------------
 */

static void write_deleted(struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "id", ex->responses->wanted->id);
    json_member_string(&w, "object", SLICE("response"));
    json_member_bool(&w, "deleted", true);
    json_object_end(&w);
}

static void delete_record(struct exchange *ex, struct buf *body)
{
    const struct responses_record *r = found(ex);
    struct store_job *job = r ? exchange_responses_forget(ex, r->id) : NULL;
    if (job)
        ask_store(ex, job, write_deleted);
    else if (r)
        write_deleted(ex, body);
}

void handle_response_delete(struct exchange *ex, struct buf *body)
{
    fetch(ex, delete_record);
}

/* ---- GET /v1/responses/{id}/input_items --------------------------------------------------------
 */

static bool read_page(struct exchange *ex, struct responses_page *page)
{
    struct slice limit = query_get(ex->head->query, "limit", &ex->arena);
    struct slice order = query_get(ex->head->query, "order", &ex->arena);
    int64_t n = PAGE_DEFAULT;
    if (limit.p && (!slice_to_i64(limit, &n) || n < 1 || n > PAGE_MAX))
        return failure_bad_param(&ex->failure, &ex->arena, "limit",
                                 "limit: must be an integer from 1 to %d", PAGE_MAX);
    page->limit = (size_t)n;
    page->descending = !slice_eq(order, SLICE("asc"));
    page->after = query_get(ex->head->query, "after", &ex->arena);
    return true;
}

static void write_items(struct exchange *ex, struct buf *body)
{
    const struct responses_record *r = found(ex);
    struct responses_page page;
    struct json_writer w;
    json_begin(&w, body);
    if (r && read_page(ex, &page))
        responses_write_input(r, &page, &w);
}

void handle_response_items(struct exchange *ex, struct buf *body)
{
    fetch(ex, write_items);
}

/* ---- POST /v1/responses/{id}/cancel ------------------------------------------------------------
 */

static void refuse_cancel(struct exchange *ex, struct buf *body)
{
    if (found(ex))
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400,
                    "Cannot cancel a synchronous response.");
}

void handle_response_cancel(struct exchange *ex, struct buf *body)
{
    fetch(ex, refuse_cancel);
}
