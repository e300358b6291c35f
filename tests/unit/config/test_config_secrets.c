/* Whom the configuration asks for which secrets, and what it makes of the answers. */

#include "check.h"
#include "world.h"

#define MANAGER "general_settings:\n  key_management_system: aws_secret_manager\n"
#define KEYS    "  key_management_settings: "
#define NOT_ASKED                                                                                  \
    "E2 general_settings.key_management_system: its secrets were not asked for yet: read the "     \
    "configuration again (SIGHUP)\n"

static struct world w;

/* The text, and a model behind it. */
static struct config *load(const char *text)
{
    static char whole[65536];
    snprintf(whole, sizeof(whole),
             "%smodel_list: [{model_name: a, litellm_params: {model: bedrock/x.y}}]\n", text);
    return world_load(&w, whole);
}

static int set_up(void **state)
{
    world_init(&w);
    world_env(&w, "AWS_ACCESS_KEY_ID", "AKIA");
    world_env(&w, "AWS_SECRET_ACCESS_KEY", "s");
    world_env(&w, "AWS_REGION", "eu-west-1");
    return 0;
}

/* What a plan wants, "a b c". */
static const char *names(const struct config *c)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; c->secrets_plan && i < c->secrets_plan->count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
                              c->secrets_plan->names[i].p);
    return text;
}

static void expect_plan(const char *text, const char *wanted)
{
    struct config *c = load(text);
    assert_string_equal(world_problems(c), NOT_ASKED);
    assert_non_null(c->secrets_plan);
    assert_string_equal(names(c), wanted);
    config_unref(c);
}

static void no_manager(void **state)
{
    struct config *c = load("general_settings: {master_key: k}\n");
    assert_null(c->secrets_plan);
    assert_string_equal(world_problems(c), "");
    config_unref(c);
}

static void what_is_written(void **state)
{
    expect_plan(MANAGER "  master_key: os.environ/KEY\n"
                        "  database_url: os.environ/URL\n"
                        "environment_variables: {A: os.environ/KEY, B: &b os.environ/B2, C: *b}\n"
                        "litellm_settings: {x: [os.environ/AWS_REGION, not os.environ/X]}\n",
                "KEY URL B2");
    struct config *c = load(MANAGER "  master_key: os.environ/KEY\n");
    assert_string_equal(c->secrets_plan->region, "eu-west-1");
    assert_string_equal(c->secrets_plan->endpoint,
                        "https://secretsmanager.eu-west-1.amazonaws.com");
    assert_string_equal(c->secrets_plan->identity->name, "environment");
    assert_null(c->secrets_plan->primary);
    assert_false(c->secrets_plan->hosted);
    config_unref(c);
}

static void what_is_hosted(void **state)
{
    expect_plan(MANAGER KEYS "{hosted_keys: [A, B, A, AWS_ACCESS_KEY_ID]}\n"
                             "  master_key: os.environ/KEY\n",
                "A B");
    struct config *c = load(MANAGER KEYS "{hosted_keys: []}\n  master_key: k\n");
    assert_null(c->secrets_plan);
    assert_string_equal(world_problems(c), "");
    config_unref(c);
}

static void one_secret_of_all(void **state)
{
    world_env(&w, "PRIMARY", "all/of/them");
    struct config *c = load(
        MANAGER KEYS "{primary_secret_name: os.environ/PRIMARY, aws_region_name: us-east-2}\n");
    assert_string_equal(c->secrets_plan->primary, "all/of/them");
    assert_int_equal(c->secrets_plan->count, 0);
    assert_string_equal(c->secrets_plan->region, "us-east-2");
    config_unref(c);
}

static void where_it_answers(void **state)
{
    world_env(&w, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:4566/");
    struct config *c = load(MANAGER "  master_key: os.environ/KEY\n");
    assert_string_equal(c->secrets_plan->endpoint, "http://127.0.0.1:4566");
    config_unref(c);
    world_env(&w, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "nowhere");
    c = load(MANAGER "  master_key: os.environ/KEY\n");
    assert_non_null(strstr(world_problems(c), "AWS_ENDPOINT_URL_SECRETS_MANAGER: expected http"));
    assert_null(c->secrets_plan);
    config_unref(c);
}

static void nothing_is_read(void **state)
{
    struct config *c = load(MANAGER KEYS "{access_mode: write_only, store_virtual_keys: true}\n");
    assert_string_equal(
        world_problems(c),
        "W3 general_settings.key_management_settings.store_virtual_keys: has no effect "
        "yet: virtual keys are not written into a secret manager, only their hashes into "
        "the database\n");
    assert_null(c->secrets_plan);
    config_unref(c);
}

static void what_is_wrong(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        {"general_settings: {key_management_system: hashicorp_vault}\n",
         "E1 general_settings.key_management_system: only aws_secret_manager is read here"},
        {"general_settings: {use_azure_key_vault: true}\n",
         "E1 general_settings.use_azure_key_vault: only AWS Secrets Manager is read here"},
        {MANAGER KEYS "{access_mode: sometimes}\n",
         "E3 general_settings.key_management_settings.access_mode: expected read_only, write_only "
         "or read_and_write\n"},
        {MANAGER KEYS "{hosted_keys: A}\n",
         "E3 general_settings.key_management_settings.hosted_keys: expected a list, got a string"},
        {MANAGER KEYS "{hosted_keys: [[A]]}\n",
         "E3 general_settings.key_management_settings.hosted_keys: expected a list of names"},
        {MANAGER KEYS "{primary_secret_name: [a]}\n",
         "E3 general_settings.key_management_settings.primary_secret_name: expected a string"},
        {MANAGER KEYS "{hosted_key: [A]}\n",
         "W3 general_settings.key_management_settings.hosted_key: unknown option, ignored: did "
         "you mean hosted_keys?\n"},
        {MANAGER KEYS "[A]\n", "E3 general_settings.key_management_settings: expected a map"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct config *c = load(rows[i].text);
        if (!strstr(world_problems(c), rows[i].problem))
            print_error("expected %s, got %s\n", rows[i].problem, world_problems(c));
        assert_non_null(strstr(world_problems(c), rows[i].problem));
        assert_null(c->secrets_plan);
        config_unref(c);
    }
}

static void nobody_asks(void **state)
{
    world_env(&w, "AWS_ACCESS_KEY_ID", "");
    world_env(&w, "AWS_SECRET_ACCESS_KEY", "");
    world_env(&w, "AWS_EC2_METADATA_DISABLED", "true");
    struct config *c = load(MANAGER "  master_key: os.environ/KEY\n");
    assert_non_null(strstr(world_problems(c), "nobody's AWS credentials to ask with: "));
    assert_null(c->secrets_plan);
    config_unref(c);
}

static void too_many(void **state)
{
    struct buf b;
    buf_init(&b, 65536);
    buf_addf(&b, "%s", MANAGER "  api_keys:\n");
    for (int i = 0; i <= SECRETS_MAX; i++)
        buf_addf(&b, "    - key: os.environ/K%d\n", i);
    buf_add_char(&b, '\0');
    struct config *c = load(b.p);
    assert_non_null(strstr(world_problems(c), "more than 200 secrets: name those in hosted_keys"));
    assert_null(c->secrets_plan);
    config_unref(c);
    buf_fini(&b);
}

/* ---- answers ------------------------------------------------------------------------------- */

static struct config *load_with(const char *text, struct secrets *secrets)
{
    w.host.secrets = secrets;
    struct config *c = load(text);
    secrets_unref(secrets);
    w.host.secrets = NULL;
    return c;
}

static void resolved(void **state)
{
    struct secrets *s = secrets_new();
    world_env(&w, "KEY", "of the environment");
    world_env(&w, "URL", "sqlite:///x");
    secrets_put(s, SLICE("KEY"), SLICE("of the manager"));
    secrets_put(s, SLICE("KEY"), SLICE("too late"));
    secrets_miss(s, SLICE("URL"), SLICE("it is not there"));
    struct config *c =
        load_with(MANAGER "  master_key: os.environ/KEY\n  database_url: os.environ/URL\n", s);
    assert_string_equal(world_problems(c), "");
    assert_string_equal(c->settings.master_key, "of the manager");
    assert_string_equal(c->settings.database_url, "sqlite:///x");
    assert_string_equal(config_variable(c, "KEY"), "of the manager");
    config_unref(c);
}

static void asked_with(void **state)
{
    struct secrets *s = secrets_new();
    secrets_put(s, SLICE("AWS_REGION"), SLICE("us-east-1"));
    assert_null(secrets_get(s, "AWS_REGION"));
    secrets_unref(s);
}

/* Variables that the gateway looks for by itself, environment_variables notwithstanding. */
static void resolved_unwritten(void **state)
{
    struct secrets *s = secrets_new();
    secrets_put(s, SLICE("LITELLM_MASTER_KEY"), SLICE("hosted"));
    struct config *c = load_with("environment_variables: {LITELLM_MASTER_KEY: other}\n" MANAGER KEYS
                                 "{hosted_keys: [LITELLM_MASTER_KEY]}\n",
                                 s);
    assert_string_equal(c->settings.master_key, "hosted");
    config_unref(c);
}

static void missing(void **state)
{
    struct secrets *s = secrets_new();
    secrets_miss(s, SLICE("KEY"), SLICE("it is not there"));
    struct config *c = load_with(MANAGER "  master_key: os.environ/KEY\n", s);
    assert_string_equal(world_problems(c),
                        "E3 general_settings.master_key: \"KEY\" is neither in AWS Secrets Manager "
                        "(it is not there) nor in the environment\n");
    config_unref(c);
    s = secrets_new();
    secrets_miss(s, SLICE("A"), SLICE("it is not there"));
    secrets_put(s, SLICE("B"), slice_make("a\0b", 3));
    c = load_with(MANAGER KEYS "{hosted_keys: [A, B]}\n", s);
    assert_non_null(strstr(world_problems(c),
                           "hosted_keys: \"A\" is neither in AWS Secrets Manager "
                           "(it is not there) nor in the environment\n"));
    assert_non_null(strstr(world_problems(c), "\"B\" is neither in AWS Secrets Manager (it holds a "
                                              "NUL character) nor"));
    config_unref(c);
}

static void failed(void **state)
{
    struct secrets *s = secrets_new();
    secrets_fail(s, SLICE("no answer"));
    secrets_fail(s, SLICE("the second error"));
    struct config *c = load_with(MANAGER "  master_key: os.environ/KEY\n", s);
    assert_string_equal(world_problems(c),
                        "E2 general_settings.key_management_system: no answer\n");
    assert_null(c->secrets);
    config_unref(c);
}

/* The file wants more than was asked for. */
static void outdated(void **state)
{
    struct secrets *s = secrets_new();
    secrets_put(s, SLICE("A"), SLICE("a"));
    struct config *c = load_with(MANAGER KEYS "{hosted_keys: [A, B]}\n", s);
    assert_non_null(strstr(world_problems(c), "were not asked for yet"));
    config_unref(c);
}

/* The snapshot keeps what it was resolved with. */
static void kept(void **state)
{
    struct secrets *s = secrets_new();
    secrets_put(s, SLICE("A"), SLICE("a"));
    struct config *c = load_with(MANAGER KEYS "{hosted_keys: [A]}\n", secrets_ref(s));
    secrets_unref(s);
    assert_string_equal(secrets_get(c->secrets, "A"), "a");
    assert_null(secrets_get(c->secrets, "B"));
    assert_null(secrets_why(c->secrets, "A"));
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_manager, set_up),
        cmocka_unit_test_setup(what_is_written, set_up),
        cmocka_unit_test_setup(what_is_hosted, set_up),
        cmocka_unit_test_setup(one_secret_of_all, set_up),
        cmocka_unit_test_setup(where_it_answers, set_up),
        cmocka_unit_test_setup(nothing_is_read, set_up),
        cmocka_unit_test_setup(what_is_wrong, set_up),
        cmocka_unit_test_setup(nobody_asks, set_up),
        cmocka_unit_test_setup(too_many, set_up),
        cmocka_unit_test_setup(resolved, set_up),
        cmocka_unit_test_setup(asked_with, set_up),
        cmocka_unit_test_setup(resolved_unwritten, set_up),
        cmocka_unit_test_setup(missing, set_up),
        cmocka_unit_test_setup(failed, set_up),
        cmocka_unit_test_setup(outdated, set_up),
        cmocka_unit_test_setup(kept, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
