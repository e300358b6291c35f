/* Region, endpoint and credentials: who wins, and what is refused. */

#include "check.h"
#include "world.h"

#include <string.h>

#define ENTRY(params)                                                                              \
    "model_list:\n- model_name: a\n  litellm_params: {model: bedrock/x.y, " params "}\n"

#define PARAMS "E3 model_list[0].litellm_params."

#define CREDENTIALS                                                                                \
    "[default]\naws_access_key_id=ID0\naws_secret_access_key=S0\n"                                 \
    "[cline]\naws_access_key_id=ID1\naws_secret_access_key=S1\naws_session_token=T1\n"             \
    "[half]\naws_access_key_id=ID2\n[empty]\n"

#define CONFIG                                                                                     \
    "[default]\nregion=ap-south-1\n[profile cline]\nregion=eu-west-1\n"                            \
    "[profile role]\nrole_arn=arn:aws:iam::1:role/r\nsource_profile=cline\n"

struct setting {
    const char *name, *value;
};

/* One configuration in one environment. */
struct row {
    const char *yaml;
    struct setting env[4];
    bool files;    /* ~/.aws is there */
    bool instance; /* its metadata are not switched off */
    const char *problems;
    const char *id, *token, *source; /* of the credentials */
    const char *region, *best;       /* best: config_credential_source(), NULL: none */
};

static bool same(struct slice s, const char *text)
{
    return slice_eq(s, slice_of(text));
}

static void check(const struct row *r)
{
    struct world w;
    world_init(&w);
    if (r->files) {
        world_file(&w, "/home/u/.aws/credentials", CREDENTIALS);
        world_file(&w, "/home/u/.aws/config", CONFIG);
    }
    if (!r->instance)
        world_env(&w, "AWS_EC2_METADATA_DISABLED", "true");
    for (size_t i = 0; i < 4 && r->env[i].name; i++)
        world_env(&w, r->env[i].name, r->env[i].value);
    struct config *c = world_load(&w, r->yaml);
    const struct deployment *d = c->deployments;
    if (strcmp(world_problems(c), r->problems ? r->problems : "") != 0)
        print_error("--- of:\n%s\n", r->yaml);
    assert_string_equal(world_problems(c), r->problems ? r->problems : "");
    assert_int_equal(c->deployment_count, 1);
    assert_true(same(d->credentials.access_key_id, r->id));
    assert_true(same(d->credentials.session_token, r->token));
    assert_string_equal(d->credential_source, r->source);
    assert_string_equal(d->region, r->region ? r->region : "us-west-2");
    const char *best = config_credential_source(c);
    assert_string_equal(best ? best : "", r->best ? r->best : "");
    config_unref(c);
}

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&rows[i]);
}

#define RUN(rows) run(rows, sizeof(rows) / sizeof(*(rows)))
#define ENV_KEYS                                                                                   \
    {"AWS_ACCESS_KEY_ID", "IDE"},                                                                  \
    {                                                                                              \
        "AWS_SECRET_ACCESS_KEY", "SE"                                                              \
    }

static void credentials(void **state)
{
    static const struct row rows[] = {
        {.yaml = ENTRY(""), .source = "none"},
        {.yaml = ENTRY("aws_access_key_id: ID, aws_secret_access_key: S"),
         .env = {ENV_KEYS},
         .id = "ID",
         .source = "litellm_params",
         .best = "litellm_params"},
        {.yaml = ENTRY("aws_access_key_id: ID, aws_secret_access_key: S, aws_session_token: T"),
         .id = "ID",
         .token = "T",
         .source = "litellm_params",
         .best = "litellm_params"},
        {.yaml = ENTRY(""),
         .env = {ENV_KEYS, {"AWS_SESSION_TOKEN", "TE"}},
         .files = true,
         .id = "IDE",
         .token = "TE",
         .source = "environment",
         .region = "ap-south-1",
         .best = "environment"},
        /* the .env of the mission: set, but empty */
        {.yaml = ENTRY("aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID, aws_secret_access_key: "
                       "os.environ/AWS_SECRET_ACCESS_KEY"),
         .env = {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}},
         .source = "none"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}},
         .files = true,
         .id = "ID0",
         .source = "profile default",
         .region = "ap-south-1",
         .best = "profile default"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_PROFILE", "cline"}},
         .files = true,
         .id = "ID1",
         .token = "T1",
         .source = "profile cline",
         .region = "eu-west-1",
         .best = "profile cline"},
        {.yaml = ENTRY("aws_profile_name: cline, aws_access_key_id: ID, aws_secret_access_key: S"),
         .env = {ENV_KEYS},
         .files = true,
         .id = "ID1",
         .token = "T1",
         .source = "profile cline",
         .region = "eu-west-1",
         .best = "profile cline"},
    };
    (void)state;
    RUN(rows);
}

static void refusals(void **state)
{
    static const struct row rows[] = {
        {.yaml = ENTRY("aws_access_key_id: ID"),
         .problems = PARAMS "aws_access_key_id: half a pair of AWS keys in litellm_params: the "
                            "secret access key is missing\n",
         .source = "none"},
        {.yaml = ENTRY("aws_secret_access_key: S"),
         .problems = PARAMS "aws_access_key_id: half a pair of AWS keys in litellm_params: the "
                            "access key id is missing\n",
         .source = "none"},
        {.yaml = ENTRY("aws_access_key_id: \"I\\nD\", aws_secret_access_key: S"),
         .problems = PARAMS "aws_access_key_id: the AWS keys in litellm_params hold characters "
                            "that keys do not have\n",
         .source = "none"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_ACCESS_KEY_ID", "IDE"}},
         .problems = "E0 half a pair of AWS keys in environment: the secret access key is "
                     "missing\n",
         .source = "none"},
        {.yaml = ENTRY("aws_profile_name: nosuch"),
         .files = true,
         .problems = PARAMS "aws_profile_name: there is no AWS profile \"nosuch\" in "
                            "/home/u/.aws/credentials or /home/u/.aws/config\n",
         .source = "none"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_PROFILE", "nosuch"},
                 {"AWS_SHARED_CREDENTIALS_FILE", "/x"},
                 {"AWS_CONFIG_FILE", "~/y"}},
         .problems = "E0 there is no AWS profile \"nosuch\" in /x or /home/u/y\n",
         .source = "none"},
        {.yaml = ENTRY("aws_profile_name: half"),
         .files = true,
         .problems = PARAMS "aws_profile_name: half a pair of AWS keys in profile half: the secret "
                            "access key is missing\n",
         .source = "none"},
        {.yaml = ENTRY("aws_region_name: \"x.evil.example/\""),
         .problems = PARAMS "aws_region_name: not an AWS region (expected the like of eu-west-1)\n",
         .source = "none"},
        {.yaml = ENTRY("aws_bedrock_runtime_endpoint: \"bedrock.example\""),
         .problems = PARAMS "aws_bedrock_runtime_endpoint: expected http(s)://host[:port]\n",
         .source = "none",
         .best = "aws_bedrock_runtime_endpoint"},
    };
    (void)state;
    RUN(rows);
}

/* What is got when it is needed. */
static void named_sources(void **state)
{
    static const struct row rows[] = {
        {.yaml = ENTRY("aws_role_name: \"arn:aws:iam::1:role/r\""),
         .env = {ENV_KEYS},
         .source = "aws_role_name",
         .best = "aws_role_name"},
        {.yaml = ENTRY("aws_role_name: \"arn:aws:iam::1:role/r\""),
         .source = "none",
         .best = "aws_role_name"},
        {.yaml = ENTRY("aws_web_identity_token: t, aws_role_name: r"),
         .source = "aws_web_identity_token",
         .best = "aws_web_identity_token"},
        {.yaml = ENTRY("aws_web_identity_token: t"),
         .problems = PARAMS "aws_web_identity_token: needs aws_role_name beside it\n",
         .source = "none"},
        {.yaml = ENTRY("api_key: bearer"), .source = "api_key", .best = "api_key"},
        {.yaml = ENTRY("api_key: \"\""),
         .env = {{"AWS_BEARER_TOKEN_BEDROCK", "x"}},
         .source = "none"},
        {.yaml = ENTRY("aws_profile_name: role"),
         .files = true,
         .source = "profile role",
         .best = "profile role"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://x"}},
         .source = "container",
         .best = "container"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/x"}},
         .problems = "W0 a web identity token file without a role: AWS_ROLE_ARN (role_arn of a "
                     "profile) is missing\n",
         .source = "none"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_WEB_IDENTITY_TOKEN_FILE", "/x"}, {"AWS_ROLE_ARN", "r"}},
         .source = "AWS_WEB_IDENTITY_TOKEN_FILE",
         .best = "AWS_WEB_IDENTITY_TOKEN_FILE"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_BEARER_TOKEN_BEDROCK", "x"}, ENV_KEYS},
         .source = "AWS_BEARER_TOKEN_BEDROCK",
         .best = "AWS_BEARER_TOKEN_BEDROCK"},
        {.yaml = ENTRY("aws_access_key_id: I, aws_secret_access_key: S"),
         .env = {{"AWS_BEARER_TOKEN_BEDROCK", "x"}},
         .problems = "W3 model_list[0].litellm_params: AWS_BEARER_TOKEN_BEDROCK of the environment "
                     "is used, not the aws_… credentials here; set api_key: \"\" to use these\n",
         .source = "AWS_BEARER_TOKEN_BEDROCK",
         .best = "AWS_BEARER_TOKEN_BEDROCK"},
        /* nobody knows before it is asked */
        {.yaml = ENTRY(""), .instance = true, .source = "instance metadata"},
    };
    (void)state;
    RUN(rows);
}

static void regions(void **state)
{
    static const struct row rows[] = {
        {.yaml = ENTRY("aws_region_name: eu-west-2"),
         .env = {{"AWS_REGION_NAME", "a"}},
         .source = "none",
         .region = "eu-west-2"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_DEFAULT_REGION", "c"}, {"AWS_REGION", "b"}, {"AWS_REGION_NAME", "a"}},
         .source = "none",
         .region = "a"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_DEFAULT_REGION", "c"}, {"AWS_REGION", "b"}, {"AWS_REGION_NAME", ""}},
         .source = "none",
         .region = "b"},
        {.yaml = ENTRY(""),
         .env = {{"AWS_DEFAULT_REGION", "c"}, {"AWS_PROFILE", "cline"}},
         .files = true,
         .id = "ID1",
         .token = "T1",
         .source = "profile cline",
         .region = "c",
         .best = "profile cline"},
    };
    (void)state;
    RUN(rows);
}

static void endpoints(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "AWS_BEDROCK_RUNTIME_ENDPOINT", "http://127.0.0.1:9/");
    struct config *c = world_load(&w, ENTRY("aws_region_name: r"));
    assert_string_equal(c->deployments[0].endpoint, "http://127.0.0.1:9");
    assert_string_equal(config_credential_source(c), "aws_bedrock_runtime_endpoint");
    config_unref(c);
    c = world_load(&w, ENTRY("aws_bedrock_runtime_endpoint: \"https://vpce.example/\""));
    assert_string_equal(c->deployments[0].endpoint, "https://vpce.example");
    config_unref(c);
    world_init(&w); /* one of two is not enough */
    c = world_load(
        &w, ENTRY("aws_bedrock_runtime_endpoint: \"http://x\"") "- {model_name: b, litellm_params: "
                                                                "{model: bedrock/x.y}}\n");
    assert_int_equal(c->deployment_count, 2);
    assert_null(config_credential_source(c));
    config_unref(c);
}

static void best_of_several(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c = world_load(
        &w, ENTRY("aws_role_name: r") "- {model_name: b, litellm_params: {model: bedrock/x.y}}\n"
                                      "- {model_name: c, litellm_params: {model: bedrock/x.y, "
                                      "aws_access_key_id: I, aws_secret_access_key: S}}\n");
    assert_string_equal(config_credential_source(c), "aws_role_name");
    config_unref(c);
}

static void files_that_are_no_ini(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_file(&w, "/home/u/.aws/credentials", "[default]\nnonsense\n");
    world_expect(&w,
                 ENTRY("aws_region_name: r") "- {model_name: b, litellm_params: {model: "
                                             "bedrock/x.y}}\n",
                 "E/home/u/.aws/credentials:2 expected [section] or key = value\n");
    world_expect(&w, ENTRY("aws_region_name: r, aws_access_key_id: I, aws_secret_access_key: S"),
                 "W/home/u/.aws/credentials:2 expected [section] or key = value\n");
}

/* The first that is set, but the configuration's own wins. */
static void certificates(void **state)
{
    static const struct {
        const char *yaml;
        struct setting env[3];
        const char *file;
    } rows[] = {
        {"model_list: []\n", {{"REQUESTS_CA_BUNDLE", "/r"}}, "/r"},
        {"model_list: []\n", {{"REQUESTS_CA_BUNDLE", "/r"}, {"AWS_CA_BUNDLE", "/a"}}, "/a"},
        {"model_list: []\n",
         {{"REQUESTS_CA_BUNDLE", "/r"}, {"AWS_CA_BUNDLE", "/a"}, {"SSL_CERT_FILE", "/s"}},
         "/s"},
        {"model_list: []\n", {{"AWS_CA_BUNDLE", "/a"}, {"SSL_CERT_FILE", ""}}, "/a"},
        {"litellm_settings: {ssl_verify: /own}\n", {{"AWS_CA_BUNDLE", "/a"}}, "/own"},
        {"model_list: []\n", {{0}}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        world_init(&w);
        world_file(&w, "/own", "x");
        for (size_t j = 0; j < 3 && rows[i].env[j].name; j++)
            world_env(&w, rows[i].env[j].name, rows[i].env[j].value);
        struct config *c = world_load(&w, rows[i].yaml);
        const char *file = c->settings.ssl_certificate;
        assert_string_equal(file ? file : "none", rows[i].file ? rows[i].file : "none");
        config_unref(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials),
        cmocka_unit_test(refusals),
        cmocka_unit_test(named_sources),
        cmocka_unit_test(regions),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(best_of_several),
        cmocka_unit_test(files_that_are_no_ini),
        cmocka_unit_test(certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
