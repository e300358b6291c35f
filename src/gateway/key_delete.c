#include "key_delete.h"

#include "audit.h"
#include "worker_private.h"

void key_delete(struct exchange *ex, struct store_job *job, const struct store_rows *rows,
                size_t row)
{
    struct slice hash = store_rows_text(rows, row, "token");
    struct store_where where = admin_where("token", hash);
    struct admin_cells cells = {.n = 0};
    admin_copy_deleted(ex, rows, row, TABLE_DELETED_VERIFICATION_TOKEN, &cells);
    store_insert(job, TABLE_DELETED_VERIFICATION_TOKEN, cells.v, cells.n);
    store_delete(job, TABLE_VERIFICATION_TOKEN, &where, 1);
    store_tell(job, TABLE_VERIFICATION_TOKEN, hash);
    audit_gone(ex, job, TABLE_VERIFICATION_TOKEN, rows, row);
}

/* ---- many ------------------------------------------------------------------------------------ */

static void select_some(struct exchange *ex, struct buf *body);

static void delete_some(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    const struct key_sweep *s = ex->own.state;
    struct store_job *job;
    if (!rows->count) {
        s->then(ex, body);
        return;
    }
    job = ask_new(ex);
    for (size_t i = 0; i < rows->count; i++)
        key_delete(ex, job, rows, i);
    ask_store(ex, job, select_some);
}

static void select_some(struct exchange *ex, struct buf *body)
{
    const struct key_sweep *s = ex->own.state;
    struct store_job *job = ask_new(ex);
    store_select(job, &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                            .where = s->where,
                                            .where_count = s->where_count,
                                            .limit = KEY_DELETE_MAX});
    ask_store(ex, job, delete_some);
}

void key_sweep_begin(struct exchange *ex, const struct store_where *where, size_t where_count,
                     answer_next *then)
{
    struct key_sweep *s = ex->own.state;
    *s = (struct key_sweep){where, where_count, then};
    select_some(ex, NULL);
}
