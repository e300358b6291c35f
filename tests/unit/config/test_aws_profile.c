/* The ini files of the AWS tools. */

#include "aws_profile.h"
#include "check.h"

static bool equals(struct slice s, const char *text)
{
    return slice_eq(s, slice_of(text));
}

static void credentials_file(void **state)
{
    static const char text[] = "# comment\n"
                               "; another\n"
                               "[default]\n"
                               "aws_access_key_id = AKID0\n"
                               "aws_secret_access_key=secret/0+=\n"
                               "\n"
                               "[ cline ]\r\n"
                               "aws_access_key_id = old\r\n"
                               "aws_access_key_id = AKID1\r\n"
                               "aws_secret_access_key =  secret1 \r\n"
                               "aws_session_token = token==\r\n"
                               "s3 =\n"
                               "  max_concurrent_requests = 20\n"
                               "region = eu-west-1\n"
                               "[other]\n"
                               "region = us-east-2\n";
    struct aws_profile p = {0};
    (void)state;
    assert_int_equal(aws_profile_read(slice_of(text), AWS_CREDENTIALS_FILE, SLICE("cline"), &p), 0);
    assert_true(p.found);
    assert_true(equals(p.access_key_id, "AKID1"));
    assert_true(equals(p.secret_access_key, "secret1"));
    assert_true(equals(p.session_token, "token=="));
    assert_true(equals(p.region, "eu-west-1"));
    assert_null(p.other);
    p = (struct aws_profile){0};
    assert_int_equal(aws_profile_read(slice_of(text), AWS_CREDENTIALS_FILE, SLICE("default"), &p),
                     0);
    assert_true(equals(p.secret_access_key, "secret/0+="));
    assert_int_equal(p.session_token.n + p.region.n, 0);
    p = (struct aws_profile){0};
    assert_int_equal(aws_profile_read(slice_of(text), AWS_CREDENTIALS_FILE, SLICE("nobody"), &p),
                     0);
    assert_false(p.found);
}

static void config_file(void **state)
{
    static const char text[] = "[default]\nregion = us-east-1\n"
                               "[profile cline]\nregion=eu-west-1\n"
                               "[profile \"two words\"]\nregion=eu-west-2\n"
                               "[cline]\nregion=wrong\n"
                               "[sso-session cline]\nregion=wrong\n"
                               "[services x]\nbedrock =\n  endpoint_url = http://x\n"
                               "[profile r]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile=y\n";
    static const struct {
        const char *name, *region;
    } rows[] = {{"default", "us-east-1"}, {"cline", "eu-west-1"}, {"two words", "eu-west-2"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct aws_profile p = {0};
        assert_int_equal(
            aws_profile_read(slice_of(text), AWS_CONFIG_FILE, slice_of(rows[i].name), &p), 0);
        assert_true(p.found);
        assert_true(equals(p.region, rows[i].region));
    }
    struct aws_profile p = {0};
    assert_int_equal(aws_profile_read(slice_of(text), AWS_CONFIG_FILE, SLICE("r"), &p), 0);
    assert_true(p.found);
    assert_string_equal(p.other, "role_arn");
    p = (struct aws_profile){0};
    assert_int_equal(
        aws_profile_read(slice_of(text), AWS_CONFIG_FILE, SLICE("sso-session cline"), &p), 0);
    assert_false(p.found);
}

static void both_files(void **state)
{
    struct aws_profile p = {0};
    (void)state;
    aws_profile_read(SLICE("[x]\naws_access_key_id=A\naws_secret_access_key=S\n"),
                     AWS_CREDENTIALS_FILE, SLICE("x"), &p);
    aws_profile_read(SLICE("[profile x]\naws_access_key_id=B\naws_secret_access_key=T\n"
                           "aws_session_token=U\nregion=r\n"),
                     AWS_CONFIG_FILE, SLICE("x"), &p);
    assert_true(equals(p.access_key_id, "A")); /* keys of the credentials file, none mixed in */
    assert_true(equals(p.secret_access_key, "S"));
    assert_int_equal(p.session_token.n, 0);
    assert_true(equals(p.region, "r"));
}

static void malformed(void **state)
{
    static const struct {
        const char *text;
        int line;
    } rows[] = {
        {"", 0},
        {"[x]", 0},
        {"[x]\nkey\n", 2},
        {"[x\n", 1},
        {"[", 1},
        {"[]\n", 0},
        {"[x]\n\n= value\n", 3},
        {"[x]\nkey =\n", 0},
        {"text before any section\n", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct aws_profile p = {0};
        assert_int_equal(
            aws_profile_read(slice_of(rows[i].text), AWS_CREDENTIALS_FILE, SLICE("x"), &p),
            rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_file),
        cmocka_unit_test(config_file),
        cmocka_unit_test(both_files),
        cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
