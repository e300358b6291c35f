/* The ini files of the AWS tools. */

#include "check.h"

#include "aws/shared.h"

static const char credentials[] = "\xef\xbb\xbf# comment\n"
                                  "; another\n"
                                  "outside = of any section\n"
                                  "[default]\n"
                                  "aws_access_key_id = AKID0\n"
                                  "aws_secret_access_key=secret/0+=\n"
                                  "\n"
                                  "[ cline ]\r\n"
                                  "aws_access_key_id = old\r\n"
                                  "AWS_Access_Key_ID = AKID1\r\n"
                                  "s3 =\n"
                                  "  max_concurrent_requests = 20\n"
                                  "  aws_secret_access_key = nested\n"
                                  "\tno pair\n"
                                  "region = eu-west-1\n"
                                  "[other]\n"
                                  "[cline]\n"
                                  "aws_secret_access_key =  in a second section \n";

static const char config[] = "[default]\nregion = us-east-1\n"
                             "[profile cline]\nregion=eu-west-3\noutput = json\n"
                             "[profile \"two words\"]\nregion=eu-west-2\n"
                             "[profile 'single']\nregion=eu-west-4\n"
                             "[cline]\nregion=wrong\n"
                             "[sso-session work]\nsso_region=eu-central-1\n"
                             "[services mine]\n"
                             "bedrock_runtime =\n  endpoint_url = http://x\n"
                             "sts =\n  endpoint_url = http://y\n"
                             "[profile empty]\nregion =\n";

struct fixture {
    struct arena arena;
    struct aws_shared shared;
};

static void open_fixture(struct fixture *f)
{
    arena_init(&f->arena);
    f->shared = (struct aws_shared){0};
    assert_int_equal(
        aws_shared_read(&f->shared, AWS_CREDENTIALS_FILE, slice_of(credentials), &f->arena), 0);
    assert_int_equal(aws_shared_read(&f->shared, AWS_CONFIG_FILE, slice_of(config), &f->arena), 0);
}

static void values(void **state)
{
    static const char *const rows[][3] = {
        {"default", "aws_access_key_id", "AKID0"},
        {"default", "aws_secret_access_key", "secret/0+="},
        {"default", "region", "us-east-1"},
        {"cline", "aws_access_key_id", "AKID1"},
        {"cline", "aws_secret_access_key", "in a second section"},
        {"cline", "region", "eu-west-1"}, /* the credentials file wins */
        {"cline", "output", "json"},
        {"cline", "s3.max_concurrent_requests", "20"},
        {"two words", "region", "eu-west-2"},
        {"single", "region", "eu-west-4"},
    };
    struct fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT(rows); i++)
        check_text(aws_profile_get(&f.shared, slice_of(rows[i][0]), rows[i][1]), rows[i][2]);
    assert_null(aws_profile_get(&f.shared, SLICE("other"), "region").p);
    assert_null(aws_profile_get(&f.shared, SLICE("nobody"), "region").p);
    assert_null(aws_profile_get(&f.shared, SLICE("default"), "outside").p);
    assert_non_null(aws_profile_get(&f.shared, SLICE("empty"), "region").p);
    check_text(aws_profile_get_from(&f.shared, AWS_CONFIG_FILE, SLICE("cline"), "region"),
               "eu-west-3");
    arena_fini(&f.arena);
}

static void sections(void **state)
{
    struct fixture f;
    open_fixture(&f);
    assert_true(aws_profile_exists(&f.shared, SLICE("other")));
    assert_true(aws_profile_exists(&f.shared, SLICE("two words")));
    assert_false(aws_profile_exists(&f.shared, SLICE("work")));
    assert_false(aws_profile_exists(&f.shared, SLICE("")));
    assert_true(aws_section_exists(&f.shared, "sso-session", SLICE("work")));
    assert_false(aws_section_exists(&f.shared, "sso-session", SLICE("play")));
    check_text(aws_section_get(&f.shared, "sso-session", SLICE("work"), "sso_region"),
               "eu-central-1");
    check_text(
        aws_section_get(&f.shared, "services", SLICE("mine"), "BEDROCK_RUNTIME.endpoint_url"),
        "http://x");
    check_text(aws_section_get(&f.shared, "services", SLICE("mine"), "sts.endpoint_url"),
               "http://y");
    arena_fini(&f.arena);
}

static void bad_lines(void **state)
{
    static const struct {
        const char *text;
        int line;
    } rows[] = {{"[a]\nkey = value\nnonsense\n", 3},
                {"[a\n", 1},
                {"\n= value\n", 2},
                {"[a]\n  nonsense\n", 0},
                {"", 0},
                {"\n\n# x\n", 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct aws_shared s = {0};
        struct arena a;
        arena_init(&a);
        assert_int_equal(aws_shared_read(&s, AWS_CONFIG_FILE, slice_of(rows[i].text), &a),
                         rows[i].line);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(sections),
                                       cmocka_unit_test(bad_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
