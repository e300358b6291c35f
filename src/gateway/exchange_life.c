/* Where an exchange comes from and where it goes: the head of a request makes it, its connection
 * deposits what else comes, and once it is DONE the turn frees it. What happens in between is
 * exchange.c's. */

#include "exchange_life.h"

#include "exchange_auth.h"
#include "exchange_batch.h"
#include "exchange_claim.h"
#include "exchange_guard.h"
#include "exchange_observe.h"
#include "exchange_pass.h"
#include "exchange_raw.h"
#include "exchange_resume.h"
#include "reply.h"
#include "worker_private.h"

#include <stdlib.h>

#define OUT_MAX  (256u * 1024 * 1024) /* bytes; a frame is at most 24 MiB, escaped six-fold */
#define MEBIBYTE (1024 * 1024)

static void *on_head(void *server, struct conn *c, const struct http_head *head)
{
    struct worker *w = server;
    struct exchange *ex = calloc(1, sizeof(*ex));
    if (!ex)
        abort();
    ex->worker = w;
    ex->config = config_ref(w->config);
    ex->conn = c;
    ex->head = head;
    arena_init(&ex->arena);
    arena_init(&ex->prompt);
    buf_init(&ex->body, (size_t)ex->config->settings.max_request_size_mb * MEBIBYTE);
    buf_init(&ex->upstream_body, 0);
    buf_init(&ex->out, OUT_MAX);
    llm_request_init(&ex->request);
    llm_fold_init(&ex->fold, &ex->arena);
    random_uuid(ex->id);
    http1_reply_init(&ex->reply, head);
    exchange_begin(ex);
    return ex;
}

void exchange_release(struct turn_grave *grave)
{
    struct exchange *ex = LIST_ENTRY(grave, struct exchange, grave);
    if (ex->decoder)
        ex->provider->fini(ex->decoder);
    plan_undo_free(ex->undo, exchange_sink(ex));
    llm_resume_fini(&ex->resuming.answer);
    llm_fold_fini(&ex->fold);
    thinking_capture_fini(&ex->thinking);
    exchange_batch_free(ex);
    exchange_observe_free(ex);
    audience_release(ex);
    exchange_raw_end(ex);
    exchange_guard_free(ex);
    buf_fini(&ex->body);
    buf_fini(&ex->upstream_body);
    buf_fini(&ex->out);
    exchange_budget_free(ex);
    arena_fini(&ex->prompt);
    exchange_auth_free(ex);
    arena_fini(&ex->arena);
    config_unref(ex->config);
    free(ex);
}

/* ---- deposits ------------------------------------------------------------------------------ */

void exchange_deposit(struct exchange *ex, unsigned facts)
{
    ex->facts |= facts;
    turn_mark(&ex->worker->turn, &ex->item);
}

static void on_body(void *user, struct slice bytes)
{
    struct exchange *ex = user;
    buf_add(&ex->body, bytes);
    if (ex->pass)
        exchange_pass_body(ex, bytes);
    if (ex->body.overflow)
        exchange_deposit(ex, 0);
}

static void on_body_end(void *user)
{
    exchange_deposit(user, FACT_BODY_END);
}

static void on_body_failed(void *user, int status, const char *reason)
{
    struct exchange *ex = user;
    failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, status, "%s", reason);
    exchange_deposit(ex, FACT_BODY_BAD);
}

static void on_room(void *user)
{
    exchange_deposit(user, FACT_ROOM);
}

static void on_gone(void *user)
{
    struct exchange *ex = user;
    ex->conn = NULL;
    ex->head = NULL;
    exchange_deposit(ex, FACT_GONE);
}

const struct conn_events exchange_conn_events = {
    .head = on_head,
    .body = on_body,
    .body_end = on_body_end,
    .body_failed = on_body_failed,
    .room = on_room,
    .gone = on_gone,
    .refusal = reply_refusal,
};

void exchange_expire(struct exchange *ex, int64_t now)
{
    if (ex->deadline && now >= ex->deadline) {
        ex->deadline = 0;
        exchange_deposit(ex, FACT_TIMER);
    }
    exchange_limits_renew(ex, now);
    exchange_claim_tick(ex, now);
}
