#ifndef STATE_STORE_DRIVER_H
#define STATE_STORE_DRIVER_H

/* One database library behind a few blocking calls; the store's thread only. A handle is used until
 * an error says it is lost. Each driver is the only file that includes its library's header. */

#include "store_sql.h"
#include "store_url.h"

struct db_error {
    enum store_status status;
    bool again; /* a deadlock or the like: the whole transaction may be tried again */
    bool lost;  /* the connection is gone, or of no use: close the handle */
    char text[256];
};

struct db_limits {
    double connect_timeout, statement_timeout; /* seconds, > 0 */
};

struct store_driver {
    const char *kind;
    enum sql_language language;
    const char *begin;                        /* of a transaction that writes */
    const char *lock_schema;                  /* one process at a time makes tables … */
    const char *unlock_schema, *abort_schema; /* … which hold, or not */
    const char *list_columns; /* SQL: table name, column name of everything there is */
    /* NULL: `error`. */
    void *(*open)(const struct store_address *address, const struct db_limits *limits,
                  struct db_error *error);
    void (*close)(void *handle);
    /* One statement without parameters or answer. */
    bool (*exec)(void *handle, const char *text, struct db_error *error);
    /* One statement; its answer has rows->columns; cells are made in the arena. */
    bool (*run)(void *handle, const struct sql *sql, struct arena *a, struct store_rows *rows,
                struct db_error *error);
};

extern const struct store_driver store_sqlite, store_postgres, store_mysql;

/* Room for one more row; its cells, or NULL when `rows` has STORE_ROWS_MAX (then rows->more). */
struct store_value *rows_add(struct store_rows *rows, struct arena *a);

/* `text` may come from the database and is made one clean line. */
void db_error_set(struct db_error *error, enum store_status status, const char *text);

#endif
