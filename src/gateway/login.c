#include "login.h"

#include "exchange_client.h"
#include "io/clock.h"
#include "worker_private.h"

#define NO_ROLE   "internal_user_viewer"
#define SAMPLE    "litellm"
#define USER_NAME "admin"

struct login *login_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct login);
    return ex->own.state;
}

struct slice login_secret(const struct exchange *ex)
{
    return slice_of(ex->config->settings.master_key);
}

struct slice login_name(const struct settings *s)
{
    return slice_of(s->ui_username ? s->ui_username : USER_NAME);
}

struct slice login_password(const struct settings *s)
{
    return slice_of(s->ui_password ? s->ui_password : s->master_key);
}

bool login_is_sample(const struct settings *s)
{
    return slice_eq(login_password(s), SLICE(SAMPLE));
}

struct slice login_role(struct slice role)
{
    return role.n ? role : SLICE(NO_ROLE);
}

void login_refuse(struct exchange *ex, enum failure_kind kind, int status, const char *why)
{
    failure_set(&ex->failure, &ex->arena, kind, status, "%s", why);
    ex->failure.type = "auth_error";
}

/* ---- the session ----------------------------------------------------------------------------- */

bool login_is_secure(const struct exchange *ex)
{
    struct slice outside = http_header_get(ex->head->headers, "x-forwarded-proto");
    return conn_is_tls(ex->conn) || slice_eq_nocase(outside, SLICE("https"));
}

static const char *warning_of(const struct exchange *ex)
{
    if (!login_secret(ex).n)
        return "no_key";
    return login_is_sample(&ex->config->settings) ? "default_login" : "";
}

void login_tell(struct exchange *ex, struct slice user, struct slice role, struct slice session,
                struct buf *body)
{
    struct slice secret = login_secret(ex);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "user_id", user);
    json_member_string(&w, "user_role", role);
    json_member_string(&w, "csrf_token",
                       session.n ? session_csrf(session, secret, &ex->arena) : SLICE(""));
    json_member_string(&w, "warning", slice_of(warning_of(ex)));
    json_member_bool(&w, "login_needed", secret.n > 0);
    json_object_end(&w);
}

bool login_session(struct exchange *ex, struct session *s)
{
    return session_read(session_cookie(ex->head), login_secret(ex), clock_unix_ms(), &ex->arena, s);
}

static struct slice write_session(struct exchange *ex)
{
    const struct login *l = login_of(ex);
    struct session s = {l->kind, l->id, clock_unix_ms() + SESSION_MS, {0}};
    return session_write(&s, login_secret(ex), &ex->arena);
}

struct slice login_cookie(struct exchange *ex)
{
    return session_set_cookie(write_session(ex), login_is_secure(ex), &ex->arena);
}

void login_let_in(struct exchange *ex, struct buf *body)
{
    const struct login *l = login_of(ex);
    struct slice text;
    if (ex->config->access.ui_of_admins && !slice_starts(l->role, SLICE("proxy_admin"))) {
        login_refuse(ex, FAILURE_PERMISSION, 403, LOGIN_FOR_ADMINS);
        return;
    }
    text = write_session(ex);
    const struct http_header headers[] = {
        {SLICE("set-cookie"), session_set_cookie(text, login_is_secure(ex), &ex->arena)},
        {SLICE("cache-control"), SLICE("no-store")}};
    ask_headers(ex, headers, sizeof(headers) / sizeof(*headers));
    login_tell(ex, l->user, l->role, text, body);
}

/* ---- the shared state ------------------------------------------------------------------------ */

static void on_answer(void *user, const struct shared_answer *answer)
{
    struct exchange *ex = user;
    struct login *l = login_of(ex);
    l->asking = false;
    l->taken = answer->refused < 0;
    l->refused = answer->refused >= 0 && !answer->away;
    l->wait_ms = answer->n ? answer->states[0].reset_ms : 0;
    l->grant = answer->grant;
    exchange_deposit(ex, 0);
}

static bool is_answered(struct exchange *ex)
{
    return !login_of(ex)->asking;
}

static void stop_asking(struct exchange *ex)
{
    struct login *l = login_of(ex);
    struct shared *s = ex->worker->shared;
    if (l->asking)
        s->ops->forget(s, ex);
    l->asking = false;
}

void login_ask(struct exchange *ex, answer_next *next)
{
    struct login *l = login_of(ex);
    struct shared *s = ex->worker->shared;
    l->asking = true;
    ask_wait(ex, is_answered, next, stop_asking);
    s->ops->reserve(s, &l->ask, 1, turn_now(&ex->worker->turn), on_answer, ex);
}

void login_count(struct exchange *ex, answer_next *next)
{
    const struct login_tries *t = &ex->config->access.logins;
    struct slice address = exchange_client_group(ex);
    int64_t most = exchange_client_tries(ex);
    login_of(ex)->ask = (struct shared_ask){ARENA_JOIN(&ex->arena, SLICE("login:"), address),
                                            SHARED_WINDOW, most, t->ms, 1};
    if (most)
        login_ask(ex, next);
    else
        ask_later(ex, next);
}

bool login_may_try(struct exchange *ex)
{
    const struct login *l = login_of(ex);
    if (!l->refused)
        return true;
    login_refuse(ex, FAILURE_RATE_LIMIT, 429, "Too many tries to log in from this address.");
    ex->failure.retry_after_s = (int)((l->wait_ms + 999) / 1000);
    return false;
}

void login_give_back(struct exchange *ex)
{
    struct login *l = login_of(ex);
    struct shared *s = ex->worker->shared;
    l->ask.units = -1;
    if (l->taken)
        s->ops->settle(s, &l->grant, &l->ask, 1, turn_now(&ex->worker->turn));
    l->taken = false;
}

/* A window that holds one: it is remembered for as long as a session may last, by all workers and
 * gateways that share their state. */
struct shared_ask login_ended(struct slice nonce, int64_t units, struct arena *a)
{
    return (struct shared_ask){ARENA_JOIN(a, SLICE("logout:"), nonce), SHARED_WINDOW, 1, SESSION_MS,
                               units};
}
