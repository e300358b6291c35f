/* The command line. */

#include "check.h"
#include "options.h"

static bool parse(struct sim_options *o, char *error, int argc, const char *const *argv)
{
    char *copy[24];
    for (int i = 0; i < argc; i++)
        copy[i] = (char *)(uintptr_t)argv[i];
    return options_parse(argc, copy, o, error);
}

static void test_defaults(void **state)
{
    static const char *const argv[] = {"bedrock-sim"};
    struct sim_options o;
    char error[OPTIONS_ERROR_MAX];
    assert_true(parse(&o, error, 1, argv));
    assert_string_equal(o.host, "127.0.0.1");
    assert_int_equal(o.port, 0);
    assert_int_equal(o.pace.first_ms, 200);
    assert_int_equal(o.pace.gap_ms, 20);
    assert_int_equal(o.pace.chunk_bytes, 16);
    assert_int_equal(o.auth.count, 1);
    check_text("id", o.auth.credentials[0].keys.access_key_id, SIM_DEFAULT_ACCESS_KEY_ID);
    check_text("secret", o.auth.credentials[0].keys.secret_access_key,
               SIM_DEFAULT_SECRET_ACCESS_KEY);
}

static void test_all(void **state)
{
    static const char *const argv[] = {"bedrock-sim", "--host",
                                       "::1",         "--port",
                                       "8080",        "--credentials",
                                       "a:b",         "--credentials",
                                       "c:d:e",       "--expired-credentials",
                                       "f:g",         "--gap-ms",
                                       "7",           "--log",
                                       "--chunks",    "5",
                                       "--rate",      "20"};
    struct sim_options o;
    char error[OPTIONS_ERROR_MAX];
    assert_true(parse(&o, error, COUNT(argv), argv));
    assert_string_equal(o.host, "::1");
    assert_int_equal(o.port, 8080);
    assert_int_equal(o.auth.count, 3);
    check_text("token", o.auth.credentials[1].keys.session_token, "e");
    assert_true(o.auth.credentials[2].expired && !o.auth.credentials[1].expired);
    assert_int_equal(o.pace.gap_ms, 7);
    assert_true(o.log);
    assert_int_equal(o.rate, 20);
    assert_int_equal(o.chunks, 5);
    static const char *const fast[] = {"bedrock-sim",   "--fast", "--api-key",  "k",
                                       "--chunk-bytes", "9",      "--live-max", "3",
                                       "--help"};
    assert_true(parse(&o, error, COUNT(fast), fast));
    assert_true(!o.pace.first_ms && !o.pace.gap_ms && o.help);
    assert_int_equal(o.pace.chunk_bytes, 9);
    assert_int_equal(o.live_max, 3);
    assert_int_equal(o.auth.api_key_count, 1);
}

static void test_wrong(void **state)
{
    static const struct {
        const char *argv[3], *error;
    } cases[] = {
        {{"bedrock-sim", "--prot", "1"}, "unknown option --prot"},
        {{"bedrock-sim", "--port", "65536"}, "--port needs a PORT"},
        {{"bedrock-sim", "--port", "-1"}, "--port needs a PORT"},
        {{"bedrock-sim", "--fast", "--port"}, "--port needs a PORT"},
        {{"bedrock-sim", "--gap-ms", "x"}, "--gap-ms needs a MS"},
        {{"bedrock-sim", "--rate", "0"}, "--rate needs a N"},
        {{"bedrock-sim", "--chunk-bytes", "0"}, "--chunk-bytes needs a N"},
        {{"bedrock-sim", "--credentials", "id"}, "--credentials needs a ID:SECRET[:TOKEN]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sim_options o;
        char error[OPTIONS_ERROR_MAX];
        assert_false(parse(&o, error, 3, cases[i].argv));
        assert_string_equal(error, cases[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_all),
                                       cmocka_unit_test(test_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
