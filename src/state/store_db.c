/* One connection, and jobs on it.
 *
 * Happy path: BEGIN, each statement's text is made and run, COMMIT; a single statement goes without
 * BEGIN and COMMIT.
 *
 * Failure modes: a deadlock: rolled back and tried again a few times, after short random waits. A
 * refused statement: rolled back, the job says why. A lost connection: closed; lost in COMMIT the
 * job says that nobody knows. */

#include "store_db.h"

#include "base/text.h"
#include "wire/crypto.h"

#include <stdio.h>
#include <time.h>

#define TRIES_MAX 6

void db_error_set(struct db_error *error, enum store_status status, const char *text)
{
    *error = (struct db_error){.status = status};
    snprintf(error->text, sizeof(error->text), "%s", text);
    text_clean(error->text, strlen(error->text));
    size_t n = slice_trim(slice_of(error->text)).n;
    if (n < sizeof(error->text))
        error->text[n] = '\0';
}

#define ROWS_FIRST 16

struct store_value *rows_add(struct store_rows *rows, struct arena *a)
{
    size_t cells = rows->column_count, n = rows->count;
    if (n == STORE_ROWS_MAX) {
        rows->more = true;
        return NULL;
    }
    if (n == 0 || (n >= ROWS_FIRST && (n & (n - 1)) == 0)) { /* full: twice the room */
        size_t room = n ? n * 2 : ROWS_FIRST;
        struct store_value *values = arena_alloc(a, room * cells * sizeof(*values));
        if (n)
            memcpy(values, rows->values, n * cells * sizeof(*values));
        rows->values = values;
    }
    rows->count++;
    return rows->values + n * cells;
}

/* ---- the connection -------------------------------------------------------------------------- */

void db_close(struct db *db)
{
    if (db->handle)
        db->address->driver->close(db->handle);
    db->handle = NULL;
}

bool db_connect(struct db *db, struct db_error *error)
{
    *error = (struct db_error){.status = STORE_UNAVAILABLE};
    db->handle = db->address->driver->open(db->address, &db->limits, error);
    if (!db->handle)
        return false;
    if (!db_make_tables(db, error)) {
        db_close(db);
        return false;
    }
    db->connects++;
    return true;
}

/* ---- statements ------------------------------------------------------------------------------ */

static void clear_rows(struct statement *st)
{
    st->rows = (struct store_rows){.columns = st->answer, .column_count = st->answer_count};
}

/* The statement asked for one row more than it wants. */
static void cut_rows(struct statement *st)
{
    if (statement_reads(st) && st->kind != STATEMENT_COUNT && st->rows.count > (size_t)st->limit) {
        st->rows.count = (size_t)st->limit;
        st->rows.more = st->limit == STORE_ROWS_MAX;
    }
}

static bool as_expected(const struct statement *st, struct db_error *error)
{
    if (st->expect < 0 || st->expect == st->rows.changed)
        return true;
    db_error_set(error, STORE_CONFLICT, "not as many rows as expected");
    return false;
}

static bool run_statement(struct db *db, struct statement *st, struct sql *sql, struct arena *a,
                          struct db_error *error)
{
    const struct store_driver *driver = db->address->driver;
    size_t step = sql_rows_at_once(driver->language, st), first = 0;
    clear_rows(st);
    do {
        size_t rows = st->row_count - first < step ? st->row_count - first : step;
        sql_make(sql, st, first, rows);
        if (!driver->run(db->handle, sql, a, &st->rows, error))
            return false;
        first += rows;
    } while (first < st->row_count);
    cut_rows(st);
    return as_expected(st, error);
}

/* ---- transactions ---------------------------------------------------------------------------- */

static bool is_single(const struct db *db, const struct store_job *job)
{
    const struct statement *st = job->statements;
    return job->count == 1 && st->expect < 0 &&
           st->row_count <= sql_rows_at_once(db->address->driver->language, st);
}

static bool run_all(struct db *db, struct store_job *job, struct db_error *error)
{
    struct sql sql;
    bool ok = true;
    sql_init(&sql, db->address->driver->language);
    for (job->failed = 0; ok && job->failed < job->count; job->failed += ok)
        ok = run_statement(db, &job->statements[job->failed], &sql, &job->arena, error);
    sql_fini(&sql);
    return ok;
}

static bool run_transaction(struct db *db, struct store_job *job, struct db_error *error)
{
    const struct store_driver *driver = db->address->driver;
    struct db_error ignored;
    const char *begin = store_job_reads(job) ? "BEGIN" : driver->begin;
    if (!driver->exec(db->handle, begin, error))
        return false;
    if (!run_all(db, job, error)) {
        if (!error->lost && !driver->exec(db->handle, "ROLLBACK", &ignored))
            error->lost = true;
        return false;
    }
    if (driver->exec(db->handle, "COMMIT", error))
        return true;
    if (error->lost)
        job->uncertain = true;
    else if (!driver->exec(db->handle, "ROLLBACK", &ignored))
        error->lost = error->status == STORE_UNAVAILABLE;
    return false;
}

static void pause_before(unsigned attempt)
{
    uint8_t jitter;
    random_bytes(&jitter, sizeof(jitter));
    long ms = (long)attempt * 5 + jitter % (attempt * 10);
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* A single statement that writes and is cut off may have been done. */
static bool run_once(struct db *db, struct store_job *job, struct db_error *error)
{
    *error = (struct db_error){.status = STORE_REFUSED};
    if (!is_single(db, job))
        return run_transaction(db, job, error);
    if (run_all(db, job, error))
        return true;
    job->uncertain = error->lost && !store_job_reads(job);
    return false;
}

void db_run(struct db *db, struct store_job *job)
{
    struct db_error error;
    bool ok = run_once(db, job, &error);
    for (unsigned attempt = 1; !ok && error.again && attempt < TRIES_MAX; attempt++) {
        pause_before(attempt);
        ok = run_once(db, job, &error);
    }
    job->status = ok ? STORE_OK : error.again ? STORE_UNAVAILABLE : error.status;
    snprintf(job->error, sizeof(job->error), "%s", ok ? "" : error.text);
    if (!ok && error.lost)
        db_close(db);
}
