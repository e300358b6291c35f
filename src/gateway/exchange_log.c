#include "exchange_log.h"

#include "base/log.h"
#include "worker_private.h"

#define VALUE_MAX 1000 /* bytes of one value in a log line */

static void log_text(struct buf *line, const char *name, struct slice value)
{
    buf_add(line, slice_of(name));
    buf_add(line, slice_make(value.p, value.n < VALUE_MAX ? value.n : VALUE_MAX));
}

static void log_number(struct buf *line, const char *name, int64_t value)
{
    char digits[SLICE_DIGITS];
    log_text(line, name, slice_digits(value, digits));
}

/* Put together without printf: every request pays for it. */
static void write_log_line(const struct exchange *ex, struct buf *line)
{
    int64_t now = turn_now(&ex->worker->turn), begun = ex->times[EX_HEAD];
    char money[SLICE_MONEY];
    log_text(line, "", slice_of(ex->id));
    log_text(line, " ", ex->route ? slice_of(ex->route->path) : SLICE("-"));
    log_number(line, " status=", ex->status);
    log_text(line, " model=", ex->request.model);
    log_text(line, " deployment=", ex->deployment ? slice_of(ex->deployment->id) : SLICE("-"));
    log_number(line, " ms=", now - begun);
    log_number(line, " first_ms=", ex->first_event ? ex->first_event - begun : 0);
    log_number(line, " tokens=", llm_usage_prompt(&ex->usage));
    log_number(line, "/", ex->usage.output);
    if (ex->cost.total > 0)
        log_text(line, " cost=", slice_money(ex->cost.total, money));
    if (ex->usage.estimated)
        log_text(line, " usage=", SLICE("estimated"));
    if (ex->resuming.count)
        log_number(line, " resumed=", ex->resuming.count);
    if (ex->cache.hit)
        log_text(line, " cache=", ex->cache.joined ? SLICE("joined") : SLICE("hit"));
    if (ex->failure.kind != FAILURE_NONE)
        log_text(line, " error=", ex->failure.message);
}

void exchange_log(const struct exchange *ex)
{
    char room[4 * VALUE_MAX];
    struct buf line = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    enum log_level level =
        ex->route && ex->route->open ? LOG_DEBUG : LOG_INFO; /* probes are noise */
    if (!log_enabled(level))
        return;
    write_log_line(ex, &line);
    log_line(level, buf_slice(&line));
}
