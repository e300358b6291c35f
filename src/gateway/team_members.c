/* Members of teams, see team_members.h.
 *
 * Happy path: those to come are looked up by id or address, get ids, and their rows are written in
 * the transaction that changes the team. Failure modes: a member without id and address; a user
 * that somebody else changes at the same time (STORE_CONFLICT, the reader begins again). */

#include "team_members.h"

#include "audit.h"

#define MEMBERS_MAX (16 * 1024 * 1024) /* bytes of a team's list */

/* ---- the client's words ---------------------------------------------------------------------- */

void team_members_add(struct team_members *m, struct slice id, const char *role)
{
    m->v[m->n++] = (struct team_member){.id = id, .role = slice_of(role)};
}

static bool read_one(struct exchange *ex, yyjson_val *json, const char *name,
                     struct team_members *m)
{
    struct team_member *one = &m->v[m->n];
    *one = (struct team_member){json_get_slice(json, "user_id"), json_get_slice(json, "user_email"),
                                json_get_slice(json, "role")};
    if (!one->id.n && !one->email.n)
        return failure_bad_param(&ex->failure, &ex->arena, name,
                                 "%s: Either user_id or user_email must be provided", name);
    if (!one->role.n)
        one->role = SLICE("user");
    m->n++;
    return true;
}

bool team_members_read(struct exchange *ex, yyjson_val *json, const char *name,
                       struct team_members *m)
{
    yyjson_val *one;
    yyjson_arr_iter it = yyjson_arr_iter_with(json);
    m->n = 0;
    if (yyjson_is_obj(json))
        return read_one(ex, json, name, m);
    if (!yyjson_is_arr(json) || yyjson_arr_size(json) > ADMIN_IDS_MAX)
        return failure_bad_param(&ex->failure, &ex->arena, name,
                                 "%s: a member, or a list of at most %d, is wanted", name,
                                 ADMIN_IDS_MAX);
    while ((one = yyjson_arr_iter_next(&it)))
        if (!read_one(ex, one, name, m))
            return false;
    return true;
}

/* ---- looking them up ------------------------------------------------------------------------- */

size_t team_members_select(struct exchange *ex, struct store_job *job, const struct team_members *m)
{
    struct admin_texts ids, emails;
    admin_texts_begin(&ids);
    admin_texts_begin(&emails);
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].id.n)
            admin_texts_add(&ids, m->v[i].id);
        else
            admin_texts_add(&emails, m->v[i].email);
    size_t statement =
        admin_select_in(job, TABLE_USER_TABLE, "user_id", admin_texts_end(&ids, &ex->arena));
    admin_select_in(job, TABLE_USER_TABLE, "user_email", admin_texts_end(&emails, &ex->arena));
    return statement;
}

struct store_job *team_members_job(struct exchange *ex, enum store_table_id table,
                                   const char *column, struct slice id,
                                   const struct team_members *m)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return NULL;
    admin_select(job, table, column, id);
    team_members_select(ex, job, m);
    return job;
}

void team_members_resolve(struct exchange *ex, size_t statement, struct team_members *m)
{
    const struct store_rows *by_email = ask_rows(ex, statement + 1);
    size_t row;
    for (size_t i = 0; i < m->n; i++) {
        struct team_member *one = &m->v[i];
        if (one->id.n)
            continue;
        one->id = admin_find(by_email, "user_email", one->email, &row)
                      ? arena_dup(&ex->arena, store_rows_text(by_email, row, "user_id"))
                      : admin_id(ex, NULL, "");
    }
}

/* ---- the team's list ------------------------------------------------------------------------- */

yyjson_val *team_members_find(yyjson_val *members, struct slice id, struct slice email)
{
    yyjson_val *one;
    yyjson_arr_iter it = yyjson_arr_iter_with(members);
    while ((one = yyjson_arr_iter_next(&it)))
        if (id.n ? slice_eq(json_get_slice(one, "user_id"), id)
                 : email.n && slice_eq(json_get_slice(one, "user_email"), email))
            return one;
    return NULL;
}

struct slice team_members_json(struct exchange *ex, yyjson_val *old, yyjson_val *gone,
                               const struct team_members *m)
{
    struct buf b;
    struct json_writer w;
    yyjson_val *one;
    yyjson_arr_iter it = yyjson_arr_iter_with(old);
    buf_init(&b, MEMBERS_MAX);
    json_begin(&w, &b);
    json_array(&w);
    while ((one = yyjson_arr_iter_next(&it)))
        if (one != gone)
            json_value(&w, one);
    for (size_t i = 0; m && i < m->n; i++) {
        json_object(&w);
        json_key(&w, "user_id"), json_string_or_null(&w, m->v[i].id);
        json_key(&w, "user_email"), json_string_or_null(&w, m->v[i].email);
        json_key(&w, "role"), json_string_or_null(&w, m->v[i].role);
        json_object_end(&w);
    }
    json_array_end(&w);
    struct slice text = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* ---- the users' rows ------------------------------------------------------------------------- */

/* A list of texts with one more, or without one. */
static struct slice change_list(struct exchange *ex, struct slice json, struct slice text, bool add)
{
    yyjson_val *old = json_parse(json, &ex->arena, NULL), *v;
    yyjson_arr_iter it = yyjson_arr_iter_with(old);
    struct admin_texts t;
    admin_texts_begin(&t);
    while ((v = yyjson_arr_iter_next(&it)))
        if (!slice_eq(json_slice(v), text))
            admin_texts_add(&t, json_slice(v));
    if (add)
        admin_texts_add(&t, text);
    return admin_texts_end(&t, &ex->arena);
}

static void change_user(struct exchange *ex, struct store_job *job, const struct store_rows *users,
                        size_t row, struct slice team, bool add)
{
    struct slice teams = store_rows_text(users, row, "teams");
    struct admin_cells cells = {.n = 0};
    admin_set(&cells, "teams", store_texts(change_list(ex, teams, team, add)));
    admin_update_same(job, &cells, "user_id", TABLE_USER_TABLE, users, row);
}

/* Whoever has the master key is called so before there is a row for it. */
static const char *role_of_new(struct exchange *ex, const struct team_member *one)
{
    bool self = ex->caller.master && slice_eq(one->id, admin_who(ex));
    return self ? "proxy_admin" : "internal_user";
}

static void make_user(struct exchange *ex, struct store_job *job, const struct team_member *one,
                      struct slice team)
{
    struct admin_cells cells = {.n = 0};
    admin_set(&cells, "user_id", store_text(one->id));
    if (one->email.n)
        admin_set(&cells, "user_email", store_text(one->email));
    admin_set(&cells, "user_role", store_text(slice_of(role_of_new(ex, one))));
    admin_set(&cells, "models", store_texts(SLICE("[]")));
    admin_set(&cells, "teams", store_texts(change_list(ex, SLICE("[]"), team, true)));
    store_insert(job, TABLE_USER_TABLE, cells.v, cells.n);
    audit_made(ex, job, TABLE_USER_TABLE, &cells);
}

static void make_membership(struct store_job *job, struct slice user, struct slice team,
                            struct slice budget)
{
    struct admin_cells cells = {.n = 0};
    admin_set(&cells, "user_id", store_text(user));
    admin_set(&cells, "team_id", store_text(team));
    if (budget.n)
        admin_set(&cells, "budget_id", store_text(budget));
    store_insert_new(job, TABLE_TEAM_MEMBERSHIP, cells.v, cells.n);
}

void team_members_join(struct exchange *ex, struct store_job *job, size_t statement,
                       const struct team_members *m, struct slice team, struct slice budget)
{
    const struct store_rows *users = ask_rows(ex, statement), *more = ask_rows(ex, statement + 1);
    size_t row;
    for (size_t i = 0; i < m->n; i++) {
        const struct team_member *one = &m->v[i];
        if (admin_find(users, "user_id", one->id, &row))
            change_user(ex, job, users, row, team, true);
        else if (admin_find(more, "user_id", one->id, &row))
            change_user(ex, job, more, row, team, true);
        else
            make_user(ex, job, one, team);
        make_membership(job, one->id, team, budget);
        store_tell(job, TABLE_USER_TABLE, one->id);
    }
}

void team_members_leave(struct exchange *ex, struct store_job *job, const struct store_rows *users,
                        struct slice team)
{
    for (size_t i = 0; i < users->count; i++) {
        change_user(ex, job, users, i, team, false);
        store_tell(job, TABLE_USER_TABLE, store_rows_text(users, i, "user_id"));
    }
}
