/* IAM Identity Center: the token that `aws sso login` left in its cache, traded for credentials of
 * an account and a role.
 *
 * Happy path: the cached token is read (its file is named by the SHA-1 of the session's name, or of
 * the start URL in the legacy form); one that is about to expire is renewed when the cache has what
 * that needs, and written back; then the portal is asked.
 *
 * Failure modes: no token, or one that has expired and cannot be renewed: somebody has to log in
 * again, and the error says how. */

#include "flow_private.h"

#include "base/date.h"
#include "wire/crypto.h"

#include <time.h>

#define CALLS     2
#define TOKEN_MAX (64u * 1024)

enum { BEGIN, CACHE, RENEW, KEEP, PORTAL };

static void fail_login(struct aws_flow *f, const char *why)
{
    const struct slice *text = f->identity->text;
    struct slice session = text[AWS_SSO_SESSION];
    flow_fail(f, true, "SSO (%s): %s: aws sso login%s%.*s", f->identity->name, why,
              session.n ? " --sso-session " : "", SLICE_ARG(session));
}

static void read_cache(struct aws_flow *f)
{
    const struct slice *text = f->identity->text;
    uint8_t digest[SHA1_SIZE];
    char name[HEX_SIZE(SHA1_SIZE)];
    sha1(text[AWS_SSO_SESSION].n ? text[AWS_SSO_SESSION] : text[AWS_SSO_START_URL], digest);
    hex_encode(digest, sizeof(digest), name);
    f->stage = CACHE;
    flow_want_file(f,
                   arena_printf(f->arena, "%.*s/%s.json", SLICE_ARG(text[AWS_SSO_FOLDER]), name));
}

/* ---- the token ----------------------------------------------------------------------------- */

static void ask_portal(struct aws_flow *f)
{
    const struct slice *text = f->identity->text;
    struct http_header *v = arena_alloc(f->arena, sizeof(*v));
    struct buf b;
    *v = (struct http_header){SLICE("x-amz-sso_bearer_token"), f->token};
    buf_init(&b, TOKEN_MAX);
    buf_add(&b, text[AWS_SSO_URL]);
    BUF_LITERAL(&b, "/federation/credentials?role_name=");
    percent_encode(text[AWS_SSO_ROLE], &b);
    BUF_LITERAL(&b, "&account_id=");
    percent_encode(text[AWS_SSO_ACCOUNT], &b);
    f->stage = PORTAL;
    f->doing =
        arena_printf(f->arena, "SSO GetRoleCredentials at %.*s", SLICE_ARG(text[AWS_SSO_URL])).p;
    flow_want_call(f, "GET", arena_strdup(f->arena, buf_slice(&b)), (struct http_headers){v, 1},
                   (struct slice){0});
    buf_fini(&b);
}

static const char *const renewal_keys[] = {"refreshToken", "clientId", "clientSecret",
                                           "registrationExpiresAt"};

static bool can_renew(struct aws_flow *f, yyjson_val *cached)
{
    int64_t until;
    for (size_t i = 0; i < sizeof(renewal_keys) / sizeof(*renewal_keys); i++)
        if (!json_get_slice(cached, renewal_keys[i]).n)
            return false;
    return f->identity->text[AWS_SSO_SESSION].n &&
           date_parse_seconds(json_get_slice(cached, "registrationExpiresAt"), &until) &&
           until > f->now;
}

static void renew(struct aws_flow *f, yyjson_val *cached)
{
    static const struct http_header header = {{"content-type", 12}, {"application/json", 16}};
    struct slice url = f->identity->text[AWS_SSO_OIDC_URL];
    struct json_writer w;
    struct buf b;
    buf_init(&b, TOKEN_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "grantType", SLICE("refresh_token"));
    json_member_string(&w, "clientId", json_get_slice(cached, "clientId"));
    json_member_string(&w, "clientSecret", json_get_slice(cached, "clientSecret"));
    json_member_string(&w, "refreshToken", json_get_slice(cached, "refreshToken"));
    json_object_end(&w);
    f->stage = RENEW;
    f->doing = arena_printf(f->arena, "SSO CreateToken at %.*s", SLICE_ARG(url)).p;
    flow_want_call(f, "POST", ARENA_JOIN(f->arena, url, SLICE("/token")).p,
                   (struct http_headers){&header, 1}, arena_dup(f->arena, buf_slice(&b)));
    buf_fini(&b);
}

static void take_cache(struct aws_flow *f, const struct aws_result *r)
{
    int64_t expires;
    f->kept = arena_dup(f->arena, r->text);
    yyjson_val *cached = r->ok ? json_parse(f->kept, f->arena, NULL) : NULL;
    f->token = flow_member(f, cached, "accessToken");
    bool session = f->identity->text[AWS_SSO_SESSION].n;
    if (!f->token.n || !date_parse_seconds(json_get_slice(cached, "expiresAt"), &expires))
        fail_login(f, r->ok ? "the cached token is not readable" : "nobody has logged in");
    else if (session && expires < f->now + AWS_REFRESH_S && can_renew(f, cached))
        renew(f, cached);
    else if (expires <= f->now)
        fail_login(f, "the login has expired");
    else
        ask_portal(f);
}

/* ---- renewal ------------------------------------------------------------------------------- */

static void write_time(struct json_writer *w, int64_t seconds)
{
    char text[sizeof("2026-11-21T06:07:22Z")];
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_member_string(w, "expiresAt", slice_of(text));
}

/* As the AWS CLI writes it. */
static struct slice renewed_cache(struct aws_flow *f, yyjson_val *old, yyjson_val *answer,
                                  int64_t expires)
{
    const struct slice *text = f->identity->text;
    struct slice refresh = json_get_slice(answer, "refreshToken");
    struct json_writer w;
    struct buf b;
    buf_init(&b, TOKEN_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "startUrl", text[AWS_SSO_START_URL]);
    json_member_string(&w, "region", text[AWS_SSO_REGION]);
    json_member_string(&w, "accessToken", f->token);
    write_time(&w, expires);
    json_member_string(&w, "clientId", json_get_slice(old, "clientId"));
    json_member_string(&w, "clientSecret", json_get_slice(old, "clientSecret"));
    json_member_string(&w, "registrationExpiresAt", json_get_slice(old, "registrationExpiresAt"));
    if (refresh.n)
        json_member_string(&w, "refreshToken", refresh);
    json_object_end(&w);
    struct slice done = arena_dup(f->arena, buf_slice(&b));
    buf_fini(&b);
    return done;
}

/* A token that could not be renewed may still be good. */
static void take_renewed(struct aws_flow *f, const struct aws_result *r)
{
    int64_t lifetime, expires = 0;
    if (flow_retry(f, r, CALLS))
        return;
    yyjson_val *old = json_parse(f->kept, f->arena, NULL);
    yyjson_val *answer = r->ok && r->status == 200 ? json_parse(r->text, f->arena, NULL) : NULL;
    struct slice token = flow_member(f, answer, "accessToken");
    if (token.n && json_int(json_get(answer, "expiresIn"), &lifetime)) {
        f->token = token;
        f->kept = renewed_cache(f, old, answer, f->now + lifetime);
        f->stage = KEEP;
        f->want = AWS_WANT_KEPT;
        return;
    }
    date_parse_seconds(json_get_slice(old, "expiresAt"), &expires);
    if (expires > f->now)
        ask_portal(f);
    else
        fail_login(f, "the login has expired and could not be renewed");
}

/* ---- credentials --------------------------------------------------------------------------- */

static void take_portal(struct aws_flow *f, const struct aws_result *r)
{
    int64_t ms = 0;
    if (flow_retry(f, r, CALLS) || flow_broken(f, r))
        return;
    yyjson_val *v = json_parse(r->text, f->arena, NULL), *c = json_get(v, "roleCredentials");
    if (r->status == 401)
        fail_login(f, "the login is not accepted any more");
    else if (r->status != 200)
        flow_fail(f, r->status >= 500 || r->status == 429, "%s: status %d %.*s", f->doing,
                  r->status, SLICE_ARG(json_get_slice(v, "message")));
    else if (!json_int(json_get(c, "expiration"), &ms))
        flow_fail(f, false, "%s: the answer holds no credentials", f->doing);
    else
        flow_found(f,
                   (struct aws_credentials){json_get_slice(c, "accessKeyId"),
                                            json_get_slice(c, "secretAccessKey"),
                                            json_get_slice(c, "sessionToken")},
                   ms / 1000);
}

void flow_sso(struct aws_flow *f, const struct aws_result *r)
{
    switch (f->stage) {
    case CACHE: take_cache(f, r); break;
    case RENEW: take_renewed(f, r); break;
    case KEEP: ask_portal(f); break;
    case PORTAL: take_portal(f, r); break;
    default: read_cache(f);
    }
}
