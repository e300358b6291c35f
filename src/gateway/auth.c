#include "auth.h"

#include "wire/crypto.h"

#include <string.h>

#define KEY_MIN 8 /* characters; shorter keys count as weak */

static struct slice bearer(struct slice value)
{
    struct slice v = slice_trim(value), scheme = SLICE("Bearer ");
    return slice_starts_nocase(v, scheme) ? slice_trim(slice_skip(v, scheme.n)) : v;
}

/* The AWS SDKs sign: then the key stands where the access key id does, in LiteLLM's way behind
 * "Bearer ". The signature is nobody's business, since the key came with it. */
static struct slice access_key_id(struct slice value)
{
    ptrdiff_t at = slice_find(value, SLICE("Credential="));
    struct slice rest = at < 0 ? SLICE("") : slice_skip(value, (size_t)at + strlen("Credential="));
    return bearer(slice_split(&rest, '/'));
}

struct slice auth_key(const struct config *c, const struct http_head *head)
{
    const char *names[] = {c->settings.litellm_key_header_name, "x-litellm-api-key",
                           "authorization", "x-api-key", "api-key"};
    struct slice signer = {0};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct slice v = names[i] ? http_header_get(head->headers, names[i]) : slice_make(NULL, 0);
        if (slice_starts(v, SLICE("AWS4-HMAC-SHA256 ")))
            signer = access_key_id(v);
        else if (v.n)
            return bearer(v);
    }
    return signer;
}

static bool refuse(struct failure *f, struct arena *a, const char *why)
{
    failure_set(f, a, FAILURE_AUTHENTICATION, 401, "Authentication Error, %s", why);
    f->param = SLICE("None"); /* as LiteLLM's clients know it */
    f->param_shown = true;
    return false;
}

void auth_be_master(const struct config *c, struct caller *caller)
{
    caller->master = true;
    caller->role = ROLE_PROXY_ADMIN;
    caller->key = slice_of(c->master_hash);
}

static void be(const struct fixed_key *k, struct caller *caller)
{
    caller->key = slice_of(k->hash);
    caller->alias = k->alias;
    caller->user = k->user;
    caller->team = k->team;
    caller->models = k->models;
    caller->model_count = k->model_count;
    caller->spend_limit = k->spend_limit;
    caller->of_key = k->limits;
    caller->of_key_models = k->model_limits;
}

static const struct fixed_key *find_fixed(const struct config *c, struct slice key)
{
    char hash[KEY_HASH_SIZE];
    if (!c->keys.count)
        return NULL;
    sha256_hex(key, hash);
    return map_get(&c->keys, slice_of(hash));
}

static bool is_master(const struct config *c, struct slice key)
{
    struct slice master = slice_of(c->settings.master_key);
    return (!master.n && !c->keys.count) || (master.n && ct_equal(key, master));
}

bool auth_knows(const struct config *c, struct slice key)
{
    return is_master(c, key) || find_fixed(c, key);
}

bool auth_check(const struct config *c, const struct http_head *head, struct caller *caller,
                struct arena *a, struct failure *f)
{
    struct slice key = auth_key(c, head);
    const struct fixed_key *fixed;
    if (is_master(c, key)) {
        auth_be_master(c, caller);
        return true;
    }
    if (!key.n)
        return refuse(f, a, "No api key passed in.");
    fixed = find_fixed(c, key);
    if (!fixed)
        return refuse(f, a, "Invalid proxy server token passed.");
    be(fixed, caller);
    return true;
}

static bool only_shows(const struct route *route)
{
    return slice_eq(slice_of(route->method), SLICE("GET")) ||
           slice_ends(slice_of(route->path), SLICE("/info"));
}

/* What the request names is looked at later, where anybody with a user may be its admin. */
static bool may_call(const struct caller *c, const struct route *route)
{
    switch (c->role) {
    case ROLE_PROXY_ADMIN: return true;
    case ROLE_PROXY_ADMIN_VIEWER: return only_shows(route);
    case ROLE_INTERNAL_USER:
    case ROLE_ORG_ADMIN: return route->own_keys || route->also;
    case ROLE_INTERNAL_USER_VIEWER: return (route->own_keys || route->also) && only_shows(route);
    case ROLE_TEAM:
    case ROLE_CUSTOMER: return false;
    case ROLE_NONE:
    case ROLES: break;
    }
    return c->user.n && (route->also || (route->own_keys && caller_is_team_admin(c)));
}

/* LiteLLM's words for a key that belongs to nobody. */
static bool refuse_nobody(struct arena *a, struct failure *f)
{
    failure_set(f, a, FAILURE_PERMISSION, 403,
                "You are not authorized to access this endpoint. No 'user_id' is associated with "
                "your API key.");
    f->type = "bad_request_error";
    f->param = SLICE("user_id");
    f->param_shown = true;
    return false;
}

bool auth_check_route(const struct caller *caller, const struct route *route, struct slice path,
                      struct arena *a, struct failure *f)
{
    if (!route->admin || may_call(caller, route))
        return true;
    if (!caller->user.n && route->also && only_shows(route))
        return refuse_nobody(a, f);
    return refuse(f, a,
                  arena_printf(a,
                               "Only proxy admin can be used to generate, delete, update info for "
                               "new keys/users/teams. Route=%.*s. Your role=%s. Your "
                               "user_id=%.*s",
                               SLICE_ARG(path), caller_role_name(caller->role),
                               SLICE_ARG(caller->user))
                      .p);
}

bool auth_check_model(const struct caller *caller, const struct config *c, struct slice model,
                      struct arena *a, struct failure *f)
{
    const char *whose;
    if (caller_may_call(caller, c, model, &whose))
        return true;
    failure_set(f, a, FAILURE_PERMISSION, 403,
                "The requested model '%.*s' is not available for this API key, or the model name "
                "is invalid. Check the models available to you and try again.",
                SLICE_ARG(model));
    f->type = arena_printf(a, "%s_model_access_denied", whose).p;
    f->param = SLICE("model");
    f->param_shown = true;
    return false;
}

bool auth_key_is_weak(const char *master_key)
{
    static const char *const samples[] = {"sk-litellm-test-key", "sk-1234", "sk-master-key",
                                          "sk-12345678", "changeme"};
    struct slice key = slice_of(master_key);
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
        if (slice_eq(key, slice_of(samples[i])))
            return true;
    return key.n < KEY_MIN;
}
