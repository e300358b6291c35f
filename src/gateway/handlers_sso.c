/* Single sign-on at the admin UI: GET /sso/key/generate, GET /sso/callback (sso.h).
 *
 * Happy path: the browser is sent to the provider with a state that its cookie keeps, and comes
 * back with a code; the code is changed for tokens, these for the user's claims, the user's row is
 * made or changed, and the session's cookie set. Failure modes: a state that is not this browser's,
 * is too old, or was used; a provider that refuses, is away (502), or answers for somebody else; an
 * address of another domain; no database. Nothing that comes in says where the browser is sent. */

#include "admin.h"
#include "batch.h"
#include "handlers.h"
#include "io/clock.h"
#include "login.h"
#include "query.h"
#include "sso.h"
#include "user_fields.h"
#include "worker_private.h"

#define ANSWER_MAX (256 * 1024)
#define CONNECT_MS 5000
#define TOTAL_MS   15000
#define FOUND_MAX  20
#define TABLE      TABLE_USER_TABLE

struct sso_login {
    struct login login; /* first: login_of */
    struct slice state, code, redirect_uri, subject;
    struct sso_user user;
    struct http_call call;
    struct http_header headers[3];
    struct batch *batch; /* NULL: no call is running */
    int status;          /* of its answer; 0: none came */
    struct slice answer;
    unsigned tries;
};

static struct sso_login *sso_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct sso_login);
    return ex->own.state;
}

static void refuse(struct exchange *ex, int status, const char *why)
{
    login_refuse(ex, status >= 500 ? FAILURE_BAD_GATEWAY : FAILURE_AUTHENTICATION, status, why);
}

static void lead(struct exchange *ex, struct slice to, struct slice cookie, struct slice other)
{
    const struct http_header headers[] = {{SLICE("location"), to},
                                          {SLICE("cache-control"), SLICE("no-store")},
                                          {SLICE("set-cookie"), cookie},
                                          {SLICE("set-cookie"), other}};
    ask_headers(ex, headers, other.n ? 4 : cookie.n ? 3 : 2);
    ex->own.status = 303;
}

/* Where the provider sends the browser back to; it knows that address. */
static struct slice redirect_uri(struct exchange *ex)
{
    const char *base = ex->config->sso.base_url;
    struct slice host = http_header_get(ex->head->headers, "host"), from;
    if (base)
        from = slice_of(base);
    else
        from = ARENA_JOIN(&ex->arena, login_is_secure(ex) ? SLICE("https://") : SLICE("http://"),
                          host);
    while (slice_ends(from, SLICE("/")))
        from.n--;
    return ARENA_JOIN(&ex->arena, from, SLICE("/sso/callback"));
}

/* ---- GET /sso/key/generate ------------------------------------------------------------------- */

void handle_sso_begin(struct exchange *ex, struct buf *body)
{
    const struct sso *s = &ex->config->sso;
    struct slice secret = login_secret(ex), state = sso_state(&ex->arena), none = {0};
    (void)body;
    if (!s->on || !secret.n) {
        lead(ex, SLICE("../../ui"), none, none);
        return;
    }
    lead(ex, sso_location(s, redirect_uri(ex), state, secret, &ex->arena),
         sso_set_cookie(state, secret, clock_unix_ms(), login_is_secure(ex), &ex->arena), none);
}

/* ---- calls of the provider ------------------------------------------------------------------- */

static bool on_call(void *user, size_t i, struct http_call *call)
{
    (void)i;
    *call = sso_of(user)->call;
    return true;
}

static bool on_answer(void *user, size_t i, const struct batch_answer *answer)
{
    struct exchange *ex = user;
    struct sso_login *l = sso_of(ex);
    (void)i;
    if (answer->end != UPSTREAM_DONE || answer->too_large)
        return true;
    l->status = answer->status;
    l->answer = arena_dup(&ex->arena, answer->body);
    return true;
}

static void on_over(void *user)
{
    sso_of(user)->batch = NULL;
    exchange_deposit(user, 0);
}

static bool is_called(struct exchange *ex)
{
    return !sso_of(ex)->batch;
}

static void stop_calling(struct exchange *ex)
{
    struct sso_login *l = sso_of(ex);
    if (l->batch)
        batch_cancel(l->batch);
    l->batch = NULL;
}

static void call(struct exchange *ex, size_t headers, answer_next *next)
{
    static const struct batch_events events = {.call = on_call, .done = on_answer, .over = on_over};
    static const struct batch_options options = {
        .count = 1,
        .body_max = ANSWER_MAX,
        .timeouts = {.connect_ms = CONNECT_MS, .first_ms = TOTAL_MS, .total_ms = TOTAL_MS}};
    struct sso_login *l = sso_of(ex);
    l->status = 0;
    l->call.headers = (struct http_headers){l->headers, headers};
    ask_wait(ex, is_called, next, stop_calling);
    l->batch = batch_start(ex->worker->upstream, &ex->worker->turn, &options, &events, ex);
}

/* The object that it answered with. NULL: the failure is set. */
static yyjson_val *answer_of(struct exchange *ex, const char *what)
{
    const struct sso_login *l = sso_of(ex);
    yyjson_val *v = l->status == 200 ? json_parse(l->answer, &ex->arena, NULL) : NULL;
    if (yyjson_is_obj(v))
        return v;
    if (l->status >= 400 && l->status < 500)
        refuse(ex, 401, "The provider refuses this login.");
    else
        refuse(ex, 502,
               arena_printf(&ex->arena, "The provider's %s does not answer as it should.", what).p);
    return NULL;
}

/* ---- the user's row -------------------------------------------------------------------------- */

static void find_user(struct exchange *ex);

static void let_in(struct exchange *ex, struct buf *body)
{
    bool secure = login_is_secure(ex);
    (void)body;
    if (store_job_status(ex->own.job) != STORE_OK) { /* another of their logins was faster */
        if (admin_again(ex, &sso_of(ex)->tries))
            find_user(ex);
        return;
    }
    lead(ex, SLICE("../ui"), login_cookie(ex),
         sso_set_cookie(SLICE(""), SLICE(""), 0, secure, &ex->arena));
}

static bool is_role(struct slice name)
{
    for (size_t i = 0; i < USER_ROLES; i++)
        if (slice_eq(name, slice_of(user_roles[i].name)))
            return true;
    return false;
}

/* Empty: nobody says. */
static struct slice role_of(const struct exchange *ex, const struct sso_user *u)
{
    const char *admin = ex->config->sso.admin_id;
    if (admin && slice_eq(u->id, slice_of(admin)))
        return SLICE("proxy_admin");
    return is_role(u->role) ? u->role : SLICE("");
}

static void write_user(struct exchange *ex, struct admin_cells *cells, bool new)
{
    struct sso_login *l = sso_of(ex);
    struct store_where where = admin_where("user_id", l->login.user);
    struct store_job *job = ask_new(ex);
    l->login.kind = SESSION_USER;
    l->login.id = l->login.user;
    admin_set(cells, "sso_user_id", store_text(l->user.id));
    if (new)
        store_insert(job, TABLE, cells->v, cells->n);
    else
        store_update(job, TABLE, cells->v, cells->n, &where, 1);
    store_tell(job, TABLE, l->login.user);
    ask_store_conflict(ex, job, let_in);
}

static void change_user(struct exchange *ex, const struct store_rows *users, size_t row)
{
    struct sso_login *l = sso_of(ex);
    struct slice role = role_of(ex, &l->user);
    struct admin_cells cells = {.n = 0};
    l->login.user = arena_dup(&ex->arena, store_rows_text(users, row, "user_id"));
    if (role.n)
        admin_set(&cells, "user_role", store_text(role));
    if (l->user.email.n && !store_rows_text(users, row, "user_email").n)
        admin_set(&cells, "user_email", store_text(l->user.email));
    write_user(ex, &cells, false);
}

/* As default_internal_user_params has it, but for what the provider says. */
static void make_user(struct exchange *ex)
{
    struct sso_login *l = sso_of(ex);
    struct slice role = role_of(ex, &l->user);
    struct admin_cells cells;
    yyjson_val *said = json_parse(SLICE("{}"), &ex->arena, NULL);
    said = admin_with_defaults(ex, said, ex->config->new_user);
    if (!said || !user_fields_read(ex, said, SLICE(""), &cells))
        return;
    if (role.n || !json_get(said, "user_role"))
        admin_set(&cells, "user_role", store_text(login_role(role)));
    if (!json_get(said, "models"))
        admin_set(&cells, "models", store_texts(SLICE("[]")));
    l->login.user = l->user.id;
    admin_set(&cells, "user_id", store_text(l->user.id));
    if (l->user.email.n)
        admin_set(&cells, "user_email", store_text(l->user.email));
    if (l->user.name.n)
        admin_set(&cells, "user_alias", store_text(l->user.name));
    write_user(ex, &cells, true);
}

/* Who logged in so before; else somebody of that id or address who never did. */
static bool choose(const struct store_rows *users, const struct sso_user *u, size_t *row)
{
    if (admin_find(users, "sso_user_id", u->id, row))
        return true;
    for (*row = 0; *row < users->count; ++*row) {
        bool named = slice_eq(store_rows_text(users, *row, "user_id"), u->id);
        bool mailed = u->email.n && !u->email_unverified &&
                      slice_eq_nocase(store_rows_text(users, *row, "user_email"), u->email);
        if ((named || mailed) && !store_rows_text(users, *row, "sso_user_id").n)
            return true;
    }
    return false;
}

static void user_found(struct exchange *ex, struct buf *body)
{
    const struct store_rows *users = ask_rows(ex, 0);
    const struct sso_user *u = &sso_of(ex)->user;
    size_t row;
    (void)body;
    if (choose(users, u, &row))
        change_user(ex, users, row);
    else if (admin_find(users, "user_id", u->id, &row))
        refuse(ex, 403, "Another user has that id.");
    else
        make_user(ex);
}

static void find_user(struct exchange *ex)
{
    const struct sso_user *u = &sso_of(ex)->user;
    struct store_where where[] = {{"sso_user_id", STORE_EQ, store_text(u->id), 1},
                                  {"user_id", STORE_EQ, store_text(u->id), 1},
                                  {"user_email", STORE_HOLDS, store_text(u->email), 1}};
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    store_select(job, &(struct store_query){.table = TABLE,
                                            .where = where,
                                            .where_count = u->email.n ? 3 : 2,
                                            .limit = FOUND_MAX});
    ask_store(ex, job, user_found);
}

/* ---- GET /sso/callback ----------------------------------------------------------------------- */

static void claims_came(struct exchange *ex, struct buf *body)
{
    struct sso_login *l = sso_of(ex);
    yyjson_val *claims = answer_of(ex, "userinfo endpoint");
    const char *problem;
    (void)body;
    if (!claims)
        return;
    problem = sso_read_user(&ex->config->sso, claims, &ex->arena, &l->user);
    if (!problem && l->subject.n && !slice_eq(json_get_slice(claims, "sub"), l->subject))
        problem = "The provider tells of somebody else than its id_token.";
    if (!problem && slice_eq(l->user.id, SLICE(LOGIN_ADMIN)))
        problem = "That id is the gateway's own.";
    if (problem)
        refuse(ex, 401, problem);
    else
        find_user(ex);
}

static void tokens_came(struct exchange *ex, struct buf *body)
{
    const struct sso *s = &ex->config->sso;
    struct sso_login *l = sso_of(ex);
    yyjson_val *tokens = answer_of(ex, "token endpoint");
    struct slice access = json_get_slice(tokens, "access_token");
    struct slice id_token = json_get_slice(tokens, "id_token");
    const char *problem = NULL;
    (void)body;
    if (!tokens)
        return;
    if (id_token.n)
        problem = sso_token_problem(s, id_token, l->state, login_secret(ex), clock_unix_ms(),
                                    &ex->arena, &l->subject);
    if (!problem && !access.n)
        problem = "The provider gives no access_token.";
    if (problem) {
        refuse(ex, 401, problem);
        return;
    }
    l->headers[0] = (struct http_header){SLICE("authorization"),
                                         ARENA_JOIN(&ex->arena, SLICE("Bearer "), access)};
    l->headers[1] = (struct http_header){SLICE("accept"), SLICE("application/json")};
    l->call = (struct http_call){.method = "GET", .url = s->userinfo_endpoint};
    call(ex, 2, claims_came);
}

static void ask_tokens(struct exchange *ex, struct buf *body)
{
    const struct sso *s = &ex->config->sso;
    struct sso_login *l = sso_of(ex);
    (void)body;
    if (l->login.refused) {
        refuse(ex, 401, "This login was used already.");
        return;
    }
    l->headers[0] = (struct http_header){SLICE("authorization"), sso_basic(s, &ex->arena)};
    l->headers[1] = (struct http_header){SLICE("accept"), SLICE("application/json")};
    l->headers[2] =
        (struct http_header){SLICE("content-type"), SLICE("application/x-www-form-urlencoded")};
    l->call = (struct http_call){.method = "POST",
                                 .url = s->token_endpoint,
                                 .body = sso_token_form(s, redirect_uri(ex), l->state, l->code,
                                                        login_secret(ex), &ex->arena)};
    call(ex, 3, tokens_came);
}

void handle_sso_callback(struct exchange *ex, struct buf *body)
{
    struct sso_login *l = sso_of(ex);
    struct slice secret = login_secret(ex), query = ex->head->query;
    (void)body;
    l->state = query_get(query, "state", &ex->arena);
    l->code = query_get(query, "code", &ex->arena);
    if (!ex->config->sso.on)
        login_refuse(ex, FAILURE_NOT_FOUND, 404, "Single sign-on is not configured.");
    else if (!sso_is_of_browser(ex->head, l->state, secret, clock_unix_ms(), &ex->arena))
        refuse(ex, 401, "This login was not begun here, or took too long: begin again at /ui.");
    else if (!l->code.n)
        refuse(ex, 401, "The provider refuses this login.");
    else {
        l->login.ask = (struct shared_ask){ARENA_JOIN(&ex->arena, SLICE("sso:"), l->state),
                                           SHARED_WINDOW, 1, SSO_MS, 1};
        login_ask(ex, ask_tokens);
    }
}

/* ---- GET /.well-known/litellm-ui-config ------------------------------------------------------ */

void handle_ui_config(struct exchange *ex, struct buf *body)
{
    const struct sso *s = &ex->config->sso;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "server_root_path", SLICE("/"));
    json_key(&w, "proxy_base_url");
    json_string_or_null(&w, s->base_url ? slice_of(s->base_url) : SLICE(""));
    bool sso_works = s->on && login_secret(ex).n;
    json_member_bool(&w, "auto_redirect_to_sso", sso_works && ex->config->settings.sso_at_once);
    json_member_bool(&w, "admin_ui_disabled", ex->config->settings.ui_disabled);
    json_member_bool(&w, "sso_configured", sso_works);
    json_member_bool(&w, "hide_default_credentials_hint", ex->config->settings.no_login_hint);
    json_object_end(&w);
}
