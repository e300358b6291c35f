/* MariaDB and MySQL, by MariaDB's Connector/C.
 *
 * Happy path: each statement is prepared, its parameters are bound, and its answer is read column
 * by column: numbers by value, everything else as text.
 *
 * Failure modes: error numbers are sorted into what may be tried again (deadlocks), what the
 * statement is to blame for, and all that means that the server, or this connection, is of no use
 * now. Tables are made without a transaction, which the server does not have for that; a named lock
 * keeps other processes away. */

#include "store_driver.h"

#include "base/date.h"

/* The library's list has a name of ours. */
#define list_add mysql_list_add
#include <mysql.h>
#undef list_add

#include <stdio.h>
#include <stdlib.h>

#define SHORT_MAX 64 /* bytes of a number or a time as text */

/* ---- errors ---------------------------------------------------------------------------------- */

enum {
    DUPLICATE = 1062,
    NO_PARENT = 1452,
    HAS_CHILDREN = 1451,
    LOCK_TIMEOUT = 1205,
    DEADLOCK = 1213
};

/* From the client's own range (2000) all mean the connection. */
static bool is_away(unsigned code)
{
    static const unsigned codes[] = {1021, 1030, 1037, 1038, 1040, 1041, 1042, 1043, 1044, 1045,
                                     1049, 1053, 1077, 1078, 1079, 1080, 1142, 1152, 1158, 1159,
                                     1160, 1161, 1184, 1203, 1226, 1290, 1836, 1927, 3024, 3100};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
        if (codes[i] == code)
            return true;
    return !code || (code >= 2000 && code < 3000);
}

static bool fail(unsigned code, const char *text, struct db_error *error)
{
    bool away = is_away(code);
    enum store_status status = away                                        ? STORE_UNAVAILABLE
                               : code == DUPLICATE                         ? STORE_CONFLICT
                               : code == NO_PARENT || code == HAS_CHILDREN ? STORE_REFERENCE
                                                                           : STORE_REFUSED;
    db_error_set(error, status, *text ? text : "the connection was lost");
    error->again = code == LOCK_TIMEOUT || code == DEADLOCK;
    error->lost = away;
    return false;
}

/* ---- the connection -------------------------------------------------------------------------- */

static bool mysql_exec(void *handle, const char *text, struct db_error *error)
{
    MYSQL *m = handle;
    if (mysql_real_query(m, text, (unsigned long)strlen(text)))
        return fail(mysql_errno(m), mysql_error(m), error);
    MYSQL_RES *result = mysql_store_result(m);
    mysql_free_result(result);
    return true;
}

static void mysql_close_handle(void *handle)
{
    mysql_close(handle);
    mysql_thread_end();
}

static const char *ssl_mode(const struct store_address *address)
{
    const char *mode = store_url_parameter(address, "ssl-mode");
    mode = mode ? mode : store_url_parameter(address, "sslmode");
    return mode ? mode : "";
}

static bool mode_is(const char *mode, const char *const *list)
{
    for (; *list; list++)
        if (slice_eq_nocase(slice_of(mode), slice_of(*list)))
            return true;
    return false;
}

static void set_options(MYSQL *m, const struct store_address *address,
                        const struct db_limits *limits)
{
    static const char *const wanted[] = {"required",        "require",     "verify_ca", "verify-ca",
                                         "verify_identity", "verify-full", NULL};
    static const char *const checked[] = {"verify_ca", "verify-ca", "verify_identity",
                                          "verify-full", NULL};
    unsigned connect = (unsigned)(limits->connect_timeout + 0.999);
    unsigned statement = (unsigned)(limits->statement_timeout + 0.999);
    my_bool enforce = mode_is(ssl_mode(address), wanted);
    my_bool verify = mode_is(ssl_mode(address), checked);
    mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &statement);
    mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &statement);
    mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(m, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_options(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (store_url_parameter(address, "ssl-ca"))
        mysql_options(m, MYSQL_OPT_SSL_CA, store_url_parameter(address, "ssl-ca"));
}

/* Strict, so that nothing is cut in silence; one statement sees what others committed. */
static const char *const session[] = {
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO'",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 10",
    NULL,
};

static void *mysql_open(const struct store_address *address, const struct db_limits *limits,
                        struct db_error *error)
{
    int64_t port = 0;
    MYSQL *m = mysql_init(NULL);
    if (!m)
        abort();
    set_options(m, address, limits);
    slice_to_i64(slice_of(address->port), &port);
    bool ok = mysql_real_connect(m, *address->host ? address->host : "localhost", address->user,
                                 address->password, address->database, (unsigned)port,
                                 store_url_parameter(address, "socket"), CLIENT_FOUND_ROWS) != NULL;
    if (!ok)
        fail(mysql_errno(m), mysql_error(m), error);
    for (const char *const *s = session; ok && *s; s++)
        ok = mysql_exec(m, *s, error);
    if (ok)
        return m;
    error->status = STORE_UNAVAILABLE;
    mysql_close_handle(m);
    return NULL;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void bind_bytes(MYSQL_BIND *b, struct slice text)
{
    b->buffer_type = MYSQL_TYPE_STRING;
    b->buffer = (char *)(uintptr_t)(text.n ? text.p : "");
    b->buffer_length = (unsigned long)text.n;
}

static void bind_value(MYSQL_BIND *b, const struct store_value *v, struct arena *a)
{
    char *time;
    if (v->null) {
        b->buffer_type = MYSQL_TYPE_NULL;
        return;
    }
    switch (v->type) {
    case STORE_INTEGER:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->buffer = (void *)(uintptr_t)&v->integer;
        break;
    case STORE_FLOAT:
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = (void *)(uintptr_t)&v->number;
        break;
    case STORE_BOOL:
        b->buffer_type = MYSQL_TYPE_TINY;
        b->buffer = (void *)(uintptr_t)&v->flag;
        break;
    case STORE_TIME:
        time = arena_alloc(a, DATE_SIZE);
        date_format_sql(v->integer, time);
        bind_bytes(b, slice_of(time));
        break;
    case STORE_TEXT:
    case STORE_JSON:
    case STORE_TEXTS: bind_bytes(b, v->text); break;
    }
}

static bool bind_values(MYSQL_STMT *stmt, const struct sql *sql, struct arena *a)
{
    MYSQL_BIND *binds = arena_zalloc(a, (sql->value_count + 1) * sizeof(*binds));
    for (size_t i = 0; i < sql->value_count; i++)
        bind_value(&binds[i], sql->values[i], a);
    return !sql->value_count || !mysql_stmt_bind_param(stmt, binds);
}

/* ---- answers --------------------------------------------------------------------------------- */

struct place { /* where one column of the current row comes to lie */
    MYSQL_BIND bind;
    unsigned long length;
    my_bool null;
    double number;
    char text[SHORT_MAX];
};

static void bind_place(struct place *p, enum store_type type)
{
    bool number = type == STORE_FLOAT;
    bool text = type == STORE_TEXT || type == STORE_JSON || type == STORE_TEXTS;
    p->bind = (MYSQL_BIND){
        .buffer_type = number ? MYSQL_TYPE_DOUBLE : MYSQL_TYPE_STRING,
        .buffer = number ? (void *)&p->number : p->text,
        .buffer_length = number ? sizeof(p->number)
                         : text ? 0
                                : SHORT_MAX,
        .length = &p->length,
        .is_null = &p->null,
    };
}

/* Texts are fetched once their length is known. */
static struct store_value take_cell(MYSQL_STMT *stmt, unsigned column, struct place *p,
                                    enum store_type type, struct arena *a)
{
    if (p->null)
        return (struct store_value){.type = type, .null = true};
    if (type == STORE_FLOAT)
        return store_number(p->number);
    if (p->bind.buffer_length)
        return store_value_from_text(type, slice_make(p->text, p->length), a);
    MYSQL_BIND whole = p->bind;
    whole.buffer = arena_alloc(a, p->length + 1);
    whole.buffer_length = p->length + 1;
    mysql_stmt_fetch_column(stmt, &whole, column, 0);
    return store_value_from_text(type, slice_make(whole.buffer, p->length), a);
}

static bool take_rows(MYSQL_STMT *stmt, struct arena *a, struct store_rows *rows)
{
    struct place *places = arena_zalloc(a, (rows->column_count + 1) * sizeof(*places));
    MYSQL_BIND *binds = arena_zalloc(a, (rows->column_count + 1) * sizeof(*binds));
    int code;
    for (size_t i = 0; i < rows->column_count; i++) {
        bind_place(&places[i], rows->columns[i].type);
        binds[i] = places[i].bind;
    }
    if (mysql_stmt_bind_result(stmt, binds) || mysql_stmt_store_result(stmt))
        return false;
    while ((code = mysql_stmt_fetch(stmt)) == 0 || code == MYSQL_DATA_TRUNCATED) {
        struct store_value *cells = rows_add(rows, a);
        for (size_t i = 0; cells && i < rows->column_count; i++)
            cells[i] = take_cell(stmt, (unsigned)i, &places[i], rows->columns[i].type, a);
    }
    return code == MYSQL_NO_DATA;
}

static bool run_prepared(MYSQL_STMT *stmt, const struct sql *sql, struct arena *a,
                         struct store_rows *rows)
{
    if (mysql_stmt_prepare(stmt, sql->text.p, (unsigned long)strlen(sql->text.p)) ||
        !bind_values(stmt, sql, a) || mysql_stmt_execute(stmt))
        return false;
    if (rows->column_count)
        return take_rows(stmt, a, rows);
    rows->changed += (int64_t)mysql_stmt_affected_rows(stmt);
    return true;
}

static bool mysql_run(void *handle, const struct sql *sql, struct arena *a, struct store_rows *rows,
                      struct db_error *error)
{
    MYSQL_STMT *stmt = mysql_stmt_init(handle);
    if (!stmt)
        abort();
    bool ok = run_prepared(stmt, sql, a, rows);
    if (!ok)
        fail(mysql_stmt_errno(stmt), mysql_stmt_error(stmt), error);
    mysql_stmt_close(stmt);
    return ok;
}

const struct store_driver store_mysql = {
    .kind = "mysql",
    .language = SQL_MYSQL,
    .begin = "BEGIN",
    .lock_schema = "DO GET_LOCK(CONCAT('lintel_', DATABASE()), 60)",
    .unlock_schema = "DO RELEASE_LOCK(CONCAT('lintel_', DATABASE()))",
    .abort_schema = "DO RELEASE_LOCK(CONCAT('lintel_', DATABASE()))",
    .list_columns = "SELECT table_name, column_name FROM information_schema.columns "
                    "WHERE table_schema = DATABASE()",
    .open = mysql_open,
    .close = mysql_close_handle,
    .exec = mysql_exec,
    .run = mysql_run,
};
