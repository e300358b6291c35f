/* POST /key/bulk_update: several keys changed by one request.
 *
 * Happy path: one key after the other is read, changed and read back; the answer says which went
 * well. Failure modes: what is wrong with one of them is told, and the next one follows. */

#include "handlers.h"

#include "audit.h"
#include "io/clock.h"
#include "key_access.h"
#include "key_fields.h"
#include "key_rules.h"

#define BULK_MAX 500

struct bulk {
    yyjson_val *keys;
    char hash[KEY_HASH_SIZE]; /* of the one under way */
    size_t done, statement;
    const char **errors; /* of each, in the order of the request; NULL: it went well */
    struct json_writer w;
};

static void next_key(struct exchange *ex, struct buf *body);

static yyjson_val *one_of(const struct bulk *b)
{
    return yyjson_arr_get(b->keys, b->done);
}

static void note(struct exchange *ex, struct buf *body, const char *error)
{
    struct bulk *b = ex->own.state;
    b->errors[b->done++] = error;
    next_key(ex, body);
}

/* The failure of one is not that of the request. */
static void note_failure(struct exchange *ex, struct buf *body)
{
    const char *error = arena_strdup(&ex->arena, ex->failure.message);
    ex->failure = (struct failure){0};
    note(ex, body, error);
}

static void written(struct exchange *ex, struct buf *body)
{
    struct bulk *b = ex->own.state;
    const struct store_rows *rows = ask_rows(ex, b->statement);
    if (store_job_status(ex->own.job) != STORE_OK || !rows->count) {
        note(ex, body, "the database refuses it");
        return;
    }
    json_object(&b->w);
    json_member_string(&b->w, "key", json_get_slice(one_of(b), "key"));
    json_key(&b->w, "key_info");
    json_object(&b->w);
    key_fields_write(&b->w, rows, 0, NULL);
    json_object_end(&b->w);
    json_object_end(&b->w);
    note(ex, body, NULL);
}

static void found(struct exchange *ex, struct buf *body)
{
    struct bulk *b = ex->own.state;
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_where where = admin_where("token", slice_of(b->hash));
    struct admin_cells cells;
    if (!rows->count)
        key_refuse_missing(ex, "Key not found.");
    else if (key_rules_bound(ex, one_of(b), store_rows_text(rows, 0, "key_alias")))
        key_fields_read(ex, one_of(b), store_rows_text(rows, 0, "metadata"), &cells);
    if (ex->failure.kind != FAILURE_NONE) {
        note_failure(ex, body);
        return;
    }
    admin_set(&cells, "updated_by", store_text(admin_who(ex)));
    admin_set(&cells, "settings_updated_at", store_time(clock_unix_ms()));
    struct store_job *job = ask_new(ex);
    store_update(job, TABLE_VERIFICATION_TOKEN, cells.v, cells.n, &where, 1);
    audit_changed(ex, job, TABLE_VERIFICATION_TOKEN, rows, 0, &cells);
    b->statement = admin_select(job, TABLE_VERIFICATION_TOKEN, "token", slice_of(b->hash));
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(b->hash));
    ask_store_conflict(ex, job, written);
}

static void write_end(const struct bulk *b, struct json_writer *w)
{
    json_array_end(w);
    json_key(w, "failed_updates");
    json_array(w);
    for (size_t i = 0; i < b->done; i++) {
        if (!b->errors[i])
            continue;
        json_object(w);
        json_member_string(w, "key", json_get_slice(yyjson_arr_get(b->keys, i), "key"));
        json_member_string(w, "failed_reason", slice_of(b->errors[i]));
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void next_key(struct exchange *ex, struct buf *body)
{
    struct bulk *b = ex->own.state;
    struct store_job *job;
    while (one_of(b) && !key_hash(json_get_slice(one_of(b), "key"), b->hash))
        b->errors[b->done++] = "Key not found.";
    if (!one_of(b)) {
        write_end(b, &b->w);
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    admin_select(job, TABLE_VERIFICATION_TOKEN, "token", slice_of(b->hash));
    ask_store(ex, job, found);
}

void handle_key_bulk_update(struct exchange *ex, struct buf *body)
{
    struct bulk *b = ARENA_NEW(&ex->arena, struct bulk);
    yyjson_val *given = ask_body(ex);
    size_t n;
    if (!given)
        return;
    b->keys = json_get(given, "keys");
    n = yyjson_arr_size(b->keys);
    if (!n || n > BULK_MAX) {
        failure_bad_param(&ex->failure, &ex->arena, "keys", "keys: a list of 1 to %d is wanted",
                          BULK_MAX);
        return;
    }
    ex->own.state = b;
    b->errors = arena_zalloc(&ex->arena, n * sizeof(*b->errors));
    json_begin(&b->w, body);
    json_object(&b->w);
    json_member_integer(&b->w, "total_requested", (int64_t)n);
    json_key(&b->w, "successful_updates");
    json_array(&b->w);
    next_key(ex, body);
}
