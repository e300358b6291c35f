/* SQL for reading and writing.
 *
 * Happy path: one function per kind of statement writes text and collects the parameters. What the
 * languages do differently stands in functions of its own: quoting, placeholders, lists in a
 * column, parts of texts, days, conflicts.
 *
 * Failure modes: none; what the statement names was checked when it was made (store_job.c). */

#include "store_sql.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_AT_ONCE 200  /* where the way to the database is what costs */
#define LIST_MAX     1000 /* rows as lists: PostgreSQL reads and plans one short text */
#define UPDATES_MAX  100  /* rows of an update that names each in its text */

void sql_init(struct sql *sql, enum sql_language language)
{
    *sql = (struct sql){.language = language};
    buf_init(&sql->text, SQL_TEXT_MAX);
}

void sql_fini(struct sql *sql)
{
    buf_fini(&sql->text);
    free(sql->values);
    sql->values = NULL;
    sql->value_count = sql->value_size = 0;
}

static void add(struct sql *sql, const char *text)
{
    buf_add(&sql->text, slice_of(text));
}

static void add_name(struct sql *sql, const char *name)
{
    char quote = sql->language == SQL_MYSQL ? '`' : '"';
    buf_add_char(&sql->text, quote);
    add(sql, name);
    buf_add_char(&sql->text, quote);
}

static void add_parameter(struct sql *sql, const struct store_value *value)
{
    if (sql->value_count == sql->value_size) {
        sql->value_size = sql->value_size ? sql->value_size * 2 : 64;
        sql->values = realloc(sql->values, sql->value_size * sizeof(*sql->values)); /* NOLINT */
        if (!sql->values)
            abort();
    }
    sql->values[sql->value_count++] = value;
    if (sql->language == SQL_POSTGRES)
        buf_addf(&sql->text, "$%zu", sql->value_count);
    else
        buf_add_char(&sql->text, '?');
}

static void add_end(struct sql *sql)
{
    buf_add_char(&sql->text, '\0');
    assert(!sql->text.overflow);
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void add_has(struct sql *sql, const struct store_column *column, const struct condition *c)
{
    switch (sql->language) {
    case SQL_SQLITE:
        add(sql, "EXISTS (SELECT 1 FROM json_each(");
        add_name(sql, column->name);
        add(sql, ") WHERE json_each.value = ");
        add_parameter(sql, &c->value);
        add(sql, ")");
        break;
    case SQL_POSTGRES:
        if (column->type == STORE_JSON) {
            add_name(sql, column->name);
            add(sql, " @> to_jsonb(");
            add_parameter(sql, &c->value);
            add(sql, "::text)");
        } else {
            add_parameter(sql, &c->value);
            add(sql, " = ANY(");
            add_name(sql, column->name);
            add(sql, ")");
        }
        break;
    case SQL_MYSQL:
        add(sql, "JSON_CONTAINS(");
        add_name(sql, column->name);
        add(sql, ", JSON_QUOTE(");
        add_parameter(sql, &c->value);
        add(sql, "))");
        break;
    }
}

/* "a.b" → '{a,b}' */
static void add_path_list(struct sql *sql, const char *path)
{
    add(sql, "'{");
    for (const char *c = path; *c; c++)
        buf_add_char(&sql->text, *c == '.' ? ',' : *c);
    add(sql, "}'");
}

/* What is compared: the column, or a member of it. */
static void add_subject(struct sql *sql, const struct store_column *column,
                        const struct condition *c)
{
    if (!c->path) {
        add_name(sql, column->name);
    } else if (sql->language == SQL_POSTGRES) {
        add(sql, "(");
        add_name(sql, column->name);
        add(sql, " #>> ");
        add_path_list(sql, c->path);
        add(sql, ")");
    } else {
        bool mysql = sql->language == SQL_MYSQL;
        add(sql, mysql ? "JSON_UNQUOTE(JSON_EXTRACT(" : "json_extract(");
        add_name(sql, column->name);
        add(sql, ", '$.");
        add(sql, c->path);
        add(sql, mysql ? "'))" : "')");
    }
}

static void add_holds(struct sql *sql, const struct store_column *column, const struct condition *c)
{
    static const char *const before[] = {"instr(lower(", "strpos(lower(", "INSTR(LOWER("};
    add(sql, before[sql->language]);
    add_subject(sql, column, c);
    add(sql, "), lower(");
    add_parameter(sql, &c->value);
    add(sql, sql->language == SQL_POSTGRES ? "::text)) > 0" : ")) > 0");
}

static void add_in(struct sql *sql, const struct store_column *column, const struct condition *c)
{
    if (!c->list_count) {
        add(sql, "1 = 0");
        return;
    }
    add_subject(sql, column, c);
    for (size_t i = 0; i < c->list_count; i++) {
        add(sql, i ? ", " : " IN (");
        add_parameter(sql, &c->list[i]);
    }
    add(sql, ")");
}

static void add_comparison(struct sql *sql, const struct store_column *column,
                           const struct condition *c, const char *operator)
{
    add_subject(sql, column, c);
    add(sql, operator);
    add_parameter(sql, &c->value);
}

static void add_condition(struct sql *sql, const struct statement *st, const struct condition *c)
{
    const struct store_column *column = &st->table->columns[c->column];
    switch (c->test) {
    case STORE_EQ: add_comparison(sql, column, c, " = "); break;
    case STORE_NE: add_comparison(sql, column, c, " <> "); break;
    case STORE_LT: add_comparison(sql, column, c, " < "); break;
    case STORE_LE: add_comparison(sql, column, c, " <= "); break;
    case STORE_GT: add_comparison(sql, column, c, " > "); break;
    case STORE_GE: add_comparison(sql, column, c, " >= "); break;
    case STORE_IS_NULL:
        add_subject(sql, column, c);
        add(sql, " IS NULL");
        break;
    case STORE_NOT_NULL:
        add_subject(sql, column, c);
        add(sql, " IS NOT NULL");
        break;
    case STORE_HOLDS: add_holds(sql, column, c); break;
    case STORE_HAS: add_has(sql, column, c); break;
    case STORE_IN: add_in(sql, column, c); break;
    }
}

static void add_where(struct sql *sql, const struct statement *st)
{
    unsigned group = 0;
    for (size_t i = 0; i < st->where_count; i++) {
        const struct condition *c = &st->where[i];
        bool with_last = i && c->any && c->any == group;
        bool with_next = c->any && i + 1 < st->where_count && st->where[i + 1].any == c->any;
        add(sql, i == 0 ? " WHERE " : with_last ? " OR " : " AND ");
        if (with_next && !with_last)
            add(sql, "(");
        add_condition(sql, st, c);
        if (with_last && !with_next)
            add(sql, ")");
        group = c->any;
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Empty cells come last. PostgreSQL and MySQL could not use an index for that, so columns that are
 * never empty go without. */
static void add_order_by(struct sql *sql, const struct store_column *column, bool descending)
{
    bool empties = !(column->flags & COLUMN_NEEDED);
    if (empties && sql->language == SQL_MYSQL) {
        add_name(sql, column->name);
        add(sql, " IS NULL, ");
    }
    add_name(sql, column->name);
    add(sql, descending ? " DESC" : " ASC");
    if (empties && sql->language != SQL_MYSQL)
        add(sql, " NULLS LAST");
}

static void add_limits(struct sql *sql, const struct statement *st)
{
    buf_addf(&sql->text, " LIMIT %lld", (long long)st->limit + 1); /* one more tells of more */
    if (st->offset)
        buf_addf(&sql->text, " OFFSET %lld", (long long)st->offset);
}

static void add_column_read(struct sql *sql, const struct store_column *column)
{
    bool list = sql->language == SQL_POSTGRES && column->type == STORE_TEXTS;
    add(sql, list ? "array_to_json(" : "");
    add_name(sql, column->name);
    add(sql, list ? ")" : "");
}

static void add_from(struct sql *sql, const struct statement *st)
{
    add(sql, " FROM ");
    add_name(sql, st->table->name);
    add_where(sql, st);
}

static void make_select(struct sql *sql, const struct statement *st)
{
    for (size_t i = 0; i < st->column_count; i++) {
        add(sql, i ? ", " : "SELECT ");
        add_column_read(sql, &st->table->columns[st->columns[i]]);
    }
    add_from(sql, st);
    for (size_t i = 0; i < st->order_count; i++) {
        add(sql, i ? ", " : " ORDER BY ");
        add_order_by(sql, &st->table->columns[st->order[i].column], st->order[i].descending);
    }
    add_limits(sql, st);
}

static void make_count(struct sql *sql, const struct statement *st)
{
    add(sql, st->limit ? "SELECT COUNT(*) FROM (SELECT 1" : "SELECT COUNT(*)");
    add_from(sql, st);
    if (st->limit)
        buf_addf(&sql->text, " LIMIT %lld) AS matches", (long long)st->limit);
}

static void add_day(struct sql *sql, const char *column)
{
    static const char *const before[] = {"substr(", "to_char(", "DATE_FORMAT("};
    static const char *const after[] = {", 1, 10)", ", 'YYYY-MM-DD')", ", '%Y-%m-%d')"};
    add(sql, before[sql->language]);
    add_name(sql, column);
    add(sql, after[sql->language]);
}

static void add_groups(struct sql *sql, const struct statement *st)
{
    const struct store_column *columns = st->table->columns;
    const char *separator = " GROUP BY ";
    if (st->day >= 0) {
        add(sql, separator);
        add_day(sql, columns[st->day].name);
        separator = ", ";
    }
    for (size_t i = 0; i < st->column_count; i++) {
        add(sql, separator);
        add_name(sql, columns[st->columns[i]].name);
        separator = ", ";
    }
}

static void make_report(struct sql *sql, const struct statement *st)
{
    const struct store_column *columns = st->table->columns;
    add(sql, "SELECT ");
    if (st->day >= 0) {
        add_day(sql, columns[st->day].name);
        add(sql, ", ");
    }
    for (size_t i = 0; i < st->column_count; i++) {
        add_column_read(sql, &columns[st->columns[i]]);
        add(sql, ", ");
    }
    for (size_t i = 0; i < st->sum_count; i++) {
        add(sql, "COALESCE(SUM(");
        add_name(sql, columns[st->sums[i]].name);
        add(sql, "), 0), ");
    }
    add(sql, "COUNT(*)");
    add_from(sql, st);
    add_groups(sql, st);
    for (size_t i = 0; i < st->order_count; i++) /* by place: sums have no name */
        buf_addf(&sql->text, "%s%u%s", i ? ", " : " ORDER BY ", st->order[i].column + 1,
                 st->order[i].descending ? " DESC" : " ASC");
    add_limits(sql, st);
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool in_key(const struct store_table *table, const char *name)
{
    for (const char *const *k = table->key; *k; k++)
        if (strcmp(*k, name) == 0)
            return true;
    return false;
}

/* Lists of lists would become flat. */
static bool may_be_lists(const struct statement *st)
{
    for (size_t i = 0; i < st->column_count; i++)
        if (st->table->columns[st->columns[i]].type == STORE_TEXTS)
            return false;
    return true;
}

static const char *list_type(enum store_type type)
{
    switch (type) {
    case STORE_INTEGER: return "::bigint[]";
    case STORE_FLOAT: return "::double precision[]";
    case STORE_BOOL: return "::boolean[]";
    case STORE_JSON: return "::jsonb[]";
    case STORE_TIME: return "::timestamp[]";
    case STORE_TEXT:
    case STORE_TEXTS: break;
    }
    return "::text[]";
}

static void add_list(struct sql *sql, const struct statement *st, size_t first, size_t column)
{
    add_parameter(sql, &st->values[first * st->column_count + column]);
    add(sql, list_type(st->table->columns[st->columns[column]].type));
}

static void use_lists(struct sql *sql, const struct statement *st, size_t rows)
{
    sql->list = rows;
    sql->stride = st->column_count;
}

static void add_names(struct sql *sql, const struct statement *st)
{
    for (size_t i = 0; i < st->column_count; i++) {
        add(sql, i ? ", " : " (");
        add_name(sql, st->table->columns[st->columns[i]].name);
    }
    add(sql, ")");
}

static void add_row(struct sql *sql, const struct statement *st, size_t row)
{
    for (size_t i = 0; i < st->column_count; i++) {
        add(sql, i ? ", " : "(");
        add_parameter(sql, &st->values[row * st->column_count + i]);
    }
    add(sql, ")");
}

/* What the row that is there already holds. */
static void add_old(struct sql *sql, const struct statement *st, const struct store_column *column)
{
    bool empties = !(column->flags & COLUMN_NEEDED);
    add(sql, empties ? "COALESCE(" : "");
    if (st->kind == STATEMENT_UPSERT || st->kind == STATEMENT_UPDATE_ROWS) {
        add_name(sql, st->table->name);
        add(sql, ".");
    }
    add_name(sql, column->name);
    add(sql, empties ? ", 0)" : "");
}

static void add_new(struct sql *sql, const struct store_column *column)
{
    add(sql, sql->language == SQL_MYSQL ? "VALUES(" : "EXCLUDED.");
    add_name(sql, column->name);
    add(sql, sql->language == SQL_MYSQL ? ")" : "");
}

static bool upsert_changes(const struct statement *st, size_t i)
{
    return st->changes[i] != STORE_ONCE &&
           !in_key(st->table, st->table->columns[st->columns[i]].name);
}

static void add_changes(struct sql *sql, const struct statement *st)
{
    const char *separator = "";
    for (size_t i = 0; i < st->column_count; i++) {
        const struct store_column *column = &st->table->columns[st->columns[i]];
        if (!upsert_changes(st, i))
            continue;
        add(sql, separator);
        add_name(sql, column->name);
        add(sql, " = ");
        if (st->changes[i] == STORE_ADD) {
            add_old(sql, st, column);
            add(sql, " + ");
        }
        add_new(sql, column);
        separator = ", ";
    }
}

static void add_key(struct sql *sql, const struct store_table *table)
{
    for (const char *const *k = table->key; *k; k++) {
        add(sql, k == table->key ? "" : ", ");
        add_name(sql, *k);
    }
}

static bool changes_anything(const struct statement *st)
{
    for (size_t i = 0; i < st->column_count; i++)
        if (upsert_changes(st, i))
            return true;
    return false;
}

/* In MySQL a key column that is set to itself means: leave the row alone. */
static void add_conflict(struct sql *sql, const struct statement *st)
{
    bool changes = st->kind == STATEMENT_UPSERT && changes_anything(st);
    if (sql->language == SQL_MYSQL) {
        add(sql, " ON DUPLICATE KEY UPDATE ");
        if (!changes) {
            add_name(sql, st->table->key[0]);
            add(sql, " = ");
            add_name(sql, st->table->key[0]);
        }
    } else {
        add(sql, " ON CONFLICT (");
        add_key(sql, st->table);
        add(sql, changes ? ") DO UPDATE SET " : ") DO NOTHING");
    }
    if (changes)
        add_changes(sql, st);
}

static void make_insert(struct sql *sql, const struct statement *st, size_t first, size_t rows)
{
    add(sql, "INSERT INTO ");
    add_name(sql, st->table->name);
    add_names(sql, st);
    if (sql->language == SQL_POSTGRES && rows > 1 && may_be_lists(st)) {
        use_lists(sql, st, rows);
        for (size_t i = 0; i < st->column_count; i++) {
            add(sql, i ? ", " : " SELECT * FROM unnest(");
            add_list(sql, st, first, i);
        }
        add(sql, ")");
    } else {
        for (size_t row = first; row < first + rows; row++) {
            add(sql, row > first ? ", " : " VALUES ");
            add_row(sql, st, row);
        }
    }
    if (st->kind != STATEMENT_INSERT)
        add_conflict(sql, st);
}

static void make_update(struct sql *sql, const struct statement *st)
{
    add(sql, "UPDATE ");
    add_name(sql, st->table->name);
    for (size_t i = 0; i < st->column_count; i++) {
        const struct store_column *column = &st->table->columns[st->columns[i]];
        add(sql, i ? ", " : " SET ");
        add_name(sql, column->name);
        add(sql, " = ");
        if (st->changes[i] == STORE_ADD) {
            add_old(sql, st, column);
            add(sql, " + ");
        }
        add_parameter(sql, &st->values[i]);
    }
    add_where(sql, st);
}

/* ---- changing many rows ---------------------------------------------------------------------- */

static size_t key_count(const struct statement *st)
{
    size_t n = 0;
    while (st->table->key[n])
        n++;
    return n;
}

static const struct store_column *written(const struct statement *st, size_t i)
{
    return &st->table->columns[st->columns[i]];
}

static const struct store_value *value_of(const struct statement *st, size_t row, size_t i)
{
    return &st->values[row * st->column_count + i];
}

/* "column = old +", or "column =" */
static void add_target(struct sql *sql, const struct statement *st, size_t i, bool first)
{
    add(sql, first ? " SET " : ", ");
    add_name(sql, written(st, i)->name);
    add(sql, " = ");
    if (st->changes[i] == STORE_ADD) {
        add_old(sql, st, written(st, i));
        add(sql, " + ");
    }
}

static void add_key_test(struct sql *sql, const struct statement *st, size_t row)
{
    for (size_t k = 0; k < key_count(st); k++) {
        add(sql, k ? " AND " : "");
        add_name(sql, written(st, k)->name);
        add(sql, " = ");
        add_parameter(sql, value_of(st, row, k));
    }
}

static void make_update_row(struct sql *sql, const struct statement *st, size_t row)
{
    size_t keys = key_count(st);
    for (size_t i = keys; i < st->column_count; i++) {
        add_target(sql, st, i, i == keys);
        add_parameter(sql, value_of(st, row, i));
    }
    add(sql, " WHERE ");
    add_key_test(sql, st, row);
}

/* Each value stands behind the key of its row. */
static void make_update_cases(struct sql *sql, const struct statement *st, size_t first,
                              size_t rows)
{
    size_t keys = key_count(st);
    for (size_t i = keys; i < st->column_count; i++) {
        add_target(sql, st, i, i == keys);
        add(sql, "CASE");
        for (size_t row = first; row < first + rows; row++) {
            add(sql, " WHEN ");
            add_key_test(sql, st, row);
            add(sql, " THEN ");
            add_parameter(sql, value_of(st, row, i));
        }
        add(sql, " END");
    }
    for (size_t row = first; row < first + rows; row++) {
        add(sql, row > first ? " OR (" : " WHERE (");
        add_key_test(sql, st, row);
        add(sql, ")");
    }
}

static void add_keys_of(struct sql *sql, const struct statement *st, const char *of)
{
    for (size_t k = 0; k < key_count(st); k++) {
        add(sql, k ? ", " : "");
        add(sql, of);
        add_name(sql, written(st, k)->name);
    }
}

/* The rows are locked in the order of their keys, as everybody does it: whoever did it otherwise
 * would wait for us, and we for it. */
static void make_update_lists(struct sql *sql, const struct statement *st, size_t first,
                              size_t rows)
{
    size_t keys = key_count(st);
    use_lists(sql, st, rows);
    for (size_t i = keys; i < st->column_count; i++) {
        add_target(sql, st, i, i == keys);
        add(sql, "v.");
        add_name(sql, written(st, i)->name);
    }
    for (size_t i = 0; i < st->column_count; i++) {
        add(sql, i ? ", " : " FROM unnest(");
        add_list(sql, st, first, i);
    }
    add(sql, ") AS v");
    add_names(sql, st);
    add(sql, ", (SELECT ");
    add_keys_of(sql, st, "");
    add(sql, " FROM ");
    add_name(sql, st->table->name);
    add(sql, " WHERE (");
    add_keys_of(sql, st, "");
    for (size_t k = 0; k < keys; k++) {
        add(sql, k ? ", " : ") IN (SELECT * FROM unnest(");
        buf_addf(&sql->text, "$%zu::text[]", k + 1);
    }
    add(sql, ")) ORDER BY ");
    add_keys_of(sql, st, "");
    add(sql, " FOR UPDATE) AS l WHERE ");
    for (size_t k = 0; k < keys; k++) {
        const char *name = written(st, k)->name;
        buf_addf(&sql->text, "%s\"%s\".\"%s\" = v.\"%s\" AND l.\"%s\" = v.\"%s\"", k ? " AND " : "",
                 st->table->name, name, name, name, name);
    }
}

static void make_update_rows(struct sql *sql, const struct statement *st, size_t first, size_t rows)
{
    add(sql, "UPDATE ");
    add_name(sql, st->table->name);
    if (rows == 1)
        make_update_row(sql, st, first);
    else if (sql->language == SQL_POSTGRES)
        make_update_lists(sql, st, first, rows);
    else
        make_update_cases(sql, st, first, rows);
}

static void make_delete(struct sql *sql, const struct statement *st)
{
    add(sql, "DELETE");
    add_from(sql, st);
}

void sql_make(struct sql *sql, const struct statement *st, size_t first, size_t rows)
{
    buf_reset(&sql->text);
    sql->value_count = sql->list = 0;
    switch (st->kind) {
    case STATEMENT_SELECT: make_select(sql, st); break;
    case STATEMENT_COUNT: make_count(sql, st); break;
    case STATEMENT_REPORT: make_report(sql, st); break;
    case STATEMENT_INSERT:
    case STATEMENT_INSERT_NEW:
    case STATEMENT_UPSERT: make_insert(sql, st, first, rows); break;
    case STATEMENT_UPDATE: make_update(sql, st); break;
    case STATEMENT_UPDATE_ROWS: make_update_rows(sql, st, first, rows); break;
    case STATEMENT_DELETE: make_delete(sql, st); break;
    }
    add_end(sql);
}

/* SQLite is in the process: one prepared text for every row is the fastest. */
size_t sql_rows_at_once(enum sql_language language, const struct statement *st)
{
    size_t fit = SQL_PARAMETERS_MAX / (st->column_count ? st->column_count : 1);
    if (language == SQL_SQLITE)
        return 1;
    if (language == SQL_POSTGRES && may_be_lists(st))
        return LIST_MAX;
    if (st->kind == STATEMENT_UPDATE_ROWS)
        return UPDATES_MAX;
    return fit < ROWS_AT_ONCE ? fit : ROWS_AT_ONCE;
}
