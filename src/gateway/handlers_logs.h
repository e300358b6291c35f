#ifndef GATEWAY_HANDLERS_LOGS_H
#define GATEWAY_HANDLERS_LOGS_H

/* A page of requests, or of sessions: what handlers_logs.c read out of the query string. */

#include "report.h"

#define LOGS_COUNT_MAX 10000 /* rows are counted up to that */

struct logs_page {
    int64_t number, size;
    struct store_order order;
    struct report_filter filter;
    struct slice status; /* of sessions; requests have it in the filter */
};

/* Without messages, response, proxy_server_request. */
extern const char *const logs_columns[];
extern const size_t logs_column_count;

/* "total", "page", …; the members behind "data". */
void logs_write_total(struct json_writer *w, const struct logs_page *p, int64_t count);

/* handlers_sessions.c: the page's sessions, each by its newest request. */
void sessions_list(struct exchange *ex, const struct logs_page *p);

/* … the rows of the job that `next` would be called for, with what their sessions were. */
void sessions_tell(struct exchange *ex, const struct logs_page *p, int64_t count,
                   const struct store_rows *rows);

#endif
