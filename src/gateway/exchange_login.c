#include "exchange_login.h"

#include "auth.h"
#include "login.h"
#include "session.h"
#include "wire/crypto.h"
#include "worker_private.h"

struct login_use {
    struct session session;
    bool asking, ended;
};

static bool changes_something(struct slice method)
{
    return !slice_eq(method, SLICE("GET")) && !slice_eq(method, SLICE("HEAD"));
}

/* Another site can make the browser send the cookie's owner somewhere, but not know this token. */
static bool is_of_the_page(struct exchange *ex)
{
    struct slice shown = http_header_get(ex->head->headers, SESSION_CSRF);
    struct slice wanted = session_csrf(session_cookie(ex->head), login_secret(ex), &ex->arena);
    if (!changes_something(ex->head->method) || ct_equal(shown, wanted))
        return true;
    failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403,
                "A request with the admin UI's cookie needs the header " SESSION_CSRF ".");
    return false;
}

static void on_answer(void *user, const struct shared_answer *answer)
{
    struct exchange *ex = user;
    ex->login->asking = false;
    ex->login->ended = answer->refused >= 0 && !answer->away;
    exchange_deposit(ex, 0);
}

static void ask(struct exchange *ex)
{
    struct shared *s = ex->worker->shared;
    struct shared_ask ended = login_ended(ex->login->session.nonce, 0, &ex->arena);
    ex->login->asking = true;
    s->ops->reserve(s, &ended, 1, turn_now(&ex->worker->turn), on_answer, ex);
}

void exchange_login_over(struct exchange *ex)
{
    login_refuse(ex, FAILURE_AUTHENTICATION, 401, "This login has ended: log in again.");
}

static enum login_result be(struct exchange *ex, struct slice *hash)
{
    const struct session *s = &ex->login->session;
    bool stored = rows_have_database(ex->worker->rows);
    ex->caller.session = s->nonce;
    if (ex->login->ended || (s->kind != SESSION_MASTER && !stored)) {
        exchange_login_over(ex);
    } else if (!is_of_the_page(ex)) {
        return LOGIN_DONE;
    } else if (s->kind == SESSION_KEY) {
        *hash = s->id;
        return LOGIN_KEY;
    } else if (s->kind == SESSION_USER) {
        ex->caller.login = true;
        ex->caller.user = s->id;
    } else {
        auth_be_master(ex->config, &ex->caller);
    }
    return LOGIN_DONE;
}

enum login_result exchange_login(struct exchange *ex, struct slice *hash)
{
    struct session s;
    if (!ex->login) {
        if (!login_session(ex, &s))
            return LOGIN_NONE;
        ex->login = ARENA_NEW(&ex->arena, struct login_use);
        ex->login->session = s;
        ask(ex);
    }
    return ex->login->asking ? LOGIN_COMING : be(ex, hash);
}

void exchange_login_cancel(struct exchange *ex)
{
    struct shared *s = ex->worker->shared;
    if (ex->login && ex->login->asking)
        s->ops->forget(s, ex);
    if (ex->login)
        ex->login->asking = false;
}
