/* Flows, driven by hand: what each wants, and what becomes of each answer. */

#include "check.h"

#include "aws/flow.h"

#include <string.h>

#define NOW  INT64_C(1795241242) /* 2026-11-21T06:07:22Z */
#define LATE "2026-11-21T07:07:22Z"

/* One turn: what is wanted (a part of its URL, path, command, or the kept text), and the answer. */
struct turn {
    enum aws_want want;
    const char *wants;
    int status; /* 0: nothing came */
    const char *text;
    bool silent;
    int64_t date;
};

struct script {
    enum aws_identity_kind kind;
    struct {
        enum aws_text text;
        const char *value;
    } texts[8];
    bool no_v1;
    struct turn turns[7];
    const char *found; /* access key id; NULL: it fails */
    const char *error; /* a part of it */
    bool transient;
    int64_t expires; /* after NOW; 0: never */
};

static struct slice wanted(const struct aws_flow *f)
{
    switch (f->want) {
    case AWS_WANT_FILE: return slice_of(f->path);
    case AWS_WANT_KEPT: return f->kept;
    case AWS_WANT_CALL: return slice_of(f->call.url);
    case AWS_WANT_OUTPUT: return slice_of(f->arguments[0]);
    case AWS_WANT_SOURCE:
    case AWS_WANT_NOTHING: break;
    }
    return SLICE("");
}

static void take(struct aws_flow *f, const struct turn *t)
{
    struct aws_result r = {.ok = t->status != 0,
                           .status = t->status,
                           .silent = t->silent,
                           .date = t->date,
                           .error = "out of reach",
                           .text = slice_of(t->text)};
    if (t->want == AWS_WANT_SOURCE && r.ok)
        r.credentials = (struct aws_credentials){SLICE("AKIA"), SLICE("secret"), SLICE("token")};
    aws_flow_take(f, &r);
}

static void check_end(const struct aws_flow *f, const struct script *s)
{
    if (s->found && f->failed)
        fail_msg("%.*s", SLICE_ARG(f->error));
    assert_int_equal(f->failed, !s->found);
    check_text(f->found.access_key_id, s->found);
    if (s->error)
        check_has(f->error, s->error);
    assert_int_equal(f->transient, s->transient);
    assert_true(f->expires == (s->expires ? NOW + s->expires : 0));
}

static void run(const struct script *s)
{
    struct aws_identity id = {.kind = s->kind, .name = "n", .attempts = 1, .timeout_ms = 1000};
    struct aws_flow f;
    struct arena a;
    arena_init(&a);
    id.no_v1 = s->no_v1;
    for (size_t i = 0; i < 8 && s->texts[i].value; i++)
        id.text[s->texts[i].text] = slice_of(s->texts[i].value);
    aws_flow_begin(&f, &id, NOW, &a);
    for (size_t i = 0; i < 7 && s->turns[i].want; i++) {
        assert_int_equal(f.want, s->turns[i].want);
        check_has(wanted(&f), s->turns[i].wants ? s->turns[i].wants : "");
        take(&f, &s->turns[i]);
    }
    assert_int_equal(f.want, AWS_WANT_NOTHING);
    check_end(&f, s);
    arena_fini(&a);
}

#define RUN(rows)                                                                                  \
    for (size_t i = 0; i < COUNT(rows); i++)                                                       \
    run(&rows[i])

/* ---- STS ----------------------------------------------------------------------------------- */

#define ASSUMED                                                                                    \
    "<R><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s&amp;t</SecretAccessKey>"    \
    "<SessionToken>tok</SessionToken><Expiration>" LATE "</Expiration></Credentials></R>"
#define DENIED                                                                                     \
    "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error>"    \
    "</ErrorResponse>"
#define STS_TEXTS                                                                                  \
    {                                                                                              \
        {AWS_STS_URL, "https://sts.x"}, {AWS_STS_REGION, "x"},                                     \
        {                                                                                          \
            AWS_ROLE_ARN, "arn:aws:iam::1:role/r"                                                  \
        }                                                                                          \
    }
#define SOURCE                                                                                     \
    {                                                                                              \
        AWS_WANT_SOURCE, NULL, 200                                                                 \
    }
#define ASSUME(status, text)                                                                       \
    {                                                                                              \
        AWS_WANT_CALL, "https://sts.x/", status, text                                              \
    }

static void roles(void **state)
{
    static const struct script rows[] = {
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(200, ASSUMED)},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(403, DENIED)},
         .error = "AssumeRole at https://sts.x: AccessDenied: not <you>"},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(500, ""), ASSUME(200, ASSUMED)},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(0, ""), ASSUME(503, "")},
         .error = "status 503",
         .transient = true},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(400, "<Code>Throttling</Code>")},
         .error = "Throttling",
         .transient = true},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(200, "<x/>")},
         .error = "no credentials"},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, ASSUME(200, "<AccessKeyId>A")},
         .error = "no credentials"},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {{AWS_WANT_SOURCE, NULL, 0}},
         .error = "out of reach"},
        /* a clock an hour behind is set, once */
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE,
                   {AWS_WANT_CALL, "", 403, DENIED, .date = NOW + 3600},
                   {AWS_WANT_CALL, "", 403, DENIED, .date = NOW + 7200}},
         .error = "AccessDenied"},
        {.kind = AWS_ROLE,
         .texts = STS_TEXTS,
         .turns = {SOURCE, {AWS_WANT_CALL, "", 403, DENIED, .date = NOW + 100}},
         .error = "AccessDenied"},
    };
    RUN(rows);
}

static void web_identities(void **state)
{
    static const struct script rows[] = {
        {.kind = AWS_WEB_IDENTITY,
         .texts = {{AWS_STS_URL, "https://sts.x"}, {AWS_TOKEN_FILE, "/t"}},
         .turns = {{AWS_WANT_FILE, "/t", 200, "a.b.c\n"}, ASSUME(200, ASSUMED)},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_WEB_IDENTITY,
         .texts = {{AWS_STS_URL, "https://sts.x"}, {AWS_TOKEN, "a.b.c"}},
         .turns = {ASSUME(200, ASSUMED)},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_WEB_IDENTITY,
         .texts = {{AWS_STS_URL, "https://sts.x"}, {AWS_TOKEN_FILE, "/t"}},
         .turns = {{AWS_WANT_FILE, "/t", 0}},
         .error = "/t: out of reach",
         .transient = true},
        {.kind = AWS_WEB_IDENTITY,
         .texts = {{AWS_STS_URL, "https://sts.x"}, {AWS_TOKEN_FILE, "/t"}},
         .turns = {{AWS_WANT_FILE, "/t", 200, " \n"}},
         .error = "is empty",
         .transient = true},
    };
    RUN(rows);
}

static void what_sts_gets(void **state)
{
    struct aws_identity id = {.kind = AWS_ROLE, .name = "n"};
    struct aws_flow f;
    struct arena a;
    arena_init(&a);
    id.text[AWS_STS_URL] = SLICE("http://h:1/p");
    id.text[AWS_STS_REGION] = SLICE("r");
    id.text[AWS_ROLE_ARN] = SLICE("arn:a/b");
    id.text[AWS_EXTERNAL_ID] = SLICE("&= ");
    id.text[AWS_SESSION_TAGS] = SLICE("&Tags.member.1.Key=k");
    aws_flow_begin(&f, &id, NOW, &a);
    take(&f, &(struct turn)SOURCE);
    assert_string_equal(f.call.url, "http://h:1/p");
    check_text(f.call.body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aa%2Fb"
                            "&RoleSessionName=lintel&ExternalId=%26%3D%20&Tags.member.1.Key=k");
    check_text(http_header_get(f.call.headers, "host"), "h:1");
    check_text(http_header_get(f.call.headers, "x-amz-date"), "20261121T060722Z");
    check_text(http_header_get(f.call.headers, "x-amz-security-token"), "token");
    check_has(http_header_get(f.call.headers, "authorization"),
              "Credential=AKIA/20261121/r/sts/aws4_request");
    assert_null(strstr(http_header_get(f.call.headers, "authorization").p, "secret"));
    arena_fini(&a);
}

/* ---- metadata ------------------------------------------------------------------------------ */

#define FOUND(until)                                                                               \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIA\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","    \
    "\"Expiration\":\"" until "\"}"
#define LIST "/latest/meta-data/iam/security-credentials/"
#define TOKEN(status, text)                                                                        \
    {                                                                                              \
        AWS_WANT_CALL, "/latest/api/token", status, text                                           \
    }
#define GET(path, status, text)                                                                    \
    {                                                                                              \
        AWS_WANT_CALL, LIST path, status, text                                                     \
    }
#define AT                                                                                         \
    {                                                                                              \
        {                                                                                          \
            AWS_URL, "http://m"                                                                    \
        }                                                                                          \
    }

static void instances(void **state)
{
    static const struct script rows[] = {
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(200, "tok"), GET("", 200, "role\nother"), GET("role", 200, FOUND(LATE))},
         .found = "ASIA",
         .expires = 3600},
        /* version 1: refused, and left unanswered */
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(403, ""), GET("", 200, "role"), GET("role", 200, FOUND(LATE))},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {{AWS_WANT_CALL, "token", 0, .silent = true},
                   GET("", 200, "role"),
                   GET("role", 200, FOUND(LATE))},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .no_v1 = true,
         .turns = {{AWS_WANT_CALL, "token", 0, .silent = true}},
         .error = "hop limit",
         .transient = true},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(0, "")},
         .error = "instance metadata at http://m: out of reach",
         .transient = true},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(400, "")},
         .error = "no session token, status 400"},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(200, "tok"), GET("", 404, "")},
         .error = "the instance has no role"},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(200, "tok"), GET("", 200, "../x y")},
         .error = "no name of a role"},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(200, "tok"), GET("", 200, "r"),
                   GET("r", 200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"m\"}")},
         .error = "AssumeRoleUnauthorizedAccess: m"},
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(200, "tok"), GET("", 200, "r"), GET("r", 200, "no JSON")},
         .error = "no credentials"},
        /* what is old already is used on: AWS extends it */
        {.kind = AWS_INSTANCE,
         .texts = AT,
         .turns = {TOKEN(200, "tok"), GET("", 200, "r"),
                   GET("r", 200, FOUND("2026-11-21T05:00:00Z"))},
         .found = "ASIA",
         .expires = 1200},
    };
    RUN(rows);
}

static void containers(void **state)
{
    static const struct script rows[] = {
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://169.254.170.2/v2/x"}},
         .turns = {{AWS_WANT_CALL, "http://169.254.170.2/v2/x", 200, FOUND(LATE)}},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://[fd00:ec2::23]/x"}, {AWS_AUTHORIZATION_FILE, "/f"}},
         .turns = {{AWS_WANT_FILE, "/f", 200, "token\n"},
                   {AWS_WANT_CALL, "http://[fd00", 0},
                   {AWS_WANT_CALL, "http://[fd00", 500},
                   {AWS_WANT_CALL, "http://[fd00", 200, FOUND(LATE)}},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://localhost:1/x"}},
         .turns = {{AWS_WANT_CALL, "http://localhost:1/x", 403, "{\"message\":\"no\"}"}},
         .error = "container credentials from localhost: status 403 no"},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://127.1.2.3/"}, {AWS_AUTHORIZATION, "a\r\nX: b"}},
         .error = "more than one line"},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://example.com/x"}},
         .error = "not to 'example.com'"},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://127.0.0.1.example.com/x"}},
         .error = "must be https"},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "http://localhost@example.com/x"}},
         .error = "must be https"},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "file:///etc/passwd"}},
         .error = "must be https"},
        {.kind = AWS_CONTAINER,
         .texts = {{AWS_URL, "https://example.com/x"}},
         .turns = {{AWS_WANT_CALL, "https://example.com/x", 200, FOUND(LATE)}},
         .found = "ASIA",
         .expires = 3600},
    };
    RUN(rows);
}

/* ---- processes ----------------------------------------------------------------------------- */

static void processes(void **state)
{
    static const struct script rows[] = {
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd x"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 200,
                    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}"}},
         .found = "A"},
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd x"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 200,
                    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
                    "\"SessionToken\":\"t\",\"Expiration\":\"2026-11-21T07:07:22+00:00\"}"}},
         .found = "A",
         .expires = 3600},
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 0}},
         .error = "credential_process: out of reach",
         .transient = true},
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 200, "oops"}},
         .error = "no JSON"},
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 200, "{\"Version\":2}"}},
         .error = "Version 1"},
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 200,
                    "{\"Version\":1,\"AccessKeyId\":\"A\\n\",\"SecretAccessKey\":\"s\"}"}},
         .error = "no credentials"},
        {.kind = AWS_PROCESS,
         .texts = {{AWS_COMMAND, "cmd"}},
         .turns = {{AWS_WANT_OUTPUT, "cmd", 200,
                    "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
                    "\"Expiration\":\"soon\"}"}},
         .error = "Expiration is no time"},
        {.kind = AWS_PROCESS, .texts = {{AWS_COMMAND, "cmd 'x"}}, .error = "left open"},
    };
    RUN(rows);
}

static void words(void **state)
{
    static const char *const rows[][5] = {
        {"a b  c", "a", "b", "c"},
        {" a\t'b  c' ", "a", "b  c"},
        {"a \"b \\\"c\\\" \\d\" 'e\\'", "a", "b \"c\" \\d", "e\\"},
        {"a\\ b c", "a b", "c"},
        {"a''b \"\"", "ab", ""},
        {"a'b'\"c\"d", "abcd"},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *const *got = aws_split_command(slice_of(rows[i][0]), &a);
        assert_non_null(got);
        for (size_t j = 1; j < 5 && rows[i][j]; j++, got++)
            assert_string_equal(*got, rows[i][j]);
        assert_null(*got);
    }
    assert_null(aws_split_command(SLICE("  "), &a));
    assert_null(aws_split_command(SLICE("a \"b"), &a));
    char many[600];
    memset(many, 'x', sizeof(many));
    for (size_t i = 1; i < sizeof(many); i += 2)
        many[i] = ' ';
    assert_null(aws_split_command(slice_make(many, sizeof(many)), &a));
    arena_fini(&a);
}

/* ---- SSO ----------------------------------------------------------------------------------- */

#define SSO_TEXTS                                                                                  \
    {                                                                                              \
        {AWS_SSO_URL, "https://portal"}, {AWS_SSO_OIDC_URL, "https://oidc"},                       \
            {AWS_SSO_SESSION, "work"}, {AWS_SSO_ACCOUNT, "1"}, {AWS_SSO_ROLE, "R"},                \
            {AWS_SSO_FOLDER, "/f"},                                                                \
        {                                                                                          \
            AWS_SSO_START_URL, "https://s"                                                         \
        }                                                                                          \
    }
#define CACHED(until, more)                                                                        \
    {                                                                                              \
        AWS_WANT_FILE, "/f/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json", 200,                    \
            "{\"accessToken\":\"t\",\"expiresAt\":\"" until "\"" more "}"                          \
    }
#define RENEWABLE                                                                                  \
    ",\"refreshToken\":\"r\",\"clientId\":\"c\",\"clientSecret\":\"s\","                           \
    "\"registrationExpiresAt\":\"2027-01-01T00:00:00Z\""
#define GIVEN                                                                                      \
    "{\"roleCredentials\":{\"accessKeyId\":\"ASIA\",\"secretAccessKey\":\"s\","                    \
    "\"sessionToken\":\"t\",\"expiration\":1795244842000}}"
#define PORTAL(status, text)                                                                       \
    {                                                                                              \
        AWS_WANT_CALL, "https://portal/federation/credentials?role_name=R&account_id=1", status,   \
            text                                                                                   \
    }

static void sso(void **state)
{
    static const struct script rows[] = {
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED(LATE, ""), PORTAL(200, GIVEN)},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED("2026-11-21T06:10:00Z", RENEWABLE),
                   {AWS_WANT_CALL, "https://oidc/token", 200,
                    "{\"accessToken\":\"new\",\"expiresIn\":60,\"refreshToken\":\"r2\"}"},
                   {AWS_WANT_KEPT, "\"accessToken\":\"new\",\"expiresAt\":\"2026-11-21T06:08:22Z\"",
                    0},
                   PORTAL(200, GIVEN)},
         .found = "ASIA",
         .expires = 3600},
        /* it could not be renewed, but is good for a while */
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED("2026-11-21T06:10:00Z", RENEWABLE),
                   {AWS_WANT_CALL, "https://oidc/token", 400, "{}"},
                   PORTAL(200, GIVEN)},
         .found = "ASIA",
         .expires = 3600},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED("2026-11-21T06:00:00Z", RENEWABLE),
                   {AWS_WANT_CALL, "https://oidc/token", 400, "{}"}},
         .error = "could not be renewed: aws sso login --sso-session work",
         .transient = true},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED("2026-11-21T06:00:00Z", "")},
         .error = "the login has expired: aws sso login --sso-session work",
         .transient = true},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {{AWS_WANT_FILE, ".json", 0}},
         .error = "nobody has logged in",
         .transient = true},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {{AWS_WANT_FILE, ".json", 200, "{}"}},
         .error = "not readable",
         .transient = true},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED(LATE, ""), PORTAL(401, "{}")},
         .error = "not accepted any more",
         .transient = true},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED(LATE, ""), PORTAL(403, "{\"message\":\"No access\"}")},
         .error = "status 403 No access"},
        {.kind = AWS_SSO,
         .texts = SSO_TEXTS,
         .turns = {CACHED(LATE, ""), PORTAL(200, "{}")},
         .error = "no credentials"},
    };
    RUN(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles),         cmocka_unit_test(web_identities),
        cmocka_unit_test(what_sts_gets), cmocka_unit_test(instances),
        cmocka_unit_test(containers),    cmocka_unit_test(processes),
        cmocka_unit_test(words),         cmocka_unit_test(sso)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
