#ifndef STATE_STORE_H
#define STATE_STORE_H

/* The database: keys, users, teams, budgets, models and what was spent. SQLite, PostgreSQL, or
 * MariaDB/MySQL; the tables are LiteLLM's (store_table.h), so that it runs on a database which
 * LiteLLM made.
 *
 * One thread per process talks to the database, with blocking calls; the loop never waits for it.
 * A caller puts statements together in a job, submits it, and is called back from a later turn:
 *
 *     struct store_job *job = store_job_new(worker->store);
 *     store_select(job, &(struct store_query){
 *         .table = TABLE_VERIFICATION_TOKEN,
 *         .where = &(struct store_where){"token", STORE_EQ, store_text(hash)}, .where_count = 1});
 *     store_submit(job, on_key, ex);              … on_key deposits: ex->job = job, mark
 *     store_rows_at(store_job_rows(job, 0), 0, "max_budget") … and in the step
 *     store_job_free(job);
 *
 * A job is one transaction: all of its statements hold, or none. Jobs of a process run in the order
 * of their submission. At most STORE_JOBS_MAX wait; one more is answered STORE_BUSY.
 *
 * With the database away the gateway serves on: jobs are answered STORE_UNAVAILABLE, at once when
 * that is known, else after the driver's time limit; the thread tries to connect again after 0.5 to
 * 15 s. Each change is one line in the log. What was spent does not come this way: state/spend.h.
 *
 * worker->store is NULL when no database is configured.
 *
 * The loop's thread only, but for what store_table.h gives. */

#include "base/json.h"
#include "io/turn.h"
#include "state/store_table.h"

struct store;
struct store_job;

#define STORE_JOBS_MAX       4096  /* that wait in a process */
#define STORE_STATEMENTS_MAX 2048  /* of a job */
#define STORE_ROWS_MAX       10000 /* of an answer; beyond them: store_rows.more */
#define STORE_LIST_MAX       1000  /* values of a STORE_IN */

/* ---- values ---------------------------------------------------------------------------------- */

/* One cell. `type` is the column's: values of another type are refused by an assertion, except that
 * any column that may be empty takes store_null(), and integers go into STORE_FLOAT columns too. */
struct store_value {
    enum store_type type;
    bool null;
    union {
        int64_t integer;   /* STORE_INTEGER; STORE_TIME: ms since 1970, UTC */
        double number;     /* STORE_FLOAT */
        bool flag;         /* STORE_BOOL */
        struct slice text; /* STORE_TEXT; STORE_JSON, STORE_TEXTS: as JSON, the latter a list of
                              strings */
    };
};

static inline struct store_value store_null(void)
{
    return (struct store_value){.null = true};
}

static inline struct store_value store_text(struct slice text)
{
    return (struct store_value){.type = STORE_TEXT, .text = text};
}

static inline struct store_value store_integer(int64_t value)
{
    return (struct store_value){.type = STORE_INTEGER, .integer = value};
}

static inline struct store_value store_number(double value)
{
    return (struct store_value){.type = STORE_FLOAT, .number = value};
}

static inline struct store_value store_flag(bool value)
{
    return (struct store_value){.type = STORE_BOOL, .flag = value};
}

static inline struct store_value store_json(struct slice json)
{
    return (struct store_value){.type = STORE_JSON, .text = json};
}

static inline struct store_value store_texts(struct slice json_list)
{
    return (struct store_value){.type = STORE_TEXTS, .text = json_list};
}

static inline struct store_value store_time(int64_t unix_ms)
{
    return (struct store_value){.type = STORE_TIME, .integer = unix_ms};
}

/* What a client wrote, as the column wants it: JSON null for any, numbers, booleans, strings; times
 * as ISO 8601 with or without zone (none: UTC); anything for STORE_JSON. False: of another kind. */
bool store_value_from_json(const struct store_column *column, yyjson_val *json, struct arena *a,
                           struct store_value *value);

/* A cell as LiteLLM shows it: times as "2026-11-21T06:11:48.123000Z". */
void store_value_write(struct json_writer *w, const struct store_value *value);

/* ---- statements ------------------------------------------------------------------------------ */

/* Everything is copied at the call. Columns are named; a name that the table has not is an
 * assertion (names that a client chose: ask store_column_find first). Each returns the statement's
 * place in the job, for store_job_rows. */

enum store_test {
    STORE_EQ,
    STORE_NE,
    STORE_LT,
    STORE_LE,
    STORE_GT,
    STORE_GE,
    STORE_IS_NULL,
    STORE_NOT_NULL,
    STORE_HOLDS, /* text columns: the value is part of it, whatever the case of its letters */
    STORE_HAS,   /* STORE_TEXTS columns, and JSON columns that are lists: the text is in the list */
    STORE_IN     /* value: store_texts(["a","b"]), at most STORE_LIST_MAX; an empty list: nothing */
};

struct store_where {
    const char *column; /* of a JSON column also a member, as text: "metadata.status" */
    enum store_test test;
    struct store_value value;
    unsigned any; /* conditions that share a number other than 0 are joined by OR; all others by
                     AND. They stand beside each other. */
};

struct store_order {
    const char *column;
    bool descending; /* cells that are empty come last, either way */
};

struct store_query {
    enum store_table_id table;
    const char *const *columns; /* NULL: all */
    size_t column_count;
    const struct store_where *where;
    size_t where_count;
    const struct store_order *order;
    size_t order_count;
    int64_t limit; /* 0: STORE_ROWS_MAX */
    int64_t offset;
};

size_t store_select(struct store_job *job, const struct store_query *query);
/* One cell, "count": the rows, or `limit` when there are more (0: however many). */
size_t store_count(struct store_job *job, const struct store_query *query);

/* Sums by group: a report. The answer's columns are `by`, `sums`, then "count" (rows of the group).
 * `order` names any of these. With no `by` there is exactly one row. Sums of nothing are 0. */
struct store_report {
    struct store_query query; /* its columns are not looked at */
    const char *const *by;
    size_t by_count;
    const char *const *sums;
    size_t sum_count;
    const char *day; /* a STORE_TIME column: one more group, by its day ("2026-11-21", UTC, text),
                        in front of the others under the column's name; NULL: none */
};

size_t store_report(struct store_job *job, const struct store_report *report);

enum store_change {
    STORE_SET,
    STORE_ADD, /* numbers: old + value, in the database */
    STORE_ONCE /* upserts: only when the row is new */
};

struct store_cell {
    const char *column;
    struct store_value value;
    enum store_change change;
};

/* `updated_at` is set to now where a table has it and the cells do not; so is, in new rows,
 * `created_at`. Columns that are not named get the table's initial value. */
size_t store_insert(struct store_job *job, enum store_table_id table,
                    const struct store_cell *cells, size_t n);
/* Inserts, or changes the row that has the same key (store_table.key) by the cells' `change`. */
size_t store_upsert(struct store_job *job, enum store_table_id table,
                    const struct store_cell *cells, size_t n);
/* Inserts unless there is such a row already. */
size_t store_insert_new(struct store_job *job, enum store_table_id table,
                        const struct store_cell *cells, size_t n);
/* where_count 0 is an assertion, here and in store_delete. */
size_t store_update(struct store_job *job, enum store_table_id table,
                    const struct store_cell *cells, size_t n, const struct store_where *where,
                    size_t where_count);
size_t store_delete(struct store_job *job, enum store_table_id table,
                    const struct store_where *where, size_t where_count);

/* The last statement must change exactly so many rows: otherwise the job is undone, STORE_CONFLICT.
 * This is how one of several processes gets to do a thing (reset a budget, rotate a key): update
 * where the old value is still there, expect 1. */
void store_expect(struct store_job *job, int64_t rows);

/* ---- jobs ------------------------------------------------------------------------------------ */

enum store_status {
    STORE_OK,
    STORE_BUSY,        /* too many jobs wait; nothing was done */
    STORE_UNAVAILABLE, /* the database is away; when it went away while the job was being committed
                          nobody knows whether it was done (store_job_uncertain) */
    STORE_CONFLICT,    /* a key or a unique column exists already, or store_expect */
    STORE_REFERENCE,   /* the database insists on a row elsewhere that is not there (or is) */
    STORE_REFUSED      /* the database refuses it; store_job_error says why, for the log */
};

/* Called from a turn, never from inside store_submit. It only deposits; the job is the caller's
 * again, with its rows. */
typedef void store_done(void *user, struct store_job *job);

struct store_job *store_job_new(struct store *s);
struct arena *store_job_arena(struct store_job *job); /* for what lives as long as the job */
void store_job_free(struct store_job *job);           /* not while it runs; NULL is fine */

/* `done` NULL: nobody waits, the job is freed when it is over, a failure is logged. */
void store_submit(struct store_job *job, store_done *done, void *user);
/* The caller of a running job is gone: it is not called back, the job frees itself. What the job
 * writes is written all the same. */
void store_job_abandon(struct store_job *job);

enum store_status store_job_status(const struct store_job *job);
size_t store_job_failed(const struct store_job *job); /* of STORE_CONFLICT, STORE_REFERENCE and
                                                          STORE_REFUSED: the statement it met */
bool store_job_uncertain(const struct store_job *job);
const char *store_job_error(const struct store_job *job); /* one line for the log; "" when OK */

struct store_rows {
    const struct store_column *columns; /* named as asked; of a report: as said there */
    size_t column_count;
    size_t count;               /* rows */
    struct store_value *values; /* row after row; live as long as the job */
    int64_t changed;            /* rows that an insert, update or delete touched; what it says of
                                   store_upsert and store_insert_new differs from database to
                                   database */
    bool more;                  /* there were more than STORE_ROWS_MAX */
};

/* Of a job that is STORE_OK. */
const struct store_rows *store_job_rows(const struct store_job *job, size_t statement);

/* `row` < count; a column that was not asked for is an assertion. */
const struct store_value *store_rows_at(const struct store_rows *rows, size_t row,
                                        const char *column);
/* Text of a cell; p == NULL: empty. Likewise numbers: 0, and false. */
struct slice store_rows_text(const struct store_rows *rows, size_t row, const char *column);
double store_rows_number(const struct store_rows *rows, size_t row, const char *column);
bool store_rows_flag(const struct store_rows *rows, size_t row, const char *column);

/* The members of a row, in the order of its columns; the caller writes { and }. */
void store_row_write(struct json_writer *w, const struct store_rows *rows, size_t row);

/* ---- who changed what: caches of other processes -------------------------------------------- */

/* Tells every process on this database, this one included, that a row changed: part of the job, so
 * told if and only if the job holds. */
void store_tell(struct store_job *job, enum store_table_id table, struct slice key);

/* Called from a turn for each change told by anyone, within STORE_POLL_MS, at least once; of those
 * of its own jobs only at once, before the job's `done` is called. `key` empty: anything may have
 * changed (the database was away). It only deposits. LiteLLM, on the same database, tells nobody:
 * entries of a cache need an end of their own. */
typedef void store_changed(void *user, enum store_table_id table, struct slice key);
#define STORE_WATCHERS_MAX 8
#define STORE_POLL_MS      500
void store_watch(struct store *s, store_changed *changed, void *user);
void store_unwatch(struct store *s, const void *user);

/* Called from a turn when a job of this store that told something held: whoever knows a faster way
 * to the other processes may have them look at once. It only deposits. */
typedef void store_spoke(void *user);
void store_on_spoken(struct store *s, store_spoke *spoke, void *user);
void store_look(struct store *s);

/* ---- the store itself ------------------------------------------------------------------------ */

struct store_options {
    const char *url;        /* see below */
    const char *directory;  /* of the default SQLite file and the spool; made when it is missing */
    bool keep_schema;       /* make no tables, add no columns: what is missing makes the database
                               unavailable. disable_prisma_schema_update */
    double connect_timeout; /* seconds; 0: 5 */
    double socket_timeout;  /* seconds for one statement; 0: 30 */
    double write_interval;  /* seconds between writes of spend to the database; 0: 0.1 */
    int64_t spool_bytes;    /* most bytes of the spool of a process; 0: 1 GiB */
};

/* `url`:
 *   sqlite, sqlite://             lintel.db in the directory
 *   sqlite:///relative/file.db    sqlite:////absolute/file.db    file:… likewise
 *   postgresql://user:password@host:port/database?schema=public&sslmode=require&…
 *   mysql://user:password@host:port/database?ssl-mode=REQUIRED&…     mariadb:// likewise
 * Parameters of Prisma that have no meaning here (connection_limit, pool_timeout, pgbouncer, …) are
 * passed over. NULL: it can be used; else what is wrong with it, without its password, valid until
 * the next call. */
const char *store_url_problem(const char *url);

/* Starts the thread; connecting, and making tables, is its business. After fork, once per process.
 * NULL: `error` says why (the URL, the directory), for people; valid until the next call. */
struct store *store_open(struct turn *turn, const struct store_options *options,
                         const char **error);
/* Waits for the jobs that wait and for the spool to be written, `deadline_ms` at most; what the
 * database did not take is in the spool. Callbacks are not called any more. The loop must run once
 * more after. NULL is fine. */
void store_close(struct store *s, int64_t deadline_ms);

bool store_is_up(const struct store *s); /* connected, as far as is known */

struct store_stats {
    const char *kind; /* "sqlite", "postgresql", "mysql" */
    bool up;
    uint64_t jobs, failed;  /* done so far; of these not STORE_OK */
    uint64_t waiting;       /* jobs */
    uint64_t spend_taken;   /* requests handed in */
    uint64_t spend_written; /* of these in the database */
    uint64_t spend_dropped; /* of these lost: the spool was full or could not be written */
    uint64_t spend_refused; /* of these in the file *.refused: the database will not have them */
    uint64_t spend_settled; /* of `spend_taken`, in that order: written, refused or lost by now;
                               the two above also count what earlier processes left */
    uint64_t spool_bytes;   /* that the database has not taken yet */
    uint64_t connects;      /* connections made so far */
};

void store_stats(const struct store *s, struct store_stats *stats);

/* How long the database took, for who wants to know (store_keep_times): what there was since the
 * last call, at most STORE_TIMES_MAX of them; what came beyond is left out. */
enum store_work { STORE_WORK_JOB, STORE_WORK_SPEND }; /* the latter: a batch of the spool */
struct store_time {
    enum store_work work;
    enum store_status status;
    uint64_t us;
};
#define STORE_TIMES_MAX 1024
void store_keep_times(struct store *s);
size_t store_take_times(struct store *s, struct store_time times[STORE_TIMES_MAX]);

#endif
