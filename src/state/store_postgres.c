/* PostgreSQL, by libpq.
 *
 * Happy path: statements go out with their parameters as text, whose types the server takes from
 * the columns; the answer is waited for with a time limit (a server that is stopped in the middle
 * of a statement keeps its connection alive).
 *
 * Failure modes: SQLSTATEs are sorted into what may be tried again (deadlocks), what the statement
 * is to blame for, and all that means that the server, or this connection, is of no use now. */

#include "base/date.h"
#include "io/clock.h"
#include "store_driver.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEMA_LOCK "5571103947512" /* any number, always the same */

struct handle {
    PGconn *conn;
    int64_t limit_ms; /* of a statement */
};

/* ---- errors ---------------------------------------------------------------------------------- */

static bool state_in(const char *state, const char *const *list)
{
    for (; *list; list++)
        if (strncmp(state, *list, strlen(*list)) == 0)
            return true;
    return false;
}

static void sort_error(const struct handle *h, const char *state, const char *text,
                       struct db_error *error)
{
    static const char *const again[] = {"40001", "40P01", "55P03", NULL};
    /* connection, resources, operator, system, read-only (a standby), not permitted, log-in */
    static const char *const away[] = {"08", "53", "57", "58", "25006", "42501", "28", "3D", NULL};
    bool gone = PQstatus(h->conn) != CONNECTION_OK || !state;
    enum store_status status = gone || state_in(state, away) ? STORE_UNAVAILABLE
                               : strcmp(state, "23505") == 0 ? STORE_CONFLICT
                               : strcmp(state, "23503") == 0 ? STORE_REFERENCE
                                                             : STORE_REFUSED;
    db_error_set(error, status, text && *text ? text : "the connection was lost");
    error->again = !gone && state_in(state, again);
    error->lost = status == STORE_UNAVAILABLE;
}

static bool fail(const struct handle *h, const PGresult *result, struct db_error *error)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    sort_error(h, state, text ? text : PQerrorMessage(h->conn), error);
    return false;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static bool wait_socket(const struct handle *h, short events, int64_t until)
{
    struct pollfd p = {.fd = PQsocket(h->conn), .events = events};
    int64_t left = until - clock_steady_ms();
    int n;
    do
        n = poll(&p, 1, left > 0 ? (int)left : 0);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

static bool send_rest(const struct handle *h, int64_t until)
{
    int left;
    while ((left = PQflush(h->conn)) > 0) {
        if (!wait_socket(h, POLLIN | POLLOUT, until))
            return false;
        if (!PQconsumeInput(h->conn))
            return false;
    }
    return left == 0;
}

static bool wait_result(const struct handle *h, int64_t until)
{
    if (!send_rest(h, until))
        return false;
    while (PQisBusy(h->conn))
        if (!wait_socket(h, POLLIN, until) || !PQconsumeInput(h->conn))
            return false;
    return true;
}

/* The last answer of what was sent; NULL: `error`. */
static PGresult *take_result(const struct handle *h, int sent, struct db_error *error)
{
    int64_t until = clock_steady_ms() + h->limit_ms;
    PGresult *last = NULL, *result;
    if (!sent) {
        fail(h, NULL, error);
        return NULL;
    }
    for (;;) {
        if (!wait_result(h, until)) {
            db_error_set(error, STORE_UNAVAILABLE, "no answer in time");
            error->lost = true;
            PQclear(last);
            return NULL;
        }
        result = PQgetResult(h->conn);
        if (!result)
            break;
        PQclear(last);
        last = result;
        if (PQresultStatus(result) == PGRES_FATAL_ERROR && PQstatus(h->conn) != CONNECTION_OK)
            break;
    }
    ExecStatusType status = PQresultStatus(last);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return last;
    fail(h, last, error);
    PQclear(last);
    return NULL;
}

/* ---- the connection -------------------------------------------------------------------------- */

static bool postgres_exec(void *handle, const char *text, struct db_error *error)
{
    const struct handle *h = handle;
    PGresult *result = take_result(h, PQsendQuery(h->conn, text), error);
    PQclear(result);
    return result != NULL;
}

static void postgres_close(void *handle)
{
    struct handle *h = handle;
    PQfinish(h->conn);
    free(h);
}

struct keywords {
    const char *names[24], *values[24];
    size_t count;
};

static void add_keyword(struct keywords *k, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    k->names[k->count] = name;
    k->values[k->count++] = value;
}

/* Those of libpq that make sense in a URL; Prisma's own are passed over. */
static PGconn *connect_to(const struct store_address *address, const struct db_limits *limits)
{
    static const char *const passed[] = {
        "sslmode",         "sslrootcert",          "sslcert",         "sslkey",     "sslpassword",
        "sslcrl",          "target_session_attrs", "channel_binding", "gssencmode", "options",
        "application_name"};
    struct keywords k = {.count = 0};
    char seconds[16], milliseconds[16];
    const char *socket = store_url_parameter(address, "host");
    snprintf(seconds, sizeof(seconds), "%d", (int)(limits->connect_timeout + 0.999));
    snprintf(milliseconds, sizeof(milliseconds), "%d", (int)(limits->statement_timeout * 1000));
    add_keyword(&k, "host", socket ? socket : address->host);
    add_keyword(&k, "port", address->port);
    add_keyword(&k, "user", address->user);
    add_keyword(&k, "password", address->password);
    add_keyword(&k, "dbname", address->database);
    add_keyword(&k, "connect_timeout", seconds);
    add_keyword(&k, "tcp_user_timeout", milliseconds);
    add_keyword(&k, "keepalives_idle", "30");
    add_keyword(&k, "application_name", "lintel");
    add_keyword(&k, "client_encoding", "UTF8");
    for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++)
        add_keyword(&k, passed[i], store_url_parameter(address, passed[i]));
    k.names[k.count] = k.values[k.count] = NULL;
    return PQconnectdbParams(k.names, k.values, 0);
}

/* Times are UTC, as LiteLLM's are; Prisma's `schema` is the search path. */
static bool set_up(struct handle *h, const struct store_address *address, struct db_error *error)
{
    const char *schema = store_url_parameter(address, "schema");
    if (!postgres_exec(h, "SET TIME ZONE 'UTC'", error))
        return false;
    if (!schema)
        return true;
    char text[256], *quoted = PQescapeIdentifier(h->conn, schema, strlen(schema));
    snprintf(text, sizeof(text), "SET search_path TO %s", quoted ? quoted : "public");
    PQfreemem(quoted);
    return postgres_exec(h, text, error);
}

static void drop_notice(void *user, const PGresult *result)
{
}

static void *postgres_open(const struct store_address *address, const struct db_limits *limits,
                           struct db_error *error)
{
    struct handle *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    h->limit_ms = (int64_t)(limits->statement_timeout * 1000);
    h->conn = connect_to(address, limits);
    if (!h->conn)
        abort();
    if (PQstatus(h->conn) != CONNECTION_OK) {
        db_error_set(error, STORE_UNAVAILABLE, PQerrorMessage(h->conn));
    } else {
        PQsetNoticeReceiver(h->conn, drop_notice, NULL);
        PQsetnonblocking(h->conn, 1);
        if (set_up(h, address, error))
            return h;
    }
    postgres_close(h);
    return NULL;
}

/* ---- statements ------------------------------------------------------------------------------ */

static void add_quoted(struct buf *b, struct slice s)
{
    buf_add_char(b, '"');
    for (size_t from = 0, i = 0; i <= s.n; i++)
        if (i == s.n || s.p[i] == '"' || s.p[i] == '\\') {
            buf_add(b, slice_make(s.p + from, i - from));
            if (i < s.n)
                buf_add_char(b, '\\');
            from = i;
        }
    buf_add_char(b, '"');
}

/* ["a","b"] as {"a","b"}: PostgreSQL's quoting differs from JSON's. */
static const char *array_literal(struct slice json, struct arena *a)
{
    size_t i, n;
    yyjson_val *element, *list = json_parse(json, a, NULL);
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_add_char(&b, '{');
    yyjson_arr_foreach(list, i, n, element)
    {
        if (i)
            buf_add_char(&b, ',');
        add_quoted(&b, json_slice(element));
    }
    buf_add_char(&b, '}');
    const char *text = arena_strdup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static const char *parameter(const struct store_value *v, struct arena *a)
{
    char time[DATE_SIZE];
    if (v->null)
        return NULL;
    switch (v->type) {
    case STORE_TEXT:
    case STORE_JSON: return arena_strdup(a, v->text);
    case STORE_TEXTS: return array_literal(v->text, a);
    case STORE_INTEGER: return arena_integer(a, v->integer).p;
    case STORE_FLOAT: return arena_printf(a, "%.17g", v->number).p;
    case STORE_BOOL: return v->flag ? "t" : "f";
    case STORE_TIME: date_format_sql(v->integer, time); return arena_strdup(a, slice_of(time));
    }
    return NULL;
}

static void add_element(struct buf *b, const struct store_value *v)
{
    char time[DATE_SIZE];
    if (v->null) {
        buf_add(b, SLICE("NULL"));
        return;
    }
    switch (v->type) {
    case STORE_TEXT:
    case STORE_JSON:
    case STORE_TEXTS: add_quoted(b, v->text); break;
    case STORE_INTEGER: buf_addf(b, "%lld", (long long)v->integer); break;
    case STORE_FLOAT: buf_addf(b, "%.17g", v->number); break;
    case STORE_BOOL: buf_add_char(b, v->flag ? 't' : 'f'); break;
    case STORE_TIME:
        date_format_sql(v->integer, time);
        add_quoted(b, slice_of(time));
        break;
    }
}

/* A column of many rows as {"a",NULL,"b"}. */
static const char *list_parameter(const struct sql *sql, size_t i, struct arena *a)
{
    struct buf b;
    buf_init(&b, SIZE_MAX);
    for (size_t row = 0; row < sql->list; row++) {
        buf_add_char(&b, row ? ',' : '{');
        add_element(&b, sql->values[i] + row * sql->stride);
    }
    buf_add_char(&b, '}');
    const char *text = arena_strdup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static struct store_value cell(const PGresult *result, int row, int column, enum store_type type,
                               struct arena *a)
{
    if (PQgetisnull(result, row, column))
        return (struct store_value){.type = type, .null = true};
    struct slice text =
        slice_make(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
    return store_value_from_text(type, text, a);
}

static void take_rows(const PGresult *result, struct arena *a, struct store_rows *rows)
{
    int64_t changed = 0;
    for (int row = 0; row < PQntuples(result); row++) {
        struct store_value *cells = rows_add(rows, a);
        for (size_t i = 0; cells && i < rows->column_count; i++)
            cells[i] = cell(result, row, (int)i, rows->columns[i].type, a);
    }
    if (slice_to_i64(slice_of(PQcmdTuples((PGresult *)(uintptr_t)result)), &changed) &&
        PQresultStatus(result) == PGRES_COMMAND_OK)
        rows->changed += changed;
}

static bool postgres_run(void *handle, const struct sql *sql, struct arena *a,
                         struct store_rows *rows, struct db_error *error)
{
    const struct handle *h = handle;
    struct arena_mark mark = arena_mark(a);
    const char **values = arena_alloc(a, (sql->value_count + 1) * sizeof(*values)); /* NOLINT */
    for (size_t i = 0; i < sql->value_count; i++)
        values[i] = sql->list ? list_parameter(sql, i, a) : parameter(sql->values[i], a);
    int sent =
        PQsendQueryParams(h->conn, sql->text.p, (int)sql->value_count, NULL, values, NULL, NULL, 0);
    arena_rewind(a, mark); /* libpq has its own copy */
    PGresult *result = take_result(h, sent, error);
    if (result)
        take_rows(result, a, rows);
    PQclear(result);
    return result != NULL;
}

const struct store_driver store_postgres = {
    .kind = "postgresql",
    .language = SQL_POSTGRES,
    .begin = "BEGIN",
    .lock_schema = "BEGIN; SELECT pg_advisory_xact_lock(" SCHEMA_LOCK ")",
    .unlock_schema = "COMMIT",
    .abort_schema = "ROLLBACK",
    .list_columns = "SELECT table_name::text, column_name::text FROM information_schema.columns "
                    "WHERE table_schema = current_schema()",
    .open = postgres_open,
    .close = postgres_close,
    .exec = postgres_exec,
    .run = postgres_run,
};
