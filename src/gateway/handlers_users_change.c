/* /user/update, /user/bulk_update, /user/delete.
 *
 * Happy path: the user's row is changed and read back; a user that goes takes its keys along, and
 * leaves its teams and organizations. Failure modes: an id that nothing has; a team that somebody
 * else changes at the same time (the request begins again). */

#include "handlers_admin.h"

#include "audit.h"
#include "key_delete.h"
#include "password.h"
#include "team_fields.h"
#include "team_members.h"
#include "user_fields.h"

#define ID       "user_id"
#define TABLE    TABLE_USER_TABLE
#define BULK_MAX 500

struct user_change {
    struct key_sweep sweep; /* first: see key_delete.h */
    yyjson_val *body;
    struct slice id;
    struct slice password; /* as it is stored; empty: it stays */
    unsigned tries;
    size_t statement; /* of the user that is the answer */
    struct store_where where[1];
    size_t done, failed;  /* bulk_update: of its users */
    struct json_writer w; /* … its answer, which grows */
    struct slice teams;   /* delete: JSON list of ids, that the users leave */
};

static struct user_change *change_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct user_change);
    return ex->own.state;
}

/* ---- POST /user/update ----------------------------------------------------------------------- */

static void select_user(struct exchange *ex, yyjson_val *body, answer_next *next)
{
    struct slice id = json_get_slice(body, ID), email = json_get_slice(body, "user_email");
    struct store_job *job;
    if (!id.n && !email.n) {
        failure_missing_param(&ex->failure, &ex->arena, ID);
        return;
    }
    if (!(job = ask_new(ex)))
        return;
    admin_select(job, TABLE, id.n ? ID : "user_email", id.n ? id : email);
    ask_store(ex, job, next);
}

/* The job that changes the user whose row was read. False: see ex->failure. */
static bool ask_change(struct exchange *ex, yyjson_val *body, const struct store_rows *users,
                       answer_next *next)
{
    struct user_change *c = change_of(ex);
    struct store_where where;
    struct admin_cells cells;
    struct store_job *job;
    if (!user_fields_read(ex, body, store_rows_text(users, 0, "metadata"), &cells))
        return false;
    if (c->password.n)
        admin_set(&cells, "password", store_text(c->password));
    c->id = arena_dup(&ex->arena, store_rows_text(users, 0, ID));
    where = admin_where(ID, c->id);
    job = ask_new(ex);
    if (cells.n) {
        store_update(job, TABLE, cells.v, cells.n, &where, 1);
        audit_changed(ex, job, TABLE, users, 0, &cells);
    }
    c->statement = admin_select(job, TABLE, ID, c->id);
    store_tell(job, TABLE, c->id);
    ask_store_conflict(ex, job, next);
    return true;
}

static void write_updated(struct exchange *ex, struct buf *body)
{
    const struct user_change *c = change_of(ex);
    struct json_writer w;
    if (store_job_status(ex->own.job) != STORE_OK) {
        admin_refuse(ex, 400, NULL,
                     "Another user has such a sso_user_id, or there is no such organization.");
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, c->id);
    json_key(&w, "data");
    json_object(&w);
    user_fields_write(&w, ask_rows(ex, c->statement), 0);
    json_object_end(&w);
    json_object_end(&w);
}

static void update_found(struct exchange *ex, struct buf *body)
{
    const struct store_rows *users = ask_rows(ex, 0);
    struct slice id = json_get_slice(change_of(ex)->body, ID);
    if (!users->count)
        admin_refuse(ex, 404, NULL, "User %.*s not found", SLICE_ARG(id));
    else
        ask_change(ex, change_of(ex)->body, users, write_updated);
}

static void password_known(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    (void)body;
    c->password = password_sealed(ex);
    select_user(ex, c->body, update_found);
}

void handle_user_update(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    struct slice word;
    c->body = ask_body(ex);
    if (!c->body || !password_read(ex, c->body, &word))
        return;
    if (word.n)
        password_seal(ex, word, password_known);
    else
        select_user(ex, c->body, update_found);
}

/* ---- POST /user/bulk_update ------------------------------------------------------------------ */

static void bulk_next(struct exchange *ex, struct buf *body);

static yyjson_val *bulk_one(struct exchange *ex)
{
    struct user_change *c = change_of(ex);
    return yyjson_arr_get(json_get(c->body, "users"), c->done);
}

static void write_result(struct exchange *ex, const char *error)
{
    struct user_change *c = change_of(ex);
    yyjson_val *one = bulk_one(ex);
    struct json_writer *w = &c->w;
    json_object(w);
    json_member_string(w, ID, json_get_slice(one, ID));
    json_member_bool(w, "success", !error);
    json_key(w, "error");
    if (error) {
        json_string(w, slice_of(error));
        c->failed++;
    } else {
        json_null(w);
        json_key(w, "updated_user");
        json_object(w);
        user_fields_write(w, ask_rows(ex, c->statement), 0);
        json_object_end(w);
    }
    json_object_end(w);
    c->done++;
}

static void bulk_written(struct exchange *ex, struct buf *body)
{
    bool ok = store_job_status(ex->own.job) == STORE_OK;
    write_result(ex, ok ? NULL : "the database refuses it");
    bulk_next(ex, body);
}

/* What is wrong with one user of several is told, and the next one follows. */
static void bulk_found(struct exchange *ex, struct buf *body)
{
    const struct store_rows *users = ask_rows(ex, 0);
    if (users->count && ask_change(ex, bulk_one(ex), users, bulk_written))
        return;
    write_result(ex,
                 users->count ? arena_strdup(&ex->arena, ex->failure.message) : "User not found");
    ex->failure = (struct failure){0};
    bulk_next(ex, body);
}

static void bulk_next(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    yyjson_val *one = bulk_one(ex);
    if (one && !json_get_slice(one, ID).n && !json_get_slice(one, "user_email").n) {
        write_result(ex, "user_id or user_email is required");
        one = bulk_one(ex);
    }
    if (one) {
        select_user(ex, one, bulk_found);
        return;
    }
    json_array_end(&c->w);
    json_member_integer(&c->w, "total_requested", (int64_t)c->done);
    json_member_integer(&c->w, "successful_updates", (int64_t)(c->done - c->failed));
    json_member_integer(&c->w, "failed_updates", (int64_t)c->failed);
    json_object_end(&c->w);
}

void handle_user_bulk_update(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    size_t n;
    c->body = ask_body(ex);
    if (!c->body)
        return;
    n = yyjson_arr_size(json_get(c->body, "users"));
    if (!n || n > BULK_MAX) {
        failure_bad_param(&ex->failure, &ex->arena, "users", "users: a list of 1 to %d is wanted",
                          BULK_MAX);
        return;
    }
    json_begin(&c->w, body);
    json_object(&c->w);
    json_key(&c->w, "results");
    json_array(&c->w);
    bulk_next(ex, body);
}

/* ---- POST /user/delete ----------------------------------------------------------------------- */

static void read_leaving(struct exchange *ex, struct buf *body);

static struct slice ids_of(struct exchange *ex)
{
    return json_text_of(json_get(change_of(ex)->body, "user_ids"), &ex->arena);
}

static void deleted(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    struct json_writer w;
    if (store_job_status(ex->own.job) != STORE_OK) {
        if (admin_again(ex, &c->tries))
            read_leaving(ex, body);
        return;
    }
    json_begin(&w, body);
    json_integer(&w, (int64_t)yyjson_arr_size(json_get(c->body, "user_ids")));
}

/* A team's list without any of the users. */
static void leave_team(struct exchange *ex, struct store_job *job, const struct store_rows *teams,
                       size_t row)
{
    yyjson_val *id, *list = team_fields_members(ex, teams, row);
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(change_of(ex)->body, "user_ids"));
    struct admin_cells cells = {.n = 0};
    struct slice text;
    while ((id = yyjson_arr_iter_next(&it))) {
        yyjson_val *one = team_members_find(list, json_slice(id), SLICE(""));
        if (!one)
            continue;
        text = team_members_json(ex, list, one, NULL);
        list = json_parse(text, &ex->arena, NULL);
        admin_set(&cells, "members_with_roles", store_json(text));
    }
    if (!cells.n)
        return;
    admin_update_same(job, &cells, "team_id", TABLE_TEAM_TABLE, teams, row);
    store_tell(job, TABLE_TEAM_TABLE, store_rows_text(teams, row, "team_id"));
}

static void delete_users(struct exchange *ex, struct buf *body)
{
    static const enum store_table_id tables[] = {TABLE_TEAM_MEMBERSHIP,
                                                 TABLE_ORGANIZATION_MEMBERSHIP,
                                                 TABLE_INVITATION_LINK, TABLE_USER_TABLE};
    yyjson_val *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(change_of(ex)->body, "user_ids"));
    struct store_where where = admin_where_in(ID, ids_of(ex));
    struct store_job *job = ask_new(ex);
    for (size_t i = 0; i < ask_rows(ex, 0)->count; i++)
        leave_team(ex, job, ask_rows(ex, 0), i);
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
        store_delete(job, tables[i], &where, 1);
    for (size_t i = 0; i < ask_rows(ex, 1)->count; i++)
        audit_gone(ex, job, TABLE, ask_rows(ex, 1), i);
    while ((id = yyjson_arr_iter_next(&it)))
        store_tell(job, TABLE, json_slice(id));
    ask_store_conflict(ex, job, deleted);
}

/* The keys are gone. */
static void read_leaving(struct exchange *ex, struct buf *body)
{
    struct store_job *job = ask_new(ex);
    admin_select_in(job, TABLE_TEAM_TABLE, "team_id", change_of(ex)->teams);
    admin_select_in(job, TABLE, ID, ids_of(ex));
    ask_store(ex, job, delete_users);
}

/* Teams of all of them; each once. */
static bool gather_teams(struct exchange *ex, const struct store_rows *users)
{
    struct admin_texts t;
    struct map seen;
    map_init(&seen);
    admin_texts_begin(&t);
    for (size_t i = 0; i < users->count; i++) {
        yyjson_val *id, *list = json_parse(store_rows_text(users, i, "teams"), &ex->arena, NULL);
        yyjson_arr_iter it = yyjson_arr_iter_with(list);
        while ((id = yyjson_arr_iter_next(&it))) {
            if (map_get(&seen, json_slice(id)))
                continue;
            map_put(&seen, json_slice(id), id);
            admin_texts_add(&t, json_slice(id));
        }
    }
    change_of(ex)->teams = admin_texts_end(&t, &ex->arena);
    if (seen.count > ADMIN_IDS_MAX)
        admin_refuse(ex, 400, NULL, "They are in more than %d teams: delete fewer at once.",
                     ADMIN_IDS_MAX);
    map_fini(&seen);
    return ex->failure.kind == FAILURE_NONE;
}

static void delete_found(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    const struct store_rows *users = ask_rows(ex, 0);
    yyjson_val *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(c->body, "user_ids"));
    size_t row;
    while ((id = yyjson_arr_iter_next(&it)))
        if (!admin_find(users, ID, json_slice(id), &row)) {
            admin_refuse(ex, 404, NULL, "User not found, passed user_id=%.*s",
                         SLICE_ARG(json_slice(id)));
            return;
        }
    if (!gather_teams(ex, users))
        return;
    c->where[0] = admin_where_in(ID, ids_of(ex));
    key_sweep_begin(ex, c->where, 1, read_leaving);
}

void handle_user_delete(struct exchange *ex, struct buf *body)
{
    struct user_change *c = change_of(ex);
    struct store_job *job;
    c->body = ask_body(ex);
    if (!c->body || !admin_need_texts(ex, c->body, "user_ids") || !(job = ask_new(ex)))
        return;
    admin_select_in(job, TABLE, ID, ids_of(ex));
    ask_store(ex, job, delete_found);
}
