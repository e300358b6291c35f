#ifndef STATE_STORE_PRIVATE_H
#define STATE_STORE_PRIVATE_H

/* Jobs and their statements, as the store's own files see them. A job belongs to the thread that
 * holds it: the loop builds it, the store's thread runs it, the loop reads it. */

#include "state/store.h"

enum statement_kind {
    STATEMENT_SELECT,
    STATEMENT_COUNT,
    STATEMENT_REPORT,
    STATEMENT_INSERT,
    STATEMENT_INSERT_NEW,
    STATEMENT_UPSERT,
    STATEMENT_UPDATE,
    STATEMENT_UPDATE_ROWS,
    STATEMENT_DELETE
};

struct condition {
    unsigned column; /* place in the table */
    enum store_test test;
    unsigned any;
    const char *path; /* inside a JSON column; NULL: all of it */
    struct store_value value;
    struct store_value *list; /* of STORE_IN */
    size_t list_count;
};

struct ordering {
    unsigned column; /* place in the answer (reports), else in the table */
    bool descending;
};

struct statement {
    enum statement_kind kind;
    const struct store_table *table;
    unsigned *columns; /* read, written, or grouped by */
    size_t column_count;
    unsigned *sums; /* of a report */
    size_t sum_count;
    int day;                    /* of a report: the column; -1: none */
    enum store_change *changes; /* of each written column */
    struct store_value *values; /* written: row after row */
    size_t row_count;
    struct condition *where;
    size_t where_count;
    struct ordering *order;
    size_t order_count;
    int64_t limit, offset;       /* limit 0: none, of a count */
    int64_t expect;              /* rows changed; < 0: any number */
    struct store_column *answer; /* columns of `rows` */
    size_t answer_count;
    struct store_rows rows;
};

/* A row that the job says to have changed. */
struct store_told {
    struct store_told *next;
    enum store_table_id table;
    struct slice key;
};

struct store_job {
    struct list link; /* of the store's queues */
    struct store *store;
    struct arena arena;
    struct statement *statements;
    size_t count, size;
    struct store_told *told;
    store_done *done; /* NULL: nobody waits */
    void *user;
    bool running; /* between submit and done */
    bool abandoned;
    enum store_status status;
    size_t failed; /* the statement that did; count: none of them */
    bool uncertain;
    char error[256];
};

/* ---- store.c --------------------------------------------------------------------------------- */

const char *store_name(const struct store *s); /* no other's on this database: of what it tells */

/* ---- store_value.c --------------------------------------------------------------------------- */

/* What a database says of a column of that type. */
struct store_value store_value_from_text(enum store_type type, struct slice text, struct arena *a);

/* ---- store_job.c ----------------------------------------------------------------------------- */

/* Without a store, for its own use; store_job_new adds one. */
void store_job_init(struct store_job *job);
void store_job_fini(struct store_job *job);

/* Many rows at once. `columns` are names; `changes` NULL: all STORE_SET; `values` are referred to,
 * row after row, and must live as long as the job (its arena). */
size_t store_insert_rows(struct store_job *job, enum statement_kind kind, enum store_table_id table,
                         const char *const *columns, const enum store_change *changes,
                         size_t column_count, struct store_value *values, size_t row_count);

/* Likewise: rows that are there are changed, each named by the table's key, whose columns come
 * first; the others are left so. */
size_t store_update_rows(struct store_job *job, enum store_table_id table,
                         const char *const *columns, const enum store_change *changes,
                         size_t column_count, struct store_value *values, size_t row_count);

bool statement_reads(const struct statement *st);
bool store_job_reads(const struct store_job *job); /* all of its statements */

#endif
