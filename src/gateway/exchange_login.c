#include "exchange_login.h"

#include "auth.h"
#include "io/clock.h"
#include "session.h"
#include "wire/crypto.h"

static bool changes_something(struct slice method)
{
    return !slice_eq(method, SLICE("GET")) && !slice_eq(method, SLICE("HEAD"));
}

/* Another site can make the browser send the cookie's owner somewhere, but not know this token. */
static bool is_of_the_page(struct exchange *ex, struct slice text, struct slice secret)
{
    struct slice shown = http_header_get(ex->head->headers, SESSION_CSRF);
    if (!changes_something(ex->head->method) ||
        ct_equal(shown, session_csrf(text, secret, &ex->arena)))
        return true;
    failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403,
                "A request with the admin UI's cookie needs the header " SESSION_CSRF ".");
    return false;
}

bool exchange_login(struct exchange *ex)
{
    struct slice secret = slice_of(ex->config->settings.master_key);
    struct slice text = session_cookie(ex->head);
    struct session s;
    if (!text.n || !session_read(text, secret, clock_unix_ms(), &ex->arena, &s) ||
        !slice_eq(s.role, SLICE(SESSION_ADMIN)))
        return false;
    if (is_of_the_page(ex, text, secret))
        auth_be_master(ex->config, &ex->caller);
    return true;
}
