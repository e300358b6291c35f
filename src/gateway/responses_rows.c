#include "responses_rows.h"

#define ROW   TABLE_LINTEL_RESPONSES
#define ID    "response_id"
#define EARLY 8 /* a row is written again once this part of its time is over */

/* Lives as long as the job. */
static struct store_value list_of(struct store_job *job, const struct slice *ids, size_t n)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, SIZE_MAX); /* ids of a request's body, which is bounded */
    json_begin(&w, &b);
    json_array(&w);
    for (size_t i = 0; i < n; i++)
        json_string(&w, ids[i]);
    json_array_end(&w);
    struct slice list = arena_dup(store_job_arena(job), buf_slice(&b));
    buf_fini(&b);
    return store_texts(list);
}

void responses_rows_put(struct store_job *job, struct slice id, struct slice record,
                        int64_t expires)
{
    struct store_cell cells[] = {{ID, store_text(id), STORE_SET},
                                 {"expires_at", store_time(expires), STORE_SET},
                                 {"record", store_text(record), STORE_SET}};
    store_upsert(job, ROW, cells, sizeof(cells) / sizeof(*cells));
}

size_t responses_rows_get(struct store_job *job, const struct slice *ids, size_t n, int64_t now)
{
    static const char *const columns[] = {ID, "record"};
    struct store_where where[] = {{ID, STORE_IN, list_of(job, ids, n), 0},
                                  {"expires_at", STORE_GT, store_time(now), 0}};
    return store_select(
        job,
        &(struct store_query){
            .table = ROW, .columns = columns, .column_count = 2, .where = where, .where_count = 2});
}

void responses_rows_prolong(struct store_job *job, const struct slice *ids, size_t n,
                            int64_t expires, int64_t ttl_ms)
{
    struct store_cell cell = {"expires_at", store_time(expires), STORE_SET};
    struct store_where where[] = {
        {ID, STORE_IN, list_of(job, ids, n), 0},
        {"expires_at", STORE_GT, store_time(expires - ttl_ms), 0},
        {"expires_at", STORE_LT, store_time(expires - ttl_ms / EARLY), 0},
    };
    store_update(job, ROW, &cell, 1, where, 3);
}

void responses_rows_delete(struct store_job *job, struct slice id)
{
    struct store_where where = {ID, STORE_EQ, store_text(id), 0};
    store_delete(job, ROW, &where, 1);
    store_tell(job, ROW, id);
}
