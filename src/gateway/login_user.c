#include "admin.h"
#include "io/clock.h"
#include "key_access.h"
#include "login.h"
#include "password.h"

#define NAMED_LIKE 20 /* rows that hold the address */

static void is_user(struct login *u, struct exchange *ex, const struct store_rows *users,
                    size_t row)
{
    u->right = true;
    u->user = arena_dup(&ex->arena, store_rows_text(users, row, "user_id"));
    u->role = arena_dup(&ex->arena, login_role(store_rows_text(users, row, "user_role")));
}

/* ---- by key ---------------------------------------------------------------------------------- */

static void key_user_found(struct exchange *ex, struct buf *body)
{
    struct login *u = login_of(ex);
    if (ask_rows(ex, 0)->count)
        is_user(u, ex, ask_rows(ex, 0), 0);
    u->then(ex, body);
}

/* Each request of the session checks all of it again. */
static bool may_log_in(const struct store_rows *keys)
{
    const struct store_value *expires;
    if (!keys->count || store_rows_flag(keys, 0, "blocked"))
        return false;
    expires = store_rows_at(keys, 0, "expires");
    return expires->null || expires->integer > clock_unix_ms();
}

static void key_found(struct exchange *ex, struct buf *body)
{
    struct login *u = login_of(ex);
    const struct store_rows *keys = ask_rows(ex, 0);
    struct slice user = keys->count ? store_rows_text(keys, 0, "user_id") : SLICE("");
    struct store_job *job;
    if (!user.n || !may_log_in(keys)) {
        u->then(ex, body);
        return;
    }
    job = ask_new(ex);
    admin_select(job, TABLE_USER_TABLE, "user_id", user);
    ask_store(ex, job, key_user_found);
}

static void ask_key(struct exchange *ex, struct login *u)
{
    struct store_job *job = ask_new(ex);
    char hash[KEY_HASH_SIZE];
    sha256_hex(u->word, hash);
    u->kind = SESSION_KEY;
    u->id = arena_dup(&ex->arena, slice_of(hash));
    admin_select(job, TABLE_VERIFICATION_TOKEN, "token", u->id);
    ask_store(ex, job, key_found);
}

/* ---- by password ----------------------------------------------------------------------------- */

static void checked(struct exchange *ex, struct buf *body)
{
    struct login *u = login_of(ex);
    u->right = u->user.n && password_is_right(ex);
    u->then(ex, body);
}

/* By the address, whatever its letters; else by the id. */
static bool find(const struct store_rows *users, struct slice name, size_t *row)
{
    for (*row = 0; *row < users->count; ++*row)
        if (slice_eq_nocase(store_rows_text(users, *row, "user_email"), name))
            return true;
    return admin_find(users, "user_id", name, row);
}

/* Nobody of that name takes as long as a wrong password. */
static void user_found(struct exchange *ex, struct buf *body)
{
    struct login *u = login_of(ex);
    const struct store_rows *users = ask_rows(ex, 0);
    struct slice stored = {0};
    size_t row;
    (void)body;
    if (find(users, u->name, &row)) {
        is_user(u, ex, users, row);
        u->id = u->user;
        stored = arena_dup(&ex->arena, store_rows_text(users, row, "password"));
    }
    password_check(ex, stored, u->word, checked);
}

static void ask_password(struct exchange *ex, struct login *u)
{
    struct store_where where[] = {{"user_email", STORE_HOLDS, store_text(u->name), 1},
                                  {"user_id", STORE_EQ, store_text(u->name), 1}};
    struct store_job *job = ask_new(ex);
    u->kind = SESSION_USER;
    store_select(
        job, &(struct store_query){
                 .table = TABLE_USER_TABLE, .where = where, .where_count = 2, .limit = NAMED_LIKE});
    ask_store(ex, job, user_found);
}

void login_find(struct exchange *ex)
{
    struct login *u = login_of(ex);
    if (slice_starts(u->word, SLICE("sk-")))
        ask_key(ex, u);
    else
        ask_password(ex, u);
}
