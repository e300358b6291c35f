#include "key_check.h"

#include "base/date.h"
#include "route_match.h"

static bool refuse(struct failure *f, struct arena *a, struct slice message)
{
    failure_set(f, a, FAILURE_AUTHENTICATION, 401, "Authentication Error, %.*s",
                SLICE_ARG(message));
    f->param = SLICE("None");
    f->param_shown = true;
    return false;
}

static bool refuse_expired(const struct row *k, int64_t now, struct arena *a, struct failure *f)
{
    char then[DATE_SIZE], at[DATE_SIZE];
    date_format(k->expires, then);
    date_format(now, at);
    failure_set(f, a, FAILURE_AUTHENTICATION, 401,
                "Authentication Error - Expired Key. Key Expiry time %s and current time %s", then,
                at);
    f->type = "expired_key";
    f->param = arena_dup(a, k->name);
    f->param_shown = true;
    return false;
}

bool key_check(const struct row *key, int64_t now, struct arena *a, struct failure *f)
{
    if (key->blocked)
        return refuse(f, a, SLICE("Key is blocked. Update via `/key/unblock` if you're admin."));
    return !key->expires || now < key->expires || refuse_expired(key, now, a, f);
}

static bool check_holder(const struct holder *h, const char *what, const char *route,
                         struct arena *a, struct failure *f)
{
    if (!h->row || !h->row->blocked)
        return true;
    return refuse(f, a,
                  arena_printf(a, "%s=%.*s is blocked. Update via `%s` if your admin.", what,
                               SLICE_ARG(h->id), route));
}

bool key_check_holders(const struct caller *caller, struct arena *a, struct failure *f)
{
    const struct holder *h = caller->holders;
    return check_holder(&h[HOLDER_TEAM], "Team", "/team/unblock", a, f) &&
           check_holder(&h[HOLDER_PROJECT], "Project", "/project/update", a, f);
}

bool key_check_end_user(const struct caller *caller, struct arena *a, struct failure *f)
{
    const struct holder *h = &caller->holders[HOLDER_END_USER];
    if (!h->row || !h->row->blocked)
        return true;
    return failure_set(f, a, FAILURE_BAD_REQUEST, 400,
                       "User blocked from making LLM API Calls. User=%.*s", SLICE_ARG(h->id));
}

/* ---- routes ---------------------------------------------------------------------------------- */

bool key_check_route(const struct row *key, const struct route *route, struct slice path,
                     struct arena *a, struct failure *f)
{
    for (size_t i = 0; i < key->route_count; i++)
        if (route_matches(key->routes[i], route, path))
            return true;
    if (!key->route_count)
        return true;
    failure_set(f, a, FAILURE_PERMISSION, 403,
                "Virtual key is not allowed to call this route. Tried to call route: %.*s",
                SLICE_ARG(path));
    f->type = "auth_error";
    return false;
}
