/* Who is logged in at the admin UI: POST /v2/login, GET /ui/session, POST /ui/logout.
 *
 * Happy path: one more try is counted for the client's address, name and password are compared with
 * the settings', then with those of the database, and the answer sets the session's cookie; who was
 * right gets the try back. Failure modes: a wrong name or password (401), too many tries (429), a
 * well-known password from elsewhere than this machine (403), no master key to sign with (403). */

#include "handlers.h"
#include "login.h"
#include "wire/crypto.h"
#include "worker_private.h"

/* Through a proxy everybody comes from its address. */
static bool is_local(const struct exchange *ex)
{
    struct slice peer = slice_of(conn_peer(ex->conn));
    return !http_header_get(ex->head->headers, "x-forwarded-for").p &&
           (slice_starts(peer, SLICE("127.")) || slice_eq(peer, SLICE("::1")));
}

/* ---- POST /v2/login -------------------------------------------------------------------------- */

static bool is_of_settings(const struct settings *s, const struct login *l)
{
    bool named = ct_equal(l->name, login_name(s)), told = ct_equal(l->word, login_password(s));
    return named && told && l->word.n && !s->disable_env_login;
}

static void let_in_admin(struct exchange *ex, struct buf *body)
{
    struct login *l = login_of(ex);
    if (login_is_sample(&ex->config->settings) && !is_local(ex)) {
        login_refuse(
            ex, FAILURE_PERMISSION, 403,
            "The well-known password works from the gateway's own machine only: set UI_PASSWORD.");
        return;
    }
    l->kind = SESSION_MASTER;
    l->id = l->user = SLICE(LOGIN_ADMIN);
    l->role = SLICE("proxy_admin");
    login_give_back(ex);
    login_let_in(ex, body);
}

static void refuse_wrong(struct exchange *ex)
{
    login_refuse(ex, FAILURE_AUTHENTICATION, 401,
                 "Invalid credentials used to access UI. Check 'UI_USERNAME', 'UI_PASSWORD'.");
}

static void user_known(struct exchange *ex, struct buf *body)
{
    if (ex->failure.kind != FAILURE_NONE)
        return;
    if (!login_of(ex)->right) {
        refuse_wrong(ex);
        return;
    }
    login_give_back(ex);
    login_let_in(ex, body);
}

static void decide(struct exchange *ex, struct buf *body)
{
    struct login *l = login_of(ex);
    if (!login_may_try(ex))
        return;
    if (is_of_settings(&ex->config->settings, l)) {
        let_in_admin(ex, body);
    } else if (!l->name.n || !l->word.n || !ex->worker->store) {
        refuse_wrong(ex);
    } else {
        l->then = user_known;
        login_find(ex);
    }
}

void handle_login(struct exchange *ex, struct buf *body)
{
    struct login *l = login_of(ex);
    yyjson_val *asked;
    (void)body;
    if (!login_secret(ex).n) {
        login_refuse(ex, FAILURE_PERMISSION, 403, "Logging in needs a master key.");
        return;
    }
    if (ex->config->settings.sso_only && ex->config->sso.on) {
        login_refuse(ex, FAILURE_PERMISSION, 403,
                     "Passwords are closed: log in by single sign-on.");
        return;
    }
    asked = ask_body(ex);
    if (!asked)
        return;
    l->name = json_get_slice(asked, "username");
    l->word = json_get_slice(asked, "password");
    login_count(ex, decide);
}

/* ---- GET /ui/session, POST /ui/logout -------------------------------------------------------- */

/* The caller came the way of all of them: its login holds, and its user is there. */
void handle_session(struct exchange *ex, struct buf *body)
{
    const struct caller *c = &ex->caller;
    struct slice user = c->master ? SLICE(LOGIN_ADMIN) : c->user;
    login_tell(ex, user, slice_of(caller_role_name(c->role)), session_cookie(ex->head), body);
}

static void logged_out(struct exchange *ex, struct buf *body)
{
    const struct http_header headers[] = {
        {SLICE("set-cookie"), session_set_cookie(SLICE(""), login_is_secure(ex), &ex->arena)},
        {SLICE("cache-control"), SLICE("no-store")}};
    ask_headers(ex, headers, sizeof(headers) / sizeof(*headers));
    BUF_LITERAL(body, "{\"status\":\"success\"}");
}

void handle_logout(struct exchange *ex, struct buf *body)
{
    struct session s;
    if (!login_session(ex, &s)) {
        logged_out(ex, body);
        return;
    }
    login_of(ex)->ask = login_ended(s.nonce, 1, &ex->arena);
    login_ask(ex, logged_out);
}
