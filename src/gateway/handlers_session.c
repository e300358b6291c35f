/* Who is logged in at the admin UI: POST /v2/login, GET /ui/session, POST /ui/logout.
 *
 * Happy path: one more try is counted for the client's address, name and password are compared, and
 * the answer sets the session's cookie; who was right gets the try back. Failure modes: a wrong
 * name or password (401), too many tries (429), a well-known password from elsewhere than this
 * machine (403), no master key to sign with, or a login that is switched off (403). */

#include "ask.h"
#include "handlers.h"
#include "io/clock.h"
#include "session.h"
#include "wire/crypto.h"
#include "worker_private.h"

#define TRIES_MAX  10
#define TRIES_MS   (5 * 60 * 1000)
#define SAMPLE     "litellm" /* name and password that tutorials show */
#define USER_NAME  "admin"
#define ADMIN_USER "default_user_id" /* LiteLLM's */

struct login {
    yyjson_val *body;
    struct shared_ask ask; /* tries of that address */
    struct shared_grant grant;
    bool asking, refused, taken;
    int64_t wait_ms;
};

static struct slice secret_of(const struct exchange *ex)
{
    return slice_of(ex->config->settings.master_key);
}

static struct slice password_of(const struct settings *s)
{
    return slice_of(s->ui_password ? s->ui_password : s->master_key);
}

static struct slice name_of(const struct settings *s)
{
    return slice_of(s->ui_username ? s->ui_username : USER_NAME);
}

static bool is_sample(const struct settings *s)
{
    return slice_eq(password_of(s), SLICE(SAMPLE));
}

/* Through a proxy everybody comes from its address. */
static bool is_local(const struct exchange *ex)
{
    struct slice peer = slice_of(conn_peer(ex->conn));
    return !http_header_get(ex->head->headers, "x-forwarded-for").p &&
           (slice_starts(peer, SLICE("127.")) || slice_eq(peer, SLICE("::1")));
}

static void refuse(struct exchange *ex, enum failure_kind kind, int status, const char *why)
{
    failure_set(&ex->failure, &ex->arena, kind, status, "%s", why);
    ex->failure.type = "auth_error";
}

/* ---- answers --------------------------------------------------------------------------------- */

static void set_header(struct exchange *ex, struct slice cookie)
{
    const struct http_header headers[] = {{SLICE("set-cookie"), cookie},
                                          {SLICE("cache-control"), SLICE("no-store")}};
    ask_headers(ex, headers, sizeof(headers) / sizeof(*headers));
}

static bool is_secure(const struct exchange *ex)
{
    struct slice outside = http_header_get(ex->head->headers, "x-forwarded-proto");
    return conn_is_tls(ex->conn) || slice_eq_nocase(outside, SLICE("https"));
}

static const char *warning_of(const struct exchange *ex)
{
    if (!secret_of(ex).n)
        return "no_key";
    return is_sample(&ex->config->settings) ? "default_login" : "";
}

static void write_who(struct exchange *ex, const struct session *s, struct slice text,
                      struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "user_id", s->user);
    json_member_string(&w, "user_role", s->role);
    json_member_string(&w, "csrf_token", session_csrf(text, secret_of(ex), &ex->arena));
    json_member_string(&w, "warning", slice_of(warning_of(ex)));
    json_key(&w, "login_needed");
    json_bool(&w, secret_of(ex).n > 0);
    json_object_end(&w);
}

/* ---- POST /v2/login -------------------------------------------------------------------------- */

static void on_counted(void *user, const struct shared_answer *answer)
{
    struct exchange *ex = user;
    struct login *l = ex->own.state;
    l->asking = false;
    l->taken = answer->refused < 0;
    l->refused = answer->refused >= 0 && !answer->away;
    l->wait_ms = answer->n ? answer->states[0].reset_ms : 0;
    l->grant = answer->grant;
    exchange_deposit(ex, 0);
}

static bool is_counted(struct exchange *ex)
{
    return !((struct login *)ex->own.state)->asking;
}

static void stop_counting(struct exchange *ex)
{
    struct login *l = ex->own.state;
    struct shared *s = ex->worker->shared;
    if (l->asking)
        s->ops->forget(s, ex);
    l->asking = false;
}

static void give_back(struct exchange *ex, struct login *l)
{
    struct shared *s = ex->worker->shared;
    l->ask.units = -1;
    if (l->taken)
        s->ops->settle(s, &l->grant, &l->ask, 1, turn_now(&ex->worker->turn));
}

static bool is_right(const struct exchange *ex, yyjson_val *body)
{
    const struct settings *s = &ex->config->settings;
    struct slice name = json_get_slice(body, "username"), word = json_get_slice(body, "password");
    bool named = ct_equal(name, name_of(s)), told = ct_equal(word, password_of(s));
    return named && told && word.n;
}

static void let_in(struct exchange *ex, struct buf *body)
{
    struct session s = {SLICE(ADMIN_USER), SLICE(SESSION_ADMIN), clock_unix_ms() + SESSION_MS};
    struct slice text = session_write(&s, secret_of(ex), &ex->arena);
    set_header(ex, session_set_cookie(text, is_secure(ex), &ex->arena));
    write_who(ex, &s, text, body);
}

static void decide(struct exchange *ex, struct buf *body)
{
    struct login *l = ex->own.state;
    if (l->refused) {
        refuse(ex, FAILURE_RATE_LIMIT, 429, "Too many tries to log in from this address.");
        ex->failure.retry_after_s = (int)((l->wait_ms + 999) / 1000);
    } else if (!is_right(ex, l->body)) {
        refuse(ex, FAILURE_AUTHENTICATION, 401,
               "Invalid credentials used to access UI. Check 'UI_USERNAME', 'UI_PASSWORD'.");
    } else {
        give_back(ex, l);
        let_in(ex, body);
    }
}

void handle_login(struct exchange *ex, struct buf *body)
{
    const struct settings *s = &ex->config->settings;
    struct shared *shared = ex->worker->shared;
    struct login *l = ARENA_NEW(&ex->arena, struct login);
    (void)body;
    if (!secret_of(ex).n || s->disable_env_login) {
        refuse(ex, FAILURE_PERMISSION, 403, "Logging in needs a master key, and is not disabled.");
        return;
    }
    if (is_sample(s) && !is_local(ex)) {
        refuse(
            ex, FAILURE_PERMISSION, 403,
            "The well-known password works from the gateway's own machine only: set UI_PASSWORD.");
        return;
    }
    l->body = ask_body(ex);
    if (!l->body)
        return;
    ex->own.state = l;
    l->ask =
        (struct shared_ask){ARENA_JOIN(&ex->arena, SLICE("login:"), slice_of(conn_peer(ex->conn))),
                            SHARED_WINDOW, TRIES_MAX, TRIES_MS, 1};
    l->asking = true;
    ask_wait(ex, is_counted, decide, stop_counting);
    shared->ops->reserve(shared, &l->ask, 1, turn_now(&ex->worker->turn), on_counted, ex);
}

/* ---- GET /ui/session, POST /ui/logout -------------------------------------------------------- */

void handle_session(struct exchange *ex, struct buf *body)
{
    struct session s = {SLICE(ADMIN_USER), SLICE(SESSION_ADMIN), 0};
    struct slice text = session_cookie(ex->head);
    if (secret_of(ex).n && !session_read(text, secret_of(ex), clock_unix_ms(), &ex->arena, &s)) {
        refuse(ex, FAILURE_AUTHENTICATION, 401, "Nobody is logged in.");
        return;
    }
    write_who(ex, &s, text, body);
}

void handle_logout(struct exchange *ex, struct buf *body)
{
    set_header(ex, session_set_cookie(SLICE(""), is_secure(ex), &ex->arena));
    BUF_LITERAL(body, "{\"status\":\"success\"}");
}
