/* Whose key it is: the configuration's, else the database's.
 *
 * Happy path: the master key and fixed keys are known at once; any other is looked up by its hash
 * (keys.h), mostly in the cache. Failure modes: no such key, one that is blocked, expired or not
 * for this route; a database that is away is a 503 for keys that are not in the cache. */

#include "exchange_auth.h"

#include "auth.h"
#include "io/clock.h"
#include "wire/crypto.h"
#include "worker_private.h"

/* In LiteLLM's words. */
static void refuse_unknown(struct exchange *ex, struct slice key, const char *hash)
{
    struct slice end = key.n > 4 ? slice_skip(key, key.n - 4) : key;
    failure_set(&ex->failure, &ex->arena, FAILURE_AUTHENTICATION, 401,
                "Authentication Error, Invalid proxy server token passed. Received API Key = "
                "sk-...%.*s, Key Hash (Token) =%s. Unable to find token in cache or "
                "`LiteLLM_VerificationTokenTable`",
                SLICE_ARG(end), hash);
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

static void be(struct exchange *ex)
{
    if (key_record_check(ex->key, clock_unix_ms(), &ex->arena, &ex->failure) &&
        key_record_check_route(ex->key, ex->route, ex->head->path, &ex->arena, &ex->failure))
        ex->caller = ex->key->caller;
}

static bool look_up(struct exchange *ex, struct slice key)
{
    char hash[KEY_HASH_SIZE];
    sha256_hex(key, hash);
    switch (keys_get(ex->worker->keys, hash, &ex->keys_wait, &ex->item, &ex->key)) {
    case KEYS_COMING: return false;
    case KEYS_FOUND: be(ex); break;
    case KEYS_UNKNOWN: refuse_unknown(ex, key, hash); break;
    case KEYS_AWAY: refuse_away(ex); break;
    }
    return true;
}

static bool may_be_stored(const struct exchange *ex, struct slice key)
{
    return ex->worker->keys && slice_starts(key, SLICE("sk-"));
}

bool exchange_auth(struct exchange *ex)
{
    struct slice key = auth_key(ex->config, ex->head);
    if (ex->keys_wait.item)
        return false; /* stepped for another reason */
    if (may_be_stored(ex, key) && !auth_knows(ex->config, key)) {
        if (!look_up(ex, key))
            return false;
    } else {
        auth_check(ex->config, ex->head, &ex->caller, &ex->arena, &ex->failure);
    }
    if (ex->failure.kind == FAILURE_NONE)
        auth_check_route(&ex->caller, ex->route, ex->head->path, &ex->arena, &ex->failure);
    return true;
}

void exchange_auth_cancel(struct exchange *ex)
{
    keys_leave(&ex->keys_wait);
}

void exchange_auth_free(struct exchange *ex)
{
    key_record_unref(ex->key);
}

bool exchange_auth_budget(struct exchange *ex)
{
    if (!ex->key || ex->key->budget < 0)
        return true;
    return key_record_check_budget(ex->key, keys_spend(ex->worker->keys, ex->key), &ex->arena,
                                   &ex->failure);
}
