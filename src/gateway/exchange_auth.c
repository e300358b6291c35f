/* Whose key it is: the configuration's, else the database's; and who stands behind it.
 *
 * Happy path: the master key and fixed keys are known at once; any other is looked up by its hash
 * (rows.h), mostly in the cache, and so are its user, team, … (caller.h). Once the request is
 * read, the end user and the tags that it names are looked up likewise.
 *
 * Failure modes: no such key, one that is blocked, expired or not for this route; a database that
 * is away is a 503 for keys that are not in the cache, unless allow_requests_on_db_unavailable. */

#include "exchange_auth.h"

#include "auth.h"
#include "base/text.h"
#include "call_kind.h"
#include "exchange_client.h"
#include "exchange_login.h"
#include "io/clock.h"
#include "key_check.h"
#include "login.h"
#include "wire/crypto.h"
#include "worker_private.h"

/* In LiteLLM's words. */
static void refuse_unknown(struct exchange *ex, struct slice key, struct slice hash)
{
    struct slice end = key.n > 4 ? slice_skip(key, key.n - 4) : key;
    failure_set(&ex->failure, &ex->arena, FAILURE_AUTHENTICATION, 401,
                "Authentication Error, Invalid proxy server token passed. Received API Key = "
                "sk-...%.*s, Key Hash (Token) =%.*s. Unable to find token in cache or "
                "`LiteLLM_VerificationTokenTable`",
                SLICE_ARG(end), SLICE_ARG(hash));
    ex->failure.type = "token_not_found_in_db";
    ex->failure.param = SLICE("key");
    ex->failure.param_shown = true;
}

static void refuse_away(struct exchange *ex)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_UNAVAILABLE, 503,
                "The database is not available, and the key is not one that was seen lately.");
    ex->failure.retry_after_s = 1;
}

/* Who nobody can ask about may call models, and nothing else; in LiteLLM's names. */
static void let_in(struct exchange *ex)
{
    struct caller *c = &ex->caller;
    c->key = SLICE("failed-to-connect-to-db");
    c->user = SLICE("__db_unavailable_fallback__");
    c->role = ROLE_INTERNAL_USER;
}

static bool lets_in(const struct exchange *ex)
{
    return ex->config->settings.allow_unknown_keys;
}

/* ---- the key --------------------------------------------------------------------------------- */

static enum rows_state get_key(struct exchange *ex, struct slice hash, struct row **row)
{
    return rows_get(ex->worker->rows, ROW_KEY, hash, &ex->rows_wait, &ex->item, row);
}

/* One that was replaced, and may be used for a while yet, is the new one. */
static enum rows_state find_key(struct exchange *ex, struct slice hash, struct row **row)
{
    struct row *old = NULL;
    enum rows_state state = get_key(ex, hash, &old);
    if (state != ROWS_FOUND || !old->active.n) {
        *row = old;
        return state;
    }
    state = clock_unix_ms() < old->expires ? get_key(ex, old->active, row) : ROWS_UNKNOWN;
    row_unref(old);
    return state;
}

/* `key` empty: it is that of a login. */
static bool look_up_hash(struct exchange *ex, struct slice key, struct slice hash)
{
    struct row *row = NULL;
    switch (find_key(ex, hash, &row)) {
    case ROWS_COMING: return false;
    case ROWS_FOUND: caller_be(&ex->caller, row); break;
    case ROWS_UNKNOWN:
        if (key.n)
            refuse_unknown(ex, key, hash);
        else
            exchange_login_over(ex);
        break;
    case ROWS_AWAY:
        if (key.n && lets_in(ex) && call_kind_of(ex->route))
            let_in(ex);
        else
            refuse_away(ex);
        break;
    }
    return true;
}

static bool look_up_key(struct exchange *ex, struct slice key)
{
    char hash[KEY_HASH_SIZE];
    sha256_hex(key, hash);
    return look_up_hash(ex, key, slice_of(hash));
}

static bool may_be_stored(const struct exchange *ex, struct slice key)
{
    return rows_have_database(ex->worker->rows) && slice_starts(key, SLICE("sk-"));
}

static bool identify(struct exchange *ex)
{
    struct slice key = auth_key(ex->config, ex->head), hash = {0};
    enum login_result login = key.n ? LOGIN_NONE : exchange_login(ex, &hash);
    if (login == LOGIN_KEY)
        return look_up_hash(ex, key, hash);
    if (login != LOGIN_NONE)
        return login == LOGIN_DONE;
    if (may_be_stored(ex, key) && !auth_knows(ex->config, key))
        return look_up_key(ex, key);
    auth_check(ex->config, ex->head, &ex->caller, &ex->arena, &ex->failure);
    return true;
}

/* ---- AUTH ------------------------------------------------------------------------------------ */

static bool is_about_spend(const struct route *route)
{
    struct slice path = slice_of(route->path);
    return slice_eq(slice_of(route->method), SLICE("GET")) &&
           (slice_starts(path, SLICE("/spend/")) || slice_starts(path, SLICE("/global/spend")));
}

/* A user that is logged in is somebody only as long as there is such a user. */
static bool is_there(struct exchange *ex)
{
    struct caller *c = &ex->caller;
    if (!c->login)
        return true;
    if (!c->holders[HOLDER_USER].row)
        exchange_login_over(ex);
    else if (c->role == ROLE_NONE)
        c->role = caller_role_find(login_role(SLICE("")));
    return ex->failure.kind == FAILURE_NONE;
}

static void check(struct exchange *ex)
{
    const struct row *key = ex->caller.holders[HOLDER_KEY].row;
    if (!is_there(ex))
        return;
    if (key && !(key_check(key, clock_unix_ms(), &ex->arena, &ex->failure) &&
                 key_check_route(key, ex->route, ex->head->path, &ex->arena, &ex->failure)))
        return;
    if (key && key->sees_spend && is_about_spend(ex->route) && ex->caller.role != ROLE_PROXY_ADMIN)
        ex->caller.role = ROLE_PROXY_ADMIN_VIEWER;
    if (key_check_holders(&ex->caller, &ex->arena, &ex->failure) &&
        auth_check_route(&ex->caller, ex->route, ex->head->path, &ex->arena, &ex->failure) &&
        (ex->config->access.admin_only_routes.n || ex->config->access.ui_of_admins))
        exchange_admin_only(ex);
}

static enum rows_state look_up_holders(struct exchange *ex)
{
    return caller_look_up(&ex->caller, ex->worker->rows, &ex->rows_wait, &ex->item);
}

bool exchange_auth(struct exchange *ex)
{
    if (ex->rows_wait.item)
        return false; /* stepped for another reason */
    if (!ex->entered)
        caller_init(&ex->caller, &ex->arena);
    if (!ex->caller.key.n && !identify(ex))
        return false;
    if (ex->failure.kind != FAILURE_NONE)
        return true;
    enum rows_state state = look_up_holders(ex);
    if (state == ROWS_COMING)
        return false;
    if (state == ROWS_AWAY && !lets_in(ex))
        refuse_away(ex);
    else
        check(ex);
    return true;
}

void exchange_auth_cancel(struct exchange *ex)
{
    rows_leave(&ex->rows_wait);
    exchange_login_cancel(ex);
}

void exchange_auth_free(struct exchange *ex)
{
    caller_free(&ex->caller);
}

/* ---- what the request names ------------------------------------------------------------------ */

static struct slice end_user_of(struct exchange *ex)
{
    const char *names[] = {"x-litellm-customer-id", "x-litellm-end-user-id",
                           ex->config->access.customer_header,
                           ex->config->settings.user_header_name};
    struct slice id = ex->request.user;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice v =
            names[i] ? http_header_get(ex->head->headers, names[i]) : slice_make(NULL, 0);
        if (v.n)
            return text_dup_utf8(&ex->arena, v);
    }
    return arena_dup(&ex->arena, id.n ? id : json_get_slice(ex->request.metadata, "user_id"));
}

static void name_tags_of(struct exchange *ex, yyjson_val *list)
{
    yyjson_val *tag;
    size_t i, n;
    yyjson_arr_foreach(list, i, n, tag) if (yyjson_is_str(tag))
        caller_add_tag(&ex->caller, arena_dup(&ex->arena, json_slice(tag)));
}

static void name_tags(struct exchange *ex)
{
    struct slice header = http_header_get(ex->head->headers, "x-litellm-tags");
    while (header.p)
        caller_add_tag(&ex->caller,
                       text_dup_utf8(&ex->arena, slice_trim(slice_split(&header, ','))));
    name_tags_of(ex, ex->request.routing.tags);
    name_tags_of(ex, json_get(ex->request.metadata, "tags"));
}

/* user_header_mappings. What the caller may manage stays as it was. */
static void name_user(struct exchange *ex)
{
    const char *header = ex->config->access.user_header;
    struct slice user = header ? http_header_get(ex->head->headers, header) : SLICE("");
    if (user.n)
        caller_act_for(&ex->caller, arena_dup(&ex->arena, user));
}

void exchange_auth_request(struct exchange *ex)
{
    name_user(ex);
    ex->caller.end_user = end_user_of(ex);
    name_tags(ex);
}

bool exchange_auth_holders(struct exchange *ex)
{
    if (ex->rows_wait.item || look_up_holders(ex) == ROWS_COMING)
        return false;
    key_check_end_user(&ex->caller, &ex->arena, &ex->failure);
    return true;
}
