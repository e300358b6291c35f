/* Roles: AssumeRole, and AssumeRoleWithWebIdentity.
 *
 * Happy path: the credentials of the source (or the token) are asked for, then STS, whose answer in
 * XML has the credentials. A role of litellm_params that may be the one a container or an instance
 * has anyway is compared with GetCallerIdentity first, as LiteLLM does: a role may seldom assume
 * itself.
 *
 * Failure modes: an error of STS is told with its code and message. A clock that is off is set by
 * the answer's Date, once. Throttling and 5xx are tried again once. */

#include "flow_private.h"

#include "base/date.h"
#include "wire/crypto.h"

#define VERSION         "2011-06-15"
#define DEFAULT_SESSION "lintel"
#define CALLS           2 /* of one kind */
#define FORM_MAX        (256u * 1024)
#define TEXT_MAX        512

enum { ROLE_BEGIN, ROLE_SOURCE, ROLE_WHO, ROLE_ASSUME, WEB_TOKEN, WEB_ASSUME };

/* ---- XML ----------------------------------------------------------------------------------- */

/* One character of `s` to `to`; how many bytes it stands for. */
static size_t decode(struct slice s, char *to)
{
    static const struct {
        struct slice name;
        char c;
    } rows[] = {{{"&amp;", 5}, '&'},
                {{"&lt;", 4}, '<'},
                {{"&gt;", 4}, '>'},
                {{"&quot;", 6}, '"'},
                {{"&apos;", 6}, '\''}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_starts(s, rows[i].name)) {
            *to = rows[i].c;
            return rows[i].name.n;
        }
    *to = *s.p;
    return 1;
}

/* The text of the first element of that name; STS's answers nest nothing twice. */
static struct slice xml_text(struct slice xml, const char *name, struct arena *a)
{
    struct slice open = arena_printf(a, "<%s>", name), close = arena_printf(a, "</%s>", name);
    ptrdiff_t from = slice_find(xml, open);
    if (from < 0)
        return (struct slice){0};
    xml = slice_skip(xml, (size_t)from + open.n);
    ptrdiff_t n = slice_find(xml, close);
    if (n < 0)
        return (struct slice){0};
    char *text = arena_alloc(a, (size_t)n + 1);
    size_t used = 0;
    for (size_t i = 0; i < (size_t)n; used++)
        i += decode(slice_make(xml.p + i, (size_t)n - i), &text[used]);
    return slice_make(text, used);
}

/* ---- calls --------------------------------------------------------------------------------- */

static void add_field(struct buf *b, const char *name, struct slice value)
{
    if (!value.n)
        return;
    buf_addf(b, "&%s=", name);
    percent_encode(value, b);
}

static struct slice form(struct aws_flow *f, const char *action)
{
    const struct slice *text = f->identity->text;
    struct buf b;
    buf_init(&b, FORM_MAX);
    buf_addf(&b, "Action=%s&Version=" VERSION, action);
    if (f->stage != ROLE_WHO) {
        struct slice session = text[AWS_SESSION_NAME];
        add_field(&b, "RoleArn", text[AWS_ROLE_ARN]);
        add_field(&b, "RoleSessionName", session.n ? session : SLICE(DEFAULT_SESSION));
        add_field(&b, "ExternalId", text[AWS_EXTERNAL_ID]);
        add_field(&b, "DurationSeconds", text[AWS_DURATION]);
        add_field(&b, "WebIdentityToken", f->token);
        buf_add(&b, text[AWS_SESSION_TAGS]);
    }
    struct slice done = arena_dup(f->arena, buf_slice(&b));
    buf_fini(&b);
    return done;
}

struct target {
    struct slice host, path;
};

static struct target split_url(struct slice url)
{
    ptrdiff_t scheme = slice_find(url, SLICE("://"));
    struct target t = {.host = scheme < 0 ? url : slice_skip(url, (size_t)scheme + 3)};
    ptrdiff_t slash = slice_find_char(t.host, '/');
    t.path = SLICE("/");
    if (slash >= 0) {
        t.path = slice_skip(t.host, (size_t)slash);
        t.host = slice_make(t.host.p, (size_t)slash);
    }
    return t;
}

static struct slice authorization(struct aws_flow *f, struct target t, struct http_headers headers,
                                  struct slice body, const char *date)
{
    char hash[HEX_SIZE(SHA256_SIZE)];
    struct sigv4_key key = {0};
    sha256_hex(body, hash);
    struct sigv4_request r = {
        .method = SLICE("POST"), .path = t.path, .headers = headers, .payload_hash = hash};
    return sigv4_authorization(&r, &f->source, f->identity->text[AWS_STS_REGION], SLICE("sts"),
                               date, &key, f->arena);
}

/* Signed when there is somebody to sign it. */
static struct http_headers headers_for(struct aws_flow *f, struct target t, struct slice body)
{
    struct http_header *v = arena_alloc(f->arena, 5 * sizeof(*v));
    struct http_headers h = {v, 0};
    char *date = arena_alloc(f->arena, SIGV4_DATE_SIZE);
    v[h.n++] = (struct http_header){SLICE("content-type"),
                                    SLICE("application/x-www-form-urlencoded; charset=utf-8")};
    if (!f->source.access_key_id.n)
        return h;
    sigv4_date(f->now, date);
    v[h.n++] = (struct http_header){SLICE("host"), t.host};
    v[h.n++] = (struct http_header){SLICE("x-amz-date"), slice_of(date)};
    if (f->source.session_token.n)
        v[h.n++] = (struct http_header){SLICE("x-amz-security-token"), f->source.session_token};
    struct slice sum = authorization(f, t, h, body, date);
    v[h.n++] = (struct http_header){SLICE("authorization"), sum};
    return h;
}

static void call(struct aws_flow *f, int stage, const char *action)
{
    struct slice url = f->identity->text[AWS_STS_URL];
    struct target t = split_url(url);
    f->stage = stage;
    f->doing = arena_printf(f->arena, "%s at %.*s", action, SLICE_ARG(url)).p;
    struct slice body = form(f, action);
    bool bare = t.path.n == 1;
    flow_want_call(f, "POST", arena_printf(f->arena, "%.*s%s", SLICE_ARG(url), bare ? "/" : "").p,
                   headers_for(f, t, body), body);
}

/* ---- answers ------------------------------------------------------------------------------- */

static bool is_throttle(struct slice code)
{
    return slice_starts(code, SLICE("Throttl")) || slice_eq(code, SLICE("RequestLimitExceeded")) ||
           slice_eq(code, SLICE("IDPCommunicationError"));
}

static void fail(struct aws_flow *f, const struct aws_result *r)
{
    struct slice code = xml_text(r->text, "Code", f->arena);
    struct slice message = xml_text(r->text, "Message", f->arena);
    if (message.n > TEXT_MAX)
        message.n = TEXT_MAX;
    if (code.n)
        flow_fail(f, r->status >= 500 || is_throttle(code), "%s: %.*s: %.*s", f->doing,
                  SLICE_ARG(code), SLICE_ARG(message));
    else
        flow_fail(f, r->status >= 500, "%s: status %d", f->doing, r->status);
}

/* True: signed again by the server's clock. */
static bool correct_clock(struct aws_flow *f, const struct aws_result *r, const char *action)
{
    int64_t off = r->date - f->now;
    if (f->set_clock || !r->date || r->status < 400 || r->status > 403 ||
        (off < AWS_CLOCK_OFF_S && off > -AWS_CLOCK_OFF_S))
        return false;
    f->set_clock = true;
    f->now = r->date;
    call(f, f->stage, action);
    return true;
}

static void take_credentials(struct aws_flow *f, const struct aws_result *r)
{
    struct aws_credentials c = {xml_text(r->text, "AccessKeyId", f->arena),
                                xml_text(r->text, "SecretAccessKey", f->arena),
                                xml_text(r->text, "SessionToken", f->arena)};
    int64_t expires;
    if (date_parse_seconds(xml_text(r->text, "Expiration", f->arena), &expires))
        flow_found(f, c, expires);
    else
        flow_fail(f, false, "%s: the answer holds no credentials", f->doing);
}

static void take_answer(struct aws_flow *f, const struct aws_result *r, const char *action)
{
    if (flow_retry(f, r, CALLS) || flow_broken(f, r) || correct_clock(f, r, action))
        return;
    if (r->status == 200)
        take_credentials(f, r);
    else
        fail(f, r);
}

/* ---- roles --------------------------------------------------------------------------------- */

struct role {
    struct slice partition, account, name;
};

/* "arn:aws:iam::1:role/path/name" and "arn:aws:sts::1:assumed-role/name/session". */
static struct role parse_role(struct slice arn)
{
    struct role r = {0};
    slice_split(&arn, ':');
    r.partition = slice_split(&arn, ':');
    slice_split(&arn, ':');
    slice_split(&arn, ':');
    r.account = slice_split(&arn, ':');
    struct slice kind = slice_split(&arn, '/');
    if (slice_eq(kind, SLICE("assumed-role")))
        r.name = slice_split(&arn, '/');
    else if (slice_eq(kind, SLICE("role")))
        while (arn.p)
            r.name = slice_split(&arn, '/');
    return r;
}

static bool is_same_role(struct slice one, struct slice other)
{
    struct role a = parse_role(one), b = parse_role(other);
    return a.name.n && slice_eq(a.name, b.name) && slice_eq(a.account, b.account) &&
           slice_eq(a.partition, b.partition);
}

static void take_source(struct aws_flow *f, const struct aws_result *r)
{
    if (!r->ok) {
        flow_fail(f, r->transient, "%s", r->error);
        return;
    }
    f->source = (struct aws_credentials){arena_dup(f->arena, r->credentials.access_key_id),
                                         arena_dup(f->arena, r->credentials.secret_access_key),
                                         arena_dup(f->arena, r->credentials.session_token)};
    f->source_expires = r->expires;
    if (f->identity->may_be_own)
        call(f, ROLE_WHO, "GetCallerIdentity");
    else
        call(f, ROLE_ASSUME, "AssumeRole");
}

/* Who is asking is good to know, and no more. */
static void take_caller(struct aws_flow *f, const struct aws_result *r)
{
    struct slice arn = r->ok ? xml_text(r->text, "Arn", f->arena) : (struct slice){0};
    if (r->ok && r->status == 200 && is_same_role(arn, f->identity->text[AWS_ROLE_ARN]))
        flow_found(f, f->source, f->source_expires);
    else
        call(f, ROLE_ASSUME, "AssumeRole");
}

void flow_role(struct aws_flow *f, const struct aws_result *r)
{
    switch (f->stage) {
    case ROLE_BEGIN:
        f->stage = ROLE_SOURCE;
        f->want = AWS_WANT_SOURCE;
        break;
    case ROLE_SOURCE: take_source(f, r); break;
    case ROLE_WHO: take_caller(f, r); break;
    default: take_answer(f, r, "AssumeRole");
    }
}

/* ---- web identities ------------------------------------------------------------------------ */

static void take_token(struct aws_flow *f, const struct aws_result *r)
{
    struct slice token = r->ok ? slice_trim(r->text) : (struct slice){0};
    if (!token.n) {
        flow_fail(f, true, "web identity token: %s: %s", f->path, r->ok ? "is empty" : r->error);
        return;
    }
    f->token = arena_dup(f->arena, token);
    call(f, WEB_ASSUME, "AssumeRoleWithWebIdentity");
}

void flow_web_identity(struct aws_flow *f, const struct aws_result *r)
{
    const struct slice *text = f->identity->text;
    if (r && f->stage == WEB_TOKEN) {
        take_token(f, r);
    } else if (r) {
        take_answer(f, r, "AssumeRoleWithWebIdentity");
    } else if (text[AWS_TOKEN_FILE].n) {
        f->stage = WEB_TOKEN;
        flow_want_file(f, text[AWS_TOKEN_FILE]);
    } else {
        f->token = text[AWS_TOKEN];
        call(f, WEB_ASSUME, "AssumeRoleWithWebIdentity");
    }
}
