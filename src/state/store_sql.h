#ifndef STATE_STORE_SQL_H
#define STATE_STORE_SQL_H

/* Statements → SQL of one of the three languages. Values are always parameters; names come from the
 * tables' descriptions alone. Pure. */

#include "store_private.h"

enum sql_language { SQL_SQLITE, SQL_POSTGRES, SQL_MYSQL };

#define SQL_TEXT_MAX       (4 * 1024 * 1024) /* bytes */
#define SQL_PARAMETERS_MAX 30000             /* SQLite takes 32766, the others 65535 */

struct sql {
    enum sql_language language;
    struct buf text;                   /* NUL-terminated by sql_make and sql_create */
    const struct store_value **values; /* the parameters, in order */
    size_t value_count, value_size;
    /* PostgreSQL, many rows: each parameter is a list of `list` values, of which the first is given
     * and the others lie `stride` apart. list 0: each is one value. */
    size_t list, stride;
};

void sql_init(struct sql *sql, enum sql_language language);
void sql_fini(struct sql *sql);

/* Of an insert: the rows from `first` on, `rows` of them; of all others: 0, 0. */
void sql_make(struct sql *sql, const struct statement *st, size_t first, size_t rows);

/* How many rows of this statement one text should take. */
size_t sql_rows_at_once(enum sql_language language, const struct statement *st);

/* The table, as in an empty database. */
void sql_create_table(struct sql *sql, const struct store_table *table);
void sql_add_column(struct sql *sql, const struct store_table *table,
                    const struct store_column *column);
/* False: this database has no such index. */
bool sql_create_index(struct sql *sql, const struct store_table *table, const char *index);

#endif
