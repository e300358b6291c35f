#include "control.h"

bool control_owns(const struct http_head *head)
{
    return slice_starts(head->path, SLICE("/_sim/"));
}

static uint64_t last_of(struct slice query)
{
    int64_t last;
    while (query.n) {
        const struct slice pair = slice_split(&query, '&');
        if (slice_starts(pair, SLICE("last=")) && slice_to_i64(slice_skip(pair, 5), &last) &&
            last > 0)
            return (uint64_t)last;
    }
    return JOURNAL_ENTRIES;
}

int control_answer(struct journal *j, struct service *s, const struct http_head *head, int64_t now,
                   struct buf *out)
{
    const bool get = slice_eq(head->method, SLICE("GET"));
    const struct slice path = head->path;
    if (get && slice_eq(path, SLICE("/_sim/health"))) {
        BUF_LITERAL(out, "{\"status\":\"ok\"}");
    } else if (get && slice_eq(path, SLICE("/_sim/stats"))) {
        journal_write_stats(j, &s->quota, &s->told, now, out);
    } else if (get && slice_eq(path, SLICE("/_sim/requests"))) {
        journal_write_requests(j, last_of(head->query), out);
    } else if (!get && slice_eq(path, SLICE("/_sim/reset"))) {
        journal_reset(j);
        service_reset(s);
        BUF_LITERAL(out, "{\"status\":\"reset\"}");
    } else {
        BUF_LITERAL(out, "{\"message\":\"no such route\"}");
        return 404;
    }
    return 200;
}
