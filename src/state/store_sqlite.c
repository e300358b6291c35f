/* SQLite: a file beside the gateway, nothing to install.
 *
 * Happy path: WAL, so that readers and one writer do not wait for each other; a transaction that
 * writes begins IMMEDIATE and waits up to the statement's time limit for the writers of other
 * processes; statements are prepared once and kept.
 *
 * Failure modes: locked for longer than that, a full or broken disk: "unavailable", the handle is
 * closed and the file opened again later. A newer file format or a file that is no database: the
 * same, with SQLite's words. */

#include "store_driver.h"

#include "base/date.h"
#include "io/clock.h"
#include "wire/crypto.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define KEPT_MAX 64 /* prepared statements */

struct kept {
    sqlite3_stmt *stmt;
    uint64_t used; /* when, by the handle's counter */
};

struct handle {
    sqlite3 *db;
    struct kept kept[KEPT_MAX];
    uint64_t clock;
};

/* ---- errors ---------------------------------------------------------------------------------- */

static enum store_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return code == SQLITE_CONSTRAINT_FOREIGNKEY ? STORE_REFERENCE
               : code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? STORE_CONFLICT
                   : STORE_REFUSED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
    case SQLITE_AUTH: return STORE_UNAVAILABLE;
    default: return STORE_REFUSED;
    }
}

static bool fail(sqlite3 *db, int code, struct db_error *error)
{
    db_error_set(error, status_of(code), db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
    error->again = (code & 0xff) == SQLITE_LOCKED || code == SQLITE_BUSY_SNAPSHOT;
    error->lost = error->status == STORE_UNAVAILABLE && !error->again;
    return false;
}

/* ---- the handle ------------------------------------------------------------------------------ */

static bool sqlite_exec(void *handle, const char *text, struct db_error *error)
{
    const struct handle *h = handle;
    int code = sqlite3_exec(h->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(h->db, sqlite3_extended_errcode(h->db), error);
}

static void sqlite_close(void *handle)
{
    struct handle *h = handle;
    for (size_t i = 0; i < KEPT_MAX; i++)
        sqlite3_finalize(h->kept[i].stmt);
    sqlite3_close(h->db);
    free(h);
}

/* Each commit is flushed (FULL): what the database has taken survives a power cut. */
static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864";

/* The first to use WAL changes the file; others that do so at the same moment are refused at once,
 * without the wait that sqlite3_busy_timeout gives: each then tries again on its own. */
static bool set_up(struct handle *h, double seconds, struct db_error *error)
{
    int64_t end = clock_steady_ms() + (int64_t)(seconds * 1000);
    uint8_t jitter;
    while (!sqlite_exec(h, settings, error)) {
        if ((sqlite3_errcode(h->db) & 0xff) != SQLITE_BUSY || clock_steady_ms() >= end)
            return false;
        random_bytes(&jitter, sizeof(jitter));
        nanosleep(&(struct timespec){.tv_nsec = (1 + jitter % 16) * 1000000L}, NULL);
    }
    return true;
}

static void *sqlite_open(const struct store_address *address, const struct db_limits *limits,
                         struct db_error *error)
{
    struct handle *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(address->file, &h->db, flags, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(h->db, 1);
        sqlite3_busy_timeout(h->db, (int)(limits->connect_timeout * 1000));
        if (set_up(h, limits->connect_timeout, error))
            return h;
    } else {
        fail(h->db, code, error);
    }
    error->status = STORE_UNAVAILABLE;
    sqlite_close(h);
    return NULL;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* Of the same text, or the place of the one that was used longest ago. */
static struct kept *find_kept(struct handle *h, const char *text)
{
    struct kept *oldest = &h->kept[0];
    for (size_t i = 0; i < KEPT_MAX; i++) {
        struct kept *k = &h->kept[i];
        if (k->stmt && strcmp(sqlite3_sql(k->stmt), text) == 0)
            return k;
        if (k->used < oldest->used)
            oldest = k;
    }
    sqlite3_finalize(oldest->stmt);
    *oldest = (struct kept){0};
    return oldest;
}

static sqlite3_stmt *prepare(struct handle *h, const struct sql *sql, struct db_error *error)
{
    struct kept *k = find_kept(h, sql->text.p);
    k->used = ++h->clock;
    if (!k->stmt) {
        int code =
            sqlite3_prepare_v3(h->db, sql->text.p, -1, SQLITE_PREPARE_PERSISTENT, &k->stmt, NULL);
        if (code != SQLITE_OK)
            fail(h->db, sqlite3_extended_errcode(h->db), error);
    }
    return k->stmt;
}

static void bind_value(sqlite3_stmt *stmt, int place, const struct store_value *v)
{
    char text[DATE_SIZE];
    if (v->null) {
        sqlite3_bind_null(stmt, place);
        return;
    }
    switch (v->type) {
    case STORE_INTEGER: sqlite3_bind_int64(stmt, place, v->integer); break;
    case STORE_FLOAT: sqlite3_bind_double(stmt, place, v->number); break;
    case STORE_BOOL: sqlite3_bind_int(stmt, place, v->flag); break;
    case STORE_TIME:
        date_format_sql(v->integer, text);
        sqlite3_bind_text(stmt, place, text, -1, SQLITE_TRANSIENT);
        break;
    case STORE_TEXT:
    case STORE_JSON:
    case STORE_TEXTS:
        sqlite3_bind_text64(stmt, place, v->text.n ? v->text.p : "", v->text.n, SQLITE_STATIC,
                            SQLITE_UTF8);
        break;
    }
}

static struct store_value cell(sqlite3_stmt *stmt, int i, enum store_type type, struct arena *a)
{
    if (sqlite3_column_type(stmt, i) == SQLITE_NULL)
        return (struct store_value){.type = type, .null = true};
    if (type == STORE_FLOAT)
        return store_number(sqlite3_column_double(stmt, i));
    if (type == STORE_INTEGER && sqlite3_column_type(stmt, i) == SQLITE_INTEGER)
        return store_integer(sqlite3_column_int64(stmt, i));
    const char *text = (const char *)sqlite3_column_text(stmt, i);
    return store_value_from_text(type, slice_make(text, (size_t)sqlite3_column_bytes(stmt, i)), a);
}

static void take_row(sqlite3_stmt *stmt, struct store_rows *rows, struct arena *a)
{
    struct store_value *cells = rows_add(rows, a);
    for (size_t i = 0; cells && i < rows->column_count; i++)
        cells[i] = cell(stmt, (int)i, rows->columns[i].type, a);
}

static bool sqlite_run(void *handle, const struct sql *sql, struct arena *a,
                       struct store_rows *rows, struct db_error *error)
{
    struct handle *h = handle;
    int code;
    sqlite3_stmt *stmt = prepare(h, sql, error);
    if (!stmt)
        return false;
    for (size_t i = 0; i < sql->value_count; i++)
        bind_value(stmt, (int)i + 1, sql->values[i]);
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
        take_row(stmt, rows, a);
    if (code == SQLITE_DONE)
        rows->changed += sqlite3_stmt_readonly(stmt) ? 0 : sqlite3_changes(h->db);
    else
        fail(h->db, sqlite3_extended_errcode(h->db), error);
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return code == SQLITE_DONE;
}

const struct store_driver store_sqlite = {
    .kind = "sqlite",
    .language = SQL_SQLITE,
    .begin = "BEGIN IMMEDIATE",
    .lock_schema = "BEGIN IMMEDIATE",
    .unlock_schema = "COMMIT",
    .abort_schema = "ROLLBACK",
    .list_columns = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c "
                    "WHERE m.type = 'table'",
    .open = sqlite_open,
    .close = sqlite_close,
    .exec = sqlite_exec,
    .run = sqlite_run,
};
