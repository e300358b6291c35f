/* Tables: made where they are missing, never changed where they are.
 *
 * Happy path: what is there is listed. When every table and column of the descriptions is there,
 * and the migrations of this program are noted in lintel_migrations, nothing else happens: that is
 * every start but the first. Otherwise the lock is taken, the list is read again (another process
 * may have been faster), what is missing is made, and the version noted.
 *
 * A database of LiteLLM has all of its tables; only our own are added. Unknown ones are left alone,
 * and so are columns whose type differs.
 *
 * Failure modes: no right to make tables, the lock is not to be had: the database counts as
 * unavailable, with its words in the log. */

#include "base/map.h"
#include "store_db.h"

#include <stdio.h>

struct migration {
    int64_t version;
    const char *name;
};

/* Tables and columns follow the descriptions. What a later version does beyond that gets a row, and
 * its code, here; rows are never taken away. */
static const struct migration migrations[] = {{1, "tables of LiteLLM 1.106, spool, changes"}};

#define VERSION_NOW (migrations[sizeof(migrations) / sizeof(*migrations) - 1].version)

struct schema {
    struct arena arena;
    struct map columns; /* "table" and "table\ncolumn" → itself */
    struct sql sql;
};

static bool is_there(const struct schema *s, const char *table, const char *column)
{
    char name[256];
    snprintf(name, sizeof(name), column ? "%s\n%s" : "%s", table, column);
    return map_get(&s->columns, slice_of(name)) != NULL;
}

static void note(struct schema *s, struct slice name)
{
    map_put(&s->columns, name, s);
}

/* More rows than one answer holds are no problem of ours: LiteLLM has about 1,000 columns. */
static bool read_columns(struct db *db, struct schema *s, struct db_error *error)
{
    static const struct store_column names[] = {{.name = "table", .type = STORE_TEXT},
                                                {.name = "column", .type = STORE_TEXT}};
    struct store_rows rows = {.columns = names, .column_count = 2};
    buf_reset(&s->sql.text);
    buf_add(&s->sql.text, slice_of(db->address->driver->list_columns));
    buf_add_char(&s->sql.text, '\0');
    s->sql.value_count = 0;
    if (!db->address->driver->run(db->handle, &s->sql, &s->arena, &rows, error))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        struct slice table = store_rows_text(&rows, i, "table");
        note(s, table);
        note(s, ARENA_JOIN(&s->arena, table, SLICE("\n"), store_rows_text(&rows, i, "column")));
    }
    return true;
}

static bool is_complete(const struct schema *s)
{
    for (int i = 0; i < STORE_TABLES; i++) {
        const struct store_table *t = store_table((enum store_table_id)i);
        for (size_t c = 0; c < t->column_count; c++)
            if (!is_there(s, t->name, t->columns[c].name))
                return false;
    }
    return true;
}

static bool exec(struct db *db, const char *text, struct db_error *error)
{
    return db->address->driver->exec(db->handle, text, error);
}

static bool make_table(struct db *db, struct schema *s, const struct store_table *t,
                       struct db_error *error)
{
    sql_create_table(&s->sql, t);
    bool ok = exec(db, s->sql.text.p, error);
    for (const char *const *i = t->indexes; ok && *i; i++)
        if (sql_create_index(&s->sql, t, *i))
            ok = exec(db, s->sql.text.p, error);
    return ok;
}

static bool add_columns(struct db *db, struct schema *s, const struct store_table *t,
                        struct db_error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < t->column_count; i++)
        if (!is_there(s, t->name, t->columns[i].name)) {
            sql_add_column(&s->sql, t, &t->columns[i]);
            ok = exec(db, s->sql.text.p, error);
        }
    return ok;
}

static bool make_missing(struct db *db, struct schema *s, struct db_error *error)
{
    bool ok = true;
    for (int i = 0; ok && i < STORE_TABLES; i++) {
        const struct store_table *t = store_table((enum store_table_id)i);
        ok =
            is_there(s, t->name, NULL) ? add_columns(db, s, t, error) : make_table(db, s, t, error);
    }
    return ok;
}

/* ---- versions -------------------------------------------------------------------------------- */

/* The job must not begin a transaction of its own: the lock may be one. */
static bool run_plain(struct db *db, struct schema *s, struct store_job *job,
                      struct db_error *error)
{
    struct statement *st = &job->statements[0];
    st->rows = (struct store_rows){.columns = st->answer, .column_count = st->answer_count};
    sql_make(&s->sql, st, 0, st->row_count);
    return db->address->driver->run(db->handle, &s->sql, &job->arena, &st->rows, error);
}

static bool read_version(struct db *db, struct schema *s, int64_t *version, struct db_error *error)
{
    struct store_job job;
    store_job_init(&job);
    store_select(&job, &(struct store_query){
                           .table = TABLE_LINTEL_MIGRATIONS,
                           .order = &(struct store_order){"version", true},
                           .order_count = 1,
                           .limit = 1,
                       });
    bool ok = run_plain(db, s, &job, error);
    const struct store_rows *rows = &job.statements[0].rows;
    *version = ok && rows->count ? (int64_t)store_rows_number(rows, 0, "version") : 0;
    store_job_fini(&job);
    return ok;
}

static bool note_version(struct db *db, struct schema *s, const struct migration *m,
                         struct db_error *error)
{
    struct store_job job;
    struct store_cell cells[] = {{"version", store_integer(m->version), STORE_SET},
                                 {"name", store_text(slice_of(m->name)), STORE_SET}};
    store_job_init(&job);
    store_insert_new(&job, TABLE_LINTEL_MIGRATIONS, cells, 2);
    bool ok = run_plain(db, s, &job, error);
    store_job_fini(&job);
    return ok;
}

static bool migrate_locked(struct db *db, struct schema *s, struct db_error *error)
{
    int64_t version = 0;
    bool ok = read_columns(db, s, error) && make_missing(db, s, error) &&
              read_version(db, s, &version, error);
    for (size_t i = 0; ok && i < sizeof(migrations) / sizeof(*migrations); i++)
        if (migrations[i].version > version)
            ok = note_version(db, s, &migrations[i], error);
    return ok;
}

static bool migrate(struct db *db, struct schema *s, struct db_error *error)
{
    const struct store_driver *driver = db->address->driver;
    struct db_error ignored;
    if (!exec(db, driver->lock_schema, error))
        return false;
    bool ok = migrate_locked(db, s, error);
    bool unlocked =
        exec(db, ok ? driver->unlock_schema : driver->abort_schema, ok ? error : &ignored);
    return ok && unlocked;
}

static bool see_to_tables(struct db *db, struct schema *s, struct db_error *error)
{
    int64_t version = 0;
    if (!read_columns(db, s, error))
        return false;
    if (is_complete(s)) {
        if (!read_version(db, s, &version, error))
            return false;
        if (version >= VERSION_NOW)
            return true;
    }
    if (!db->keep_schema)
        return migrate(db, s, error);
    db_error_set(error, STORE_UNAVAILABLE,
                 "tables or columns are missing, and disable_prisma_schema_update is set");
    return false;
}

bool db_make_tables(struct db *db, struct db_error *error)
{
    struct schema s = {0};
    arena_init(&s.arena);
    map_init(&s.columns);
    sql_init(&s.sql, db->address->driver->language);
    bool ok = see_to_tables(db, &s, error);
    sql_fini(&s.sql);
    map_fini(&s.columns);
    arena_fini(&s.arena);
    return ok;
}
