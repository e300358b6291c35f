#include "exchange_fetch.h"

#include "fetch.h"
#include "worker_private.h"

static void on_fetched(void *user)
{
    struct exchange *ex = user;
    ex->fetch = NULL;
    turn_mark(&ex->worker->turn, &ex->item);
}

static void start(struct exchange *ex)
{
    const struct fetch_job job = {
        .upstream = ex->worker->upstream,
        .turn = &ex->worker->turn,
        .config = ex->config,
        .request = &ex->request,
        .arena = &ex->prompt,
        .failure = &ex->failure,
        .message = &ex->arena,
        .over = on_fetched,
        .user = ex,
    };
    unsigned ms = config_milliseconds(ex->config->settings.fetch_timeout);
    ex->fetch = fetch_start(&job);
    ex->deadline = ex->fetch && ms ? turn_now(&ex->worker->turn) + ms : 0;
}

/* The one timer of the state is the limit of the whole fetch. */
bool exchange_fetch(struct exchange *ex)
{
    if (!ex->entered)
        start(ex);
    if (ex->fetch && ex->facts & FACT_TIMER) {
        fetch_expire(ex->fetch);
        ex->fetch = NULL;
    }
    if (ex->fetch)
        return false;
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
    return true;
}

void exchange_fetch_cancel(struct exchange *ex)
{
    if (ex->fetch)
        fetch_cancel(ex->fetch);
    ex->fetch = NULL;
}
