/* SQL that makes tables.
 *
 * The types are those of LiteLLM's migrations where the database has them. MySQL wants a length of
 * what is in a key; it gets no unique index over many names (they would be too long), and needs
 * none: such tables have an id that is made of them (store_job.c). */

#include "store_sql.h"

#include <stdio.h>

#define INDEX_NAME_MAX 63 /* PostgreSQL's; Prisma cuts the names of its indexes to it */
#define INDEXED_MAX    3  /* columns of an index in MySQL: 3072 bytes, 1020 each */

static void add(struct sql *sql, const char *text)
{
    buf_add(&sql->text, slice_of(text));
}

static void add_name(struct sql *sql, struct slice name)
{
    char quote = sql->language == SQL_MYSQL ? '`' : '"';
    buf_addf(&sql->text, "%c%.*s%c", quote, SLICE_ARG(name), quote);
}

static const char *type_name(enum sql_language language, const struct store_column *c)
{
    static const char *const names[][3] = {
        [STORE_TEXT] = {"TEXT", "TEXT", "LONGTEXT"},
        [STORE_INTEGER] = {"BIGINT", "BIGINT", "BIGINT"},
        [STORE_FLOAT] = {"DOUBLE PRECISION", "DOUBLE PRECISION", "DOUBLE PRECISION"},
        [STORE_BOOL] = {"BOOLEAN", "BOOLEAN", "BOOLEAN"},
        [STORE_JSON] = {"TEXT", "JSONB", "JSON"},
        [STORE_TEXTS] = {"TEXT", "TEXT[]", "JSON"},
        [STORE_TIME] = {"TEXT", "TIMESTAMP(3)", "DATETIME(3)"},
    };
    static const char *const serial[] = {"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGSERIAL",
                                         "BIGINT AUTO_INCREMENT"};
    if (c->flags & COLUMN_SERIAL)
        return language == SQL_POSTGRES && c->flags & COLUMN_NARROW ? "SERIAL" : serial[language];
    if (language == SQL_MYSQL && c->type == STORE_TEXT && c->flags & COLUMN_NAME)
        return "VARCHAR(255)";
    if (language != SQL_SQLITE && c->flags & COLUMN_NARROW)
        return "INTEGER";
    return names[c->type][language];
}

static void add_initial(struct sql *sql, const struct store_column *c)
{
    static const char *const now[] = {"(strftime('%Y-%m-%d %H:%M:%f', 'now'))", "CURRENT_TIMESTAMP",
                                      "CURRENT_TIMESTAMP(3)"};
    if (!c->initial)
        return;
    add(sql, " DEFAULT ");
    switch (c->type) {
    case STORE_TIME: add(sql, now[sql->language]); break;
    case STORE_INTEGER:
    case STORE_FLOAT:
    case STORE_BOOL: add(sql, c->initial); break;
    case STORE_TEXTS:
        if (sql->language == SQL_POSTGRES) {
            add(sql, "ARRAY[]::TEXT[]");
            break;
        }
        buf_addf(&sql->text, "('%s')", c->initial);
        break;
    case STORE_TEXT:
    case STORE_JSON: buf_addf(&sql->text, "('%s')", c->initial); break;
    }
}

static void add_column(struct sql *sql, const struct store_column *c)
{
    add_name(sql, slice_of(c->name));
    add(sql, " ");
    add(sql, type_name(sql->language, c));
    if (c->flags & COLUMN_NEEDED)
        add(sql, " NOT NULL");
    add_initial(sql, c);
}

static void add_primary_key(struct sql *sql, const struct store_table *table)
{
    add(sql, ", PRIMARY KEY (");
    if (table->id)
        add_name(sql, slice_of(table->id));
    for (const char *const *k = table->key; !table->id && *k; k++) {
        add(sql, k == table->key ? "" : ", ");
        add_name(sql, slice_of(*k));
    }
    add(sql, ")");
}

static bool is_own_key(const struct store_table *table) /* SQLite's serial columns say it */
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].flags & COLUMN_SERIAL)
            return true;
    return false;
}

void sql_create_table(struct sql *sql, const struct store_table *table)
{
    buf_reset(&sql->text);
    add(sql, "CREATE TABLE IF NOT EXISTS ");
    add_name(sql, slice_of(table->name));
    for (size_t i = 0; i < table->column_count; i++) {
        add(sql, i ? ", " : " (");
        add_column(sql, &table->columns[i]);
    }
    if (sql->language != SQL_SQLITE || !is_own_key(table))
        add_primary_key(sql, table);
    add(sql, sql->language == SQL_MYSQL ? ") CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" : ")");
    buf_add_char(&sql->text, '\0');
}

void sql_add_column(struct sql *sql, const struct store_table *table,
                    const struct store_column *column)
{
    struct store_column plain = *column;
    if (!plain.initial)
        plain.flags &= ~(unsigned)COLUMN_NEEDED; /* rows are there already */
    if (sql->language == SQL_SQLITE && plain.type == STORE_TIME) {
        plain.flags &= ~(unsigned)COLUMN_NEEDED;
        plain.initial = NULL; /* SQLite adds no column whose value it must compute */
    }
    buf_reset(&sql->text);
    add(sql, "ALTER TABLE ");
    add_name(sql, slice_of(table->name));
    add(sql, " ADD COLUMN ");
    add_column(sql, &plain);
    buf_add_char(&sql->text, '\0');
}

/* As Prisma names them: table_columns_idx (_key when unique), the front cut to the length. */
static void add_index_name(struct sql *sql, const struct store_table *table, struct slice columns,
                           bool unique)
{
    char name[INDEX_NAME_MAX + 1];
    const char *suffix = unique ? "_key" : "_idx";
    size_t room = INDEX_NAME_MAX - 4;
    int n = snprintf(name, room + 1, "%s_%.*s", table->name, SLICE_ARG(columns));
    size_t used = n < (int)room ? (size_t)n : room;
    for (size_t i = 0; i < used; i++)
        if (name[i] == ',')
            name[i] = '_';
    snprintf(name + used, sizeof(name) - used, "%s", suffix);
    add_name(sql, slice_of(name));
}

bool sql_create_index(struct sql *sql, const struct store_table *table, const char *index)
{
    bool unique = index[0] == '!';
    struct slice columns = slice_of(index + unique), rest = columns;
    size_t count = 1;
    for (size_t i = 0; i < columns.n; i++)
        count += columns.p[i] == ',';
    if (sql->language == SQL_MYSQL && count > INDEXED_MAX)
        return false;
    buf_reset(&sql->text);
    add(sql, unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    add_index_name(sql, table, columns, unique);
    add(sql, " ON ");
    add_name(sql, slice_of(table->name));
    add(sql, " (");
    for (bool first = true; rest.p; first = false) {
        add(sql, first ? "" : ", ");
        add_name(sql, slice_split(&rest, ','));
    }
    add(sql, ")");
    buf_add_char(&sql->text, '\0');
    return true;
}
