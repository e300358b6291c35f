/* /user/…: people who have keys, and what they may altogether.
 *
 * Happy path: what a request needs to know is read, the change is one transaction, it is told to
 * the other gateways, and the user is read back for the answer. /user/new makes a key too. Failure
 * modes: an id or address that is taken, an id that nothing has, a team that is not there. */

#include "handlers_admin.h"

#include "access.h"
#include "audit.h"
#include "detail.h"
#include "key_delete.h"
#include "key_fields.h"
#include "password.h"
#include "query.h"
#include "team_fields.h"
#include "team_members.h"
#include "user_fields.h"
#include "wire/crypto.h"

#define ID         "user_id"
#define TABLE      TABLE_USER_TABLE
#define BUDGET_MAX 512 /* bytes of what the configuration says of one */

struct user_question {
    struct key_sweep sweep; /* first: see key_delete.h */
    yyjson_val *body;
    struct slice id, email, key; /* key: in the clear; empty: none is made */
    char hash[KEY_HASH_SIZE];    /* of the key */
    unsigned tries;
    size_t statement; /* of the user that is the answer */
    struct admin_cells cells, of_key;
    struct team_members self;
    struct slice teams;         /* JSON list of ids, that the user comes into or leaves */
    struct slice organizations; /* likewise, of a new one */
    struct store_where where[1];
    const struct store_rows *users, *keys;
};

static const char *const key_members[] = {"models", "key_alias", "aliases"};

static struct user_question *question_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct user_question);
    return ex->own.state;
}

static void refuse_missing(struct exchange *ex, struct slice id)
{
    admin_refuse(ex, 404, NULL, "User %.*s not found", SLICE_ARG(id));
}

/* ---- POST /user/new -------------------------------------------------------------------------- */

static void read_new(struct exchange *ex);

static void write_key_part(struct json_writer *w, const struct user_question *q,
                           const struct store_rows *key)
{
    json_member_string(w, "key", q->key);
    if (!key->count)
        return;
    json_member_string(w, "key_name", store_rows_text(key, 0, "key_name"));
    json_key(w, "key_alias"), json_string_or_null(w, store_rows_text(key, 0, "key_alias"));
    json_key(w, "team_id"), json_string_or_null(w, store_rows_text(key, 0, "team_id"));
    json_key(w, "expires");
    store_value_write(w, store_rows_at(key, 0, "expires"));
}

static void write_new(struct exchange *ex, struct buf *body)
{
    static const char *const shown[] = {ID,
                                        "user_email",
                                        "user_alias",
                                        "user_role",
                                        "models",
                                        "max_budget",
                                        "spend",
                                        "metadata",
                                        "tpm_limit",
                                        "rpm_limit",
                                        "max_parallel_requests",
                                        "allowed_cache_controls",
                                        "model_max_budget",
                                        "budget_duration",
                                        "organization_id",
                                        "created_at",
                                        "updated_at",
                                        NULL};
    static const struct {
        const char *name, *json;
    } unset[] = {{"aliases", "{}"},
                 {"config", "{}"},
                 {"permissions", "{}"},
                 {"budget_fallbacks", "{}"},
                 {"allowed_routes", "[]"},
                 {"access_group_ids", "[]"},
                 {"router_settings", "{\"model_group_alias\":{}}"}};
    const struct user_question *q = question_of(ex);
    const struct store_rows *rows = ask_rows(ex, q->statement);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    write_key_part(&w, q, ask_rows(ex, q->statement + 1));
    user_fields_write_some(&w, rows, 0, shown);
    json_key(&w, "teams");
    if (json_get(q->body, "teams"))
        json_raw(&w, store_rows_text(rows, 0, "teams"));
    else
        json_null(&w);
    for (size_t i = 0; i < sizeof(unset) / sizeof(*unset); i++) {
        json_key_slice(&w, slice_of(unset[i].name));
        json_raw(&w, slice_of(unset[i].json));
    }
    json_object_end(&w);
}

static void made(struct exchange *ex, struct buf *body)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        write_new(ex, body);
    else if (store_job_status(ex->own.job) == STORE_REFERENCE)
        admin_refuse(ex, 400, NULL, "There is no such organization or budget.");
    else if (admin_again(ex, &question_of(ex)->tries))
        read_new(ex);
}

/* False: a member of the body is wrong; the failure is set. */
static bool read_key(struct exchange *ex, struct user_question *q)
{
    yyjson_val *automatic = json_get(q->body, "auto_create_key");
    struct slice team = json_get_slice(q->body, "team_id");
    if (automatic && yyjson_is_false(automatic))
        return true;
    q->key = key_fields_make(&ex->arena);
    sha256_hex(q->key, q->hash);
    admin_set(&q->of_key, "token", store_text(slice_of(q->hash)));
    admin_set(&q->of_key, "key_name", store_text(key_fields_name(q->key, &ex->arena)));
    admin_set(&q->of_key, ID, store_text(q->id));
    admin_set(&q->of_key, "models", store_texts(SLICE("[]")));
    if (team.n)
        admin_set(&q->of_key, "team_id", store_text(team));
    for (size_t i = 0; i < sizeof(key_members) / sizeof(*key_members); i++)
        if (!admin_read_member(ex, TABLE_VERIFICATION_TOKEN, q->body, key_members[i],
                               key_members[i], &q->of_key))
            return false;
    return admin_read_time(ex, q->body, "duration", "expires", false, &q->of_key);
}

/* The teams that the request names get a member. */
static void join_teams(struct exchange *ex, struct store_job *job, const struct store_rows *teams)
{
    struct user_question *q = question_of(ex);
    for (size_t i = 0; i < teams->count; i++) {
        struct admin_cells cells = {.n = 0}, membership = {.n = 0};
        yyjson_val *old = team_fields_members(ex, teams, i);
        struct slice id = store_rows_text(teams, i, "team_id");
        struct slice budget = team_fields_member_budget(ex, store_rows_text(teams, i, "metadata"));
        if (team_members_find(old, q->id, SLICE("")))
            continue;
        admin_set(&cells, "members_with_roles",
                  store_json(team_members_json(ex, old, NULL, &q->self)));
        admin_update_same(job, &cells, "team_id", TABLE_TEAM_TABLE, teams, i);
        admin_set(&membership, ID, store_text(q->id));
        admin_set(&membership, "team_id", store_text(id));
        if (budget.n)
            admin_set(&membership, "budget_id", store_text(budget));
        store_insert_new(job, TABLE_TEAM_MEMBERSHIP, membership.v, membership.n);
        store_tell(job, TABLE_TEAM_TABLE, id);
    }
}

static void join_organizations(struct exchange *ex, struct store_job *job,
                               const struct store_rows *organizations)
{
    const struct user_question *q = question_of(ex);
    for (size_t i = 0; i < organizations->count; i++) {
        struct admin_cells cells = {.n = 0};
        admin_set(&cells, ID, store_text(q->id));
        admin_set(&cells, "organization_id",
                  store_text(store_rows_text(organizations, i, "organization_id")));
        admin_set(&cells, "user_role", store_text(SLICE("internal_user")));
        store_insert_new(job, TABLE_ORGANIZATION_MEMBERSHIP, cells.v, cells.n);
    }
}

static bool is_free(struct exchange *ex)
{
    const struct user_question *q = question_of(ex);
    if (ask_rows(ex, 0)->count)
        admin_refuse(ex, 409, NULL, "User with id %.*s already exists", SLICE_ARG(q->id));
    else if (q->email.n && ask_rows(ex, 1)->count)
        admin_refuse(ex, 409, NULL, "User with email %.*s already exists", SLICE_ARG(q->email));
    return ex->failure.kind == FAILURE_NONE;
}

static bool are_there(struct exchange *ex, const struct store_rows *teams)
{
    yyjson_val *id, *list = json_parse(question_of(ex)->teams, &ex->arena, NULL);
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    size_t row;
    while ((id = yyjson_arr_iter_next(&it)))
        if (!admin_find(teams, "team_id", json_slice(id), &row)) {
            team_fields_refuse_missing(ex, json_slice(id));
            return false;
        }
    return true;
}

static bool are_organizations_there(struct exchange *ex, const struct store_rows *found)
{
    yyjson_val *list = json_parse(question_of(ex)->organizations, &ex->arena, NULL), *id;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    size_t row;
    while ((id = yyjson_arr_iter_next(&it)))
        if (!admin_find(found, "organization_id", json_slice(id), &row))
            admin_refuse(ex, 404, NULL, "Organization not found for organization_id=%.*s",
                         SLICE_ARG(json_slice(id)));
    return ex->failure.kind == FAILURE_NONE;
}

static void insert_user(struct exchange *ex, struct buf *body)
{
    struct user_question *q = question_of(ex);
    struct store_job *job;
    if (!is_free(ex) || !are_there(ex, ask_rows(ex, 2)) ||
        !are_organizations_there(ex, ask_rows(ex, 3)))
        return;
    job = ask_new(ex);
    admin_set(&q->cells, ID, store_text(q->id));
    admin_set(&q->cells, "teams", store_texts(q->teams));
    store_insert(job, TABLE, q->cells.v, q->cells.n);
    audit_made(ex, job, TABLE, &q->cells);
    join_teams(ex, job, ask_rows(ex, 2));
    join_organizations(ex, job, ask_rows(ex, 3));
    store_tell(job, TABLE, q->id);
    if (q->key.n) {
        store_insert(job, TABLE_VERIFICATION_TOKEN, q->of_key.v, q->of_key.n);
        audit_made(ex, job, TABLE_VERIFICATION_TOKEN, &q->of_key);
    }
    q->statement = admin_select(job, TABLE, ID, q->id);
    admin_select(job, TABLE_VERIFICATION_TOKEN, "token", slice_of(q->hash));
    ask_store_conflict(ex, job, made);
}

static void read_new(struct exchange *ex)
{
    struct user_question *q = question_of(ex);
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, ID, q->id);
    admin_select(job, TABLE, "user_email", q->email);
    admin_select_in(job, TABLE_TEAM_TABLE, "team_id", q->teams);
    admin_select_in(job, TABLE_ORGANIZATION_TABLE, "organization_id", q->organizations);
    ask_store(ex, job, insert_user);
}

/* "teams": ids, or objects that have one. False: see ex->failure. */
static bool read_teams(struct exchange *ex, struct user_question *q)
{
    yyjson_val *list = json_get(q->body, "teams"), *one;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    struct slice first = json_get_slice(q->body, "team_id");
    struct admin_texts t;
    if (yyjson_arr_size(list) > ADMIN_IDS_MAX)
        return failure_bad_param(&ex->failure, &ex->arena, "teams", "teams: at most %d",
                                 ADMIN_IDS_MAX);
    admin_texts_begin(&t);
    if (first.n && !yyjson_arr_size(list))
        admin_texts_add(&t, first);
    while ((one = yyjson_arr_iter_next(&it)))
        admin_texts_add(&t, yyjson_is_str(one) ? json_slice(one) : json_get_slice(one, "team_id"));
    q->teams = admin_texts_end(&t, &ex->arena);
    return true;
}

/* max_internal_user_budget, of those whose role says that they are some. */
static yyjson_val *with_budget(struct exchange *ex, yyjson_val *body)
{
    const struct config *c = ex->config;
    struct json_writer w;
    struct buf b;
    if (!body || !slice_eq(json_get_slice(body, "user_role"), SLICE("internal_user")))
        return body;
    buf_init(&b, BUDGET_MAX);
    json_begin(&w, &b);
    json_object(&w);
    if (c->user_budget)
        json_key(&w, "max_budget"), json_value(&w, c->user_budget);
    if (c->user_budget_duration)
        json_key(&w, "budget_duration"), json_value(&w, c->user_budget_duration);
    json_object_end(&w);
    yyjson_val *whole = admin_with_defaults(ex, body, json_parse(buf_slice(&b), &ex->arena, NULL));
    buf_fini(&b);
    return whole;
}

/* Internal users have what the configuration gives them. */
static yyjson_val *with_defaults(struct exchange *ex, yyjson_val *body)
{
    struct slice role = json_get_slice(body, "user_role");
    bool internal = !role.n || slice_starts(role, SLICE("internal_user"));
    return internal ? with_budget(ex, admin_with_defaults(ex, body, ex->config->new_user)) : body;
}

static bool read_organizations(struct exchange *ex, struct user_question *q)
{
    yyjson_val *list = json_get(q->body, "organizations");
    q->organizations = SLICE("[]");
    if (!list || yyjson_is_null(list))
        return true;
    list = admin_need_texts(ex, q->body, "organizations");
    if (list)
        q->organizations = json_text_of(list, &ex->arena);
    return list;
}

static void password_known(struct exchange *ex, struct buf *body)
{
    (void)body;
    admin_set(&question_of(ex)->cells, "password", store_text(password_sealed(ex)));
    read_new(ex);
}

void handle_user_new(struct exchange *ex, struct buf *body)
{
    struct user_question *q = question_of(ex);
    struct slice word;
    q->body = ask_body(ex);
    if (!q->body || !(q->body = with_defaults(ex, q->body)) ||
        !user_fields_read(ex, q->body, SLICE(""), &q->cells) || !read_teams(ex, q) ||
        !read_organizations(ex, q) ||
        !access_may_make_user(ex, q->body, json_parse(q->teams, &ex->arena, NULL)))
        return;
    q->id = admin_id(ex, q->body, ID);
    q->email = json_get_slice(q->body, "user_email");
    if (!json_get(q->body, "models"))
        admin_set(&q->cells, "models", store_texts(SLICE("[]")));
    team_members_add(&q->self, q->id, "user");
    q->self.v[0].email = q->email;
    if (!read_key(ex, q) || !password_read(ex, q->body, &word))
        return;
    if (word.n)
        password_seal(ex, word, password_known);
    else
        read_new(ex);
}

/* ---- GET /user/info, /v2/user/info ----------------------------------------------------------- */

static void write_info_v2(struct exchange *ex, struct buf *body)
{
    static const char *const shown[] = {
        ID,           "user_email",       "user_alias",  "user_role",       "spend",
        "max_budget", "tpm_limit",        "rpm_limit",   "models",          "metadata",
        "created_at", "updated_at",       "sso_user_id", "budget_duration", "budget_reset_at",
        "teams",      "model_max_budget", NULL};
    const struct user_question *q = question_of(ex);
    struct json_writer w;
    if (!ask_rows(ex, 0)->count) {
        refuse_missing(ex, q->id);
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    user_fields_write_some(&w, ask_rows(ex, 0), 0, shown);
    json_key(&w, "model_max_budget_usage");
    json_raw(&w, SLICE("{}"));
    json_object_end(&w);
}

static bool is_hidden(const struct config *c, struct slice token)
{
    return c->settings.hide_master_row && slice_eq(token, slice_of(c->master_hash));
}

/* With the names of their teams; "None" as LiteLLM says it. */
static void write_keys(const struct exchange *ex, struct json_writer *w,
                       const struct store_rows *keys, const struct store_rows *teams)
{
    json_array(w);
    for (size_t i = 0; i < keys->count; i++) {
        struct slice alias = SLICE("None");
        size_t row;
        if (is_hidden(ex->config, store_rows_text(keys, i, "token")))
            continue;
        if (admin_find(teams, "team_id", store_rows_text(keys, i, "team_id"), &row))
            alias = store_rows_text(teams, row, "team_alias");
        json_object(w);
        json_member_string(w, "token", store_rows_text(keys, i, "token"));
        key_fields_write(w, keys, i, NULL);
        json_member_string(w, "team_alias", alias);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_info(struct exchange *ex, struct buf *body)
{
    const struct user_question *q = question_of(ex);
    const struct store_rows *teams = ask_rows(ex, 0), *organizations = ask_rows(ex, 1);
    static const struct admin_fields membership = {.table = TABLE_ORGANIZATION_MEMBERSHIP};
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, ID, q->id);
    json_key(&w, "user_info");
    json_object(&w);
    user_fields_write(&w, q->users, 0);
    json_key(&w, "organization_memberships");
    admin_write_array(&w, &membership, organizations);
    json_key(&w, "model_max_budget_usage");
    json_raw(&w, SLICE("{}"));
    json_object_end(&w);
    json_key(&w, "keys");
    write_keys(ex, &w, q->keys, teams);
    json_key(&w, "teams");
    json_array(&w);
    for (size_t i = 0; i < teams->count; i++) {
        json_object(&w);
        team_fields_write(&w, teams, i);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

static void info_found(struct exchange *ex, struct buf *body)
{
    struct user_question *q = question_of(ex);
    struct slice teams;
    struct store_job *job;
    q->keys = ask_rows(ex, 1);
    q->users = ask_keep(ex, 0);
    if (!q->users->count) {
        refuse_missing(ex, q->id);
        return;
    }
    teams = store_rows_text(q->users, 0, "teams");
    job = ask_new(ex);
    admin_select_in(job, TABLE_TEAM_TABLE, "team_id", teams.n ? teams : SLICE("[]"));
    admin_select(job, TABLE_ORGANIZATION_MEMBERSHIP, ID, q->id);
    ask_store(ex, job, write_info);
}

/* Without user_id: of whoever asks. */
static bool ask_user(struct exchange *ex, answer_next *next)
{
    struct user_question *q = question_of(ex);
    struct store_job *job = ask_new(ex);
    if (!job)
        return false;
    q->id = query_get(ex->head->query, ID, &ex->arena);
    if (!q->id.n)
        q->id = admin_who(ex);
    admin_select(job, TABLE, ID, q->id);
    admin_select(job, TABLE_VERIFICATION_TOKEN, ID, q->id);
    ask_store(ex, job, next);
    return true;
}

void handle_user_info(struct exchange *ex, struct buf *body)
{
    ask_user(ex, info_found);
}

void handle_user_info_v2(struct exchange *ex, struct buf *body)
{
    ask_user(ex, write_info_v2);
}
