/* Which identity is found; the order as a whole is held against botocore in
 * tests/integration/test_aws_credentials.py. */

#include "check.h"

#include "aws/identity.h"

#include <string.h>

struct variable {
    const char *name, *value;
};

struct row {
    struct variable env[6];
    struct variable params[4];
    const char *config; /* ~/.aws/config */
    const char *region; /* the deployment's; NULL: eu-west-1 */
    enum aws_identity_kind kind;
    const char *name, *fault; /* fault: what its text holds */
    struct {
        enum aws_text text;
        const char *value;
    } texts[4];
};

static const char *env(const void *ctx, const char *name)
{
    const struct row *r = ctx;
    for (size_t i = 0; i < 6 && r->env[i].name; i++)
        if (strcmp(r->env[i].name, name) == 0)
            return r->env[i].value;
    return NULL;
}

static void set_params(struct aws_search *s, const struct row *r)
{
    for (size_t i = 0; i < 4 && r->params[i].name; i++)
        for (int p = 0; p < AWS_PARAMS; p++)
            if (strcmp(aws_param_names[p], r->params[i].name) == 0)
                s->params[p] = slice_of(r->params[i].value);
}

static void check(const struct row *r)
{
    struct arena a;
    struct aws_fault fault;
    struct aws_shared shared = {.path = {"/c", "/d"}};
    arena_init(&a);
    aws_shared_read(&shared, AWS_CONFIG_FILE, slice_of(r->config), &a);
    struct aws_search s = {.env = env,
                           .ctx = r,
                           .shared = &shared,
                           .region = slice_of(r->region ? r->region : "eu-west-1"),
                           .arena = &a};
    set_params(&s, r);
    const struct aws_identity *id = aws_identity_copy(aws_identity_find(&s, &fault), &a);
    if (r->fault)
        check_has(slice_of(fault.text), r->fault);
    else if (fault.text)
        fail_msg("%s", fault.text);
    assert_int_equal(id->kind, r->kind);
    assert_string_equal(id->name, r->name);
    for (size_t i = 0; i < 4 && r->texts[i].value; i++)
        check_text(id->text[r->texts[i].text], r->texts[i].value);
    assert_int_equal(id->key.n, 64);
    arena_fini(&a);
}

#define RUN(rows)                                                                                  \
    for (size_t i = 0; i < COUNT(rows); i++)                                                       \
    check(&rows[i])

#define NO_INSTANCE                                                                                \
    {                                                                                              \
        "AWS_EC2_METADATA_DISABLED", "true"                                                        \
    }
#define KEYS                                                                                       \
    {"AWS_ACCESS_KEY_ID", "I"},                                                                    \
    {                                                                                              \
        "AWS_SECRET_ACCESS_KEY", "S"                                                               \
    }
#define ROLE "arn:aws:iam::1:role/r"

static void nobody(void **state)
{
    static const struct row rows[] = {
        {.env = {NO_INSTANCE}, .kind = AWS_NOBODY, .name = "none"},
        {.kind = AWS_INSTANCE,
         .name = "instance metadata",
         .texts = {{AWS_URL, "http://169.254.169.254"}}},
        {.env = {{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"}},
         .kind = AWS_INSTANCE,
         .name = "instance metadata",
         .texts = {{AWS_URL, "http://[fd00:ec2::254]"}}},
        {.env = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"}},
         .kind = AWS_CONTAINER,
         .name = "container",
         .texts = {{AWS_URL, "http://169.254.170.2/v2/x"}}},
    };
    RUN(rows);
}

static void roles(void **state)
{
    static const struct row rows[] = {
        {.env = {KEYS},
         .params = {{"aws_role_name", ROLE}, {"aws_external_id", "x"}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_ROLE_ARN, ROLE},
                   {AWS_EXTERNAL_ID, "x"},
                   {AWS_STS_URL, "https://sts.eu-west-1.amazonaws.com"},
                   {AWS_STS_REGION, "eu-west-1"}}},
        {.env = {KEYS, {"AWS_ROLE_NAME", ROLE}, {"AWS_SESSION_NAME", "s"}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_ROLE_ARN, ROLE}, {AWS_SESSION_NAME, "s"}}},
        /* the pod has this role already */
        {.env = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/t"}, {"AWS_ROLE_ARN", ROLE}},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_WEB_IDENTITY,
         .name = "AWS_WEB_IDENTITY_TOKEN_FILE",
         .texts = {{AWS_TOKEN_FILE, "/t"}}},
        {.env = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/t"}, {"AWS_ROLE_ARN", "arn:aws:iam::1:role/o"}},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_ROLE,
         .name = "aws_role_name"},
        {.env = {NO_INSTANCE},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_NOBODY,
         .name = "none"},
        {.env = {{"AWS_PROFILE", "p"}},
         .config = "[profile p]\nrole_arn = " ROLE "\nsource_profile = p\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "circle"},
        {.env = {{"AWS_PROFILE", "p"}},
         .config = "[profile p]\nrole_arn = " ROLE "\nsource_profile = q\nmfa_serial = m\n"
                   "[profile q]\naws_access_key_id=I\naws_secret_access_key=S\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "MFA"},
        {.env = {{"AWS_PROFILE", "p"}},
         .config = "[profile p]\nrole_arn = " ROLE "\nsource_profile = q\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "source_profile q does not exist"},
        {.env = {{"AWS_PROFILE", "p"}},
         .config = "[profile p]\nrole_arn = " ROLE "\ncredential_source = Heaven\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "credential_source must be"},
        {.env = {{"AWS_PROFILE", "p"}, NO_INSTANCE},
         .config = "[profile p]\nrole_arn = " ROLE "\ncredential_source = Ec2InstanceMetadata\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "switched off"},
    };
    RUN(rows);
}

/* Where STS is asked, and in which region. */
static void sts(void **state)
{
    static const struct row rows[] = {
        {.env = {KEYS, {"AWS_REGION", "us-east-2"}},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "https://sts.us-east-2.amazonaws.com"}}},
        /* credentials of one partition mean nothing in another */
        {.env = {KEYS, {"AWS_REGION", "us-east-2"}},
         .params = {{"aws_role_name", ROLE}},
         .region = "cn-north-1",
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "https://sts.cn-north-1.amazonaws.com.cn"}}},
        {.env = {KEYS, {"AWS_STS_REGIONAL_ENDPOINTS", "legacy"}},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "https://sts.amazonaws.com"}, {AWS_STS_REGION, "us-east-1"}}},
        {.env = {KEYS, {"AWS_USE_FIPS_ENDPOINT", "true"}},
         .params = {{"aws_role_name", ROLE}},
         .region = "us-gov-west-1",
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "https://sts.us-gov-west-1.amazonaws.com"}}},
        {.env = {KEYS, {"AWS_ENDPOINT_URL_STS", "http://own/"}},
         .params = {{"aws_role_name", ROLE},
                    {"aws_sts_endpoint", "https://vpce-1.sts.eu-west-3.vpce.amazonaws.com"}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "https://vpce-1.sts.eu-west-3.vpce.amazonaws.com"},
                   {AWS_STS_REGION, "eu-west-3"}}},
        {.env = {KEYS, {"AWS_ENDPOINT_URL_STS", "http://own/"}},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "http://own"}}},
        {.env = {KEYS,
                 {"AWS_ENDPOINT_URL_STS", "http://own/"},
                 {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}},
         .params = {{"aws_role_name", ROLE}},
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "https://sts.eu-west-1.amazonaws.com"}}},
        {.env = {KEYS},
         .params = {{"aws_role_name", ROLE}},
         .config = "[default]\nservices = s\n[services s]\nsts =\n  endpoint_url = http://z\n",
         .kind = AWS_ROLE,
         .name = "aws_role_name",
         .texts = {{AWS_STS_URL, "http://z"}}},
    };
    RUN(rows);
}

static void profiles(void **state)
{
    static const struct row rows[] = {
        {.env = {{"AWS_PROFILE", "nosuch"}},
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "there is no AWS profile \"nosuch\" in /c or /d"},
        {.config = "[default]\ncredential_process = /bin/x --y\n",
         .kind = AWS_PROCESS,
         .name = "profile default",
         .texts = {{AWS_COMMAND, "/bin/x --y"}}},
        {.env = {{"HOME", "/home/u"}},
         .config = "[default]\nsso_session = w\nsso_account_id = 1\nsso_role_name = R\n"
                   "[sso-session w]\nsso_region = eu-west-2\nsso_start_url = https://s\n",
         .kind = AWS_SSO,
         .name = "profile default",
         .texts = {{AWS_SSO_URL, "https://portal.sso.eu-west-2.amazonaws.com"},
                   {AWS_SSO_OIDC_URL, "https://oidc.eu-west-2.amazonaws.com"},
                   {AWS_SSO_SESSION, "w"},
                   {AWS_SSO_FOLDER, "/home/u/.aws/sso/cache"}}},
        {.config = "[default]\nsso_account_id = 1\nsso_role_name = R\nsso_region = r\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "sso_start_url is missing"},
        {.config = "[default]\nsso_session = w\nsso_account_id = 1\nsso_role_name = R\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "no sso-session w"},
        {.config = "[default]\nsso_session = w\nsso_account_id = 1\nsso_role_name = R\n"
                   "sso_region = a\n[sso-session w]\nsso_region = b\nsso_start_url = s\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "sso_region is not that of its sso-session"},
        {.config = "[default]\nweb_identity_token_file = /t\n",
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "without a role"},
    };
    RUN(rows);
}

static void tokens(void **state)
{
    static const struct row rows[] = {
        {.env = {{"T", "token"}},
         .params = {{"aws_role_name", ROLE}, {"aws_web_identity_token", "T"}},
         .kind = AWS_WEB_IDENTITY,
         .name = "aws_web_identity_token",
         .texts = {{AWS_TOKEN, "token"}}},
        {.params = {{"aws_role_name", ROLE}, {"aws_web_identity_token", "a.b.c"}},
         .kind = AWS_WEB_IDENTITY,
         .name = "aws_web_identity_token",
         .texts = {{AWS_TOKEN, "a.b.c"}}},
        {.params = {{"aws_role_name", ROLE}, {"aws_web_identity_token", "/a/path"}},
         .kind = AWS_WEB_IDENTITY,
         .name = "aws_web_identity_token",
         .texts = {{AWS_TOKEN_FILE, "/a/path"}}},
        {.params = {{"aws_role_name", ROLE}, {"aws_web_identity_token", "oidc/env/NOT_SET"}},
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "names no token"},
        {.params = {{"aws_role_name", ROLE}, {"aws_web_identity_token", "oidc/google/x"}},
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "names no token"},
        {.params = {{"aws_web_identity_token", "a.b.c"}},
         .kind = AWS_NOBODY,
         .name = "none",
         .fault = "aws_role_name"},
    };
    RUN(rows);
}

/* Equal keys mean equal credentials. */
static void keys(void **state)
{
    struct aws_identity one = {.kind = AWS_ROLE, .name = "a", .tried = ""}, other = one;
    struct arena a;
    arena_init(&a);
    one.text[AWS_ROLE_ARN] = SLICE("ab");
    other.text[AWS_ROLE_ARN] = SLICE("ab");
    other.name = "b";
    assert_true(slice_eq(aws_identity_copy(&one, &a)->key, aws_identity_copy(&other, &a)->key));
    other.text[AWS_ROLE_ARN] = SLICE("a");
    other.text[AWS_SESSION_NAME] = SLICE("b");
    assert_false(slice_eq(aws_identity_copy(&one, &a)->key, aws_identity_copy(&other, &a)->key));
    struct aws_identity source = {.kind = AWS_KEYS, .name = "", .tried = ""};
    other = one;
    other.source = &source;
    const struct aws_identity *copy = aws_identity_copy(&other, &a);
    assert_false(slice_eq(aws_identity_copy(&one, &a)->key, copy->key));
    assert_true(copy->source != &source && copy->source->kind == AWS_KEYS);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody), cmocka_unit_test(roles),
                                       cmocka_unit_test(sts),    cmocka_unit_test(profiles),
                                       cmocka_unit_test(tokens), cmocka_unit_test(keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
