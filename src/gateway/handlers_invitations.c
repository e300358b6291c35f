/* /invitation/…, /onboarding/…: links by which users of the database get their password.
 *
 * Happy path: an admin makes an invitation for a user and sends its link, /ui?invitation_id=ID; who
 * has it within a week gives a password and is logged in, and the invitation is used up in the same
 * transaction. Failure modes: an invitation that is not there, is too old, was used, or is another
 * user's (401). */

#include "handlers_admin.h"

#include "admin.h"
#include "detail.h"
#include "io/clock.h"
#include "login.h"
#include "password.h"
#include "query.h"
#include "wire/crypto.h"

#define TABLE     TABLE_INVITATION_LINK
#define VALID_MS  (INT64_C(7) * 24 * 60 * 60 * 1000)
#define TOKEN_MAX 4096 /* bytes */

struct invitation {
    struct login login; /* first: login_of */
    yyjson_val *body;
    struct slice id, word, email;
    size_t statement; /* of the row that is the answer */
    const struct store_rows *rows;
};

static struct invitation *invitation_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct invitation);
    return ex->own.state;
}

/* ---- for admins ------------------------------------------------------------------------------ */

static void write_row(struct exchange *ex, struct buf *body)
{
    static const struct admin_fields fields = {.table = TABLE};
    const struct store_rows *rows = ask_rows(ex, invitation_of(ex)->statement);
    struct json_writer w;
    if (!rows->count) {
        detail_refuse_error(ex, 400, SLICE("Invitation id does not exist in the database."));
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    admin_write(&w, &fields, rows, 0);
    json_object_end(&w);
}

static void insert(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    int64_t now = clock_unix_ms();
    struct admin_cells cells = {.n = 0};
    struct store_job *job;
    (void)body;
    if (!ask_rows(ex, 0)->count) {
        detail_refuse_error(ex, 400, SLICE("User id does not exist in the database."));
        return;
    }
    v->id = admin_id(ex, NULL, "");
    admin_set(&cells, "id", store_text(v->id));
    admin_set(&cells, "user_id", store_text(v->login.user));
    admin_set(&cells, "expires_at", store_time(now + VALID_MS));
    admin_set(&cells, "created_at", store_time(now));
    admin_set(&cells, "created_by", store_text(admin_who(ex)));
    admin_set(&cells, "updated_by", store_text(admin_who(ex)));
    job = ask_new(ex);
    store_insert(job, TABLE, cells.v, cells.n);
    v->statement = admin_select(job, TABLE, "id", v->id);
    ask_store(ex, job, write_row);
}

void handle_invitation_new(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct store_job *job;
    v->body = ask_body(ex);
    v->login.user = v->body ? admin_need_text(ex, v->body, "user_id") : SLICE("");
    if (!v->login.user.n || !(job = ask_new(ex)))
        return;
    admin_select(job, TABLE_USER_TABLE, "user_id", v->login.user);
    ask_store(ex, job, insert);
}

void handle_invitation_info(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    v->id = query_get(ex->head->query, "invitation_id", &ex->arena);
    v->statement = admin_select(job, TABLE, "id", v->id);
    ask_store(ex, job, write_row);
}

/* The id of the body. False: the failure is set. */
static bool read_id(struct exchange *ex, struct invitation *v)
{
    v->body = ask_body(ex);
    v->id = v->body ? admin_need_text(ex, v->body, "invitation_id") : SLICE("");
    return v->id.n != 0;
}

void handle_invitation_update(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct admin_cells cells = {.n = 0};
    struct store_where where;
    struct store_job *job;
    if (!read_id(ex, v) ||
        !admin_read_member(ex, TABLE, v->body, "is_accepted", "is_accepted", &cells) ||
        !(job = ask_new(ex)))
        return;
    where = admin_where("id", v->id);
    admin_set(&cells, "accepted_at", store_time(clock_unix_ms()));
    admin_set(&cells, "updated_by", store_text(admin_who(ex)));
    store_update(job, TABLE, cells.v, cells.n, &where, 1);
    v->statement = admin_select(job, TABLE, "id", v->id);
    ask_store(ex, job, write_row);
}

void handle_invitation_delete(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct store_where where;
    struct store_job *job;
    if (!read_id(ex, v) || !(job = ask_new(ex)))
        return;
    where = admin_where("id", v->id);
    v->statement = admin_select(job, TABLE, "id", v->id);
    store_delete(job, TABLE, &where, 1);
    ask_store(ex, job, write_row);
}

/* ---- for whoever has the link ---------------------------------------------------------------- */

static bool is_good(struct exchange *ex, const struct store_rows *rows)
{
    if (!rows->count)
        detail_refuse_error(ex, 401, SLICE("Invitation link does not exist in db."));
    else if (store_rows_at(rows, 0, "expires_at")->integer <= clock_unix_ms())
        detail_refuse_error(ex, 401, SLICE("Invitation link has expired."));
    else if (store_rows_flag(rows, 0, "is_accepted"))
        detail_refuse_error(ex, 401, SLICE("Invitation link has been used."));
    return ex->failure.kind == FAILURE_NONE;
}

/* A JSON web token that says who that is, as LiteLLM's clients read it. It opens nothing: what
 * counts is the link. */
static struct slice token_of(struct exchange *ex, const struct invitation *v)
{
    uint8_t digest[SHA256_SIZE];
    struct buf payload, token;
    struct json_writer w;
    struct slice text;
    buf_init(&payload, TOKEN_MAX);
    buf_init(&token, 2 * TOKEN_MAX);
    json_begin(&w, &payload);
    json_object(&w);
    json_member_string(&w, "user_id", v->login.user);
    json_key(&w, "user_email");
    json_string_or_null(&w, v->email);
    json_member_string(&w, "user_role", v->login.role);
    json_member_string(&w, "login_method", SLICE("username_password"));
    json_member_string(&w, "key", v->id);
    json_object_end(&w);
    base64url_encode(SLICE("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), &token);
    BUF_LITERAL(&token, ".");
    base64url_encode(buf_slice(&payload), &token);
    hmac_sha256(login_secret(ex), buf_slice(&token), digest);
    BUF_LITERAL(&token, ".");
    base64url_encode(slice_make((const char *)digest, sizeof(digest)), &token);
    text = arena_dup(&ex->arena, buf_slice(&token));
    buf_fini(&payload);
    buf_fini(&token);
    return text;
}

static bool take_user(struct exchange *ex, struct invitation *v, const struct store_rows *users)
{
    if (!users->count) {
        detail_refuse_error(ex, 401, SLICE("User does not exist in db."));
        return false;
    }
    v->login.role = arena_dup(&ex->arena, login_role(store_rows_text(users, 0, "user_role")));
    v->email = arena_dup(&ex->arena, store_rows_text(users, 0, "user_email"));
    return true;
}

static void write_token(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct json_writer w;
    if (!take_user(ex, v, ask_rows(ex, 0)))
        return;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "login_url", ARENA_JOIN(&ex->arena, SLICE("/ui?invitation_id="), v->id));
    json_member_string(&w, "token", token_of(ex, v));
    json_key(&w, "user_email");
    json_string_or_null(&w, v->email);
    json_member_string(&w, "user_id", v->login.user);
    json_object_end(&w);
}

/* The user of a good invitation is asked for. */
static void ask_user(struct exchange *ex, struct invitation *v, answer_next *next)
{
    struct store_job *job;
    if (!is_good(ex, ask_rows(ex, 0)))
        return;
    v->login.user = arena_dup(&ex->arena, store_rows_text(ask_rows(ex, 0), 0, "user_id"));
    job = ask_new(ex);
    admin_select(job, TABLE_USER_TABLE, "user_id", v->login.user);
    ask_store(ex, job, next);
}

static void link_found(struct exchange *ex, struct buf *body)
{
    ask_user(ex, invitation_of(ex), write_token);
}

static void ask_link(struct exchange *ex, struct invitation *v, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    admin_select(job, TABLE, "id", v->id);
    ask_store(ex, job, next);
}

void handle_onboarding(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    v->id = query_get(ex->head->query, "invite_link", &ex->arena);
    if (v->id.n)
        ask_link(ex, v, link_found);
    else
        detail_refuse_input(ex, "query", "invite_link", "Field required");
}

/* ---- POST /onboarding/claim_token ------------------------------------------------------------ */

static void claimed(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    if (store_job_status(ex->own.job) != STORE_OK) { /* somebody was faster */
        detail_refuse_error(ex, 401, SLICE("Invitation link has been used."));
        return;
    }
    v->login.kind = SESSION_USER;
    v->login.id = v->login.user;
    login_let_in(ex, body);
}

static void password_known(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct admin_cells password = {.n = 0}, used = {.n = 0};
    struct store_where unused[] = {admin_where("id", v->id),
                                   {"is_accepted", STORE_EQ, store_flag(false), 0}};
    struct store_where user = admin_where("user_id", v->login.user);
    struct slice sealed = password_sealed(ex);
    struct store_job *job = ask_new(ex);
    (void)body;
    admin_set(&used, "is_accepted", store_flag(true));
    admin_set(&used, "accepted_at", store_time(clock_unix_ms()));
    admin_set(&used, "updated_by", store_text(v->login.user));
    store_update(job, TABLE, used.v, used.n, unused, 2);
    store_expect(job, 1);
    admin_set(&password, "password", store_text(sealed));
    store_update(job, TABLE_USER_TABLE, password.v, password.n, &user, 1);
    store_tell(job, TABLE_USER_TABLE, v->login.user);
    ask_store_conflict(ex, job, claimed);
}

static void user_found(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    (void)body;
    if (take_user(ex, v, ask_rows(ex, 0)))
        password_seal(ex, v->word, password_known);
}

static void claim_found(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    struct slice id = json_get_slice(v->body, "user_id");
    const struct store_rows *rows = ask_rows(ex, 0);
    (void)body;
    if (rows->count && id.n && !slice_eq(id, store_rows_text(rows, 0, "user_id")))
        detail_refuse_error(ex, 401,
                            SLICE("Invalid invitation link: it belongs to another user id."));
    else
        ask_user(ex, v, user_found);
}

void handle_onboarding_claim(struct exchange *ex, struct buf *body)
{
    struct invitation *v = invitation_of(ex);
    v->body = ask_body(ex);
    if (!v->body)
        return;
    v->id = json_get_slice(v->body, "invitation_link");
    if (!login_secret(ex).n)
        login_refuse(ex, FAILURE_PERMISSION, 403, "Logging in needs a master key.");
    else if (!v->id.n)
        detail_refuse_input(ex, "body", "invitation_link", "Field required");
    else if (password_read(ex, v->body, &v->word) && v->word.n)
        ask_link(ex, v, claim_found);
    else if (ex->failure.kind == FAILURE_NONE)
        detail_refuse_input(ex, "body", "password", "Field required");
}
