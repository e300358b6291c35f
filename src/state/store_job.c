/* Jobs: statements are put together here, checked against the tables, and copied.
 *
 * Happy path: names become places in the table; values are copied into the job's arena; the columns
 * of the answer are laid out; what the tables want in every row (updated_at, ids) is added.
 *
 * Failure modes: a column that the table has not, a value of another type than its column, an
 * update or delete without condition, too many statements: bugs of the caller, found by assertion.
 */

#include "store_private.h"

#include "io/clock.h"
#include "wire/crypto.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

void store_job_init(struct store_job *job)
{
    *job = (struct store_job){0};
    list_init(&job->link);
    arena_init(&job->arena);
}

void store_job_fini(struct store_job *job)
{
    arena_fini(&job->arena);
}

struct store_job *store_job_new(struct store *s)
{
    struct store_job *job = malloc(sizeof(*job));
    if (!job)
        abort();
    store_job_init(job);
    job->store = s;
    return job;
}

void store_job_free(struct store_job *job)
{
    if (!job)
        return;
    assert(!job->running);
    store_job_fini(job);
    free(job);
}

struct arena *store_job_arena(struct store_job *job)
{
    return &job->arena;
}

static struct statement *add_statement(struct store_job *job, enum statement_kind kind,
                                       enum store_table_id table)
{
    assert(!job->running && (!job->store || job->count < STORE_STATEMENTS_MAX));
    if (job->count == job->size) {
        size_t size = job->size ? job->size * 2 : 4;
        job->statements =
            arena_realloc(&job->arena, job->statements, job->size * sizeof(struct statement),
                          size * sizeof(struct statement));
        job->size = size;
    }
    struct statement *st = &job->statements[job->count++];
    *st = (struct statement){.kind = kind,
                             .table = store_table(table),
                             .expect = -1,
                             .day = -1,
                             .limit = STORE_ROWS_MAX};
    return st;
}

static unsigned column_of(const struct statement *st, struct slice name)
{
    int column = store_column_find(st->table, name);
    assert(column >= 0);
    return (unsigned)column;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool has_text(enum store_type type)
{
    return type == STORE_TEXT || type == STORE_JSON || type == STORE_TEXTS;
}

/* Made fit for the column, and copied. */
static struct store_value take_value(struct store_job *job, enum store_type type,
                                     struct store_value v)
{
    if (v.null)
        return (struct store_value){.type = type, .null = true};
    if (type == STORE_FLOAT && v.type == STORE_INTEGER)
        v = store_number((double)v.integer);
    assert(v.type == type);
    if (has_text(type))
        v.text = arena_dup(&job->arena, v.text);
    return v;
}

/* ---- conditions ------------------------------------------------------------------------------ */

static void take_list(struct store_job *job, struct condition *c, enum store_type type,
                      struct slice json)
{
    size_t i, n;
    yyjson_val *element, *list = json_parse(json, &job->arena, NULL);
    assert(list && yyjson_is_arr(list) && yyjson_arr_size(list) <= STORE_LIST_MAX);
    struct store_column as = {.type = type};
    c->list = arena_alloc(&job->arena, (yyjson_arr_size(list) + 1) * sizeof(*c->list));
    yyjson_arr_foreach(list, i, n, element)
    {
        bool ok = store_value_from_json(&as, element, &job->arena, &c->list[c->list_count++]);
        assert(ok);
    }
}

/* It becomes a part of the SQL. */
static bool is_path(struct slice path)
{
    for (size_t i = 0; i < path.n; i++)
        if (!isalnum((unsigned char)path.p[i]) && path.p[i] != '_' && path.p[i] != '.')
            return false;
    return path.n != 0;
}

static void take_condition(struct store_job *job, const struct statement *st, struct condition *c,
                           const struct store_where *w)
{
    struct slice path = slice_of(w->column), column = slice_split(&path, '.');
    *c = (struct condition){.column = column_of(st, column), .test = w->test, .any = w->any};
    enum store_type type = st->table->columns[c->column].type;
    if (path.p) {
        assert(type == STORE_JSON && is_path(path));
        c->path = arena_strdup(&job->arena, path);
        type = STORE_TEXT;
    }
    switch (w->test) {
    case STORE_IS_NULL:
    case STORE_NOT_NULL: break;
    case STORE_IN:
        assert(w->value.type == STORE_TEXTS);
        take_list(job, c, type, w->value.text);
        break;
    case STORE_HOLDS:
    case STORE_HAS:
        assert(w->test == STORE_HAS ? type == STORE_TEXTS || type == STORE_JSON
                                    : type == STORE_TEXT);
        c->value = take_value(job, STORE_TEXT, w->value);
        break;
    case STORE_EQ:
    case STORE_NE:
    case STORE_LT:
    case STORE_LE:
    case STORE_GT:
    case STORE_GE:
        c->value = take_value(job, type, w->value);
        assert(!c->value.null);
        break;
    }
}

static void take_where(struct store_job *job, struct statement *st, const struct store_where *where,
                       size_t n)
{
    st->where = arena_alloc(&job->arena, (n + 1) * sizeof(*st->where));
    st->where_count = n;
    for (size_t i = 0; i < n; i++)
        take_condition(job, st, &st->where[i], &where[i]);
}

/* ---- reading --------------------------------------------------------------------------------- */

static unsigned *take_columns(struct store_job *job, const struct statement *st,
                              const char *const *names, size_t n)
{
    unsigned *columns = arena_alloc(&job->arena, (n + 1) * sizeof(*columns));
    for (size_t i = 0; i < n; i++)
        columns[i] = column_of(st, slice_of(names[i]));
    return columns;
}

static void take_all_columns(struct store_job *job, struct statement *st)
{
    st->column_count = st->table->column_count;
    st->columns = arena_alloc(&job->arena, st->column_count * sizeof(*st->columns));
    for (size_t i = 0; i < st->column_count; i++)
        st->columns[i] = (unsigned)i;
}

static void answer_column(struct statement *st, const char *name, enum store_type type)
{
    st->answer[st->answer_count++] = (struct store_column){.name = name, .type = type};
}

static void take_query(struct store_job *job, struct statement *st, const struct store_query *q)
{
    take_where(job, st, q->where, q->where_count);
    assert(q->limit >= 0 && q->offset >= 0);
    if (q->limit && q->limit < STORE_ROWS_MAX)
        st->limit = q->limit;
    st->offset = q->offset;
}

size_t store_select(struct store_job *job, const struct store_query *q)
{
    struct statement *st = add_statement(job, STATEMENT_SELECT, q->table);
    take_query(job, st, q);
    st->column_count = q->column_count;
    if (q->columns)
        st->columns = take_columns(job, st, q->columns, q->column_count);
    else
        take_all_columns(job, st);
    st->answer = arena_alloc(&job->arena, st->column_count * sizeof(*st->answer));
    for (size_t i = 0; i < st->column_count; i++)
        st->answer[st->answer_count++] = st->table->columns[st->columns[i]];
    st->order = arena_alloc(&job->arena, (q->order_count + 1) * sizeof(*st->order));
    for (size_t i = 0; i < q->order_count; i++)
        st->order[st->order_count++] =
            (struct ordering){.column = column_of(st, slice_of(q->order[i].column)),
                              .descending = q->order[i].descending};
    return job->count - 1;
}

size_t store_count(struct store_job *job, const struct store_query *q)
{
    struct statement *st = add_statement(job, STATEMENT_COUNT, q->table);
    take_where(job, st, q->where, q->where_count);
    st->limit = q->limit;
    st->answer = arena_alloc(&job->arena, sizeof(*st->answer));
    answer_column(st, "count", STORE_INTEGER);
    return job->count - 1;
}

static unsigned answer_of(const struct statement *st, const char *name)
{
    unsigned i = 0;
    while (i < st->answer_count && strcmp(st->answer[i].name, name) != 0)
        i++;
    assert(i < st->answer_count);
    return i;
}

static void lay_out_report(struct store_job *job, struct statement *st)
{
    const struct store_column *columns = st->table->columns;
    size_t n = st->column_count + st->sum_count + 2;
    st->answer = arena_alloc(&job->arena, n * sizeof(*st->answer));
    if (st->day >= 0)
        answer_column(st, columns[st->day].name, STORE_TEXT);
    for (size_t i = 0; i < st->column_count; i++)
        answer_column(st, columns[st->columns[i]].name, columns[st->columns[i]].type);
    for (size_t i = 0; i < st->sum_count; i++)
        answer_column(st, columns[st->sums[i]].name, columns[st->sums[i]].type);
    answer_column(st, "count", STORE_INTEGER);
}

size_t store_report(struct store_job *job, const struct store_report *r)
{
    const struct store_query *q = &r->query;
    struct statement *st = add_statement(job, STATEMENT_REPORT, q->table);
    take_query(job, st, q);
    st->column_count = r->by_count;
    st->columns = take_columns(job, st, r->by, r->by_count);
    st->sum_count = r->sum_count;
    st->sums = take_columns(job, st, r->sums, r->sum_count);
    if (r->day)
        st->day = (int)column_of(st, slice_of(r->day));
    lay_out_report(job, st);
    st->order = arena_alloc(&job->arena, (q->order_count + 1) * sizeof(*st->order));
    for (size_t i = 0; i < q->order_count; i++)
        st->order[st->order_count++] = (struct ordering){
            .column = answer_of(st, q->order[i].column), .descending = q->order[i].descending};
    return job->count - 1;
}

/* ---- writing --------------------------------------------------------------------------------- */

#define EXTRA_MAX 3 /* id, created_at, updated_at */

static bool writes_column(const struct statement *st, unsigned column)
{
    for (size_t i = 0; i < st->column_count; i++)
        if (st->columns[i] == column)
            return true;
    return false;
}

static void add_column(struct statement *st, const char *name, enum store_change change,
                       struct store_value value)
{
    int column = name ? store_column_find(st->table, slice_of(name)) : -1;
    if (column < 0 || writes_column(st, (unsigned)column) ||
        st->table->columns[column].type != value.type)
        return;
    for (size_t row = st->row_count; row-- > 0;) { /* the rows grow by a cell, from the end */
        struct store_value *from = st->values + row * st->column_count;
        struct store_value *to = st->values + row * (st->column_count + 1);
        memmove(to, from, st->column_count * sizeof(*to));
        to[st->column_count] = value;
    }
    st->changes[st->column_count] = change;
    st->columns[st->column_count++] = (unsigned)column;
}

/* The same row always gets the same id, whoever writes it first. */
static struct slice id_of_row(struct store_job *job, const struct statement *st,
                              const struct store_value *row)
{
    uint8_t digest[SHA256_SIZE];
    char hex[HEX_SIZE(SHA256_SIZE)];
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_add(&b, slice_of(st->table->name));
    for (const char *const *k = st->table->key; *k; k++)
        for (size_t i = 0; i < st->column_count; i++)
            if (strcmp(st->table->columns[st->columns[i]].name, *k) == 0) {
                buf_addf(&b, "|%zu|", row[i].text.n);
                buf_add(&b, row[i].text);
            }
    sha256(buf_slice(&b), digest);
    buf_fini(&b);
    hex_encode(digest, SHA256_SIZE, hex);
    return arena_printf(&job->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                        hex + 20);
}

static struct slice random_id(struct store_job *job)
{
    char id[UUID_SIZE];
    random_uuid(id);
    return arena_dup(&job->arena, slice_of(id));
}

static void add_ids(struct store_job *job, struct statement *st)
{
    const char *id = st->table->id;
    size_t before = st->column_count;
    add_column(st, id, STORE_ONCE, store_text(SLICE("")));
    if (st->column_count == before)
        return;
    for (size_t row = 0; row < st->row_count; row++) {
        struct store_value *values = st->values + row * st->column_count;
        values[before].text =
            st->kind == STATEMENT_UPSERT ? id_of_row(job, st, values) : random_id(job);
    }
}

static void add_times(struct statement *st)
{
    struct store_value now = store_time(clock_unix_ms());
    add_column(st, "updated_at", STORE_SET, now);
    if (st->kind != STATEMENT_UPDATE && st->kind != STATEMENT_UPDATE_ROWS)
        add_column(st, "created_at", STORE_ONCE, now);
}

/* Room for what is added. */
static void make_room(struct store_job *job, struct statement *st, size_t columns, size_t rows)
{
    st->columns = arena_alloc(&job->arena, (columns + EXTRA_MAX) * sizeof(*st->columns));
    st->changes = arena_alloc(&job->arena, (columns + EXTRA_MAX) * sizeof(*st->changes));
    st->values = arena_alloc(&job->arena, (columns + EXTRA_MAX) * rows * sizeof(*st->values));
    st->column_count = columns;
    st->row_count = rows;
}

static size_t add_writing(struct store_job *job, enum statement_kind kind,
                          enum store_table_id table, const struct store_cell *cells, size_t n)
{
    struct statement *st = add_statement(job, kind, table);
    make_room(job, st, n, 1);
    for (size_t i = 0; i < n; i++) {
        st->columns[i] = column_of(st, slice_of(cells[i].column));
        st->changes[i] = cells[i].change;
        st->values[i] = take_value(job, st->table->columns[st->columns[i]].type, cells[i].value);
    }
    if (kind != STATEMENT_UPDATE)
        add_ids(job, st);
    add_times(st);
    return job->count - 1;
}

size_t store_insert(struct store_job *job, enum store_table_id table,
                    const struct store_cell *cells, size_t n)
{
    return add_writing(job, STATEMENT_INSERT, table, cells, n);
}

size_t store_upsert(struct store_job *job, enum store_table_id table,
                    const struct store_cell *cells, size_t n)
{
    return add_writing(job, STATEMENT_UPSERT, table, cells, n);
}

size_t store_insert_new(struct store_job *job, enum store_table_id table,
                        const struct store_cell *cells, size_t n)
{
    return add_writing(job, STATEMENT_INSERT_NEW, table, cells, n);
}

size_t store_update(struct store_job *job, enum store_table_id table,
                    const struct store_cell *cells, size_t n, const struct store_where *where,
                    size_t where_count)
{
    assert(n && where_count);
    size_t at = add_writing(job, STATEMENT_UPDATE, table, cells, n);
    take_where(job, &job->statements[at], where, where_count);
    return at;
}

size_t store_delete(struct store_job *job, enum store_table_id table,
                    const struct store_where *where, size_t where_count)
{
    assert(where_count);
    take_where(job, add_statement(job, STATEMENT_DELETE, table), where, where_count);
    return job->count - 1;
}

static struct statement *add_rows(struct store_job *job, enum statement_kind kind,
                                  enum store_table_id table, const char *const *columns,
                                  const enum store_change *changes, size_t column_count,
                                  const struct store_value *values, size_t row_count)
{
    struct statement *st = add_statement(job, kind, table);
    make_room(job, st, column_count, row_count);
    for (size_t i = 0; i < column_count; i++) {
        st->columns[i] = column_of(st, slice_of(columns[i]));
        st->changes[i] = changes ? changes[i] : STORE_SET;
    }
    memcpy(st->values, values, column_count * row_count * sizeof(*values));
    return st;
}

size_t store_insert_rows(struct store_job *job, enum statement_kind kind, enum store_table_id table,
                         const char *const *columns, const enum store_change *changes,
                         size_t column_count, struct store_value *values, size_t row_count)
{
    struct statement *st =
        add_rows(job, kind, table, columns, changes, column_count, values, row_count);
    add_ids(job, st);
    add_times(st);
    return job->count - 1;
}

size_t store_update_rows(struct store_job *job, enum store_table_id table,
                         const char *const *columns, const enum store_change *changes,
                         size_t column_count, struct store_value *values, size_t row_count)
{
    add_times(add_rows(job, STATEMENT_UPDATE_ROWS, table, columns, changes, column_count, values,
                       row_count));
    return job->count - 1;
}

void store_expect(struct store_job *job, int64_t rows)
{
    assert(job->count);
    job->statements[job->count - 1].expect = rows;
}

void store_tell(struct store_job *job, enum store_table_id table, struct slice key)
{
    struct store_cell cells[] = {
        {"table_name", store_text(slice_of(store_table(table)->name)), STORE_SET},
        {"row_key", store_text(key), STORE_SET},
        {"told_by", store_text(slice_of(store_name(job->store))), STORE_SET},
    };
    struct store_told *told = ARENA_NEW(&job->arena, struct store_told);
    store_insert(job, TABLE_LINTEL_CHANGES, cells, 3);
    *told = (struct store_told){job->told, table, arena_dup(&job->arena, key)};
    job->told = told;
}

bool statement_reads(const struct statement *st)
{
    return st->kind == STATEMENT_SELECT || st->kind == STATEMENT_COUNT ||
           st->kind == STATEMENT_REPORT;
}

bool store_job_reads(const struct store_job *job)
{
    for (size_t i = 0; i < job->count; i++)
        if (!statement_reads(&job->statements[i]))
            return false;
    return true;
}

/* ---- the answer ------------------------------------------------------------------------------ */

enum store_status store_job_status(const struct store_job *job)
{
    return job->status;
}

size_t store_job_failed(const struct store_job *job)
{
    return job->failed;
}

bool store_job_uncertain(const struct store_job *job)
{
    return job->uncertain;
}

const char *store_job_error(const struct store_job *job)
{
    return job->error;
}

const struct store_rows *store_job_rows(const struct store_job *job, size_t statement)
{
    assert(!job->running && job->status == STORE_OK && statement < job->count);
    return &job->statements[statement].rows;
}

const struct store_value *store_rows_at(const struct store_rows *rows, size_t row,
                                        const char *column)
{
    size_t i = 0;
    while (i < rows->column_count && strcmp(rows->columns[i].name, column) != 0)
        i++;
    assert(i < rows->column_count && row < rows->count);
    return &rows->values[row * rows->column_count + i];
}

struct slice store_rows_text(const struct store_rows *rows, size_t row, const char *column)
{
    const struct store_value *v = store_rows_at(rows, row, column);
    assert(has_text(v->type));
    return v->null ? slice_make(NULL, 0) : v->text;
}

double store_rows_number(const struct store_rows *rows, size_t row, const char *column)
{
    const struct store_value *v = store_rows_at(rows, row, column);
    assert(v->type == STORE_FLOAT || v->type == STORE_INTEGER || v->type == STORE_TIME);
    return v->null ? 0 : v->type == STORE_FLOAT ? v->number : (double)v->integer;
}

bool store_rows_flag(const struct store_rows *rows, size_t row, const char *column)
{
    const struct store_value *v = store_rows_at(rows, row, column);
    assert(v->type == STORE_BOOL);
    return !v->null && v->flag;
}

void store_row_write(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        json_key_slice(w, slice_of(rows->columns[i].name));
        store_value_write(w, &rows->values[row * rows->column_count + i]);
    }
}
