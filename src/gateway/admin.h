#ifndef GATEWAY_ADMIN_H
#define GATEWAY_ADMIN_H

/* What the management routes (/key, /user, /team, /budget, …) share: a client's JSON body → cells
 * of a row, rows → JSON with LiteLLM's members, budgets that other rows name, pages of a list.
 * Each table is described once, by a struct admin_fields. Single thread, inside a handler. */

#include "ask.h"
#include "base/map.h"

#define ADMIN_CELLS_MAX 96
#define ADMIN_IDS_MAX   300 /* rows that one request may name */

/* What is written to a row. */
struct admin_cells {
    struct store_cell v[ADMIN_CELLS_MAX];
    size_t n;
};

/* All lists end with NULL; a list that is NULL is empty. */
struct admin_fields {
    enum store_table_id table;
    const char *const *settable;    /* columns that are the client's to set, by the same name */
    const char *const *in_metadata; /* members that have no column and lie in `metadata` */
    const char *const *hidden;      /* columns that answers leave out */
    const char *const *nulls;       /* members of LiteLLM's answers that are always null here */
};

/* In the place of what the column was given before. */
void admin_set(struct admin_cells *cells, const char *column, struct store_value value);

/* ---- the client's words ---------------------------------------------------------------------- */

/* The settable members of a body; others are passed over. With `budget_duration` comes
 * `budget_reset_at`. `metadata`: of the row so far, JSON; empty: it is new. Members of another type
 * and budgets below 0 are a 400. False: see ex->failure. */
bool admin_read(struct exchange *ex, const struct admin_fields *fields, yyjson_val *body,
                struct slice metadata, struct admin_cells *cells);

/* A member, whatever its name, for that column of a table: one that is not there, and null where
 * the column may not be empty, makes no cell. False: see ex->failure. */
bool admin_read_member(struct exchange *ex, enum store_table_id table, yyjson_val *body,
                       const char *name, const char *column, struct admin_cells *cells);

/* A body, and the members of `defaults` (NULL: none) where it says nothing, null or []. NULL: it
 * is too long; see ex->failure. */
yyjson_val *admin_with_defaults(struct exchange *ex, yyjson_val *body, yyjson_val *defaults);

/* `old` with the members of `new`, either an object or NULL; null takes one away. */
yyjson_val *admin_merge(struct exchange *ex, yyjson_val *old, yyjson_val *new);

/* A JSON object with one text more, or another one in its place. */
struct slice admin_json_with(struct exchange *ex, struct slice object, const char *name,
                             struct slice text);

/* A duration ("30d"; null takes it away) → the time it ends, in `column`; `aligned`: to the
 * calendar, as budgets are. Not there: no cell. */
bool admin_read_time(struct exchange *ex, yyjson_val *body, const char *name, const char *column,
                     bool aligned, struct admin_cells *cells);

/* A member that must be a text, not empty. p == NULL: the failure is set. */
struct slice admin_need_text(struct exchange *ex, yyjson_val *body, const char *name);

/* A member that must be a list of 1 to ADMIN_IDS_MAX texts. NULL: the failure is set. */
yyjson_val *admin_need_texts(struct exchange *ex, yyjson_val *body, const char *name);

/* The member, or a new UUID. */
struct slice admin_id(struct exchange *ex, yyjson_val *body, const char *name);

struct slice admin_who(const struct exchange *ex); /* who asks: for created_by and its like */
struct slice admin_key(const struct exchange *ex); /* with which key: its hash, or a name */

/* ---- refusals: LiteLLM's shape and types ----------------------------------------------------- */

/* {"error": {…}}; `type` NULL: "internal_server_error", which LiteLLM says of most of them. */
void admin_refuse(struct exchange *ex, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* error.param of the failure that was set. */
void admin_show_param(struct exchange *ex, const char *param);

/* ---- lists of texts -------------------------------------------------------------------------- */

/* JSON being made: ["a","b"], for STORE_IN and STORE_TEXTS. */
struct admin_texts {
    struct buf text;
    struct json_writer w;
};

void admin_texts_begin(struct admin_texts *t);
void admin_texts_add(struct admin_texts *t, struct slice text);
struct slice admin_texts_end(struct admin_texts *t, struct arena *a);

/* The cells of a column, without the empty ones; at most STORE_LIST_MAX. */
struct slice admin_column(const struct store_rows *rows, const char *column, struct arena *a);

/* ---- asking ---------------------------------------------------------------------------------- */

struct store_where admin_where(const char *column, struct slice text);
struct store_where admin_where_in(const char *column, struct slice json_list);

struct admin_page {
    int64_t page, size; /* page: from 1 */
};

/* That page of what the query is for, and, as the next answer, how many rows there are in all. */
void admin_select_page(struct store_job *job, const struct store_query *all,
                       const struct admin_page *page);

/* All rows of a table with that text, or one of these, in a column. */
size_t admin_select(struct store_job *job, enum store_table_id table, const char *column,
                    struct slice text);
size_t admin_select_in(struct store_job *job, enum store_table_id table, const char *column,
                       struct slice json_list);

/* Row → a cell of each column that the other table has too: for the tables of what was deleted.
 * Adds `id`, `deleted_by`, `deleted_by_api_key`. */
void admin_copy_deleted(struct exchange *ex, const struct store_rows *rows, size_t row,
                        enum store_table_id to, struct admin_cells *cells);

/* Changes the row if it is still as it was read: another change since is STORE_CONFLICT, and the
 * reader begins again (admin_again). The table has `updated_at`. */
void admin_update_same(struct store_job *job, struct admin_cells *cells, const char *id_column,
                       enum store_table_id table, const struct store_rows *rows, size_t row);

#define ADMIN_TRIES 20

/* After such a conflict: whether to begin again. False: that was done too often; the failure is
 * set. `tries`: so far, from 0 on. */
bool admin_again(struct exchange *ex, unsigned *tries);

/* A row with that text in the column. False: there is none. */
bool admin_find(const struct store_rows *rows, const char *column, struct slice text, size_t *row);

/* The rows by that column, from 1 on: map_get gives (void *)(row + 1). For lists that are long. */
void admin_index(struct map *m, const struct store_rows *rows, const char *column);
bool admin_look_up(const struct map *m, struct slice text, size_t *row);

/* ---- answers --------------------------------------------------------------------------------- */

/* A column's value; the secrets of metadata hidden. */
void admin_write_value(struct json_writer *w, struct slice name, const struct store_value *v);
/* The members of a row; the caller writes { and }. */
void admin_write(struct json_writer *w, const struct admin_fields *fields,
                 const struct store_rows *rows, size_t row);
/* [{…}, …] */
void admin_write_array(struct json_writer *w, const struct admin_fields *fields,
                       const struct store_rows *rows);
/* The same as the whole body. */
void admin_write_list(const struct admin_fields *fields, const struct store_rows *rows,
                      struct buf *body);
void admin_write_null(struct json_writer *w, const char *name);

/* ---- pages ----------------------------------------------------------------------------------- */

/* page, and `size_name`: of the query. False: the failure is set. */
bool admin_read_page(struct exchange *ex, const char *size_name, int64_t size, int64_t most,
                     struct admin_page *page);
void admin_write_page(struct json_writer *w, const struct admin_page *page, int64_t total);
int64_t admin_total(const struct store_rows *rows); /* of store_count */

#endif
